"""One step back from a value: what every step answers with, and the steps through templates.

JSONPath reads `$` at the stage before; JSONata reads `$states`, and is followed by evaluating it once more
(`jsonata`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sfn_sim.analysis.lineage.assigned import Given, Replaced, given_to
from sfn_sim.analysis.lineage.hops import Lost, Point
from sfn_sim.analysis.lineage.jsonata import (
    Part,
    Told,
    Traces,
    context_point,
    draws,
    field_text,
    items_at,
    nearest_pointer,
    point_of,
    shortened,
)
from sfn_sim.analysis.lineage.jsonata import filled as filled_jsonata
from sfn_sim.analysis.lineage.loss import Loss, loss_before
from sfn_sim.analysis.lineage.places import Found, Place, Steps, givers, value_at
from sfn_sim.analysis.lineage.sources import Read, filled, read_by
from sfn_sim.analysis.trace import _Missing, look, path_text
from sfn_sim.definition.plan import RESULT, Step
from sfn_sim.payload import Json
from sfn_sim.query.jsonata_template import JsonataTemplate
from sfn_sim.query.template import Template


@dataclass(frozen=True, slots=True)
class Back:
    """What one step back is: how the value came there, and the points that it came from."""

    kind: str
    words: str
    sources: tuple[Point, ...] = ()
    field: str = ""
    expression: str = ""
    pointer: str = ""
    lost: Lost | None = None


class InItem:
    """A Map's ItemSelector for one item: `$` is the Map's own input, `$$.Map.Item` the item."""

    def __init__(self, place: Place, index: int, base: str) -> None:
        self._place = place
        self._index = index
        self._base = base

    def template(self, template: Template, steps: Steps, step: Step) -> Back:
        """Return the step back from what the template gave for the item."""
        found = filled(template, steps)
        name = self._place.visit.name
        if found is None:
            words = f"{step.field} of {name} has no {path_text(steps)}"
            data = as_json(value_at(self._place.visit, self._base))
            was = look(data, steps)
            if isinstance(was, _Missing):
                return Back("missing", words, field=step.field, pointer=step.pointer)
            source = Point(self._place, self._base, steps)
            return Back("lost", words, (source,), step.field, "", step.pointer,
                         Lost(source, was, name, step.field, words))  # fmt: skip
        if not isinstance(found.literal, _Missing):
            at = below(step, found.pointer)
            return Back("literal", f"{at} of {name} has it written down", (), at, "", found.pointer)
        data = as_json(value_at(self._place.visit, self._base))
        sources: list[Point] = []
        for field, _, rest in found.fields:
            for read in read_by(field.expression, rest, data):
                made_of = self._source(read)
                if made_of is not None:
                    sources.append(made_of)
        texts = ", ".join(each.expression.text for each, _, _ in found.fields)
        field_name = below(step, found.pointer)
        words = f"{field_name} of {name} reads {texts} for item {self._index}"
        return Back("item" if sources else "context", words, tuple(sources), field_name, texts, found.pointer)

    def _source(self, read: Read) -> Point | None:
        if read.root == "$$" and read.steps[:3] == ("Map", "Item", "Value"):
            return items_at(self._place, (self._index, *read.steps[3:]))
        if read.root == "$$" and read.steps[:2] == ("Map", "Item"):
            return None
        return source_of(self._place, read, self._base)


def source_of(place: Place, read: Read, base: str) -> Point | None:
    """Return the point that a read of JSONPath reads at; None for what no state made."""
    if read.root == "$":
        return Point(place, base, read.steps)
    if read.root == "$$":
        return context_point(place, read.steps)
    name = read.root[1:]
    giver = next((each for each in givers(place) if name in (each.assigned or {})), None)
    return Point(place.at(giver.index), "variables", (name, *read.steps)) if giver is not None else None


def base_of(names: list[str], stage: str) -> str:
    """Return the stage that a stage was made of."""
    before = names[: len(names) - 1 - names[::-1].index(stage)]
    return next(name for name in reversed(before) if name != "variables")


def below(step: Step, pointer: str) -> str:
    """Return a place below a field, such as "Parameters/id.$"."""
    return f"{step.field}{pointer.removeprefix(step.pointer)}"


def made_text(step: Step, steps: Steps) -> str:
    """Return steps into what a template gives, as they are read: of an Assign, a variable's name is the first."""
    is_assign = step.stage == "variables" and bool(steps)
    return path_text(steps[1:], f"${steps[0]}") if is_assign else path_text(steps)


def as_json(value: Any) -> Json:
    """Return a value; null for one that is missing."""
    return None if isinstance(value, _Missing) else value


def lost_of(near: Loss) -> Lost:
    """Return a loss as a lineage ends with it."""
    return Lost(near.point, near.value, near.state, near.field, near.words)


def lost_by_assigning(place: Place, steps: Steps) -> Lost | None:
    """Return what a variable had at `steps` until a state assigned it; None if it never had it."""
    had = next((each for each in given_to(place, steps) if each.is_there), None)
    if had is None:
        return None
    mine = Given(place.visit, look(place.visit.assigned, steps))
    words = Replaced(had, mine, steps).words
    return Lost(Point(place.at(had.visit.index), "variables", steps), as_json(had.value), place.path, "Assign", words)


def left_out_of_variable(place: Place, steps: Steps, words: str, field: str, pointer: str) -> Back:
    """Return the step back from what a state's Assign does not give: to the value that the variable had before.

    A variable's name is no key of the data: what the state's input has under that name is another thing.
    """
    lost = lost_by_assigning(place, steps)
    if lost is None:
        return Back("missing", words, (), field, "", pointer)
    return Back("lost", words, (lost.last,), field, "", pointer, lost)


class Jsonata:
    """The way back through JSONata templates of one execution."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def back(self, place: Place, step: Step, steps: Steps, value: Found, item: int = -1) -> Back:
        """Return the step back from a value that a template gave.

        Args:
            place: the visit; `step` its field.
            step: the field.
            steps: where in what the template gave.
            value: what the run recorded there.
            item: which of a Map's items the template was filled for; -1 for none.
        """
        template: Any = step.expression
        assert isinstance(template, JsonataTemplate)
        pointer = place.visit.state.state.pointer
        found = filled_jsonata(template, steps)
        if found is None:
            pointer = nearest_pointer(template, steps)
            return self._left_out(place, step, steps, f"has no {made_text(step, steps)}", pointer)
        name, at = place.visit.name, field_text(step, pointer, found.pointer)
        if not isinstance(found.literal, _Missing):
            null = step.stage == "variables" and found.literal is None
            had = lost_by_assigning(place, steps) if null else None
            return Back("literal", f"{at} of {name} has it written down", (), at, "", found.pointer, had)
        if len(found.parts) == 1 and not found.parts[0].below:
            return self._expression(place, step, steps, found.parts[0], value, item)
        sources: list[Point] = []
        for part in found.parts:
            told = self._traces.tell(place, step, part, look(as_json(value), part.below), item)
            sources += self._points(place, told, item)
        words = f"{at} of {name} builds it of {len(found.parts)} expressions"
        return Back("made", words, tuple(dict.fromkeys(sources)), at, "", found.pointer)

    def _expression(
        self, place: Place, step: Step, steps: Steps, part: Part, value: Found, item: int
    ) -> Back:
        compiled = part.expression.expression
        pointer = part.expression.pointer
        at = field_text(step, place.visit.state.state.pointer, pointer)
        told = self._traces.tell(place, step, part, value, item)
        text, who = shortened(compiled.text), f"{at} of {place.visit.name}"
        sources = self._points(place, told, item)
        more: dict[str, Any] = {"field": at, "expression": compiled.text, "pointer": pointer}
        reads, beside = ", ".join(each.text for each in told.places), self._beside(place, told, item)
        drawn = "; chance or the clock has a part in it"
        match told.kind:
            case "missing" if not told.places:
                return self._left_out(place, step, steps, f"gives no {made_text(step, steps)}: {text}", pointer)
            case "missing" if (lost := self._had(place, step, steps)) is not None and lost not in sources:
                return self._left_out(place, step, steps, f"gives no {made_text(step, steps)}: {text}", pointer)
            case "missing":
                words = f"{who} leaves it out: {reads} gives nothing{beside}"
                return Back("missing", words, sources, **more)
            case "literal":
                return Back("literal", f"{who} has it written down: {text}", **more)
            case "drawn":
                return Back("drawn", f"{who} draws it: {text}", **more)
            case "read":
                whole = reads.startswith(text)
                words = f"{who} reads {reads}" if whole else f"{who} takes {reads}: {text}"
                return Back("read" if sources else "context", words + beside, sources, **more)
            case "made":
                words = f"{who} makes it of {reads}: {text}{beside}"
                return Back("made", words + drawn * told.drawn, sources, **more)
        words = f"{who} is made by the expression {text}, which reads {reads or 'nothing'}; {told.why}"
        return Back("unknown", words + drawn * draws(compiled), sources, **more)

    @staticmethod
    def _beside(place: Place, told: Told, item: int) -> str:
        """Say which of the places that were read no state made."""
        lacking = [each for each in told.places if point_of(place, each, item) is None]
        what = ["the Context Object"] if any(each.root == "context" for each in lacking) else []
        names = dict.fromkeys(each.root for each in lacking if each.root.startswith("$"))
        what += [f"the variable {name}, which no state before assigned" for name in names]
        return f" ({', '.join(what)})" if what else ""

    @staticmethod
    def _points(place: Place, told: Told, item: int) -> tuple[Point, ...]:
        points = (point_of(place, each, item) for each in told.places)
        return tuple(dict.fromkeys(each for each in points if each is not None))

    @staticmethod
    def _had(place: Place, step: Step, steps: Steps) -> Point | None:
        """Return where in its result or its input a state had what it does not give on."""
        for stage in ((RESULT, "input") if step.states == RESULT else ("input",)):
            if steps and step.stage != "variables" and not isinstance(value_at(place.visit, stage, steps), _Missing):
                return Point(place, stage, steps)
        return None

    def _left_out(self, place: Place, step: Step, steps: Steps, what: str, pointer: str) -> Back:
        """Return the step back from what a template does not give: to where it was last there."""
        at = field_text(step, place.visit.state.state.pointer, pointer)
        words = f"{at} of {place.visit.name} {what}"
        if step.stage == "variables":
            return left_out_of_variable(place, steps, words, at, pointer)
        source = self._had(place, step, steps)
        if source is not None:
            lost = Lost(source, as_json(value_at(place.visit, source.stage, steps)), place.visit.path, at, words)
            return Back("lost", words, (source,), at, "", pointer, lost)
        near = loss_before(place, steps)
        if near is None:
            return Back("missing", words, (), at, "", pointer)
        return Back("missing", words, (near.point,), at, "", pointer, lost_of(near))
