"""embedding-list-pending: step 1, which batches this run takes."""

from __future__ import annotations

from typing import Any

from shared import objects, settings, table
from shared.errors import InvalidEventError

BATCH_TYPES = {"line": "LINE_EMBEDDING", "word": "WORD_EMBEDDING"}
STATE_BYTES = 192 * 1024
"""What the state may weigh with the list and the references in it: three quarters of the limit."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the oldest pending batches, as a list or as the key of one.

    Raises:
        InvalidEventError: the batch type is not known.
    """
    if event.get("batch_type") not in BATCH_TYPES:
        raise InvalidEventError(f"batch_type must be one of {sorted(BATCH_TYPES)}, not {event.get('batch_type')!r}")
    batch_type = BATCH_TYPES[event["batch_type"]]
    execution_id = event["execution_id"]
    pending = table.pending_batches(batch_type)
    batches = pending[: batches_that_fit(settings.BUCKET, settings.MAX_BATCHES_PER_RUN)]
    size = objects.size_bytes(batches)
    use_s3 = size > settings.LIST_INLINE_BYTES or size + len(batches) * reference_bytes(settings.BUCKET) > STATE_BYTES
    key = f"manifests/{execution_id}/batches.json" if use_s3 else None
    if key:
        objects.write_json(key, batches)
    return {
        "total_batches": len(batches),
        "batches_left": len(pending) - len(batches),
        "batches_to_report": table.batches_to_report(batch_type),
        "batch_indices": list(range(len(batches))),
        "pending_batches": None if use_s3 else batches,
        "manifest_s3_key": key,
        "manifest_s3_bucket": settings.BUCKET if use_s3 else None,
        "use_s3": use_s3,
        "execution_id": execution_id,
    }


def reference_bytes(bucket: str) -> int:
    """Return what one batch adds to the state after PollBatches: its reference, its index, two commas."""
    batch_id = "0" * 36
    key = f"poll_results/{batch_id}/result.json"
    reference = {"batch_id": batch_id, "result_s3_key": key, "result_s3_bucket": bucket}
    return objects.size_bytes(reference) + len("1000,,")


def batches_that_fit(bucket: str, wanted: int) -> int:
    """Return how many batches a run takes: as many as are wanted, if the state can hold their references."""
    return min(wanted, STATE_BYTES // reference_bytes(bucket))
