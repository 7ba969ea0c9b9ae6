"""Step 3: every status of a batch has an outcome."""

from __future__ import annotations

import json

import pytest

from .conftest import Open

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


def test_each_batch_is_announced_on_the_queue_unless_it_is_skipped(scene: Open) -> None:
    statuses = ["completed", "in_progress"]
    with scene(fixture="edge-40", batches=2, embeddings=4, statuses=statuses) as world:
        url = world.world.env["NOTIFICATION_QUEUE_URL"]
        direct = world.direct(skip_sqs_notification=False)
        direct.poll(direct.list_pending())
        received = world.world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        announced = {json.loads(message["Body"])["batch_id"] for message in received}
        assert announced == {batch.batch_id for batch in world.batches}
        world.direct().poll(direct.list_pending())
        assert "Messages" not in world.world.sqs.receive_message(QueueUrl=url)
