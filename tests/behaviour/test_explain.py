"""What a state did to its data, stage by stage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfn_sim.analysis.explain import explain
from sfn_sim.errors import ConfigurationError
from sfn_sim.report.explained import explanation
from tests.behaviour.machines import Busy, always, fails, graph, machine, passing, task


def lines(states: dict[str, Any], state: str, value: Any = None, handler: Any = None) -> list[str]:
    made = machine(**states)
    execution = made.run(value if value is not None else {}, {"f": handler} if handler else None)
    return list(explanation(explain(execution, made.source, state), made.source))


def test_what_a_pass_took_away_and_added_stands_below_its_stages_with_sizes() -> None:
    out = lines({"A": passing(Parameters={"id.$": "$.order.id", "n": 1})}, "A", {"order": {"id": 7}})
    assert out == [
        "A  Pass, event 2  <machine>:4:5",
        "  input                      18 bytes  object {order}",
        "  afterParameters            14 bytes  object {id, n}  by Parameters",
        "    - $.order  object {id}, 8 bytes",
        "    + $.id  7, 1 bytes  from $.order.id",
        "    + $.n  1, 1 bytes",
        "  output                     14 bytes  as before  (no ResultPath: it takes the place of the input)",
    ]


def test_a_result_is_placed_into_the_input_and_a_value_that_became_null_is_marked() -> None:
    out = lines({"A": task(ResultPath="$.x")}, "A", {"x": {"k": 1}}, lambda event, context: {"k": None})
    assert [each.strip() for each in out if each.startswith("    ")] == ["0 $.x.k  null, was 1 (1 bytes)"]
    assert any("result" in each and "null in it: k" in each for each in out)


def test_a_value_that_was_null_and_no_longer_is_has_a_sign_of_its_own() -> None:
    out = lines({"A": passing(Result=1, ResultPath="$.x")}, "A", {"x": None})
    assert "    * $.x  1, 1 bytes, was null" in out


@pytest.mark.parametrize(("name", "count"), [("Each[1].In", 1), ("In", 3)])
def test_a_map_item_is_named_by_its_place_and_all_of_them_by_the_states_name(name: str, count: int) -> None:
    made = machine(Each={"Type": "Map", "ItemProcessor": graph(In=passing()), "End": True})
    found = explain(made.run([5, 6, 7]), made.source, name)
    assert len(found.visits) == count
    assert found.visits[0].visit.input == (6 if count == 1 else 5)


def test_one_of_several_visits_is_chosen_by_its_number() -> None:
    made = machine(Each={"Type": "Map", "ItemProcessor": graph(In=passing()), "End": True})
    execution = made.run([5, 6])
    assert [each.visit.input for each in explain(execution, made.source, "In", 2).visits] == [6]
    with pytest.raises(ConfigurationError, match="2 visit"):
        explain(execution, made.source, "In", 3)


def test_each_attempt_of_a_retried_state_has_stages_of_its_own() -> None:
    state = task(Parameters={"n": 1}, Retry=[{"ErrorEquals": ["Busy"]}])
    made = machine(A=state)
    execution = made.run({}, {"f": fails(Busy(), then={"ok": True})})
    (visit,) = explain(execution, made.source, "A").visits
    assert [[stage.stage for stage in attempt] for attempt in visit.attempts] == [
        ["input", "afterParameters"], ["input", "afterParameters", "result", "output"],
    ]  # fmt: skip
    assert visit.to_json()["retry_delays_ms"] == [1000]


def test_a_caught_error_takes_the_place_of_the_input_when_the_catch_has_no_result_path() -> None:
    state = task(Next="B", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}])
    out = lines({"A": state, "B": passing()}, "A", {"k": 1}, always(Busy()))
    assert any("the Catch has no ResultPath" in each for each in out)
    assert any(each.startswith("  error") and "caught: Busy" in each for each in out)
    assert out[-1].split() == ["next", "B"]


def test_a_failed_run_is_told_as_run_tells_it_and_a_state_only_if_it_failed_there() -> None:
    made = machine(A=passing(Next="B"), B=passing(Parameters={"x.$": "$.gone"}))
    execution = made.run({"k": 1})
    assert explain(execution, made.source).diagnosis is not None
    assert explain(execution, made.source, "A").diagnosis is None
    told = list(explanation(explain(execution, made.source, "B"), made.source))
    assert any(each.startswith("  what  $.gone is missing") for each in told)


def test_a_run_that_succeeded_lists_its_states() -> None:
    made = machine(A=passing())
    assert list(explanation(explain(made.run({}), made.source), made.source)) == [
        "machine SUCCEEDED: 4 events", "  A", "name one of these states to see its stages",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Aa", "did you mean A"),
        ("B", "the run never entered B"),
        ("In", "the run never entered In"),
        ("Each[9].A", "the run has no Each"),
    ],
)
def test_a_state_that_is_not_there_is_told_apart_from_one_that_was_not_entered(name: str, words: str) -> None:
    never = {"Type": "Map", "ItemProcessor": graph(In=passing()), "End": True}
    made = machine(A={"Type": "Choice", "Choices": [{"Variable": "$.k", "IsNull": True, "Next": "B"}], "Default": "C"},
                   B=passing(Next="D"), C={"Type": "Succeed"}, D=never)  # fmt: skip
    with pytest.raises(ConfigurationError, match=words):
        explain(made.run({"k": 1}), made.source, name)


def test_a_child_of_a_distributed_map_is_explained_as_an_item_is() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(In=passing())}
    made = machine(Each={"Type": "Map", "ItemProcessor": processor, "End": True})
    (visit,) = explain(made.run([5, 6]), made.source, "Each[1].In").visits
    assert visit.visit.input == 6
    assert visit.place.path == "Each[1].In"


def test_children_that_were_not_kept_are_told_apart_from_those_that_never_were() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(In=passing())}
    made = machine(Each={"Type": "Map", "ItemProcessor": processor, "End": True})
    run = made.run([*range(12)])
    with pytest.raises(ConfigurationError, match="child 11 of Each is not in the record: of its 12 children it has"):
        explain(run, made.source, "Each[11].In")
    with pytest.raises(ConfigurationError, match="Each has 12 children, and no number 12"):
        explain(run, made.source, "Each[12].In")
    lines = list(explanation(explain(run, made.source), made.source))
    assert "  Each: 10 of 12 children are there, as Each[0].In" in lines


def test_the_explanation_is_json() -> None:
    made = machine(A=passing(Parameters={"x.$": "$.k"}))
    document = json.loads(json.dumps(explain(made.run({"k": 1}), made.source, "A").to_json()))
    stage = document["visits"][0]["attempts"][0][1]
    assert (stage["stage"], stage["field"], stage["bytes"]) == ("afterParameters", "Parameters", 7)
    assert [(each["kind"], each["path"], each["reads"]) for each in stage["changes"]] == [
        ("removed", "$.k", ""), ("added", "$.x", "$.k"),
    ]  # fmt: skip
