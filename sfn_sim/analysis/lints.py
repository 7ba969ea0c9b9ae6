"""What looks wrong in a run although nothing failed: warnings, which never change how a run ends.

Each lint is a function of the log, with a code. They know shapes of trouble, not of anyone's data: a Task that
succeeded with a status that says it did not, a value that turned null on the way, a Map that lost items, a catcher
that kept the cause to itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfn_sim.analysis.trace import effective_input, keys_of, kind_of, look, path_text
from sfn_sim.definition.model import MapState, TaskState
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

_DEPTH = 3
_WIDTH = 200
_CLIENT_ERROR = 400


@dataclass(frozen=True, slots=True)
class Warning:
    """One thing that looks wrong.

    Attributes:
        code: the lint that noticed it.
        state: the state, with its place among branches and items.
        message: what it is.
        count: in how many visits of the state; `state` is the first.
    """

    code: str
    state: str
    message: str
    count: int = 1

    def to_json(self) -> dict[str, Json]:
        """Return the warning as `--json` prints it."""
        return {"code": self.code, "state": self.state, "message": self.message, "count": self.count}


def lint(execution: Execution) -> list[Warning]:
    """Return what looks wrong in a run, each kind once for a state."""
    found: dict[tuple[str, str], Warning] = {}
    for visit in execution.log.visits:
        for code, check in LINTS.items():
            for message in check(visit, execution):
                key = (code, visit.name)
                first = found.get(key)
                found[key] = (
                    Warning(code, visit.path, message)
                    if first is None
                    else Warning(code, first.state, first.message, first.count + 1)
                )
    return list(found.values())


def _result(visit: Visit) -> Json:
    return next((value for stage, value in reversed(visit.stages) if stage == "result"), None)


def failed_status(visit: Visit, _: Execution) -> Iterator[str]:
    """A handler returned a status of failure, and Step Functions took it for success."""
    if not isinstance(visit.state.state, TaskState) or not visit.left or visit.caught:
        return
    result = _result(visit)
    if isinstance(result, dict) and "ExecutedVersion" in result:
        result = result.get("Payload")
    status = result.get("statusCode") if isinstance(result, dict) else None
    if isinstance(status, int) and not isinstance(status, bool) and status >= _CLIENT_ERROR:
        yield (
            f"the handler returned statusCode {status} and the Task succeeded: no Retry or Catch sees that, and what "
            "follows goes on as if it had worked. Let the handler raise"
        )


def turned_null(visit: Visit, _: Execution) -> Iterator[str]:
    """A value that was there when the state was entered, or that its task was handed, is null when it is left."""
    if visit.left and visit.output is not visit.input and isinstance(visit.output, dict):
        for path in _nulled(visit.input, visit.output, ()):
            yield f"{path_text(path)} was {keys_of(look(visit.input, path))} in its input and is null in its output"  # type: ignore[arg-type]
    given, result = effective_input(visit), _result(visit)
    if isinstance(visit.state.state, TaskState) and isinstance(given, dict) and isinstance(result, dict):
        for key, value in result.items():
            if value is None and given.get(key) is not None and not isinstance(given[key], list | dict):
                yield f"the handler was given {key} as {kind_of(given[key])} and returned it as null"


def _nulled(before: Json, after: Json, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if not isinstance(before, dict) or not isinstance(after, dict) or len(at) >= _DEPTH or len(after) > _WIDTH:
        return
    for key, value in after.items():
        earlier = before.get(key)
        if value is None and earlier is not None:
            yield (*at, key)
        elif earlier is not value:
            yield from _nulled(earlier, value, (*at, key))


def lost_items(visit: Visit, _: Execution) -> Iterator[str]:
    """A Map gave nothing for some of its items."""
    if not isinstance(visit.state.state, MapState) or not visit.left or visit.caught:
        return
    result = _result(visit)
    if isinstance(result, list):
        lost = [index for index, each in enumerate(result) if each is None]
        failed = [n for n, each in enumerate(result) if isinstance(each, dict) and each.keys() == {"Error", "Cause"}]
        if lost:
            yield f"{len(lost)} of {len(result)} items gave null, item {lost[0]} first"
        if failed:
            yield f"{len(failed)} of {len(result)} items failed and were tolerated, item {failed[0]} first"


def lost_cause(visit: Visit, execution: Execution) -> Iterator[str]:
    """A catcher took an error, and how the execution ended does not show it."""
    if not visit.caught or visit.error is None:
        return
    error, cause = visit.error
    told = f"{execution.error} {execution.cause} {json.dumps(execution.output, default=str)}"
    words = _message(cause)
    if words and words not in told and (error or "") not in told:
        yield f"{error} was caught, and neither the execution's output nor its error and cause tell of it: {words}"


def _message(cause: str | None) -> str:
    try:
        envelope = json.loads(cause or "")
    except ValueError:
        return cause or ""
    return str(envelope.get("errorMessage", cause)) if isinstance(envelope, dict) else str(cause)


LINTS: dict[str, Callable[[Visit, Execution], Iterator[str]]] = {
    "FAILED_STATUS": failed_status,
    "TURNED_NULL": turned_null,
    "LOST_ITEMS": lost_items,
    "LOST_CAUSE": lost_cause,
}
