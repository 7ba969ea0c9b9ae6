"""What the parts of a JSONata expression give: for those who want to see where a value is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sfn_sim.payload import Json
from sfn_sim.query.jsonata import Bindings, Compiled, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED, JsonataProblem, QueryEvaluationError
from sfn_sim.query.jsonata_quick import Result
from sfn_sim.query.jsonata_syntax import Node

_MOST_VALUES = 1_000
# A part that is written down, or names a function, tells nothing that the text does not.
_SILENT = frozenset(("literal", "regex", "lambda", "placeholder", "wildcard", "descendant", "parent"))
_SUBJECT_FIRST = frozenset(("filter", "keep", "sort", "group"))


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-expression and what it gave.

    Attributes:
        start, end: where it stands in the expression, in characters; `text` is what stands there.
        values: what it gave each time it was evaluated, UNDEFINED among them: once for what stands outside of
            predicates and functions, once an item inside; none where it was never reached.
        inside: it stands in a predicate, a sort key, a grouping, a later step of a path or a function.
        error: AWS's words where evaluating it throws.
    """

    start: int
    end: int
    text: str
    values: tuple[Result, ...]
    inside: bool = False
    error: str = ""


def explain(compiled: Compiled, bindings: Bindings) -> tuple[Part, ...]:
    """Return what the sub-expressions give, in source order: a path after each of its steps, and the whole last.

    An expression that fails is explained up to where it does. Nothing that is drawn here changes what the run
    draws, if `bindings` has a stream of its own.
    """
    seen = _evaluations(compiled, bindings)
    found: dict[tuple[int, int], Part] = {}
    for place in _places(compiled.tree, _Around()):
        span = place.start, place.end
        if span in found or (seen and place.whole not in seen):
            continue  # an operand or a branch that was never evaluated
        text = compiled.text[place.start : place.end]
        part = _alone(place.start, place.end, text, bindings) if place.alone else None
        if part is None and span in seen:
            part = Part(place.start, place.end, text, tuple(seen[span]), place.inside)
        if part is not None:
            found[span] = part
    return tuple(sorted(found.values(), key=lambda part: (part.end, -part.start)))


@dataclass(frozen=True, slots=True)
class _Place:
    """A part that is worth a look; `whole` is where the node stands that it is, or is the beginning of."""

    start: int
    end: int
    whole: tuple[int, int]
    inside: bool
    alone: bool


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a part: it may have a context of its own, and variables that are bound there."""

    inside: bool = False
    bound: frozenset[str] = frozenset()

    def place(self, node: Node, end: int) -> _Place:
        needs = any(each.kind == "variable" and each.value in self.bound for each in node.walk())
        return _Place(node.start, end, (node.start, node.end), self.inside, not (self.inside or needs))

    def within(self, node: Node) -> _Around:
        """Return what stands around the parts of a block or function."""
        bound = {str(each.value) for each in node.walk() if each.kind in ("bind", "focus", "index")}
        return _Around(self.inside or node.kind != "block", self.bound | bound)


def _places(node: Node, around: _Around) -> Iterator[_Place]:
    if node.kind not in _SILENT:
        yield around.place(node, node.end)
    inner = _Around(True, around.bound)
    if node.kind == "path":
        yield from _path_places(node, around, inner)
    elif node.kind in _SUBJECT_FIRST:
        yield from _places(node.parts[0], around)
        for part in node.parts[1:]:
            yield from _places(part, inner)
    elif node.kind in ("call", "partial"):
        for argument in node.parts[1:]:
            yield from _places(argument, around)
    elif node.kind == "binary" and node.value == "~>":
        left, right = node.parts
        yield from _places(left, around)
        for argument in right.parts[1:] if right.kind == "call" else ():
            yield from _places(argument, around)
    else:
        below = around.within(node) if node.kind in ("block", "lambda", "transform") else around
        for part in node.parts[1::2] if node.kind == "object" else node.parts:
            yield from _places(part, below)


def _path_places(node: Node, around: _Around, inner: _Around) -> Iterator[_Place]:
    first, *steps = node.parts
    if first.kind != "variable":
        yield from _places(first, around)
    elif first.value not in ("", "$", "states"):
        yield around.place(node, first.end)
    for step in steps:
        if step.kind in _SUBJECT_FIRST:
            yield around.place(node, step.parts[0].end)
            for part in step.parts[1:]:
                yield from _places(part, inner)
        elif step.kind not in ("name", "literal"):
            yield from _places(step, inner)
        yield around.place(node, step.end)


def _alone(start: int, end: int, text: str, bindings: Bindings) -> Part | None:
    """Evaluate a part that needs nothing of what stands around it."""
    try:
        value = compile_expression(text).result(bindings)
    except JsonataProblem:
        return None
    except QueryEvaluationError as error:
        told = "a function" if error.kind == "unsupported" else f"{error.code}: {error.text}".removeprefix(": ")
        return Part(start, end, text, (), error=told)
    return Part(start, end, text, (value,))


def _evaluations(compiled: Compiled, bindings: Bindings) -> Mapping[tuple[int, int], list[Result]]:
    """Return what each part gave in one evaluation of the whole, as the engine tells it."""
    values: dict[tuple[int, int], list[Result]] = {}
    for node in _audited(compiled.audit(bindings)):
        given = values.setdefault((node["span"]["start"], node["span"]["end"]), [])
        if len(given) < _MOST_VALUES:
            given.append(UNDEFINED if node["outcome"] == "undefined" else _value(node))
    return values


def _value(node: Mapping[str, Any]) -> Json:
    value: Json = node.get("output")
    return value


def _audited(node: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if node is None:
        return
    children = node.get("children", ())
    same = [child for child in children if child["span"] == node["span"]]
    if not same:  # a lone name is a path of one step: one of the two is enough
        yield node
    for child in children:
        yield from _audited(child)
