"""Expressions evaluated on values that know where they came from."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_trace import Trace, trace
from sfn_sim.query.jsonata_traced import WRITTEN, At, Made, Traced, Unfollowable, summary
from sfn_sim.run.seed import Stream

LINES = [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]


def traced(text: str) -> Trace:
    around = Bindings(
        fields={"input": {"lines": LINES, "none": None}, "result": {"n": 3}},
        context=lambda: {"State": {"Name": "S"}},
        variables={"limit": 1},
        randomness=Stream(0),
    )
    return trace(compile_expression(text), around)


def flows(text: str) -> list[Any]:
    return list(traced(text).outcome.flows())


def test_a_place_is_told_with_its_root_and_steps() -> None:
    assert traced("$states.input.lines[1].sku").outcome.origin == At("input", ("lines", 1, "sku"))
    assert traced("$states.result.n").outcome.origin == At("result", ("n",))
    assert traced("$states.context.State.Name").outcome.origin == At("context", ("State", "Name"))
    assert traced("$limit").outcome.origin == At("$limit")
    assert At("input", ("lines", 1)).text == "$states.input.lines[1]"


def test_what_stands_in_the_text_is_written() -> None:
    assert traced("'a'").outcome.origin is WRITTEN
    assert traced("-1").outcome.origin is WRITTEN


def test_parts_have_origins_of_their_own() -> None:
    assert flows("{'a': $limit, 'b': [1, $states.input.lines[0]]}") == [
        (("a",), At("$limit"), True), (("b", 1), At("input", ("lines", 0)), True),
    ]  # fmt: skip


def test_what_is_computed_is_made_of_its_operands_and_of_no_others() -> None:
    outcome = traced("$limit > 0 ? $limit + $states.result.n : $states.input").outcome
    assert outcome.value == 4
    assert list(outcome.leaves()) == [At("$limit"), At("result", ("n",))]


def test_conditions_and_predicates_are_told_beside_the_outcome() -> None:
    found = traced("$states.input.lines[qty > $limit].sku")
    assert found.outcome.origin == At("input", ("lines", 1, "sku"))
    assert At("$limit") in [leaf for test in found.tests for leaf in test.leaves()]


def test_a_key_whose_value_is_undefined_is_told_with_what_it_reads() -> None:
    lacking = traced("{'a': $states.input.gone.deep, 'b': 1}").outcome.member("a")
    assert lacking.missing
    assert lacking.origin == At("input", ("gone",))


def test_what_chance_gives_is_drawn_and_its_value_not_told() -> None:
    outcome = traced("{'id': $uuid(), 'n': $limit, 'both': $string($random()) & 'x'}").outcome
    assert [outcome.member(name).drawn for name in ("id", "n", "both")] == [True, False, True]
    assert outcome.drawn


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$states.input.lines.sku.$uppercase()", ["A", "B"]),
        ("$states.input.lines.sku.$contains('a')", [True, False]),
        ("$states.input.lines.sku.$replace('a', 'c')", ["c", "b"]),
        ("$states.input.lines.sku.$substring(0, 1)", ["a", "b"]),
        ("$states.input.lines.sku.$substring($, 0, 1)", ["a", "b"]),
        ("$states.input.lines.$lookup('sku')", ["a", "b"]),
        ("$states.input.lines.qty.$power(2)", [1, 4]),
    ],
)
def test_a_function_that_lacks_its_first_argument_takes_the_context_for_it(text: str, value: Any) -> None:
    assert traced(text).outcome.value == value
    assert [at.steps[:2] for _, at, _ in flows(text)] == [("lines", 0), ("lines", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "$shuffle($states.input.lines)",
        "$random() > 0.5 ? 1 : 2",
        "$states.input.lines[$random() > 0.5]",
        "{$uuid(): 1}",
        "$split($uuid(), '-')[0]",
        "$states.input.lines#$i.{'i': $i}",
        "$map",
        "$single($states.input.lines)",
        "$error('no')",
        "($f := function($n) { $n > 0 ? $f($n - 1) : 0 }; $f(100000))",
    ],
)
def test_what_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(Unfollowable):
        traced(text)


def test_many_places_that_differ_in_an_index_are_summed_up() -> None:
    many = [At("input", ("lines", index, "qty")) for index in range(9)]
    assert summary([*many, At("$limit")]) == (At("input", ("lines",)), At("$limit"))
    assert summary(many[:2]) == tuple(many[:2])


def test_a_value_below_what_is_made_is_made_of_the_same() -> None:
    outcome = Traced({"a": [1]}, Made((Traced(1, At("$x")),)))
    assert list(outcome.at(("a", 0)).leaves()) == [At("$x")]
    assert outcome.at(("b",)).missing
