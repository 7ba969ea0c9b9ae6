"""What is known of a JSONata expression's value before there is one."""

from __future__ import annotations

import pytest

from sfn_sim.query.jsonata import compile_expression
from sfn_sim.query.jsonata_shapes import evaluate
from sfn_sim.query.shapes import Shape, an_array, an_object, describe, join, shape_of

pytest.importorskip("jlens")

EXAMPLE = {"n": 1, "s": "a", "o": {"k": True}, "none": None, "list": [{"id": 1, "tags": ["a"]}], "empty": []}
INPUT = shape_of(EXAMPLE, exact=False)


def told(expression: str, given: Shape = INPUT) -> tuple[str, str]:
    known = an_object({"states": an_object({"input": given}), "v": shape_of({"a": [1, 2]})})
    reading = evaluate(compile_expression(expression.replace("$in", "$states.input")).tree, known)
    return describe(reading.given.shape), reading.given.there.value


@pytest.mark.parametrize(
    ("expression", "shape", "there"),
    [
        ("$in.n", "a number", "present"),
        ("$in.o.k", "a boolean", "present"),
        ("$in.o.x", "nothing", "missing"),
        ("$in.none.x", "nothing", "missing"),
        ("$in.list", "an array", "present"),
        ("$in.list.id", "an array or a number", "undecided"),
        ("$in.list.tags", "an array or a string", "undecided"),
        ("$in.list.id[]", "an array", "undecided"),
        ("$in.list[0]", "{id, tags}", "undecided"),
        ("$in.list[id = 1].id", "an array or a number", "undecided"),
        ("$v.a", "an array", "present"),
        ("$v.a[1]", "a number", "present"),
        ("$v.a[2]", "nothing", "missing"),
        ("[1, 2][-1]", "a number", "present"),
        ('[{"a": 1}, {"a": 2}].a', "an array", "present"),
        ('[{"a": 1}].a', "a number", "present"),
        ('{"a": $in.n, "b": $in.x}', "{a}", "present"),
        ('{"a": $in.list[0]}', "{a?}", "present"),
        ("$merge([$in.o, {\"a\": 1}])", "{k, a}", "present"),
        ("$merge([$in.o, $in.x])", "{k}", "present"),
        ("$in.s & $in.x", "a string", "present"),
        ("$in.n * 2", "a number", "present"),
        ("$in.n * $in.x", "nothing", "missing"),
        ("$in.n > 1 ? 'a' : 2", "a string or a number", "present"),
        ("$exists($in.x) ? 1 : 'a'", "a string", "present"),
        ("$exists($in.n) ? 1 : 'a'", "a number", "present"),
        ('$type($in.n) = "string" ? 1 : $in.n', "a number", "present"),
        ("$count($in.x)", "a number", "present"),
        ("$sum($in.x)", "nothing", "missing"),
        ("$keys($in.o)", "a string", "present"),
        ("$lookup($in, 'n')", "a number", "present"),
        ("$map($v.a, function($x) { {'x': $x} }).x", "an array", "present"),
        ("$filter($v.a, function($x) { $x > 1 })", "an array or a number", "undecided"),
        ("$append($v.a, 'a')", "an array", "present"),
        ("$split('a,b', ',')", "an array", "present"),
        ("$join($in.list.tags, ',')", "a string", "undecided"),
        ("($f := function($x) { $x.k }; $f($in.o))", "a boolean", "present"),
        ("$in.s ~> $uppercase()", "a string", "present"),
        ("$in.*", "anything", "undecided"),
        ("$parse($in.s)", "anything", "undecided"),
        ("$now()", "a string", "present"),
    ],
)
def test_an_expression_gives(expression: str, shape: str, there: str) -> None:
    assert told(expression) == (shape, there)


@pytest.mark.parametrize(
    "expression",
    [
        "($f := function($n) { $f($n) > 1 ? 1 : 2 }; $f(1))",
        "($f := function($n) { $n < 2 ? $n : $f($n - 1) + $f($n - 2) }; $f(9))",
        "($f := function($n) { $f($f($f($n) > 0 ? $f(1) : 2) = 1 and $exists($f(2))) ? $f($n) : $f(3) }; $f(1))",
        "($f := function($g) { $g($g) }; $f($f))",
        "$map([1, 2], function($x) { $map([3], function($y) { $map([$x], $string) }) })",
    ],
)
def test_what_calls_itself_comes_to_an_end(expression: str) -> None:
    assert told(expression)[0]


def test_a_field_that_some_values_lack_is_missing_at_times() -> None:
    given = join(shape_of({"a": 1}, exact=False), shape_of({}, exact=False))
    assert told("$in.a", given) == ("a number", "sometimes missing")
    assert told("$in.a & ''", given) == ("a string", "present")


def test_a_list_of_known_length_is_told_from_one_item() -> None:
    item = shape_of({"a": 1}, exact=False)
    assert told("$in.a", an_array(item, 2, 2)) == ("an array", "present")
    assert told("$in.a", an_array(item, 1, 1)) == ("a number", "present")
    assert told("$in.a", an_array(item, 0, 0)) == ("nothing", "missing")
    assert told("$in.a", an_array(item)) == ("an array or a number", "undecided")
