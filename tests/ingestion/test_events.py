"""What handlers make of their events, whatever the world."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from .conftest import Scene, error_name, opened

KEYS = {"poll_results_s3_key": None, "poll_results_s3_bucket": None}


@pytest.fixture(scope="module")
def any_world() -> Iterator[Scene]:
    """A world for calls that raise before they change it, or whose batches do not matter."""
    with opened(batches=1, embeddings=1) as scene:
        yield scene


def test_no_setting_makes_a_run_take_more_than_the_state_can_hold(any_world: Scene) -> None:
    any_world.load("embedding-list-pending")
    module = any_world.module("embedding_list_pending")
    fitting = module.batches_that_fit(any_world.bucket, 100_000)
    reference = module.reference_bytes(any_world.bucket)
    assert fitting * reference <= module.STATE_BYTES < (fitting + 1) * reference
    assert module.batches_that_fit(any_world.bucket, 10) == 10


def test_an_unknown_batch_type_raises(any_world: Scene) -> None:
    with pytest.raises(Exception, match="'page'"):
        any_world.call("list-pending", {"batch_type": "page", "execution_id": "run-1"})


@pytest.mark.parametrize("polled", [[{"batch_id": "a"}], None])
def test_an_entry_that_is_no_reference_raises(any_world: Scene, polled: Any) -> None:
    with pytest.raises(Exception, match="poll_results"):
        any_world.call("normalize-poll-batches", {"batch_id": "run-1", "poll_results": polled})


def test_large_chunks_go_to_s3_and_are_listed_without_their_deltas(any_world: Scene) -> None:
    result: dict[str, Any] = {
        "batch_status": "completed",
        "action": "process_results",
        "database": "lines",
        "collection": "c" * 60,
    }
    result |= {"delta_bucket": any_world.bucket, "delta_format": "npy", "embedding_count": 1}
    results = [{**result, "batch_id": f"{n:036}", "delta_key": f"lines/delta/{n:036}/"} for n in range(500)]
    event = {"batch_id": "run-1", "poll_results": results, **KEYS}
    chunked = any_world.call("split-chunks", event)
    assert (chunked["use_s3"], chunked["chunks"], chunked["total_chunks"]) == (True, [], 50)
    assert chunked["chunks_s3_key"] == "chunks/run-1/chunks.json"
    loaded = any_world.call("split-chunks", {**chunked, "operation": "load_chunks_from_s3"})
    assert loaded["chunks"][49] == {"chunk_index": 49, "batch_id": "run-1", "delta_results": None}
    assert len(any_world.json("chunks/run-1/chunks.json")[49]["delta_results"]) == 10


def test_groups_lie_in_s3_and_the_last_may_be_short(any_world: Scene) -> None:
    chunks = [{"intermediate_key": f"intermediate/run-1/chunk-{n}/"} for n in range(5)]
    event = {"batch_id": "run-1", "chunk_results": chunks, "group_size": 2, "poll_results": None, **KEYS}
    made = any_world.call("create-chunk-groups", event)
    assert [group["chunk_group"] for group in made["groups"]] == [chunks[:2], chunks[2:4], chunks[4:]]
    assert any_world.json("chunk_groups/run-1/groups.json") == [chunks[:2], chunks[2:4], chunks[4:]]
    loaded = any_world.call("create-chunk-groups", {**made, "operation": "load_groups_from_s3"})
    assert [group["chunk_group"] for group in loaded["groups"]] == [None, None, None]
    assert made["use_s3"] is loaded["use_s3"] is True


def test_a_chunk_that_left_no_snapshot_is_not_left_out_of_the_groups(any_world: Scene) -> None:
    chunks = [{"intermediate_key": "intermediate/run-1/chunk-0/"}, {"statusCode": 500}]
    with pytest.raises(Exception, match=r"chunk_results\[1\]"):
        any_world.call("create-chunk-groups", {"batch_id": "run-1", "chunk_results": chunks, **KEYS})


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("split-chunks", {"poll_results": None}),
        ("split-chunks", {"operation": "load_chunks_from_s3", "chunks_s3_key": None}),
        ("create-chunk-groups", {"operation": "load_groups_from_s3"}),
        ("vector-compact", {"operation": "process_chunk", "chunk": {"chunk_index": 0, "delta_results": None}}),
        ("vector-compact", {"operation": "merge_chunk_group", "chunk_group": None, "group_index": 0}),
        ("vector-compact", {"operation": "final_merge", "chunk_results": [{"intermediate_key": "a/"}]}),
        ("mark-batches-complete", {"poll_results": None, "poll_results_s3_key": None}),
    ],
)
def test_null_means_in_s3_and_without_a_key_it_raises(any_world: Scene, function: str, event: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="must lie in S3") as raised:
        any_world.call(function, {"batch_id": "run-1", "database": "lines", **event})
    assert error_name(raised) == "MissingReferenceError"


@pytest.mark.parametrize("function", ["split-chunks", "create-chunk-groups", "vector-compact"])
def test_an_operation_that_does_not_exist_raises(any_world: Scene, function: str) -> None:
    with pytest.raises(Exception, match="'process_chunks'") as raised:
        any_world.call(function, {"operation": "process_chunks", "batch_id": "run-1"})
    assert error_name(raised) == "InvalidEventError"


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.getvalue()


@pytest.mark.parametrize(("times", "comes_through"), [(7, True), (8, False)])
def test_a_call_of_s3_is_repeated_up_to_eight_times(any_world: Scene, times: int, comes_through: bool) -> None:
    any_world.call("list-pending", {"batch_type": "line", "execution_id": "run-1"})
    aws, objects = any_world.module("shared.aws"), any_world.module("shared.objects")
    aws.FIRST_DELAY_S = 0.0
    asked = 0

    def slow_down(request: Any, **_: Any) -> AWSResponse | None:
        nonlocal asked
        asked += 1
        body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return AWSResponse(request.url, 503, {}, _Raw(body)) if asked <= times else None

    events = aws.client("s3").meta.events
    events.register_first("before-send.s3", slow_down)
    try:
        if comes_through:
            objects.write("key", b"content")
            assert any_world.world.read(any_world.bucket, "key") == b"content"
        else:
            with pytest.raises(Exception, match="SlowDown"):
                objects.write("key", b"content")
    finally:
        events.unregister("before-send.s3", slow_down)
    assert asked == 8
