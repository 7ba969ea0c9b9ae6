"""`sfn-sim convert`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ended

Command = Callable[..., Ended]
ORDER = '{"order": {"id": 7, "address": "Main St 1"}}'
pytest.importorskip("jlens")


def test_the_definition_is_printed_alone_and_the_proof_beside_it(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("convert", "--to", "jsonata", "checkout", "--input", ORDER)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["QueryLanguage"] == "JSONata"
    assert "3 of 3 states converted" in ended.err
    assert "  equal  {" in ended.err


def test_a_written_definition_runs(sfn_sim: Command, checkout: Path, project: Path) -> None:
    written = sfn_sim("convert", "--to", "jsonata", "checkout", "--no-proof", "--out", "definitions/new.asl.json")
    assert written.code == 0, written.err
    ended = sfn_sim("run", "new", "--input", ORDER, "--json")
    assert ended.json["status"] == "SUCCEEDED"


def test_a_file_that_is_there_is_not_overwritten(sfn_sim: Command, checkout: Path) -> None:
    before = checkout.read_text()
    ended = sfn_sim("convert", "--to", "jsonata", "checkout", "--no-proof", "--out", str(checkout))
    assert ended.code == 2
    assert "is there already" in ended.err
    assert checkout.read_text() == before


def test_a_folder_that_is_not_there_is_told_before_anything_is_run(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("convert", "--to", "jsonata", "checkout", "--input", ORDER, "--out", "no/such/file.json")
    assert ended.code == 2
    assert "there is no folder no/such" in ended.err
    assert "running" not in ended.err


def test_what_is_kept_is_told_with_its_place_and_exits_with_1(sfn_sim: Command, project: Path) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "OutputPath": "$..a", "End": True}}}
    (project / "definitions" / "deep.asl.json").write_text(json.dumps(definition, indent=2))
    ended = sfn_sim("convert", "--to", "jsonata", "deep", "--input", '{"a": 1}')
    assert ended.code == 1
    assert "kept  definitions/deep.asl.json:6:" in ended.err
    assert "'..'" in ended.err


def test_json_has_definition_states_and_proofs(sfn_sim: Command, checkout: Path) -> None:
    told = sfn_sim("convert", "--to", "jsonata", "checkout", "--input", ORDER, "--json").json
    assert told["whole"]
    assert told["proved"]
    assert {each["became"] for each in told["states"]} == {"converted"}
    assert told["proofs"][0]["same"]


def test_a_definition_that_is_wrong_is_refused_as_by_run(sfn_sim: Command, project: Path) -> None:
    (project / "definitions" / "bad.asl.json").write_text('{"StartAt": "A", "States": {}}')
    assert sfn_sim("convert", "--to", "jsonata", "bad").code == 2
