"""Findings of a check in the form that their reader wants: a person, a program, GitHub, SARIF or JUnit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from sfn_sim import __version__
from sfn_sim.analysis.check.codes import ERROR, NOTE, SEVERITIES, WARNING
from sfn_sim.analysis.check.explain import every_code
from sfn_sim.analysis.check.findings import Finding, Report
from sfn_sim.analysis.check.handlers import duration
from sfn_sim.analysis.check.ways import way_text
from sfn_sim.payload import Json
from sfn_sim.source import Source

SCHEMA = 1
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_GITHUB = {ERROR: "error", WARNING: "warning", NOTE: "notice"}


def as_text(reports: Sequence[Report], others: Sequence[Finding], *, retries: bool = False) -> str:
    """Return findings for a person: errors and warnings with their lines, notes in one line each, and a count.

    Args:
        reports: the machines.
        others: findings that belong to no machine.
        retries: whether every retry schedule is told too.
    """
    lines: list[str] = []
    for report in reports:
        for each in report.findings:
            lines += _told(each, report.source)
        if retries:
            lines += _schedules(report)
    for each in others:
        lines += _told(each, None)
    return "\n".join([*lines, _summary(reports, others)])


def _told(finding: Finding, source: Source | None) -> list[str]:
    if finding.severity == NOTE:
        state = f" in {finding.state}" if finding.state else ""
        return [f"{finding.place()}  note {finding.code}{state}: {finding.what}"]
    return [*finding.lines(source), ""]


def _schedules(report: Report) -> list[str]:
    lines = []
    for each in report.schedules:
        most = "at most " if each.jitter else ""
        retries = f"{each.attempts} retr{'y' if each.attempts == 1 else 'ies'}"
        lines.append(f"  {each.state}: {', '.join(each.errors)}: {retries} in {most}{duration(each.total_s)}")
    return [f"retries of {report.machine}", *lines, ""] if lines else []


def _summary(reports: Sequence[Report], others: Sequence[Finding]) -> str:
    found = [*(each for report in reports for each in report.findings), *others]
    counts = [(sum(each.severity == name for each in found), name) for name in SEVERITIES]
    told = ", ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in counts)
    machines = f"{len(reports)} machine{'s' * (len(reports) != 1)}"
    reads, undecided = (sum(getattr(each, name) for each in reports) for name in ("reads", "undecided"))
    unloaded = sum(not each.loads for each in reports)
    parts = [f"{machines}: {told}", f"{undecided:,} of {reads:,} reads could not be decided"]
    if unloaded:
        parts.append(f"{unloaded} did not load")
    return " · ".join(parts)


def to_json(reports: Sequence[Report], others: Sequence[Finding]) -> dict[str, Json]:
    """Return findings as `--json` prints them: `diagnostics` has all of them, as `sfn-sim run` prints its own."""
    found = [*(each for report in reports for each in report.findings), *others]
    return {
        "schema": SCHEMA,
        "diagnostics": [each.to_json() for each in found],
        "counts": {name: sum(each.severity == name for each in found) for name in SEVERITIES},
        "machines": [
            {
                "machine": report.machine,
                "file": report.source.path if report.source else None,
                "loads": report.loads,
                "reads": report.reads,
                "undecided": report.undecided,
                "retries": [each.to_json() for each in report.schedules],
            }
            for report in reports
        ],
    }


def _as_json(reports: Sequence[Report], others: Sequence[Finding]) -> str:
    return json.dumps(to_json(reports, others), ensure_ascii=False)


def as_github(reports: Sequence[Report], others: Sequence[Finding]) -> str:
    """Return findings as GitHub's workflow commands, which it shows beside the lines.

    Source: GitHub Docs, Workflow commands (error, warning, notice; % CR LF and in properties : and , are escaped).
    """
    found = [*(each for report in reports for each in report.findings), *others]
    return "\n".join(map(_command, found))


def _command(finding: Finding) -> str:
    place = finding.location
    properties = {"title": f"{finding.code} in {finding.state}" if finding.state else finding.code}
    if place is not None:
        properties |= {
            "file": place.file, "line": str(place.line), "col": str(place.column),
            "endColumn": str(place.column + place.length),
        }  # fmt: skip
    told = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{_GITHUB[finding.severity]} {told}::{_escaped(_message(finding))}"


def _escaped(text: str, more: str = "") -> str:
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _message(finding: Finding) -> str:
    way = f"way: {way_text(finding.way)}" if finding.way else ""
    fix = f"fix: {finding.fix}" if finding.fix else ""
    return "\n".join(part for part in (finding.what, finding.why, way, fix) if part)


def as_sarif(reports: Sequence[Report], others: Sequence[Finding]) -> str:
    """Return findings as SARIF 2.1.0; the state at the other end is a related location.

    Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
    """
    found = [*(each for report in reports for each in report.findings), *others]
    codes = sorted({each.code for each in found})
    driver: dict[str, Json] = {
        "name": "sfn-sim", "version": __version__, "rules": [_rule(code) for code in codes],
    }  # fmt: skip
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes) for each in found],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _rule(name: str) -> Json:
    code = every_code().get(name)
    if code is None:
        return {"id": name}
    return {
        "id": name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.meaning},
        "help": {"text": code.example},
        "defaultConfiguration": {"level": code.severity},
    }


def _result(finding: Finding, codes: Sequence[str]) -> Json:
    result: dict[str, Json] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity,
        "message": {"text": _message(finding)},
        "partialFingerprints": {"finding/v1": finding.fingerprint()},
    }
    place = finding.location
    if place is not None:
        result["locations"] = [_physical(place.file, place.line, place.column, place.length, finding.state)]
    other = finding.other
    if other is not None and other.location is not None:
        at = other.location
        related = _physical(at.file, at.line, at.column, at.length, other.state)
        related["id"] = 1
        related["message"] = {"text": other.state or "the machine"}
        result["relatedLocations"] = [related]
    return result


def _physical(file: str, line: int, column: int, length: int, state: str) -> dict[str, Json]:
    place: dict[str, Json] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(file)},
            "region": {"startLine": line, "startColumn": column, "endColumn": column + length},
        }
    }
    if state:
        place["logicalLocations"] = [{"name": state, "kind": "member"}]
    return place


def as_junit(reports: Sequence[Report], others: Sequence[Finding]) -> str:
    """Return findings as JUnit's XML: a suite for each machine; errors and warnings are failures, notes are skipped."""
    suites = [_suite(report.machine, report.findings) for report in reports]
    if others:
        suites.append(_suite("configuration", others))
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>"])


def _suite(name: str, findings: Sequence[Finding]) -> str:
    failures = sum(each.severity != NOTE for each in findings)
    cases = [_case(each) for each in findings] or [f"    <testcase classname={_attribute(name)} name=\"check\"/>"]
    head = (
        f"  <testsuite name={_attribute(name)} tests=\"{len(cases)}\" failures=\"{failures}\" "
        f'skipped="{len(findings) - failures}">'
    )
    return "\n".join([head, *cases, "  </testsuite>"])


def _case(finding: Finding) -> str:
    name = _attribute(" ".join(part for part in (finding.code, finding.state, finding.field) if part))
    text = _clean(f"{finding.place()}\n{_message(finding)}")
    message = _attribute(finding.what)
    if finding.severity == NOTE:
        inner = f"<skipped message={message}/>"
    else:
        inner = f"<failure type={_attribute(finding.code)} message={message}>{escape(text)}</failure>"
    return f"    <testcase classname={_attribute(finding.machine)} name={name}>{inner}</testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    """Return a text without the signs that XML 1.0 has no way to write."""
    return "".join(sign if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff") else "?" for sign in text)


FORMATS: dict[str, Callable[[Sequence[Report], Sequence[Finding]], str]] = {
    "text": as_text,
    "json": _as_json,
    "github": as_github,
    "sarif": as_sarif,
    "junit": as_junit,
}
"""How findings can be written, by the name that `--format` gives."""
