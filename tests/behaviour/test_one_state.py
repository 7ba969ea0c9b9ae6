"""One state alone: what it is given, what it gives, and what a Retrier or Catcher would make of its error."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from sfn_sim import ConfigurationError, ExecutionFailed, InputError, MissingHandlerError, MockError, StateMachine
from sfn_sim.run.log import Visit
from sfn_sim.run.mocked_state import TooManyFailures
from sfn_sim.testing.one_state import OneState, StateResult, one_state

INVOKE = "arn:aws:states:::lambda:invoke"
CHARGE = {
    "Type": "Task",
    "Resource": INVOKE,
    "Parameters": {"FunctionName": "charge", "Payload.$": "$.order"},
    "ResultSelector": {"receipt.$": "$.Payload.receipt"},
    "ResultPath": "$.paid",
    "Retry": [{"ErrorEquals": ["Gateway.Busy"], "IntervalSeconds": 30, "MaxAttempts": 2, "BackoffRate": 2}],
    "Catch": [
        {"ErrorEquals": ["Gateway.Refused"], "Next": "Done", "ResultPath": "$.refused"},
        {"ErrorEquals": ["States.ALL"], "Next": "Broken", "ResultPath": "$.error"},
    ],
    "Next": "Lines",
}
LINES = {
    "Type": "Map",
    "ItemsPath": "$.lines",
    "ItemSelector": {"n.$": "$$.Map.Item.Index", "sku.$": "$$.Map.Item.Value"},
    "MaxConcurrency": 2,
    "ItemProcessor": {
        "StartAt": "Pick",
        "States": {"Pick": {"Type": "Pass", "Parameters": {"item.$": "$$.Map.Item.Value"}, "End": True}},
    },
    "ResultPath": "$.picked",
    "Next": "Both",
}
BOTH = {
    "Type": "Parallel",
    "Branches": [
        {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "Result": 1, "End": True}}},
        {"StartAt": "Right", "States": {"Right": {"Type": "Task", "Resource": INVOKE, "Parameters":
            {"FunctionName": "right", "Payload": {}}, "OutputPath": "$.Payload", "End": True}}},
    ],
    "Next": "Nap",
}  # fmt: skip
STATES: dict[str, Any] = {
    "Charge": CHARGE,
    "Lines": LINES,
    "Both": BOTH,
    "Nap": {"Type": "Wait", "Seconds": 86_400, "Next": "Large"},
    "Large": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.cost", "NumericGreaterThan": 9, "Next": "Ask"}],
        "Default": "Done",
    },
    "Ask": {"Type": "Task", "Resource": f"{INVOKE}.waitForTaskToken", "TimeoutSeconds": 60, "Parameters":
        {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}, "Next": "Done"},
    "Done": {"Type": "Succeed"},
    "Broken": {"Type": "Fail", "Error": "Broken", "CausePath": "$.error.Cause"},
}  # fmt: skip
ORDER: Any = {"order": {"id": 7}}
PAID = {"Payload": {"receipt": "R1"}, "StatusCode": 200}


@pytest.fixture(scope="module")
def checkout() -> StateMachine:
    return StateMachine.from_json({"StartAt": "Charge", "States": STATES}, "checkout")


def test_a_task_shows_every_stage_under_awss_names(checkout: StateMachine) -> None:
    result = one_state(checkout, "Charge").run(ORDER, mock=PAID)
    assert (result.status, result.next_state) == ("SUCCEEDED", "Lines")
    assert result.output == {**ORDER, "paid": {"receipt": "R1"}}
    assert result.inspection == {
        "input": ORDER,
        "afterInputPath": ORDER,
        "afterParameters": {"FunctionName": "charge", "Payload": {"id": 7}},
        "result": PAID,
        "afterResultSelector": {"receipt": "R1"},
        "afterResultPath": {**ORDER, "paid": {"receipt": "R1"}},
    }


def test_without_a_mock_the_handler_is_called(checkout: StateMachine) -> None:
    seen = []

    def charge(event: Any, _: Any) -> dict[str, str]:
        seen.append(event)
        return {"receipt": "R7"}

    result = one_state(checkout, "Charge", {"charge": charge}).run(ORDER)
    assert result.output == {**ORDER, "paid": {"receipt": "R7"}}
    assert seen == [{"id": 7}]


class Refused(Exception):
    pass


def failing(error: type[Exception]) -> StateResult:
    states = {"A": {**CHARGE, "Next": "Done"}, "Done": STATES["Done"], "Broken": STATES["Broken"]}
    machine = StateMachine.from_json({"StartAt": "A", "States": states})

    def charge(event: Any, context: Any) -> None:
        raise error("no")

    return one_state(machine, "A", {"charge": charge}).run(ORDER)


def test_an_error_of_a_handler_is_not_retried_but_told() -> None:
    Busy = type("Gateway.Busy", (Exception,), {})
    result = failing(Busy)
    assert (result.status, result.error, result.retry_delay_s) == ("RETRIABLE", "Gateway.Busy", 30)
    assert result.inspection["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 30}
    assert result.next_state is None
    with pytest.raises(ExecutionFailed):
        result.result()


def test_the_first_catcher_that_names_an_error_takes_it() -> None:
    result = failing(Refused)
    assert (result.status, result.next_state) == ("CAUGHT_ERROR", "Broken")
    assert result.inspection["errorDetails"] == {"catchIndex": 1}
    assert result.output["error"]["Error"] == "Refused"  # type: ignore[call-overload, index]


def test_each_retry_waits_longer_and_a_used_up_retrier_leaves_the_error_to_the_catchers(checkout: StateMachine) -> None:
    busy = type("Gateway.Busy", (Exception,), {})("queue full")
    charge = one_state(checkout, "Charge")
    assert [charge.run(ORDER, mock=busy, retrier_retry_count=n).retry_delay_s for n in (0, 1)] == [30, 60]
    caught = charge.run(ORDER, mock=busy, retrier_retry_count=2)
    assert (caught.status, caught.next_state) == ("CAUGHT_ERROR", "Broken")
    assert caught.inspection["errorDetails"] == {"retryIndex": 0, "catchIndex": 1}
    assert caught.output["error"] == {"Error": "Gateway.Busy", "Cause": "queue full"}  # type: ignore[call-overload, index]


def test_a_path_that_leads_nowhere_fails_with_the_stages_before_it_and_a_diagnosis(checkout: StateMachine) -> None:
    result = one_state(checkout, "Charge").run(ORDER, mock={"Payload": {"Receipt": "R1"}})
    assert (result.status, result.error, result.output) == ("FAILED", "States.Runtime", None)
    assert result.cause is not None
    assert result.cause.startswith("The JSONPath '$.Payload.receipt' specified for the field 'receipt.$'")
    assert list(result.inspection) == ["input", "afterInputPath", "afterParameters", "result"]
    diagnosis = result.diagnosis()
    assert diagnosis is not None
    assert "did not return $.Payload.receipt (event 2): {Receipt}" in "\n".join(diagnosis.lines(checkout.source))


def test_a_mock_may_answer_what_it_is_given(checkout: StateMachine) -> None:
    result = one_state(checkout, "Charge").run(
        ORDER, mock=lambda given: {"Payload": {"receipt": given["Payload"]["id"]}}
    )
    assert result.output == {**ORDER, "paid": {"receipt": 7}}


def test_a_mocked_map_shows_its_items_and_numbers(checkout: StateMachine) -> None:
    result = one_state(checkout, "Lines").run({"lines": ["a", "b"]}, mock=[1, 2])
    assert result.output == {"lines": ["a", "b"], "picked": [1, 2]}
    assert result.inspection["afterItemsPath"] == ["a", "b"]
    assert result.inspection["afterItemSelector"] == [{"n": 0, "sku": "a"}, {"n": 1, "sku": "b"}]
    assert result.inspection["maxConcurrency"] == 2


def test_a_map_without_a_mock_really_runs_its_items(checkout: StateMachine) -> None:
    result = one_state(checkout, "Lines").run({"lines": ["a", "b"]})
    assert result.output == {"lines": ["a", "b"], "picked": [{"item": "a"}, {"item": "b"}]}


def test_a_state_inside_a_map_sees_its_input_as_the_first_item(checkout: StateMachine) -> None:
    assert one_state(checkout, "Pick").run("a").output == {"item": "a"}
    assert one_state(checkout, "Lines.Pick").run("a").output == {"item": "a"}


def test_a_parallel_calls_the_handlers_of_its_branches(checkout: StateMachine) -> None:
    both = one_state(checkout, "Both")
    assert both.run({}, handlers={"right": lambda event, context: 2}).output == [1, 2]
    assert both.run({}, mock=[3, 4]).output == [3, 4]
    with pytest.raises(MissingHandlerError, match="right"):
        both.run({})


def test_a_wait_takes_no_time(checkout: StateMachine) -> None:
    result = one_state(checkout, "Nap").run({})
    assert (result.status, result.next_state, result.execution.elapsed_ms) == ("SUCCEEDED", "Large", 86_400_000)


@pytest.mark.parametrize(("cost", "target"), [(10, "Ask"), (9, "Done")])
def test_a_choice_says_where_it_leads(checkout: StateMachine, cost: int, target: str) -> None:
    result = one_state(checkout, "Large").run({"cost": cost})
    assert (result.next_state, result.output) == (target, {"cost": cost})
    assert result.inspection == {"input": {"cost": cost}, "afterInputPath": {"cost": cost}}


def test_a_fail_state_fails_with_its_own_words(checkout: StateMachine) -> None:
    result = one_state(checkout, "Broken").run({"error": {"Cause": "no money"}})
    assert (result.status, result.error, result.cause) == ("FAILED", "Broken", "no money")


def test_a_task_that_waits_for_its_token_is_tested_with_what_comes_back(checkout: StateMachine) -> None:
    ask = one_state(checkout, "Ask")
    answered = ask.run({}, mock={"approved": True})
    assert answered.output == {"approved": True}
    assert answered.inspection["afterParameters"]["Payload"]["token"]
    with pytest.raises(MockError, match="waits for somebody who has its task token"):
        ask.run({}, handlers={"ask": lambda event, context: None})


def test_a_context_object_that_is_given_is_the_whole_of_it(checkout: StateMachine) -> None:
    machine = StateMachine.from_json(
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"all.$": "$$"}, "End": True}}}
    )
    assert one_state(machine, "A").run({}, context={"State": {"Name": "B"}}).output == {"all": {"State": {"Name": "B"}}}
    mine = one_state(machine, "A").run({"a": 1}).output
    assert mine["all"]["Execution"]["Input"] == {"a": 1}  # type: ignore[call-overload, index]


def test_variables_are_read_and_assigned() -> None:
    machine = StateMachine.from_json({
        "QueryLanguage": "JSONata", "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Output": "{% $n %}", "End": True}},
    })  # fmt: skip
    result = one_state(machine, "A").run({}, variables={"n": 1, "m": 0})
    assert (result.output, result.variables) == (1, {"n": 2, "m": 0})


def distributed(**more: Any) -> OneState:
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "b", "Key": "k"},
        },
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I",
            "States": {"I": {"Type": "Pass", "End": True}},
        },
        "ToleratedFailurePercentage": 50,
        "End": True,
        **more,
    }
    return one_state(StateMachine.from_json({"StartAt": "M", "States": {"M": state}}), "M")


def test_the_data_of_an_item_reader_is_read_as_it_would_be_from_s3() -> None:
    result = distributed().run({}, mock=["x", "y"], map_item_reader_data="id,n\na,1\nb,2\nc,3\n")
    assert result.inspection["afterItemBatcher"] == [
        {"Items": [{"id": "a", "n": "1"}, {"id": "b", "n": "2"}]},
        {"Items": [{"id": "c", "n": "3"}]},
    ]
    assert result.inspection["toleratedFailurePercentage"] == 50.0
    assert result.status == "SUCCEEDED"


def test_failed_iterations_beyond_the_threshold_fail_a_map() -> None:
    data = "id\na\nb\nc\nd\n"
    lost = distributed(ItemBatcher={"MaxItemsPerBatch": 1})
    bears = lost.run({}, mock=[], map_item_reader_data=data, map_iteration_failure_count=2)
    fails = lost.run({}, mock=[], map_item_reader_data=data, map_iteration_failure_count=3)
    assert (bears.status, fails.status) == ("SUCCEEDED", "FAILED")
    assert fails.error == "States.ExceedToleratedFailureThreshold"
    with pytest.raises(TooManyFailures, match="less than or equal to the number of Map iterations"):
        lost.run({}, mock=[], map_item_reader_data=data, map_iteration_failure_count=5)


def test_the_caller_learns_what_cannot_be_tested(checkout: StateMachine) -> None:
    with pytest.raises(ConfigurationError, match="checkout has no state named Chrge; did you mean Charge"):
        one_state(checkout, "Chrge")
    with pytest.raises(MockError, match="Done is a Succeed state"):
        one_state(checkout, "Done").run({}, mock={})
    with pytest.raises(MockError, match="Field 'StatusCode' must be a number"):
        one_state(checkout, "Charge").run(ORDER, mock={"StatusCode": "200"})
    with pytest.raises(MockError, match="same number of items as number of Parallel branches"):
        one_state(checkout, "Both").run({}, mock=[1])
    with pytest.raises(InputError):
        one_state(checkout, "Done").run({1, 2})  # type: ignore[arg-type]


def test_a_mock_that_is_not_checked_may_be_anything(checkout: StateMachine) -> None:
    result = one_state(checkout, "Charge").run(
        ORDER, mock={"StatusCode": "200", "Payload": {"receipt": 1}}, field_validation_mode="NONE"
    )
    assert result.status == "SUCCEEDED"


def test_an_output_over_the_limit_is_beyond_the_states_own_catchers(checkout: StateMachine) -> None:
    result = one_state(checkout, "Charge").run(
        {"order": {}, "fill": "x" * 200_000}, mock={"Payload": {"receipt": "y" * 100_000}}
    )
    assert (result.status, result.error) == ("FAILED", "States.DataLimitExceeded")


def test_a_hundred_tests_of_a_state_take_less_than_two_milliseconds_each(checkout: StateMachine) -> None:
    one_state(checkout, "Charge").run(ORDER, mock=PAID)
    started = time.process_time()
    for _ in range(100):
        assert one_state(checkout, "Charge").run(ORDER, mock=PAID).status == "SUCCEEDED"
    assert time.process_time() - started < 0.2


def test_a_state_alone_does_what_it_does_in_an_execution(checkout: StateMachine) -> None:
    handlers = {"charge": lambda event, context: {"receipt": event["id"]}, "right": lambda event, context: {"r": 1}}
    execution = checkout.run({**ORDER, "lines": ["a", "b"]}, {**handlers, "ask": lambda event, context: None})
    outer = [visit for visit in execution.log.visits if not visit.branch.label]
    assert [visit.name for visit in outer] == ["Charge", "Lines", "Both", "Nap", "Large"]
    for visit, following in zip(outer, [*outer[1:], None], strict=True):
        alone = one_state(checkout, visit.name, handlers).run(visit.input)
        stages = dict(visit.stages)
        assert {name: alone.inspection[name] for name in stages if name in alone.inspection} == {
            name: value for name, value in stages.items() if name in alone.inspection
        }
        assert (alone.output, alone.cause) == (visit.output, _without_place(visit))
        assert alone.next_state == (following.name if following else None)


def _without_place(visit: Visit) -> str | None:
    cause = visit.error[1] if visit.error else None
    return cause.partition("). ")[2] if cause else None


def test_nothing_of_a_test_waits_for_the_garbage_collector(checkout: StateMachine) -> None:
    charge = one_state(checkout, "Charge")
    charge.run(ORDER, mock=PAID)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            charge.run(ORDER, mock=PAID)
            charge.run(ORDER, mock={"Payload": 1})
            charge.run(ORDER, mock=ValueError("no"))
        assert gc.collect() == 0
    finally:
        gc.enable()
