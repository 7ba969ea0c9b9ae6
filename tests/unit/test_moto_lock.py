from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sfn_sim.services.isolation import isolated
from sfn_sim.services.moto_server import serve_moto

THREADS, ROUNDS = 16, 8


@contextlib.contextmanager
def impatient_threads() -> Iterator[None]:
    """Let threads change so often that what is not locked breaks."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(work: Callable[[int], None]) -> list[str]:
    """Do `work` in all threads at once and return what they raised."""
    raised: list[str] = []

    def caught(number: int) -> None:
        try:
            work(number)
        except Exception as error:
            raised.append(repr(error))

    threads = [threading.Thread(target=caught, args=(number,)) for number in range(THREADS)]
    with impatient_threads():
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return raised


def stress(endpoint: str | None) -> None:
    import boto3
    from botocore.config import Config

    # Without retries: they would hide the server's errors, but not the lost updates.
    config = Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1})
    table = boto3.client("dynamodb", endpoint_url=endpoint, config=config)
    s3 = boto3.client("s3", endpoint_url=endpoint, config=config)
    s3.create_bucket(Bucket="stress")
    table.create_table(
        TableName="stress",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    # botocore makes these classes when first asked, and twice if two threads ask at once.
    lost = table.exceptions.ConditionalCheckFailedException
    winners: list[int] = []

    def claim(number: int, turn: int) -> None:
        item: dict[str, Any] = {"pk": {"S": f"claim {turn}"}, "by": {"N": str(number)}}
        with contextlib.suppress(lost):
            table.put_item(TableName="stress", Item=item, ConditionExpression="attribute_not_exists(pk)")
            winners.append(turn)

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            table.update_item(
                TableName="stress",
                Key={"pk": {"S": "counter"}},
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
            s3.put_object(Bucket="stress", Key="one", Body=b"x" * 500)
            s3.get_object(Bucket="stress", Key="one")["Body"].read()
            s3.list_objects_v2(Bucket="stress")
            claim(number, turn)

    assert together(work) == []
    counted = table.get_item(TableName="stress", Key={"pk": {"S": "counter"}})["Item"]["hits"]["N"]
    assert int(counted) == THREADS * ROUNDS
    assert sorted(winners) == list(range(ROUNDS))


def test_in_process_no_update_is_lost_and_each_conditional_write_has_one_winner() -> None:
    with isolated():
        stress(None)


def test_served_no_update_is_lost_and_each_conditional_write_has_one_winner() -> None:
    pytest.importorskip("flask_cors", reason="serving moto needs flask and flask_cors")
    with isolated(), serve_moto() as url:
        stress(url)
