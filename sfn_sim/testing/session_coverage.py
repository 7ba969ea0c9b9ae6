"""`--sfn-coverage`: what the tests of a session took of its machines, gathered from all of its processes.

Each run is counted when it ends and not kept. A pytest-xdist worker hands its counts to the controlling process as
plain JSON, which alone reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sfn_sim.analysis.coverage import KINDS, Coverage, Item, coverage
from sfn_sim.analysis.lineage.choice import taken as branch_taken
from sfn_sim.analysis.lineage.places import Place
from sfn_sim.machine import StateMachine
from sfn_sim.report.coverage_files import Counted, Line, as_json, cobertura, lcov
from sfn_sim.run.execution import Execution
from sfn_sim.testing.one_state import StateResult

_SENT = "sfn_sim_coverage"
_MOST_NEVER = 20


class SessionCoverage:
    """Counts what runs took, by definition."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._counted: dict[str, Counted] = {}

    def add(self, execution: Execution, machine: StateMachine) -> None:
        """Count one run of a machine."""
        self._count(coverage(execution.machine, machine.name, [execution]), machine)

    def add_state(self, result: StateResult, machine: StateMachine) -> None:
        """Count one run of a state alone: the state, and where it led."""
        taken = coverage(machine.planned, machine.name, [result.execution])
        for item in _led(result, [each for each in taken.taken if each.state == result.state]):
            taken.taken[item] += 1
        self._count(taken, machine)

    def _count(self, taken: Coverage, machine: StateMachine) -> None:
        key = f"{machine.source.path}\n{machine.source.text}"
        if key not in self._counted:
            lines = [
                Line(item.kind, item.state, item.name, item.pointer, tuple(machine.source.lines_of(item.pointer)))
                for item in taken.taken
            ]
            self._counted[key] = Counted(_file(machine, self._config), machine.name, lines, [0] * len(lines))
        self._counted[key].add(1, list(taken.taken.values()))

    def pytest_sessionfinish(self) -> None:
        """Hand the counts to the controlling process, or write the files."""
        sent: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if sent is not None:
            sent[_SENT] = {key: each.to_json() for key, each in self._counted.items()}
            return
        counted = list(self._counted.values())
        for option, write in (("json", as_json), ("xml", cobertura), ("lcov", lcov)):
            if name := self._config.getoption(f"sfn_coverage_{option}"):
                file = Path(self._config.invocation_params.dir, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(write(counted), encoding="utf-8")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the counts of a worker that has ended."""
        for key, sent in getattr(node, "workeroutput", {}).get(_SENT, {}).items():
            counted = Counted.from_json(sent)
            if key in self._counted:
                self._counted[key].add(counted.runs, counted.counts)
            else:
                self._counted[key] = counted

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was taken, and what never was."""
        write = terminalreporter.write_line
        terminalreporter.section("coverage of state machines (sfn-sim)")
        if not self._counted:
            write("no test ran a state machine")
        for each in self._counted.values():
            write(f"{each.machine}: {each.percent:.1f}% taken by {each.runs} run{'s' * (each.runs != 1)}  {each.file}")
            for kind in KINDS:
                taken, total = each.taken(kind)
                if total:
                    write(f"  {kind:<12} {taken:>3} of {total}")
            never = [line for line, count in zip(each.lines, each.counts, strict=True) if not count]
            for line in never[:_MOST_NEVER]:
                write(f"  never  {line.kind.removesuffix('s'):<11} {line.name}  {each.file}:{line.numbers[0]}")
            if len(never) > _MOST_NEVER:
                write(f"  and {len(never) - _MOST_NEVER} more")
        for option in ("json", "xml", "lcov"):
            if name := self._config.getoption(f"sfn_coverage_{option}"):
                write(f"written to {name}")


def _led(result: StateResult, items: Sequence[Item]) -> Iterator[Item]:
    """Yield what of its own branches a state took that was run alone: no next state was entered that could tell."""
    of_kind = {kind: [item for item in items if item.kind == kind] for kind in KINDS}
    if result.next_state is not None:
        yield from (each for each in of_kind["transitions"] if each.name.endswith(f" → {result.next_state}"))
        if of_kind["choices"]:
            index = branch_taken(result.execution, Place(result.execution.log, result.visit), result.next_state)
            yield of_kind["choices"][-1 if index is None else index]
    told = result.inspection.get("errorDetails", {})
    if result.status == "CAUGHT_ERROR":
        yield of_kind["catchers"][told["catchIndex"]]
    if result.status == "RETRIABLE":
        yield of_kind["retriers"][told["retryIndex"]]


def _file(machine: StateMachine, config: pytest.Config) -> str:
    """Return a definition's file as coverage services want it: relative to the root directory, with slashes."""
    path = Path(machine.source.path)
    if not path.is_file():
        return machine.source.path
    full, root = path.resolve(), config.rootpath.resolve()
    return (full.relative_to(root) if full.is_relative_to(root) else full).as_posix()
