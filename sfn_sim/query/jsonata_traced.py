"""Values that know where they came from: what the traced evaluation of JSONata computes with.

An origin is one of four: a place in what the expression reads (`At`), the expression's own text (`WRITTEN`),
something computed of other values (`Made`), or parts put together, each with an origin of its own (`Parts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from sfn_sim.payload import Json
from sfn_sim.query.jsonata_errors import UNDEFINED, Undefined

Steps: TypeAlias = "tuple[str | int, ...]"
_FEW = 4
_KNOWN = """
    abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl
    decodeUrlComponent distinct each encodeUrl encodeUrlComponent error exists filter floor formatBase formatInteger
    formatNumber fromMillis hash join keys length lookup lowercase map match max merge millis min not now number pad
    parse parseInteger partition power random range reduce replace reverse round shuffle sift single sort split
    spread sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase uuid zip
"""
FUNCTIONS = frozenset(_KNOWN.split())
"""The names of JSONata's own functions and of AWS's."""


class Unfollowable(Exception):
    """A part of an expression whose value cannot be followed; the message names it."""


@dataclass(frozen=True, slots=True)
class At:
    """A place in what an expression reads.

    Attributes:
        root: a field of `$states` (input, result, errorOutput, context), or a variable with its `$`.
        steps: the names and indices below it.
    """

    root: str
    steps: Steps = ()

    @property
    def text(self) -> str:
        """The place as JSONata writes it."""
        root = self.root if self.root.startswith("$") else f"$states.{self.root}"
        below = (f"[{each}]" if isinstance(each, int) else f".{each}" for each in self.steps)
        return root + "".join(below)


@dataclass(frozen=True, slots=True)
class Made:
    """Something computed; `of` are its operands, `drawn` tells that chance or the clock is among them."""

    of: tuple[Traced, ...] = ()
    drawn: bool = False


class _Written:
    """The origin of a value that stands in the expression's own text."""


WRITTEN = _Written()
Members: TypeAlias = "dict[str, Traced]"


@dataclass(frozen=True, slots=True)
class Parts:
    """An object or an array put together; `lacking` are the keys whose values turned out undefined."""

    parts: Members | Sequence[Traced]
    lacking: Members | None = None


Origin: TypeAlias = "At | Made | Parts | _Written"


class Traced:
    """A value with its origin.

    Attributes:
        value: the value; UNDEFINED, a function.
        origin: where it came from.
        sequence: whether it is one of JSONata's sequences, which a lone value leaves; `keep` that it does not.
        whole: whether an array that an expression writes out stays one where sequences are joined.
    """

    __slots__ = ("keep", "origin", "sequence", "value", "whole")

    def __init__(self, value: object, origin: Origin, *, sequence: bool = False, keep: bool = False) -> None:
        self.value = value
        self.origin = origin
        self.sequence = sequence
        self.keep = keep
        self.whole = False

    @property
    def missing(self) -> bool:
        """Whether it is undefined."""
        return isinstance(self.value, Undefined)

    @property
    def drawn(self) -> bool:
        """Whether chance or the clock has a part in it."""
        if isinstance(self.origin, Made):
            return self.origin.drawn
        if isinstance(self.origin, Parts):
            parts = self.origin.parts
            return any(each.drawn for each in (parts.values() if isinstance(parts, dict) else parts))
        return False

    def items(self) -> Sequence[Traced]:
        """Return the items of an array; anything else is its own only item."""
        value, origin = self.value, self.origin
        if not isinstance(value, list):
            return (self,)
        if isinstance(origin, Parts) and not isinstance(origin.parts, dict):
            return origin.parts
        _sure(origin)
        return [Traced(each, _below(origin, index)) for index, each in enumerate(value)]

    def members(self) -> Iterator[tuple[str, Traced]]:
        """Yield the members of an object."""
        value, origin = self.value, self.origin
        if isinstance(origin, Parts) and isinstance(origin.parts, dict):
            yield from origin.parts.items()
        elif isinstance(value, dict):
            _sure(origin)
            yield from ((key, Traced(each, _below(origin, key))) for key, each in value.items())

    def member(self, name: str) -> Traced:
        """Return a member of an object; undefined where it has none, with the place that lacks it."""
        value, origin = self.value, self.origin
        if isinstance(origin, Parts):
            if isinstance(origin.parts, dict) and name in origin.parts:
                return origin.parts[name]
            return (origin.lacking or {}).get(name, Traced(UNDEFINED, Made()))
        _sure(origin)
        if isinstance(value, dict) and name in value:
            return Traced(value[name], _below(origin, name))
        return Traced(UNDEFINED, _below(origin, name))

    def at(self, steps: Steps) -> Traced:
        """Return what stands below it; undefined where nothing does."""
        found = self
        for step in steps:
            if isinstance(step, int):
                items = found.items() if isinstance(found.value, list) else ()
                found = items[step] if step < len(items) else Traced(UNDEFINED, _below(found.origin, step))
            else:
                found = found.member(step)
        return found

    def leaves(self, most: int = 2_000) -> Iterator[At]:
        """Yield the places that it came from or is made of; after `most` of them no more."""
        waiting, left = [self], most
        while waiting and left:
            origin = waiting.pop().origin
            if isinstance(origin, At):
                left -= 1
                yield origin
            elif isinstance(origin, Made):
                waiting += reversed(origin.of)
            elif isinstance(origin, Parts):
                waiting += reversed(list(_each(origin)))

    def flows(self, below: Steps = ()) -> Iterator[tuple[Steps, At, bool]]:
        """Yield which place stands where in it: the steps, the place, and whether it stands there as it is."""
        origin = self.origin
        if isinstance(origin, At):
            yield below, origin, True
        elif isinstance(origin, Made):
            yield from ((below, each, False) for each in self.leaves())
        elif isinstance(origin, Parts):
            parts = origin.parts
            pairs = parts.items() if isinstance(parts, dict) else enumerate(parts)
            for step, part in pairs:
                yield from part.flows((*below, step))


NOTHING = Traced(UNDEFINED, WRITTEN)


def _sure(origin: Origin) -> None:
    if isinstance(origin, Made) and origin.drawn:
        raise Unfollowable("a part of what chance or the clock gave")


def _each(origin: Parts) -> Iterable[Traced]:
    return origin.parts.values() if isinstance(origin.parts, dict) else origin.parts


def _below(origin: Origin, step: str | int) -> Origin:
    return At(origin.root, (*origin.steps, step)) if isinstance(origin, At) else origin


def put_together(items: Sequence[Traced], *, sequence: bool = False) -> Traced:
    """Return an array of traced items."""
    return Traced([each.value for each in items], Parts(items), sequence=sequence)


def made(value: object, *of: Traced, drawn: bool = False) -> Traced:
    """Return something computed of traced values."""
    return Traced(value, Made(of, drawn or any(each.drawn for each in of)))


def summary(places: Iterable[At]) -> tuple[At, ...]:
    """Return places in order, each once; many that differ in an index alone as what holds them."""
    groups: dict[tuple[str, Steps], list[At]] = {}
    for each in dict.fromkeys(places):
        shape = tuple("" if isinstance(step, int) else step for step in each.steps)
        groups.setdefault((each.root, shape), []).append(each)
    found: list[At] = []
    for (root, _), members in groups.items():
        found += members if len(members) <= _FEW else [At(root, _common([each.steps for each in members]))]
    return tuple(dict.fromkeys(found))


def _common(every: Sequence[Steps]) -> Steps:
    first, same = every[0], 0
    while same < len(first) and all(each[same] == first[same] for each in every):
        same += 1
    return first[:same]


def plain(value: object) -> Json | Undefined:
    """Return a traced value's value, which no function may be in.

    Raises:
        Unfollowable: it is a function.
    """
    if value is None or isinstance(value, bool | int | float | str | list | dict | Undefined):
        return value
    raise Unfollowable("a function as a value")


def lookup(given: Traced, name: str) -> Traced:
    """Return a field of an object, or of each object of an array."""
    if isinstance(given.value, list):
        found: list[Traced] = []
        for item in given.items():
            one = lookup(item, name)
            if not one.missing:
                found += one.items()
        return settled(sequence_of(found))
    return given.member(name) if isinstance(given.value, dict) else Traced(UNDEFINED, given.member(name).origin)


def order_of(left: Traced, right: Traced) -> int:
    """Return which of two sort keys comes first: below 0 for the left one; one that is undefined comes last.

    Raises:
        Unfollowable: they are no two numbers or two texts.
    """
    if left.missing or right.missing:
        return int(left.missing) - int(right.missing)
    one, other = cast(Any, left.value), cast(Any, right.value)
    both_texts = isinstance(one, str) and isinstance(other, str)
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    if not both_texts and not numbers:
        raise Unfollowable("an order of unlike values")
    return int(one > other) - int(one < other)


def settled(found: Traced) -> Traced:
    """Return a value as it stands outside of paths: a sequence of one as that one, an empty one as nothing."""
    if not found.sequence or not isinstance(found.value, list):
        return found
    if not found.value:
        return NOTHING
    return found if found.keep or len(found.value) > 1 else found.items()[0]


def sequence_of(items: Sequence[Traced], *, keep: bool = False) -> Traced:
    """Return a sequence of traced items; one of a single item stays one if `keep` says so."""
    found = put_together(items, sequence=True)
    found.keep = keep
    return found


def flat(given: Traced) -> list[Traced]:
    """Return the items of an array, and those of the arrays in it."""
    found: list[Traced] = []
    for each in given.items():
        found += flat(each) if isinstance(each.value, list) else [each]
    return found


# How many arguments a function has to be given; with one fewer its context is the first.
_WANTED = {
    "contains": 2, "each": 2, "formatInteger": 2, "formatNumber": 2, "lookup": 2, "match": 2, "pad": 2,
    "parseInteger": 2, "power": 2, "replace": 3, "sift": 2, "split": 2, "substring": 2, "substringAfter": 2,
    "substringBefore": 2,
}  # fmt: skip
_OF_NOTHING = frozenset(("random", "uuid", "now", "millis"))


def takes_context(name: str, arguments: Sequence[Traced]) -> bool:
    """Tell whether a function that is called so takes its context for its first argument.

    Source: jsonata-js 2.0.6, the signatures of its functions (a `-` behind a parameter).
    """
    if name == "substring" and len(arguments) == 2:  # a start and a length
        return not isinstance(arguments[0].value, str | Undefined)
    return len(arguments) == _WANTED.get(name, 1) - 1 and name not in _OF_NOTHING
