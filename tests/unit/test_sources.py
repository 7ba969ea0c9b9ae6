from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.errors import ConfigurationError, DefinitionError
from sfn_sim.sources import machine_name, read_definition

PASS = """{
  "StartAt": "Ünit",
  "States": {
    "Ünit": { "Type": "Pass", "Result": "${Stage}", "End": true }
  }
}"""


def described(definition: str, **more: Any) -> str:
    """Return what `aws stepfunctions describe-state-machine` prints."""
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
    return json.dumps({"stateMachineArn": arn, "name": "orders", "definition": definition, **more}, indent=4)


def given_on_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="ascii"))


@pytest.mark.parametrize(
    ("file", "name"), [("checkout.asl.json", "checkout"), ("checkout.json", "checkout"), ("a/b.asl", "b"), ("x", "x")]
)
def test_a_machine_has_the_name_of_its_file(file: str, name: str) -> None:
    assert machine_name(Path(file)) == name


def test_a_definition_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.asl.json").write_bytes(b"\xef\xbb\xbf" + PASS.encode())
    assert read_definition(tmp_path / "a.asl.json", {})[0] == "a"


def test_standard_input_is_utf_8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    given_on_stdin(monkeypatch, PASS.encode())
    name, source = read_definition("-", {})
    assert (name, source.path, source.text) == ("machine", "<stdin>", PASS)


def test_standard_input_that_is_not_utf_8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given_on_stdin(monkeypatch, PASS.encode("latin-1"))
    with pytest.raises(ConfigurationError, match="standard input is not UTF-8"):
        read_definition("-", {})


def test_what_describe_state_machine_printed_has_its_name_and_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    given_on_stdin(monkeypatch, described(PASS, status="ACTIVE").encode())
    assert StateMachine.load("-", {"Stage": "dev"}).run().output == "dev"
    given_on_stdin(monkeypatch, described(PASS).encode())
    assert StateMachine.load("-", {"Stage": "dev"}).name == "orders"


def test_positions_of_a_described_machine_are_those_inside_its_definition(tmp_path: Path) -> None:
    path = tmp_path / "described.json"
    path.write_text(described(PASS.replace('"Pass"', '"Pas"')), encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        StateMachine.load(path, {"Stage": "dev"})
    place = error.value.diagnostics[0].location
    assert place is not None
    assert (place.file.rpartition("/")[2], place.line) == ("described.json#definition", 4)
    assert error.value.source is not None
    assert '"Pas"' in error.value.source.line(place.line)


def test_a_machine_that_only_speaks_of_a_definition_is_one(tmp_path: Path) -> None:
    path = tmp_path / "odd.asl.json"
    path.write_text(json.dumps({"StartAt": "definition", "States": {"definition": {"Type": "Pass", "End": True}}}))
    assert StateMachine.load(path).run({"a": 1}).output == {"a": 1}


def test_a_substitution_fills_every_string_and_keeps_positions(tmp_path: Path) -> None:
    path = tmp_path / "a.asl.json"
    path.write_text(PASS, encoding="utf-8")
    machine = StateMachine.load(path, {"Stage": "a value longer than its name"})
    assert machine.run().output == "a value longer than its name"
    assert machine.source.locate("/States/Ünit/End").column == PASS.splitlines()[3].index("true") + 1


def test_a_name_left_over_is_a_diagnostic_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.asl.json"
    path.write_text(PASS, encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        StateMachine.load(path)
    finding = error.value.diagnostics[0]
    assert finding.location is not None
    assert finding.location.line == 4
    assert finding.pointer == "/States/Ünit/Result"
    assert "Stage" in finding.message + finding.hint
    assert "--substitute" in finding.hint
    with pytest.raises(DefinitionError) as error:
        StateMachine.load(path, {"Stagge": "dev"})
    assert "did you mean 'Stagge'?" in error.value.diagnostics[0].hint


def test_a_definition_from_python_takes_substitutions_too() -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${ Stage }", "End": True}}}
    assert StateMachine.from_json(definition, substitutions={"Stage": "dev"}).run().output == "dev"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the definition .*gone\.json"):
        read_definition(tmp_path / "gone.json", {})
    (tmp_path / "latin.json").write_bytes(PASS.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin\.json is not UTF-8"):
        read_definition(tmp_path / "latin.json", {})
