"""A JSONPath filter's text to a condition on `$v`: comparisons with literals, presence, and their combinations."""

from __future__ import annotations

import re

from sfn_sim.convert.code import NoEquivalent, literal, member
from sfn_sim.payload import Json
from sfn_sim.query.filters import compile_filter
from sfn_sim.query.path_syntax import QUOTED, unquote

_TOKEN = re.compile(
    rf"""\s*(?:(?P<path>@(?:\.[\w$-]+|\[\s*{QUOTED}\s*\])*)|(?P<text>{QUOTED})|(?P<number>-?\d+(?:\.\d+)?)
         |(?P<word>true|false|null)\b|(?P<compare>==|!=|<=|>=|<|>)|(?P<sign>&&|\|\||!|\(|\)))""",
    re.VERBOSE,
)
_STEP = re.compile(rf"\.([\w$-]+)|\[\s*({QUOTED})\s*\]")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}


def condition_of(text: str, offset: int) -> str:
    """Return the condition that a filter stands for.

    Raises:
        NoEquivalent: it has operators or operands beyond comparisons of a member with a literal.
    """
    compile_filter(text, offset)
    return _Reader(text).read()


class _Reader:
    """One reading of a filter, by recursive descent; its text is known to be a filter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise self._none()
            self._tokens.append((found.lastgroup, found.group(found.lastgroup)))
            position = found.end()

    def read(self) -> str:
        code = self._any_of()
        if self._tokens:
            raise self._none()
        return code

    def _none(self) -> NoEquivalent:
        return NoEquivalent(f"the filter [?({self._text})] compares more than members with literals")

    def _taken(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == ("sign", sign):
            self._tokens.pop(0)
            return True
        return False

    def _any_of(self) -> str:
        terms = [self._all_of()]
        while self._taken("||"):
            terms.append(self._all_of())
        return terms[0] if len(terms) == 1 else f"({' or '.join(terms)})"

    def _all_of(self) -> str:
        terms = [self._term()]
        while self._taken("&&"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else f"({' and '.join(terms)})"

    def _term(self) -> str:
        if self._taken("!"):
            return f"$not({self._term()})"
        if self._taken("("):
            inner = self._any_of()
            if not self._taken(")"):
                raise self._none()
            return inner
        return self._comparison()

    def _comparison(self) -> str:
        left = self._operand()
        if not self._tokens or self._tokens[0][0] != "compare":
            if not isinstance(left, str):
                raise self._none()
            return f"$exists({left})"
        operator = self._tokens.pop(0)[1]
        right = self._operand()
        if isinstance(left, str) == isinstance(right, str):
            raise self._none()
        if isinstance(right, str):
            left, right, operator = right, left, _TURNED[operator]
        assert isinstance(left, str)
        assert isinstance(right, tuple)
        return compared(left, operator, right[0])

    def _operand(self) -> str | tuple[Json]:
        if not self._tokens:
            raise self._none()
        kind, text = self._tokens.pop(0)
        if kind == "path":
            code = "$v"
            for plain, quoted in _STEP.findall(text):
                code = member(code, plain or unquote(quoted))
            return code
        if kind == "text":
            return (unquote(text),)
        if kind == "number":
            return (int(text) if text.lstrip("-").isdigit() else float(text),)
        if kind == "word":
            return (_WORDS[text],)
        raise self._none()


_TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def compared(code: str, operator: str, value: Json) -> str:
    """Return the code that compares a value with a literal; unlike types are never ordered."""
    if operator == "==":
        return f"{code} = {literal(value)}"
    if operator == "!=":
        return f"$not({code} = {literal(value)})"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return "false"
    kind = "string" if isinstance(value, str) else "number"
    return f'($type({code}) = "{kind}" and {code} {operator} {literal(value)})'
