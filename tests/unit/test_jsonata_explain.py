from __future__ import annotations

from typing import Any

from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED
from sfn_sim.query.jsonata_explain import Part, explain
from sfn_sim.run.seed import Stream

LINES = [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]


def parts(text: str) -> dict[str, Part]:
    around = Bindings(
        fields={"input": {"lines": LINES, "none": None}},
        context=lambda: {"State": {"Name": "S"}},
        variables={"limit": 1},
        randomness=Stream(0),
    )
    found = explain(compile_expression(text), around)
    assert all(text[part.start : part.end] == part.text for part in found)
    return {part.text: part for part in found}


def values(text: str) -> dict[str, Any]:
    return {text: part.values for text, part in parts(text).items()}


def test_a_path_is_told_after_each_step_down_to_where_it_is_lost():
    assert values("$states.input.none.deep") == {
        "$states.input": ({"lines": LINES, "none": None},),
        "$states.input.none": (None,),
        "$states.input.none.deep": (UNDEFINED,),
    }


def test_a_predicate_is_told_once_an_item():
    told = parts("$states.input.lines[qty > $limit].sku")
    assert told["qty > $limit"].values == (False, True)
    assert told["qty > $limit"].inside
    assert told["$states.input.lines[qty > $limit]"].values == ({"sku": "b", "qty": 2},)
    assert told["$states.input.lines[qty > $limit].sku"].values == ("b",)


def test_a_function_is_told_once_a_call():
    assert values("$map($states.input.lines, function($l){ $l.qty * 2 })")["$l.qty * 2"] == (2, 4)


def test_a_variable_of_a_block_is_told_with_its_value():
    told = values("($t := $sum($states.input.lines.qty); $t + $limit)")
    assert told["$sum($states.input.lines.qty)"] == (3,)
    assert told["$states.input.lines.qty"] == ([1, 2],)
    assert told["$t + $limit"] == (4,)


def test_a_branch_that_is_not_taken_is_not_told():
    told = values("$limit = 1 ? 'yes' : $states.input.none")
    assert told["$limit = 1"] == (True,)
    assert "$states.input.none" not in told


def test_parts_come_in_source_order_and_the_whole_comes_last():
    found = explain(
        compile_expression("$limit + 1 > $states.input.lines[0].qty"),
        Bindings(fields={"input": {"lines": LINES}}, variables={"limit": 1}),
    )
    assert [part.text for part in found] == [
        "$limit",
        "$limit + 1",
        "$states.input",
        "$states.input.lines",
        "$states.input.lines[0]",
        "$states.input.lines[0].qty",
        "$limit + 1 > $states.input.lines[0].qty",
    ]


def test_an_expression_that_throws_is_told_up_to_where_it_does():
    told = parts("$states.input.none & $sum('a')")
    assert told["$states.input.none"].values == (None,)
    assert told["$sum('a')"].error == 'T0412: Argument 1 of function "sum" must be an array of "numbers"'
    assert told["$states.input.none & $sum('a')"].values == ()


def test_the_function_that_a_chain_calls_is_told_with_the_chain():
    told = values("$states.input.lines.sku ~> $join('-')")
    assert told["$states.input.lines.sku ~> $join('-')"] == ("a-b",)
    assert "$join('-')" not in told
