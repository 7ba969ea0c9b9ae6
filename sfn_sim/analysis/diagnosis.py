"""Why an execution failed, and what to change: the message beside AWS's own.

One function per kind of failure. Each says *what* is wrong, *why* (which state did it, and when) and how to *fix* it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from sfn_sim.analysis.sizes import largest_fields
from sfn_sim.analysis.trace import (
    MISSING,
    below,
    elsewhere,
    find_loss,
    find_null,
    first_with,
    keys_of,
    kind_of,
    look,
    path_text,
)
from sfn_sim.definition.model import ABSENT, MapState
from sfn_sim.errors import RUNTIME, Detail
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.source import Location, Source, excerpt


@dataclass(slots=True)
class Diagnosis:
    """What is known of a failure.

    Attributes:
        state: the state that failed; `field` and `expression` what in it.
        location: its place in the file; `pointer` the same as a JSON pointer.
        what: what is wrong; `why` what led to it; `fix` what to change; each may be empty.
        notes: what else is worth knowing.
        attempt: the number of the attempt, from 1; `event` the id of the last event before the failure.
    """

    state: str
    error: str | None
    pointer: str
    location: Location | None
    field: str = ""
    expression: str = ""
    what: str = ""
    why: str = ""
    fix: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)
    attempt: int = 1
    event: int = 0
    label: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the diagnosis as `--json` prints it."""
        place = self.location
        return {
            "state": self.state,
            "field": self.field,
            "expression": self.expression,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "pointer": self.pointer,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
        }

    def lines(self, source: Source) -> list[str]:
        """Return the message, line by line."""
        place = str(self.location) if self.location else self.pointer
        times = f"attempt {self.attempt}, event {self.event}"
        head = f"{place}  {self.error or 'no error name'} in {self.state} ({times})"
        lines = [head]
        if self.location:
            lines += excerpt(source, self.location, self.label)
        for name, text in (("what", self.what), ("why", self.why), ("fix", self.fix)):
            if text:
                lines.append(f"  {name:<5} {text}")
        lines += [f"  note  {note}" for note in self.notes]
        return lines


def diagnose(execution: Execution, source: Source) -> Diagnosis | None:
    """Return why an execution did not succeed; None if it did."""
    if execution.status == "SUCCEEDED":
        return None
    detail = execution.detail or Detail("state")
    visit = execution.log.visits[detail.visit] if detail.visit >= 0 else None
    pointer = detail.pointer or (visit.state.state.pointer if visit else "")
    last = execution.log.events[-1]
    diagnosis = Diagnosis(
        state=visit.path if visit else "the execution",
        error=execution.error or execution.status,
        pointer=pointer,
        location=source.locate(pointer, key=detail.kind not in ("path", "place", "intrinsic")),
        field=detail.field,
        expression=detail.expression,
        attempt=len(visit.retry_delays_ms) + 1 if visit else 1,
        event=last[1],
    )
    if visit is not None:
        _KINDS.get(detail.kind, _other)(diagnosis, detail, visit, execution)
    else:
        _whole_execution(diagnosis, detail, execution)
    return diagnosis


def _path(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A path that leads nowhere."""
    steps = detail.steps[: detail.stopped_at + 1]
    root = detail.expression.split(".", 1)[0].split("[", 1)[0] if detail.expression.startswith("$") else "$"
    wanted = path_text(steps, root)
    _underline(diagnosis, detail, steps)
    if not detail.steps:
        diagnosis.what = f"{detail.expression}: {detail.message}"
    elif isinstance(detail.reached, dict):
        diagnosis.label = "no such key here"
        scope = {"$": "the effective input", "$$": "the Context Object"}.get(root, root)
        at = scope if detail.stopped_at == 0 else path_text(steps[:-1], root)
        diagnosis.what = f"{wanted} is missing from {at}: {keys_of(detail.reached)}"
    elif detail.reached is None:
        diagnosis.label = "read below null"
        diagnosis.what = f"{path_text(steps[:-1], root)} is null, so that {wanted} cannot be read"
    else:
        diagnosis.what = f"{path_text(steps[:-1], root)} is {kind_of(detail.reached)}, and has no {steps[-1]!r}"
    if root == "$":
        _why_missing(diagnosis, detail, visit, execution, steps)
    elif root == "$$" and look(detail.reached, ()) is not None:
        diagnosis.fix = _nearest(steps, detail.reached, root)
    if execution.error == RUNTIME and visit.state.catchers:
        diagnosis.notes.append("no Catch catches States.Runtime, not even one that names it")


def _underline(diagnosis: Diagnosis, detail: Detail, steps: tuple[str | int, ...]) -> None:
    """Move the place from the field to the step of its path that leads nowhere, where the line shows it."""
    place = diagnosis.location
    if place is None or not steps or not isinstance(steps[-1], str):
        return
    offset = detail.expression.rfind(steps[-1]) if len(steps) == len(detail.steps) else -1
    if offset < 0:
        offset = detail.expression.find(str(steps[-1]))
    if offset >= 0 and place.length >= len(detail.expression):
        # +1: the quotation mark before the expression.
        column = place.column + 1 + offset
        diagnosis.location = Location(place.file, place.line, column, len(steps[-1]))


def _why_missing(
    diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution, steps: tuple[str | int, ...]
) -> None:
    log = execution.log
    given = visit.input
    flow = visit.state.state.flow
    if look(given, steps) is not MISSING and flow.input_path not in ("$", None):
        diagnosis.why = f"the state's input has it, but InputPath {flow.input_path} hands on only a part"
        diagnosis.fix = f"give the path below {flow.input_path}, or take InputPath away"
        return
    if detail.reached is None and detail.stopped_at:
        maker = find_null(log, visit, steps[:-1])
        diagnosis.why = (
            f"{maker.name} (event {maker.entered_event}) made it null" if maker else "it is null in the input"
        )
        diagnosis.fix = f"let {maker.name} give a value there, or test IsNull in a Choice before" if maker else ""
        return
    loss = find_loss(log, visit, steps)
    others = elsewhere(given, detail.steps[-1] if detail.steps else "", steps)
    if loss is not None:
        diagnosis.why = f"{loss.how}. {path_text(steps)} was last present in its input"
        mend = _mend(loss.visit, steps)
        diagnosis.fix = f"{_read_instead(execution, visit, others)}, or {mend}" if others else mend
        return
    diagnosis.why = _never(visit, execution)
    diagnosis.fix = _read_instead(execution, visit, others) if others else _nearest(steps, detail.reached, "$")


def _mend(visit: Visit, steps: tuple[str | int, ...]) -> str:
    key = steps[0] if steps else ""
    if visit.caught:
        return f"give the Catch of {visit.name} a ResultPath such as $.error"
    placed = visit.state.state.flow.result_path
    if placed not in (None, "$"):
        inner = below(placed, steps)[:1] or steps[:1]
        where = "Parameters" if visit.state.state.type == "Pass" else "result"
        lost = path_text(steps[: len(steps) - len(below(placed, steps)) + 1])
        return f'let {visit.name} keep it: "{inner[0]}.$": "{lost}" in its {where}'
    if visit.state.state.flow.parameters is not ABSENT and visit.state.state.type == "Pass":
        return f"give {visit.name} a ResultPath, or pass on \"{key}.$\": \"$.{key}\" in its Parameters"
    return f"give {visit.name} a ResultPath such as $.{visit.name[:1].lower()}{visit.name[1:]}"


def _never(visit: Visit, execution: Execution) -> str:
    """Say where the state's input came from, when nobody before ever had the value."""
    first = visit
    log = execution.log
    while first.previous >= 0 and log.visits[first.previous].branch is first.branch:
        first = log.visits[first.previous]
    if first.branch.item is not None and first.previous >= 0:
        outer = log.visits[first.previous]
        state = outer.state.state
        selector = state.item_selector_field if isinstance(state, MapState) else ""
        made = selector if isinstance(state, MapState) and state.item_selector is not ABSENT else "ItemsPath"
        return f"each item of {outer.path} is what its {made} gives: {keys_of(first.input)}"
    if first is visit and visit.previous < 0:
        return f"the execution's input does not have it: {keys_of(visit.input)}"
    return "no state before this one ever had it, nor the execution's input"


def _read_instead(execution: Execution, visit: Visit, others: list[tuple[str | int, ...]]) -> str:
    best = others[0]
    value = look(visit.input, best)
    kind = "" if value is MISSING else kind_of(value)  # type: ignore[arg-type]
    return f"read {path_text(best)} ({kind}, {first_with(execution.log, visit, best)})"


def _nearest(steps: tuple[str | int, ...], reached: Json, root: str) -> str:
    if not steps or not isinstance(reached, dict):
        return ""
    near = get_close_matches(str(steps[-1]), list(reached), 1, 0.5)
    return f"did you mean {path_text((*steps[:-1], near[0]), root)}?" if near else ""


def _size(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A value over the payload limit."""
    over = detail.size_bytes - detail.limit_bytes
    diagnosis.what = (
        f"the {detail.stage} has {detail.size_bytes:,} bytes, {over:,} over the limit of {detail.limit_bytes:,}"
    )
    largest = largest_fields(detail.value, 3)
    from_result = detail.stage == "result"
    parts = []
    for steps, size in largest:
        maker = "" if from_result else _maker(execution, visit, steps)
        parts.append(f"{path_text(steps)} {size:,} bytes{maker}")
    diagnosis.why = "largest: " + "; ".join(parts) if parts else ""
    if largest:
        key = path_text(largest[0][0])
        diagnosis.fix = f"put {key} into S3 and pass its key, or keep less of it (ResultSelector, Parameters)"
    if detail.stage == "output":
        diagnosis.notes.append("this is the state's whole output, checked after its catchers: no Catch can take it")


def _maker(execution: Execution, visit: Visit, steps: tuple[str | int, ...]) -> str:
    if look(visit.input, steps) is MISSING:
        return f", put there by {visit.name}"
    since = first_with(execution.log, visit, steps)
    return f", {since}" if since.startswith("present since") else ", from the execution's input"


def _handler(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A handler that raised."""
    error, cause = visit.error or (execution.error, execution.cause)
    try:
        envelope = json.loads(cause or "")
        message, frames = envelope.get("errorMessage", ""), envelope.get("stackTrace") or []
    except (ValueError, AttributeError):
        message, frames = cause, []
    diagnosis.what = f"{detail.message} failed: {error}: {message}"
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
    diagnosis.fix = f"mend the handler, or let {visit.name} retry or catch {error}"


def _fail(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A Fail state, often reached through a catcher."""
    diagnosis.what = f"the Fail state {visit.name} ended the execution: {execution.cause or 'no cause given'}"
    for earlier in reversed(execution.log.visits[: visit.index]):
        if earlier.caught and earlier.error is not None:
            error, cause = earlier.error
            diagnosis.why = f"{earlier.path} (event {earlier.entered_event}) failed with {error}: {cause}"
            if cause and cause not in (execution.cause or ""):
                diagnosis.fix = (
                    f"let {visit.name} keep the cause: CausePath on what the catcher of {earlier.name} wrote, "
                    "instead of a fixed Cause"
                )
            break


def _map(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A Map whose own fields are wrong."""
    if detail.field == "ItemsPath":
        diagnosis.what = f"{detail.expression} is {kind_of(detail.reached)}, and a Map needs an array"
        if detail.reached is None:
            diagnosis.fix = "let a Choice go round the Map when the value is null"
        return
    diagnosis.what = detail.message


def _other(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    diagnosis.what = detail.message or (execution.cause or "")
    if detail.kind == "timeout":
        diagnosis.fix = "raise TimeoutSeconds, or let the state retry or catch States.Timeout"
    elif detail.kind == "choice":
        diagnosis.what = "no rule of this Choice holds, and it has no Default"
        diagnosis.why = f"its input is {keys_of(detail.value)}"
        diagnosis.fix = "give it a Default"
    elif detail.kind == "place":
        diagnosis.what = f"the result cannot be placed: {detail.message}"
    elif detail.kind == "intrinsic":
        diagnosis.what = f"{detail.expression}: {detail.message}"


def _whole_execution(diagnosis: Diagnosis, detail: Detail, execution: Execution) -> None:
    if detail.kind == "events":
        visits: dict[str, int] = {}
        for visit in execution.log.visits:
            visits[visit.name] = visits.get(visit.name, 0) + 1
        most = max(visits, key=lambda name: visits[name])
        diagnosis.what = f"the history is full: {len(execution.log.events):,} events"
        diagnosis.why = f"{most} was entered {visits[most]:,} times"
        diagnosis.fix = "split the work into child executions, or see how far it would go with --limit-events off"
    else:
        diagnosis.what = detail.message
        if execution.log.visits:
            visit = execution.log.visits[-1]
            diagnosis.why = f"it was in {visit.path}, entered after {visit.entered_ms / 1000:g} s"


_KINDS: dict[str, Callable[[Diagnosis, Detail, Visit, Execution], None]] = {
    "path": _path,
    "size": _size,
    "handler": _handler,
    "fail": _fail,
    "map": _map,
}
