"""JSONata templates: JSON in which a string `{% … %}`, at any depth, stands for what its expression gives.

    template = compile_template(value, "Output", "/States/Total/Output")
    template.evaluate(bindings)

A template is compiled once. What holds no expression is handed out as it is, never copied; keys are never
expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.expression import Reference
from sfn_sim.query.jsonata import Bindings, Compiled, compile_expression, expression_in
from sfn_sim.query.jsonata_errors import JsonataProblem, JsonataProblems
from sfn_sim.source import escape

Evaluate: TypeAlias = Callable[[Bindings], Json]


@dataclass(frozen=True, slots=True)
class TemplateExpression:
    """One expression of a template.

    Attributes:
        pointer: its JSON pointer in the definition ("/States/A/Output/v/0").
        field: the field as AWS writes it in errors ("Output/v[0]").
        expression: the compiled expression.
        lead: how many characters of the string stand before the expression, {% included.
    """

    pointer: str
    field: str
    expression: Compiled
    lead: int


class JsonataTemplate:
    """A compiled template.

    Attributes:
        value: the template as it stands in the definition.
        field: its field as AWS writes it; `pointer` is its JSON pointer.
        expressions: its expressions, in order of writing.
        references: what those read, each with the expression's pointer.
        evaluate: returns the filled template. Raises QueryEvaluationError.
    """

    __slots__ = ("evaluate", "expressions", "field", "pointer", "references", "value")

    def __init__(
        self, value: Json, field: str, pointer: str, expressions: tuple[TemplateExpression, ...], evaluate: Evaluate
    ) -> None:
        self.value = value
        self.field = field
        self.pointer = pointer
        self.expressions = expressions
        self.references: tuple[tuple[str, Reference], ...] = tuple(
            (each.pointer, reference) for each in expressions for reference in each.expression.references
        )
        self.evaluate = evaluate

    def __repr__(self) -> str:
        return f"JsonataTemplate({self.field!r})"


def compile_template(value: Json, field: str, pointer: str, expected: str | None = None) -> JsonataTemplate:
    """Compile a template that stands in a field.

    Args:
        value: the template.
        field: the field as AWS writes it relative to the state ("Output", "Choices[0]/Assign").
        pointer: its JSON pointer in the definition.
        expected: the type that the field takes ("array", …), checked where the whole template is one expression.

    Source: recorded: base_cases_BASE_LITERALS, base_output_any_non_dict; fields in errors as
    undefined_reference ("Output/result"); list items as [i]: measured on AWS (floci-io/floci#2699).

    Raises:
        JsonataProblems: expressions that AWS refuses; all of them.
    """
    compiler = _Compiler()
    evaluate = compiler.build(value, field, pointer, expected)
    if compiler.problems:
        raise JsonataProblems(compiler.problems)
    return JsonataTemplate(value, field, pointer, tuple(compiler.expressions), evaluate or (lambda _: value))


class _Compiler:
    """One compilation: the expressions and problems found so far."""

    def __init__(self) -> None:
        self.expressions: list[TemplateExpression] = []
        self.problems: list[tuple[str, JsonataProblem]] = []

    def build(self, value: Json, field: str, pointer: str, expected: str | None = None) -> Evaluate | None:
        """Return how to fill `value`, or None if there is nothing to fill."""
        if isinstance(value, str):
            return self._build_text(value, field, pointer, expected)
        if isinstance(value, dict):
            members = [
                (key, evaluate)
                for key, item in value.items()
                if (evaluate := self.build(item, f"{field}/{key}", f"{pointer}/{escape(key)}")) is not None
            ]
            return _object_filler(value, members) if members else None
        if isinstance(value, list):
            items = [
                (index, evaluate)
                for index, item in enumerate(value)
                if (evaluate := self.build(item, f"{field}[{index}]", f"{pointer}/{index}")) is not None
            ]
            return _array_filler(value, items) if items else None
        return None

    def _build_text(self, value: str, field: str, pointer: str, expected: str | None) -> Evaluate | None:
        found = expression_in(value)
        if found is None:
            return None
        text, lead = found
        try:
            compiled = compile_expression(text)
        except JsonataProblem as problem:
            self.problems += [(field, each) for each in (problem, *problem.more)]
            return None
        self.expressions.append(TemplateExpression(pointer, field, compiled, lead))
        return lambda bindings: compiled.evaluate(bindings, field, expected)


def _object_filler(constants: dict[str, Json], members: list[tuple[str, Evaluate]]) -> Evaluate:
    def fill(bindings: Bindings) -> Json:
        made = constants.copy()
        for key, evaluate in members:
            made[key] = evaluate(bindings)
        return made

    return fill


def _array_filler(constants: list[Json], items: list[tuple[int, Evaluate]]) -> Evaluate:
    def fill(bindings: Bindings) -> Json:
        made = constants.copy()
        for index, evaluate in items:
            made[index] = evaluate(bindings)
        return made

    return fill
