"""A history of everything: ids without gaps, parents that were there before, shapes that botocore accepts."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from sfn_sim import ConfigurationError, Options, StateMachine
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import INVOKE, Busy, always, graph, machine, passing, run, task

CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Out"}]


def everything() -> Execution:
    """Run every state type, both kinds of task, retries, catchers, timeouts and a failed branch."""
    invoke = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "ok", "Payload.$": "$"}, "End": True}
    broken = task("bad", Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 1}], TimeoutSeconds=9)
    states = {
        "P": passing(Result=1, ResultPath="$.p", Next="C"),
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.p", "NumericEquals": 1, "Next": "W"}]},
        "W": {"Type": "Wait", "Seconds": 5, "Next": "M"},
        "M": {
            "Type": "Map", "ItemsPath": "$.l", "MaxConcurrency": 2, "ToleratedFailureCount": 1, "ResultPath": "$.m",
            "ItemProcessor": graph(
                Q={"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}], "Default": "T"},
                T=invoke,
                F={"Type": "Fail", "Error": "Two", "Cause": "tolerated"},
            ),
            "Next": "L",
        },
        "L": {
            "Type": "Parallel",
            "Branches": [graph(B=broken), graph(N={"Type": "Wait", "Seconds": 60, "End": True})],
            "Catch": CATCH, "Next": "Out",
        },
        "Out": {"Type": "Succeed"},
    }  # fmt: skip
    execution = machine(**states).run({"l": [1, 2, 3]}, {"ok": lambda event, context: event, "bad": always(Busy("no"))})
    assert execution.status == "SUCCEEDED", execution.cause
    return execution


def test_ids_have_no_gaps_and_every_parent_stands_before_its_child() -> None:
    events = list(everything().history())
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    for event in events:
        assert 0 <= event["previousEventId"] < event["id"]
    assert [event["previousEventId"] for event in events[:2]] == [0, 0]
    assert all(left["timestamp"] <= right["timestamp"] for left, right in itertools.pairwise(events))


def test_only_the_end_of_its_map_hangs_on_an_iteration_that_succeeded() -> None:
    events = list(everything().history())
    kinds = {event["id"]: event["type"] for event in events}
    below = {event["type"] for event in events if kinds.get(event["previousEventId"]) == "MapIterationSucceeded"}
    assert below == {"MapStateSucceeded", "MapStateExited"}
    ends = {event["type"]: event["previousEventId"] for event in events}
    assert ends["MapStateSucceeded"] == ends["MapStateExited"]


def test_botocore_knows_every_event() -> None:
    import botocore.session
    from botocore.validate import ParamValidator

    shape = botocore.session.get_session().get_service_model("stepfunctions").shape_for("GetExecutionHistoryOutput")
    events = list(everything().history())
    report = ParamValidator().validate({"events": events}, shape)
    assert not report.has_errors(), report.generate_report()
    known = shape.members["events"].member
    for event in events:
        assert event["type"] in known.members["type"].enum
        for key, value in event.items():
            if key.endswith("Details"):
                assert set(value) <= set(known.members[key].members), event["type"]
                for name in ("input", "output", "parameters"):
                    if name in value:
                        json.loads(value[name])


def test_visits_and_events_tell_the_same_story() -> None:
    execution = everything()
    events = {event["id"]: event for event in execution.history()}
    for visit in execution.log.visits:
        entered = events[visit.entered_event]
        assert entered["type"] == visit.state.entered
        assert json.loads(entered["stateEnteredEventDetails"]["input"]) == visit.input
    entries = [event for event in events.values() if event["type"].endswith("StateEntered")]
    assert len(entries) == len(execution.log.visits)


def loop() -> StateMachine:
    choices = [{"Variable": "$.never", "IsPresent": True, "Next": "End"}]
    return machine(
        P=passing(Next="C"), C={"Type": "Choice", "Choices": choices, "Default": "P"}, End={"Type": "Succeed"}
    )


def test_a_loop_ends_at_the_limit_exactly() -> None:
    execution = loop().run()
    assert (execution.status, execution.error, len(execution.log.events)) == ("FAILED", "States.Runtime", 25_000)
    last = list(execution.history())[-1]
    assert (last["type"], last["id"]) == ("ExecutionFailed", 25_000)


@pytest.mark.parametrize("limit", [2, 3, 4, 5, 77])
def test_another_limit_is_kept_too(limit: int) -> None:
    execution = loop().run(options=Options(limit_events=limit))
    assert len(execution.log.events) == limit
    assert execution.cause == f"The execution reached the maximum number of history events ({limit})."


@pytest.mark.parametrize("limit", [0, 1, -5])
def test_a_limit_that_has_no_room_for_start_and_end_is_refused(limit: int) -> None:
    with pytest.raises(ConfigurationError, match="at least 2 are needed"):
        Options(limit_events=limit)


def test_a_history_that_just_fits_succeeds() -> None:
    events = len(run(passing()).log.events)
    assert run(passing(), options=Options(limit_events=events)).status == "SUCCEEDED"
    assert run(passing(), options=Options(limit_events=events - 1)).status == "FAILED"


def nested_loop() -> dict[str, Any]:
    inner = graph(
        X=passing(Next="Y"),
        Y={"Type": "Choice", "Choices": [{"Variable": "$.a.b", "IsPresent": True, "Next": "Z"}], "Default": "X"},
        Z={"Type": "Succeed"},
    )
    nap = graph(N={"Type": "Wait", "Seconds": 60, "End": True})
    both = graph(L={"Type": "Parallel", "Branches": [nap, inner], "End": True})
    return {
        "Type": "Map", "ItemProcessor": both, "ToleratedFailurePercentage": 100,
        "Retry": [{"ErrorEquals": ["States.ALL"]}], "Catch": CATCH, "Next": "Out",
    }  # fmt: skip


def test_a_full_history_inside_maps_and_parallels_ends_the_execution_whatever_they_tolerate() -> None:
    execution = run(nested_loop(), [1, 2], options=Options(limit_events=500), Out={"Type": "Succeed"})
    assert (execution.status, execution.error, len(execution.log.events)) == ("FAILED", "States.Runtime", 500)
    assert [event["type"] for event in execution.history()][-1] == "ExecutionFailed"


def test_of_executions_that_run_together_each_has_a_history_of_its_own_to_fill() -> None:
    both = machine(A=nested_loop(), Out={"Type": "Succeed"})
    ended = both.run_together(["one", "two"], [1, 2], options=Options(limit_events=500))
    assert [(each.status, len(each.log.events)) for each in ended] == [("FAILED", 500)] * 2
