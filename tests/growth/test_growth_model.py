"""What a handler would answer: rules learned from what it has answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_sim.analysis.growth_model import Example, Unexplained, apply, learn, reads_event, tells


def examples(*pairs: tuple[Any, Any], **numbers: list[int]) -> list[Example]:
    return [
        Example(event, result, {name: each[n] for name, each in numbers.items()})
        for n, (event, result) in enumerate(pairs)
    ]


def told(found: list[Example], event: Any, donor: Any = None, **numbers: int) -> Any:
    return apply(learn(found), Example(event, None, numbers), donor)


def test_a_value_of_the_event_is_copied() -> None:
    found = examples(({"run": "r-1", "n": 1}, {"id": "r-1"}), ({"run": "r-2", "n": 2}, {"id": "r-2"}))
    assert told(found, {"run": "other", "n": 9}) == {"id": "other"}
    assert tells(learn(found), found)


def test_a_text_is_written_with_texts_and_numbers_of_the_event() -> None:
    found = examples(
        ({"run": "abc-7", "chunk": {"index": 3}}, "parts/abc-7/chunk-3/"),
        ({"run": "abc-7", "chunk": {"index": 12}}, "parts/abc-7/chunk-12/"),
    )
    assert told(found, {"run": "xyz", "chunk": {"index": 1000}}) == "parts/xyz/chunk-1000/"


def test_a_list_of_the_event_is_counted() -> None:
    found = examples(({"items": [1, 2]}, {"count": 2}), ({"items": [1, 2, 3, 4]}, {"count": 4}))
    assert told(found, {"items": list(range(500))}) == {"count": 500}


def test_a_number_follows_one_that_the_run_knows() -> None:
    found = examples(({}, {"marked": 5}), ({}, {"marked": 10}), **{"items of Each": [5, 10]})
    assert told(found, {}, **{"items of Each": 777}) == {"marked": 777}


def test_a_number_in_proportion_needs_three_points() -> None:
    three = examples(({}, 21), ({}, 41), ({}, 81), value=[10, 20, 40])
    assert told(three, {}, value=100) == 201
    assert not tells(learn(three[:2]), three[:2])


def test_one_more_for_so_many_is_found() -> None:
    found = examples(({}, 1), ({}, 2), ({}, 4), value=[5, 12, 40])
    assert told(found, {}, value=41) == 5


def test_what_follows_from_nothing_is_another_calls() -> None:
    found = examples(({"n": 1}, {"id": "a1b2", "bucket": "b"}), ({"n": 2}, {"id": "c3d4", "bucket": "b"}))
    rule = learn(found)
    assert not tells(rule, found)
    assert not reads_event(rule)
    assert apply(rule, Example({"n": 3}, None, {}), {"id": "e5f6"}) == {"id": "e5f6", "bucket": "b"}


def test_how_long_a_list_becomes_is_never_taken_as_told() -> None:
    found = examples(({"a": 1}, {"groups": [0]}), ({"a": 2}, {"groups": [0]}))
    assert not tells(learn(found), found)
    assert tells(learn(found), found) is False


def test_a_number_that_was_seen_once_is_not_told() -> None:
    once = examples(({"a": "x"}, {"total": 7}))
    assert not tells(learn(once), once)


def test_a_boolean_is_never_taken_for_a_number() -> None:
    found = examples(({"n": 1}, {"on": True}), ({"n": 0}, {"on": False}))
    assert not tells(learn(found), found)


def test_an_event_without_what_a_rule_reads_is_told_nothing() -> None:
    found = examples(({"run": "r-1"}, "r-1"), ({"run": "r-2"}, "r-2"))
    with pytest.raises(Unexplained):
        told(found, {"other": "r-3"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text("ab1-", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("k", "id", "n")), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(JSON, JSON), min_size=1, max_size=4))
def test_a_rule_gives_back_every_example_that_it_was_learned_from(pairs: list[tuple[Any, Any]]) -> None:
    found = examples(*pairs, value=[3 * n + 1 for n in range(len(pairs))])
    rule = learn(found)
    for each in found:
        assert apply(rule, each, each.result) == each.result
