"""Time the interpreter against plain Python, in one run; and the ingestion against its handlers called directly.

    make bench                                  # A to E, and the line machine at its quick form
    python benchmarks/run.py --documented       # the documented world at 64 dimensions too (minutes)

Ratios are what to read: both sides run in turn in this process, so that a slow machine slows both.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from workloads import WORKLOADS, Workload, trivial

from sfn_sim import StateMachine

# The ratio to the floor that a workload may reach.
WANTED = {"A": 6.0, "B": 6.0, "C": 6.0, "D": 8.0, "E": 6.0}


def timed_pair(workload: Workload, rounds: int) -> tuple[list[float], list[float]]:
    machine = StateMachine.from_json(workload.definition, workload.name)
    ours, floor = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        expected = workload.floor(copy.deepcopy(workload.input))
        floor.append(time.perf_counter() - started)
        started = time.perf_counter()
        execution = machine.run(workload.input, {"trivial": trivial})
        ours.append(time.perf_counter() - started)
        if json.dumps(execution.result(), sort_keys=True) != json.dumps(expected, sort_keys=True):
            sys.exit(f"{workload.name}: a wrong output")
    return ours, floor


def interpreter(rounds: int) -> bool:
    print(f"{'':3}{'transitions':>12}{'floor ms':>10}{'ours ms':>9}{'per second':>12}{'ratio':>7}{'wanted':>8}")
    held = True
    for make in WORKLOADS:
        workload = make()
        ours, floor = timed_pair(workload, rounds)
        ratio = statistics.median(o / f for o, f in zip(ours, floor, strict=True))
        mine, theirs = statistics.median(ours), statistics.median(floor)
        held &= ratio <= WANTED[workload.name]
        print(
            f"{workload.name:3}{workload.transitions:>12,}{theirs * 1e3:>10.2f}{mine * 1e3:>9.2f}"
            f"{workload.transitions / mine:>12,.0f}{ratio:>7.2f}{WANTED[workload.name]:>8.1f}"
        )
    return held


def start_up() -> None:
    command = [sys.executable, "-m", "sfn_sim.cli", "--help"]
    times = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    print(f"\nsfn-sim --help: {statistics.median(times) * 1e3:.0f} ms (wanted: under 200)")


def ingestion(machine: str, fixture: str, settings: list[str], rounds: int) -> None:
    """Run a world through the machine, and through the same handlers called one after the other."""
    here = Path(__file__).resolve().parent
    direct = [sys.executable, str(here / "direct_ingestion.py"), machine, fixture]
    ours = [sys.executable, "-m", "sfn_sim.cli", "run", machine, "--fixture", fixture, "--json"]
    for each in settings:
        direct += ["--set", each]
        ours += ["--set", each]
    ratios = []
    for _ in range(rounds):
        printed = subprocess.run(direct, check=True, capture_output=True, text=True).stdout
        alone = float(re.search(r"^all +([\d.]+) s wall", printed, re.MULTILINE)[1])  # type: ignore[index]
        report = json.loads(subprocess.run(ours, check=True, capture_output=True, text=True).stdout)
        taken = report["elapsed_real_ms"] / 1e3
        ratios.append(taken / alone)
        print(f"{machine} {fixture} {' '.join(settings)}: handlers alone {alone:.2f} s, the machine {taken:.2f} s")
    print(f"median ratio {statistics.median(ratios):.2f} (wanted at `documented`: at most 1.1)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--documented", action="store_true")
    options = parser.parse_args()
    held = interpreter(options.rounds)
    start_up()
    print()
    ingestion("line", "hierarchical", [], 3)
    if options.documented:
        ingestion("line", "documented", ["dims=64"], 1)
    if not held:
        sys.exit("a workload is over its wanted ratio")


if __name__ == "__main__":
    main()
