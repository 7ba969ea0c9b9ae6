"""One state alone, as AWS's TestState runs it, on the interpreter that runs whole executions.

What differs from AWS is told in docs/one-state.md: handlers are called for a state without a mock, branches and items
of a Parallel or Map really run then, and there is no limit of five minutes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from sfn_sim.definition.alone import find_state, is_in_map, states_below
from sfn_sim.definition.model import ABSENT, Absent, TaskState
from sfn_sim.definition.plan import PlannedMachine, PlannedState
from sfn_sim.errors import ConfigurationError, ExecutionFailed, InputError, MockError
from sfn_sim.machine import START, StateMachine, check_input
from sfn_sim.payload import Json
from sfn_sim.run import token
from sfn_sim.run.context import Identity
from sfn_sim.run.execution import Execution, Options
from sfn_sim.run.log import Visit
from sfn_sim.run.mocked_state import CAN_BE_MOCKED
from sfn_sim.run.one_state import Setting, Tested, run_one_state
from sfn_sim.run.scheduler import Executor
from sfn_sim.services.executors import Calls, make_executor
from sfn_sim.services.garbage import rare_collections
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import Handler, Handlers
from sfn_sim.services.responses import STRICT
from sfn_sim.services.surroundings import surroundings
from sfn_sim.testing.mocks import Mocks
from sfn_sim.testing.state_mock import answered

if TYPE_CHECKING:
    from sfn_sim.source import Source

Given = Handlers | Mapping[str, Handler] | str | Path | None


def one_state(machine: StateMachine, name: str, handlers: Given = None) -> OneState:
    """Return one state of a machine, to be run alone; see `OneState`.

    Raises:
        ConfigurationError: the machine has no state of that name.
    """
    return OneState(machine, name, handlers)


@dataclass(frozen=True, slots=True, repr=False)
class StateResult:
    """How a state that was run alone ended.

    Attributes:
        state: the state's name.
        status: "SUCCEEDED", "FAILED", "RETRIABLE" (a Retrier would have it tried again) or "CAUGHT_ERROR".
        output: what it gives on; None where it gives nothing.
        next_state: where it leads; None where it ends its graph, or leads nowhere.
        error: the error's name; `cause` its text, without the words on where in an execution it happened.
        inspection: what the data was at each stage, under the names of TestState's inspectionData.
        execution: the history and the trace, as of an execution that ended with this state.
        visit: the stay in the state; source: the definition's text.
    """

    state: str
    status: str
    output: Json
    next_state: str | None
    error: str | None
    cause: str | None
    inspection: Mapping[str, Any]
    execution: Execution
    visit: Visit
    source: Source

    @property
    def variables(self) -> Mapping[str, Any]:
        """The workflow variables after the state."""
        held: Mapping[str, Any] = self.inspection.get("variables", {})
        return held

    @property
    def retry_delay_s(self) -> int | None:
        """How many seconds would pass before the state is tried again; None where it would not be."""
        delay: int | None = self.inspection.get("errorDetails", {}).get("retryBackoffIntervalSeconds")
        return delay

    def result(self) -> Json:
        """Return the output.

        Raises:
            ExecutionFailed: the state failed, or would be tried again.
        """
        if self.status in ("FAILED", "RETRIABLE"):
            raise ExecutionFailed(self.error or self.status, self.cause, self.execution)
        return self.output

    def diagnosis(self) -> Diagnosis | None:
        """Return why the state failed; None if it did not, or a Catcher took the error."""
        return diagnose(self.execution, self.source)

    def to_json(self) -> dict[str, Json]:
        """Return what TestState answers, with JSON values where the API has JSON text."""
        told: dict[str, Json] = {"status": self.status}
        if self.status in ("SUCCEEDED", "CAUGHT_ERROR"):
            told["output"] = self.output
        said = {"nextState": self.next_state, "error": self.error, "cause": self.cause}
        told |= {name: each for name, each in said.items() if each is not None}
        return {**told, "inspectionData": dict(self.inspection)}

    def __repr__(self) -> str:
        said = f" {self.error}: {self.cause}" if self.error is not None else ""
        leads = f", next {self.next_state}" if self.next_state is not None else ""
        return f"<state {self.state}: {self.status}{said}{leads}>"


class OneState:
    """One state of a machine, which runs without those before and after it.

    Args:
        machine: the machine.
        name: the state's name, at any depth; or its path, such as "Chunks.Process".
        handlers: Python functions for the Lambda functions that it calls, where a run is given none.
        mocks: what answers in place of handlers, where a run is given no mock of the state itself.
        seen: is given each result.

    Raises:
        ConfigurationError: the machine has no state of that name.
    """

    def __init__(
        self,
        machine: StateMachine,
        name: str,
        handlers: Given = None,
        mocks: Mocks | None = None,
        seen: Callable[[StateResult], None] | None = None,
    ) -> None:
        self.machine = machine
        self._mocks = mocks
        self._seen = seen
        self.name = name
        self._handlers = handlers
        way = find_state(machine.planned, name)
        if not way:
            names = [each.name for each in machine.planned.states]
            near = get_close_matches(name, names, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(names)}"
            raise ConfigurationError(f"{machine.name} has no state named {name}{hint}")
        self._planned: PlannedState = way[-1]
        self._in_map = is_in_map(way)

    def run(
        self,
        input: Json | Absent = ABSENT,
        *,
        variables: Mapping[str, Json] | None = None,
        context: Json | Absent = ABSENT,
        mock: Any = ABSENT,
        handlers: Given = None,
        retrier_retry_count: int = 0,
        map_iteration_failure_count: int = 0,
        map_item_reader_data: str | None = None,
        field_validation_mode: str = STRICT,
        start: datetime = START,
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        allow_network: tuple[str, ...] = (),
        options: Options | None = None,
        isolate: bool = True,
    ) -> StateResult:
        """Run the state once.

        Args:
            input: its input; an empty object when it is left out, and null when it is None.
            variables: the workflow variables that it finds.
            context: the Context Object that it finds, all of it; that of a new execution when it is left out.
            mock: what stands for the work of a Task, Parallel or Map: its raw result as TestState takes it (for
                lambda:invoke with `Payload` round what the function returns), `ok`, `fail`, an exception, or a function
                of what the state hands to its work.
            handlers: Python functions for the Lambda functions that it calls; without a mock.
            retrier_retry_count: how many retries of the error there have been.
            map_iteration_failure_count: how many iterations of a mocked Map have failed.
            map_item_reader_data: the text that a mocked Map's ItemReader reads.
            field_validation_mode: how strictly a mock is checked against AWS's model of the service: "STRICT",
                "PRESENT" or "NONE".
            start: the virtual moment at which the state is entered.
            workers: how many handlers may run at once.
            environment: the environment that handlers see beside dummies for AWS's variables.
            allow_network: hosts that handlers may reach beside loopback.
            options: limits, observers and the seed.
            isolate: False when the caller has shut handlers in itself (a world).

        Raises:
            InputError: the input, the variables or the context are not JSON, or over the limit.
            MockError: the mock is not one that the state can have.
            MissingHandlerError: a function that the state calls has no handler.
            SfnSimError: anything else that is no outcome of the state itself.
        """
        options = options or Options()
        value = check_input({} if isinstance(input, Absent) else input, options.limit_bytes)
        work = None
        if not isinstance(mock, Absent):
            self._check_mock()
            work = answered(
                mock, self._planned, field_validation_mode, map_iteration_failure_count, map_item_reader_data
            )
        found = context if isinstance(context, Absent) else check_input(context)
        if not isinstance(found, dict | Absent):
            raise InputError(f"a Context Object is an object, and not {found!r}")
        if not isinstance(variables, Mapping | None):
            raise InputError(f"variables are an object by name, and not {variables!r}")
        setting = Setting(
            mock=work,
            variables={name: check_input(each) for name, each in (variables or {}).items()},
            context=found,
            item=(0, value) if self._in_map and isinstance(found, Absent) else None,
            retries=retrier_retry_count,
        )
        identity = Identity(self.machine.name, self.machine.execution_name(options.seed, start), start)
        given = Handlers.of(self._handlers if handlers is None else handlers)
        with contextlib.ExitStack() as stack:
            if work is None:
                self._check_real(given)
                if self._mocks is not None:
                    options = replace(options, answers=self._mocks.answers)
                    self._mocks.known_to(self.machine.planned.states)

            def executor() -> Executor:
                around = self._around(isolate, environment or {}, allow_network)
                stack.enter_context(around)
                made = make_executor(None, Calls(given, start, options.seed), workers)
                if self._mocks is not None:
                    made = self._mocks.over(made, start)
                stack.callback(made.close)
                return made

            planned = self.machine.planned
            return self._told(run_one_state(planned, self._planned, value, identity, setting, options, executor))

    def _told(self, tested: Tested) -> StateResult:
        output = None if isinstance(tested.output, Absent) else tested.output
        result = StateResult(
            self._planned.name, tested.status, output, tested.next_state, tested.error, tested.cause,
            tested.inspection, tested.execution, tested.visit, self.machine.source,
        )  # fmt: skip
        if self._seen is not None:
            self._seen(result)
        return result

    def _check_mock(self) -> None:
        kind = self._planned.state.type
        if kind not in CAN_BE_MOCKED:
            raise MockError(
                f"{self._planned.name} is a {kind} state: it does no work that a mock could do; leave the mock away"
            )

    def _check_real(self, handlers: Handlers) -> None:
        state, mocks = self._planned.state, self._mocks
        if isinstance(state, TaskState) and token.waits(state.resource) and not (
            mocks is not None and mocks.answers(state.name, state.resource)
        ):
            what = "an activity's worker" if token.is_activity(state.resource) else "somebody who has its task token"
            raise MockError(f"{state.name} waits for {what}: say with a mock what comes back")
        self._part.check_handlers(handlers, mocks)

    @cached_property
    def _part(self) -> StateMachine:
        """The state, with those inside it, as a machine of its own."""
        planned = self.machine.planned
        part = PlannedMachine(planned.definition, planned.graph, states_below(self._planned))
        return replace(self.machine, planned=part)

    @contextlib.contextmanager
    def _around(
        self, isolate: bool, environment: Mapping[str, str], allow_network: tuple[str, ...]
    ) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if self._part.functions() or self._part.calls_aws():
                if isolate:
                    stack.enter_context(isolated(environment, allow_network))
                stack.enter_context(surroundings())
            stack.enter_context(rare_collections())
            yield
