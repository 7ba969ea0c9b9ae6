"""The functions of JSONata that move data: what they give is, part for part, something that they were given.

A function here gives None where it leaves the case to the engine: then the outcome is made of all its arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from sfn_sim.query.jsonata_quick import truth
from sfn_sim.query.jsonata_trace import Evaluation, Lambda
from sfn_sim.query.jsonata_traced import (
    NOTHING,
    WRITTEN,
    Members,
    Parts,
    Traced,
    Unfollowable,
    lookup,
    order_of,
    plain,
    put_together,
)

Arguments: TypeAlias = Sequence[Traced]
Moving: TypeAlias = Callable[[Evaluation, Arguments], "Traced | None"]


def _listed(items: Sequence[Traced]) -> Traced:
    """Return a sequence: nothing of none, one value bare."""
    if not items:
        return NOTHING
    return items[0] if len(items) == 1 else put_together(items)


def _apply(evaluation: Evaluation, function: Traced, *given: Traced) -> Traced:
    count = len(function.value.parameters) if isinstance(function.value, Lambda) else 1
    return evaluation.call(function, given[:count])


def _holds(evaluation: Evaluation, function: Traced, *given: Traced) -> bool:
    told = _apply(evaluation, function, *given)
    if told.drawn:
        raise Unfollowable("a choice by what chance or the clock gave")
    evaluation.tests.append(told)
    return truth(plain(told.value))


def _index(number: int) -> Traced:
    return Traced(number, WRITTEN)


def _map(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, function = arguments
    if given.missing:
        return given
    items = (_apply(evaluation, function, item, _index(at), given) for at, item in enumerate(given.items()))
    return _listed([each for each in items if not each.missing])


def _filter(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, function = arguments
    if given.missing:
        return given
    every = enumerate(given.items())
    return _listed([item for at, item in every if _holds(evaluation, function, item, _index(at), given)])


def _single(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, *function = arguments
    if given.missing:
        return given
    every = enumerate(given.items())
    kept = [item for at, item in every if not function or _holds(evaluation, function[0], item, _index(at), given)]
    if len(kept) != 1:
        raise Unfollowable("$single of none or several")
    return kept[0]


def _each(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, function = arguments
    members = _members(given)
    found = [_apply(evaluation, function, value, Traced(name, WRITTEN), given) for name, value in members]
    return _listed([each for each in found if not each.missing])


def _sift(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, function = arguments
    kept: Members = {
        name: value
        for name, value in _members(given)
        if _holds(evaluation, function, value, Traced(name, WRITTEN), given)
    }
    return _object(kept) if kept else NOTHING


def _members(given: Traced) -> Iterable[tuple[str, Traced]]:
    if not isinstance(given.value, dict):
        raise Unfollowable("the members of what is no object")
    return given.members()


def _reduce(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, function, *first = arguments
    if given.missing:
        return given
    items = list(given.items())
    if first and not first[0].missing:
        items.insert(0, first[0])
    if not items:
        return NOTHING
    found = items[0]
    for at, item in enumerate(items[1:], 0 if first else 1):
        found = _apply(evaluation, function, found, item, _index(at), given)
    return found


def _sort(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
    given, *function = arguments
    if given.missing:
        return given

    def compare(left: Traced, right: Traced) -> int:
        if not function:
            return order_of(left, right)
        if _holds(evaluation, function[0], left, right):
            return 1
        return -1 if _holds(evaluation, function[0], right, left) else 0

    return put_together(sorted(given.items(), key=functools.cmp_to_key(compare)))


def _append(_: Evaluation, arguments: Arguments) -> Traced | None:
    left, right = arguments
    if left.missing or right.missing:
        return right if left.missing else left
    return put_together([*left.items(), *right.items()])


def _merge(_: Evaluation, arguments: Arguments) -> Traced | None:
    (given,) = arguments
    if given.missing:
        return given
    merged: Members = {}
    for item in given.items():
        if not isinstance(item.value, dict):
            raise Unfollowable("$merge of what is no object")
        merged.update(item.members())
    return _object(merged)


def _reverse(_: Evaluation, arguments: Arguments) -> Traced | None:
    (given,) = arguments
    return given if given.missing else put_together(list(given.items())[::-1])


def _distinct(_: Evaluation, arguments: Arguments) -> Traced | None:
    (given,) = arguments
    if not isinstance(given.value, list) or len(given.value) <= 1:
        return given
    kept: list[Traced] = []
    for item in given.items():
        if not any(_alike(item.value, each.value) for each in kept):
            kept.append(item)
    return _listed(kept) if given.sequence else put_together(kept)


def _alike(left: object, right: object) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _lookup(_: Evaluation, arguments: Arguments) -> Traced | None:
    given, name = arguments
    if name.drawn or not isinstance(name.value, str):
        return None
    return given if given.missing else lookup(given, name.value)


def _spread(_: Evaluation, arguments: Arguments) -> Traced | None:
    (given,) = arguments
    if isinstance(given.value, dict):
        return _listed([_object({name: value}) for name, value in given.members()])
    if not isinstance(given.value, list):
        return given
    found: list[Traced] = []
    for item in given.items():
        if isinstance(item.value, dict):
            found += [_object({name: value}) for name, value in item.members()]
        else:
            found += item.items()
    return put_together(found) if found else NOTHING


def _zip(_: Evaluation, arguments: Arguments) -> Traced | None:
    if any(each.missing for each in arguments):
        return Traced([], WRITTEN)
    rows = zip(*(each.items() for each in arguments), strict=False)
    return put_together([put_together(list(row)) for row in rows])


def _partition(_: Evaluation, arguments: Arguments) -> Traced | None:
    given, size = arguments
    step = size.value
    if not isinstance(given.value, list) or not isinstance(step, int) or step <= 0 or size.drawn or not given.value:
        return None
    items = list(given.items())
    return put_together([put_together(items[at : at + step]) for at in range(0, len(items), step)])


def _object(members: Members) -> Traced:
    return Traced({name: plain(each.value) for name, each in members.items()}, Parts(members))


def _checked(function: Moving, counts: tuple[int, ...]) -> Moving:
    def call(evaluation: Evaluation, arguments: Arguments) -> Traced | None:
        return function(evaluation, arguments) if len(arguments) in counts else None

    return call


MOVING: Mapping[str, Moving] = {
    "map": _checked(_map, (2,)),
    "filter": _checked(_filter, (2,)),
    "single": _checked(_single, (1, 2)),
    "each": _checked(_each, (2,)),
    "sift": _checked(_sift, (2,)),
    "reduce": _checked(_reduce, (2, 3)),
    "sort": _checked(_sort, (1, 2)),
    "append": _checked(_append, (2,)),
    "merge": _checked(_merge, (1,)),
    "reverse": _checked(_reverse, (1,)),
    "distinct": _checked(_distinct, (1,)),
    "lookup": _checked(_lookup, (2,)),
    "spread": _checked(_spread, (1,)),
    "zip": _checked(_zip, tuple(range(1, 9))),
    "partition": _checked(_partition, (2,)),
}
