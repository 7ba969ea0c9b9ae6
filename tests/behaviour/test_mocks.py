"""Mocks: what functions, resources and states answer, call by call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.errors import MissingHandlerError, MockError, UnsupportedFeatureError
from sfn_sim.testing import Mocks, fail, ok
from tests.behaviour.machines import INVOKE, machine, task

PARAMETERS = {
    "states:startExecution.sync:2": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"},
    "sqs:sendMessage.waitForTaskToken": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}},
}
STARTED = {
    "ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:m:e", "StateMachineArn": "m",
    "Status": "SUCCEEDED",
    "StartDate": "2025-01-01T00:00:00Z", "Output": {"done": True},
}  # fmt: skip
TOPIC = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message.$": "$.text"}


def resource(arn: str, **more: Any) -> StateMachine:
    return machine(A={"Type": "Task", "Resource": arn, "End": True, **more})


def kinds(execution: Any) -> list[str]:
    return [event[3] for event in execution.log.events]


def test_a_function_that_is_mocked_needs_no_handler() -> None:
    mocks = Mocks()
    mock = mocks.add("f", {"answer": 42})
    assert machine(A=task()).run({"id": 1}, mocks=mocks).output == {"answer": 42}
    assert mock.calls == [{"id": 1}]
    with pytest.raises(MissingHandlerError, match="no handler"):
        machine(A=task()).run({"id": 1}, mocks=Mocks())


def test_answers_come_one_a_call_and_take_virtual_time() -> None:
    mocks = Mocks()
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 30}]
    mock = mocks.add("f", [fail("Busy", "later", takes=1), ok("done", takes=2)])
    execution = machine(A=task(Retry=retry)).run({}, mocks=mocks)
    assert execution.output == "done"
    assert execution.elapsed_ms == 33_000
    assert mock.call_count == 2
    assert mocks.problems() == []


def test_an_answer_that_nobody_asked_for_is_a_problem_by_name() -> None:
    mocks = Mocks()
    mocks.add("f", [ok(1), ok(2)])
    machine(A=task()).run({}, mocks=mocks)
    assert mocks.problems() == ["the mock of f has 2 answers and was called 1 times: 1 was never asked for"]


def test_a_mock_that_runs_dry_stops_the_run_and_says_where() -> None:
    mocks = Mocks()
    mocks.add("f", [ok({})])
    with pytest.raises(MockError, match=r"the mock of f was called 2 times.*Call 2 came from B with \{\}"):
        machine(A=task(Next="B"), B=task()).run({}, mocks=mocks)
    assert len(mocks.problems()) == 1


def test_an_exception_is_told_as_lambda_tells_of_one() -> None:
    mocks = Mocks()
    mocks.add("f", ValueError("no"))
    execution = machine(A=task()).run({}, mocks=mocks)
    assert (execution.error, execution.cause) == ("ValueError", '{"errorMessage":"no","errorType":"ValueError"}')


def test_a_callable_sees_the_event_and_the_virtual_clock() -> None:
    import time

    def answer(event: Any) -> Any:
        time.sleep(5)
        return {"doubled": event["n"] * 2, "year": time.gmtime().tm_year}

    mocks = Mocks()
    mocks.add("f", answer)
    execution = machine(A=task()).run({"n": 4}, mocks=mocks)
    assert execution.output == {"doubled": 8, "year": 2025}
    assert execution.elapsed_ms == 5000


def test_a_spy_notes_what_the_real_handler_is_given() -> None:
    mocks = Mocks()
    spy = mocks.spy("f")
    execution = machine(A=task()).run({"n": 1}, {"f": lambda event, _: {"got": event}}, mocks=mocks)
    assert execution.output == {"got": {"n": 1}}
    assert spy.calls == [{"n": 1}]


def test_a_states_own_mock_goes_before_the_functions() -> None:
    mocks = Mocks()
    mocks.add("f", "any")
    mocks.add("state:B", "of B")
    execution = machine(A=task(Next="B", ResultPath="$.a"), B=task(ResultPath="$.b")).run({}, mocks=mocks)
    assert execution.output == {"a": "any", "b": "of B"}


def test_map_items_are_mocked_by_the_state_inside() -> None:
    mocks = Mocks()
    mock = mocks.add("f", lambda event: event + 1)
    inner = {"StartAt": "I", "States": {"I": task()}}
    execution = machine(A={"Type": "Map", "ItemProcessor": inner, "End": True}).run([1, 2, 3], mocks=mocks)
    assert execution.output == [2, 3, 4]
    assert mock.calls == [1, 2, 3]


@pytest.mark.parametrize("target", ["arn:aws:states:::sns:publish", "A", "state:A"])
def test_a_resource_that_is_not_carried_out_runs_by_its_mock(target: str) -> None:
    mocks = Mocks()
    mock = mocks.add(target, {"MessageId": "m1"})
    execution = resource("arn:aws:states:::sns:publish", Parameters=TOPIC).run({"text": "hi"}, mocks=mocks)
    assert execution.output == {"MessageId": "m1"}
    assert mock.calls[0]["Message"] == "hi"
    assert kinds(execution)[2:5] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]
    scheduled = next(
        each["taskScheduledEventDetails"] for each in execution.history() if each["type"] == "TaskScheduled"
    )
    assert (scheduled["resourceType"], scheduled["resource"], scheduled["region"]) == ("sns", "publish", "us-east-1")


def test_without_a_mock_such_a_resource_is_refused_and_the_message_says_what_would_help() -> None:
    with pytest.raises(UnsupportedFeatureError, match="a mock can answer for any other"):
        resource("arn:aws:states:::sns:publish", Parameters=TOPIC).run({"text": "hi"})


def test_an_answer_that_the_service_cannot_give_is_refused() -> None:
    mocks = Mocks()
    mocks.add("arn:aws:states:::aws-sdk:dynamodb:getItem", {"Item": "no map"})
    with pytest.raises(MockError, match="Item"):
        resource("arn:aws:states:::aws-sdk:dynamodb:getItem", Parameters={"TableName": "t"}).run({}, mocks=mocks)


@pytest.mark.parametrize(
    ("arn", "events"),
    [
        ("arn:aws:states:::states:startExecution.sync:2", ["TaskScheduled", "TaskStarted", "TaskSubmitted"]),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", ["TaskScheduled", "TaskStarted", "TaskSubmitted"]),
        ("arn:aws:states:us-east-1:123456789012:activity:work", ["ActivityScheduled", "ActivityStarted"]),
    ],
)
def test_jobs_callbacks_and_activities_are_answered_too(arn: str, events: list[str]) -> None:
    mocks = Mocks()
    mocks.add("state:A", ok(STARTED, takes=60))
    execution = resource(arn, Parameters=PARAMETERS.get(arn.partition(":::")[2], {})).run({}, mocks=mocks)
    assert execution.status == "SUCCEEDED", execution.cause
    assert kinds(execution)[2 : 2 + len(events)] == events
    assert execution.elapsed_ms == 60_000


def test_a_mocked_failure_of_a_service_is_retried_and_caught_by_its_name() -> None:
    mocks = Mocks()
    mocks.add("arn:aws:states:::dynamodb:putItem", fail("DynamoDB.ConditionalCheckFailedException", "no"))
    catch = [{"ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "Next": "B", "ResultPath": "$.error"}]
    put = {"TableName": "t", "Item": {}}
    state = {
        "Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": put, "Catch": catch, "Next": "B",
    }  # fmt: skip
    execution = machine(A=state, B={"Type": "Succeed"}).run({}, mocks=mocks)
    assert execution.output == {"error": {"Error": "DynamoDB.ConditionalCheckFailedException", "Cause": "no"}}


def test_a_timeout_counts_the_time_that_a_mock_takes() -> None:
    mocks = Mocks()
    mocks.add("f", ok({}, takes=11))
    execution = machine(A=task(TimeoutSeconds=10)).run({}, mocks=mocks)
    assert (execution.error, execution.elapsed_ms) == ("States.Timeout", 10_000)


def test_what_a_function_answers_is_the_payload_of_lambda_invoke() -> None:
    mocks = Mocks()
    mocks.add("g", {"n": 1})
    state = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "g", "Payload.$": "$"}, "End": True}
    output: Any = machine(A=state).run({"x": 1}, mocks=mocks).output
    assert (output["Payload"], output["StatusCode"]) == ({"n": 1}, 200)


def test_a_recorded_run_answers_again(tmp_path: Path) -> None:
    from sfn_sim.store import record

    definition = machine(A=task(Retry=[{"ErrorEquals": ["Busy"]}]))
    first = Mocks()
    first.add("f", [fail("Busy"), ok({"n": 7})])
    recorded = definition.run({}, mocks=first)
    file = tmp_path / "runs.sqlite"
    number = record(file, recorded, definition.source, origin="run", notes=[])
    again = Mocks().record(f"{file}:{number}")
    execution = definition.run({}, mocks=again)
    assert execution.output == {"n": 7}
    assert [len(visit.retry_delays_ms) for visit in execution.log.visits] == [1]
    assert again.problems() == []


def test_a_resource_whose_mock_is_for_another_item_is_refused_and_never_taken_for_a_function() -> None:
    mocks = Mocks()
    mocks.add("state:A[0].I", {"MessageId": "m1"})
    publish = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": TOPIC, "End": True}
    inner = {"StartAt": "I", "States": {"I": publish}}
    with pytest.raises(UnsupportedFeatureError, match="state I"):
        machine(A={"Type": "Map", "ItemProcessor": inner, "End": True}).run([{"text": "a"}, {"text": "b"}], mocks=mocks)


@pytest.mark.parametrize("arn", ["arn:aws:states:::sns:publish", "arn:aws:states:::sqs:sendMessage.waitForTaskToken"])
def test_a_run_with_mocked_resources_is_replayed(arn: str) -> None:
    from sfn_sim.replay import replay

    definition = resource(arn, Parameters=PARAMETERS.get(arn.partition(":::")[2], {"TopicArn": "t", "Message": "x"}))
    mocks = Mocks()
    mocks.add("state:A", ok({"MessageId": "m1", "MD5OfMessageBody": "5"}, takes=7))
    recorded = definition.run({}, mocks=mocks)
    again = replay(recorded, definition)
    assert again.comparison.same
    assert (again.execution.output, again.execution.elapsed_ms) == (recorded.output, 7000)
