"""What a run leaves in memory, and how Python's collector is kept from walking its log."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from sfn_sim.payload import copy_if_plain, encode, encode_to_keep
from sfn_sim.run.execution import Options
from sfn_sim.services.garbage import note_work
from sfn_sim.spool import Spool
from tests.behaviour.machines import graph, machine, passing, task

FAN = {"Type": "Map", "ItemProcessor": graph(T=task(Next="P"), P=passing())}
NAMED = passing(Parameters={"name.$": "$$.State.Name"})
BRANCHES = {"Type": "Parallel", "Branches": [graph(A=NAMED), graph(B=passing())]}


@pytest.mark.parametrize("sink", [None, Spool])
def test_a_log_goes_as_soon_as_nobody_holds_it_without_a_collection(sink: Any) -> None:
    loaded = machine(M={**FAN, "Next": "Both"}, Both={**BRANCHES, "End": True})
    execution = loaded.run([1, 2, 3], {"f": lambda event, context: event}, options=Options(sink=sink))
    assert execution.status == "SUCCEEDED"
    log, visit = weakref.ref(execution.log), weakref.ref(execution.log.visits[2])
    gc.disable()
    try:
        del execution
        assert log() is None
        assert visit() is None
    finally:
        gc.enable()


def test_a_run_keeps_collections_rare_until_a_handler_has_done_much_and_then_leaves_all_as_it_was() -> None:
    before, seen = gc.get_threshold(), []

    def looks(event: Any, context: Any) -> Any:
        seen.append(gc.get_threshold()[0])
        note_work(10**9 if event == 2 else 0)
        return event

    loaded = machine(M={**FAN, "MaxConcurrency": 1, "End": True})
    loaded.run([1, 2, 3], {"f": looks})
    assert seen == [100_000, 100_000, before[0]]
    assert gc.get_threshold() == before


@pytest.mark.parametrize("value", [{"a": [1, 2.5, "é", None, True]}, [], {}, "text", 7, {"b": {"c": [{}]}}])
def test_plain_json_is_copied(value: Any) -> None:
    copied = copy_if_plain(value)
    assert copied == value
    assert copied is not value or not isinstance(value, dict | list)


@pytest.mark.parametrize("value", [(1, 2), {"a": (1,)}, float("nan"), {1: "a"}, 2**70, {"a": {1, 2}}, "\ud800"])
def test_what_json_would_change_or_refuse_is_not_copied(value: Any) -> None:
    assert copy_if_plain(value) is None


def test_text_that_is_kept_says_the_same_as_text_that_is_measured() -> None:
    for value in ({}, {"a": "é" * 5000}, [None] * 100):
        assert encode_to_keep(value) == encode(value)
