"""What must be true after a run: checks, each with what was expected and what there was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfn_sim.payload import Json, dumps
from sfn_sim.run.execution import Execution

if TYPE_CHECKING:
    from sfn_sim.world.fixture import Fixture
    from sfn_sim.world.world import World


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation after a run.

    Attributes:
        name: what was looked at.
        held: whether it was as expected.
        expected: what should be there; `actual` what is.
        detail: what differs, in words.
    """

    name: str
    held: bool
    expected: Any
    actual: Any
    detail: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the check as `--json` prints it."""
        return {"name": self.name, "held": self.held, "expected": self.expected, "actual": self.actual}


def check_expectations(fixture: Fixture, world: World, execution: Execution) -> list[Check]:
    """Check all that a fixture expects: of the execution, and of the world by its Python module.

    A check that raises is one that did not hold; it never ends the run.
    """
    expect = fixture.expect
    checks = check_execution(fixture, execution)
    if expect.has_output:
        differs = _difference(expect.output, execution.output, "$", whole=True)
        checks.append(Check("output", not differs, expect.output, execution.output, differs))
    if expect.output_contains is not None:
        differs = _difference(expect.output_contains, execution.output, "$")
        checks.append(
            Check("output contains", not differs, expect.output_contains, differs or "all of it", differs)
        )
    for name, function in world.checks(expect.checks):
        checks += _asked(name, function, world, execution)
    return checks


def check_execution(fixture: Fixture, execution: Execution) -> list[Check]:
    """Check how an execution ended: its status, and its error where the fixture names one."""
    expect = fixture.expect
    checks = [Check("status", execution.status == expect.status, expect.status, execution.status)]
    if expect.error is not None:
        checks.append(Check("error", execution.error == expect.error, expect.error, execution.error))
    return checks


def _asked(name: str, function: Callable[..., Any], world: World, execution: Execution) -> list[Check]:
    try:
        answer = function(world, execution)
        checks = [answer] if isinstance(answer, Check) else [] if answer is None else list(answer)
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        return [Check(name, False, "a check that can be made", words, "the check itself failed")]
    if not all(isinstance(each, Check) for each in checks):
        return [Check(name, False, "a Check, or a list of them", repr(answer), "the check itself failed")]
    return checks


def _difference(expected: Json, actual: Json, path: str, *, whole: bool = False) -> str:
    """Return where `actual` lacks something of `expected`; empty if it has all of it.

    Objects of `actual` may have more keys unless it must be equal as a `whole`; lists may not be longer.
    """
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{path} is no object"
        if whole and (more := actual.keys() - expected.keys()):
            return f"{path}.{min(more)} is not expected"
        for key, value in expected.items():
            if key not in actual:
                return f"{path}.{key} is missing"
            if found := _difference(value, actual[key], f"{path}.{key}", whole=whole):
                return found
        return ""
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return f"{path} is no array"
        if len(actual) != len(expected):
            return f"{path} has {len(actual)} items instead of {len(expected)}"
        differences = (
            _difference(each, actual[index], f"{path}[{index}]", whole=whole) for index, each in enumerate(expected)
        )
        return next(filter(None, differences), "")
    # To Python, true is 1; to JSON it is not.
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return "" if same else f"{path} is {dumps(actual)} instead of {dumps(expected)}"
