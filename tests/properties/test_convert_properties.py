"""What succeeds in JSONPath gives the same in JSONata: data flow, paths, intrinsic functions and Choice rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_sim import StateMachine
from sfn_sim.convert import convert
from sfn_sim.proof import compared
from tests.behaviour.machines import FUNCTION
from tests.properties.examples import examples

pytest.importorskip("jlens")

keys = st.sampled_from("abc")
numbers = st.integers(-9, 9) | st.sampled_from([0.5, 1.5, -2.25])
scalars = st.none() | st.booleans() | numbers | st.text("xy ,", max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
inputs = st.builds(
    lambda flat, items, rows, box, n, t: {**flat, "items": items, "rows": rows, "box": box, "n": n, "t": t},
    st.dictionaries(keys, values, max_size=3),
    st.lists(values, max_size=4),
    st.lists(st.dictionaries(keys, values, max_size=3), max_size=4),
    st.dictionaries(keys, values, max_size=2),
    st.integers(0, 5),
    st.text("xy ,", max_size=6),
)
paths = st.sampled_from([
    "$", "$.a", "$.b.c", "$.box", "$.box.a", "$.items", "$.items[0]", "$.items[-1]", "$.rows[*].a", "$.rows[1].b",
    "$.items[1:]", "$.items[:2]", "$.items[-2:]", "$.items[1:3]", "$.rows[?(@.a == 1)]", "$.rows[?(@.a > 0)].b",
    "$.rows[?(@.a == null || @.b != 'x')]", "$.rows[?(@.a && !(@.b))]", "$.nope[*].a", "$['box']['a']", "$.items[*]",
])  # fmt: skip
calls = st.sampled_from([
    "States.Format('{}-{}', $.t, 'x')", "States.Format('{}', $.t)", "States.Array($.a, $.n, 'k')",
    "States.Array(States.Array($.items), $.t)", "States.ArrayPartition($.items, 2)",
    "States.ArrayContains($.items, $.a)", "States.ArrayContains($.items, 1)", "States.ArrayRange(0, $.n, 2)",
    "States.ArrayRange($.n, $.n, 1)",
    "States.ArrayGetItem($.items, $.n)", "States.ArrayGetItem($.items, 0)", "States.ArrayLength($.items)",
    "States.ArrayUnique($.items)", "States.ArrayUnique($.rows)", "States.JsonMerge($.box, $.box, false)",
    "States.MathAdd($.n, -3)", "States.StringSplit($.t, ',')", "States.StringSplit($.t, ', ')",
    "States.StringToJson($.t)", "States.StringToJson('[1, {\"a\": null}]')", "States.Hash($.t, 'SHA-256')",
    "States.Base64Encode($.t)", "States.ArrayLength(States.StringSplit($.t, ','))", "States.JsonToString($.t)",
    "States.JsonToString($.n)",
])  # fmt: skip
places = st.sampled_from(["$", "$.made", "$.box", "$.box.made", "$.made.deep.er", None])
templates = st.dictionaries(
    st.sampled_from(["a.$", "b.$", "c.$"]), paths | calls | st.sampled_from(["$$.State.Name"]), max_size=3
).map(lambda made: {**made, "k": "plain", "deep": {f"{key}": each for key, each in made.items()}})

comparisons = st.builds(
    lambda variable, test: {"Variable": variable, **test},
    st.sampled_from(["$.a", "$.n", "$.t", "$.box.a", "$.items[0]"]),
    st.sampled_from([
        {"NumericEquals": 1}, {"NumericGreaterThan": 0}, {"NumericLessThanEquals": 2.5}, {"StringEquals": "x"},
        {"StringLessThan": "xy"}, {"StringMatches": "x*"}, {"StringMatches": "*,*"}, {"BooleanEquals": True},
        {"IsNull": True}, {"IsNull": False}, {"IsPresent": True}, {"IsPresent": False}, {"IsNumeric": True},
        {"IsString": False}, {"IsBoolean": True}, {"IsTimestamp": False}, {"NumericLessThanPath": "$.n"},
        {"StringEqualsPath": "$.t"}, {"NumericEqualsPath": "$.a"}, {"TimestampLessThan": "2025-01-01T00:00:00Z"},
    ]),
)  # fmt: skip
rules = st.recursive(
    comparisons,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"And": each})
        | st.lists(inner, min_size=1, max_size=3).map(lambda each: {"Or": each})
        | inner.map(lambda each: {"Not": each})
    ),
    max_leaves=4,
)


def agree(states: dict[str, Any], value: Any, handlers: dict[str, Any] | None = None) -> None:
    """Run a machine in both languages and compare; what fails in JSONPath is another test's matter."""
    definition = {"StartAt": next(iter(states)), "States": states}
    original = StateMachine.from_json(definition).run(value, handlers)
    if original.status != "SUCCEEDED":
        return
    converted = convert(definition)
    assert converted.is_whole
    other = StateMachine.from_json(converted.document).run(value, handlers)
    comparison = compared(original, other)
    assert comparison.same, (converted.document, comparison)


@examples(150)
@given(inputs, templates, places, paths)
def test_a_pass_with_parameters_gives_the_same(value: Any, template: Any, place: str | None, out: str) -> None:
    agree({"A": {"Type": "Pass", "Parameters": template, "ResultPath": place, "OutputPath": "$", "End": True}}, value)


@examples(100)
@given(
    inputs, st.sampled_from(["$", "$.box", "$.rows[0]", None]), st.sampled_from(["$", "$.box", "$.made", None]), places
)
def test_input_and_output_paths_give_the_same(value: Any, into: str | None, out: str | None, place: str | None) -> None:
    state = {"Type": "Pass", "InputPath": into, "ResultPath": place, "OutputPath": out, "End": True}
    agree({"A": state}, value)


@examples(100)
@given(inputs, templates, templates, places)
def test_a_task_gives_the_same(value: Any, parameters: Any, selector: Any, place: str | None) -> None:
    state = {
        "Type": "Task", "Resource": f"{FUNCTION}f", "Parameters": parameters, "ResultSelector": selector,
        "ResultPath": place, "End": True,
    }  # fmt: skip
    agree({"A": state}, value, {"f": lambda event, _: {**value, "given": event}})


@examples(200)
@given(inputs, rules)
def test_a_choice_takes_the_same_way(value: Any, rule: Any) -> None:
    states = {
        "A": {"Type": "Choice", "Choices": [{**rule, "Next": "B"}], "Default": "C"},
        "B": {"Type": "Succeed"},
        "C": {"Type": "Succeed", "OutputPath": "$.n"},
    }
    agree(states, value)


@examples(60)
@given(inputs, templates)
def test_a_map_gives_the_same(value: Any, selector: Any) -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    state = {
        "Type": "Map", "ItemsPath": "$.rows", "ItemSelector": {**selector, "item.$": "$$.Map.Item.Value"},
        "ItemProcessor": inner, "ResultPath": "$.made", "End": True,
    }  # fmt: skip
    agree({"A": state}, value)


@pytest.mark.parametrize("operator", ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"])
@pytest.mark.parametrize("other", ["2024-12-31T23:00:00Z", "2025-01-01T00:00:00+00:00", "2025-06-01T00:00:00.5Z"])
def test_timestamps_compare_the_same(operator: str, other: str) -> None:
    rule = {"Variable": "$.at", f"Timestamp{operator}Path": "$.other", "Next": "B"}
    states = {
        "A": {"Type": "Choice", "Choices": [rule], "Default": "C"},
        "B": {"Type": "Succeed"},
        "C": {"Type": "Succeed"},
    }
    agree(states, {"at": "2025-01-01T00:00:00Z", "other": other})
