"""What became of a value: the plans of the states folded forwards over the places at which the value stands.

Visits are taken in the order in which they were entered. What a state gives on is worked out when the next state
asks for it: by then all that runs inside a Map or Parallel has been gone through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from sfn_sim.analysis.lineage import called, point_of
from sfn_sim.analysis.lineage_hops import Fate, Point, Use, found_at
from sfn_sim.analysis.lineage_loss import losing_field
from sfn_sim.analysis.lineage_places import Place, Steps, read_address, stages, step_of, value_at
from sfn_sim.analysis.lineage_sources import all_fields, locations, same_value
from sfn_sim.analysis.trace import _Missing, look, path_text
from sfn_sim.definition.model import ChoiceState, MapState, TaskState
from sfn_sim.definition.plan import PlannedRule, Step
from sfn_sim.payload import Json
from sfn_sim.query.intrinsics import Argument, Call, Intrinsic
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit

Spots: TypeAlias = "frozenset[Steps]"
_NONE: Spots = frozenset()
_AFTER = ("afterResultSelector", "afterResultPath", "afterOutputPath", "errorOutput", "output")


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
        self._variables: dict[str, Spots] = {}
        self.uses: dict[tuple[str, str, str, str], Use] = {}

    def run(self) -> None:
        """Go through every visit."""
        given = frozenset((self._start.steps,)) if self._start.place is None else _NONE
        log = self._execution.log
        self._go_through(log, None, given if self._start.stage == "input" else _NONE)
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
            if stage in _AFTER or (stage == "result" and not isinstance(visit.state.state, TaskState)):
                break
            if stage not in ("input", "result"):
                mine[stage] = self._stage(place, stage, mine)
        self._reads_beside(place, mine)
        if isinstance(visit.state.state, MapState):
            self._take_items(place, mine)

    def _started(self, place: Place, stage: str) -> Spots:
        start = self._start
        same = start.place is not None and start.place.visit is place.visit and start.stage == stage
        return frozenset((start.steps,)) if same else _NONE

    def _stage(self, place: Place, stage: str, mine: dict[str, Spots]) -> Spots:
        """Return where the value stands at a stage, given where it stands at those before."""
        visit = place.visit
        base = next(name for name in reversed(mine) if name != "variables")
        data = _data(place, base)
        if stage == "afterItemsPath":
            path: Any = visit.state.paths.get("ItemsPath")
            pointer = f"{visit.state.state.pointer}/ItemsPath"
            return self._read(place, path, mine[base], data, "ItemsPath", pointer) | self._started(place, stage)
        step = step_of(visit, stage)
        found = self._follow(place, step, mine, base, data) if step is not None else _NONE
        return found | self._started(place, stage)

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
        if mine[base] and not isinstance(expression, Path | Intrinsic | None):
            name = place.visit.name
            words = f"{name} may read it in {step.field}: lineage cannot follow JSONata yet"
            self._use(name, step.field, "unknown", words, place, "", step.pointer)
        return self._read(place, expression, mine[base], data, step.field, step.pointer)

    def _read(
        self, place: Place, expression: Any, spots: Spots, data: Json, field: str, pointer: str, item: Spots = _NONE
    ) -> Spots:
        """Return where the value stands in what an expression gives, and note that it was read."""
        if isinstance(expression, Path):
            found = self._through(expression, spots, data, item)
        elif isinstance(expression, Intrinsic):
            touched = any(self._through(each, spots, data, item) for each in _paths(expression.call))
            found = frozenset(((),)) if touched else _NONE
        else:
            return _NONE
        if found:
            name, text = place.visit.name, expression.text
            self._use(name, field, "read", f"{name} reads it: {field} {text}", place, text, pointer)
        return found

    def _through(self, path: Path, spots: Spots, data: Json, item: Spots) -> Spots:
        steps = path.steps
        if path.root == "$$":
            if steps[:3] == ("Map", "Item", "Value"):
                return _below(steps[3:], item)
            if steps[:2] == ("Execution", "Input") and self._start.place is None:
                return _below(steps[2:], frozenset((self._start.steps,)))
            return _NONE
        if path.root != "$":
            return _below(steps, self._variables.get(path.root[1:], _NONE))
        if path.definite or not spots:
            return _below(steps, spots)
        taken = locations(path, data) or {}
        found = set()
        for spot in spots:
            for index, at in taken.items():
                found |= {(index, *each) for each in _below(at, frozenset((spot,)))}
        return frozenset(found)

    def _reads_beside(self, place: Place, mine: dict[str, Spots]) -> None:
        """Note what a Choice's rules and a state's other paths read, and what its task was given."""
        planned = place.visit.state
        base = "afterInputPath" if "afterInputPath" in mine else "input"
        if mine[base]:
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

    def _compare(self, place: Place, rule: PlannedRule, spots: Spots, data: Json, index: int) -> None:
        for each in (rule.variable, rule.operand_path):
            if isinstance(each, Path) and self._through(each, spots, data, _NONE):
                name, operator = place.visit.name, getattr(rule.rule, "operator", "")
                words = f"{name} compares it: Choices[{index}] {operator} {each.text}"
                self._use(name, f"Choices[{index}]", "compared", words, place, each.text, rule.rule.pointer)
        for inner in rule.rules:
            self._compare(place, inner, spots, data, index)

    def _take_items(self, place: Place, mine: dict[str, Spots]) -> None:
        """Note where the value stands in the items of a Map, and go through its children's logs."""
        stage = next(name for name in ("afterItemsPath", "afterInputPath", "input") if name in mine)
        items: dict[int | None, Spots] = {}
        for spot in mine[stage]:
            index = spot[0] if spot and isinstance(spot[0], int) else None
            if not spot or index is not None:
                items[index] = items.get(index, _NONE) | {spot[1:]}
        self._items[(id(place.log), place.visit.index)] = items
        for run in place.log.map_runs:
            if run.visit == place.visit.index:
                for number, child in sorted(run.children.items()):
                    given = self._inner(place, None, number)
                    self._go_through(child.log, (place, run, child), given)
                    if child.log.visits:
                        last = Place(child.log, child.log.visits[-1], run, child, place)
                        self._last.setdefault((id(place.log), place.visit.index), {})[number] = last

    def _inner(self, place: Place, visit: Visit | None, number: int = 0) -> Spots:
        """Return where the value stands in the input of a branch, or of a Map's item."""
        mine = self._spots[(id(place.log), place.visit.index)]
        planned = place.visit.state
        if not isinstance(planned.state, MapState):
            return mine[next(name for name in reversed(mine) if name != "variables")]
        if visit is not None:
            number = visit.branch.item[0] if visit.branch.item is not None else 0
        items = self._items[(id(place.log), place.visit.index)]
        item = items.get(None, _NONE) | items.get(number, _NONE)
        if planned.selector is None:
            return item
        template: Any = planned.selector.expression
        base = "afterInputPath" if "afterInputPath" in mine else "input"
        if not isinstance(template, Template) or not (item or mine[base]):
            return _NONE
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
            return _NONE
        had = mine["input"]
        for stage, value in stages(visit):
            if stage in mine:
                continue
            if stage == "result":
                mine[stage] = self._result(place, mine, value) | self._started(place, stage)
            elif stage == "output" and step_of(visit, stage) is None:
                mine[stage] = mine[next(name for name in reversed(mine) if name != "variables")]
            elif stage == "errorOutput":
                mine[stage] = self._started(place, stage)
            else:
                mine[stage] = self._stage(place, stage, mine)
            had = had or mine[stage]
        for each in mine.get("variables", _NONE):
            if each and isinstance(each[0], str):
                self._variables[each[0]] = self._variables.get(each[0], _NONE) | {each[1:]}
        mine["output"] |= self._started(place, "output")
        if had and not mine["output"] and not any(use[:3] == (visit.name, "Output", "unknown") for use in self.uses):
            self._dropped(place, had, mine)
        return mine["output"]

    def _dropped(self, place: Place, had: Spots, mine: dict[str, Spots]) -> None:
        visit = place.visit
        given = sorted(mine["input"], key=str)
        steps = given[0] if given else min(had, key=str)
        field = losing_field(visit, steps, not given)
        none = visit.state.state.flow.result_path == "$" and field == "ResultPath"
        by = "it has no ResultPath, and its result has it not" if none else f"by its {field}"
        pointer = visit.state.state.pointer if none else f"{visit.state.state.pointer}/{field}"
        self._use(visit.name, field, "dropped", f"{visit.name} does not give it on: {by}", place, "", pointer)

    def _result(self, place: Place, mine: dict[str, Spots], value: Json) -> Spots:
        visit = place.visit
        if not isinstance(visit.state.state, TaskState):
            found = set()
            for index, last in self._last.get((id(place.log), visit.index), {}).items():
                found |= {(index, *each) for each in self._out(last)}
            return frozenset(found)
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


def _below(path: Steps, spots: Spots) -> Spots:
    """Return where values stand below what a path reads; one that holds what it reads is read in part."""
    found = set()
    for spot in spots:
        if spot[: len(path)] == path:
            found.add(spot[len(path) :])
        elif path[: len(spot)] == spot:
            found.add(())
    return frozenset(found)


def _paths(argument: Argument) -> Iterator[Path]:
    if isinstance(argument, Path):
        yield argument
    elif isinstance(argument, Call):
        for each in argument.arguments:
            yield from _paths(each)


def _data(place: Place, stage: str) -> Json:
    value = value_at(place.visit, stage)
    return None if isinstance(value, _Missing) else value
