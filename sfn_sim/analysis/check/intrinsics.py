"""Intrinsic functions over shapes: what each takes and what it gives.

Source: as `query.intrinsic_functions`, whose refusals these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sfn_sim.query.intrinsic_functions import INTRINSICS, Refused, fill, format_parts
from sfn_sim.query.intrinsics import Call, Literal
from sfn_sim.query.shapes import (
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
    Field,
    Shape,
    Verdict,
    an_array,
    join,
    join_all,
)

_ANY = 0
_NAMES = {STRING: "a string", NUMBER: "a number", ARRAY: "an array", OBJECT: "an object", FALSE: "false"}
TAKES: dict[str, tuple[int, ...]] = {
    "States.Format": (STRING,),
    "States.StringToJson": (STRING,),
    "States.ArrayPartition": (ARRAY, NUMBER),
    "States.ArrayContains": (ARRAY, _ANY),
    "States.ArrayRange": (NUMBER, NUMBER, NUMBER),
    "States.ArrayGetItem": (ARRAY, NUMBER),
    "States.ArrayLength": (ARRAY,),
    "States.ArrayUnique": (ARRAY,),
    "States.Base64Encode": (STRING,),
    "States.Base64Decode": (STRING,),
    "States.Hash": (_ANY, STRING),
    "States.JsonMerge": (OBJECT, OBJECT, FALSE),
    "States.MathRandom": (NUMBER, NUMBER, NUMBER),
    "States.MathAdd": (NUMBER, NUMBER),
    "States.StringSplit": (STRING, STRING),
}
"""The kinds of each function's arguments, in order; what is not listed may be anything."""


def wanted(name: str, place: int) -> int:
    """Return the kinds that a function takes as an argument; 0: any."""
    kinds = TAKES.get(name, ())
    return kinds[place] if place < len(kinds) else _ANY


def kind_name(kinds: int) -> str:
    """Return kinds in words."""
    return _NAMES.get(kinds, "another value")


def refusal(call: Call, given: int) -> str:
    """Return why a call can never work, whatever its paths read; empty if it may.

    Args:
        call: the call.
        given: how many arguments stand in it.
    """
    if call.name == "States.Format" and isinstance(call.arguments[0], Literal):
        template = call.arguments[0].value
        try:
            fill(format_parts(template), [""] * (given - 1)) if isinstance(template, str) else None
        except Refused as problem:
            return str(problem)
    function = INTRINSICS[call.name]
    if call.arguments and not function.draws and all(isinstance(each, Literal) for each in call.arguments):
        try:
            function.function(*[each.value for each in call.arguments if isinstance(each, Literal)])
        except Refused as problem:
            return str(problem)
    return ""


def reaches(name: str, given: list[Shape]) -> Verdict:
    """Tell whether the item that a function is asked for is there; of other functions nothing is asked."""
    if name != "States.ArrayGetItem" or given[0].kinds != ARRAY or given[1].numbers is None:
        return Verdict.PRESENT if name != "States.ArrayGetItem" else Verdict.UNDECIDED
    array, indexes = given[0], given[1].numbers
    if all(0 <= each < array.at_least for each in indexes):
        return Verdict.PRESENT
    outside = array.at_most is not None and all(not 0 <= each < array.at_most for each in indexes)
    return Verdict.MISSING if outside else Verdict.UNDECIDED


def result(name: str, given: list[Shape]) -> Shape:
    """Return the shape of what a function gives for arguments that it takes."""
    special = _RESULTS.get(name)
    if special is not None:
        return special(given)
    kind = INTRINSICS[name].result
    return {"string": ANY_STRING, "number": ANY_NUMBER, "boolean": Shape(BOOLEAN)}.get(kind, ANYTHING)


def _items(shape: Shape) -> Shape:
    return shape.items or NEVER if shape.kinds == ARRAY else ANYTHING


def _array(given: list[Shape]) -> Shape:
    return an_array(join_all(given), len(given), len(given))


def _same_items(given: list[Shape]) -> Shape:
    return an_array(_items(given[0]))


def _partition(given: list[Shape]) -> Shape:
    return an_array(an_array(_items(given[0]), 1))


def _get_item(given: list[Shape]) -> Shape:
    items = _items(given[0])
    return ANYTHING if items.is_never else items


def _merge(given: list[Shape]) -> Shape:
    first, second = given[0], given[1]
    if first.is_anything and second.is_anything:
        return Shape(OBJECT, open=True)
    first, second = first.only(OBJECT), second.only(OBJECT)
    fields = dict(first.fields)
    if second.open:
        fields = {key: replace(each, shape=join(each.shape, ANYTHING)) for key, each in fields.items()}
    for key, each in second.fields.items():
        under = fields.get(key)
        if each.required or under is None:
            fields[key] = each if under is not None or not first.open or each.required else Field(ANYTHING)
        else:
            vague = not under.required and (under.vague or each.vague)
            fields[key] = Field(join(under.shape, each.shape), under.required, vague)
    # A key that only one of the two is known to lack may still come from the other.
    known = {
        key: each for key, each in fields.items() if each.required or not (first.open or second.open)
    }
    return Shape(OBJECT, fields=known, open=first.open or second.open)


_RESULTS: dict[str, Callable[[list[Shape]], Shape]] = {
    "States.Array": _array,
    "States.ArrayPartition": _partition,
    "States.ArrayRange": lambda _: an_array(ANY_NUMBER),
    "States.ArrayGetItem": _get_item,
    "States.ArrayUnique": _same_items,
    "States.StringSplit": lambda _: an_array(ANY_STRING),
    "States.JsonMerge": _merge,
}
