"""What a state did to its data: its stages in order, each as a difference from what it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sfn_sim.analysis.changes import Change, changes
from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from sfn_sim.analysis.lineage.choice import after, step_of
from sfn_sim.analysis.lineage.jsonata import every_part, field_text, shortened
from sfn_sim.analysis.lineage.places import Place, attempts, chosen, find_places, variables_before
from sfn_sim.analysis.lineage.sources import all_fields
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ChoiceState, MapState, ParallelState, PassState, TaskState
from sfn_sim.definition.plan import PlannedState, Step
from sfn_sim.payload import Json, size_bytes
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.source import Location, Source


@dataclass(frozen=True, slots=True)
class StageDiff:
    """One stage of a state.

    Attributes:
        stage: AWS's name of it; `field` the field of the definition that made it, empty for none.
        value: what the data was.
        since: the stage that it is compared with; empty for the input and what comes from outside.
        changes: what differs from that.
        size_bytes: the size of the value.
        note: what else is to be said.
    """

    stage: str
    field: str
    value: Json
    since: str
    changes: tuple[Change, ...]
    size_bytes: int
    note: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the stage as `--json` prints it."""
        return {
            "stage": self.stage,
            "field": self.field,
            "since": self.since,
            "bytes": self.size_bytes,
            "value": self.value,
            "changes": [each.to_json() for each in self.changes],
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class ExplainedVisit:
    """One stay in a state, stage by stage.

    Attributes:
        place: where it stands; `number` which stay it is, from 1, `of` how many there were.
        location: the state's place in its file.
        attempts: the stages of each attempt; all but the last ended in an error.
        next: the state after it; empty for none.
    """

    place: Place
    number: int
    of: int
    location: Location | None
    attempts: tuple[tuple[StageDiff, ...], ...]
    next: str

    @property
    def visit(self) -> Visit:
        """The visit."""
        return self.place.visit

    def to_json(self) -> dict[str, Json]:
        """Return the visit as `--json` prints it."""
        visit, at = self.visit, self.location
        return {
            "state": visit.name,
            "path": self.place.path,
            "type": visit.state.state.type,
            "number": self.number,
            "of": self.of,
            "event": visit.entered_event,
            "entered_ms": visit.entered_ms,
            "left": visit.left,
            "file": at.file if at else None,
            "line": at.line if at else None,
            "column": at.column if at else None,
            "attempts": [[each.to_json() for each in attempt] for attempt in self.attempts],
            "retry_delays_ms": list(visit.retry_delays_ms),
            "error": visit.error[0] if visit.error else None,
            "cause": visit.error[1] if visit.error else None,
            "caught": visit.caught,
            "next": self.next or None,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of an execution, or of the visits of one of its states."""

    execution: Execution
    diagnosis: Diagnosis | None
    visits: tuple[ExplainedVisit, ...] = field(default=())

    def to_json(self) -> dict[str, Json]:
        """Return the explanation as `--json` prints it."""
        execution = self.execution
        return {
            "schema": 1,
            "machine": execution.identity.machine_name,
            "execution": execution.identity.name,
            "status": execution.status,
            "error": execution.error,
            "cause": execution.cause,
            "diagnosis": self.diagnosis.to_json() if self.diagnosis is not None else None,
            "states": list(dict.fromkeys(visit.name for visit in execution.log.visits)),
            "visits": [each.to_json() for each in self.visits],
        }


def explain(execution: Execution, source: Source, state: str = "", number: int | None = None) -> Explanation:
    """Return why an execution failed, or what a state of it did to its data.

    Args:
        execution: the execution; `source` its definition's text.
        source: the definition's text.
        state: a state's name or place, such as `Chunks[12].Process`; empty: the execution as a whole.
        number: which of its visits, from 1; all of them without a number.

    Raises:
        ConfigurationError: the run never came to that state, or not so often.
    """
    diagnosis = diagnose(execution, source)
    if not state:
        return Explanation(execution, diagnosis)
    found = find_places(execution, state)
    every = [(index, place) for index, place in enumerate(found, 1) if number in (None, index)]
    if not every:
        chosen(found, number)
    visits = tuple(explain_visit(execution, place, source, index, len(found)) for index, place in every)
    return Explanation(execution, _of_these(execution, diagnosis, visits), visits)


def _of_these(
    execution: Execution, diagnosis: Diagnosis | None, visits: tuple[ExplainedVisit, ...]
) -> Diagnosis | None:
    """Return the diagnosis if the failure is that of one of these visits."""
    failed = execution.detail.visit if execution.detail is not None else -1
    ours = any(each.place.log is execution.log and each.visit.index == failed for each in visits)
    return diagnosis if ours else None


def explain_visit(
    execution: Execution, place: Place, source: Source, number: int = 1, of: int = 1
) -> ExplainedVisit:
    """Return one visit stage by stage."""
    visit = place.visit
    every = attempts(visit)
    done = [
        tuple(_diffs(execution, place, stages, last=index == len(every) - 1)) for index, stages in enumerate(every)
    ]
    later = after(place)
    location = source.locate(visit.state.state.pointer, key=True)
    return ExplainedVisit(place, number, of, location, tuple(done), later.name if later is not None else "")


def _diffs(
    execution: Execution, place: Place, stages: list[tuple[str, Json]], *, last: bool
) -> Iterator[StageDiff]:
    visit = place.visit
    given: Json = visit.input
    since: tuple[str, Json] = ("", None)
    before: tuple[str, Json] = ("input", given)
    for stage, value in stages:
        step = step_of(execution, place, stage)
        name = _name_of(visit, step) if step is not None else _field(visit.state, stage)
        since = before
        if stage in ("input", "result", "errorOutput", "afterItems"):
            since = ("", None)
        elif stage == "variables":
            since = ("variables", _those(variables_before(place), value))
        elif step is not None and (step.verb == "place" or step.states is not None):
            since = ("input", given)
        found = changes(since[1], value) if since[0] else []
        yield StageDiff(
            stage, name, value, since[0], tuple(_with_reads(found, step)), size_bytes(value), _note(visit, stage, value)
        )
        since = ("", None) if stage == "variables" else since
        if stage != "variables":
            before = (stage, value)
    if last and visit.left and before[0] != "output":
        # Only what was placed into the input, or taken of it, has been compared with it so far.
        placed = before[0] in ("afterResultPath", "input") or before[1] is given or since[0] == "input"
        placed = placed and before[1] == visit.output  # an imported run may lack the stages between
        against = before if placed else ("input", given)
        whole = [] if placed else changes(given, visit.output)
        note = _replaces(visit) if before[0] not in ("afterResultPath", "input") else ""
        size = visit.output_bytes if visit.output_bytes >= 0 else size_bytes(visit.output)
        yield StageDiff("output", "", visit.output, against[0], tuple(whole), size, note)


def _those(known: dict[str, Json], value: Json) -> Json:
    """Return of the variables that were known before those that are given values to."""
    return {name: known[name] for name in value if name in known} if isinstance(value, dict) else {}


def _name_of(visit: Visit, step: Step) -> str:
    """Return the field that a step stands for, with the rule or the catcher that it stands in."""
    return field_text(step, visit.state.state.pointer) if step.states is not None else step.field


def _replaces(visit: Visit) -> str:
    if visit.state.state.query_language == JSONATA:
        if visit.caught:
            return "the Catch has no Output: the error takes the place of the input"
        has_result = isinstance(visit.state.state, TaskState | MapState | ParallelState)
        return "no Output: the result takes the place of the input" if has_result else ""
    if visit.caught:
        return "the Catch has no ResultPath: the error takes the place of the input"
    if visit.state.state.flow.output_path != "$":
        return ""
    if visit.state.state.flow.result_path != "$":
        return "the run does not have the result that ResultPath put into it"
    kinds = PassState | TaskState | MapState
    return "no ResultPath: it takes the place of the input" if isinstance(visit.state.state, kinds) else ""


_WORK = {"Pass": "Result", "Task": "Resource", "Map": "ItemProcessor", "Parallel": "Branches"}


def _field(planned: PlannedState, stage: str) -> str:
    if stage == "afterItemsPath":
        return "ItemsPath"
    if stage == "errorOutput":
        return "Catch"
    if stage == "result":
        return _WORK.get(planned.state.type, "")
    return ""


def _with_reads(found: list[Change], step: Step | None) -> Iterator[Change]:
    """Note on what a template added by which expression."""
    texts = {}
    if step is not None and isinstance(step.expression, Template):
        texts = {below: field.expression.text for field, below in all_fields(step.expression)}
    elif step is not None and step.states is not None:
        template: Any = step.expression
        texts = {part.below: shortened(part.expression.expression.text) for part in every_part(template)}
    for each in found:
        yield replace(each, reads=texts[each.steps]) if each.steps in texts else each


def _note(visit: Visit, stage: str, value: Json) -> str:
    state = visit.state.state
    if stage == "result" and isinstance(state, TaskState) and isinstance(value, dict):
        nulls = [key for key, each in value.items() if each is None]
        return f"null in it: {', '.join(nulls)}" if nulls else ""
    if stage == "input" and isinstance(state, ChoiceState) and len(visit.stages) == 1:
        return "a Choice changes nothing"
    return ""
