"""Map Runs of production histories: what is not there is named, and children whose histories are given are attached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfn_sim import ConfigurationError, StateMachine
from sfn_sim.analysis.compare import compare_runs
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.explain import explain
from sfn_sim.analysis.lineage.backwards import lineage
from sfn_sim.history_import import Imported, import_history
from sfn_sim.replay import replay
from sfn_sim.run.execution import Execution
from sfn_sim.runs import find_run, make_folder
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.store import record
from tests.behaviour.test_recorded_children import FLAT, GROUPS, NESTED, STRICT, WITHIN, half, items, run


def history(execution: Execution) -> list[dict[str, Any]]:
    return list(execution.history())


def children(execution: Execution, *numbers: int, map_run: int = 0) -> dict[str, list[dict[str, Any]]]:
    there = execution.map_runs[map_run]
    return {f"{there.path}[{number}]": history(there.children[number].execution()) for number in numbers}


def imported(made: StateMachine, live: Execution, given: dict[str, Any] | None = None) -> Imported:
    return import_history(history(live), made, live.identity.arn, given)


def test_a_map_run_without_its_children_says_so_wherever_one_is_asked_for() -> None:
    found = imported(STRICT, run(STRICT, items(30)))
    (lacking,) = found.lacking
    assert lacking.startswith("event 2: the history lacks the children of Each")
    words = r"child 3 of Each is not in the record: its parent's history does not tell.*import … --child 'Each\[3\]="
    with pytest.raises(ConfigurationError, match=words):
        explain(found.execution, STRICT.source, "Each[3].Half")
    diagnosis = diagnose(found.execution, STRICT.source)
    assert diagnosis is not None
    assert (diagnosis.state, diagnosis.what) == (
        "Each", "too many of its children failed, and the history does not have theirs"
    )  # fmt: skip
    assert "--child 'Each[N]=HISTORY.json'" in diagnosis.fix


def test_a_child_that_is_attached_is_explained_followed_and_named_by_the_diagnosis(tmp_path: Path) -> None:
    live = run(STRICT, items(30))
    found = imported(STRICT, live, children(live, 3, 16))
    record(make_folder(tmp_path), found.execution, STRICT.source, origin="import")
    read = find_run("last", tmp_path).execution
    for execution in (found.execution, read):
        (visit,) = explain(execution, STRICT.source, "Each[3].Sum").visits
        assert visit.visit.output == {"x": 1.5}
        origin = lineage(execution, "Each[3].Half.input.n").hops[-1]
        assert (origin.kind, origin.point.steps) == ("input", ("items", 3, "n"))
        diagnosis = diagnose(execution, STRICT.source)
        assert diagnosis is not None
        assert diagnosis.state == "item 16 of Each, in Half"
        assert "ValueError: odd 16" in diagnosis.what
        assert not any("items failed" in note for note in diagnosis.notes)


def test_a_child_of_a_child_is_attached_where_that_one_is() -> None:
    live = run(NESTED, GROUPS)
    outer = live.map_runs[0].children[1].execution()
    inner = {f"Outer[1].{place}": each for place, each in children(outer, 3).items()}
    found = imported(NESTED, live, {**children(live, 1), **inner})
    (visit,) = explain(found.execution, NESTED.source, "Outer[1].Each[3].Sum").visits
    assert visit.visit.output == {"x": 11.5}
    with pytest.raises(ConfigurationError, match="for a child of a child give that, too"):
        imported(NESTED, live, inner)


def test_a_child_of_a_map_run_inside_of_a_map_has_its_place_in_it() -> None:
    live = run(WITHIN, GROUPS)
    found = imported(WITHIN, live, children(live, 3, map_run=1))
    (visit,) = explain(found.execution, WITHIN.source, "P[0].Groups[1].Each[3].Sum").visits
    assert visit.visit.output == {"x": 11.5}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("Each[4]", r"given not item 4; that is the item of Each\[3\]"),
        ("Each[40]", r"given no item of it: the Map has 30 items; that is the item of Each\[3\]"),
        ("Other[3]", r"no such place in the history: it has Map Runs of Each"),
        ("Each", r"name a child by its Map and its number, such as Rows\[3\]"),
    ],
)
def test_a_child_in_the_wrong_place_is_refused(place: str, words: str) -> None:
    live = run(STRICT, items(30))
    with pytest.raises(ConfigurationError, match=words):
        imported(STRICT, live, {place: children(live, 3)["Each[3]"]})


def test_a_replay_answers_for_attached_children_as_they_were_and_calls_for_the_others() -> None:
    live = run(FLAT, items(4))
    found = imported(FLAT, live, children(live, 0, 3))
    done = replay(found.execution, FLAT, handlers=Handlers(functions={"half": half}))
    assert (done.used.recorded, len(done.used.real), done.execution.output) == (2, 2, live.output)
    with pytest.raises(ConfigurationError, match="child 1 of Each is not in the record: its parent's history"):
        replay(found.execution, FLAT)


def test_an_imported_run_is_compared_as_far_as_its_children_are_there() -> None:
    live = run(FLAT, items(4))
    found = compare_runs(imported(FLAT, live, children(live, 3)).execution, live)
    assert not [each for each in found.states if each.place != "Each"]
    assert found.notes == ["not compared: children of Each that an imported history does not have"]
