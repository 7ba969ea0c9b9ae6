"""Values of the wrong type, branches that are dead, Retry and Catch that never act, and what nobody reads."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sfn_sim import StateMachine
from tests.behaviour.checks import codes, examine, findings, notes
from tests.behaviour.machines import graph, machine, passing, task

SUCCEED = {"Type": "Succeed"}
FAIL = {"Type": "Fail", "Error": "E", "Cause": "C"}


def choice(*rules: dict[str, Any], default: str | None = "Done") -> dict[str, Any]:
    return {"Type": "Choice", "Choices": list(rules), **({"Default": default} if default else {})}


def over(**more: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": graph(P=passing()), "End": True, **more}


@pytest.mark.parametrize(
    ("value", "state", "code"),
    [
        ({"items": {"a": 1}}, over(ItemsPath="$.items"), "WRONG_TYPE"),
        ({"items": 1}, over(), "WRONG_TYPE"),
        ({"items": [1]}, over(ItemsPath="$.items"), None),
        ({"items": [1], "n": "x"}, over(ItemsPath="$.items", MaxConcurrencyPath="$.n"), "WRONG_TYPE"),
        ({"t": "5"}, {"Type": "Wait", "SecondsPath": "$.t", "End": True}, "WRONG_TYPE"),
        ({"t": 5}, {"Type": "Wait", "SecondsPath": "$.t", "End": True}, None),
        ({"t": 5}, {"Type": "Wait", "TimestampPath": "$.t", "End": True}, "WRONG_TYPE"),
        ({"t": "x"}, task(TimeoutSecondsPath="$.t"), "WRONG_TYPE"),
        ({"c": {"a": 1}}, {"Type": "Fail", "CausePath": "$.c"}, "WRONG_TYPE"),
        ({"c": {"a": 1}}, {"Type": "Fail", "CausePath": "States.JsonToString($.c)"}, None),
        ({"u": "text"}, task(ResultPath="$.u.orders"), "PLACE_CONFLICT"),
        ({"u": {}}, task(ResultPath="$.u.orders"), None),
    ],
)
def test_a_value_of_a_type_that_the_field_does_not_take_is_an_error(
    value: Any, state: dict[str, Any], code: str | None
) -> None:
    assert codes(value, A=state) == ([(code, "error", "A")] if code else [])
    assert codes(A=state) == []


@pytest.mark.parametrize(
    ("call", "is_wrong"),
    [
        ("States.Format('{}-{}', $.s)", True),
        ("States.Format('{}-{}', $.s, $.o)", False),
        ("States.StringToJson($.o)", True),
        ("States.StringToJson($.s)", False),
        ("States.StringToJson('{')", True),
        ("States.MathAdd($.n, $.s)", True),
        ("States.MathAdd($.n, 1)", False),
        ("States.ArrayLength($.o)", True),
        ("States.ArrayLength($.l)", False),
        ("States.ArrayGetItem($.l, States.MathAdd($.n, $.l))", True),
        ("States.JsonMerge($.o, $.s, false)", True),
        ("States.JsonMerge($.o, $.o, false)", False),
        ("States.ArrayContains($.l, $.s)", False),
        ("States.ArrayGetItem(States.Array($.s), 1)", True),
        ("States.ArrayGetItem(States.Array($.s), 0)", False),
        ("States.ArrayGetItem($.l, 3)", False),
    ],
)
def test_the_arguments_of_an_intrinsic_function_are_checked(call: str, is_wrong: bool) -> None:
    value = {"s": "x", "n": 1, "o": {"a": 1}, "l": [1]}
    found = codes(value, A=passing(Parameters={"x.$": call}))
    assert found == ([("INTRINSIC_ARGUMENT", "error", "A")] if is_wrong else [])


def test_what_an_intrinsic_function_gives_has_a_shape() -> None:
    def after(call: str, reads: str) -> list[str]:
        return [each[0] for each in codes(
            {"l": [{"id": 1}], "o": {"a": 1}},
            A=passing(Parameters={"x.$": call}, Next="B"),
            B=passing(Parameters={"y.$": reads}),
        )]  # fmt: skip

    assert after("States.ArrayGetItem($.l, 0)", "$.x.id") == []
    assert after("States.ArrayGetItem($.l, 0)", "$.x.name") == ["PATH_MISSING"]
    assert after("States.JsonMerge($.o, States.StringToJson('{}'), false)", "$.x.b") == []
    assert after("States.JsonMerge($.o, $.o, false)", "$.x.b") == ["PATH_MISSING"]
    assert after("States.UUID()", "$.x.b") == ["PATH_MISSING"]
    assert after("States.ArrayPartition($.l, 2)", "$.x[0][0].id") == []


def test_a_rule_that_compares_unlike_types_never_holds() -> None:
    (found,) = findings(
        {"n": "3"},
        Ask=choice({"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Done"}, default="Done"),
        Done=SUCCEED,
    )
    assert (found.code, found.severity, found.state) == ("UNLIKE_TYPES", "warning", "Ask")
    assert "is a string" in found.what


def test_rules_that_go_by_the_type_of_a_value_are_no_alarm() -> None:
    ask = choice(
        {"Variable": "$.limit", "StringEquals": "all", "Next": "All"},
        {"And": [{"Variable": "$.limit", "NumericGreaterThan": 0}], "Next": "Done"},
        default="Done",
    )
    for examples in ([{"limit": 5}], [{"limit": "all"}], [{"limit": 5}, {"limit": "all"}]):
        found = findings(*examples, Ask=ask, All=passing(), Done=SUCCEED)
        assert [each.code for each in found if each.code != "BRANCH_NEVER_TAKEN"] == []
    (found_still,) = findings({"limit": True}, {"limit": 1}, Ask=ask, All=passing(), Done=SUCCEED)[:1]
    assert found_still.code == "UNLIKE_TYPES"


def test_a_rule_that_contradicts_what_is_known_is_never_taken() -> None:
    found = findings(
        {},
        Set=passing(Result={"mode": "fast"}, Next="Ask"),
        Ask=choice({"Variable": "$.mode", "StringEquals": "slow", "Next": "Slow"}),
        Slow=passing(),
        Done=SUCCEED,
    )
    assert [(each.code, each.severity, each.state) for each in found] == [("BRANCH_NEVER_TAKEN", "warning", "Ask")]


def test_a_rule_on_the_context_object_that_always_holds_hides_what_the_later_ones_read() -> None:
    always = {"Variable": "$$.State.Name", "IsNumeric": False, "Next": "Done"}
    missing = {"Variable": "$.missing", "IsNull": True, "Next": "Done"}
    found = codes({}, Ask=choice(always, missing), Done=SUCCEED)
    assert found == [("BRANCH_NEVER_TAKEN", "warning", "Ask")]
    assert machine(None, Ask=choice(always, missing), Done=SUCCEED).run({}, {}).status == "SUCCEEDED"


def test_a_selecting_path_is_present_even_where_its_beginning_is_not() -> None:
    ask = choice({"Not": {"Variable": "$.a.b[*]", "IsPresent": True}, "Next": "Done"}, default="Use")
    made = {"Ask": ask, "Use": passing(), "Done": SUCCEED}
    assert machine(None, **made).run({"a": []}, {}).path == ["Ask", "Use"]
    assert [each.code for each in examine(machine(None, **made), {"a": [1]}).findings] == []


@pytest.mark.parametrize(
    "fields",
    [{"InputPath": "$$.Execution.Input"}, {"OutputPath": "$$.Execution.Input.a"}],
)
def test_what_is_read_of_the_executions_input_by_the_context_object_is_read(fields: dict[str, Any]) -> None:
    assert notes({"a": 1}, First=passing(Result=1, Next="Read"), Read=passing(**fields)) == []


def test_a_rule_after_one_that_takes_everything_is_never_taken() -> None:
    found = codes(
        {"a": 1},
        Ask=choice(
            {"Variable": "$.a", "IsPresent": True, "Next": "Done"},
            {"Variable": "$.a", "NumericEquals": 1, "Next": "Other"},
        ),
        Other=passing(),
        Done=SUCCEED,
    )
    assert found == [("BRANCH_NEVER_TAKEN", "warning", "Ask")]


def test_a_value_that_an_environment_fills_in_decides_no_branch() -> None:
    text = (
        '{"StartAt": "Set", "States": {"Set": {"Type": "Pass", "Result": {"mode": "${Mode}"}, "Next": "Ask"}, '
        '"Ask": {"Type": "Choice", "Choices": [{"Variable": "$.mode", "StringEquals": "slow", "Next": "Done"}], '
        '"Default": "Done"}, "Done": {"Type": "Succeed"}}}'
    )
    report = examine(StateMachine.from_json(text, substitutions={"Mode": "fast"}))
    assert report.findings == ()


def test_a_choice_in_which_no_rule_can_hold_and_without_default_is_an_error() -> None:
    found = codes(
        {},
        Set=passing(Result={"mode": "fast"}, Next="Ask"),
        Ask=choice({"Variable": "$.mode", "StringEquals": "slow", "Next": "Done"}, default=None),
        Done=SUCCEED,
    )
    assert ("NO_CHOICE_MATCHES", "error", "Ask") in found


def test_an_entry_behind_one_that_takes_its_errors_never_acts() -> None:
    retry = [{"ErrorEquals": ["States.TaskFailed"]}, {"ErrorEquals": ["Lambda.TooManyRequestsException"]}]
    (found,) = findings(A=task(Retry=retry))
    assert (found.code, found.severity) == ("HANDLER_NEVER_USED", "warning")
    assert "States.TaskFailed" in found.why
    assert codes(A=task(Retry=[retry[1], retry[0]])) == []
    assert codes(A=task(Retry=[{"ErrorEquals": ["States.TaskFailed"]}, {"ErrorEquals": ["States.ALL"]}])) == []


@pytest.mark.parametrize(
    ("error", "more", "severity"),
    [
        ("States.HeartbeatTimeout", {}, "warning"),
        ("States.HeartbeatTimeout", {"HeartbeatSeconds": 5}, None),
        ("States.BranchFailed", {}, "warning"),
        ("States.ExceedToleratedFailureThreshold", {}, "warning"),
        ("States.QueryEvaluationError", {}, "warning"),
        ("States.Timeout", {}, "note"),
        ("States.Timeout", {"TimeoutSeconds": 5}, None),
        ("OwnError", {}, None),
    ],
)
def test_a_catcher_for_an_error_that_cannot_be_raised_there_is_told(
    error: str, more: dict[str, Any], severity: str | None
) -> None:
    state = task(Catch=[{"ErrorEquals": [error], "ResultPath": "$.e", "Next": "Done"}], **more)
    found = examine(machine(None, A=state, Done=SUCCEED)).findings
    assert [(each.code, each.severity) for each in found] == ([("HANDLER_NEVER_USED", severity)] if severity else [])


def test_a_catcher_for_an_error_that_nothing_inside_raises_names_the_nearest() -> None:
    def branch(error: str) -> list[Any]:
        return findings(
            A={"Type": "Parallel", "Branches": [graph(F={"Type": "Fail", "Error": "OutOfStock", "Cause": "c"})],
               "Catch": [{"ErrorEquals": [error], "ResultPath": "$.e", "Next": "Done"}], "Next": "Done"},
            Done=SUCCEED,
        )  # fmt: skip

    (found,) = branch("OutOfStok")
    assert found.code == "HANDLER_NEVER_USED"
    assert "did you mean OutOfStock?" in found.why
    assert branch("OutOfStock") == []


def test_a_misspelt_error_of_lambda_names_the_nearest() -> None:
    (found,) = findings(A=task(Retry=[{"ErrorEquals": ["Lambda.TooManyRequestException"]}]))
    assert found.code == "UNKNOWN_ERROR_NAME"
    assert found.fix == "did you mean Lambda.TooManyRequestsException?"


def test_a_catch_after_which_nothing_tells_the_cause_is_told_with_both_ends() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed"}]
    (found,) = findings(A=task(Catch=catch), Failed=FAIL)
    assert (found.code, found.severity, found.state) == ("CAUSE_SWALLOWED", "warning", "A")
    assert found.other is not None
    assert found.other.state == "Failed"
    assert '"$.error.Cause"' in found.fix
    told = {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}
    assert codes(A=task(Catch=catch), Failed=told) == []
    assert codes(A=task(Catch=catch), Failed=task(Next="End"), End=FAIL) == []
    assert codes(A=task(Catch=catch), Failed=SUCCEED) == []


def test_an_error_that_takes_the_place_of_the_state_and_is_not_read_is_told_as_that() -> None:
    (found,) = notes(
        A=task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Default"}]),
        Default=passing(Result={"key": ""}),
    )
    assert found.code == "CAUSE_SWALLOWED"
    assert found.what == "the error takes the place of the whole state, and no state from Default on reads it"


def test_an_error_that_the_catch_names_is_not_swallowed_by_a_fail_state_of_its_own() -> None:
    def told(*names: str) -> list[str]:
        catch = [{"ErrorEquals": list(names), "ResultPath": "$.error", "Next": "Declined"}]
        return [each.code for each in findings(A=task(Catch=catch), Declined={"Type": "Fail", "Error": "Declined"})]

    assert told("CardDeclined") == []
    assert told("CardDeclined", "States.Timeout") == []
    assert told("States.TaskFailed") == ["CAUSE_SWALLOWED"]
    assert told("States.ALL") == ["CAUSE_SWALLOWED"]


def test_an_error_that_is_dropped_on_purpose_is_a_note() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Done"}]
    (found,) = notes(A=task(Catch=catch), Done=SUCCEED)
    assert found.code == "CAUSE_SWALLOWED"


def test_the_time_of_the_attempts_is_no_alarm_where_a_timeout_is_not_retried_and_the_waits_are_short() -> None:
    def told(*names: str) -> list[str]:
        retry = [{"ErrorEquals": list(names), "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]
        return [each.what for each in findings(A=task(Retry=retry, TimeoutSeconds=900), top={"TimeoutSeconds": 3600})]

    assert told("Lambda.TooManyRequestsException", "Busy") == []
    assert told("States.TaskFailed") == []
    for name in ("States.Timeout", "States.ALL"):
        (what,) = told(name)
        assert what.startswith("its 3 retries need 3 s of waiting and up to 60 min of work (4 × 900 s)")


def test_retries_that_outlast_the_machine_are_told_with_their_time() -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "MaxAttempts": 40, "BackoffRate": 1}]
    (found,) = findings(A=task(Retry=retry), top={"TimeoutSeconds": 300})
    assert found.code == "RETRY_OUTLASTS_TIMEOUT"
    assert "20 min of waiting" in found.what
    assert codes(A=task(Retry=retry), top={"TimeoutSeconds": 1800}) == []
    assert codes(A=task(Retry=retry, TimeoutSeconds=60), top={"TimeoutSeconds": 1800}) != []


def test_every_retrier_has_its_total_time() -> None:
    retry = [
        {"ErrorEquals": ["A"], "IntervalSeconds": 10, "MaxAttempts": 3, "BackoffRate": 2},
        {"ErrorEquals": ["B"], "IntervalSeconds": 5, "MaxAttempts": 4, "BackoffRate": 2, "MaxDelaySeconds": 10},
        {"ErrorEquals": ["C"], "MaxAttempts": 99_999_999, "JitterStrategy": "FULL", "BackoffRate": 1},
        {"ErrorEquals": ["D"], "MaxAttempts": 0},
    ]
    totals = [(each.total_s, each.jitter) for each in examine(machine(None, A=task(Retry=retry))).schedules]
    assert totals == [(70, False), (35, False), (99_999_999, True), (0, False)]


def test_a_field_of_the_input_that_nothing_reads_is_a_note() -> None:
    assert [(each.code, each.field) for each in notes({"a": 1, "b": 2}, A=task(Parameters={"a.$": "$.a"}))] == [
        ("INPUT_UNREAD", "b")
    ]
    assert notes({"a": 1, "b": 2}, A=task(Parameters={"a.$": "$.a"}, ResultPath="$.r")) == []
    assert notes({"a": 1, "b": 2}, A=task()) == []
    assert notes({"a": 1}, A=task(Parameters={"x.$": "$$.Execution.Input.a"})) == []


def test_a_value_that_is_made_and_read_by_nobody_is_a_note() -> None:
    found = notes(
        A=passing(Parameters={"id.$": "$.id", "when.$": "$$.Execution.StartTime"}, Next="B"),
        B=task(Parameters={"id.$": "$.id"}),
    )
    assert [(each.code, each.state, each.field) for each in found] == [("OUTPUT_UNREAD", "A", "Parameters/when.$")]


def test_what_is_in_the_output_or_given_to_a_task_is_read() -> None:
    made = passing(Parameters={"id.$": "$.id", "more": 1}, Next="B")
    assert notes(A=made, B=SUCCEED) == []
    assert notes(A=made, B=task()) == []
    assert notes(A=made, B=over(ItemsPath="$.id", ResultPath="$.done")) == []


def test_what_a_selector_makes_and_the_processor_does_not_read_is_a_note() -> None:
    found = notes(
        A=over(ItemsPath="$.l", ItemSelector={"a.$": "$$.Map.Item.Value", "b": 1},
               ItemProcessor=graph(P=task(Parameters={"a.$": "$.a"}))),
    )  # fmt: skip
    assert [(each.code, each.field) for each in found] == [("OUTPUT_UNREAD", "ItemSelector/b")]


def test_a_hundred_machines_of_thirty_states_take_less_than_three_seconds() -> None:
    states: dict[str, Any] = {}
    for n in range(10):
        states |= {
            f"Task{n}": task(Parameters={"x.$": "$.a", "n": n}, ResultPath=f"$.r{n}", Next=f"Ask{n}",
                             Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed"}]),
            f"Ask{n}": choice({"Variable": f"$.r{n}.ok", "BooleanEquals": True, "Next": f"Pass{n}"},
                              default=f"Task{n + 1}" if n < 9 else "Done"),
            f"Pass{n}": passing(Result=n, ResultPath=f"$.p{n}", Next=f"Task{n + 1}" if n < 9 else "Done"),
        }  # fmt: skip
    made = machine(None, **states, Done=SUCCEED, Failed={"Type": "Fail", "CausePath": "$.error.Cause"})

    def once() -> float:
        began = time.process_time()
        examine(made)
        return time.process_time() - began

    assert min(once() for _ in range(10)) * 100 < 3


def test_what_a_loop_reads_deeper_each_time_comes_to_an_end() -> None:
    states = {
        "A": passing(InputPath="$.b.c", Next="Ask"),
        "Ask": choice({"Variable": "$.d", "IsPresent": True, "Next": "A"}),
        "Done": task(Parameters={"x.$": "$.a"}),
    }
    assert codes(**states) == []


@pytest.mark.parametrize("seconds", [30, "{% $states.input.beat %}"])
def test_a_heartbeat_that_jsonata_gives_can_time_out(seconds: Any) -> None:
    retry = [{"ErrorEquals": ["States.HeartbeatTimeout"]}]
    top = {"QueryLanguage": "JSONata"}
    assert codes({"beat": 3}, top=top, A=task(Retry=retry, HeartbeatSeconds=seconds)) == []
    assert codes({"beat": 3}, top=top, A=task(Retry=retry)) == [("HANDLER_NEVER_USED", "warning", "A")]
