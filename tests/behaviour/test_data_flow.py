"""What the fields of a state do to data: against a model of ten lines, and case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim import StateMachine, UnsupportedFeatureError
from sfn_sim.run.execution import Execution

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


def machine(**states: dict[str, Any]) -> StateMachine:
    return StateMachine.from_json({"StartAt": next(iter(states)), "States": states})


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{FUNCTION}f", **({} if "Next" in more else {"End": True}), **more}


def run(state: dict[str, Any], value: Any = None, result: Any = None, **other: dict[str, Any]) -> Execution:
    return machine(A=state, **other).run(value, {"f": lambda event, context: result})


def causes(execution: Execution) -> str:
    return str(execution.cause).split("). ", 1)[-1]


DATA = {"a": {"b": 1, "n": None}, "l": [1, 2, 3]}


def modelled(fields: dict[str, Any], raw: Any, result: Any) -> Any:
    """The data flow of a Task as the specification tells it."""
    value = {} if fields.get("InputPath", "$") is None else {"$": raw, "$.a": raw["a"]}[fields.get("InputPath", "$")]
    if "Parameters" in fields:
        value = {"p": value, "k": "v"}
    value = {"seen": value, "result": result}
    if "ResultSelector" in fields:
        value = {"s": value["seen"]}
    where = fields.get("ResultPath", "$")
    output = value if where == "$" else raw if where is None else {**raw, "r": value}
    kept = fields.get("OutputPath", "$")
    return output if kept == "$" else {} if kept is None else output["l"]


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "InputPath": st.sampled_from(["$", "$.a", None]),
            "Parameters": st.just({"p.$": "$", "k": "v"}),
            "ResultSelector": st.just({"s.$": "$.seen"}),
            "ResultPath": st.sampled_from(["$", "$.r", None]),
            "OutputPath": st.sampled_from(["$", None]),
        },
    )
)
def test_every_combination_of_fields_does_what_the_model_says(fields: dict[str, Any]) -> None:
    execution = machine(A=task(**fields)).run(DATA, {"f": lambda event, context: {"seen": event, "result": 7}})
    assert execution.output == modelled(fields, DATA, 7)


def test_an_output_path_reads_what_result_path_has_made() -> None:
    assert run(task(ResultPath="$.r", OutputPath="$.r.x"), {"a": 1}, {"x": [1]}).output == [1]


def test_null_is_a_value_and_a_missing_key_is_none() -> None:
    reading = {"Type": "Pass", "Parameters": {"v.$": "$.v"}, "End": True}
    assert run(reading, {"v": None}).output == {"v": None}
    missing = run(reading, {})
    assert missing.error == "States.Runtime"
    assert causes(missing) == "The JSONPath '$.v' specified for the field 'v.$' could not be found in the input '{}'"


def test_a_result_path_through_a_scalar_fails_and_can_be_caught() -> None:
    catching = {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}], "Next": "B"}
    execution = run(task(ResultPath="$.a.b", **catching), {"a": "text"}, 1, B={"Type": "Pass", "End": True})
    assert isinstance(execution.output, dict)
    assert execution.output["e"]["Error"] == "States.ReferencePathConflict"


def test_a_runtime_error_is_caught_by_nothing_not_even_by_its_name() -> None:
    state = task(
        Parameters={"v.$": "$.missing"},
        Retry=[{"ErrorEquals": ["States.ALL"]}],
        Catch=[
            {"ErrorEquals": ["States.Runtime"], "Next": "B"},
            {"ErrorEquals": ["States.ALL"], "Next": "B"},
        ],
        Next="B",
    )
    execution = run(state, {}, B={"Type": "Succeed"})
    assert (execution.error, execution.path) == ("States.Runtime", ["A"])


def test_a_choice_on_a_missing_variable_fails_even_with_a_default() -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.v", "StringEquals": "x", "Next": "B"}],
        "Default": "B",
    }
    execution = run(choice, {}, B={"Type": "Succeed"})
    assert causes(execution) == "Invalid path '$.v': The choice state's condition path references an invalid value."
    present = {**choice, "Choices": [{"Variable": "$.v", "IsPresent": True, "Next": "C"}]}
    others = {"B": {"Type": "Succeed"}, "C": {"Type": "Pass", "End": True}}
    assert run(present, {"v": None}, **others).path == ["A", "C"]
    assert run(present, {}, **others).path == ["A", "B"]


def test_a_retrier_counts_for_itself_and_a_catcher_keeps_the_cause() -> None:
    errors = iter([ValueError("1"), KeyError("2"), ValueError("3"), ValueError("4")])

    def handler(event: Any, context: Any) -> Any:
        raise next(errors)

    state = task(
        Retry=[
            {"ErrorEquals": ["KeyError"], "MaxAttempts": 1, "IntervalSeconds": 7},
            {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2},
        ],
        Catch=[{"ErrorEquals": ["ValueError"], "ResultPath": "$.error", "Next": "B"}],
        Next="B",
    )
    execution = machine(A=state, B={"Type": "Succeed"}).run({"k": 1}, {"f": handler})
    assert execution.visit("A").retry_delays_ms == (1000, 7000, 2000)
    assert isinstance(execution.output, dict)
    assert execution.output["k"] == 1
    assert '"errorMessage": "4"' in execution.output["error"]["Cause"]


def test_states_task_failed_does_not_take_a_timeout() -> None:
    state = task(
        TimeoutSeconds=1, Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}], Next="B"
    )

    def handler(event: Any, context: Any) -> Any:
        import time

        time.sleep(2)

    assert machine(A=state, B={"Type": "Succeed"}).run({}, {"f": handler}).error == "States.Timeout"


def test_a_map_gives_its_items_by_selector_and_context_and_keeps_their_order() -> None:
    for selector, processor in (("Parameters", "Iterator"), ("ItemSelector", "ItemProcessor")):
        inner = {"StartAt": "I", "States": {"I": task()}}
        state = {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 2,
            selector: {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.k"},
            processor: inner,
            "ResultPath": "$.out",
            "End": True,
        }
        execution = machine(A=state).run({"items": ["x", "y", "z"], "k": 5}, {"f": lambda event, context: event})
        assert isinstance(execution.output, dict)
        assert execution.output["out"] == [{"n": n, "v": v, "all": 5} for n, v in enumerate("xyz")]


def test_a_map_over_nothing_gives_an_empty_list_and_over_no_array_fails() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "End": True}
    assert run(state, {"items": []}).output == []
    assert causes(run(state, {"items": {"a": 1}})) == 'Reference path "$.items" must point to array.'


def test_one_failed_item_fails_the_map_and_tolerated_ones_do_not() -> None:
    inner = {"StartAt": "I", "States": {"I": task()}}
    state = {"Type": "Map", "ItemProcessor": inner, "End": True}

    def handler(event: Any, context: Any) -> Any:
        if event == 1:
            raise ValueError("one")
        return event

    assert machine(A=state).run([0, 1, 2], {"f": handler}).error == "ValueError"
    tolerant = machine(A={**state, "ToleratedFailureCount": 1}).run([0, 1, 2], {"f": handler})
    assert isinstance(tolerant.output, list)
    assert [tolerant.output[0], tolerant.output[1]["Error"], tolerant.output[2]] == [0, "ValueError", 2]


def test_lambda_invoke_wraps_the_payload_as_the_sdk_does() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": f"{FUNCTION}f:live", "Payload.$": "$"},
        "End": True,
    }
    execution = machine(A=state).run({"a": 1}, {"f": lambda event, context: {"got": event}})
    assert isinstance(execution.output, dict)
    assert execution.output["Payload"] == {"got": {"a": 1}}
    assert execution.output["StatusCode"] == 200
    kinds = [event["type"] for event in execution.history()]
    assert kinds[2:5] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]


@pytest.mark.parametrize(("field", "value"), [("ItemBatcher", {"MaxItemsPerBatch": 2}), ("Label", "rows")])
def test_what_only_a_distributed_map_carries_out_is_refused_when_an_inline_one_is_loaded(
    field: str, value: Any
) -> None:
    processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemProcessor": processor, field: value, "End": True}
    with pytest.raises(UnsupportedFeatureError, match=f"/States/A/{field}"):
        StateMachine.from_json({"StartAt": "A", "States": {"A": state}})


def test_a_task_on_another_service_is_refused_only_when_it_is_reached() -> None:
    states = {
        "A": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.go", "BooleanEquals": True, "Next": "B"}],
            "Default": "C",
        },
        "B": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
            "End": True,
        },
        "C": {"Type": "Succeed"},
    }
    both = machine(**states)
    assert both.run({"go": False}).status == "SUCCEEDED"
    with pytest.raises(UnsupportedFeatureError, match=r"state B .*sqs:sendMessage"):
        both.run({"go": True})
