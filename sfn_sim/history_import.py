"""A run that AWS made, out of what `aws stepfunctions get-execution-history` printed.

Every value comes from the history's events; the stages between them are folded again by our plan (`refold`). What the
history lacks is named, and nothing is made up in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from sfn_sim.analysis.drawn import NAMES, TIMES
from sfn_sim.analysis.kept import UNKNOWN_CHILDREN
from sfn_sim.definition.model import ABSENT, MapState
from sfn_sim.definition.plan import PlannedGraph, PlannedState
from sfn_sim.errors import ConfigurationError, Detail
from sfn_sim.history_events import Told, check_events
from sfn_sim.machine import START, StateMachine
from sfn_sim.payload import Json, dumps, loads
from sfn_sim.refold import UNKNOWN, FoldDifference, Refold, Stay, Way
from sfn_sim.run.child import Child
from sfn_sim.run.context import Identity
from sfn_sim.run.execution import Execution, Options
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import DETAILS, Event, Log, Visit
from sfn_sim.run.map_run import MapRun
from sfn_sim.run.states import BLOCKING, SIMPLE
from sfn_sim.stored import child_of

_JSON_TEXT = ("input", "output", "parameters")
_STATUS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
_JOINS = ("MapStateSucceeded", "MapStateFailed", "ParallelStateSucceeded", "ParallelStateFailed")
_RUN_STATUS = {"MapRunSucceeded": "SUCCEEDED", "MapRunFailed": "FAILED", "MapRunAborted": "ABORTED"}
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Imported:
    """A run of AWS's, with what is to be known of it.

    Attributes:
        execution: the run.
        differences: where our plan makes something else of its values than AWS did, in the order of events.
        lacking: what its history does not have.
        drawn: what chance, the clock or the execution's own name gave, which no fold gives again.
    """

    execution: Execution
    differences: Sequence[FoldDifference]
    lacking: Sequence[str]
    drawn: Sequence[str] = ()

    def notes(self) -> list[str]:
        """Return what is to be noted of the run."""
        found = list(self.lacking[:_MOST_TOLD])
        if len(self.lacking) > _MOST_TOLD:
            found.append(f"and {len(self.lacking) - _MOST_TOLD:,} more that the history lacks")
        found += self.drawn[:_MOST_TOLD]
        if len(self.drawn) > _MOST_TOLD:
            found.append(f"and {len(self.drawn) - _MOST_TOLD:,} more that no fold gives again")
        if self.differences:
            found.append(f"our fold differs from AWS's first at {self.differences[0]}")
        return found


def import_history(
    events: Told,
    machine: StateMachine,
    execution_arn: str | None = None,
    children: Mapping[str, Told] | None = None,
) -> Imported:
    """Return the run that a history tells of.

    Args:
        events: its events, as the API gives them, oldest first.
        machine: the machine that made it.
        execution_arn: the execution's ARN, which a history does not have.
        children: the histories of children of its Map Runs, as far as they are there, by their places: "Rows[3]".

    Raises:
        ConfigurationError: it is the history of another machine; an event of it cannot be placed; a child that is given
            has no place in it, or its input is not the item there.
    """
    given = children or {}
    for each in (events, *given.values()):
        check_events(each)
    run = _Import(events, machine, _Who(machine.name, execution_arn), machine.planned.graph, given).run()
    _check_places(run.execution, given)
    return run


def _check_places(execution: Execution, given: Mapping[str, Told]) -> None:
    """Refuse children for which there is no place.

    Raises:
        ConfigurationError: no Map Run has them.
    """
    for place in given:
        around, _, last = place.rpartition("[")
        if not around or not last.removesuffix("]").isdecimal() or not last.endswith("]"):
            raise ConfigurationError(f"--child {place}: name a child by its Map and its number, such as Rows[3]")
    there = set(_places(execution))
    gone = next((place for place in given if place not in there), None)
    if gone is not None:
        maps = [run.path for run in execution.map_runs]
        known = f"it has Map Runs of {', '.join(dict.fromkeys(maps))}" if maps else "it has no Map Run"
        raise ConfigurationError(
            f"--child {gone}: there is no such place in the history: {known}; for a child of a child give that, too"
        )


def _places(execution: Execution, lead: str = "") -> Iterator[str]:
    for run in execution.map_runs:
        for index, child in run.children.items():
            place = f"{lead}{run.path}[{index}]"
            yield place
            yield from _places(child.execution(), f"{place}.")


@dataclass(slots=True)
class _Node:
    """One stay, before it is folded: its events."""

    planned: PlannedState
    outer: tuple[_Node, int] | None
    graph: PlannedGraph
    kind: str
    events: list[Event] = field(default_factory=list)
    closed: bool = False
    stay: Stay | None = None


class _Who(NamedTuple):
    """Who an execution is: the machine, and its ARN if that is known; of a child the Map Run and the number in it."""

    machine: str
    arn: str | None = None
    child: int | None = None


class _Import:
    def __init__(
        self, told: Told, machine: StateMachine, who: _Who, graph: PlannedGraph, children: Mapping[str, Told]
    ) -> None:
        self._machine = machine
        self._graph = graph
        self._children = children
        self._lacking: list[str] = []
        self._unknown: frozenset[str] = frozenset()
        self._start, self._events = self._read(told)
        self._nodes: dict[int, _Node] = {}
        self._first: dict[int, tuple[_Node, int] | None] = {}
        self._root: Way | None = None
        self._identity = self._who(who)

    def run(self) -> Imported:
        """Return the run, with what was noticed."""
        for event in self._events:
            self._own(event)
        given = self._value(self._events[0], "input")
        log = Log(None)
        visits: list[Visit] = []
        known = None if given is UNKNOWN else given
        interpreter = Interpreter(log, self._identity, known, SIMPLE, BLOCKING)
        refold = Refold(interpreter, visits, self._unknown)
        self._fold(refold, interpreter)
        log.visits = visits
        log.events = [_known(event) for event in self._events]
        log.now_ms = self._events[-1][2]
        log.map_runs = list(self._map_runs(refold))
        execution = Execution(self._identity, self._machine.planned, known, Options(), log)
        self._end(execution)
        return Imported(execution, refold.found, [*self._lacking, *refold.lacking], refold.drawn)

    def _end(self, execution: Execution) -> None:
        last = self._events[-1]
        execution.status = _STATUS.get(last[3], "RUNNING")
        if execution.status == "RUNNING":
            self._lacking.append(f"event {last[0]}: the history ends before the execution does")
        elif execution.status == "SUCCEEDED":
            output = self._value(last, "output")
            execution.output = None if output is UNKNOWN else output
        else:
            execution.error, execution.cause = last[4]
            execution.detail = self._detail_of_failure(execution)
            failed = execution.map_runs[-1] if execution.map_runs else None
            if failed is not None and (failed.error, failed.cause) == (execution.error, execution.cause):
                visit = execution.log.visits[failed.visit]
                visit.error = (failed.error, failed.cause)
                execution.detail = Detail(
                    "map run", state=visit.name, pointer=visit.state.state.pointer, visit=visit.index
                )

    def _detail_of_failure(self, execution: Execution) -> Detail | None:
        """Return what our fold knows of the failure, where it failed as AWS did."""
        last = self._root.last if self._root is not None else None
        error = last.error if last is not None and not last.closed else None
        return error.detail if error is not None and error.name == execution.error else None

    def _map_runs(self, refold: Refold) -> Iterator[MapRun]:
        """Yield the Map Runs of the history, with those of their children that were given."""
        for event in self._events:
            node = self._nodes.get(event[0])
            if event[3] != "MapRunStarted" or node is None or node.stay is None:
                continue
            state, visit, setup = cast("MapState", node.planned.state), node.stay.visit, node.stay.setup
            arn = self._value(event, "mapRunArn")
            run = MapRun(
                arn=arn if isinstance(arn, str) else "",
                execution_arn=self._identity.arn,
                label=str(arn).rpartition(":")[0].rpartition("/")[2],
                visit=visit.index,
                path=visit.path,
                pointer=node.planned.graphs[0].pointer,
                express=state.distribution is not None and state.distribution.execution_type == "EXPRESS",
                start=self._start + timedelta(milliseconds=event[2]),
                start_ms=event[2],
                max_concurrency=setup.max_concurrency if setup is not None else 0,
                tolerated_count=setup.tolerated_count if setup is not None else 0,
                tolerated_share=setup.tolerated_share if setup is not None else 0,
                keep=UNKNOWN_CHILDREN,
            )
            self._ended(run, event, node)
            for place, told in self._children.items():
                index = place.removeprefix(f"{run.path}[").removesuffix("]")
                if place == f"{run.path}[{index}]" and index.isdecimal():
                    run.children[int(index)] = self._child(refold, run, node, int(index), told)
            yield run

    def _ended(self, run: MapRun, started: Event, node: _Node) -> None:
        for event in node.events:
            status = _RUN_STATUS.get(event[3])
            if event[0] > started[0] and status is not None:
                run.status, run.stop_ms = status, event[2]
                if status == "FAILED":
                    run.error, run.cause = self._value(event, "error"), self._value(event, "cause")
                return

    def _child(self, refold: Refold, run: MapRun, node: _Node, index: int, told: Told) -> Child:
        place, lead = f"{run.path}[{index}]", f"{run.path}[{index}]."
        inner = {name.removeprefix(lead): each for name, each in self._children.items() if name.startswith(lead)}
        who = _Who(f"{self._identity.machine_name.partition('/')[0]}/{run.label}", None, index)
        imported = _Import(told, self._machine, who, node.planned.graphs[0], inner).run()
        execution = imported.execution
        _check_input(node, execution.input, place)
        self._lacking += [f"{place}: {each}" for each in imported.lacking]
        refold.found += [replace(each, place=f"{lead}{each.place}") for each in imported.differences]
        return child_of(execution, index, 1)

    def _read(self, told: Sequence[dict[str, Any]]) -> tuple[datetime, list[Event]]:
        moments = [_moment(each.get("timestamp")) for each in told]
        start = moments[0] or START
        if None in moments:
            self._unknown |= {TIMES}
            self._lacking.append("the history lacks times that can be read: everything is at the start")
        events = []
        for each, moment in zip(told, moments, strict=True):
            at_ms = 0 if moment is None else max(0, round((moment - start).total_seconds() * 1000))
            events.append((each["id"], each.get("previousEventId", 0), at_ms, each["type"], self._details(each)))
        return start, events

    def _details(self, told: dict[str, Any]) -> tuple[Any, ...]:
        if told["type"] not in DETAILS:
            raise ConfigurationError(f"event {told['id']}: events of type {told['type']} are not read yet")
        key, names = DETAILS[told["type"]]
        details = told.get(key, {}) if key else {}
        return tuple(self._detail(told, details, name) for name in names)

    def _detail(self, told: dict[str, Any], details: dict[str, Any], name: str) -> Any:
        if name == "assignedVariables" and details.get(f"{name}Details", {}).get("truncated"):
            self._lacking.append(f"event {told['id']}: the history has the assigned variables truncated")
            return UNKNOWN
        if name == "assignedVariables":
            return {key: _parsed(value) for key, value in details.get(name, {}).items()} or None
        if name not in _JSON_TEXT:
            value = details.get(name)
            return dumps(value) if isinstance(value, dict | list) else value
        if details.get(f"{name}Details", {}).get("truncated"):
            self._lacking.append(f"event {told['id']}: the history has the {name} truncated")
            return UNKNOWN
        return _parsed(details[name]) if name in details else UNKNOWN

    def _who(self, who: _Who) -> Identity:
        role = dict(zip(DETAILS["ExecutionStarted"][1], self._events[0][4], strict=False)).get("roleArn") or ""
        parts = (who.arn or "").split(":")
        if len(parts) >= 8:
            return Identity(parts[6], parts[7], self._start, region=parts[3], account=parts[4], role=role)
        self._unknown |= {NAMES}
        if who.child is not None:
            return Identity(who.machine, f"imported-{who.child}", self._start, role=role)
        self._lacking.append("the history lacks the execution's name, which $$.Execution has: --execution-arn ARN")
        return Identity(who.machine, "imported", self._start, role=role)

    def _value(self, event: Event, name: str) -> Any:
        return dict(zip(DETAILS[event[3]][1], event[4], strict=False)).get(name, UNKNOWN)

    def _own(self, event: Event) -> None:
        """Find the stay that an event belongs to, by what it hangs on."""
        number, previous, _, kind, _ = event
        before = self._nodes.get(previous)
        if kind.endswith("StateEntered"):
            self._nodes[number] = self._entered(event, before)
        elif before is not None and not kind.startswith("Execution"):
            node = (self._evaluated(event) if kind == "EvaluationFailed" else None) or self._climbed(event, before)
            if node is None and kind == "EvaluationFailed":
                return  # tells why an expression failed, and hangs on whatever was last
            if node is None:
                raise ConfigurationError(f"event {number} ({kind}) belongs to no state that has been entered")
            self._nodes[number] = node
            node.events.append(event)
            if kind == "MapIterationStarted":
                self._first[number] = (node, self._value(event, "index"))
            elif kind == "ParallelStateStarted":
                self._first[number] = (node, -1)
            if kind.endswith(("StateExited", "StateAborted")):
                node.closed = True

    def _evaluated(self, event: Event) -> _Node | None:
        """Return the stay in which an expression failed: what fails at once hangs on the event before its entry."""
        for number in range(event[0] - 1, event[1], -1):
            node, entered = self._nodes.get(number), self._events[number - 1]
            if node is None or entered[1] != event[1] or not entered[3].endswith("StateEntered"):
                continue
            if node.planned.name == self._value(event, "state") and not node.closed:
                return node
        return None

    def _entered(self, event: Event, before: _Node | None) -> _Node:
        number, previous, _, kind, _ = event
        name = self._value(event, "name")
        if previous in self._first:
            outer, index = cast("tuple[_Node, int]", self._first[previous])
            graphs = outer.planned.graphs
            if index < 0:
                index = next((n for n, each in enumerate(graphs) if each.start_at == name), 0)
            place, graph = (outer, index), graphs[0 if len(graphs) == 1 else index]
        else:
            place = before.outer if before is not None else None  # type: ignore[assignment]
            graph = before.graph if before is not None else self._graph
        planned = graph.states.get(name)
        if planned is None or not kind.startswith(planned.state.type):
            raise ConfigurationError(
                f"event {number}: the run entered {name} ({kind}), which {self._machine.name} does not have there: "
                "this is the history of another definition. `aws stepfunctions describe-state-machine-for-execution` "
                "prints the one that it was made with"
            )
        return _Node(planned, place, graph, planned.state.type)

    def _climbed(self, event: Event, before: _Node) -> _Node | None:
        """Return the innermost stay round an event that can have it."""
        kind = event[3]
        named = self._value(event, "name") if kind.startswith("MapIteration") or kind.endswith("Exited") else None
        wanted = "Map" if kind.startswith("Map") else "Parallel" if kind.startswith("Parallel") else None
        node: _Node | None = before
        while node is not None:
            fits = wanted is None or node.kind == wanted
            if fits and not node.closed and (not isinstance(named, str) or node.planned.name == named):
                return node
            node = node.outer[0] if node.outer is not None else None
        return None

    def _fold(self, refold: Refold, interpreter: Interpreter) -> None:
        root = self._root = Way(interpreter.new_branch("", 0, -1), self._graph, None)
        for event in self._events:
            number, _, _, kind, _ = event
            node = self._nodes.get(number)
            if node is None:
                continue
            if kind.endswith("StateEntered"):
                value = self._value(event, "input")
                node.stay = refold.enter(node.planned, self._way(refold, node, root), event, value)
                node.stay.events = node.events
                refold.begin(node.stay, known=value is not UNKNOWN)
            elif node.stay is not None and kind in _JOINS:
                refold.join(node.stay, succeeded=kind.endswith("Succeeded"))
            elif node.stay is not None and kind.endswith("StateExited"):
                refold.leave(node.stay, event, self._value(event, "output"), self._value(event, "assignedVariables"))
        if self._events[-1][3] == "ExecutionFailed":
            refold.end(root, self._events[-1])

    def _way(self, refold: Refold, node: _Node, root: Way) -> Way:
        if node.outer is None:
            return root
        outer, index = node.outer
        stay = cast("Stay", outer.stay)
        return stay.inner.get(index) or refold.open_way(stay, index)


def _check_input(node: _Node, given: Json, place: str) -> None:
    """Refuse a child that was not given the item there, where that can be told.

    Raises:
        ConfigurationError: it is the history of another child.
    """
    state, stay = cast("MapState", node.planned.state), cast("Stay", node.stay)
    items = stay.setup.items if stay.setup is not None else None
    if items is None or stay.setup is None or stay.setup.batches is not None or state.item_selector is not ABSENT:
        return
    index = int(place.rpartition("[")[2].removesuffix("]"))
    if index < len(items) and items[index] == given:
        return
    where = [f"{stay.visit.path}[{number}]" for number, each in enumerate(items) if each == given][:3]
    meant = f"; that is the item of {', '.join(where)}" if where else ""
    has = f"not item {index:,}" if index < len(items) else f"no item of it: the Map has {len(items):,} items"
    raise ConfigurationError(f"--child {place}: the child of that history was given {has}{meant}")


def _known(event: Event) -> Event:
    number, previous, at_ms, kind, details = event
    return number, previous, at_ms, kind, tuple(None if each is UNKNOWN else each for each in details)


def _moment(told: object) -> datetime | None:
    """Return a timestamp in UTC: seconds since 1970, or a text in ISO 8601, which the CLI prints in local time."""
    if isinstance(told, datetime):
        return told.astimezone(UTC)
    if isinstance(told, int | float):
        return datetime.fromtimestamp(told, UTC)
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _parsed(text: object) -> Json:
    """Return what a field of JSON text says; recordings may hold the value itself."""
    if not isinstance(text, str):
        return cast("Json", text)
    try:
        return loads(text)
    except ValueError:
        return text
