"""embedding-mark-batches-complete: step 15, what was merged gets its final status.

A batch is ended only if the published snapshot says that its delta is in it: COMPLETED if OpenAI completed
it, EXPIRED or CANCELLED if it was cut short. Batches that OpenAI still works on stay PENDING and are polled
by the next run.

Each batch is one conditional update by default. A transaction gives nothing here (no batch's status depends
on another's, and a repetition changes nothing), costs twice the write units, and is cancelled as a whole by
one refusal; set BATCHES_PER_TRANSACTION to at most 25 where fewer calls matter more.
"""

from __future__ import annotations

from typing import Any

from shared import latest, manifest, objects, settings, table
from shared.errors import IncompleteMergeError, InvalidEventError

MOST_IN_A_TRANSACTION = 25


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Give every merged batch its final status.

    Raises:
        IncompleteMergeError: a batch with a delta is not in the snapshot; the others are marked nevertheless.
        BatchConflictError: somebody else ended a batch otherwise; the others are marked nevertheless.
    """
    execution_id = event["batch_id"]
    results = objects.referred(event, "poll_results")
    polled = [each for each in results if each["delta_key"]]
    merged = _merged(execution_id, {each["database"] for each in polled})
    endings = [_ending(each, execution_id) for each in polled if each["batch_id"] in merged]
    _end(endings)
    missing = [each["batch_id"] for each in polled if each["batch_id"] not in merged]
    if missing:
        raise IncompleteMergeError(f"{len(missing)} batches are not in the snapshot and stay PENDING: {missing[:3]}")
    return {
        "statusCode": 200,
        "batches_marked_complete": sum(ending.status == "COMPLETED" for ending in endings),
        "batches_by_action": _counts([each["action"] for each in results]),
        "message": "Batches marked as complete",
    }


def _merged(execution_id: str, databases: set[str]) -> set[str]:
    """Return the batches that this execution merged into what is published: a snapshot may lie there and not be."""
    keys = {database: latest.snapshot_key(database, execution_id) for database in sorted(databases)}
    return {
        batch_id
        for database, key in keys.items()
        if latest.holds(database, key)
        for batch_id in manifest.read(key)["batch_ids"]
    }


def _ending(result: dict[str, Any], execution_id: str) -> table.Ending:
    return table.Ending(
        result["batch_id"],
        result["final_status"],
        result["embedding_count"],
        result["error_count"],
        result["errors_s3_key"],
        execution_id,
    )


def _end(endings: list[table.Ending]) -> None:
    size = settings.BATCHES_PER_TRANSACTION
    if not 1 <= size <= MOST_IN_A_TRANSACTION:
        raise InvalidEventError(f"BATCHES_PER_TRANSACTION must be 1 to {MOST_IN_A_TRANSACTION}, not {size}")
    table.end_all(endings, size)


def _counts(names: list[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}
