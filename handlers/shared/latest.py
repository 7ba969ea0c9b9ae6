"""The pointer to a database's current snapshot: one object, swapped last."""

from __future__ import annotations

from typing import Any

import orjson

from shared import manifest, objects
from shared.errors import CorruptedSnapshotError


def folder_key(database: str) -> str:
    """Return the prefix under which the pointer lies; the `snapshot_key` of a final merge."""
    return f"{database}/snapshot/latest/"


def snapshot_key(database: str, execution_id: str) -> str:
    """Return the prefix of the snapshot that an execution makes."""
    return f"{database}/snapshot/{execution_id}/"


def read(database: str) -> dict[str, Any] | None:
    """Return the pointer (snapshot_key, execution_id, total_embeddings); None before the first snapshot."""
    text = objects.read_if_there(folder_key(database) + "pointer.json")
    return None if text is None else dict(orjson.loads(text))


def holds(database: str, prefix: str) -> bool:
    """Tell whether the current snapshot is the one under a prefix, or was built on it."""
    current = read(database)
    at = current["snapshot_key"] if current else None
    while at is not None and at != prefix:
        try:
            at = manifest.read(at).get("base")
        except CorruptedSnapshotError:  # so old that it was removed
            return False
    return at is not None


def swap(database: str, execution_id: str, total_embeddings: int) -> None:
    """Make an execution's snapshot the current one."""
    objects.write_json(
        folder_key(database) + "pointer.json",
        {
            "snapshot_key": snapshot_key(database, execution_id),
            "execution_id": execution_id,
            "total_embeddings": total_embeddings,
        },
    )
