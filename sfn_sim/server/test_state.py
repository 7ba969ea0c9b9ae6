"""TestState: one state of a definition, run alone.

Source: API reference, TestState; Developer Guide, Testing state machines with TestState API; recorded: suite
test_state.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sfn_sim import limits
from sfn_sim.definition.alone import STATE_NAME, find_state, is_in_map, machine_of, states_below
from sfn_sim.definition.model import ABSENT, Absent, MapState, ParallelState, TaskState
from sfn_sim.definition.parse import parse
from sfn_sim.definition.plan import PlannedMachine, PlannedState, plan
from sfn_sim.errors import StatesError
from sfn_sim.payload import Json, dumps, loads
from sfn_sim.run import token
from sfn_sim.run.context import Identity
from sfn_sim.run.execution import Options
from sfn_sim.run.mocked_state import CAN_BE_MOCKED, Answered, TooManyFailures
from sfn_sim.run.one_state import Setting, Tested, run_one_state
from sfn_sim.run.scheduler import Executor
from sfn_sim.server.executions import read_input
from sfn_sim.server.faults import ApiError, invalid
from sfn_sim.server.machines import check_definition
from sfn_sim.server.store import ACCOUNT, Store
from sfn_sim.server.test_state_context import describe_for, read_context
from sfn_sim.services.executors import Calls, make_executor
from sfn_sim.services.responses import STRICT, problem_of_mock
from sfn_sim.source import Source

Request = dict[str, Any]
_NOT_TEXT = frozenset(("errorDetails", "maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"))


def test_state(store: Store, request: Request) -> Request:
    """Run one state and tell what became of its data.

    Raises:
        ApiError: InvalidDefinition, InvalidExecutionInput, ValidationException.
        UnsupportedFeatureError: without a mock the state needs what is not carried out.
    """
    machine, way = _state(request)
    planned = way[-1]
    mock = _mock(request, planned)
    if mock is None and isinstance(planned.state, TaskState):
        _check_can_be_called(planned.state, request)
    text = read_input(request)
    value = loads(text)
    configuration = request.get("stateConfiguration", {})
    answered = None
    result: Json | Absent = ABSENT
    if mock is not None:
        result, answer = mock
        _check_configuration(configuration, planned, request["mock"])
        answered = Answered(
            answer, configuration.get("mapIterationFailureCount", 0), configuration.get("mapItemReaderData")
        )
    context = _context(request, planned)
    setting = Setting(
        mock=answered,
        variables=_variables(request),
        context=context,
        describe=describe_for(request.get("roleArn")),
        item=(0, value) if is_in_map(way) and isinstance(context, Absent) else None,
        retries=configuration.get("retrierRetryCount", 0),
        limit_ms=limits.EXPRESS_EXECUTION.value * 1000,
    )
    try:
        tested = _run(store, request, machine, planned, value, setting)
    except TooManyFailures as problem:
        raise invalid(str(problem)) from None
    return _answer(tested, request.get("inspectionLevel", "INFO"), _Texts((value, text), (result, request)))


def _state(request: Request) -> tuple[PlannedMachine, tuple[PlannedState, ...]]:
    """Return the machine, and the state with those round it.

    Source: recorded: base_state_name, base_state_name_validation_failures, state_name_invalid_state_definition,
    parallel_state_empty_branches.
    """
    text: str = request["definition"]
    name: str | None = request.get("stateName")
    if name is None:
        text = machine_of(text) or text
    check_definition(text, "STANDARD")
    machine = plan(parse(Source("definition", text)))
    way = find_state(machine, name if name is not None else STATE_NAME)
    if not way:
        raise invalid("State not found in definition")
    return machine, way


def _mock(request: Request, planned: PlannedState) -> tuple[Json | Absent, Callable[[Json, Answered], Json]] | None:
    """Return the mocked result, where there is one, and what answers in the place of the state's work.

    Source: recorded: state_mock_validation, test_state_mock_scenarios.
    """
    mock = request.get("mock")
    kind = planned.state.type
    if mock is None:
        if isinstance(planned.state, MapState | ParallelState):
            raise ApiError(
                "InvalidDefinition",
                "TestState API does not support Map or Parallel states. Supported state types include: "
                "[Task, Wait, Pass, Succeed, Fail, Choice]",
            )
        return None
    if kind not in CAN_BE_MOCKED:
        raise invalid(f"State type '{kind}' is not supported when a mock is specified")
    if request.get("revealSecrets"):
        raise invalid("TestState does not support RevealSecrets when a mock is specified.")
    if ("result" in mock) == ("errorOutput" in mock):
        raise invalid("A test mock should have only one of the following fields: [result, errorOutput].")
    if "errorOutput" in mock:
        return ABSENT, _fails(mock["errorOutput"])
    try:
        result: Json = loads(mock["result"])
    except (ValueError, RecursionError):
        raise invalid("Mocked result must be valid JSON") from None
    problem = problem_of_mock(planned.state, result, mock.get("fieldValidationMode", STRICT))
    if problem is not None:
        raise invalid(problem)
    return result, lambda *_: result


def _fails(given: Request) -> Callable[[Json, Answered], Json]:
    def answer(*_: object) -> Json:
        raise StatesError(given.get("error"), given.get("cause"))

    return answer


def _check_can_be_called(state: TaskState, request: Request) -> None:
    """Refuse a Task that cannot be tested without a mock.

    Source: API reference, TestState (only with a mock); the words are assumed, but for those about the role, which
    another emulator was measured to have.
    """
    resource = state.resource
    pattern = resource.rpartition(".")[2]
    if token.waits(resource) or pattern.startswith("sync"):
        what = "Activity tasks" if token.is_activity(resource) else f"the '.{pattern}' service integration pattern"
        raise invalid(f"TestState API supports {what} only when a mock is specified.")
    if "roleArn" not in request:
        raise invalid("RoleArn must be specified when testing a Task state")


def _check_configuration(given: Request, planned: PlannedState, mock: Request) -> None:
    """Check what a caller says of a Map or Parallel.

    Source: Developer Guide, Specifying error source with errorCausedByState; the words are assumed.
    """
    state = planned.state
    name = given.get("errorCausedByState")
    if "errorOutput" in mock and isinstance(state, MapState | ParallelState):
        if name is None:
            raise invalid("ErrorCausedByState must be specified when mocking an error for a Map or Parallel state.")
        if name not in {each.name for each in states_below(planned)[1:]}:
            raise invalid(f"State '{name}' not found in the Map or Parallel state")
    if not isinstance(state, MapState):
        for field in ("mapIterationFailureCount", "mapItemReaderData"):
            if field in given:
                raise invalid(f"{field} can only be specified for a Map state.")


def _context(request: Request, planned: PlannedState) -> Json | Absent:
    text = request.get("context")
    if text is None:
        return ABSENT
    if "mock" not in request:
        raise invalid("Context can only be specified when a mock is specified.")  # Source: assumed
    resource = planned.state.resource if isinstance(planned.state, TaskState) else ""
    return read_context(text, has_token=resource.endswith((".sync", ".sync:2", token.CALLBACK)))


def _variables(request: Request) -> dict[str, Json]:
    try:
        variables = json.loads(request.get("variables", "{}"))
    except ValueError:
        variables = None
    if not isinstance(variables, dict):
        raise invalid("Variables must be a valid JSON object.")  # Source: assumed
    return variables


def _run(
    store: Store, request: Request, machine: PlannedMachine, planned: PlannedState, value: Json, setting: Setting
) -> Tested:
    identity = Identity(
        store.uuid(),
        store.uuid(),
        store.clock.now(),
        region=store.region,
        account=ACCOUNT,
        role=request.get("roleArn", ""),
        redrivable=False,
    )
    with contextlib.ExitStack() as stack:

        def executor() -> Executor:
            functions = store.warm.pop() if store.warm else {}
            stack.callback(store.warm.append, functions)
            made = make_executor(
                None, Calls(store.handlers, identity.start, store.seed, _functions=functions), store.workers
            )
            stack.callback(made.close)
            return made

        tested = run_one_state(machine, planned, value, identity, setting, Options(seed=store.seed), executor)
    store.clock.reach(identity.start + timedelta(milliseconds=tested.execution.elapsed_ms))
    return tested


class _Texts:
    """The text of a value; what the caller gave keeps the white space that it came with.

    Source: recorded: state_map_context_object (the input), map_state_failure_count (a mocked result).
    """

    def __init__(self, given: tuple[Json, str], mocked: tuple[Json | Absent, Request]) -> None:
        self._given = [given]
        result, request = mocked
        if not isinstance(result, Absent):
            self._given.append((result, request["mock"]["result"]))

    def __call__(self, value: Json) -> str:
        if isinstance(value, dict | list):
            for mine, text in self._given:
                if mine is value:
                    return text
        return dumps(value)


def _answer(tested: Tested, level: str, text: _Texts) -> Request:
    answer: Request = {"status": tested.status}
    if not isinstance(tested.output, Absent):
        answer["output"] = text(tested.output)
    if level != "INFO":
        answer["inspectionData"] = {
            name: value if name in _NOT_TEXT else text(value) for name, value in tested.inspection.items()
        }
    for name, said in (("nextState", tested.next_state), ("error", tested.error), ("cause", tested.cause)):
        if said is not None:
            answer[name] = said
    return answer
