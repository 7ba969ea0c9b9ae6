"""Any definition yields findings or a machine; any machine ends, deadlocks by name or meets a limit.

On the command line too: a refusal is told with its place, and nothing ends with a traceback.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given

from sfn_sim import Options, StateMachine
from sfn_sim.cli import main
from sfn_sim.definition.validate import validate
from sfn_sim.errors import DeadlockError, DefinitionError, SfnSimError, UnsupportedFeatureError
from sfn_sim.run.execution import Execution
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import function_name
from sfn_sim.source import Source, render
from tests.fuzz.strategies import anything, machines, mutated, texts
from tests.properties.examples import examples

EVENTS = 250
ENDS = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}
HANDLER = """
class Odd(Exception):
    pass


def handler(event, context):
    if len(str(event)) % 4 == 1:
        raise Odd(event)
    return event
"""


@pytest.fixture(autouse=True, scope="module")
def nobody_leaves() -> Iterator[None]:
    with isolated():
        yield


class Odd(Exception):
    """What the handler raises now and then."""


def handler(value: Any, context: Any) -> Any:
    size = len(json.dumps(value))
    time.sleep(size % 3)
    if size % 4 == 1:
        raise Odd(size)
    return [value, size][size % 2] if size < 1000 else {"a": size, "list": [1, 2]}


def load(text: str) -> StateMachine | None:
    """Load a definition as a person would; what refuses it must be able to say why."""
    try:
        return StateMachine.from_json(text)
    except DefinitionError as error:
        explained(error)
        event("refused")
    except UnsupportedFeatureError as error:
        told(error)
        event("not carried out")
    return None


def explained(refused: DefinitionError) -> None:
    assert any(each.severity == "ERROR" for each in refused.diagnostics)
    for each in refused.diagnostics:
        assert each.code
        assert each.message
        assert each.location is not None
        assert render(each, refused.source)


def told(stopped: SfnSimError, words: str = "") -> None:
    assert str(stopped)
    assert words in str(stopped)


def play(machine: StateMachine, value: Any) -> Execution | None:
    """Run a machine to whatever end it has."""
    handlers = {function_name(each): handler for each in machine.functions()}
    options = Options(limit_events=EVENTS, limit_bytes=20_000)
    try:
        execution = machine.run(value, handlers, options=options, isolate=False)
    except DeadlockError as error:
        told(error, "waits for")
        event("deadlock")
    except SfnSimError as error:
        told(error)
        event(f"stopped by {type(error).__name__}")
    else:
        event(execution.status)
        return execution
    return None


def holds_together(execution: Execution) -> None:
    events = list(execution.history())
    assert len(events) <= EVENTS
    assert events[-1]["type"] == ENDS[execution.status]
    assert [each["id"] for each in events] == list(range(1, len(events) + 1))
    assert all(each["previousEventId"] < each["id"] for each in events)
    json.dumps(execution.output, allow_nan=False)


def try_text(text: str) -> None:
    machine = load(text)
    if machine is not None:
        execution = play(machine, {})
        if execution is not None:
            holds_together(execution)


def try_machine(given_: tuple[Any, Any]) -> None:
    document, value = given_
    text = json.dumps(document)
    express = validate(Source("<fuzz>", text), type="EXPRESS")
    assert all(each.severity in ("ERROR", "WARNING") for each in express)
    machine = load(text)
    if machine is not None:
        execution = play(machine, value)
        if execution is not None:
            holds_together(execution)


def try_command_line(made: tuple[Any, Any], *options: str) -> None:
    """Run a machine as a person does, in a folder of its own."""
    document, value = made
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.asl.json").write_text(json.dumps(document))
        (folder / "input.json").write_text(json.dumps(value))
        (folder / "handlers").mkdir()
        (folder / "handlers" / "f.py").write_text(HANDLER)
        arguments = ["run", str(folder / "m.asl.json"), "--input", str(folder / "input.json"), *options]
        out, code = _command(folder, [*arguments, "--limit-events", str(EVENTS)])
    event(f"exit code {code}")
    assert code in (0, 1, 2), out
    assert out


def _command(folder: Path, arguments: list[str]) -> tuple[str, int]:
    out, before = io.StringIO(), sys.argv
    sys.argv = ["sfn-sim", *arguments]
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main()
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    finally:
        sys.argv = before
    raise AssertionError("the command did not exit")


@examples(60)
@given(texts)
def test_any_text_is_refused_with_its_place_or_is_a_machine(text: str) -> None:
    try_text(text)


@examples(60)
@given(anything)
def test_any_json_is_refused_with_its_place_or_is_a_machine(document: Any) -> None:
    try_text(json.dumps(document))


@examples(60)
@given(mutated())
def test_a_changed_definition_is_refused_or_ends(changed: tuple[Any, Any]) -> None:
    try_machine(changed)


@examples(60)
@given(machines)
def test_a_made_machine_is_refused_or_ends(made: tuple[Any, Any]) -> None:
    try_machine(made)


@examples(25)
@given(machines)
def test_no_machine_gives_a_traceback_on_the_command_line(made: tuple[Any, Any]) -> None:
    try_command_line(made)


@pytest.mark.slow
@examples(3000)
@given(texts)
def test_any_of_many_texts_is_refused_with_its_place_or_is_a_machine(text: str) -> None:
    try_text(text)


@pytest.mark.slow
@examples(3000)
@given(anything)
def test_any_of_many_json_values_is_refused_with_its_place_or_is_a_machine(document: Any) -> None:
    try_text(json.dumps(document))


@pytest.mark.slow
@examples(3000)
@given(mutated())
def test_any_of_many_changed_definitions_is_refused_or_ends(changed: tuple[Any, Any]) -> None:
    try_machine(changed)


@pytest.mark.slow
@examples(2000)
@given(machines)
def test_any_of_many_made_machines_is_refused_or_ends(made: tuple[Any, Any]) -> None:
    try_machine(made)


@pytest.mark.slow
@examples(300)
@given(machines | mutated())
def test_none_of_many_machines_gives_a_traceback_on_the_command_line(made: tuple[Any, Any]) -> None:
    try_command_line(made, "--json")
    try_command_line(made)
