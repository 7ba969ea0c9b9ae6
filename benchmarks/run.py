"""Time the interpreter against plain Python and against other interpreters, in one run.

    make bench                                  # A to E; then what the emulator itself costs on the ingestion
    python benchmarks/run.py --als FOLDER       # FOLDER/node_modules has aws-local-stepfunctions 3.0.0
    python benchmarks/run.py --documented       # the documented world at 64 dimensions too (minutes)

Ratios are what to read: all sides run in turn, so that a slow machine slows all of them. A row over its wanted value
fails the command.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peers import Peer, PeerFailed, als, moto, same
from workloads import WORKLOADS, Workload, trivial

from sfn_sim import StateMachine

# Our time over the floor's that a workload may take; and how many times a peer's rate ours has to be.
WANTED_OF_FLOOR = {"A": 3.0, "B": 3.0, "C": 3.0, "D": 3.0, "E": 1.0}
WANTED_OF_PEER = {"moto": {"A": 200, "B": 200, "C": 200, "D": 200}, "als": dict.fromkeys("ABCDE", 1)}
# How often a peer runs a workload in each of its turns: the first run of als warms it up.
TURNS = {"moto": 1, "als": 7}
HELP_MS = 200


@dataclass
class Row:
    """What a workload took: the median seconds of a run, by who ran it."""

    workload: Workload
    ours_s: float
    floor_s: float
    of_floor: float
    peers_s: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def per_second(self, seconds: float | None) -> str:
        return "–" if seconds is None else f"{self.workload.transitions / seconds:,.0f}"

    def times(self, peer: str) -> float | None:
        """How many times the peer's rate ours is."""
        return self.peers_s[peer] / self.ours_s if peer in self.peers_s else None

    def misses(self) -> list[str]:
        """What is not as it is wanted, in words."""
        name = self.workload.name
        found = list(self.failed)
        if self.of_floor > WANTED_OF_FLOOR[name]:
            found.append(f"{name}: {self.of_floor:.2f} times the floor's time, at most {WANTED_OF_FLOOR[name]} wanted")
        for peer, wanted in WANTED_OF_PEER.items():
            times = self.times(peer)
            if times is not None and times <= wanted.get(name, 0):
                found.append(f"{name}: {times:.2f} times the rate of {peer}, more than {wanted[name]} wanted")
        return found


def expected_of(workload: Workload) -> Any:
    return workload.floor(copy.deepcopy(workload.input))


def timed_pairs(workload: Workload, rounds: int) -> list[tuple[float, float]]:
    """Return our seconds and the floor's, round by round."""
    machine = StateMachine.from_json(workload.definition, workload.name)
    expected = expected_of(workload)
    pairs = []
    for _ in range(rounds):
        given = copy.deepcopy(workload.input)
        gc.collect()
        started = time.perf_counter()
        workload.floor(given)
        floor_s = time.perf_counter() - started
        gc.collect()
        started = time.perf_counter()
        execution = machine.run(workload.input, {"trivial": trivial})
        ours_s = time.perf_counter() - started
        if not same(execution.result(), expected):
            sys.exit(f"{workload.name}: a wrong output")
        # Letting go of a log belongs to no run: here it would count for the next one.
        del execution
        pairs.append((ours_s, floor_s))
    return pairs


def measure(workload: Workload, rounds: int, peers: list[Peer], folder: Path) -> Row:
    """Measure a workload: half of our rounds before the peers' turns, and half after them."""
    file = folder / f"{workload.name}.json"
    file.write_text(json.dumps({"definition": workload.definition, "input": workload.input}), encoding="utf-8")
    expected = expected_of(workload)
    pairs = timed_pairs(workload, rounds - rounds // 2)
    peers_s: dict[str, float] = {}
    failed = []
    for peer in peers:
        try:
            peers_s[peer.name] = peer.seconds(workload, file, TURNS[peer.name], expected)
        except PeerFailed as failure:
            failed.append(str(failure))
    pairs += timed_pairs(workload, rounds // 2)
    ours_s, floor_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    of_floor = statistics.median(ours / floor for ours, floor in pairs)
    return Row(workload, ours_s, floor_s, of_floor, peers_s, failed)


def show(rows: list[Row], peers: list[Peer]) -> None:
    names = [peer.name for peer in peers]
    print(f"{'':3}{'states':>7}{'floor/s':>10}{'ours/s':>10}" + "".join(f"{f'{name}/s':>9}" for name in names), end="")
    print(f"{'ours:floor':>12}{'wanted':>8}" + "".join(f"{f'x {name}':>9}{'wanted':>8}" for name in names))
    for row in rows:
        name = row.workload.name
        print(f"{name:3}{row.workload.transitions:>7,}{row.per_second(row.floor_s):>10}", end="")
        print(f"{row.per_second(row.ours_s):>10}", end="")
        print("".join(f"{row.per_second(row.peers_s.get(peer)):>9}" for peer in names), end="")
        print(f"{row.of_floor:>12.2f}{f'≤ {WANTED_OF_FLOOR[name]:g}':>8}", end="")
        for peer in names:
            times, wanted = row.times(peer), WANTED_OF_PEER[peer].get(name)
            print(f"{'–' if times is None else f'{times:,.1f}':>9}{f'> {wanted}' if wanted else '':>8}", end="")
        print()


def start_up() -> list[str]:
    """Measure how soon the command line answers."""
    command = [sys.executable, "-m", "sfn_sim.cli", "--help"]
    times = []
    for _ in range(9):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    taken_ms = statistics.median(times) * 1e3
    print(f"\nsfn-sim --help: {taken_ms:.0f} ms, at best {min(times) * 1e3:.0f} ms (wanted: under {HELP_MS})")
    return [f"sfn-sim --help took {min(times) * 1e3:.0f} ms"] if min(times) * 1e3 > HELP_MS else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default="ABCDE", help="which of A to E; all by default")
    parser.add_argument("--rounds", type=int, default=14)
    parser.add_argument("--als", metavar="FOLDER", help="where node_modules with aws-local-stepfunctions lies")
    parser.add_argument("--no-moto", action="store_true", help="leave moto out, which takes most of the time")
    parser.add_argument("--no-ingestion", action="store_true", help="leave the ingestion out")
    parser.add_argument("--documented", action="store_true", help="measure the documented world at 64 dimensions too")
    options = parser.parse_args()
    peers = [Peer("moto", absent="left out (--no-moto)") if options.no_moto else moto(), als(options.als)]
    here = [peer for peer in peers if not peer.absent]
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(workload, options.rounds, here, Path(folder))
            for workload in (make() for make in WORKLOADS)
            if workload.name in options.workloads
        ]
    show(rows, here)
    for peer in peers:
        if peer.absent:
            print(f"{peer.name}: {peer.absent}")
    misses = [miss for row in rows for miss in row.misses()]
    misses += start_up()
    if not options.no_ingestion:
        from own_cost import ingestion

        misses += ingestion("line", "hierarchical", [])
        if options.documented:
            misses += ingestion("line", "documented", ["dims=64"])
    if misses:
        sys.exit("\nnot as wanted:\n" + "\n".join(f"  {miss}" for miss in misses))


if __name__ == "__main__":
    main()
