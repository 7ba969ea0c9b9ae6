"""The update lock: one execution at a time may replace a database's snapshot.

It lasts longer than a Lambda can run, so its holder needs no heartbeat, and FinalMerge's retries last longer
than it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from shared import aws
from shared.errors import LockLostError, LockNotAcquiredError
from shared.settings import TABLE

LEASE_S = 16 * 60

_dynamodb = aws.client("dynamodb")
_Refused = _dynamodb.exceptions.ConditionalCheckFailedException


def _key(database: str) -> dict[str, dict[str, str]]:
    return {"PK": {"S": f"LOCK#{database}#chroma-{database}-update"}, "SK": {"S": "LOCK"}}


@contextlib.contextmanager
def held(database: str, owner: str) -> Iterator[None]:
    """Hold a database's lock; a retry of its owner gets it again.

    Raises:
        LockNotAcquiredError: another owner has it and it has not run out.
    """
    now = int(time.time())
    try:
        _dynamodb.put_item(
            TableName=TABLE,
            Item={
                **_key(database),
                "TYPE": {"S": "LOCK"},
                "lock_owner": {"S": owner},
                "expires": {"N": str(now + LEASE_S)},
            },
            ConditionExpression="attribute_not_exists(PK) OR #expires <= :now OR lock_owner = :owner",
            ExpressionAttributeNames={"#expires": "expires"},
            ExpressionAttributeValues={":now": {"N": str(now)}, ":owner": {"S": owner}},
        )
    except _Refused:
        raise LockNotAcquiredError(f"the update lock of {database} is held: {_holder(database)}") from None
    try:
        yield
    finally:
        _release(database, owner)


def _release(database: str, owner: str) -> None:
    """Give the lock back. Not ours any more is no error here: whoever has it now releases it."""
    for _ in range(2):
        with contextlib.suppress(_Refused):
            _dynamodb.delete_item(
                TableName=TABLE,
                Key=_key(database),
                ConditionExpression="lock_owner = :owner",
                ExpressionAttributeValues={":owner": {"S": owner}},
            )
            return
        # A refusal is believed if the record bears it out: a lock left behind would stop everybody until it runs out.
        if _item(database).get("lock_owner", {}).get("S") != owner:
            return


def renew(database: str, owner: str) -> None:
    """Make sure, right before publishing, that the lock is still held.

    Raises:
        LockLostError: it ran out or has another owner.
    """
    now = int(time.time())
    try:
        _dynamodb.update_item(
            TableName=TABLE,
            Key=_key(database),
            UpdateExpression="SET #expires = :until",
            ConditionExpression="lock_owner = :owner AND #expires > :now",
            ExpressionAttributeNames={"#expires": "expires"},
            ExpressionAttributeValues={
                ":until": {"N": str(now + LEASE_S)},
                ":owner": {"S": owner},
                ":now": {"N": str(now)},
            },
        )
    except _Refused:
        raise LockLostError(f"the update lock of {database} was lost: {_holder(database)}") from None


def _holder(database: str) -> str:
    item = _item(database)
    if not item:
        return "nobody has it now"
    return f"{item['lock_owner']['S']} has it until {item['expires']['N']}"


def _item(database: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = _dynamodb.get_item(
        TableName=TABLE, Key=_key(database), ConsistentRead=True
    ).get("Item", {})
    return found
