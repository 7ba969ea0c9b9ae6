"""Timestamps as ASL wants them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sfn_sim.timestamp import parse_timestamp

MOMENT = int(datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("text", "after_ns"),
    [
        ("2025-01-02T03:04:05Z", 0),
        ("2025-01-02T03:04:05.000000Z", 0),
        ("2025-01-02T03:04:05.123456789Z", 123_456_789),
        ("2025-01-02T03:04:05.5+00:00", 500_000_000),
        ("2025-01-02T05:34:05+02:30", 0),
        ("2025-01-01T20:04:05-07:00", 0),
    ],
)
def test_a_moment_is_read_to_the_nanosecond_whatever_its_offset(text: str, after_ns: int) -> None:
    assert parse_timestamp(text) == MOMENT + after_ns


@pytest.mark.parametrize(
    "text",
    [
        "", "2025-01-02", "2025-01-02 03:04:05Z", "2025-01-02t03:04:05Z", "2025-01-02T03:04:05", "2025-1-2T03:04:05Z",
        "2025-02-30T00:00:00Z", "2025-01-02T25:00:00Z", "2025-01-02T03:04:05.Z", "2025-01-02T03:04:05z",
        "٢٠٢٥-01-02T03:04:05Z", " 2025-01-02T03:04:05Z", "2025-01-02T03:04:05+0200", 5, None, True, ["x"],
    ],
)  # fmt: skip
def test_what_is_no_such_timestamp_is_told_apart(text: object) -> None:
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "2025-01-01T00:00:00+99:99"]
)
def test_an_offset_that_no_clock_has_or_that_leaves_the_calendar_is_no_timestamp(text: str) -> None:
    assert parse_timestamp(text) is None
