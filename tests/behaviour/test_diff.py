"""Two runs or two machines side by side: every difference with its state, and none that is only a name."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.compare import NOTHING, compare_runs, differences, lines
from sfn_sim.analysis.compare_machines import compare_machines, have_one_shape
from tests.behaviour.machines import graph, machine, passing, task


def numbers(event: Any, context: Any) -> Any:
    return {"n": event["n"] * 10}


def fan(inner: str = "T", outer: str = "M") -> Any:
    return machine(**{outer: {"Type": "Map", "ItemProcessor": graph(**{inner: task()}), "End": True}})


def test_values_differ_at_pointers_and_true_is_not_one() -> None:
    left = {"a": [1, {"b~/": 2}], "gone": None, "t": True}
    right = {"a": [1, {"b~/": 3}, 4], "t": 1, "new": {}}
    assert [(each.pointer, each.left, each.right) for each in differences(left, right)] == [
        ("/a/1/b~0~1", 2, 3), ("/a/2", NOTHING, 4), ("/gone", None, NOTHING), ("/t", True, 1), ("/new", NOTHING, {}),
    ]  # fmt: skip


def test_runs_that_only_took_turns_otherwise_are_the_same() -> None:
    made = {"Type": "Map", "ItemProcessor": graph(T=task()), "End": True}
    left = machine(M=made).run([{"n": 1}, {"n": 2}], {"f": numbers})
    right = machine(M={**made, "MaxConcurrency": 1}).run([{"n": 1}, {"n": 2}], {"f": numbers})
    assert list(left.log.events) != list(right.log.events)
    found = compare_runs(left, right)
    assert found.same
    assert lines(found, "a", "b") == ["no difference between a and b (3 states compared)"]


def test_the_first_difference_is_where_the_runs_part() -> None:
    left, right = (fan().run([{"n": 1}, {"n": n}], {"f": numbers}) for n in (2, 3))
    found = compare_runs(left, right)
    assert (found.states[0].place, found.states[0].field) == ("M", "input")
    inner = [each for each in found.states if each.place == "M[1].T"]
    assert [(each.field, str(each.differences[0])) for each in inner] == [
        ("input", "/n: 2 | 3"), ("result", "/n: 20 | 30"), ("output", "/n: 20 | 30"),
    ]  # fmt: skip
    assert str(found.ends[0]) == "/output/1/n: 20 | 30"


def test_states_with_other_names_are_matched_by_a_map_also_below_others() -> None:
    left = fan().run([{"n": 1}], {"f": numbers})
    right = fan("Task2", "Map2").run([{"n": 1}], {"f": numbers})
    assert not compare_runs(left, right).same
    assert compare_runs(left, right, {"T": "Task2", "M": "Map2"}).same


def test_a_state_that_only_one_run_entered_is_told() -> None:
    choice = {
        "Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "Yes"}], "Default": "No",
    }  # fmt: skip
    made = machine(C=choice, Yes=passing(), No={"Type": "Fail", "Error": "E"})
    found = compare_runs(made.run({"a": 1}), made.run({}))
    assert [(each.place, each.field, each.events) for each in found.states if each.field == "entered"] == [
        ("Yes", "entered", (4, 0)), ("No", "entered", (0, 4)),
    ]  # fmt: skip
    assert [each.pointer for each in found.ends] == ["/status", "/error"]
    assert any("only on the left" in line for line in lines(found, "a", "b"))


DEFINITION = {
    "Comment": "one",
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:poll-${Stage}", "Next": "P",
        },
        "P": {"Type": "Parallel", "Branches": [graph(B=passing(Result=1))], "Next": "M"},
        "M": {"Type": "Map", "ItemProcessor": graph(D=passing()), "End": True},
    },
}  # fmt: skip


def changed(**states: Any) -> dict[str, Any]:
    return {**DEFINITION, "States": {**DEFINITION["States"], **states}}  # type: ignore[dict-item]


def test_machines_are_compared_state_by_state_and_field_by_field() -> None:
    other = changed(M={"Type": "Map", "MaxConcurrency": 2, "Iterator": graph(D=passing(Result=2)), "End": True})
    found = compare_machines(DEFINITION, other)
    assert [(each.place, each.field) for each in found.states] == [("M", "MaxConcurrency"), ("M.D", "Result")]
    assert found.compared == 5
    assert compare_machines(DEFINITION, DEFINITION).same


def test_a_machine_with_other_names_of_states_is_the_same_under_a_map() -> None:
    other = {
        "Comment": "one", "StartAt": "Z",
        "States": {
            "Z": {**DEFINITION["States"]["A"], "Next": "Q"},  # type: ignore[index]
            "Q": {"Type": "Parallel", "Branches": [graph(Y=passing(Result=1))], "Next": "M"},
            "M": DEFINITION["States"]["M"],  # type: ignore[index]
        },
    }  # fmt: skip
    assert compare_machines(DEFINITION, other, {"A": "Z", "P": "Q", "B": "Y"}).same
    assert [each.field for each in compare_machines(DEFINITION, other).states].count("only on the left") == 3


def test_what_a_deployment_puts_in_is_no_difference_of_shape() -> None:
    deployed = changed(A={
        "Type": "Task", "Next": "P",
        "Resource": "arn:aws:lambda:eu-west-1:999999999999:function:poll-dev-4f2a91c:7",
    })  # fmt: skip
    assert not compare_machines(DEFINITION, deployed).same
    assert compare_machines(DEFINITION, deployed, same_shape=True).same


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("${Table}", "orders", True),
        ("s3://${Bucket}/in", "s3://mine/in", True),
        ("s3://${Bucket}/in", "s3://mine/out", False),
        ("arn:aws:sqs:us-east-1:1:orders", "arn:aws:sqs:eu-west-1:2:orders-1a2b3c", True),
        ("arn:aws:sqs:us-east-1:1:orders", "arn:aws:sqs:eu-west-1:2:bills", False),
        ("arn:aws:sqs:us-east-1:1:orders", "arn:aws:sns:us-east-1:1:orders", False),
        ("arn:aws:lambda:us-east-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f:$LATEST", True),
        ("$.a", "$.b", False),
    ],
)
def test_two_texts_have_one_shape(left: str, right: str, same: bool) -> None:
    assert have_one_shape(left, right) is same
