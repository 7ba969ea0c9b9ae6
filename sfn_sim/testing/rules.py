"""What a Choice rule wants: values that make it hold, and values that do not; and what a field usually reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sfn_sim.definition.model import ChoiceState, Combination, Comparison, Rule
from sfn_sim.definition.plan import PlannedState
from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonata import compile_expression, expression_in
from sfn_sim.query.jsonpath import compile_path
from sfn_sim.testing.conditions import MOMENT, TEXT, Way, Wish, ordered, ways
from sfn_sim.timestamp import parse_timestamp

_SIGNS = {
    "Equals": "=", "LessThan": "<", "GreaterThan": ">", "LessThanEquals": "<=", "GreaterThanEquals": ">=",
}  # fmt: skip


def wishes_of(state: ChoiceState, index: int) -> Iterator[Way]:
    """Yield ways to make a rule the first that holds: each is a set of values."""
    before = [wish for choice in state.choices[:index] for wish in _first(_ways(choice.rule, False))]
    for way in _ways(state.choices[index].rule, True):
        own = {(wish.root, wish.steps) for wish in way}
        # Where an earlier rule wants something else at the same place, this one's value decides alone.
        yield (*(wish for wish in before if (wish.root, wish.steps) not in own), *way)


def wishes_of_default(state: ChoiceState) -> Iterator[Way]:
    """Yield ways to make no rule hold."""
    found = [list(_ways(choice.rule, False)) for choice in state.choices]
    for number in range(max(map(len, found), default=0)):
        yield tuple(wish for each in found for wish in (each[min(number, len(each) - 1)] if each else ()))


def _first(found: Iterator[Way]) -> Way:
    return next(found, ())


def _ways(rule: Rule, wanted: bool) -> Iterator[Way]:
    if isinstance(rule, Combination):
        yield from _combined(rule, wanted)
    elif rule.operator == "Condition":
        yield from _condition(str(rule.operand), wanted)
    else:
        yield from _compared(rule, wanted)


def _combined(rule: Combination, wanted: bool) -> Iterator[Way]:
    if rule.operator == "Not":
        yield from _ways(rule.rules[0], not wanted)
    elif (rule.operator == "And") is wanted:
        yield tuple(wish for each in rule.rules for wish in _first(_ways(each, wanted)))
    else:
        for one in rule.rules:
            # The others are given what they want, so that they can be looked at.
            others = tuple(wish for each in rule.rules if each is not one for wish in _first(_ways(each, not wanted)))
            own = tuple(_first(_ways(one, wanted)))
            mine = {(wish.root, wish.steps) for wish in own}
            yield (*(wish for wish in others if (wish.root, wish.steps) not in mine), *own)


def _compared(rule: Comparison, wanted: bool) -> Iterator[Way]:
    at = _place(rule.variable)
    if at is None:
        return
    root, steps = at
    if rule.operator == "IsPresent":
        yield (Wish(steps, TEXT, absent=rule.operand is not wanted, root=root),)
        return
    for value in _values(rule, wanted):
        yield (Wish(steps, value, root=root),)


def _values(rule: Comparison, wanted: bool) -> Iterator[Json]:
    operator, operand = rule.operator, rule.operand
    if rule.operand_is_path:
        operand = 0 if operator.startswith("Numeric") else MOMENT if operator.startswith("Timestamp") else TEXT
    kind, sign = _kind_and_sign(operator)
    if operator == "BooleanEquals":
        yield operand if wanted else not operand
    elif operator == "StringMatches":
        yield str(operand).replace("*", "") if wanted else f"no {operand}".replace("*", "-")
    elif operator.startswith("Is"):
        like: dict[str, Json] = {
            "IsNull": None, "IsNumeric": 1, "IsString": TEXT, "IsBoolean": True, "IsTimestamp": MOMENT,
        }  # fmt: skip
        unlike: Json = "no number" if operator in ("IsNumeric", "IsNull", "IsBoolean") else 1
        yield like.get(operator) if (operand is wanted) else unlike
    elif kind == "Numeric":
        number: Any = operand
        yield from ordered(sign, wanted, number, number + 1, max(number - 1, 0) if number > 0 else number - 1)
    elif kind == "String":
        yield from ordered(sign, wanted, operand, f"{operand}~", "")
    elif kind == "Timestamp":
        moment = parse_timestamp(operand)
        near = datetime.fromtimestamp(moment.timestamp(), UTC) if isinstance(moment, datetime) else None
        if near is not None:
            later, earlier = (f"{(near + timedelta(days=each)).strftime('%Y-%m-%dT%H:%M:%SZ')}" for each in (1, -1))
            yield from ordered(sign, wanted, operand, later, earlier)


def _kind_and_sign(operator: str) -> tuple[str, str]:
    for kind in ("Numeric", "String", "Timestamp"):
        if operator.startswith(kind):
            return kind, _SIGNS.get(operator.removeprefix(kind), "")
    return "", ""


def _condition(text: str, wanted: bool) -> Iterator[Way]:
    found = expression_in(text)
    return ways(compile_expression(found[0]).tree, wanted) if found is not None else iter(())


def _place(path: str) -> tuple[str, tuple[str | int, ...]] | None:
    """Return root and steps of what a rule looks at, as a Wish has them; None for the Context Object."""
    try:
        compiled = compile_path(path)
    except SyntaxProblem:
        return None
    return None if compiled.root == "$$" else ("" if compiled.root == "$" else compiled.root, tuple(compiled.steps))


def usual_value(definition: Json, field: str, expression: str, state: PlannedState) -> Json:
    """Return a value of the kind that a field, or another state that reads the same path, usually has."""
    last = field.rpartition("/")[2]
    if last.startswith(("ItemsPath", "Items")) or _is_iterated(definition, expression):
        return [{}]
    if last.startswith(("SecondsPath", "TimeoutSecondsPath", "MaxConcurrencyPath", "HeartbeatSecondsPath")):
        return 1
    if last.startswith("TimestampPath"):
        return MOMENT
    if isinstance(state.state, ChoiceState):
        for choice in state.state.choices:
            for way in _ways(choice.rule, False):
                for wish in way:
                    if (wish.root, wish.steps) == _place(expression) and not wish.absent:
                        return wish.value
    return TEXT


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
