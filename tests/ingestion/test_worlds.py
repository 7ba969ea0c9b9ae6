"""Worlds in which something is amiss: nothing is lost, and nothing is completed that was not merged."""

from __future__ import annotations

import functools
import json
from datetime import timedelta
from typing import Any

import pytest

from sfn_sim.analysis.coverage import coverage
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.lints import lint
from sfn_sim.machine import StateMachine
from sfn_sim.world import check_expectations, load_fixture, open_world

from .conftest import ROOT, ingestion

WORLDS = (
    "all-in-progress", "mixed-statuses", "duplicates", "corrupted-delta", "second-run", "locked", "throttled",
    "refused-calls", "inline-groups",
)  # fmt: skip
FAILING = (
    "openai-down", "normalize-fails", "split-fails", "chunks-not-loaded", "groups-not-made", "groups-not-loaded",
    "group-merge-fails", "marking-fails",
)  # fmt: skip
LARGE = ("documented", "backlog", "edge-40", "edge-41", "hierarchical")
DELTAS = {"line": "lines/delta/receipt_lines/", "word": "words/delta/receipt_words/"}


@functools.cache
def _run(kind: str, name: str, times: int = 1, **overrides: str) -> tuple[list[Any], list[Any], StateMachine]:
    """Run a fixture one or more times over one world; every expectation is asked for after each run.

    Returns the executions, the checks that did not hold, and the machine.
    """
    fixture = load_fixture(ROOT / "fixtures" / kind / name, {"dims": "16", **overrides})
    machine = StateMachine.load(ROOT / "definitions" / f"{kind}.asl.json", fixture.substitutions)
    executions: list[Any] = []
    broken: list[Any] = []
    with open_world(fixture) as world:
        start = world.start
        for number in range(1, times + 1):
            execution = machine.run(fixture.input, ROOT / "handlers", name=f"run-{number}", start=start, isolate=False)
            broken += [check for check in check_expectations(fixture, world, execution) if not check.held]
            executions.append(execution)
            start += timedelta(milliseconds=execution.elapsed_ms, seconds=1)
    return executions, broken, machine


def _mended(kind: str, name: str) -> tuple[list[Any], dict[str, str], set[str]]:
    """Run a fixture that fails, and once more when its faults have passed.

    Returns the executions, every batch's status, and which embeddings are missing from the snapshot or wrong in it.
    """
    fixture = load_fixture(ROOT / "fixtures" / kind / name, {"dims": "16"})
    machine = StateMachine.load(ROOT / "definitions" / f"{kind}.asl.json", fixture.substitutions)
    with open_world(fixture) as world:
        failed = machine.run(fixture.input, ROOT / "handlers", name="run-1", start=world.start, isolate=False)
        start = world.start + timedelta(milliseconds=failed.elapsed_ms, seconds=1)
        mended = machine.run(fixture.input, ROOT / "handlers", name="run-2", start=start, isolate=False)
        made = ingestion.made_for(world)
        found = ingestion.statuses(world)
        snapshot = ingestion.read_snapshot(world)
        wrong = ingestion.wrong_vectors(world, snapshot) if snapshot else []
        merged = set(snapshot.ids) - set(wrong) if snapshot else set()
        unmerged = {text.custom_id for batch in made.batches for text in batch.good} ^ merged
    return [failed, mended], {batch.batch_id: found[batch.batch_id] for batch in made.batches}, unmerged


@pytest.mark.parametrize("kind", ["line", "word"])
@pytest.mark.parametrize("name", WORLDS)
def test_a_world_ends_as_it_expects_and_without_warnings(kind: str, name: str) -> None:
    (execution,), broken, _ = _run(kind, name)
    assert broken == []
    assert lint(execution) == []


@pytest.mark.parametrize("kind", ["line", "word"])
@pytest.mark.parametrize("name", FAILING)
def test_a_world_that_makes_a_run_fail_loses_nothing(kind: str, name: str) -> None:
    (failed,), broken, _ = _run(kind, name)
    assert broken == []
    assert (failed.status, lint(failed)) == ("FAILED", [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["line", "word"])
@pytest.mark.parametrize("name", FAILING)
def test_a_second_run_ends_what_a_failed_one_left(kind: str, name: str) -> None:
    (failed, mended), statuses, unmerged = _mended(kind, name)
    assert (failed.status, mended.status, mended.error) == ("FAILED", "SUCCEEDED", None)
    assert failed.cause
    assert set(statuses.values()) == {"COMPLETED"}
    assert unmerged == set()


@pytest.mark.parametrize("kind", ["line", "word"])
def test_the_fixtures_together_take_everything_of_a_machine(kind: str) -> None:
    """What the large fixtures take is left out: the small ones do without them."""
    runs = [_run(kind, name)[0][0] for name in (*WORLDS, "small", "none-pending")]
    runs += [_run(kind, name)[0][0] for name in FAILING]
    found = coverage(runs[0].machine, kind, runs)
    assert [item.name for item in found.never()] == []
    assert found.percent == 100
    there = {path.parent.name for path in (ROOT / "fixtures" / kind).glob("*/fixture.toml")}
    assert there == {*WORLDS, *FAILING, *LARGE, "small", "none-pending"}


@pytest.mark.parametrize("kind", ["line", "word"])
def test_a_backlog_is_taken_in_shares_the_oldest_first(kind: str) -> None:
    small = {"batches": "13", "embeddings": "26", "environment.MAX_BATCHES_PER_RUN": "5"}
    executions, broken, _ = _run(kind, "backlog", 3, **small)
    assert broken == []
    taken = [execution.output["mark_complete_result"]["batches_marked_complete"] for execution in executions]
    assert taken == [5, 5, 3]
    left = [execution.log.visits[0].output["list_result"]["batches_left"] for execution in executions]
    assert left == [8, 3, 0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["line", "word"])
def test_the_whole_backlog_needs_three_runs(kind: str) -> None:
    executions, broken, _ = _run(kind, "backlog", 3)
    assert broken == []
    taken = [execution.output["mark_complete_result"]["batches_marked_complete"] for execution in executions]
    assert taken == [500, 500, 483]


def test_a_backlog_of_which_a_run_takes_less_than_it_may_is_noticed() -> None:
    fixture = load_fixture(
        ROOT / "fixtures" / "line" / "backlog",
        {"dims": "8", "batches": "5", "embeddings": "10", "environment.MAX_BATCHES_PER_RUN": "2"},
    )
    machine = StateMachine.load(ROOT / "definitions" / "line.asl.json", fixture.substitutions)
    with open_world(fixture) as world:
        execution = machine.run(fixture.input, ROOT / "handlers", name="run-1", isolate=False)
        batch = ingestion.made_for(world).batches[0]
        world.dynamodb.update_item(
            TableName=ingestion.table_name(world),
            Key={"PK": {"S": f"BATCH#{batch.batch_id}"}, "SK": {"S": "STATUS"}},
            UpdateExpression="SET GSI1PK = :i, #s = :s",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":i": {"S": "STATUS#PENDING"}, ":s": {"S": "PENDING"}},
        )
        broken = {check.name for check in check_expectations(fixture, world, execution) if not check.held}
    assert {"batches of this run", "batches merged without being COMPLETED"} <= broken


@pytest.mark.parametrize("kind", ["line", "word"])
def test_a_corrupted_delta_fails_the_run_with_its_own_error_and_the_next_run_mends_it(kind: str) -> None:
    executions, broken, machine = _run(kind, "corrupted-delta", 2)
    failed, mended = executions
    assert failed.error == "CorruptedDeltaError"
    message = json.loads(failed.cause)["errorMessage"]
    assert DELTAS[kind] in message
    found = diagnose(failed, machine.source)
    assert found is not None
    assert "Single" in found.why
    assert message in found.why
    # The fault has passed: the second run polls again, and writes over what is corrupted.
    assert mended.status == "SUCCEEDED"
    assert {check.name for check in broken} >= {"status", "error"}


def test_the_final_merge_waits_for_the_lock_by_its_retries() -> None:
    (execution,), _, _ = _run("line", "locked")
    assert execution.visit("FinalMerge").retry_delays_ms == (30_000,) * 20
    assert 600_000 <= execution.elapsed_ms <= 630_000


def test_a_lock_that_is_held_longer_than_the_retries_last_fails_the_run() -> None:
    (execution,), broken, _ = _run("line", "locked", lock_s="1300")
    assert (execution.status, execution.error) == ("FAILED", "LockNotAcquiredError")
    assert execution.elapsed_ms == 40 * 30_000
    assert "batches COMPLETED without being merged" not in {check.name for check in broken}


def test_throttling_costs_virtual_time_only() -> None:
    (execution,), _, _ = _run("line", "throttled")
    assert execution.elapsed_ms > 5_000
    assert sum(len(visit.retry_delays_ms) for visit in execution.log.visits) == 0


def test_a_first_run_that_failed_leaves_a_second_one_less_to_do() -> None:
    (execution,), _, _ = _run("line", "second-run")
    assert execution.output["mark_complete_result"]["batches_marked_complete"] < 6
    assert execution.output["final_merge_result"]["total_embeddings"] == 24
