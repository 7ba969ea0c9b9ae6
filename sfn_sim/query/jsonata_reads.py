"""What a JSONata expression reads: variables of its own surroundings, and a context that AWS does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sfn_sim.query.expression import Reference
from sfn_sim.query.jsonata_errors import UNSUPPORTED, JsonataProblem
from sfn_sim.query.jsonata_syntax import Node


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a variable that the expression does not bind itself.

    Attributes:
        name: the variable's name without $.
        steps: the fields that are read below it, as far as they are certain.
        start, end: where the read stands in the text, its steps included.
        called: it is called as a function.
    """

    name: str
    steps: tuple[str | int, ...]
    start: int
    end: int
    called: bool = False

    def reference(self, text: str) -> Reference:
        """Return the read as every query language has it."""
        return Reference(f"${self.name}", self.steps, text[self.start : self.end])


def reads(tree: Node) -> tuple[Read, ...]:
    """Return an expression's reads of variables that it does not bind, in source order."""
    return tuple(sorted(_reads(tree, _Names()), key=lambda read: (read.start, read.end)))


class _Names:
    """The variables that an expression has bound at a place."""

    def __init__(self, outer: frozenset[str] = frozenset()) -> None:
        self.bound = set(outer)

    def inner(self, *names: str) -> _Names:
        return _Names(frozenset((*self.bound, *names)))


def _reads(node: Node, names: _Names) -> Iterator[Read]:
    match node.kind:
        case "variable":
            if node.value not in ("", "$", *names.bound):
                yield Read(str(node.value), (), node.start, node.end)
        case "path":
            yield from _path(node, names)
        case "block":
            inner = names.inner()
            for part in node.parts:
                yield from _reads(part, inner)
        case "lambda":
            assert isinstance(node.value, tuple)
            yield from _reads(node.parts[0], names.inner(*map(str, node.value)))
        case "bind":
            # A function may call itself; any other value is made before its name is bound.
            if node.parts[0].kind == "lambda":
                names.bound.add(str(node.value))
            yield from _reads(node.parts[0], names)
            names.bound.add(str(node.value))
        case "focus" | "index":
            yield from _reads(node.parts[0], names)
            names.bound.add(str(node.value))
        case "call" | "partial":
            for read in _reads(node.parts[0], names):
                own = node.parts[0].kind == "variable"
                yield Read(read.name, read.steps, read.start, read.end, called=own)
            for part in node.parts[1:]:
                yield from _reads(part, names)
        case _:
            for part in node.parts:
                yield from _reads(part, names)


def _path(node: Node, names: _Names) -> Iterator[Read]:
    # What a step binds (@, #) is seen by the steps after it and by nobody else.
    inner = names.inner()
    first, *rest = node.parts
    if first.kind == "variable" and first.value not in ("", "$", *names.bound):
        steps: list[str | int] = []
        end = first.end
        for step in rest:
            name = field_of(step)
            if name is None:
                subject = _subject(step)
                if subject is not None:
                    steps.append(subject)
                    end = step.end
                break
            steps.append(name)
            end = step.end
        yield Read(str(first.value), tuple(steps), first.start, end)
    else:
        yield from _reads(first, inner)
    for step in rest:
        yield from _reads(step, inner)


def field_of(step: Node) -> str | None:
    """Return the name of the field that a step of a path is, if it is one."""
    return step.value if step.kind in ("name", "literal") and isinstance(step.value, str) else None


def _subject(step: Node) -> str | None:
    """Return the field that a step reads before it filters, sorts or groups."""
    while step.kind in ("filter", "keep", "sort", "group", "focus", "index"):
        step = step.parts[0]
    return field_of(step)


def unsupported(tree: Node) -> tuple[JsonataProblem, ...]:
    """Return what an expression reads of a context: AWS evaluates it without one, and refuses each name once.

    Source: measured on AWS (floci-io/floci#2670, #2745): only the first step of a path counts, no predicate, sort
    key or grouping; the body of a function counts.
    """
    found: dict[str, JsonataProblem] = {}
    for node in _of_context(tree):
        name = f"${node.value}" if node.kind == "variable" else str(node.value)
        where = "" if name == "$$" else " at the top level"
        message = f"Reference to '{name}'{where} is not supported."
        found.setdefault(name, JsonataProblem(UNSUPPORTED, message, node.start, node.end - node.start))
    return tuple(found.values())


def _of_context(node: Node) -> Iterator[Node]:
    match node.kind:
        case "name":
            yield node
        case "variable":
            if node.value in ("", "$"):
                yield node
        case "path":
            first = node.parts[0]
            if first.kind == "literal" and isinstance(first.value, str):
                yield first  # at the head of a path, 'a' is the field a
            yield from _of_context(first)
        case "filter" | "keep" | "sort" | "group" | "focus" | "index":
            yield from _of_context(node.parts[0])
        case "regex" | "transform" | "placeholder":
            return
        case _:
            for part in node.parts:
                yield from _of_context(part)
