"""A delta: the embeddings of one polled batch, under a prefix in S3.

As "npy": `embeddings.npy` (float32) and `records.json` (id, document, metadata of each row). As "chroma": a
snapshot.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import orjson

from shared import manifest, objects
from shared.errors import CorruptedDeltaError, CorruptedSnapshotError

VECTORS = "embeddings.npy"
RECORDS = "records.json"


def save(prefix: str, collection: str, batch_id: str, rows: dict[str, tuple[list[float], str, Any]], form: str) -> None:
    """Store embeddings under a prefix.

    Args:
        prefix: where to, with a slash at its end.
        collection: the name that a ChromaDB delta gives its collection.
        batch_id: the batch that they come from.
        rows: vector, document and metadata by id.
        form: "npy" or "chroma".
    """
    vectors = np.array([vector for vector, _, _ in rows.values()], dtype=np.float32)
    if form == "chroma":
        _save_chroma(prefix, collection, batch_id, rows, vectors)
        return
    buffer = io.BytesIO()
    np.save(buffer, vectors, allow_pickle=False)
    records = [
        {"id": record_id, "document": document, "metadata": metadata}
        for record_id, (_, document, metadata) in rows.items()
    ]
    objects.write_json(prefix + RECORDS, records)
    objects.write(prefix + VECTORS, buffer.getvalue())


def _save_chroma(
    prefix: str, collection: str, batch_id: str, rows: dict[str, tuple[list[float], str, Any]], vectors: Any
) -> None:
    # Imported here: it takes most of a second, and a poll that writes arrays does without.
    from shared import snapshot

    page = snapshot.Page(list(rows), vectors, [row[1] for row in rows.values()], [row[2] for row in rows.values()])
    with snapshot.folder() as path:
        with snapshot.opened(path) as client:
            writer = snapshot.Writer(snapshot.new_collection(client, collection, snapshot.INTERMEDIATE))
            writer.add(page)
            writer.flush()
        snapshot.store(path, prefix, collection, len(rows), [batch_id])


def copy_into(result: dict[str, Any], writer: Any) -> None:
    """Write the delta that a poll's result refers to.

    Raises:
        CorruptedDeltaError: it is incomplete or unreadable.
    """
    from chromadb.errors import ChromaError

    from shared import snapshot

    prefix, count = result["delta_key"], result["embedding_count"]
    try:
        if result["delta_format"] == "chroma":
            described = manifest.read(prefix)
            if described["count"] != count:
                raise ValueError(f"it has {described['count']} records instead of {count}")
            snapshot.copy_into(prefix, writer)
            return
        page = _load_arrays(prefix, result["delta_bucket"], count)
    except (ValueError, KeyError, EOFError, CorruptedSnapshotError, ChromaError) as error:
        raise CorruptedDeltaError(f"the delta of batch {result['batch_id']} at {prefix}: {error}") from error
    writer.add(page)


def _load_arrays(prefix: str, bucket: str, count: int) -> Any:
    from shared import snapshot

    found = {name: objects.read_if_there(prefix + name, bucket) for name in (RECORDS, VECTORS)}
    for name, content in found.items():
        if content is None:
            raise ValueError(f"{name} is missing")
    records = orjson.loads(found[RECORDS] or b"")
    vectors = np.load(io.BytesIO(found[VECTORS] or b""), allow_pickle=False)
    if vectors.ndim != 2 or not len(records) == len(vectors) == count:
        raise ValueError(f"{len(records)} records and vectors of shape {vectors.shape} instead of {count} of each")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector has a component that is no finite number")
    return snapshot.Page(
        [record["id"] for record in records],
        vectors,
        [record["document"] for record in records],
        [record["metadata"] for record in records],
    )
