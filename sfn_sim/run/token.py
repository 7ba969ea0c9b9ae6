"""Tasks that somebody outside answers for: activities, and calls that wait for their task token.

Source: ASL specification, Task State; Developer Guide, Wait for a callback with task token, Activities; recorded:
sqs_wait_for_task_token, heartbeat_path_timeout (States.Timeout without a cause), activity_task_with_heartbeat.
"""

from __future__ import annotations

from typing import Any

from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import RUNTIME, TIMEOUT, Detail, StatesError
from sfn_sim.payload import Json, loads
from sfn_sim.run import flow
from sfn_sim.run.effects import Answer, AwaitToken, StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Branch, Visit
from sfn_sim.run.seed import Stream

CALLBACK = ".waitForTaskToken"


def waits(resource: str) -> bool:
    """Tell whether a task on `resource` ends only when somebody answers for its token."""
    return resource.endswith(CALLBACK) or is_activity(resource)


def is_activity(resource: str) -> bool:
    """Tell whether a resource is an activity."""
    return resource.startswith("arn:aws:states:") and ":activity:" in resource


def issue(interpreter: Interpreter, branch: Branch, visit: Visit) -> str:
    """Hand out the token of the present attempt at a task; `$$.Task.Token` reads it."""
    identity = interpreter.identity
    stream = Stream.named(interpreter.seed, identity.arn, visit.path, visit.index, branch.retry_count, "token")
    token = "AQC" + "".join(stream.uuid4() for _ in range(4)).replace("-", "")
    interpreter.log.tokens[token] = True
    branch.task_token, branch.context = token, None
    return token


def withdraw(interpreter: Interpreter, branch: Branch) -> None:
    """Note that nobody waits for a task's token any more."""
    if branch.task_token is not None:
        interpreter.log.tokens[branch.task_token] = False
        branch.task_token, branch.context = None, None


def run_activity(
    interpreter: Interpreter,
    planned: PlannedState,
    branch: Branch,
    visit: Visit,
    given: Json,
    data: bytes,
    times: tuple[int | None, int | None],
) -> StateRun:
    """Wait for an activity's worker.

    Raises:
        StatesError: States.Runtime when there is no such activity, the worker's error, or States.Timeout.
    """
    resource: str = planned.state.resource  # type: ignore[attr-defined]  # a Task has one
    if interpreter.has_activity is not None and not interpreter.has_activity(resource):
        # Source: recorded: activity_task_on_deleted.
        words = f"{flow.prefix(visit)}The activity {resource} does not exist."
        raise StatesError(RUNTIME, words, detail=Detail("value", field="Resource", message=words))
    log = interpreter.log
    branch.last = log.append("ActivityScheduled", branch.last, (resource, given, *times))

    def started(worker: str | None) -> None:
        branch.last = log.append("ActivityStarted", branch.last, (worker,))

    wait = AwaitToken(
        token=branch.task_token or "",
        caller=visit.path,
        timeout_ms=_ms(times[0]),
        heartbeat_ms=_ms(times[1]),
        activity=resource,
        input=data,
        started=started,
        identity=_identity(interpreter, branch, visit),
    )
    answer: Answer = yield wait
    return _result(interpreter, branch, visit, answer, "Activity", ())


def await_callback(
    interpreter: Interpreter,
    branch: Branch,
    visit: Visit,
    head: tuple[Any, ...],
    submitted: Json,
    scheduled_ms: int,
    times: tuple[int | None, int | None],
) -> StateRun:
    """Wait for the answer to a call's task token, once the call has been made.

    Args:
        interpreter: what the states share.
        branch: where the task is.
        visit: the stay in its state.
        head: the details that all the task's events start with.
        submitted: what the call answered.
        scheduled_ms: when the task began: its timeout counts from there.
        times: its timeout and heartbeat, in seconds.

    Raises:
        StatesError: the error that was sent, or States.Timeout.
    """
    log = interpreter.log
    branch.last = log.append("TaskSubmitted", branch.last, (*head, submitted))
    timeout_ms = _ms(times[0])
    if timeout_ms is not None:
        timeout_ms = max(0, timeout_ms - (log.now_ms - scheduled_ms))
    answer: Answer = yield AwaitToken(
        branch.task_token or "", visit.path, timeout_ms, _ms(times[1]), identity=_identity(interpreter, branch, visit)
    )
    return _result(interpreter, branch, visit, answer, "Task", head)


def _result(
    interpreter: Interpreter, branch: Branch, visit: Visit, answer: Answer, kind: str, head: tuple[Any, ...]
) -> Json:
    log = interpreter.log
    if answer.timed_out:
        branch.last = log.append(f"{kind}TimedOut", branch.last, (*head, TIMEOUT, None))
        detail = Detail("timeout", message="nobody answered for the task in time")
        raise StatesError(TIMEOUT, None, detail=detail)
    if answer.output is None:
        branch.last = log.append(f"{kind}Failed", branch.last, (*head, answer.error, answer.cause))
        raise StatesError(answer.error, answer.cause, detail=Detail("handler", message="the task's token"))
    result = loads(answer.output)
    visit.result_bytes = max(visit.result_bytes, len(answer.output))
    visit.stages.append(("result", result))
    branch.last = log.append(f"{kind}Succeeded", branch.last, (*head, result))
    return result


def _identity(interpreter: Interpreter, branch: Branch, visit: Visit) -> tuple[str | int, ...]:
    return interpreter.identity.name, visit.path, visit.index, branch.retry_count


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
