"""Children of Map Runs from the command line: recorded, listed, explained, followed, replayed in a world or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import StateMachine
from tests.cli.conftest import FUNCTION, Ended

Command = Callable[..., Ended]
TASK = {
    "Type": "Task", "Resource": f"{FUNCTION}half", "Parameters": {"n.$": "States.StringToJson($.n)"},
    "ResultSelector": {"half.$": "$.half"}, "End": True,
}  # fmt: skip
PROCESSOR = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "Half", "States": {"Half": TASK},
}  # fmt: skip
GIVEN = json.dumps([{"n": str(n)} for n in range(14)])
CODE = "def handler(event, context):\n    return {'half': event['n'] / (0 if event['n'] == 12 else 2)}\n"


def write(project: Path, **more: Any) -> None:
    each = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True, "ToleratedFailureCount": 1, **more}
    text = json.dumps({"StartAt": "Each", "States": {"Each": each}}, indent=2)
    (project / "definitions" / "halves.asl.json").write_text(text)
    (project / "handlers" / "half.py").write_text(CODE)


def test_a_record_tells_which_children_it_has_and_each_of_them_is_explained(sfn_sim: Command, project: Path) -> None:
    write(project)
    ran = sfn_sim("run", "halves", "--input", GIVEN, "--keep", "9")
    assert "recorded: 11 of the 14 children of Each are kept: the first of them and those that failed" in ran.err
    assert "11 of 14" in sfn_sim("runs").out
    assert sfn_sim("runs", "--json").json["runs"][0]["children"] == {"kept": 11, "of": 14}
    assert "Each[3].Half  Task" in sfn_sim("explain", "last", "Each[3].Half").out
    assert "the handler of Half (half) returned it" in sfn_sim("lineage", "last", "Each[3].Half.output.half").out
    assert "ZeroDivisionError" in sfn_sim("explain", "last", "Each[12].Half").out
    gone = sfn_sim("explain", "last", "Each[11].Half")
    assert gone.code == 2
    assert "of its 14 children it has 11" in gone.err
    assert "--keep-children" in gone.err


def test_as_many_children_are_recorded_as_are_asked_for_and_all_of_them_are_replayed(
    sfn_sim: Command, project: Path
) -> None:
    write(project)
    sfn_sim("run", "halves", "--input", GIVEN, "--keep", "9")
    refused = sfn_sim("replay", "last", "--no-handlers")
    assert refused.code == 2
    assert "Each[10].Half (half): child 10 of Each is not in the record" in refused.err
    assert "record the run again with --keep-children N" in refused.err
    called = sfn_sim("replay", "last")
    assert "11 of 14 calls answered as recorded" in called.out
    assert "Each[…].Half (half): the record does not hold this child of a Map Run" in called.out
    ran = sfn_sim("run", "halves", "--input", GIVEN, "--keep", "9", "--keep-children", "14")
    assert ran.err == ""
    assert "14 of 14 calls answered as recorded" in sfn_sim("replay", "last", "--no-handlers").out
    parted = sfn_sim("diff", "last~1", "last")
    assert parted.code == 0
    assert "not compared: 3 of the 14 children of Each" in parted.out


def test_the_failure_of_a_map_run_is_explained_from_the_record(sfn_sim: Command, project: Path) -> None:
    write(project, ToleratedFailureCount=0)
    ran = sfn_sim("run", "halves", "--input", GIVEN, "--keep", "9")
    told = sfn_sim("explain", "last").out
    assert told.strip() in ran.out
    assert "States.ExceedToleratedFailureThreshold in item 12 of Each, in Half" in told
    assert "definitions/halves.asl.json:" in told
    assert "ZeroDivisionError" in told


@pytest.fixture
def rows(project: Path) -> Path:
    """Write a machine that reads a CSV and writes its results, with a world that has the CSV."""
    write(
        project,
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "rows", "Key": "a.csv"},
        },
        ResultWriter={"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "rows", "Prefix": "out"}},
    )
    world = project / "fixtures" / "halves" / "small"
    (world / "s3").mkdir(parents=True)
    (world / "s3" / "a.csv").write_text("n\n1\n2\n3\n")
    (world / "fixture.toml").write_text('[[buckets]]\nname = "rows"\ntree = "s3"\n[mocks]\nhalf = {half = 99}\n')
    return world


@pytest.mark.usefixtures("rows")
def test_what_the_machine_reads_and_writes_itself_goes_to_the_world_of_a_replay(sfn_sim: Command, rows: Path) -> None:
    assert sfn_sim("run", "halves", "--fixture", "small", "--record", "a.sqlite").code == 0
    for more in ((), ("--no-handlers",)):
        refused = sfn_sim("replay", "a.sqlite", *more)
        assert refused.code == 2
        assert "s3:GetObject of s3://rows/a.csv" in refused.err
        assert "name the world with --fixture NAME" in refused.err
    done = sfn_sim("replay", "a.sqlite", "--no-handlers", "--fixture", "small", "--json").json
    assert (done["comparison"]["same"], done["calls"]["recorded"], done["calls"]["real"]) == (True, 3, [])
    assert done["calls"]["world"] == ["s3:GetObject", "s3:PutObject", "s3:PutObject"]
    (rows / "s3" / "a.csv").write_text("n\n1\n2\n3\n4\n")
    more_rows = sfn_sim("replay", "a.sqlite", "--fixture", "small", "--json").json
    assert more_rows["calls"]["real"] == ["Each[3].Half (half): nothing was recorded there"]
    assert more_rows["status"] == "SUCCEEDED"
    shown = sfn_sim("replay", "a.sqlite", "--fixture", "small", "--all").out
    assert "not recorded, so called in the world: s3:PutObject (2 calls)" in shown
    assert "Each  children" in shown


def test_children_are_imported_with_the_history_of_their_parent(sfn_sim: Command, project: Path) -> None:
    write(project, ToleratedFailureCount=0)
    machine = StateMachine.load(project / "definitions" / "halves.asl.json")
    live = machine.run(json.loads(GIVEN), "handlers")
    for name, each in (("parent", live), ("child", live.map_runs[0].children[12].execution())):
        events = [{**event, "timestamp": event["timestamp"].isoformat()} for event in each.history()]
        half = len(events) // 2
        (project / f"{name}-1.json").write_text(json.dumps({"events": events[:half]}))
        (project / f"{name}-2.json").write_text(json.dumps({"events": events[half:]}))
    definition = ("--definition", "halves")
    alone = sfn_sim("import", "parent-1.json", "parent-2.json", *definition)
    assert "the history lacks the children of Each" in alone.out
    assert "does not have theirs" in sfn_sim("explain", "last").out
    pages = ("--child", "Each[12]=child-1.json", "--child", "Each[12]=child-2.json")
    assert sfn_sim("import", "parent-1.json", "parent-2.json", *definition, *pages).code == 0
    told = sfn_sim("explain", "last").out
    assert "item 12 of Each, in Half" in told
    assert "ZeroDivisionError" in told
    assert "Each[12].Half  Task" in sfn_sim("explain", "last", "Each[12].Half").out
    wrong = sfn_sim("import", "parent-1.json", "parent-2.json", *definition, "--child", "child-1.json")
    assert (wrong.code, "write MAP[N]=HISTORY" in wrong.err) == (2, True)
