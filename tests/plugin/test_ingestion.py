"""The line and word machines, tested as a team would: with the plugin, over small worlds."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.testing import worlds

SMALL = {"batches": 9, "embeddings": 18, "dims": 8}


@pytest.mark.parametrize(("kind", "last"), [("line", "FinalMerge"), ("word", "WordFinalMerge")])
def test_no_payload_comes_near_the_limit(sfn_world: Any, kind: str, last: str) -> None:
    execution = sfn_world(kind, "small").run()
    assert execution.largest_payload.share < 0.8
    assert execution.visit(last).input["poll_results_s3_key"]


@pytest.mark.sfn_world("line", "small")
def test_nothing_is_lost(execution: Any, world: Any) -> None:
    assert execution.status == "SUCCEEDED"


def test_a_prepared_world_is_built_once_and_is_as_new_each_time(
    sfn_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "_LONG_S", 0.0)
    monkeypatch.setattr(worlds, "_built", {})
    first = sfn_world("line", "small").run()
    built = dict(worlds._built)
    assert len(built) == 1
    second = sfn_world("line", "small").run()
    assert worlds._built == built
    assert first.output == second.output
    assert [event[3:] for event in first.log.events] == [event[3:] for event in second.log.events]
