"""What check finds in a broken machine it finds in the same machine written in JSONata, and nothing in sound ones."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from sfn_sim.analysis.check import Finding
from sfn_sim.commands.checking import CheckRequest, carry_out
from sfn_sim.convert import convert
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.world import load_fixture

from .conftest import NAMES, ROOT, variant

pytest.importorskip("jlens")

NOT_FOUND = {
    "b22-no-result-path": (
        "a Map puts the list of its results in the place of the state: in JSONata a field of a list is that of its "
        "items, of which nothing is known: it is told as a note"
    ),
}
"""What check finds in JSONPath and cannot find in JSONata, each with the reason."""


@functools.cache
def _in_jsonata(name: str) -> str | None:
    """Return a broken definition in JSONata; None if it does not load as it is."""
    try:
        converted = convert(json.loads(variant(name).definition.read_text(encoding="utf-8")))
    except SyntaxProblem:
        return None
    return json.dumps(converted.document, indent=2)


def _told(request: CheckRequest) -> tuple[bool, list[Finding]]:
    loads, found = _all(request)
    return loads, [each for each in found if each.severity != "note"]


def _all(request: CheckRequest) -> tuple[bool, tuple[Finding, ...]]:
    report = carry_out(request).reports[0]
    return report.loads, report.findings


def _found_in_both(name: str, folder: Path) -> tuple[list[Finding], list[Finding]] | None:
    broken, text = variant(name), _in_jsonata(name)
    loads, in_jsonpath = _told(CheckRequest(broken=name))
    if text is None or not loads:
        return None
    file = folder / f"{broken.machine}.asl.json"
    file.write_text(text, encoding="utf-8")
    fixture = load_fixture(ROOT / "fixtures" / broken.machine / broken.fixture, broken.settings)
    request = CheckRequest(machines=(str(file),), fixture=broken.fixture, substitutions=fixture.substitutions)
    return in_jsonpath, _told(request)[1]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_FOUND])
def test_a_bug_is_found_in_the_same_states_in_jsonata(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = _found_in_both(name, tmp_path)
    if found is not None:
        in_jsonpath, in_jsonata = ({(each.severity, each.state) for each in each_of} for each_of in found)
        assert in_jsonata == in_jsonpath


def test_the_exceptions_are_those_that_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in NOT_FOUND:
        found = _found_in_both(name, tmp_path)
        assert found is not None
        assert found[0]
        assert not found[1]
        noted = _all(CheckRequest(machines=(str(tmp_path / f"{variant(name).machine}.asl.json"),), fixture="small"))[1]
        assert {each.code for each in noted} >= {"LIST_READ_AS_OBJECT"}


@pytest.mark.parametrize("kind", ["line", "word"])
def test_the_sound_machines_are_sound_in_jsonata(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "definitions" / f"{kind}.asl.json").read_text(encoding="utf-8")
    file = tmp_path / f"{kind}.asl.json"
    file.write_text(json.dumps(convert(json.loads(text)).document, indent=2), encoding="utf-8")
    for fixture in (None, "small"):
        loads, found = _told(CheckRequest(machines=(str(file),), fixture=fixture))
        assert (loads, found) == (True, [])
