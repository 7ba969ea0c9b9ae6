"""How quickly a distributed Map goes over the rows of a CSV in S3, and how much memory it takes.

    python -m benchmarks.distributed_map [--items 100000] [--processor pass|task] [--compact] [--max-concurrency N]

With --compact the results are the children's outputs alone; otherwise they are 700 bytes an item, and moto joins the
parts of that file in memory at the end.

moto stands for S3, in this process. Each combination runs in a process of its own, so that its peak of memory is its
own: what the process had before the run is told beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

BUCKET = "rows"


def machine(processor: str, compact: bool, max_concurrency: int) -> dict[str, Any]:
    """Return a machine that reads rows.csv with one child execution for each row."""
    states: dict[str, Any] = {
        "pass": {"Type": "Pass", "End": True},
        "task": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:touch", "End": True},
    }
    read_rows: dict[str, Any] = {
        "Type": "Map",
        "Label": "Rows",
        "MaxConcurrency": max_concurrency,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": BUCKET, "Key": "rows.csv"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Row",
            "States": {"Row": states[processor]},
        },
        "End": True,
    }
    read_rows["ResultWriter"] = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": BUCKET, "Prefix": "results"},
        "WriterConfig": {"Transformation": "COMPACT" if compact else "NONE", "OutputType": "JSON"},
    }
    return {"StartAt": "ReadRows", "States": {"ReadRows": read_rows}}


def csv_text(items: int) -> bytes:
    """Return a CSV of so many rows, of four columns and some 60 bytes each."""
    rows = (f"{n},order-{n:08d},customer-{n % 1000:04d},{n * 7 % 10007}.50" for n in range(items))
    return ("id,order,customer,amount\n" + "\n".join(rows) + "\n").encode()


def touch(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Do as little as a handler can."""
    return {"id": event["id"]}


def measure(items: int, processor: str, compact: bool, max_concurrency: int) -> dict[str, Any]:
    """Run once and return what it took."""
    import boto3

    from sfn_sim import StateMachine
    from sfn_sim.services.isolation import isolated
    from sfn_sim.services.surroundings import surroundings

    with isolated(), surroundings():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="rows.csv", Body=csv_text(items))
        loaded = StateMachine.from_json(machine(processor, compact, max_concurrency))
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started, started_cpu = time.perf_counter(), time.process_time()
        execution = loaded.run({}, {"touch": touch}, isolate=False)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
        run = execution.log.map_runs[0]
        return {
            "items": items,
            "processor": processor,
            "compact": compact,
            "max_concurrency": max_concurrency,
            "status": execution.status,
            "error": execution.error,
            "succeeded": run.executions["SUCCEEDED"],
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu_seconds, 2),
            "items_per_second": round(items / seconds),
            "items_per_cpu_second": round(items / cpu_seconds),
            "mb_before": round(before_kb / 1024),
            "mb_at_peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def main() -> None:
    """Measure what the command line asks for, or a table of combinations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--processor", choices=("pass", "task"))
    parser.add_argument("--compact", action="store_true")
    parser.add_argument("--max-concurrency", type=int, default=0)
    given = parser.parse_args()
    if given.processor:
        print(json.dumps(measure(given.items, given.processor, given.compact, given.max_concurrency)))
        return
    for processor in ("pass", "task"):
        for more in ([], ["--compact"]):
            command = [sys.executable, "-m", "benchmarks.distributed_map", "--processor", processor, *more]
            subprocess.run([*command, "--items", str(given.items)], check=True)


if __name__ == "__main__":
    main()
