"""Production runs of JSONata machines: folded again, the first difference told, and what was drawn named."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from sfn_sim import Options, StateMachine
from sfn_sim.analysis.compare import compare_runs
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.explain import explain
from sfn_sim.analysis.lineage.backwards import lineage
from sfn_sim.history_import import Imported, import_history
from sfn_sim.replay import replay
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import INVOKE, always, fails, graph, machine, passing, task

TOP = {"QueryLanguage": "JSONata"}
AGAIN = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]


def printed(execution: Execution) -> list[dict[str, Any]]:
    """Return a history as the AWS CLI prints it."""
    text = json.dumps(list(execution.history()), default=lambda at: at.isoformat())
    document: list[dict[str, Any]] = json.loads(text)
    return document


def imported(made: StateMachine, was: Execution, *, named: bool = True) -> Imported:
    return import_history(printed(was), made, was.identity.arn if named else None)


MACHINE = machine(
    TOP,
    Start=passing(Assign={"least": "{% $states.input.least %}", "tag": "{% $states.input.tag %}"}, Next="Fan"),
    Fan={
        "Type": "Map", "Items": "{% $states.input.items[n > $least] %}", "MaxConcurrency": "{% 1 + 1 %}",
        "ItemSelector": {"n": "{% $states.context.Map.Item.Value.n %}", "tag": "{% $tag %}",
                         "i": "{% $states.context.Map.Item.Index %}"},
        "ItemProcessor": graph(
            Try=task("flaky", Arguments={"n": "{% $states.input.n %}"}, Retry=AGAIN, Next="Keep",
                     Assign={"got": "{% $states.result.ok %}"}, Output="{% $states.input %}"),
            Keep=passing(Output={"got": "{% $got %}", "n": "{% $states.input.n %}"}),
        ),
        "Output": {"fan": "{% $states.result %}", "tag": "{% $tag %}"}, "Next": "Both",
    },
    Both={
        "Type": "Parallel", "Arguments": {"at": "{% $states.input.fan[0].n %}"}, "Next": "Call",
        "Branches": [graph(W={"Type": "Wait", "Seconds": "{% $states.input.at %}", "End": True}),
                     graph(P=passing(Assign={"tag": 1}, Output="{% $tag & '!' %}"))],
        "Output": "{% $merge([$states.input, {'both': $states.result}]) %}",
    },
    Call={
        "Type": "Task", "Resource": INVOKE, "TimeoutSeconds": "{% 60 %}",
        "Arguments": {"FunctionName": "bad", "Payload": "{% {'tag': $tag} %}"}, "Output": {"never": 1},
        "Catch": [{"ErrorEquals": ["ValueError"], "Next": "Which",
                   "Assign": {"error": "{% $states.errorOutput.Error %}"},
                   "Output": "{% $merge([$states.input, {'cause': $states.errorOutput.Cause}]) %}"}],
        "Next": "Which",
    },
    Which={
        "Type": "Choice", "Default": "Lost",
        "Choices": [{"Condition": "{% $error = 'ValueError' %}", "Output": "{% $states.input.fan %}",
                     "Assign": {"which": 1}, "Next": "End"}],
    },
    Lost={"Type": "Fail", "Error": "{% 'E' %}"},
    End={"Type": "Succeed", "Output": {"all": "{% $states.input %}", "tag": "{% $tag %}",
                                       "by": "{% $states.context.Execution.Name %}"}},
)  # fmt: skip
GIVEN = {"items": [{"n": 1}, {"n": 2}, {"n": 3}], "least": 1, "tag": "a-tag-of-its-own"}


def production_run() -> Execution:
    handlers = {"flaky": fails(OSError("once"), then={"ok": True}), "bad": fails(ValueError("é"))}
    return MACHINE.run(GIVEN, handlers)


def test_a_history_gives_the_run_with_all_its_stages_and_variables() -> None:
    was = production_run()
    assert was.status == "SUCCEEDED", was.cause
    found = imported(MACHINE, was)
    assert [str(each) for each in found.differences] == []
    assert (list(found.lacking), list(found.drawn)) == ([], [])
    run = found.execution
    assert (run.status, run.output, run.elapsed_ms) == ("SUCCEEDED", was.output, was.elapsed_ms)
    for ours, theirs in zip(run.log.visits, was.log.visits, strict=True):
        assert (ours.path, ours.previous, ours.entered_event) == (theirs.path, theirs.previous, theirs.entered_event)
        assert (ours.stages, ours.assigned) == (theirs.stages, theirs.assigned)
        assert (ours.output, ours.caught, ours.error) == (theirs.output, theirs.caught, theirs.error)


def test_explain_lineage_replay_and_compare_work_on_an_imported_run() -> None:
    was = production_run()
    run = imported(MACHINE, was).execution
    assert lineage(run, "output.all[1].n").hops[-1].point.text == "input.items[2].n"
    assert lineage(run, "output.tag").hops[-1].point.text == "input.tag"
    (visit,) = explain(run, MACHINE.source, "Fan[1].Try").visits
    assert [stage.stage for stage in visit.attempts[-1]] == [
        "input", "afterArguments", "result", "variables", "output",
    ]  # fmt: skip
    done = replay(run, MACHINE)
    assert done.execution.output == was.output
    assert done.comparison.same
    assert compare_runs(was, run).same


def test_an_output_that_differs_is_told_once() -> None:
    made = machine(TOP, A=passing(Output="{% $states.input.n %}"))
    found = compare_runs(made.run({"n": 1}), made.run({"n": 2})).states
    assert [(each.place, each.field) for each in found] == [("A", "input"), ("A", "output")]


def test_the_first_event_at_which_our_fold_differs_is_told_and_awss_value_goes_on() -> None:
    events = printed(production_run())
    exits = [each for each in events if each["type"] == "PassStateExited"]
    exited = next(each for each in exits if each["stateExitedEventDetails"]["name"] == "Keep")
    exited["stateExitedEventDetails"]["output"] = '{"got": false, "n": 2}'
    found = import_history(events, MACHINE)
    first = found.differences[0]
    assert (first.event, first.what) == (exited["id"], "output")
    assert str(first.differences[0]) == "/got: false | true"
    keep = next(each for each in found.execution.log.visits if each.exited_ms >= 0 and each.name == "Keep")
    assert keep.output == keep.stages[-1][1] == {"got": False, "n": 2}


def test_a_variable_that_aws_gave_another_value_is_told() -> None:
    events = printed(production_run())
    exited = next(each for each in events if each["type"] == "PassStateExited")
    exited["stateExitedEventDetails"]["assignedVariables"]["least"] = "0"
    found = import_history(events, MACHINE)
    assert (found.differences[0].event, found.differences[0].what) == (exited["id"], "assignedVariables")
    assert found.execution.log.visits[0].assigned == {"least": 0, "tag": "a-tag-of-its-own"}


def test_variables_that_aws_did_not_assign_or_truncated_are_told() -> None:
    events = printed(production_run())
    details = next(each for each in events if each["type"] == "PassStateExited")["stateExitedEventDetails"]
    given = details.pop("assignedVariables")
    assert [str(each) for each in import_history(events, MACHINE).differences[0].differences] == [
        "/least: nothing | 1", '/tag: nothing | "a-tag-of-its-own"',
    ]  # fmt: skip
    details |= {"assignedVariables": given, "assignedVariablesDetails": {"truncated": True}}
    found = import_history(events, MACHINE)
    assert not found.differences
    assert "event 3: the history has the assigned variables truncated" in found.lacking
    assert found.execution.log.visits[0].assigned == {"least": 1, "tag": "a-tag-of-its-own"}


def test_an_expression_that_fails_fails_alike() -> None:
    made = machine(TOP, A=passing(Output={"v": "{% $states.input.gone.x %}"}))
    was = made.run({})
    found = imported(made, was)
    assert (found.execution.status, found.execution.error) == ("FAILED", "States.QueryEvaluationError")
    assert found.execution.log.visits[0].error == (was.error, was.cause)
    assert not found.differences
    other = machine(TOP, A=passing(Output={"v": "{% $states.input.lost.x %}"}))
    assert [each.what for each in import_history(printed(was), other).differences] == ["cause"]
    sound = machine(TOP, A=passing())
    assert str(import_history(printed(was), sound).differences[0]).endswith('"left"')


DRAWN = machine(
    TOP,
    A=passing(Assign={"id": "{% $uuid() %}"}, Output={"n": "{% $random() %}", "k": "{% $states.input.k %}"}, Next="T"),
    T=task(Arguments={"id": "{% $id %}", "nonce": "{% $string($random()) %}"}, Next="M",
           Output="{% {'own': $uuid(), 'k': $states.input.k} %}"),
    M={"Type": "Map", "Items": "{% [$random(), 2] %}", "ItemSelector": {"u": "{% $uuid() %}", "i": "{%"
       " $states.context.Map.Item.Value %}"}, "ItemProcessor": graph(P=passing()), "End": True},
)  # fmt: skip


def test_what_was_drawn_is_named_and_never_a_difference() -> None:
    was = DRAWN.run({"k": 1}, {"f": lambda event, _: event}, options=Options(seed=7))
    found = imported(DRAWN, was)
    assert [str(each) for each in found.differences] == []
    told = " / ".join(found.drawn)
    for field in ("Assign/id of A ($uuid())", "Output/n of A ($random())", "Arguments/nonce of T",
                  "Output of T ({'own': $uuid()", "ItemSelector/u of M", "Items of M"):  # fmt: skip
        assert field in told
    assert "by chance: AWS's value is taken" in told
    for ours, theirs in zip(found.execution.log.visits, was.log.visits, strict=True):
        assert (ours.assigned, ours.output) == (theirs.assigned, theirs.output)
        assert [each for each in ours.stages if each[0] != "afterItems"] == [
            each for each in theirs.stages if each[0] != "afterItems"
        ]
    assert found.notes()[-1].startswith("event")


def test_what_stands_beside_a_drawn_part_is_a_difference_all_the_same() -> None:
    was = DRAWN.run({"k": 1}, {"f": lambda event, _: event}, options=Options(seed=7))
    events = printed(was)
    exited = next(each for each in events if each["type"] == "TaskStateExited")
    output = json.loads(exited["stateExitedEventDetails"]["output"])
    exited["stateExitedEventDetails"]["output"] = json.dumps({**output, "k": 2})
    (first, *_) = import_history(events, DRAWN, was.identity.arn).differences
    assert [str(each) for each in first.differences] == ["/k: 2 | 1"]


@pytest.mark.parametrize("condition", ["$random() < 2", "$random() > 2"])
def test_a_choice_that_goes_by_chance_goes_where_awss_went(condition: str) -> None:
    def made(text: str) -> StateMachine:
        rule = {"Condition": f"{{% {text} %}}", "Next": "B"}
        return machine(TOP, C={"Type": "Choice", "Choices": [rule], "Default": "D"}, B=passing(), D=passing())

    was = made("$random() < 2").run({})
    found = imported(made(condition), was)
    assert not found.differences
    assert [each.name for each in found.execution.log.visits] == ["C", "B"]
    assert bool(found.drawn) is (condition == "$random() > 2")


def test_items_of_which_chance_decides_how_many_there_are_are_those_of_aws() -> None:
    state = {"Type": "Map", "Items": "{% [1..$ceil($random() * 9)] %}", "End": True,
             "ItemProcessor": graph(P=passing(Output="{% $states.input * 2 %}"))}  # fmt: skip
    made = machine(TOP, M=state)
    for seed in range(4):
        found = imported(made, made.run({}, options=Options(seed=seed)))
        assert not found.differences
        assert found.execution.output == [2 * (each + 1) for each in range(len(found.execution.output))]  # type: ignore[arg-type]


def test_the_clock_stands_at_the_events() -> None:
    made = machine(TOP, W={"Type": "Wait", "Seconds": 90, "Next": "A"}, A=passing(Output="{% $now() %}"))
    found = imported(made, made.run({}))
    assert (list(found.differences), list(found.drawn)) == ([], [])
    events = printed(made.run({}))
    for event in events:
        if event["type"] in ("PassStateExited", "ExecutionSucceeded"):
            key = next(name for name in event if name.endswith("Details"))
            event[key]["output"] = '"2025-01-01T00:01:30.017Z"'
    found = import_history(events, made)
    assert not found.differences
    assert "given by the clock" in found.drawn[0]


def test_times_that_the_cli_prints_in_local_time_are_those_of_the_context_object() -> None:
    start, entered = "{% $states.context.Execution.StartTime %}", "{% $states.context.State.EnteredTime %}"
    made = machine(TOP, A=passing(Output={"start": start, "entered": entered}))
    was = made.run({})
    events = printed(was)
    for event in events:
        moment = datetime.fromisoformat(event["timestamp"])
        event["timestamp"] = moment.astimezone(timezone(timedelta(hours=2))).isoformat()
    assert events[0]["timestamp"].endswith("+02:00")
    found = import_history(events, made, was.identity.arn)
    assert not found.differences
    assert found.execution.identity.start == was.identity.start
    assert found.execution.identity.moment(0) == was.identity.moment(0)


def test_an_execution_whose_name_is_not_known_has_it_named_as_lacking() -> None:
    was = production_run()
    events = printed(was)
    for event in events:
        for key in [name for name in event if name.endswith("Details")]:
            if "by" in str(event[key].get("output", "")):
                event[key]["output"] = event[key]["output"].replace(was.identity.name, "another")
    found = import_history(events, MACHINE)
    assert not found.differences
    assert found.drawn == [
        f"event {found.execution.log.visits[-1].entered_event + 1}: Output/by of End "
        "($states.context.Execution.Name) is given by the execution's name: AWS's value is taken"
    ]


def test_random_values_of_jsonpath_are_named_too() -> None:
    made = machine(A=passing(Parameters={"u.$": "States.UUID()", "k.$": "$.k"}, ResultPath="$.r"))
    was = made.run({"k": 1}, options=Options(seed=7))
    found = imported(made, was)
    assert not found.differences
    assert found.drawn == ["event 3: Parameters/u.$ of A (States.UUID()) is given by chance: AWS's value is taken"]
    assert found.execution.output == was.output


def told(made: StateMachine, run: Execution) -> list[str]:
    found = diagnose(run, made.source)
    assert found is not None
    return [line for line in found.lines(made.source) if "(attempt" not in line]


def test_a_failed_production_run_is_diagnosed_as_one_of_our_own_is() -> None:
    inner = graph(B=passing(Output={"v": "{% $states.input.o.totl + 1 %}"}))
    lacking = machine(
        TOP,
        A=passing(Output={"order": {"id": "{% $states.input.id %}"}}, Next="M"),
        M={"Type": "Map", "Items": [1], "ItemSelector": {"o": "{% $states.input.order %}"}, "ItemProcessor": inner,
           "End": True},
    )  # fmt: skip
    was = lacking.run({"id": 1})
    assert any("the Output of A gives no order.totl" in line for line in told(lacking, was))
    assert told(lacking, imported(lacking, was).execution) == told(lacking, was)
    failing = machine(TOP, A=task(Arguments={"k": 1}, Retry=[{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]))
    was = failing.run({}, {"f": always(ValueError("no k"))})
    assert told(failing, imported(failing, was).execution) == told(failing, was)
