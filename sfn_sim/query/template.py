"""Payload templates: JSON in which a key that ends in `.$` takes its value from an expression.

A template is compiled once. What holds no expression is handed out as it is, never copied; what holds one is
made anew on each evaluation, and only that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.expression import (
    IntrinsicError,
    PathError,
    Reference,
    Scope,
    SyntaxProblem,
    TemplateError,
    TemplateProblems,
)
from sfn_sim.query.intrinsics import Intrinsic, compile_intrinsic
from sfn_sim.query.jsonpath import Path, compile_path
from sfn_sim.source import escape

Evaluate: TypeAlias = Callable[[Json, Scope], Json]


@dataclass(frozen=True, slots=True)
class TemplateField:
    """One field with an expression: its JSON pointer in the definition, its name as written ("value.$")."""

    pointer: str
    name: str
    expression: Path | Intrinsic


class Template:
    """A compiled payload template.

    Attributes:
        value: the template as it stands in the definition.
        pointer: its JSON pointer there.
        fields: its fields with an expression, in order of writing.
        references: what those read, each with the field's pointer.
        evaluate: returns the filled template, given the data that `$` stands for and the scope. Raises
            TemplateError.
    """

    __slots__ = ("evaluate", "fields", "pointer", "references", "value")

    def __init__(
        self, value: Json, pointer: str, fields: tuple[TemplateField, ...], evaluate: Evaluate
    ) -> None:
        self.value = value
        self.pointer = pointer
        self.fields = fields
        self.references: tuple[tuple[str, Reference], ...] = tuple(
            (each.pointer, reference) for each in fields for reference in each.expression.references
        )
        self.evaluate = evaluate

    def __repr__(self) -> str:
        return f"Template({self.pointer!r})"


def compile_template(value: Json, pointer: str) -> Template:
    """Compile the payload template that stands at `pointer` of the definition.

    Source: ASL specification, Payload Template.

    Raises:
        TemplateProblems: fields that are neither a path nor a call of an intrinsic function; all of them.
    """
    compiler = _Compiler()
    evaluate = compiler.build(value, pointer)
    if compiler.problems:
        raise TemplateProblems(compiler.problems)
    return Template(value, pointer, tuple(compiler.fields), evaluate or (lambda _data, _scope: value))


class _Compiler:
    """One compilation: the fields and problems found so far."""

    def __init__(self) -> None:
        self.fields: list[TemplateField] = []
        self.problems: list[tuple[str, SyntaxProblem]] = []

    def build(self, value: Json, pointer: str) -> Evaluate | None:
        """Return how to fill `value`, or None if there is nothing to fill."""
        if isinstance(value, dict):
            return self._build_object(value, pointer)
        if isinstance(value, list):
            return self._build_array(value, pointer)
        return None

    def _build_object(self, value: dict[str, Json], pointer: str) -> Evaluate | None:
        constants: dict[str, Json] = {}
        filled: list[tuple[str, Evaluate]] = []
        places: dict[str, tuple[str, str, str]] = {}
        for key, item in value.items():
            at = f"{pointer}/{escape(key)}"
            if key.endswith(".$"):
                name = key[:-2]
                expression = self._expression(item, at)
                if name in value:
                    problem = SyntaxProblem(f"'{key}' and '{name}' both give the key '{name}'")
                    self.problems.append((at, problem))
                if expression is None:
                    continue
                self.fields.append(TemplateField(at, key, expression))
                places[name] = (at, key, expression.text)
                evaluate: Evaluate | None = expression.evaluate
            else:
                name = key
                evaluate = self.build(item, at)
            constants[name] = item
            if evaluate is not None:
                filled.append((name, evaluate))
        return _object_filler(constants, filled, places) if filled else None

    def _build_array(self, value: list[Json], pointer: str) -> Evaluate | None:
        filled = [
            (index, evaluate)
            for index, item in enumerate(value)
            if (evaluate := self.build(item, f"{pointer}/{index}")) is not None
        ]
        if not filled:
            return None

        def fill(data: Json, scope: Scope) -> Json:
            items = value.copy()
            for index, evaluate in filled:
                items[index] = evaluate(data, scope)
            return items

        return fill

    def _expression(self, value: Json, pointer: str) -> Path | Intrinsic | None:
        try:
            return _compile_field(value)
        except SyntaxProblem as problem:
            self.problems.append((pointer, problem))
            return None


def _compile_field(value: Json) -> Path | Intrinsic:
    if not isinstance(value, str):
        raise SyntaxProblem("the value of a field whose name ends in .$ is a string: a path or a call")
    if value.startswith("$"):
        return compile_path(value)
    if value.startswith("States."):
        return compile_intrinsic(value)
    raise SyntaxProblem(
        "neither a path, which begins with $, nor a call of an intrinsic function, which begins with States."
    )


def _object_filler(
    constants: dict[str, Json],
    filled: list[tuple[str, Evaluate]],
    places: dict[str, tuple[str, str, str]],
) -> Evaluate:
    # Copying a dict that has all keys keeps their order and is cheaper than building it; `name` tells
    # afterwards which field failed, so that nothing has to be noted on the way.
    def fill(data: Json, scope: Scope) -> Json:
        made = constants.copy()
        name = ""
        try:
            for name, evaluate in filled:
                made[name] = evaluate(data, scope)
        except (PathError, IntrinsicError) as cause:
            raise TemplateError(*places[name], cause) from cause
        return made

    return fill
