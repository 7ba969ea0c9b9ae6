"""The single table: batch summaries, receipts.

A batch summary is PK `BATCH#{id}`, SK `STATUS`, with GSI1PK `STATUS#{status}` and GSI1SK
`BATCH_TYPE#{type}#BATCH_ID#{id}`. A receipt is PK `IMAGE#{id}`, SK `RECEIPT#{00001}`, its lines and words one
JSON text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from shared import aws
from shared.errors import BatchConflictError
from shared.settings import TABLE

_dynamodb = aws.client("dynamodb")
_Refused = _dynamodb.exceptions.ConditionalCheckFailedException
_Cancelled = _dynamodb.exceptions.TransactionCanceledException
STATUSES_TO_REPORT = (
    "VALIDATING", "IN_PROGRESS", "FINALIZING", "FAILED", "EXPIRED", "CANCELING", "CANCELLED",
)  # fmt: skip
"""What is neither waiting to be polled nor done: nothing here leaves these, a person has to."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a batch's record says when the run is done with it."""

    batch_id: str
    status: str
    embedding_count: int
    error_count: int
    errors_s3_key: str | None
    execution_id: str | None = None


def pending_batches(batch_type: str) -> list[dict[str, Any]]:
    """Return the pending batches of a type, oldest first."""
    found = [
        {
            "batch_id": item["PK"]["S"].removeprefix("BATCH#"),
            "openai_batch_id": item["openai_batch_id"]["S"],
            "submitted_at": item["submitted_at"]["S"],
            "receipt_refs": orjson.loads(item["receipt_refs"]["S"]),
        }
        for page in _by_status(
            "PENDING", batch_type, ProjectionExpression="PK, openai_batch_id, submitted_at, receipt_refs"
        )
        for item in page["Items"]
    ]
    return sorted(found, key=lambda batch: (batch["submitted_at"], batch["batch_id"]))


def batches_to_report(batch_type: str) -> dict[str, int]:
    """Return how many batches stand in each status that no run ends by itself."""
    counts = {
        status: sum(page["Count"] for page in _by_status(status, batch_type, Select="COUNT"))
        for status in STATUSES_TO_REPORT
    }
    return {status: count for status, count in counts.items() if count}


def _by_status(status: str, batch_type: str, **options: Any) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] = {}
    while True:
        page = _dynamodb.query(
            TableName=TABLE,
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :status AND begins_with(GSI1SK, :type)",
            ExpressionAttributeValues={
                ":status": {"S": f"STATUS#{status}"},
                ":type": {"S": f"BATCH_TYPE#{batch_type}#"},
            },
            **options,
            **start,
        )
        yield page
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def receipt(image_id: str, receipt_id: int) -> dict[str, Any] | None:
    """Return a receipt: merchant_name and lines, each with its words; None if it is not there."""
    key = {"PK": {"S": f"IMAGE#{image_id}"}, "SK": {"S": f"RECEIPT#{receipt_id:05d}"}}
    item = _dynamodb.get_item(TableName=TABLE, Key=key).get("Item")
    if item is None:
        return None
    return {"merchant_name": item["merchant_name"]["S"], "lines": orjson.loads(item["lines"]["S"])}


def end_batch(ending: Ending) -> None:
    """Give a pending batch its final status; to do it twice is to do it once.

    Raises:
        BatchConflictError: somebody else gave it another status.
    """
    status = ""
    for _ in range(2):
        try:
            _dynamodb.update_item(**_update(ending))
            return
        except _Refused:
            status = _status(ending.batch_id)
            # A refusal that the record does not bear out is asked for once more.
            if status not in ("PENDING", ending.status):
                break
    raise BatchConflictError(f"batch {ending.batch_id} cannot become {ending.status}: it is {status}")


def _status(batch_id: str) -> str:
    key = {"PK": {"S": f"BATCH#{batch_id}"}, "SK": {"S": "STATUS"}}
    found = _dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    item: Mapping[str, Any] = found.get("Item", {})
    status: str = item.get("GSI1PK", {}).get("S", "absent").removeprefix("STATUS#")
    return status


def end_all(endings: Sequence[Ending], together: int) -> None:
    """Give batches their final status, so many in one transaction; one by one where any was changed meanwhile.

    Raises:
        BatchConflictError: somebody else gave some of them another status; the others have theirs.
    """
    conflicts: list[BatchConflictError] = []
    for start in range(0, len(endings), together):
        part = endings[start : start + together]
        if together > 1:
            try:
                _dynamodb.transact_write_items(TransactItems=[{"Update": _update(ending)} for ending in part])
                continue
            except _Cancelled:
                pass
        for ending in part:
            try:
                end_batch(ending)
            except BatchConflictError as conflict:
                conflicts.append(conflict)
    if conflicts:
        more = f", and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
        raise BatchConflictError(f"{conflicts[0]}{more}")


def _update(ending: Ending) -> dict[str, Any]:
    values = {
        "GSI1PK": {"S": f"STATUS#{ending.status}"},
        "status": {"S": ending.status},
        "embedding_count": {"N": str(ending.embedding_count)},
        "error_count": {"N": str(ending.error_count)},
    }
    if ending.errors_s3_key:
        values["errors_s3_key"] = {"S": ending.errors_s3_key}
    if ending.execution_id:
        values["execution_id"] = {"S": ending.execution_id}
    return {
        "TableName": TABLE,
        "Key": {"PK": {"S": f"BATCH#{ending.batch_id}"}, "SK": {"S": "STATUS"}},
        "UpdateExpression": "SET " + ", ".join(f"#{n} = :{n}" for n in values),
        "ConditionExpression": "#GSI1PK IN (:pending, :GSI1PK)",
        "ExpressionAttributeNames": {f"#{n}": n for n in values},
        "ExpressionAttributeValues": {
            **{f":{n}": value for n, value in values.items()},
            ":pending": {"S": "STATUS#PENDING"},
        },
    }
