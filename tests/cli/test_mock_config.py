"""AWS's MockConfigFile.json, as Step Functions Local reads it; machine and file are AWS's documented example."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfn_sim.errors import ConfigurationError
from sfn_sim.testing.mock_config import load

from .conftest import Ended

Command = Callable[..., Ended]
BODY = {"StatusCode": 200, "body": "Hello from Lambda!"}
RETRY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2}
MACHINE = {
    "StartAt": "LambdaState",
    "States": {
        "LambdaState": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Retry": [RETRY], "Next": "SQSState",
            "Parameters": {"Payload.$": "$", "FunctionName": "HelloWorldFunction"},
        },
        "SQSState": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True,
            "Parameters": {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/myQueue", "MessageBody.$": "$"},
        },
    },
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "StateMachines": {
        "LambdaSQSIntegration": {
            "TestCases": {
                "HappyPath": {"LambdaState": "MockedLambdaSuccess", "SQSState": "MockedSQSSuccess"},
                "RetryPath": {"LambdaState": "MockedLambdaRetry", "SQSState": "MockedSQSSuccess"},
                "HybridPath": {"LambdaState": "MockedLambdaSuccess"},
            }
        }
    },
    "MockedResponses": {
        "MockedLambdaSuccess": {"0": {"Return": {"StatusCode": 200, "Payload": BODY}}},
        "MockedSQSSuccess": {"0": {"Return": {"MD5OfMessageBody": "3bcb6e8e", "MessageId": "3bcb6e8e-8b51"}}},
        "MockedLambdaRetry": {
            "0": {"Throw": {"Error": "Lambda.ResourceNotReadyException", "Cause": "Lambda resource is not ready."}},
            "1-2": {"Throw": {"Error": "Lambda.TimeoutException", "Cause": "Lambda timed out."}},
            "3": {"Return": {"StatusCode": 200, "Payload": BODY}},
        },
    },
}


@pytest.fixture
def case(sfn_sim: Command, project: Path) -> Callable[..., Ended]:
    (project / "definitions" / "LambdaSQSIntegration.asl.json").write_text(json.dumps(MACHINE))
    (project / "MockConfigFile.json").write_text(json.dumps(CONFIG))
    return lambda name, *more: sfn_sim(
        "run", "LambdaSQSIntegration", "--mock-config", "MockConfigFile.json", "--test-case", name, *more
    )


def test_the_happy_path_of_the_documented_example_succeeds(case: Command) -> None:
    told = case("HappyPath", "--json").json
    assert told["status"] == "SUCCEEDED"
    assert told["output"]["MessageId"] == "3bcb6e8e-8b51"


def test_the_retry_path_of_the_documented_example_retries_three_times(case: Command) -> None:
    told = case("RetryPath")
    assert "simulated 14.0 s" in told.out
    assert "SUCCEEDED" in told.out


def test_a_state_that_the_case_does_not_name_calls_what_it_would_call(case: Command) -> None:
    ended = case("HybridPath")
    assert ended.code == 2
    assert "SQSState" in ended.err


def test_a_case_that_is_not_there_is_refused_with_the_nearest(case: Command) -> None:
    ended = case("HapyPath")
    assert ended.code == 2
    assert "no test case is named HapyPath; did you mean HappyPath?" in ended.err


def test_the_two_options_go_together(sfn_sim: Command, case: Command) -> None:
    assert sfn_sim("run", "LambdaSQSIntegration", "--test-case", "HappyPath").code == 2


@pytest.mark.parametrize(
    ("responses", "words"),
    [
        ({"r": {"one": {"Return": 1}}}, "MockedResponses/r/one: an attempt is a number"),
        ({"r": {"2-1": {"Return": 1}}}, "MockedResponses/r/2-1: an attempt is a number"),
        ({"r": {"0-1": {"Return": 1}, "1": {"Return": 2}}}, "attempt 1 has an answer already"),
        ({"r": {"1": {"Return": 1}}}, "attempt 0 has no answer"),
        ({"r": {"0": {"Give": 1}}}, "either Return or Throw"),
        ({"r": {"0": {"Throw": {"Cause": "c"}}}}, "r/0/Throw: it has an Error"),
        ({"r": {"0": {"Throw": {"Error": "E", "Cause": {"a": 1}}}}}, "may have a Cause, both texts"),
        ({"r": 1}, "MockedResponses/r is no object"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(tmp_path: Path, responses: Any, words: str) -> None:
    file = tmp_path / "MockConfigFile.json"
    file.write_text(json.dumps({"StateMachines": {}, "MockedResponses": responses}))
    with pytest.raises(ConfigurationError, match=words):
        load(file)


def test_an_execution_started_with_a_test_case_is_answered_by_it(tmp_path: Path) -> None:
    import boto3

    from sfn_sim import mock_stepfunctions

    file = tmp_path / "MockConfigFile.json"
    file.write_text(json.dumps(CONFIG))
    with mock_stepfunctions(mock_config=file):
        client = boto3.client("stepfunctions", region_name="us-east-1")
        made = client.create_state_machine(
            name="LambdaSQSIntegration", definition=json.dumps(MACHINE), roleArn="arn:aws:iam::123456789012:role/r"
        )
        arn = client.start_execution(stateMachineArn=f"{made['stateMachineArn']}#RetryPath")["executionArn"]
        assert client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"


def test_a_fixtures_mocks_answer_and_have_to_be_used_up(sfn_sim: Command, case: Command, project: Path) -> None:
    folder = project / "fixtures" / "LambdaSQSIntegration" / "mocked"
    folder.mkdir(parents=True)
    text = """
[mocks]
SQSState = {MD5OfMessageBody = "3bcb6e8e", MessageId = "m1"}
HelloWorldFunction = [{throw = "Busy", takes = 3}, {return = {body = "hi"}}]
"""
    (folder / "fixture.toml").write_text(text)
    told = sfn_sim("run", "LambdaSQSIntegration", "--fixture", "mocked", "--json").json
    assert told["output"]["MessageId"] == "m1"
    (folder / "fixture.toml").write_text(text.replace('{return = {body = "hi"}}]', "{return = 1}, {return = 2}]"))
    ended = sfn_sim("run", "LambdaSQSIntegration", "--fixture", "mocked")
    assert ended.code == 3
    assert "1 was never asked for" in ended.out
    (folder / "fixture.toml").write_text("[mocks]\nSQSState = [{give = 1}]\n")
    assert "mocks.SQSState[0]" in sfn_sim("run", "LambdaSQSIntegration", "--fixture", "mocked").err
