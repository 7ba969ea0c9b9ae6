"""The functions of JSONata over shapes: what each takes, what it gives, and when it gives nothing.

One function or one line of a table each. Most give nothing where their first argument is nothing, and throw where
it is of another kind than they take; what a later argument must be is not followed that far.

Source: JSONata 2.0.6, function reference; measured with the engine. Those that AWS adds: `query.jsonata_functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfn_sim.query.jsonata_shapes_values import (
    FAILS,
    MISSING,
    Function,
    Given,
    chosen,
    items_of,
    member,
    needing,
    sequence,
    worst,
)
from sfn_sim.query.jsonata_syntax import Node
from sfn_sim.query.shapes import (
    ANY_BOOLEAN,
    ANY_NUMBER,
    ANY_STRING,
    ANYTHING,
    ARRAY,
    BOOLEAN,
    FALSE,
    NEVER,
    NUMBER,
    OBJECT,
    STRING,
    TRUE,
    Field,
    Shape,
    Verdict,
    an_array,
    join,
    join_all,
)

if TYPE_CHECKING:
    from sfn_sim.query.jsonata_shapes import Evaluation
    from sfn_sim.query.jsonata_shapes_env import Env

_COMPARE = "give it a function that tells which of two items comes later: function($a, $b) { $a.id > $b.id }"
_CONVERT = "convert it with $string or $number, or test it with $type before"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function: its arguments, and their nodes where they are written as such."""

    evaluation: Evaluation
    name: str
    node: Node
    given: list[Given]
    nodes: tuple[Node, ...]
    env: Env

    def need(self, place: int, kinds: int) -> bool:
        """Note whether an argument is of one of `kinds`, where it is there; return whether it never is."""
        node = self.nodes[place] if place < len(self.nodes) else self.node
        return self.evaluation.need(self.given[place], kinds, node, self.env, f"${self.name}", _CONVERT)

    def need_items(self, kinds: int, fix: str = _CONVERT, at_least: int = 1) -> bool:
        """Note whether the first argument has items of `kinds` only, if that many; return whether it never has."""
        one = self.given[0]
        item, least, _ = items_of(one)
        if item.is_never:
            return False
        node = self.nodes[0] if self.nodes else self.node
        items = Given(item, one.there if least >= at_least else Verdict.UNDECIDED, loose=one.loose)
        return self.evaluation.need(items, kinds, node, self.env, f"${self.name}", fix)

    def unsure(self) -> None:
        """Note that what is not followed decides here."""
        self.evaluation.unsure = True

    def argument(self, place: int) -> Given:
        """Return an argument; nothing where it is not given."""
        return self.given[place] if place < len(self.given) else MISSING

    def unknown(self) -> Given:
        """Return what is known of what is not followed."""
        return self.evaluation.unknown()


Operate = Callable[[Call], Given]


def _plain(gives: Shape, *takes: int) -> Operate:
    """Return a function that takes values of these kinds (0: any) and gives a shape."""

    def call(given: Call) -> Given:
        if not given.given:
            return given.unknown()  # of the context item
        if takes and takes[0] and given.need(0, takes[0]):
            return FAILS
        for each, kinds in zip(given.given[1:], takes[1:], strict=False):
            kind = each.shape.kinds
            if each.there is not Verdict.PRESENT or each.shape.is_anything or (kinds and kind & ~kinds):
                return replace(needing(gives, given.given[0]), there=worst((given.given[0].there, _shaken(given))))
        return needing(gives, given.given[0])

    return call


def _shaken(given: Call) -> Verdict:
    given.unsure()
    return Verdict.UNDECIDED


def _numbers(gives: Shape, of_none: Verdict) -> Operate:
    """Return a function over a list of numbers; a lone number is a list of one."""

    def call(given: Call) -> Given:
        one = given.argument(0)
        if one.is_missing:
            return one
        _, at_least, at_most = items_of(one)
        if given.need_items(NUMBER):
            return FAILS
        if at_least == 0 and of_none is not Verdict.PRESENT:
            there = Verdict.MISSING if at_most == 0 else Verdict.UNDECIDED
            return Given(NEVER if at_most == 0 else gives, worst((one.there, there)), lack=one.lack)
        return needing(gives, one)

    return call


def _exists(given: Call) -> Given:
    there = given.argument(0).there
    return Given({Verdict.PRESENT: Shape(TRUE), Verdict.MISSING: Shape(FALSE)}.get(there, ANY_BOOLEAN))


def _number(given: Call) -> Given:
    one = given.argument(0)
    if given.given and given.need(0, NUMBER | STRING | BOOLEAN):
        return FAILS
    if not one.is_missing and one.shape.may_be(STRING):
        given.unsure()  # a text may be no number
    return needing(ANY_NUMBER, one)


def _keys(given: Call) -> Given:
    one = given.argument(0)
    if one.is_missing or (not one.shape.is_anything and not one.shape.kinds & (OBJECT | ARRAY)):
        return replace(MISSING, lack=one.lack)
    if one.shape.kinds != OBJECT:
        return Given(join(ANY_STRING, an_array(ANY_STRING)), Verdict.UNDECIDED, loose=True)
    sure = sum(each.required for each in one.shape.fields.values())
    most = None if one.shape.open else sum(not each.shape.is_never for each in one.shape.fields.values())
    if most == 0:
        return MISSING
    made = sequence(Given(ANY_STRING), sure, most, flat=False)
    return replace(made, there=worst((made.there, one.there)), lack=one.lack)


def _lookup(given: Call) -> Given:
    one, key = given.argument(0), given.argument(1)
    names = key.shape.strings if key.shape.kinds == STRING else None
    if names is None or len(names) != 1:
        return replace(given.unknown(), shape=ANYTHING)
    found = member(one, next(iter(names)))
    if found.there is Verdict.UNDECIDED:
        given.unsure()
    return found


def _append(given: Call) -> Given:
    one, other = given.argument(0), given.argument(1)
    for each, rest in ((one, other), (other, one)):
        if each.is_missing:
            return rest
    sides = (one, other)
    is_there = any(each.there is Verdict.PRESENT for each in sides)
    if one.loose or other.loose or not is_there or any(each.there is Verdict.UNDECIDED for each in sides):
        return Given(ANYTHING, Verdict.PRESENT if is_there else Verdict.UNDECIDED, loose=True)
    (first, least, most), (second, more, end) = items_of(one), items_of(other)
    made = an_array(join(first, second), least + more, None if most is None or end is None else most + end)
    # Where one of them is nothing, the other comes as it is.
    alone = [rest.shape for each, rest in (sides, sides[::-1]) if each.there is Verdict.SOMETIMES]
    return Given(join_all((made, *alone)))


def _split(given: Call) -> Given:
    made = _plain(an_array(ANY_STRING, 1), STRING, 0, NUMBER)(given)
    return replace(made, shape=an_array(ANY_STRING)) if len(given.given) > 2 and not made.never_returns else made


def _join(given: Call) -> Given:
    one = given.argument(0)
    if one.is_missing:
        return one
    if given.need_items(STRING, "convert the items with $string"):
        return FAILS
    return needing(ANY_STRING, one)


def _merge(given: Call) -> Given:
    """Merge objects; those of an array that is written down are known one by one."""
    node = given.nodes[0] if given.nodes else None
    if node is None or node.kind != "array":
        return _merged_list(given)
    quiet = given.evaluation.quiet()
    merged = Shape(OBJECT)
    for part in node.parts:
        one = quiet.of(part, given.env)
        if one.never_returns:
            return FAILS
        if one.is_missing:
            continue
        if one.shape.kinds & ARRAY or one.loose:
            merged = Shape(OBJECT, open=True)
            given.unsure()
            continue
        if given.evaluation.need(one, OBJECT, part, given.env, "$merge", "merge objects only"):
            return FAILS
        over = Shape(OBJECT, open=True) if one.shape.is_anything else one.shape.only(OBJECT)
        both = overlaid(merged, over)
        if one.there is Verdict.UNDECIDED:
            given.unsure()
            both = overlaid(merged, Shape(OBJECT, open=True))
        merged = both if one.there is not Verdict.SOMETIMES else join(merged, both)
    return Given(merged)


def _merged_list(given: Call) -> Given:
    one = given.argument(0)
    if one.is_missing:
        return one
    item, at_least, at_most = items_of(one)
    if given.need_items(OBJECT, "merge objects only"):
        return FAILS
    if at_least == at_most == 1 and item.kinds == OBJECT:
        return needing(item, one)
    return needing(Shape(OBJECT, open=True), one)


def overlaid(under: Shape, over: Shape) -> Shape:
    """Return the shape of one object with another's keys laid over it."""
    fields = dict(under.fields)
    if over.open:
        # What the other has beside its known keys may stand over any of these.
        fields = {key: Field(ANYTHING, each.required) for key, each in fields.items() if each.required}
    for key, each in over.fields.items():
        below = fields.get(key)
        if each.required:
            fields[key] = each
        elif below is not None:
            vague = not below.required and (below.vague or each.vague)
            fields[key] = Field(join(below.shape, each.shape), below.required, vague)
        elif not under.open and not each.shape.is_never:
            fields[key] = each
    return Shape(OBJECT, fields=fields, open=under.open or over.open)


def _map(given: Call) -> Given:
    one, function = given.argument(0), given.argument(1)
    if one.is_missing:
        return one
    item, at_least, at_most = items_of(one)
    if item.is_never or at_most == 0:
        return MISSING
    env = given.env if at_least and one.there is Verdict.PRESENT else given.env.branch()
    each = [Given(item), Given(ANY_NUMBER), Given(ANYTHING)]
    result = given.evaluation.apply(function, each, env, given.node)
    given.evaluation.escaped |= result.function is not None
    if result.there is not Verdict.PRESENT and _ends_in_a_list(function.function):
        return given.unknown()
    made = sequence(result, at_least, at_most, flat=False)
    if made.never_returns:
        return made if env is given.env else given.unknown()
    if made.loose:
        given.unsure()
    return replace(made, there=worst((made.there, one.there)), lack=one.lack)


def _ends_in_a_list(function: Function | None) -> bool:
    """Tell whether a function ends in a call that may give an empty list: $map keeps it, all else takes it for nothing.

    Source: measured with the engine: what a function calls at its end is called in its place.
    """
    if function is None or function.node is None:
        return function is not None and function.name in _LISTS
    ends = [function.node.parts[0]]
    while ends:
        end = ends.pop()
        if end.kind == "block":
            ends += end.parts[-1:]
        elif end.kind == "condition":
            ends += end.parts[1:]
        elif end.kind == "call" and (end.parts[0].kind != "variable" or str(end.parts[0].value) not in _NO_LISTS):
            return True
    return False


def _filter(given: Call) -> Given:
    one, function = given.argument(0), given.argument(1)
    if one.is_missing:
        return one
    item, _, at_most = items_of(one)
    if item.is_never or at_most == 0:
        return MISSING
    given.evaluation.apply(function, [Given(item), Given(ANY_NUMBER), Given(ANYTHING)], given.env.branch(), given.node)
    given.unsure()
    kept = chosen(item)
    shape = ANYTHING if kept.is_anything else join(kept, an_array(kept))
    return Given(shape, worst((Verdict.UNDECIDED, one.there)), lack=one.lack, loose=True)


def _reduce(given: Call) -> Given:
    one = given.argument(0)
    if one.is_missing and len(given.given) < 3:
        return one
    given.unsure()
    return Given(ANYTHING, Verdict.UNDECIDED)


def _sort(given: Call) -> Given:
    """Sort; without a function to compare them, two items must be both numbers or both texts."""
    one = given.argument(0)
    item, _, at_most = items_of(one)
    if one.is_missing or len(given.given) > 1 or item.is_never or (at_most is not None and at_most < 2):
        return _listed(given)
    if given.need_items(NUMBER | STRING, _COMPARE, at_least=2):
        return FAILS
    if item.kinds & NUMBER and item.kinds & STRING:
        given.unsure()
    return _listed(given)


def _listed(given: Call) -> Given:
    """A function that gives the items of a list in another order."""
    one = given.argument(0)
    if one.is_missing:
        return one
    if len(given.given) > 1 or one.shape.is_anything or one.loose:
        given.unsure()
    item, at_least, at_most = items_of(one)
    if item.is_never:
        return needing(an_array(NEVER, 0, 0), one)
    return needing(an_array(item, at_least, at_most), one)


def _distinct(given: Call) -> Given:
    one = given.argument(0)
    if one.is_missing or one.loose or one.shape.kinds != ARRAY:
        return one
    return needing(an_array(one.shape.items or NEVER, min(1, one.shape.at_least), one.shape.at_most), one)


def _type(given: Call) -> Given:
    return needing(ANY_STRING, given.argument(0))


def _assert(given: Call) -> Given:
    given.unsure()
    return MISSING


def _not(given: Call) -> Given:
    return needing(ANY_BOOLEAN, given.argument(0))


def _sift(given: Call) -> Given:
    given.unsure()
    return Given(Shape(OBJECT, open=True), Verdict.UNDECIDED)


def _unfollowed(given: Call) -> Given:
    return given.unknown()


def _range(given: Call) -> Given:
    given.unsure()
    return Given(join(ANY_NUMBER, an_array(ANY_NUMBER)), Verdict.UNDECIDED, loose=True)


def _partition(given: Call) -> Given:
    one = given.argument(0)
    if one.is_missing:
        return one
    if given.need(0, ARRAY):
        return FAILS
    given.unsure()
    item = items_of(one)[0]
    return Given(an_array(an_array(item)), worst((one.there, Verdict.UNDECIDED)), lack=one.lack)


def _always(gives: Shape) -> Operate:
    return lambda _: Given(gives)


FUNCTIONS: dict[str, Operate] = {
    "string": _plain(ANY_STRING),
    **dict.fromkeys(("uppercase", "lowercase", "trim"), _plain(ANY_STRING, STRING)),
    "length": _plain(ANY_NUMBER, STRING),
    "substring": _plain(ANY_STRING, STRING, NUMBER, NUMBER),
    **dict.fromkeys(("substringBefore", "substringAfter"), _plain(ANY_STRING, STRING, STRING)),
    "pad": _plain(ANY_STRING, STRING, NUMBER, STRING),
    "contains": _plain(ANY_BOOLEAN, STRING),
    "replace": _plain(ANY_STRING, STRING),
    "split": _split,
    "join": _join,
    "match": _unfollowed,
    **dict.fromkeys(("base64encode", "base64decode"), _plain(ANY_STRING, STRING)),
    **dict.fromkeys(
        ("encodeUrlComponent", "encodeUrl", "decodeUrlComponent", "decodeUrl"), _plain(ANY_STRING, STRING)
    ),
    "number": _number,
    **dict.fromkeys(("abs", "floor", "ceil", "sqrt"), _plain(ANY_NUMBER, NUMBER)),
    **dict.fromkeys(("round", "power"), _plain(ANY_NUMBER, NUMBER, NUMBER)),
    "formatNumber": _plain(ANY_STRING, NUMBER, STRING),
    "formatBase": _plain(ANY_STRING, NUMBER, NUMBER),
    "formatInteger": _plain(ANY_STRING, NUMBER, STRING),
    "parseInteger": _plain(ANY_NUMBER, STRING, STRING),
    "sum": _numbers(ANY_NUMBER, Verdict.PRESENT),
    **dict.fromkeys(("max", "min", "average"), _numbers(ANY_NUMBER, Verdict.UNDECIDED)),
    "boolean": _plain(ANY_BOOLEAN),
    "not": _not,
    "exists": _exists,
    "count": _always(ANY_NUMBER),
    "append": _append,
    "sort": _sort,
    **dict.fromkeys(("reverse", "shuffle"), _listed),
    "distinct": _distinct,
    "zip": _unfollowed,
    "keys": _keys,
    "lookup": _lookup,
    "spread": _unfollowed,
    "merge": _merge,
    "sift": _sift,
    "each": _unfollowed,
    "error": lambda _: FAILS,
    "assert": _assert,
    "type": _type,
    "map": _map,
    "filter": _filter,
    "single": _unfollowed,
    "reduce": _reduce,
    "now": _always(ANY_STRING),
    "millis": _always(ANY_NUMBER),
    "fromMillis": _plain(ANY_STRING, NUMBER, STRING, STRING),
    "toMillis": _plain(ANY_NUMBER, STRING, STRING),
    "clone": _unfollowed,
    "partition": _partition,
    "range": _range,
    "hash": _plain(ANY_STRING, STRING, STRING),
    "random": _always(ANY_NUMBER),
    "uuid": _always(ANY_STRING),
    "parse": _unfollowed,
}
"""By name without $, every function that an expression may call; $eval is none of them on AWS."""
_LISTS = frozenset(("each", "filter", "keys", "lookup", "map", "match", "spread"))
_NO_LISTS = frozenset(FUNCTIONS) - _LISTS
HIGHER_ORDER = frozenset(("map", "filter", "reduce", "sort", "each", "sift", "single", "match", "replace"))
"""Those that take a function, behind their first argument."""
STRICT = frozenset(FUNCTIONS) - {
    "append", "assert", "clone", "count", "each", "error", "eval", "exists", "match", "millis", "now", "parse",
    "partition", "random", "range", "reduce", "sift", "single", "spread", "uuid", "zip",
}  # fmt: skip
"""Those that give nothing where their first argument is nothing."""
