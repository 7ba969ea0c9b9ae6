"""What is said of a JSONata expression over shapes holds for what the engine makes of values of those shapes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_errors import QueryEvaluationError, Undefined
from sfn_sim.query.jsonata_shapes import ask, evaluate
from sfn_sim.query.shapes import Shape, Verdict, an_object, fits, join_all, shape_of
from tests.properties.examples import examples

pytest.importorskip("jlens")

_KEYS = ("a", "b", "c")
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, "", "x", "a,b"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
INPUTS = st.dictionaries(st.sampled_from(_KEYS), VALUES, min_size=1)
LITERALS = st.sampled_from(["1", "2", '"x"', "true", "false", "null", "[]", "[1, 2]", '["x"]', '{"a": 1}', "{}"])
_ROOTS = st.sampled_from(["$states.input", "$states.input", "$x", "$y"])
PATHS = st.one_of(
    st.sampled_from(["$x", "$y"]),
    st.builds(lambda root, keys: ".".join([root, *keys]), _ROOTS,
              st.lists(st.sampled_from(_KEYS), min_size=1, max_size=3)),
)  # fmt: skip
_CALLS = (
    "$string", "$number", "$count", "$sum", "$max", "$exists", "$not", "$boolean", "$keys", "$length", "$uppercase",
    "$reverse", "$distinct", "$type", "$merge", "$join", "$abs", "$average", "$trim", "$sort",
)  # fmt: skip
_LAMBDAS = (
    "function($v) { $v }", "function($v) { $v.a }", "function($v) { $v + 1 }", 'function($v) { {"k": $v} }',
    "function($v) { $exists($v.a) }", "function($v, $i) { $i }", "function($v) { [$v] }", "function($v) { $keys($v) }",
)  # fmt: skip

_GUARDS = (
    "$exists($_)", "$exists($_) = true", "$exists($_.a) != false", "$boolean($_)", "$not($_)", "$count($_) > 0",
    "2 > $count($_)", "$string($_) = 'x'", "$_ in [1, 'x']", "'a' in $keys($_)", '$type($_) = "object"', "$_ = null",
    "($_ = 1) != true", "($_ > 0) = true", "($_ > 0) != true", "($_ > 0) = false", "($_ > 0) != false",
)  # fmt: skip
_STEPS = (*_KEYS, '{"k": a}', "$string()", "(a)")


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds(lambda sign, sides: f"({sides[0]} {sign} {sides[1]})",
                  st.sampled_from(["+", "-", "=", "!=", "<", ">=", "&", "and", "or", "in"]), pair),
        st.builds(lambda name, each: f"{name}({each})", st.sampled_from(_CALLS), inner),
        st.builds(lambda test, ways: f"({test} ? {ways[0]} : {ways[1]})", inner, pair),
        st.builds(lambda test, way: f"({test} ? {way})", inner, inner),
        st.builds(lambda path, other: f"($exists({path}) ? {path} : {other})", PATHS, inner),
        st.builds(lambda path, kind, other: f'($type({path}) = "{kind}" ? {path} + 1 : {other})', PATHS,
                  st.sampled_from(["number", "string", "array", "null"]), inner),
        st.builds(lambda path, sign, literal, ways: f"({path} {sign} {literal} ? {ways[0]} : {ways[1]})", PATHS,
                  st.sampled_from(["=", "!="]), LITERALS, pair),
        st.builds(lambda path, guard, ways: f"({guard.replace('$_', path)} ? {ways[0]} : {ways[1]})", PATHS,
                  st.sampled_from(_GUARDS), st.tuples(PATHS, inner)),
        st.builds(lambda path, guard, ways: f"($g := {guard.replace('$_', path)}; $g ? {ways[0]} : {ways[1]})", PATHS,
                  st.sampled_from(_GUARDS), st.tuples(PATHS, inner)),
        st.builds(lambda sides: f"[{sides[0]}, {sides[1]}]", pair),
        st.builds(lambda sides: f'{{"a": {sides[0]}, "b": {sides[1]}}}', pair),
        st.builds(lambda sides: f"$append({sides[0]}, {sides[1]})", pair),
        st.builds(lambda sides: f"$merge([{sides[0]}, {sides[1]}])", pair),
        st.builds(lambda each, key: f'$lookup({each}, "{key}")', inner, st.sampled_from(_KEYS)),
        st.builds(lambda each, body: f"$map({each}, {body})", inner, st.sampled_from(_LAMBDAS)),
        st.builds(lambda each, body: f"$filter({each}, {body})", inner, st.sampled_from(_LAMBDAS)),
        st.builds(lambda each, index: f"({each})[{index}]", inner, st.sampled_from(["0", "-1", "1", "a = 1", "$ > 1"])),
        st.builds(lambda each: f"({each})[]", inner),
        st.builds(lambda each, step: f"({each}).{step}", inner, st.sampled_from(_STEPS)),
        st.builds(lambda sides: f"($v := {sides[0]}; $w := {sides[1]}; $exists($v) ? $v : $w)", pair),
        st.builds(lambda each, other: f"({each} ~> $string()) & {other}", inner, inner),
        st.builds(lambda each: f'$split({each}, ",")', inner),
        st.builds(lambda each: f"-({each})", inner),
    )  # fmt: skip


_FUNCTIONS = st.sampled_from(("$string", "$sum", *_LAMBDAS))
EXPRESSIONS = st.recursive(st.one_of(PATHS, PATHS, PATHS, LITERALS, LITERALS, _FUNCTIONS), _larger, max_leaves=5)
READ = st.fixed_dictionaries({"states": st.builds(lambda given: {"input": given}, INPUTS), "x": VALUES, "y": VALUES})


def _known(*values: Any, exact: bool) -> Shape:
    shapes = {name: join_all(shape_of(each[name], exact=exact) for each in values) for name in ("states", "x", "y")}
    return an_object(shapes)


def _run(text: str, value: Any) -> Any:
    """Return what the engine gives: a value, Undefined, or the error."""
    variables = {name: value[name] for name in ("x", "y")}
    try:
        return compile_expression(text).result(Bindings(fields=value["states"], variables=variables))
    except QueryEvaluationError as error:
        return error


def _holds(text: str, inputs: list[Any], *, exact: bool) -> None:
    reading = evaluate(compile_expression(text).tree, _known(*inputs, exact=exact))
    what = reading.given
    surely_fails = any(each.kind == "throws" and each.verdict is Verdict.MISSING for each in reading.notes)
    sure = not reading.unsure and not any(each.kind != "unlike" for each in reading.notes)
    event(f"sure: {sure}")
    for value in inputs:
        made = _run(text, value)
        if isinstance(made, QueryEvaluationError):
            # What fails has been told, unless something was not followed.
            assert not sure, (text, value, made.sentence, what)
            continue
        assert not surely_fails, (text, value, made, reading.notes)
        if isinstance(made, Undefined):
            assert what.there is not Verdict.PRESENT, (text, value, what)
        else:
            assert what.there is not Verdict.MISSING, (text, value, made, what)
            assert not what.never_returns, (text, value, made, what)
            assert fits(made, what.shape), (text, value, made, what)


def _narrows(text: str, inputs: list[Any]) -> None:
    _, (held, failed) = ask(compile_expression(text).tree, _known(*inputs, exact=False))
    for value in inputs:
        made = _run(f"$boolean({text})", value)
        if isinstance(made, QueryEvaluationError):
            continue
        side = held if made is True else failed
        assert side is not None, (text, value, made)
        assert fits(value, side), (text, value, made, side)


def _check(data: st.DataObject) -> None:
    text, inputs = data.draw(EXPRESSIONS), data.draw(st.lists(READ, min_size=1, max_size=3))
    _holds(text, inputs, exact=data.draw(st.booleans()))
    _narrows(text, inputs)


@given(st.data())
@examples(150)
def test_what_is_said_over_shapes_holds_for_values(data: st.DataObject) -> None:
    _check(data)


@pytest.mark.slow
@given(st.data())
@examples(2500)
def test_what_is_said_over_shapes_holds_for_many_values(data: st.DataObject) -> None:
    _check(data)
