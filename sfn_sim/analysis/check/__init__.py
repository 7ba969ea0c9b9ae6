"""Data-flow bugs found without running anything: the plan of the interpreter, folded over shapes."""

from __future__ import annotations

from sfn_sim.analysis.check.codes import CODES, Code
from sfn_sim.analysis.check.findings import End, Finding, Report, Schedule
from sfn_sim.analysis.check.machine import Facts, check_machine, not_loaded

__all__ = ["CODES", "Code", "End", "Facts", "Finding", "Report", "Schedule", "check_machine", "not_loaded"]
