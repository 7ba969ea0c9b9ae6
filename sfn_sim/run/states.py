"""What each state type does between its entry and its exit: one function each.

Source: ASL specification, State Types; Developer Guide, Workflow states.
"""

from __future__ import annotations

from typing import cast

from sfn_sim import limits
from sfn_sim.definition.model import ABSENT, ChoiceState, FailState, PassState, WaitState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import RUNTIME, Detail, StatesError
from sfn_sim.payload import Json, dumps
from sfn_sim.run import flow
from sfn_sim.run.choice import holds, is_number, no_match
from sfn_sim.run.effects import Sleep, StateRun
from sfn_sim.run.interpreter import Blocking, Interpreter, Simple, Step
from sfn_sim.run.log import Branch, Visit
from sfn_sim.run.map import run_map
from sfn_sim.run.parallel import run_parallel
from sfn_sim.run.task import run_task
from sfn_sim.timestamp import parse_timestamp


def run_pass(_: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json) -> Step:
    """Pass the input on, or the Result."""
    plan, scope = planned.plan, branch.scope
    result = value
    if plan.once:
        result = flow.fold(plan.once, result, value, visit, scope)
    if plan.before:
        result = flow.fold(plan.before, result, value, visit, scope)
    state = cast(PassState, planned.state)
    if state.result is not ABSENT:
        result = state.result
        visit.stages.append(("result", result))
    if planned.assign is not None:
        flow.assign(planned.assign, result, visit, scope)
    if plan.after:
        result = flow.fold(plan.after, result, value, visit, scope)
    return result, planned.next


def _effective(planned: PlannedState, branch: Branch, visit: Visit, value: Json) -> Json:
    return flow.fold(planned.plan.once, value, value, visit, branch.scope) if planned.plan.once else value


def _outgoing(planned: PlannedState, branch: Branch, visit: Visit, value: Json, raw: Json) -> Json:
    return flow.fold(planned.plan.after, value, raw, visit, branch.scope) if planned.plan.after else value


def run_choice(_: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json) -> Step:
    """Go where the first rule that holds leads, else to Default.

    Raises:
        StatesError: States.Runtime, when a path leads nowhere, or no rule holds and there is no Default;
            States.QueryEvaluationError.
    """
    effective = _effective(planned, branch, visit, value)
    target, assign, after = cast(ChoiceState, planned.state).default, planned.assign, planned.plan.after
    for rule, chosen in planned.choices:
        if holds(rule, effective, branch.scope, visit):
            # The choice's own Assign and Output stand for the state's (recorded: assign_in_choice, output_in_choice).
            target, assign = chosen, rule.assign
            if rule.condition is not None:
                after = (rule.output,) if rule.output is not None else ()
            break
    if target is None:
        raise no_match(visit, effective, planned.state.pointer)
    if assign is not None:
        flow.assign(assign, effective, visit, branch.scope)
    return flow.fold(after, effective, value, visit, branch.scope) if after else effective, target


def run_succeed(_: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json) -> Step:
    """End well."""
    effective = _effective(planned, branch, visit, value)
    return _outgoing(planned, branch, visit, effective, value), None


def run_fail(_: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json) -> Step:
    """End with the state's Error and Cause; a field that is not written stays away.

    Source: recorded: state_fail_empty, state_fail_intrinsic, invalid_jsonpath (CAUSEPATH).

    Raises:
        StatesError: always.
    """
    state = cast(FailState, planned.state)
    error, cause = state.error, state.cause
    if state.error_path is not None:
        error = _text(planned, "ErrorPath", value, visit, branch)
    if state.cause_path is not None:
        cause = _text(planned, "CausePath", value, visit, branch)
    if "Error" in planned.fields:
        error = cast(str, flow.give(planned, "Error", visit, branch.scope))
    if "Cause" in planned.fields:
        cause = cast(str, flow.give(planned, "Cause", visit, branch.scope))
    raise StatesError(error, cause, detail=Detail("fail", value=value, pointer=state.pointer))


def _text(planned: PlannedState, name: str, value: Json, visit: Visit, branch: Branch) -> str:
    text = flow.read(planned, name, value, visit, branch.scope, template_words=True)
    if isinstance(text, str):
        return text
    words = f"The {name} field does not reference a string value: {planned.paths[name].text}"
    raise _refused(visit, planned, name, value, words)  # Source: assumed


def _refused(visit: Visit, planned: PlannedState, name: str, value: Json, words: str) -> StatesError:
    expression = planned.paths[name].text if name in planned.paths else ""
    pointer = f"{planned.state.pointer}/{name}"
    detail = Detail("value", field=name, expression=expression, pointer=pointer, value=value, message=words)
    return StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)


def run_wait(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json
) -> StateRun:
    """Wait for Seconds or until Timestamp; a moment that has passed does not wait.

    Raises:
        StatesError: States.Runtime, when what a path reads is no time; States.QueryEvaluationError for JSONata.
    """
    effective = _effective(planned, branch, visit, value)
    delay = _delay_ms(interpreter, planned, branch, visit, effective)
    if delay > limits.WAIT_DAYS.value * 86_400_000:
        raise _refused(visit, planned, "", effective, "Wait state delay is too long.")
    if delay > 0:
        yield Sleep(delay)
    if planned.assign is not None:
        flow.assign(planned.assign, effective, visit, branch.scope)
    return _outgoing(planned, branch, visit, effective, value), planned.next


def _delay_ms(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, effective: Json
) -> int:
    state = cast(WaitState, planned.state)
    if state.seconds is not None:
        return state.seconds * 1000
    if "Seconds" in planned.fields:
        return flow.give_whole(planned, "Seconds", visit, branch.scope, 0) * 1000
    if state.seconds_path is not None:
        return _seconds_path(planned, state.seconds_path, branch, visit, effective) * 1000
    text: Json = state.timestamp
    if "Timestamp" in planned.fields:
        text = flow.give(planned, "Timestamp", visit, branch.scope)
    elif state.timestamp_path is not None:
        text = flow.read(planned, "TimestampPath", effective, visit, branch.scope)
    moment_ns = parse_timestamp(text)
    if moment_ns is None and "Timestamp" in planned.fields:
        # Source: recorded: wait_timestamp_jsonata (INVALID_ISO, NO_T).
        words = f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
        raise flow.not_given(planned, "Timestamp", visit, words)
    if moment_ns is None:
        # Source: recorded: wait_timestamp_path (INVALID_ISO, NO_T).
        words = (
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format "
            f"string: {state.timestamp_path} == {_shown(text)}"
        )
        raise _refused(visit, planned, "TimestampPath", effective, words)
    start_ms = round(interpreter.identity.start.timestamp() * 1000)
    return -(-moment_ns // 1_000_000) - start_ms - interpreter.log.now_ms


def _seconds_path(planned: PlannedState, path: str, branch: Branch, visit: Visit, effective: Json) -> int:
    """Return what SecondsPath reads.

    Source: recorded: base_wait_seconds_path, wait_seconds_path (missing).
    """
    try:
        seconds = flow.read(planned, "SecondsPath", effective, visit, branch.scope)
    except StatesError as error:
        cause = f"{flow.prefix(visit)}The SecondsPath parameter does not reference an input value: {path}"
        raise StatesError(error.name, cause, detail=error.detail) from None
    if not is_number(seconds) or seconds != int(cast(float, seconds)):
        words = f"The SecondsPath parameter cannot be parsed as a long value: {path} == {_shown(seconds)}"
        raise _refused(visit, planned, "SecondsPath", effective, words)
    number = int(cast(float, seconds))
    if number < 0:
        words = f"The SecondsPath parameter references a negative value: {path} == {number}"
        raise _refused(visit, planned, "SecondsPath", effective, words)
    return number


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value)


SIMPLE: dict[str, Simple] = {
    "Pass": run_pass,
    "Choice": run_choice,
    "Succeed": run_succeed,
    "Fail": run_fail,
}
BLOCKING: dict[str, Blocking] = {
    "Task": run_task,
    "Wait": run_wait,
    "Parallel": run_parallel,
    "Map": run_map,
}
