"""Delays between attempts, and which retrier counts."""

from __future__ import annotations

import pytest

from sfn_sim import limits
from sfn_sim.definition.model import Retrier
from sfn_sim.errors import StatesError
from sfn_sim.run.retry import Attempts, delay_ms, error_output
from sfn_sim.run.seed import Stream


def delays(count: int, **fields: object) -> list[int]:
    retrier = Retrier(error_equals=("States.ALL",), **fields)  # type: ignore[arg-type]
    return [delay_ms(retrier, attempt, Stream(1)) for attempt in range(count)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1000, 2000, 4000]),
        ({"interval_seconds": 3, "backoff_rate": 1.0}, [3000, 3000, 3000]),
        ({"interval_seconds": 2, "backoff_rate": 1.5}, [2000, 3000, 4500]),
        ({"interval_seconds": 5, "backoff_rate": 3.0, "max_delay_seconds": 20}, [5000, 15_000, 20_000]),
    ],
)
def test_delays_grow_by_the_rate_up_to_the_largest(fields: dict[str, object], expected: list[int]) -> None:
    assert delays(3, **fields) == expected


def test_a_retrier_that_never_gives_up_goes_on_beyond_what_a_double_holds() -> None:
    retrier = Retrier(error_equals=("States.ALL",), backoff_rate=2.0, max_delay_seconds=10)
    assert delay_ms(retrier, 5000, Stream(0)) == 10_000
    unbounded = Retrier(error_equals=("States.ALL",), backoff_rate=2.0)
    assert delay_ms(unbounded, 5000, Stream(0)) == limits.RETRY_DELAY.value * 1000


def test_full_jitter_draws_from_nothing_to_the_whole_delay_and_repeats_with_its_seed() -> None:
    retrier = Retrier(error_equals=("States.ALL",), interval_seconds=10, backoff_rate=1.0, full_jitter=True)
    drawn = [delay_ms(retrier, 0, Stream.named(seed, "x")) for seed in range(200)]
    assert all(0 <= each <= 10_000 for each in drawn)
    assert min(drawn) < 1000
    assert max(drawn) > 9000
    assert drawn == [delay_ms(retrier, 0, Stream.named(seed, "x")) for seed in range(200)]


def test_each_retrier_counts_for_itself_and_the_first_that_names_the_error_decides() -> None:
    attempts = Attempts(
        (
            Retrier(error_equals=("Busy",), max_attempts=1, interval_seconds=7),
            Retrier(error_equals=("States.ALL",), max_attempts=2, backoff_rate=1.0),
        )
    )
    taken = [attempts.next_delay_ms(StatesError(name, None), Stream(0)) for name in ("X", "Busy", "X", "Busy", "X")]
    assert taken == [1000, 7000, 1000, None, None]


def test_no_attempts_means_no_retry() -> None:
    attempts = Attempts((Retrier(error_equals=("Busy",), max_attempts=0), Retrier(error_equals=("States.ALL",))))
    assert attempts.next_delay_ms(StatesError("Busy", None), Stream(0)) is None


def test_error_output_has_nothing_left_out() -> None:
    assert error_output(StatesError("E", "why")) == {"Error": "E", "Cause": "why"}
    assert error_output(StatesError("States.Timeout", None)) == {"Error": "States.Timeout", "Cause": ""}
    assert error_output(StatesError(None, None)) == {"Error": None, "Cause": None}
