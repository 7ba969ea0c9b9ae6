"""Tasks: their events, timeouts and heartbeats, retries and catchers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.behaviour.machines import (
    FUNCTION,
    INVOKE,
    Busy,
    always,
    fails,
    machine,
    parents,
    passing,
    run,
    task,
    types,
    words,
)


def sleeping(seconds: float) -> Callable[[Any, Any], Any]:
    def handler(event: Any, context: Any) -> str:
        time.sleep(seconds)
        return "done"

    return handler


def invoking(**more: Any) -> dict[str, Any]:
    parameters = {"FunctionName": "f", "Payload.$": "$"}
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Parameters": parameters,
        **({} if "Next" in more else {"End": True}),
        **more,
    }


def details(execution: Any, kind: str) -> list[dict[str, Any]]:
    key = f"{kind[0].lower()}{kind[1:]}EventDetails"
    return [event.get(key, {}) for event in execution.history() if event["type"] == kind]


def test_a_function_by_its_arn_has_events_of_its_own_kind() -> None:
    execution = run(task(TimeoutSeconds=60), {"a": 1}, lambda event, context: [event])
    assert parents(execution) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
        (3, 2, "LambdaFunctionScheduled"),
        (4, 3, "LambdaFunctionStarted"),
        (5, 4, "LambdaFunctionSucceeded"),
        (6, 5, "TaskStateExited"),
        (7, 6, "ExecutionSucceeded"),
    ]
    assert details(execution, "LambdaFunctionScheduled") == [
        {
            "resource": f"{FUNCTION}f", "input": '{"a":1}', "inputDetails": {"truncated": False},
            "timeoutInSeconds": 60,
        }
    ]  # fmt: skip
    assert "lambdaFunctionStartedEventDetails" not in list(execution.history())[3]
    assert details(execution, "LambdaFunctionSucceeded") == [
        {"output": '[{"a":1}]', "outputDetails": {"truncated": False}}
    ]


def test_lambda_invoke_has_the_events_of_an_integration() -> None:
    execution = run(invoking(TimeoutSeconds=60, HeartbeatSeconds=30), {"a": 1}, lambda event, context: event)
    assert types(execution)[2:5] == ["TaskScheduled", "TaskStarted", "TaskSucceeded"]
    (scheduled,) = details(execution, "TaskScheduled")
    assert json.loads(scheduled.pop("parameters")) == {"FunctionName": "f", "Payload": {"a": 1}}
    assert scheduled == {
        "resource": "invoke", "resourceType": "lambda", "region": "us-east-1", "timeoutInSeconds": 60,
        "heartbeatInSeconds": 30,
    }  # fmt: skip


@pytest.mark.parametrize("payload", [{"a": [1, None]}, [], "text", 0, None])
def test_the_envelope_of_lambda_invoke_holds_the_response(payload: Any) -> None:
    execution = run(invoking(), {}, lambda event, context: payload)
    assert isinstance(execution.output, dict)
    assert sorted(execution.output) == [
        "ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"
    ]  # fmt: skip
    assert execution.output["Payload"] == payload
    length = len(json.dumps(payload, separators=(",", ":")))
    assert execution.output["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == str(length)
    assert execution.output["SdkHttpMetadata"]["HttpHeaders"]["Date"] == "Wed, 01 Jan 2025 00:00:00 GMT"


def test_causes_are_lambdas_own_text_by_arn_and_written_anew_by_invoke() -> None:
    direct = run(task(), {}, always(Busy("é")))
    wrapped = run(invoking(), {}, always(Busy("é")))
    assert '"errorType": "Busy"' in str(direct.cause)
    assert '"errorType":"Busy"' in str(wrapped.cause)
    left, right = json.loads(str(direct.cause)), json.loads(str(wrapped.cause))
    assert (left["errorMessage"], left["stackTrace"]) == (right["errorMessage"], right["stackTrace"])


@pytest.mark.parametrize(
    ("fields", "value", "seconds"),
    [
        ({"TimeoutSeconds": 3}, {}, 3),
        ({"TimeoutSecondsPath": "$.t"}, {"t": 4}, 4),
        ({"HeartbeatSeconds": 2, "TimeoutSeconds": 9}, {}, 2),
        ({"HeartbeatSecondsPath": "$.t", "TimeoutSeconds": 9}, {"t": 5}, 5),
    ],
)
@pytest.mark.parametrize("make", [task, invoking])
def test_a_call_that_takes_longer_times_out_exactly_then(
    make: Callable[..., dict[str, Any]], fields: dict[str, Any], value: Any, seconds: int
) -> None:
    late = run(make(**fields), value, sleeping(seconds + 0.001))
    assert (late.status, late.error, late.cause) == ("FAILED", "States.Timeout", None)
    assert late.elapsed_ms == seconds * 1000
    kind = "TaskTimedOut" if make is invoking else "LambdaFunctionTimedOut"
    assert types(late)[-2:] == [kind, "ExecutionFailed"]
    assert run(make(**fields), value, sleeping(seconds)).status == "SUCCEEDED"


@pytest.mark.parametrize("value", [{}, {"t": 0}, {"t": -1}, {"t": "5"}, {"t": 1.5}, {"t": True}, {"t": None}])
@pytest.mark.parametrize("name", ["TimeoutSecondsPath", "HeartbeatSecondsPath"])
def test_a_timeout_path_that_gives_no_seconds_fails(name: str, value: Any) -> None:
    execution = run(task(**{name: "$.t"}), value, sleeping(0))
    assert execution.error == "States.Runtime"
    assert types(execution)[-1] == "ExecutionFailed"
    if not value:
        assert words(execution) == "Invalid path '$.t' : No results for path: $['t']"


def test_a_timeout_is_caught_by_its_name_with_an_empty_cause() -> None:
    state = task(TimeoutSeconds=1, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "B"}], Next="B")
    assert run(state, {}, sleeping(2), B=passing()).output == {"Error": "States.Timeout", "Cause": ""}


def test_the_machines_timeout_is_not_to_be_caught() -> None:
    state = task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}], Next="B")
    execution = machine({"TimeoutSeconds": 10}, A=state, B=passing()).run({}, {"f": sleeping(60)})
    assert (execution.status, execution.error, execution.cause, execution.elapsed_ms) == (
        "TIMED_OUT", None, None, 10_000
    )  # fmt: skip
    assert list(execution.history())[-1]["type"] == "ExecutionTimedOut"


def test_a_functions_own_timeout_is_an_error_of_lambda_and_no_states_timeout() -> None:
    execution = run(task(), {}, sleeping(901))
    assert execution.error == "Sandbox.Timedout"
    assert "Task timed out after 900.00 seconds" in str(execution.cause)


@pytest.mark.parametrize(
    ("result_path", "output"),
    [("$", {"Error": "Busy"}), ("$.e", {"k": 1, "e": {"Error": "Busy"}}), (None, {"k": 1})],
)
def test_a_catcher_puts_the_error_where_its_result_path_says(result_path: str | None, output: Any) -> None:
    catch = [{"ErrorEquals": ["Busy"], "ResultPath": result_path, "Next": "B"}]
    # Neither the state's own ResultPath nor its OutputPath has a part in it.
    state = task(Catch=catch, ResultPath="$.result", OutputPath="$.result", Next="B")
    execution = run(state, {"k": 1}, always(Busy("no")), B=passing())
    text = json.dumps(execution.output)
    assert isinstance(execution.output, dict)
    for holder in (execution.output, execution.output.get("e", {})):
        if isinstance(holder, dict):
            holder.pop("Cause", None)
    assert execution.output == output
    assert ("errorMessage" in text) is (result_path is not None)


def test_the_first_catcher_that_names_the_error_takes_it() -> None:
    catch = [
        {"ErrorEquals": ["Other"], "Next": "No"},
        {"ErrorEquals": ["States.TaskFailed"], "Next": "B"},
        {"ErrorEquals": ["States.ALL"], "Next": "No"},
    ]
    execution = run(task(Catch=catch, Next="No"), {}, always(Busy("x")), B=passing(), No={"Type": "Fail"})
    assert execution.path == ["A", "B"]


def test_a_retry_builds_parameters_again_and_reads_input_path_once() -> None:
    events: list[Any] = []

    def handler(event: Any, context: Any) -> Any:
        events.append(event)
        if len(events) < 3:
            raise Busy("again")
        return "ok"

    state = task(
        InputPath="$.in",
        Parameters={"n.$": "$.n", "try.$": "$$.State.RetryCount"},
        Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 10, "BackoffRate": 1}],
    )
    execution = run(state, {"in": {"n": 5}}, handler)
    assert events == [{"n": 5, "try": 0}, {"n": 5, "try": 1}, {"n": 5, "try": 2}]
    visit = execution.visit("A")
    assert [stage for stage, _ in visit.stages] == [
        "input", "afterInputPath", "afterParameters", "afterParameters", "afterParameters", "result"
    ]  # fmt: skip
    assert types(execution).count("TaskStateEntered") == 1
    assert types(execution).count("LambdaFunctionScheduled") == 3
    assert (visit.retry_delays_ms, visit.error, visit.caught) == ((10_000, 10_000), None, False)


def test_jitter_stays_between_nothing_and_the_delay_and_comes_from_the_seed() -> None:
    retry = [
        {"ErrorEquals": ["Busy"], "IntervalSeconds": 8, "BackoffRate": 2, "MaxAttempts": 4, "JitterStrategy": "FULL"}
    ]
    one = machine(A=task(Retry=retry))

    def delays(seed: int) -> tuple[int, ...]:
        return tuple(one.run({}, {"f": always(Busy("x"))}, seed=seed).visit("A").retry_delays_ms)

    every = [delays(seed) for seed in range(20)]
    for drawn in every:
        assert len(drawn) == 4
        assert all(0 <= each <= 8000 * 2**number for number, each in enumerate(drawn))
    assert len(set(every)) == 20
    assert delays(7) == every[7]


def test_a_retrier_with_endless_attempts_meets_the_end_of_the_history() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 99_999_999, "MaxDelaySeconds": 10}]
    execution = run(task(Retry=retry), {}, always(Busy("x")))
    assert execution.cause == "The execution reached the maximum number of history events (25000)."
    assert len(execution.log.events) == 25_000


@pytest.mark.parametrize("error", [Busy("once"), TimeoutError("once")])
def test_after_a_retry_that_helps_nothing_of_the_error_is_left(error: Exception) -> None:
    state = task(Retry=[{"ErrorEquals": ["States.ALL"]}], ResultPath="$.r")
    execution = run(state, {"k": 1}, fails(error, then=2))
    assert (execution.status, execution.error, execution.output) == ("SUCCEEDED", None, {"k": 1, "r": 2})


def test_a_catch_whose_result_path_cannot_be_placed_fails_uncaught() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.k.e", "Next": "B"}]
    execution = run(task(Catch=catch, Next="B"), {"k": "text"}, always(Busy("x")), B=passing())
    assert (execution.error, execution.path) == ("States.ReferencePathConflict", ["A"])
    assert not execution.visit("A").caught
