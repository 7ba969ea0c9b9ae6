"""Why a handler failed, or a Fail state was reached because of one: what it was not given, or given as null."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from sfn_sim.analysis.diagnosis.origin import left_out, not_given
from sfn_sim.analysis.trace import MISSING, before, effective_input, kind_of, null_origin
from sfn_sim.definition.model import ABSENT
from sfn_sim.errors import ALL, TASK_FAILED, Detail
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis.diagnose import Diagnosis


def _handler(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A handler that raised."""
    error, cause = visit.error or (execution.error, execution.cause)
    try:
        envelope = json.loads(cause or "")
        message, frames = envelope.get("errorMessage", ""), envelope.get("stackTrace") or []
    except (ValueError, AttributeError):
        message, frames = cause, []
    said = ": ".join(each for each in (error, message) if each)
    diagnosis.what = f"{detail.message} failed{f': {said}' if said else ', and told neither an error nor a cause'}"
    if frames:
        diagnosis.why = " ".join(str(frames[-1]).split())
    if visit.retry_delays_ms:
        tried = len(visit.retry_delays_ms)
        diagnosis.notes.append(f"tried {tried + 1} times, waiting {sum(visit.retry_delays_ms) / 1000:g} s in all")
    elif visit.state.retriers:
        names = ", ".join(name for retrier in visit.state.retriers for name in retrier.error_equals)
        diagnosis.notes.append(f"no retrier takes {error}: they name {names}")
    for request_id, text in visit.printed[-1:]:
        diagnosis.notes += [f"printed by {request_id}: {line}" for line in text.splitlines()[-5:]]
    diagnosis.fix = f"mend the handler, or let {visit.name} retry or catch {error or 'States.ALL'}"
    if error == "Lambda.ResourceNotFoundException":
        diagnosis.fix = f"write a handler for {detail.message}, or mend what gives the FunctionName of {visit.name}"
    if visit.retry_delays_ms:
        _gave_up(diagnosis, visit, error or "")
    why, fix = not_given(execution, visit, error or "", str(message))
    diagnosis.why, diagnosis.fix = "; ".join(filter(None, (diagnosis.why, why))), fix or diagnosis.fix
    if not why and not _null_given(diagnosis, str(message), visit, execution) and (more := left_out(visit)):
        diagnosis.why = "; ".join(filter(None, (diagnosis.why, more)))


def _gave_up(diagnosis: Diagnosis, visit: Visit, error: str) -> None:
    """A retrier that took the error and came to its end."""
    for index, retrier in enumerate(visit.state.retriers):
        if error in retrier.error_equals or {TASK_FAILED, ALL} & set(retrier.error_equals):
            waited = sum(visit.retry_delays_ms) / 1000
            diagnosis.field = diagnosis.field or f"Retry[{index}]"
            diagnosis.fix = (
                f"mend the handler; or, if {error} passes by itself in more than {waited:g} s, raise MaxAttempts "
                f"({retrier.max_attempts}) or IntervalSeconds ({retrier.interval_seconds}) of Retry[{index}]"
            )
            return


def _null_given(diagnosis: Diagnosis, message: str, visit: Visit, execution: Execution) -> bool:
    """A handler that speaks of a key which it was given as null: the state that made it null is to be mended."""
    given, template = effective_input(visit), visit.state.state.flow.parameters
    nulls = [key for key, value in given.items() if value is None and key in message] if isinstance(given, dict) else []
    key = max(nulls, key=len, default="")
    path = template.get(f"{key}.$") if isinstance(template, dict) else key
    if not key or not isinstance(path, str):
        return False
    origin = null_origin(execution.log, visit, tuple(path.removeprefix("$.").split(".")))
    if origin is None:
        return False
    maker = origin.visit
    made = f"{maker.name} (event {maker.entered_event}) made it null"
    if origin.given is not MISSING and origin.given is not None:
        made = f"the handler of {maker.path} (event {maker.entered_event}) was given {origin.key} as "
        made += f"{kind_of(origin.given)} and returned it as null"  # type: ignore[arg-type]
        diagnosis.fix = f"let the handler of {maker.name} return the {origin.key} that it is given"
    else:
        diagnosis.fix = f"let {maker.name} give a value to {origin.key}"
    way = "".join(f", {each.name} read it from there" for each in origin.way)
    diagnosis.field = f"Parameters/{key}.$" if template is not ABSENT else key
    diagnosis.why = f"{key} is null in what {visit.name} was given: {made}{way}"
    return True


def _fail(diagnosis: Diagnosis, _: Detail, visit: Visit, execution: Execution) -> None:
    """A Fail state, often reached through a catcher."""
    diagnosis.what = f"the Fail state {visit.name} ended the execution: {_words(execution.cause) or 'no cause given'}"
    for earlier in reversed(execution.log.visits[: visit.index]):
        if earlier.caught and earlier.error is not None:
            error, cause = earlier.error
            # A Map and the state inside it fail with one error; the inner one was entered later.
            before = execution.log.visits[: visit.index]
            inner = next(each for each in reversed(before) if each.error == earlier.error)
            diagnosis.why = f"{inner.path} (event {inner.entered_event}) failed with {error}: {_words(cause)}"
            diagnosis.fix = f"mend what fails in {inner.name}; {visit.name} tells what its catcher was given"
            why, fix = not_given(execution, inner, error or "", _words(cause))
            if why:
                diagnosis.why, diagnosis.fix = f"{diagnosis.why}; {why}", fix
            elif cause and cause not in (execution.cause or ""):
                diagnosis.field = diagnosis.field or "Cause"
                diagnosis.fix = (
                    f"let {visit.name} keep the cause: CausePath on what the catcher of {earlier.name} wrote, "
                    "instead of a fixed Cause"
                )
            break


def through_catcher(diagnosis: Diagnosis, visit: Visit, execution: Execution) -> None:
    """Tell of the failure whose catcher led to the state that failed now: it may be what is to be mended."""
    caught = next((each for each in before(execution.log, visit) if each.caught and each.error is not None), None)
    if caught is None or caught.error is None:
        return
    error, cause = caught.error
    first = next(each for each in reversed(execution.log.visits[: visit.index]) if each.error == caught.error)
    why, fix = not_given(execution, first, error or "", _words(cause))
    told = f"{first.path} (event {first.entered_event}) had failed with {error}: {_words(cause)}, and the Catch of "
    told += f"{caught.name} led here"
    diagnosis.why = "; ".join(filter(None, (diagnosis.why, told, why)))
    if fix:
        diagnosis.fix = f"{fix}; or {diagnosis.fix}" if diagnosis.fix else fix


def _words(cause: str | None) -> str:
    """Return the message of a Lambda function's error, or the cause as it is."""
    try:
        envelope = json.loads(cause or "")
    except ValueError:
        return cause or ""
    return str(envelope.get("errorMessage", cause)) if isinstance(envelope, dict) else str(cause)


KINDS: dict[str, Callable[[Diagnosis, Detail, Visit, Execution], None]] = {"handler": _handler, "fail": _fail}
