"""Two definitions side by side, state by state.

With *same shape* two texts are equal that differ only in what a deployment puts in: what stands for a `${Name}`, and
an ARN's region, account, qualifier and the suffix that a deployment gave its resource's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sfn_sim.analysis.compare import Comparison, Difference, StateDifference, differences
from sfn_sim.payload import Json

_INNER = ("Iterator", "ItemProcessor")
# Fields whose values are names of states.
_NAMES = ("Next", "Default", "StartAt")
_PLACEHOLDER = re.compile(r"\$\{[A-Za-z0-9_.:-]+\}")
# Source: AWS General Reference, Amazon Resource Names.
_ARN = re.compile(r"arn:([\w-]*):([\w-]+):([\w-]*):(\d*):(.+)", re.DOTALL)
_SUFFIX = re.compile(r"-[0-9A-Za-z]+$")
_QUALIFIED = re.compile(r"^(function:[^:]+):[^:]+$")


def compare_machines(
    left: Json, right: Json, names: Mapping[str, str] | None = None, *, same_shape: bool = False
) -> Comparison:
    """Compare two definitions.

    Args:
        left: the one, as the value of its JSON.
        right: the other.
        names: for states whose names differ, the name on the right by that on the left.
        same_shape: whether what a deployment puts in counts as equal.
    """
    renamed = dict(names or {})
    ours, theirs = dict(_states(left, "", "", renamed)), dict(_states(right, "", "", {}))
    found = []
    for place, (shown, state) in ours.items():
        if place not in theirs:
            found.append(StateDifference(shown, "only on the left", ()))
        else:
            found += _fields(shown, state, theirs[place][1], renamed, same_shape=same_shape)
    found += [StateDifference(place, "only on the right", ()) for place in theirs if place not in ours]
    ends = [each for each in differences(_own(left, renamed), _own(right, {})) if _counts(each, same_shape=same_shape)]
    return Comparison(found, ends, len(ours))


def _states(
    graph: Json, label: str, own: str, names: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, dict[str, Json]]]]:
    """Yield every state by its place under the names of the right side, with its place under its own and its fields."""
    states = graph.get("States") if isinstance(graph, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if not isinstance(state, dict):
            continue
        place, shown = f"{label}{names.get(name, name)}", f"{own}{name}"
        yield place, (shown, state)
        for key in _INNER:
            yield from _states(state.get(key), f"{place}.", f"{shown}.", names)
        branches = state.get("Branches")
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            yield from _states(branch, f"{place}[{index}].", f"{shown}[{index}].", names)


def _fields(
    place: str, left: dict[str, Json], right: dict[str, Json], names: Mapping[str, str], *, same_shape: bool
) -> Iterator[StateDifference]:
    ours, theirs = _without_inner(left, names), _without_inner(right, {})
    for key in dict.fromkeys((*ours, *theirs)):
        one = {key: ours[key]} if key in ours else {}
        other = {key: theirs[key]} if key in theirs else {}
        listed = tuple(each for each in differences(one, other) if _counts(each, same_shape=same_shape))
        if listed:
            yield StateDifference(place, key, listed)


def _without_inner(state: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    """Return a state's fields without the states inside it, whose places are compared by themselves."""
    found: dict[str, Json] = {}
    for key, value in state.items():
        if key in _INNER:
            # The older name means the same.
            found["ItemProcessor"] = _own(value, names)
        elif key == "Branches" and isinstance(value, list):
            found[key] = [_own(each, names) for each in value]
        else:
            found[key] = _renamed(value, names, key)
    return found


def _own(graph: Json, names: Mapping[str, str]) -> Json:
    if not isinstance(graph, dict):
        return graph
    return {key: _renamed(value, names, key) for key, value in graph.items() if key != "States"}


def _renamed(value: Json, names: Mapping[str, str], key: str) -> Json:
    if isinstance(value, str):
        return names.get(value, value) if key in _NAMES else value
    if key in ("Choices", "Catch") and isinstance(value, list):
        return [
            {inner: _renamed(each, names, inner) for inner, each in rule.items()} if isinstance(rule, dict) else rule
            for rule in value
        ]
    return value


def _counts(found: Difference, *, same_shape: bool) -> bool:
    left, right = found.left, found.right
    if same_shape and isinstance(left, str) and isinstance(right, str):
        return not (have_one_shape(left, right) or have_one_shape(right, left))
    if same_shape and (isinstance(left, str) or isinstance(right, str)):
        # A number that stands for the whole of a "${Name}".
        text = left if isinstance(left, str) else right
        return not (isinstance(text, str) and _PLACEHOLDER.fullmatch(text))
    return True


def have_one_shape(left: str, right: str) -> bool:
    """Tell whether two texts differ only in what a deployment puts in; `${Name}` is filled on the left."""
    if _PLACEHOLDER.search(left):
        parts = _PLACEHOLDER.split(left)
        if re.fullmatch(".*".join(map(re.escape, parts)), right, re.DOTALL):
            return True
    ours, theirs = _ARN.fullmatch(left), _ARN.fullmatch(right)
    if ours is None or theirs is None or ours[2] != theirs[2]:
        return False
    one, other = (_QUALIFIED.sub(r"\1", each[5]) for each in (ours, theirs))
    if _PLACEHOLDER.search(one):
        return re.fullmatch(".*".join(map(re.escape, _PLACEHOLDER.split(one))), other, re.DOTALL) is not None
    short, long = sorted((one, other), key=len)
    return one == other or _SUFFIX.sub("", long) == short or _SUFFIX.sub("", one) == _SUFFIX.sub("", other)
