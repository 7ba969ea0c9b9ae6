"""Children of Map Runs in a file of runs: added with their run or not at all, bounded, pruned, read from old files."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import ConfigurationError, StateMachine
from sfn_sim.run.execution import Execution
from sfn_sim.runs import find_run, list_runs
from sfn_sim.store import prune, record
from tests.behaviour.machines import graph, machine, passing

PROCESSOR = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
CHECK = {
    "Type": "Choice",
    "Choices": [{"Variable": "$.bad", "IsPresent": True, "Next": "Bad"}],
    "Default": "Good",
}
INNER = graph(Check=CHECK, Good=passing(Parameters={"kept.$": "$"}), Bad={"Type": "Fail", "Error": "Bad"})
ROWS: StateMachine = machine(
    Rows={
        "Type": "Map", "ItemProcessor": {**PROCESSOR, **INNER}, "ToleratedFailurePercentage": 100, "ResultPath": None,
        "End": True,
    }
)  # fmt: skip
NESTED: StateMachine = machine(
    Outer={
        "Type": "Map", "End": True,
        "ItemProcessor": {
            **PROCESSOR,
            **graph(Rows={
                "Type": "Map", "ItemProcessor": {**PROCESSOR, **INNER}, "ToleratedFailurePercentage": 100, "End": True,
            }),
        },
    }
)  # fmt: skip


def run(name: str = "a", count: int = 14) -> Execution:
    return ROWS.run([{"n": n, "of": name * 1100, **({"bad": 1} if n == 12 else {})} for n in range(count)], name=name)


def query(path: Path, statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def assert_children(read: Execution, live: Execution) -> None:
    for ours, theirs in zip(read.map_runs, live.map_runs, strict=True):
        assert sorted(ours.children) == sorted(theirs.children)
        for index, child in ours.children.items():
            there = theirs.children[index]
            assert child.log.events == there.log.events
            assert [visit.stages for visit in child.log.visits] == [visit.stages for visit in there.log.visits]
            assert (child.input, child.output, child.error) == (there.input, there.output, there.error)
            assert_children(child.execution(), there.execution())


def test_runs_are_numbered_on_whatever_children_they_have(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    assert [record(path, run(name), ROWS.source) for name in "abc"] == [1, 2, 3]
    assert query(path, "SELECT count(*), count(parent), min(id) FROM runs") == [(36, 33, -33)]
    for name, number in zip("abc", (1, 2, 3), strict=True):
        assert_children(find_run(f"{path}:{number}").execution, run(name))


def test_children_of_children_come_back(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    rows = [{"n": n, **({"bad": 1} if n == 11 else {})} for n in range(13)]
    live = NESTED.run([rows, rows[::-1]])
    record(path, live, NESTED.source)
    assert_children(find_run(str(path)).execution, live)
    assert list_runs(file=path)[0].children == (2 + 11 + 10, 2 + 26)


def test_a_run_that_cannot_be_added_to_its_end_is_not_added_at_all(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    record(path, run("a"), ROWS.source)
    query(path, "CREATE TRIGGER full BEFORE INSERT ON stages WHEN new.run < -11 BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(ConfigurationError, match=r"cannot record the run in .*full"):
        record(path, run("b"), ROWS.source)
    assert [row.execution for row in list_runs(file=path)] == ["a"]
    assert query(path, "SELECT count(*) FROM events WHERE run NOT IN (SELECT id FROM runs)") == [(0,)]


def test_the_children_of_a_run_that_is_pruned_go_with_it_and_so_do_their_values(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    for name in "ab":
        record(path, run(name), ROWS.source)
    assert prune(path, 1) == 1
    assert_children(find_run(str(path)).execution, run("b"))
    for table in ("events", "visits", "stages"):
        assert query(path, f"SELECT count(*) FROM {table} WHERE run NOT IN (SELECT id FROM runs)") == [(0,)]
    assert query(path, "SELECT count(*) FROM payloads WHERE instr(node, ?)", b"a" * 1100) == [(0,)]
    assert record(path, run("c"), ROWS.source) == 3


def test_a_file_whose_children_are_numbered_between_its_runs_is_read_and_added_to(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    record(path, run("a"), ROWS.source)
    for table, column in (("runs", "id"), ("runs", "parent"), ("events", "run"), ("visits", "run"), ("stages", "run")):
        query(path, f"UPDATE {table} SET {column} = 1 - {column} WHERE {column} < 0")
    query(path, "DROP INDEX children")
    query(path, "UPDATE runs SET about = json_remove(about, '$.children', '$.notes')")
    read = find_run(str(path))
    assert_children(read.execution, run("a"))
    assert (read.row.children, read.notes) == ((0, 0), ())
    assert record(path, run("b"), ROWS.source) == 13
    assert [row.number for row in list_runs(file=path)] == [13, 1]
    assert_children(find_run(f"{path}:1").execution, run("a"))
    assert_children(find_run(f"{path}:13").execution, run("b"))


def test_several_write_to_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    runs = [run(name) for name in "abcd"]
    failures: list[BaseException] = []

    def add(execution: Execution) -> None:
        try:
            record(path, execution, ROWS.source)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=add, args=(each,)) for each in runs]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert failures == []
    assert {row.execution for row in list_runs(file=path)} == set("abcd")
    for each in runs:
        assert_children(find_run(f"{path}:{_number(path, each)}").execution, each)


def _number(path: Path, execution: Execution) -> int:
    return next(row.number for row in list_runs(file=path) if row.execution == execution.identity.name)


def test_of_failed_children_a_thousand_are_kept_and_the_file_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    live = ROWS.run([{"bad": n} for n in range(1500)])
    record(path, live, ROWS.source)
    (row,) = list_runs(file=path)
    assert row.children == (1000, 1500)
    assert path.stat().st_size < 3_000_000
