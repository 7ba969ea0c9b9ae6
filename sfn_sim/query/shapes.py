"""Shapes of JSON: what is known of a value before it is there.

A shape is a set of kinds with what is known of each: an object's keys (required, optional, or known to be absent; an
open object may have others), an array's items and length, the literals that a string or number may be. *Anything*
stands for what nobody knows: what is read from it is undecided, and never an alarm. *Never* has no value at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias, TypeVar

from sfn_sim.payload import Json

NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT, UNKNOWN = (1 << bit for bit in range(8))
BOOLEAN = FALSE | TRUE
_LITERALS = 8
_DEPTH = 12
_NAMES = ((OBJECT, "an object"), (ARRAY, "an array"), (STRING, "a string"), (NUMBER, "a number"), (NULL, "null"))

Steps: TypeAlias = "tuple[str | int, ...]"
Literal = TypeVar("Literal", str, float)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value may be.

    Attributes:
        kinds: the kinds as bits; UNKNOWN alone for anything, 0 for never.
        strings: the only texts that a string may be; None: any. `numbers` the same for a number.
        fields: what is known of an object's keys.
        open: whether an object may have other keys too.
        items: the shape of an array's items.
        at_least: the least length of an array; `at_most` the greatest, None where it is not known.
    """

    kinds: int
    strings: frozenset[str] | None = None
    numbers: frozenset[float] | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    open: bool = False
    items: Shape | None = None
    at_least: int = 0
    at_most: int | None = None

    @property
    def is_anything(self) -> bool:
        """Tell whether nothing is known."""
        return self.kinds == UNKNOWN

    @property
    def is_never(self) -> bool:
        """Tell whether there is no such value."""
        return self.kinds == 0

    def may_be(self, kinds: int) -> bool:
        """Tell whether the value may be one of `kinds`; anything may."""
        return bool(self.kinds & (kinds | UNKNOWN))

    def only(self, kinds: int) -> Shape:
        """Return the shape of those values that are of one of `kinds`."""
        kept = kinds if self.is_anything else self.kinds & kinds
        return self if kept == self.kinds else _trimmed(self, kept)

    def without(self, kinds: int) -> Shape:
        """Return the shape of those values that are of none of `kinds`; anything stays anything."""
        return self if self.is_anything or not self.kinds & kinds else _trimmed(self, self.kinds & ~kinds)


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an object: a key that is not required and whose shape is never is known to be absent.

    `vague`: whether the key is there is not known, as of a key that an open object may have; else a key that is not
    required is known to be missing at times.
    """

    shape: Shape
    required: bool = True
    vague: bool = False


ANYTHING = Shape(UNKNOWN)
NEVER = Shape(0)
NULL_SHAPE = Shape(NULL)
ANY_BOOLEAN = Shape(BOOLEAN)
ANY_NUMBER = Shape(NUMBER)
ANY_STRING = Shape(STRING)
ABSENT_FIELD = Field(NEVER, required=False)
"""A key that is known not to be there."""


def _trimmed(shape: Shape, kinds: int) -> Shape:
    """Return a shape with other kinds, and nothing left of those that it has no more."""
    from_anything = shape.is_anything
    return Shape(
        kinds,
        shape.strings if kinds & STRING else None,
        shape.numbers if kinds & NUMBER else None,
        shape.fields if kinds & OBJECT else {},
        bool(kinds & OBJECT) and (shape.open or from_anything),
        (ANYTHING if from_anything else shape.items) if kinds & ARRAY else None,
        shape.at_least if kinds & ARRAY else 0,
        shape.at_most if kinds & ARRAY else None,
    )


def an_object(fields: Mapping[str, Shape | Field], *, is_open: bool = False) -> Shape:
    """Return the shape of an object; a key whose value can never be makes the object impossible."""
    made = {key: each if isinstance(each, Field) else Field(each) for key, each in fields.items()}
    if any(each.required and each.shape.is_never for each in made.values()):
        return NEVER
    return Shape(OBJECT, fields=made, open=is_open)


def an_array(items: Shape, at_least: int = 0, at_most: int | None = None) -> Shape:
    """Return the shape of an array."""
    return Shape(ARRAY, items=items, at_least=at_least, at_most=at_most)


def shape_of(value: Json, *, exact: bool = True) -> Shape:
    """Return the shape of a value.

    Args:
        value: the value.
        exact: keep texts, numbers and lengths, for what stands in a definition; an example tells only kinds and keys.
    """
    match value:
        case None:
            return NULL_SHAPE
        case bool():
            return Shape(TRUE if value else FALSE) if exact else ANY_BOOLEAN
        case int() | float():
            return Shape(NUMBER, numbers=frozenset((value,))) if exact else ANY_NUMBER
        case str():
            return Shape(STRING, strings=frozenset((value,))) if exact else ANY_STRING
        case list():
            items = join_all(shape_of(each, exact=exact) for each in value)
            if exact:
                return an_array(items, len(value), len(value))
            return an_array(items if value else ANYTHING)
        case dict():
            return an_object({key: shape_of(each, exact=exact) for key, each in value.items()})


def fits(value: Json, shape: Shape) -> bool:
    """Tell whether a value is of a shape."""
    if shape.is_anything:
        return True
    match value:
        case None:
            return bool(shape.kinds & NULL)
        case bool():
            return bool(shape.kinds & (TRUE if value else FALSE))
        case int() | float():
            return bool(shape.kinds & NUMBER) and (shape.numbers is None or value in shape.numbers)
        case str():
            return bool(shape.kinds & STRING) and (shape.strings is None or value in shape.strings)
        case list():
            most = len(value) if shape.at_most is None else shape.at_most
            long_enough = bool(shape.kinds & ARRAY) and shape.at_least <= len(value) <= most
            return long_enough and all(fits(each, shape.items or NEVER) for each in value)
        case dict():
            return bool(shape.kinds & OBJECT) and _fits_object(value, shape)


def _fits_object(value: dict[str, Json], shape: Shape) -> bool:
    if any(each.required and key not in value for key, each in shape.fields.items()):
        return False
    known = shape.fields
    return all(fits(each, known[key].shape) if key in known else shape.open for key, each in value.items())


def join_all(shapes: Iterable[Shape]) -> Shape:
    """Return the shape of what has one of the shapes; never if there is none."""
    joined = NEVER
    for each in shapes:
        joined = join(joined, each)
    return joined


def join(left: Shape, right: Shape, depth: int = 0) -> Shape:
    """Return the shape of what has one shape or the other.

    Shapes are cut off at a depth and literals at a number, so that joining again and again comes to an end.
    """
    if left is right or right.is_never:
        return left
    if left.is_never:
        return right
    if left.is_anything or right.is_anything or depth > _DEPTH:
        return ANYTHING
    kinds = left.kinds | right.kinds
    fields, is_open = _joined_fields(left, right, depth)
    items, at_least, at_most = _joined_items(left, right, depth)
    joined = Shape(
        kinds,
        _joined_literals(left.kinds & STRING, left.strings, right.kinds & STRING, right.strings),
        _joined_literals(left.kinds & NUMBER, left.numbers, right.kinds & NUMBER, right.numbers),
        fields,
        is_open,
        items,
        at_least,
        at_most,
    )
    return left if joined == left else joined


def _joined_literals(
    left_has: int, left: frozenset[Literal] | None, right_has: int, right: frozenset[Literal] | None
) -> frozenset[Literal] | None:
    if not (left_has and right_has):
        return left if left_has else right
    if left is None or right is None:
        return None
    both = left | right
    return both if len(both) <= _LITERALS else None


def _joined_fields(left: Shape, right: Shape, depth: int) -> tuple[Mapping[str, Field], bool]:
    if not (left.kinds & OBJECT and right.kinds & OBJECT):
        one = left if left.kinds & OBJECT else right
        return one.fields, one.open
    fields: dict[str, Field] = {}
    for key in {**left.fields, **right.fields}:
        mine, its = left.fields.get(key), right.fields.get(key)
        if mine is not None and its is not None:
            fields[key] = _joined_field(mine, its, depth)
            continue
        there, lacks = mine or its, right if mine is not None else left
        assert there is not None
        if not lacks.open:
            fields[key] = Field(there.shape, required=False)
        elif not there.required and not there.vague:
            # That one way lacks it stays known, whatever the other may have.
            fields[key] = Field(ANYTHING, required=False)
    return fields, left.open or right.open


def _joined_field(mine: Field, its: Field, depth: int) -> Field:
    lacking = any(not each.required and not each.vague for each in (mine, its))
    required = mine.required and its.required
    return Field(join(mine.shape, its.shape, depth + 1), required, not required and not lacking)


def _joined_items(left: Shape, right: Shape, depth: int) -> tuple[Shape | None, int, int | None]:
    if not (left.kinds & ARRAY and right.kinds & ARRAY):
        one = left if left.kinds & ARRAY else right
        return one.items, one.at_least, one.at_most
    most = None if left.at_most is None or right.at_most is None else max(left.at_most, right.at_most)
    if left.at_most != right.at_most:
        most = None if most is None or most > _LITERALS else most
    items = join(left.items or NEVER, right.items or NEVER, depth + 1)
    return items, min(left.at_least, right.at_least), most


def covers(wide: Shape, narrow: Shape) -> bool:
    """Tell whether all that is known to go wrong with `narrow` is known of `wide` too.

    Anything covers what is open and lacks nothing; a null or a closed object tells more than anything does.
    """
    if wide is narrow or narrow.is_never:
        return True
    if wide.is_anything:
        return _is_harmless(narrow)
    if narrow.is_anything:
        return False
    if narrow.kinds & ~wide.kinds:
        return False
    if not _literals_covered(wide.strings, narrow.strings, narrow.kinds & STRING):
        return False
    if not _literals_covered(wide.numbers, narrow.numbers, narrow.kinds & NUMBER):
        return False
    if narrow.kinds & OBJECT and not _fields_covered(wide, narrow):
        return False
    if narrow.kinds & ARRAY:
        if narrow.at_least < wide.at_least:
            return False
        if wide.at_most is not None and (narrow.at_most is None or narrow.at_most > wide.at_most):
            return False
        if narrow.at_most is not None and wide.at_most is None and narrow.at_most == 0:
            return False
        return covers(wide.items or NEVER, narrow.items or NEVER)
    return True


def _literals_covered(wide: frozenset[Literal] | None, narrow: frozenset[Literal] | None, has: int) -> bool:
    return not has or wide is None or (narrow is not None and narrow <= wide)


def _fields_covered(wide: Shape, narrow: Shape) -> bool:
    if narrow.open and not wide.open:
        return False
    for key, outer in wide.fields.items():
        inner = narrow.fields.get(key)
        if inner is outer:  # states hand most of what they are given on as it is
            continue
        if inner is None:
            if narrow.open or outer.required or outer.vague:
                return False
        elif _presence(inner) > _presence(outer) or not covers(outer.shape, inner.shape):
            return False
    for key, inner in narrow.fields.items():
        if key in wide.fields:
            continue
        known_to_lack = not inner.required and not inner.vague
        if not wide.open or known_to_lack or not _is_harmless(inner.shape):
            return False
    # A closed object lacks keys that an open one may have.
    return narrow.open or not wide.open


def _presence(each: Field) -> int:
    """Return how little is sure of a key's presence: 0 it is there, 1 not known, 2 known to be missing at times."""
    return 0 if each.required else 1 if each.vague else 2


def _is_harmless(shape: Shape) -> bool:
    if shape.is_anything:
        return True
    return (
        shape.kinds == OBJECT
        and shape.open
        and all((each.required or each.vague) and _is_harmless(each.shape) for each in shape.fields.values())
    )


class Verdict(Enum):
    """Whether a path leads somewhere."""

    PRESENT = "present"
    MISSING = "missing"
    SOMETIMES = "sometimes missing"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Found:
    """What a path finds.

    Attributes:
        verdict: whether it leads somewhere.
        shape: the shape of what is there when something is.
        stopped_at: the first step that leads nowhere, or may.
        reached: the shape in which that step was looked for.
    """

    verdict: Verdict
    shape: Shape
    stopped_at: int = -1
    reached: Shape = ANYTHING

    @property
    def stops_at_null(self) -> bool:
        """Tell whether it is a null that ends the path."""
        return self.stopped_at >= 0 and bool(self.reached.kinds & NULL)


def look(shape: Shape, steps: Steps) -> Found:
    """Return what stands at `steps` below a shape."""
    verdict, stopped, reached = Verdict.PRESENT, -1, ANYTHING
    for number, step in enumerate(steps):
        lacks, there = _below(shape, step)
        if lacks and there.is_never:
            return Found(Verdict.MISSING, NEVER, number, shape)
        if lacks and verdict is not Verdict.SOMETIMES:
            verdict, stopped, reached = Verdict.SOMETIMES, number, shape
        elif verdict is Verdict.PRESENT and _is_guess(shape, step):
            verdict = Verdict.UNDECIDED
        shape = there
    return Found(verdict, shape, stopped, reached)


def _below(shape: Shape, step: str | int) -> tuple[bool, Shape]:
    """Return whether a value of a shape may be known to lack a step, and what stands there if it does not."""
    if shape.is_anything:
        return False, ANYTHING
    kind = OBJECT if isinstance(step, str) else ARRAY
    lacks = bool(shape.kinds & ~kind)
    if not shape.kinds & kind:
        return True, NEVER
    if isinstance(step, str):
        found = shape.fields.get(step)
        if found is None:
            return (lacks, ANYTHING) if shape.open else (True, NEVER)
        return lacks or not (found.required or found.vague), found.shape
    items = shape.items or NEVER
    beyond = shape.at_most is not None and (step >= shape.at_most or -step > shape.at_most)
    return (True, NEVER) if beyond or items.is_never else (lacks, items)


def _is_guess(shape: Shape, step: str | int) -> bool:
    if shape.is_anything:
        return True
    if isinstance(step, str):
        known = shape.fields.get(step)
        return known is None or (known.vague and not known.required)
    return shape.at_least < (step + 1 if step >= 0 else -step)


def describe(shape: Shape, most: int = 6) -> str:
    """Return in a few words what a value of a shape is."""
    if shape.is_anything:
        return "anything"
    parts = []
    for kind, name in _NAMES:
        if shape.kinds & kind:
            parts.append(keys_of(shape, most) if kind == OBJECT and (shape.fields or not shape.open) else name)
    if shape.kinds & BOOLEAN:
        parts.append("a boolean" if shape.kinds & BOOLEAN == BOOLEAN else str(bool(shape.kinds & TRUE)).lower())
    return " or ".join(parts) or "nothing"


def keys_of(shape: Shape, most: int = 6) -> str:
    """Return an object's keys in braces, shortened; optional ones with a question mark."""
    names = [
        key if each.required else f"{key}?" for key, each in shape.fields.items() if not each.shape.is_never
    ]
    shown = names[:most]
    if len(names) > most:
        shown.append(f"… {len(names) - most} more")
    elif shape.open:
        shown.append("…")
    return f"{{{', '.join(shown)}}}"
