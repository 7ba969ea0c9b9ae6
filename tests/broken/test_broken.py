"""Every known bug is found, and the message names its state, field and cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfn_sim.errors import ConfigurationError
from sfn_sim.variants import find_variant, load_variant

from . import table
from .conftest import BROKEN, NAMES, ROOT, outcome, variant

CASES = [pytest.param(name, marks=pytest.mark.slow if variant(name).slow else ()) for name in NAMES]
BUGS = ("Issue 1", "Issue 2", "Issue 3", "B1", "B2", "B3", *(f"B{n}" for n in range(5, 19)), "B22", "B23", "B27", "B28",
        "B33")  # fmt: skip


def _states(value: Any) -> dict[str, Any]:
    """Return the states of the machine itself by name, and what else it has."""
    return {**value.pop("States"), **{f"({key})": each for key, each in value.items() if key != "Comment"}}


@pytest.mark.parametrize("name", CASES)
def test_a_bug_is_found_where_it_is_said_to_be(name: str) -> None:
    expect, found = variant(name).expect, outcome(name)
    if expect.found == "load":
        assert expect.code in {each.code for each in found.findings}
        places = [each.pointer for each in found.findings if each.code == expect.code]
        assert all(expect.state in place for place in places), places
        assert any(f"{expect.state}/{expect.field}".rstrip("/") in place for place in places), places
        return
    assert found.summary is not None
    execution = found.summary.execution
    assert (execution.status, execution.error or "") == (expect.status, expect.error)
    assert set(expect.checks) <= found.failed_checks
    if expect.found == "run":
        assert found.diagnosis is not None
        assert (found.diagnosis.state.rpartition(".")[2], found.diagnosis.field) == (expect.state, expect.field)
        assert found.diagnosis.fix
        assert found.diagnosis.location is not None
    else:
        assert found.diagnosis is None
        assert expect.checks


@pytest.mark.parametrize("name", CASES)
def test_the_message_tells_the_cause(name: str) -> None:
    text = outcome(name).text
    assert [word for word in variant(name).expect.words if word not in text] == []


@pytest.mark.parametrize("name", CASES)
def test_lints_name_the_state_that_looked_the_other_way(name: str) -> None:
    summary = outcome(name).summary
    warned = {(each.code, each.state.rpartition(".")[2]) for each in summary.warnings} if summary else set()
    assert set(variant(name).expect.warnings.items()) <= warned


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_definition_differs_from_the_sound_one_in_the_named_states_only(name: str) -> None:
    broken = variant(name)
    sound = _states(json.loads((ROOT / "definitions" / f"{broken.machine}.asl.json").read_text()))
    text = json.loads(broken.definition.read_text())
    assert text["Comment"] == broken.about
    states = _states(text)
    differing = {key for key in sound.keys() | states.keys() if sound.get(key) != states.get(key)}
    assert differing == set(broken.changed)
    assert differing or broken.handlers


def test_the_bugs_that_were_promised_are_all_there() -> None:
    put_back = {bug for name in NAMES for bug in variant(name).bugs}
    assert [bug for bug in BUGS if bug not in put_back] == []
    assert len(NAMES) >= 20


def test_every_bug_that_a_variant_names_is_described() -> None:
    described = (ROOT / "docs" / "bugs.md").read_text()
    assert [bug for name in NAMES for bug in variant(name).bugs if f"| {bug} |" not in described] == []


def test_the_table_says_what_the_files_say() -> None:
    assert (BROKEN / "README.md").read_text(encoding="utf-8") == table.text()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('fixtur = "small"', "did you mean 'fixture'"),
        ('[expect]\nfound = "later"', "expect.found must be one of load, run, expectation"),
        ('[expect]\nfond = "run"', r"\[expect\] has an unknown key 'fond'; did you mean 'found'"),
        ('definition = "gone.asl.json"\n[expect]\nfound = "run"', "no file .*gone.asl.json"),
        ("", "lacks a key"),
        ("about = ", "not TOML"),
    ],
)
def test_a_wrong_variant_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "v.toml"
    head = '' if "fixtur " in line else 'fixture = "small"\n'
    file.write_text(f'about = "x"\nbugs = []\nmachine = "line"\n{head}{line}\n')
    with pytest.raises(ConfigurationError, match=complaint):
        load_variant(file)


def test_a_misspelt_name_is_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean b10-small-path"):
        find_variant("b10-smal-path", ROOT / "definitions")
    assert find_variant("b10-small-path", ROOT / "definitions") == BROKEN / "b10-small-path.toml"
    with pytest.raises(ConfigurationError, match="there are: none"):
        find_variant("b10-small-path", tmp_path)
