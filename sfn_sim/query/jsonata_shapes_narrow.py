"""What a test tells of what it reads: the shapes where it holds, and where it does not.

A test on what stands behind an array, or behind what is not known at all, tells nothing of the whole: `$exists` of a
field of a list holds when one item has it.

Where a comparison holds, what it compares is there, and with it all that the sides need to be there: most functions
and operators give nothing of nothing, and nothing is equal to nothing, not even to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, Any, TypeAlias

from sfn_sim.query.jsonata_shapes_functions import STRICT
from sfn_sim.query.jsonata_shapes_values import Given, member
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
    join,
    join_all,
    look,
)

if TYPE_CHECKING:
    from sfn_sim.query.jsonata_shapes import Evaluation
    from sfn_sim.query.jsonata_shapes_env import Env

Narrowed: TypeAlias = "tuple[Shape | None, Shape | None]"
Narrow: TypeAlias = Callable[[Shape], Shape]
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_STRICT_SIGNS = (*_ORDERS, "+", "-", "*", "/", "%")
_COMPARED = {**_ORDERS, "=": eq, "!=": ne}
_MOST_COUNTED = 100
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
    if not evaluation.goes_on():
        return env.known, env.known
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
        case "binary" if node.value in _ORDERS:
            return _order(evaluation, node, env)
        case "binary" if node.value == "in":
            return _membership(evaluation, node, env)
        case "call" if len(node.parts) == 2 and node.parts[0].kind == "variable":
            return _asked(evaluation, node, env)
        case "variable" if (local := env.local.get(str(node.value))) is not None and local.made is not None:
            made, then = local.made
            return narrowed(evaluation, made, replace(then, known=env.known))
    return _truth(evaluation, node, env)


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
    return _truth(evaluation, node, env)


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


def _truth(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    given = evaluation.of(node, env)
    if given.never_returns:
        return None, None
    shape = given.shape
    if given.is_missing or (not shape.is_anything and not shape.kinds & ~(NULL | FALSE)):
        return None, env.known
    if shape.kinds == TRUE and given.there is Verdict.PRESENT:
        return env.known, None
    if given.place is None:
        return _giving(evaluation, node, env), env.known
    return _narrow(given, env, lambda value: value.without(NULL | FALSE)), env.known


def _giving(evaluation: Evaluation, node: Node, env: Env) -> Shape | None:
    """Return the shapes where a part gives something; None where it never does."""
    given = evaluation.of(node, env)
    if given.is_missing or given.never_returns:
        return None
    needed = _needed(evaluation, node, env)
    return _all_giving(evaluation, needed, env) if needed else _narrow(given, env, lambda value: value)


def _all_giving(evaluation: Evaluation, nodes: Iterable[Node], env: Env) -> Shape | None:
    known: Shape | None = env.known
    for each in nodes:
        if known is not None:
            known = _giving(evaluation, each, replace(env, known=known))
    return known


def _needed(evaluation: Evaluation, node: Node, env: Env) -> tuple[Node, ...]:
    """Return the parts without which a part gives nothing."""
    match node.kind:
        case "block" if len(node.parts) == 1:
            return node.parts
        case "negate" | "keep" | "filter":
            return node.parts[:1]
        case "binary" if node.value in _STRICT_SIGNS:
            return node.parts
        case "call" if evaluation.function_called(node, env) in STRICT:
            return node.parts[1:2]
    return ()


def _equality(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    left, right = node.parts
    if left.kind == "literal":
        left, right = right, left
    if right.kind != "literal":
        return _all_giving(evaluation, node.parts, env), env.known
    counted = _counted(evaluation, node, env)
    if counted is not None:
        return counted
    if isinstance(right.value, bool) and _is_made_boolean(evaluation.of(left, env)):
        return _boolean(evaluation, left, env, right.value, str(node.value))
    kinds = _type_asked(left, right)
    argument = left.parts[1] if kinds else left
    given = evaluation.of(argument, env)
    if given.is_missing:
        return None, env.known
    if given.never_returns:
        return None, None
    yes, no = _by_kinds(kinds) if kinds else _by_literal(right.value)
    giving = env.known if given.place else _giving(evaluation, argument, env)
    same = _narrow(given, env, yes) if given.place else giving
    there = given.there is Verdict.PRESENT
    other = _narrow(given, env, no) if there else env.known
    if not given.loose and not given.shape.is_anything:
        same = None if yes(given.shape).is_never else same
        other = None if there and no(given.shape).is_never else other
    if node.value == "=":
        return same, other
    # Nothing is neither equal nor unequal to anything.
    differing = _narrow(given, env, no) if given.place else giving
    return (differing if other is not None else None), same if there else env.known


def _is_made_boolean(given: Given) -> bool:
    """Tell whether a value is a boolean that the expression makes, and no field."""
    return given.place is None and not given.loose and not given.shape.kinds & ~BOOLEAN and not given.never_returns


def _boolean(evaluation: Evaluation, node: Node, env: Env, asked: bool, sign: str) -> Narrowed:
    """Narrow by a test that is compared with true or false; of nothing neither `=` nor `!=` holds."""
    held, failed = narrowed(evaluation, node, env)
    if asked is (sign == "="):
        return held, failed
    return failed, held if evaluation.of(node, env).there is Verdict.PRESENT else env.known


def _counted(evaluation: Evaluation, node: Node, env: Env) -> Narrowed | None:
    """Narrow by a comparison of `$count(…)` with a number; None if the test is not that."""
    (left, right), compare = node.parts, _COMPARED[str(node.value)]
    if left.kind == "literal":
        left, right, compare = right, left, _COMPARED[_TURNED.get(str(node.value), str(node.value))]
    number = right.value if right.kind == "literal" else None
    if not isinstance(number, int) or isinstance(number, bool) or len(left.parts) != 2:
        return None
    if evaluation.function_called(left, env) != "count":
        return None
    held, failed = (
        next((count for count in range(_MOST_COUNTED) if compare(count, number) is holds), 0)
        for holds in (True, False)
    )
    return _having(evaluation, left.parts[1], env, held), _having(evaluation, left.parts[1], env, failed)


def _having(evaluation: Evaluation, node: Node, env: Env, count: int) -> Shape | None:
    """Return the shapes where a part gives at least so many items."""
    if count == 0:
        return env.known
    given = evaluation.of(node, env)

    def long_enough(value: Shape) -> Shape:
        if value.is_anything and count == 1:
            return value
        array, one = value.only(ARRAY), value.without(ARRAY) if count == 1 else NEVER
        if array.is_never or (array.at_most is not None and array.at_most < count):
            return one
        return join(one, replace(array, at_least=max(array.at_least, count)))

    if given.place is not None and not given.is_missing:
        return _narrow(given, env, long_enough)
    return _giving(evaluation, node, env)


def _membership(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    """Narrow by `in`: one of the values that are written down, or the name of a key that is there."""
    one, among = node.parts
    if evaluation.function_called(among, env) == "keys" and one.kind == "literal" and isinstance(one.value, str):
        return _has_key(evaluation.of(among.parts[1], env), one.value, env)
    given = evaluation.of(one, env)
    literals = [each.value for each in among.parts if each.kind == "literal"]
    if given.place and among.kind == "array" and len(literals) == len(among.parts):
        narrows = [_by_literal(each)[0] for each in literals]
        return _narrow(given, env, lambda value: join_all(each(value) for each in narrows)), env.known
    return _all_giving(evaluation, node.parts, env), env.known


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


def _has_key(given: Given, key: str, env: Env) -> Narrowed:
    if given.never_returns:
        return None, None
    found = member(given, key)
    # Of a list, the keys of all its items are there.
    return _exists(found, env) if not found.across else (env.known, env.known)


def _order(evaluation: Evaluation, node: Node, env: Env) -> Narrowed:
    """Where an order holds, both sides are there and of the literal's kind."""
    given = evaluation.of(node, env)
    if given.never_returns:
        return None, None
    if given.is_missing:
        return None, env.known
    counted = _counted(evaluation, node, env)
    if counted is not None:
        return counted
    held = _all_giving(evaluation, node.parts, env)
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
