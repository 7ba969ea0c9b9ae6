"""`snapshot.json`: what a snapshot in S3 says of itself. Written last, it makes a folder a snapshot."""

from __future__ import annotations

from typing import Any

import orjson

from shared import objects
from shared.errors import CorruptedSnapshotError

NAME = "snapshot.json"


def write(prefix: str, described: dict[str, Any]) -> None:
    """Declare the files under a prefix a snapshot."""
    objects.write_json(prefix + NAME, described)


def read(prefix: str) -> dict[str, Any]:
    """Return a snapshot's collection, count, batch_ids and files.

    Raises:
        CorruptedSnapshotError: there is no complete snapshot.
    """
    text = objects.read_if_there(prefix + NAME)
    if text is None:
        raise CorruptedSnapshotError(f"no complete snapshot at {prefix}: it has no {NAME}")
    found: dict[str, Any] = orjson.loads(text)
    return found
