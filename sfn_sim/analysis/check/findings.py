"""A finding: one thing that is wrong in a definition, with the states at both ends."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sfn_sim.analysis.check.codes import SEVERITIES
from sfn_sim.analysis.check.ways import way_text
from sfn_sim.payload import Json
from sfn_sim.source import Location, Source, excerpt


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A state at the other end of a finding: the one that lost, made or hides what is read here."""

    state: str
    pointer: str
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding.

    Attributes:
        code: its code; `severity` how bad it is: "error", "warning" or "note".
        machine: the machine's name.
        state: the state in which it shows; empty for the machine as a whole.
        field: the field below the state; `expression` what stands there.
        pointer: the field's JSON pointer; `location` its place in the file.
        what: what is wrong; `why` what led to it; `fix` what to change.
        label: what stands below the line in the excerpt; `mark` the part of the expression that it is about.
        notes: what else is worth knowing.
        way: the states of one way on which it happens.
        other: the state at the other end.
    """

    code: str
    severity: str
    machine: str
    state: str
    pointer: str
    what: str
    field: str = ""
    expression: str = ""
    why: str = ""
    fix: str = ""
    label: str = ""
    mark: str = ""
    notes: tuple[str, ...] = ()
    way: tuple[str, ...] = ()
    other: End | None = None
    location: Location | None = None

    @property
    def rank(self) -> int:
        """How bad it is: 0 for an error, then warnings, then notes."""
        return SEVERITIES.index(self.severity)

    def fingerprint(self) -> str:
        """Return what names the finding in a baseline: the same after lines have moved."""
        return "|".join((self.code, self.machine, self.state, self.field, self.expression))

    def place(self) -> str:
        """Return `file:line:column`, or the pointer where the place is not known."""
        return str(self.location) if self.location else self.pointer

    def to_json(self) -> dict[str, Json]:
        """Return the finding as `--json` prints it, with the keys that other diagnostics have."""
        place = self.location
        return {
            "severity": self.severity.upper(),
            "code": self.code,
            "message": self.what,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "pointer": self.pointer,
            "hint": self.fix,
            "machine": self.machine,
            "state": self.state,
            "field": self.field,
            "expression": self.expression,
            "why": self.why,
            "notes": list(self.notes),
            "way": list(self.way),
            "states": [{"state": self.state, "pointer": self.pointer}, *self._other_json()],
        }

    def _other_json(self) -> list[Json]:
        if self.other is None:
            return []
        place = self.other.location
        return [
            {
                "state": self.other.state,
                "pointer": self.other.pointer,
                "line": place.line if place else None,
                "column": place.column if place else None,
            }
        ]

    def lines(self, source: Source | None) -> list[str]:
        """Return the message, line by line."""
        lines = [f"{self.place()}  {self.severity} {self.code}" + (f" in {self.state}" if self.state else "")]
        if source is not None and self.location is not None:
            lines += excerpt(source, self.location, self.label)
        if self.way:
            lines.append(f"  way   {way_text(self.way)}")
        for name, text in (("what", self.what), ("why", self.why), ("fix", self.fix)):
            if text:
                lines.append(f"  {name:<5} {text}")
        if self.other is not None and self.other.location is not None:
            lines.append(f"  see   {self.other.location} ({self.other.state or 'the machine'})")
        return lines + [f"  note  {note}" for note in self.notes]


def located(finding: Finding, source: Source) -> Finding:
    """Return a finding with its places in the file."""
    place = _underlined(source.locate(finding.pointer), finding, source)
    other = finding.other
    if other is not None:
        other = dataclasses.replace(other, location=source.locate(other.pointer, key=other.pointer.count("/") <= 2))
    return dataclasses.replace(finding, location=place, other=other)


def _underlined(place: Location, finding: Finding, source: Source) -> Location:
    """Return the place of the last step of the path that `label` is about, where the line shows it."""
    if not finding.expression:
        return place
    start = place.column - 1
    written = source.line(place.line)[start : start + place.length]
    text, mark = finding.expression, finding.mark
    if text not in written:  # as JSON writes it
        text, mark = (json.dumps(each, ensure_ascii=False)[1:-1] for each in (text, mark))
    at = written.find(text)
    if at < 0:
        return place
    inside = text.rfind(mark) if mark else -1
    if inside < 0:
        return Location(place.file, place.line, place.column + at, len(text))
    return Location(place.file, place.line, place.column + at + inside, len(mark))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a Retrier waits, all its retries together.

    Attributes:
        state: the state; `pointer` the Retrier's.
        errors: what it retries; `attempts` how often at most.
        total_s: the seconds of all waits, without jitter; with it, the most they can be.
        jitter: whether the waits are drawn between 0 and that.
    """

    state: str
    pointer: str
    errors: tuple[str, ...]
    attempts: int
    total_s: float
    jitter: bool

    def to_json(self) -> dict[str, Json]:
        """Return the schedule as `--json` prints it."""
        return {
            "state": self.state,
            "pointer": self.pointer,
            "errors": list(self.errors),
            "attempts": self.attempts,
            "total_s": self.total_s,
            "jitter": self.jitter,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check of one machine found.

    Attributes:
        machine: its name; `source` its text.
        findings: the worst first, then in order of the definition.
        reads: how many reads there are; `undecided` how many of them could not be decided.
        schedules: the retry schedules.
        states: the names of all states.
        loads: whether the definition could be loaded; what does not load is not walked.
    """

    machine: str
    source: Source | None
    findings: tuple[Finding, ...] = ()
    reads: int = 0
    undecided: int = 0
    schedules: tuple[Schedule, ...] = ()
    states: tuple[str, ...] = ()
    loads: bool = True

    def count(self) -> Mapping[str, int]:
        """Return how many findings there are of each severity."""
        return {name: sum(each.severity == name for each in self.findings) for name in SEVERITIES}
