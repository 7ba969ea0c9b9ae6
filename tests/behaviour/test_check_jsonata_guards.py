"""Check of JSONata: what a test rules out is not told, whatever it is a test of and however it is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.behaviour.machines import passing
from tests.behaviour.test_check_jsonata import SUCCEED, choose, codes, found

pytest.importorskip("jlens")

EXAMPLES: tuple[dict[str, Any], ...] = ({"o": {"y": 1}, "s": "a", "l": [1]}, {"o": None, "s": "b", "l": []})


def reads(expression: str, *examples: Any) -> list[tuple[str, str, str]]:
    """Return what is found in an expression over a variable $x, which is each example's `o`."""
    return codes(
        *(examples or EXAMPLES),
        Set=passing(Assign={"x": "{% $states.input.o %}"}, Next="A"),
        A=passing(Output=f"{{% {expression} %}}"),
    )


@pytest.mark.parametrize(
    "expression",
    [
        "$x = null ? 0 : $x.y + 1",
        "$x != null ? $x.y + 1 : 0",
        "$type($x) = 'object' ? $x.y + 1 : 0",
        "$boolean($x) ? $x.y + 1 : 0",
        "$x ? $x.y : 0",
    ],
)
def test_a_test_of_a_variable_itself_rules_out_what_it_asks_for(expression: str) -> None:
    assert reads(expression) == []


def test_what_is_not_ruled_out_of_a_variable_is_told() -> None:
    assert [code for code, _, _ in reads("$x = null ? $x.y : 0")] == ["NULL_VALUE"]
    assert reads("$x.y + 1") != []


@pytest.mark.parametrize("condition", ["$x != null", "$type($x) = 'object'", "$boolean($x)", "$not($x = null)"])
def test_a_condition_on_a_variable_holds_in_the_states_behind_it(condition: str) -> None:
    assert codes(
        *EXAMPLES,
        Set=passing(Assign={"x": "{% $states.input.o %}"}, Next="C"),
        C=choose(f"{{% {condition} %}}", "Use", "End"),
        Use=passing(Output="{% $x.y + 1 %}"),
        End=SUCCEED,
    ) == []  # fmt: skip


def test_sorting_what_is_neither_numbers_nor_texts_needs_a_function() -> None:
    two = '[{"id": 1}, {"id": 2}]'
    assert reads(f"$sort({two})") == [("EXPRESSION_FAILS", "error", "A")]
    assert reads(f"$sort({two}, function($a, $b) {{ $a.id > $b.id }})") == []
    assert reads("$sort($states.input.l)", {"o": 1, "l": [{"id": 1}]}) == [("EXPRESSION_FAILS", "warning", "A")]
    assert reads("$sort([2, 1])") == reads("$sort(['b', 'a'])") == reads('$sort([{"id": 1}])') == []


def test_a_function_is_no_output() -> None:
    assert reads("function($v) { $v }") == reads("$string") == [("EXPRESSION_FAILS", "error", "A")]
    assert reads("$map([1, 2], $string)") == reads("($f := $string; $f(1))") == []


def test_an_array_that_is_written_down_is_there_when_it_is_empty_whatever_is_read_of_it() -> None:
    assert reads("[$states.input.none].id") == []
    assert reads("[$filter($states.input.l, function($v) { $v > 1 })].id") == []
    assert reads("$states.input.none.id") == [("PATH_MISSING", "error", "A")]


def test_what_is_appended_to_something_is_there() -> None:
    examples = ({"o": 1, "opt": ["a"]}, {"o": 1})
    assert reads("$append($states.input.opt, 'w')", *examples) == []
    assert reads("$append($states.input.opt, 'w') + 1", *examples) == [("EXPRESSION_FAILS", "error", "A")]


OPTIONAL: tuple[dict[str, Any], ...] = ({"o": 1, "opt": {"y": 1}, "k": "a"}, {"o": 1, "k": "a"})


@pytest.mark.parametrize(
    "guard",
    [
        "$exists($_) = true",
        "$exists($_) != false",
        "$not($exists($_)) = false",
        "$count($_) > 0",
        "$count($_) >= 1",
        "0 < $count($_)",
        "$count($_) != 0",
        "'opt' in $keys($states.input)",
        "$_.y in [1, 2]",
        "$_.y > 0",
        "$string($_.y) = '1'",
        "$_.y + 1 = 2",
        "$_.y = $states.input.o",
        "$string($_)",
    ],
)
def test_a_test_that_holds_of_what_is_there_only_is_a_guard(guard: str) -> None:
    expression = guard.replace("$_", "$states.input.opt")
    assert reads(f"{expression} ? $states.input.opt.y : 0", *OPTIONAL) == []
    assert reads(f"($has := {expression}; $has ? $states.input.opt.y : 0)", *OPTIONAL) == []
    assert reads("$exists($states.input.k) ? $states.input.opt.y : 0", *OPTIONAL) != []


@pytest.mark.parametrize("guard", ["$exists($_) = false", "$count($_) = 0", "$exists($_) != true", "1 > $count($_)"])
def test_a_guard_the_other_way_round_rules_out_in_the_other_branch(guard: str) -> None:
    expression = guard.replace("$_", "$states.input.opt")
    assert reads(f"{expression} ? 0 : $states.input.opt.y", *OPTIONAL) == []
    assert reads(f"{expression} ? $states.input.opt.y : 0", *OPTIONAL) != []


def test_a_count_tells_which_items_there_are() -> None:
    known = {"o": 1, "l": [1, 2]}
    made = "($l := $states.input.l; $count($states.input.l) > 1 ? {'a': $l[1] + 1} : {'a': 0})"
    assert codes(
        known,
        A=passing(Output=f"{{% {made} %}}", Next="B"),
        B=passing(Output="{% $states.input.a + 1 %}"),
    ) == []  # fmt: skip


def test_what_a_predicate_keeps_may_be_just_what_has_the_field() -> None:
    mixed = {"o": 1, "l": [{"t": "a", "n": 1}, {"n": None}]}
    for kept in ("$states.input.l[$exists(t)]", "$filter($states.input.l, function($v) { $exists($v.t) })"):
        assert reads(f"($k := {kept}; $exists($k) ? {{'t': $uppercase($k[0].t), 'n': $k[0].n + 1}} : 0)", mixed) == []


def test_a_variable_that_is_read_in_one_branch_only_is_a_warning_where_nobody_assigned_it() -> None:
    assert reads("$states.input.o = 1 ? $y : 0", {"o": 1}) == [("VARIABLE_MISSING", "warning", "A")]
    assert reads("$y", {"o": 1}) == [("VARIABLE_MISSING", "error", "A")]


def test_a_condition_that_rules_a_value_out_is_named_and_has_not_lost_it() -> None:
    (one,) = found(
        *OPTIONAL,
        C=choose("{% $exists($states.input.opt) %}", "Done", "A"),
        A=passing(Output="{% $states.input.opt.y %}"),
        Done=SUCCEED,
    )
    assert (one.code, one.severity) == ("PATH_MISSING", "error")
    assert one.why == "C lets only what lacks $states.input.opt come here. $states.input.opt was last in its input"
    assert one.fix == "read it on another way out of C"
