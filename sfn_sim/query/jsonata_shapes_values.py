"""What is known of a JSONata value before it is there: its shape, whether it is there at all, and where it stands.

Nothing (undefined) is no JSON and no shape: whether a value is there is told beside its shape. A list of unknown
length that a path or function gives comes bare where it has one item, and not at all where it has none: such a value
is *loose*, and nothing is said of what its length decides.

Source: JSONata 2.0.6 (sequences, singletons); measured with the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sfn_sim.query.shapes import (
    ANYTHING,
    ARRAY,
    BOOLEAN,
    NEVER,
    OBJECT,
    Shape,
    Steps,
    Verdict,
    an_array,
    join,
    join_all,
)

if TYPE_CHECKING:
    from sfn_sim.query.jsonata_shapes_env import Env
    from sfn_sim.query.jsonata_syntax import Node

_ORDER = (Verdict.PRESENT, Verdict.UNDECIDED, Verdict.SOMETIMES, Verdict.MISSING)


@dataclass(frozen=True, slots=True)
class Lack:
    """A read that leads nowhere, or not always.

    Attributes:
        place: the variable's name and the steps below it, as far as the one that leads nowhere.
        verdict: MISSING or SOMETIMES.
        reached: the shape in which that step was looked for.
        across: whether an array was gone through on the way.
    """

    place: Steps
    verdict: Verdict
    reached: Shape
    across: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function as a value: one of JSONata's by its name, or a lambda with what it has bound."""

    name: str = ""
    node: Node | None = None
    known: tuple[tuple[str, Given], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a value.

    Attributes:
        shape: its shape where it is there.
        there: whether it is.
        place: where it stands: a variable's name and steps below it; None for what is made.
        lack: the read because of which it is not there, or not always.
        loose: whether it comes bare, as an array or not at all by the length of a list.
        across: whether an array was gone through on the way to it.
        function: the function that it is.
        made: of a value that the expression has bound: what made it, and what that read.
    """

    shape: Shape
    there: Verdict = Verdict.PRESENT
    place: Steps | None = None
    lack: Lack | None = None
    loose: bool = False
    across: bool = False
    function: Function | None = None
    made: tuple[Node, Env] | None = field(default=None, compare=False, repr=False)

    @property
    def is_missing(self) -> bool:
        """Tell whether it is never there."""
        return self.there is Verdict.MISSING

    @property
    def never_returns(self) -> bool:
        """Tell whether what would give it fails always."""
        return self.there is Verdict.PRESENT and self.shape.is_never


UNKNOWN = Given(ANYTHING, Verdict.UNDECIDED)
MISSING = Given(NEVER, Verdict.MISSING)
FAILS = Given(NEVER)
"""The value of what always throws."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of what needs several values at once."""
    return max(verdicts, key=_ORDER.index, default=Verdict.PRESENT)


def either(ways: Iterable[Given]) -> Given:
    """Return what is known of a value that is one of several; ways that always fail give none."""
    left = [each for each in ways if not each.never_returns]
    if len(left) < 2:
        return left[0] if left else FAILS
    verdicts = {each.there for each in left}
    there = worst(verdicts)
    if there is Verdict.MISSING and len(verdicts) > 1:
        there = Verdict.SOMETIMES
    lack = next((each.lack for each in left if each.lack is not None), None)
    same = left[0].place if all(each.place == left[0].place for each in left) else None
    return Given(join_all(each.shape for each in left), there, same, lack, any(each.loose for each in left))


def nothing_of(parts: Iterable[Given]) -> tuple[Verdict, Lack | None]:
    """Return whether a value is there that needs all its parts to be, and why not."""
    parts = list(parts)
    there = worst(each.there for each in parts)
    lacking = [each.lack for each in parts if each.there is there and each.lack is not None]
    return there, lacking[0] if lacking else None


def needing(shape: Shape, *parts: Given, loose: bool = False) -> Given:
    """Return a value that is there where all its parts are."""
    there, lack = nothing_of(parts)
    return Given(NEVER if there is Verdict.MISSING else shape, there, lack=lack, loose=loose)


def member(given: Given, name: str) -> Given:
    """Return what a field of a value is: of an array, that of all its items as one sequence."""
    if given.is_missing:
        return given
    known = given.shape.fields.get(name) if given.shape.kinds == OBJECT else None
    if known is not None and known.required and known.shape.kinds:  # mostly it is just there
        at = None if given.place is None else (*given.place, name)
        return Given(known.shape, given.there, at, given.lack, given.loose, given.across)
    found = _member(given.shape, name)
    place = None if given.place is None else (*given.place, name)
    across = given.across or given.shape.is_anything or bool(given.shape.kinds & ARRAY)
    there, lack = _through(given.there, found.there), given.lack
    if found.there is Verdict.MISSING or (found.there is Verdict.SOMETIMES and given.there is not Verdict.SOMETIMES):
        lack = None if place is None else Lack(place, found.there, given.shape, across)
    return Given(found.shape, there, place, lack, found.loose or given.loose, across)


def _through(outer: Verdict, inner: Verdict) -> Verdict:
    return inner if inner is Verdict.MISSING else worst((outer, inner))


def _member(shape: Shape, name: str) -> Given:
    if shape.is_anything:
        return UNKNOWN
    ways = []
    if shape.kinds & ~(OBJECT | ARRAY):
        ways.append(MISSING)
    if shape.kinds & OBJECT:
        known = shape.fields.get(name)
        if known is None:
            ways.append(UNKNOWN if shape.open else MISSING)
        elif known.shape.is_never:
            ways.append(MISSING)
        else:
            absent = Verdict.UNDECIDED if known.vague else Verdict.SOMETIMES
            ways.append(Given(known.shape, Verdict.PRESENT if known.required else absent))
    if shape.kinds & ARRAY:
        ways.append(across(shape, lambda item: _member(item, name)))
    return either(ways)


def across(array: Shape, each: Callable[[Shape], Given], *, flat: bool = True) -> Given:
    """Return what comes of an array's items, one by one, as one sequence; `flat`: arrays among it are opened."""
    items = array.items or NEVER
    if array.at_most == 0 or items.is_never:
        return MISSING
    return sequence(each(items), array.at_least, array.at_most, flat=flat)


def sequence(one: Given, at_least: int, at_most: int | None, *, flat: bool = True) -> Given:
    """Return the sequence of so many values like one, without those that are not there."""
    if one.is_missing or one.never_returns:
        return one
    sure = one.there is Verdict.PRESENT
    if sure and at_least == at_most == 1:
        return replace(one, place=None)
    if one.shape.is_anything:
        return Given(ANYTHING, Verdict.PRESENT if sure and at_least and not flat else Verdict.UNDECIDED, loose=True)
    opened = flat and bool(one.shape.kinds & ARRAY)
    item = join(one.shape.without(ARRAY), one.shape.items or NEVER) if opened else one.shape
    sure = sure and not opened
    if sure and at_least > 1:
        return Given(an_array(item, at_least, at_most), loose=one.loose)
    there = Verdict.PRESENT if sure and at_least else Verdict.UNDECIDED
    return Given(join_all((one.shape, item, an_array(item))), there, loose=True)


def items_of(given: Given) -> tuple[Shape, int, int | None]:
    """Return the items of a value that is taken as a list: of what each is, and how many there are."""
    shape = given.shape
    if shape.is_anything or given.loose:
        item = ANYTHING if shape.is_anything else join(shape.without(ARRAY), shape.items or NEVER)
        return item, 0, None
    if shape.kinds == ARRAY:
        return shape.items or NEVER, shape.at_least, shape.at_most
    if not shape.kinds & ARRAY:
        return shape, 1, 1
    return join(shape.without(ARRAY), shape.items or NEVER), min(1, shape.at_least), None


def at_index(given: Given, index: int) -> Given:
    """Return the item of a list at an index, from its end if it is negative."""
    if given.is_missing:
        return given
    if given.shape.is_anything:
        return UNKNOWN
    item, at_least, at_most = items_of(given)
    count = index + 1 if index >= 0 else -index
    if item.is_never or (at_most is not None and count > at_most):
        return replace(MISSING, lack=given.lack if given.there is Verdict.SOMETIMES else None)
    there = Verdict.PRESENT if at_least >= count else Verdict.UNDECIDED
    return Given(item, worst((given.there, there)), lack=given.lack)


def as_list(given: Given) -> Given:
    """Return a value as what `[]` behind it makes of it: always an array, where it is there."""
    if given.is_missing:
        return given
    item, at_least, at_most = items_of(given)
    return Given(an_array(item, at_least, at_most), given.there, lack=given.lack)


def chosen(item: Shape) -> Shape:
    """Return the shape of the items that a predicate keeps: just those with a field, perhaps, or of one kind."""
    if item.kinds & (item.kinds - 1) and item.kinds != BOOLEAN:
        return ANYTHING
    fields = {
        key: replace(each, shape=chosen(each.shape), vague=each.vague or not (each.required or each.shape.is_never))
        for key, each in item.fields.items()
    }
    return replace(item, fields=fields, items=chosen(item.items) if item.items is not None else None)


def stored(given: Given) -> Shape:
    """Return the shape under which a value is kept; what the length of a list decides is not known later."""
    return ANYTHING if given.loose or given.shape.is_never else given.shape
