"""The text of a path, read into tokens once.

A name or an index is a token by itself (`str`, `int`); whatever can select several values has a class of its
own. The dialect is Jayway's, which AWS uses; what Jayway lacks (a slice's step, scripts) is refused with a
reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.query.expression import SyntaxProblem


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']`: the named members, merged into one object."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indices:
    """`[0,2]`: the items at these places."""

    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:5]`: the items from `start` to before `stop`."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`[*]` or `.*`: every member or item."""


@dataclass(frozen=True, slots=True)
class Scan:
    """`..`: what follows is applied to every object and array below."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(…)]`: what satisfies `text`, which begins at `offset` of the path."""

    text: str
    offset: int


Token: TypeAlias = str | int | Names | Indices | Slice | Wildcard | Scan | Filter


@dataclass(frozen=True, slots=True)
class ParsedPath:
    """A path's root ("$", "$$" or "$name"), its tokens, and for each token the offset where it ends."""

    root: str
    tokens: tuple[Token, ...]
    ends: tuple[int, ...]


QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_ROOT = re.compile(r"\$\$|\$(?:[^\W\d]\w*)?")
_NAME = re.compile(r"[^.\[\]\s'\",]+")
_INDICES = re.compile(r"\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")
_SLICE = re.compile(r"\[\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(:\s*(?:-?\d+)?)?\s*\]")
_WILDCARD = re.compile(r"\[\s*\*\s*\]")
_NAMES = re.compile(rf"\[\s*({QUOTED}(?:\s*,\s*{QUOTED})*)\s*\]", re.DOTALL)
_QUOTED = re.compile(QUOTED, re.DOTALL)
_FILTER = re.compile(r"\[\s*\?\s*\(")
_SCRIPT = re.compile(r"\[\s*\(")
_ENDS_FILTER = re.compile(r"\)\s*\]")
_INT32 = range(-(2**31), 2**31)
_LONGEST_INT32 = 11  # characters


def parse(text: str) -> ParsedPath:
    """Read a path.

    Raises:
        SyntaxProblem: `text` is no path in AWS's dialect.
    """
    root = _ROOT.match(text)
    if root is None:
        raise SyntaxProblem("a path begins with $ (the input), $$ (the Context Object) or $name (a variable)")
    tokens: list[Token] = []
    ends: list[int] = []
    position = root.end()
    while position < len(text):
        token, position = _token(text, position, after_scan=bool(tokens) and isinstance(tokens[-1], Scan))
        tokens.append(token)
        ends.append(position)
    if tokens and isinstance(tokens[-1], Scan):
        raise SyntaxProblem("a path must not end with '..'", len(text) - 2)
    return ParsedPath(root.group(), tuple(tokens), tuple(ends))


def fragment(token: Token) -> str:
    """Return a token as Jayway prints it."""
    match token:
        case str():
            return f"['{token}']"
        case int():
            return f"[{token}]"
        case Names(names):
            return "[" + ",".join(f"'{name}'" for name in names) + "]"
        case Indices(indices):
            return "[" + ",".join(map(str, indices)) + "]"
        case Slice(start, stop):
            return f"[{'' if start is None else start}:{'' if stop is None else stop}]"
        case Wildcard():
            return "[*]"
        case Scan():
            return ".."
        case Filter():
            return "[?]"


def unquote(quoted: str) -> str:
    r"""Return a quoted name's value: a backslash stands for itself unless the quote or a backslash follows.

    Source: recorded: escape_sequence_parsing[ESCAPE_SEQUENCES_JSONPATH] (`\"` between single quotes stays as
    it is); an escaped delimiter and a doubled backslash are assumed.
    """
    quote = quoted[0]
    return re.sub(rf"\\([\\{quote}])", r"\1", quoted[1:-1])


def integer(digits: str, at: int) -> int:
    """Return an index, which stands at an offset.

    Source: Jayway reads indices as Java's ints; that AWS refuses a greater one at creation is assumed.

    Raises:
        SyntaxProblem: it does not fit into 32 bits.
    """
    if len(digits.strip()) > _LONGEST_INT32 or int(digits) not in _INT32:
        raise SyntaxProblem(f"an index is from {_INT32.start} to {_INT32.stop - 1}", at)
    return int(digits)


def _token(text: str, position: int, *, after_scan: bool) -> tuple[Token, int]:
    if text[position] == "[":
        return _bracket(text, position)
    if text.startswith("..", position) and not after_scan:
        return Scan(), position + 2
    if text[position] == ".":
        if after_scan or position + 1 == len(text):
            message = "a name is missing" if after_scan else "a path must not end with '.'"
            raise SyntaxProblem(message, position)
        if text[position + 1] == "[":
            return _bracket(text, position + 1)
        position += 1
    elif not after_scan:
        raise SyntaxProblem(f"expected '.' or '[', found {text[position]!r}", position)
    name = _NAME.match(text, position)
    if name is None:
        raise SyntaxProblem(_why_no_name(text, position), position)
    if name.end() < len(text) and text[name.end()] not in ".[":
        raise SyntaxProblem(_why_no_name(text, name.end()), name.end())
    return (Wildcard() if name.group() == "*" else name.group()), name.end()


def _why_no_name(text: str, position: int) -> str:
    if text[position] in ".[":
        return "a name is missing"
    return f"write a name that holds {text[position]!r} in brackets and quotes: ['…']"


def _bracket(text: str, position: int) -> tuple[Token, int]:
    if found := _NAMES.match(text, position):
        names = tuple(unquote(each) for each in _QUOTED.findall(found.group(1)))
        return (names[0] if len(names) == 1 else Names(names)), found.end()
    if found := _INDICES.match(text, position):
        indices = tuple(integer(each, found.start(1)) for each in found.group(1).split(","))
        return (indices[0] if len(indices) == 1 else Indices(indices)), found.end()
    if found := _WILDCARD.match(text, position):
        return Wildcard(), found.end()
    if found := _SLICE.match(text, position):
        if found.group(3):
            raise SyntaxProblem("a slice has no step in AWS's JSONPath: write [from:to]", found.start(3))
        ends = (None if part is None else integer(part, found.start()) for part in found.group(1, 2))
        return Slice(*ends), found.end()
    if found := _FILTER.match(text, position):
        end = _end_of_filter(text, found.end())
        closing = _ENDS_FILTER.match(text, end)
        if closing is None:
            raise SyntaxProblem("the filter is not closed: expected )]", position)
        return Filter(text[found.end() : end], found.end()), closing.end()
    if _SCRIPT.match(text, position):
        raise SyntaxProblem("AWS's JSONPath has no script expressions [(…)]", position)
    raise SyntaxProblem("in brackets stands a quoted name, an index, a slice, * or a filter ?(…)", position)


def _end_of_filter(text: str, position: int) -> int:
    """Return the offset of the `)` that closes the filter whose content begins at `position`."""
    depth = 0
    while position < len(text):
        if quoted := _QUOTED.match(text, position):
            position = quoted.end()
            continue
        if text[position] == "(":
            depth += 1
        elif text[position] == ")":
            if depth == 0:
                return position
            depth -= 1
        position += 1
    raise SyntaxProblem("the filter is not closed: expected )]", len(text))
