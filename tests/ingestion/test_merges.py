"""Steps 14 and 15: what is merged, published and marked."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sfn_sim import clock

from .conftest import ROOT, Saved, Scene, error_name, ingestion, opened


@dataclass
class Merged:
    """A world with three chunks, the run that made them, and their results."""

    scene: Scene
    direct: Any
    results: Any
    saved: Saved


@pytest.fixture(scope="module")
def _merged() -> Iterator[Merged]:
    with opened(batches=3, embeddings=9) as scene:
        direct, chunked = scene.split(chunk_size=1)
        yield Merged(scene, direct, direct.process_chunks(chunked), Saved(scene))


@pytest.fixture
def merged(_merged: Merged) -> Iterator[Merged]:
    """A world that comes to the final merge next."""
    yield _merged
    _merged.saved.restore()


@pytest.fixture
def published(merged: Merged) -> tuple[Scene, Any]:
    """A world whose final merge is done; it comes to the marking next."""
    scene, direct, results = merged.scene, merged.direct, merged.results
    direct.final_merge(results)
    return scene, direct


def _lock(scene: Scene, owner: str, lasts_s: int) -> None:
    item = {"PK": "LOCK#lines#chroma-lines-update", "SK": "LOCK", "TYPE": "LOCK"}
    expires = int(time.time()) + lasts_s
    scene.world.put_items(scene.table, [{**item, "lock_owner": owner, "expires": expires}])


def _locks(scene: Scene) -> list[Any]:
    return [item for item in scene.world.scan(scene.table) if item["PK"].startswith("LOCK#")]


def test_a_lost_chunk_fails_the_final_merge(merged: Merged) -> None:
    scene, direct, results = merged.scene, merged.direct, merged.results
    with pytest.raises(Exception, match=scene.batches[2].batch_id) as raised:
        direct.final_merge(results[:2])
    assert error_name(raised) == "IncompleteMergeError"
    with pytest.raises(Exception, match="entry 1"):
        direct.final_merge([results[0], {"statusCode": 500}, results[2]])
    with pytest.raises(Exception, match="nothing to merge"):
        direct.final_merge([])


def test_an_intermediate_that_was_not_fully_uploaded_raises(merged: Merged) -> None:
    scene, direct, results = merged.scene, merged.direct, merged.results
    key = results[0]["intermediate_key"] + "chroma.sqlite3"
    scene.world.s3.put_object(Bucket=scene.bucket, Key=key, Body=b"half")
    with pytest.raises(Exception, match=key) as raised:
        direct.final_merge(results)
    assert error_name(raised) == "CorruptedSnapshotError"
    # The lock is free again, and nothing was published.
    assert ingestion.read_snapshot(scene.world) is None
    assert not _locks(scene)


def test_the_final_merge_raises_while_another_execution_has_the_lock(merged: Merged) -> None:
    scene, direct, results = merged.scene, merged.direct, merged.results
    _lock(scene, "other", 600)
    with pytest.raises(Exception, match="other has it until") as raised:
        direct.final_merge(results)
    assert error_name(raised) == "LockNotAcquiredError"
    assert ingestion.read_snapshot(scene.world) is None


@pytest.mark.parametrize(("owner", "lasts_s"), [("other", -1), ("direct-1", 600)])
def test_a_lock_that_ran_out_or_is_ones_own_is_taken(merged: Merged, owner: str, lasts_s: int) -> None:
    scene, direct, results = merged.scene, merged.direct, merged.results
    _lock(scene, owner, lasts_s)
    direct.final_merge(results)
    direct.mark()
    assert scene.broken_expectations() == set()


def test_whoever_lost_the_lock_does_not_swap_the_pointer(merged: Merged) -> None:
    scene = merged.scene
    lock = scene.module("shared.lock")
    with lock.held("lines", "direct-1"):
        _lock(scene, "other", 600)
        with pytest.raises(Exception, match="other has it") as raised:
            lock.renew("lines", "direct-1")
    assert error_name(raised) == "LockLostError"
    # What another one has now is not released.
    assert [item["lock_owner"] for item in _locks(scene)] == ["other"]


def test_the_retries_of_the_final_merge_outlast_the_lock(merged: Merged) -> None:
    scene = merged.scene
    for machine, state in (("line", "FinalMerge"), ("word", "WordFinalMerge")):
        definition = json.loads((ROOT / "definitions" / f"{machine}.asl.json").read_text())
        retriers = definition["States"][state]["Retry"]
        retry = next(each for each in retriers if each["ErrorEquals"] == ["LockNotAcquiredError"])
        assert retry["BackoffRate"] == 1
        assert retry["IntervalSeconds"] * retry["MaxAttempts"] > scene.module("shared.lock").LEASE_S


def test_a_run_after_one_that_did_not_come_to_its_marking_mends_it(published: tuple[Scene, Any]) -> None:
    scene, _ = published
    assert set(scene.statuses().values()) == {"PENDING"}
    scene.direct("run-2").run()
    assert scene.broken_expectations() == set()


def test_a_batch_that_is_not_in_the_snapshot_stays_pending_and_the_step_fails(published: tuple[Scene, Any]) -> None:
    scene, direct = published
    key = "lines/snapshot/direct-1/snapshot.json"
    described = scene.json(key)
    lost = described["batch_ids"].pop()
    scene.world.s3.put_object(Bucket=scene.bucket, Key=key, Body=json.dumps(described).encode())
    with pytest.raises(Exception, match=lost) as raised:
        direct.mark()
    assert error_name(raised) == "IncompleteMergeError"
    assert sorted(scene.statuses().values()) == ["COMPLETED", "COMPLETED", "PENDING"]
    assert scene.statuses()[lost] == "PENDING"


@pytest.mark.parametrize("together", [1, 25])
def test_a_batch_that_somebody_else_ended_is_a_conflict(
    published: tuple[Scene, Any], together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, direct = published
    scene.world.dynamodb.update_item(
        TableName=scene.table,
        Key={"PK": {"S": f"BATCH#{scene.batches[2].batch_id}"}, "SK": {"S": "STATUS"}},
        UpdateExpression="SET GSI1PK = :status",
        ExpressionAttributeValues={":status": {"S": "STATUS#CANCELLED"}},
    )
    monkeypatch.setattr(scene.module("shared.settings"), "BATCHES_PER_TRANSACTION", together)
    with pytest.raises(Exception, match="it is CANCELLED") as raised:
        direct.mark()
    assert error_name(raised) == "BatchConflictError"
    assert scene.statuses()[scene.batches[0].batch_id] == "COMPLETED"


def test_a_snapshot_that_was_stored_but_never_published_completes_nothing(published: tuple[Scene, Any]) -> None:
    scene, direct = published
    scene.world.s3.delete_object(Bucket=scene.bucket, Key="lines/snapshot/latest/pointer.json")
    with pytest.raises(Exception, match="stay PENDING") as raised:
        direct.mark()
    assert error_name(raised) == "IncompleteMergeError"
    assert set(scene.statuses().values()) == {"PENDING"}


def test_a_snapshot_that_a_later_one_was_built_on_is_published(published: tuple[Scene, Any]) -> None:
    scene, direct = published
    later = {"collection": "lines", "count": 9, "batch_ids": [], "files": {}, "base": "lines/snapshot/direct-1/"}
    pointer = {"snapshot_key": "lines/snapshot/run-2/", "execution_id": "run-2", "total_embeddings": 9}
    for key, value in (("run-2/snapshot.json", later), ("latest/pointer.json", pointer)):
        scene.world.s3.put_object(Bucket=scene.bucket, Key=f"lines/snapshot/{key}", Body=json.dumps(value).encode())
    direct.mark()
    assert set(scene.statuses().values()) == {"COMPLETED"}


@contextlib.contextmanager
def _refused(scene: Scene, operation: str) -> Iterator[None]:
    """Let the first such call be refused although its condition holds; faults are met in an invocation only."""
    scene.world.fault_aws("dynamodb", operation, status=400, code="ConditionalCheckFailedException")
    # The handlers' client is older than the fault.
    events = scene.module("shared.aws").client("dynamodb").meta.events
    events.register_first("before-send.dynamodb", scene.world.faults.answer)
    with clock.working_for(clock.Invocation("a handler", int(scene.world.start.timestamp()) * 1_000_000_000)):
        yield
    events.unregister("before-send.dynamodb", scene.world.faults.answer)
    assert scene.world.faults.unmet() == []


def test_a_refused_condition_is_believed_only_if_the_record_bears_it_out(published: tuple[Scene, Any]) -> None:
    scene, direct = published
    with _refused(scene, "UpdateItem"):
        direct.mark()
    assert scene.broken_expectations() == set()


def test_a_lock_is_released_although_its_release_was_refused_once(merged: Merged) -> None:
    scene, direct, results = merged.scene, merged.direct, merged.results
    with _refused(scene, "DeleteItem"):
        direct.final_merge(results)
    assert not _locks(scene)


def test_one_batch_in_conflict_does_not_keep_the_others_from_their_end(published: tuple[Scene, Any]) -> None:
    scene, direct = published
    scene.world.dynamodb.update_item(
        TableName=scene.table,
        Key={"PK": {"S": f"BATCH#{scene.batches[0].batch_id}"}, "SK": {"S": "STATUS"}},
        UpdateExpression="SET GSI1PK = :status",
        ExpressionAttributeValues={":status": {"S": "STATUS#CANCELLED"}},
    )
    with pytest.raises(Exception, match="it is CANCELLED"):
        direct.mark()
    assert {scene.statuses()[batch.batch_id] for batch in scene.batches[1:]} == {"COMPLETED"}
