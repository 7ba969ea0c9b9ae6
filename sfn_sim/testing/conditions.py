"""What a condition in JSONata wants, read off its syntax tree; and what an expression usually reads at a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sfn_sim.payload import Json
from sfn_sim.query.jsonata_syntax import Node

MOMENT = "2025-01-01T00:00:00Z"
TEXT = "text"
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_OF_TYPE: dict[Any, Json] = {
    "string": TEXT, "number": 1, "boolean": True, "null": None, "array": [{}], "object": {},
}  # fmt: skip
# What functions are usually given, by what they are for.
_GIVEN: tuple[tuple[Json, str], ...] = (
    ([{}], "append count distinct filter map partition reduce reverse shuffle single sort zip"),
    ([1], "average max min sum"),
    ([TEXT], "join"),
    ({}, "each keys lookup merge sift spread"),
    (1, "abs ceil floor formatBase formatInteger formatNumber number power range round sqrt"),
    (True, "boolean not"),
    (0, "fromMillis"),
    (MOMENT, "toMillis"),
    ("{}", "parse"),
    (TEXT, "base64decode base64encode contains decodeUrl decodeUrlComponent encodeUrl encodeUrlComponent hash length "
           "lowercase match pad replace split substring substringAfter substringBefore trim uppercase"),
)  # fmt: skip
_BY_FUNCTION = {name: value for value, names in _GIVEN for name in names.split()}
_BY_FIELD: dict[str, Json] = {
    "Items": [{}], "Condition": True, "Seconds": 1, "TimeoutSeconds": 1, "HeartbeatSeconds": 1, "MaxConcurrency": 1,
    "MaxItems": 1, "MaxItemsPerBatch": 1, "MaxInputBytesPerBatch": 1, "ToleratedFailureCount": 1,
    "ToleratedFailurePercentage": 1, "Timestamp": MOMENT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """A value wanted at some steps below a root; or nothing there.

    Attributes:
        steps: names and indices below the root.
        value: the value; `absent` where nothing is wanted.
        root: "" is a Choice state's effective input; in JSONata "input", "context" or "$name", a variable.
    """

    steps: tuple[str | int, ...]
    value: Json = None
    absent: bool = False
    root: str = ""


Way = tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a comparison looks at: a place, and what has to stand there for the expression to be a value."""

    root: str
    steps: tuple[str | int, ...]
    made: Callable[[Json], Json]

    def wish(self, value: Json) -> Wish:
        return Wish(self.steps, self.made(value), root=self.root)


def ways(tree: Node, wanted: bool) -> Iterator[Way]:
    """Yield ways to make a condition true, or false: each is a set of values."""
    return _ways(tree, wanted, {})


def usual(tree: Node, start: int, end: int, field: str) -> Json:
    """Return a value of the kind that usually stands where an expression reads from `start` to `end` of its text.

    Args:
        tree: the expression.
        start: where the read begins.
        end: where it ends.
        field: the field that the expression fills, such as "Items".
    """
    if (tree.start, tree.end) == (start, end):
        return _BY_FIELD.get(field.rpartition("/")[2], TEXT)
    return next(_found_at(tree, start, end), TEXT)


def _found_at(tree: Node, start: int, end: int) -> Iterator[Json]:
    for node in tree.walk():
        for part in node.parts:
            if (part.start, part.end) != (start, end):
                continue
            yield from _beside(node, part)
            if node.kind == "bind":  # it is used where its name is
                for use in tree.walk():
                    if use.kind == "variable" and use.value == node.value:
                        yield from _found_at(tree, use.start, use.end)


def _beside(node: Node, part: Node) -> Iterator[Json]:
    """Yield what a part of an expression usually is, from what stands beside it."""
    if node.kind in ("filter", "keep", "sort", "group", "focus", "index") and part is node.parts[0]:
        yield [{}]
    elif node.kind == "path":
        yield {}
    elif node.kind == "condition" and part is node.parts[0]:
        yield True
    elif node.kind in ("negate", "range") or (node.kind == "binary" and node.value in ("+", "-", "*", "/", "%")):
        yield 1
    elif node.kind == "binary" and node.value == "&":
        yield TEXT
    elif node.kind == "binary" and node.value in ("and", "or"):
        yield True
    elif node.kind == "binary":
        other = node.parts[1 if part is node.parts[0] else 0]
        if node.value == "in" and other.kind == "array" and other.parts:
            other = other.parts[0]
        literal = _literal(other)
        yield literal[0] if literal else 1
    elif node.kind == "call" and node.parts[0].kind == "variable" and node.parts[0].value in _BY_FUNCTION:
        yield _BY_FUNCTION[str(node.parts[0].value)]


def _ways(node: Node, wanted: bool, bound: Mapping[str, Node]) -> Iterator[Way]:
    node, bound = _inside(node, bound)
    if node.kind == "binary" and node.value in ("and", "or"):
        yield from _combined(node, wanted, bound)
    elif node.kind == "binary" and (node.value in _FLIPPED or node.value == "in"):
        yield from _compared(node, wanted, bound)
    elif _function(node) in ("not", "boolean") and len(node.parts) == 2:
        yield from _ways(node.parts[1], wanted is (_function(node) == "boolean"), bound)
    elif _function(node) == "exists":
        for subject in _subject(node.parts[1], bound):
            yield (subject.wish(TEXT),) if wanted else (Wish(subject.steps, absent=True, root=subject.root),)
    elif _function(node) == "contains" and len(node.parts) == 3 and _literal(node.parts[2]):
        for subject in _subject(node.parts[1], bound):
            yield (subject.wish(_literal(node.parts[2])[0] if wanted else ""),)
    else:
        read = list(_every_subject(node, bound))
        for value in ((True, TEXT, 1) if wanted else (False, "", 0)):
            yield tuple(each.wish(value) for each in read)
        yield tuple(Wish(each.steps, absent=True, root=each.root) for each in read)


def _combined(node: Node, wanted: bool, bound: Mapping[str, Node]) -> Iterator[Way]:
    if (node.value == "and") is wanted:
        sides = [list(_ways(part, wanted, bound)) for part in node.parts]
        for number in range(max(map(len, sides))):
            yield _together(side[min(number, len(side) - 1)] for side in sides if side)
        return
    for part in node.parts:
        others = [next(_ways(each, not wanted, bound), ()) for each in node.parts if each is not part]
        for way in _ways(part, wanted, bound):
            yield _together((*others, way))


def _together(parts: Any) -> Way:
    """Return several wishes as one set; of two for the same place the later one counts."""
    return tuple({(wish.root, wish.steps): wish for way in parts for wish in way}.values())


def _compared(node: Node, wanted: bool, bound: Mapping[str, Node]) -> Iterator[Way]:
    operator = str(node.value)
    left, right = (_inside(part, bound)[0] for part in node.parts)
    if operator == "in":
        options = [each for part in right.parts for each in _literal(part)] if right.kind == "array" else []
        for subject in _subject(left, bound):
            yield from ((subject.wish(each),) for each in (options if wanted else [_other(*options[:1])]))
        return
    if _literal(left):
        operator, left, right = _FLIPPED[operator], right, left
    for literal in _literal(right):
        yield from _of_type(left, literal, wanted is (operator == "="), bound)
        for subject in _subject(left, bound):
            yield from ((subject.wish(value),) for value in holding(operator, literal, wanted))
        return
    for one in _subject(left, bound):
        for other in _subject(right, bound):
            for value in holding(operator, 1, wanted):
                yield one.wish(value), other.wish(1)


def _of_type(node: Node, name: Any, wanted: bool, bound: Mapping[str, Node]) -> Iterator[Way]:
    if _function(node) == "type" and name in _OF_TYPE:
        for subject in _subject(node.parts[1], bound):
            yield (subject.wish(_OF_TYPE[name] if wanted else (1 if name == "string" else TEXT)),)


def holding(operator: str, literal: Any, wanted: bool) -> Iterator[Json]:
    """Yield values beside a literal that make a comparison with it true, or false."""
    if isinstance(literal, bool) or not isinstance(literal, int | float | str):
        yield literal if (operator == "=") is wanted else _other(literal)
    elif isinstance(literal, str):
        yield from ordered(operator, wanted, literal, f"{literal}~", "")
    else:
        yield from ordered(operator, wanted, literal, literal + 1, literal - 1)


def ordered(operator: str, wanted: bool, same: Json, more: Json, less: Json) -> Iterator[Json]:
    """Yield those of three values, one equal, one more, one less, that make a comparison true, or false."""
    true: list[Json] = {
        "=": [same], "!=": [more, less], "<": [less], ">": [more], "<=": [same, less], ">=": [same, more],
    }.get(operator, [])  # fmt: skip
    return (each for each in (more, same, less) if (each in true) is wanted)


def _other(literal: Any = TEXT) -> Json:
    if isinstance(literal, bool):
        return not literal
    return f"no {literal}" if isinstance(literal, str) else 1 if literal is None else literal + 1


def _literal(node: Node) -> tuple[Json, ...]:
    """Return the value that is written there; nothing if none is."""
    if node.kind == "negate" and node.parts[0].kind == "literal" and isinstance(node.parts[0].value, int | float):
        return (-node.parts[0].value,)
    return (node.value,) if node.kind == "literal" and not isinstance(node.value, tuple) else ()


def _function(node: Node) -> str:
    return str(node.parts[0].value) if node.kind == "call" and node.parts[0].kind == "variable" else ""


def _inside(node: Node, bound: Mapping[str, Node]) -> tuple[Node, Mapping[str, Node]]:
    """Return what a block gives, with the names that it has bound."""
    while node.kind == "block" and node.parts:
        made = dict(bound)
        made.update((str(part.value), part.parts[0]) for part in node.parts if part.kind == "bind")
        node, bound = node.parts[-1], made
    return node, bound


def _subject(node: Node, bound: Mapping[str, Node]) -> Iterator[_Subject]:
    """Yield the place that an expression looks at, if it looks at one."""
    node, bound = _inside(node, bound)
    function = _function(node)
    if node.kind == "variable" and str(node.value) in bound:
        name = str(node.value)
        yield from _subject(bound[name], {key: each for key, each in bound.items() if key != name})
    elif node.kind in ("variable", "path"):
        yield from _place(node)
    elif function in ("count", "length"):
        for subject in _subject(node.parts[1], bound):
            yield _Subject(subject.root, subject.steps, _sized({} if function == "count" else None))
    elif function == "string":
        for subject in _subject(node.parts[1], bound):
            yield subject
    elif node.kind == "call" and len(node.parts) > 1:
        yield from _subject(node.parts[1], bound)  # a function of its own, or one that keeps what it is given


def _sized(item: Json) -> Callable[[Json], Json]:
    def made(length: Json) -> Json:
        count = max(0, int(length)) if isinstance(length, int | float) else 1
        return "x" * count if item is None else [item] * count

    return made


def _place(node: Node) -> Iterator[_Subject]:
    first, *rest = node.parts if node.kind == "path" else (node,)
    steps: list[str | int] = []
    for step in rest:
        if step.kind not in ("name", "literal") or not isinstance(step.value, str):
            break
        steps.append(step.value)
    if first.kind != "variable" or first.value in ("", "$"):
        return
    if first.value != "states":
        yield _Subject(f"${first.value}", tuple(steps), _same)
    elif steps:
        yield _Subject(str(steps[0]), tuple(steps[1:]), _same)


def _same(value: Json) -> Json:
    return value


def _every_subject(node: Node, bound: Mapping[str, Node]) -> Iterator[_Subject]:
    found = list(_subject(node, bound))
    if found or node.kind in ("path", "variable"):
        yield from found
    else:
        for part in node.parts:
            yield from _every_subject(part, bound)
