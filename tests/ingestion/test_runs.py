"""Whole runs, one after another."""

from __future__ import annotations

import pytest

from .conftest import Open, error_name


@pytest.mark.parametrize(("batches", "duplicates", "chunk_size"), [(2, 1, 10), (5, 2, 1)])
def test_of_two_embeddings_with_one_id_the_later_batch_wins_within_a_chunk_and_across_groups(
    scene: Open, batches: int, duplicates: int, chunk_size: int
) -> None:
    with scene(batches=batches, embeddings=2 * batches, duplicates=duplicates) as world:
        world.direct(chunk_size=chunk_size, group_size=3).run()
        assert world.broken_expectations() == set()


def test_every_step_may_run_twice(scene: Open) -> None:
    with scene(batches=3, embeddings=6, statuses=["completed", "expired", "failed"]) as world:
        direct = world.direct(chunk_size=1, group_size=2)
        listed = direct.list_pending()
        direct.poll(listed)
        polled = direct.poll(listed)
        direct.normalize(polled)
        normalized = direct.normalize(polled)
        direct.split(normalized)
        chunked = direct.split(normalized)
        direct.process_chunks(chunked)
        results = direct.process_chunks(chunked)
        direct.merge_groups(results)
        groups = direct.merge_groups(results)
        first = direct.final_merge(groups)
        second = direct.final_merge(groups)
        assert second["total_embeddings"] == first["total_embeddings"]
        assert direct.mark()["batches_marked_complete"] == direct.mark()["batches_marked_complete"]
        assert world.broken_expectations() == set()


def test_a_later_run_merges_onto_what_is_there(scene: Open) -> None:
    with scene(environment={"MAX_BATCHES_PER_RUN": "2"}, batches=3, embeddings=6) as world:
        world.direct("run-1").run()
        # The two oldest batches are a run's share; the third waits.
        assert world.broken_expectations() == set()
        assert list(world.statuses().values()) == ["COMPLETED", "COMPLETED", "PENDING"]
        world.direct("run-2").run()
        assert world.broken_expectations() == set()
        assert set(world.statuses().values()) == {"COMPLETED"}
        assert world.direct("run-3").run() is None


def test_an_execution_of_a_name_that_was_used_before_does_not_write_over_the_latest_snapshot(scene: Open) -> None:
    with scene(environment={"MAX_BATCHES_PER_RUN": "1"}, batches=2, embeddings=4) as world:
        world.direct("run-1").run()
        with pytest.raises(Exception, match="lines/snapshot/run-1/") as raised:
            world.direct("run-1").run()
        assert error_name(raised) == "ExecutionNameReusedError"
        assert set(world.statuses().values()) == {"COMPLETED", "PENDING"}


def test_only_what_was_merged_is_marked(scene: Open) -> None:
    statuses = ["in_progress", "completed", "expired", "completed", "cancelled"]
    environment = {"BATCHES_PER_TRANSACTION": "3"}
    with scene(environment=environment, batches=5, embeddings=20, statuses=statuses) as world:
        result = world.direct().run()
        assert result["mark_complete_result"] == {
            "statusCode": 200,
            "batches_marked_complete": 2,
            "batches_by_action": {"process_partial": 2, "process_results": 2, "wait": 1},
            "message": "Batches marked as complete",
        }
        assert list(world.statuses().values()) == ["PENDING", "COMPLETED", "EXPIRED", "COMPLETED", "CANCELLED"]
        assert world.broken_expectations() == set()


def test_a_snapshot_where_none_should_be_is_noticed(scene: Open) -> None:
    with scene(batches=0, embeddings=0) as world:
        assert world.broken_expectations() == set()
        world.world.s3.put_object(Bucket=world.bucket, Key="lines/snapshot/run-1/chroma.sqlite3", Body=b"")
        assert world.broken_expectations() == {"objects under the snapshot's prefix"}
