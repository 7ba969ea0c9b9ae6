"""The payloads of each state, pinned: `payloads.json` has the largest input and output of each, and their fields.

    python -m tests.ingestion.payloads hierarchical
    python -m tests.ingestion.payloads hierarchical documented    # some minutes

run line and word, and write the pins of those fixtures anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfn_sim import limits
from sfn_sim.analysis.sizes import largest_fields
from sfn_sim.analysis.trace import effective_input, path_text
from sfn_sim.machine import StateMachine
from sfn_sim.payload import size_bytes
from sfn_sim.run.execution import Execution
from sfn_sim.world import load_fixture, open_world

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("payloads.json")
GROWTH = 0.05
HEADROOM = 0.8
_FIELDS = 4

Pin = dict[str, Any]


def payloads(execution: Execution) -> dict[str, Pin]:
    """Return for each state its largest input and output: bytes, and those of its largest fields."""
    found: dict[str, Pin] = {}
    for visit in execution.log.visits:
        state = found.setdefault(visit.name, {})
        for side, value in (("input", visit.input), ("given", effective_input(visit)), ("output", visit.output)):
            size = size_bytes(value)
            side = "output" if side == "output" else "input"
            if size > state.get(side, {"bytes": 0})["bytes"]:
                largest = largest_fields(value, _FIELDS)
                fields = {path_text(steps): each for steps, each in largest if each > size * GROWTH}
                state[side] = {"bytes": size, "fields": fields}
    return found


def complaints(pinned: dict[str, Pin], found: dict[str, Pin]) -> Iterator[str]:
    """Say what has grown by more than 5%, what passes 80% of the limit, and what has no pin."""
    for state, sides in found.items():
        for side, now in sides.items():
            before = pinned.get(state, {}).get(side)
            size = now["bytes"]
            if before is None:
                how = "write it with python -m tests.ingestion.payloads"
                yield f"{state}: its {side} ({size:,} bytes) has no pin; {how}"
            elif size > before["bytes"] * (1 + GROWTH):
                yield f"{state}: its {side} grew from {before['bytes']:,} to {size:,} bytes: {_grown(before, now)}"
            if size > limits.PAYLOAD.value * HEADROOM:
                share = size / limits.PAYLOAD.value
                most = max(now["fields"], key=lambda path: int(now["fields"][path]))
                yield f"{state}: its {side} ({size:,} bytes) is {share:.0%} of the limit, {most} most of it"


def _grown(before: Pin, now: Pin) -> str:
    grown = {path: size - before["fields"].get(path, 0) for path, size in now["fields"].items()}
    listed = sorted(grown.items(), key=lambda each: -each[1])[:2]
    return ", ".join(
        f"{path} by {more:,} bytes{'' if path in before['fields'] else ' (new)'}" for path, more in listed if more > 0
    )


def run(kind: str, name: str, **overrides: str) -> tuple[Execution, list[str]]:
    """Run a fixture; return the execution and the names of expectations that do not hold."""
    fixture = load_fixture(ROOT / "fixtures" / kind / name, {"dims": "64", **overrides})
    machine = StateMachine.load(ROOT / "definitions" / f"{kind}.asl.json", fixture.substitutions)
    with open_world(fixture) as world:
        execution = machine.run(fixture.input, ROOT / "handlers", isolate=False)
        checks = [check for _, expect in world.checks(None) for check in expect(world, execution)]
    return execution, [check.name for check in checks if not check.held]


def pins() -> dict[str, dict[str, dict[str, Pin]]]:
    """Return all pins by machine and fixture."""
    found: dict[str, dict[str, dict[str, Pin]]] = json.loads(PINS.read_text()) if PINS.is_file() else {}
    return found


def _write(found: dict[str, dict[str, dict[str, Pin]]]) -> None:
    """Write one line a state, so that a change shows as what it is."""
    parts = []
    for machine, fixtures in sorted(found.items()):
        inner = []
        for fixture, states in sorted(fixtures.items()):
            lines = ",\n".join(f"      {json.dumps(state)}: {json.dumps(pin)}" for state, pin in states.items())
            inner.append(f"    {json.dumps(fixture)}: {{\n{lines}\n    }}")
        parts.append(f"  {json.dumps(machine)}: {{\n" + ",\n".join(inner) + "\n  }")
    PINS.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def main() -> None:
    """Write the pins of the fixtures that the command line names."""
    found = pins()
    for name in sys.argv[1:]:
        for kind in ("line", "word"):
            found.setdefault(kind, {})[name] = payloads(run(kind, name)[0])
    _write(found)


if __name__ == "__main__":
    main()
