"""Reading a log backwards: who lost a value, who made it null, since when it is there."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.trace import elsewhere, find_loss, find_null, first_with, keys_of, kind_of, look, path_text
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import graph, machine, passing, run, task

HERE: dict[str, Any] = {"order": {"id": 7}, "other": [1]}
ID = ("order", "id")


def lost_by(state: dict[str, Any], result: Any = None, value: Any = HERE) -> str:
    """Run a state and then one that reads what it lost, and say how it was lost."""
    reading = passing(Parameters={"x.$": "$.order.id"})
    execution = machine(A={**state, "Next": "B"}, B=reading).run(value, {"f": lambda event, context: result})
    assert execution.error == "States.Runtime", execution.output
    loss = find_loss(execution.log, execution.visit("B"), ID)
    assert loss is not None
    assert loss.visit is execution.visit("A")
    return loss.how


def without_end(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "End"}


@pytest.mark.parametrize(
    ("state", "how"),
    [
        (task(), "replaced the whole state by its result: it has no ResultPath"),
        (task(ResultSelector={"k": 1}), "replaced the whole state by ResultSelector: it has no ResultPath"),
        (task(ResultPath="$.order"), "wrote its result over $.order, and the result has no id"),
        (task(ResultPath=None, OutputPath="$.other"), "keeps its input, but OutputPath $.other leaves $.order.id out"),
        (passing(Parameters={"k": 1}), "replaced the whole state: it has Parameters and no ResultPath"),
        (passing(Result={"k": 1}), "replaced the whole state: it has a Result and no ResultPath"),
        (passing(OutputPath="$.other"), "leaves $.order.id out by OutputPath $.other"),
        (passing(InputPath="$.other"), "narrowed the state by InputPath $.other"),
        ({"Type": "Wait", "Seconds": 1, "InputPath": "$.other"}, "narrowed the state by InputPath $.other"),
        ({"Type": "Wait", "Seconds": 1, "OutputPath": "$.other"}, "leaves $.order.id out by OutputPath $.other"),
        ({"Type": "Wait", "Seconds": 1, "OutputPath": None}, "leaves $.order.id out by OutputPath null"),
    ],
)
def test_each_way_of_losing_a_value_has_its_words(state: dict[str, Any], how: str) -> None:
    assert lost_by(without_end(state)) == f"A (event 2) {how}. $.order.id was last present in its input"


@pytest.mark.parametrize(
    ("more", "how"),
    [
        ({"ResultPath": None}, "its ResultPath null drops the result"),
        ({"ResultSelector": {"k": 1}}, "its ResultSelector leaves it out"),
        ({"ResultPath": "$.r"}, "its ResultPath puts that at $.r"),
        ({"OutputPath": "$.order"}, "its OutputPath $.order leaves it out"),
    ],
)
def test_a_value_that_a_state_had_in_its_own_result_and_dropped_has_its_words(more: dict[str, Any], how: str) -> None:
    told = lost_by(without_end(task(**more)), {"order": {"id": 1}}, {"nothing": 1})
    assert told == f"A (event 2) had $.order.id in its result, and {how}"


def test_a_catcher_without_result_path_is_told() -> None:
    def handler(event: Any, context: Any) -> None:
        raise ValueError

    state = task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}], Next="B")
    execution = machine(A=state, B=passing(Parameters={"x.$": "$.order.id"})).run(HERE, {"f": handler})
    loss = find_loss(execution.log, execution.visit("B"), ID)
    assert loss is not None
    assert "its catcher put the error in the place of the whole state: Catch has no ResultPath" in loss.how


def test_a_loss_before_a_parallel_is_found_from_inside_its_branches() -> None:
    branch = graph(R=passing(Parameters={"x.$": "$.order.id"}))
    execution = run(
        passing(Result={"k": 1}, Next="P"), HERE, None, P={"Type": "Parallel", "Branches": [branch], "End": True}
    )
    loss = find_loss(execution.log, execution.visit("R"), ID)
    assert loss is not None
    assert loss.visit.name == "A"


def test_what_nobody_ever_had_was_lost_by_nobody() -> None:
    execution = run(passing(Next="B"), {}, None, B=passing())
    assert find_loss(execution.log, execution.visit("B"), ID) is None


def three(value: Any, **second: Any) -> Execution:
    return run(passing(Next="B"), value, None, B=passing(**second, Next="C"), C=passing())


def test_the_state_that_made_a_value_null_is_found_and_null_from_the_start_has_no_maker() -> None:
    made = three({"v": 1}, Result=None, ResultPath="$.v")
    maker = find_null(made.log, made.visit("C"), ("v",))
    assert maker is not None
    assert maker.name == "B"
    given = three({"v": None})
    assert find_null(given.log, given.visit("C"), ("v",)) is None


def test_it_is_told_since_when_a_value_is_there() -> None:
    execution = three({"v": 1}, Result=5, ResultPath="$.w")
    log, last = execution.log, execution.visit("C")
    assert first_with(log, last, ("v",)) == "present from the start"
    assert first_with(log, last, ("w",)) == "present since B"


def test_a_value_is_looked_up_without_taking_null_or_a_wrong_kind_for_missing() -> None:
    value = {"n": None, "l": [1, {"x": 2}]}
    assert look(value, ("n",)) is None
    assert look(value, ("l", 1, "x")) == 2
    assert look(value, ("l", -1, "x")) == 2
    for steps in (("m",), ("n", "x"), ("l", "x"), ("l", 2), ("n", 0)):
        assert not isinstance(look(value, steps), int | str | list | dict | None)


def test_keys_of_the_same_name_are_found_elsewhere_the_shallowest_first() -> None:
    value = {"a": {"b": {"id": 1}}, "c": {"id": 2}, "l": [{"id": 3}]}
    assert elsewhere(value, "id", ID) == [("c", "id"), ("a", "b", "id")]
    assert elsewhere({"order": {"id": 1}}, "id", ID) == []


def test_paths_kinds_and_keys_in_words() -> None:
    assert path_text(("a", 0, "b c", "d_e")) == "$.a[0]['b c'].d_e"
    assert [kind_of(each) for each in (None, True, 1, "s", [1, 2], {})] == [
        "null", "a boolean", "a number", "a string", "an array of 2", "an object"
    ]  # fmt: skip
    assert keys_of({f"k{n}": n for n in range(9)}) == "{k0, k1, k2, k3, k4, k5, … 3 more}"
    assert keys_of([1]) == "an array of 1"
