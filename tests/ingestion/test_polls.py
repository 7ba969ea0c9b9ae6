"""Step 3: what a poll leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Saved, Scene, error_name, opened


@pytest.fixture(scope="module")
def _pending() -> Iterator[tuple[Scene, Saved]]:
    with opened(batches=2, embeddings=10, statuses=["completed", "expired"], error_lines=[2, 0]) as scene:
        yield scene, Saved(scene)


@pytest.fixture
def pending(_pending: tuple[Scene, Saved]) -> Iterator[Scene]:
    """A world with a completed batch, of which two lines were refused, and an expired one."""
    yield _pending[0]
    _pending[1].restore()


def _poll(scene: Scene, batch_index: int = 0, **changes: Any) -> Any:
    listed = scene.direct().list_pending()
    event = {name: listed[name] for name in ("manifest_s3_key", "manifest_s3_bucket", "pending_batches")}
    return scene.call("line-poll", {"batch_index": batch_index, **event, "skip_sqs_notification": True, **changes})


def test_lines_with_an_error_are_recorded_beside_the_good_ones(pending: Scene) -> None:
    result = pending.json(_poll(pending)["result_s3_key"])
    errors = pending.json(result["errors_s3_key"])
    assert [error["custom_id"] for error in errors] == sorted(pending.batches[0].errors)
    assert (result["error_count"], result["embedding_count"]) == (2, len(pending.batches[0].good))


def test_a_line_whose_text_the_table_lacks_is_an_error_of_that_line_alone(pending: Scene) -> None:
    receipt = pending.batches[0].receipt
    pending.world.dynamodb.update_item(
        TableName=pending.table,
        Key={"PK": {"S": f"IMAGE#{receipt.image_id}"}, "SK": {"S": f"RECEIPT#{receipt.receipt_id:05d}"}},
        UpdateExpression="SET #lines = :lines",
        ExpressionAttributeNames={"#lines": "lines"},
        ExpressionAttributeValues={":lines": {"S": json.dumps(receipt.lines[:-1])}},
    )
    result = pending.json(_poll(pending)["result_s3_key"])
    assert (result["error_count"], result["embedding_count"]) == (3, len(pending.batches[0].good) - 1)
    assert "unknown_text" in {error["code"] for error in pending.json(result["errors_s3_key"])}


@pytest.mark.parametrize("batch_index", [0, 1])
def test_a_poll_repeated_leaves_the_same_objects(pending: Scene, batch_index: int) -> None:
    world, bucket = pending.world, pending.bucket
    first = _poll(pending, batch_index)
    before = {key: world.read(bucket, key) for key in world.objects(bucket)}
    assert _poll(pending, batch_index) == first
    assert {key: world.read(bucket, key) for key in world.objects(bucket)} == before


def test_a_poll_comes_through_a_hiccup_of_openai(pending: Scene) -> None:
    assert pending.world.openai is not None
    pending.world.openai.fault("GET /v1/batches/", status=429, times=2)
    pending.world.openai.fault("GET /v1/files/", status="timeout", times=1)
    pending.module("shared.openai_batches").FIRST_DELAY_S = 0.0
    assert pending.json(_poll(pending)["result_s3_key"])["action"] == "process_results"


def test_a_status_that_nobody_foresaw_is_raised(pending: Scene) -> None:
    pending.load("embedding-line-poll")
    with pytest.raises(Exception, match="'paused'") as raised:
        pending.module("shared.poll").final_status("batch_1", "paused")
    assert error_name(raised) == "UnknownBatchStatusError"


def test_a_batch_that_is_not_in_the_list_raises(pending: Scene) -> None:
    with pytest.raises(Exception, match="batch_index 2 is outside the list of 2"):
        _poll(pending, 2)


def test_null_without_a_key_raises(pending: Scene) -> None:
    with pytest.raises(Exception, match="manifest_s3_key is None") as raised:
        _poll(pending, pending_batches=None)
    assert error_name(raised) == "MissingReferenceError"
