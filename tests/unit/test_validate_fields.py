"""Which fields stand where."""

from __future__ import annotations

from seen import END, Seen, findings, machine, only, state, task

SCHEMA = "SCHEMA_VALIDATION_FAILED"


def test_a_missing_required_field_is_told() -> None:
    assert only({"States": {"A": END}}) == Seen(
        SCHEMA,
        "These fields are required: [StartAt]",
        "/",
        "1:1 {",
        'add "StartAt"',
    )


def test_a_misspelt_required_field_is_told_from_its_missing_name() -> None:
    assert findings({"StartsAt": "A", "States": {"A": END}}) == [
        Seen(
            SCHEMA,
            "These fields are required: [StartAt]",
            "/",
            "1:1 {",
            "'StartsAt' should be 'StartAt'",
        ),
        Seen(
            SCHEMA,
            "Field 'StartsAt' is not supported",
            "/",
            '2:2 "StartsAt"',
            "did you mean 'StartAt'?",
        ),
    ]


def test_an_unknown_field_gets_the_nearest_known_one() -> None:
    assert only(state(InputPth="$.x")) == Seen(
        SCHEMA,
        "Field 'InputPth' is not supported",
        "/States/A",
        '6:4 "InputPth"',
        "did you mean 'InputPath'?",
    )


def test_a_field_of_other_state_types_names_those_types() -> None:
    assert only(state(Retry=[])) == Seen(
        SCHEMA,
        "Field 'Retry' is not supported",
        "/States/A",
        '6:4 "Retry"',
        "Retry belongs to Task, Parallel, Map; this is a Pass state",
    )


def test_an_unknown_type_lists_the_types() -> None:
    assert only(machine({"A": {"Type": "Tsk", "End": True}})) == Seen(
        SCHEMA,
        "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
        "/States/A/Type",
        '5:12 "Tsk"',
        "did you mean 'Task'?",
    )


def test_a_state_without_a_type_is_refused() -> None:
    assert only(machine({"A": {"End": True}})) == Seen(
        SCHEMA,
        "These fields are required: [Type]",
        "/States/A",
        '4:3 "A"',
        'add "Type": one of Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map',
    )


def test_another_version_than_1_0_is_refused() -> None:
    assert only(state() | {"Version": "2.0"}) == Seen(
        SCHEMA,
        "Value should be one of the following: [1.0]",
        "/Version",
        '9:13 "2.0"',
        "did you mean '1.0'?",
    )


def test_a_definition_that_is_no_object_is_refused() -> None:
    assert only("[]") == Seen(
        SCHEMA,
        "Expected value of type [OBJECT]",
        "/",
        "1:1 []",
        "a definition is an object with StartAt and States",
    )


def test_an_empty_states_object_is_refused() -> None:
    assert only(machine({})) == Seen(
        SCHEMA,
        "Value cannot be empty",
        "/States",
        "3:12 {}",
        "put something into States",
    )


def test_a_heartbeat_that_is_due_too_late_is_refused() -> None:
    assert only(task(HeartbeatSeconds=9, TimeoutSeconds=5)) == Seen(
        SCHEMA,
        "HeartbeatSeconds must be smaller than TimeoutSeconds",
        "/States/A/HeartbeatSeconds",
        "7:24 9",
        "the Task is out of time after 5 s, before a heartbeat is due",
    )


def test_two_lengths_of_a_wait_are_refused() -> None:
    assert only(state("Wait", Seconds=1, SecondsPath="$.s")) == Seen(
        SCHEMA,
        "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
        "/States/A",
        '6:4 "Seconds"',
        "keep only SecondsPath or Seconds",
    )


def test_a_wait_without_a_length_is_refused() -> None:
    assert only(state("Wait")) == Seen(
        SCHEMA,
        "This object should have only one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
        "/States/A",
        '4:3 "A"',
        "add one of SecondsPath, Seconds, TimestampPath, Timestamp",
    )
