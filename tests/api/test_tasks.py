from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfn_sim import DeadlockError, StateMachine, mock_stepfunctions
from tests.api.conftest import PASS, Client, graph, make_client

CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"
tokens: list[str] = []


def remember(event: Any, context: Any) -> str:
    tokens.append(event["token"])
    return "submitted"


def answer_at_once(event: Any, context: Any) -> str:
    make_client().send_task_success(taskToken=event["token"], output='{"early": true}')
    return "submitted"


@pytest.fixture
def sfn() -> Iterator[Client]:
    tokens.clear()
    with mock_stepfunctions({"remember": remember, "answer": answer_at_once}, activity_poll_s=0) as mock:
        yield Client(mock)


def wait_for(function: str = "remember", **more: Any) -> dict[str, Any]:
    given = {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}}
    return {"Type": "Task", "Resource": CALLBACK, "Parameters": given, "End": True, **more}


def test_an_execution_that_waits_for_a_token_stays_running(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for()))
    assert sfn.status(execution) == "RUNNING"
    assert "stopDate" not in sfn.describe_execution(executionArn=execution)
    assert sfn.types(execution)[2:] == ["TaskScheduled", "TaskStarted", "TaskSubmitted"]


def test_a_tokens_success_is_the_tasks_result(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for()))
    sfn.send_task_success(taskToken=tokens[0], output='{"n": 1}')
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["output"]) == ("SUCCEEDED", '{"n":1}')
    assert sfn.types(execution)[-3:] == ["TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]


def test_a_tokens_failure_is_the_tasks_error(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for()))
    sfn.send_task_failure(taskToken=tokens[0], error="Busy", cause="later")
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Busy", "later")


def test_a_failure_without_a_name_is_caught_as_null(sfn: Client) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    execution = sfn.start(graph(A=wait_for(Catch=catch), B=PASS))
    sfn.send_task_failure(taskToken=tokens[0])
    assert json.loads(sfn.describe_execution(executionArn=execution)["output"]) == {"Error": None, "Cause": None}


def test_virtual_time_stops_before_the_timeout_until_somebody_moves_it(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for(TimeoutSeconds=60)))
    sfn.mock.clock.advance(59_000)
    assert sfn.status(execution) == "RUNNING"
    sfn.mock.clock.advance(1_000)
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], "cause" in described) == ("FAILED", "States.Timeout", False)
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 60
    assert sfn.types(execution)[-2:] == ["TaskTimedOut", "ExecutionFailed"]


def test_a_heartbeat_begins_the_wait_anew(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for(HeartbeatSeconds=10)))
    sfn.mock.clock.advance(9_000)
    sfn.send_task_heartbeat(taskToken=tokens[0])
    sfn.mock.clock.advance(9_000)
    assert sfn.status(execution) == "RUNNING"
    sfn.mock.clock.advance(1_000)
    assert sfn.status(execution) == "FAILED"


def test_heartbeats_do_not_outlast_the_timeout(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for(HeartbeatSeconds=10, TimeoutSeconds=15)))
    sfn.mock.clock.advance(9_000)
    sfn.send_task_heartbeat(taskToken=tokens[0])
    sfn.mock.clock.advance(6_000)
    assert sfn.status(execution) == "FAILED"


def test_the_machines_own_timeout_ends_what_waits(sfn: Client) -> None:
    execution = sfn.start(graph({"TimeoutSeconds": 30}, A=wait_for()))
    sfn.mock.clock.advance(29_999)
    assert sfn.status(execution) == "RUNNING"
    sfn.mock.clock.advance(1)
    assert sfn.status(execution) == "TIMED_OUT"


def test_a_token_sent_inside_the_handler_is_taken_when_the_task_waits(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for("answer")))
    assert sfn.describe_execution(executionArn=execution)["output"] == '{"early":true}'
    assert sfn.types(execution)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_token_counts_once(sfn: Client) -> None:
    sfn.start(graph(A=wait_for()))
    sfn.send_task_success(taskToken=tokens[0], output="1")
    with pytest.raises(sfn.exceptions.TaskTimedOut, match="Provided task does not exist anymore"):
        sfn.send_task_success(taskToken=tokens[0], output="2")


def test_a_token_that_nobody_gave_out_is_invalid(sfn: Client) -> None:
    with pytest.raises(sfn.exceptions.InvalidToken):
        sfn.send_task_heartbeat(taskToken="none")


def test_an_output_that_is_not_json_is_refused_and_the_task_waits_on(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for()))
    with pytest.raises(sfn.exceptions.InvalidOutput):
        sfn.send_task_success(taskToken=tokens[0], output="no json")
    assert sfn.status(execution) == "RUNNING"


def test_each_attempt_has_a_token_of_its_own(sfn: Client) -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5}]
    execution = sfn.start(graph(A=wait_for(Retry=retry)))
    sfn.send_task_failure(taskToken=tokens[0], error="Busy")
    assert len(set(tokens)) == 2
    sfn.send_task_success(taskToken=tokens[1], output="7")
    assert sfn.describe_execution(executionArn=execution)["output"] == "7"


def test_other_branches_go_on_while_one_waits(sfn: Client) -> None:
    branches = [json.loads(graph(A=wait_for())), json.loads(graph(B={"Type": "Wait", "Seconds": 5, "End": True}))]
    execution = sfn.start(graph(P={"Type": "Parallel", "Branches": branches, "End": True}))
    assert "WaitStateExited" in sfn.types(execution)
    sfn.send_task_success(taskToken=tokens[0], output='"done"')
    assert sfn.describe_execution(executionArn=execution)["output"] == '["done",{}]'


def test_time_behind_a_tokens_timeout_waits_for_the_token(sfn: Client) -> None:
    branches = [
        json.loads(graph(A=wait_for(TimeoutSeconds=5))),
        json.loads(graph(B={"Type": "Wait", "Seconds": 60, "End": True})),
    ]
    execution = sfn.start(graph(P={"Type": "Parallel", "Branches": branches, "End": True}))
    assert "WaitStateExited" not in sfn.types(execution)
    sfn.send_task_success(taskToken=tokens[0], output="1")
    assert sfn.status(execution) == "SUCCEEDED"


def test_a_stopped_execution_is_aborted_and_its_token_is_void(sfn: Client) -> None:
    execution = sfn.start(graph(A=wait_for()))
    sfn.stop_execution(executionArn=execution, error="Enough", cause="by hand")
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "by hand")
    assert sfn.types(execution)[-1] == "ExecutionAborted"
    with pytest.raises(sfn.exceptions.TaskTimedOut):
        sfn.send_task_success(taskToken=tokens[0], output="1")


def activity(arn: str, **more: Any) -> str:
    return graph(A={"Type": "Task", "Resource": arn, "End": True, **more})


def test_an_activitys_worker_takes_the_task_and_ends_it(sfn: Client) -> None:
    arn = sfn.create_activity(name="work")["activityArn"]
    execution = sfn.start(activity(arn), '{"a": 1}')
    assert sfn.types(execution)[-1] == "ActivityScheduled"
    task = sfn.get_activity_task(activityArn=arn, workerName="w")
    assert task["input"] == '{"a":1}'
    assert "taskToken" not in sfn.get_activity_task(activityArn=arn)
    sfn.send_task_success(taskToken=task["taskToken"], output='"ok"')
    events = sfn.get_execution_history(executionArn=execution)["events"]
    assert [event["type"] for event in events[2:5]] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    assert events[3]["activityStartedEventDetails"] == {"workerName": "w"}
    assert sfn.describe_execution(executionArn=execution)["output"] == '"ok"'


def test_an_activitys_heartbeat_counts_from_the_workers_start(sfn: Client) -> None:
    arn = sfn.create_activity(name="work")["activityArn"]
    execution = sfn.start(activity(arn, HeartbeatSeconds=10))
    sfn.mock.clock.advance(60_000)
    sfn.get_activity_task(activityArn=arn)
    sfn.mock.clock.advance(9_000)
    assert sfn.status(execution) == "RUNNING"
    sfn.mock.clock.advance(1_000)
    assert sfn.types(execution)[-2:] == ["ActivityTimedOut", "ExecutionFailed"]


def test_an_activity_that_is_not_there_fails_the_execution(sfn: Client) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:activity:none"
    described = sfn.describe_execution(executionArn=sfn.start(activity(arn)))
    assert described["error"] == "States.Runtime"
    assert described["cause"].endswith(f"The activity {arn} does not exist.")


def test_without_outside_parties_a_task_that_waits_is_a_deadlock_that_names_it() -> None:
    machine = StateMachine.from_json(activity("arn:aws:states:us-east-1:123456789012:activity:work"))
    with pytest.raises(DeadlockError, match="A waits for arn:aws:states:us-east-1:123456789012:activity:work"):
        machine.run({})
