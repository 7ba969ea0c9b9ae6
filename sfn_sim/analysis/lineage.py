"""Where a value came from: the plans of the states folded backwards over what the run recorded.

Each hop undoes one step: a path is read at its source, a template's field at its expression, a ResultPath at the
result or the input, a Map's result at the item that gave it. It ends at the handler, the input or the literal that
made the value; for a value that is missing or null it names the last place where it was there, and who lost it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sfn_sim.analysis.lineage_hops import Hop, Lineage, Lost, Point, brief, found_at
from sfn_sim.analysis.lineage_loss import Loss, loss_before
from sfn_sim.analysis.lineage_places import (
    Address,
    Place,
    Steps,
    chosen,
    read_address,
    stages,
    step_of,
    value_at,
)
from sfn_sim.analysis.lineage_sources import Read, filled, is_literal, read_by, same_value
from sfn_sim.analysis.trace import MISSING, _Missing, effective_input, kind_of, look, path_text
from sfn_sim.definition.model import MapState, ParallelState, PassState, TaskState
from sfn_sim.definition.plan import Step
from sfn_sim.payload import Json
from sfn_sim.query.intrinsics import Intrinsic
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

_MOST_HOPS = 400
_LAMBDA = "arn:aws:states:::lambda:invoke"


@dataclass(frozen=True, slots=True)
class _Step:
    """What one step back is: how the value came there, and the points that it came from."""

    kind: str
    words: str
    sources: tuple[Point, ...] = ()
    field: str = ""
    expression: str = ""
    pointer: str = ""
    lost: Lost | None = None


def lineage(execution: Execution, text: str, number: int | None = None) -> Lineage:
    """Return where a value came from.

    Args:
        execution: the execution.
        text: `State.stage.path`, such as "FinalMerge.input.batch_id", or "output.path" for the execution's output.
        number: which of the state's visits, from 1; the last one by default.

    Raises:
        ConfigurationError: the text names no state and stage of the run.
    """
    return back_from(execution, point_of(read_address(execution, text), number))


def point_of(address: Address, number: int | None) -> Point:
    """Return the point that an address names.

    Raises:
        ConfigurationError: the state has not so many visits.
    """
    place = chosen(address.places, number) if address.places else None
    return Point(place, address.stage, address.steps)


def back_from(execution: Execution, point: Point) -> Lineage:
    """Return where what stands at a point came from."""
    return _Walk(execution).back(point)


class _Walk:
    """One walk back through an execution."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._own: dict[str, Json] = {"input": execution.input}
        if execution.status == "SUCCEEDED":
            self._own["output"] = execution.output

    def back(self, start: Point) -> Lineage:
        """Go back from a point as far as it can be followed."""
        hops: list[Hop] = []
        seen: set[Point] = set()
        waiting: list[tuple[Point, int]] = [(start, 0)]
        lost: Lost | None = None
        while waiting and len(hops) < _MOST_HOPS:
            point, depth = waiting.pop()
            if point in seen:
                continue
            seen.add(point)
            value = found_at(point, self._own)
            step = self._step(point, value)
            hops.append(
                Hop(point, step.kind, step.words, value, step.field, step.expression, step.pointer, depth)
            )
            lost = lost or step.lost
            deeper = depth + (len(step.sources) > 1)
            waiting += [(each, deeper) for each in reversed(step.sources)]
        first = found_at(start, self._own)
        gone = isinstance(first, _Missing) or first is None
        return Lineage(start, first, tuple(hops), lost if gone else None)

    def _step(self, point: Point, value: Any) -> _Step:
        place, stage, steps = point
        if place is None:
            return self._own_step(stage, steps, value)
        names = [name for name, _ in stages(place.visit)]
        if stage not in names:
            return _Step("missing", f"{place.path} never came to its {stage}: {', '.join(names)} are there")
        if stage == "input":
            return self._input(place, steps, value)
        if stage == "output" and step_of(place.visit, stage) is None:
            last = next(name for name in reversed(names[:-1]) if name != "variables")
            return _Step("passed", "", (Point(place, last, steps),))
        if stage == "result":
            return self._result(place, steps, value)
        if stage == "errorOutput":
            return _Step("error", f"the error that {place.path} ended in", field="Catch")
        if stage == "afterItemsPath":
            base = _base(names, stage)
            return self._expression(place, place.visit.state.paths["ItemsPath"], steps, base, "ItemsPath",
                                    f"{place.visit.state.state.pointer}/ItemsPath")  # fmt: skip
        step = step_of(place.visit, stage)
        if step is None:
            return _Step("unknown", f"lineage cannot follow the stage {stage} yet")
        return self._planned(place, step, steps, names, stage)

    def _own_step(self, stage: str, steps: Steps, value: Any) -> _Step:
        if stage == "input":
            return _Step("input", "the execution's input" + (" does not have it" if value is MISSING else ""))
        last = next((each for each in reversed(self._execution.log.visits) if not each.branch.label), None)
        if last is None or not last.left:
            return _Step("missing", "the execution has no output")
        return _Step("passed", "", (Point(Place(self._execution.log, last), "output", steps),))

    def _planned(self, place: Place, step: Step, steps: Steps, names: list[str], stage: str) -> _Step:
        expression: Any = step.expression
        base = "errorOutput" if stage == "afterResultPath" and place.visit.caught else _base(names, stage)
        if step.verb == "place":
            return self._placed(place, step, steps, base)
        if expression is None:
            return _Step("literal", f"{step.field} null stands for an empty object", field=step.field,
                         pointer=step.pointer)  # fmt: skip
        if isinstance(expression, Path | Intrinsic):
            return self._expression(place, expression, steps, base, step.field, step.pointer)
        if isinstance(expression, Template):
            return self._template(place, expression, steps, base, step)
        return _Step("unknown", f"lineage cannot follow the JSONata of {step.field} yet", field=step.field,
                     pointer=step.pointer)  # fmt: skip

    def _placed(self, place: Place, step: Step, steps: Steps, base: str) -> _Step:
        path: Any = step.expression
        given = Point(place, "input", steps)
        if path is None:
            return _Step("passed", "ResultPath null keeps the input", (given,), step.field, "null", step.pointer)
        assert isinstance(path, ReferencePath)
        at = path.steps
        more: dict[str, Any] = {"field": step.field, "expression": path.text, "pointer": step.pointer}
        if steps[: len(at)] == at:
            words = f"ResultPath puts the result at {path.text}"
            return _Step("placed", words, (Point(place, base, steps[len(at) :]),), **more)
        if at[: len(steps)] == steps:
            words = f"the input, with the result put at {path.text}"
            return _Step("placed", words, (Point(place, base, ()), given), **more)
        return _Step("passed", f"ResultPath {path.text} keeps it", (given,), **more)

    def _template(self, place: Place, template: Template, steps: Steps, base: str, step: Step) -> _Step:
        found = filled(template, steps)
        name = place.visit.name
        if found is None:
            data = value_at(place.visit, base)
            words = f"{step.field} of {name} has no {path_text(steps)}"
            if look(_json(data), steps) is MISSING or not steps:
                near = loss_before(place, steps) if base == "input" else None
                if near is None:
                    return _Step("missing", words, field=step.field, pointer=step.pointer)
                return _Step("missing", words, (near.point,), step.field, pointer=step.pointer, lost=_lost(near))
            source = Point(place, base, steps)
            lost = Lost(source, look(_json(data), steps), name, step.field, words)  # type: ignore[arg-type]
            return _Step("lost", words, (source,), step.field, pointer=step.pointer, lost=lost)
        if not isinstance(found.literal, _Missing):
            at = _below(step, found.pointer)
            return _Step("literal", f"{at} of {name} has it written down", (), at, "", found.pointer)
        if len(found.fields) == 1 and not found.fields[0][1]:
            field, _, rest = found.fields[0]
            return self._expression(place, field.expression, rest, base, _below(step, field.pointer), field.pointer)
        sources: list[Point] = []
        for field, _, rest in found.fields:
            sources += self._sources(place, field.expression, rest, base)
        words = f"{_below(step, found.pointer)} of {name} builds it of {len(found.fields)} fields"
        return _Step("made", words, tuple(sources), step.field, "", found.pointer)

    def _expression(
        self, place: Place, expression: Any, steps: Steps, base: str, field: str, pointer: str
    ) -> _Step:
        name = place.visit.name
        text = getattr(expression, "text", "")
        more: dict[str, Any] = {"field": field, "expression": text, "pointer": pointer}
        if not isinstance(expression, Path | Intrinsic):
            return _Step("unknown", f"lineage cannot follow the JSONata of {field} yet", **more)
        if is_literal(expression):
            return _Step("literal", f"{field} of {name} computes it: {text}", **more)
        sources = self._sources(place, expression, steps, base)
        verb = "computes" if isinstance(expression, Intrinsic) else "reads"
        if not sources:
            root = text.split(".")[0]
            words = "the Context Object" if root == "$$" else f"the variable {root}, which no state before assigned"
            return _Step("context", f"{field} of {name} reads {text}: {words}", **more)
        return _Step("read" if verb == "reads" else "made", f"{field} of {name} {verb} {text}", sources, **more)

    def _sources(self, place: Place, expression: Any, steps: Steps, base: str) -> tuple[Point, ...]:
        if not isinstance(expression, Path | Intrinsic):
            return ()
        data = _json(value_at(place.visit, base))
        every = (_source(place, read, base) for read in read_by(expression, steps, data))
        return tuple(dict.fromkeys(each for each in every if each is not None))

    def _input(self, place: Place, steps: Steps, value: Any) -> _Step:
        log, visit = place.log, place.visit
        if value is MISSING and (near := loss_before(place, steps)) is not None:
            return _Step("lost", near.words, (near.point,), near.field, lost=_lost(near))
        if visit.previous < 0:
            if place.run is not None and place.outer is not None and place.child is not None:
                return self._item_input(place.outer, place.child.index, steps, alone=place.child.items == 1)
            return _Step("passed", "", (Point(None, "input", steps),))
        earlier = log.visits[visit.previous]
        before = place.at(earlier.index)
        if earlier.branch is visit.branch:
            return _Step("passed", "", (Point(before, "output", steps),))
        if isinstance(earlier.state.state, MapState):
            index = visit.branch.item[0] if visit.branch.item is not None else 0
            return self._item_input(before, index, steps)
        if isinstance(earlier.state.state, ParallelState):
            stage = _base_of_work(earlier)
            return _Step("branch", f"{earlier.path} gives it to each of its branches", (Point(before, stage, steps),))
        return _Step("unknown", f"it comes from {earlier.path}")

    def _item_input(self, place: Place, index: int, steps: Steps, *, alone: bool = True) -> _Step:
        """Return the step back from the input of a Map's item to what the Map made it of."""
        visit, planned = place.visit, place.visit.state
        state = planned.state
        assert isinstance(state, MapState)
        distribution = state.distribution
        if distribution is not None and (distribution.reader is not None or not alone):
            what = "ItemReader" if distribution.reader is not None else "ItemBatcher"
            return _Step("input", f"item {index} of {visit.path}, made by its {what}", field=what)
        base = "afterInputPath" if any(name == "afterInputPath" for name, _ in visit.stages) else "input"
        if planned.selector is None:
            return _Step("item", f"item {index} of {visit.path}", (_items(place, (index, *steps)),))
        template: Any = planned.selector.expression
        if not isinstance(template, Template):
            return _Step("unknown", "lineage cannot follow the JSONata of ItemSelector yet", field="ItemSelector")
        inner = _InItem(place, index, base)
        return inner.template(template, steps, planned.selector)

    def _result(self, place: Place, steps: Steps, value: Any) -> _Step:
        visit = place.visit
        state = visit.state.state
        if isinstance(state, PassState):
            kind = "missing" if value is MISSING else "literal"
            return _Step(kind, f"the Result of {visit.name}", field="Result", pointer=f"{state.pointer}/Result")
        if isinstance(state, TaskState):
            return self._handler(place, state, steps, value)
        if not steps or not isinstance(steps[0], int):
            kind = "item" if isinstance(state, MapState) else "branch"
            what = "items" if kind == "item" else "branches"
            return _Step("made", f"the outputs of the {what} of {visit.path}")
        inner = last_of_item(place, steps[0])
        what = "item" if isinstance(state, MapState) else "branch"
        if inner is None:
            return _Step("unknown", f"{what} {steps[0]} of {visit.path}, whose visits the run did not keep")
        words = f"{what} {steps[0]} of {visit.path} gave it"
        if not inner.visit.left:
            return _Step("error", f"{what} {steps[0]} of {visit.path} failed in {inner.path}")
        return _Step("item" if what == "item" else "branch", words, (Point(inner, "output", steps[1:]),))

    def _handler(self, place: Place, state: TaskState, steps: Steps, value: Any) -> _Step:
        visit = place.visit
        given, stage = effective_input(visit), _base_of_work(visit)
        own: Steps = ()
        asked = steps
        if state.resource.startswith(_LAMBDA):
            own = ("Payload",)
            given = given.get("Payload") if isinstance(given, dict) else None
            asked = steps[1:] if steps[:1] == ("Payload",) else steps
        who = f"the handler of {visit.name} ({called(visit)})"
        pointer = f"{state.pointer}/Resource"
        more: dict[str, Any] = {"field": "Resource", "expression": called(visit), "pointer": pointer}
        if isinstance(value, _Missing) or value is None:
            at = next((each for each in (asked, asked[-1:]) if each and look(given, each) is not MISSING), None)
            what = "did not return it" if isinstance(value, _Missing) else "returned null"
            if at is None:
                return _Step("missing" if value is MISSING else "returned", f"{who} {what}", **more)
            was: Any = look(given, at)
            source = Point(place, stage, (*own, *at))
            if was is None:
                return _Step("returned", f"{who} was given {path_text(at)} as null and {what}", (source,), **more)
            words = f"{who} was given {path_text(at)} as {kind_of(was)} and {what}"
            lost = Lost(source, was, visit.name, "Resource", words)
            return _Step("lost", words, (source,), lost=lost, **more)
        same = same_value(value, given, asked)
        if same is not None:
            words = f"{who} returned it; it was given the same value as {path_text(same)}"
            return _Step("returned", words, (Point(place, stage, (*own, *same)),), **more)
        return _Step("returned", f"{who} returned it", **more)


class _InItem:
    """A Map's ItemSelector for one item: `$` is the Map's own input, `$$.Map.Item` the item."""

    def __init__(self, place: Place, index: int, base: str) -> None:
        self._place = place
        self._index = index
        self._base = base

    def template(self, template: Template, steps: Steps, step: Step) -> _Step:
        found = filled(template, steps)
        name = self._place.visit.name
        if found is None:
            words = f"{step.field} of {name} has no {path_text(steps)}"
            data = _json(value_at(self._place.visit, self._base))
            was = look(data, steps)
            if isinstance(was, _Missing):
                return _Step("missing", words, field=step.field, pointer=step.pointer)
            source = Point(self._place, self._base, steps)
            return _Step("lost", words, (source,), step.field, "", step.pointer,
                         Lost(source, was, name, step.field, words))  # fmt: skip
        if not isinstance(found.literal, _Missing):
            at = _below(step, found.pointer)
            return _Step("literal", f"{at} of {name} has it written down", (), at, "", found.pointer)
        data = _json(value_at(self._place.visit, self._base))
        sources: list[Point] = []
        for field, _, rest in found.fields:
            for read in read_by(field.expression, rest, data):
                made_of = self._source(read)
                if made_of is not None:
                    sources.append(made_of)
        texts = ", ".join(each.expression.text for each, _, _ in found.fields)
        field_name = _below(step, found.pointer)
        words = f"{field_name} of {name} reads {texts} for item {self._index}"
        return _Step("item" if sources else "context", words, tuple(sources), field_name, texts, found.pointer)

    def _source(self, read: Read) -> Point | None:
        if read.root == "$$" and read.steps[:3] == ("Map", "Item", "Value"):
            return _items(self._place, (self._index, *read.steps[3:]))
        if read.root == "$$" and read.steps[:2] == ("Map", "Item"):
            return None
        return _source(self._place, read, self._base)


def _source(place: Place, read: Read, base: str) -> Point | None:
    """Return the point that a read reads at; None for what no state made."""
    if read.root == "$":
        return Point(place, base, read.steps)
    if read.root == "$$":
        if read.steps[:2] == ("Execution", "Input"):
            return Point(None, "input", read.steps[2:])
        if read.steps[:3] == ("Map", "Item", "Value"):
            around = _map_around(place)
            return _items(around[0], (around[1], *read.steps[3:])) if around is not None else None
        return None
    name = read.root[1:]
    visits = place.log.visits
    visit = place.visit
    while visit.previous >= 0:
        visit = visits[visit.previous]
        if visit.assigned and name in visit.assigned and visit.left:
            return Point(place.at(visit.index), "variables", (name, *read.steps))
    return None


def _map_around(place: Place) -> tuple[Place, int] | None:
    """Return the Map whose item a visit is in, and which item that is."""
    visit = place.visit
    while visit.previous >= 0:
        earlier = place.log.visits[visit.previous]
        if earlier.branch is not visit.branch and isinstance(earlier.state.state, MapState):
            return place.at(earlier.index), visit.branch.item[0] if visit.branch.item is not None else 0
        visit = earlier
    if place.outer is not None and place.child is not None:
        return place.outer, place.child.index
    return None


def _items(place: Place, steps: Steps) -> Point:
    """Return where a Map's items stand."""
    present = {name for name, _ in place.visit.stages}
    stage = next(name for name in ("afterItemsPath", "afterInputPath", "input") if name in present)
    return Point(place, stage, steps)


def last_of_item(place: Place, index: int) -> Place | None:
    """Return the last visit of a Map's item or of a Parallel's branch, of the last attempt; None if not kept."""
    visit = place.visit
    for run in place.log.map_runs:
        if run.visit == visit.index:
            child = run.children.get(index)
            if child is None or not child.log.visits:
                return None
            return Place(child.log, child.log.visits[-1], run, child, place)
    label = f"{visit.path}[{index}]."
    for each in reversed(place.log.visits[visit.index :]):
        if each.branch.label == label:
            return place.at(each.index)
    return None


def called(visit: Visit) -> str:
    """Return the function that a Task calls, or its resource."""
    state = visit.state.state
    if not isinstance(state, TaskState):
        return ""
    given = effective_input(visit)
    if state.resource.startswith(_LAMBDA) and isinstance(given, dict):
        return str(given.get("FunctionName", state.resource)).rpartition(":")[2]
    return state.resource.rpartition(":")[2] or state.resource


def _base(names: list[str], stage: str) -> str:
    """Return the stage that a stage was made of."""
    before = names[: names.index(stage)]
    return next(name for name in reversed(before) if name != "variables")


def _base_of_work(visit: Visit) -> str:
    """Return the stage that a state handed to its task or branches."""
    present = {name for name, _ in visit.stages}
    order = ("afterParameters", "afterArguments", "afterInputPath")
    return next((name for name in order if name in present), "input")


def _below(step: Step, pointer: str) -> str:
    return f"{step.field}{pointer.removeprefix(step.pointer)}"


def _json(value: Any) -> Json:
    return None if isinstance(value, _Missing) else value


def _lost(near: Loss) -> Lost:
    return Lost(near.point, near.value, near.state, near.field, near.words)


def without_passing(hops: tuple[Hop, ...]) -> list[Hop]:
    """Return the hops that did something; on each the states that only passed the value on before it are counted."""
    kept: list[Hop] = []
    passed: list[str] = []
    for hop in hops:
        if hop.kind == "passed":
            if hop.point.stage == "input" and hop.state and (not kept or kept[-1].state != hop.state):
                passed.append(hop.state)
            continue
        skipped = list(dict.fromkeys(name for name in passed if name not in (hop.state, hops[0].state)))
        words = f"{hop.words or brief(hop.value)}"
        if skipped:
            words = f"{words}; passed on by {', '.join(skipped)}"
        kept.append(replace(hop, words=words))
        passed = []
    return kept

