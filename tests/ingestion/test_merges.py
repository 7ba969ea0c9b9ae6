"""Steps 7, 11, 14 and 15: what is merged, published and marked."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import Open, Scene, ingestion


def _chunked(scene: Scene, **sizes: Any) -> tuple[Any, Any]:
    direct = scene.direct(**sizes)
    return direct, direct.split(direct.normalize(direct.poll(direct.list_pending())))


def _merged(scene: Scene) -> tuple[Any, Any]:
    direct, chunked = _chunked(scene)
    return direct, direct.process_chunks(chunked)


def _lock(scene: Scene, owner: str, lasts_s: int) -> None:
    item = {"PK": "LOCK#lines#chroma-lines-update", "SK": "LOCK", "TYPE": "LOCK"}
    expires = int(time.time()) + lasts_s
    scene.world.put_items(scene.table, [{**item, "lock_owner": owner, "expires": expires}])


def _name(raised: Any) -> str:
    return type(raised.value).__name__


@pytest.mark.parametrize("form", ["npy", "chroma"])
def test_a_delta_of_either_form_ends_in_the_snapshot(scene: Open, form: str) -> None:
    with scene(environment={"DELTA_FORMAT": form}, batches=3, embeddings=9) as world:
        world.direct(chunk_size=2).run()
        assert world.broken_expectations() == set()


@pytest.mark.parametrize(
    ("form", "file", "content"),
    [
        ("npy", "embeddings.npy", b""),
        ("npy", "embeddings.npy", b"\x93NUMPY"),
        ("npy", "embeddings.npy", None),
        ("npy", "records.json", b"[]"),
        ("npy", "records.json", b"[{"),
        ("chroma", "chroma.sqlite3", b"garbage"),
        ("chroma", "snapshot.json", None),
    ],
)
def test_a_corrupted_delta_raises_and_names_the_batch(scene: Open, form: str, file: str, content: bytes | None) -> None:
    with scene(environment={"DELTA_FORMAT": form}, batches=2, embeddings=6) as world:
        direct, chunked = _chunked(world)
        broken = world.batches[1].batch_id
        key = f"lines/delta/receipt_lines/{broken}/{file}"
        if content is None:
            world.world.s3.delete_object(Bucket=world.bucket, Key=key)
        else:
            world.world.s3.put_object(Bucket=world.bucket, Key=key, Body=content)
        with pytest.raises(Exception, match=broken) as raised:
            direct.process_chunks(chunked)
        assert _name(raised) == "CorruptedDeltaError"


def test_a_delta_with_another_number_of_records_than_was_polled_raises(scene: Open) -> None:
    with scene(batches=1, embeddings=4) as world:
        direct, chunked = _chunked(world)
        chunked["chunks"][0]["delta_results"][0]["embedding_count"] = 5
        with pytest.raises(Exception, match="instead of 5") as raised:
            direct.process_chunks(chunked)
        assert _name(raised) == "CorruptedDeltaError"


def test_a_chunk_that_is_not_in_the_list_raises(scene: Open) -> None:
    with scene(batches=1, embeddings=2) as world:
        direct, chunked = _chunked(world)
        world.world.s3.put_object(Bucket=world.bucket, Key="chunks.json", Body=b"[]")
        chunk = {**chunked["chunks"][0], "delta_results": None}
        with pytest.raises(Exception, match="no chunk 0"):
            direct.process_chunks({**chunked, "chunks": [chunk], "chunks_s3_key": "chunks.json"})


def test_of_two_embeddings_with_one_id_the_later_batch_wins_within_a_chunk_and_across_groups(scene: Open) -> None:
    with scene(batches=12, embeddings=24, duplicates=3) as world:
        world.direct(chunk_size=2, group_size=2).run()
        assert world.broken_expectations() == set()


def test_a_lost_chunk_fails_the_final_merge(scene: Open) -> None:
    with scene(batches=3, embeddings=6) as world:
        direct, chunked = _chunked(world, chunk_size=1)
        results = direct.process_chunks(chunked)
        with pytest.raises(Exception, match=world.batches[2].batch_id) as raised:
            direct.final_merge(results[:2])
        assert _name(raised) == "IncompleteMergeError"
        with pytest.raises(Exception, match="entry 1"):
            direct.final_merge([results[0], {"statusCode": 500}, results[2]])
        with pytest.raises(Exception, match="nothing to merge"):
            direct.final_merge([])


def test_an_intermediate_that_was_not_fully_uploaded_raises(scene: Open) -> None:
    with scene(batches=2, embeddings=4) as world:
        direct, results = _merged(world)
        key = results[0]["intermediate_key"] + "chroma.sqlite3"
        world.world.s3.put_object(Bucket=world.bucket, Key=key, Body=b"half")
        with pytest.raises(Exception, match=key) as raised:
            direct.final_merge(results)
        assert _name(raised) == "CorruptedSnapshotError"
        # The lock is free again, and nothing was published.
        assert ingestion.read_snapshot(world.world) is None
        assert "update locks left behind" not in world.broken_expectations()


def test_the_final_merge_raises_while_another_execution_has_the_lock(scene: Open) -> None:
    with scene(batches=1, embeddings=2) as world:
        direct, results = _merged(world)
        _lock(world, "other", 600)
        with pytest.raises(Exception, match="other has it until") as raised:
            direct.final_merge(results)
        assert _name(raised) == "LockNotAcquiredError"
        assert ingestion.read_snapshot(world.world) is None


@pytest.mark.parametrize(("owner", "lasts_s"), [("other", -1), ("direct-1", 600)])
def test_a_lock_that_ran_out_or_is_ones_own_is_taken(scene: Open, owner: str, lasts_s: int) -> None:
    with scene(batches=1, embeddings=2) as world:
        direct, results = _merged(world)
        _lock(world, owner, lasts_s)
        direct.final_merge(results)
        direct.mark()
        assert world.broken_expectations() == set()


def test_whoever_lost_the_lock_does_not_swap_the_pointer(scene: Open) -> None:
    with scene(batches=1, embeddings=2) as world:
        world.load("embedding-vector-compact")
        lock = world.module("shared.lock")
        with lock.held("lines", "direct-1"):
            _lock(world, "other", 600)
            with pytest.raises(Exception, match="other has it") as raised:
                lock.renew("lines", "direct-1")
        assert _name(raised) == "LockLostError"
        # What another one has now is not released.
        assert [item for item in world.world.scan(world.table) if item["PK"].startswith("LOCK#")]


def test_the_retries_of_the_final_merge_outlast_the_lock(scene: Open) -> None:
    import json

    from .conftest import ROOT

    with scene(batches=1, embeddings=1) as world:
        world.load("embedding-vector-compact")
        lease_s = world.module("shared.lock").LEASE_S
    for machine, state in (("line", "FinalMerge"), ("word", "WordFinalMerge")):
        definition = json.loads((ROOT / "definitions" / f"{machine}.asl.json").read_text())
        retriers = definition["States"][state]["Retry"]
        retry = next(each for each in retriers if each["ErrorEquals"] == ["LockNotAcquiredError"])
        assert retry["BackoffRate"] == 1
        assert retry["IntervalSeconds"] * retry["MaxAttempts"] > lease_s


def test_every_step_may_run_twice(scene: Open) -> None:
    with scene(batches=5, embeddings=10, statuses=["completed", "expired", "failed"]) as world:
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
    with scene(environment={"MAX_BATCHES_PER_RUN": "2"}, batches=5, embeddings=10) as world:
        world.direct("run-1").run()
        assert "embeddings in = embeddings in the snapshot" in world.broken_expectations()
        world.direct("run-2").run()
        world.direct("run-3").run()
        assert world.broken_expectations() == set()
        assert world.direct("run-4").run() is None


def test_a_run_after_one_that_did_not_come_to_its_marking_mends_it(scene: Open) -> None:
    with scene(batches=3, embeddings=6) as world:
        direct, results = _merged(world)
        direct.final_merge(results)
        assert set(world.statuses().values()) == {"PENDING"}
        world.direct("run-2").run()
        assert world.broken_expectations() == set()


def test_an_execution_of_a_name_that_was_used_before_does_not_write_over_the_latest_snapshot(scene: Open) -> None:
    with scene(environment={"MAX_BATCHES_PER_RUN": "1"}, batches=2, embeddings=4) as world:
        world.direct("run-1").run()
        with pytest.raises(Exception, match="lines/snapshot/run-1/") as raised:
            world.direct("run-1").run()
        assert _name(raised) == "ExecutionNameReusedError"
        assert set(world.statuses().values()) == {"COMPLETED", "PENDING"}


@pytest.mark.parametrize("together", ["1", "3"])
def test_only_what_was_merged_is_marked(scene: Open, together: str) -> None:
    statuses = ["in_progress", "completed", "expired", "completed", "cancelled"]
    environment = {"BATCHES_PER_TRANSACTION": together}
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


def test_a_batch_that_is_not_in_the_snapshot_stays_pending_and_the_step_fails(scene: Open) -> None:
    with scene(batches=2, embeddings=4) as world:
        direct, results = _merged(world)
        direct.final_merge(results)
        key = "lines/snapshot/direct-1/snapshot.json"
        described = world.json(key)
        lost = described["batch_ids"].pop()
        world.world.s3.put_object(Bucket=world.bucket, Key=key, Body=_bytes(described))
        with pytest.raises(Exception, match=lost) as raised:
            direct.mark()
        assert _name(raised) == "IncompleteMergeError"
        assert sorted(world.statuses().values()) == ["COMPLETED", "PENDING"]
        assert world.statuses()[lost] == "PENDING"


@pytest.mark.parametrize("together", ["1", "25"])
def test_a_batch_that_somebody_else_ended_is_a_conflict(scene: Open, together: str) -> None:
    with scene(environment={"BATCHES_PER_TRANSACTION": together}, batches=2, embeddings=4) as world:
        direct, results = _merged(world)
        direct.final_merge(results)
        world.world.dynamodb.update_item(
            TableName=world.table,
            Key={"PK": {"S": f"BATCH#{world.batches[1].batch_id}"}, "SK": {"S": "STATUS"}},
            UpdateExpression="SET GSI1PK = :status",
            ExpressionAttributeValues={":status": {"S": "STATUS#CANCELLED"}},
        )
        with pytest.raises(Exception, match="it is CANCELLED") as raised:
            direct.mark()
        assert _name(raised) == "BatchConflictError"
        assert world.statuses()[world.batches[0].batch_id] == "COMPLETED"


def _bytes(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()
