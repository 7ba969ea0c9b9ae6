"""`sfn-sim state`: one state from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ended

Command = Callable[..., Ended]
ORDER = '{"order": {"id": 7, "address": "Main St 1"}}'


def test_the_stages_of_a_state_are_shown_with_their_sizes(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("state", "checkout", "Ship", "--input", ORDER)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].split() == ["stage", "size", "value"]
    assert any(line.split() == ["afterParameters", "18", "B", '{"to":"Main', 'St', '1"}'] for line in lines)
    assert lines[-1] == "SUCCEEDED Ship, goes to Done"


def test_a_handler_is_called_where_there_is_no_mock(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("state", str(checkout), "Charge", "--input", ORDER)
    assert "Charge wrote:\n  charging" in ended.out
    assert '{"charged":7}' in ended.out


def test_json_is_what_test_state_answers(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("state", "checkout", "Charge", "--input", "{}", "--mock-result", '"R1"', "--json")
    assert ended.json == {
        "status": "SUCCEEDED",
        "output": {"receipt": "R1"},
        "nextState": "Ship",
        "inspectionData": {
            "input": {}, "afterInputPath": {}, "afterParameters": {}, "result": "R1", "afterResultSelector": "R1",
            "afterResultPath": {"receipt": "R1"},
        },
    }  # fmt: skip


def test_a_failed_state_has_a_diagnosis_and_exit_code_1(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("state", "checkout", "Ship", "--input", '{"order": {}}')
    assert ended.code == 1
    assert "  what  $.order.address is missing from $.order: {}" in ended.out
    assert ended.out.splitlines()[-1].startswith("FAILED States.Runtime: ")


def test_a_mocked_error_ends_a_state(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("state", "checkout", "Charge", "--mock-error", "Busy", "--mock-cause", "queue full")
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "FAILED Busy: queue full")


def test_the_input_may_come_from_a_recorded_run(sfn_sim: Command, checkout: Path) -> None:
    assert sfn_sim("run", str(checkout), "--input", ORDER, "--record", "runs.sqlite", "--quiet").code == 0
    ended = sfn_sim("state", "checkout", "Ship", "--run", "runs.sqlite", "--json")
    assert ended.json["inspectionData"]["input"]["receipt"] == {"charged": 7}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Shp",), "did you mean Ship?"),
        (("Ship", "--mock-result", "1"), "Ship is a Pass state"),
        (("Charge", "--mock-result", "1", "--mock-error", "E"), "exclude each other"),
        (("Ship", "--variables", "[]"), "--variables is one JSON object"),
        (("Ship", "--input", "{", ), "not JSON"),
        (("Ship", "--set", "a=1"), "--fixture"),
        (("Ship", "--reader-data", "none.csv"), "none.csv"),
        (("Ship", "--input", "1", "--run", "last"), "exclude each other"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_told_with_exit_code_2(
    sfn_sim: Command, checkout: Path, arguments: tuple[Any, ...], words: str
) -> None:
    ended = sfn_sim("state", "checkout", *arguments)
    assert (ended.code, words in ended.err) == (2, True), ended.err
