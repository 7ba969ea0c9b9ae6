"""One state alone, as AWS's TestState runs it: entered once, tried once, and what would come next told, not done.

A failure is not retried: RETRIABLE says that it would be. Nor is the next state entered: what a Catcher makes of the
error, and where it leads, is the outcome (CAUGHT_ERROR).

Source: API reference, TestState; Developer Guide, Testing state machines with TestState API; recorded: suite
test_state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sfn_sim.definition.model import ABSENT, Absent
from sfn_sim.definition.plan import PlannedMachine, PlannedState
from sfn_sim.errors import TIMEOUT, Detail, StatesError, error_matches
from sfn_sim.payload import Json, size_bytes
from sfn_sim.run import flow, retry
from sfn_sim.run.context import Identity, context_object
from sfn_sim.run.effects import StateRun
from sfn_sim.run.execution import Execution, Options
from sfn_sim.run.inspection import stages_of
from sfn_sim.run.interpreter import Interpreter, Step, let_go
from sfn_sim.run.log import Branch, HistoryLimitReached, Log, Visit
from sfn_sim.run.mocked_state import Answered, run_mocked
from sfn_sim.run.scheduler import DeadlineReached, Executor, Scheduler
from sfn_sim.run.states import BLOCKING, SIMPLE

Describe = Callable[[Identity, Json, Branch], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a state that is tested alone finds round it.

    Attributes:
        mock: what stands for its work; None where the work is really done.
        variables: the workflow variables.
        context: the Context Object; ABSENT for that of a new execution.
        describe: makes the Context Object where none is given.
        item: the Map item that it stands for, with its index; None outside a Map.
        retries: how many retries of the present error there have been.
        limit_ms: how long it may last, in virtual time; None for as long as it takes.
    """

    mock: Answered | None = None
    variables: Mapping[str, Json] = field(default_factory=dict)
    context: Json | Absent = ABSENT
    describe: Describe = context_object
    item: tuple[int, Json] | None = None
    retries: int = 0
    limit_ms: int | None = None


@dataclass(slots=True)
class Tested:
    """How one state ended.

    Attributes:
        status: SUCCEEDED, FAILED, RETRIABLE (a Retrier would try it again) or CAUGHT_ERROR (a Catcher took its error).
        execution: the log of it, as that of an execution which ended with this state.
        visit: the stay in it.
        output: what it gives on; ABSENT where it gives nothing.
        next_state: where it leads; None where it ends its graph, or leads nowhere.
        error: AWS's error name; `cause` AWS's text, without the words on where in an execution it happened.
        inspection: TestState's inspectionData, with JSON values where the API has JSON text.
    """

    status: str
    execution: Execution
    visit: Visit
    output: Json | Absent = ABSENT
    next_state: str | None = None
    error: str | None = None
    cause: str | None = None
    inspection: dict[str, Json] = field(default_factory=dict)


def run_one_state(
    machine: PlannedMachine,
    planned: PlannedState,
    value: Json,
    identity: Identity,
    setting: Setting,
    options: Options,
    executor: Callable[[], Executor],
) -> Tested:
    """Run one state of a machine.

    Args:
        machine: the machine; `planned` is one of its states, at any depth.
        planned: the state.
        value: its input.
        identity: who the execution is that it stands in.
        setting: what it finds round it.
        options: limits and the seed.
        executor: makes what carries invocations out; asked only for a state that may have some.

    Raises:
        SfnSimError: something that is no outcome of the state itself.
    """
    return _Test(machine, planned, value, identity, setting, options).run(executor)


def _describing(setting: Setting) -> Describe:
    """Return what makes the Context Object that the state sees."""
    given = setting.context
    if isinstance(given, Absent):
        return setting.describe

    def describe(identity: Identity, execution_input: Json, branch: Branch) -> Json:
        if branch.item is None or not isinstance(given, dict):
            return given
        # A Map makes this part for its own ItemSelector, whatever the rest is.
        return {**given, "Map": context_object(identity, execution_input, branch)["Map"]}

    return describe


class _Test:
    """One test under way."""

    def __init__(
        self,
        machine: PlannedMachine,
        planned: PlannedState,
        value: Json,
        identity: Identity,
        setting: Setting,
        options: Options,
    ) -> None:
        self._planned = planned
        self._value = value
        self._setting = setting
        self._log = log = Log(options.limit_events)
        self._interpreter = Interpreter(
            log, identity, value, SIMPLE, BLOCKING, options.limit_bytes, options.seed, options.progress,
            options.has_activity, options.limit_events, options.keep_children, _describing(setting),
            options.answers,
        )  # fmt: skip
        log.append("ExecutionStarted", 0, (value, identity.role_arn))
        self._execution = Execution(identity, machine, value, options, log)
        self._beyond_handlers = False
        self._branch = branch = self._interpreter.new_branch("", 0, -1)
        branch.size = size_bytes(value)
        branch.scope.variables = dict(setting.variables)
        branch.item = setting.item
        # Its retriers and catchers are looked at afterwards, so that the work itself ends with the first error.
        bare = replace(planned, retriers=(), catchers=())
        self._visit = self._interpreter.enter(bare, branch, value)
        branch.retry_count = setting.retries

    def run(self, executor: Callable[[], Executor]) -> Tested:
        error: StatesError | None = None
        step: Step | None = None
        try:
            step = self._work(executor)
            # As in an execution, no Catcher takes an output over the limit.
            self._beyond_handlers = True
            self._leave(step[0])
        except StatesError as problem:
            error = problem
        except RecursionError:
            error = self._interpreter.too_deep(self._visit)
        except HistoryLimitReached:
            self._beyond_handlers = True
            error = flow.history_full(self._execution.options.limit_events)
        except DeadlineReached:
            self._beyond_handlers = True
            words = f"the state ran for longer than {(self._setting.limit_ms or 0) // 1000} s of virtual time"
            error = StatesError(TIMEOUT, None, detail=Detail("timeout", message=words))
        tested = Tested("SUCCEEDED", self._execution, self._visit)
        if error is not None:
            # An error and the frames that it came through would hold each other.
            error.__traceback__ = error.__context__ = None
            self._failed(tested, error)
        elif step is not None:
            tested.output, tested.next_state = step
            tested.inspection = stages_of(self._planned, self._visit, None)
        self._complete(tested)
        let_go(self._branch)
        return tested

    def _work(self, executor: Callable[[], Executor]) -> Step:
        mock, kind, visit = self._setting.mock, self._planned.state.type, self._visit
        if mock is not None:
            return run_mocked(self._interpreter, visit.state, self._branch, visit, self._value, mock)
        if kind in SIMPLE:
            return SIMPLE[kind](self._interpreter, visit.state, self._branch, visit, self._value)
        scheduler = Scheduler(executor(), self._log.set_time, self._execution.options.pace)
        scheduler.start(self._blocking(kind))
        step: Step = scheduler.run(self._setting.limit_ms)
        return step

    def _blocking(self, kind: str) -> StateRun:
        return (yield from BLOCKING[kind](self._interpreter, self._visit.state, self._branch, self._visit, self._value))

    def _leave(self, output: Json) -> None:
        self._interpreter.leave(self._visit, self._branch, self._value, output)

    def _failed(self, tested: Tested, error: StatesError) -> None:
        """Note a failure, and what the state's Retriers and Catchers make of it."""
        interpreter, visit = self._interpreter, self._visit
        interpreter.note(error, visit)
        error.cause = self._without_place(error)
        tested.status, tested.error, tested.cause = "FAILED", error.name, error.cause
        tested.inspection = stages_of(self._planned, visit, error.detail)
        details: dict[str, Json] = {}
        if not self._beyond_handlers:
            if self._retriable(error, details):
                tested.status = "RETRIABLE"
            else:
                self._caught(tested, error, details)
        if details:
            tested.inspection["errorDetails"] = details
        self._execution.detail = error.detail

    def _without_place(self, error: StatesError) -> str | None:
        """Return a cause without the words on where in the execution the error happened.

        Source: recorded: state_map_context_object.
        """
        detail = error.detail
        if error.cause is None or detail is None or detail.visit < 0:
            return error.cause
        return error.cause.removeprefix(flow.prefix(self._log.visits[detail.visit]))

    def _retriable(self, error: StatesError, details: dict[str, Json]) -> bool:
        """Tell whether the state would be tried again; the first Retrier that names the error decides.

        Source: recorded: state_configuration_retrier_retry_count (a used up Retrier is named too, without a time).
        """
        for index, retrier in enumerate(self._planned.retriers):
            if error_matches(error.name, retrier.error_equals):
                details["retryIndex"] = index
                used = self._setting.retries
                if used >= retrier.max_attempts:
                    return False
                delay_ms = retry.delay_ms(retrier, used, self._interpreter.stream(self._branch, "retry"))
                details["retryBackoffIntervalSeconds"] = delay_ms // 1000
                return True
        return False

    def _caught(self, tested: Tested, error: StatesError, details: dict[str, Json]) -> None:
        catcher = retry.find_catcher(self._planned.catchers, error)
        if catcher is None:
            return
        details["catchIndex"] = self._planned.catchers.index(catcher)
        try:
            output, target = self._interpreter.caught(catcher, error, self._visit, self._branch)
            self._leave(output)
        except StatesError as second:
            # What a Catcher's own fields raise, nothing catches.
            self._interpreter.note(second, self._visit)
            tested.error, tested.cause = second.name, self._without_place(second)
            error.detail = second.detail
            return
        tested.status, tested.output, tested.next_state = "CAUGHT_ERROR", output, target

    def _complete(self, tested: Tested) -> None:
        """Tell numbers and variables, and end the execution that the state stands in."""
        mock, execution = self._setting.mock, self._execution
        if mock is not None:
            tested.inspection |= mock.numbers
        variables = {**self._setting.variables, **(self._visit.assigned or {})}
        if variables:
            tested.inspection["variables"] = variables
        if tested.status in ("SUCCEEDED", "CAUGHT_ERROR"):
            execution.status = "SUCCEEDED"
            execution.output = None if isinstance(tested.output, Absent) else tested.output
            self._log.append("ExecutionSucceeded", self._branch.last, (execution.output,))
            return
        execution.status, execution.error, execution.cause = "FAILED", tested.error, tested.cause
        self._log.append("ExecutionFailed", self._branch.last, (tested.error, tested.cause))
