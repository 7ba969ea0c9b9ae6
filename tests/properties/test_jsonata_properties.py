from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim import payload
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED, JsonataProblem, QueryEvaluationError
from sfn_sim.query.jsonata_functions import partition, plain_numbers, range_
from sfn_sim.query.jsonata_reads import reads
from sfn_sim.query.jsonata_syntax import parse
from sfn_sim.query.jsonata_template import compile_template
from sfn_sim.run.seed import Stream

few = settings(max_examples=150, deadline=None, database=None)

names = st.sampled_from(["a", "b", "c"])
numbers = st.integers(-5, 5) | st.sampled_from([0.5, 3.0, -0.0, 1e15, 2**53])
scalars = st.none() | st.booleans() | numbers | st.text("ab", max_size=2)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)
steps = names | st.builds("{}[{}]".format, names, st.integers(-2, 2))
paths = st.builds(
    lambda root, rest: ".".join([root, *rest]),
    st.sampled_from(["$states.input", "$states", "$v", "$v[0]", "$missing"]),
    st.lists(steps, max_size=4),
)
literals = st.sampled_from(["1", "0", "2.5", "'a'", "''", "true", "false", "null", "'b'"])


def _composed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "&", "+", "-", "*", "/", "%", "and", "or"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("{} {} {}".format, inner, operators, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("({} ? {})".format, inner, inner),
        st.builds("-{}".format, paths),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("[{}]".format, inner),
        st.builds("{{'x': {}, 'y': {}}}".format, inner, inner),
        st.builds("${}({})".format, st.sampled_from(["exists", "not", "count"]), inner),
    )


expressions = st.recursive(paths | literals, _composed, max_leaves=6)


def bindings(document: Any, variable: Any, seed: int = 0) -> Bindings:
    return Bindings(
        fields={"input": document},
        context=lambda: {"State": {"Name": "S"}},
        variables={"v": variable},
        randomness=Stream(seed),
    )


def outcome(evaluate: Any) -> Any:
    try:
        value = evaluate()
    except QueryEvaluationError as error:
        return error.sentence
    return value if value is UNDEFINED else payload.dumps(value)


def has_infinities(*told: Any) -> bool:
    """Tell whether a number is none: AWS goes on with it and shows it as a text, the engine throws or gives null."""
    return any(isinstance(each, str) and re.search("Infinity|NaN|D1001", each) for each in told)


@few
@given(expressions, documents, documents)
def test_a_quick_expression_gives_what_the_engine_gives(text, document, variable):
    compiled = compile_expression(text)
    quick = outcome(lambda: compiled.result(bindings(document, variable)))
    engine = outcome(lambda: compiled.engine_result(bindings(document, variable)))
    assert quick == engine or has_infinities(quick, engine), text


@few
@given(paths, documents, documents)
def test_a_path_gives_what_the_engine_gives_for_the_whole_of_its_bindings(text, document, variable):
    compiled = compile_expression(text)
    whole = compile_expression(f"($s := $states; {text})")
    assert outcome(lambda: compiled.result(bindings(document, variable))) == outcome(
        lambda: whole.engine_result(bindings(document, variable))
    )


@few
@given(expressions, documents)
def test_an_evaluation_leaves_what_it_reads_as_it_was(text, document):
    before = json.dumps(document)
    outcome(lambda: compile_expression(text).result(bindings(document, document)))
    assert json.dumps(document) == before


@few
@given(expressions, documents)
def test_every_read_stands_where_it_says(text, document):
    for read in reads(parse(text)):
        assert text[read.start :].startswith(f"${read.name}")
        assert text[read.start : read.end].endswith(str((read.name, *read.steps)[-1])) or "[" in text


@few
@given(st.text("$ab.[](){}'\"?:;,=<>&|*%^~!@#/\\ 01-", max_size=12))
def test_any_text_compiles_or_is_refused_with_a_place(text):
    refused: JsonataProblem | None = None
    spans = [(0, 0)]
    try:
        spans = [(node.start, node.end) for node in compile_expression(text).tree.walk()]
    except JsonataProblem as problem:
        refused = problem
    assert all(0 <= start <= end <= len(text.strip()) for start, end in spans)
    assert refused is None or (refused.message and 0 <= refused.offset <= len(text.strip()))


@few
@given(st.text("$ab.[](){}'?:;,=<>&|*%^~@#/ 01-", max_size=10))
def test_the_parser_refuses_nothing_that_the_engine_takes(text):
    import jlens

    newer = "?:" in text or "??" in text
    try:
        jlens.Expression(text)
        parse(text)
    except jlens.JlensError:
        return
    except SyntaxProblem:
        assert newer, text


@few
@given(st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)))
def test_a_template_without_expressions_is_handed_out_as_it_is(value):
    assert compile_template(value, "Output", "/Output").evaluate(bindings(None, None)) is value


@few
@given(st.integers(0, 2**40))
def test_draws_depend_on_the_seed_alone(seed):
    compiled = compile_expression("[$random(), $uuid(), $shuffle([1..9])]")
    given_once = compiled.evaluate(bindings(None, None, seed), "Output")
    assert compiled.evaluate(bindings(None, None, seed), "Output") == given_once


@few
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9))
def test_a_range_is_what_counting_gives(start, end, step):
    counted = list(range(start, end + (1 if step > 0 else -1), step)) if step else []
    expected = None if not counted else counted[0] if len(counted) == 1 else counted
    assert range_(start, end, step) == expected


@few
@given(st.lists(st.integers(), min_size=1, max_size=20), st.integers(1, 9))
def test_the_chunks_of_a_partition_are_the_array_again(items, size):
    chunks: Any = partition(items, size)
    assert [each for chunk in chunks for each in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])


@few
@given(documents)
def test_plain_numbers_are_the_same_numbers(document):
    assert plain_numbers(document) == document
    assert ".0" not in payload.dumps(plain_numbers(document))
