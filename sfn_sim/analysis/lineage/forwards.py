"""What became of a value: the plans of the states folded forwards over the places at which the value stands.

Visits are taken in the order in which they were entered. What a state gives on is worked out when the next state
asks for it: by then all that runs inside a Map or Parallel has been gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sfn_sim.analysis.lineage.backwards import point_of
from sfn_sim.analysis.lineage.choice import rule_of, step_of
from sfn_sim.analysis.lineage.hops import Fate, Point, Use, found_at
from sfn_sim.analysis.lineage.jsonata import Part, Traces, every_part, field_text, map_around, may_read, shortened
from sfn_sim.analysis.lineage.loss import losing_field
from sfn_sim.analysis.lineage.places import (
    Found,
    Place,
    Steps,
    called,
    givers,
    is_whole,
    items_before,
    read_address,
    stages,
    value_at,
)
from sfn_sim.analysis.lineage.sources import all_fields, locations, same_value
from sfn_sim.analysis.lineage.spots import MANY, NONE, Spots, below_path, without_indices
from sfn_sim.analysis.trace import MISSING, _Missing, look, path_text
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ChoiceState, MapState, TaskState
from sfn_sim.definition.plan import PlannedRule, Step
from sfn_sim.payload import Json
from sfn_sim.query.intrinsics import Argument, Call, Intrinsic
from sfn_sim.query.jsonata_trace import Trace
from sfn_sim.query.jsonata_traced import At, Parts, Traced, Unfollowable
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit
from sfn_sim.run.map_run import MapRun

_AFTER = ("result", "variables", "afterResultSelector", "afterResultPath", "afterOutputPath", "errorOutput", "output")


def fate(execution: Execution, text: str, number: int | None = None) -> Fate:
    """Return what became of a value: who read it, what it was given to, where it got lost or came out.

    Args:
        execution: the execution.
        text: `State.stage.path`, such as "CreateChunkGroups.result.groups", or "input.path" for the execution's input.
        number: which of the state's visits, from 1; the last one by default.

    Raises:
        ConfigurationError: the text names no state and stage of the run.
    """
    start = point_of(read_address(execution, text), number)
    walk = _Forward(execution, start)
    walk.run()
    own = {"input": execution.input, "output": execution.output}
    return Fate(start, found_at(start, own), tuple(walk.uses.values()))


class _Forward:
    """One walk forwards; `uses` are found in the order of the visits."""

    def __init__(self, execution: Execution, start: Point) -> None:
        self._execution = execution
        self._start = start
        self._spots: dict[tuple[int, int], dict[str, Spots]] = {}
        self._items: dict[tuple[int, int], dict[int | None, Spots]] = {}
        self._last: dict[tuple[int, int], dict[int, Place]] = {}
        self._traces = Traces(execution)
        self.uses: dict[tuple[str, str, str, str], Use] = {}

    def run(self) -> None:
        """Go through every visit."""
        given = frozenset((self._start.steps,)) if self._start.place is None else NONE
        log = self._execution.log
        self._go_through(log, None, given if self._start.stage == "input" else NONE)
        ends = [visit for visit in log.visits if not visit.branch.label]
        if ends and ends[-1].left and self._execution.status == "SUCCEEDED":
            for steps in sorted(self._out(Place(log, ends[-1])), key=str):
                self._use("", "", "output", f"is in the execution's output at {path_text(steps)}", None)

    def _go_through(self, log: Log, outer: tuple[Place, Any, Any] | None, given: Spots) -> None:
        roots: list[int] = []
        for visit in log.visits:
            place = Place(log, visit, *((outer[1], outer[2], outer[0]) if outer else ()))
            self._begin(place, given, roots)

    def _begin(self, place: Place, given: Spots, roots: list[int]) -> None:
        log, visit = place.log, place.visit
        key = (id(log), visit.index)
        spots = given
        root = -1
        if visit.previous >= 0:
            before = place.at(visit.previous)
            if before.visit.branch is visit.branch:
                root = roots[visit.previous]
                spots = self._out(before)
            else:
                root = visit.previous
                spots = self._inner(before, visit)
        roots.append(root)
        if root >= 0:
            index = int(visit.branch.label.rpartition("[")[2].partition("]")[0])
            self._last.setdefault((id(log), root), {})[index] = place
        mine = self._spots[key] = {"input": spots | self._started(place, "input")}
        for stage, _ in stages(visit):
            if stage in _AFTER:
                break
            if stage != "input":
                mine[stage] = self._stage(place, stage, mine)
        self._reads_beside(place, mine)
        if isinstance(visit.state.state, MapState):
            self._take_items(place, mine)

    def _started(self, place: Place, stage: str) -> Spots:
        start = self._start
        same = start.place is not None and start.place.visit is place.visit and start.stage == stage
        return frozenset((start.steps,)) if same else NONE

    def _stage(self, place: Place, stage: str, mine: dict[str, Spots]) -> Spots:
        """Return where the value stands at a stage, given where it stands at those before."""
        visit = place.visit
        base = next(name for name in reversed(mine) if name != "variables")
        data = _data(place, base)
        if stage == "afterItemsPath":
            path: Any = visit.state.paths.get("ItemsPath")
            pointer = f"{visit.state.state.pointer}/ItemsPath"
            return self._read(place, path, mine[base], data, "ItemsPath", pointer) | self._started(place, stage)
        step = step_of(self._execution, place, stage)
        if step is not None and step.states is not None:
            found = self._traced(place, step, mine, gave=value_at(visit, stage))
        else:
            found = self._follow(place, step, mine, base, data) if step is not None else NONE
        return found | self._started(place, stage)

    def _traced(
        self, place: Place, step: Step, mine: dict[str, Spots], item: int = -1, held: Spots = NONE,
        gave: Found = MISSING,
    ) -> Spots:  # fmt: skip
        """Return where the value stands in what a JSONata template gave, and note which of its expressions read it.

        `held` is where it stands in the item that an ItemSelector is filled for, `gave` what the template gave, where
        the run recorded that.
        """
        found: set[Steps] = set()
        template: Any = step.expression
        for part in every_part(template):
            compiled = part.expression.expression
            if not any(self._may_stand(place, at, mine, held) for at in may_read(compiled)):
                continue
            trace = self._trace(place, step, part, item, gave)
            if trace is None:
                found.add(part.below)
                continue
            inner = self._through_jsonata(place, step, part, trace, lambda at: self._standing(place, at, mine, held))
            found |= {(*part.below, *each) for each in inner}
        return frozenset(found)

    def _trace(self, place: Place, step: Step, part: Part, item: int, gave: Found) -> Trace | None:
        """Return the trace of an expression; None, and a note, where it cannot be told."""
        try:
            if isinstance(gave, _Missing):
                return self._traces.of(place, step, part.expression, item)
            return self._traces.checked(place, step, part.expression, look(gave, part.below), item)
        except Unfollowable as problem:
            compiled, pointer, name = part.expression.expression, part.expression.pointer, place.visit.name
            field = field_text(step, place.visit.state.state.pointer, pointer)
            words = f"{name} may read it: {field} {shortened(compiled.text)} cannot be followed: {problem}"
            self._use(name, field, "unknown", words, place, compiled.text, pointer)
            return None

    def _through_jsonata(
        self, place: Place, step: Step, part: Part, trace: Trace, standing: Callable[[At], Spots]
    ) -> Spots:
        compiled, name, pointer = part.expression.expression, place.visit.name, part.expression.pointer
        field, text = field_text(step, place.visit.state.state.pointer, pointer), shortened(compiled.text)
        found = self._spots_in(trace.outcome, standing)
        if found and step.stage != "condition":
            self._use(name, field, "read", f"{name} reads it: {field} {text}", place, compiled.text, pointer)
        if step.stage == "condition" and found:
            self._use(name, field, "compared", f"{name} compares it: {field} {text}", place, compiled.text, pointer)
        elif any(standing(at) for test in trace.tests for at in test.leaves()):
            self._use(name, field, "compared", f"{name} goes by it: {field} {text}", place, compiled.text, pointer)
        return found

    def _spots_in(self, outcome: Traced, standing: Callable[[At], Spots]) -> Spots:
        """Return where the value stands in what an expression gave."""
        origin = outcome.origin
        if isinstance(origin, At):
            return standing(origin)
        if not isinstance(origin, Parts):
            return frozenset(((),)) if any(standing(each) for each in outcome.leaves()) else NONE
        pairs = origin.parts.items() if isinstance(origin.parts, dict) else enumerate(origin.parts)
        inner = [(step, self._spots_in(part, standing)) for step, part in pairs]
        if len(inner) > MANY and all(() in spots for _, spots in inner):
            return frozenset(((),))  # it is all of it: what each item is need not be told
        return frozenset((step, *each) for step, spots in inner for each in spots)

    def _may_stand(self, place: Place, at: At, mine: dict[str, Spots], held: Spots) -> bool:
        """Tell whether the value may stand below what an expression's text reads, whichever items it takes."""
        around = self._standing(place, At(at.root), mine, held)
        return bool(below_path(at.steps, without_indices(around)))

    def _standing(self, place: Place, at: At, mine: dict[str, Spots], held: Spots) -> Spots:
        """Return where the value stands below what an expression of JSONata reads."""
        if at.root == "context":
            return self._in_context(place, at.steps, held)
        if at.root.startswith("$"):
            return below_path(at.steps, self._variable(place, at.root[1:]))
        return below_path(at.steps, mine.get(at.root, NONE))

    def _in_context(self, place: Place, steps: Steps, held: Spots) -> Spots:
        """Return where the value stands below a place of the Context Object."""
        around = map_around(place) if not held else None
        item = self._item_of(*around) if around is not None else held
        found = {("Map", "Item", "Value", *each) for each in item}
        given = self._start
        if place.child is not None:
            found |= {("Execution", "Input", *each) for each in self._spots[(id(place.log), 0)]["input"]}
        elif given.place is None and given.stage == "input":
            found.add(("Execution", "Input", *given.steps))
        return below_path(steps, frozenset(found))

    def _variable(self, place: Place, name: str) -> Spots:
        """Return where the value stands in a variable, as a visit reads it."""
        giver = next((each for each in givers(place) if name in (each.assigned or {})), None)
        mine = self._spots.get((id(place.log), giver.index), {}) if giver is not None else {}
        return frozenset(each[1:] for each in mine.get("variables", NONE) if each[:1] == (name,))

    def _item_of(self, place: Place, number: int) -> Spots:
        """Return where the value stands in an item of a Map."""
        items = self._items.get((id(place.log), place.visit.index), {})
        return items.get(None, NONE) | items.get(number, NONE)

    def _follow(self, place: Place, step: Step, mine: dict[str, Spots], base: str, data: Json) -> Spots:
        expression: Any = step.expression
        if step.verb == "place":
            given = mine["input"]
            if expression is None:
                return given
            assert isinstance(expression, ReferencePath)
            at = expression.steps
            kept = {each for each in given if each[: len(at)] != at}
            return frozenset(kept | {(*at, *each) for each in mine[base]})
        if isinstance(expression, Template):
            found: set[Steps] = set()
            for field, below in all_fields(expression):
                name = f"{step.field}{field.pointer.removeprefix(step.pointer)}"
                inner = self._read(place, field.expression, mine[base], data, name, field.pointer)
                found |= {(*below, *each) for each in inner}
            return frozenset(found)
        return self._read(place, expression, mine[base], data, step.field, step.pointer)

    def _read(
        self, place: Place, expression: Any, spots: Spots, data: Json, field: str, pointer: str, item: Spots = NONE
    ) -> Spots:
        """Return where the value stands in what an expression gives, and note that it was read."""
        if isinstance(expression, Path):
            found = self._through(place, expression, spots, data, item)
        elif isinstance(expression, Intrinsic):
            touched = any(self._through(place, each, spots, data, item) for each in _paths(expression.call))
            found = frozenset(((),)) if touched else NONE
        else:
            return NONE
        if found:
            name, text = place.visit.name, expression.text
            self._use(name, field, "read", f"{name} reads it: {field} {text}", place, text, pointer)
        return found

    def _through(self, place: Place, path: Path, spots: Spots, data: Json, item: Spots) -> Spots:
        steps = path.steps
        if path.root == "$$":
            return self._in_context(place, steps, item)
        if path.root != "$":
            return below_path(steps, self._variable(place, path.root[1:]))
        if path.definite or not spots:
            return below_path(steps, spots)
        taken = locations(path, data) or {}
        found = set()
        for spot in spots:
            for index, at in taken.items():
                found |= {(index, *each) for each in below_path(at, frozenset((spot,)))}
        return frozenset(found)

    def _reads_beside(self, place: Place, mine: dict[str, Spots]) -> None:
        """Note what a Choice's rules and a state's other paths read, and what its task was given."""
        planned = place.visit.state
        base = "afterInputPath" if "afterInputPath" in mine else "input"
        if planned.state.query_language == JSONATA:
            self._fields_beside(place, mine)
        elif mine[base]:
            data = _data(place, base)
            for name, path in planned.paths.items():
                if name != "ItemsPath":
                    self._read(place, path, mine[base], data, name, f"{planned.state.pointer}/{name}")
            if isinstance(planned.state, ChoiceState):
                for index, (rule, _) in enumerate(planned.choices):
                    self._compare(place, rule, mine[base], data, index)
        if isinstance(planned.state, TaskState):
            stage = next(name for name in reversed(mine) if name != "variables")
            for spot in sorted(mine[stage], key=str):
                words = f"is given to the handler of {planned.name} ({called(place.visit)}) as {path_text(spot)}"
                self._use(planned.name, "Resource", "given", words, place, "", f"{planned.state.pointer}/Resource")

    def _fields_beside(self, place: Place, mine: dict[str, Spots]) -> None:
        """Note what the conditions of a Choice in JSONata read, those that were asked, and a state's other fields."""
        planned = place.visit.state
        given = planned.distribution
        steps = [*(step for name, step in planned.fields.items() if name != "Items")]
        steps += [each for each in (given.reader, given.batch_input, given.writer) if each is not None]
        taken = rule_of(self._execution, place)
        asked = planned.choices[: taken[0] + 1] if taken is not None else planned.choices
        steps += [rule.condition for rule, _ in asked if rule.condition is not None]
        for step in steps:
            self._traced(place, step, mine)

    def _compare(self, place: Place, rule: PlannedRule, spots: Spots, data: Json, index: int) -> None:
        for each in (rule.variable, rule.operand_path):
            if isinstance(each, Path) and self._through(place, each, spots, data, NONE):
                name, operator = place.visit.name, getattr(rule.rule, "operator", "")
                words = f"{name} compares it: Choices[{index}] {operator} {each.text}"
                self._use(name, f"Choices[{index}]", "compared", words, place, each.text, rule.rule.pointer)
        for inner in rule.rules:
            self._compare(place, inner, spots, data, index)

    def _take_items(self, place: Place, mine: dict[str, Spots]) -> None:
        """Note where the value stands in the items of a Map, and go through its children's logs."""
        stage = next(name for name in ("afterItems", "afterItemsPath", "afterInputPath", "input") if name in mine)
        items: dict[int | None, Spots] = {}
        state: Any = place.visit.state.state
        is_read = state.distribution is not None and state.distribution.reader is not None
        for spot in NONE if is_read else mine[stage]:
            index = spot[0] if spot and isinstance(spot[0], int) else None
            if not spot or index is not None:
                items[index] = items.get(index, NONE) | {spot[1:]}
        self._items[(id(place.log), place.visit.index)] = items
        for run in place.log.map_runs:
            if run.visit == place.visit.index:
                for number, child in sorted(run.children.items()):
                    given = self._given(place, run, number, child.items)
                    self._go_through(child.log, (place, run, child), given)
                    if child.log.visits:
                        last = Place(child.log, child.log.visits[-1], run, child, place)
                        self._last.setdefault((id(place.log), place.visit.index), {})[number] = last

    def _given(self, place: Place, run: MapRun, number: int, count: int) -> Spots:
        """Return where the value stands in the input of a child execution: an item, or a batch of them."""
        state: Any = place.visit.state.state
        if state.distribution is None or state.distribution.batcher is None:
            return self._inner(place, None, number)
        first, step = items_before(run, number), place.visit.state.distribution.batch_input
        mine = self._spots[(id(place.log), place.visit.index)]
        found: set[Steps] = set()
        for index in range(count) if first is not None else ():
            found |= {("Items", index, *each) for each in self._inner(place, None, (first or 0) + index)}
        if step is not None and step.states is not None:
            found |= {("BatchInput", *each) for each in self._traced(place, step, mine)}
        elif step is not None:
            base = "afterInputPath" if "afterInputPath" in mine else "input"
            inner = self._follow(place, step, mine, base, _data(place, base))
            found |= {("BatchInput", *each) for each in inner}
        return frozenset(found)

    def _inner(self, place: Place, visit: Visit | None, number: int = 0) -> Spots:
        """Return where the value stands in the input of a branch, or of a Map's item."""
        mine = self._spots[(id(place.log), place.visit.index)]
        planned = place.visit.state
        if not isinstance(planned.state, MapState):
            return mine[next(name for name in reversed(mine) if name != "variables")]
        if visit is not None:
            number = visit.branch.item[0] if visit.branch.item is not None else 0
        item = self._item_of(place, number)
        if planned.selector is None:
            return item
        if planned.selector.states is not None:
            gave = visit.input if visit is not None else MISSING
            return self._traced(place, planned.selector, mine, number, item, gave)
        template: Any = planned.selector.expression
        base = "afterInputPath" if "afterInputPath" in mine else "input"
        if not isinstance(template, Template) or not (item or mine[base]):
            return NONE
        found: set[Steps] = set()
        data = _data(place, base)
        for field, below in all_fields(template):
            name = f"{planned.selector.field}{field.pointer.removeprefix(planned.selector.pointer)}"
            inner = self._read(place, field.expression, mine[base], data, name, field.pointer, item)
            found |= {(*below, *each) for each in inner}
        return frozenset(found)

    def _out(self, place: Place) -> Spots:
        """Return where the value stands in what a state gave on."""
        visit = place.visit
        mine = self._spots[(id(place.log), visit.index)]
        if "output" in mine:
            return mine["output"]
        if not visit.left:
            return NONE
        had = mine["input"]
        for stage, value in stages(visit):
            if stage in mine:
                continue
            if stage == "result":
                mine[stage] = self._result(place, mine, value) | self._started(place, stage)
            elif stage == "output" and not is_whole(visit):
                mine[stage] = NONE
            elif stage == "output" and step_of(self._execution, place, stage) is None:
                mine[stage] = mine[next(name for name in reversed(mine) if name != "variables")]
            elif stage == "errorOutput":
                mine[stage] = self._started(place, stage)
            else:
                mine[stage] = self._stage(place, stage, mine)
            had = had or mine[stage]
        mine["output"] |= self._started(place, "output")
        if had and not is_whole(visit):
            words = f"{visit.name} may give it on: what it made is not in the record"
            self._use(visit.name, "", "unknown", words, place)
        elif had and not mine["output"] and not mine.get("variables"):
            self._dropped(place, had, mine)
        return mine["output"]

    def _dropped(self, place: Place, had: Spots, mine: dict[str, Spots]) -> None:
        visit = place.visit
        given = sorted(mine["input"], key=str)
        steps = given[0] if given else min(had, key=str)
        field = losing_field(visit, steps, not given)
        none = visit.state.state.flow.result_path == "$" and field == "ResultPath"
        if visit.state.state.query_language == JSONATA and step_of(self._execution, place, "output") is None:
            field, none = "Catch" if visit.caught else "Output", True
        by = f"it has no {field}, and its result has it not" if none else f"by its {field}"
        by = "the error that its Catch gives on takes its place" if none and visit.caught else by
        pointer = visit.state.state.pointer if none else f"{visit.state.state.pointer}/{field}"
        self._use(visit.name, field, "dropped", f"{visit.name} does not give it on: {by}", place, "", pointer)

    def _result(self, place: Place, mine: dict[str, Spots], value: Json) -> Spots:
        visit = place.visit
        if not isinstance(visit.state.state, TaskState):
            ends = self._last.get((id(place.log), visit.index), {})
            every = [(index, self._out(last)) for index, last in ends.items()]
            if len(every) > MANY and all(() in spots for _, spots in every) and isinstance(value, list):
                return frozenset(((),))
            return frozenset((index, *each) for index, spots in every for each in spots)
        stage = next(name for name in reversed(mine) if name not in ("variables", "result"))
        given = _data(place, stage)
        back = set()
        for spot in mine[stage]:
            was: Any = look(given, spot)
            same = same_value(was, value, spot) if spot and not isinstance(was, _Missing) else None
            if same is not None:
                back.add(same)
                words = f"the handler of {visit.name} returns the same value as {path_text(same)}"
                self._use(visit.name, "Resource", "returned", words, place)
        return frozenset(back)

    def _use(
        self, state: str, field: str, kind: str, words: str, place: Place | None, expression: str = "",
        pointer: str = "",
    ) -> None:  # fmt: skip
        use = self.uses.setdefault((state, field, kind, words), Use(state, field, kind, words, expression, pointer))
        where = place.path if place is not None else ""
        if where and (not use.places or use.places[-1] != where):
            use.places.append(where)


def _paths(argument: Argument) -> Iterator[Path]:
    if isinstance(argument, Path):
        yield argument
    elif isinstance(argument, Call):
        for each in argument.arguments:
            yield from _paths(each)


def _data(place: Place, stage: str) -> Json:
    value = value_at(place.visit, stage)
    return None if isinstance(value, _Missing) else value
