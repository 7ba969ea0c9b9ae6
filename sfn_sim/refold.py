"""The stages of a run that AWS made: its states folded again by our plan, on the values of its history.

Rule of this module: what a state was given, what its task answered and what it gave on come from the history alone.
Where our plan makes something else of it, that is noted, and the history's value goes on. What chance or the clock gave
is AWS's in any case: it is named, and no difference.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sfn_sim.analysis.compare import NOTHING, Difference, differences
from sfn_sim.analysis.drawn import Drawing, Drawn, steps_of
from sfn_sim.analysis.trace import effective_input
from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedGraph, PlannedState
from sfn_sim.errors import TIMEOUT, Detail, StatesError, UnsupportedFeatureError
from sfn_sim.payload import Json, dumps, encode_to_keep, loads, size_bytes
from sfn_sim.run import flow, token
from sfn_sim.run.effects import Gather, Invoke, Outcome, Sleep, StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import DETAILS, Branch, Event, Log, Visit
from sfn_sim.run.map_setup import Setup, prepare
from sfn_sim.run.task import timeouts
from sfn_sim.services.recorded import Recorded, calls_of


class _Unknown:
    """Stands for a value that the history lacks."""


UNKNOWN = _Unknown()


@dataclass(frozen=True, slots=True)
class FoldDifference:
    """Where our plan makes something else of a run's values than AWS did; `left` is AWS's side, `right` ours."""

    event: int
    place: str
    what: str
    differences: Sequence[Difference]

    def __str__(self) -> str:
        first = self.differences[0]
        more = f" and {len(self.differences) - 1:,} more" if len(self.differences) > 1 else ""
        return f"event {self.event}, {self.place}, {self.what}: AWS | sfn-sim {first}{more}"


@dataclass(slots=True)
class Stay:
    """One stay of the run in a state.

    Attributes:
        entered: its StateEntered event; `events` all that belong to it, in order.
        inner: the branches below it, by index, of its present attempt.
    """

    planned: PlannedState
    way: Way
    entered: Event
    visit: Visit
    events: list[Event] = field(default_factory=list)
    inner: dict[int, Way] = field(default_factory=dict)
    calls: Iterator[Recorded] = field(default_factory=lambda: iter(()))
    run: StateRun | None = None
    gather: Gather | None = None
    closed: bool = False
    output: Any = None
    error: StatesError | None = None
    next: str | None = None
    folded: bool = False
    setup: Setup | None = None
    variables: Any = None


@dataclass(slots=True)
class Way:
    """One way through the machine, as `run.log.Branch`, with the stay round it and the last stay on it."""

    branch: Branch
    graph: PlannedGraph
    outer: Stay | None
    last: Stay | None = None


class _Written(list[Event]):
    """The events that a state writes while it is folded; whatever was before them is not asked for."""

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            return (0, 0, 0, "", ())


class Refold:
    """Folds stays one after the other, in the order in which the history enters and leaves them.

    Args:
        interpreter: what the states share; its log is replaced for every state.
        visits: where visits are added.
        unknown: what of the Context Object is not known (`analysis.drawn`).

    Attributes:
        found: where our plan makes something else of the values than AWS did.
        lacking: what the history does not have.
        drawn: what chance or the clock gave: AWS's values stand there.
    """

    def __init__(self, interpreter: Interpreter, visits: list[Visit], unknown: frozenset[str] = frozenset()) -> None:
        self._interpreter = interpreter
        self._visits = visits
        self._unknown = unknown
        self._drawn: dict[tuple[str, str], tuple[Drawn, list[int]]] = {}
        self.found: list[FoldDifference] = []
        self.lacking: list[str] = []
        # The clock of a state that is folded stands at its event.
        start_ms = round(interpreter.identity.start.timestamp() * 1000)
        interpreter.now_ms = lambda: start_ms + interpreter.log.now_ms

    @property
    def drawn(self) -> list[str]:
        """What chance, the clock or the execution's name gave, each field once."""
        told = []
        for (place, name), (by, events) in self._drawn.items():
            more = f" ({len(events):,} times)" if len(events) > 1 else ""
            taken = f"is given by {by.what}: AWS's value is taken{more}"
            told.append(f"event {events[0]}: {name} of {place} ({by.by}) {taken}")
        return told

    def enter(self, planned: PlannedState, way: Way, event: Event, value: Any) -> Stay:
        """Begin a stay; it is folded by `begin`, once all its events are known."""
        interpreter, branch = self._interpreter, way.branch
        self._scratch(event[2])
        branch.size = -1
        before = way.last
        if before is not None:
            if before.folded and before.error is None and before.next != planned.name:
                self._went_elsewhere(event[0], before, planned.name)
        elif way.outer is not None and way.outer.gather is not None and not isinstance(value, _Unknown):
            self._compare_first_input(way, event, value)
        if before is not None and before.closed and before.output is not UNKNOWN and value is not UNKNOWN:
            self._compare(event[0], branch.label + planned.name, "input", value, before.output)
        visit = interpreter.enter(planned, branch, None if isinstance(value, _Unknown) else value)
        visit.entered_event = branch.last = event[0]
        visit.index = branch.visit = len(self._visits) - 1
        stay = Stay(planned, way, event, visit)
        way.last = stay
        if isinstance(value, _Unknown):
            self._lacks(event[0], f"the input of {visit.path}")
        return stay

    def begin(self, stay: Stay, *, known: bool) -> None:
        """Fold a stay as far as it needs no inner stays."""
        stay.variables = stay.way.branch.scope.variables
        if not known:
            return
        stay.calls = iter(calls_of(stay.events))
        interpreter, planned, branch, visit = self._interpreter, stay.planned, stay.way.branch, stay.visit
        state = planned.state
        if isinstance(state, MapState) and state.distribution is not None:
            why = f"the children of {visit.path}: a Map Run's executions have histories of their own"
            self._lacks(stay.entered[0], why)
            self._prepare(stay)
            return
        self._scratch(stay.entered[2])
        simple = interpreter.simple.get(state.type)
        try:
            if simple is not None:
                output, stay.next = simple(interpreter, planned, branch, visit, visit.input)
                self._ended(stay, output)
                return
            fold = _any_task if state.type == "Task" else interpreter.blocking[state.type]
            stay.run = fold(interpreter, planned, branch, visit, visit.input)
            self._go_on(stay, None)
        except StatesError as error:
            self._failed(stay, error)

    def _prepare(self, stay: Stay) -> None:
        """Fold a distributed Map's fields, as far as they need no reader."""
        planned, branch, visit = stay.planned, stay.way.branch, stay.visit
        self._scratch(stay.entered[2])
        try:
            effective = flow.fold(planned.plan.once, visit.input, visit.input, visit, branch.scope)
            next(prepare(self._interpreter, planned, branch, visit, effective))
        except StopIteration as prepared:
            stay.setup = prepared.value
        except StatesError as error:
            self._failed(stay, error)

    def join(self, stay: Stay, *, succeeded: bool) -> None:
        """Go on with a Map or Parallel whose branches have ended."""
        gather, stay.gather = stay.gather, None
        if gather is None or stay.run is None:
            return
        self._scratch(stay.events[-1][2])
        results: list[Any] = [None] * gather.count
        failure: StatesError | None = None
        for index, way in stay.inner.items():
            last = way.last
            if last is None or index >= gather.count:
                continue
            if last.closed and last.output is not UNKNOWN:
                results[index] = last.output
            elif last.error is not None:
                tolerated = gather.tolerates is not None and gather.tolerates(index, last.error)
                failure = failure if tolerated else last.error
        stay.inner = {}
        try:
            if succeeded or failure is None:
                self._go_on(stay, results)
            else:
                self._go_on(stay, failure)
        except StatesError as error:
            self._failed(stay, error)

    def leave(self, stay: Stay, event: Event, output: Any, assigned: Json) -> None:
        """End a stay that AWS left with an output."""
        visit = stay.visit
        if stay.run is not None:
            stay.run.close()
        if stay.folded and stay.error is not None:
            self._differs(event[0], visit.path, "outcome", "left", f"failed: {stay.error.name}: {stay.error.cause}")
            visit.error, stay.error = None, None
        elif stay.folded and output is not UNKNOWN:
            drawing = self._drawing(stay)
            self._compare(event[0], visit.path, "output", output, stay.output, drawing.output)
            _replace(visit, "output", output)
        if output is UNKNOWN:
            self._lacks(event[0], f"the output of {visit.path}")
        if assigned is None and stay.folded and visit.assigned and output is not UNKNOWN:
            assigned = {}
        if isinstance(assigned, dict):
            if stay.folded:
                ours, drawing = dict(visit.assigned or {}), self._drawing(stay)
                self._compare(event[0], visit.path, "assignedVariables", assigned, ours, drawing.assigned)
                _replace(visit, "variables", assigned)
            visit.assigned = assigned
        elif not stay.folded:
            visit.assigned = None
        if visit.assigned:
            scope = stay.way.branch.scope
            scope.variables = {**stay.variables, **visit.assigned}
        visit.output, visit.left, visit.exited_ms = (None if output is UNKNOWN else output), True, event[2]
        stay.output, stay.closed = output, True
        stay.way.branch.last = event[0]

    def end(self, root: Way, event: Event) -> None:
        """Compare how the execution failed with AWS with how its last state fails in our fold."""
        last = root.last
        if last is None or last.closed or not last.folded:
            return
        place, error, limit = last.visit.path, last.error, self._interpreter.limit_bytes
        size = size_bytes(last.output) if error is None else 0
        if size > limit:
            error = flow.too_large(last.visit.name, size, limit, lambda: last.output, "output")
        if error is None:
            self._differs(event[0], place, "outcome", f"failed: {event[4][0]}", "left")
            return
        for name, theirs, ours in zip(("error", "cause"), event[4], (error.name, error.cause), strict=True):
            self._compare(event[0], place, name, theirs, ours)

    def open_way(self, stay: Stay, index: int) -> Way:
        """Return the way of a branch or an item, which begins."""
        interpreter, visit = self._interpreter, stay.visit
        branch = interpreter.new_branch(f"{visit.path}[{index}].", 0, visit.index, stay.way.branch)
        branch.scope.variables = stay.variables
        graphs = stay.planned.graphs
        if stay.planned.state.type == "Map":
            items = next((v for n, v in reversed(visit.stages) if isinstance(v, list) and n != "result"), None)
            branch.item = (index, items[index] if items is not None and index < len(items) else None)
            branch.state, branch.entered_ms = stay.planned, visit.entered_ms
        way = Way(branch, graphs[0 if len(graphs) == 1 else index], stay)
        stay.inner[index] = way
        return way

    def _go_on(self, stay: Stay, value: Any) -> None:
        """Answer what a state asks for out of the history, until it ends, or waits for its branches.

        Raises:
            StatesError: the state failed.
        """
        run = stay.run
        assert run is not None
        try:
            effect = run.throw(value) if isinstance(value, StatesError) else run.send(value)
            while True:
                if isinstance(effect, Gather):
                    stay.gather = effect
                    self._check_items(stay, effect)
                    return
                answer = self._answer(stay, effect)
                if answer is None:
                    run.close()
                    stay.run = None
                    return
                effect = run.send(answer if answer is not _NOTHING_TO_SAY else None)
        except StopIteration as stop:
            output, stay.next = stop.value
            stay.run = None
            self._ended(stay, output)

    def _check_items(self, stay: Stay, gather: Gather) -> None:
        """Let a Map alone whose items were drawn, and were more or fewer with AWS."""
        started = next((each for each in reversed(stay.events) if each[3] == "MapStateStarted"), None)
        if started is None or started[4][0] in (gather.count, None):
            return
        by = self._drawing(stay).items(())
        if by is not None and stay.run is not None:
            self._was_drawn(started[0], stay.visit.path, by)
            stay.run.close()
            stay.run = stay.gather = None
            stay.visit.stages[:] = [each for each in stay.visit.stages if each[0] != "afterItems"]

    def _answer(self, stay: Stay, effect: object) -> Any:
        log = self._interpreter.log
        if isinstance(effect, Sleep):
            has_ended = any(event[3].endswith("StateExited") for event in stay.events)
            return _NOTHING_TO_SAY if has_ended or stay.planned.state.type != "Wait" else None
        if isinstance(effect, Invoke):
            call = next(stay.calls, None)
            if call is None or not call.ended:
                return None
            if isinstance(call.result, _Unknown):
                self._lacks(stay.entered[0], f"what the task of {stay.visit.path} answered")
                return None
            self._compare_payload(stay, call, log.tokens)
            log.now_ms = call.at_ms + call.took_ms + call.answer_ms
            return _outcome(stay, call)
        return None

    def _compare_payload(self, stay: Stay, call: Recorded, tokens: Iterable[str]) -> None:
        """Compare what a task was given with what our plan gives it."""
        theirs = next((event for event in stay.events if event[0] == call.event), None)
        if theirs is None:
            return
        name = "parameters" if theirs[3] == "TaskScheduled" else "input"
        value = dict(zip(DETAILS[theirs[3]][1], theirs[4], strict=False)).get(name, UNKNOWN)
        if value is UNKNOWN:
            self._lacks(theirs[0], f"what {stay.visit.path} called its task with")
            return
        given = stay.visit.stages[-1][1]
        found = [each for each in differences(value, given) if not _has_token(each.right, tokens)]
        self._told(theirs[0], stay.visit.path, name, found, value, given, self._drawing(stay).given)
        if found and stay.visit.stages[-1][0] == "afterArguments":
            stay.visit.stages[-1] = ("afterArguments", value)

    def _compare_first_input(self, way: Way, event: Event, value: Json) -> None:
        """Compare what a branch or item was given with what our plan gives it, by starting ours for a moment."""
        assert way.outer is not None
        assert way.outer.gather is not None
        index = next(index for index, each in way.outer.inner.items() if each is way)
        if index >= way.outer.gather.count:
            self._differs(event[0], way.branch.label + way.graph.start_at, "items", index + 1, way.outer.gather.count)
            return
        interpreter, kept = self._interpreter, self._interpreter.log
        interpreter.log = log = Log(None)
        log.now_ms = kept.now_ms
        child = way.outer.gather.start(index, None)
        with contextlib.suppress(StatesError, StopIteration, UnsupportedFeatureError):
            child.send(None)
        child.close()
        interpreter.log = kept
        if log.visits:
            ours, outer = log.visits[0].input, way.outer
            drawing = Drawing(outer.visit, way.branch.scope, self._unknown)
            is_map = isinstance(outer.planned.state, MapState)
            drawn = functools.partial(drawing.item, index) if is_map else drawing.given
            self._compare(event[0], way.branch.label + way.graph.start_at, "input", value, ours, drawn)

    def _ended(self, stay: Stay, output: Json) -> None:
        stay.folded, stay.output = True, output

    def _failed(self, stay: Stay, error: StatesError) -> None:
        stay.folded, stay.error, stay.run = True, error, None
        self._interpreter.note(error, stay.visit)

    def _scratch(self, at_ms: int) -> None:
        """Give the states a log of their own: what they write is compared, and the history's events stand."""
        log = Log(None)
        log.events = _Written()
        log.visits = self._visits
        log.now_ms = at_ms
        self._interpreter.log = log

    def _compare(
        self, event: int, place: str, what: str, theirs: Json, ours: Json, drawn: _FindDrawn | None = None
    ) -> None:
        self._told(event, place, what, list(differences(theirs, ours)), theirs, ours, drawn)

    def _told(
        self, event: int, place: str, what: str, found: list[Difference], theirs: Json, ours: Json,
        drawn: _FindDrawn | None,
    ) -> None:  # fmt: skip
        """Note differences, but for those that were drawn: they are named."""
        kept = []
        for each in found:
            by = drawn(steps_of(each.pointer, theirs, ours)) if drawn is not None else None
            if by is None:
                kept.append(each)
            else:
                self._was_drawn(event, place, by)
        if kept:
            self.found.append(FoldDifference(event, place, what, kept))

    def _was_drawn(self, event: int, place: str, by: Drawn) -> None:
        key = (_INDEX.sub("[]", place), by.field)
        events = self._drawn.setdefault(key, (by, []))[1]
        if event not in events[-1:]:
            events.append(event)

    def _drawing(self, stay: Stay) -> Drawing:
        return Drawing(stay.visit, stay.way.branch.scope, self._unknown)

    def _went_elsewhere(self, event: int, stay: Stay, target: str) -> None:
        """Note that a state led to another one with AWS, unless it went by what was drawn."""
        by = self._drawing(stay).way()
        if by is None:
            self._differs(event, stay.visit.path, "next state", target, stay.next)
        else:
            self._was_drawn(event, stay.visit.path, by)

    def _differs(self, event: int, place: str, what: str, theirs: Json, ours: Json) -> None:
        sides = [NOTHING if each is None else each for each in (theirs, ours)]
        self.found.append(FoldDifference(event, place, what, [Difference("", sides[0], sides[1])]))

    def _lacks(self, event: int, what: str) -> None:
        self.lacking.append(f"event {event}: the history lacks {what}")


_NOTHING_TO_SAY = object()
_INDEX = re.compile(r"\[\d+\]")
_FindDrawn = Callable[[tuple[str | int, ...]], Drawn | None]


def _replace(visit: Visit, stage: str, value: Json) -> None:
    """Put AWS's value in the place of the last outcome of a stage."""
    for index in range(len(visit.stages) - 1, -1, -1):
        if visit.stages[index][0] == stage:
            visit.stages[index] = (stage, value)
            return


def _has_token(value: object, tokens: Iterable[str]) -> bool:
    # A task's token is AWS's own, and drawn anew by us.
    return any(each in dumps(cast("Json", value)) for each in tokens) if value is not NOTHING else False


def _outcome(stay: Stay, call: Recorded) -> Outcome:
    if call.failed or call.timed_out:
        return Outcome(None, call.error or (TIMEOUT if call.timed_out else None), call.cause, call.took_ms)
    ends = [event for event in stay.events if event[3].endswith("Succeeded") and event[0] > call.event]
    output = ends[0][4][-1] if ends else None
    return Outcome(encode_to_keep(None if output is UNKNOWN else output), took_ms=call.took_ms)


def _callee(visit: Visit) -> str:
    """Return what a task calls as its error names it: a function, or the resource."""
    resource, given = str(getattr(visit.state.state, "resource", "")), effective_input(visit)
    named = given.get("FunctionName") if ":::lambda:invoke" in resource and isinstance(given, dict) else None
    return named if isinstance(named, str) else resource


def _any_task(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json
) -> StateRun:
    """Fold a task on whatever resource: what it does is not carried out, its answer is in the history.

    Raises:
        StatesError: the task's error, or what a path raises.
    """
    scope, plan = branch.scope, planned.plan
    effective = flow.fold(plan.once, value, value, visit, scope) if plan.once else value

    def work() -> StateRun:
        timeouts(planned, branch, visit, effective)
        if token.waits(getattr(planned.state, "resource", "")):
            token.issue(interpreter, branch, visit)
        if plan.before:
            flow.fold(plan.before, effective, value, visit, scope)
        outcome: Outcome = yield Invoke("", b"", None, ())
        if outcome.result is None:
            kind = "timeout" if outcome.error == TIMEOUT else "handler"
            raise StatesError(outcome.error, outcome.cause, detail=Detail(kind, message=_callee(visit)))
        result = loads(outcome.result)
        visit.result_bytes = len(outcome.result)
        visit.stages.append(("result", result))
        if planned.assign is not None:
            flow.assign(planned.assign, result, visit, scope)
        return flow.fold(plan.after, result, value, visit, scope) if plan.after else result

    return (yield from interpreter.attempt(planned, branch, visit, work))
