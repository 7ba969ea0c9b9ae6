from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Open, Scene, error_name


def _poll(scene: Scene, **changes: Any) -> Any:
    listed = scene.direct().list_pending()
    event = {name: listed[name] for name in ("manifest_s3_key", "manifest_s3_bucket", "pending_batches")}
    return scene.call(f"{scene.kind}-poll", {"batch_index": 0, **event, "skip_sqs_notification": True, **changes})


OUTCOMES = (
    # OpenAI's status, refused texts, action, are there embeddings, the record after the poll
    ("validating", 0, "wait", False, "PENDING"),
    ("in_progress", 0, "wait", False, "PENDING"),
    ("finalizing", 0, "wait", False, "PENDING"),
    ("cancelling", 0, "wait", False, "PENDING"),
    ("completed", 0, "process_results", True, "PENDING"),
    ("completed", 2, "process_results", True, "PENDING"),
    ("completed", 99, "handle_failure", False, "FAILED"),
    ("failed", 0, "handle_failure", False, "FAILED"),
    ("expired", 1, "process_partial", True, "PENDING"),
    ("expired", 99, "handle_expiry", False, "EXPIRED"),
    ("cancelled", 1, "process_partial", True, "PENDING"),
    ("cancelled", 99, "handle_cancellation", False, "CANCELLED"),
)


@pytest.mark.parametrize("kind", ["line", "word"])
def test_every_status_has_an_outcome_and_a_reference_to_it(scene: Open, kind: str) -> None:
    statuses, refused = [row[0] for row in OUTCOMES], [row[1] for row in OUTCOMES]
    count = len(OUTCOMES)
    with scene(kind, batches=count, embeddings=6 * count, statuses=statuses, error_lines=refused) as world:
        direct = world.direct()
        answers = direct.poll(direct.list_pending())
        left = world.statuses()
        found = []
        for batch, answer in zip(world.batches, answers, strict=True):
            key = f"poll_results/{batch.batch_id}/result.json"
            assert answer == {"batch_id": batch.batch_id, "result_s3_key": key, "result_s3_bucket": world.bucket}
            result = world.json(key)
            assert bool(result["delta_key"]) == bool(result["embedding_count"])
            assert result["batch_status"] == batch.status
            # What is to be merged gets its final status after the merge, not before.
            assert result["embedding_count"] == len(batch.good)
            found.append((result["action"], bool(batch.good), left[batch.batch_id]))
        assert found == [row[2:] for row in OUTCOMES]


def test_lines_with_an_error_are_recorded_beside_the_good_ones(scene: Open) -> None:
    with scene(batches=1, embeddings=5, error_lines=[2]) as world:
        result = world.json(_poll(world)["result_s3_key"])
        errors = world.json(result["errors_s3_key"])
        assert [error["custom_id"] for error in errors] == sorted(world.batches[0].errors)
        assert result["error_count"] == 2


def test_a_line_whose_text_the_table_lacks_is_an_error_of_that_line_alone(scene: Open) -> None:
    with scene(batches=1, embeddings=3) as world:
        receipt = world.batches[0].receipt
        lines = json.dumps(receipt.lines[:-1])
        key = {"PK": {"S": f"IMAGE#{receipt.image_id}"}, "SK": {"S": f"RECEIPT#{receipt.receipt_id:05d}"}}
        world.world.dynamodb.update_item(
            TableName=world.table,
            Key=key,
            UpdateExpression="SET #lines = :lines",
            ExpressionAttributeNames={"#lines": "lines"},
            ExpressionAttributeValues={":lines": {"S": lines}},
        )
        result = world.json(_poll(world)["result_s3_key"])
        assert (result["embedding_count"], result["error_count"]) == (2, 1)
        assert world.json(result["errors_s3_key"])[0]["code"] == "unknown_text"


def test_a_poll_repeated_leaves_the_same_objects(scene: Open) -> None:
    with scene(batches=1, embeddings=4, statuses=["expired"]) as world:
        first = _poll(world)
        before = {key: world.world.read(world.bucket, key) for key in world.world.objects(world.bucket)}
        assert _poll(world) == first
        assert {key: world.world.read(world.bucket, key) for key in world.world.objects(world.bucket)} == before


def test_a_status_that_nobody_foresaw_is_raised(scene: Open) -> None:
    with scene(batches=1, embeddings=2, statuses=["completed"]) as world:
        world.load("embedding-line-poll")
        error = world.module("shared.errors").UnknownBatchStatusError
        outcome = world.module("shared.poll").final_status
        with pytest.raises(error, match="'paused'"):
            outcome("batch_1", "paused")


def test_null_without_a_key_raises(scene: Open) -> None:
    with scene(batches=1, embeddings=2) as world:
        with pytest.raises(Exception, match="manifest_s3_key is None") as raised:
            _poll(world, pending_batches=None)
        assert error_name(raised) == "MissingReferenceError"


def test_each_batch_is_announced_on_the_queue_unless_it_is_skipped(scene: Open) -> None:
    with scene(batches=2, embeddings=4, statuses=["completed", "in_progress"]) as world:
        url = world.world.sqs.create_queue(QueueName="batches")["QueueUrl"]
        world.load("embedding-line-poll")
        world.module("shared.settings").QUEUE_URL = url
        direct = world.direct(skip_sqs_notification=False)
        direct.poll(direct.list_pending())
        received = world.world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        announced = {json.loads(message["Body"])["batch_id"] for message in received}
        assert announced == {batch.batch_id for batch in world.batches}
        world.direct().poll(direct.list_pending())
        assert "Messages" not in world.world.sqs.receive_message(QueueUrl=url)
