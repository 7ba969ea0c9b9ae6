"""Findings that the configuration silences, and those that a baseline knows already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sfn_sim.analysis.check.codes import NOTE
from sfn_sim.analysis.check.explain import every_code
from sfn_sim.analysis.check.findings import Finding, Report
from sfn_sim.source import Location

if TYPE_CHECKING:
    from sfn_sim.config import Silence


def silence(
    reports: Sequence[Report], silences: Sequence[Silence], file: str, *, complete: bool
) -> tuple[list[Report], list[Finding]]:
    """Return reports without what is silenced, and a finding for each silence that silences nothing.

    Args:
        reports: what was found.
        silences: those of the configuration.
        file: the configuration's file, for messages.
        complete: whether all machines of the project were checked; if not, a silence may be meant for another.
    """
    used: set[int] = set()

    def is_silenced(finding: Finding) -> bool:
        matching = [number for number, each in enumerate(silences) if _matches(each, finding)]
        used.update(matching)
        return bool(matching)

    left = [
        replace(report, findings=tuple(each for each in report.findings if not is_silenced(each)))
        for report in reports
    ]
    machines = {report.machine for report in reports}
    states = {name for report in reports for name in report.states}
    unused = [
        _unused(each, file)
        for number, each in enumerate(silences)
        if number not in used and (complete or each.machine in machines or (not each.machine and each.state in states))
    ]
    return left, unused


def _matches(silence: Silence, finding: Finding) -> bool:
    is_it = silence.code == finding.code and silence.state == finding.state
    return is_it and silence.machine in ("", finding.machine)


def _unused(silence: Silence, file: str) -> Finding:
    what = f"the silence of {silence.code} in {silence.state or 'the machine'} silences nothing"
    if silence.code not in every_code():
        near = get_close_matches(silence.code, every_code(), 1)
        what += ": there is no such code" + (f", did you mean {near[0]}?" if near else "")
    return Finding(
        code="SILENCE_UNUSED", severity=NOTE, machine=silence.machine, state=silence.state, pointer="",
        field=silence.code, what=what, why=f"its reason was: {silence.reason}", fix="take it out of the configuration",
        location=Location(file, silence.line, 1),
    )  # fmt: skip


def baseline_of(reports: Sequence[Report]) -> dict[str, int]:
    """Return what a baseline keeps: how often each finding is there, by a name that outlives moved lines."""
    counted = Counter(each.fingerprint() for report in reports for each in report.findings)
    return dict(sorted(counted.items()))


def without_known(reports: Sequence[Report], known: dict[str, int]) -> list[Report]:
    """Return reports with those findings only that a baseline does not have."""
    left = Counter(known)
    kept = []
    for report in reports:
        new = []
        for each in report.findings:
            name = each.fingerprint()
            if left[name] > 0:
                left[name] -= 1
            else:
                new.append(each)
        kept.append(replace(report, findings=tuple(new)))
    return kept
