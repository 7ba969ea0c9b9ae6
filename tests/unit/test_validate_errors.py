"""Rules of Retry and Catch."""

from __future__ import annotations

from seen import Seen, findings, only, task

SCHEMA = "SCHEMA_VALIDATION_FAILED"
LAST = {"ErrorEquals": ["States.ALL"]}


def test_states_all_before_another_retrier_is_refused() -> None:
    assert only(task(Retry=[LAST, {"ErrorEquals": ["E"]}])) == Seen(
        SCHEMA,
        "States.ALL must appear alone and at end of list",
        "/States/A/Retry[0]/ErrorEquals[0]",
        '10:7 "States.ALL"',
        "the entries after it would never be reached: move it to the end of Retry",
    )


def test_states_all_beside_another_name_is_refused() -> None:
    assert only(task(Retry=[{"ErrorEquals": ["E", "States.ALL"]}])) == Seen(
        SCHEMA,
        "States.ALL must appear alone and at end of list",
        "/States/A/Retry[0]/ErrorEquals[1]",
        '11:7 "States.ALL"',
        "States.ALL takes the other names in: give it an entry of its own, the last of Retry",
    )


def test_a_retrier_of_nothing_is_refused() -> None:
    assert only(task(Retry=[{"ErrorEquals": []}])) == Seen(
        SCHEMA,
        "Value cannot be empty",
        "/States/A/Retry[0]/ErrorEquals",
        "9:21 []",
        "name at least one in ErrorEquals",
    )


def test_every_wrong_field_of_a_retrier_is_told() -> None:
    assert findings(task(Retry=[{"MaxAttempts": -1, "BackoffRate": 0.5, "JitterStrategy": "full"}])) == [
        Seen(
            SCHEMA,
            "These fields are required: [ErrorEquals]",
            "/States/A/Retry[0]",
            "8:5 {",
            'add "ErrorEquals"',
        ),
        Seen(
            SCHEMA,
            "Minimum value is 0",
            "/States/A/Retry[0]/MaxAttempts",
            "9:21 -1",
            "MaxAttempts is from 0 to 99999999",
        ),
        Seen(
            SCHEMA,
            "Minimum value is 1.0",
            "/States/A/Retry[0]/BackoffRate",
            "10:21 0.5",
            "BackoffRate is at least 1.0",
        ),
        Seen(
            SCHEMA,
            "Value should be one of the following: [NONE, FULL]",
            "/States/A/Retry[0]/JitterStrategy",
            '11:24 "full"',
            "did you mean 'FULL'?",
        ),
    ]


def test_a_misspelt_error_name_is_warned_of() -> None:
    assert only(task(Retry=[{"ErrorEquals": ["States.Timeot"]}]), severity="WARNING") == Seen(
        "UNKNOWN_ERROR_NAME",
        "States.Timeot is not the name of an error that Step Functions raises",
        "/States/A/Retry[0]/ErrorEquals[0]",
        '10:7 "States.Timeot"',
        "did you mean 'States.Timeout'?",
    )


def test_an_error_that_nothing_catches_is_warned_of() -> None:
    assert only(task(Retry=[{"ErrorEquals": ["States.Runtime"]}]), severity="WARNING") == Seen(
        "UNCATCHABLE_ERROR",
        "States.Runtime cannot be caught or retried",
        "/States/A/Retry[0]/ErrorEquals[0]",
        '10:7 "States.Runtime"',
        "an execution that meets it fails at once: correct the path or template that raises it",
    )


def test_names_of_ones_own_errors_are_left_alone() -> None:
    assert (
        findings(task(Retry=[{"ErrorEquals": ["Lambda.Unknown", "CustomError", "States.Http.StatusCode.404"]}])) == []
    )


def test_a_retry_that_is_no_array_is_refused() -> None:
    assert only(task(Retry={})) == Seen(
        SCHEMA,
        "Expected value of type [ARRAY]",
        "/States/A/Retry",
        "7:13 {}",
        "an object stands here",
    )
