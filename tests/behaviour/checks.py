"""The plainest way to check a machine in a test."""

from __future__ import annotations

from typing import Any

from sfn_sim import StateMachine
from sfn_sim.analysis.check import Facts, Finding, Report, check_machine
from sfn_sim.query.shapes import ANYTHING, Shape, join_all, shape_of
from tests.behaviour.machines import machine


def examine(given: StateMachine, *examples: Any, results: dict[str, Shape] | None = None) -> Report:
    """Check a machine, given examples of its input; without any the input is anything."""
    shape = join_all(shape_of(each, exact=False) for each in examples) if examples else ANYTHING
    facts = Facts(given=shape, results=results or {})
    return check_machine(given.name, given.planned, given.source, facts, given.warnings)


def findings(*examples: Any, top: dict[str, Any] | None = None, **states: Any) -> list[Finding]:
    """Return what is found in a machine of these states, the first one first, without notes."""
    return [each for each in examine(machine(top, **states), *examples).findings if each.severity != "note"]


def notes(*examples: Any, **states: Any) -> list[Finding]:
    return [each for each in examine(machine(None, **states), *examples).findings if each.severity == "note"]


def codes(*examples: Any, top: dict[str, Any] | None = None, **states: Any) -> list[tuple[str, str, str]]:
    """Return code, severity and state of what is found, without notes."""
    return [(each.code, each.severity, each.state) for each in findings(*examples, top=top, **states)]
