"""Random numbers equal to Java's, from streams that are named."""

from __future__ import annotations

import re
import uuid

import pytest

from sfn_sim.run.seed import Stream


def test_the_stream_of_42_gives_what_aws_gave() -> None:
    assert Stream(42).next_double() == 0.7275636800328681


def test_the_stream_of_0_gives_javas_first_integers() -> None:
    # new java.util.Random(0): nextInt() twice, then nextInt(100) of a new one.
    stream = Stream(0)
    assert [number - (1 << 32) if (number := stream.next_bits(32)) >= 1 << 31 else number for _ in range(2)] == [
        -1155484576,
        -723955400,
    ]
    assert Stream(0).next_below(100) == 60


@pytest.mark.parametrize("bound", [1, 2, 3, 100, 64, 2**31 - 1])
def test_a_number_below_a_bound_is_below_it(bound: int) -> None:
    stream = Stream(7)
    assert all(0 <= stream.next_below(bound) < bound for _ in range(200))


def test_streams_differ_by_seed_and_by_name_and_repeat() -> None:
    names = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a1"), (0, "a", "1", "")]
    drawn = [Stream.named(*name).next_double() for name in names]  # type: ignore[arg-type]
    assert len(set(drawn)) == len(names)
    assert drawn == [Stream.named(*name).next_double() for name in names]  # type: ignore[arg-type]


def test_a_uuid_is_of_version_4_and_well_formed() -> None:
    stream = Stream(3)
    for _ in range(50):
        text = stream.uuid4()
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
        assert uuid.UUID(text).version == 4
