"""What a handler would answer, learned from what it has answered: a rule for each value of its result.

A value is told from the event (it stands there, as a whole or in a text; it counts a list of it), from a number that
the run knows (the varied value, the items of a Map), or it is the same every time. What can be told in no such way
*varies*: it is taken from a call that was really made, so that its size is right and its content is another call's.

Rule of this module: a rule that is learned gives back every example that it was learned from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, cast

from sfn_sim.payload import Json

Steps: TypeAlias = "tuple[str, ...]"
_DEPTH = 4
_SHORTEST = 3
_MOST_PARTS = 100
_DIGITS = re.compile(r"\d+")


class Unexplained(Exception):
    """A rule reads what an event has not."""


@dataclass(frozen=True, slots=True)
class Example:
    """One call that was really made.

    Attributes:
        event: what it was given.
        result: what it answered.
        numbers: what the run knew at that moment, such as the varied value, by name.
    """

    event: Json
    result: Json
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A value that is known before the call: of the event by its keys, or a number of the run by its name."""

    steps: Steps = ()
    number: str = ""
    counted: bool = False

    def read(self, example: Example) -> Json:
        """Return the value at the place.

        Raises:
            Unexplained: the event has no such place.
        """
        if self.number:
            if self.number not in example.numbers:
                raise Unexplained(self.number)
            return example.numbers[self.number]
        value = example.event
        for step in self.steps:
            if not isinstance(value, dict) or step not in value:
                raise Unexplained(".".join(self.steps))
            value = value[step]
        if not self.counted:
            return value
        if not isinstance(value, list):
            raise Unexplained(".".join(self.steps))
        return len(value)


@dataclass(frozen=True, slots=True)
class Same:
    """The value is the same every time."""

    value: Json


@dataclass(frozen=True, slots=True)
class Copied:
    """The value stands at a place; with `factor`, `plus` or `parts` it is a number made of the one that does."""

    place: Place
    factor: Fraction = Fraction(1)
    plus: Fraction = Fraction(0)
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A text made of pieces; each is a text itself or the place of what is written there."""

    pieces: tuple[str | Place, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """An object with a rule for each key."""

    rules: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class List:
    """A list with a rule for each of its elements, by their number."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Varies:
    """Nobody knows: the value of another call stands for it."""


Rule: TypeAlias = "Same | Copied | Written | Object | List | Varies"


def tells(rule: Rule, examples: Sequence[Example]) -> bool:
    """Tell whether a rule that was learned from examples tells everything that comes after them.

    Nothing of it varies. A list that has not come from the event may have more elements in a larger run, however many
    it had so far; and of a number that was seen once nobody knows what it follows.
    """
    match rule:
        case Varies() | List():
            return False
        case Same(value=value):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return not (value and isinstance(value, list | dict)) and not (is_number and len(examples) < 2)
        case Object(rules=rules):
            return all(tells(each, examples) for each in rules.values())
    return True


def reads_event(rule: Rule) -> bool:
    """Tell whether a rule needs the event: one that does not is applied without reading it."""
    match rule:
        case Copied() | Written():
            return True
        case Object(rules=rules):
            return any(map(reads_event, rules.values()))
        case List(rules=listed):
            return any(map(reads_event, listed))
    return False


def apply(rule: Rule, example: Example, donor: Json = None) -> Json:
    """Return what a rule says for an event; `example.result` plays no part, `donor` stands for what varies.

    Raises:
        Unexplained: the rule reads what the event has not.
    """
    match rule:
        case Same(value=value):
            return value
        case Copied():
            return _copied(rule, example)
        case Written(pieces=pieces):
            return "".join(each if isinstance(each, str) else _text(each.read(example)) for each in pieces)
        case Object(rules=rules):
            given = donor if isinstance(donor, dict) else {}
            return {key: apply(each, example, given.get(key)) for key, each in rules.items()}
        case List(rules=listed):
            items = donor if isinstance(donor, list) and len(donor) == len(listed) else [None] * len(listed)
            return [apply(each, example, item) for each, item in zip(listed, items, strict=True)]
    return donor


def learn(examples: Sequence[Example]) -> Rule:
    """Return a rule that gives back the result of every example."""
    return _learn([each.result for each in examples], examples)


def _learn(values: Sequence[Json], examples: Sequence[Example]) -> Rule:
    same = all(_equal(each, values[0]) for each in values[1:])
    kinds = {type(each) for each in values}
    if len(kinds) == 1 and (not same or isinstance(values[0], str | list | dict)):
        found = _copy_of(values, examples)
        if found is not None:
            return found
        if isinstance(values[0], str):
            return _written(cast("Sequence[str]", values), examples) or (Same(values[0]) if same else Varies())
        if isinstance(values[0], dict):
            return _object(cast("Sequence[dict[str, Json]]", values), examples)
        if isinstance(values[0], list):
            return _list(cast("Sequence[list[Json]]", values), examples)
        if kinds == {int}:
            return _number(cast("Sequence[int]", values), examples) or Varies()
    return Same(values[0]) if same else Varies()


def _object(values: Sequence[dict[str, Json]], examples: Sequence[Example]) -> Rule:
    keys = list(values[0])
    if any(list(each) != keys for each in values[1:]):
        return Varies()
    return Object({key: _learn([each[key] for each in values], examples) for key in keys})


def _list(values: Sequence[list[Json]], examples: Sequence[Example]) -> Rule:
    count = len(values[0])
    if count > _MOST_PARTS or any(len(each) != count for each in values[1:]):
        return Varies()
    return List(tuple(_learn([each[n] for each in values], examples) for n in range(count)))


def _copy_of(values: Sequence[Json], examples: Sequence[Example]) -> Copied | None:
    """Return the place where each value stands; short texts and empty values stand in many places by chance."""
    first = values[0]
    if not isinstance(first, bool) and isinstance(first, str | list | dict) and len(first) < 1:
        return None
    for place in _places(examples[0].event):
        if _reads(place, values, examples):
            return Copied(place)
    return None


def _number(values: Sequence[int], examples: Sequence[Example]) -> Copied | None:
    """Return how numbers that differ follow others: equal to them, in proportion, or one for so many of them."""
    places = [*_counted(examples[0]), *(Place(number=name) for name in examples[0].numbers)]
    for place in places:
        if _reads(place, values, examples):
            return Copied(place)
    for place in places:
        known = _known(place, examples)
        found = _line(place, known, values) or _shares(place, known, values) if known is not None else None
        if found is not None:
            return found
    return None


def _line(place: Place, known: Sequence[int], values: Sequence[int]) -> Copied | None:
    """Return the straight line through at least three different points."""
    points = dict(zip(known, values, strict=True))
    if len(points) < 3:
        return None
    (x1, y1), (x2, y2), *_ = sorted(points.items())
    factor = Fraction(y2 - y1, x2 - x1)
    plus = y1 - factor * x1
    if factor and all(factor * x + plus == y for x, y in zip(known, values, strict=True)):
        return Copied(place, factor, plus)
    return None


def _shares(place: Place, known: Sequence[int], values: Sequence[int]) -> Copied | None:
    """Return how many of something make one more: ten batches a chunk."""
    for parts in range(2, _MOST_PARTS + 1):
        if all(-(-x // parts) == y for x, y in zip(known, values, strict=True)):
            return Copied(place, parts=parts)
    return None


def _copied(rule: Copied, example: Example) -> Json:
    value = rule.place.read(example)
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if rule.parts:
        return -(-value // rule.parts)
    if rule.factor == 1 and not rule.plus:
        return value
    return round(rule.factor * value + rule.plus)


def _written(texts: Sequence[str], examples: Sequence[Example]) -> Written | None:
    """Return the pieces of texts in which values of the event stand; None where that does not tell all of them."""
    pieces: list[str | Place] = [texts[0]]
    for place in _by_length(examples[0]):
        pieces = [piece for each in pieces for piece in _parted(each, place, examples[0])]
    pieces = [piece for each in pieces for piece in _digits(each)]
    pattern = re.compile("".join(_group(each) for each in pieces), re.DOTALL)
    matches = [pattern.fullmatch(text) for text in texts]
    if not all(matches):
        return None
    found: list[str | Place] = []
    places = [*_scalars(examples[0].event), *(Place(number=name) for name in examples[0].numbers)]
    group = 0
    for each in pieces:
        if isinstance(each, str) and not each.isdecimal():
            found.append(each)
            continue
        group += 1
        written = [match[group] for match in matches if match is not None]
        wanted = [each] if isinstance(each, Place) else places
        source = next((one for one in wanted if _writes(one, written, examples)), None)
        if source is None and len(set(written)) > 1:
            return None
        found.append(source if source is not None else written[0])
    return Written(tuple(found)) if any(isinstance(each, Place) for each in found) else None


def _group(piece: str | Place) -> str:
    if isinstance(piece, Place):
        return "(.+?)"
    return r"(\d+)" if piece.isdecimal() else re.escape(piece)


def _by_length(example: Example) -> list[Place]:
    """Return the places of texts that are long enough not to be met by chance, the longest first."""
    found = [(place, place.read(example)) for place in _scalars(example.event)]
    texts = [(place, each) for place, each in found if isinstance(each, str) and len(each) >= _SHORTEST]
    return [place for place, _ in sorted(texts, key=lambda each: -len(each[1]))]


def _parted(piece: str | Place, place: Place, example: Example) -> Iterator[str | Place]:
    if isinstance(piece, Place):
        yield piece
        return
    before, *rest = piece.split(_text(place.read(example)))
    if before:
        yield before
    for each in rest:
        yield place
        if each:
            yield each


def _digits(piece: str | Place) -> Iterator[str | Place]:
    if isinstance(piece, Place):
        yield piece
        return
    at = 0
    for match in _DIGITS.finditer(piece):
        if piece[at : match.start()]:
            yield piece[at : match.start()]
        yield match[0]
        at = match.end()
    if piece[at:]:
        yield piece[at:]


def _places(event: Json) -> Iterator[Place]:
    """Yield the places of an event: the keys of its objects, not what is in its lists."""
    for steps, _ in _walk(event, ()):
        yield Place(steps)


def _scalars(event: Json) -> Iterator[Place]:
    for steps, value in _walk(event, ()):
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield Place(steps)


def _counted(example: Example) -> Iterator[Place]:
    for steps, value in _walk(example.event, ()):
        if isinstance(value, list):
            yield Place(steps, counted=True)
        elif isinstance(value, int) and not isinstance(value, bool):
            yield Place(steps)


def _walk(value: Json, steps: Steps) -> Iterator[tuple[Steps, Json]]:
    if steps:
        yield steps, value
    if isinstance(value, dict) and len(steps) < _DEPTH:
        for key, inner in value.items():
            yield from _walk(inner, (*steps, key))


def _reads(place: Place, values: Sequence[Json], examples: Sequence[Example]) -> bool:
    return _agree(place, values, examples, lambda read, value: _equal(read, value))


def _writes(place: Place, texts: Sequence[str], examples: Sequence[Example]) -> bool:
    return _agree(place, texts, examples, lambda read, text: _text(read) == text)


def _agree(
    place: Place, values: Sequence[Json], examples: Sequence[Example], equal: Callable[[Json, Json], bool]
) -> bool:
    try:
        return all(equal(place.read(example), value) for example, value in zip(examples, values, strict=True))
    except Unexplained:
        return False


def _known(place: Place, examples: Sequence[Example]) -> list[int] | None:
    try:
        found = [place.read(example) for example in examples]
    except Unexplained:
        return None
    numbers = [each for each in found if isinstance(each, int) and not isinstance(each, bool)]
    return numbers if len(numbers) == len(found) else None


def _equal(one: Json, other: Json) -> bool:
    return type(one) is type(other) and one == other


def _text(value: Json) -> str:
    return value if isinstance(value, str) else str(value)
