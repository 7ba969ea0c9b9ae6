"""The search: values tried until two neighbours are found between which something changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_sim.analysis.growth import EVENTS, OTHER, PAYLOAD, Curve, Payload, Sample, capped, ladder, rate_of, search

LIMIT = 262_144


def growing(per_unit: int, **more: object) -> Callable[[int], Sample]:
    def run(value: int) -> Sample:
        size = 100 + per_unit * value
        payloads = {"Gather": Payload("output", size, (("$.all", size - 100),), {"output": size})}
        over = size > LIMIT
        return Sample(
            value=value, status="FAILED" if over else "SUCCEEDED", error="States.DataLimitExceeded" if over else None,
            reached=PAYLOAD if over else "", state="Gather" if over else "", payloads=payloads,
        )  # fmt: skip

    return run


def changing(way: Callable[[int], str], fails: Callable[[int], bool] = lambda value: False) -> Callable[[int], Sample]:
    def run(value: int) -> Sample:
        if fails(value):
            return Sample(value=value, status="FAILED", error="States.Runtime", reached=OTHER, state="Merge")
        return Sample(value=value, status="SUCCEEDED", ways={"after Check": f"comes {way(value)}"})

    return run


def tried(run: Callable[[int], Sample], low: int, high: int) -> tuple[Curve, list[int]]:
    values: list[int] = []
    curve = search(run, "n", low, high, lambda sample: values.append(sample.value))
    return curve, values


@given(st.integers(10, 20_000))
def test_the_first_value_over_the_limit_is_found_exactly_and_in_few_runs(per_unit: int) -> None:
    first = (LIMIT - 100) // per_unit + 1
    curve, values = tried(growing(per_unit), 1, 40_000)
    assert curve.failing is not None
    assert curve.holding is not None
    assert (curve.holding.value, curve.failing.value) == (first - 1, first)
    assert len(values) <= len(ladder(1, 40_000)) + 6
    assert len(set(values)) == len(values)


@given(st.integers(2, 40), st.integers(3, 60))
def test_the_first_value_over_the_history_limit_is_found_exactly(each: int, others: int) -> None:
    def run(value: int) -> Sample:
        events = min(others + each * value, 25_000)
        full = others + each * value > 25_000
        return Sample(value=value, status="FAILED" if full else "SUCCEEDED", events=events,
                      reached=EVENTS if full else "")  # fmt: skip

    curve, values = tried(run, 1, 40_000)
    assert curve.failing is not None
    assert curve.failing.value == (25_000 - others) // each + 1
    assert len(values) <= len(ladder(1, 40_000)) + 8


@given(st.integers(2, 5000))
def test_a_cliff_is_found_exactly(edge: int) -> None:
    curve, _ = tried(changing(lambda value: "Direct" if value < edge else "Grouped"), 1, 5000)
    (cliff,) = curve.cliffs
    assert (cliff.before.value, cliff.after.value) == (edge - 1, edge)
    assert cliff.changes() == ["after Check comes Grouped, and not Direct"]
    assert curve.exit_code == 0


def test_a_window_that_fails_between_values_that_hold_is_shown_with_both_its_ends() -> None:
    curve, _ = tried(changing(lambda value: "Direct", fails=lambda value: 3 <= value <= 40), 1, 500)
    assert [(each.before.value, each.after.value) for each in curve.boundaries] == [(2, 3), (40, 41)]
    assert curve.failing is not None
    assert curve.failing.value == 3
    assert curve.boundaries[0].breaks
    assert curve.boundaries[1].recovers
    assert "holds again" in curve.boundaries[1].changes()[0]


def test_a_range_that_fails_from_its_least_value_on_has_none_that_holds() -> None:
    curve, _ = tried(changing(lambda value: "", fails=lambda value: True), 5, 50)
    assert curve.holding is None
    assert curve.exit_code == 1


def test_larger_values_are_not_tried_once_the_limit_was_met_twice_in_a_row() -> None:
    curve, values = tried(growing(1000), 1, 10**9)
    assert max(values) == 1024
    assert curve.high == 10**9


def test_where_nothing_grows_any_more_the_largest_value_comes_next() -> None:
    def run(value: int) -> Sample:
        items = min(value, 30)
        return Sample(value=value, status="SUCCEEDED", events=items * 7, items={"Each": items})

    curve, values = tried(run, 1, 100_000)
    assert values == [1, 2, 4, 8, 16, 32, 64, 100_000]
    assert capped(curve.samples) == ("Each", 30)


def test_what_grows_is_told_in_bytes_for_each_unit() -> None:
    curve, _ = tried(growing(200), 1, 5000)
    assert curve.failing is not None
    rate = rate_of(curve, curve.failing, "Gather")
    assert rate is not None
    assert (rate.bytes_per_unit, rate.fields) == (200.0, (("$.all", 200.0),))


@pytest.mark.parametrize(
    ("low", "high", "values"), [(5, 5, [5]), (0, 5, [0, 1, 2, 4, 5]), (5, 40, [5, 10, 20, 40]), (1, 2, [1, 2])]
)
def test_the_first_round_doubles_and_has_both_ends(low: int, high: int, values: list[int]) -> None:
    assert ladder(low, high) == values
