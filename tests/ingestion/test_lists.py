"""Steps 1, 4 to 6, 8 to 10: lists, and where they lie."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Open

KEYS = {"poll_results_s3_key": None, "poll_results_s3_bucket": None}


def test_pending_batches_of_this_type_are_listed_oldest_first(scene: Open) -> None:
    with scene(batches=7, embeddings=14, other_batches=3) as world:
        listed = world.direct().list_pending()
        assert [batch["batch_id"] for batch in listed["pending_batches"]] == [b.batch_id for b in world.batches]
        assert (listed["total_batches"], listed["use_s3"], listed["batches_left"]) == (7, False, 0)


def test_a_run_takes_the_oldest_and_says_how_many_are_left(scene: Open) -> None:
    with scene(environment={"MAX_BATCHES_PER_RUN": "3"}, batches=5, embeddings=5) as world:
        listed = world.direct().list_pending()
        assert [batch["batch_id"] for batch in listed["pending_batches"]] == [b.batch_id for b in world.batches[:3]]
        assert listed["batches_left"] == 2


def test_no_setting_makes_a_run_take_more_than_the_state_can_hold(scene: Open) -> None:
    with scene(batches=1, embeddings=1) as world:
        world.load("embedding-list-pending")
        module = world.module("embedding_list_pending")
        fitting = module.batches_that_fit(world.bucket, 100_000)
        reference = module.reference_bytes(world.bucket)
        assert fitting * reference <= module.STATE_BYTES < (fitting + 1) * reference
        assert module.batches_that_fit(world.bucket, 10) == 10


@pytest.mark.parametrize(("batches", "use_s3"), [(250, False), (465, True)])
def test_a_long_list_of_batches_goes_to_s3(scene: Open, batches: int, use_s3: bool) -> None:
    with scene(batches=batches, embeddings=batches) as world:
        listed = world.direct("run-1").list_pending()
        assert listed["use_s3"] is use_s3
        if use_s3:
            assert listed["pending_batches"] is None
            assert listed["manifest_s3_key"] == "manifests/run-1/batches.json"
            assert len(world.json("manifests/run-1/batches.json")) == batches
        else:
            assert listed["manifest_s3_key"] is None


def test_batches_that_no_run_will_end_are_reported(scene: Open) -> None:
    with scene(batches=3, embeddings=6, statuses=["failed", "completed", "cancelled"], error_lines=[2]) as world:
        direct = world.direct()
        assert direct.list_pending()["batches_to_report"] == {}
        direct.poll(direct.list_pending())
        assert direct.list_pending()["batches_to_report"] == {"FAILED": 2, "CANCELLED": 1}


def test_an_unknown_batch_type_raises(scene: Open) -> None:
    with scene(batches=1, embeddings=1) as world, pytest.raises(Exception, match="'page'"):
        world.call("list-pending", {"batch_type": "page", "execution_id": "run-1"})


def test_the_results_of_all_polls_are_combined_whatever_the_first_one_was(scene: Open) -> None:
    with scene(batches=3, embeddings=6, statuses=["in_progress", "completed", "completed"]) as world:
        direct = world.direct("run-1")
        normalized = direct.normalize(direct.poll(direct.list_pending()))
        assert normalized == {
            "batch_id": "run-1",
            "poll_results": None,
            "poll_results_s3_key": "poll_results/run-1/poll_results.json",
            "poll_results_s3_bucket": world.bucket,
        }
        actions = [result["action"] for result in world.json(normalized["poll_results_s3_key"])]
        assert actions == ["wait", "process_results", "process_results"]


@pytest.mark.parametrize("polled", [[{"batch_id": "a"}], None])
def test_an_entry_that_is_no_reference_raises(scene: Open, polled: Any) -> None:
    with scene(batches=1, embeddings=1) as world, pytest.raises(Exception, match="poll_results"):
        world.call("normalize-poll-batches", {"batch_id": "run-1", "poll_results": polled})


def test_deltas_are_split_in_order_and_what_has_none_is_left_out(scene: Open) -> None:
    with scene(batches=6, embeddings=12, statuses=["completed", "in_progress", "expired"]) as world:
        direct = world.direct(chunk_size=3)
        chunked = direct.split(direct.normalize(direct.poll(direct.list_pending())))
        merged = [batch.batch_id for batch in world.batches if batch.good]
        listed = [[delta["batch_id"] for delta in chunk["delta_results"]] for chunk in chunked["chunks"]]
        assert listed == [merged[:3], merged[3:]]
        assert (chunked["total_chunks"], chunked["use_s3"]) == (2, False)


def test_large_chunks_go_to_s3_and_are_listed_without_their_deltas(scene: Open) -> None:
    with scene(batches=1, embeddings=1) as world:
        result = {"batch_status": "completed", "action": "process_results", "database": "lines", "collection": "c" * 60}
        result |= {"delta_bucket": world.bucket, "delta_format": "npy", "embedding_count": 1}
        results = [{**result, "batch_id": f"{n:036}", "delta_key": f"lines/delta/{n:036}/"} for n in range(500)]
        event = {"batch_id": "run-1", "poll_results": results, **KEYS}
        chunked = world.call("split-chunks", event)
        assert (chunked["use_s3"], chunked["chunks"], chunked["total_chunks"]) == (True, [], 50)
        assert chunked["chunks_s3_key"] == "chunks/run-1/chunks.json"
        loaded = world.call("split-chunks", {**chunked, "operation": "load_chunks_from_s3"})
        assert loaded["chunks"][49] == {"chunk_index": 49, "batch_id": "run-1", "delta_results": None}
        assert len(world.json("chunks/run-1/chunks.json")[49]["delta_results"]) == 10


def test_groups_lie_in_s3_and_the_last_may_be_short(scene: Open) -> None:
    with scene(batches=1, embeddings=1) as world:
        chunks = [{"intermediate_key": f"intermediate/run-1/chunk-{n}/"} for n in range(5)]
        event = {"batch_id": "run-1", "chunk_results": chunks, "group_size": 2, "poll_results": None, **KEYS}
        made = world.call("create-chunk-groups", event)
        assert [group["chunk_group"] for group in made["groups"]] == [chunks[:2], chunks[2:4], chunks[4:]]
        assert world.json("chunk_groups/run-1/groups.json") == [chunks[:2], chunks[2:4], chunks[4:]]
        loaded = world.call("create-chunk-groups", {**made, "operation": "load_groups_from_s3"})
        assert [group["chunk_group"] for group in loaded["groups"]] == [None, None, None]
        assert made["use_s3"] is loaded["use_s3"] is True


def test_a_chunk_that_left_no_snapshot_is_not_left_out_of_the_groups(scene: Open) -> None:
    chunks = [{"intermediate_key": "intermediate/run-1/chunk-0/"}, {"statusCode": 500}]
    with scene(batches=1, embeddings=1) as world, pytest.raises(Exception, match=r"chunk_results\[1\]"):
        world.call("create-chunk-groups", {"batch_id": "run-1", "chunk_results": chunks, **KEYS})


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
def test_null_means_in_s3_and_without_a_key_it_raises(scene: Open, function: str, event: dict[str, Any]) -> None:
    with scene(batches=1, embeddings=1) as world:
        with pytest.raises(Exception, match="must lie in S3") as raised:
            world.call(function, {"batch_id": "run-1", "database": "lines", **event})
        assert type(raised.value).__name__ == "MissingReferenceError"


@pytest.mark.parametrize("function", ["split-chunks", "create-chunk-groups", "vector-compact"])
def test_an_operation_that_does_not_exist_raises(scene: Open, function: str) -> None:
    with scene(batches=1, embeddings=1) as world:
        with pytest.raises(Exception, match="'process_chunks'") as raised:
            world.call(function, {"operation": "process_chunks", "batch_id": "run-1"})
        assert type(raised.value).__name__ == "InvalidEventError"
