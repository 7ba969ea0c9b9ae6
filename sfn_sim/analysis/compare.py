"""Two runs or two definitions side by side, state by state.

Visits are matched by their place among branches and Map items, and by how often that place had been entered before:
neither the ids of events nor the order in which branches took turns plays a part.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sfn_sim.analysis.kept import is_imported, started
from sfn_sim.payload import Json, dumps
from sfn_sim.run.child import Child
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Branch, Log, Visit
from sfn_sim.run.map_run import KEPT_MOST, MapRun

_SHOWN = 120
_ENTERED = "(entered at the event id #"
_EVENT_ID = re.compile(re.escape(_ENTERED) + r"\d+")


class _Nothing:
    """What stands where a value is missing."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()
Side: TypeAlias = "Json | _Nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs: its JSON pointer, and what each side has there."""

    pointer: str
    left: Side
    right: Side

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it; a side that has nothing there lacks its key."""
        sides = (("left", self.left), ("right", self.right))
        return {"pointer": self.pointer, **{name: each for name, each in sides if not isinstance(each, _Nothing)}}

    def __str__(self) -> str:
        return f"{self.pointer or '(the whole)'}: {shown(self.left)} | {shown(self.right)}"


@dataclass(frozen=True, slots=True)
class StateDifference:
    """What differs in one state.

    Attributes:
        place: its place in the left run or definition, or in the right one where the left has none.
        field: the stage, the field, or what else of it: "entered", "retries", "error", "next"; of a Map Run "children",
            how many ended how, and of a child of it "ended".
        differences: the values.
        visit: how often the state had been entered before, for runs.
        events: the ids of the StateEntered events, for runs (a child's in its own history); 0 where a side never
            entered the state.
    """

    place: str
    field: str
    differences: Sequence[Difference]
    visit: int = 0
    events: tuple[int, int] = (0, 0)

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it."""
        return {
            "state": self.place,
            "visit": self.visit,
            "events": list(self.events),
            "field": self.field,
            "differences": [each.to_json() for each in self.differences],
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two runs or definitions, in the order of the left one.

    `ends` are differences in how they end: status, error, cause, output; for definitions, fields of the machine.
    `notes` tell what could not be compared.
    """

    states: Sequence[StateDifference]
    ends: Sequence[Difference] = ()
    compared: int = 0
    notes: Sequence[str] = ()
    same: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "same", not self.states and not self.ends)

    def to_json(self) -> dict[str, Json]:
        """Return the comparison as `--json` prints it."""
        return {
            "schema": 1,
            "same": self.same,
            "compared": self.compared,
            "states": [each.to_json() for each in self.states],
            "ends": [each.to_json() for each in self.ends],
            "notes": list(self.notes),
        }


def differences(left: Json, right: Json, pointer: str = "") -> Iterator[Difference]:
    """Return every place at which two values differ, outermost first."""
    if left is right:
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            inner = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in right:
                yield Difference(inner, left[key], NOTHING)
            elif key not in left:
                yield Difference(inner, NOTHING, right[key])
            else:
                yield from differences(left[key], right[key], inner)
    elif isinstance(left, list) and isinstance(right, list):
        for index in range(max(len(left), len(right))):
            inner = f"{pointer}/{index}"
            if index >= len(right):
                yield Difference(inner, left[index], NOTHING)
            elif index >= len(left):
                yield Difference(inner, NOTHING, right[index])
            else:
                yield from differences(left[index], right[index], inner)
    elif not _same(left, right):
        yield Difference(pointer, left, right)


def _same(left: Json, right: Json) -> bool:
    """Tell whether two scalars are equal; of a cause, which event the state was entered at does not count."""
    if left == right:
        return isinstance(left, bool) == isinstance(right, bool)
    if isinstance(left, str) and isinstance(right, str):
        return _ENTERED in left and _EVENT_ID.sub(_ENTERED, left) == _EVENT_ID.sub(_ENTERED, right)
    return False


def compare_runs(
    left: Execution,
    right: Execution,
    names: Mapping[str, str] | None = None,
    since: int = 0,
    leaving_out: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare two runs.

    Args:
        left: the one.
        right: the other.
        names: for states whose names differ, the name in the right run by that in the left.
        since: index of the visit of the left run with which the comparison begins.
        leaving_out: keys below which nothing counts as a difference.
    """
    runs = _Runs(names or {}, leaving_out)
    found = runs.logs(left.log, right.log, since, "")
    return Comparison(found, list(_ends(left, right, leaving_out)), runs.compared, runs.notes)


def _counts(found: Difference, leaving_out: frozenset[str]) -> bool:
    return not leaving_out or leaving_out.isdisjoint(found.pointer.split("/"))


# What a Map or Parallel has before its items and branches begin.
_BEFORE = frozenset((
    "entered", "input", "afterInputPath", "afterParameters", "afterArguments", "afterItemsPath", "afterItems",
))  # fmt: skip
_When: TypeAlias = "tuple[int, int, int]"
_MapRuns: TypeAlias = "dict[tuple[str, int, int], MapRun]"


class _Runs:
    """Compares logs: those of two runs, and below them those of the children of their Map Runs."""

    def __init__(self, names: Mapping[str, str], leaving_out: frozenset[str]) -> None:
        self._names = names
        self._leaving_out = leaving_out
        self.compared = 0
        self.notes: list[str] = []

    def logs(self, left: Log, right: Log, since: int, lead: str) -> list[StateDifference]:
        """Return what differs, in the order in which it happened on the right: there the runs part first.

        Args:
            left: the one.
            right: the other.
            since: index of the visit of the left log with which the comparison begins.
            lead: the place of the child whose logs they are, such as "Each[3]."; empty for the runs' own.
        """
        ours, theirs = _by_place(left.visits[since:], self._names), _by_place(right.visits, {})
        both = sorted((visit.entered_event, theirs[key].entered_event) for key, visit in ours.items() if key in theirs)
        inner = _last_inside(right)
        found: list[tuple[_When, StateDifference]] = []
        for key, visit in ours.items():
            other = theirs.get(key)
            if other is None:
                gone = Difference("", visit.input, NOTHING)
                # What only the left run entered comes after the last state before it that both entered.
                at = bisect_left(both, (visit.entered_event, 0))
                each = StateDifference(lead + visit.path, "entered", (gone,), key[1], (visit.entered_event, 0))
                found.append(((both[at - 1][1] if at else 0, 2, 0), each))
                continue
            late = (inner.get(other.index, other.entered_event), 3, 0)
            for each in _visit_differences(visit, other, lead, key[1], self._leaving_out):
                is_late = other.state.graphs and each.field not in _BEFORE
                found.append((late if is_late else (other.entered_event, 1, 0), each))
        for key, visit in theirs.items():
            if key not in ours:
                new = Difference("", NOTHING, visit.input)
                each = StateDifference(lead + visit.path, "entered", (new,), key[1], (0, visit.entered_event))
                found.append(((visit.entered_event, 1, 0), each))
        self.compared += len(ours)
        self._map_runs((left, _map_runs(left, ours)), (right, _map_runs(right, theirs)), lead, found)
        return [each for _, each in sorted(found, key=lambda pair: pair[0])]

    def _map_runs(
        self, left: tuple[Log, _MapRuns], right: tuple[Log, _MapRuns], lead: str,
        found: list[tuple[_When, StateDifference]],
    ) -> None:  # fmt: skip
        for key, ours in left[1].items():
            theirs = right[1].get(key)
            if theirs is not None:
                event = right[0].visits[theirs.visit].entered_event
                differing = self._children(ours, theirs, lead + ours.path, key[1])
                found += [((event, 1, number), each) for number, each in enumerate(differing, 1)]

    def _children(self, left: MapRun, right: MapRun, path: str, visit: int) -> Iterator[StateDifference]:
        """Yield what differs in two runs of a distributed Map, child by child."""
        every = sorted({*left.children, *right.children})
        together = 0
        for index in every:
            ours, theirs = left.children.get(index), right.children.get(index)
            if ours is not None and theirs is not None:
                together += 1
                yield from self._child(ours, theirs, f"{path}[{index}]")
            elif not is_imported(left) and not is_imported(right):
                yield from _only_one(index, ours or theirs, left, right, f"{path}[{index}]")
        if is_imported(left) or is_imported(right):
            self.notes.append(f"not compared: children of {path} that an imported history does not have")
            return
        most = max(started(left), started(right))
        if together < most:
            self.notes.append(
                f"not compared: {most - together:,} of the {most:,} children of {path}, which are not in both records"
            )
        ended = [{name.lower(): count for name, count in run.executions.items() if count} for run in (left, right)]
        if differing := tuple(differences(dict(sorted(ended[0].items())), dict(sorted(ended[1].items())))):
            yield StateDifference(path, "children", differing, visit)

    def _child(self, left: Child, right: Child, place: str) -> Iterator[StateDifference]:
        found = self.logs(left.log, right.log, 0, f"{place}.")
        yield from found
        if found:
            return
        sides: list[Json] = [
            {"status": each.status, "error": each.error, "cause": each.cause} for each in (left, right)
        ]
        if differing := tuple(differences(sides[0], sides[1])):
            yield StateDifference(place, "ended", differing)


def _only_one(
    index: int, child: Child | None, left: MapRun, right: MapRun, place: str
) -> Iterator[StateDifference]:
    """Yield what is known of a child that one record alone has: of the other, that it went well there, or was not."""
    assert child is not None
    is_left = index in left.children
    other = right if is_left else left
    there: Side = NOTHING
    if index < started(other):
        if child.status == "SUCCEEDED" or other.failures() > KEPT_MOST:
            return
        there = "SUCCEEDED"
    sides: tuple[Side, Side] = (child.status, there) if is_left else (there, child.status)
    yield StateDifference(place, "ended", (Difference("/status", *sides),))


def _map_runs(log: Log, places: Mapping[tuple[str, int], Visit]) -> _MapRuns:
    """Return the Map Runs of a log by their Map's place, the how-manieth visit of it, and its attempt."""
    keys = {visit.index: key for key, visit in places.items()}
    attempts: Counter[int] = Counter()
    found: _MapRuns = {}
    for run in log.map_runs:
        if run.visit in keys:
            found[(*keys[run.visit], attempts[run.visit])] = run
            attempts[run.visit] += 1
    return found


def _last_inside(log: Log) -> dict[int, int]:
    """Return the event of the last state that was entered inside each Map and Parallel, by the index of its visit."""
    owners: dict[Branch, int] = {}
    last: dict[int, int] = {}
    for visit in log.visits:
        branch = visit.branch
        if branch.outer is not None:
            owners.setdefault(branch, visit.previous)
        while branch in owners:
            last[owners[branch]] = visit.entered_event
            branch = log.visits[owners[branch]].branch
    return last


def _by_place(visits: Sequence[Visit], names: Mapping[str, str]) -> dict[tuple[str, int], Visit]:
    counts: dict[str, int] = {}
    found = {}
    for visit in visits:
        place = _renamed(visit, names) if names else visit.path
        number = counts[place] = counts.get(place, -1) + 1
        found[place, number] = visit
    return found


def _renamed(visit: Visit, names: Mapping[str, str]) -> str:
    """Return a visit's place under the names of the other run."""
    place = names.get(visit.name, visit.name)
    label, branch = visit.branch.label, visit.branch.outer
    while label:
        # "Outer[1].Inner[2]." : what is before the last index is the place of the state that the branch belongs to.
        outer, _, index = label[:-1].rpartition("[")
        label = branch.label if branch is not None else ""
        name = outer[len(label) :]
        place = f"{names.get(name, name)}[{index}.{place}"
        branch = branch.outer if branch is not None else None
    return place


def _visit_differences(
    left: Visit, right: Visit, lead: str, number: int, leaving_out: frozenset[str]
) -> list[StateDifference]:
    events = (left.entered_event, right.entered_event)
    found = []

    def add(name: str, ours: Json, theirs: Json) -> None:
        if listed := tuple(each for each in differences(ours, theirs) if _counts(each, leaving_out)):
            found.append(StateDifference(lead + left.path, name, listed, number, events))

    stages = dict(right.stages)
    mine = dict(left.stages)
    for name, value in left.stages:
        if name in stages and value is mine[name]:
            add(name, value, stages[name])
    add("error", _error(left), _error(right))
    if not any(differences(_error(left), _error(right))):
        add("stages", list(dict.fromkeys(n for n, _ in left.stages)), list(dict.fromkeys(n for n, _ in right.stages)))
    add("retries", list(left.retry_delays_ms), list(right.retry_delays_ms))
    if left.left and right.left:
        if not ("output" in mine and "output" in stages):  # JSONata's Output is a stage, and told as one
            add("output", left.output, right.output)
        if not ("variables" in mine and "variables" in stages):
            add("assigned", dict(left.assigned or {}), dict(right.assigned or {}))
    return found


def _error(visit: Visit) -> Json:
    name, cause = visit.error or (None, None)
    return {key: text for key, text in (("error", name), ("cause", cause)) if text is not None}


def _ends(left: Execution, right: Execution, leaving_out: frozenset[str]) -> Iterator[Difference]:
    for name in ("status", "error", "cause"):
        if not _same(getattr(left, name), getattr(right, name)):
            yield Difference(f"/{name}", getattr(left, name), getattr(right, name))
    if left.status == right.status == "SUCCEEDED":
        found = differences(left.output, right.output, "/output")
        yield from (each for each in found if _counts(each, leaving_out))


def shown(value: Side) -> str:
    """Return a value for a line of text, cut off where it is long."""
    if isinstance(value, _Nothing):
        return "nothing"
    text = dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def lines(comparison: Comparison, left: str, right: str, most: int = 40) -> list[str]:
    """Return a comparison as text; `left` and `right` name its sides, `most` is how many differences are written."""
    if comparison.same:
        return [
            f"no difference between {left} and {right} ({comparison.compared:,} states compared)", *comparison.notes
        ]
    found = [f"left: {left}", f"right: {right}"]
    for each in comparison.states[:most]:
        visit = f" (visit {each.visit + 1})" if each.visit else ""
        events = f"  events {each.events[0]} | {each.events[1]}" if any(each.events) else ""
        found.append(f"{each.place}{visit}  {_title(each)}{events}")
        found += [f"    {one}" for one in each.differences[:5]]
        if len(each.differences) > 5:
            found.append(f"    and {len(each.differences) - 5:,} more in it")
    if len(comparison.states) > most:
        found.append(f"and {len(comparison.states) - most:,} more")
    found += [f"{each}" for each in comparison.ends]
    return [*found, *comparison.notes]


def _title(found: StateDifference) -> str:
    if found.field == "entered":
        return f"only on the {'right' if isinstance(found.differences[0].left, _Nothing) else 'left'}"
    return found.field
