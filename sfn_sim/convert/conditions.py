"""Choice rules to conditions: each operator as one entry of a table.

A rule of JSONPath is false for a value of another type than it compares, and fails where its Variable leads nowhere;
JSONata fails for the first and goes on with the second. Guards make both as they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sfn_sim.convert.code import Notes, expression, literal
from sfn_sim.convert.paths import Roots, path_code
from sfn_sim.payload import Json

_SIGNS = {"Equals": "=", "LessThan": "<", "GreaterThan": ">", "LessThanEquals": "<=", "GreaterThanEquals": ">="}
_KINDS = {"Numeric": "number", "String": "string", "Boolean": "boolean"}
_TIMESTAMP = r"/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/"
_COMBINED = {"And": " and ", "Or": " or "}
_AROUND = frozenset(("Next", "Comment", "Assign", "Output"))


def condition(rule: Mapping[str, Json], known: Roots, notes: Notes) -> str:
    """Return the text of a Condition that holds where a rule of JSONPath does.

    Raises:
        NoEquivalent: JSONata has no words for one of its paths.
    """
    return expression(_rule(rule, known, notes))


def _rule(rule: Mapping[str, Json], known: Roots, notes: Notes) -> str:
    for word, joint in _COMBINED.items():
        inner = rule.get(word)
        if isinstance(inner, list):
            return "(" + joint.join(_rule(each, known, notes) for each in inner if isinstance(each, dict)) + ")"
    negated = rule.get("Not")
    if isinstance(negated, dict):
        return f"$not({_rule(negated, known, notes)})"
    operator = next(name for name in rule if name != "Variable" and name not in _AROUND)
    variable, operand = str(rule["Variable"]), rule[operator]
    if operator == "IsPresent":
        present = f"$exists({path_code(variable, known, notes)})"
        return present if operand is True else f"$not({present})"
    value = path_code(variable, known, notes, inside=True)
    if operator in _KIND_TESTS:
        test = _bound(value, _KIND_TESTS[operator])
        return test if operand is True else f"$not({test})"
    if operator == "StringMatches":
        pattern = _pattern(str(operand))
        return _of_kind("string", value, notes, lambda code: f"$contains({code}, {pattern})")
    is_path = operator.endswith("Path")
    other = path_code(str(operand), known, notes, inside=True) if is_path else literal(operand)
    return _compared(operator.removesuffix("Path"), value, other, is_path, notes)


def _compared(operator: str, value: str, other: str, is_path: bool, notes: Notes) -> str:
    family = next(name for name in ("Numeric", "String", "Boolean", "Timestamp") if operator.startswith(name))
    sign = _SIGNS[operator.removeprefix(family)]

    def test(code: str, against: str) -> str:
        return f"$toMillis({code}) {sign} $toMillis({against})" if family == "Timestamp" else f"{code} {sign} {against}"

    if not notes.guarded or (family != "Timestamp" and sign == "=" and not is_path):
        # Values of unlike types are never equal, in either language.
        return test(value, other)
    is_kind = _is_timestamp if family == "Timestamp" else _is(_KINDS[family])
    if not is_path:
        return _bound(value, lambda code: f"{is_kind(code)} and {test(code, other)}")
    return f"($x_ := {value}; $y_ := {other}; {is_kind('$x_')} and {is_kind('$y_')} and {test('$x_', '$y_')})"


def _of_kind(kind: str, value: str, notes: Notes, test: Callable[[str], str]) -> str:
    if not notes.guarded:
        return test(value)
    return _bound(value, lambda code: f"{_is(kind)(code)} and {test(code)}")


def _bound(value: str, test: Callable[[str], str]) -> str:
    """Return a test of a value that is read once."""
    return test(value) if test("$x_").count("$x_") == 1 else f"($x_ := {value}; {test('$x_')})"


def _is_timestamp(value: str) -> str:
    return f'($type({value}) = "string" and $contains({value}, {_TIMESTAMP}))'


def _is(kind: str) -> Callable[[str], str]:
    return lambda value: f'$type({value}) = "{kind}"'


_KIND_TESTS: dict[str, Callable[[str], str]] = {
    "IsNull": _is("null"),
    "IsNumeric": _is("number"),
    "IsString": _is("string"),
    "IsBoolean": _is("boolean"),
    "IsTimestamp": _is_timestamp,
}


def _pattern(text: str) -> str:
    r"""Return a StringMatches pattern as a regular expression: `*` is any text, `\*` and `\\` are themselves."""
    pieces = re.findall(r"\\[\\*]|\*|[^*\\]+|\\", text)
    inner = "".join(r"[\s\S]*" if piece == "*" else _escaped(piece) for piece in pieces)
    return f"/^{inner}$/"


def _escaped(piece: str) -> str:
    plain = piece[1:] if len(piece) == 2 and piece[0] == "\\" and piece[1] in "\\*" else piece
    return re.sub(r"([.^$*+?()\[\]{}|\\/])", r"\\\1", plain)
