"""A distributed Map over many items: memory that does not grow with them, and no step that takes their square."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import mock_stepfunctions
from tests.api.conftest import Client, graph

ROOT = Path(__file__).resolve().parents[2]


def measured(items: int, processor: str, concurrency: int = 0) -> dict[str, Any]:
    """Run the benchmark in a process of its own, so that its peak of memory is its own."""
    arguments = ["--items", str(items), "--processor", processor, "--max-concurrency", str(concurrency), "--compact"]
    command = [sys.executable, "-m", "benchmarks.distributed_map", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(ended.stdout)
    assert (told["status"], told["succeeded"]) == ("SUCCEEDED", items)
    return told


@pytest.mark.slow
@pytest.mark.parametrize(("processor", "concurrency"), [("pass", 0), ("task", 100)])
def test_a_hundred_thousand_rows_take_hardly_more_memory_than_ten_thousand(processor: str, concurrency: int) -> None:
    few, many = (measured(items, processor, concurrency) for items in (10_000, 100_000))
    grown = [each["mb_at_peak"] - each["mb_before"] for each in (few, many)]
    # What grows is the files in S3, which moto holds: 4 MB of rows and 7 MB of results, and copies of them in passing.
    assert grown[1] < grown[0] + 60, (few, many)


@pytest.mark.slow
def test_as_many_handlers_as_may_run_at_once_fit_in_memory() -> None:
    told = measured(30_000, "task")
    assert told["mb_at_peak"] - told["mb_before"] < 350, told


@pytest.mark.slow
def test_to_stop_ten_thousand_children_that_wait_takes_no_time_that_grows_with_their_square() -> None:
    waits = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    processor = {**json.loads(graph(W=waits)), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    with mock_stepfunctions({"f": lambda event, context: None}, activity_poll_s=0) as mock:
        sfn = Client(mock)
        items = json.dumps(list(range(10_000)))
        execution = sfn.start(graph(M={"Type": "Map", "ItemProcessor": processor, "End": True}), items)
        started = time.perf_counter()
        sfn.stop_execution(executionArn=execution)
        assert time.perf_counter() - started < 2
        assert sfn.status(execution) == "ABORTED"
