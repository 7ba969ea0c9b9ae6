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
        given: the shape of the execution's input.
        examples: each example that `given` was made of, with its values; none where it is more than examples.
        results: the shapes of Tasks' results, by the function or resource that they call.
        contracts: what is known of functions, by the names that the definition gives them; what was learned is
            evidence, and what rests on it a note.
        learned_given: the shape of the inputs that were seen so far, where nobody says what the input is.
    """

    given: Shape = ANYTHING
    examples: Sequence[Shape] = ()
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
    flow = _flow(name, planned, facts, walk)
    told = _by_example(name, planned, facts, source, flow) if facts.examples else flow
    found = [
        *told,
        *handler_findings(name, planned),
        *schedule_findings(name, planned),
        *usage_findings(name, planned, demands, proven.given, walk.observations.reached),
    ]
    evidence = None
    if learned is not None:
        evidence = Walk(learned.given, learned.results, open_texts(source))
        evidence.machine(planned)
        found += _by_evidence(name, evidence, found)
    reads, undecided = reads_of(walk.observations, evidence.observations if evidence is not None else None)
    # What goes wrong with all examples together, and with none alone, is not known.
    undecided += len({_read_of(each) for each in flow} - {_read_of(each) for each in told})
    findings = [*(from_diagnostic(name, each) for each in warnings), *(located(each, source) for each in found)]
    return Report(
        machine=name, source=source, findings=tuple(ordered(findings)), reads=reads, undecided=undecided,
        schedules=schedules_of(planned), states=tuple(each.name for each in planned.states),
    )  # fmt: skip


def _flow(name: str, planned: PlannedMachine, facts: Facts, walk: Walk) -> list[Finding]:
    """Return what is found by following the data."""
    return [
        *findings_of(name, walk.observations),
        *variable_findings(name, planned, walk.observations),
        *agreement_findings(name, planned, walk.observations, facts.contracts),
    ]


_NO_FAILURE_BY_ABSENCE = ("BRANCH_NEVER_TAKEN", "PATH_ALWAYS_EMPTY")
_EXAMPLE_LACKS = "rests on the example of the input alone: another input may have it otherwise"
_EXAMPLE_GOES_ELSEWHERE = "with the values that it has, no example of the input comes here: give one that does"
_MOST_EXAMPLES = 20


def _by_example(
    name: str, planned: PlannedMachine, facts: Facts, source: Source, found: Sequence[Finding]
) -> list[Finding]:
    """Return findings in which what rests on examples that are no evidence of it is a note.

    What an example has is evidence; a key that it lacks may be one that an execution need not be given, which counts
    where the lack fails a run. And where its values lead elsewhere, it tells nothing of what is read there: what goes
    wrong with all examples together, and with none of those that come there, is not told.
    """
    if all(each.severity == NOTE for each in found):
        return list(found)

    reached: set[str] = set()

    def seen_with(given: Shape) -> list[Finding]:
        walk = Walk(given, facts.proven().results, open_texts(source))
        walk.machine(planned)
        reached.update(walk.observations.reached if given is not ANYTHING else ())
        return _flow(name, planned, facts, walk)

    certain = {_read_of(each) for each in seen_with(ANYTHING)}
    if len(facts.examples) > _MOST_EXAMPLES:
        shown = list(found)
    else:
        shown = [each for example in facts.examples for each in seen_with(example)]
    reads, lacks = {_read_of(each) for each in shown}, {(each.state, each.mark) for each in shown if each.mark}
    told = []
    for each in found:
        if each.severity == NOTE or _read_of(each) in certain:
            told.append(each)
        elif each.code in _NO_FAILURE_BY_ABSENCE:
            told.append(replace(each, severity=NOTE, notes=(*each.notes, _EXAMPLE_LACKS)))
        # Of several reads that lack the same key one is told, and not always the same.
        elif _read_of(each) in reads or (each.state, each.mark) in lacks:
            told.append(each)
        elif each.state not in reached:
            told.append(replace(each, severity=NOTE, notes=(*each.notes, _EXAMPLE_GOES_ELSEWHERE)))
    return told


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
