"""How time and memory of an inline Map grow with its items, while the run is recorded.

    python benchmarks/scale.py                              # 1,000 to 100,000 items; writes docs/scale.svg
    python benchmarks/scale.py --items 1000 10000 --svg -   # a quick look

Each run is `sfn-sim run … --record FILE` in a process of its own, on a Map whose item is one Task with a Python
handler that returns its event. What is measured is the whole command: Python's start, the run, the table, the file.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plot import Panel, Series, svg

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
# MaxConcurrency 0 is forty at once, the most that AWS runs of an inline Map.
WAYS = (("recorded", 0, True), ("in memory", 0, False))
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:trivial"
_ITEMS_RUN_ONCE = 20_000


@dataclass(frozen=True)
class Point:
    """What one size took: seconds on the wall and of CPU, and the largest memory."""

    items: int
    wall_s: float
    cpu_s: float
    megabytes: float
    file_mb: float


def prepare(folder: Path, items: int, concurrency: int) -> None:
    inner = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": FUNCTION, "End": True}}}
    each: dict[str, Any] = {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": inner, "End": True}
    (folder / "m.asl.json").write_text(json.dumps({"StartAt": "Each", "States": {"Each": each}}))
    (folder / "in.json").write_text(json.dumps([{"id": n} for n in range(items)]))
    (folder / "handlers").mkdir(exist_ok=True)
    (folder / "handlers" / "trivial.py").write_text("def handler(event, context):\n    return event\n")


def once(folder: Path, items: int, recorded: bool) -> Point:
    """Run in a process of its own; `wait4` tells what that one took."""
    runs = folder / "runs.sqlite"
    runs.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sfn_sim.cli", "run", "m.asl.json", "--input", "in.json", "--handlers", "handlers"]
    command += ["--limit-events", "off", "--limit-bytes", "1000000000", "--quiet"]
    command += ["--record", "runs.sqlite"] if recorded else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    clock = os.times()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = os.times().elapsed - clock.elapsed
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{items} items: exit code {process.returncode}")
    size = runs.stat().st_size if recorded else 0
    return Point(items, wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, size / 1024 / 1024)


def measure(items: int, concurrency: int, recorded: bool, rounds: int) -> Point:
    """Return the median of some runs; one run is enough of a large size."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder, items, concurrency)
        points = [once(folder, items, recorded) for _ in range(1 if items > _ITEMS_RUN_ONCE else rounds)]
    middle = [statistics.median(getattr(each, name) for each in points) for name in ("wall_s", "cpu_s", "megabytes")]
    return Point(items, *middle, points[0].file_mb)


def draw(found: dict[str, list[Point]]) -> str:
    panels = (("CPU time", "s", "cpu_s"), ("Peak memory", "MB", "megabytes"))
    return svg(
        "An inline Map with one trivial Task for each item",
        [
            Panel(
                title,
                "items",
                unit,
                [Series(way, [(each.items, getattr(each, name)) for each in points]) for way, points in found.items()],
            )
            for title, unit, name in panels
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each size up to 10,000 items")
    parser.add_argument("--svg", default=str(ROOT / "docs" / "scale.svg"), help="where to draw; - for nowhere")
    options = parser.parse_args()
    found: dict[str, list[Point]] = {}
    print(f"{'':26}{'items':>9}{'wall s':>9}{'CPU s':>9}{'µs/item':>9}{'peak MB':>9}{'file MB':>9}")
    for way, concurrency, recorded in WAYS:
        for items in options.items:
            point = measure(items, concurrency, recorded, options.rounds)
            found.setdefault(way, []).append(point)
            per_item = f"{point.cpu_s / items * 1e6:>9.0f}{point.megabytes:>9.0f}{point.file_mb:>9.1f}"
            print(f"{way:26}{items:>9,}{point.wall_s:>9.2f}{point.cpu_s:>9.2f}{per_item}", flush=True)
    if options.svg != "-":
        Path(options.svg).write_text(draw(found), encoding="utf-8")


if __name__ == "__main__":
    main()
