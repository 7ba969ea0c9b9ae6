"""Choice rules against a model of the specification: operators, paths, nesting, missing variables, unlike types.

Source of the model: ASL specification, Choice State; Developer Guide, Choice state.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfn_sim import StateMachine
from tests.properties.examples import examples

COMPARISONS = {
    "Equals": lambda order: order == 0,
    "LessThan": lambda order: order < 0,
    "GreaterThan": lambda order: order > 0,
    "LessThanEquals": lambda order: order <= 0,
    "GreaterThanEquals": lambda order: order >= 0,
}
KINDS = ("Numeric", "String", "Timestamp")
DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Missing(Exception):
    """A path that leads nowhere."""


# The values of an input, and what they stand for.


@st.composite
def timestamps(draw: st.DrawFn) -> str:
    """Write one of a few moments with a random fraction and offset, so that equal ones are met often."""
    day, minutes = draw(st.sampled_from([(1, 0), (1, 1), (28, 1439)])), draw(st.sampled_from([0, 90, -570, 840]))
    local = day[1] + minutes
    days, local = day[0] + local // 1440, local % 1440
    month, year = draw(st.sampled_from([(2, 2024), (3, 2025), (6, 1969)]))
    if days < 1:
        month, days = month - 1, {2: 31, 3: 28, 6: 31}[month]
    if days > 28 and month == 2 and year % 4:
        month, days = 3, days - 28
    fraction = draw(st.sampled_from(["", ".0", ".5", ".500", ".123456789", ".1234"]))
    zone = "Z" if not minutes else f"{'+' if minutes > 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    return f"{year}-{month:02}-{days:02}T{local // 60:02}:{local % 60:02}:07{fraction}{zone}"


def seconds_of(text: Any) -> Fraction | None:
    """Return a timestamp's seconds since the year 0, worked out by hand; None for what is none."""
    if not isinstance(text, str) or len(text) < 20 or text[10] != "T" or not text[:4].isdigit():
        return None
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    zone = "Z" if text.endswith("Z") else text[-6:]
    clock = text[11 : len(text) - len(zone)]
    if zone != "Z" and zone[0] not in "+-":
        return None
    offset = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:])) * (1 if zone[0] == "+" else -1)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = year * 365 + (year + 3) // 4 - (year + 99) // 100 + (year + 399) // 400
    days += DAYS_BEFORE[month - 1] + (leap and month > 2) + day
    return days * 86400 + int(clock[:2]) * 3600 + int(clock[3:5]) * 60 + Fraction(clock[6:]) - offset * 60


NOT_TIMES = ["2025-01-01", "2025-01-01T00:00:00", "2025-01-01 00:00:00Z", "T", "25-01-01T00:00:00Z", "now"]
texts = st.text("aZé*\\\n", max_size=4)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, 0.5, 1.0, -2.0, 2**53 - 1]),
    texts,
    timestamps(),
    st.sampled_from(NOT_TIMES),
    st.just([]),
    st.just({}),
)
names = st.sampled_from("abcd")
documents = st.dictionaries(names, scalars, max_size=4).flatmap(
    lambda flat: st.dictionaries(names, scalars, max_size=3).map(lambda inner: {**flat, "in": inner})
)
paths = st.builds(lambda name, deep: f"$.in.{name}" if deep else f"$.{name}", names, st.booleans())


def read(path: str, document: Any) -> Any:
    for name in path.split(".")[1:]:
        if not isinstance(document, dict) or name not in document:
            raise Missing
        document = document[name]
    return document


# The rules.


@st.composite
def patterns(draw: st.DrawFn) -> str:
    pieces = draw(st.lists(st.sampled_from(["a", "Z", "é", "\n", "*", r"\*", r"\\"]), max_size=5))
    return "".join(pieces)


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    variable = draw(paths)
    if draw(st.integers(0, 3)) == 0:
        kind = draw(st.sampled_from(["Null", "Present", "Numeric", "String", "Boolean", "Timestamp"]))
        return {"Variable": variable, f"Is{kind}": draw(st.booleans())}
    kind = draw(st.sampled_from([*KINDS, "Boolean", "Matches"]))
    if kind == "Matches":
        return {"Variable": variable, "StringMatches": draw(patterns())}
    operator = f"{kind}{'Equals' if kind == 'Boolean' else draw(st.sampled_from(sorted(COMPARISONS)))}"
    if draw(st.booleans()):
        return {"Variable": variable, f"{operator}Path": draw(paths)}
    numbers = st.integers(-2, 2) | st.sampled_from([0.5, 1.0, 2**53 - 1])
    literals = {"Numeric": numbers, "String": texts, "Timestamp": timestamps(), "Boolean": st.booleans()}
    return {"Variable": variable, operator: draw(literals[kind])}


rules = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(lambda each: {"Not": each}, inner),
        st.builds(lambda each: {"And": each}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda each: {"Or": each}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
)


def matches(pattern: str, text: str) -> bool:
    """Match by trying every length for a star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[taken:]) for taken in range(len(text) + 1))
    sign, rest = (pattern[1], pattern[2:]) if pattern[0] == "\\" else (pattern[0], pattern[1:])
    return text[:1] == sign and matches(rest, text[1:])


def is_number(value: Any) -> bool:
    return type(value) in (int, float)


def is_kind(kind: str, value: Any) -> bool:
    return {
        "Null": value is None,
        "Numeric": is_number(value),
        "String": isinstance(value, str),
        "Boolean": isinstance(value, bool),
        "Timestamp": seconds_of(value) is not None,
    }[kind]


def compared(operator: str, left: Any, right: Any) -> bool:
    if operator == "StringMatches":
        return isinstance(left, str) and matches(right, left)
    if operator == "BooleanEquals":
        return isinstance(left, bool) and isinstance(right, bool) and left == right
    kind = next(kind for kind in KINDS if operator.startswith(kind))
    if not is_kind(kind, left) or not is_kind(kind, right):
        return False
    if kind == "Timestamp":
        left, right = seconds_of(left), seconds_of(right)
    return COMPARISONS[operator.removeprefix(kind)]((left > right) - (left < right))


def holds(rule: dict[str, Any], document: Any) -> bool:
    if "Not" in rule:
        return not holds(rule["Not"], document)
    if "And" in rule:
        return all(holds(each, document) for each in rule["And"])
    if "Or" in rule:
        return any(holds(each, document) for each in rule["Or"])
    (operator,) = (name for name in rule if name != "Variable")
    operand = rule[operator]
    if operator == "IsPresent":
        try:
            read(rule["Variable"], document)
        except Missing:
            return not operand
        return bool(operand)
    value = read(rule["Variable"], document)
    if operator.startswith("Is"):
        return is_kind(operator[2:], value) == operand
    if operator.endswith("Path"):
        operator, operand = operator.removesuffix("Path"), read(operand, document)
    return compared(operator, value, operand)


def expected(choices: list[dict[str, Any]], default: bool, document: Any) -> str:
    """Return the state that is reached: the first rule that holds decides; "failed" for States.Runtime."""
    try:
        for number, rule in enumerate(choices):
            if holds(rule, document):
                return f"R{number}"
    except Missing:
        return "failed"
    return "Default" if default else "failed"


def machine(choices: list[dict[str, Any]], default: bool) -> StateMachine:
    ends = {f"R{number}": {"Type": "Succeed"} for number in range(len(choices))}
    choice = {"Type": "Choice", "Choices": [{**rule, "Next": f"R{number}"} for number, rule in enumerate(choices)]}
    if default:
        choice["Default"], ends["Default"] = "Default", {"Type": "Succeed"}
    return StateMachine.from_json({"StartAt": "Choice", "States": {"Choice": choice, **ends}})


def reached(choices: list[dict[str, Any]], default: bool, document: Any) -> str:
    execution = machine(choices, default).run(document)
    if execution.status == "FAILED":
        assert execution.error == "States.Runtime"
        return "failed"
    assert execution.output == document
    return execution.path[-1]


@examples(200)
@given(comparisons(), documents)
def test_a_comparison_holds_when_the_specification_says_so(rule: dict[str, Any], document: Any) -> None:
    assert reached([rule], True, document) == expected([rule], True, document)


@examples(150)
@given(st.lists(rules, min_size=1, max_size=3), st.booleans(), documents)
def test_the_first_rule_that_holds_decides_else_the_default(
    choices: list[dict[str, Any]], default: bool, document: Any
) -> None:
    assert reached(choices, default, document) == expected(choices, default, document)


@examples(200)
@given(patterns(), texts)
def test_a_star_is_any_text_and_an_escaped_one_is_itself(pattern: str, text: str) -> None:
    rule = {"Variable": "$.a", "StringMatches": pattern}
    assert (reached([rule], True, {"a": text}) == "R0") is matches(pattern, text)


@examples(150)
@given(timestamps(), timestamps(), st.sampled_from(sorted(COMPARISONS)))
def test_timestamps_are_compared_as_moments_whatever_their_offset_and_digits(
    left: str, right: str, operator: str
) -> None:
    rule = {"Variable": "$.a", f"Timestamp{operator}": right}
    first, second = seconds_of(left), seconds_of(right)
    assert first is not None
    assert second is not None
    order = (first > second) - (first < second)
    assert (reached([rule], True, {"a": left}) == "R0") is COMPARISONS[operator](order)
