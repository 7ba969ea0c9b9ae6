"""Steps 1, 4 and 5: lists, and where they lie."""

from __future__ import annotations

from .conftest import Open


def test_a_run_takes_the_oldest_batches_and_a_long_list_goes_to_s3(scene: Open) -> None:
    with scene(environment={"MAX_BATCHES_PER_RUN": "250"}, batches=465, embeddings=465, other_batches=3) as world:
        oldest = [batch.batch_id for batch in world.batches]
        listed = world.direct("run-1").list_pending()
        assert (listed["use_s3"], listed["manifest_s3_key"], listed["batches_left"]) == (False, None, 215)
        assert [batch["batch_id"] for batch in listed["pending_batches"]] == oldest[:250]
        world.module("shared.settings").MAX_BATCHES_PER_RUN = 500
        listed = world.direct("run-2").list_pending()
        assert (listed["use_s3"], listed["pending_batches"], listed["batches_left"]) == (True, None, 0)
        assert listed["manifest_s3_key"] == "manifests/run-2/batches.json"
        assert [batch["batch_id"] for batch in world.json("manifests/run-2/batches.json")] == oldest
        assert listed["batch_indices"] == list(range(465))


def test_batches_that_no_run_will_end_are_reported(scene: Open) -> None:
    with scene(batches=3, embeddings=6, statuses=["failed", "completed", "cancelled"], error_lines=[2]) as world:
        direct = world.direct()
        assert direct.list_pending()["batches_to_report"] == {}
        direct.poll(direct.list_pending())
        assert direct.list_pending()["batches_to_report"] == {"FAILED": 2, "CANCELLED": 1}


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


def test_deltas_are_split_in_order_and_what_has_none_is_left_out(scene: Open) -> None:
    with scene(batches=6, embeddings=12, statuses=["completed", "in_progress", "expired"]) as world:
        direct = world.direct(chunk_size=3)
        chunked = direct.split(direct.normalize(direct.poll(direct.list_pending())))
        merged = [batch.batch_id for batch in world.batches if batch.good]
        listed = [[delta["batch_id"] for delta in chunk["delta_results"]] for chunk in chunked["chunks"]]
        assert listed == [merged[:3], merged[3:]]
        assert (chunked["total_chunks"], chunked["use_s3"]) == (2, False)
