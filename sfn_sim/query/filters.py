"""Filters, `[?(…)]`: read here, carried out by jsonpath-ng.

jsonpath-ng is imported when the first filter is compiled, never before. A filter is checked and written anew
for it (paths in brackets, negation moved inwards), because what it does not know it partly reads as something
else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.path_syntax import QUOTED, unquote

Select: TypeAlias = Callable[[list[Json], Json], list[Json]]

_STEP = rf"""(?:\.[^\s.\[\]()=!<>&|,~'"*]+|\[\s*(?:-?\d+|\*|{QUOTED})\s*\])"""
_TOKEN = re.compile(
    rf"""\s*(?:(?P<path>[@$]{_STEP}*)
          |(?P<text>{QUOTED})
          |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
          |(?P<word>true|false|null)\b
          |(?P<compare>==|!=|<=|>=|<|>(?!~))(?!~)
          |(?P<sign>&&|\|\||!|\(|\)))""",
    re.VERBOSE | re.DOTALL,
)
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


@cache
def compile_filter(text: str, offset: int) -> Select:
    """Return the function that selects, of the given values, those that satisfy a filter.

    Args:
        text: what stands between `?(` and `)`.
        offset: where it stands in its path, for messages.

    Raises:
        SyntaxProblem: not a filter, or one with an operator that sfn-sim does not know.
    """
    from jsonpath_ng import DatumInContext, Root
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext import parse

    try:
        expression: Any = parse(f"$[?({_Reader(text, offset).read()})]").right
    except JSONPathError as problem:
        raise SyntaxProblem(f"sfn-sim cannot read the filter '{text}': {problem}", offset) from problem
    top: Any = Root()

    def select(values: list[Json], root: Json) -> list[Json]:
        # The context makes `$` inside the filter mean the whole document.
        datum = DatumInContext(values, path=top, context=DatumInContext.wrap(root))
        return [match.value for match in expression.find(datum)]

    return select


class _Reader:
    """One reading of a filter's text, by recursive descent; methods return what jsonpath-ng understands."""

    def __init__(self, text: str, offset: int) -> None:
        self._offset = offset
        self._tokens = list(_tokens(text, offset))
        self._next = 0

    def read(self) -> str:
        written = self._any_of(negated=False)
        if self._kind() != "end":
            raise self._unexpected()
        return written

    def _kind(self) -> str:
        return self._tokens[self._next][0]

    def _take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _is(self, sign: str) -> bool:
        return self._tokens[self._next][:2] == ("sign", sign)

    def _unexpected(self) -> SyntaxProblem:
        kind, text, at = self._tokens[self._next]
        found = "the end" if kind == "end" else f"'{text}'"
        return SyntaxProblem(f"a filter compares paths (@.x) by == != < <= > >= to values, found {found}", at)

    def _any_of(self, *, negated: bool) -> str:
        parts = [self._all_of(negated=negated)]
        while self._is("||"):
            self._take()
            parts.append(self._all_of(negated=negated))
        return _joined(parts, "&&" if negated else "||")

    def _all_of(self, *, negated: bool) -> str:
        parts = [self._term(negated=negated)]
        while self._is("&&"):
            self._take()
            parts.append(self._term(negated=negated))
        return _joined(parts, "||" if negated else "&&")

    def _term(self, *, negated: bool) -> str:
        if self._is("!"):
            self._take()
            return self._term(negated=not negated)
        if self._is("("):
            self._take()
            inner = self._any_of(negated=negated)
            if not self._is(")"):
                raise self._unexpected()
            self._take()
            return inner
        return self._comparison(negated=negated)

    def _comparison(self, *, negated: bool) -> str:
        left_is_path, left = self._operand()
        if self._kind() != "compare":
            if not left_is_path:
                raise self._unexpected()
            return f"(!{left})" if negated else left
        operator = self._take()
        right_is_path, right = self._operand()
        if not left_is_path:
            if not right_is_path:
                raise SyntaxProblem("this filter compares two literals, no path (@.x)", self._offset)
            left, operator, right = right, _MIRRORED[operator], left
        return f"({left} {_OPPOSITE[operator] if negated else operator} {right})"

    def _operand(self) -> tuple[bool, str]:
        kind = self._kind()
        if kind == "path":
            return True, _path(self._take())
        at = self._tokens[self._next][2]
        if kind == "text":
            return False, _quoted(unquote(self._take()), at)
        if kind == "number":
            digits = self._take()
            return False, digits if digits.lstrip("-").isdigit() else repr(float(digits))
        if kind == "word":
            return False, self._take()
        raise self._unexpected()


def _tokens(text: str, offset: int) -> Iterator[tuple[str, str, int]]:
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            start = len(text) - len(text[position:].lstrip())
            word = re.match(r"\w+|\W", text[start:])
            raise SyntaxProblem(
                f"sfn-sim does not carry out '{word.group() if word else ''}' in a filter;"
                " it knows == != < <= > >= && || ! and brackets",
                offset + start,
            )
        yield found.lastgroup, found.group(found.lastgroup), offset + found.start(found.lastgroup)
        position = found.end()
    yield "end", "", offset + len(text)


def _joined(parts: list[str], operator: str) -> str:
    return parts[0] if len(parts) == 1 else "(" + f" {operator} ".join(parts) + ")"


def _path(text: str) -> str:
    written = text[0]
    for step in re.findall(_STEP, text[1:], re.DOTALL):
        if step[0] == ".":
            written += f"[{_quoted(step[1:], 0)}]"
        else:
            inner = step[1:-1].strip()
            written += f"[{_quoted(unquote(inner), 0)}]" if inner[0] in "'\"" else f"[{inner}]"
    return written


def _quoted(text: str, at: int) -> str:
    if "\\" in text or ("'" in text and '"' in text):
        raise SyntaxProblem("sfn-sim's filters know no text with a backslash or both kinds of quotes", at)
    return f'"{text}"' if "'" in text else f"'{text}'"
