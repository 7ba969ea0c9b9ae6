"""Where a value came from: the plans of the states folded backwards over what the run recorded.

Each hop undoes one step: a path is read at its source, a template's field at its expression, a ResultPath at the
result or the input, a Map's result at the item that gave it. It ends at the handler, the input or the literal that
made the value; for a value that is missing or null it names the last place where it was there, and who lost it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sfn_sim.analysis.lineage.assigned import given_elsewhere, given_to
from sfn_sim.analysis.lineage.choice import step_of
from sfn_sim.analysis.lineage.hops import Hop, Lineage, Lost, Point, brief, found_at
from sfn_sim.analysis.lineage.jsonata import Traces, items_at
from sfn_sim.analysis.lineage.loss import loss_before
from sfn_sim.analysis.lineage.places import (
    Address,
    Place,
    Steps,
    base_of_work,
    called,
    chosen,
    is_whole,
    items_before,
    last_of_item,
    read_address,
    stages,
    value_at,
    variables_before,
)
from sfn_sim.analysis.lineage.sources import filled, is_literal, read_by, same_value
from sfn_sim.analysis.lineage.step_back import (
    Back,
    InItem,
    Jsonata,
    as_json,
    base_of,
    below,
    left_out_of_variable,
    lost_by_assigning,
    lost_of,
    made_text,
    source_of,
)
from sfn_sim.analysis.trace import MISSING, _Missing, effective_input, kind_of, look, path_text
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import MapState, ParallelState, PassState, TaskState
from sfn_sim.definition.plan import Step
from sfn_sim.payload import Json
from sfn_sim.query.intrinsics import Intrinsic
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.run.map_run import MapRun

_MOST_HOPS = 400
_LAMBDA = "arn:aws:states:::lambda:invoke"


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
        self._jsonata = Jsonata(Traces(execution))
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

    def _step(self, point: Point, value: Any) -> Back:
        place, stage, steps = point
        if place is None:
            return self._own_step(stage, steps, value)
        names = [name for name, _ in stages(place.visit)]
        if stage == "variables" and steps[:1] and steps[0] not in (place.visit.assigned or {}):
            return _variable(self._execution, place, steps)
        if stage not in names:
            return Back("missing", f"{place.path} never came to its {stage}: {', '.join(names)} are there")
        if stage == "input":
            return self._input(place, steps, value)
        made_by = step_of(self._execution, place, stage)
        if stage == "output" and not is_whole(place.visit):
            return Back("unknown", f"what {place.path} made is not in the record: see what its import lacks")
        if stage == "output" and made_by is None:
            last = next(name for name in reversed(names[:-1]) if name != "variables")
            return Back("passed", "", (Point(place, last, steps),))
        if stage == "result":
            return self._result(place, steps, value)
        if stage == "errorOutput":
            return Back("error", f"the error that {place.path} ended in", field="Catch")
        if stage == "afterItemsPath":
            base = base_of(names, stage)
            return self._expression(place, place.visit.state.paths["ItemsPath"], steps, base, "ItemsPath",
                                    f"{place.visit.state.state.pointer}/ItemsPath")  # fmt: skip
        if made_by is None:
            return Back("unknown", f"lineage cannot follow the stage {stage} yet")
        if made_by.states is not None:
            return self._jsonata.back(place, made_by, steps, value)
        return self._planned(place, made_by, steps, names, stage)

    def _own_step(self, stage: str, steps: Steps, value: Any) -> Back:
        if stage == "input":
            return Back("input", "the execution's input" + (" does not have it" if value is MISSING else ""))
        last = next((each for each in reversed(self._execution.log.visits) if not each.branch.label), None)
        if last is None or not last.left:
            return Back("missing", "the execution has no output")
        return Back("passed", "", (Point(Place(self._execution.log, last), "output", steps),))

    def _planned(self, place: Place, step: Step, steps: Steps, names: list[str], stage: str) -> Back:
        expression: Any = step.expression
        base = "errorOutput" if stage == "afterResultPath" and place.visit.caught else base_of(names, stage)
        if step.verb == "place":
            return self._placed(place, step, steps, base)
        if expression is None:
            return Back("literal", f"{step.field} null stands for an empty object", field=step.field,
                         pointer=step.pointer)  # fmt: skip
        if isinstance(expression, Path | Intrinsic):
            return self._expression(place, expression, steps, base, step.field, step.pointer)
        return self._template(place, expression, steps, base, step)

    def _placed(self, place: Place, step: Step, steps: Steps, base: str) -> Back:
        path: Any = step.expression
        given = Point(place, "input", steps)
        if path is None:
            return Back("passed", "ResultPath null keeps the input", (given,), step.field, "null", step.pointer)
        assert isinstance(path, ReferencePath)
        at = path.steps
        more: dict[str, Any] = {"field": step.field, "expression": path.text, "pointer": step.pointer}
        if steps[: len(at)] == at:
            words = f"ResultPath puts the result at {path.text}"
            return Back("placed", words, (Point(place, base, steps[len(at) :]),), **more)
        if at[: len(steps)] == steps:
            words = f"the input, with the result put at {path.text}"
            return Back("placed", words, (Point(place, base, ()), given), **more)
        return Back("passed", f"ResultPath {path.text} keeps it", (given,), **more)

    def _template(self, place: Place, template: Template, steps: Steps, base: str, step: Step) -> Back:
        found = filled(template, steps)
        name = place.visit.name
        if found is None:
            data = value_at(place.visit, base)
            words = f"{step.field} of {name} has no {made_text(step, steps)}"
            if step.stage == "variables":
                return left_out_of_variable(place, steps, words, step.field, step.pointer)
            if look(as_json(data), steps) is MISSING or not steps:
                near = loss_before(place, steps) if base == "input" else None
                if near is None:
                    return Back("missing", words, field=step.field, pointer=step.pointer)
                return Back("missing", words, (near.point,), step.field, pointer=step.pointer, lost=lost_of(near))
            source = Point(place, base, steps)
            lost = Lost(source, look(as_json(data), steps), name, step.field, words)  # type: ignore[arg-type]
            return Back("lost", words, (source,), step.field, pointer=step.pointer, lost=lost)
        if not isinstance(found.literal, _Missing):
            at = below(step, found.pointer)
            null = step.stage == "variables" and found.literal is None
            had = lost_by_assigning(place, steps) if null else None
            return Back("literal", f"{at} of {name} has it written down", (), at, "", found.pointer, had)
        if len(found.fields) == 1 and not found.fields[0][1]:
            field, _, rest = found.fields[0]
            return self._expression(place, field.expression, rest, base, below(step, field.pointer), field.pointer)
        sources: list[Point] = []
        for field, _, rest in found.fields:
            sources += self._sources(place, field.expression, rest, base)
        words = f"{below(step, found.pointer)} of {name} builds it of {len(found.fields)} fields"
        return Back("made", words, tuple(sources), step.field, "", found.pointer)

    def _expression(
        self, place: Place, expression: Any, steps: Steps, base: str, field: str, pointer: str
    ) -> Back:
        name = place.visit.name
        text = getattr(expression, "text", "")
        more: dict[str, Any] = {"field": field, "expression": text, "pointer": pointer}
        if is_literal(expression):
            return Back("literal", f"{field} of {name} computes it: {text}", **more)
        sources = self._sources(place, expression, steps, base)
        verb = "computes" if isinstance(expression, Intrinsic) else "reads"
        if not sources:
            root = text.split(".")[0]
            words = "the Context Object" if root == "$$" else f"the variable {root}, which no state before assigned"
            return Back("context", f"{field} of {name} reads {text}: {words}", **more)
        return Back("read" if verb == "reads" else "made", f"{field} of {name} {verb} {text}", sources, **more)

    def _sources(self, place: Place, expression: Any, steps: Steps, base: str) -> tuple[Point, ...]:
        data = as_json(value_at(place.visit, base))
        every = (source_of(place, read, base) for read in read_by(expression, steps, data))
        return tuple(dict.fromkeys(each for each in every if each is not None))

    def _input(self, place: Place, steps: Steps, value: Any) -> Back:
        log, visit = place.log, place.visit
        # What a state in JSONata does not give on is found in its own templates.
        followed = visit.previous >= 0 and log.visits[visit.previous].state.state.query_language == JSONATA
        if value is MISSING and not followed and (near := loss_before(place, steps)) is not None:
            return Back("lost", near.words, (near.point,), near.field, lost=lost_of(near))
        if visit.previous < 0:
            if place.run is not None and place.outer is not None and place.child is not None:
                return self._child_input(place.outer, place.run, place.child.index, steps, value)
            return Back("passed", "", (Point(None, "input", steps),))
        earlier = log.visits[visit.previous]
        before = place.at(earlier.index)
        if earlier.branch is visit.branch:
            return Back("passed", "", (Point(before, "output", steps),))
        if isinstance(earlier.state.state, MapState):
            index = visit.branch.item[0] if visit.branch.item is not None else 0
            return self._item_input(before, index, steps, value)
        if isinstance(earlier.state.state, ParallelState):
            stage = base_of_work(earlier)
            return Back("branch", f"{earlier.path} gives it to each of its branches", (Point(before, stage, steps),))
        return Back("unknown", f"it comes from {earlier.path}")

    def _child_input(self, place: Place, run: MapRun, number: int, steps: Steps, value: Any) -> Back:
        """Return the step back from the input of a child execution: an item, or a batch of them."""
        state = place.visit.state.state
        assert isinstance(state, MapState)
        if state.distribution is None or state.distribution.batcher is None:
            return self._item_input(place, number, steps, value)
        first = items_before(run, number)
        if steps[:1] == ("Items",) and len(steps) > 1 and isinstance(steps[1], int) and first is not None:
            return self._item_input(place, first + steps[1], steps[2:], value)
        step = place.visit.state.distribution.batch_input
        if steps[:1] != ("BatchInput",) or step is None:
            return Back("input", f"child {number} of {place.visit.path}, made by its ItemBatcher", field="ItemBatcher")
        if step.states is not None:
            return self._jsonata.back(place, step, steps[1:], value)
        template: Any = step.expression
        return self._template(place, template, steps[1:], _base_of_items(place.visit), step)

    def _item_input(self, place: Place, index: int, steps: Steps, value: Any) -> Back:
        """Return the step back from the input of a Map's item to what the Map made it of."""
        visit, planned = place.visit, place.visit.state
        state = planned.state
        assert isinstance(state, MapState)
        if state.distribution is not None and state.distribution.reader is not None:
            return Back("input", f"item {index} of {visit.path}, made by its ItemReader", field="ItemReader")
        if planned.selector is None:
            return Back("item", f"item {index} of {visit.path}", (items_at(place, (index, *steps)),))
        if planned.selector.states is not None:
            return self._jsonata.back(place, planned.selector, steps, value, index)
        template: Any = planned.selector.expression
        return InItem(place, index, _base_of_items(visit)).template(template, steps, planned.selector)

    def _result(self, place: Place, steps: Steps, value: Any) -> Back:
        visit = place.visit
        state = visit.state.state
        if isinstance(state, PassState):
            kind = "missing" if value is MISSING else "literal"
            return Back(kind, f"the Result of {visit.name}", field="Result", pointer=f"{state.pointer}/Result")
        if isinstance(state, TaskState):
            return self._handler(place, state, steps, value)
        if not steps or not isinstance(steps[0], int):
            kind = "item" if isinstance(state, MapState) else "branch"
            what = "items" if kind == "item" else "branches"
            return Back("made", f"the outputs of the {what} of {visit.path}")
        inner = last_of_item(place, steps[0])
        what = "item" if isinstance(state, MapState) else "branch"
        if inner is None:
            return Back("unknown", f"{what} {steps[0]} of {visit.path}, whose visits the run did not keep")
        words = f"{what} {steps[0]} of {visit.path} gave it"
        if not inner.visit.left:
            return Back("error", f"{what} {steps[0]} of {visit.path} failed in {inner.path}")
        return Back("item" if what == "item" else "branch", words, (Point(inner, "output", steps[1:]),))

    def _handler(self, place: Place, state: TaskState, steps: Steps, value: Any) -> Back:
        visit = place.visit
        given, stage = effective_input(visit), base_of_work(visit)
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
                return Back("missing" if value is MISSING else "returned", f"{who} {what}", **more)
            was: Any = look(given, at)
            source = Point(place, stage, (*own, *at))
            if was is None:
                return Back("returned", f"{who} was given {path_text(at)} as null and {what}", (source,), **more)
            words = f"{who} was given {path_text(at)} as {kind_of(was)} and {what}"
            lost = Lost(source, was, visit.name, "Resource", words)
            return Back("lost", words, (source,), lost=lost, **more)
        same = same_value(value, given, asked)
        if same is not None:
            words = f"{who} returned it; it was given the same value as {path_text(same)}"
            return Back("returned", words, (Point(place, stage, (*own, *same)),), **more)
        return Back("returned", f"{who} returned it", **more)


def _variable(execution: Execution, place: Place, steps: Steps) -> Back:
    """Return the step back from a variable that a state reads and does not assign."""
    given = next(given_to(place, steps), None)
    if given is not None:
        return Back("passed", "", (Point(place.at(given.visit.index), "variables", steps),))
    known = ", ".join(f"${name}" for name in variables_before(place)) or "none"
    words = f"no state before {place.path} gave ${steps[0]} a value; there are: {known}"
    other = given_elsewhere(execution, place.visit, str(steps[0]))
    return Back("missing", f"{words}; {other.words}" if other is not None else words)


def _base_of_items(visit: Visit) -> str:
    """Return the stage that a Map's own templates read."""
    return "afterInputPath" if any(name == "afterInputPath" for name, _ in visit.stages) else "input"


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

