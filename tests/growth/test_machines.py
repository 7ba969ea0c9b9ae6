"""The machines of the project: what the model says of them is what a run in full shows."""

from __future__ import annotations

import pytest

from sfn_sim.growth.opening import open_growth
from tests.growth.table import CASES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["line", "word"])
@pytest.mark.parametrize("value", [60, 449])
def test_every_payload_of_a_modelled_run_has_the_size_that_it_has_in_full(name: str, value: int) -> None:
    modelled = open_growth(machine=name, fixture="backlog", vary="batches=5..5000", settings={"dims": "8"})
    in_full = open_growth(machine=name, fixture="backlog", vary="batches=5..5000", settings={"dims": "8"}, most=None)
    for taught in (5, 10, 20):
        modelled.at(taught, in_full=True)
    modelled.at(50)  # more than four chunks: the first value with groups is run in full
    seen, real = modelled.at(value), in_full.at(value)
    assert seen.modelled > real.modelled == 0
    assert {state: each.sizes for state, each in seen.payloads.items()} == {
        state: each.sizes for state, each in real.payloads.items()
    }
    assert (seen.events, seen.objects, seen.items, seen.ways) == (real.events, real.objects, real.items, real.ways)


@pytest.mark.slow
def test_one_run_of_word_without_a_cap_holds_with_as_many_batches_as_one_of_line() -> None:
    case = next(each for each in CASES if each.name == "word: no cap at all")
    curve = open_growth(**{**case.options, "vary": "batches=1301..1302"}).curve()
    assert curve.holding is not None
    assert curve.failing is not None
    assert (curve.holding.value, curve.failing.value) == (1301, 1302)
    assert (curve.failing.state, curve.failing.reached) == ("PollWordBatches", "payload")
