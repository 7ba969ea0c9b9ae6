"""Map Runs through the API: what is told of them, of their children, and what can be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sfn_sim import UnsupportedFeatureError, mock_stepfunctions
from tests.api.conftest import FUNCTION, PASS, Client, graph

CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"
tokens: list[str] = []


def remember(event: Any, context: Any) -> None:
    tokens.append(event["token"])


def refuse_two(event: Any, context: Any) -> Any:
    if event == 2:
        raise ValueError("two")
    return event


@pytest.fixture
def sfn() -> Iterator[Client]:
    tokens.clear()
    with mock_stepfunctions({"remember": remember, "refuse": refuse_two}, activity_poll_s=0) as mock:
        yield Client(mock)


WAIT = {
    "Type": "Task",
    "Resource": CALLBACK,
    "Parameters": {"FunctionName": "remember", "Payload": {"token.$": "$$.Task.Token"}},
    "End": True,
}
REFUSE = {"Type": "Task", "Resource": f"{FUNCTION}refuse", "End": True}


def distributed(state: dict[str, Any] = PASS, kind: str = "STANDARD", **fields: Any) -> str:
    processor = {**json.loads(graph(Inner=state)), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return graph(Rows={"Type": "Map", "Label": "Rows", "ItemProcessor": processor, "End": True, **fields})


def only_run(sfn: Client, execution: str) -> dict[str, Any]:
    (listed,) = sfn.list_map_runs(executionArn=execution)["mapRuns"]
    described: dict[str, Any] = sfn.describe_map_run(mapRunArn=listed["mapRunArn"])
    return described


def counts(**some: int) -> dict[str, int]:
    names = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "total", "resultsWritten")
    return {**dict.fromkeys((*names, "failuresNotRedrivable", "pendingRedrive"), 0), **some}


def test_a_map_run_that_has_ended_is_described_with_its_counts(sfn: Client) -> None:
    execution = sfn.start(distributed(MaxConcurrency=2), "[1, 2, 3]")
    run = only_run(sfn, execution)
    assert run["status"] == "SUCCEEDED"
    assert (run["executionArn"], run["maxConcurrency"], run["redriveCount"]) == (execution, 2, 0)
    assert (run["toleratedFailureCount"], run["toleratedFailurePercentage"]) == (0, 0.0)
    assert run["itemCounts"] == run["executionCounts"] == counts(succeeded=3, total=3)
    assert run["stopDate"] >= run["startDate"]


def test_batches_count_once_as_executions_and_each_item_as_an_item(sfn: Client) -> None:
    run = only_run(sfn, sfn.start(distributed(ItemBatcher={"MaxItemsPerBatch": 2}), "[1, 2, 3]"))
    assert run["executionCounts"] == counts(succeeded=2, total=2)
    assert run["itemCounts"] == counts(succeeded=3, total=3)


def test_a_map_run_is_listed_with_the_machine_that_its_label_qualifies(sfn: Client) -> None:
    execution = sfn.start(distributed(), "[1]")
    (run,) = sfn.list_map_runs(executionArn=execution)["mapRuns"]
    assert run["stateMachineArn"].endswith(":stateMachine:m0/Rows")
    assert ":mapRun:m0/Rows:" in run["mapRunArn"]
    assert run["executionArn"] == execution


def test_a_failed_map_run_tells_what_failed_and_what_was_never_started(sfn: Client) -> None:
    run = only_run(sfn, sfn.start(distributed(REFUSE, MaxConcurrency=1), "[1, 2, 3, 4]"))
    assert run["status"] == "FAILED"
    assert run["itemCounts"] == counts(pending=2, succeeded=1, failed=1, total=4)


def test_a_map_run_that_waits_is_running_until_its_children_are_answered(sfn: Client) -> None:
    execution = sfn.start(distributed(WAIT), "[1, 2]")
    run = only_run(sfn, execution)
    assert (run["status"], run["executionCounts"]) == ("RUNNING", counts(running=2, total=2))
    assert "stopDate" not in run
    for token in tokens:
        sfn.send_task_success(taskToken=token, output="7")
    assert json.loads(sfn.describe_execution(executionArn=execution)["output"]) == [7, 7]
    assert only_run(sfn, execution)["status"] == "SUCCEEDED"


def test_stopping_the_execution_aborts_the_run_and_its_children(sfn: Client) -> None:
    execution = sfn.start(distributed(WAIT, MaxConcurrency=1), "[1, 2]")
    sfn.stop_execution(executionArn=execution)
    run = only_run(sfn, execution)
    assert (run["status"], run["executionCounts"]) == ("ABORTED", counts(pending=1, aborted=1, total=2))
    assert sfn.types(execution)[-2:] == ["MapRunAborted", "ExecutionAborted"]


def test_children_are_listed_and_described_as_executions_of_their_own(sfn: Client) -> None:
    execution = sfn.start(distributed(REFUSE, ToleratedFailureCount=1, MaxConcurrency=1), "[1, 2, 3]")
    arn = only_run(sfn, execution)["mapRunArn"]
    children = sfn.list_executions(mapRunArn=arn)["executions"]
    assert [each["status"] for each in children] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert all((each["itemCount"], each["mapRunArn"]) == (1, arn) for each in children)
    assert all(":execution:m0/Rows:" in each["executionArn"] for each in children)
    (failed,) = sfn.list_executions(mapRunArn=arn, statusFilter="FAILED")["executions"]
    described = sfn.describe_execution(executionArn=failed["executionArn"])
    assert (described["input"], described["error"]) == ("2", "ValueError")
    assert (described["mapRunArn"], described["redriveStatus"]) == (arn, "REDRIVABLE_BY_MAP_RUN")
    assert described["stateMachineArn"].endswith(":stateMachine:m0/Rows")
    assert sfn.types(failed["executionArn"])[-2:] == ["LambdaFunctionFailed", "ExecutionFailed"]


def test_a_childs_machine_is_the_processor(sfn: Client) -> None:
    execution = sfn.start(distributed(), "[1]")
    run = only_run(sfn, execution)
    (child,) = sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    told = sfn.describe_state_machine_for_execution(executionArn=child["executionArn"])
    assert json.loads(told["definition"]) == json.loads(graph(Inner=PASS))
    assert (told["label"], told["mapRunArn"]) == ("Rows", run["mapRunArn"])


def test_a_raised_concurrency_starts_more_children_when_one_ends(sfn: Client) -> None:
    execution = sfn.start(distributed(WAIT, MaxConcurrency=1), "[1, 2, 3, 4]")
    arn = only_run(sfn, execution)["mapRunArn"]
    sfn.update_map_run(mapRunArn=arn, maxConcurrency=2)
    sfn.send_task_success(taskToken=tokens[0], output="1")
    assert only_run(sfn, execution)["executionCounts"] == counts(succeeded=1, running=2, pending=1, total=4)


def test_a_lowered_concurrency_starts_none_until_enough_have_ended(sfn: Client) -> None:
    execution = sfn.start(distributed(WAIT, MaxConcurrency=2), "[1, 2, 3, 4]")
    sfn.update_map_run(mapRunArn=only_run(sfn, execution)["mapRunArn"], maxConcurrency=1)
    sfn.send_task_success(taskToken=tokens[0], output="1")
    assert only_run(sfn, execution)["executionCounts"] == counts(succeeded=1, running=1, pending=2, total=4)
    sfn.send_task_success(taskToken=tokens[1], output="1")
    assert only_run(sfn, execution)["executionCounts"] == counts(succeeded=2, running=1, pending=1, total=4)


def test_a_raised_tolerance_holds_for_the_failures_to_come(sfn: Client) -> None:
    execution = sfn.start(distributed(WAIT), "[1, 2]")
    sfn.update_map_run(mapRunArn=only_run(sfn, execution)["mapRunArn"], toleratedFailureCount=1)
    sfn.send_task_failure(taskToken=tokens[0], error="Busy")
    assert sfn.status(execution) == "RUNNING"
    sfn.send_task_success(taskToken=tokens[1], output="1")
    assert sfn.status(execution) == "SUCCEEDED"


def test_a_run_that_has_ended_takes_no_changes(sfn: Client) -> None:
    run = only_run(sfn, sfn.start(distributed(), "[1]"))
    with pytest.raises(sfn.boto.exceptions.ValidationException, match="not RUNNING"):
        sfn.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=1)


def test_a_map_run_that_does_not_exist_is_no_resource(sfn: Client) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:mapRun:m0/Rows:none"
    for ask in (sfn.describe_map_run, sfn.update_map_run, sfn.list_executions):
        with pytest.raises(sfn.boto.exceptions.ResourceNotFound):
            ask(mapRunArn=arn)


def test_express_children_are_not_listed(sfn: Client) -> None:
    run = only_run(sfn, sfn.start(distributed(kind="EXPRESS"), "[1]"))
    with pytest.raises(sfn.boto.exceptions.StateMachineTypeNotSupported):
        sfn.list_executions(mapRunArn=run["mapRunArn"])


def test_to_stop_one_child_is_refused_by_name(sfn: Client) -> None:
    execution = sfn.start(distributed(WAIT), "[1]")
    (child,) = sfn.list_executions(mapRunArn=only_run(sfn, execution)["mapRunArn"])["executions"]
    with pytest.raises(UnsupportedFeatureError, match="one child of a Map Run"):
        sfn.stop_execution(executionArn=child["executionArn"])
