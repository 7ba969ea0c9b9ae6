"""The payload bugs of definitions/broken, and at which size each of them shows."""

from __future__ import annotations

import pytest

from sfn_sim.growth.opening import open_growth


def test_the_backlog_without_a_cap_breaks_in_the_map_of_polls_by_their_references() -> None:
    growth = open_growth(broken="b27-uncapped-backlog", vary="batches=10..60", limit_bytes=10_000)
    curve = growth.curve()
    assert curve.holding is not None
    assert curve.failing is not None
    assert (curve.holding.value, curve.failing.value) == (22, 23)
    assert (curve.failing.state, curve.failing.error) == ("PollBatches", "States.DataLimitExceeded")


def test_vectors_that_are_passed_inline_break_the_map_of_polls_at_the_fourteenth() -> None:
    curve = open_growth(broken="issue-3-payload-limit", vary="embeddings=13..14").curve()
    assert curve.holding is not None
    assert curve.failing is not None
    assert (curve.holding.value, curve.failing.value) == (13, 14)
    assert curve.failing.state == "PollBatches"
    assert curve.failing.payloads["PollBatches"].fields[0][0] == "$[*].embeddings"


@pytest.mark.slow
def test_the_backlog_without_a_cap_holds_up_to_1301_batches_and_runs_in_full_bear_it_out() -> None:
    growth = open_growth(broken="b27-uncapped-backlog", vary="batches=1301..1302")
    curve = growth.curve()
    assert curve.holding is not None
    assert curve.failing is not None
    assert (curve.holding.value, curve.failing.value) == (1301, 1302)
    assert curve.failing.modelled
    assert [real.outcome[:3] for _, real in growth.verify(curve)] == [
        ("", "", None), ("payload", "PollBatches", "States.DataLimitExceeded"),
    ]  # fmt: skip


@pytest.mark.slow
def test_its_history_alone_would_break_at_another_size() -> None:
    growth = open_growth(
        broken="b27-uncapped-backlog", vary="batches=10..400", limit_bytes=10**8, limit_events=1_000
    )
    curve = growth.curve()
    assert curve.holding is not None
    assert curve.failing is not None
    assert curve.failing.reached == "events"
    # Seven events for each poll, and thirty-one before and after them.
    assert (curve.holding.value, curve.failing.value) == (138, 139)
    assert curve.holding.events == 138 * 7 + 31


@pytest.mark.slow
def test_the_small_path_fails_up_to_four_chunks_and_holds_from_the_fifth_on() -> None:
    settings = {"substitutions.ChunkSize": "1", "dims": "8", "embeddings": "12"}
    curve = open_growth(broken="b10-small-path", vary="batches=1..12", settings=settings).curve()
    window = curve.boundaries[0]
    assert curve.holding is None
    assert (window.before.value, window.after.value, window.recovers) == (4, 5, True)
    assert (window.before.state, window.before.error) == ("PrepareFinalMerge", "States.Runtime")
