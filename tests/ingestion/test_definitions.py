"""The definitions and their fixtures, run by the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfn_sim.analysis.lints import lint
from sfn_sim.machine import StateMachine
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.world import load_fixture, open_world

from .conftest import ROOT, ingestion

KEPT = {
    "GroupChunksForMerge",
    "CheckChunkGroupCount",
    "CreateChunkGroups",
    "CheckChunkGroupsSource",
    "LoadChunkGroupsFromS3",
    "MergeChunkGroupsInParallel",
    "MergeSingleChunkGroup",
}


def _run(kind: str, name: str, **overrides: str) -> tuple[Any, set[str]]:
    """Run a fixture; return the execution and the expectations that do not hold."""
    fixture = load_fixture(ROOT / "fixtures" / kind / name, overrides)
    machine = StateMachine.load(ROOT / "definitions" / f"{kind}.asl.json", fixture.substitutions)
    with open_world(fixture) as world:
        execution = machine.run(fixture.input, ROOT / "handlers", isolate=False)
        checks = [check for _, expect in world.checks(None) for check in expect(world, execution)]
    assert checks
    return execution, {check.name for check in checks if not check.held}


def _states(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.get("States", {}).items()
        for each in value.values():
            yield from _states(each)


def _definition(kind: str) -> Any:
    return json.loads((ROOT / "definitions" / f"{kind}.asl.json").read_text())


@pytest.mark.parametrize(
    ("kind", "name"),
    [("line", "small"), ("word", "small"), ("line", "none-pending"), ("word", "none-pending")],
)
def test_a_fixture_ends_as_it_expects(kind: str, name: str) -> None:
    execution, broken = _run(kind, name)
    assert (execution.status, execution.error, broken) == ("SUCCEEDED", None, set())
    assert lint(execution) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["line", "word"])
@pytest.mark.parametrize("name", ["edge-40", "edge-41"])
def test_a_larger_fixture_ends_as_it_expects(kind: str, name: str) -> None:
    execution, broken = _run(kind, name, dims="64")
    assert (execution.status, execution.error, broken) == ("SUCCEEDED", None, set())


def test_groups_and_their_last_short_one_are_merged() -> None:
    sizes = {"substitutions.ChunkSize": "1", "substitutions.GroupSize": "3"}
    execution, broken = _run("line", "small", batches="5", embeddings="10", **sizes)
    assert (execution.status, broken) == ("SUCCEEDED", set())
    assert len(execution.output["chunk_results"]) == 2


def test_a_world_with_every_status_ends_with_each_batch_where_it_belongs() -> None:
    statuses = ["in_progress", "completed", "failed", "expired", "cancelled", "validating", "finalizing", "cancelling"]
    overrides = {"batches": "8", "embeddings": "32", "statuses": json.dumps(statuses), "error_lines": "[1]"}
    execution, broken = _run("word", "small", **overrides)
    assert (execution.status, broken) == ("SUCCEEDED", set())


def test_a_world_in_which_nothing_is_ready_is_left_as_it_was() -> None:
    execution, broken = _run("line", "small", statuses='["in_progress", "validating"]')
    assert (execution.status, broken) == ("SUCCEEDED", set())
    assert "chunk_results" not in execution.output


def test_a_failure_comes_out_with_its_real_error_and_cause() -> None:
    fixture = load_fixture(ROOT / "fixtures" / "line" / "small", {"batches": "1", "embeddings": "2"})
    machine = StateMachine.load(ROOT / "definitions" / "line.asl.json", fixture.substitutions)

    def corrupted(event: Any, context: object) -> Any:
        class CorruptedDeltaError(Exception):
            pass

        raise CorruptedDeltaError("the delta of batch 7")

    with open_world(fixture):
        handlers = Handlers.from_directory(ROOT / "handlers").with_(embedding_vector_compact=corrupted)
        execution = machine.run(fixture.input, handlers, isolate=False)
    assert (execution.status, execution.error) == ("FAILED", "CorruptedDeltaError")
    assert json.loads(execution.cause or "")["errorMessage"] == "the delta of batch 7"


def test_line_and_word_are_one_graph() -> None:
    line, word = _definition("line"), _definition("word")
    names = {name: name for name, _ in _states(line)}
    twins = {name.replace("Word", ""): name for name, _ in _states(word)}
    assert twins.keys() == names.keys()
    assert {name for name, twin in twins.items() if name == twin} == KEPT
    text = json.dumps(line)
    for name in sorted(twins, key=len, reverse=True):
        text = text.replace(f'"{name}"', f'"{twins[name]}"')
    for before, after in (
        ('"line"', '"word"'),
        ("line-poll", "word-poll"),
        ('"lines"', '"words"'),
        ("of line", "of word"),
    ):
        text = text.replace(before, after)
    assert json.loads(text) == word


def test_every_function_of_the_definitions_has_a_handler() -> None:
    resources = {
        state["Resource"] for kind in ("line", "word") for _, state in _states(_definition(kind)) if "Resource" in state
    }
    functions = {resource.rpartition(":")[2] for resource in resources}
    files = {path.stem.replace("_", "-") for path in (ROOT / "handlers").glob("*.py")}
    assert functions == files


def test_a_batch_of_the_generator_is_the_same_for_the_same_seed_only() -> None:
    params = {"kind": "line", "batches": 2, "embeddings": 6}
    first, again, other = (ingestion.batches("line", params, seed) for seed in (0, 0, 1))
    assert first == again != other
