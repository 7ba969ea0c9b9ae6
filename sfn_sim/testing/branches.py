"""Finds, for each branch of a machine's Choice states, an input and answers of its tasks that lead there.

The machine itself is tried: a run that fails on a path that leads nowhere tells what has to be where, lineage tells
which task or which part of the input that comes from, and a Choice rule tells which value it wants. What cannot be
found in a bounded number of runs is named.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sfn_sim.analysis.coverage import Item, coverage
from sfn_sim.analysis.lineage.backwards import back_from
from sfn_sim.analysis.lineage.hops import Point
from sfn_sim.analysis.lineage.jsonata import point_of
from sfn_sim.analysis.lineage.places import Place, places, value_at
from sfn_sim.analysis.trace import MISSING
from sfn_sim.definition.model import ChoiceState, TaskState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import Detail, SfnSimError
from sfn_sim.machine import StateMachine
from sfn_sim.payload import Json
from sfn_sim.query.jsonata_traced import At
from sfn_sim.run.execution import Execution, Options
from sfn_sim.services.lambda_functions import function_name
from sfn_sim.testing.conditions import Wish
from sfn_sim.testing.mocks import Mocks
from sfn_sim.testing.repairs import needed
from sfn_sim.testing.rules import usual_value, wishes_of, wishes_of_default
from sfn_sim.testing.smallest import smallest

_MOST_RUNS = 400
_MOST_REPAIRS = 40
_MOST_EVENTS = 1000
_INVOKE = "arn:aws:states:::lambda:invoke"


@dataclass
class Trial:
    """An input, and what each task answers, call by call; the last answer goes on."""

    input: Any = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=dict)

    def copy(self) -> Trial:
        """Return a trial that may be changed without this one."""
        return Trial(copy.deepcopy(self.input), copy.deepcopy(self.answers))

    def key(self) -> str:
        """Return what is equal for equal trials."""
        return repr((self.input, sorted(self.answers.items())))


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a Choice state and how to get there; `execution` is None where no way was found.

    Attributes:
        item: the branch.
        trial: the input and the answers of the way that was found.
        calls: the answers that were given, by target, one for each call.
        execution: the run that took it.
        why: where the nearest run ended, where none was found.
    """

    item: Item
    trial: Trial
    calls: Mapping[str, list[Any]]
    execution: Execution | None
    why: str = ""


def find_branches(machine: StateMachine) -> list[Branch]:
    """Return every branch of a machine's Choice states, in order of the definition, with a way there if one is found.

    A machine without a Choice state has one: its way through.
    """
    return _Search(machine).found()


def targets_of(machine: StateMachine) -> dict[str, str]:
    """Return the name under which each Task state's answers are mocked, by the state's name."""
    wanted: dict[str, list[PlannedState]] = {}
    for planned in machine.planned.states:
        if isinstance(planned.state, TaskState):
            wanted.setdefault(_resource(planned.state), []).append(planned)
    return {
        planned.name: resource if len(states) == 1 else f"state:{planned.name}"
        for resource, states in wanted.items()
        for planned in states
    }


def _resource(state: TaskState) -> str:
    """Return what a task calls: the function's name, or its resource."""
    name: Any = state.resource
    if name.startswith(_INVOKE) and isinstance(state.flow.parameters, dict):
        name = state.flow.parameters.get("FunctionName", name)
        return function_name(name) if isinstance(name, str) and not name.startswith("{%") else state.resource
    return function_name(name) if ":lambda:" in name and not name.startswith("arn:aws:states:") else str(name)


class _Search:
    def __init__(self, machine: StateMachine) -> None:
        self._machine = machine
        self._targets = targets_of(machine)
        self._blanks = _blanks(machine, self._targets)
        self._runs = 0
        self._seen: set[str] = set()
        self._best: dict[str, tuple[Trial, dict[str, list[Any]], Execution]] = {}
        self._last = ""

    def found(self) -> list[Branch]:
        """Try until every branch is taken, nothing is left to try, or the runs are used up."""
        items = [item for item in coverage(self._machine.planned, "", []).taken if item.kind == "choices"]
        waiting: deque[Trial] = deque([Trial()])
        while waiting and self._runs < _MOST_RUNS and (self._missing(items) or not self._best):
            trial = waiting.popleft()
            execution = self._repaired(trial)
            if execution is not None:
                waiting.extend(self._others(trial, execution))
        if not items:
            whole = Item("choices", self._machine.planned.graph.start_at, "", "")
            return [self._branch(whole)]
        return [self._branch(item) for item in items]

    def _missing(self, items: list[Item]) -> bool:
        return any(item.name not in self._best or self._best[item.name][2].status != "SUCCEEDED" for item in items)

    def _branch(self, item: Item) -> Branch:
        best = self._best.get(item.name)
        if best is None:
            return Branch(item, Trial(), {}, None, self._last or "no run came to the state")
        trial, calls, execution = best
        return Branch(item, trial, calls, execution)

    def _run(self, trial: Trial) -> Execution | None:
        calls: dict[str, list[Any]] = {}
        self._runs += 1
        try:
            execution = self._machine.run(
                trial.input, mocks=_mocks(self._blanks, trial, calls), options=Options(limit_events=_MOST_EVENTS)
            )
        except SfnSimError as error:
            self._last = str(error).splitlines()[0]
            return None
        if execution.status != "SUCCEEDED":
            self._last = f"a run ended with {execution.error or execution.status}: {execution.cause or ''}"[:200]
        if execution.error == "States.Runtime":
            return execution
        taken = coverage(self._machine.planned, "", [execution]).taken
        for name in ["", *(item.name for item, count in taken.items() if count and item.kind == "choices")]:
            known = self._best.get(name)
            if known is None or _rank(execution) < _rank(known[2]):
                self._best[name] = (trial.copy(), calls, execution)
        return execution

    def _repaired(self, trial: Trial) -> Execution | None:
        """Run a trial, and put a value wherever a path leads nowhere, until it does not fail for that any more."""
        execution = None
        for _ in range(_MOST_REPAIRS):
            if trial.key() in self._seen or self._runs >= _MOST_RUNS:
                return execution
            self._seen.add(trial.key())
            execution = self._run(trial)
            if execution is None or not self._repair(trial, execution):
                return execution
        return execution

    def _repair(self, trial: Trial, execution: Execution) -> bool:
        """Put a value where the run's first error read nothing, or not what it needed; tell whether one was put."""
        failed = execution.detail if execution.status == "FAILED" else None
        for place in places(execution):
            last = place.log is execution.log and failed is not None and failed.visit == place.visit.index
            detail = failed if last else place.visit.problem
            if detail is not None and detail.visit >= 0:
                # An error that came out of a branch is told where it arose.
                at = place.at(detail.visit) if detail.visit < len(place.log.visits) else place
                if self._mended(trial, execution, at, detail):
                    return True
        return False

    def _mended(self, trial: Trial, execution: Execution, place: Place, detail: Detail) -> bool:
        if detail.kind == "jsonata":
            points = [(point_of(place, at, detail.item), value) for at, value in needed(detail, place)]
            done = [self._put(trial, execution, point, value) for point, value in points if point is not None]
            return any(done)
        if detail.kind not in ("path", "items", "intrinsic") or not detail.steps:
            return False
        visit, steps = place.visit, tuple(detail.steps)
        names = [name for name, _ in visit.stages]
        base = "afterInputPath" if "afterInputPath" in names else "input"
        if detail.field.startswith("ResultSelector"):
            base = "result"
        elif detail.expression.startswith("$$"):
            if steps[:3] != ("Map", "Item", "Value"):
                return False
            base = "afterItemsPath" if "afterItemsPath" in names else base
            steps = (max(detail.item, 0), *steps[3:])
        value = usual_value(self._machine.source.value, detail.field, detail.expression, visit.state)
        return self._put(trial, execution, Point(place, base, steps), value)

    def _others(self, trial: Trial, execution: Execution) -> Iterator[Trial]:
        """Yield trials that lead each Choice state that a run came to where no run has gone yet."""
        for place in places(execution):
            state = place.visit.state.state
            if not isinstance(state, ChoiceState):
                continue
            lead = f"{place.visit.name} "
            ways = [
                (f"{lead}Choices[{index}] → {choice.next}", wishes_of(state, index))
                for index, choice in enumerate(state.choices)
            ]
            if state.default is not None:
                ways.append((f"{lead}Default → {state.default}", wishes_of_default(state)))
            for name, way in ways:
                if name in self._best and self._best[name][2].status == "SUCCEEDED":
                    continue
                for wishes in way:
                    made = trial.copy()
                    if self._wish(made, execution, place, wishes) and made.key() not in self._seen:
                        yield made

    def _wish(self, trial: Trial, execution: Execution, place: Place, wishes: tuple[Wish, ...]) -> bool:
        names = [name for name, _ in place.visit.stages]
        base = "afterInputPath" if "afterInputPath" in names else "input"
        done = []
        for wish in wishes:
            point = point_of(place, At(wish.root, wish.steps)) if wish.root else Point(place, base, wish.steps)
            done.append(point is not None and self._put(trial, execution, point, wish.value, wish.absent))
        return any(done)

    def _put(self, trial: Trial, execution: Execution, point: Point, value: Json, absent: bool = False) -> bool:
        """Put a value where what stands at a point comes from: into a task's answer or the execution's input."""
        for place, stage, steps in _origins(execution, point):
            if place is None and stage == "input":
                trial.input = _placed(trial.input, steps, value, absent)
                return True
            if place is not None and stage == "result" and place.visit.name in self._targets:
                state = place.visit.state.state
                if isinstance(state, TaskState) and state.resource.startswith(_INVOKE):
                    if steps[:1] != ("Payload",):
                        continue
                    steps = steps[1:]
                self._answer(trial, execution, place, steps, value, absent)
                return True
        return False

    def _answer(
        self, trial: Trial, execution: Execution, place: Place, steps: tuple[str | int, ...], value: Json, absent: bool
    ) -> None:
        name = place.visit.name
        every = [each.visit for each in places(execution) if each.visit.name == name]
        number = next(index for index, visit in enumerate(every) if visit is place.visit)
        target = self._targets[name]
        answers = trial.answers.setdefault(target, [copy.deepcopy(self._blanks[target])])
        answers += [copy.deepcopy(answers[-1]) for _ in range(number + 1 - len(answers))]
        answers[number] = _placed(answers[number], steps, value, absent)


def _origins(execution: Execution, point: Point) -> Iterator[Point]:
    """Yield the points that what stands at a point comes from, the farthest first; also where nothing stands there."""
    place, stage, steps = point
    assert place is not None
    there = next((n for n in range(len(steps), 0, -1) if value_at(place.visit, stage, steps[:n]) is not MISSING), 0)
    # Lineage of what is missing tells who lost it; what is to be put there goes to where the object around it is made.
    for hop in reversed(back_from(execution, Point(place, stage, steps[:there] or steps)).hops):
        made, its_stage, its_steps = hop.point
        yield Point(made, its_stage, (*its_steps, *(steps[there:] if there else ())))


def _rank(execution: Execution) -> tuple[bool, int]:
    """Return what orders runs: those that end well first, short ones before long ones."""
    return execution.status != "SUCCEEDED", len(execution.log.events)


def _blanks(machine: StateMachine, targets: Mapping[str, str]) -> dict[str, Json]:
    """Return by target what it answers as long as nothing is known to be wanted of it."""
    return {
        targets[planned.name]: {} if planned.state.resource.startswith(_INVOKE) else smallest(planned.state.resource)
        for planned in machine.planned.states
        if isinstance(planned.state, TaskState)
    }


def _mocks(blanks: Mapping[str, Json], trial: Trial, calls: dict[str, list[Any]]) -> Mocks:
    mocks = Mocks()

    def answering(target: str) -> Any:
        def answer(_: Json) -> Json:
            given = calls.setdefault(target, [])
            answers = trial.answers.get(target, [blanks[target]])
            given.append(answers[min(len(given), len(answers) - 1)])
            answered: Json = copy.deepcopy(given[-1])
            return answered

        return answer

    for target in blanks:
        mocks.add(target, answering(target))
    return mocks


def _placed(value: Any, steps: tuple[str | int, ...], wanted: Json, absent: bool) -> Any:
    """Return a value with another at some steps below it; what is no object or list on the way becomes one."""
    if not steps:
        return value if absent else copy.deepcopy(wanted)
    first, *rest = steps
    if isinstance(first, int):
        made: Any = list(value) if isinstance(value, list) else []
        made += [{} for _ in range(first + 1 - len(made))]
        made[first] = _placed(made[first], tuple(rest), wanted, absent)
        return made
    made = dict(value) if isinstance(value, dict) else {}
    if absent and not rest:
        made.pop(first, None)
        return made
    made[first] = _placed(made.get(first), tuple(rest), wanted, absent)
    return made
