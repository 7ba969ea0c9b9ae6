"""Wait in its four forms, and Fail in all of its."""

from __future__ import annotations

from typing import Any

import pytest

from tests.behaviour.machines import machine, parents, run, types, words


def waiting(**fields: Any) -> dict[str, Any]:
    return {"Type": "Wait", "End": True, **fields}


@pytest.mark.parametrize(
    ("fields", "waited_ms"),
    [
        ({"Seconds": 86_400}, 86_400_000),
        ({"Seconds": 0}, 0),
        ({"SecondsPath": "$.s"}, 90_000),
        ({"SecondsPath": "$.whole"}, 3000),
        ({"SecondsPath": "$$.Execution.Input.s"}, 90_000),
        ({"Timestamp": "2025-01-01T00:01:00Z"}, 60_000),
        ({"Timestamp": "2024-12-31T19:01:00-05:00"}, 60_000),
        ({"Timestamp": "2001-01-01T00:00:00Z"}, 0),
        ({"TimestampPath": "$.t"}, 250),
    ],
)
def test_it_waits_as_long_as_it_is_told_and_gives_its_input_on(fields: dict[str, Any], waited_ms: int) -> None:
    value = {"s": 90, "whole": 3.0, "t": "2025-01-01T00:00:00.250Z"}
    execution = run(waiting(**fields), value)
    assert (execution.status, execution.elapsed_ms, execution.output) == ("SUCCEEDED", waited_ms, value)


@pytest.mark.parametrize(
    ("fields", "value", "cause"),
    [
        ({"SecondsPath": "$.p"}, {"p": -1}, "The SecondsPath parameter references a negative value: $.p == -1"),
        ({"SecondsPath": "$.p"}, {"p": 1.5}, "The SecondsPath parameter cannot be parsed as a long value: $.p == 1.5"),
        ({"SecondsPath": "$.p"}, {}, "The SecondsPath parameter does not reference an input value: $.p"),
        (
            {"TimestampPath": "$.p"},
            {"p": "2025-01-01 00:00:00Z"},
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            "$.p == 2025-01-01 00:00:00Z",
        ),
        ({"TimestampPath": "$.p"}, {}, "Invalid path '$.p' : No results for path: $['p']"),
        ({"SecondsPath": "$.p"}, {"p": 86_400 * 24_856}, "Wait state delay is too long."),
    ],
)
def test_what_is_no_time_fails_with_awss_words(fields: dict[str, Any], value: Any, cause: str) -> None:
    execution = run(waiting(**fields), value)
    assert (execution.error, words(execution)) == ("States.Runtime", cause)
    assert str(execution.cause).startswith(
        "An error occurred while executing the state 'A' (entered at the event id #2). "
    )


def test_the_longest_wait_is_taken_though_no_execution_lasts_as_long() -> None:
    execution = run(waiting(SecondsPath="$.p"), {"p": 86_400 * 24_855})
    assert (execution.status, execution.elapsed_ms) == ("TIMED_OUT", 31_536_000_000)


@pytest.mark.parametrize(
    ("fields", "error", "cause"),
    [
        ({"Error": "E", "Cause": "why"}, "E", "why"),
        ({"Error": "E"}, "E", None),
        ({"Cause": "why"}, None, "why"),
        ({}, None, None),
        ({"ErrorPath": "$.e", "CausePath": "$.c"}, "FromInput", "é"),
        ({"ErrorPath": "$.e", "CausePath": "States.Format('{}: {}', $.e, $.c)"}, "FromInput", "FromInput: é"),
        ({"Error": "E", "CausePath": "$$.State.Name"}, "E", "A"),
        ({"Error": "States.Runtime"}, "States.Runtime", None),
    ],
)
def test_a_fail_state_ends_with_its_error_and_cause_and_only_those_that_are_given(
    fields: dict[str, Any], error: str | None, cause: str | None
) -> None:
    execution = run({"Type": "Fail", **fields}, {"e": "FromInput", "c": "é"})
    assert (execution.status, execution.error, execution.cause) == ("FAILED", error, cause)
    last = list(execution.history())[-1]
    given = {key: value for key, value in (("error", error), ("cause", cause)) if value is not None}
    assert last["executionFailedEventDetails"] == given
    assert types(execution) == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize("name", ["ErrorPath", "CausePath"])
def test_a_path_of_a_fail_state_that_leads_nowhere_or_to_no_text_fails_otherwise(name: str) -> None:
    missing = run({"Type": "Fail", name: "$.no"}, {"a": 1})
    assert missing.error == "States.Runtime"
    assert words(missing) == (
        f"The JSONPath '$.no' specified for the field '{name}' could not be found in the input '{{\"a\":1}}'"
    )
    assert run({"Type": "Fail", name: "$.a"}, {"a": 1}).error == "States.Runtime"


def test_an_execution_has_a_result_or_raises() -> None:
    from sfn_sim import ExecutionFailed

    assert run(waiting(Seconds=1), {"a": 1}).result() == {"a": 1}
    failed = run({"Type": "Fail", "Error": "E", "Cause": "why"})
    with pytest.raises(ExecutionFailed, match="E: why") as raised:
        failed.result()
    assert raised.value.execution is failed


def test_the_first_state_entered_has_no_parent_and_later_events_hang_on_the_one_before() -> None:
    chain = machine(A={"Type": "Wait", "Seconds": 1, "Next": "B"}, B={"Type": "Succeed"}).run()
    assert parents(chain) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "WaitStateEntered"),
        (3, 2, "WaitStateExited"),
        (4, 3, "SucceedStateEntered"),
        (5, 4, "SucceedStateExited"),
        (6, 5, "ExecutionSucceeded"),
    ]
