"""What one test has run: its executions, its mocks, and what must hold of them when it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from sfn_sim.analysis.lineage.places import places
from sfn_sim.machine import StateMachine
from sfn_sim.run.execution import Execution
from sfn_sim.testing.executed import ExecutionUnderTest
from sfn_sim.testing.mocks import Mocks
from sfn_sim.testing.project import Project, project_of
from sfn_sim.world.expectations import Check

if TYPE_CHECKING:
    from sfn_sim.testing.one_state import StateResult
    from sfn_sim.testing.session_coverage import SessionCoverage
    from sfn_sim.testing.session_record import SessionRecord


@dataclass
class Ran:
    """What the fixtures of one test share.

    Attributes:
        config: the session's configuration; `node` the test.
        executions: its executions, in order.
        states: the states that it ran alone, in order.
        mocks: its own mocks first; those of fixtures and test cases behind them.
        expected: what the fixtures of its worlds expect, by world: how it was found after the last run there.
    """

    config: pytest.Config
    node: pytest.Item
    executions: list[ExecutionUnderTest] = field(default_factory=list)
    states: list[StateResult] = field(default_factory=list)
    mocks: list[Mocks] = field(default_factory=lambda: [Mocks()])
    expected: dict[int, Sequence[Check]] = field(default_factory=dict)

    @cached_property
    def project(self) -> Project:
        """Where definitions, handlers and fixtures are."""
        return project_of(self.config)

    def add(
        self, execution: Execution, machine: StateMachine, real_ms: float, checks: Sequence[Check] = ()
    ) -> ExecutionUnderTest:
        """Note an execution: show what its handlers wrote, count its coverage, record it."""
        golden = self.node.path.parent / "golden"
        rewrite = bool(self.config.getoption("sfn_update_golden"))
        made = ExecutionUnderTest.of(
            execution, machine=machine, real_ms=real_ms, checks=checks, golden=golden, rewrite=rewrite
        )
        self.executions.append(made)
        _print(made)
        counted: SessionCoverage | None = self.config.pluginmanager.get_plugin("sfn_sim_coverage")
        if counted is not None:
            counted.add(made, machine)
        recorded: SessionRecord | None = self.config.pluginmanager.get_plugin("sfn_sim_record")
        if recorded is not None:
            recorded.add(made, machine, self.node.nodeid)
        return made

    def add_state(self, result: StateResult, machine: StateMachine) -> None:
        """Note a state that was run alone: show what its handler wrote, count its coverage."""
        self.states.append(result)
        _print(result.execution)
        counted: SessionCoverage | None = self.config.pluginmanager.get_plugin("sfn_sim_coverage")
        if counted is not None:
            counted.add_state(result, machine)

    def problems(self) -> list[str]:
        """Return why the test fails although it passed by itself; empty when all is well."""
        found = [problem for mocks in self.mocks for problem in mocks.problems()]
        return found + [
            f"the fixture's expectation {check.name!r} does not hold: expected {check.expected!r}, "
            f"actual {check.actual!r}{f' ({check.detail})' if check.detail else ''}"
            for checks in self.expected.values()
            for check in checks
            if not check.held
        ]

    def mocks_over(self, others: Mocks | None = None) -> Mocks:
        """Return this test's mocks; over others, which must be used up when the test ends, too."""
        own = self.mocks[0]
        if (own or others) and own.contracts is None:
            from sfn_sim.contracts import Contracts

            own.contracts = Contracts(self.project.config).of
        if not others:
            return own
        self.mocks.append(others)
        return own.over_those(others)


def _print(execution: Execution) -> None:
    """Write what handlers wrote where pytest captures it."""
    for place in places(execution):
        for _, text in place.visit.printed:
            sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
