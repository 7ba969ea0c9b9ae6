"""Filters, `[?(…)]`: read once into functions that test one item.

The operators are Jayway's. Values of unlike types are never equal, nor is one less than the other; a path that
leads nowhere equals nothing, not even null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.java_text import java_text
from sfn_sim.query.path_syntax import QUOTED, integer, unquote

Select: TypeAlias = Callable[[list[Json], Json], list[Json]]
Test: TypeAlias = Callable[[Json, Json], bool]
"""Tells whether an item satisfies a filter, given the item (`@`) and the whole document (`$`)."""
Read: TypeAlias = Callable[[Json, Json], Any]
"""Reads one side of a comparison; what is not there is `_MISSING`."""

_STEP = rf"""(?:\.[^\s.\[\]()=!<>&|,~'"*]+|\.\*|\[\s*(?:-?\d+|\*|{QUOTED})\s*\])"""
_TOKEN = re.compile(
    rf"""\s*(?:(?P<path>[@$]{_STEP}*)
          |(?P<text>{QUOTED})
          |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
          |(?P<word>[a-z]+)\b
          |(?P<compare>===|!==|==|!=|<=|>=|=~|<|>)
          |(?P<pattern>/(?:[^/\\]|\\.)*/\w*)
          |(?P<sign>&&|\|\||!|\(|\)|\[|\]|,))""",
    re.VERBOSE | re.DOTALL,
)
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_MISSING = object()
_DEEPEST = 50
_LONGEST_NUMBER = 300  # digits
_KNOWN = (
    "== != < <= > >= =~ in nin subsetof anyof noneof contains size empty && || ! and brackets, and compares a path "
    "with a text, a number, true, false, null, a list or another path"
)


@cache
def compile_filter(text: str, offset: int) -> Select:
    """Return the function that selects, of the given values, those that satisfy a filter.

    Args:
        text: what stands between `?(` and `)`.
        offset: where it stands in its path, for messages.

    Source: Jayway's README, Filter Operators (also that 1 is not equal to '1'); which of them the version that AWS
    runs has, beside the comparisons, is assumed.

    Raises:
        SyntaxProblem: not a filter, or one with an operator that sfn-sim does not know.
    """
    test = _Reader(text, offset).read()

    def select(values: list[Json], root: Json) -> list[Json]:
        return [value for value in values if test(value, root)]

    return select


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(left: Any, right: Any) -> bool:
    """Tell whether two values are the same JSON: 1 is 1.0, and neither true nor '1'."""
    if _is_number(left) or _is_number(right):
        return _is_number(left) and _is_number(right) and bool(left == right)
    if left.__class__ is not right.__class__ or left is _MISSING:
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(each, right[key]) for key, each in left.items())
    return bool(left == right)


def _has(values: Any, wanted: Any) -> bool:
    return isinstance(values, list) and any(_same(each, wanted) for each in values)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            # As Java orders strings: by their UTF-16 code units.
            return compare(left.encode("utf-16-be", "surrogatepass"), right.encode("utf-16-be", "surrogatepass"))
        return _is_number(left) and _is_number(right) and compare(left, right)

    return ordered


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _has(left, right)


def _size(left: Any, right: Any) -> bool:
    return isinstance(left, str | list) and _is_number(right) and len(left) == right


def _empty(left: Any, right: Any) -> bool:
    return isinstance(left, str | list | dict) and isinstance(right, bool) and (not left) is right


def _both_lists(test: Callable[[list[Json], list[Json]], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: isinstance(left, list) and isinstance(right, list) and test(left, right)


def _matches(left: Any, pattern: re.Pattern[str]) -> bool:
    if isinstance(left, list):
        return any(_matches(each, pattern) for each in left)
    text = java_text(left) if isinstance(left, str | bool | int | float) else ""
    return pattern.fullmatch(text) is not None


_LESS = _ordered(lambda left, right: left < right)
_AT_MOST = _ordered(lambda left, right: left <= right)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _same,
    "===": _same,
    "!=": lambda left, right: not _same(left, right),
    "!==": lambda left, right: not _same(left, right),
    "<": _LESS,
    "<=": _AT_MOST,
    ">": lambda left, right: _LESS(right, left),
    ">=": lambda left, right: _AT_MOST(right, left),
    "=~": _matches,
    "in": lambda left, right: _has(right, left),
    "nin": lambda left, right: not _has(right, left),
    "contains": _contains,
    "size": _size,
    "empty": _empty,
    "subsetof": _both_lists(lambda left, right: all(_has(right, each) for each in left)),
    "anyof": _both_lists(lambda left, right: any(_has(right, each) for each in left)),
    "noneof": _both_lists(lambda left, right: not any(_has(right, each) for each in left)),
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """One reading of a filter's text, by recursive descent: `||` binds least, then `&&`, then `!`."""

    def __init__(self, text: str, offset: int) -> None:
        self._offset = offset
        self._tokens = list(_tokens(text, offset))
        self._next = 0
        self._depth = 0

    def read(self) -> Test:
        test = self._any_of()
        if self._ahead.kind != "end":
            raise self._unexpected()
        return test

    @property
    def _ahead(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _taken(self, sign: str) -> bool:
        found = self._ahead.kind == "sign" and self._ahead.text == sign
        self._next += found
        return found

    def _unexpected(self) -> SyntaxProblem:
        token = self._ahead
        found = "the end" if token.kind == "end" else f"'{token.text}'"
        return SyntaxProblem(f"{found} is not expected here; sfn-sim's filters know {_KNOWN}", token.at)

    def _go_deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SyntaxProblem(f"sfn-sim reads filters that are nested at most {_DEEPEST} deep", self._ahead.at)

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._taken("||"):
            tests.append(self._all_of())
        return tests[0] if len(tests) == 1 else lambda item, root: any(test(item, root) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._term()]
        while self._taken("&&"):
            tests.append(self._term())
        return tests[0] if len(tests) == 1 else lambda item, root: all(test(item, root) for test in tests)

    def _term(self) -> Test:
        if self._taken("!"):
            self._go_deeper()
            negated = self._term()
            self._depth -= 1
            return lambda item, root: not negated(item, root)
        if self._taken("("):
            self._go_deeper()
            inner = self._any_of()
            self._depth -= 1
            if not self._taken(")"):
                raise self._unexpected()
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        left_is_path = self._ahead.kind == "path"
        left = self._operand()
        if self._ahead.kind not in ("compare", "word"):
            if not left_is_path:
                raise self._unexpected()
            return lambda item, root: left(item, root) is not _MISSING
        operator = self._operator()
        if operator == "=~":
            pattern = self._pattern()
            return lambda item, root: _matches(left(item, root), pattern)
        right_is_path = self._ahead.kind == "path"
        right, compare = self._operand(), _OPERATORS[operator]
        if not left_is_path and not right_is_path:
            raise SyntaxProblem("this filter compares two literals, no path (@.x)", self._offset)
        return lambda item, root: compare(left(item, root), right(item, root))

    def _operator(self) -> str:
        if self._ahead.text not in _OPERATORS:
            raise self._unexpected()
        return self._take().text

    def _pattern(self) -> re.Pattern[str]:
        token = self._ahead
        if token.kind != "pattern":
            raise self._unexpected()
        self._take()
        text, _, flags = token.text[1:].rpartition("/")
        if flags not in ("", "i"):
            raise SyntaxProblem(f"sfn-sim's filters know the flag i of a pattern, not {flags}", token.at)
        try:
            return re.compile(text, re.IGNORECASE if flags else 0)
        except (re.error, RecursionError, OverflowError) as problem:
            raise SyntaxProblem(f"sfn-sim cannot read the pattern {token.text}: {problem}", token.at) from None

    def _operand(self) -> Read:
        token = self._ahead
        if token.kind == "path":
            return _path(self._take())
        value = self._literal()
        return lambda _item, _root: value

    def _literal(self) -> Json:
        token = self._ahead
        if token.kind == "text":
            return unquote(self._take().text)
        if token.kind == "number":
            digits = self._take().text
            if len(digits) > _LONGEST_NUMBER:
                raise SyntaxProblem("the number has too many digits", token.at)
            return int(digits) if digits.lstrip("-").isdigit() else float(digits)
        if token.kind == "word" and token.text in _WORDS:
            return _WORDS[self._take().text]
        if self._taken("["):
            return self._list()
        raise self._unexpected()

    def _list(self) -> Json:
        items: list[Json] = []
        self._go_deeper()
        while not self._taken("]"):
            if items and not self._taken(","):
                raise self._unexpected()
            items.append(self._literal())
        self._depth -= 1
        return items


def _tokens(text: str, offset: int) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            start = len(text) - len(text[position:].lstrip())
            word = re.match(r"\w+|\W", text[start:])
            raise SyntaxProblem(
                f"sfn-sim does not carry out '{word.group() if word else ''}' in a filter; it knows {_KNOWN}",
                offset + start,
            )
        yield _Token(found.lastgroup, found.group(found.lastgroup), offset + found.start(found.lastgroup))
        position = found.end()
    yield _Token("end", "", offset + len(text))


def _path(token: _Token) -> Read:
    """Return how to read a path inside a filter; one with a wildcard gives the list of all that it selects."""
    steps = [_step(each, token.at) for each in re.findall(_STEP, token.text[1:], re.DOTALL)]
    of_item, definite = token.text[0] == "@", None not in steps

    def read(item: Json, root: Json) -> Any:
        found: list[Any] = [item if of_item else root]
        for step in steps:
            found = [each for value in found for each in _below(value, step)]
        if not found:
            return _MISSING
        return found[0] if definite else found

    return read


def _step(text: str, at: int) -> str | int | None:
    """Return a step's name or index; None stands for the wildcard."""
    if text[0] == ".":
        return None if text == ".*" else text[1:]
    inner = text[1:-1].strip()
    if inner == "*":
        return None
    return unquote(inner) if inner[0] in "'\"" else integer(inner, at)


def _below(value: Any, step: str | int | None) -> list[Any]:
    if step is None:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    return [value[step]] if isinstance(value, list) and -len(value) <= step < len(value) else []
