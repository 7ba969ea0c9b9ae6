from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sfn_sim import ConfigurationError, UnsupportedFeatureError, mock_stepfunctions
from tests.api.conftest import FUNCTION, PASS, ROLE, Client, graph, make_client


def run(client: Any, definition: str, text: str = "{}") -> dict[str, Any]:
    machine = client.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=text)["executionArn"]
    return client.describe_execution(executionArn=execution)


def test_a_client_that_was_made_before_is_answered() -> None:
    client = make_client()
    with mock_stepfunctions():
        assert run(client, graph(A=PASS))["status"] == "SUCCEEDED"


def test_a_client_of_a_session_that_was_made_before_is_answered() -> None:
    session = boto3.Session(region_name="us-east-1")
    with mock_stepfunctions():
        assert run(session.client("stepfunctions"), graph(A=PASS))["status"] == "SUCCEEDED"


def test_no_credentials_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with mock_stepfunctions():
        assert run(boto3.Session().client("stepfunctions", region_name="eu-west-1"), graph(A=PASS))["output"] == "{}"


def test_a_mock_knows_nothing_of_another_one() -> None:
    client = make_client()
    with mock_stepfunctions():
        run(client, graph(A=PASS))
        with mock_stepfunctions():
            assert client.list_state_machines()["stateMachines"] == []
        assert len(client.list_state_machines()["stateMachines"]) == 1


def test_each_region_has_its_own_machines() -> None:
    with mock_stepfunctions():
        run(make_client("us-east-1"), graph(A=PASS))
        assert make_client("eu-west-1").list_state_machines()["stateMachines"] == []


def test_a_decorated_function_is_answered() -> None:
    @mock_stepfunctions({"f": lambda event, context: event["n"] + 1})
    def use(text: str) -> str:
        task = {"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}
        return run(make_client(), graph(A=task), text)["output"]

    assert [use('{"n": 1}'), use('{"n": 2}')] == ["2", "3"]


def test_it_answers_before_moto_when_moto_came_first() -> None:
    with mock_aws(), mock_stepfunctions():
        both_answer()


def test_it_answers_before_moto_when_moto_came_later() -> None:
    with mock_stepfunctions(), mock_aws():
        both_answer()


def both_answer() -> None:
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
    fails = {"Type": "Fail", "Error": "E"}
    # moto would not run the machine.
    assert run(make_client(), graph(A=fails))["error"] == "E"


def test_moto_keeps_what_it_has_when_the_mock_ends() -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        with mock_stepfunctions({"f": lambda event, context: None}):
            s3.create_bucket(Bucket="bucket")
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["bucket"]


def test_a_handler_uses_moto_and_sees_virtual_time(capsys: pytest.CaptureFixture[str]) -> None:
    def f(event: Any, context: Any) -> float:
        sys.stdout.write("from the handler")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=event["bucket"])
        before = time.time()
        time.sleep(600)
        return time.time() - before

    started = time.perf_counter()
    with mock_aws(), mock_stepfunctions({"f": f}):
        task = {"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}
        described = run(make_client(), graph(A=task), '{"bucket": "made-inside"}')
        buckets = boto3.client("s3", region_name="us-east-1").list_buckets()["Buckets"]
    assert described["output"] == "600.0"
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 600
    assert [bucket["Name"] for bucket in buckets] == ["made-inside"]
    assert capsys.readouterr().out == ""
    assert time.perf_counter() - started < 60


def test_a_function_without_a_handler_is_not_found() -> None:
    task = {"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}
    with mock_stepfunctions():
        assert run(make_client(), graph(A=task))["error"] == "Lambda.ResourceNotFoundException"


def test_a_nested_start_runs_to_its_end_inside_the_handler() -> None:
    def f(event: Any, context: Any) -> str:
        client = make_client()
        child = client.create_state_machine(name="child", definition=graph(W=WAIT), roleArn=ROLE)["stateMachineArn"]
        execution = client.start_execution(stateMachineArn=child)["executionArn"]
        return client.describe_execution(executionArn=execution)["status"]

    task = {"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}
    with mock_stepfunctions({"f": f}):
        assert json.loads(run(make_client(), graph(A=task))["output"]) == "SUCCEEDED"


WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


def test_two_runs_with_one_seed_give_the_same_names() -> None:
    def arns(seed: int) -> str:
        with mock_stepfunctions(seed=seed):
            return run(make_client(), graph(A=PASS))["executionArn"]

    assert arns(1) == arns(1)
    assert arns(1) != arns(2)


def test_an_action_that_is_not_carried_out_is_refused_by_name() -> None:
    with mock_stepfunctions(), pytest.raises(UnsupportedFeatureError, match="RedriveExecution"):
        make_client().redrive_execution(executionArn="arn:aws:states:us-east-1:123456789012:execution:m:e")


def test_an_unknown_clock_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="lunar"):
        mock_stepfunctions(clock="lunar")


def test_errors_are_boto3s_modeled_exceptions() -> None:
    with mock_stepfunctions():
        client = make_client()
        arn = "arn:aws:states:us-east-1:123456789012:stateMachine:none"
        with pytest.raises(client.exceptions.StateMachineDoesNotExist, match="State Machine Does Not Exist: '"):
            client.describe_state_machine(stateMachineArn=arn)
        with pytest.raises(ClientError) as caught:
            client.list_tags_for_resource(resourceArn=arn)
        assert caught.value.response["resourceName"] == arn


def test_outside_the_block_nobody_is_answered() -> None:
    client = boto3.client(
        "stepfunctions", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", aws_access_key_id="x",
        aws_secret_access_key="x",
    )  # fmt: skip
    with mock_stepfunctions():
        client.list_activities()
    with pytest.raises(Exception, match="Could not connect"):
        client.list_activities()


def test_the_log_of_an_express_execution_goes_to_its_log_group(sfn: Client) -> None:
    with mock_aws():
        logs = boto3.client("logs", region_name="us-east-1")
        logs.create_log_group(logGroupName="g")
        group = logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]["arn"]
        wanted = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
        machine = sfn.create(graph(A=PASS), type="EXPRESS", loggingConfiguration=wanted)
        sfn.start_execution(stateMachineArn=machine)
        stream = logs.describe_log_streams(logGroupName="g")["logStreams"][0]["logStreamName"]
        events = logs.get_log_events(logGroupName="g", logStreamName=stream)["events"]
    types = [json.loads(event["message"])["type"] for event in events]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


def test_a_handler_may_stop_its_own_execution() -> None:
    def f(event: Any, context: Any) -> str:
        make_client().stop_execution(executionArn=event["execution"], error="Enough")
        return "too late"

    task = {
        "Type": "Task", "Resource": f"{FUNCTION}f", "Parameters": {"execution.$": "$$.Execution.Id"}, "End": True,
    }  # fmt: skip
    with mock_stepfunctions({"f": f}):
        described = run(make_client(), graph(A=task))
    assert (described["status"], described["error"]) == ("ABORTED", "Enough")


def test_a_container_stays_warm_from_one_execution_to_the_next_but_not_inside_another(tmp_path: Path) -> None:
    (tmp_path / "count.py").write_text(COUNT)
    task = {"Type": "Task", "Resource": f"{FUNCTION}count", "End": True}
    with mock_stepfunctions(tmp_path):
        client = make_client()
        machine = client.create_state_machine(name="m", definition=graph(A=task), roleArn=ROLE)["stateMachineArn"]
        outputs = []
        for given in ({}, {"machine": machine}, {}):
            execution = client.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
            outputs.append(client.describe_execution(executionArn=execution)["output"])
    # The second one starts another while its own container is busy: that gets a new one.
    assert outputs == ["1", '"2, inside 1"', "3"]


COUNT = """
import boto3

calls = 0


def handler(event, context):
    global calls
    calls += 1
    if "machine" not in event:
        return calls
    client = boto3.client("stepfunctions", region_name="us-east-1")
    execution = client.start_execution(stateMachineArn=event["machine"], input="{}")["executionArn"]
    return f"{calls}, inside {client.describe_execution(executionArn=execution)['output']}"
"""


def test_a_mock_is_started_once_at_a_time() -> None:
    with mock_stepfunctions() as mock, pytest.raises(ConfigurationError, match="already"):
        mock.__enter__()
