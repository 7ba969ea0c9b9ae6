"""Runs on disk: all of a run comes back, nothing is stored twice, and no foreign file is touched."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim import ConfigurationError, StateMachine
from sfn_sim.run.execution import Execution
from sfn_sim.store import FORMAT, opened, record
from tests.behaviour.machines import always, graph, machine, passing, task


def small_run() -> Execution:
    fan = {
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
    }
    return machine(M=fan, End={"Type": "Wait", "Seconds": 5, "End": True}).run(
        [{"n": 1}, {"n": None}], {"f": always(ValueError("é"))}
    )


def read_back(path: Path, execution: Execution, run: int) -> None:
    with opened(path) as reader:
        assert reader.events(run) == execution.log.events
        for visit in execution.log.visits:
            assert reader.stages(run, visit.index) == visit.stages


def test_events_and_stages_come_back_as_they_were(tmp_path: Path) -> None:
    execution = small_run()
    path = tmp_path / "runs.sqlite"
    run = record(path, execution, "{}")
    read_back(path, execution, run)
    with opened(path) as reader:
        (row,) = reader.runs()
    assert (row["status"], row["machine"], row["elapsed_ms"]) == ("SUCCEEDED", "machine", 6000)


def test_a_file_holds_any_number_of_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    failed = machine(F={"Type": "Fail", "Error": "E", "Cause": "why"}).run()
    numbers = [record(path, each, "{}") for each in (small_run(), failed)]
    assert numbers == [1, 2]
    read_back(path, failed, 2)
    with opened(path) as reader:
        assert [(row["status"], row["error"], row["cause"]) for row in reader.runs()] == [
            ("SUCCEEDED", None, None),
            ("FAILED", "E", "why"),
        ]


def test_a_payload_that_goes_through_fifty_states_costs_its_size_once(tmp_path: Path) -> None:
    states = {
        f"S{n}": passing(Result=n, ResultPath="$.n", **({"Next": f"S{n + 1}"} if n < 49 else {})) for n in range(50)
    }
    execution = StateMachine.from_json({"StartAt": "S0", "States": states}).run({"big": {"text": "x" * 200_000}})
    path = tmp_path / "runs.sqlite"
    read_back(path, execution, record(path, execution, "{}"))
    assert path.stat().st_size < 2 * 200_000


@pytest.mark.parametrize(
    "value",
    [
        {"\0ref": "00ff"},
        {"\0": 1, "\0\0": 2, "\0\0ref": {"\0ref": "x" * 2000}},
        {"a": {"\0ref": "deadbeef"}, "pad": ["x" * 2000]},
        {"n": 2**70, "x": 1.0, "i": 1, "none": None, "t": True, "empty": [{}, []], "half": "\ud800"},
    ],
)
def test_values_that_look_like_the_files_own_marks_survive(tmp_path: Path, value: Any) -> None:
    execution = machine(
        A=passing(),
    ).run(value)
    path = tmp_path / "runs.sqlite"
    read_back(path, execution, record(path, execution, "{}"))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("\0ré", max_size=4) | st.just("x" * 1100),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("\0ref", max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(value=values)
def test_any_value_survives(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    execution = machine(A=passing(Parameters={"v.$": "$.v"}, ResultPath="$.again")).run({"v": value})
    path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    read_back(path, execution, record(path, execution, "{}"))


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which are longer than a header of a database would be " * 20)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"not a database|not a file of recorded runs"):
        record(path, small_run(), "{}")
    with pytest.raises(ConfigurationError, match="not a file of recorded runs"), opened(path):
        pass
    assert path.read_bytes() == before


def test_a_database_of_somebody_else_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE payloads (hash, node)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for action in (lambda: record(path, small_run(), "{}"), lambda: opened(path).__enter__()):
        with pytest.raises(ConfigurationError, match="nothing in it was changed"):
            action()
    assert path.read_bytes() == before


def test_a_file_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    record(path, small_run(), "{}")
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(ConfigurationError, match=f"format {FORMAT + 1}"):
        record(path, small_run(), "{}")


def test_a_folder_that_is_not_there_and_a_file_that_is_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot record the run in"):
        record(tmp_path / "no" / "runs.sqlite", small_run(), "{}")
    with pytest.raises(ConfigurationError, match="no recorded runs at"), opened(tmp_path / "runs.sqlite"):
        pass
