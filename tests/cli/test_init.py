"""`sfn-sim init`: what it writes works at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ended

Command = Callable[..., Ended]
ROOT = Path(__file__).resolve().parents[2]
SUBSTITUTED = [
    part
    for value in ("ChunkSize=10", "GroupSize=10", "SkipSqsNotification=true")
    for part in ("--substitute", value)
]


def passed(project: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip().splitlines()[-1]


def test_the_tests_that_it_writes_pass_one_for_each_branch(sfn_sim: Command, project: Path) -> None:
    shutil.copy(ROOT / "examples" / "checkout.asl.json", project / "definitions")
    ended = sfn_sim("init")
    assert ended.code == 0, ended.err
    assert "2 of 2 branches are taken" in ended.out
    assert passed(project).startswith("2 passed")
    assert "sfn-sim check definitions" in (project / ".github" / "workflows" / "state-machines.yml").read_text()


def test_what_it_wrote_and_kept_is_told_to_machines_too(sfn_sim: Command, project: Path) -> None:
    shutil.copy(ROOT / "examples" / "checkout.asl.json", project / "definitions")
    made = {each["file"]: each for each in sfn_sim("init", "--json").json["files"]}
    tests = made["tests/test_checkout.py"]
    assert (tests["written"], tests["branches"], tests["taken"], tests["not_found"]) == (True, 2, 2, {})
    again = sfn_sim("init", "--json").json["files"]
    assert not any(each["written"] for each in again)


def test_the_line_machine_is_led_through_all_its_branches(sfn_sim: Command, project: Path) -> None:
    shutil.copy(ROOT / "definitions" / "line.asl.json", project / "definitions")
    ended = sfn_sim("init", "line", *SUBSTITUTED)
    assert "10 of 10 branches are taken" in ended.out, ended.err
    assert passed(project).startswith("10 passed")


ORDERS = {
    "QueryLanguage": "JSONata",
    "StartAt": "Look",
    "States": {
        "Look": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "look", "Payload": "{% $states.input %}"},
            "Assign": {"total": "{% $number($states.result.Payload.total) %}"},
            "Output": "{% $states.result.Payload %}",
            "Next": "Which",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
        },
        "Which": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $total > 100 and $states.input.kind = 'gold' %}", "Next": "Done"},
                {"Condition": "{% $exists($states.input.coupon) %}", "Next": "Done"},
                {"Condition": "{% $count($states.input.items) = 0 %}", "Next": "Failed"},
                {"Condition": "{% $states.input.kind in ['a', 'b'] or $not($states.input.ok) %}", "Next": "Done"},
            ],
            "Default": "Each",
        },
        "Each": {
            "Type": "Map",
            "Items": "{% $states.input.items %}",
            "ItemProcessor": {
                "StartAt": "Large",
                "States": {
                    "Large": {
                        "Type": "Choice",
                        "Choices": [{"Condition": "{% ($n := $states.input.n; -3 < $n) %}", "Next": "Kept"}],
                        "Default": "Dropped",
                    },
                    "Kept": {"Type": "Succeed"},
                    "Dropped": {"Type": "Succeed"},
                },
            },
            "End": True,
        },
        "Done": {"Type": "Succeed"},
        "Failed": {"Type": "Fail"},
    },
}


def test_a_machine_in_jsonata_is_led_through_variables_functions_items_and_caught_errors(
    sfn_sim: Command, project: Path
) -> None:
    pytest.importorskip("jlens")
    (project / "definitions" / "orders.asl.json").write_text(json.dumps(ORDERS))
    ended = sfn_sim("init")
    assert "7 of 7 branches are taken" in ended.out, ended.out
    assert passed(project).startswith("7 passed")
    assert "sfn-sim[jsonata]" in (project / ".github" / "workflows" / "state-machines.yml").read_text()


@pytest.mark.parametrize("more", [(), ("--unguarded",)])
def test_the_line_machine_turned_over_to_jsonata_is_led_through_all_its_branches(
    sfn_sim: Command, project: Path, more: tuple[str, ...]
) -> None:
    pytest.importorskip("jlens")
    line, turned = ROOT / "definitions" / "line.asl.json", project / "definitions" / "turned.asl.json"
    converted = sfn_sim("convert", "--to", "jsonata", str(line), "--no-proof", "--out", str(turned), *more)
    assert turned.is_file(), converted.err
    ended = sfn_sim("init", "turned", *SUBSTITUTED)
    assert "10 of 10 branches are taken" in ended.out, ended.out
    assert passed(project).startswith("10 passed")


def test_nothing_that_is_there_is_overwritten(sfn_sim: Command, project: Path) -> None:
    shutil.copy(ROOT / "examples" / "checkout.asl.json", project / "definitions")
    (project / "tests").mkdir()
    (project / "tests" / "test_checkout.py").write_text("# mine\n")
    ended = sfn_sim("init")
    assert "kept     tests/test_checkout.py" in ended.out
    assert (project / "tests" / "test_checkout.py").read_text() == "# mine\n"


@pytest.mark.parametrize("arguments", [(), ("nowhere",)])
def test_without_a_definition_it_says_what_is_missing(sfn_sim: Command, arguments: tuple[str, ...]) -> None:
    ended = sfn_sim("init", *arguments)
    assert ended.code == 2
    assert "definitions/" in ended.err


STARTS = {
    "StartAt": "Start",
    "States": {
        "Start": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:ship"},
            "Next": "Which",
        },
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.Output.express", "BooleanEquals": True, "Next": "Tell"}],
            "Default": "Done",
        },
        "Tell": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution", "Parameters": {
            "StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:tell"}, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}  # fmt: skip


def test_an_answer_of_aws_has_what_its_model_requires(sfn_sim: Command, project: Path) -> None:
    (project / "definitions" / "starts.asl.json").write_text(json.dumps(STARTS))
    ended = sfn_sim("init", "starts")
    assert "2 of 2 branches are taken" in ended.out, ended.out
    assert "'Status': 'SUCCEEDED'" in (project / "tests" / "test_starts.py").read_text().replace('"', "'")
    assert passed(project).startswith("2 passed")
