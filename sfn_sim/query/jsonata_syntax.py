"""The syntax of JSONata 2.0.6: an expression's text read into a tree whose nodes know where they stand.

A tree answers what the engine does not tell: which variables an expression reads and where, what it reads of a
context that AWS does not have, and what its parts are. What newer versions of JSONata added is refused here in
the words of the older one.

Kinds of nodes, with what `value` and `parts` hold:

    literal      value: str, int, float, True, False or None
    regex        value: the pattern as written
    name         value: a field's name
    variable     value: its name without $; "" is $, "$" is $$
    wildcard, descendant, parent          *, **, %
    path         parts: two or more steps
    filter       parts: subject, predicate                    keep   parts: subject, of subject[]
    sort         parts: subject, keys; value: True for each descending key
    group        parts: subject, then key and value in turn   object parts: key and value in turn
    focus, index parts: subject; value: the variable's name   (@$name, #$name)
    array        parts: items; a range among them has kind range and two parts
    binary       value: the operator; parts: left, right      negate parts: operand
    condition    parts: test, then, and else where it is written
    bind         value: the variable's name; parts: what it is bound to
    block        parts: expressions                            transform parts: pattern, update, delete
    call         parts: function, arguments                    partial   the same, with kind placeholder among them
    lambda       value: names of its parameters; parts: body
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.query.expression import SyntaxProblem

Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | tuple[bool, ...] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression, from character `start` up to `end` of its text."""

    kind: str
    start: int
    end: int
    value: Value = None
    parts: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """Yield the node and all nodes below it, in source order."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str | int | float | bool | None
    start: int
    end: int


# How strongly an operator binds what stands on its left; one that is not here only ends an operand.
_POWERS = {
    ".": 75, "[": 80, "{": 70, "(": 80, "@": 80, "#": 80, "?": 20, "+": 50, "-": 50, "*": 60, "/": 60, "%": 60,
    "=": 40, "<": 40, ">": 40, "^": 40, ":=": 10, "!=": 40, "<=": 40, ">=": 40, "~>": 40, "and": 30, "or": 25,
    "in": 40, "&": 50,
}  # fmt: skip
_BINARY = frozenset(["+", "-", "*", "/", "%", "=", "<", ">", "!=", "<=", ">=", "&", "and", "or", "in", "~>"])
_WORD_OPERATORS = frozenset(("and", "or", "in"))
_WORD_VALUES = {"true": True, "false": False, "null": None}
_STEPS_BY_SIGN = {"*": "wildcard", "**": "descendant", "%": "parent"}

_SKIPPED = re.compile(r"(?:[ \t\n\r\v\f]|/\*.*?\*/)*", re.DOTALL)
_OPERATOR = re.compile(r"\.\.|:=|!=|>=|<=|\*\*|~>|[.\[\]{}(),@#;:?+\-*/%|=<>^&!~]")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~]+")
_STRING = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL)
_QUOTED_NAME = re.compile(r"`([^`]*)`")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATES = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_REGEX_FLAGS = re.compile(r"[im]*")
_END = "(end)"


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        SyntaxProblem: it is not an expression of JSONata 2.0.6; the words are those of jsonata-js.
    """
    return _Parser(text).read()


class _Parser:
    """One reading by operator precedence; `token` is the one that comes next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.last_end = 0
        self.token = self._scan(infix=False)

    def read(self) -> Node:
        tree = self.expression(0)
        if self.token.kind != _END:
            raise SyntaxProblem(f'Syntax error: "{self._shown(self.token)}"', self.token.start)
        return tree

    # Tokens

    def _scan(self, *, infix: bool) -> _Token:
        text = self.text
        skipped = _SKIPPED.match(text, self.position)
        start = skipped.end() if skipped else self.position
        if start >= len(text):
            self.position = len(text)
            return _Token(_END, None, len(text), len(text))
        if text.startswith("/*", start):
            raise SyntaxProblem("Comment has no closing tag", start)
        if text[start] == "/" and not infix:
            return self._regex(start)
        if operator := _OPERATOR.match(text, start):
            return self._token("operator", operator.group(), start, operator.end())
        if text[start] in "\"'":
            string = _STRING.match(text, start)
            if string is None:
                raise SyntaxProblem("String literal must be terminated by a matching quote", start)
            return self._token("literal", _unescape(string[2]), start, string.end())
        if number := _NUMBER.match(text, start):
            return self._token("literal", _number(number.group()), start, number.end())
        if text[start] == "`":
            quoted = _QUOTED_NAME.match(text, start)
            if quoted is None:
                raise SyntaxProblem("Quoted property name must be terminated with a backquote (`)", start)
            return self._token("name", quoted[1], start, quoted.end())
        return self._word(start)

    def _word(self, start: int) -> _Token:
        match = _WORD.match(self.text, start)
        assert match is not None, "whatever is neither space nor operator is part of a word"
        word = match.group()
        if word.startswith("$"):
            return self._token("variable", word[1:], start, match.end())
        if word in _WORD_OPERATORS:
            return self._token("operator", word, start, match.end())
        if word in _WORD_VALUES:
            return self._token("literal", _WORD_VALUES[word], start, match.end())
        return self._token("name", word, start, match.end())

    def _regex(self, start: int) -> _Token:
        depth, at, text = 0, start + 1, self.text
        while at < len(text):
            char = text[at]
            if char == "/" and depth == 0:
                flags = _REGEX_FLAGS.match(text, at + 1)
                return self._token("regex", text[start + 1 : at], start, flags.end() if flags else at + 1)
            if char in "([{":
                depth += 1
            elif char in ")]}":
                depth -= 1
            at += 2 if char == "\\" else 1
        raise SyntaxProblem("No terminating / in regular expression", len(text))

    def _token(self, kind: str, value: str | float | bool | None, start: int, end: int) -> _Token:
        self.position = end
        return _Token(kind, value, start, end)

    def _advance(self, *, infix: bool = False) -> _Token:
        token = self.token
        self.last_end = token.end
        self.token = self._scan(infix=infix)
        return token

    def _is(self, operator: str) -> bool:
        return self.token.kind == "operator" and self.token.value == operator

    def _expect(self, operator: str, *, infix: bool = False) -> _Token:
        if self._is(operator):
            return self._advance(infix=infix)
        if self.token.kind == _END:
            raise SyntaxProblem(f'Expected "{operator}" before end of expression', self.token.start)
        raise SyntaxProblem(f'Expected "{operator}", got "{self._shown(self.token)}"', self.token.start)

    def _shown(self, token: _Token) -> str:
        return str(token.value) if isinstance(token.value, str) else self.text[token.start : token.end]

    # Expressions

    def expression(self, power: int) -> Node:
        # What follows a first operand is an operator: a / there divides.
        left = self._first(self._advance(infix=True))
        while self.token.kind == "operator" and power < _POWERS.get(str(self.token.value), 0):
            left = self._rest(left, self._advance())
        return left

    def _first(self, token: _Token) -> Node:
        if token.kind in ("literal", "name", "variable", "regex"):
            return Node(token.kind, token.start, token.end, token.value)
        if token.kind == _END:
            raise SyntaxProblem("Unexpected end of expression", token.start)
        sign = str(token.value)
        if sign in _WORD_OPERATORS:  # and, or, in are names where an operand is expected
            return Node("name", token.start, token.end, sign)
        if sign in _STEPS_BY_SIGN:
            return Node(_STEPS_BY_SIGN[sign], token.start, token.end)
        if sign == "-":
            return self._node("negate", token.start, (self.expression(70),))
        if sign == "(":
            return self._block(token.start)
        if sign == "[":
            return self._array(token.start)
        if sign == "{":
            return self._node("object", token.start, self._pairs())
        if sign == "|":
            return self._transform(token.start)
        raise SyntaxProblem(f'The symbol "{sign}" cannot be used as a unary operator', token.start)

    def _rest(self, left: Node, token: _Token) -> Node:
        sign = str(token.value)
        start = left.start
        if sign in _BINARY:
            return self._node("binary", start, (left, self.expression(_POWERS[sign])), sign)
        match sign:
            case ".":
                steps = left.parts if left.kind == "path" else (left,)
                return self._node("path", start, (*steps, self.expression(75)))
            case "[":
                return self._filter(left)
            case "(":
                return self._call(left)
            case "{":
                return self._node("group", start, (left, *self._pairs()))
            case "^":
                return self._sort(left)
            case "?":
                return self._condition(left)
            case ":=":
                if left.kind != "variable":
                    raise SyntaxProblem("The left side of := must be a variable name (start with $)", left.start)
                return self._node("bind", start, (self.expression(9),), left.value)
            case "@" | "#":
                return self._variable_of(left, "focus" if sign == "@" else "index", sign)
        raise SyntaxProblem(f'Syntax error: "{sign}"', token.start)

    def _node(self, kind: str, start: int, parts: tuple[Node, ...], value: Value = None) -> Node:
        return Node(kind, start, self.last_end, value, parts)

    def _block(self, start: int) -> Node:
        parts = []
        while not self._is(")"):
            parts.append(self.expression(0))
            if not self._is(";"):
                break
            self._advance()
        self._expect(")", infix=True)
        return self._node("block", start, tuple(parts))

    def _array(self, start: int) -> Node:
        items = []
        if not self._is("]"):
            while True:
                item = self.expression(0)
                if self._is(".."):
                    self._advance()
                    item = self._node("range", item.start, (item, self.expression(0)))
                items.append(item)
                if not self._is(","):
                    break
                self._advance()
        self._expect("]", infix=True)
        return self._node("array", start, tuple(items))

    def _pairs(self) -> tuple[Node, ...]:
        parts: list[Node] = []
        if not self._is("}"):
            while True:
                parts.append(self.expression(0))
                self._expect(":")
                parts.append(self.expression(0))
                if not self._is(","):
                    break
                self._advance()
        self._expect("}", infix=True)
        return tuple(parts)

    def _transform(self, start: int) -> Node:
        parts = [self.expression(0)]
        self._expect("|")
        parts.append(self.expression(0))
        if self._is(","):
            self._advance()
            parts.append(self.expression(0))
        self._expect("|")
        return self._node("transform", start, tuple(parts))

    def _filter(self, left: Node) -> Node:
        if self._is("]"):
            self._expect("]", infix=True)
            return self._node("keep", left.start, (left,))
        predicate = self.expression(0)
        self._expect("]", infix=True)
        return self._node("filter", left.start, (left, predicate))

    def _sort(self, left: Node) -> Node:
        self._expect("(")
        keys: list[Node] = []
        descending: list[bool] = []
        while True:
            descending.append(self._is(">"))
            if self._is("<") or self._is(">"):
                self._advance()
            keys.append(self.expression(0))
            if not self._is(","):
                break
            self._advance()
        self._expect(")")
        return self._node("sort", left.start, (left, *keys), tuple(descending))

    def _condition(self, test: Node) -> Node:
        parts = [test, self.expression(0)]
        if self._is(":"):
            self._advance()
            parts.append(self.expression(0))
        return self._node("condition", test.start, tuple(parts))

    def _variable_of(self, left: Node, kind: str, sign: str) -> Node:
        variable = self.expression(80)
        if variable.kind != "variable":
            raise SyntaxProblem(f"The right side of {sign} must be a variable name (start with $)", variable.start)
        return self._node(kind, left.start, (left,), variable.value)

    def _call(self, function: Node) -> Node:
        arguments: list[Node] = []
        if not self._is(")"):
            while True:
                arguments.append(self._argument())
                if not self._is(","):
                    break
                self._advance()
        self._expect(")", infix=True)
        if function.kind == "name" and function.value in ("function", "λ"):
            return self._lambda(function.start, arguments)
        kind = "partial" if any(each.kind == "placeholder" for each in arguments) else "call"
        return self._node(kind, function.start, (function, *arguments))

    def _argument(self) -> Node:
        if self._is("?"):
            token = self._advance()
            return Node("placeholder", token.start, token.end)
        return self.expression(0)

    def _lambda(self, start: int, parameters: list[Node]) -> Node:
        for position, parameter in enumerate(parameters, 1):
            if parameter.kind != "variable":
                message = f"Parameter {position} of function definition must be a variable name (start with $)"
                raise SyntaxProblem(message, parameter.start)
        if self._is("<"):
            self._signature()
        self._expect("{")
        body = self.expression(0)
        self._expect("}", infix=True)
        return self._node("lambda", start, (body,), tuple(str(each.value) for each in parameters))

    def _signature(self) -> None:
        depth = 0
        while not (self._is("{") or self.token.kind == _END):
            token = self._advance()
            depth += {"<": 1, ">": -1}.get(str(token.value), 0)
            if depth == 0:
                return


def _number(text: str) -> int | float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise SyntaxProblem(f'Number out of range: "{text}"')
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    made = _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2]), text)
    return _SURROGATES.sub(lambda pair: (pair[1] + pair[2]).encode("utf-16", "surrogatepass").decode("utf-16"), made)
