"""What the handlers did before they became strict; the variants put it together."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from shared import manifest, objects, table
from shared.errors import BatchConflictError, InvalidEventError

Event = dict[str, Any]


def mark_all(event: Event) -> Event:
    """Mark every polled batch COMPLETED, merged or not; without a key mark none, and say nothing."""
    if not event.get("poll_results_s3_key"):
        return _marked(0)
    results = objects.referred(event, "poll_results")
    for each in results:
        with contextlib.suppress(BatchConflictError):  # FAILED since its poll
            table.end_batch(table.Ending(each["batch_id"], "COMPLETED", each.get("embedding_count", 0), 0, None))
    return _marked(len(results))


def _marked(count: int) -> Event:
    told = {"statusCode": 200, "batches_marked_complete": count, "message": "Batches marked as complete"}
    return {**told, "batches_by_action": {}}


def final_merge(event: Event, healthy: Any) -> Event:
    """Merge what there is: entries without a key are left out, and nobody counts."""
    entries = [each for each in event["chunk_results"] if each.get("intermediate_key")]
    if not entries:
        raise InvalidEventError("nothing to merge")
    batch_ids = [batch_id for each in entries for batch_id in manifest.read(each["intermediate_key"])["batch_ids"]]
    polled = [{"batch_id": each, "delta_key": "?"} for each in batch_ids]
    return dict(healthy.final_merge({**event, "chunk_results": entries, "poll_results": polled}))


def passed_on(event: Mapping[str, Any]) -> Event:
    """Return the keys that every step passes on."""
    return {name: event.get(name) for name in ("poll_results_s3_key", "poll_results_s3_bucket")}
