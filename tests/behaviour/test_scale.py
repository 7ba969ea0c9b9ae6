"""A Map over many items, recorded while it runs: the same file as one written after it, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.analysis.lints import lint
from sfn_sim.report.summary import state_rows
from sfn_sim.run.execution import Execution, Options
from sfn_sim.runner import Request, carry_out
from sfn_sim.spool import Spool
from sfn_sim.store import opened, record
from tests.behaviour.machines import Busy, graph, machine, passing, task

UNLIMITED = Options(limit_events=None, limit_bytes=10**9)
VISITS = "id, previous, path, state, event, entered_ms, exited_ms, output, retries, error, cause"
SPOOLED = Options(limit_events=None, limit_bytes=10**9, sink=Spool)


def each(concurrency: int = 0, **states: dict[str, Any]) -> StateMachine:
    inner = graph(**(states or {"T": task()}))
    return machine(M={"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": inner, "End": True})


def echo(event: Any, context: Any) -> Any:
    return event


def items(count: int) -> list[Any]:
    return [{"id": n, "tags": ["a", None, n]} for n in range(count)]


def rows_of(path: Path) -> dict[str, list[Any]]:
    """Return all that a file says of its one run, with each payload in the place of its hash."""
    with opened(path) as reader:
        (row,) = reader.runs()
        visits = reader._connection.execute(f"SELECT {VISITS} FROM visits ORDER BY id").fetchall()
        return {
            "run": [row],
            "events": reader.events(row["id"]),
            "visits": [[reader.value(each) if isinstance(each, bytes) else each for each in visit] for visit in visits],
            "stages": [reader.stages(row["id"], visit[0]) for visit in visits],
        }


def both_ways(loaded: StateMachine, given: Any, handlers: Any, tmp_path: Path) -> tuple[Execution, Execution]:
    """Run with the log in memory and with the log spooled, and record both; their files must say the same."""
    in_memory = loaded.run(given, handlers, options=UNLIMITED)
    spooled = loaded.run(given, handlers, options=SPOOLED)
    files = [tmp_path / "after.sqlite", tmp_path / "during.sqlite"]
    for path, execution in zip(files, (in_memory, spooled), strict=True):
        record(path, execution, "{}")
    assert rows_of(files[0]) == rows_of(files[1])
    return in_memory, spooled


def seen(execution: Execution) -> dict[str, Any]:
    """Return what reports read of a log; real times are no part of it."""
    rows = [{**row.to_json(), "real_ms": 0} for row in state_rows(execution.log)]
    visits = [
        (visit.path, visit.previous, visit.stages, visit.output, visit.assigned, visit.left, visit.error)
        for visit in execution.log.visits
    ]
    return {"rows": rows, "lints": lint(execution), "visits": visits, "history": list(execution.history())}


def test_a_thousand_items_recorded_while_they_run_give_the_file_and_reports_of_a_log_in_memory(tmp_path: Path) -> None:
    loaded = each(0, T=task(Assign={"kept.$": "$.id"}, Next="P"), P=passing(Parameters={"all.$": "$"}))
    in_memory, spooled = both_ways(loaded, items(1000), {"f": echo}, tmp_path)
    assert len(spooled.log.events) == len(in_memory.log.events) > 9000
    assert seen(spooled) == seen(in_memory)
    assert spooled.result() == in_memory.result()


def test_a_failed_run_that_was_spooled_tells_as_much_as_one_in_memory(tmp_path: Path) -> None:
    def third_fails(event: Any, context: Any) -> Any:
        if event["id"] == 500:
            raise ValueError("é")
        return event

    loaded = each(3, T=task(Next="P"), P=passing(Parameters={"id.$": "$.id", "gone.$": "$.tags[2]"}))
    in_memory, spooled = both_ways(loaded, items(560), {"f": third_fails}, tmp_path)
    assert (spooled.status, spooled.error, spooled.cause) == (in_memory.status, in_memory.error, in_memory.cause)
    assert spooled.status == "FAILED"
    assert seen(spooled) == seen(in_memory)


def test_retries_caught_errors_and_what_handlers_printed_are_spooled_whole(tmp_path: Path) -> None:
    def talks(event: Any, context: Any) -> Any:
        sys.stdout.write(f"I see {event['id']}")
        raise Busy("no")

    states = {
        "T": task(
            Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "P"}],
            Next="P",
        ),
        "P": passing(),
    }
    in_memory, spooled = both_ways(each(0, **states), items(270), {"f": talks}, tmp_path)
    assert seen(spooled) == seen(in_memory)
    ours, theirs = (list(each.log.visits) for each in (spooled, in_memory))
    assert [visit.printed for visit in ours] == [visit.printed for visit in theirs]
    assert [visit.retry_delays_ms for visit in ours] == [visit.retry_delays_ms for visit in theirs]


def test_the_way_to_a_visit_is_the_same_read_back_from_any_side() -> None:
    spooled = each(2).run(items(1500), {"f": echo}, options=SPOOLED)
    visits = spooled.log.visits
    assert [visit.index for visit in reversed(visits)] == list(reversed(range(1501)))
    assert [visit.index for visit in visits[1000:1004]] == [1000, 1001, 1002, 1003]
    assert visits[-1].path == "M[1499].T"
    assert visits[-1].branch.outer is visits[0].branch
    assert visits[-1].branch is visits[1500].branch
    with pytest.raises(IndexError):
        visits[1501]


def test_memory_per_item_is_bounded_while_a_map_of_a_thousand_items_is_recorded() -> None:
    loaded = each(40)
    loaded.run(items(10), {"f": echo}, options=SPOOLED)
    given = items(1000)
    tracemalloc.start()
    try:
        execution = loaded.run(given, {"f": echo}, options=SPOOLED)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(execution.log.events) == 7006
    # The items, their results, and the few hundred events and visits that wait to be written.
    assert held / 1000 < 3000
    assert peak / 1000 < 4000


def test_a_file_that_no_run_can_be_added_to_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.json").write_text(json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}))
    (tmp_path / "notes.txt").write_text("no database " * 200)
    for path, words in ((tmp_path / "notes.txt", "not a file of recorded runs"), (tmp_path / "no" / "r", "no folder")):
        with pytest.raises(Exception, match=words):
            carry_out(Request(machine="m.json", record=path))


MEASURED = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run([sys.executable, "-m", "sfn_sim.cli", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_ten_thousand_items_are_recorded_in_seconds_and_under_200_mb(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(each().source.text)
    (tmp_path / "in.json").write_text(json.dumps([{"id": n} for n in range(10_000)]))
    handlers = tmp_path / "handlers"
    handlers.mkdir()
    (handlers / "f.py").write_text("def handler(event, context):\n    return event\n")
    options = ["--limit-events", "off", "--record", str(tmp_path / "runs.sqlite"), "--quiet"]
    command = ["run", str(tmp_path / "m.json"), "--input", str(tmp_path / "in.json"), "--handlers", str(handlers)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command, *options], capture_output=True, text=True, check=True
    )
    seconds, megabytes = (float(each) for each in done.stdout.split())
    sys.stdout.write(f"10,000 items: {seconds:.2f} s, {megabytes:.0f} MB\n")
    assert megabytes < 200
    assert seconds < 20
