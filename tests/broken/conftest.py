from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from sfn_sim.errors import DefinitionError
from sfn_sim.machine import StateMachine
from sfn_sim.report.summary import RunSummary
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.source import Diagnostic
from sfn_sim.variants import Variant, load_variant
from sfn_sim.world import check_expectations, load_fixture, open_world

ROOT = Path(__file__).resolve().parents[2]
BROKEN = ROOT / "definitions" / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.toml"))


def variant(name: str) -> Variant:
    return load_variant(BROKEN / f"{name}.toml")


@dataclass
class Outcome:
    """What became of a variant: findings at load, or a run with its diagnosis and failed expectations."""

    findings: tuple[Diagnostic, ...] = ()
    summary: RunSummary | None = None
    diagnosis: Diagnosis | None = None

    @property
    def failed_checks(self) -> set[str]:
        return {check.name for check in self.summary.checks if not check.held} if self.summary else set()

    @property
    def text(self) -> str:
        """All that is said to the author."""
        lines = [f"{each.pointer} {each.message} {each.hint}" for each in self.findings]
        if self.diagnosis:
            found = self.diagnosis
            lines += [found.what, found.why, found.fix, *found.notes]
        if self.summary:
            lines += [f"{each.state} {each.message}" for each in self.summary.warnings]
            lines += [
                f"{each.name} {each.expected} {each.actual} {each.detail}"
                for each in self.summary.checks
                if not each.held
            ]
        return "\n".join(lines)


@functools.cache
def outcome(name: str) -> Outcome:
    """Load and run a variant as `sfn-sim run --broken` does; once for all tests."""
    broken = variant(name)
    fixture = load_fixture(ROOT / "fixtures" / broken.machine / broken.fixture, broken.settings)
    try:
        machine = StateMachine.load(broken.definition, fixture.substitutions)
    except DefinitionError as error:
        return Outcome(findings=tuple(error.diagnostics))
    with open_world(fixture) as world:
        handlers = broken.over(Handlers.from_directory(ROOT / "handlers"))
        execution = machine.run(fixture.input, handlers, start=world.start, isolate=False)
        summary = RunSummary(machine.name, execution, 0.0, check_expectations(fixture, world, execution))
    return Outcome(summary=summary, diagnosis=diagnose(execution, machine.source))
