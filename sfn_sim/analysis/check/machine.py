"""The check of one machine: all that is found, in one report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sfn_sim.analysis.check.agreements import agreement_findings
from sfn_sim.analysis.check.assemble import findings_of, reads_of
from sfn_sim.analysis.check.codes import ERROR, NOTE, WARNING
from sfn_sim.analysis.check.demand import demands_of
from sfn_sim.analysis.check.findings import Finding, Report, located
from sfn_sim.analysis.check.handlers import handler_findings, schedule_findings, schedules_of
from sfn_sim.analysis.check.usage import usage_findings
from sfn_sim.analysis.check.variables import variable_findings
from sfn_sim.analysis.check.walk import Walk
from sfn_sim.analysis.contracts import Contract, says_little, told
from sfn_sim.definition.plan import PlannedMachine
from sfn_sim.payload import Json
from sfn_sim.query.shapes import ANYTHING, Shape
from sfn_sim.source import Diagnostic, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known beside the definition; what is not known is anything, and never an alarm.

    Attributes:
        given: the shape of the execution's input; `by_example` whether examples of it alone say so.
        results: the shapes of Tasks' results, by the function or resource that they call.
        contracts: what is known of functions, by the names that the definition gives them; what was learned is
            evidence, and what rests on it a note.
        learned_given: the shape of the inputs that were seen so far, where nobody says what the input is.
    """

    given: Shape = ANYTHING
    by_example: bool = False
    results: Mapping[str, Shape] = field(default_factory=dict)
    contracts: Mapping[str, Sequence[Contract]] = field(default_factory=dict)
    learned_given: Shape = ANYTHING

    def proven(self) -> Facts:
        """Return the facts without what was only seen, the results of contracts among them."""
        kept = {name: [each for each in ways if not each.is_learned] for name, ways in self.contracts.items()}
        results = {name: ways[0].result for name, ways in kept.items() if ways}
        return Facts(given=self.given, results={**results, **self.results}, contracts=kept)

    def with_learned(self) -> Facts | None:
        """Return the facts with what was only seen, where nothing says more; None where nothing was learned."""
        proven = self.proven()
        results = dict(proven.results)
        for name, ways in self.contracts.items():
            for each in ways:
                if each.is_learned and says_little(results.get(name, ANYTHING)):
                    results[name] = told(each.result)
        given = self.learned_given if says_little(self.given) else self.given
        if results == proven.results and given == self.given:
            return None
        return Facts(given=given, results=results)


def check_machine(
    name: str,
    planned: PlannedMachine,
    source: Source,
    facts: Facts | None = None,
    warnings: Sequence[Diagnostic] = (),
) -> Report:
    """Find the data-flow bugs of a machine.

    Args:
        name: the machine's name.
        planned: the machine, compiled.
        source: its text.
        facts: what is known beside it.
        warnings: what the validation noticed without refusing the definition.
    """
    facts = facts or Facts()
    proven, learned = facts.proven(), facts.with_learned()
    walk = Walk(proven.given, proven.results, open_texts(source))
    walk.machine(planned)
    demands = demands_of(planned)
    seen = findings_of(name, walk.observations)
    found = [
        *(_by_example(name, planned, proven, source, seen) if facts.by_example else seen),
        *handler_findings(name, planned),
        *schedule_findings(name, planned),
        *usage_findings(name, planned, demands, proven.given, walk.observations.reached),
        *variable_findings(name, planned, walk.observations),
        *agreement_findings(name, planned, walk.observations, facts.contracts),
    ]
    evidence = None
    if learned is not None:
        evidence = Walk(learned.given, learned.results, open_texts(source))
        evidence.machine(planned)
        found += _by_evidence(name, evidence, found)
    reads, undecided = reads_of(walk.observations, evidence.observations if evidence is not None else None)
    findings = [*(from_diagnostic(name, each) for each in warnings), *(located(each, source) for each in found)]
    return Report(
        machine=name, source=source, findings=tuple(ordered(findings)), reads=reads, undecided=undecided,
        schedules=schedules_of(planned), states=tuple(each.name for each in planned.states),
    )  # fmt: skip


_NO_FAILURE_BY_ABSENCE = ("BRANCH_NEVER_TAKEN", "PATH_ALWAYS_EMPTY")
_EXAMPLE_LACKS = "rests on the example of the input alone: another input may have it otherwise"


def _by_example(
    name: str, planned: PlannedMachine, facts: Facts, source: Source, found: Sequence[Finding]
) -> list[Finding]:
    """Return findings in which what fails no run, and rests on what examples lack, is a note.

    What an example has is evidence; a key that it lacks may be one that an execution need not be given.
    """
    if not any(each.code in _NO_FAILURE_BY_ABSENCE for each in found):
        return list(found)
    walk = Walk(ANYTHING, facts.results, open_texts(source))
    walk.machine(planned)
    certain = {_read_of(each) for each in findings_of(name, walk.observations)}
    return [
        each
        if each.code not in _NO_FAILURE_BY_ABSENCE or _read_of(each) in certain
        else replace(each, severity=NOTE, notes=(*each.notes, _EXAMPLE_LACKS))
        for each in found
    ]


def _read_of(finding: Finding) -> tuple[str, str, str]:
    return finding.state, finding.pointer, finding.expression


_NEVER_BY_EVIDENCE = ("BRANCH_NEVER_TAKEN", "UNLIKE_TYPES")


def _by_evidence(name: str, walk: Walk, found: Sequence[Finding]) -> list[Finding]:
    """Return what is found only with what was learned, as notes; that a thing was never seen closes no branch."""
    known = {_read_of(each) for each in found}
    return [
        replace(each, severity=NOTE, notes=(*each.notes, "rests on what was learned from runs: evidence, not proof"))
        for each in findings_of(name, walk.observations)
        if _read_of(each) not in known and each.code not in _NEVER_BY_EVIDENCE
    ]


def not_loaded(name: str, source: Source | None, diagnostics: Iterable[Diagnostic]) -> Report:
    """Return the report of a definition that does not load."""
    findings = ordered([from_diagnostic(name, each) for each in diagnostics])
    return Report(machine=name, source=source, findings=tuple(findings), loads=False)


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the worst first, then in order of the file."""
    return sorted(
        findings, key=lambda each: (each.rank, each.location.line if each.location else 0, each.pointer, each.code)
    )


def from_diagnostic(name: str, diagnostic: Diagnostic) -> Finding:
    """Return what the validation found as a finding."""
    parts = diagnostic.pointer.split("/")
    states = [parts[index + 1] for index, part in enumerate(parts[:-1]) if part == "States"]
    return Finding(
        code=diagnostic.code,
        severity=ERROR if diagnostic.severity == "ERROR" else WARNING,
        machine=name,
        state=states[-1] if states else "",
        pointer=diagnostic.pointer,
        what=diagnostic.message,
        fix=diagnostic.hint,
        location=diagnostic.location,
    )


def open_texts(source: Source) -> frozenset[str]:
    """Return the texts of a definition that an environment fills in: another one may fill in others."""
    if "${" not in source.text or not source.substitutions:
        return frozenset()
    found: set[str] = set()
    _changed(Source(source.path, source.text).value, source.value, found)
    return frozenset(found)


def _changed(written: Json, filled: Json, found: set[str]) -> None:
    if isinstance(written, dict) and isinstance(filled, dict):
        for key, each in written.items():
            _changed(each, filled.get(key), found)
    elif isinstance(written, list) and isinstance(filled, list):
        for one, other in zip(written, filled, strict=True):
            _changed(one, other, found)
    elif isinstance(filled, str) and written != filled:
        found.add(filled)
