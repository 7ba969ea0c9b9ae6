"""Findings about what nobody reads, and about causes that nobody tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfn_sim import errors
from sfn_sim.analysis.check.codes import NOTE, WARNING
from sfn_sim.analysis.check.demand import Demand, Demands, overlaps
from sfn_sim.analysis.check.findings import End, Finding
from sfn_sim.analysis.check.states import is_followed, targets
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import MapState, TaskState
from sfn_sim.definition.plan import PlannedCatcher, PlannedGraph, PlannedMachine, PlannedState, Step
from sfn_sim.payload import Json
from sfn_sim.query.jsonpath import ReferencePath
from sfn_sim.query.shapes import OBJECT, Shape, Steps
from sfn_sim.query.template import Template
from sfn_sim.source import escape


def usage_findings(
    machine: str, planned: PlannedMachine, demands: Demands, given: Shape, reached: Mapping[str, object]
) -> Iterator[Finding]:
    """Yield what is made or given and read by nobody, and catchers after which the cause is lost.

    Args:
        machine: the machine's name.
        planned: the machine.
        demands: what is read.
        given: the shape of the execution's input.
        reached: the states that can be come to; of others nothing is said.
    """
    yield from _input_unread(machine, planned, demands, given)
    for graph in _graphs(planned.graph):
        for state in graph.states.values():
            if state.name not in reached:
                continue
            if state.state.query_language == JSONATA:
                from sfn_sim.analysis.check.jsonata_usage import unread

                yield from unread(machine, state, demands)
                yield from _swallowed(machine, state, graph, demands)
            elif is_followed(state):
                yield from _unread(machine, state, demands)
                yield from _swallowed(machine, state, graph, demands)


def _graphs(graph: PlannedGraph) -> Iterator[PlannedGraph]:
    yield graph
    for state in graph.states.values():
        for inner in state.graphs:
            yield from _graphs(inner)


def _input_unread(
    machine: str, planned: PlannedMachine, demands: Demands, given: Shape
) -> Iterator[Finding]:
    if not given.kinds & OBJECT:
        return
    start = planned.graph.states[planned.graph.start_at]
    wanted = demands.inputs.get(start.name, frozenset()) | demands.execution_input
    for key, each in given.fields.items():
        if not overlaps(wanted, (key,)) and not each.shape.is_never:
            yield Finding(
                code="INPUT_UNREAD", severity=NOTE, machine=machine, state=start.name, pointer=start.state.pointer,
                field=key, what=f"$.{key} of the execution's input is read by no state and is in no output",
                fix=f"leave {key} out, or pass it on to the state that is meant to have it",
            )  # fmt: skip


def _unread(machine: str, planned: PlannedState, demands: Demands) -> Iterator[Finding]:
    wanted = demands.results.get(planned.name, frozenset())
    state = planned.state
    selector = next((step for step in planned.plan.after if step.verb == "build"), None)
    placed = any(step.verb == "place" and step.expression is not None for step in planned.plan.after)
    if state.type == "Pass":
        for step in planned.plan.before:
            yield from _unread_keys(machine, planned, step, wanted)
    elif selector is not None:
        yield from _unread_keys(machine, planned, selector, wanted)
    elif isinstance(state, TaskState) and placed and not wanted:
        at = state.flow.result_path
        yield Finding(
            code="OUTPUT_UNREAD", severity=NOTE, machine=machine, state=planned.name, field="ResultPath",
            pointer=f"{state.pointer}/ResultPath", expression=str(at),
            what=f"the result at {at} is read by no state after it and is not in the output",
            fix='"ResultPath": null keeps the state as it is',
        )  # fmt: skip
    if isinstance(state, MapState) and planned.selector is not None and state.distribution is None:
        inner = demands.inputs.get(planned.graphs[0].start_at, frozenset())
        yield from _unread_keys(machine, planned, planned.selector, inner)


def _unread_keys(machine: str, planned: PlannedState, step: Step, wanted: Demand) -> Iterator[Finding]:
    if isinstance(step.expression, Template):
        for steps, pointer in _keys(step.expression.value, (), step.pointer):
            if not overlaps(wanted, steps):
                key = ".".join(map(str, steps))
                yield Finding(
                    code="OUTPUT_UNREAD", severity=NOTE, machine=machine, state=planned.name, pointer=pointer,
                    field=f"{step.field}{pointer.removeprefix(step.pointer)}",
                    what=f"{key} is made here, read by no state after it, and not in the output",
                    fix=f"leave {key} out",
                )  # fmt: skip


def _keys(value: Json, above: Steps, pointer: str) -> Iterator[tuple[Steps, str]]:
    """Yield the places that a template makes, with their pointers: the leaves of its own objects."""
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        name, at = key.removesuffix(".$"), f"{pointer}/{escape(key)}"
        if isinstance(each, dict) and each and name == key:
            yield from _keys(each, (*above, name), at)
        else:
            yield (*above, name), at


_OF_ANY_KIND = frozenset((errors.ALL, errors.TASK_FAILED, errors.BRANCH_FAILED))


def _swallowed(machine: str, planned: PlannedState, graph: PlannedGraph, demands: Demands) -> Iterator[Finding]:
    for number, each in enumerate(planned.catchers):
        target = graph.states.get(each.catcher.next)
        if target is None or each.assign is not None:
            continue
        wanted = demands.inputs.get(target.name, frozenset())
        place = _error_place(each, wanted)
        if place is None:
            continue
        ends = _ends(target, graph)
        fails = [state for state in ends if state.state.type == "Fail"]
        always_fails = bool(fails) and len(fails) == len(ends)
        # Of an error that the Catch names, the Fail state knows what it was.
        severity = WARNING if always_fails and not _OF_ANY_KIND.isdisjoint(each.catcher.error_equals) else NOTE
        last = fails[0] if always_fails else target
        put = f"is put{place.where}" if place.where else "takes the place of the whole state"
        what = f"the error {put}, and no state from {target.name} on reads it"
        if place.dropped:
            what = f"{place.dropped} drops the error, so that no state from {target.name} on can tell it"
        yield Finding(
            code="CAUSE_SWALLOWED", severity=severity, machine=machine, state=planned.name,
            pointer=f"{planned.state.pointer}/Catch/{number}", field=f"Catch[{number}]", what=what,
            why=_fixed(last), fix=place.tell(last),
            other=End(state=last.name, pointer=last.state.pointer),
        )  # fmt: skip


def _fixed(last: PlannedState) -> str:
    if last.state.type != "Fail":
        return "the execution goes on, and its output does not tell that anything failed"
    return f"{last.name} fails with an Error and Cause of its own: the real ones are lost"


@dataclass(frozen=True, slots=True)
class ErrorPlace:
    """Where a catcher puts the error output, as its definition says it.

    Attributes:
        at: the path at which later states read it; empty where it is dropped.
        where: " at …", or nothing if it stands in the place of everything.
        dropped: the field that drops it, if one does.
        keep: what keeps it, where it is dropped.
        in_jsonata: whether the catcher is of a state in JSONata.
    """

    at: str
    where: str = ""
    dropped: str = ""
    keep: str = ""
    in_jsonata: bool = False

    def tell(self, last: PlannedState) -> str:
        """Say what tells the error in the end."""
        if last.state.type != "Fail":
            return f"{self.keep}pass {self.at} on to the output, if somebody should know"
        if self.in_jsonata:
            read = f'"Error": "{{% {self.at}.Error %}}" and "Cause": "{{% {self.at}.Cause %}}"'
        else:
            read = f'"ErrorPath": "{self.at}.Error" and "CausePath": "{self.at}.Cause"'
        return f"{self.keep}let {last.name} have {read}"


def _error_place(caught: PlannedCatcher, wanted: Demand) -> ErrorPlace | None:
    """Return where a catcher puts the error, of which nothing is read; None where some of it is."""
    step, path = caught.step, caught.catcher.result_path
    if step is not None and step.verb == "build":
        from sfn_sim.analysis.check.jsonata_usage import error_place

        return error_place(step, wanted)
    at: Steps | None = ()
    if step is not None:
        at = step.expression.steps if isinstance(step.expression, ReferencePath) else None
    if at is not None and overlaps(wanted, at):
        return None
    if at is None:
        return ErrorPlace("$.error", dropped="ResultPath null", keep='give the Catch "ResultPath": "$.error", and ')
    return ErrorPlace(str(path), "" if path == "$" else f" at {path}")


def _ends(start: PlannedState, graph: PlannedGraph) -> list[PlannedState]:
    """Return the states in which the ways from a state end."""
    found: list[PlannedState] = []
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        planned = ahead.pop()
        if planned.name in seen:
            continue
        seen.add(planned.name)
        ways = targets(planned)
        if planned.state.type == "Fail" or None in ways:
            found.append(planned)
        ahead += [graph.states[each] for each in ways if each is not None and each in graph.states]
    return found

