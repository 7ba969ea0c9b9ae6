"""What a Choice rule wants: values that make it hold, and values that do not; and what a field usually reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sfn_sim.definition.model import ChoiceState, Combination, Comparison, Rule
from sfn_sim.definition.plan import PlannedState
from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonpath import compile_path
from sfn_sim.timestamp import parse_timestamp

_MOMENT = "2025-01-01T00:00:00Z"
_SCALAR = "text"
_COMPARED = re.compile(
    r"\$states\.input\.(?P<path>[\w.]+)\s*(?P<operator>!=|<=|>=|=|<|>|in)\s*"
    r"(?P<value>'[^']*'|\"[^\"]*\"|-?\d+(?:\.\d+)?|true|false|null|\[[^\]]*\])"
)
_READ = re.compile(r"\$states\.input\.([\w.]+)")
_COUNTED = re.compile(r"\$(?:count|length)\(\s*\$states\.input\.([\w.]+)\s*\)\s*(!=|<=|>=|=|<|>)\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Wish:
    """A value wanted at some steps of a Choice state's effective input; or nothing there."""

    steps: tuple[str | int, ...]
    value: Json = None
    absent: bool = False


def wishes_of(state: ChoiceState, index: int) -> Iterator[tuple[Wish, ...]]:
    """Yield ways to make a rule the first that holds: each is a set of values."""
    before = [wish for choice in state.choices[:index] for wish in _first(_ways(choice.rule, False))]
    for way in _ways(state.choices[index].rule, True):
        own = {wish.steps for wish in way}
        # Where an earlier rule wants something else at the same place, this one's value decides alone.
        yield (*(wish for wish in before if wish.steps not in own), *way)


def wishes_of_default(state: ChoiceState) -> Iterator[tuple[Wish, ...]]:
    """Yield ways to make no rule hold."""
    ways = [list(_ways(choice.rule, False)) for choice in state.choices]
    for number in range(max(map(len, ways), default=0)):
        yield tuple(wish for way in ways for wish in (way[min(number, len(way) - 1)] if way else ()))


def _first(ways: Iterator[tuple[Wish, ...]]) -> tuple[Wish, ...]:
    return next(ways, ())


def _ways(rule: Rule, wanted: bool) -> Iterator[tuple[Wish, ...]]:
    if isinstance(rule, Combination):
        yield from _combined(rule, wanted)
    elif rule.operator == "Condition":
        yield from _condition(str(rule.operand), wanted)
    else:
        yield from _compared(rule, wanted)


def _combined(rule: Combination, wanted: bool) -> Iterator[tuple[Wish, ...]]:
    if rule.operator == "Not":
        yield from _ways(rule.rules[0], not wanted)
    elif (rule.operator == "And") is wanted:
        yield tuple(wish for each in rule.rules for wish in _first(_ways(each, wanted)))
    else:
        for one in rule.rules:
            # The others are given what they want, so that they can be looked at.
            others = tuple(wish for each in rule.rules if each is not one for wish in _first(_ways(each, not wanted)))
            own = tuple(_first(_ways(one, wanted)))
            steps = {wish.steps for wish in own}
            yield (*(wish for wish in others if wish.steps not in steps), *own)


def _compared(rule: Comparison, wanted: bool) -> Iterator[tuple[Wish, ...]]:
    steps = _steps(rule.variable)
    if steps is None:
        return
    if rule.operator == "IsPresent":
        if rule.operand is wanted:
            yield (Wish(steps, _SCALAR),)
        else:
            yield (Wish(steps, absent=True),)
        return
    for value in _values(rule, wanted):
        yield (Wish(steps, value),)


def _values(rule: Comparison, wanted: bool) -> Iterator[Json]:
    operator, operand = rule.operator, rule.operand
    if rule.operand_is_path:
        operand = 0 if operator.startswith("Numeric") else _MOMENT if operator.startswith("Timestamp") else _SCALAR
    kind, order = _kind_and_order(operator)
    if operator == "BooleanEquals":
        yield operand if wanted else not operand
    elif operator == "StringMatches":
        yield str(operand).replace("*", "") if wanted else f"no {operand}".replace("*", "-")
    elif operator.startswith("Is"):
        like: dict[str, Json] = {
            "IsNull": None, "IsNumeric": 1, "IsString": _SCALAR, "IsBoolean": True, "IsTimestamp": _MOMENT,
        }  # fmt: skip
        unlike: Json = "no number" if operator in ("IsNumeric", "IsNull", "IsBoolean") else 1
        yield like.get(operator) if (operand is wanted) else unlike
    elif kind == "Numeric":
        number: Any = operand
        yield from _ordered(order, wanted, number, number + 1, max(number - 1, 0) if number > 0 else number - 1)
    elif kind == "String":
        yield from _ordered(order, wanted, operand, f"{operand}~", "")
    elif kind == "Timestamp":
        moment = parse_timestamp(operand)
        near = datetime.fromtimestamp(moment.timestamp(), UTC) if isinstance(moment, datetime) else None
        if near is not None:
            later, earlier = (f"{(near + timedelta(days=each)).strftime('%Y-%m-%dT%H:%M:%SZ')}" for each in (1, -1))
            yield from _ordered(order, wanted, operand, later, earlier)


def _kind_and_order(operator: str) -> tuple[str, str]:
    for kind in ("Numeric", "String", "Timestamp"):
        if operator.startswith(kind):
            return kind, operator.removeprefix(kind)
    return "", operator


def _ordered(order: str, wanted: bool, same: Json, more: Json, less: Json) -> Iterator[Json]:
    holding = {
        "Equals": [same],
        "LessThan": [less],
        "GreaterThan": [more],
        "LessThanEquals": [same, less],
        "GreaterThanEquals": [same, more],
    }.get(order, [])
    yield from (each for each in (more, same, less) if (each in holding) is wanted)


def _condition(text: str, wanted: bool) -> Iterator[tuple[Wish, ...]]:
    """Yield values for a condition in JSONata: its comparisons with literals, all of them or one by one."""
    wishes: list[tuple[Wish, Wish]] = []
    for found in _COUNTED.finditer(text):
        number = int(found[3])
        sides = [next(_ordered(_ORDERS[found[2]], each, number, number + 1, max(0, number - 1)), 0)
                 if found[2] != "!=" else number + each for each in (True, False)]  # fmt: skip
        wishes.append(tuple(Wish(_names(found[1]), [{} for _ in range(int(str(side)))]) for side in sides))  # type: ignore[arg-type]
    for found in _COMPARED.finditer(text):
        holds, fails = _compared_in_jsonata(found["operator"], found["value"])
        wishes.append((Wish(_names(found["path"]), holds), Wish(_names(found["path"]), fails)))
    compared = {wish.steps for wish, _ in wishes}
    for found in _READ.finditer(text):
        if _names(found[1]) not in compared:
            steps = _names(found[1])
            wishes.append((Wish(steps, True), Wish(steps, False)))  # as the loops before it
    side = 0 if wanted else 1
    yield tuple(each[side] for each in wishes)
    yield tuple(each[1 - side] for each in wishes)
    for number in range(len(wishes)):
        yield tuple(each[side if index == number else 1 - side] for index, each in enumerate(wishes))
    yield tuple(Wish(each[0].steps, absent=True) for each in wishes)


_ORDERS = {"=": "Equals", "<": "LessThan", ">": "GreaterThan", "<=": "LessThanEquals", ">=": "GreaterThanEquals"}


def _compared_in_jsonata(operator: str, text: str) -> tuple[Json, Json]:
    """Return a value for which a comparison holds, and one for which it does not."""
    value: Json
    if text[0] in "'\"":
        value = text[1:-1]
    elif text in ("true", "false", "null"):
        value = {"true": True, "false": False, "null": None}[text]
    elif text[0] == "[":
        inner = re.findall(r"'([^']*)'|\"([^\"]*)\"", text)
        value = (inner[0][0] or inner[0][1]) if inner else _SCALAR
    else:
        value = float(text) if "." in text else int(text)
    if operator == "in":
        return value, f"no {value}"
    if operator == "!=":
        return _other(value), value
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        more: Json = f"{value}~" if isinstance(value, str) else value + 1
        less: Json = "" if isinstance(value, str) else value - 1
        order = _ORDERS[operator]
        return next(_ordered(order, True, value, more, less)), next(_ordered(order, False, value, more, less))
    return value, _other(value)


def _other(value: Json) -> Json:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"no {value}"
    if isinstance(value, int):
        return value + 1
    return 1 if value is None else 0


def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _steps(path: str) -> tuple[str | int, ...] | None:
    if path.startswith("$$"):
        return None
    try:
        compiled = compile_path(path)
    except SyntaxProblem:
        return None
    return tuple(compiled.steps) if path.startswith("$") else None


def usual_value(definition: Json, field: str, expression: str, state: PlannedState) -> Json:
    """Return a value of the kind that a field, or another state that reads the same path, usually has."""
    last = field.rpartition("/")[2]
    if last.startswith(("ItemsPath", "Items")) or _is_iterated(definition, expression):
        return [{}]
    if last.startswith(("SecondsPath", "TimeoutSecondsPath", "MaxConcurrencyPath", "HeartbeatSecondsPath")):
        return 1
    if last.startswith("TimestampPath"):
        return _MOMENT
    if isinstance(state.state, ChoiceState):
        for choice in state.state.choices:
            for way in _ways(choice.rule, False):
                for wish in way:
                    if wish.steps == _steps(expression) and not wish.absent:
                        return wish.value
    return _SCALAR


def _is_iterated(definition: Json, expression: str) -> bool:
    """Tell whether a Map of the machine iterates over what has the same last name as a path."""
    name = expression.rpartition(".")[2]
    return any(path.rpartition(".")[2] == name for path in _items_paths(definition)) if name else False


def _items_paths(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "ItemsPath" and isinstance(inner, str):
                yield inner
            else:
                yield from _items_paths(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _items_paths(each)
