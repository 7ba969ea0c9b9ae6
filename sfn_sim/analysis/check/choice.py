"""Choice rules over shapes: what the input is where a rule holds, and what it is where it does not.

Source: as `run.choice`: an operator whose value is of another type than it compares is simply false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sfn_sim.analysis.check.observations import Observation
from sfn_sim.analysis.check.reader import Data, Reader
from sfn_sim.definition.model import Combination, Comparison
from sfn_sim.definition.plan import PlannedRule
from sfn_sim.payload import Json
from sfn_sim.query.jsonpath import Path
from sfn_sim.query.shape_changes import assume, lack, refine
from sfn_sim.query.shapes import (
    BOOLEAN,
    FALSE,
    NEVER,
    NULL,
    NUMBER,
    STRING,
    TRUE,
    Shape,
    Verdict,
    describe,
    join,
    look,
)

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_COMPARES = {"Numeric": NUMBER, "String": STRING, "Boolean": BOOLEAN, "Timestamp": STRING}
_TESTS = {"IsNull": NULL, "IsNumeric": NUMBER, "IsString": STRING, "IsBoolean": BOOLEAN}
_KIND_NAMES = {NUMBER: "a number", STRING: "a string", BOOLEAN: "a boolean"}


def split(rule: PlannedRule, data: Data, reader: Reader) -> tuple[Shape, Shape]:
    """Return the shapes of the effective input where a rule holds and where it does not."""
    model = rule.rule
    if data.shape.is_never:
        return NEVER, NEVER
    if isinstance(model, Combination):
        return _combined(model.operator, rule, data, reader)
    if not isinstance(rule.variable, Path):
        # A rule of another language: whether it holds is not known.
        return data.shape, data.shape
    if model.operator == "IsPresent":
        return _present(rule.variable, model.operand is True, data.shape)
    return _compared(rule, model, rule.variable, data, reader)


def _combined(name: str, rule: PlannedRule, data: Data, reader: Reader) -> tuple[Shape, Shape]:
    if name == "Not":
        held, failed = split(rule.rules[0], data, reader)
        return failed, held
    ahead, done = data.shape, NEVER
    for each in rule.rules:
        held, failed = split(each, replace(data, shape=ahead), reader)
        ahead, ended = (held, failed) if name == "And" else (failed, held)
        done = join(done, ended)
    return (ahead, done) if name == "And" else (done, ahead)


def _present(variable: Path, wanted: bool, shape: Shape) -> tuple[Shape, Shape]:
    if variable.root != "$" or not variable.definite:
        # A path that selects gives an empty list where its beginning leads nowhere, and that is there.
        return shape, shape
    there = refine(shape, variable.steps, lambda value: value)
    missing = lack(shape, variable.steps)
    return (there, missing) if wanted else (missing, there)


def _compared(
    rule: PlannedRule, model: Comparison, variable: Path, data: Data, reader: Reader
) -> tuple[Shape, Shape]:
    shape = data.shape
    value = reader.path(variable, data, f"{model.pointer}/Variable", "Choices Variable")
    operand: Shape | None = None
    field = f"{model.operator}Path" if model.operand_is_path else model.operator
    if rule.operand_path is not None:
        operand = reader.expression(rule.operand_path, data, f"{model.pointer}/{field}", f"Choices {field}")
    _note_types(model, variable, value, operand, reader)
    yes, no = _narrowings(model, operand, reader)
    if variable.root != "$" or not variable.definite:
        # Nothing is learned of the input, but such a rule too may hold always or never.
        return (NEVER if yes(value).is_never else shape), (NEVER if no(value).is_never else shape)
    if look(shape, variable.steps).verdict is Verdict.MISSING:
        shape = assume(shape, variable.steps)
    return refine(shape, variable.steps, yes), refine(shape, variable.steps, no)


def _note_types(
    model: Comparison, variable: Path, value: Shape, operand: Shape | None, reader: Reader
) -> None:
    kinds = _kinds_compared(model.operator)
    if reader.see is None or not kinds:
        return
    sides = [(value, variable.text)] + ([(operand, str(model.operand))] if operand is not None else [])
    for shape, text in sides:
        verdict = Verdict.UNDECIDED if shape.is_anything else Verdict.PRESENT
        bad = 0 if shape.is_anything else shape.kinds & ~kinds & ~_kinds_of_other_rules(model, reader)
        if bad:
            verdict = Verdict.SOMETIMES if shape.kinds & kinds else Verdict.MISSING
        reader.see(
            Observation(
                "compare", reader.state, reader.arrival, model.pointer, f"Choices {model.operator}", text, verdict,
                what=(
                    f"{model.operator} compares {_KIND_NAMES[kinds]}, and {text} is "
                    f"{describe(shape.only(bad)) if bad else describe(shape)}: it never holds for that"
                ),
                fix=f"compare it as what it is, or test {_test_for(kinds)} first", null=bad == NULL,
            )
        )


def _kinds_of_other_rules(model: Comparison, reader: Reader) -> int:
    """Return the kinds as which the Choice compares or tests the same value elsewhere: its rules go by the type."""
    found = 0
    ahead = [rule for rule, _ in reader.state.choices]
    while ahead:
        rule = ahead.pop()
        ahead += rule.rules
        other = rule.rule
        if isinstance(other, Comparison) and other is not model and other.variable == model.variable:
            found |= _TESTS.get(other.operator, 0) or _kinds_compared(other.operator)
    return found


def _test_for(kinds: int) -> str:
    return next((name for name, each in _TESTS.items() if each == kinds), "IsPresent")


def _kinds_compared(name: str) -> int:
    return next((kinds for start, kinds in _COMPARES.items() if name.startswith(start)), 0)


def _narrowings(
    model: Comparison, operand: Shape | None, reader: Reader
) -> tuple[Callable[[Shape], Shape], Callable[[Shape], Shape]]:
    """Return how a value is narrowed where a comparison holds, and where it does not."""
    name, literal = model.operator, model.operand
    if name in _TESTS:
        kinds = _TESTS[name]
        yes, no = (lambda value: value.only(kinds)), (lambda value: value.without(kinds))
        return (yes, no) if literal is True else (no, yes)
    if name == "IsTimestamp":
        same = lambda value: value  # noqa: E731
        return (lambda value: value.only(STRING), same) if literal is True else (same, same)
    kinds = _kinds_compared(name)
    if operand is not None or name == "StringMatches" or name.startswith("Timestamp") or _is_open(literal, reader):
        return (lambda value: value.only(kinds)), (lambda value: value)
    if name == "BooleanEquals":
        bit = TRUE if literal is True else FALSE
        return (lambda value: value.only(bit)), (lambda value: value.without(bit))
    test = _ORDER[name.removeprefix("Numeric").removeprefix("String")]
    return _by_literal(kinds, test, literal, equal=name.endswith(("StringEquals", "NumericEquals")))


def _is_open(literal: Json, reader: Reader) -> bool:
    return isinstance(literal, str) and ("${" in literal or literal in reader.open_texts)


def _by_literal(
    kinds: int, test: Callable[[Any, Any], bool], literal: Any, *, equal: bool
) -> tuple[Callable[[Shape], Shape], Callable[[Shape], Shape]]:
    def yes(value: Shape) -> Shape:
        kept = value.only(kinds)
        if kept.is_never:
            return NEVER
        known = kept.strings if kinds == STRING else kept.numbers
        if known is None:
            return _with_literals(kept, kinds, frozenset((literal,))) if equal else kept
        return _with_literals(kept, kinds, frozenset(each for each in known if test(each, literal)))

    def no(value: Shape) -> Shape:
        known = value.strings if kinds == STRING else value.numbers
        if value.is_anything or not value.kinds & kinds or known is None:
            return value
        left = frozenset(each for each in known if not test(each, literal))
        return _with_literals(value, kinds, left)

    return yes, no


def _with_literals(shape: Shape, kinds: int, literals: frozenset[Any]) -> Shape:
    if not literals:
        return shape.without(kinds)
    return replace(shape, strings=literals) if kinds == STRING else replace(shape, numbers=literals)

