"""TestState through boto3: what it answers, and what it refuses in AWS's words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfn_sim import UnsupportedFeatureError, mock_stepfunctions

from .conftest import FUNCTION, PASS, ROLE, Client, graph, make_client

INVOKE = "arn:aws:states:::lambda:invoke"
TASK = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "Next": "B"}
CHILD = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index"},
                                                 "End": True}}}  # fmt: skip
MAP = {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"v.$": "$$.Map.Item.Value"},
       "ItemProcessor": CHILD, "ToleratedFailureCount": 1, "Next": "B"}  # fmt: skip


def run(sfn: Client, state: Any, **more: Any) -> dict[str, Any]:
    definition = state if isinstance(state, str) else json.dumps(state)
    answer: dict[str, Any] = sfn.boto.test_state(definition=definition, **more)
    answer.pop("ResponseMetadata")
    return answer


def inspected(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.loads(value) if isinstance(value, str) else value
        for name, value in answer["inspectionData"].items()
    }


def test_a_single_state_needs_no_machine(sfn: Client) -> None:
    answer = run(sfn, {"Type": "Pass", "InputPath": "$.payload", "Parameters": {"data": 1}, "ResultPath": "$.result",
                       "OutputPath": "$.result.data", "Next": "Another State"},
                 input='{"payload": {"foo": "bar"}}', inspectionLevel="DEBUG")  # fmt: skip
    assert answer == {
        "output": "1",
        "inspectionData": {
            "input": '{"payload": {"foo": "bar"}}',
            "afterInputPath": '{"foo":"bar"}',
            "afterParameters": '{"data":1}',
            "afterResultSelector": '{"data":1}',
            "afterResultPath": '{"payload":{"foo":"bar"},"result":{"data":1}}',
        },
        "nextState": "Another State",
        "status": "SUCCEEDED",
    }


def test_a_state_of_a_machine_is_found_by_name_at_any_depth(sfn: Client) -> None:
    definition = graph(A=MAP, B=PASS)
    assert run(sfn, definition, stateName="B", input="[1]") == {"output": "[1]", "status": "SUCCEEDED"}
    assert run(sfn, definition, stateName="Inner") == {"output": '{"i":0}', "status": "SUCCEEDED"}


def test_a_task_calls_its_handler_when_there_is_no_mock() -> None:
    with mock_stepfunctions({"f": lambda event, context: {"was": event}}):
        answer = make_client().test_state(
            definition=json.dumps({"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}), roleArn=ROLE, input="7"
        )
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"was":7}')


def test_the_clock_goes_on_by_what_a_state_waits(sfn: Client) -> None:
    before = sfn.mock.clock.now()
    run(sfn, {"Type": "Wait", "Seconds": 60, "End": True})
    assert (sfn.mock.clock.now() - before).total_seconds() == 60


def test_a_state_may_last_five_minutes(sfn: Client) -> None:
    answer = run(sfn, {"Type": "Wait", "Seconds": 301, "End": True})
    assert answer == {"status": "FAILED", "error": "States.Timeout"}


def test_a_mocked_map_tells_its_items_and_what_it_bears(sfn: Client) -> None:
    answer = run(sfn, MAP, input='{"items": [1, 2]}', mock={"result": "[3, 4]"}, inspectionLevel="DEBUG",
                 stateConfiguration={"mapIterationFailureCount": 1})  # fmt: skip
    assert (answer["output"], answer["nextState"]) == ("[3, 4]", "B")
    assert inspected(answer) == {
        "input": {"items": [1, 2]}, "afterInputPath": {"items": [1, 2]}, "afterItemsPath": [1, 2],
        "afterItemSelector": [{"v": 1}, {"v": 2}], "afterResultSelector": [3, 4], "afterResultPath": [3, 4],
        "maxConcurrency": 0, "toleratedFailureCount": 1,
    }  # fmt: skip
    failed = run(sfn, MAP, input='{"items": [1, 2]}', mock={"result": "[3, 4]"},
                 stateConfiguration={"mapIterationFailureCount": 2})  # fmt: skip
    assert failed["error"] == "States.ExceedToleratedFailureThreshold"


def test_an_error_of_a_child_is_taken_by_the_parallels_catcher(sfn: Client) -> None:
    state = {"Type": "Parallel", "Branches": [CHILD], "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}],
             "End": True}  # fmt: skip
    answer = run(sfn, state, mock={"errorOutput": {"error": "Lost", "cause": "no"}}, inspectionLevel="DEBUG",
                 stateConfiguration={"errorCausedByState": "Inner"})  # fmt: skip
    assert (answer["status"], answer["nextState"]) == ("CAUGHT_ERROR", "B")
    assert inspected(answer)["errorDetails"] == {"catchIndex": 0}


def test_a_retry_is_told_with_its_delay(sfn: Client) -> None:
    state = {**TASK, "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2.0}]}
    answer = run(sfn, state, mock={"errorOutput": {"error": "Busy", "cause": "c"}}, inspectionLevel="DEBUG",
                 stateConfiguration={"retrierRetryCount": 1})  # fmt: skip
    assert answer["status"] == "RETRIABLE"
    assert inspected(answer)["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 4}


def test_a_context_object_stands_for_the_whole_of_it(sfn: Client) -> None:
    state = {**TASK, "Parameters": {"FunctionName": "f", "Payload": {"id.$": "$$.Execution.Id"}}}
    answer = run(sfn, state, mock={"result": "{}"}, context='{"Execution": {"Id": "e1"}}', inspectionLevel="DEBUG")
    assert inspected(answer)["afterParameters"] == {"FunctionName": "f", "Payload": {"id": "e1"}}


def test_variables_are_told_after_the_state(sfn: Client) -> None:
    state = {"Type": "Pass", "Assign": {"b.$": "$.b"}, "Parameters": {"a.$": "$a", "b": 2}, "End": True}
    answer = run(sfn, state, variables='{"a": 1}', inspectionLevel="DEBUG", input='{"b": 2}')
    assert inspected(answer)["variables"] == {"a": 1, "b": 2}
    assert answer["output"] == '{"a":1,"b":2}'


def test_an_integration_that_is_not_carried_out_needs_a_mock(sfn: Client) -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:kms:encrypt", "Parameters": {}, "End": True}
    assert run(sfn, state, mock={"result": '{"CiphertextBlob": "eA=="}'})["status"] == "SUCCEEDED"
    with pytest.raises(UnsupportedFeatureError, match="aws-sdk:kms:encrypt"):
        run(sfn, state, roleArn=ROLE)


SYNC = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True,
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"}}  # fmt: skip
LISTENS = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True}


@pytest.mark.parametrize(
    ("state", "more", "code", "words"),
    [
        (MAP, {}, "InvalidDefinition", "TestState API does not support Map or Parallel states. "),
        (PASS, {"mock": {"result": "1"}}, "ValidationException", "State type 'Pass' is not supported when a mock is "),
        (TASK, {}, "ValidationException", "RoleArn must be specified when testing a Task state"),
        (LISTENS, {"roleArn": ROLE}, "ValidationException", "Activity tasks only when a mock is specified"),
        (SYNC, {"roleArn": ROLE}, "ValidationException", "'.sync:2' service integration pattern only when a mock"),
        (TASK, {"mock": {"result": "{"}}, "ValidationException", "Mocked result must be valid JSON"),
        (TASK, {"mock": {}}, "ValidationException", "only one of the following fields: [result, errorOutput]"),
        (MAP, {"mock": {"result": "{}"}}, "ValidationException", "Mocked result must be an array."),
        (SYNC, {"mock": {"result": "{}"}}, "ValidationException", "Required field 'ExecutionArn' is missing"),
        (MAP, {"mock": {"errorOutput": {"error": "E"}}}, "ValidationException", "ErrorCausedByState must be specified"),
        (
            TASK,
            {"mock": {"result": "{}"}, "stateConfiguration": {"mapIterationFailureCount": 1}},
            "ValidationException",
            "mapIterationFailureCount can only be specified for a Map state",
        ),
        (TASK, {"mock": {"result": "{}"}, "context": '{"Task": {}}'}, "ValidationException", "contains 'Task' when"),
        (TASK, {"mock": {"result": "{}"}, "context": "[]"}, "ValidationException", "Invalid Context object provided"),
        (TASK, {"mock": {"result": "{}"}, "context": '{"State": 1}'}, "ValidationException", "State must be a object"),
        (PASS, {"context": "{}"}, "ValidationException", "only be specified when a mock is specified"),
        (PASS, {"variables": "[]"}, "ValidationException", "Variables must be a valid JSON object"),
        (PASS, {"input": "{"}, "InvalidExecutionInput", "Invalid State Machine Execution Input"),
        ({"Type": "Pass"}, {}, "InvalidDefinition", "/States/StateName"),
        ("{", {}, "InvalidDefinition", "INVALID_JSON_DESCRIPTION"),
        (PASS, {"stateName": "A"}, "InvalidDefinition", "These fields are required: [StartAt, States]"),
        (graph(A=PASS), {"stateName": "B"}, "ValidationException", "State not found in definition"),
    ],
)
def test_what_cannot_be_tested_is_refused(sfn: Client, state: Any, more: Any, code: str, words: str) -> None:
    with pytest.raises(ClientError) as caught:
        run(sfn, state, **more)
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]
