"""What the emulator itself costs on the ingestion: the machine's run minus its handlers, in CPU seconds of one process.

    python benchmarks/own_cost.py line hierarchical
    python benchmarks/own_cost.py line documented --set dims=64          # two to four minutes
    python benchmarks/own_cost.py line documented --rounds 3             # ten minutes, and less noise
    python benchmarks/own_cost.py line documented --machine-only         # peak memory of the machine's run alone

Two figures, from the same process. One is the run minus the CPU seconds spent inside the handlers of that very run:
what the emulator does round them, part by part, to the millisecond. The other is the run minus the same handlers
called directly over a second world: it has what the emulator's clock, environment and imports cost inside the handlers
too, and the noise of two long runs, which is larger than the cost.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from direct_ingestion import ROOT, Direct, handlers

# The share of the handlers' CPU seconds that the emulator may take, by the vectors' length.
WANTED = {1536: 0.02, 64: 0.05}
_MEBIBYTE = 1024 * 1024


class Parts:
    """CPU seconds by part; what a part calls of another part counts for that one alone."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._open: list[float] = []

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts its CPU seconds for a part."""

        def counted(*arguments: Any, **named: Any) -> Any:
            with self.counting(part):
                return function(*arguments, **named)

        return counted

    @contextlib.contextmanager
    def counting(self, part: str) -> Iterator[None]:
        started = time.process_time()
        self._open.append(0.0)
        try:
            yield
        finally:
            taken = time.process_time() - started
            self.cpu_s[part] += taken - self._open.pop()
            self.calls[part] += 1
            if self._open:
                self._open[-1] += taken


@contextlib.contextmanager
def watched(parts: Parts) -> Iterator[None]:
    """Count where the CPU seconds of runs go while this is open."""
    from sfn_sim import machine
    from sfn_sim.report import summary
    from sfn_sim.services import executors, invocation
    from sfn_sim.services.containers import Container

    load = Container.handler

    def handler(container: Container) -> Callable[..., Any]:
        with parts.counting("handlers"):
            found = load(container)
        return parts.timed("handlers", found)

    def replaced(owner: Any, name: str, part: str) -> Any:
        return mock.patch.object(owner, name, parts.timed(part, getattr(owner, name)))

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(Container, "handler", handler))
        stack.enter_context(replaced(machine, "execute", "states, log and scheduler"))
        stack.enter_context(replaced(machine.StateMachine, "run", "setting up and taking down"))
        stack.enter_context(replaced(executors.Calls, "carry_out", "clock, container, environment"))
        for name in ("loads", "_response"):
            stack.enter_context(replaced(invocation, name, "JSON of events and responses"))
        for name in ("state_rows", "lint"):
            stack.enter_context(replaced(summary, name, "table of states and warnings"))
        yield


def run_machine(machine: str, fixture: str, settings: dict[str, str], parts: Parts) -> Any:
    """Run a fixture through the machine and return its summary."""
    from sfn_sim.runner import Request, carry_out

    os.chdir(ROOT)
    with watched(parts):
        result = carry_out(Request(machine=machine, fixture=fixture, settings=settings, quiet=True))
    if result.exit_code:
        sys.exit(f"{machine} {fixture}: the run did not end as expected")
    return result.summaries[-1]


def run_direct(machine: str, fixture: str, settings: dict[str, str]) -> float:
    """Call the handlers of a fixture one after the other and return their CPU seconds."""
    from sfn_sim.world import load_fixture, open_world

    loaded = load_fixture(ROOT / "fixtures" / machine / fixture, settings)
    with open_world(loaded), handlers() as load:
        known = loaded.substitutions
        direct = Direct(load, machine, chunk_size=int(known["ChunkSize"]), group_size=int(known["GroupSize"]))
        direct.run()
    return sum(direct.cpu_s.values())


def held_bytes(*roots: Any) -> int:
    """Return the memory that plain values and objects with attributes hold, each counted once."""
    seen: set[int] = set()
    total, waiting = 0, list(roots)
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, type):
            continue
        seen.add(id(value))
        total += sys.getsizeof(value)
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
        elif type(value).__name__ == "Visit":
            waiting += [value.__dict__, *(each for key, each in vars(value).items() if key not in ("state", "branch"))]
    return total


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def dimensions(machine: str, fixture: str, settings: dict[str, str]) -> int:
    from sfn_sim.world import load_fixture

    return int(load_fixture(ROOT / "fixtures" / machine / fixture, settings).openai.dims)  # type: ignore[union-attr]


def measure(machine: str, fixture: str, settings: dict[str, str], machine_only: bool, rounds: int = 1) -> list[str]:
    """Measure and print; return what is not as it is wanted."""
    # What is done once in a process is no part of either side's cost: libraries are imported, and used once.
    import chromadb  # noqa: F401
    import openai  # noqa: F401

    if not machine_only:
        run_direct(machine, "small", {})
    dims = dimensions(machine, fixture, settings)
    print(f"{machine} {fixture}, {dims} dimensions")
    parts, before_mb = Parts(), peak_mb()
    summary = run_machine(machine, fixture, settings, parts)
    inside = parts.cpu_s.pop("handlers")
    own = sum(parts.cpu_s.values())
    print(f"  inside the handlers {inside:9.3f} s CPU, {parts.calls['handlers'] // 2} invocations")
    for part, seconds in sorted(parts.cpu_s.items(), key=lambda each: -each[1]):
        print(f"  {part:30} {seconds:9.4f} s CPU {seconds / inside:8.3%}")
    wanted = WANTED.get(dims, max(WANTED.values()))
    print(f"  {'the emulator in all':30} {own:9.4f} s CPU {own / inside:8.3%} (wanted: under {wanted:.0%})")
    log = summary.execution.log
    held = held_bytes(log.events, log.visits) / _MEBIBYTE
    print(f"  peak memory {peak_mb():.0f} MB, {before_mb:.0f} MB of it before the run (Python and its libraries)")
    print(f"  the log: {len(log.events):,} events, {len(log.visits):,} visits of states, {held:.1f} MB")
    sizes = ((row.largest_bytes, row.name) for row in summary.rows)
    print("  largest payload {:,} bytes, in {}".format(*max(sizes)))
    if not machine_only:
        del summary, log
        gc.collect()
        print(against_direct(machine, fixture, settings, inside + own, rounds))
    if own / inside < wanted:
        return []
    return [f"{machine} {fixture} at {dims}: the emulator takes {own / inside:.1%} of the handlers' CPU seconds"]


def against_direct(machine: str, fixture: str, settings: dict[str, str], first_s: float, rounds: int) -> str:
    """Return the run beside the same handlers called directly: turn by turn, of each side the cheapest round.

    What else the machine does only ever adds to a round, so the cheapest says most of what each side needs.
    """
    runs, direct = [first_s], [run_direct(machine, fixture, settings)]
    for _ in range(rounds - 1):
        gc.collect()
        parts = Parts()
        run_machine(machine, fixture, settings, parts)
        runs.append(sum(parts.cpu_s.values()))
        gc.collect()
        direct.append(run_direct(machine, fixture, settings))
    more = min(runs) - min(direct)
    spread = max(max(each) / min(each) - 1 for each in (runs, direct))
    return (
        f"  handlers called directly {min(direct):.3f} s CPU; the run minus that {more:+.3f}: {more / min(direct):+.1%}"
        + (f" ({rounds} rounds; one side's own rounds differ by up to {spread:.1%})" if rounds > 1 else "")
    )


def ingestion(machine: str, fixture: str, settings: list[str]) -> list[str]:
    """Measure in a process of its own, so that its memory is its own; return what is not as it is wanted."""
    command = [sys.executable, str(Path(__file__)), machine, fixture]
    for each in settings:
        command += ["--set", each]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(f"\n{done.stdout}", end="")
    return [f"{machine} {fixture}: the emulator's own cost is over its share"] if done.returncode else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("machine", choices=("line", "word"))
    parser.add_argument("fixture")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--machine-only", action="store_true", help="do not call the handlers directly")
    parser.add_argument("--rounds", type=int, default=1, help="how often both are run, turn by turn")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    settings = dict(each.split("=", 1) for each in options.set)
    misses = measure(options.machine, options.fixture, settings, options.machine_only, options.rounds)
    if misses:
        sys.exit("not as wanted: " + "; ".join(misses))


if __name__ == "__main__":
    main()
