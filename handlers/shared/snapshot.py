"""ChromaDB folders in S3.

A snapshot is the folder's files under a prefix, and `snapshot.json`, written last: it lists them with their
sizes, so that an upload that broke off, or one of an open database, is never taken for a snapshot. ChromaDB
names an index's folder at random; in S3 it is `index-0`, so that keys are the same in every run, and a retry
overwrites what it left.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings

from shared import manifest, objects
from shared.errors import CorruptedSnapshotError

DATABASE_FILE = "chroma.sqlite3"
PAGE = 1000

FINAL: Mapping[str, Any] = {"space": "cosine"}
INTERMEDIATE: Mapping[str, Any] = {"space": "cosine", "ef_construction": 10, "max_neighbors": 4}
"""Nobody searches an intermediate, so its index is made as cheaply as ChromaDB can."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a collection, in its order."""

    ids: list[str]
    vectors: Any
    documents: list[str]
    metadatas: list[Any]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chroma-") as path:
        yield Path(path)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a folder; it is closed before anyone uploads or removes it, else the copy would be corrupted."""
    client = chromadb.PersistentClient(path=str(path), settings=Settings(anonymized_telemetry=False))
    try:
        yield client
    finally:
        client.close()


def new_collection(client: Any, name: str, index: Mapping[str, Any]) -> Any:
    """Create a collection whose vectors are always given, never computed."""
    return client.create_collection(name, embedding_function=None, configuration={"hnsw": dict(index)})


def collection(client: Any, name: str) -> Any:
    """Return a collection of an opened folder."""
    return client.get_collection(name, embedding_function=None)


def pages(source: Any) -> Iterator[Page]:
    """Give all records of a collection, a page at a time: all at once would take gigabytes."""
    for offset in range(0, source.count(), PAGE):
        rows = source.get(limit=PAGE, offset=offset, include=["embeddings", "documents", "metadatas"])
        yield Page(rows["ids"], rows["embeddings"], rows["documents"], rows["metadatas"])


class Writer:
    """Upserts records in slices. Of two records with one id the later wins, in a slice as across slices."""

    def __init__(self, target: Any) -> None:
        self._target = target
        self._waiting: dict[str, tuple[Any, str, Any]] = {}

    def add(self, page: Page) -> None:
        """Take records; they are written when there are enough of them, or at flush()."""
        for record_id, *record in zip(page.ids, page.vectors, page.documents, page.metadatas, strict=True):
            # ChromaDB refuses a call with one id twice.
            self._waiting[record_id] = (record[0], record[1], record[2])
        if len(self._waiting) >= PAGE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        rows = list(self._waiting.items())
        for start in range(0, len(rows), PAGE):
            part = rows[start : start + PAGE]
            self._target.upsert(
                ids=[record_id for record_id, _ in part],
                embeddings=[vector for _, (vector, _, _) in part],
                documents=[document for _, (_, document, _) in part],
                metadatas=[metadata for _, (_, _, metadata) in part],
            )
        self._waiting.clear()


def store(
    path: Path, prefix: str, name: str, count: int, batch_ids: Sequence[str], base: str | None = None
) -> None:
    """Upload a closed folder under a prefix.

    Args:
        path: the folder.
        prefix: where to, with a slash at its end.
        name: its collection.
        count: how many records that has.
        batch_ids: the batches whose deltas this run merged into it.
        base: the prefix of the snapshot that it was built on, if there was one.
    """
    indexes = {each.name: f"index-{n}" for n, each in enumerate(sorted(p for p in path.iterdir() if p.is_dir()))}
    files = {}
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        local = file.relative_to(path)
        stored = "/".join([indexes.get(local.parts[0], local.parts[0]), *local.parts[1:]])
        objects.upload(file, prefix + stored)
        files[stored] = {"path": local.as_posix(), "bytes": file.stat().st_size}
    described = {"collection": name, "count": count, "batch_ids": list(batch_ids), "files": files}
    manifest.write(prefix, described if base is None else {**described, "base": base})


def restore(prefix: str, path: Path) -> dict[str, Any]:
    """Download a snapshot into an empty folder and return its manifest.

    Raises:
        CorruptedSnapshotError: a file of it is missing or has another size.
    """
    described = manifest.read(prefix)
    for stored, file in described["files"].items():
        target = path / file["path"]
        objects.download(prefix + stored, target)
        if target.stat().st_size != file["bytes"]:
            raise CorruptedSnapshotError(
                f"{prefix}{stored} has {target.stat().st_size} bytes instead of {file['bytes']}"
            )
    # Without this file ChromaDB would take the folder for a new, empty database.
    if DATABASE_FILE not in described["files"]:
        raise CorruptedSnapshotError(f"the snapshot at {prefix} has no {DATABASE_FILE}")
    return described


def copy_into(prefix: str, writer: Writer) -> list[str]:
    """Write all records of a snapshot and return the batches that it was made of.

    Raises:
        CorruptedSnapshotError: the snapshot is incomplete, or has another number of records than it says.
    """
    with folder() as path:
        described = restore(prefix, path)
        with opened(path) as client:
            source = collection(client, described["collection"])
            if source.count() != described["count"]:
                raise CorruptedSnapshotError(
                    f"the snapshot at {prefix} has {source.count()} records instead of {described['count']}"
                )
            for page in pages(source):
                writer.add(page)
    batch_ids: list[str] = described["batch_ids"]
    return batch_ids
