"""A recorded run once more: with the results that its handlers gave, and perhaps another definition.

Rule of this module: nothing is called that was recorded, and whatever is not as recorded is told.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from sfn_sim.analysis.compare import Comparison, compare_runs
from sfn_sim.analysis.kept import not_kept
from sfn_sim.definition.plan import PlannedGraph
from sfn_sim.errors import ConfigurationError, DeadlockError
from sfn_sim.payload import Json, loads, size_bytes
from sfn_sim.run.effects import Invoke
from sfn_sim.run.execution import Driver, Execution, Options
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Log, Visit
from sfn_sim.run.map_run import KEPT_FIRST
from sfn_sim.run.scheduler import Parked, Scheduler
from sfn_sim.run.states import BLOCKING, SIMPLE
from sfn_sim.run.token import waits
from sfn_sim.services.executors import WALL_LIMIT_S, Calls, ClosableExecutor, make_executor
from sfn_sim.services.isolation import isolated, moto_answers
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.services.places import Place, Way, Whereabouts, kept_executions
from sfn_sim.services.recorded import Recorded, RecordedExecutor, Used, is_answered, recorded_calls
from sfn_sim.services.surroundings import surroundings

if TYPE_CHECKING:
    from sfn_sim.machine import StateMachine
    from sfn_sim.testing.mocks import Mock, Mocks


# What lambda:invoke tells of a call itself: no handler gave it, and a run of AWS's has headers of its own.
_OF_THE_CALL = frozenset(("SdkHttpMetadata", "SdkResponseMetadata", "LogResult"))


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run made again.

    Attributes:
        execution: the new run.
        comparison: what differs from the recorded one, in the order in which it happened in the new one.
        used: which calls were answered as recorded, and which were not.
        since: the first visit of the recorded run that was run again.
    """

    execution: Execution
    comparison: Comparison
    used: Used = field(default_factory=Used)
    since: int = 0


def replay(
    recorded: Execution,
    machine: StateMachine,
    *,
    handlers: Handlers | None = None,
    start_at: str | None = None,
    isolate: bool = True,
    mocks: Mocks | None = None,
) -> Replayed:
    """Run a recorded run again.

    Args:
        recorded: the run, with its log.
        machine: the machine, as it was or changed.
        handlers: what is called where something was not recorded; None where nothing may be called.
        start_at: the state to begin with, on the input and the variables that it had; from the start by default.
        isolate: False when the caller has shut handlers in itself (a world); the machine's own calls of S3 go there.
        mocks: what answers in place of handlers where something was not recorded.

    Raises:
        ConfigurationError: something was not recorded and may not be called; the run never entered `start_at`.
        MissingHandlerError: something was not recorded, and there is no handler for it.
        SfnSimError: anything else that is no outcome of the execution itself.
    """
    first = _first(recorded, machine, start_at) if start_at is not None else None
    has_world = not isolate or not moto_answers()
    with contextlib.ExitStack() as stack:
        carried = None
        if (handlers is not None and (mocks or machine.functions())) or (has_world and machine.calls_aws()):
            carried = _carried_out(recorded, handlers or Handlers(), stack, isolate)
        real = carried if handlers is not None else None
        if real is not None and mocks is not None:
            real = mocks.over(real, recorded.identity.start)

        def has(call: Invoke) -> bool:
            mocked = mocks is not None and _mock(mocks, call) is not None
            return mocked or (handlers is not None and handlers.has(call.function))

        def answered(call: Invoke) -> None:
            # The answers of a mock are numbered by the calls of a whole run.
            mock = _mock(mocks, call) if mocks is not None else None
            if mock is not None:
                mock.calls.append(loads(call.payload))

        @cache
        def where() -> Whereabouts:
            return Whereabouts(driver.execution)

        record = _Record(recorded, first)
        executor = RecordedExecutor(
            record.calls(), real, has, may_call=handlers is not None, lost=record.lost,
            whereabouts=lambda identity: where().place(identity), world=carried if has_world else None,
            answered=answered,
        )  # fmt: skip
        stack.callback(executor.close)
        driver = _Replay(recorded, machine, executor, first)
        driver.run_to_the_end()
    since = first.index if first is not None else 0
    comparison = compare_runs(recorded, driver.execution, since=since, leaving_out=_OF_THE_CALL)
    return Replayed(driver.execution, comparison, executor.used, since)


def _carried_out(
    recorded: Execution, handlers: Handlers, stack: contextlib.ExitStack, isolate: bool
) -> ClosableExecutor:
    if isolate:
        stack.enter_context(isolated({}, handlers.hosts()))
    stack.enter_context(surroundings())
    return make_executor("inline", Calls(handlers, recorded.identity.start, recorded.options.seed, WALL_LIMIT_S), 1)


def _mock(mocks: Mocks, call: Invoke) -> Mock | None:
    return mocks.of(str(call.identity[1]), call.function)


class _Record:
    """What a recorded run has of calls, by their places in a run that begins with `first`."""

    def __init__(self, recorded: Execution, first: Visit | None) -> None:
        self._recorded = recorded
        self._before: Counter[str] = Counter()
        if first is not None:
            self._before.update(visit.path for visit in recorded.log.visits[: first.index])
        self._kept = {self._way(way) for way, _ in kept_executions(recorded)}

    def calls(self) -> dict[Place, Recorded]:
        """Return the calls."""
        return {self._shifted(place): call for place, call in recorded_calls(self._recorded).items()}

    def lost(self, place: Place) -> Callable[[], str] | None:
        """Return what says why the record has nothing of an execution; None where it has it, or never had it."""
        if place.way in self._kept:
            return None
        return not_kept(self._recorded, "".join(f"{each.path}[{each.child}]." for each in place.way))

    def _shifted(self, place: Place) -> Place:
        if place.way:
            return place._replace(way=self._way(place.way))
        return place._replace(visit=place.visit - self._before[place.path])

    def _way(self, way: Way) -> Way:
        return (way[0]._replace(visit=way[0].visit - self._before[way[0].path]), *way[1:]) if way else way


def _first(recorded: Execution, machine: StateMachine, name: str) -> Visit:
    if name not in machine.planned.graph.states:
        known = ", ".join(machine.planned.graph.states)
        raise ConfigurationError(f"--from {name}: a run can begin with a state of the machine itself: {known}")
    for visit in recorded.log.visits:
        if visit.path == name:
            return visit
    raise ConfigurationError(f"--from {name}: the recorded run never entered it, so that its input is not known")


class _Replay(Driver):
    """An execution that begins where it is told to, and whose outside parties say what they said before."""

    def __init__(
        self, recorded: Execution, machine: StateMachine, executor: RecordedExecutor, first: Visit | None
    ) -> None:
        was = recorded.options
        options = Options(
            seed=was.seed, limit_bytes=was.limit_bytes, limit_events=was.limit_events, answers=is_answered,
            keep_children=max([KEPT_FIRST, *(run.keep for run in recorded.map_runs)]),
        )  # fmt: skip
        self._calls = executor
        self._answers = any(
            waits(getattr(each.state, "resource", "")) for each in machine.planned.states
        )
        if first is None:
            super().__init__(
                machine.planned, recorded.input, recorded.identity, executor, options,
                outside=self._answers, paced=self._answers,
            )  # fmt: skip
        else:
            self._begin_at(recorded, machine, executor, options, first)
        self.execution.input_text = recorded.input_text

    def _begin_at(
        self, recorded: Execution, machine: StateMachine, executor: RecordedExecutor, options: Options, first: Visit
    ) -> None:
        log = Log(options.limit_events)
        interpreter = Interpreter(
            log, recorded.identity, recorded.input, SIMPLE, BLOCKING, options.limit_bytes, options.seed,
            limit_events=options.limit_events, keep_children=options.keep_children, answers=options.answers,
        )  # fmt: skip
        log.append("ExecutionStarted", 0, (recorded.input, recorded.identity.role_arn))
        self._branch = branch = interpreter.new_branch("", 0, -1)
        branch.size = size_bytes(first.input)
        branch.scope.variables = _variables(recorded, first)
        graph = machine.planned.graph
        states = interpreter.run_graph(PlannedGraph(first.name, graph.states, graph.pointer), branch, first.input)
        self.execution = Execution(recorded.identity, machine.planned, recorded.input, options, log)
        # What is waited for counts from the moment at which the state was entered.
        log.set_time(first.entered_ms)
        self.scheduler = Scheduler(executor, log.set_time, outside=self._answers, paced=self._answers)
        self.scheduler.now_ms = first.entered_ms
        self.scheduler.start(states)

    def run_to_the_end(self) -> None:
        """Run, and answer for task tokens as they were answered for, after as long a time."""
        if not self._answers:
            self.go_on()
            return
        due: dict[str, int] = {}
        scheduler = self.scheduler
        while not self.go_on(scheduler.now_ms):
            for token, parked in scheduler.parked.items():
                if token not in due:
                    due[token] = self._due_ms(parked)
            moments = [at for token, at in due.items() if token in scheduler.parked]
            moments += [at for at in (scheduler.next_ms(),) if at is not None]
            if not moments:
                raise DeadlockError("the recorded run never had an answer for what this one waits for")
            if self.go_on(min(moments)):
                return
            for token in [token for token, at in due.items() if at <= scheduler.now_ms and token in scheduler.parked]:
                parked = scheduler.parked[token]
                call = self._calls.waiting(parked.effect)
                if call is not None:
                    if parked.effect.started is not None:
                        parked.effect.started(None)
                    scheduler.answer(token, call.answer())

    def _due_ms(self, parked: Parked) -> int:
        call = self._calls.waiting(parked.effect)
        if call is None or not call.ended:
            raise ConfigurationError(self._calls.never_answered(parked.effect))
        return self.scheduler.now_ms + (call.answer_ms if call.waited else call.took_ms)


def _variables(recorded: Execution, first: Visit) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for visit in recorded.log.visits[: first.index]:
        if visit.branch is first.branch and visit.left and visit.assigned:
            found |= visit.assigned
    return found
