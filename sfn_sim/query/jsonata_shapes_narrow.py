"""What a test tells of what it reads: the shapes where it holds, and where it does not.

A test on what stands behind an array, or behind what is not known at all, tells nothing of the whole: `$exists` of a
field of a list holds when one item has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sfn_sim.query.jsonata_shapes_values import Given
from sfn_sim.query.jsonata_syntax import Node
from sfn_sim.query.shape_changes import lack, refine
from sfn_sim.query.shapes import (
    ARRAY,
    BOOLEAN,
    FALSE,
    NEVER,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    TRUE,
    Shape,
    Steps,
    Verdict,
    look,
)

if TYPE_CHECKING:
    from sfn_sim.query.jsonata_shapes import Evaluation
    from sfn_sim.query.jsonata_shapes_env import Env

Narrowed: TypeAlias = "tuple[Shape | None, Shape | None]"
Narrow: TypeAlias = Callable[[Shape], Shape]
_TYPES = {
    "number": NUMBER, "string": STRING, "boolean": BOOLEAN, "null": NULL, "array": ARRAY, "object": OBJECT,
}  # fmt: skip


def narrowed(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    """Return the shapes of what is read where a test holds and where it does not; None where that cannot be.

    Args:
        evaluation: evaluates parts of the test; what it notes is not told.
        node: the test.
        env: what it reads.
    """
    match node.kind:
        case "block":
            inner = env.inner()
            for part in node.parts[:-1]:
                evaluation.of(part, inner)
            return narrowed(evaluation, node.parts[-1], inner) if node.parts else (None, env.known)
        case "binary" if node.value in ("and", "or"):
            return _both(evaluation, node, env)
        case "binary" if node.value in ("=", "!="):
            return _equality(evaluation, node, env)
        case "binary" if node.value in ("<", "<=", ">", ">="):
            return _order(evaluation, node, env)
        case "call" if len(node.parts) == 2 and node.parts[0].kind == "variable":
            return _asked(evaluation, node, env)
    return _truth(evaluation.of(node, env), env)


def _both(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    is_and = node.value == "and"
    held, failed = narrowed(evaluation, node.parts[0], env)
    known = held if is_and else failed
    if known is None:
        return held, failed
    more, less = narrowed(evaluation, node.parts[1], replace(env, known=known))
    if is_and:
        return more, less if failed is None else env.known
    return (more if held is None else env.known), less


def _asked(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    name, argument = node.parts[0].value, node.parts[1]
    if name == "exists":
        return _exists(evaluation.of(argument, env), env)
    if name == "boolean":
        return narrowed(evaluation, argument, env)
    if name == "not":
        held, failed = narrowed(evaluation, argument, env)
        there = evaluation.of(argument, env).there
        # Of nothing $not is nothing, which does not hold either.
        return failed, held if there is Verdict.PRESENT else env.known
    return _truth(evaluation.of(node, env), env)


def _exists(given: Given, env: Env) -> Narrowed:
    if given.never_returns:
        return None, None
    if given.is_missing:
        return None, env.known
    if given.there is Verdict.PRESENT:
        return env.known, None
    if not _can_narrow(given, env):
        return env.known, env.known
    assert given.place is not None
    return _narrow(given, env, lambda value: value), lack(env.known, given.place)


def _truth(given: Given, env: Env) -> Narrowed:
    if given.never_returns:
        return None, None
    shape = given.shape
    if given.is_missing or (not shape.is_anything and not shape.kinds & ~(NULL | FALSE)):
        return None, env.known
    if shape.kinds == TRUE and given.there is Verdict.PRESENT:
        return env.known, None
    return _narrow(given, env, lambda value: value.without(NULL | FALSE)), env.known


def _equality(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    left, right = node.parts
    if left.kind == "literal":
        left, right = right, left
    if right.kind != "literal":
        return _truth(evaluation.of(node, env), env)
    kinds = _type_asked(left, right)
    argument = left.parts[1] if kinds else left
    given = evaluation.of(argument, env)
    if given.is_missing:
        return None, env.known
    if given.never_returns:
        return None, None
    yes, no = _by_kinds(kinds) if kinds else _by_literal(right.value)
    same = _narrow(given, env, yes)
    there = given.there is Verdict.PRESENT
    other = _narrow(given, env, no) if there else env.known
    if not given.loose and not given.shape.is_anything:
        same = None if yes(given.shape).is_never else same
        other = None if there and no(given.shape).is_never else other
    if node.value == "=":
        return same, other
    # Nothing is neither equal nor unequal to anything.
    return (_narrow(given, env, no) if other is not None else None), same if there else env.known


def _type_asked(left: Node, right: Node) -> int:
    """Return the kinds that `$type(…) = "name"` asks for; 0 if it is not that."""
    asks = left.kind == "call" and len(left.parts) == 2 and left.parts[0].kind == "variable"
    return _TYPES.get(str(right.value), 0) if asks and left.parts[0].value == "type" else 0


def _by_kinds(kinds: int) -> tuple[Narrow, Narrow]:
    return (lambda value: value.only(kinds)), (lambda value: value.without(kinds))


def _by_literal(literal: Any) -> tuple[Narrow, Narrow]:
    if literal is None:
        return _by_kinds(NULL)
    if isinstance(literal, bool):
        return _by_kinds(TRUE if literal else FALSE)
    kinds = STRING if isinstance(literal, str) else NUMBER

    def yes(value: Shape) -> Shape:
        kept = value.only(kinds)
        if kept.is_never:
            return NEVER
        known = kept.strings if kinds == STRING else kept.numbers
        if known is not None and literal not in known:
            return NEVER
        return _with_literals(kept, kinds, frozenset((literal,)))

    def no(value: Shape) -> Shape:
        known = value.strings if kinds == STRING else value.numbers
        if value.is_anything or not value.kinds & kinds or known is None:
            return value
        left = known - {literal}
        if not left:
            return value.without(kinds)
        return _with_literals(value, kinds, left)

    return yes, no


def _with_literals(shape: Shape, kinds: int, literals: frozenset[Any]) -> Shape:
    return replace(shape, strings=literals) if kinds == STRING else replace(shape, numbers=literals)


def _order(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    """Where an order holds, both sides are there and of the literal's kind."""
    given = evaluation.of(node, env)
    if given.never_returns:
        return None, None
    if given.is_missing:
        return None, env.known
    held: Shape | None = env.known
    for side, other in (node.parts, node.parts[::-1]):
        if other.kind == "literal" and held is not None:
            kinds = STRING if isinstance(other.value, str) else NUMBER
            inner = replace(env, known=held)
            held = _narrow(evaluation.of(side, inner), inner, _by_kinds(kinds)[0])
    return held, env.known


def _narrow(given: Given, env: Env, narrow: Narrow) -> Shape | None:
    """Return the shapes with what is narrowed at the place of a value; None if nothing is left of it."""
    if not _can_narrow(given, env):
        return env.known
    assert given.place is not None
    made = refine(env.known, given.place, narrow)
    return None if made.is_never else made


def _can_narrow(given: Given, env: Env) -> bool:
    """Tell whether the way to a value's place leads through known objects only."""
    if not given.place or given.across or given.loose:
        return False
    return _through_objects(env.known, given.place)


def _through_objects(shape: Shape, place: Steps) -> bool:
    for step in place:
        if shape.is_anything or shape.kinds & ARRAY:
            return False
        shape = look(shape, (step,)).shape
    return True
