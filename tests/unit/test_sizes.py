"""What makes a value large."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.sizes import largest_fields

BIG, LESS = "x" * 998, "x" * 498


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": BIG, "b": LESS, "c": 1, "d": 22}, [(("a",), 1000), (("b",), 500), (("d",), 2)]),
        ({"a": {"b": {"c": BIG}}}, [(("a", "b", "c"), 1000)]),
        ({"a": {"b": BIG, "c": LESS}, "d": 1}, [(("a", "b"), 1000), (("a", "c"), 500), (("d",), 1)]),
        ([BIG], [((), 1002)]),
        (BIG, [((), 1000)]),
        ({"list": [BIG, BIG]}, [(("list",), 2003)]),
        ({}, [((), 2)]),
    ],
)
def test_fields_are_named_as_deep_as_they_hold_what_is_large(value: Any, expected: list[Any]) -> None:
    assert largest_fields(value, 3) == expected


def test_an_object_of_many_small_fields_is_named_as_a_whole() -> None:
    value = {"index": {f"k{n}": n for n in range(1000)}, "other": BIG}
    (first, _), (second, _) = largest_fields(value, 3)
    assert (first, second) == (("index",), ("other",))


def test_the_outermost_object_is_never_the_answer() -> None:
    assert [steps for steps, _ in largest_fields({f"k{n}": LESS for n in range(100)}, 3)] == [("k0",), ("k1",), ("k2",)]
