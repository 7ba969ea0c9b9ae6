"""What a failed test shows of its executions: states, the failing state's stages, the diagnosis; of states that it ran
alone their stages; and where an output that is not as expected was made.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console

from sfn_sim.analysis.compare import Difference, differences, shown
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.lineage.backwards import back_from, without_passing
from sfn_sim.analysis.lineage.hops import Point
from sfn_sim.analysis.trace import path_text
from sfn_sim.payload import Json
from sfn_sim.report import terminal
from sfn_sim.report.one_state import state_lines
from sfn_sim.report.summary import RunSummary
from sfn_sim.testing.executed import ExecutionUnderTest
from sfn_sim.testing.ran import Ran

_WIDTH = 120
_MOST_SHOWN = 3
_MOST_DIFFERENCES = 5
_MOST_HOPS = 8


def sections(ran: Ran) -> list[tuple[str, str]]:
    """Return the report sections of a test's executions, and of the states that it ran alone; of many the last ones."""
    executions = [(f"execution of {each.machine_name}", described(each)) for each in ran.executions[-_MOST_SHOWN:]]
    states = [(f"state {each.state} alone", "\n".join(state_lines(each, _WIDTH))) for each in ran.states[-_MOST_SHOWN:]]
    return [
        *_left_out("executions", len(ran.executions) - len(executions)), *executions,
        *_left_out("states run alone", len(ran.states) - len(states)), *states,
    ]  # fmt: skip


def _left_out(what: str, count: int) -> Iterator[tuple[str, str]]:
    if count > 0:
        yield what, f"{count} earlier {what} of this test are not shown"


def described(execution: ExecutionUnderTest) -> str:
    """Return the table of an execution's states, its diagnosis, and the stages of the state that failed."""
    text = io.StringIO()
    target = Console(file=text, width=_WIDTH, highlight=False, color_system=None)
    assert execution.source is not None
    summary = RunSummary(
        execution.machine_name, execution, execution.real_ms, execution.checks,
        diagnosis=diagnose(execution, execution.source),
    )  # fmt: skip
    terminal.show(target, summary, execution.source)
    at = execution.detail.visit if execution.detail is not None else -1
    if execution.status != "SUCCEEDED" and at >= 0:
        visit = execution.log.visits[at]
        terminal.show_stages(target, [visit], visit.name)
    return text.getvalue().rstrip("\n")


def output_differs(ran: Ran, left: object, right: object) -> list[str] | None:
    """Return why an execution's output is not as expected, down to the stage that made each difference.

    None where neither side is the output of one of the test's executions.
    """
    for execution in reversed(ran.executions):
        if execution.status != "SUCCEEDED" or not isinstance(execution.output, dict | list | str):
            continue
        for actual, expected in ((left, right), (right, left)):
            if actual is execution.output:
                return _explained(execution, expected)
    return None


def _explained(execution: ExecutionUnderTest, expected: object) -> list[str]:
    if not isinstance(expected, dict | list | str | int | float | bool | None):
        return [f"the output of {execution.machine_name} is no {type(expected).__name__}"]
    found = list(differences(execution.output, expected))
    if not found:
        name = execution.machine_name
        return [f"the output of {name} is equal, but to JSON and Python alike it is not the same kind"]
    count = len(found)
    lines = [f"the output of {execution.machine_name} differs in {count} place{'s' * (count != 1)}"]
    for each in found[:_MOST_DIFFERENCES]:
        lines += _place(execution, each)
    if count > _MOST_DIFFERENCES:
        lines.append(f"and in {count - _MOST_DIFFERENCES} more")
    return lines


def _place(execution: ExecutionUnderTest, found: Difference) -> Iterator[str]:
    steps = tuple(_steps(execution.output, found.pointer))
    yield f"{path_text(steps)} is {shown(found.left)}, expected {shown(found.right)}"
    hops = without_passing(back_from(execution, Point(None, "output", steps)).hops)
    yield from (f"    {hop.point.text}: {hop.words}" for hop in hops[-_MOST_HOPS:] if hop.words)


def _steps(value: Json, pointer: str) -> Iterator[str | int]:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            yield int(name)
            value = value[int(name)] if int(name) < len(value) else None
        else:
            yield name
            value = value.get(name) if isinstance(value, dict) else None

