"""What runs of JSONata machines have taken, and what their mocks were called with."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.coverage import coverage
from sfn_sim.testing import Mocks, fail, ok
from tests.behaviour.machines import INVOKE, Busy, fails, graph, machine, passing, task

TOP = {"QueryLanguage": "JSONata"}
SWITCH = {
    "A": passing(Assign={"least": "{% $states.input.least %}"}, Next="C"),
    "C": {"Type": "Choice", "Default": "E", "Choices": [
        {"Condition": "{% $states.input.n < $least %}", "Next": "E"},
        {"Condition": "{% $states.input.n < 2 * $least %}", "Assign": {"least": 0}, "Next": "E"},
        {"Condition": "{% $states.context.State.Name = 'other' %}", "Next": "F"},
    ]},
    "E": passing(Output="{% $least %}"),
    "F": {"Type": "Succeed"},
}  # fmt: skip


def never(states: dict[str, Any], *values: Any, handler: Any = None) -> dict[str, list[str]]:
    made = machine(TOP, **states)
    runs = [made.run(value, {"f": handler} if handler else None) for value in values]
    found: dict[str, list[str]] = {}
    for item in coverage(made.planned, made.name, runs).never():
        found.setdefault(item.kind, []).append(item.name)
    return found


@pytest.mark.parametrize(
    ("n", "taken"), [(1, "C Choices[0] → E"), (4, "C Choices[1] → E"), (9, "C Default → E")]
)
def test_conditions_that_lead_to_one_state_are_told_apart_by_what_they_read(n: int, taken: str) -> None:
    left = ["C Choices[0] → E", "C Choices[1] → E", "C Choices[2] → F", "C Default → E"]
    left.remove(taken)
    assert never(SWITCH, {"n": n, "least": 3})["choices"] == left


def test_conditions_in_items_of_a_map_read_the_items_own_variables() -> None:
    inner = {**SWITCH, "A": {**SWITCH["A"], "Assign": {"least": "{% $states.context.Map.Item.Index * 10 %}"}}}
    each = {"Type": "Map", "Items": "{% $states.input %}", "Assign": {"least": 99}, "ItemProcessor": graph(**inner),
            "End": True}  # fmt: skip
    assert never({"Each": each}, [{"n": 4}, {"n": 4}])["choices"] == ["C Choices[1] → E", "C Choices[2] → F"]


def test_catchers_and_retriers_are_counted() -> None:
    state = task(
        Next="E", Retry=[{"ErrorEquals": ["Busy"]}, {"ErrorEquals": ["Other"]}],
        Catch=[{"ErrorEquals": ["Other"], "Next": "E"},
               {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "E"}],
    )  # fmt: skip
    found = never({"T": state, "E": passing()}, {}, handler=fails(Busy(), KeyError("x")))
    assert found == {"catchers": ["T Catch[0] (Other) → E"], "retriers": ["T Retry[1] (Other)"]}


def test_an_expression_that_fails_and_is_caught_counts_for_its_catcher() -> None:
    state = task(Arguments="{% $states.input.gone.x %}", Next="E",
                 Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "E"}])  # fmt: skip
    assert never({"T": state, "E": passing()}, {}, handler=fails()) == {}


def test_the_calls_of_a_mock_are_the_arguments_as_the_expressions_gave_them() -> None:
    mocks = Mocks()
    by_arn = mocks.add("f", [fail("Busy"), ok({"n": 2})])
    by_invoke = mocks.add("g", ok({"m": 3}))
    made = machine(
        TOP,
        A=task("f", Arguments={"k": "{% $states.input.k %}", "try": "{% $states.context.State.RetryCount %}"},
               Retry=[{"ErrorEquals": ["Busy"]}], Assign={"n": "{% $states.result.n %}"}, Next="B"),
        B={"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": "g", "Payload": {"n": "{% $n %}"}},
           "Output": "{% $states.result.Payload %}", "End": True},
    )  # fmt: skip
    assert made.run({"k": 1}, mocks=mocks).output == {"m": 3}
    assert by_arn.calls == [{"k": 1, "try": 0}, {"k": 1, "try": 1}]
    assert by_invoke.calls == [{"n": 2}]
    assert mocks.problems() == []


def test_a_resource_that_is_mocked_is_called_with_its_arguments() -> None:
    mocks = Mocks()
    mock = mocks.add("arn:aws:states:::sns:publish", ok({"MessageId": "m"}))
    state = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": True,
             "Arguments": "{% {'TopicArn': $states.input.topic, 'Message': $string($states.input.n)} %}",
             "Output": {"id": "{% $states.result.MessageId %}"}}  # fmt: skip
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    assert machine(TOP, A=state).run({"topic": topic, "n": 7}, mocks=mocks).output == {"id": "m"}
    assert mock.calls == [{"TopicArn": topic, "Message": "7"}]
