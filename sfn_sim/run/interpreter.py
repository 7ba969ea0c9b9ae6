"""The loop that takes an execution, a branch or a Map item from state to state.

Entering, leaving, measuring and failing are the same for every state, and stand here; what a state does between
stands in `run.states`, `run.task` and `run.map`. What states share is an `Interpreter`: the log, the limits and who
the execution is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from sfn_sim import limits
from sfn_sim.definition.plan import PlannedCatcher, PlannedGraph, PlannedState
from sfn_sim.errors import RUNTIME, Detail, StatesError
from sfn_sim.payload import Json, size_bytes
from sfn_sim.query.expression import Scope
from sfn_sim.run import flow, retry
from sfn_sim.run.context import Identity, context_object
from sfn_sim.run.effects import Sleep, StateRun
from sfn_sim.run.log import Branch, Log, Visit
from sfn_sim.run.seed import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

# A state's outcome: its output, and the next state (None: the end of its graph).
Step: TypeAlias = "tuple[Json, str | None]"
Simple: TypeAlias = "Callable[[Interpreter, PlannedState, Branch, Visit, Json], Step]"
Blocking: TypeAlias = "Callable[[Interpreter, PlannedState, Branch, Visit, Json], StateRun]"
Progress: TypeAlias = "Callable[[str, int, int], None]"


@dataclass(slots=True)
class Interpreter:
    """What the states of one execution share.

    Attributes:
        log: where everything that happens is written.
        identity: who the execution is.
        execution_input: what it was started with.
        limit_bytes: the payload limit.
        seed: the seed of all randomness.
        simple: how states run that never wait, by type; `blocking` those that may.
        progress: told of each Map's items: the Map's path, how many are done, how many there are.
        has_activity: tells whether there is an activity of an ARN; without it there is every one.
        limit_events: the history limit of child executions; None for none.
        keep_children: how many children of a distributed Map are kept whatever becomes of them.
        answers: tells whether whoever carries out calls answers for a task that is no Lambda function, by the state's
            path and the Resource.
        describe: makes the Context Object that a branch's state sees.
        now_ms: gives the virtual time, in milliseconds since 1970.
    """

    log: Log
    identity: Identity
    execution_input: Json
    simple: Mapping[str, Simple]
    blocking: Mapping[str, Blocking]
    limit_bytes: int = limits.PAYLOAD.value
    seed: int = 0
    progress: Progress | None = None
    has_activity: Callable[[str], bool] | None = None
    limit_events: int | None = limits.HISTORY_EVENTS.value
    keep_children: int = 10
    describe: Callable[[Identity, Json, Branch], Json] = context_object
    answers: Callable[[str, str], bool] | None = None
    now_ms: Callable[[], int] = field(init=False)

    def __post_init__(self) -> None:
        log, start_ms = self.log, round(self.identity.start.timestamp() * 1000)
        self.now_ms = lambda: start_ms + log.now_ms

    def new_branch(self, label: str, last: int, visit: int, outer: Branch | None = None) -> Branch:
        """Return a branch with a scope of its own."""
        branch = Branch(label, last, visit, outer)

        def context() -> Json:
            if branch.context is None:
                branch.context = self.describe(self.identity, self.execution_input, branch)
            return branch.context

        # An inner scope reads the variables of the outer one; what it assigns stays in it.
        variables = outer.scope.variables if outer is not None else {}
        branch.scope = Scope(context, variables, _LazyStream(self, branch), self.now_ms)
        return branch

    def run_graph(self, graph: PlannedGraph, branch: Branch, value: Json) -> StateRun:
        """Run a graph's states from StartAt to the end and return the last output.

        Raises:
            StatesError: a state failed and nothing caught it.
        """
        states, simple, blocking = graph.states, self.simple, self.blocking
        name: str | None = graph.start_at
        try:
            while name is not None:
                planned = states[name]
                visit = self.enter(planned, branch, value)
                try:
                    run = simple.get(planned.state.type)
                    if run is not None:
                        output, name = run(self, planned, branch, visit, value)
                    else:
                        output, name = yield from blocking[planned.state.type](self, planned, branch, visit, value)
                    self.leave(visit, branch, value, output)
                except StatesError as error:
                    self.note(error, visit)
                    raise
                except RecursionError:
                    raise self.too_deep(visit) from None
                value = output
            return value
        finally:
            let_go(branch)

    def too_deep(self, visit: Visit) -> StatesError:
        """Return the error of data that is nested so deeply that nothing here can measure, compare or print it.

        Source: assumed.
        """
        words = "The data is nested too deeply."
        detail = Detail("value", value=None, message=words, pointer=visit.state.state.pointer)
        error = StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)
        self.note(error, visit)
        return error

    def enter(self, planned: PlannedState, branch: Branch, value: Json) -> Visit:
        """Write a state's entry."""
        log = self.log
        branch.last = log.append(planned.entered, branch.last, (planned.name, value))
        branch.state = planned
        branch.entered_ms = log.now_ms
        branch.retry_count = 0
        branch.context = None
        visit = Visit(len(log.visits), planned, branch, branch.last, log.now_ms, value)
        branch.visit = visit.index
        log.visits.append(visit)
        return visit

    def leave(self, visit: Visit, branch: Branch, value: Json, output: Json) -> None:
        """Check a state's output and write its exit.

        Raises:
            StatesError: States.DataLimitExceeded; past the reach of the state's own catchers.
        """
        size = visit.output_bytes
        if size < 0:
            # What did not change is not measured again.
            size = branch.size if output is value and branch.size >= 0 else size_bytes(output)
            visit.output_bytes = size
        if size > self.limit_bytes:
            raise flow.too_large(visit.name, size, self.limit_bytes, lambda: output, "output")
        branch.size = size
        if visit.assigned:
            branch.scope.variables = {**branch.scope.variables, **visit.assigned}
        branch.last = self.log.append(visit.state.exited, branch.last, (visit.name, output, visit.assigned))
        visit.output = output
        visit.left = True
        visit.exited_ms = self.log.now_ms

    def note(self, error: StatesError, visit: Visit, branch: Branch | None = None) -> None:
        """Note on an error which visit it comes from; the innermost one stays.

        `branch` is the way on which it happened, if that is not the visit's own: an item of a Map.
        """
        visit.error = (error.name, error.cause)
        if error.detail is None:
            error.detail = Detail("state")
        if error.detail.visit < 0:
            error.detail.visit = visit.index
            error.detail.state = visit.name
            error.detail.pointer = error.detail.pointer or visit.state.state.pointer
            if error.detail.evaluation:
                self._tell_evaluation(error, visit, visit.branch if branch is None else branch, error.detail.field)

    def _tell_evaluation(self, error: StatesError, visit: Visit, branch: Branch, location: str) -> None:
        """Write that JSONata failed.

        Source: recorded: undefined_reference, map_state_items_eval_jsonata_fail: what fails as soon as a state is
        entered hangs on the event before its entry; wait_timestamp_jsonata: not so in a Wait state. Where it hangs
        when more has happened in the state is assumed.
        """
        log, previous = self.log, branch.last
        if previous == visit.entered_event and visit.state.state.type != "Wait":
            previous = log.events[previous - 1][1]
        branch.last = log.append("EvaluationFailed", previous, (error.name, error.cause, location or None, visit.name))

    def stream(self, branch: Branch, purpose: str) -> Stream:
        """Return the random numbers of a purpose in the present state and attempt."""
        name = branch.state.name if branch.state else ""
        place = f"{branch.label}{name}"
        return Stream.named(self.seed, self.identity.name, place, branch.visit, branch.retry_count, purpose)

    def attempt(
        self,
        planned: PlannedState,
        branch: Branch,
        visit: Visit,
        work: Callable[[], StateRun],
        failed: Callable[[StatesError], None] | None = None,
    ) -> StateRun:
        """Run `work` under the state's Retry and Catch; `failed` is told of an error that is not retried.

        Source: ASL specification, Errors: Retry first, then Catch; DESIGN.md: a retry schedules anew and makes no
        second StateEntered.
        """
        attempts = retry.Attempts(planned.retriers)
        while True:
            try:
                output = yield from work()
                # What a retry has mended did not end the state.
                visit.error = None
                return output, planned.next
            except StatesError as error:
                self.note(error, visit)
                delay = attempts.next_delay_ms(error, self.stream(branch, "retry"))
                if delay is None:
                    if failed is not None:
                        failed(error)
                    catcher = retry.find_catcher(planned.catchers, error)
                    if catcher is None:
                        raise
                    return self.caught(catcher, error, visit, branch)
            visit.retry_delays_ms = (*visit.retry_delays_ms, delay)
            yield Sleep(delay)
            branch.retry_count += 1
            branch.context = None

    def caught(self, planned: PlannedCatcher, error: StatesError, visit: Visit, branch: Branch) -> Step:
        """Return what a catcher makes of an error, and where it leads.

        Raises:
            StatesError: what its Assign, ResultPath or Output raises.
        """
        output: Json = retry.error_output(error)
        visit.stages.append(("errorOutput", output))
        visit.assigned = None
        if planned.assign is not None:
            flow.assign(planned.assign, output, visit, branch.scope)
        if planned.step is not None:
            output = flow.fold((planned.step,), output, visit.input, visit, branch.scope)
        visit.caught, visit.problem = True, error.detail
        return output, planned.catcher.next


def let_go(branch: Branch) -> None:
    """Take from a branch that has ended what only a run needs.

    A branch and its scope hold each other, and the log through them: all of it would wait for a collection.
    """
    branch.scope.context, branch.scope.seed, branch.scope.now_ms = _gone, None, None


def _gone() -> Json:
    """Stand for the Context Object where nothing runs any more."""
    return None


class _LazyStream:
    """Makes a state's random stream only for those who draw from it."""

    __slots__ = ("_branch", "_interpreter", "_key", "_stream")

    def __init__(self, interpreter: Interpreter, branch: Branch) -> None:
        self._interpreter = interpreter
        self._branch = branch
        self._key: tuple[int, int] | None = None
        self._stream: Stream | None = None

    def __getattr__(self, name: str) -> Any:
        key = (self._branch.visit, self._branch.retry_count)
        if self._stream is None or self._key != key:
            self._key, self._stream = key, self._interpreter.stream(self._branch, "intrinsics")
        return getattr(self._stream, name)
