"""Where a call of a run is made: at a state's place, in the run itself or in a child of one of its Map Runs.

Ids of executions and the numbers of visits are a run's own. A place names the same call in another run of the machine,
or of an edited one: a child by its Map's place, how often that had been entered before, the Map's attempt, and its
number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

from sfn_sim.run.child import Child
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log
from sfn_sim.run.map_run import MapRun

_FEWEST = 1_000


class Step(NamedTuple):
    """A child of a Map Run: the Map's place, the how-manieth visit of it, the Map's attempt, and the child's number."""

    path: str
    visit: int
    attempt: int
    child: int


Way: TypeAlias = "tuple[Step, ...]"
"""The children that lead to an execution, the outermost first; empty for the run's own execution."""


class Place(NamedTuple):
    """Where a call is made: the way to its execution, the state's place, the how-manieth visit of it, the attempt."""

    way: Way
    path: str
    visit: int
    attempt: int

    def __str__(self) -> str:
        return f"{way_text(self.way)}{self.path}{_numbered(self.visit, self.attempt)}"


def way_text(way: Way, *, numbers: bool = True) -> str:
    """Return the way to a child as a person writes it, such as "Each[3]."; empty for the run's own execution."""
    return "".join(
        f"{each.path}{_numbered(each.visit, each.attempt)}[{each.child if numbers else '…'}]." for each in way
    )


def _numbered(visit: int, attempt: int) -> str:
    visits = f", visit {visit + 1}" if visit else ""
    return f"{visits}{f', attempt {attempt + 1}' if attempt else ''}"


class Visits:
    """Counts, for the visits of a log that may still grow, how often their places had been entered before."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._numbers: list[int] = []
        self._counts: dict[str, int] = {}

    def number(self, index: int) -> int:
        """Return how often the place of a visit had been entered before."""
        for visit in self._log.visits[len(self._numbers) : index + 1]:
            number = self._counts[visit.path] = self._counts.get(visit.path, -1) + 1
            self._numbers.append(number)
        return self._numbers[index]


def way_to(log: Log, visits: Visits, run: MapRun) -> Callable[[int], Step]:
    """Return what gives the step to a child of a Map Run of a log."""
    attempt = [id(each) for each in log.map_runs if each.visit == run.visit].index(id(run))
    return partial(Step, run.path, visits.number(run.visit), attempt)


def kept_executions(execution: Execution, way: Way = ()) -> Iterator[tuple[Way, Execution]]:
    """Yield a run's own execution and the children that it kept, at any depth, each with the way to it."""
    yield way, execution
    visits = Visits(execution.log)
    for run in execution.map_runs:
        step = way_to(execution.log, visits, run)
        for index, child in sorted(run.children.items()):
            yield from kept_executions(child.execution(), (*way, step(index)))


class _Known:
    """An execution of a run under way."""

    __slots__ = ("child", "log", "open", "seen", "visits", "way")

    def __init__(self, way: Way, log: Log, child: Child | None) -> None:
        self.way = way
        self.log = log
        self.child = child
        self.visits = Visits(log)
        self.open: list[tuple[MapRun, Callable[[int], Step], int]] = []
        self.seen = 0

    @property
    def is_over(self) -> bool:
        return self.child is not None and self.child.status != "RUNNING"


class Whereabouts:
    """Finds the executions of a run under way by their names: its own, and the children of its Map Runs.

    Of the children that have ended it soon forgets, so that what it remembers does not grow with the items.
    """

    def __init__(self, execution: Execution) -> None:
        own = _Known((), execution.log, None)
        self._known: dict[str, _Known] = {execution.identity.name: own}
        self._around = [own]
        self._enough = _FEWEST

    def place(self, identity: tuple[str | int, ...]) -> Place:
        """Return the place of a call or of a wait, by what names it: execution, path, visit and attempt."""
        name, path, visit, attempt = identity
        if str(name) not in self._known:
            self._look([each for each in self._around if not each.is_over])
        if str(name) not in self._known:
            # In a child whose first Map Run this is: few machines have such, and a Map Run may have many children.
            self._look([each for each in self._known.values() if not each.is_over])
        known = self._known[str(name)]
        return Place(known.way, str(path), known.visits.number(int(visit)), int(attempt))

    def _look(self, waiting: list[_Known]) -> None:
        """Take note of the children of some executions that have been started since, and of theirs."""
        while waiting:
            known = waiting.pop()
            waiting += [self._know(child, way) for child, way in _new(known)]
            if known.seen and known not in self._around:
                self._around = [*(each for each in self._around if not each.is_over), known]
        if len(self._known) > self._enough:
            self._known = {name: each for name, each in self._known.items() if not each.is_over}
            self._enough = max(_FEWEST, 2 * len(self._known))

    def _know(self, child: Child, way: Way) -> _Known:
        known = self._known[child.identity.name] = _Known(way, child.log, child)
        return known


def _new(known: _Known) -> Iterator[tuple[Child, Way]]:
    runs = known.log.map_runs
    known.open += [(run, way_to(known.log, known.visits, run), -1) for run in runs[known.seen :]]
    known.seen = len(runs)
    still = []
    for run, step, last in known.open:
        highest = last
        # The newest stand at the end; those before one that is known are known, or gone.
        for index in reversed(run.children):
            if index <= last:
                break
            highest = max(highest, index)
            yield run.children[index], (*known.way, step(index))
        if run.status == "RUNNING":
            still.append((run, step, highest))
    known.open = still
