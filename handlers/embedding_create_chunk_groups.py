"""embedding-create-chunk-groups: steps 9 and 10, intermediate snapshots into groups.

The groups go to S3, however few they are, and are loaded from there as a list without their chunks; with
GROUPS_INLINE_BYTES, those of up to so many bytes stay in the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import objects, settings
from shared.errors import InvalidEventError

GROUP_SIZE = 10


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Make groups, or list the groups that lie in S3.

    Raises:
        InvalidEventError: there is no such operation.
    """
    operation = event.get("operation", "create_chunk_groups")
    if operation not in OPERATIONS:
        raise InvalidEventError(f"operation must be one of {sorted(OPERATIONS)}, not {operation!r}")
    return OPERATIONS[operation](event)


def create_chunk_groups(event: dict[str, Any]) -> dict[str, Any]:
    """Return the groups, with the key under which they lie in S3 if they do."""
    size = event.get("group_size", GROUP_SIZE)
    if not isinstance(size, int) or size < 1:
        raise InvalidEventError(f"group_size must be a whole number of at least 1, not {size!r}")
    chunks = event["chunk_results"]
    lost = [n for n, chunk in enumerate(chunks) if not chunk.get("intermediate_key")]
    if lost:
        raise InvalidEventError(f"chunk_results[{lost[0]}] has no intermediate_key: its chunk would be lost")
    groups = [chunks[start : start + size] for start in range(0, len(chunks), size)]
    if objects.size_bytes(groups) <= settings.GROUPS_INLINE_BYTES:
        return _listed(event, groups, None, None, inline=True)
    key = f"chunk_groups/{event['batch_id']}/groups.json"
    objects.write_json(key, groups)
    return _listed(event, groups, key, settings.BUCKET, inline=True)


def load_groups_from_s3(event: dict[str, Any]) -> dict[str, Any]:
    """Return a list of the groups in S3 without their chunks; each worker reads its own."""
    key, bucket = objects.reference(event, "groups")
    return _listed(event, objects.read_json(key, bucket), key, bucket, inline=False)


def _listed(
    event: dict[str, Any], groups: list[Any], key: str | None, bucket: str | None, *, inline: bool
) -> dict[str, Any]:
    return {
        "batch_id": event["batch_id"],
        "groups": [
            {
                "group_index": n,
                "chunk_group": group if inline else None,
                "groups_s3_key": key,
                "groups_s3_bucket": bucket,
            }
            for n, group in enumerate(groups)
        ],
        "groups_s3_key": key,
        "groups_s3_bucket": bucket,
        "total_groups": len(groups),
        "use_s3": key is not None,
        "poll_results_s3_key": event["poll_results_s3_key"],
        "poll_results_s3_bucket": event["poll_results_s3_bucket"],
    }


OPERATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "create_chunk_groups": create_chunk_groups,
    "load_groups_from_s3": load_groups_from_s3,
}
