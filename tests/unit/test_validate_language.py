"""Rules of the query languages."""

from __future__ import annotations

from typing import Any

from seen import END, Seen, findings, machine, only, state, task

SCHEMA = "SCHEMA_VALIDATION_FAILED"
JSONATA = {"QueryLanguage": "JSONata"}


def map_state(**fields: Any) -> dict[str, Any]:
    return machine({"M": {"Type": "Map", "ItemProcessor": machine({"X": END}), **fields, "End": True}})


def test_jsonata_in_a_jsonpath_state_is_refused() -> None:
    assert only(task(TimeoutSeconds="{% 5 %}")) == Seen(
        SCHEMA,
        "Expected value of type Integer",
        "/States/A/TimeoutSeconds",
        '7:22 "{% 5 %}"',
        'JSONata is only evaluated in a state with "QueryLanguage": "JSONata"',
    )


def test_jsonata_in_a_jsonata_state_is_accepted() -> None:
    assert findings(task(TimeoutSeconds="{% 5 %}", QueryLanguage="JSONata")) == []


def test_a_jsonata_field_in_a_jsonpath_state_is_refused() -> None:
    assert only(state(Output=1)) == Seen(
        SCHEMA,
        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage",
        "/States/A",
        '6:4 "Output"',
        'set "QueryLanguage": "JSONata" on the state, or use ResultSelector, ResultPath or OutputPath',
    )


def test_a_jsonpath_field_in_a_jsonata_state_is_refused() -> None:
    assert only(state(InputPath="$.x", **JSONATA)) == Seen(
        SCHEMA,
        "The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the "
        "'JSONPath' QueryLanguage",
        "/States/A",
        '6:4 "InputPath"',
        "in JSONata use Arguments",
    )


def test_a_downgrade_is_told_alone() -> None:
    assert only(state(QueryLanguage="JSONPath", Output=1) | JSONATA) == Seen(
        SCHEMA,
        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        "/States/A",
        '6:21 "JSONPath"',
        'remove it, or set JSONPath for the machine and "QueryLanguage": "JSONata" on the other states',
    )


def test_a_misspelt_language_is_taken_for_jsonata() -> None:
    assert findings(state(QueryLanguage="jsonata", InputPath="$.x")) == [
        Seen(
            SCHEMA,
            "The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the "
            "'JSONPath' QueryLanguage",
            "/States/A",
            '7:4 "InputPath"',
            "in JSONata use Arguments",
        ),
        Seen(
            SCHEMA,
            "Value should be one of the following: [JSONPath, JSONata]",
            "/States/A/QueryLanguage",
            '6:21 "jsonata"',
            "did you mean 'JSONata'?",
        ),
    ]


def test_the_language_of_a_map_does_not_reach_its_processor() -> None:
    assert only(map_state(ItemProcessor=machine({"X": {"Type": "Pass", "Output": 1, "End": True}}), **JSONATA)) == Seen(
        SCHEMA,
        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage",
        "/States/M/ItemProcessor/States/X",
        '11:7 "Output"',
        'set "QueryLanguage": "JSONata" on the state, or use ResultSelector, ResultPath or OutputPath',
    )


def test_a_processor_has_no_language() -> None:
    assert only(map_state(ItemProcessor=machine({"X": END}, **JSONATA))) == Seen(
        SCHEMA,
        "Field 'QueryLanguage' is not supported",
        "/States/M/ItemProcessor",
        '14:5 "QueryLanguage"',
        "ItemProcessor has Comment, StartAt, States, ProcessorConfig",
    )


def test_a_jsonata_expression_that_is_not_closed_is_refused() -> None:
    assert only(state(Output={"a": "{% 1"}, **JSONATA)) == Seen(
        SCHEMA,
        "JSONata string must start with {% and end with %}",
        "/States/A/Output/a",
        '7:10 "{% 1"',
        "close the expression with %}",
    )
