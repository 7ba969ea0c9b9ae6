"""What is said of a variable that is not there, or lacks what is read of it, in both query languages."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from tests.behaviour.machines import graph, machine, passing


def told(path: str) -> Diagnosis:
    """Return what is said of a state B that reads `path`, after A and a Map have assigned variables."""
    inner = graph(I=passing(Assign={"inner": 1}))
    made = machine(
        A=passing(Assign={"order.$": "$.id"}, Next="M"),
        M={"Type": "Map", "ItemsPath": "$.l", "ResultPath": None, "ItemProcessor": inner, "Next": "B"},
        B=passing(Parameters={"x.$": path}, Next="C"),
        C=passing(Assign={"late": 1}),
    )
    diagnosis = diagnose(made.run({"id": {"total": 1}, "l": [1]}), made.source)
    assert diagnosis is not None
    return diagnosis


@pytest.mark.parametrize(
    ("path", "what", "why", "fix"),
    [
        ("$ordr.total", "no variable $ordr has a value in B: there are: $order", "", "did you mean $order?"),
        (
            "$order.totl", "$order.totl is missing from $order: {total}", "A (event 2) gave $order its value",
            "read 'total' there",
        ),
        ("$inner", "no variable $inner", "M[0].I (event 7) assigned it inside a Map or Parallel", "in the output of I"),
        (
            "$late", "no variable $late", "C assigns $late, but does not come before B in this run",
            "assign $late on every way to B, before it",
        ),
        ("$id", "no variable $id", "", "read $.id: the state's input has that key"),
        ("$nowhere", "no variable $nowhere", "", '"Assign": {"nowhere.$": "$…"}'),
        ("$.order.total", "$.order is missing from the effective input", "", "read $order.total: order is a variable"),
    ],
)  # fmt: skip
def test_a_path_into_a_variable_that_is_not_there_says_who_has_it(path: str, what: str, why: str, fix: str) -> None:
    diagnosis = told(path)
    assert what in diagnosis.what
    assert why in diagnosis.why
    assert fix in diagnosis.fix


KEEPS = {False: '"region.$": "$cfg.region" in what it gives cfg', True: '"cfg": "{% $merge([$cfg, {…}]) %}"'}


def said(jsonata: bool, read: str, given: Any = None, **states: dict[str, Any]) -> Diagnosis:
    """Return what is said of a last state D that reads a variable."""
    pytest.importorskip("jlens")
    last = passing(Output=f"{{% {read} %}}") if jsonata else passing(Parameters={"x.$": read})
    top = {"QueryLanguage": "JSONata"} if jsonata else {}
    made = StateMachine.from_json({**top, **graph(**states, D=last)})
    diagnosis = diagnose(made.run({} if given is None else given), made.source)
    assert diagnosis is not None
    return diagnosis


@pytest.mark.parametrize("jsonata", [False, True])
def test_an_assign_that_gave_the_variable_anew_without_a_field_is_named_with_the_one_that_had_it(jsonata: bool) -> None:
    found = said(
        jsonata, "$cfg.region",
        A=passing(Assign={"cfg": {"region": "eu"}}, Next="B"), B=passing(Assign={"cfg": {"zone": 1}}, Next="C"),
        C=passing(Next="D"),
    )  # fmt: skip
    assert found.what == "$cfg.region is missing from $cfg: {zone}"
    assert found.why == (
        "the Assign of B (event 4) gave $cfg a new value, without it; $cfg.region was last there by the Assign of A "
        "(event 2)"
    )
    assert found.fix == f"let the Assign of B keep it: {KEEPS[jsonata]}"


@pytest.mark.parametrize("jsonata", [False, True])
def test_an_assign_that_made_a_field_of_the_variable_null_is_named(jsonata: bool) -> None:
    found = said(
        jsonata, "$cfg.r.a",
        A=passing(Assign={"cfg": {"r": {"a": 1}}}, Next="B"), B=passing(Assign={"cfg": {"r": None}}, Next="D"),
    )  # fmt: skip
    assert found.why.startswith("the Assign of B (event 4) gave $cfg a new value, null there")
    assert found.fix == "let the Assign of B keep it: give $cfg.r a value there that is not null"


@pytest.mark.parametrize("jsonata", [False, True])
def test_an_assign_that_made_the_variable_null_is_named(jsonata: bool) -> None:
    found = said(
        jsonata, "$cfg.a", A=passing(Assign={"cfg": {"a": 1}}, Next="B"), B=passing(Assign={"cfg": None}, Next="D")
    )
    assert found.why == "the Assign of B (event 4) made $cfg null; the Assign of A (event 2) had given it a value"


@pytest.mark.parametrize("jsonata", [False, True])
def test_a_variable_that_another_way_assigns_is_told_with_the_state_that_does(jsonata: bool) -> None:
    rule = {"Variable": "$.x", "NumericEquals": 1, "Next": "S"}
    if jsonata:
        rule = {"Condition": "{% $states.input.x = 1 %}", "Next": "S"}
    found = said(
        jsonata, "$total", {"x": 2},
        C={"Type": "Choice", "Choices": [rule], "Default": "D"}, S=passing(Assign={"total": 5}, Next="D"),
    )  # fmt: skip
    assert found.why == "S assigns $total, but does not come before D in this run"
    assert found.fix == "assign $total on every way to D, before it"


def test_a_rule_that_assigns_where_another_one_was_taken_is_told() -> None:
    rules = [{"Condition": "{% $states.input.x = 1 %}", "Assign": {"total": 1}, "Next": "D"},
             {"Condition": "{% true %}", "Next": "D"}]  # fmt: skip
    found = said(True, "$total", {"x": 2}, C={"Type": "Choice", "Choices": rules})
    assert found.why == "C assigns $total, but not on the way that this run took out of it"
    assert found.fix == "assign $total on every way out of C"


@pytest.mark.parametrize("jsonata", [False, True])
def test_what_was_assigned_inside_a_map_is_told_as_that(jsonata: bool) -> None:
    items = {"Items": [1, 2]} if jsonata else {"ItemsPath": "$.l"}
    inner = graph(I=passing(Assign={"total": 5}))
    found = said(jsonata, "$total", {"l": [1, 2]}, M={"Type": "Map", **items, "ItemProcessor": inner, "Next": "D"})
    assert found.why.endswith("assigned it inside a Map or Parallel: what is assigned there is not seen outside")
    assert found.fix == "hand it out in the output of I, or assign it outside"


def test_a_catcher_whose_assign_took_it_away_is_named_and_what_failed_is_no_handler() -> None:
    fails = graph(X=passing(Output="{% $error('no') %}"))
    catch = {"ErrorEquals": ["States.ALL"], "Assign": {"cfg": {"n": 1}}, "Next": "D"}
    found = said(
        True, "$cfg.r",
        A=passing(Assign={"cfg": {"r": 1}}, Next="P"),
        P={"Type": "Parallel", "Branches": [fails], "Catch": [catch], "Next": "D"},
    )  # fmt: skip
    assert found.why.startswith("the Assign in the Catch of P (event 4) gave $cfg a new value, without it")
    assert "handler" not in f"{found.why} {found.fix}"


@pytest.mark.parametrize(
    ("jsonata", "fix"),
    [(False, '"host.$": "$cfg.db.host" in what it gives cfg.db'), (True, '"db": "{% $merge([$cfg.db, {…}]) %}"')],
)
def test_the_part_that_is_to_be_kept_is_told_where_it_was_lost(jsonata: bool, fix: str) -> None:
    found = said(
        jsonata, "$cfg.db.host",
        A=passing(Assign={"cfg": {"db": {"host": "h"}}}, Next="B"),
        B=passing(Assign={"cfg": {"db": {"zone": 1}}}, Next="D"),
    )  # fmt: skip
    assert found.fix == f"let the Assign of B keep it: {fix}"


def test_a_variable_that_a_state_outside_assigns_later_is_not_told_as_one_of_a_map() -> None:
    inner = {"Type": "Parallel", "Branches": [graph(X=passing(Output="{% $late %}"))], "Next": "L"}
    made = StateMachine.from_json(
        {"QueryLanguage": "JSONata", **graph(P=inner, L=passing(Assign={"late": 1}))}
    )
    found = diagnose(made.run({}), made.source)
    assert found is not None
    assert found.why == "L assigns $late, but does not come before X in this run"


def test_what_one_branch_assigns_another_one_does_not_see() -> None:
    pytest.importorskip("jlens")
    branches = [
        graph(A=passing(Assign={"mine": 1})),
        graph(W={"Type": "Wait", "Seconds": 1, "Next": "X"}, X=passing(Output="{% $mine %}")),
    ]
    made = StateMachine.from_json(
        {"QueryLanguage": "JSONata", **graph(P={"Type": "Parallel", "Branches": branches, "End": True})}
    )
    found = diagnose(made.run({}), made.source)
    assert found is not None
    assert "P[0].A (event" in found.why
    assert "is not seen outside" in found.why
