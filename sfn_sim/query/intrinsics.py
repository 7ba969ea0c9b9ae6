"""Calls of intrinsic functions: their text read by recursive descent and compiled into closures.

A call is read once, when the definition is loaded; whatever is wrong with its text is found then. The
functions themselves stand in `intrinsic_functions`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from sfn_sim import limits
from sfn_sim.payload import Json
from sfn_sim.query.expression import IntrinsicError, Reference, Scope, SyntaxProblem
from sfn_sim.query.intrinsic_functions import INTRINSICS, IntrinsicFunction, Refused, fill, format_parts
from sfn_sim.query.jsonpath import Path, compile_path, nearest

__all__ = [
    "INTRINSICS", "Call", "Intrinsic", "IntrinsicFunction", "Literal", "compile_intrinsic", "is_intrinsic",
]  # fmt: skip

Evaluate: TypeAlias = Callable[[Json, Scope], Json]

_CALL = re.compile(r"(States\.\w*)\s*\(")
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[\w.]*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"(true|false|null)(?!\w)")
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_NOT_CLOSED = "the call is not closed: ) is missing"
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Literal:
    """An argument that is written down."""

    value: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it stands in the text, for those who want to know what it would do."""

    name: str
    text: str
    arguments: tuple[Argument, ...]


Argument: TypeAlias = "Path | Literal | Call"


class Intrinsic:
    """A compiled call.

    Attributes:
        text: the call as written.
        references: what its paths read, in their order.
        calls: the names of all functions in it, the outermost first.
        call: the call with its arguments.
        evaluate: returns the result, given the data that `$` stands for and the scope. Raises IntrinsicError
            for arguments that a function refuses, PathError for a path that leads nowhere.
    """

    __slots__ = ("call", "calls", "evaluate", "references", "text")

    def __init__(
        self, text: str, references: tuple[Reference, ...], calls: tuple[str, ...], evaluate: Evaluate, call: Call
    ) -> None:
        self.text = text
        self.references = references
        self.calls = calls
        self.evaluate = evaluate
        self.call = call

    def __repr__(self) -> str:
        return f"Intrinsic({self.text!r})"


@dataclass(frozen=True, slots=True)
class _Call:
    """One call and the expression that it is part of, for messages."""

    name: str
    text: str
    expression: str

    def failure(self, problem: Refused) -> IntrinsicError:
        """Return the error of a refused call.

        Source: AWS's frame for an argument that is not found ("The function '…' had the following error: …",
        with the whole expression as written); what follows is in our words.
        """
        return IntrinsicError(
            self.text,
            f"The function '{self.expression}' had the following error: "
            f"Invalid arguments in {self.name}: {problem}",
        )


def is_intrinsic(text: str) -> bool:
    """Tell whether a text is meant as a call of an intrinsic function (it may still be a wrong one)."""
    return _CALL.match(text) is not None


@cache
def compile_intrinsic(text: str) -> Intrinsic:
    """Compile a call; equal texts give the same object.

    Raises:
        SyntaxProblem: not a call, an unknown function, a wrong number of arguments, nested too deep.
    """
    reader = _Reader(text)
    evaluate = reader.read()
    (call,) = reader.read_so_far
    assert isinstance(call, Call)
    return Intrinsic(text, tuple(reader.references), tuple(reader.calls), evaluate, call)


class _Reader:
    """One reading of a call; `position` is how far it has come."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.references: list[Reference] = []
        self.calls: list[str] = []
        # The arguments of the call that is being read, and of those around it.
        self.read_so_far: list[Argument] = []

    def read(self) -> Evaluate:
        self._skip()
        evaluate = self._call(depth=1)
        self._skip()
        if self.position < len(self.text):
            raise SyntaxProblem(f"'{self.text[self.position :]}' follows the call", self.position)
        return evaluate

    def _skip(self) -> None:
        if space := _SPACE.match(self.text, self.position):
            self.position = space.end()

    def _take(self, sign: str) -> bool:
        self._skip()
        found = self.text.startswith(sign, self.position)
        self.position += len(sign) * found
        return found

    def _call(self, depth: int) -> Evaluate:
        start = self.position
        function = self._function(depth)
        self.calls.append(function.name)
        template = self._peek_string() if function.name == "States.Format" else None
        before = len(self.read_so_far)
        arguments = self._arguments(depth)
        written = tuple(self.read_so_far[before:])
        self.read_so_far[before:] = [Call(function.name, self.text[start : self.position], written)]
        call = _Call(function.name, self.text[start : self.position], self.text)
        maximum = len(arguments) if function.maximum is None else function.maximum
        if not function.minimum <= len(arguments) <= maximum:
            raise SyntaxProblem(
                f"{function.name} takes {function.arity()} argument(s), not {len(arguments)}", start
            )
        if template is not None:
            return _format_call(call, template, arguments[1:])
        return _function_call(call, function, arguments)

    def _function(self, depth: int) -> IntrinsicFunction:
        start = self.position
        opening = _CALL.match(self.text, start)
        if opening is None:
            raise SyntaxProblem("an intrinsic function is called as States.Name(argument, …)", start)
        name = opening.group(1)
        function = INTRINSICS.get(name)
        if function is None:
            near = nearest(name, INTRINSICS)
            hint = f"; did you mean {near}?" if near else ""
            raise SyntaxProblem(f"there is no intrinsic function {name}{hint}", start)
        if depth > limits.INTRINSIC_NESTING.value:
            raise SyntaxProblem(f"calls are nested more than {limits.INTRINSIC_NESTING.value} deep", start)
        self.position = opening.end()
        return function

    def _peek_string(self) -> str | None:
        """Return the string that comes next, as written (with its escapes), or None."""
        self._skip()
        literal = _STRING.match(self.text, self.position)
        return literal.group(1) if literal else None

    def _arguments(self, depth: int) -> list[Evaluate]:
        arguments: list[Evaluate] = []
        if self._take(")"):
            return arguments
        while True:
            self._skip()
            arguments.append(self._argument(depth))
            if self._take(")"):
                return arguments
            if not self._take(","):
                found = self.text[self.position : self.position + 1]
                message = f"expected ',' or ')', found '{found}'" if found else _NOT_CLOSED
                raise SyntaxProblem(message, self.position)

    def _argument(self, depth: int) -> Evaluate:
        start = self.position
        first = self.text[start : start + 1]
        if first == "$":
            return self._path()
        if first == "'":
            return self._constant(self._string())
        if word := _WORD.match(self.text, start):
            self.position = word.end()
            return self._constant(_WORDS[word.group()])
        if number := _NUMBER.match(self.text, start):
            self.position = number.end()
            digits = number.group()
            return self._constant(_number(digits, start))
        if self.text.startswith("States.", start):
            return self._call(depth + 1)
        raise SyntaxProblem(_why_no_argument(self.text, start), start)

    def _string(self) -> str:
        start = self.position
        literal = _STRING.match(self.text, start)
        if literal is None:
            raise SyntaxProblem("the string is not closed: ' is missing", start)
        for escape in _ESCAPE.finditer(literal.group(1)):
            if escape.group(1) not in "'{}\\":
                # Source: recorded: escape_sequence_parsing (illegal intrinsic): refused at creation.
                message = rf"only \' \{{ \}} and \\ can be escaped in a string, not {escape.group()}"
                raise SyntaxProblem(message, start + 1 + escape.start())
        self.position = literal.end()
        return _ESCAPE.sub(r"\1", literal.group(1))

    def _path(self) -> Evaluate:
        start = self.position
        self.position = _end_of_path(self.text, start)
        try:
            path = compile_path(self.text[start : self.position].rstrip())
        except SyntaxProblem as problem:
            raise SyntaxProblem(problem.message, start + problem.offset) from None
        self.references.extend(path.references)
        self.read_so_far.append(path)
        return path.evaluate

    def _constant(self, value: Json) -> Evaluate:
        self.read_so_far.append(Literal(value))
        return lambda _data, _scope: value


def _number(digits: str, at: int) -> Json:
    """Return a number that is written down; one that JSON cannot carry either is refused (Source: assumed)."""
    value = float(digits)
    if math.isinf(value):
        raise SyntaxProblem("the number is too large", at)
    return int(digits) if digits.lstrip("-").isdigit() else value


def _end_of_path(text: str, position: int) -> int:
    """Return where a path argument ends: at a comma or a closing bracket of the call, outside its own."""
    squares = rounds = 0
    while position < len(text):
        sign = text[position]
        if squares and (quoted := _QUOTED.match(text, position)):
            position = quoted.end()
            continue
        if not squares and (sign == "," or (sign == ")" and not rounds)):
            break
        squares += (sign == "[") - (sign == "]")
        rounds += (sign == "(") - (sign == ")")
        position += 1
    return position


def _why_no_argument(text: str, position: int) -> str:
    if position == len(text):
        return _NOT_CLOSED
    if text[position] in ",)":
        return "an argument is missing"
    if text[position] == '"':
        return "a string stands between single quotes"
    name = _NAME.match(text, position)
    found = (name.group() if name else "") or text[position]
    return f"an argument is a 'string', a number, true, false, null, a path or a call, not {found}"


def _format_call(call: _Call, template: str, arguments: list[Evaluate]) -> Evaluate:
    """Return States.Format with a literal template, which is taken apart once.

    That a template that does not fit is refused only when it is evaluated is assumed.
    """
    try:
        parts = format_parts(template)
    except Refused as problem:
        reason = problem

        def refuse(_data: Json, _scope: Scope) -> Json:
            raise call.failure(reason)

        return refuse

    def evaluate(data: Json, scope: Scope) -> Json:
        try:
            return fill(parts, [argument(data, scope) for argument in arguments])
        except Refused as problem:
            raise call.failure(problem) from None

    return evaluate


def _function_call(call: _Call, function: IntrinsicFunction, arguments: list[Evaluate]) -> Evaluate:
    apply = function.function
    if function.draws:

        def draw(data: Json, scope: Scope) -> Json:
            if scope.seed is None:
                raise ValueError(f"the scope has no random stream for {call.text}")
            try:
                return apply(scope.seed, *[argument(data, scope) for argument in arguments])
            except Refused as problem:
                raise call.failure(problem) from None

        return draw

    def evaluate(data: Json, scope: Scope) -> Json:
        try:
            return apply(*[argument(data, scope) for argument in arguments])
        except Refused as problem:
            raise call.failure(problem) from None

    return evaluate
