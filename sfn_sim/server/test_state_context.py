"""The Context Object that a caller of TestState brings, and the one that a test has without.

Source: Developer Guide, Using context field in the TestState API; recorded: state_context_object,
state_task_catch_error, test_state_with_variables.
"""

from __future__ import annotations

import json
from typing import Any, cast

from sfn_sim.definition.alone import STATE_NAME
from sfn_sim.payload import Json
from sfn_sim.run.context import Identity, context_object
from sfn_sim.run.log import Branch
from sfn_sim.run.one_state import Describe
from sfn_sim.server.faults import ApiError, invalid

# The members of a Context Object, and what each of them is.
_MEMBERS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "Execution": {
        "Id": str, "Input": object, "Name": str, "RoleArn": str, "StartTime": str, "RedriveCount": int,
        "RedriveTime": str,
    },
    "State": {"EnteredTime": str, "Name": str, "RetryCount": int},
    "StateMachine": {"Id": str, "Name": str},
    "Task": {"Token": str},
}  # fmt: skip
_NAMES = {str: "string", int: "integer"}


def read_context(text: str, *, has_token: bool) -> dict[str, Json]:
    """Return a Context Object that a caller gives.

    Args:
        text: its JSON text.
        has_token: whether the state is a Task that waits for a job or for its token.

    Raises:
        ApiError: ValidationException. Which members there may be, and the words about them, are those that another
            emulator was measured to have; recorded are Map and Task.
    """
    try:
        context = json.loads(text)
    except ValueError:
        raise _refused("it is not valid JSON") from None  # Source: assumed
    if not isinstance(context, dict):
        raise _refused("it must be a JSON object")  # Source: assumed
    if "Map" in context:
        raise _refused("'Map' field is not supported when mocking a Context object")
    for name, value in context.items():
        if name not in _MEMBERS:
            raise _refused(f"Field '{name}' is not allowed")
        _check(name, value)
    if "Task" in context and not has_token:
        raise _refused(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )
    return cast("dict[str, Json]", context)


def _check(name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise _refused(f"{name} must be a object")
    for key, each in value.items():
        wanted = _MEMBERS[name].get(key)
        if wanted is None:
            raise _refused(f"Field '{key}' is not allowed")
        if each is not None and not isinstance(each, wanted):
            raise _refused(f"{name}.{key} must be a {_NAMES[wanted]}")  # type: ignore[index]


def _refused(words: str) -> ApiError:
    return invalid(f"Invalid Context object provided: {words}")


def describe_for(role: str | None) -> Describe:
    """Return what makes the Context Object of a test without one.

    Source: recorded: map_state_failure_count (an Express execution's ARN without its last part, the state's name),
    test_state_with_variables (no role).
    """

    def describe(identity: Identity, execution_input: Json, branch: Branch) -> Json:
        made = cast("dict[str, Any]", context_object(identity, execution_input, branch))
        place = f"arn:aws:states:{identity.region}:{identity.account}"
        made["Execution"]["Id"] = f"{place}:express:{identity.machine_name}:{identity.name}"
        made["Execution"]["RoleArn"] = role
        if "State" in made:
            made["State"]["Name"] = STATE_NAME
        return cast(Json, made)

    return describe
