"""Recorded runs come back as they were: the same log, the same diagnosis, found by any of their names."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import ConfigurationError, StateMachine
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.run.execution import Execution
from sfn_sim.runs import find_run, list_runs, make_folder
from sfn_sim.spool import Spool
from sfn_sim.store import prune, record
from tests.behaviour.machines import always, graph, machine, passing, task
from tests.unit.test_store import small_run


def recorded(tmp_path: Path, made: StateMachine, execution: Execution) -> Execution:
    file = make_folder(tmp_path)
    record(file, execution, made.source)
    return find_run("last", tmp_path).execution


FAN = machine(
    Fan={
        "Type": "Parallel",
        "Branches": [
            graph(
                M={
                    "Type": "Map",
                    "ItemsPath": "$.items",
                    "ItemProcessor": graph(
                        T=task(
                            Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
                            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "P"}],
                            Assign={"seen.$": "$"},
                            Next="P",
                        ),
                        P=passing(Parameters={"all.$": "$"}),
                    ),
                    "End": True,
                }
            ),
            graph(W={"Type": "Wait", "Seconds": 3, "Next": "Q"}, Q=passing(Assign={"late": True})),
        ],
        "Next": "Lost",
    },
    Lost=passing(Parameters={"x.$": "$[0][1].missing"}),
)


def assert_same(read: Execution, live: Execution) -> None:
    assert read.log.events == list(live.log.events)
    assert (read.status, read.error, read.cause, read.output) == (live.status, live.error, live.cause, live.output)
    assert (read.input, read.identity, read.detail, read.elapsed_ms) == (
        live.input, live.identity, live.detail, live.elapsed_ms
    )  # fmt: skip
    names = (
        "index", "name", "path", "previous", "entered_event", "entered_ms", "exited_ms", "stages", "left", "output",
        "assigned", "caught", "error", "task_input_bytes", "result_bytes", "output_bytes",
    )  # fmt: skip
    assert len(read.log.visits) == len(live.log.visits)
    for ours, theirs in zip(read.log.visits, live.log.visits, strict=True):
        assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}
        assert ours.state.number == theirs.state.number
        assert ours.branch.item == theirs.branch.item
        assert dict(ours.branch.scope.variables) == dict(theirs.branch.scope.variables)
        assert tuple(ours.retry_delays_ms) == tuple(theirs.retry_delays_ms)
    together = [(a.branch is b.branch) for a in live.log.visits for b in live.log.visits]
    assert [(a.branch is b.branch) for a in read.log.visits for b in read.log.visits] == together


def test_a_run_comes_back_with_its_states_branches_items_and_variables(tmp_path: Path) -> None:
    def handler(event: Any, context: Any) -> Any:
        if event == 2:
            raise ValueError("two")
        return {"n": event}

    live = FAN.run({"items": [1, 2, {"3": [4]}]}, {"f": handler})
    assert live.status == "FAILED"
    assert_same(recorded(tmp_path, FAN, live), live)


def test_the_diagnosis_of_a_run_is_the_same_when_it_is_read_back(tmp_path: Path) -> None:
    live = FAN.run({"items": [1, 2]}, {"f": lambda event, _: {"n": event}})
    run = recorded(tmp_path, FAN, live)
    ours, theirs = diagnose(run, FAN.source), diagnose(live, FAN.source)
    assert ours is not None
    assert theirs is not None
    assert ours.lines(FAN.source) == theirs.lines(FAN.source)
    assert "missing" in ours.what


def test_children_of_a_distributed_map_come_back_with_it(tmp_path: Path) -> None:
    fan = {
        "Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(T=task())},
        "ToleratedFailurePercentage": 100,
        "End": True,
    }
    made = machine(M=fan)

    def handler(event: Any, context: Any) -> Any:
        if event == 13:
            raise ValueError("thirteen")
        return event

    live = made.run(list(range(15)), {"f": handler})
    run = recorded(tmp_path, made, live)
    ours, theirs = run.map_runs[0], live.map_runs[0]
    assert ours.to_json() == theirs.to_json()
    assert list(ours.children) == [*range(10), 13]
    assert ours.totals == theirs.totals
    for index, child in ours.children.items():
        assert child.log.events == theirs.children[index].log.events
        assert child.execution().error == theirs.children[index].error
    assert [row.number for row in list_runs(tmp_path)] == [1]


def test_runs_are_listed_newest_first_and_found_by_number_last_and_name(tmp_path: Path) -> None:
    file = make_folder(tmp_path)
    made = machine(F={"Type": "Fail", "Error": "E", "Cause": "why"})
    for name in ("monday", "tuesday", "wednesday"):
        record(file, made.run(name=name), made.source)
    assert [(row.number, row.execution, row.status) for row in list_runs(tmp_path)] == [
        (3, "wednesday", "FAILED"), (2, "tuesday", "FAILED"), (1, "monday", "FAILED"),
    ]  # fmt: skip
    names = {"last": 3, "last~2": 1, "2": 2, "tuesday": 2, "mon": 1, f"{file}": 3, f"{file}:2": 2}
    assert {name: find_run(name, tmp_path).number for name in names} == names


@pytest.mark.parametrize(("name", "words"), [("last~3", "holds 2 runs"), ("7", "newest are 2"), ("day", "several")])
def test_a_run_that_is_not_there_is_refused_by_name(tmp_path: Path, name: str, words: str) -> None:
    file = make_folder(tmp_path)
    for each in ("day-1", "day-2"):
        record(file, machine(P=passing()).run(name=each), '{"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}')
    with pytest.raises(ConfigurationError, match=words):
        find_run(name, tmp_path)


def test_without_a_file_of_runs_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="sfn-sim run MACHINE --keep"):
        find_run("last", tmp_path)
    assert list_runs(tmp_path) == []
    with pytest.raises(ConfigurationError, match=r"no recorded runs at gone\.sqlite"):
        find_run("gone.sqlite:3", tmp_path)


def test_the_folder_is_for_its_owner_alone_and_git_does_not_see_it(tmp_path: Path) -> None:
    file = make_folder(tmp_path)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (file.parent / ".gitignore").read_text() == "*\n"


def test_pruning_keeps_the_newest_runs_whole_and_lets_go_of_what_only_others_held(tmp_path: Path) -> None:
    file = make_folder(tmp_path)
    made = machine(A=passing(Next="B"), B=passing(Assign={"v.$": "$.big"}))
    shared = {"text": "s" * 5_000}
    lives = [made.run({"big": {"text": letter * 50_000}, "shared": shared}) for letter in "abc"]
    for each in lives:
        record(file, each, made.source)
    before = file.stat().st_size
    assert prune(file, 1) == 2
    assert [row.number for row in list_runs(tmp_path)] == [3]
    assert file.stat().st_size < before - 90_000
    assert_same(find_run("last", tmp_path).execution, lives[2])
    assert prune(file, 1) == 0


def test_a_file_of_the_first_format_is_read_and_written_on(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite"
    live = small_run()
    text = json.dumps({
        "StartAt": "M",
        "States": {
            "M": {
                "Type": "Map",
                "ItemProcessor": graph(
                    T=task(
                        Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
                        Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "P"}],
                        Next="P",
                    ),
                    P=passing(Parameters={"all.$": "$"}),
                ),
                "Next": "End",
            },
            "End": {"Type": "Wait", "Seconds": 5, "End": True},
        },
    })  # fmt: skip
    record(file, live, text)
    connection = sqlite3.connect(file)
    for column in ("parent", "events", "size_bytes", "detail", "about"):
        connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
    connection.execute("ALTER TABLE visits DROP COLUMN more")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    old = find_run(str(file)).execution
    assert old.log.events == live.log.events
    assert [(visit.path, visit.caught) for visit in old.log.visits] == [
        (visit.path, visit.caught) for visit in live.log.visits
    ]
    assert record(file, live, text) == 2
    assert [find_run(f"{file}:{number}").execution.output for number in (1, 2)] == [live.output] * 2


def test_a_run_that_was_spooled_comes_back_like_one_in_memory(tmp_path: Path) -> None:
    from sfn_sim import Options

    handlers = {"f": always(ValueError("é"))}
    value = {"items": [{"x": "y" * 2000}, 2]}
    plain = FAN.run(value, handlers)
    spooled = FAN.run(value, handlers, options=Options(sink=Spool))
    assert_same(recorded(tmp_path, FAN, spooled), plain)


_KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM stages")
connection.execute("DELETE FROM payloads")
connection.execute("PRAGMA cache_spill = 1")
os._exit(9)
"""


def test_a_writer_that_is_killed_in_the_middle_leaves_the_runs_as_they_were(tmp_path: Path) -> None:
    live = FAN.run({"items": [1]}, {"f": lambda event, _: event})
    file = make_folder(tmp_path)
    record(file, live, FAN.source)
    assert subprocess.run([sys.executable, "-c", _KILLED, str(file)], check=False).returncode == 9
    assert_same(find_run("last", tmp_path).execution, live)
    assert record(file, live, FAN.source) == 2
