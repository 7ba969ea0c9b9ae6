"""Canonical JSON and its size: exact, and the same by either writer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim.payload import copy, dumps, encode, loads, size_bytes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e6, 1e6) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_a_value_comes_back_and_its_size_is_that_of_its_text(value: Any) -> None:
    assert loads(encode(value)) == value
    assert loads(dumps(value)) == value
    assert size_bytes(value) == len(dumps(value).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.5, True, None]}, '{"b":1,"a":[1.5,true,null]}'),
        ("é€😀", '"é€😀"'),
        ('"\\\n\x01', '"\\"\\\\\\n\\u0001"'),
        (2**70, str(2**70)),
        (0.0, "0.0"),
        (0, "0"),
    ],
)
def test_the_text_is_compact_keeps_the_order_of_keys_and_escapes_only_what_it_must(value: Any, text: str) -> None:
    assert dumps(value) == text


@pytest.mark.parametrize(("character", "width"), [("a", 1), ("é", 2), ("€", 3), ("😀", 4)])
def test_text_counts_in_bytes_of_utf_8(character: str, width: int) -> None:
    assert size_bytes(character * 10) == 10 * width + 2


def test_a_number_beyond_64_bits_beside_a_float_is_written_by_the_other_writer_with_the_same_size() -> None:
    value = {"n": 2**64, "x": 1.5, "t": "é"}
    assert json.loads(dumps(value)) == value
    assert size_bytes(value) == len('{"n":18446744073709551616,"x":1.5,"t":"é"}'.encode())


def test_half_of_a_surrogate_pair_which_only_an_escape_can_spell_survives() -> None:
    assert loads(encode({"t": "\ud800"})) == {"t": "\ud800"}
    assert loads(r'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "[1,]", "{'a':1}", "", "[" * 100_000])
def test_what_is_no_json_is_refused_with_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind of error is the promise
        loads(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="invalid start byte"):
        loads(b'"\xff"')


def test_a_copy_shares_nothing_with_its_original() -> None:
    value: dict[str, Any] = {"a": {"b": [1, 2**70]}}
    made = copy(value)
    assert made == value
    assert isinstance(made, dict)
    assert made["a"] is not value["a"]
