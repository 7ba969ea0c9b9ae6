"""embedding-split-chunks: steps 5 and 6, deltas into chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import objects, settings
from shared.errors import InvalidEventError

CHUNK_SIZE = 10
_KEPT = (
    "batch_id", "batch_status", "action", "database", "collection",
    "delta_key", "delta_bucket", "delta_format", "embedding_count",
)  # fmt: skip


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Split into chunks, or list the chunks that lie in S3.

    Raises:
        InvalidEventError: there is no such operation.
    """
    operation = event.get("operation", "split_into_chunks")
    if operation not in OPERATIONS:
        raise InvalidEventError(f"operation must be one of {sorted(OPERATIONS)}, not {operation!r}")
    return OPERATIONS[operation](event)


def split_into_chunks(event: dict[str, Any]) -> dict[str, Any]:
    """Return the chunks of all polls that have a delta, in the polls' order."""
    size = event.get("chunk_size", CHUNK_SIZE)
    if not isinstance(size, int) or size < 1:
        raise InvalidEventError(f"chunk_size must be a whole number of at least 1, not {size!r}")
    batch_id = event["batch_id"]
    results = objects.referred(event, "poll_results")
    deltas = [{name: result[name] for name in _KEPT} for result in results if result["delta_key"]]
    chunks = [
        {"chunk_index": n, "batch_id": batch_id, "delta_results": deltas[start : start + size]}
        for n, start in enumerate(range(0, len(deltas), size))
    ]
    use_s3 = objects.size_bytes(chunks) > settings.CHUNKS_INLINE_BYTES
    key = f"chunks/{batch_id}/chunks.json" if use_s3 else None
    if key:
        objects.write_json(key, chunks)
    return {
        "batch_id": batch_id,
        "chunks": [] if use_s3 else chunks,
        "chunks_s3_key": key,
        "chunks_s3_bucket": settings.BUCKET if use_s3 else None,
        "total_chunks": len(chunks),
        "use_s3": use_s3,
        **_passed_through(event),
    }


def load_chunks_from_s3(event: dict[str, Any]) -> dict[str, Any]:
    """Return a list of the chunks in S3 without their deltas; each worker reads its own."""
    key, bucket = objects.reference(event, "chunks")
    chunks = objects.read_json(key, bucket)
    return {
        "batch_id": event["batch_id"],
        "chunks": [
            {"chunk_index": chunk["chunk_index"], "batch_id": chunk["batch_id"], "delta_results": None}
            for chunk in chunks
        ],
        "total_chunks": len(chunks),
        "use_s3": True,
        "chunks_s3_key": key,
        "chunks_s3_bucket": bucket,
        **_passed_through(event),
    }


def _passed_through(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in ("poll_results_s3_key", "poll_results_s3_bucket")}


OPERATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "split_into_chunks": split_into_chunks,
    "load_chunks_from_s3": load_chunks_from_s3,
}
