"""Places in an execution: a visit by its name, a stage of it, and a path into what the data was there.

A visit's stages are those of its last attempt: what a retry began anew does not count. The states of a distributed
Map's children are in logs of their own, as far as the run kept them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from sfn_sim.analysis.kept import why_not_there
from sfn_sim.analysis.trace import MISSING, _Missing, effective_input, look, path_text
from sfn_sim.definition.model import ChoiceState, MapState, ParallelState, TaskState
from sfn_sim.definition.plan import PlannedCatcher, Step
from sfn_sim.errors import ConfigurationError, error_matches
from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonpath import Path, compile_path
from sfn_sim.run.child import Child
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit
from sfn_sim.run.map_run import MapRun

Steps: TypeAlias = "tuple[str | int, ...]"
Found: TypeAlias = "Json | _Missing"

_STAGE = re.compile(r"\.(input|output|result|errorOutput|variables|after[A-Z]\w*)(?=[.\[]|$)")
_STAGES = (
    "input", "afterInputPath", "afterParameters", "afterArguments", "afterItemsPath", "afterItems", "result",
    "errorOutput", "afterResultSelector", "afterResultPath", "afterOutputPath", "variables",
)  # fmt: skip
_ENDS = re.compile(r"(input|output)(?=[.\[]|$)")
_ITEM = re.compile(r"\[(\d+)\]\.")
_ONCE = ("input", "afterInputPath")
_LAMBDA = "arn:aws:states:::lambda:invoke"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A visit and the log that it stands in; `run` and `child` where that is the log of a Map Run's child."""

    log: Log
    visit: Visit
    run: MapRun | None = None
    child: Child | None = None
    outer: Place | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other.log is self.log and other.visit.index == self.visit.index

    def __hash__(self) -> int:
        return hash((id(self.log), self.visit.index))

    @property
    def path(self) -> str:
        """The visit's place among branches, items and children, such as "Chunks[12].Process"."""
        if self.run is None or self.child is None:
            return self.visit.path
        around = self.outer.path if self.outer is not None else self.run.path
        return f"{around}[{self.child.index}].{self.visit.path}"

    def at(self, index: int) -> Place:
        """Return another visit of the same log."""
        return Place(self.log, self.log.visits[index], self.run, self.child, self.outer)


@dataclass(frozen=True, slots=True)
class Address:
    """A stage of a state and a path into it, as `State.stage.path` names them.

    `places` are all the visits that the state's name fits, in order; empty for the execution's own input or output.
    """

    text: str
    places: tuple[Place, ...]
    stage: str
    path: Path

    @property
    def steps(self) -> Steps:
        """The path's names and indices."""
        return self.path.steps


def attempts(visit: Visit) -> list[list[tuple[str, Json]]]:
    """Return a visit's stages attempt by attempt; each begins with what a retry does not do again."""
    common = [each for each in visit.stages[:2] if each[0] in _ONCE]
    found: list[list[tuple[str, Json]]] = [list(common)]
    seen: set[str] = set()
    for name, value in visit.stages[len(common) :]:
        if name in seen and "errorOutput" not in seen:  # what a catcher makes belongs to the attempt that failed
            found.append(list(common))
            seen = set()
        seen.add(name)
        found[-1].append((name, value))
    return found


def stages(visit: Visit) -> list[tuple[str, Json]]:
    """Return the stages of a visit's last attempt in order, the output last if the state was left."""
    last = attempts(visit)[-1]
    # JSONata's Output is a stage of its own; a JSONPath state's last stage is its output.
    return [*last, ("output", visit.output)] if visit.left and last[-1][0] != "output" else last


def value_at(visit: Visit, stage: str, steps: Steps = ()) -> Found:
    """Return what stood at `steps` of a stage; MISSING if nothing did, or the state never came to that stage."""
    for name, value in reversed(stages(visit)):
        if name == stage:
            return look(value, steps)
    return MISSING


def places(execution: Execution) -> Iterator[Place]:
    """Return every visit of an execution and of the children that it kept, in order of each log."""
    yield from _in_log(execution.log, None, None, None)


def _in_log(log: Log, run: MapRun | None, child: Child | None, outer: Place | None) -> Iterator[Place]:
    for visit in log.visits:
        yield Place(log, visit, run, child, outer)
    for each in log.map_runs:
        around = Place(log, log.visits[each.visit], run, child, outer)
        for _, inner in sorted(each.children.items()):
            yield from _in_log(inner.log, each, inner, around)


def find_places(execution: Execution, name: str) -> tuple[Place, ...]:
    """Return the visits of a state: by its name all of them, by its place (`Chunks[12].Process`) those there.

    Raises:
        ConfigurationError: the run never came there; says what it did.
    """
    found = tuple(each for each in places(execution) if each.visit.name == name or each.path == name)
    if found:
        return found
    raise ConfigurationError(_nowhere(execution, name))


def _nowhere(execution: Execution, name: str) -> str:
    if not_kept := why_not_there(execution, name):
        return not_kept
    every = list(places(execution))
    entered = list(dict.fromkeys(each.visit.name for each in every))
    known = [each.name for each in execution.machine.states] if execution.machine is not None else entered
    last = _ITEM.split(name)[-1]
    if last in known and last not in entered:
        return f"the run never entered {last}"
    if last in entered and last != name:
        there = [each.path for each in every if each.visit.name == last]
        more = f", … ({len(there):,} in all)" if len(there) > 3 else ""
        return f"the run has no {name}; it has {', '.join(there[:3])}{more}"
    near = get_close_matches(last, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; its states: {', '.join(known[:12])}"
    return f"the machine has no state named {last}{hint}"


def read_address(execution: Execution, text: str) -> Address:
    """Return what `State.stage.path` names, such as `FinalMerge.input.batch_id`.

    `input.path` and `output.path` alone are the execution's own.

    Raises:
        ConfigurationError: it names no state and stage of the run, or has no path after them.
    """
    problem: ConfigurationError | None = None
    for match in _STAGE.finditer(text):
        try:
            found = find_places(execution, text[: match.start()])
        except ConfigurationError as error:
            problem = problem or error
            continue
        return Address(text, found, match.group(1), _path(text, match.end()))
    if own := _ENDS.match(text):
        return Address(text, (), own.group(1), _path(text, own.end()))
    raise problem or ConfigurationError(
        f"{text}: write STATE.STAGE.PATH, such as FinalMerge.input.batch_id; stages are {', '.join(_STAGES)} and output"
    )


def _path(text: str, start: int) -> Path:
    try:
        path = compile_path(f"${text[start:]}")
    except SyntaxProblem as error:
        raise ConfigurationError(f"{text}: {error.message} (at {text[start:]!r})") from None
    if not path.definite:
        raise ConfigurationError(f"{text}: the path of a value has names and indices only")
    return path


def chosen(found: tuple[Place, ...], number: int | None) -> Place:
    """Return the visit that a number (from 1) names; the last one without a number.

    Raises:
        ConfigurationError: there are not so many.
    """
    if number is None:
        return found[-1]
    if not 1 <= number <= len(found):
        raise ConfigurationError(f"{found[0].visit.name} has {len(found)} visit(s), and no number {number}")
    return found[number - 1]


def where(place: Place | None, stage: str, steps: Steps) -> str:
    """Return a place as a person writes it, such as "FinalMerge.input.batch_id"."""
    rest = path_text(steps)[1:]
    return f"{place.path}.{stage}{rest}" if place is not None else f"{stage}{rest}"


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


def items_before(run: MapRun, number: int) -> int | None:
    """Return how many items the children before one were given; None where the run did not keep all of these."""
    earlier = [run.children.get(each) for each in range(number)]
    kept = [each.items for each in earlier if each is not None]
    return sum(kept) if len(kept) == number else None


def called(visit: Visit) -> str:
    """Return the function that a Task calls, or its resource."""
    state = visit.state.state
    if not isinstance(state, TaskState):
        return ""
    given = effective_input(visit)
    if state.resource.startswith(_LAMBDA) and isinstance(given, dict):
        return str(given.get("FunctionName", state.resource)).rpartition(":")[2]
    return state.resource.rpartition(":")[2] or state.resource


def is_whole(visit: Visit) -> bool:
    """Tell whether the stages between a visit's input and its output are there; a history may lack what they need."""
    names, planned = {name for name, _ in visit.stages}, visit.state
    if visit.caught:
        return "errorOutput" in names
    if isinstance(planned.state, ChoiceState):
        return True
    plan = planned.plan
    wanted = {step.stage for step in (*plan.once, *plan.before, *plan.after)}
    if isinstance(planned.state, TaskState | MapState | ParallelState):
        wanted.add("result")
    return wanted <= names


def base_of_work(visit: Visit) -> str:
    """Return the stage that a state handed to its task or branches."""
    present = {name for name, _ in visit.stages}
    order = ("afterParameters", "afterArguments", "afterInputPath")
    return next((name for name in order if name in present), "input")


def step_of(visit: Visit, stage: str) -> Step | None:
    """Return the step of a state's plan that made a stage; None if something else did.

    What a rule of a Choice made is told by `choice.step_of`.
    """
    planned = visit.state
    if stage == "afterItems":
        return planned.fields.get("Items")
    if visit.caught and stage in ("afterResultPath", "output", "variables"):
        catcher = catcher_of(visit)
        step = None if catcher is None else catcher.assign if stage == "variables" else catcher.step
        return step if step is not None and step.stage == stage else None
    if stage == "variables":
        return planned.assign
    plan = planned.plan
    return next((each for each in (*plan.once, *plan.before, *plan.after) if each.stage == stage), None)


def catcher_of(visit: Visit) -> PlannedCatcher | None:
    """Return the catcher that took a visit's error."""
    error = visit.error[0] if visit.error else None
    for each in visit.state.catchers:
        if error_matches(error, each.catcher.error_equals):
            return each
    return None


def givers(place: Place) -> Iterator[Visit]:
    """Yield the visits whose variables a state reads, the latest first: on its way, and on the ways round it."""
    visit = place.visit
    while visit.previous >= 0:
        earlier = place.log.visits[visit.previous]
        # The Map or Parallel round a way has assigned nothing yet.
        if earlier.branch is visit.branch and earlier.left and earlier.assigned:
            yield earlier
        visit = earlier


def variables_after(place: Place) -> dict[str, Json]:
    """Return the variables as a state left them: those that it read, and what it assigned itself."""
    visit = place.visit
    return {**variables_before(place), **((visit.assigned or {}) if visit.left else {})}


def variables_before(place: Place) -> dict[str, Json]:
    """Return the variables as they were when a state was entered."""
    found: dict[str, Json] = {}
    for visit in givers(place):
        for name, value in (visit.assigned or {}).items():
            found.setdefault(name, value)
    return found
