"""Rules of Choice."""

from __future__ import annotations

from typing import Any

from seen import END, Seen, machine, only

SCHEMA = "SCHEMA_VALIDATION_FAILED"
JSONATA = {"QueryLanguage": "JSONata"}


def choice(rule: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return machine({"C": {"Type": "Choice", "Choices": [rule]}, "D": END}, **fields)


def test_a_misspelt_operator_gets_the_nearest_one() -> None:
    assert only(choice({"Variable": "$.x", "StringEqual": "a", "Next": "D"})) == Seen(
        SCHEMA,
        "Field 'StringEqual' is not supported",
        "/States/C/Choices[0]",
        '9:6 "StringEqual"',
        "did you mean 'StringEquals'?",
    )


def test_a_comparison_without_an_operator_is_refused() -> None:
    assert only(choice({"Variable": "$.x", "Next": "D"})) == Seen(
        SCHEMA,
        "This object should have only one comparison operator",
        "/States/C/Choices[0]",
        "7:5 {",
        "add what it is compared with, such as StringEquals, NumericGreaterThan, IsPresent",
    )


def test_a_comparison_with_two_operators_is_refused() -> None:
    assert only(choice({"Variable": "$.x", "StringEquals": "a", "IsPresent": True, "Next": "D"})) == Seen(
        SCHEMA,
        "There should only be one of the following fields: [StringEquals, IsPresent]",
        "/States/C/Choices[0]",
        '10:6 "IsPresent"',
        'one rule, one comparison: combine several with "And" or "Or"',
    )


def test_an_operator_without_a_variable_is_refused() -> None:
    assert only(choice({"StringEquals": "a", "Next": "D"})) == Seen(
        SCHEMA,
        "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
        "/States/C/Choices[0]",
        "7:5 {",
        'add "Variable" with the path of what is compared',
    )


def test_a_combination_of_nothing_is_refused() -> None:
    assert only(choice({"And": [], "Next": "D"})) == Seen(
        SCHEMA,
        "Value cannot be empty",
        "/States/C/Choices[0]/And",
        "8:13 []",
        "put at least one object into And",
    )


def test_a_next_inside_a_combination_is_refused() -> None:
    assert only(choice({"And": [{"Variable": "$.x", "IsNull": True, "Next": "D"}], "Next": "D"})) == Seen(
        SCHEMA,
        "Field 'Next' is not supported",
        "/States/C/Choices[0]/And[0]",
        '12:8 "Next"',
        "Next stands only in the outermost rule",
    )


def test_an_operand_of_another_kind_is_refused() -> None:
    assert only(choice({"Variable": "$.x", "NumericEquals": "1", "Next": "D"})) == Seen(
        SCHEMA,
        "Expected value of type Number",
        "/States/C/Choices[0]/NumericEquals",
        '9:23 "1"',
        "a string stands here",
    )


def test_a_variable_without_a_dollar_is_refused() -> None:
    assert only(choice({"Variable": "x", "StringEqualsPath": "$.y", "Next": "D"})) == Seen(
        SCHEMA,
        "Value is not a Reference Path: Reference path didn't start with '$'",
        "/States/C/Choices[0]/Variable",
        '8:18 "x"',
        'a path begins with $: "$.x"',
    )


def test_a_choice_without_choices_is_refused() -> None:
    assert only(machine({"C": {"Type": "Choice", "Choices": [], "Default": "D"}, "D": END})) == Seen(
        SCHEMA,
        "Value cannot be empty",
        "/States/C/Choices",
        "6:15 []",
        "put at least one object into Choices",
    )


def test_a_rule_without_next_is_refused() -> None:
    assert only(
        machine({"C": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True}], "Default": "D"}, "D": END})
    ) == Seen(
        SCHEMA,
        "These fields are required: [Next]",
        "/States/C/Choices[0]",
        "7:5 {",
        'add "Next"',
    )


def test_a_wrong_timestamp_two_rules_deep_is_refused() -> None:
    assert only(choice({"Not": {"Not": {"Variable": "$.x", "TimestampEquals": "yesterday"}}, "Next": "D"})) == Seen(
        SCHEMA,
        "String does not match RFC3339 timestamp",
        "/States/C/Choices[0]/Not/Not/TimestampEquals",
        '11:27 "yesterday"',
        "write it as 2030-01-31T12:00:00Z: upper-case T, and Z or an offset such as +01:00",
    )


def test_a_jsonata_condition_in_a_jsonpath_rule_is_refused() -> None:
    assert only(choice({"Condition": "{% 1 %}", "Next": "D"})) == Seen(
        SCHEMA,
        "The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the "
        "'JSONata' QueryLanguage",
        "/States/C/Choices[0]",
        '8:6 "Condition"',
        "in JSONPath use Variable and a comparison",
    )


def test_a_jsonpath_variable_in_a_jsonata_rule_is_refused() -> None:
    assert only(choice({"Variable": "$.x", "Next": "D"}, **JSONATA)) == Seen(
        SCHEMA,
        "The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the "
        "'JSONPath' QueryLanguage",
        "/States/C/Choices[0]",
        '8:6 "Variable"',
        "in JSONata use Condition",
    )


def test_a_jsonata_rule_without_a_condition_is_refused() -> None:
    assert only(choice({"Next": "D"}, **JSONATA)) == Seen(
        SCHEMA,
        "These fields are required: [Condition]",
        "/States/C/Choices[0]",
        "7:5 {",
        'in JSONata a rule is "Condition": "{% … %}"',
    )
