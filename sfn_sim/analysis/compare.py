"""Two runs or two definitions side by side, state by state.

Visits are matched by their place among branches and Map items, and by how often that place had been entered before:
neither the ids of events nor the order in which branches took turns plays a part.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sfn_sim.payload import Json, dumps
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

_SHOWN = 120


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
        field: the stage, the field, or what else of it: "entered", "retries", "error", "next".
        differences: the values.
        visit: how often the state had been entered before, for runs.
        events: the ids of the StateEntered events, for runs; 0 where a side never entered the state.
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
    """

    states: Sequence[StateDifference]
    ends: Sequence[Difference] = ()
    compared: int = 0
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
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield Difference(pointer, left, right)


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
    found: list[StateDifference] = []
    theirs = dict(_by_place(right.log.visits, {}))
    ours = dict(_by_place(left.log.visits[since:], names or {}))
    for key, visit in ours.items():
        other = theirs.get(key)
        if other is None:
            gone = Difference("", visit.input, NOTHING)
            found.append(StateDifference(visit.path, "entered", (gone,), key[1], (visit.entered_event, 0)))
        else:
            found += _visit_differences(visit, other, key[1], leaving_out)
    for key, visit in theirs.items():
        if key not in ours:
            new = Difference("", NOTHING, visit.input)
            found.append(StateDifference(visit.path, "entered", (new,), key[1], (0, visit.entered_event)))
    # In the order in which things happened on the right: there the first difference is where the runs part.
    both = sorted((visit.entered_event, theirs[key].entered_event) for key, visit in ours.items() if key in theirs)
    found.sort(key=lambda each: _when(each, both))
    return Comparison(found, list(_ends(left, right, leaving_out)), len(ours))


def _counts(found: Difference, leaving_out: frozenset[str]) -> bool:
    return not leaving_out or leaving_out.isdisjoint(found.pointer.split("/"))


def _when(found: StateDifference, both: Sequence[tuple[int, int]]) -> tuple[int, int]:
    left, right = found.events
    if right:
        return right, 1
    # What only the left run entered comes after the last state before it that both entered.
    at = bisect_left(both, (left, 0))
    return (both[at - 1][1] if at else 0), 2


def _by_place(visits: Sequence[Visit], names: Mapping[str, str]) -> Iterator[tuple[tuple[str, int], Visit]]:
    counts: dict[str, int] = {}
    for visit in visits:
        place = _renamed(visit, names) if names else visit.path
        number = counts[place] = counts.get(place, -1) + 1
        yield (place, number), visit


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
    left: Visit, right: Visit, number: int, leaving_out: frozenset[str]
) -> list[StateDifference]:
    events = (left.entered_event, right.entered_event)
    found = []

    def add(name: str, ours: Json, theirs: Json) -> None:
        if listed := tuple(each for each in differences(ours, theirs) if _counts(each, leaving_out)):
            found.append(StateDifference(left.path, name, listed, number, events))

    stages = dict(right.stages)
    mine = dict(left.stages)
    for name, value in left.stages:
        if name in stages and value is mine[name]:
            add(name, value, stages[name])
    add("error", _error(left), _error(right))
    if left.error == right.error:
        add("stages", list(dict.fromkeys(n for n, _ in left.stages)), list(dict.fromkeys(n for n, _ in right.stages)))
    add("retries", list(left.retry_delays_ms), list(right.retry_delays_ms))
    if left.left and right.left:
        if not ("output" in mine and "output" in stages):  # JSONata's Output is a stage, and told as one
            add("output", left.output, right.output)
        add("assigned", dict(left.assigned or {}), dict(right.assigned or {}))
    return found


def _error(visit: Visit) -> Json:
    name, cause = visit.error or (None, None)
    return {key: text for key, text in (("error", name), ("cause", cause)) if text is not None}


def _ends(left: Execution, right: Execution, leaving_out: frozenset[str]) -> Iterator[Difference]:
    for name in ("status", "error", "cause"):
        if getattr(left, name) != getattr(right, name):
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
        return [f"no difference between {left} and {right} ({comparison.compared:,} states compared)"]
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
    return found


def _title(found: StateDifference) -> str:
    if found.field == "entered":
        return f"only on the {'right' if isinstance(found.differences[0].left, _Nothing) else 'left'}"
    return found.field
