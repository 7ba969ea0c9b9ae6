"""The operators of JSONata over shapes: what each needs, and what it gives.

Source: JSONata 2.0.6; measured with the engine: nothing is handed through by arithmetic and comparison, and is equal
to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from sfn_sim.query.jsonata_shapes_values import FAILS, Given, needing, worst
from sfn_sim.query.jsonata_syntax import Node
from sfn_sim.query.shapes import (
    ANY_BOOLEAN,
    ANY_NUMBER,
    ANY_STRING,
    BOOLEAN,
    FALSE,
    NULL,
    NUMBER,
    STRING,
    Shape,
    Verdict,
    describe,
)

if TYPE_CHECKING:
    from sfn_sim.query.jsonata_shapes import Evaluation
    from sfn_sim.query.jsonata_shapes_env import Env


def negated(shape: Shape) -> Shape:
    """Return the shape of a number with the other sign."""
    known = shape.numbers if shape.kinds == NUMBER else None
    return Shape(NUMBER, numbers=frozenset(-each for each in known)) if known else ANY_NUMBER


def _arithmetic(evaluation: Evaluation, node: Node, one: Given, other: Given, env: Env) -> Given:
    sides = ((one, node.parts[0]), (other, node.parts[1]))
    fix = "convert it with $number, or test it with $type before"
    failing = [evaluation.need(each, NUMBER, part, env, f"the operator {node.value}", fix) for each, part in sides]
    if any(failing):
        return FAILS
    return needing(ANY_NUMBER, one, other)


def _ordered(evaluation: Evaluation, node: Node, one: Given, other: Given, env: Env) -> Given:
    sides = ((one, node.parts[0]), (other, node.parts[1]))
    fix = "convert one of them with $number or $string"
    who = f"the operator {node.value}"
    failing = [evaluation.need(each, NUMBER | STRING, part, env, who, fix) for each, part in sides]
    if any(failing):
        return FAILS
    kinds = [each.shape.kinds for each, _ in sides]
    known = all(not each.shape.is_anything and not each.is_missing for each, _ in sides)
    there = worst(each.there for each, _ in sides)
    if known and not kinds[0] & kinds[1] and not one.loose and not other.loose:
        verdict = Verdict.MISSING if there is Verdict.PRESENT else Verdict.SOMETIMES
        what = f"{node.value} compares {describe(one.shape)} with {describe(other.shape)}"
        if evaluation.note(node, env, verdict, what, fix):
            return FAILS
    elif known and any(kind & NUMBER and kind & STRING for kind in kinds):
        evaluation.note(node, env, Verdict.UNDECIDED, "")
    return needing(ANY_BOOLEAN, one, other)


def _equal(evaluation: Evaluation, node: Node, one: Given, other: Given, env: Env) -> Given:
    if one.is_missing or other.is_missing:
        return Given(Shape(FALSE))
    shapes = (one.shape, other.shape)
    if any(each.is_anything for each in shapes) or one.loose or other.loose:
        return Given(ANY_BOOLEAN)
    kinds = [each.kinds | (BOOLEAN if each.kinds & BOOLEAN else 0) for each in shapes]
    if not kinds[0] & kinds[1] and not any(each.kinds == NULL for each in shapes):
        what = f"{node.value} compares {describe(one.shape)} with {describe(other.shape)}: they are never equal"
        evaluation.note(node, env, Verdict.MISSING, what, "compare it as what it is", kind="unlike")
    return Given(ANY_BOOLEAN)


Operate: TypeAlias = "Callable[[Evaluation, Node, Given, Given, Env], Given]"
OPERATORS: dict[str, Operate] = {
    **dict.fromkeys(("+", "-", "*", "/", "%"), _arithmetic),
    **dict.fromkeys(("<", "<=", ">", ">="), _ordered),
    **dict.fromkeys(("=", "!="), _equal),
    "&": lambda *_: Given(ANY_STRING),
    "in": lambda *_: Given(ANY_BOOLEAN),
}
