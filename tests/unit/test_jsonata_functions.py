from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_errors import QueryEvaluationError
from sfn_sim.run.seed import Stream


def bindings(seed: int = 0) -> Bindings:
    return Bindings(fields={"input": {"none": None}}, randomness=Stream(seed))


def evaluate(text: str, seed: int = 0) -> Any:
    return compile_expression(text).evaluate(bindings(seed), "Output")


def failure(text: str) -> QueryEvaluationError:
    with pytest.raises(QueryEvaluationError) as caught:
        evaluate(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$partition([1, 2, 3, 4], 2)", [[1, 2], [3, 4]]),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$partition([0], 1)", [[0]]),
        ("$partition([1, 2, 3], 2.9)", [[1, 2], [3]]),
        ("$partition([1, 2])", [[1, 2]]),
        ("$partition([[1], [2]], 1)", [[[1]], [[2]]]),
        ("$range(0, 9, 3)", [0, 3, 6, 9]),
        ("$range(0, 10, 3)", [0, 3, 6, 9]),
        ("$range(1, 9, 9)", 1),
        ("$range(4, 4, 1)", 4),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$count($range(1, 200000, 1))", 200_000),
        ("$hash('input', 'SHA-1')", "140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"),
        ("$hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"),
        ("$length($hash('ü', 'SHA-256'))", 64),
        ("$length($hash('a', 'SHA-384'))", 96),
        ("$length($hash('a', 'SHA-512'))", 128),
        ("$parse('{\"a\":1}').a", 1),
        ("$parse('[1.0, 1e2, -0, null]')", [1, 100, 0, None]),
        ("$parse('-0')", 0),
        ("$parse('\"text\"')", "text"),
        ("$exists($parse('{\"a\":null}').a)", True),
        ("$map(['1', '[2]'], $parse)", [1, [2]]),
        ("$random(42)", 0.7275636800328681),
        ("$random(42.9)", 0.7275636800328681),
        ("'a' ~> $hash('MD5')", "0cc175b9c0f1b6a831c399e269772661"),
    ],
)
def test_the_functions_that_aws_adds(text, value):
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "$partition([], 2)",
        "$partition([1], 0)",
        "$partition([1], -0.5)",
        "$partition($missing, 2)",
        "$range(1, 3)",
        "$range(1, 3, 0)",
        "$range(1, 3, -1)",
        "$range(3, 1, 1)",
        "$hash('a')",
        "$parse($missing)",
    ],
)
def test_arguments_for_which_they_give_nothing(text):
    assert failure(text).kind == "undefined"


def signature(position: int, name: str) -> str:
    return f'Argument {position} of function "{name}" does not match function signature'


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("$partition(1, 2)", "T0412", 'Argument 1 of function "partition" must be an array of undefined'),
        ("$partition([1], -2)", "D3137", "Second argument must be zero or greater"),
        ("$partition([1], 'a')", "T0410", signature(2, "partition")),
        ("$partition([1], 1, 1)", "T0410", signature(3, "partition")),
        ("$range('a', 1, 1)", "T0410", signature(1, "range")),
        ("$range(1)", "T0410", signature(2, "range")),
        ("$range(1, 2, true)", "T0410", signature(3, "range")),
        ("$range(1, 2, 3, 4)", "T0410", signature(4, "range")),
        ("$hash($missing, 'MD5')", "T0410", signature(1, "hash")),
        ("$hash('a', 1)", "T0410", signature(2, "hash")),
        ("$hash('a', 'sha-1')", "D3137",
         "Hash algorithm 'sha-1' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"),
        ("$parse(1)", "T0410", signature(1, "parse")),
        ("$parse('{')", "D3137", "Invalid JSON"),
        ("$parse('')", "D3137", "Invalid JSON"),
        ("$parse('NaN')", "D3137", "Invalid JSON"),
        ("$random('a')", "T0410", signature(1, "random")),
        ("$random(1, 2)", "T0410", signature(2, "random")),
        ("$uuid(1)", "T0410", signature(1, "uuid")),
    ],
)  # fmt: skip
def test_arguments_that_they_refuse(text, code, message):
    error = failure(text)
    assert (error.code, error.text) == (code, message)


def test_a_random_number_is_drawn_from_the_stream():
    stream = Stream(5)
    assert evaluate("$random()", seed=5) == stream.next_double()


def test_a_uuid_is_drawn_from_the_stream_and_of_version_4():
    uuid = evaluate("$uuid()", seed=5)
    assert uuid == Stream(5).uuid4()
    assert uuid[14] == "4"


def test_a_seed_of_its_own_does_not_touch_the_stream():
    around = bindings()
    compile_expression("$random(42)").evaluate(around, "Output")
    assert compile_expression("$random()").evaluate(around, "Output") == evaluate("$random()")


def test_an_expression_that_gives_nothing_draws_once():
    around, compiled = bindings(), compile_expression("$random() > 2 ? 1")
    with pytest.raises(QueryEvaluationError):
        compiled.evaluate(around, "Output")
    drawn = Stream(0)
    drawn.next_double()
    assert compile_expression("$random()").evaluate(around, "Output") == drawn.next_double()
