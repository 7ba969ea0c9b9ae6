"""Executions as a hypothesis strategy: a property of a machine is tried on many inputs and many answers of its tasks.

Everything that varies is drawn, so that hypothesis shrinks a failing execution to the smallest input and the simplest
answers that still fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from sfn_sim.config import find_config
from sfn_sim.errors import MockError
from sfn_sim.machine import StateMachine
from sfn_sim.payload import Json
from sfn_sim.query.jsonpath import Path as JsonPath
from sfn_sim.run.execution import Execution, Options
from sfn_sim.runner import find_machine, handlers_of
from sfn_sim.services.lambda_functions import Handler, Handlers
from sfn_sim.testing.executed import ExecutionUnderTest
from sfn_sim.testing.mocks import Mocks
from sfn_sim.testing.plugin import running

if TYPE_CHECKING:
    from sfn_sim.testing.session_coverage import SessionCoverage

Answers: TypeAlias = "Mapping[str, SearchStrategy[Any] | Any]"

json_values: SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON value that a person would look at."""


def executions(
    machine: StateMachine | Mapping[str, Any] | str | Path,
    inputs: SearchStrategy[Json] | None = None,
    *,
    mocks: Answers | None = None,
    handlers: Handlers | Mapping[str, Handler] | str | Path | None = None,
    options: Options | None = None,
) -> SearchStrategy[ExecutionUnderTest]:
    """Return a strategy of executions of a machine.

    Args:
        machine: the machine: a name in the folder of definitions, a path, a Python object, or a StateMachine.
        inputs: a strategy of inputs; by default objects that may have each key that the definition reads.
        mocks: what functions, resources or states answer: by target a strategy, drawn anew for each call; what is no
            strategy is the answer itself, as `sfn.mock` takes it.
        handlers: handlers of what has no mock; the project's own where none are given.
        options: limits and observers.

    Runs count in `--sfn-coverage`. A mock that is for nobody fails the test; a list of answers need not be used up.

    Raises:
        SfnSimError: the machine cannot be loaded.
    """
    loaded = _machine(machine)
    real = Handlers.of(handlers) if handlers is not None else handlers_of(None, find_config(), {})
    given = inputs if inputs is not None else _inputs(loaded)

    @st.composite
    def run(draw: DrawFn) -> ExecutionUnderTest:
        value = draw(given, label="input")
        answers = Mocks()
        for target, answer in (mocks or {}).items():
            answers.add(target, _drawn(draw, target, answer) if isinstance(answer, SearchStrategy) else answer)
        execution = loaded.run(value, real, mocks=answers if mocks else None, options=options)
        if problems := [*answers.nobodys()]:  # how many answers a drawn input uses up is as it comes
            raise MockError("\n".join(problems))
        _count(execution, loaded)
        return ExecutionUnderTest.of(execution, machine=loaded)

    return run()


def _count(execution: Execution, machine: StateMachine) -> None:
    """Count a run in the coverage of the session, if there is one that counts."""
    if running:
        counted: SessionCoverage | None = running[-1].config.pluginmanager.get_plugin("sfn_sim_coverage")
        if counted is not None:
            counted.add(execution, machine)


def _drawn(draw: DrawFn, target: str, answer: SearchStrategy[Any]) -> Callable[[Json], Any]:
    def next_answer(_: Json) -> Any:
        return draw(answer, label=f"answer of {target}")

    return next_answer


def _machine(machine: StateMachine | Mapping[str, Any] | str | Path) -> StateMachine:
    if isinstance(machine, StateMachine):
        return machine
    if isinstance(machine, Mapping):
        return StateMachine.from_json(machine)
    config = find_config()
    return StateMachine.load(find_machine(str(machine), config.definitions), config.substitutions)


def _inputs(machine: StateMachine) -> SearchStrategy[Json]:
    """Return objects with keys that the definition's paths read, so that more than one input in many gets far."""
    tree: dict[str, Any] = {}
    for planned in machine.planned.states:
        for path in planned.paths.values():
            if isinstance(path, JsonPath):
                _grow(tree, [each for each in path.steps if isinstance(each, str)])
    for text in _texts(machine.source.value):
        if text.startswith("$.") and "[" not in text:
            _grow(tree, text[2:].split("."))
    return _objects(tree)


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def _grow(tree: dict[str, Any], names: list[str]) -> None:
    for name in names:
        tree = tree.setdefault(name, {})


def _objects(tree: Mapping[str, Any]) -> SearchStrategy[Any]:
    optional = {name: json_values | _objects(inner) if inner else json_values for name, inner in tree.items()}
    return st.fixed_dictionaries({}, optional=optional)
