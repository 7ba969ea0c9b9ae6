"""No state comes nearer to the payload limit unnoticed."""

from __future__ import annotations

import copy

import pytest

from sfn_sim import limits
from sfn_sim.analysis.lints import lint

from .payloads import complaints, payloads, pins, run


@pytest.mark.parametrize("kind", ["line", "word"])
@pytest.mark.parametrize("name", ["hierarchical", pytest.param("documented", marks=pytest.mark.slow)])
def test_a_large_fixture_ends_as_it_expects_with_the_payloads_that_are_pinned(kind: str, name: str) -> None:
    execution, broken = run(kind, name)
    assert (execution.status, execution.error, broken) == ("SUCCEEDED", None, [])
    assert lint(execution) == []
    found = payloads(execution)
    assert list(complaints(pins()[kind][name], found)) == []
    assert pins()[kind][name].keys() == found.keys()


def test_growth_is_told_with_state_field_and_bytes() -> None:
    pinned = pins()["line"]["hierarchical"]
    found = copy.deepcopy(pinned)
    found["PollBatches"]["output"]["bytes"] += 10_000
    found["PollBatches"]["output"]["fields"]["$.poll_results"] += 9_000
    found["PollBatches"]["output"]["fields"]["$.fresh"] = 1_000
    before = pinned["PollBatches"]["output"]["bytes"]
    assert list(complaints(pinned, found)) == [
        f"PollBatches: its output grew from {before:,} to {before + 10_000:,} bytes: "
        "$.poll_results by 9,000 bytes, $.fresh by 1,000 bytes (new)"
    ]


def test_a_payload_near_the_limit_and_a_state_without_pin_are_told() -> None:
    size = limits.PAYLOAD.value * 9 // 10
    found = {"New": {"input": {"bytes": size, "fields": {"$.a": 10, "$.list": size - 10}}}}
    assert list(complaints({}, found)) == [
        f"New: its input ({size:,} bytes) has no pin; write it with python -m tests.ingestion.payloads",
        f"New: its input ({size:,} bytes) is 90% of the limit, $.list most of it",
    ]


def test_five_percent_more_are_no_growth() -> None:
    pinned = pins()["line"]["hierarchical"]
    found = copy.deepcopy(pinned)
    found["FinalMerge"]["input"]["bytes"] = int(found["FinalMerge"]["input"]["bytes"] * 1.05)
    assert list(complaints(pinned, found)) == []
