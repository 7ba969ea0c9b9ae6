"""Small machines for the tests, and the plainest way to run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sfn_sim import Options, StateMachine
from sfn_sim.run.execution import Execution

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
INVOKE = "arn:aws:states:::lambda:invoke"


class Busy(Exception):
    """An error of a handler."""


def machine(top: dict[str, Any] | None = None, **states: dict[str, Any]) -> StateMachine:
    return StateMachine.from_json({**(top or {}), "StartAt": next(iter(states)), "States": states})


def graph(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def task(function: str = "f", **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{FUNCTION}{function}", **({} if "Next" in more else {"End": True}), **more}


def passing(**more: Any) -> dict[str, Any]:
    return {"Type": "Pass", **({} if "Next" in more else {"End": True}), **more}


def run(
    state: dict[str, Any],
    value: Any = None,
    handler: Callable[[Any, Any], Any] | None = None,
    options: Options | None = None,
    **others: dict[str, Any],
) -> Execution:
    """Run a machine that starts with `state`, named A; `handler` answers for the function f."""
    return machine(A=state, **others).run(
        {} if value is None else value, {"f": handler} if handler else None, options=options
    )


def fails(*errors: Exception, then: Any = None) -> Callable[[Any, Any], Any]:
    """Return a handler that raises these errors, one a call, and then returns `then`."""
    left = list(errors)

    def handler(event: Any, context: Any) -> Any:
        if left:
            raise left.pop(0)
        return then

    return handler


def always(error: Exception) -> Callable[[Any, Any], Any]:
    def handler(event: Any, context: Any) -> Any:
        raise error.with_traceback(None)  # one object that is raised again and again keeps all its frames

    return handler


def types(execution: Execution) -> list[str]:
    return [event["type"] for event in execution.history()]


def parents(execution: Execution) -> list[tuple[int, int, str]]:
    return [(event["id"], event["previousEventId"], event["type"]) for event in execution.history()]


def words(execution: Execution) -> str:
    """Return a cause without AWS's opening "An error occurred while executing the state …"."""
    return str(execution.cause).split("). ", 1)[-1]
