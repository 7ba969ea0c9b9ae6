"""Retry: which retrier takes an error, how long it waits and how often, against a model; in virtual time.

Source of the model: ASL specification, Errors (Retrier, Catcher); Developer Guide, Handling errors (defaults:
IntervalSeconds 1, MaxAttempts 3, BackoffRate 2.0; each retrier counts for itself; the counts begin anew when the
state is entered again).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfn_sim import StateMachine
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import FUNCTION
from tests.properties.examples import examples

ERRORS = ("Busy", "Broken", "Lost")
TIMEOUT, TIMEOUT_S = "States.Timeout", 7
EXCEPTIONS = {name: type(name, (Exception,), {}) for name in ERRORS}
OK = None

# Rates whose powers are whole milliseconds, so that no rounding is in question.
fields = {
    "IntervalSeconds": st.integers(1, 20),
    "MaxAttempts": st.integers(0, 4),
    "BackoffRate": st.sampled_from([1, 1.0, 1.5, 2, 2.5, 3.0]),
    "MaxDelaySeconds": st.integers(21, 60),
}
names = st.lists(st.sampled_from([*ERRORS, TIMEOUT, "States.TaskFailed"]), min_size=1, max_size=2, unique=True)
some_retriers = st.lists(st.fixed_dictionaries({"ErrorEquals": names}, optional=fields), max_size=3)
for_all = st.fixed_dictionaries({"ErrorEquals": st.just(["States.ALL"])}, optional=fields)
retriers = st.builds(lambda some, last: [*some, *last], some_retriers, st.lists(for_all, max_size=1))
outcomes = st.lists(st.sampled_from([*ERRORS, TIMEOUT]), max_size=12)


def takes(retrier: dict[str, Any], error: str) -> bool:
    named = retrier["ErrorEquals"]
    return error in named or "States.ALL" in named or ("States.TaskFailed" in named and error != TIMEOUT)


def delay_ms(retrier: dict[str, Any], retry: int) -> int:
    """Return the delay before a retrier's retry number `retry`, counted from 0."""
    seconds = retrier.get("IntervalSeconds", 1)
    for _ in range(retry):
        seconds = seconds * retrier.get("BackoffRate", 2.0)
    return int(min(seconds, retrier.get("MaxDelaySeconds", seconds)) * 1000)


@dataclass
class Stay:
    """What one stay in the state does: its delays, when each attempt starts, and the error that is left."""

    delays: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    error: str | None = None
    at_ms: int = 0


def stay(retry: Sequence[dict[str, Any]], outcomes: list[str], at_ms: int, taken_ms: int) -> Stay:
    """Play a stay from `at_ms` on; takes its attempts' outcomes out of `outcomes`, and success when none is left."""
    counts = [0] * len(retry)
    done = Stay(at_ms=at_ms)
    while True:
        done.starts.append(done.at_ms)
        done.error = outcomes.pop(0) if outcomes else OK
        done.at_ms += TIMEOUT_S * 1000 if done.error == TIMEOUT else taken_ms
        number = next((at for at, each in enumerate(retry) if done.error and takes(each, done.error)), None)
        if number is None or counts[number] >= retry[number].get("MaxAttempts", 3):
            return done
        delay = delay_ms(retry[number], counts[number])
        counts[number] += 1
        done.delays.append(delay)
        done.at_ms += delay


def handler_of(outcomes: list[str], taken_ms: int) -> Any:
    left = list(outcomes)

    def handler(event: Any, context: Any) -> Any:
        outcome = left.pop(0) if left else OK
        time.sleep(TIMEOUT_S + 1 if outcome == TIMEOUT else taken_ms / 1000)
        if outcome in EXCEPTIONS:
            raise EXCEPTIONS[outcome]
        return "done"

    return handler


def task(retry: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"{FUNCTION}f",
        "TimeoutSeconds": TIMEOUT_S,
        "Retry": retry,
        **({} if "Next" in more else {"End": True}),
        **more,
    }


def run(states: dict[str, Any], outcomes: list[str], taken_ms: int = 0, seed: int = 0) -> Execution:
    machine = StateMachine.from_json({"StartAt": next(iter(states)), "States": states})
    return machine.run({}, {"f": handler_of(outcomes, taken_ms)}, seed=seed)


def times_of(execution: Execution, kind: str) -> list[int]:
    """Return when the events of a kind happened, in ms since the start."""
    events = list(execution.history())
    start = events[0]["timestamp"]
    return [round((each["timestamp"] - start).total_seconds() * 1000) for each in events if each["type"] == kind]


@examples(80)
@given(retriers, outcomes, st.sampled_from([0, 250]))
def test_each_error_is_retried_by_the_first_retrier_that_names_it_after_its_own_delay(
    retry: list[dict[str, Any]], results: list[str], taken_ms: int
) -> None:
    expected = stay(retry, list(results), 0, taken_ms)
    execution = run({"A": task(retry)}, results, taken_ms)
    assert list(execution.visit("A").retry_delays_ms) == expected.delays
    assert times_of(execution, "LambdaFunctionScheduled") == expected.starts
    assert len(times_of(execution, "TaskStateEntered")) == 1
    assert execution.elapsed_ms == expected.at_ms
    assert (execution.status, execution.error) == ("FAILED" if expected.error else "SUCCEEDED", expected.error)


@examples(80)
@given(retriers, st.lists(st.sampled_from([*ERRORS, TIMEOUT]), max_size=20))
def test_every_stay_in_a_state_counts_anew(retry: list[dict[str, Any]], results: list[str]) -> None:
    left, at_ms, stays = list(results), 0, []
    while True:
        stays.append(stay(retry, left, at_ms, 0))
        at_ms = stays[-1].at_ms
        if not stays[-1].error:
            break
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "A"}]
    execution = run({"A": task(retry, Catch=catch)}, results)
    assert execution.status == "SUCCEEDED"
    assert [list(visit.retry_delays_ms) for visit in execution.visits("A")] == [each.delays for each in stays]
    assert times_of(execution, "LambdaFunctionScheduled") == [start for each in stays for start in each.starts]


@examples(100)
@given(retriers, outcomes)
def test_the_context_object_counts_the_retries_of_a_stay(retry: list[dict[str, Any]], results: list[str]) -> None:
    counts: list[int] = []
    answer = handler_of(results, 0)

    def handler(event: Any, context: Any) -> Any:
        counts.append(event["retry"])
        return answer(event, context)

    state = task(retry, Parameters={"retry.$": "$$.State.RetryCount"})
    StateMachine.from_json({"StartAt": "A", "States": {"A": state}}).run({}, {"f": handler})
    assert counts == list(range(len(stay(retry, list(results), 0, 0).starts)))


@examples(80)
@given(retriers, outcomes, st.integers(0, 5))
def test_full_jitter_draws_each_delay_from_nothing_to_the_whole_and_repeats_with_its_seed(
    retry: list[dict[str, Any]], results: list[str], seed: int
) -> None:
    bounds = stay(retry, list(results), 0, 0)
    jittered = [{**each, "JitterStrategy": "FULL"} for each in retry]
    execution = run({"A": task(jittered)}, results, seed=seed)
    drawn = list(execution.visit("A").retry_delays_ms)
    assert len(drawn) == len(bounds.delays)
    assert all(0 <= delay <= bound for delay, bound in zip(drawn, bounds.delays, strict=True))
    assert list(run({"A": task(jittered)}, results, seed=seed).visit("A").retry_delays_ms) == drawn
    assert execution.error == bounds.error


@examples(30)
@given(st.integers(0, 10**6))
def test_jitter_of_one_retrier_differs_from_retry_to_retry_and_from_seed_to_seed(seed: int) -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3600, "BackoffRate": 1, "MaxAttempts": 4,
              "JitterStrategy": "FULL"}]  # fmt: skip
    runs = [run({"A": task(retry)}, ["Busy"] * 4, seed=each) for each in (seed, seed + 1)]
    drawn = [delay for execution in runs for delay in execution.visit("A").retry_delays_ms]
    assert len(drawn) == 8
    assert len(set(drawn)) > 4


@examples(80)
@given(some_retriers, outcomes, st.sampled_from(["Map", "Parallel"]))
def test_a_map_or_parallel_state_runs_again_as_a_whole(
    retry: list[dict[str, Any]], results: list[str], kind: str
) -> None:
    inner = {"StartAt": "I", "States": {"I": task([])}}
    fan = {"Branches": [inner]} if kind == "Parallel" else {"ItemProcessor": inner, "ItemsPath": "$.items"}
    states = {"F": {"Type": kind, **fan, "Retry": retry, "End": True}}
    machine = StateMachine.from_json({"StartAt": "F", "States": states})
    execution = machine.run({"items": [1]}, {"f": handler_of(results, 0)})
    expected = stay(retry, list(results), 0, 0)
    assert list(execution.visit("F").retry_delays_ms) == expected.delays
    assert times_of(execution, "LambdaFunctionScheduled") == expected.starts
    assert execution.error == expected.error
