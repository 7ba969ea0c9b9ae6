"""Poll one batch: what OpenAI has done of it goes to S3, a reference to that is the answer.

Every status has its outcome, and every outcome its result object, so that nothing downstream has to guess:

| OpenAI's status | embeddings | action | the batch's record |
|---|---|---|---|
| validating, in_progress, finalizing, cancelling | – | wait | stays PENDING |
| completed | some | process_results | COMPLETED when they are merged |
| completed | none | handle_failure | FAILED |
| expired, cancelled | some | process_partial | EXPIRED, CANCELLED when they are merged |
| expired, cancelled | none | handle_expiry, handle_cancellation | EXPIRED, CANCELLED |
| failed | – | handle_failure | FAILED |

Only what has nothing to merge gets its final status here. What a retry does again, it does over the same
keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared import aws, custom_ids, delta, objects, openai_batches, settings, table
from shared.errors import InvalidEventError, UnknownBatchStatusError
from shared.openai_batches import Line
from shared.records import Receipt, Record

WAITING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_FINAL_STATUS = {"completed": "COMPLETED", "expired": "EXPIRED", "cancelled": "CANCELLED", "failed": "FAILED"}
_NOTHING_TO_MERGE = {
    "completed": ("handle_failure", "FAILED"),
    "failed": ("handle_failure", "FAILED"),
    "expired": ("handle_expiry", "EXPIRED"),
    "cancelled": ("handle_cancellation", "CANCELLED"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What sets line batches and word batches apart."""

    database: str
    record: Callable[[Receipt, custom_ids.TextId], Record | None]

    @property
    def collection(self) -> str:
        """The collection of a delta in ChromaDB's form."""
        return f"receipt_{self.database}"


def poll(event: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Poll the batch that an event names and return the reference of its result.

    Raises:
        MissingReferenceError: the list of batches is null and has no key.
        UnknownBatchStatusError: OpenAI reports a status that is not in the table above.
    """
    batch = _batch(event)
    result = _result(batch, kind)
    key = f"poll_results/{batch['batch_id']}/result.json"
    objects.write_json(key, result)
    if result["final_status"] and not result["delta_key"]:
        table.end_batch(
            table.Ending(batch["batch_id"], result["final_status"], 0, result["error_count"], result["errors_s3_key"])
        )
    if not event.get("skip_sqs_notification", False):
        _notify(result)
    return {"batch_id": batch["batch_id"], "result_s3_key": key, "result_s3_bucket": settings.BUCKET}


def _batch(event: Mapping[str, Any]) -> dict[str, Any]:
    batches = objects.referred(event, "pending_batches", "manifest")
    index = event["batch_index"]
    if not 0 <= index < len(batches):
        raise InvalidEventError(f"batch_index {index} is outside the list of {len(batches)} pending batches")
    return dict(batches[index])


def final_status(openai_batch_id: str, status: str) -> str:
    """Return what a batch's record says when OpenAI has ended it and its embeddings are merged.

    Raises:
        UnknownBatchStatusError: nobody has said what that status means.
    """
    if status not in _FINAL_STATUS:
        raise UnknownBatchStatusError(f"batch {openai_batch_id} has the status {status!r}")
    return _FINAL_STATUS[status]


def _result(batch: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    remote = openai_batches.retrieve(batch["openai_batch_id"])
    result: dict[str, Any] = {
        "batch_id": batch["batch_id"],
        "openai_batch_id": batch["openai_batch_id"],
        "batch_status": remote.status,
        "action": "wait",
        "final_status": None,
        "database": kind.database,
        "collection": kind.collection,
        "delta_key": None,
        "delta_bucket": settings.BUCKET,
        "delta_format": settings.DELTA_FORMAT,
        "embedding_count": 0,
        "error_count": 0,
        "errors_s3_key": None,
    }
    if remote.status in WAITING:
        return result
    ending = final_status(remote.id, remote.status)
    rows, errors = _sort(openai_batches.lines(remote), batch, kind)
    errors += [{"custom_id": None, **failure} for failure in openai_batches.failures(remote)]
    if errors:
        result |= {
            "error_count": len(errors),
            "errors_s3_key": f"poll_results/{batch['batch_id']}/errors.json",
        }
        objects.write_json(result["errors_s3_key"], errors)
    if not rows:
        action, status = _NOTHING_TO_MERGE[remote.status]
        return result | {"action": action, "final_status": status}
    delta_key = f"{kind.database}/delta/{kind.collection}/{batch['batch_id']}/"
    delta.save(delta_key, kind.collection, batch["batch_id"], rows, settings.DELTA_FORMAT)
    return result | {
        "action": "process_results" if remote.status == "completed" else "process_partial",
        "final_status": ending,
        "delta_key": delta_key,
        "embedding_count": len(rows),
    }


def _sort(
    lines: list[Line], batch: Mapping[str, Any], kind: Kind
) -> tuple[dict[str, tuple[list[float], str, Any]], list[dict[str, Any]]]:
    """Part the lines that have an embedding and a text from those that have an error.

    One text that the table does not have is that line's error: it must not keep a whole run from its end. The
    order of the output file is OpenAI's, so the rows are put into that of their ids.
    """
    receipts = {
        (ref["image_id"], ref["receipt_id"]): item
        for ref in batch["receipt_refs"]
        if (item := table.receipt(ref["image_id"], ref["receipt_id"])) is not None
    }
    known = {key: Receipt(item) for key, item in receipts.items()}
    rows: dict[str, tuple[list[float], str, Any]] = {}
    errors: list[dict[str, Any]] = []
    for line in sorted(lines, key=lambda line: line.custom_id):
        if line.embedding is None:
            errors.append({"custom_id": line.custom_id, **(line.error or {})})
            continue
        text = custom_ids.parse(line.custom_id)
        receipt = known.get((text.image_id, text.receipt_id))
        record = kind.record(receipt, text) if receipt else None
        if record is None:
            message = "the table has no such text"
            errors.append({"custom_id": line.custom_id, "code": "unknown_text", "message": message})
            continue
        rows[line.custom_id] = (line.embedding, *record)
    return rows, errors


def _notify(result: Mapping[str, Any]) -> None:
    if not settings.QUEUE_URL:
        raise InvalidEventError("skip_sqs_notification is false, but NOTIFICATION_QUEUE_URL is not set")
    names = ("batch_id", "batch_status", "database", "delta_key", "embedding_count")
    body = orjson.dumps({name: result[name] for name in names}).decode()
    aws.client("sqs").send_message(QueueUrl=settings.QUEUE_URL, MessageBody=body)
