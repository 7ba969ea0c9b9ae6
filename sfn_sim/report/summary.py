"""A run as numbers: what the terminal and `--json` show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sfn_sim import limits
from sfn_sim.analysis.diagnosis.diagnose import Diagnosis
from sfn_sim.analysis.lints import Warning, lint
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log
from sfn_sim.run.map_run import StateTotals
from sfn_sim.source import Diagnostic
from sfn_sim.world.expectations import Check

SCHEMA = 1


@dataclass(slots=True)
class StateRow:
    """One state of a run, over all its visits.

    Sizes are bytes of compact UTF-8 JSON; `largest_input_bytes` counts what the state was given and what it handed
    to its task, `largest_output_bytes` what its task gave back and what the state gave on. `virtual_ms` is virtual
    time between entry and exit, `real_ms` the real time of its invocations.
    """

    name: str
    type: str
    visits: int = 0
    retries: int = 0
    largest_input_bytes: int = 0
    largest_output_bytes: int = 0
    virtual_ms: int = 0
    real_ms: float = 0.0

    def to_json(self) -> dict[str, Json]:
        """Return the row as `--json` prints it."""
        return {
            "name": self.name,
            "type": self.type,
            "visits": self.visits,
            "retries": self.retries,
            "largest_input_bytes": self.largest_input_bytes,
            "largest_output_bytes": self.largest_output_bytes,
            "real_ms": round(self.real_ms, 3),
        }

    @property
    def largest_bytes(self) -> int:
        """The largest payload that the state met."""
        return max(self.largest_input_bytes, self.largest_output_bytes)


def state_rows(log: Log) -> list[StateRow]:
    """Return a row for each state that was entered, in order of first entry."""
    rows: dict[int, StateRow] = {}
    for visit in log.visits:
        row = rows.get(visit.state.number)
        if row is None:
            row = rows[visit.state.number] = StateRow(visit.name, visit.state.state.type)
        row.visits += 1
        row.retries += len(visit.retry_delays_ms)
        row.largest_input_bytes = max(
            row.largest_input_bytes, visit.measured_input_bytes(), visit.task_input_bytes
        )
        row.largest_output_bytes = max(row.largest_output_bytes, visit.output_bytes, visit.result_bytes)
        row.virtual_ms += max(0, (visit.exited_ms if visit.exited_ms >= 0 else log.now_ms) - visit.entered_ms)
        row.real_ms += visit.calls_ns / 1e6
    for run in log.map_runs:
        for totals in run.totals.values():
            _add(rows, totals)
    return list(rows.values())


def _add(rows: dict[int, StateRow], totals: StateTotals) -> None:
    """Add what a state was in the child executions of a Map Run."""
    planned = totals.state
    row = rows.setdefault(planned.number, StateRow(planned.name, planned.state.type))
    row.visits += totals.visits
    row.retries += totals.retries
    row.largest_input_bytes = max(row.largest_input_bytes, totals.largest_input_bytes)
    row.largest_output_bytes = max(row.largest_output_bytes, totals.largest_output_bytes)
    row.virtual_ms += totals.virtual_ms
    row.real_ms += totals.calls_ns / 1e6


@dataclass(slots=True)
class RunSummary:
    """A run that has ended, with all that is shown of it.

    Attributes:
        machine: the machine's name.
        execution: the execution.
        rows: its states.
        elapsed_real_ms: how long the execution took on the clock on the wall.
        checks: the expectations.
        world_before: counts of the world before the run; `world_after` after it; empty without a fixture.
        diagnosis: why it failed; None if it did not.
        warnings: what looks wrong although nothing failed; they never change the exit code.
    """

    machine: str
    execution: Execution
    elapsed_real_ms: float
    checks: Sequence[Check] = ()
    world_before: Mapping[str, Json] = field(default_factory=dict)
    world_after: Mapping[str, Json] = field(default_factory=dict)
    diagnosis: Diagnosis | None = None
    rows: list[StateRow] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows = self.rows or state_rows(self.execution.log)
        self.warnings = self.warnings or lint(self.execution)

    @property
    def as_expected(self) -> bool:
        """Tell whether the execution ended as it should: as the fixture says, or well where none says anything."""
        ends = [check for check in self.checks if check.name in ("status", "error")]
        return all(check.held for check in ends) if ends else self.execution.status == "SUCCEEDED"

    @property
    def exit_code(self) -> int:
        """0 all as expected · 1 ended otherwise · 3 an expectation did not hold."""
        if not self.as_expected:
            return 1
        return 0 if all(check.held for check in self.checks) else 3

    def worst(self) -> StateRow | None:
        """Return the state that came nearest to the payload limit."""
        return max(self.rows, key=lambda row: row.largest_bytes, default=None)

    def to_json(self) -> dict[str, Json]:
        """Return the run as `--json` prints it."""
        execution = self.execution
        return {
            "schema": SCHEMA,
            "machine": self.machine,
            "status": execution.status,
            "error": execution.error,
            "cause": execution.cause,
            "output": execution.output,
            "seed": execution.options.seed,
            "elapsed_virtual_ms": execution.elapsed_ms,
            "elapsed_real_ms": round(self.elapsed_real_ms, 3),
            "events": len(execution.log.events),
            "limit_bytes": execution.options.limit_bytes,
            "states": [row.to_json() for row in self.rows],
            "map_runs": [run.to_json() for run in execution.log.map_runs],
            "expectations": [check.to_json() for check in self.checks],
            "world": {"before": dict(self.world_before), "after": dict(self.world_after)},
            "diagnosis": self.diagnosis.to_json() if self.diagnosis else None,
            "warnings": [warning.to_json() for warning in self.warnings],
        }


def share(size_bytes: int, limit_bytes: int = limits.PAYLOAD.value) -> float:
    """Return a size as a share of the payload limit."""
    return size_bytes / limit_bytes


def diagnostic_json(diagnostic: Diagnostic) -> dict[str, Json]:
    """Return a diagnostic as `--json` prints it."""
    place = diagnostic.location
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "pointer": diagnostic.pointer,
        "hint": diagnostic.hint,
    }


def failure_json(machine: str | None, message: str, diagnostics: Sequence[Diagnostic] = ()) -> dict[str, Json]:
    """Return what `--json` prints when nothing could be run: the same keys, with what is known."""
    return {
        "schema": SCHEMA,
        "machine": machine,
        "status": None,
        "error": message,
        "cause": None,
        "output": None,
        "seed": None,
        "elapsed_virtual_ms": None,
        "elapsed_real_ms": None,
        "events": 0,
        "limit_bytes": None,
        "states": [],
        "map_runs": [],
        "expectations": [],
        "world": {"before": {}, "after": {}},
        "diagnosis": None,
        "warnings": [],
        "diagnostics": [diagnostic_json(each) for each in diagnostics],
    }
