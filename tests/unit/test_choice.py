"""Every Choice operator, against a model; through the machine that uses it."""

from __future__ import annotations

import fnmatch
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim import StateMachine
from sfn_sim.run.choice import OPERATORS
from sfn_sim.run.execution import Execution

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
TIMES = ["2025-01-01T00:00:00Z", "2025-01-01T01:00:00+01:00", "2025-01-01T00:00:00.001Z", "2024-12-31T23:59:59Z"]
values = st.sampled_from([None, True, False, 0, 1, 1.5, -2, "", "a", "B", "b", "é", "1", *TIMES]) | st.integers(-3, 3)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value in TIMES else None


def modelled(name: str, value: Any, operand: Any) -> bool:
    """Say what the specification says."""
    kinds: dict[str, Callable[[Any], Any]] = {
        "Numeric": lambda each: each if is_number(each) else None,
        "String": lambda each: each if isinstance(each, str) else None,
        "Timestamp": moment,
        "Boolean": lambda each: each if isinstance(each, bool) else None,
    }
    kind = next(kind for kind in kinds if name.startswith(kind))
    left, right = kinds[kind](value), kinds[kind](operand)
    return left is not None and right is not None and ORDER[name.removeprefix(kind)](left, right)


COMPARING = sorted(name for name in OPERATORS if any(name.endswith(each) for each in ORDER))


def rule(test: dict[str, Any], value: Any, top: str = "v", **more: Any) -> Execution:
    states = {
        "C": {"Type": "Choice", "Choices": [{**test, "Next": "Yes"}], "Default": "No"},
        "Yes": {"Type": "Succeed"},
        "No": {"Type": "Succeed"},
    }
    machine = StateMachine.from_json({"StartAt": "C", "States": states})
    return machine.run({top: value, **more})


def holds(test: dict[str, Any], value: Any, **more: Any) -> bool:
    execution = rule(test, value, **more)
    assert execution.status == "SUCCEEDED", execution.cause
    return execution.path[-1] == "Yes"


def test_the_model_and_the_table_know_the_same_operators() -> None:
    assert len(COMPARING) == 16
    assert set(OPERATORS) - set(COMPARING) == {
        "StringMatches", "IsNull", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"
    }  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(COMPARING), values, values)
def test_comparisons_do_what_the_model_says_and_another_type_is_simply_false(
    name: str, value: Any, operand: Any
) -> None:
    assert OPERATORS[name](value, operand) is modelled(name, value, operand)


LITERALS: dict[str, Any] = {"Numeric": 1, "String": "b", "Timestamp": TIMES[0], "Boolean": True}


@pytest.mark.parametrize("name", COMPARING)
def test_a_comparison_reads_a_literal_or_a_path(name: str) -> None:
    operand = next(value for kind, value in LITERALS.items() if name.startswith(kind))
    for value in (operand, 0, 2, "a", "c", TIMES[2], TIMES[3], False):
        expected = modelled(name, value, operand)
        assert holds({"Variable": "$.v", name: operand}, value) is expected
        assert holds({"Variable": "$.v", f"{name}Path": "$.w"}, value, w=operand) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("log-*.txt", "log-2025.txt", True),
        ("log-*.txt", "log-2025.txt ", False),
        ("a*b*c", "aXbYc", True),
        ("a*", "a\nb", True),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        (r"a\\", "a\\", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("x", 5, False),
    ],
)
def test_string_matches_knows_one_wildcard_and_its_escape(pattern: str, text: Any, matches: bool) -> None:
    assert holds({"Variable": "$.v", "StringMatches": pattern}, text) is matches


@settings(max_examples=50, deadline=None)
@given(st.text("ab*", max_size=5), st.text("ab", max_size=6))
def test_string_matches_is_a_shell_pattern_with_stars_alone(pattern: str, text: str) -> None:
    assert OPERATORS["StringMatches"](text, pattern) is fnmatch.fnmatchcase(text, pattern)


def test_strings_are_ordered_by_utf_16_as_java_orders_them() -> None:
    # U+FF5E is above the surrogates that spell an emoji, though its code point is below.
    assert holds({"Variable": "$.v", "StringLessThan": "～"}, "😀")


@pytest.mark.parametrize(
    ("test", "yes", "no"),
    [
        ("IsNull", [None], [0, "", False, [], {}]),
        ("IsNumeric", [0, 1.5], [True, "1", None]),
        ("IsString", ["", "a"], [1, None, []]),
        ("IsBoolean", [True, False], [0, 1, "true", None]),
        ("IsTimestamp", [TIMES[0], TIMES[1]], ["2025-01-01", 5, None]),
        ("IsPresent", [None, 0, "", [], {}], []),
    ],
)
def test_tests_of_kind_tell_kinds_apart_and_can_be_asked_the_other_way_round(
    test: str, yes: list[Any], no: list[Any]
) -> None:
    for value, is_so in [*((value, True) for value in yes), *((value, False) for value in no)]:
        assert holds({"Variable": "$.v", test: True}, value) is is_so
        assert holds({"Variable": "$.v", test: False}, value) is not is_so


def test_is_present_alone_may_ask_for_what_is_missing() -> None:
    assert not holds({"Variable": "$.w.deeper[3]", "IsPresent": True}, 1)
    assert holds({"Variable": "$.w", "IsPresent": False}, 1)
    for test in ("IsNull", "IsString", "IsNumeric", "IsBoolean", "IsTimestamp"):
        assert rule({"Variable": "$.w", test: True}, 1).error == "States.Runtime"


def test_and_or_and_not_combine_and_stop_as_soon_as_they_know() -> None:
    yes = {"Variable": "$.v", "NumericEquals": 1}
    no = {"Variable": "$.v", "NumericEquals": 2}
    broken = {"Variable": "$.missing", "NumericEquals": 2}
    assert holds({"And": [yes, {"Not": no}]}, 1)
    assert not holds({"And": [yes, no]}, 1)
    assert holds({"Or": [no, yes]}, 1)
    assert not holds({"Or": [no, no]}, 1)
    assert holds({"Not": {"And": [no, broken]}}, 1)
    assert holds({"Or": [yes, broken]}, 1)
    guarded = {"And": [{"Variable": "$.missing", "IsPresent": True}, broken]}
    assert not holds(guarded, 1)
    assert rule({"Or": [no, broken]}, 1).error == "States.Runtime"


@pytest.mark.parametrize(
    ("test", "field"),
    [
        ({"Variable": "$.missing", "NumericEqualsPath": "$.v"}, "Variable"),
        ({"Variable": "$.v", "NumericEqualsPath": "$.missing"}, "NumericEqualsPath"),
    ],
)
def test_a_missing_variable_or_operand_fails_in_spite_of_the_default_and_says_which(
    test: dict[str, Any], field: str
) -> None:
    execution = rule(test, 1)
    assert execution.error == "States.Runtime"
    assert str(execution.cause).endswith(
        "Invalid path '$.missing': The choice state's condition path references an invalid value."
    )
    assert execution.detail is not None
    assert (execution.detail.field, execution.detail.pointer) == (field, f"/States/C/Choices/0/{field}")


def test_without_a_default_and_a_rule_that_holds_the_execution_fails_as_aws_fails_it() -> None:
    states = {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.v", "IsNull": True, "Next": "S"}]},
        "S": {"Type": "Succeed"},
    }
    execution = StateMachine.from_json({"StartAt": "C", "States": states}).run({"v": 1})
    assert execution.error == "States.Runtime"
    assert str(execution.cause).endswith("The state does not point to a next state.")


def test_the_first_rule_that_holds_wins_and_the_data_is_narrowed_before_and_after() -> None:
    choices = [
        {"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Big"},
        {"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Small"},
    ]
    states = {
        "C": {"Type": "Choice", "InputPath": "$.in", "OutputPath": "$.n", "Choices": choices},
        "Big": {"Type": "Succeed"},
        "Small": {"Type": "Succeed"},
    }
    machine = StateMachine.from_json({"StartAt": "C", "States": states})
    assert (machine.run({"in": {"n": 7}}).path, machine.run({"in": {"n": 3}}).path) == (["C", "Big"], ["C", "Small"])
    assert machine.run({"in": {"n": 3}}).output == 3
