"""A converted machine proved: it and the original are run over the same fixtures and inputs, and compared.

Rule of this module: both are run as `sfn-sim run` runs them; equal are two runs whose states give equal results,
outputs and variables on the same way, and that end alike.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sfn_sim.analysis.compare import Comparison, Difference, StateDifference, compare_runs
from sfn_sim.errors import INTRINSIC_FAILURE, QUERY_EVALUATION_ERROR, RUNTIME
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.runner import Request, carry_out

_COMPARED = frozenset(("entered", "result", "output", "assigned", "retries", "error", "children", "ended"))
# What a path that leads nowhere is in one language, and in the other.
_REFUSED = frozenset((RUNTIME, INTRINSIC_FAILURE, "States.ParameterPathFailure", "States.ReferencePathConflict"))


@dataclass(frozen=True, slots=True)
class Proof:
    """What two runs over one fixture or input showed.

    Attributes:
        name: the fixture's name, or the input as it was given.
        status: how the original ended.
        comparison: where the two differ.
    """

    name: str
    status: str
    comparison: Comparison

    @property
    def holds(self) -> bool:
        """Whether the two are equal."""
        return self.comparison.same

    def to_json(self) -> dict[str, Json]:
        """Return the proof as `--json` prints it."""
        return {"name": self.name, "status": self.status, "holds": self.holds, **self.comparison.to_json()}


def fixtures_of(machine: str, folder: Path) -> list[str]:
    """Return the names of a machine's fixtures."""
    return sorted(path.parent.name for path in (folder / machine).glob("*/fixture.toml"))


def prove(
    machine: Path,
    name: str,
    converted: Json,
    requests: Mapping[str, Request],
    tell: Callable[[str], None] = lambda _: None,
) -> list[Proof]:
    """Run a machine and its converted form, and compare.

    Args:
        machine: the original's file.
        name: the machine's name.
        converted: the converted definition.
        requests: what to run, by the name under which it is told: fixture, input, substitutions.
        tell: told the name of each before it is run.

    Raises:
        SfnSimError: one of the two cannot be run.
    """
    proofs = []
    with tempfile.TemporaryDirectory(prefix="sfn-sim-convert-") as folder:
        other = Path(folder, f"{name}.asl.json")
        other.write_text(json.dumps(converted, indent=2, ensure_ascii=False), encoding="utf-8")
        for label, request in requests.items():
            tell(label)
            ours = _run(replace(request, machine=str(machine)))
            theirs = _run(replace(request, machine=str(other)))
            proofs.append(Proof(label, ours.status, compared(ours, theirs)))
    return proofs


def _run(request: Request) -> Execution:
    return carry_out(request).summaries[-1].execution


def compared(original: Execution, converted: Execution) -> Comparison:
    """Compare a run of a JSONPath machine with one of the same machine in JSONata."""
    found = compare_runs(original, converted)
    alike = _alike(original.error, converted.error)
    states = [each for each in found.states if each.field in _COMPARED and not _refused_alike(each)]
    ends = [each for each in found.ends if not (alike and each.pointer in ("/error", "/cause"))]
    return Comparison(states, ends, found.compared, found.notes)


def _refused_alike(found: StateDifference) -> bool:
    if found.field != "error":
        return False
    sides: Sequence[Difference] = [each for each in found.differences if each.pointer == "/error"]
    return len(sides) == 1 and _alike(sides[0].left, sides[0].right)


def _alike(left: object, right: object) -> bool:
    return left in _REFUSED and right == QUERY_EVALUATION_ERROR
