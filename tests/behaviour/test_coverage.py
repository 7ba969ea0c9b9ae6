"""What runs have taken of a machine, and what never."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfn_sim.analysis.coverage import Coverage, coverage
from tests.behaviour.machines import Busy, fails, graph, machine, passing, task

SWITCH = {
    "A": {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.n", "NumericEquals": 1, "Next": "B"},
            {"Variable": "$.n", "NumericEquals": 2, "Next": "B"},
        ],
        "Default": "C",
    },
    "B": passing(),
    "C": {"Type": "Succeed"},
}


def covered(states: dict[str, Any], *values: Any, handler: Any = None) -> Coverage:
    made = machine(**states)
    runs = [made.run(value, {"f": handler} if handler else None) for value in values]
    return coverage(made.planned, made.name, runs)


def never(found: Coverage, kind: str) -> list[str]:
    return [item.name for item in found.never() if item.kind == kind]


def test_states_transitions_and_branches_that_were_never_taken_are_named() -> None:
    found = covered(SWITCH, {"n": 1})
    assert never(found, "states") == ["C"]
    assert never(found, "transitions") == ["A → C"]
    assert never(found, "choices") == ["A Choices[1] → B", "A Default → C"]
    assert (found.counts("choices"), found.counts()) == ((1, 3), (4, 8))
    assert found.percent == 50


def test_two_rules_that_lead_to_one_state_are_told_apart() -> None:
    assert never(covered(SWITCH, {"n": 2}), "choices") == ["A Choices[0] → B", "A Default → C"]


def test_several_runs_together_take_everything() -> None:
    found = covered(SWITCH, {"n": 1}, {"n": 2}, {"n": 3})
    assert (found.never(), found.percent, found.runs) == ([], 100, 3)


def test_the_default_is_taken_even_where_a_rule_leads_to_the_same_state() -> None:
    states = {**SWITCH, "A": {**SWITCH["A"], "Default": "B"}, "B": passing(Next="C")}
    assert never(covered(states, {"n": 5}), "choices") == ["A Choices[0] → B", "A Choices[1] → B"]


def test_catchers_and_retriers_are_known_by_the_error_that_they_took() -> None:
    state = task(
        Retry=[{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
        Catch=[{"ErrorEquals": ["Other"], "Next": "B"}, {"ErrorEquals": ["States.ALL"], "Next": "C"}],
        Next="B",
    )
    states = {"A": state, "B": passing(), "C": passing()}
    found = covered(states, {}, handler=fails(Busy(), Busy()))
    assert never(found, "retriers") == ["A Retry[0] (Other)"]
    assert never(found, "catchers") == ["A Catch[0] (Other) → B"]
    assert never(found, "transitions") == ["A → B"]
    mended = covered(states, {}, handler=fails(Busy()))
    assert (mended.counts("retriers"), mended.counts("catchers")) == ((1, 2), (0, 2))


@pytest.mark.parametrize("mode", ["INLINE", "DISTRIBUTED"])
def test_the_states_of_a_maps_items_count(mode: str) -> None:
    processor: dict[str, Any] = {"ProcessorConfig": {"Mode": mode}, **graph(In=passing(Next="Out"), Out=passing())}
    if mode == "DISTRIBUTED":
        processor["ProcessorConfig"]["ExecutionType"] = "STANDARD"
    states = {"Each": {"Type": "Map", "ItemProcessor": processor, "End": True}}
    found = covered(states, list(range(15)))
    assert found.never() == []
    assert {item.name: count for item, count in found.taken.items() if item.kind == "states"}["Out"] == 15
    assert never(covered(states, []), "states") == ["In", "Out"]


def test_a_machine_without_runs_has_taken_nothing() -> None:
    assert covered(SWITCH).percent == 0


def test_the_coverage_is_json() -> None:
    document = json.loads(json.dumps(covered(SWITCH, {"n": 1}).to_json()))
    assert document["kinds"]["choices"] == {"taken": 1, "total": 3}
    assert document["never"][0]["pointer"] == "/States/A/Choices/1"
