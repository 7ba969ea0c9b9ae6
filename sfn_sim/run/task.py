"""The Task state, and how it calls a Lambda function: by its ARN, or through lambda:invoke.

Source: ASL specification, Task State; Developer Guide, Invoke an AWS Lambda function; recorded: task_lambda,
task_service_lambda, lambda_task, lambda_task_service, timeouts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from sfn_sim.definition.model import ABSENT, Absent, Seconds, TaskState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import RUNTIME, TIMEOUT, Detail, StatesError, UnsupportedFeatureError
from sfn_sim.payload import Json, dumps, encode, encode_to_keep, loads
from sfn_sim.run import flow, token
from sfn_sim.run.choice import is_number
from sfn_sim.run.effects import Invoke, Outcome, StateRun
from sfn_sim.run.envelope import lambda_envelope
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Branch, Visit

_UNLIMITED = (None, None)
_INVOKE = "arn:aws:states:::lambda:invoke"
# What lambda:invoke takes, and of that what is carried out.
_INTEGRATION = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:((?:aws-sdk:)?[\w-]+):([\w.:]+)")
_SUBMITTED = (".sync", ".sync:2", token.CALLBACK)
_CARRIED_OUT = frozenset(("FunctionName", "Payload", "Qualifier", "LogType"))


class Call(NamedTuple):
    """One way of calling a function, as far as history shows it.

    Attributes:
        function: the function's name or ARN; `payload` the event as JSON text.
        named: what AWS calls the task in a size error.
        kind: the first word of its events: LambdaFunction or Task.
        head: the details that all its events start with; `scheduled` those of its Scheduled event.
        result: makes the task's result of the function's response, its size, and what the function printed.
        waits: whether the task waits for the answer to its token.
        resource: the state's Resource, where the function is another thing.
        submits: whether its call and its result are two things: jobs that are waited for, task tokens.
    """

    function: str
    payload: bytes
    named: str
    kind: str
    head: tuple[Any, ...]
    scheduled: tuple[Any, ...]
    result: Callable[[Json, int, str], Json]
    waits: bool = False
    resource: str = ""
    submits: bool = False

    def cause(self, text: str | None) -> str | None:
        """Return a function's error text as this way of calling gives it.

        Source: recorded: raise_exception_catch: a plain ARN hands Lambda's text on as it is, lambda:invoke
        writes it anew without spaces.
        """
        if self.kind != "Task" or text is None or not text.startswith("{"):
            return text
        return dumps(loads(text))


def run_task(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json
) -> StateRun:
    """Call the state's resource, under Retry and Catch.

    Raises:
        StatesError: the task's error, States.Timeout, States.DataLimitExceeded, or a path's States.Runtime.
        UnsupportedFeatureError: the resource is not a Lambda function.
    """
    scope, plan = branch.scope, planned.plan
    resource = cast(TaskState, planned.state).resource
    effective = flow.fold(plan.once, value, value, visit, scope) if plan.once else value

    def work() -> StateRun:
        times = timeouts(planned, branch, visit, effective)
        given = flow.fold(plan.before, effective, value, visit, scope) if plan.before else effective
        data = encode_to_keep(given)
        visit.task_input_bytes = len(data)
        answered = interpreter.answers is not None and interpreter.answers(visit.path, resource)
        if token.is_activity(resource) and not answered:
            result = yield from token.run_activity(interpreter, planned, branch, visit, given, data, times)
        else:
            call = _call(interpreter, planned, visit, given, data)
            if len(data) > interpreter.limit_bytes:
                raise flow.too_large(call.named, len(data), interpreter.limit_bytes, lambda: given, "task input")
            result = yield from _invoke(interpreter, call, branch, visit, times)
        if planned.assign is not None:
            flow.assign(planned.assign, result, visit, scope)
        return flow.fold(plan.after, result, value, visit, scope) if plan.after else result

    def work_with_token() -> StateRun:
        token.issue(interpreter, branch, visit)
        try:
            return (yield from work())
        finally:
            token.withdraw(interpreter, branch)

    if token.waits(resource):
        return (yield from interpreter.attempt(planned, branch, visit, work_with_token))
    if planned.retriers or planned.catchers:
        return (yield from interpreter.attempt(planned, branch, visit, work))
    return (yield from work()), planned.next


def _invoke(
    interpreter: Interpreter,
    call: Call,
    branch: Branch,
    visit: Visit,
    times: tuple[int | None, int | None],
) -> StateRun:
    log, scheduled_ms = interpreter.log, interpreter.log.now_ms
    shown = times[:1] if call.kind == "LambdaFunction" else times
    branch.last = log.append(f"{call.kind}Scheduled", branch.last, (*call.head, *call.scheduled, *shown))
    branch.last = log.append(f"{call.kind}Started", branch.last, call.head if call.kind == "Task" else ())
    answered = interpreter.answers is not None and interpreter.answers(visit.path, call.resource or call.function)
    # A heartbeat that nobody sends ends the task like a timeout.
    shortest = None if times == _UNLIMITED else min(s for s in times if s is not None)
    outcome: Outcome = yield Invoke(
        call.function,
        call.payload,
        None if shortest is None else shortest * 1000,
        (interpreter.identity.name, visit.path, visit.index, branch.retry_count),
    )
    if answered and call.submits:
        branch.last = log.append("TaskSubmitted", branch.last, (*call.head, _submitted(call, outcome)))
    visit.calls_ns += outcome.real_ns
    if outcome.result is not None:
        visit.result_bytes = max(visit.result_bytes, len(outcome.result))
    if outcome.printed:
        visit.printed = (*visit.printed, (outcome.request_id, outcome.printed))
    head = call.head if call.kind == "Task" else ()
    error = _error(interpreter, call, outcome, shortest)
    if error is not None:
        ending = "TimedOut" if error.name == TIMEOUT else "Failed"
        branch.last = log.append(f"{call.kind}{ending}", branch.last, (*head, error.name, error.cause))
        raise error
    response = cast(bytes, outcome.result)
    value = outcome.value
    if isinstance(value, Absent):
        value = loads(response)
    elif call.kind == "LambdaFunction" and not visit.state.plan.after and visit.state.assign is None:
        # The response is the output, and its text as canonical as the one that would be measured.
        visit.output_bytes = len(response)
    if outcome.whole:
        result = _whole(call, value, len(response), outcome.printed)
    else:
        result = call.result(value, len(response), outcome.printed)
    if call.waits and not answered:
        return (yield from token.await_callback(interpreter, branch, visit, head, result, scheduled_ms, times))
    visit.stages.append(("result", result))
    branch.last = log.append(f"{call.kind}Succeeded", branch.last, (*head, result))
    return result


def _error(
    interpreter: Interpreter, call: Call, outcome: Outcome, timeout_s: int | None
) -> StatesError | None:
    """Return how an invocation failed; None if it did not.

    Source: recorded: fixed_timeout_lambda (States.Timeout has no cause), *_data_limit_exceeded_*.
    """
    if timeout_s is not None and outcome.took_ms > timeout_s * 1000:
        lasted = f"took {outcome.took_ms / 1000:g} s of virtual time, and may take {timeout_s} s"
        return StatesError(TIMEOUT, None, detail=Detail("timeout", message=f"{call.function} {lasted}"))
    if outcome.result is None:  # it failed; AWS records failures without an error's name
        detail = Detail("handler", message=call.function)
        cause = outcome.cause if outcome.whole else call.cause(outcome.cause)
        return StatesError(outcome.error, cause, detail=detail)
    response = outcome.result
    if len(response) > interpreter.limit_bytes:
        return flow.too_large(
            call.named, len(response), interpreter.limit_bytes, lambda: loads(response), "result"
        )
    return None


def _call(interpreter: Interpreter, planned: PlannedState, visit: Visit, given: Json, data: bytes) -> Call:
    state = cast(TaskState, planned.state)
    resource = state.resource
    if state.credentials is not ABSENT:
        raise _unsupported(planned, "Credentials (calling a resource under another role)")
    if resource.startswith("arn:aws:lambda:"):
        return Call(resource, data, resource, "LambdaFunction", (resource,), (given,), lambda result, *_: result)
    if resource in (_INVOKE, _INVOKE + token.CALLBACK):
        return _lambda_invoke(interpreter, planned, visit, given)
    if interpreter.answers is not None and interpreter.answers(visit.path, resource):
        return _integration(interpreter, resource, given, data)
    raise _unsupported(planned, f"the resource {resource}")


def _integration(interpreter: Interpreter, resource: str, given: Json, data: bytes) -> Call:
    """Return the call of a resource that somebody else answers for: a service, a job, an activity.

    Source: Developer Guide, Service integration patterns; recorded: the events of the group services.
    """
    if token.is_activity(resource):
        return Call(resource, data, resource, "Activity", (), (resource, given), lambda result, *_: result)
    found = _INTEGRATION.fullmatch(resource)
    kind, action = (found[1], found[2]) if found is not None else (resource, "")
    return Call(
        resource,
        data,
        kind,
        "Task",
        (kind, action),
        (interpreter.identity.region, given),
        lambda result, *_: result,
        submits=action.endswith(_SUBMITTED),
    )


def _submitted(call: Call, outcome: Outcome) -> Json:
    """Return what the call that began a job answered, as far as the job's result tells it.

    Source: recorded: sfn_start_execution_sync (ExecutionArn and StartDate); that the rest stays empty is assumed.
    """
    result = loads(outcome.result) if outcome.result is not None and call.head[:1] == ("states",) else None
    if not isinstance(result, dict):
        return {}
    return {name: result[name] for name in ("ExecutionArn", "StartDate") if name in result}


def _whole(call: Call, value: Json, size: int, printed: str) -> Json:
    """Return a task's result that was given as a whole; what lambda:invoke adds to it by itself stands beside it.

    Source: recorded: local_mocking: test_map_state_lambda (of a function's ARN the Payload alone is the result).
    """
    if call.kind == "LambdaFunction":
        return value["Payload"] if isinstance(value, dict) and {"StatusCode", "Payload"} <= value.keys() else value
    if call.head[:1] == ("lambda",) and isinstance(value, dict) and "Payload" in value:
        made = call.result(value["Payload"], size, printed)
        return {**made, **value} if isinstance(made, dict) else value
    return value


def _unsupported(planned: PlannedState, what: str) -> UnsupportedFeatureError:
    target = f'"state:{planned.name}"'
    return UnsupportedFeatureError(
        f"state {planned.name} needs {what}, which sfn-sim does not carry out yet. Tasks on Lambda functions are (by "
        "ARN, by arn:aws:states:::lambda:invoke, and that with .waitForTaskToken), and activities; a mock can answer "
        f"for any other: {target} = … in the [mocks] of a fixture, sfn.mock({target}, …) in a test",
        planned.state.pointer,
    )


def _lambda_invoke(interpreter: Interpreter, planned: PlannedState, visit: Visit, given: Json) -> Call:
    if not isinstance(given, dict) or not isinstance(given.get("FunctionName"), str):
        # Source: recorded form of other refused Parameters; these words are assumed.
        field = planned.state.flow.parameters_field
        words = (
            f"The {field} '{dumps(given)}' could not be used to start the Task: "
            "[The field 'FunctionName' is required but was missing]"
        )
        detail = Detail("value", field=field, pointer=f"{planned.state.pointer}/{field}", value=given)
        raise StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)
    other = next((name for name in given if name not in _CARRIED_OUT), None)
    if other is not None:
        raise _unsupported(planned, f"{other} of lambda:invoke")
    # A text is handed over as it is: it must be JSON itself (recorded: invoke_json_values_True). null arrives as an
    # empty object (recorded: invoke_unsupported_param).
    payload = given.get("Payload")
    event = payload.encode() if isinstance(payload, str) else encode({} if payload is None else payload)
    identity, at_ms = interpreter.identity, interpreter.log.now_ms
    tail = given.get("LogType") == "Tail"
    waits = cast(TaskState, planned.state).resource.endswith(token.CALLBACK)
    return Call(
        _qualified(cast(str, given["FunctionName"]), given.get("Qualifier")),
        event,
        "lambda",
        "Task",
        ("lambda", f"invoke{token.CALLBACK}" if waits else "invoke"),
        (identity.region, given),
        lambda result, size, printed: lambda_envelope(
            result, size, identity, at_ms, visit.index, interpreter.seed, printed if tail else None
        ),
        waits,
        cast(TaskState, planned.state).resource,
        waits,
    )


def _qualified(function: str, qualifier: Json) -> str:
    return f"{function}:{qualifier}" if isinstance(qualifier, str) and qualifier else function


def timeouts(
    planned: PlannedState, branch: Branch, visit: Visit, effective: Json
) -> tuple[int | None, int | None]:
    """Return a task's TimeoutSeconds and HeartbeatSeconds, in seconds; None for one that it has not.

    Raises:
        StatesError: States.Runtime or States.QueryEvaluationError, when what is read is no such number.
    """
    state = cast(TaskState, planned.state)
    if not planned.paths and not planned.fields:
        return state.timeout.value, state.heartbeat.value
    return (
        _seconds(planned, state.timeout, branch, visit, effective),
        _seconds(planned, state.heartbeat, branch, visit, effective),
    )


def _seconds(
    planned: PlannedState, seconds: Seconds, branch: Branch, visit: Visit, effective: Json
) -> int | None:
    """Read TimeoutSecondsPath or HeartbeatSecondsPath.

    Source: recorded: invalid_jsonpath (HEARTBEATSECONDSPATH); the words for a value that is no number are assumed.
    """
    if seconds.field in planned.fields:
        return flow.give_whole(planned, seconds.field, visit, branch.scope, 1)
    if seconds.path is None:
        return seconds.value
    field = f"{seconds.field}Path"
    value = flow.read(planned, field, effective, visit, branch.scope)
    if is_number(value) and isinstance(value, int) and value > 0:
        return value
    words = f"The {field} parameter does not reference a positive integer: {seconds.path} == {dumps(value)}"
    pointer = f"{planned.state.pointer}/{field}"
    detail = Detail("value", field=field, expression=seconds.path, pointer=pointer, value=effective)
    raise StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)
