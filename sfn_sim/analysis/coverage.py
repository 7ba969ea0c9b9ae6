"""What a set of runs has taken of a machine: states, transitions, Choice branches, catchers and retriers.

What was never taken is named as the definition names it. Which Choice rule, catcher or retrier it was is worked out
from the log: by where the state went, by the error, and by the rules themselves where two lead to one state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sfn_sim.analysis.lineage.choice import taken
from sfn_sim.analysis.lineage.places import Place, places
from sfn_sim.definition.model import ChoiceState
from sfn_sim.definition.plan import PlannedMachine, PlannedState
from sfn_sim.errors import error_matches
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Event, Log

KINDS = ("states", "transitions", "choices", "catchers", "retriers")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that runs may take.

    Attributes:
        kind: one of KINDS.
        state: the state that it belongs to; `name` what it is called, such as "Poll Catch[0] → Failed".
        name: what it is called.
        pointer: its place in the definition.
    """

    kind: str
    state: str
    name: str
    pointer: str


@dataclass(slots=True)
class Coverage:
    """How often each thing of a machine was taken.

    Attributes:
        machine: the machine's name; `runs` how many runs were counted.
        taken: how often each was; what was never taken has 0.
    """

    machine: str
    runs: int = 0
    taken: dict[Item, int] = field(default_factory=dict)

    def counts(self, kind: str = "") -> tuple[int, int]:
        """Return how many things of a kind (of all kinds) were taken, and how many there are."""
        every = [count for item, count in self.taken.items() if kind in ("", item.kind)]
        return sum(1 for count in every if count), len(every)

    @property
    def percent(self) -> float:
        """How much of everything was taken, in percent; 100 of nothing."""
        taken, total = self.counts()
        return 100 * taken / total if total else 100.0

    def never(self) -> list[Item]:
        """Return what was never taken, in order of the definition."""
        return [item for item, count in self.taken.items() if not count]

    def to_json(self) -> dict[str, Json]:
        """Return the coverage as `--json` prints it."""
        kinds: dict[str, Json] = {}
        for kind in KINDS:
            taken, total = self.counts(kind)
            kinds[kind] = {"taken": taken, "total": total}
        return {
            "machine": self.machine,
            "runs": self.runs,
            "percent": round(self.percent, 2),
            "kinds": kinds,
            "never": [
                {"kind": item.kind, "state": item.state, "name": item.name, "pointer": item.pointer}
                for item in self.never()
            ],
            "taken": [
                {"kind": item.kind, "state": item.state, "name": item.name, "count": count}
                for item, count in self.taken.items()
                if count
            ],
        }


def coverage(machine: PlannedMachine, name: str, executions: Sequence[Execution]) -> Coverage:
    """Return what executions of a machine have taken of it.

    Args:
        machine: the machine; `name` its name.
        name: the machine's name.
        executions: its runs; of each distributed Map the states of all children count, and what else its kept children
            took.
    """
    found = Coverage(name, len(executions), {item: 0 for state in machine.states for item in _items(state)})
    counts: Counter[tuple[str, str]] = Counter()
    for execution in executions:
        counts.update(_taken(execution))
    for item in found.taken:
        found.taken[item] = counts[(item.kind, item.name)]
    return found


def _items(planned: PlannedState) -> Iterator[Item]:
    state = planned.state
    name, pointer = planned.name, state.pointer
    yield Item("states", name, name, pointer)
    targets: dict[str, str] = {}
    if isinstance(state, ChoiceState):
        for index, choice in enumerate(state.choices):
            targets.setdefault(choice.next, f"{pointer}/Choices/{index}")
            yield Item("choices", name, _choice(name, index, choice.next), f"{pointer}/Choices/{index}")
        if state.default is not None:
            targets.setdefault(state.default, f"{pointer}/Default")
            yield Item("choices", name, f"{name} Default → {state.default}", f"{pointer}/Default")
    elif planned.next is not None:
        targets[planned.next] = f"{pointer}/Next"
    for index, each in enumerate(planned.catchers):
        targets.setdefault(each.catcher.next, each.catcher.pointer)
        yield Item("catchers", name, _catcher(planned, index), each.catcher.pointer)
    for index, retrier in enumerate(planned.retriers):
        yield Item("retriers", name, _retrier(planned, index), retrier.pointer)
    for target, place in targets.items():
        yield Item("transitions", name, f"{name} → {target}", place)


def _choice(name: str, index: int, target: str) -> str:
    return f"{name} Choices[{index}] → {target}"


def _catcher(planned: PlannedState, index: int) -> str:
    catcher = planned.catchers[index].catcher
    return f"{planned.name} Catch[{index}] ({', '.join(catcher.error_equals)}) → {catcher.next}"


def _retrier(planned: PlannedState, index: int) -> str:
    return f"{planned.name} Retry[{index}] ({', '.join(planned.retriers[index].error_equals)})"


def _taken(execution: Execution) -> Iterator[tuple[str, str]]:
    after: dict[tuple[int, int], str] = {}
    every = list(places(execution))
    for place in every:
        visit = place.visit
        if visit.previous >= 0 and place.log.visits[visit.previous].branch is visit.branch:
            after[(id(place.log), visit.previous)] = visit.name
    kept: Counter[str] = Counter()
    for place in every:
        visit, planned = place.visit, place.visit.state
        kept[planned.name] += 1
        yield "states", planned.name
        target = after.get((id(place.log), visit.index))
        if target is not None:
            yield "transitions", f"{planned.name} → {target}"
            if isinstance(planned.state, ChoiceState):
                yield "choices", _branch(execution, place, target)
        if visit.caught and visit.error is not None:
            index = _first(visit.error[0], [each.catcher.error_equals for each in planned.catchers])
            if index is not None:
                yield "catchers", _catcher(planned, index)
        for index in _retried(place.log, place):
            yield "retriers", _retrier(planned, index)
    for run in execution.map_runs:
        for totals in run.totals.values():
            for _ in range(max(0, totals.visits - kept[totals.state.name])):
                yield "states", totals.state.name


def _branch(execution: Execution, place: Place, target: str) -> str:
    """Return which branch of a Choice led to a state."""
    planned = place.visit.state
    state = planned.state
    assert isinstance(state, ChoiceState)
    name = planned.name
    index = taken(execution, place, target)
    return f"{name} Default → {target}" if index is None else _choice(name, index, target)


def _first(error: str | None, named: Sequence[Sequence[str]]) -> int | None:
    return next((index for index, names in enumerate(named) if error_matches(error, names)), None)


def _retried(log: Log, place: Place) -> Iterator[int]:
    """Yield the retriers that took an error of a visit, once each."""
    visit = place.visit
    if not visit.retry_delays_ms:
        return
    named = [each.error_equals for each in visit.state.retriers]
    if len(named) == 1:
        yield 0
        return
    errors = _errors(log.events, visit.entered_event) or ([visit.error[0]] if visit.error else [])
    errors = [*errors[: len(visit.retry_delays_ms)]]
    found = {index for each in errors if (index := _first(each, named)) is not None}
    yield from sorted(found)


def _errors(events: Sequence[Event], entered: int) -> list[str | None]:
    """Return the errors of what a state called, in order: those of the events that hang on its entry."""
    chain = {entered}
    errors: list[str | None] = []
    for number, previous, _, kind, details in events[entered:]:
        if previous not in chain:
            continue
        if kind.endswith("StateExited"):
            break
        chain.add(number)
        if kind.endswith(("Failed", "TimedOut")) and len(details) >= 2:
            errors.append(details[-2])
    return errors
