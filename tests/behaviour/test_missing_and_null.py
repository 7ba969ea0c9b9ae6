"""Missing is an error, null is a value: at every place where data is read or written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.behaviour.machines import graph, passing, run, task

NULL, MISSING = {"v": None}, {"w": 1}
READERS: dict[str, dict[str, Any]] = {
    "InputPath": passing(InputPath="$.v"),
    "OutputPath": passing(OutputPath="$.v"),
    "Parameters": passing(Parameters={"x.$": "$.v"}),
    "a nested template": passing(Parameters={"x": [{"y.$": "$.v"}]}),
    "ResultSelector": task(ResultSelector={"x.$": "$.v"}),
    "an intrinsic": passing(Parameters={"x.$": "States.Array($.v)"}),
    "a task's OutputPath": task(ResultPath="$.r", OutputPath="$.r.v"),
}
GIVEN: dict[str, Any] = {
    "InputPath": None, "OutputPath": None, "Parameters": {"x": None}, "a nested template": {"x": [{"y": None}]},
    "ResultSelector": {"x": None}, "an intrinsic": {"x": [None]}, "a task's OutputPath": None,
}  # fmt: skip


@pytest.mark.parametrize("reader", sorted(READERS))
def test_a_path_to_null_reads_null_and_a_path_to_nothing_fails(reader: str) -> None:
    present = run(READERS[reader], NULL, lambda event, context: event)
    assert (present.status, present.output) == ("SUCCEEDED", GIVEN[reader])
    assert run(READERS[reader], MISSING, lambda event, context: event).error == "States.Runtime"


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"ResultPath": "$.r"}, {"k": 1, "r": None}),
        ({"ResultPath": None}, {"k": 1}),
        ({}, None),
        ({"OutputPath": None}, {}),
        ({"ResultPath": "$.r", "OutputPath": "$.r"}, None),
    ],
)
def test_a_null_result_is_placed_and_a_null_field_is_no_value(fields: dict[str, Any], output: Any) -> None:
    assert run(task(**fields), {"k": 1}, lambda event, context: None).output == output
    assert run(passing(Result=None, **fields), {"k": 1}).output == output


def test_input_path_null_gives_an_empty_object_and_no_null() -> None:
    seen: list[Any] = []
    run(task(InputPath=None), {"k": 1}, lambda event, context: seen.append(event))
    assert seen == [{}]


def test_a_pass_without_result_is_not_one_whose_result_is_null() -> None:
    assert run(passing(), {"k": 1}).output == {"k": 1}
    assert run(passing(Result=None), {"k": 1}).output is None


def test_a_null_item_is_an_item() -> None:
    inner = graph(C={"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "N"}], "Default": "S"},
                  N=passing(Result="null"), S=passing(Result="something"))  # fmt: skip
    assert run({"Type": "Map", "ItemProcessor": inner, "End": True}, [None, 0]).output == ["null", "something"]


def test_a_key_that_is_null_stays_a_key_through_a_handler() -> None:
    assert run(task(), {"a": None, "b": {}}, lambda event, context: event).output == {"a": None, "b": {}}


def test_a_failed_execution_has_no_output_and_a_null_one_has_null() -> None:
    failed = run({"Type": "Fail"})
    null = run(passing(Result=None))
    assert (failed.status, null.status, null.result()) == ("FAILED", "SUCCEEDED", None)
    assert "executionSucceededEventDetails" not in list(failed.history())[-1]
    assert list(null.history())[-1]["executionSucceededEventDetails"]["output"] == "null"


def test_no_input_is_an_empty_object() -> None:
    from tests.behaviour.machines import machine

    assert machine(A=passing()).run().output == {}


def test_an_input_of_null_is_null() -> None:
    from tests.behaviour.machines import machine

    assert machine(A=passing()).run(None).output is None
