"""Why an execution failed, and what to change: the message beside AWS's own.

One function per kind of failure. Each says *what* is wrong, *why* (which state did it, and when) and how to *fix* it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from sfn_sim.analysis.diagnosis import handlers, jsonata, maps, origin, variables
from sfn_sim.analysis.sizes import largest_fields, largest_in_items
from sfn_sim.analysis.trace import (
    MISSING,
    below,
    describe_loss,
    elsewhere,
    find_loss,
    find_null,
    first_with,
    keys_of,
    kind_of,
    last_elsewhere,
    look,
    path_text,
)
from sfn_sim.definition.model import ABSENT, MapState
from sfn_sim.errors import RUNTIME, Detail
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.source import Location, Source, excerpt

_CONTEXT = ("Execution", "Map", "State", "StateMachine", "Task")
_MANY_BYTES = 1000


@dataclass(slots=True)
class Diagnosis:
    """What is known of a failure.

    Attributes:
        state: the state that failed; `field` and `expression` what in it.
        location: its place in the file; `pointer` the same as a JSON pointer.
        what: what is wrong; `why` what led to it; `fix` what to change; each may be empty.
        notes: what else is worth knowing.
        attempt: the number of the attempt, from 1; `event` the id of the last event before the failure.
        source: the definition's text.
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
    source: Source | None = None

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
        location=source.locate(pointer, key=detail.kind not in ("path", "place", "intrinsic", "jsonata")),
        field=detail.field,
        expression=detail.expression,
        attempt=len(visit.retry_delays_ms) + 1 if visit else 1,
        event=last[1],
        source=source,
    )
    if visit is not None:
        if detail.kind == "path" and diagnosis.location is not None:
            diagnosis.location = _underline(diagnosis.location, detail, source)
        _KINDS.get(detail.kind, _other)(diagnosis, detail, visit, execution)
        if detail.kind != "fail":
            handlers.through_catcher(diagnosis, visit, execution)
        if detail.item >= 0:
            diagnosis.notes.append(f"this is item {detail.item} of {visit.path}")
    else:
        _whole_execution(diagnosis, detail, execution)
    return diagnosis


def _path(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A path that leads nowhere."""
    steps = detail.steps[: detail.stopped_at + 1]
    root = detail.expression.split(".", 1)[0].split("[", 1)[0] if detail.expression.startswith("$") else "$"
    wanted = path_text(steps, root)
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
        if steps[:1] and steps[0] in _CONTEXT:
            place = f" in {detail.field} of {visit.name}" if detail.field else ""
            diagnosis.fix = (
                f"read ${detail.expression}{place}: what Step Functions itself knows is in the Context Object, $$"
            )
        elif steps[:1] and steps[0] in visit.branch.scope.variables:
            diagnosis.fix = f"read ${detail.expression.removeprefix('$.')}: {steps[0]} is a variable"
    elif root == "$$":
        diagnosis.fix = _nearest(steps, detail.reached, root)
        origin.wrong_dollar(diagnosis, detail, visit)
    else:
        variables.explain(diagnosis, visit, execution, (root[1:], *steps), detail.reached)
    if execution.error == RUNTIME and visit.state.catchers:
        diagnosis.notes.append("no Catch catches States.Runtime, not even one that names it")


def _underline(place: Location, detail: Detail, source: Source) -> Location:
    """Return the place of the step of a field's path that leads nowhere, where the line shows it."""
    steps = detail.steps[: detail.stopped_at + 1]
    if not steps or not isinstance(steps[-1], str):
        return place
    start = place.column - 1
    written = source.line(place.line)[start : start + place.length]
    # An intrinsic has the path somewhere inside.
    path_at = written.find(detail.expression)
    if path_at < 0:
        return place
    offset = 0
    for step in steps:
        text = str(step)
        found = detail.expression.find(text, offset)
        if found < 0:
            return place
        at, offset = found, found + len(text)
    return Location(place.file, place.line, place.column + path_at + at, len(steps[-1]))


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
    if origin.reads_result(visit, detail.field):
        diagnosis.fix = _nearest(steps, detail.reached, "$")
        if origin.explain_result(diagnosis, detail, visit, execution, steps):
            return
        diagnosis.fix = ""
    if detail.reached is None and detail.stopped_at:
        maker = find_null(log, visit, steps[:-1])
        diagnosis.why = (
            f"{maker.name} (event {maker.entered_event}) made it null" if maker else "it is null in the input"
        )
        giver = f"let {maker.name} give a value there" if maker else "give it a value where the input is made"
        diagnosis.fix = f"{giver}, or test IsNull in a Choice before"
        return
    loss = find_loss(log, visit, steps)
    others = elsewhere(given, detail.steps[-1] if detail.steps else "", steps)
    last = last_elsewhere(log, visit, steps[-1]) if steps and not others else None
    # What a state dropped of its result may have been kept by its ResultPath, and got lost after that.
    made_without = loss is None and detail.stopped_at > 0
    if made_without and origin.explain_never(diagnosis, detail, visit, execution, steps):
        return
    if last is not None and (loss is None or loss.dropped or last[0].index > loss.visit.index):
        loser, place = last
        diagnosis.why = f"{describe_loss(loser, place)}. {path_text(place)} was last present in its input"
        diagnosis.fix = _mend(loser, place)
        if loser.state.state.flow.parameters is not ABSENT:
            diagnosis.fix = f'pass on "{steps[-1]}.$": "{path_text(place)}" in the Parameters of {loser.name}'
        return
    if loss is not None:
        diagnosis.why = loss.how
        mend = _keep(loss.visit, steps) if loss.dropped else _mend(loss.visit, steps)
        diagnosis.fix = f"{_read_instead(execution, visit, others)}, or {mend}" if others else mend
        return
    diagnosis.why = _never(visit, execution)
    diagnosis.fix = _read_instead(execution, visit, others) if others else _nearest(steps, detail.reached, "$")
    if not diagnosis.fix:
        diagnosis.fix = f"give {path_text(steps)} in {_giver(visit, execution)}, or test IsPresent in a Choice before"
    origin.explain_never(diagnosis, detail, visit, execution, steps)


def _mend(visit: Visit, steps: tuple[str | int, ...]) -> str:
    key = steps[0] if steps else ""
    flow = visit.state.state.flow
    if visit.caught:
        return f"give the Catch of {visit.name} a ResultPath such as $.error"
    if flow.output_path != "$":
        return f"let the OutputPath of {visit.name} keep it, or take OutputPath away"
    if flow.input_path != "$" and flow.parameters is ABSENT and visit.state.state.type != "Task":
        return f"take the InputPath of {visit.name} away, and give the path where it is needed"
    placed = visit.state.state.flow.result_path
    if placed not in (None, "$"):
        inner = below(placed, steps)[:1] or steps[:1]
        where = "Parameters" if visit.state.state.type == "Pass" else "result"
        lost = path_text(steps[: len(steps) - len(below(placed, steps)) + 1])
        return f'let {visit.name} keep it: "{inner[0]}.$": "{lost}" in its {where}'
    if visit.state.state.flow.parameters is not ABSENT and visit.state.state.type == "Pass":
        return f"give {visit.name} a ResultPath, or pass on \"{key}.$\": \"$.{key}\" in its Parameters"
    return f"give {visit.name} a ResultPath such as $.{visit.name[:1].lower()}{visit.name[1:]}"


def _keep(visit: Visit, steps: tuple[str | int, ...]) -> str:
    """Say how a state keeps what it drops of its own result."""
    flow = visit.state.state.flow
    if flow.result_path is None:
        return f"give {visit.name} a ResultPath that is not null"
    if flow.result_path != "$":
        return f"read {flow.result_path}{path_text(steps)[1:]}"
    return f"keep {path_text(steps)} in the ResultSelector or OutputPath of {visit.name}"


def _first(visit: Visit, execution: Execution) -> Visit:
    """Return the first visit of the way through the machine that a visit is on."""
    log = execution.log
    while visit.previous >= 0 and log.visits[visit.previous].branch is visit.branch:
        visit = log.visits[visit.previous]
    return visit


def _giver(visit: Visit, execution: Execution) -> str:
    """Say what gives a way through the machine its input."""
    first = _first(visit, execution)
    if first.previous < 0:
        return "the execution's input"
    outer = execution.log.visits[first.previous]
    state = outer.state.state
    if isinstance(state, MapState):
        return f"the {_selector(state)} of {outer.name}" if state.item_selector is not ABSENT else "the items"
    return f"the {state.flow.parameters_field} of {outer.name}" if first.input is not outer.input else "the input"


def _selector(state: MapState) -> str:
    return state.item_selector_field if state.item_selector is not ABSENT else "ItemsPath"


def _never(visit: Visit, execution: Execution) -> str:
    """Say where the state's input came from, when nobody before ever had the value."""
    first = _first(visit, execution)
    if first.previous >= 0:
        outer = execution.log.visits[first.previous]
        state = outer.state.state
        if isinstance(state, MapState):
            return f"each item of {outer.path} is what its {_selector(state)} gives: {keys_of(first.input)}"
        if first.input is not outer.input:
            made = state.flow.parameters_field if state.flow.parameters is not ABSENT else "InputPath"
            return f"each branch of {outer.path} gets what its {made} gives: {keys_of(first.input)}"
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
    wanted = str(steps[-1])
    near = [key for key in reached if key.casefold() == wanted.casefold()]
    near = near or get_close_matches(wanted, list(reached), 1, 0.5)
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
        maker = "" if from_result else _maker(execution, visit, steps, detail.value)
        parts.append(f"{path_text(steps)} {size:,} bytes{_items(look(detail.value, steps), steps)}{maker}")
    diagnosis.why = "largest: " + "; ".join(parts) if parts else ""
    if largest:
        diagnosis.fix = _smaller(look(detail.value, largest[0][0]), path_text(largest[0][0]))
    if from_result and isinstance(visit.state.state, MapState) and visit.state.state.distribution is not None:
        diagnosis.fix = f"give {visit.name} a ResultWriter: it writes the children's outputs into S3"
    if detail.stage == "output":
        diagnosis.notes.append("this is the state's whole output, checked after its catchers: no Catch can take it")


def _items(value: object, steps: tuple[str | int, ...]) -> str:
    """Say of a list how many items it has, and which of their keys takes most."""
    most = largest_in_items(value)
    if most is None or not isinstance(value, list):
        return ""
    return f" ({len(value):,} items, {path_text(steps)}[*].{most[0]} {most[1]:,} bytes of it)"


def _smaller(value: object, path: str) -> str:
    """Say how a value that is too large gets smaller."""
    most = largest_in_items(value)
    if most is None or not isinstance(value, list):
        return f"put {path} into S3 and pass its key, or keep less of it (ResultSelector, Parameters)"
    if most[1] > _MANY_BYTES * len(value):
        return f"let each item put its {most[0]} into S3 and return the key"
    return f"take fewer than {len(value):,} items at once, or let a handler put the list into S3 and pass its key"


def _maker(execution: Execution, visit: Visit, steps: tuple[str | int, ...], value: Json) -> str:
    given = look(visit.input, steps)
    if given is MISSING or given is not look(value, steps):
        return f", put there by {visit.name}"
    since = first_with(execution.log, visit, steps)
    return f", {since}" if since.startswith("present since") else ", from the execution's input"


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
        diagnosis.fix = "name a ResultPath below objects only: an object on the way is made, a value in the way stays"
    elif detail.kind == "intrinsic":
        diagnosis.what = f"{detail.expression}: {detail.message}"
        diagnosis.why = f"it reads {keys_of(detail.value)}"


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
        if detail.kind == "deadline":
            diagnosis.fix = "raise the TimeoutSeconds of the machine, or let its states wait less"
        if execution.log.visits:
            visit = execution.log.visits[-1]
            diagnosis.why = f"it was in {visit.path}, entered after {visit.entered_ms / 1000:g} s"


_KINDS: dict[str, Callable[[Diagnosis, Detail, Visit, Execution], None]] = {
    "path": _path,
    "size": _size,
    **handlers.KINDS,
    **maps.KINDS,
    **jsonata.KINDS,
}
