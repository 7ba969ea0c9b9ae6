"""Workflow variables in JSONPath states: who gives them their values, who reads them, and how far they are seen."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.errors import DATA_LIMIT_EXCEEDED
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import Busy, always, graph, machine, passing, run, task


def assigned(execution: Execution, state: str) -> dict[str, Any] | None:
    return execution.visit(state).assigned


def test_what_a_state_assigns_is_read_by_every_later_state() -> None:
    execution = run(
        passing(Assign={"order.$": "$.id", "stage": "new"}, Next="B"),
        {"id": "o-1"},
        B=passing(Result={}, Next="C"),
        C=passing(Parameters={"id.$": "$order", "text.$": "States.Format('{}/{}', $order, $stage)"}),
    )
    assert execution.output == {"id": "o-1", "text": "o-1/new"}


def test_a_path_goes_on_below_a_variable() -> None:
    execution = run(
        passing(Assign={"order.$": "$"}, Next="B"),
        {"lines": [{"sku": "a"}, {"sku": "b"}]},
        B=passing(InputPath="$order.lines[1]", Next="C"),
        C=passing(OutputPath="$order.lines[0].sku"),
    )
    assert execution.visit("B").output == {"sku": "b"}
    assert execution.output == "a"


def test_all_of_an_assign_and_of_the_output_read_the_values_of_before() -> None:
    execution = run(
        passing(Assign={"x": 1}, Next="B"),
        B=passing(Assign={"x": 2, "was.$": "$x"}, Parameters={"seen.$": "$x"}, Next="C"),
        C=passing(Parameters={"x.$": "$x", "was.$": "$was"}),
    )
    assert execution.visit("B").output == {"seen": 1}
    assert execution.output == {"x": 2, "was": 1}


@pytest.mark.parametrize(
    ("state", "value"),
    [
        (passing(Result={"in": "result"}, ResultPath="$.kept"), "result"),
        (passing(Parameters={"in": "parameters"}), "parameters"),
        (passing(InputPath="$.inner"), "inner"),
        (task(ResultSelector={"in": "selected"}, ResultPath="$.kept"), "handler"),
        ({"Type": "Wait", "Seconds": 1, "InputPath": "$.inner", "End": True}, "inner"),
        ({"Type": "Parallel", "Branches": [graph(P=passing(Result=1))], "End": True}, [1]),
        ({"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": graph(M=passing()), "End": True}, [7, 8]),
    ],
)
def test_assign_reads_the_result_of_the_states_that_have_one_else_the_effective_input(
    state: dict[str, Any], value: Any
) -> None:
    path = "$" if isinstance(value, list) else "$.in"
    execution = run(
        {**state, "Assign": {"seen.$": path}}, {"inner": {"in": "inner"}, "items": [7, 8]}, lambda *_: {"in": "handler"}
    )
    assert execution.status == "SUCCEEDED", execution.cause
    assert assigned(execution, "A") == {"seen": value}


def test_the_choice_that_is_taken_assigns_and_the_states_own_assign_counts_for_the_default_alone() -> None:
    state = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "B", "Assign": {"way": "one", "n.$": "$.n"}}],
        "Default": "B",
        "Assign": {"way": "default"},
    }
    end = passing(Parameters={"way.$": "$way"})
    assert run(state, {"n": 1}, B=end).output == {"way": "one"}
    assert run(state, {"n": 2}, B=end).output == {"way": "default"}
    assert assigned(run(state, {"n": 1}, B=end), "A") == {"way": "one", "n": 1}


def test_a_catcher_assigns_from_the_error_output_and_the_state_does_not() -> None:
    execution = run(
        task(
            Assign={"done": True},
            Catch=[{"ErrorEquals": ["Busy"], "Assign": {"why.$": "$.Error"}, "Next": "B"}],
        ),
        None,
        always(Busy()),
        B=passing(Parameters={"why.$": "$why"}),
    )
    assert execution.output == {"why": "Busy"}
    assert assigned(execution, "A") == {"why": "Busy"}


def test_items_and_branches_read_outer_variables_and_keep_their_own() -> None:
    items = {
        "Type": "Map",
        "ItemsPath": "$list",
        "ItemSelector": {"n.$": "$$.Map.Item.Value", "by.$": "$factor"},
        "ItemProcessor": graph(
            I=passing(Assign={"mine.$": "$.n"}, Next="J"), J=passing(Parameters={"mine.$": "$mine", "by.$": "$factor"})
        ),
    }
    execution = run(
        passing(Assign={"factor": 3, "list": [1, 2]}, Next="B"),
        B={**items, "Next": "C"},
        C=passing(Parameters={"mine.$": "$mine"}),
    )
    assert execution.visit("B").output == [{"mine": 1, "by": 3}, {"mine": 2, "by": 3}]
    assert execution.status == "FAILED"
    assert "$mine" in (execution.cause or "")


def test_a_retried_attempt_assigns_once_it_succeeds() -> None:
    answers = [Busy(), Busy()]

    def handler(event: Any, context: Any) -> Any:
        if answers:
            raise answers.pop()
        return {"n": 1}

    state = task(Assign={"n.$": "$.n"}, Retry=[{"ErrorEquals": ["Busy"]}])
    assert assigned(run(state, None, handler), "A") == {"n": 1}


def test_the_exit_of_a_state_shows_what_it_assigned_as_json_text() -> None:
    execution = run(passing(Assign={"a": [1, 2], "b.$": "$.b"}, Next="B"), {"b": "x"}, B=passing(Assign={}))
    first, second = [event for event in execution.history() if event["type"] == "PassStateExited"]
    assert first["stateExitedEventDetails"]["assignedVariables"] == {"a": "[1,2]", "b": '"x"'}
    assert first["stateExitedEventDetails"]["assignedVariablesDetails"] == {"truncated": False}
    assert "assignedVariables" not in second["stateExitedEventDetails"]


def test_what_one_assign_gives_may_have_256_kib_in_all() -> None:
    fits, too_much = {"text": "x" * (131_072 - 2)}, {"text": "x" * (131_072 - 1)}
    state = {"Type": "Wait", "Seconds": 0, "Assign": {"a.$": "$.text", "b.$": "$.text"}, "End": True}
    assert run(state, fits).status == "SUCCEEDED"
    assert run(state, too_much).error == DATA_LIMIT_EXCEEDED


def test_all_variables_of_an_execution_may_have_10_mib() -> None:
    def states(count: int) -> dict[str, Any]:
        wait = {"Type": "Wait", "Seconds": 0}
        made = {
            f"S{n}": {**wait, "Assign": {f"v{n}.$": "$.text"}, "Next": f"S{n + 1}"} for n in range(count)
        }
        return {**made, f"S{count}": {"Type": "Succeed"}}

    value = {"text": "x" * (262_144 - 20)}
    assert machine(**states(40)).run(value).status == "SUCCEEDED"
    over = machine(**states(41)).run(value)
    assert (over.error, over.visits("S40")[0].left) == (DATA_LIMIT_EXCEEDED, False)
