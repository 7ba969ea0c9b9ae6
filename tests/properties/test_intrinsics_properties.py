"""All 18 intrinsic functions against their documented rules, through a machine that calls them.

Source of the rules: Developer Guide, Intrinsics for JSONPath states; recorded executions where the guide is silent
(how MathAdd rounds, which parts StringSplit drops). What neither tells is not asserted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sfn_sim import DefinitionError, StateMachine
from sfn_sim.run.execution import Execution
from tests.properties.examples import examples

FAILURE = "States.IntrinsicFailure"
INT32 = range(-(2**31), 2**31)
ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}

texts = st.text("ab'\\{}\",é😀\n ", max_size=8)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
int32 = st.integers(INT32.start, INT32.stop - 1)
halves = st.integers(-20, 20).map(lambda each: each / 2) | st.sampled_from([1.1, -1.1, 2.49, 2.51, -2.51])
numbers = st.integers(-20, 20) | halves


def rounded(number: float) -> int:
    """Round half up, as recorded: 1.5 gives 2, -1.5 gives -1."""
    return math.floor(number + 0.5)


def literal(value: Any) -> str:
    """Write a value as a literal argument."""
    if isinstance(value, str):
        return "'" + re.sub(r"(['{}\\])", r"\\\1", value) + "'"
    return json.dumps(value)


def evaluate(text: str, data: Any) -> Execution:
    """Run a state with the call in its Parameters."""
    state = {"Type": "Pass", "Parameters": {"r.$": text}, "OutputPath": "$.r", "End": True}
    return StateMachine.from_json({"StartAt": "A", "States": {"A": state}}).run(data)


def call(name: str, *arguments: Any, written: bool = False) -> Any:
    """Call a function with arguments that paths read (or that stand there, where they can) and return the result."""
    paths = [
        literal(each) if written and not isinstance(each, list | dict) else f"$.args[{place}]"
        for place, each in enumerate(arguments)
    ]
    execution = evaluate(f"States.{name}({', '.join(paths)})", {"args": list(arguments)})
    if execution.status == "FAILED":
        assert execution.error == FAILURE
        raise Refused
    return execution.output


class Refused(Exception):
    """The function failed with States.IntrinsicFailure."""


def refuses(name: str, *arguments: Any) -> bool:
    try:
        call(name, *arguments)
    except Refused:
        return True
    return False


def same(left: Any, right: Any) -> bool:
    """Tell whether two results are the same JSON (Python takes true for 1)."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


# Arrays


@examples(40)
@given(st.lists(values, max_size=4), st.booleans())
def test_array_holds_its_arguments_in_order(items: list[Any], written: bool) -> None:
    assert same(call("Array", *items, written=written), items)


@examples(40)
@given(st.lists(values, max_size=7), numbers.filter(lambda each: rounded(each) != 0))
def test_array_partition_cuts_chunks_of_the_rounded_size(items: list[Any], size: float) -> None:
    length = rounded(size)
    if length < 0:
        assert refuses("ArrayPartition", items, size)
    else:
        chunks = [items[at : at + length] for at in range(0, len(items), length)]
        assert same(call("ArrayPartition", items, size), chunks)


@examples(40)
@given(st.lists(values, max_size=4), values)
def test_array_contains_compares_deeply(items: list[Any], wanted: Any) -> None:
    assert call("ArrayContains", items, wanted) is any(same(each, wanted) for each in items)
    assert call("ArrayContains", [*items, wanted], wanted) is True


@examples(60)
@given(st.integers(-1500, 1500), st.integers(-1500, 1500), st.integers(-30, 30))
def test_array_range_counts_to_its_end_and_has_at_most_1000_items(first: int, last: int, step: int) -> None:
    made, number = [], first
    while step and (number <= last if step > 0 else number >= last) and len(made) <= 1000:
        made.append(number)
        number += step
    if step == 0 or len(made) > 1000:
        assert refuses("ArrayRange", first, last, step)
    else:
        assert call("ArrayRange", first, last, step) == made


def test_array_range_of_1000_items_is_the_largest() -> None:
    assert len(call("ArrayRange", 1, 1000, 1)) == 1000
    assert refuses("ArrayRange", 1, 1001, 1)
    assert call("ArrayRange", 0.6, 3.4, 1) == [1, 2, 3]


@examples(30)
@given(st.lists(values, min_size=1, max_size=5), st.data())
def test_array_get_item_counts_from_0(items: list[Any], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    assert same(call("ArrayGetItem", items, index), items[index])
    assert refuses("ArrayGetItem", items, len(items))


@examples(30)
@given(st.lists(values, max_size=6))
def test_array_length_and_unique(items: list[Any]) -> None:
    firsts = [each for place, each in enumerate(items) if not any(same(each, before) for before in items[:place])]
    assert call("ArrayLength", items) == len(items)
    assert same(call("ArrayUnique", items), firsts)


# Text and JSON


@examples(40)
@given(st.text(max_size=30))
def test_base64_is_that_of_the_text_in_utf_8(text: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    assert call("Base64Encode", text) == encoded
    assert call("Base64Decode", encoded) == text


@pytest.mark.parametrize(("name", "more"), [("Base64Encode", ()), ("Base64Decode", ()), ("Hash", ("MD5",))])
def test_texts_have_at_most_10000_characters(name: str, more: tuple[str, ...]) -> None:
    assert isinstance(call(name, "a" * 10_000, *more), str)
    assert refuses(name, "a" * 10_004, *more)


@examples(40)
@given(st.text(max_size=20), st.sampled_from(sorted(ALGORITHMS)))
def test_hash_is_the_digest_in_hexadecimal(text: str, algorithm: str) -> None:
    assert call("Hash", text, algorithm) == hashlib.new(ALGORITHMS[algorithm], text.encode()).hexdigest()


@examples(20)
@given(st.sampled_from(["md5", "SHA1", "SHA-224", "sha-256", "", "SHA-512/256"]))
def test_hash_knows_no_other_algorithm(algorithm: str) -> None:
    assert refuses("Hash", "text", algorithm)


@examples(40)
@given(*[st.dictionaries(st.sampled_from("wxyz"), values, max_size=4)] * 2)
def test_json_merge_is_shallow_and_the_second_wins(first: dict[str, Any], second: dict[str, Any]) -> None:
    merged = {key: second.get(key, first.get(key)) for key in [*first, *second]}
    assert same(call("JsonMerge", first, second, False), merged)
    assert refuses("JsonMerge", first, second, True)


@examples(40)
@given(values)
def test_json_text_is_compact_and_read_back(value: Any) -> None:
    text = call("JsonToString", value)
    assert text == json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert same(call("StringToJson", text), value)
    assert same(call("StringToJson", json.dumps(value, indent=1)), value)


@examples(40)
@given(st.sampled_from(['{"a"', "[1", "{'a': 1}", "nul", "1 2", "[1,]", '{"a":1,}', '"', "NaN", "01", "+1"]))
def test_what_is_no_json_is_refused(text: str) -> None:
    assert refuses("StringToJson", text)


@examples(60)
@given(st.text("ab,;| ", max_size=12), st.text(",;| ", min_size=1, max_size=3))
def test_string_split_cuts_at_every_one_of_the_characters_and_drops_what_is_empty(text: str, signs: str) -> None:
    parts, part = [], ""
    for sign in f"{text}{signs[0]}":
        if sign not in signs:
            part += sign
        elif part:
            parts, part = [*parts, part], ""
    assert call("StringSplit", text, signs) == parts


@examples(80)
@given(st.lists(st.tuples(texts, scalars), max_size=4), st.text("a{}", max_size=3), st.booleans())
def test_format_fills_its_holes_in_order_and_unescapes_its_template(
    pieces: list[tuple[str, Any]], end: str, written: bool
) -> None:
    def shown(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    template = "".join(f"{literal(text)[1:-1]}{{}}" for text, _ in pieces) + literal(end)[1:-1]
    arguments = [literal(value) if written else f"$[{place}]" for place, (_, value) in enumerate(pieces)]
    text = ", ".join([f"'{template}'", *arguments])
    execution = evaluate(f"States.Format({text})", [value for _, value in pieces])
    assert execution.output == "".join(f"{text}{shown(value)}" for text, value in pieces) + end


@examples(40)
@given(st.integers(0, 4), st.integers(0, 4))
def test_format_takes_as_many_arguments_as_it_has_holes(holes: int, given_: int) -> None:
    arguments = "".join(f", {number}" for number in range(given_))
    execution = evaluate(f"States.Format('{'{}' * holes}'{arguments})", {})
    assert execution.error == (None if holes == given_ else FAILURE)


# Numbers


@examples(60)
@given(int32 | halves, int32 | halves)
def test_math_add_rounds_each_number_and_stays_within_32_bits(first: float, second: float) -> None:
    total = rounded(first) + rounded(second)
    if total in INT32:
        assert same(call("MathAdd", first, second, written=True), total)
        assert same(call("MathAdd", first, second), total)
    else:
        assert refuses("MathAdd", first, second)


@examples(30)
@given(st.integers(INT32.stop, 2**70) | st.integers(-(2**70), INT32.start - 1) | st.sampled_from([1e10, -1e300]))
def test_math_add_takes_no_number_beyond_32_bits(number: float) -> None:
    assert refuses("MathAdd", number, 0)
    assert refuses("MathAdd", 0, number)


def java_next_int(seed: int, bound: int) -> int:
    """Return `new java.util.Random(seed).nextInt(bound)`, as its documentation says."""
    state = (seed ^ 0x5DEECE66D) % 2**48

    def next_bits(bits: int) -> int:
        nonlocal state
        state = (state * 0x5DEECE66D + 0xB) % 2**48
        return state // 2 ** (48 - bits)

    if bound & -bound == bound:
        return bound * next_bits(31) // 2**31
    while True:
        bits = next_bits(31)
        if bits - bits % bound + bound - 1 < 2**31:
            return bits % bound


@examples(60)
@given(st.integers(-1000, 1000), st.integers(1, 2**31 - 1), int32)
def test_math_random_with_a_seed_is_java_util_random(start: int, span: int, seed: int) -> None:
    assume(start + span in INT32)
    drawn = call("MathRandom", start, start + span, seed)
    assert drawn == start + java_next_int(seed, span)
    assert call("MathRandom", start, start + span, seed) == drawn


@examples(40)
@given(numbers, numbers)
def test_math_random_lies_from_its_start_to_before_its_end(start: float, end: float) -> None:
    first, last = rounded(start), rounded(end)
    assume(first < last)
    assert call("MathRandom", start, end) in range(first, last)


@examples(10)
@given(st.integers(0, 10**6))
def test_uuid_is_a_version_4_one_and_depends_on_the_seed_of_the_run(seed: int) -> None:
    state = {"Type": "Pass", "Parameters": {"a.$": "States.UUID()", "b.$": "States.UUID()"}, "End": True}
    machine = StateMachine.from_json({"StartAt": "A", "States": {"A": state}})
    made: Any = machine.run({}, seed=seed).output
    for text in made.values():
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
    assert made["a"] != made["b"]
    assert machine.run({}, seed=seed).output == made


# What all share

ARRAY, TEXT, NUMBER, OBJECT = ([1], list), ("MD5", str), (1, int), ({}, dict)
TYPES: dict[str, tuple[tuple[Any, type], ...]] = {
    "ArrayPartition": (ARRAY, NUMBER),
    "ArrayContains": (ARRAY,),
    "ArrayRange": (NUMBER, NUMBER, NUMBER),
    "ArrayGetItem": (([1, 2], list), NUMBER),
    "ArrayLength": (ARRAY,),
    "ArrayUnique": (ARRAY,),
    "Base64Encode": (TEXT,),
    "Base64Decode": (("YQ==", str),),
    "JsonMerge": (OBJECT, OBJECT),
    "MathAdd": (NUMBER, NUMBER),
    "MathRandom": (NUMBER, (9, int)),
    "StringSplit": (TEXT, TEXT),
    "StringToJson": (("1", str),),
}
REST: dict[str, tuple[Any, ...]] = {"ArrayContains": (1,), "JsonMerge": (False,)}
OTHERS: tuple[Any, ...] = (None, True, "text", 3, [1], {"a": 1})


@examples(150)
@given(st.sampled_from(sorted(TYPES)), st.data())
def test_an_argument_of_another_type_is_refused_with_an_intrinsic_failure(name: str, data: st.DataObject) -> None:
    good = [value for value, _ in TYPES[name]]
    assert not refuses(name, *good, *REST.get(name, ()))
    place = data.draw(st.integers(0, len(good) - 1))
    wrong = data.draw(st.sampled_from([each for each in OTHERS if type(each) is not TYPES[name][place][1]]))
    assert refuses(name, *good[:place], wrong, *good[place + 1 :], *REST.get(name, ()))


ARITY: dict[str, tuple[int, int]] = {
    "Array": (0, 99), "ArrayPartition": (2, 2), "ArrayContains": (2, 2), "ArrayRange": (3, 3), "ArrayGetItem": (2, 2),
    "ArrayLength": (1, 1), "ArrayUnique": (1, 1), "Base64Encode": (1, 1), "Base64Decode": (1, 1), "Hash": (2, 2),
    "JsonMerge": (3, 3), "StringToJson": (1, 1), "JsonToString": (1, 1), "MathRandom": (2, 3), "MathAdd": (2, 2),
    "StringSplit": (2, 2), "UUID": (0, 0), "Format": (1, 99),
}  # fmt: skip


def is_valid(text: str) -> bool:
    try:
        evaluate(text, {})
    except DefinitionError:
        return False
    return True


@examples(120)
@given(st.sampled_from(sorted(ARITY)), st.integers(0, 5))
def test_a_call_with_too_few_or_too_many_arguments_is_refused_at_creation(name: str, count: int) -> None:
    least, most = ARITY[name]
    assert is_valid(f"States.{name}({', '.join(['1'] * count)})") is (least <= count <= most)


@examples(20)
@given(st.integers(1, 14))
def test_calls_are_nested_up_to_ten_deep(depth: int) -> None:
    text = "1"
    for _ in range(depth):
        text = f"States.Array({text})"
    assert is_valid(text) is (depth <= 10)


@examples(60)
@given(texts, st.sampled_from(["'", "{", "}", "\\"]), st.sampled_from('"nt/ab0$'))
def test_a_literal_knows_four_escapes_and_no_other(text: str, escaped: str, other: str) -> None:
    written = literal(text)
    assert evaluate(f"States.Array({written})", {}).output == [text]
    assert evaluate(f"States.Array('\\{escaped}')", {}).output == [escaped]
    assert not is_valid(f"States.Array('\\{other}')")

