"""Virtual time, seeds and workers: the same log whatever the machine does meanwhile."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from sfn_sim import HandlerWallLimitError, Options, StateMachine
from sfn_sim.run.execution import Execution

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


def machine(**states: dict[str, Any]) -> StateMachine:
    return StateMachine.from_json({"StartAt": next(iter(states)), "States": states})


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{FUNCTION}f", **({} if "Next" in more else {"End": True}), **more}


def log_of(execution: Execution) -> str:
    return json.dumps(list(execution.history()), default=str)


FAN = machine(
    All={
        "Type": "Map",
        "MaxConcurrency": 7,
        "ItemProcessor": {
            "StartAt": "Call",
            "States": {
                "Call": task(
                    Retry=[{"ErrorEquals": ["ValueError"], "JitterStrategy": "FULL", "MaxAttempts": 2}],
                    Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Id"}],
                    Parameters={"n.$": "$.n", "try.$": "$$.State.RetryCount"},
                    ResultPath="$.r",
                    Next="Id",
                ),
                "Id": {"Type": "Pass", "Parameters": {"id.$": "States.UUID()", "all.$": "$"}, "End": True},
            },
        },
        "End": True,
    }
)
ITEMS = [{"n": n} for n in range(40)]


def flaky(event: dict[str, Any], context: Any) -> dict[str, Any]:
    time.sleep(event["n"] % 3)
    if event["n"] % 4 == 1 and event["try"] < event["n"] % 3:
        raise ValueError(event["n"])
    return {"at": time.time(), "request": context.aws_request_id}


@pytest.mark.parametrize(("executor", "workers"), [("inline", 1), ("threads", 1), ("threads", 4), ("threads", 16)])
def test_the_log_is_the_same_for_every_executor_and_number_of_workers(executor: str, workers: int) -> None:
    expected = FAN.run(ITEMS, {"f": flaky})
    actual = FAN.run(ITEMS, {"f": flaky}, executor=executor, workers=workers)
    assert expected.status == "SUCCEEDED"
    assert log_of(actual) == log_of(expected)


def test_another_seed_draws_other_jitter_and_ids() -> None:
    one, other = (FAN.run(ITEMS, {"f": flaky}, seed=seed) for seed in (1, 2))
    assert log_of(one) != log_of(other)
    assert [event["type"] for event in one.history() if "Iteration" in event["type"]].count("MapIterationStarted") == 40


def test_a_wait_of_a_day_takes_no_time_and_moves_the_clock() -> None:
    started = time.perf_counter()
    execution = machine(A={"Type": "Wait", "Seconds": 86_400, "Next": "B"}, B={"Type": "Succeed"}).run()
    assert execution.elapsed_ms == 86_400_000
    assert time.perf_counter() - started < 5


def test_handlers_see_the_virtual_clock_and_sleep_is_charged_to_them() -> None:
    def handler(event: Any, context: Any) -> Any:
        before = time.time()
        time.sleep(90.5)
        return [before, time.time(), datetime.now(UTC).isoformat()]

    execution = machine(W={"Type": "Wait", "Seconds": 60, "Next": "A"}, A=task()).run({}, {"f": handler})
    start = datetime(2025, 1, 1, 0, 1, tzinfo=UTC).timestamp()
    assert execution.output == [start, start + 90.5, "2025-01-01T00:02:30.500000+00:00"]
    assert execution.elapsed_ms == 150_500


def test_threads_of_a_handler_see_its_clock_and_other_threads_the_real_one() -> None:
    seen: list[float] = []

    def handler(event: Any, context: Any) -> Any:
        thread = threading.Thread(target=lambda: seen.append(time.time()))
        thread.start()
        thread.join()

    machine(A=task()).run({}, {"f": handler})
    assert seen == [datetime(2025, 1, 1, tzinfo=UTC).timestamp()]
    assert time.time() > datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_an_invocation_that_sleeps_past_the_timeout_is_dropped_at_the_timeout() -> None:
    def handler(event: Any, context: Any) -> Any:
        time.sleep(100)

    execution = machine(A=task(TimeoutSeconds=3)).run({}, {"f": handler})
    assert (execution.error, execution.cause, execution.elapsed_ms) == ("States.Timeout", None, 3000)


def test_a_retry_waits_in_virtual_time_with_backoff_and_its_limit() -> None:
    failing = machine(
        A=task(
            Retry=[
                {
                    "ErrorEquals": ["States.ALL"],
                    "IntervalSeconds": 2,
                    "BackoffRate": 3,
                    "MaxAttempts": 4,
                    "MaxDelaySeconds": 20,
                }
            ]
        )
    )

    def handler(event: Any, context: Any) -> Any:
        raise ValueError("always")

    execution = failing.run({}, {"f": handler})
    assert execution.visit("A").retry_delays_ms == (2000, 6000, 18_000, 20_000)
    assert execution.elapsed_ms == 46_000


def test_a_cancelled_wait_does_not_move_the_clock() -> None:
    both = machine(
        P={
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Long", "States": {"Long": {"Type": "Wait", "Seconds": 1000, "End": True}}},
                {
                    "StartAt": "Short",
                    "States": {
                        "Short": {"Type": "Wait", "Seconds": 1, "Next": "Fail"},
                        "Fail": {"Type": "Fail", "Error": "Early"},
                    },
                },
            ],
            "End": True,
        }
    )
    execution = both.run()
    assert (execution.error, execution.elapsed_ms) == ("Early", 1000)


def test_the_machines_own_timeout_ends_the_execution_as_timed_out() -> None:
    slow = StateMachine.from_json(
        {"TimeoutSeconds": 5, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}
    )
    execution = slow.run()
    assert (execution.status, execution.error, execution.elapsed_ms) == ("TIMED_OUT", None, 5000)


def test_an_execution_lasts_a_year_at_most() -> None:
    year_s = 31_536_000
    waits = {"Type": "Wait", "Seconds": year_s - 1}
    fits = machine(A={**waits, "End": True}).run()
    assert (fits.status, fits.elapsed_ms) == ("SUCCEEDED", (year_s - 1) * 1000)
    execution = machine(A={**waits, "Next": "B"}, B={"Type": "Wait", "Seconds": 5, "End": True}).run()
    assert (execution.status, execution.error, execution.elapsed_ms) == ("TIMED_OUT", "States.Timeout", year_s * 1000)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_handler_that_hangs_is_stopped_with_a_message_of_its_own(workers: int) -> None:
    def handler(event: Any, context: Any) -> Any:
        while True:
            pass

    with pytest.raises(HandlerWallLimitError, match=r"the handler f ran longer than 0\.2 s"):
        machine(A=task()).run({}, {"f": handler}, workers=workers, handler_wall_limit_s=0.2)


def test_a_handler_cannot_change_what_was_recorded() -> None:
    def handler(event: dict[str, Any], context: Any) -> Any:
        event["a"]["b"] = "changed"
        return event

    execution = machine(A=task(ResultPath="$.r")).run({"a": {"b": 1}}, {"f": handler})
    assert execution.visit("A").input == {"a": {"b": 1}}
    assert execution.output == {"a": {"b": 1}, "r": {"a": {"b": "changed"}}}


def test_the_history_ends_at_its_limit_and_goes_on_without_one() -> None:
    each = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    many = machine(A={"Type": "Map", "ItemProcessor": each, "End": True})
    full = many.run(list(range(7000)))
    assert (full.error, len(full.log.events)) == ("States.Runtime", 25_000)
    assert full.cause == "The execution reached the maximum number of history events (25000)."
    assert many.run(list(range(7000)), options=Options(limit_events=None)).status == "SUCCEEDED"


def test_several_executions_at_once_share_a_clock_and_keep_logs_of_their_own() -> None:
    waiting = machine(A={"Type": "Wait", "Seconds": 10, "Next": "B"}, B=task())
    executions = waiting.run_together(["one", "two"], {}, {"f": lambda event, context: context.aws_request_id})
    assert [execution.identity.name for execution in executions] == ["one", "two"]
    assert [execution.elapsed_ms for execution in executions] == [10_000, 10_000]
    assert executions[0].output != executions[1].output


def test_the_seed_of_a_run_counts_with_options_too() -> None:
    drawing = machine(A={"Type": "Pass", "Parameters": {"id.$": "States.UUID()"}, "End": True})
    assert drawing.run(seed=3, options=Options()).output == drawing.run(seed=3).output
