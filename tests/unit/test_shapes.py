from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.query.shape_changes import assume, lack, place, refine
from sfn_sim.query.shapes import (
    ANY_NUMBER,
    ANY_STRING,
    ANYTHING,
    ARRAY,
    NEVER,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    Field,
    Shape,
    Verdict,
    an_array,
    an_object,
    covers,
    describe,
    fits,
    join,
    join_all,
    keys_of,
    look,
    shape_of,
)

PRESENT, MISSING, SOMETIMES, UNDECIDED = Verdict


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "null"),
        (True, "true"),
        (1, "a number"),
        ("x", "a string"),
        ([1, "x"], "an array"),
        ({"a": 1, "b": None}, "{a, b}"),
        ({}, "{}"),
    ],
)
def test_a_value_has_a_shape_which_it_fits(value: Any, told: str) -> None:
    assert describe(shape_of(value)) == told
    assert fits(value, shape_of(value))
    assert fits(value, shape_of(value, exact=False))


def test_an_example_tells_kinds_and_keys_and_no_values() -> None:
    shape = shape_of({"a": "x", "l": [1, 2]}, exact=False)
    assert fits({"a": "y", "l": []}, shape)
    assert not fits({"a": "y"}, shape)
    assert not fits({"a": "y", "l": [], "more": 1}, shape)


def test_what_only_one_of_two_has_is_optional() -> None:
    shape = join(shape_of({"a": 1, "b": 2}), shape_of({"a": "x"}))
    assert shape.fields["a"].required
    assert not shape.fields["b"].required
    assert keys_of(shape) == "{a, b?}"
    assert look(shape, ("b",)).verdict is SOMETIMES


def test_what_one_of_two_may_have_is_not_known_to_be_missing() -> None:
    shape = join(shape_of({"a": 1}), Shape(OBJECT, open=True))
    assert look(shape, ("a",)).verdict is UNDECIDED


def test_anything_swallows_what_is_joined_with_it() -> None:
    assert join(shape_of(None), ANYTHING) is ANYTHING
    assert join(NEVER, shape_of(1)) == shape_of(1)
    assert join_all([]) is NEVER


def test_literals_are_kept_up_to_a_number() -> None:
    few = join_all(shape_of(str(number)) for number in range(8))
    assert few.strings == {str(number) for number in range(8)}
    assert join(few, shape_of("more")) == ANY_STRING


def test_a_shape_that_grows_in_a_loop_comes_to_an_end() -> None:
    shape = shape_of({"n": 0})
    for _ in range(100):
        grown = join(shape, an_object({"n": shape_of(0), "before": shape}))
        if grown == shape:
            break
        shape = grown
    else:
        pytest.fail("it grows for ever")


@pytest.mark.parametrize(
    ("steps", "verdict", "stopped_at"),
    [
        ((), PRESENT, -1),
        (("a",), PRESENT, -1),
        (("a", "b"), MISSING, 1),
        (("z",), MISSING, 0),
        (("z", "y"), MISSING, 0),
        (("l", 0), PRESENT, -1),
        (("l", -1), PRESENT, -1),
        (("l", 2), MISSING, 1),
        (("l", "x"), MISSING, 1),
        (("n", "x"), MISSING, 1),
    ],
)
def test_a_path_into_what_is_known_is_decided(steps: tuple[str | int, ...], verdict: Verdict, stopped_at: int) -> None:
    found = look(shape_of({"a": 1, "l": [1, 2], "n": None}), steps)
    assert (found.verdict, found.stopped_at) == (verdict, stopped_at)


def test_a_path_into_anything_or_past_what_is_known_is_not_decided() -> None:
    assert look(ANYTHING, ("a", 0)).verdict is UNDECIDED
    assert look(an_array(ANY_NUMBER), (0,)).verdict is UNDECIDED
    assert look(an_object({}, is_open=True), ("a",)).verdict is UNDECIDED


def test_a_null_that_ends_a_path_is_told() -> None:
    found = look(join(shape_of({"a": None}), shape_of({"a": {"b": 1}})), ("a", "b"))
    assert found.verdict is SOMETIMES
    assert found.stops_at_null


def test_narrowing_keeps_the_kinds_that_are_left() -> None:
    either = join(ANY_STRING, shape_of(None))
    assert either.only(STRING) == ANY_STRING
    assert either.without(NULL) == ANY_STRING
    assert ANYTHING.only(NUMBER) == ANY_NUMBER
    assert ANYTHING.without(NULL) is ANYTHING
    assert ANY_STRING.only(NUMBER).is_never


def test_what_is_known_to_be_there_is_required_after() -> None:
    shape = refine(ANYTHING, ("a", "b"), lambda value: value.only(NUMBER))
    assert look(shape, ("a", "b")).verdict is PRESENT
    assert look(shape, ("a", "c")).verdict is UNDECIDED
    assert look(shape, ("a", "b")).shape == ANY_NUMBER


def test_what_can_never_be_makes_the_whole_impossible() -> None:
    assert refine(shape_of({"a": "x"}), ("a",), lambda value: value.only(NUMBER)).is_never
    assert refine(shape_of({"a": 1}), ("b",), lambda value: value).is_never
    assert refine(shape_of([1]), (1,), lambda value: value).is_never
    assert an_object({"a": NEVER}).is_never


def test_what_is_known_to_be_absent_is_missing_after() -> None:
    shape = lack(ANYTHING, ("a",))
    assert look(shape, ("a",)).verdict is MISSING
    assert look(shape, ("b",)).verdict is UNDECIDED
    assert lack(shape_of({"a": 1}), ("a",)).is_never
    assert keys_of(shape) == "{…}"


def test_an_array_without_an_item_is_shorter() -> None:
    shape = lack(an_object({"l": an_array(ANY_NUMBER)}), ("l", 0))
    assert look(shape, ("l", 0)).verdict is MISSING
    assert lack(shape_of([1]), (0,)).is_never


def test_what_was_missing_can_be_assumed_so_that_it_is_told_once() -> None:
    shape = assume(shape_of({"a": 1}), ("b", "c"))
    assert look(shape, ("b", "c")).verdict is not MISSING
    assert look(shape, ("a",)).verdict is PRESENT
    assert look(shape, ("d",)).verdict is MISSING


def test_a_result_is_put_into_objects_that_are_there_or_made() -> None:
    verdict, placed = place(shape_of({"a": {"b": 1}}), ("a", "c"), ANY_STRING)
    assert verdict is PRESENT
    assert keys_of(look(placed, ("a",)).shape) == "{b, c}"
    verdict, placed = place(shape_of({}), ("x", "y"), ANY_STRING)
    assert verdict is PRESENT
    assert look(placed, ("x", "y")).shape == ANY_STRING


def test_a_result_cannot_be_put_through_a_scalar_or_null() -> None:
    assert place(shape_of({"a": 1}), ("a", "b"), ANY_STRING)[0] is MISSING
    assert place(shape_of({"a": None}), ("a", "b"), ANY_STRING)[0] is MISSING
    either = join(shape_of({"a": None}), shape_of({"a": {}}))
    assert place(either, ("a", "b"), ANY_STRING)[0] is SOMETIMES
    assert place(ANYTHING, ("a", "b"), ANY_STRING)[0] is UNDECIDED


def test_a_result_replaces_an_item_that_is_there_and_adds_none() -> None:
    assert place(shape_of([1, 2]), (1,), ANY_STRING)[0] is PRESENT
    assert place(shape_of([1, 2]), (2,), ANY_STRING)[0] is MISSING
    assert place(shape_of([1, 2], exact=False), (0,), ANY_STRING)[0] is UNDECIDED


def test_anything_covers_what_is_open_and_not_what_is_known_to_lack_something() -> None:
    assert covers(ANYTHING, an_object({"a": ANYTHING}, is_open=True))
    assert not covers(ANYTHING, shape_of({"a": 1}))
    assert not covers(ANYTHING, shape_of(None))
    assert not covers(shape_of({"a": 1}), shape_of({}))
    assert covers(an_object({"a": Field(ANY_NUMBER, required=False)}), shape_of({}))


def test_arrays_of_both_have_the_items_of_both() -> None:
    shape = join(shape_of([1]), shape_of(["x", "y"]))
    assert shape.kinds == ARRAY
    assert (shape.at_least, shape.at_most) == (1, 2)
    assert shape.items is not None
    assert describe(shape.items) == "a string or a number"
