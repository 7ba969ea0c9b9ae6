"""Drives one execution from its input to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sfn_sim import limits
from sfn_sim.definition.plan import PlannedMachine
from sfn_sim.errors import TIMEOUT, ConfigurationError, Detail, ExecutionFailed, StatesError, UnsupportedFeatureError
from sfn_sim.payload import Json, dumps, size_bytes
from sfn_sim.run import flow
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import Gather, StateRun
from sfn_sim.run.interpreter import Interpreter, Progress
from sfn_sim.run.log import Branch, HistoryLimitReached, Log, Sink, Visit
from sfn_sim.run.map_run import KEPT_FIRST, MapRun
from sfn_sim.run.scheduler import DeadlineReached, Executor, Scheduler
from sfn_sim.run.states import BLOCKING, SIMPLE

_FEWEST_EVENTS = 2


_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an execution is run.

    Attributes:
        seed: the seed of all randomness.
        limit_bytes: the payload limit; AWS's unless an experiment asks for another.
        limit_events: the history limit; None for none.
        progress: told of each Map's items.
        has_activity: tells whether there is an activity of an ARN; without it there is every one.
        answers: tells whether whoever carries out calls answers for a task that is no Lambda function, by the state's
            path and the Resource (a mock does); without it nobody does.
        pace: told of each move of the clock before it happens; virtual time needs none.
        keep_children: how many children of each distributed Map are kept whatever becomes of them.
        limit_s: how long an execution may last in virtual time, whatever its own TimeoutSeconds.
        sink: makes what an execution's log is written to; lists by default.

    Raises:
        ConfigurationError: a limit that no execution can keep.
    """

    seed: int = 0
    limit_bytes: int = limits.PAYLOAD.value
    limit_events: int | None = limits.HISTORY_EVENTS.value
    progress: Progress | None = None
    has_activity: Callable[[str], bool] | None = None
    answers: Callable[[str, str], bool] | None = None
    pace: Callable[[int], None] | None = None
    keep_children: int = KEPT_FIRST
    limit_s: int = limits.EXECUTION.value
    sink: Callable[[], Sink] | None = None

    def __post_init__(self) -> None:
        if self.limit_events is not None and self.limit_events < _FEWEST_EVENTS:
            raise ConfigurationError(
                f"a history limit of {self.limit_events} events: at least {_FEWEST_EVENTS} are needed, for the start "
                "and the end; --limit-events off lifts the limit"
            )
        if self.limit_bytes < 1:
            raise ConfigurationError(f"a payload limit of {self.limit_bytes} bytes: at least 1 is needed")


@dataclass(slots=True, repr=False)
class Execution:
    """An execution and what is known of it.

    Attributes:
        status: SUCCEEDED, FAILED, TIMED_OUT or ABORTED; RUNNING while a Driver has not ended it.
        output: what it gave; None unless it succeeded.
        error: AWS's error name; `cause` AWS's text.
        log: everything that happened.
        detail: where the error arose.
        input_text: the input as the caller wrote it, where it came as text.
    """

    identity: Identity
    machine: PlannedMachine
    input: Json
    options: Options
    log: Log
    status: str = "RUNNING"
    output: Json = None
    error: str | None = None
    cause: str | None = None
    detail: Detail | None = None
    input_text: str | None = None

    def __repr__(self) -> str:
        # The log would fill pages: a failing property test prints this.
        ended = f"{self.status} {self.error}" if self.error else self.status
        text = self.text(self.input)
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        return f"<execution of {self.identity.machine_name}: {ended}, input {shown}>"

    def result(self) -> Json:
        """Return the output.

        Raises:
            ExecutionFailed: the execution did not succeed.
        """
        if self.status != "SUCCEEDED":
            raise ExecutionFailed(self.error or self.status, self.cause, self)
        return self.output

    @property
    def path(self) -> list[str]:
        """The names of the states entered, in order."""
        return [visit.name for visit in self.log.visits]

    @property
    def map_runs(self) -> list[MapRun]:
        """The runs of its distributed Maps, oldest first; each has its child executions."""
        return self.log.map_runs

    @property
    def elapsed_ms(self) -> int:
        """How long it lasted in virtual time."""
        return self.log.now_ms

    def visits(self, name: str) -> list[Visit]:
        """Return every visit of the state `name`, in order."""
        return [visit for visit in self.log.visits if visit.name == name]

    def visit(self, name: str) -> Visit:
        """Return the first visit of the state `name`.

        Raises:
            KeyError: it was never entered.
        """
        for visit in self.log.visits:
            if visit.name == name:
                return visit
        near = get_close_matches(name, dict.fromkeys(self.path), 1)
        raise KeyError(
            f"the execution never entered a state named {name!r}{f'; did you mean {near[0]!r}?' if near else ''}"
        )

    def history(self) -> Iterator[dict[str, Any]]:
        """Return the events as GetExecutionHistory gives them."""
        return self.log.to_api(self.identity.start, self.text)

    def text(self, value: Json) -> str:
        """Return a value as JSON text; the input itself keeps the white space that it came with.

        Source: recorded: map_state_config_distributed_item_selector ('["Hello", "World"]' in StateEntered).
        """
        if value is self.input and self.input_text is not None and isinstance(value, dict | list):
            return self.input_text
        return dumps(value)


class Driver:
    """An execution under way: runs it as far as it can go by itself, and lets outside parties move it on.

    Args:
        machine: the machine; `identity` who the execution is, `execution_input` what it is started with.
        executor: carries its invocations out.
        options: limits and observers.
        outside: whether there are outside parties; `paced` whether time waits for them; see `Scheduler`.
    """

    def __init__(
        self,
        machine: PlannedMachine,
        execution_input: Json,
        identity: Identity,
        executor: Executor,
        options: Options,
        *,
        outside: bool = False,
        paced: bool = False,
    ) -> None:
        self.execution, self._branch, states = _begin(machine, execution_input, identity, options)
        self.scheduler = Scheduler(executor, self.execution.log.set_time, options.pace, outside=outside, paced=paced)
        self.scheduler.start(states)

    def go_on(self, until_ms: int | None = None) -> bool:
        """Run until the execution ends, or only an outside party can move it; tell whether it has ended.

        Args:
            until_ms: how far time may pass the timeouts of task tokens; it passes that far.

        Raises:
            SfnSimError: something that is no outcome of the execution itself.
        """
        execution, log = self.execution, self.execution.log
        own_s, limit_s = execution.machine.definition.timeout_seconds, execution.options.limit_s
        deadline_s = limit_s if own_s is None else min(own_s, limit_s)
        try:
            output = self.scheduler.run(deadline_s * 1000, until_ms)
        except StatesError as error:
            _failed(execution, error, self._branch.last)
        except HistoryLimitReached:
            _full(execution)
        except DeadlineReached:
            # Source: recorded: global_timeout: the status alone tells it, there is no error and no cause; Developer
            # Guide, Service quotas: an execution that lasts too long ends with States.Timeout.
            execution.status = "TIMED_OUT"
            said = f"TimeoutSeconds {own_s} of the machine ran out"
            if deadline_s != own_s:
                execution.error = TIMEOUT
                began = execution.identity.start.strftime("%Y-%m-%dT%H:%M:%SZ")
                said = f"an execution lasts at most {limit_s:,} s, and this one began at {began} of the virtual clock"
            execution.detail = Detail("deadline", message=said)
            log.append("ExecutionTimedOut", self._branch.last, (execution.error, None))
        else:
            if not self.scheduler.ended:
                return False
            if execution.status == "RUNNING":  # and not stopped meanwhile
                _succeeded(execution, output, self._branch.last)
        return True

    def stop(self, error: str | None, cause: str | None) -> None:
        """End the execution from outside.

        Source: API reference, StopExecution.
        """
        execution = self.execution
        if execution.status != "RUNNING":
            return
        self.scheduler.close()
        execution.status, execution.error, execution.cause = "ABORTED", error, cause
        execution.log.append("ExecutionAborted", self._branch.last, (error, cause))


    def fail(self, error: StatesError) -> None:
        """End the execution with an error that is none of its own states'."""
        self.scheduler.close()
        if self.execution.status == "RUNNING":
            _failed(self.execution, error, self._branch.last)


def execute(
    machine: PlannedMachine, execution_input: Json, identity: Identity, executor: Executor, options: Options
) -> Execution:
    """Run an execution to its end.

    Raises:
        SfnSimError: something that is no outcome of the execution itself: a missing handler, a feature that is not
            carried out, a handler that hung.
    """
    driver = Driver(machine, execution_input, identity, executor, options)
    driver.go_on()
    return driver.execution


def execute_together(
    machine: PlannedMachine,
    execution_input: Json,
    identities: Sequence[Identity],
    executor: Executor,
    options: Options,
) -> list[Execution]:
    """Run several executions of one machine at once, on one scheduler and clock.

    Raises:
        UnsupportedFeatureError: the machine has a TimeoutSeconds of its own, which is not carried out here.
        SfnSimError: something that is no outcome of the executions themselves.
    """
    if machine.definition.timeout_seconds is not None:
        raise UnsupportedFeatureError("a machine with TimeoutSeconds cannot be run several times at once yet")
    begun = [_begin(machine, execution_input, identity, options) for identity in identities]

    def one(index: int, _: int | None) -> StateRun:
        execution, branch, states = begun[index]
        try:
            output = yield from states
        except StatesError as error:
            _failed(execution, error, branch.last)
        except HistoryLimitReached:
            _full(execution)
        else:
            _succeeded(execution, output, branch.last)

    def every() -> StateRun:
        yield Gather(len(begun), one, 0)

    def set_time(now_ms: int) -> None:
        for execution, _, _ in begun:
            if execution.status == "RUNNING":
                execution.log.set_time(now_ms)

    scheduler = Scheduler(executor, set_time, options.pace)
    scheduler.start(every())
    scheduler.run()
    return [execution for execution, _, _ in begun]


def _begin(
    machine: PlannedMachine, execution_input: Json, identity: Identity, options: Options
) -> tuple[Execution, Branch, StateRun]:
    """Return a new execution, its branch, and its states ready to run."""
    log = Log(options.limit_events, options.sink() if options.sink is not None else None)
    interpreter = Interpreter(
        log, identity, execution_input, SIMPLE, BLOCKING, options.limit_bytes, options.seed, options.progress,
        options.has_activity, options.limit_events, options.keep_children, answers=options.answers,
    )  # fmt: skip
    log.append("ExecutionStarted", 0, (execution_input, identity.role_arn))
    branch = interpreter.new_branch("", 0, -1)
    branch.size = size_bytes(execution_input)
    states = interpreter.run_graph(machine.graph, branch, execution_input)
    return Execution(identity, machine, execution_input, options, log), branch, states


def _succeeded(execution: Execution, output: Json, previous: int) -> None:
    execution.status, execution.output = "SUCCEEDED", output
    execution.log.append("ExecutionSucceeded", previous, (output,))


def _full(execution: Execution) -> None:
    _failed(execution, flow.history_full(execution.options.limit_events), len(execution.log.events))


def _failed(execution: Execution, error: StatesError, previous: int) -> None:
    execution.status = "FAILED"
    execution.error, execution.cause, execution.detail = error.name, error.cause, error.detail
    execution.log.append("ExecutionFailed", previous, (error.name, error.cause))
