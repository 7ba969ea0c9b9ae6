"""Intrinsic functions to JSONata: one function each in one table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sfn_sim.convert.code import NoEquivalent, Notes, literal
from sfn_sim.convert.paths import Roots, path_code
from sfn_sim.payload import Json
from sfn_sim.query.intrinsic_functions import format_parts
from sfn_sim.query.intrinsics import Argument, Call, Literal, compile_intrinsic


@dataclass(frozen=True, slots=True)
class Given:
    """An argument: its code, its value where that is written down, and what kind its value is known to have."""

    code: str
    value: Json = None
    written: bool = False
    kind: str = ""


def intrinsic_code(text: str, known: Roots, notes: Notes) -> str:
    """Return the code of a call.

    Raises:
        NoEquivalent: a function that JSONata has no words for, as it is called here.
    """
    return _call(compile_intrinsic(text).call, known, notes)


def _call(call: Call, known: Roots, notes: Notes) -> str:
    return _FUNCTIONS[call.name]([_given(each, known, notes) for each in call.arguments], notes)


def _given(argument: Argument, known: Roots, notes: Notes) -> Given:
    if isinstance(argument, Literal):
        return Given(literal(argument.value), argument.value, True, _kind(argument.value))
    if isinstance(argument, Call):
        return Given(_call(argument, known, notes), kind=_KINDS.get(argument.name, ""))
    return Given(path_code(argument.text, known, notes, inside=True))


def _kind(value: Json) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case _:
            return "null" if value is None else "other"


def _whole(given: Given, notes: Notes) -> str:
    """Return a number as these functions take it: rounded, half up."""
    if given.written or not notes.guarded:
        return given.code
    return f"$floor({given.code} + 0.5)"


def _format(given: list[Given], notes: Notes) -> str:
    template, *values = given
    if not template.written or not isinstance(template.value, str):
        raise NoEquivalent("States.Format with a template that is read by a path has no equivalent")
    if any(not each.written and each.kind not in ("string", "boolean") for each in values):
        notes.tell("States.Format prints objects, lists and numbers like 1.0 as Java does; JSONata as JSON")
    parts = format_parts(template.value)
    pieces = [literal(parts[0])] if parts[0] or not values else []
    for each, part in zip(values, parts[1:], strict=True):
        pieces += [each.code, *([literal(part)] if part else [])]
    code = " & ".join(pieces)
    if len(pieces) == 1 and values:
        return f"$string({code})"
    return f"({code})" if len(pieces) > 1 else code


def _string_to_json(given: list[Given], notes: Notes) -> str:
    (text,) = given
    if text.written or not notes.guarded:
        return f"$parse({text.code})"
    return f'($t := {text.code}; $trim($t) = "" ? null : $parse($t))'


def _json_to_string(given: list[Given], notes: Notes) -> str:
    (value,) = given
    notes.tell("States.JsonToString writes numbers like 1.0 as they came; JSONata writes 1")
    if value.kind in ("number", "boolean", "null") or not notes.guarded:
        return f"$string({value.code})"
    quoted = '($t := $string({"v": $j}); $substring($t, 5, $length($t) - 6))'
    return f'($j := {value.code}; $type($j) = "string" ? {quoted} : $string($j))'


def _array(given: list[Given], notes: Notes) -> str:
    if all(each.kind for each in given):
        return f"[{', '.join(each.code for each in given)}]"
    code = "[]"
    for each in given:
        code = f"$append({code}, {f'[{each.code}]' if each.kind else _one(each.code)})"
    return code


def _one(code: str) -> str:
    """Return the code of a list of one; a list in it stays a list."""
    return f'($e := {code}; $type($e) = "array" ? [[$e]] : [$e])'


def _array_partition(given: list[Given], notes: Notes) -> str:
    return f"$append([], $partition({given[0].code}, {_whole(given[1], notes)}))"


def _array_contains(given: list[Given], notes: Notes) -> str:
    items, wanted = given
    return f"($w_ := {wanted.code}; $exists($filter({items.code}, function($e) {{ $e = $w_ }})))"


def _array_range(given: list[Given], notes: Notes) -> str:
    return f"[$range({', '.join(_whole(each, notes) for each in given)})]"


def _array_get_item(given: list[Given], notes: Notes) -> str:
    items, index = given
    if index.written:
        return f"({items.code})[{index.code}]"
    if notes.guarded:
        return f'($a_ := {items.code}; $n_ := {index.code}; $n_ < 0 ? $error("a negative index") : $a_[$n_])'
    return f"($a_ := {items.code}; $n_ := {index.code}; $a_[$n_])"


def _array_length(given: list[Given], notes: Notes) -> str:
    return f"$count({given[0].code})"


def _array_unique(given: list[Given], notes: Notes) -> str:
    return f"$append([], $distinct({given[0].code})[])"


def _base64(function: str) -> Callable[[list[Given], Notes], str]:
    def code(given: list[Given], notes: Notes) -> str:
        (text,) = given
        if not (isinstance(text.value, str) and text.value.isascii()):
            notes.tell(f"{function} takes characters beyond ASCII as Latin-1; the intrinsic function as UTF-8")
        return f"{function}({text.code})"

    return code


def _hash(given: list[Given], notes: Notes) -> str:
    return f"$hash({given[0].code}, {given[1].code})"


def _json_merge(given: list[Given], notes: Notes) -> str:
    if not given[2].written or given[2].value is not False:
        raise NoEquivalent("States.JsonMerge with a third argument that is not false has no equivalent")
    return f"$merge([{given[0].code}, {given[1].code}])"


def _math_random(given: list[Given], notes: Notes) -> str:
    if len(given) > 2:
        raise NoEquivalent("States.MathRandom with a seed gives a number that JSONata's $random does not give")
    notes.tell("$random draws other numbers than States.MathRandom, of the same range")
    start, end = (_whole(each, notes) for each in given)
    return f"($floor($random() * ({end} - {start})) + {start})"


def _math_add(given: list[Given], notes: Notes) -> str:
    return f"({_whole(given[0], notes)} + {_whole(given[1], notes)})"


def _string_split(given: list[Given], notes: Notes) -> str:
    text, signs = given
    if not signs.written or not isinstance(signs.value, str) or not signs.value:
        raise NoEquivalent("States.StringSplit with separators that are read by a path has no equivalent")
    separator = literal(signs.value)
    if len(signs.value) > 1:
        separator = f"/[{re.escape(signs.value).replace('/', chr(92) + '/')}]/"
    return f'$append([], $filter($split({text.code}, {separator}), function($e) {{ $e != "" }})[])'


def _uuid(given: list[Given], notes: Notes) -> str:
    return "$uuid()"


_FUNCTIONS: dict[str, Callable[[list[Given], Notes], str]] = {
    "States.Format": _format,
    "States.StringToJson": _string_to_json,
    "States.JsonToString": _json_to_string,
    "States.Array": _array,
    "States.ArrayPartition": _array_partition,
    "States.ArrayContains": _array_contains,
    "States.ArrayRange": _array_range,
    "States.ArrayGetItem": _array_get_item,
    "States.ArrayLength": _array_length,
    "States.ArrayUnique": _array_unique,
    "States.Base64Encode": _base64("$base64encode"),
    "States.Base64Decode": _base64("$base64decode"),
    "States.Hash": _hash,
    "States.JsonMerge": _json_merge,
    "States.MathRandom": _math_random,
    "States.MathAdd": _math_add,
    "States.StringSplit": _string_split,
    "States.UUID": _uuid,
}
_KINDS = {
    "States.Format": "string", "States.JsonToString": "string", "States.ArrayContains": "boolean",
    "States.ArrayLength": "number", "States.Base64Encode": "string", "States.Base64Decode": "string",
    "States.Hash": "string", "States.JsonMerge": "object", "States.MathRandom": "number", "States.MathAdd": "number",
    "States.UUID": "string",
}  # fmt: skip
