from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import FUNCTION, Ended

Command = Callable[..., Ended]


@pytest.fixture
def machine(project: Path) -> Callable[..., None]:
    """Return a function that writes the machine `two` (First, then Second, of function `fn`) and its handler."""

    def write(handler: str) -> None:
        definition = {
            "StartAt": "First",
            "States": {
                "First": {"Type": "Task", "Resource": f"{FUNCTION}fn", "ResultPath": "$.first", "Next": "Second"},
                "Second": {"Type": "Task", "Resource": f"{FUNCTION}fn", "ResultPath": "$.second", "End": True},
            },
        }
        (project / "definitions" / "two.asl.json").write_text(json.dumps(definition, indent=2))
        (project / "handlers" / "fn.py").write_text(textwrap.dedent(handler))

    return write


TALKING = """
    import logging, os, subprocess, sys
    logging.getLogger().setLevel("INFO")

    def handler(event, context):
        which = "second" if "first" in event else "first"
        print(which, "prints ✓")
        logging.info("%s logs", which)
        subprocess.run([sys.executable, "-c", "print('a program writes')"], check=True)
        os.write(1, b"the descriptor is written to\\n")
        return which
"""


def test_output_of_handlers_is_shown_when_asked_for(sfn_sim: Command, machine: Callable[..., None]) -> None:
    machine(TALKING)
    assert "prints" not in sfn_sim("run", "two").out
    ended = sfn_sim("run", "two", "--logs")
    for words in ("First at 0 ms, request ", "first prints ✓", "[INFO] ", "second logs"):
        assert words in ended.out


def test_output_of_one_state_is_shown_alone(sfn_sim: Command, machine: Callable[..., None]) -> None:
    machine(TALKING)
    ended = sfn_sim("run", "two", "--logs", "Second")
    assert "second prints" in ended.out
    assert "first prints" not in ended.out


def test_output_of_a_failed_invocation_is_shown_without_asking(
    sfn_sim: Command, machine: Callable[..., None]
) -> None:
    machine("def handler(event, context):\n    print('just before')\n    raise ValueError('no')\n")
    ended = sfn_sim("run", "two")
    assert ended.code == 1
    assert "note  printed by " in ended.out
    assert ": just before" in ended.out


def test_nothing_that_a_handler_writes_comes_to_stdout_under_json(
    project: Path, machine: Callable[..., None]
) -> None:
    machine(TALKING)
    command = [sys.executable, "-m", "sfn_sim.cli", "run", "two", "--json", "--logs"]
    ended = subprocess.run(command, cwd=project, capture_output=True, check=False)
    assert json.loads(ended.stdout)["output"] == {"first": "first", "second": "second"}
    assert ended.stdout.count(b"\n") == 1
    assert ended.stderr.count(b"a program writes") == ended.stderr.count(b"the descriptor is written to") == 2


MODULE_LEVEL_START = """
    import time
    started = time.time()

    def handler(event, context):
        time.sleep(500)
        if time.time() - started > 900:
            raise TimeoutError("out of time after %d s" % (time.time() - started))
        return "done"
"""
COUNTER = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n"


def test_a_start_time_at_the_top_of_a_module_fails_warm_and_not_cold(
    sfn_sim: Command, machine: Callable[..., None]
) -> None:
    machine(MODULE_LEVEL_START)
    warm = sfn_sim("run", "two")
    assert (warm.code, "TimeoutError: out of time after 1000 s" in warm.out) == (1, True)
    assert sfn_sim("run", "two", "--cold").code == 0


@pytest.mark.parametrize(("handler", "state", "code"), [(MODULE_LEVEL_START, "Second", 1), (COUNTER, "Second", 3)])
def test_cold_both_names_the_state_at_which_warm_and_cold_part(
    sfn_sim: Command, machine: Callable[..., None], handler: str, state: str, code: int
) -> None:
    machine(handler)
    ended = sfn_sim("run", "two", "--cold", "both")
    assert ended.code == code
    shown = " ".join(ended.out.split())
    assert "✗ the same in cold containers as in warm ones: expected LambdaFunction" in shown
    assert f"in {state}: some handler keeps something between invocations" in shown
    report = sfn_sim("run", "two", "--cold", "both", "--json").json
    (check,) = report["expectations"]
    assert (check["name"], check["held"]) == ("the same in cold containers as in warm ones", False)


def test_cold_both_holds_for_a_handler_that_keeps_nothing(sfn_sim: Command, machine: Callable[..., None]) -> None:
    machine("def handler(event, context):\n    return 1\n")
    ended = sfn_sim("run", "two", "--cold", "both")
    assert ended.code == 0
    assert "✓ the same in cold containers as in warm ones" in ended.out


def test_an_unknown_way_of_being_cold_is_refused(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--cold", "tepid")
    assert ended.code == 2
    assert "'tepid' is not one of 'cold', 'both'" in ended.err


def plain_run(project: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command line with a terminal that has ASCII only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    environment |= {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "sfn_sim.cli", *arguments]
    return subprocess.run(command, cwd=project, env=environment, input=given, capture_output=True, check=False)


def test_a_terminal_without_utf_8_gets_signs_that_it_has(project: Path, machine: Callable[..., None]) -> None:
    machine(COUNTER)
    ended = plain_run(project, "run", "two", "--cold", "both", "--logs")
    assert ended.returncode == 3, ended.stderr
    assert b"x the same in cold containers" in ended.stdout
    assert b" | simulated 0 ms in " in ended.stdout
    machine("def handler(event, context):\n    print('\\u2713 \\u00fc')\n    return '\\u00fc'\n")
    ended = plain_run(project, "run", "two", "--cold", "both", "--logs")
    assert ended.returncode == 0, ended.stderr
    assert b"+ the same in cold containers" in ended.stdout
    assert b"+ ?" in ended.stdout


def test_json_loses_nothing_where_there_is_only_ascii(project: Path, machine: Callable[..., None]) -> None:
    machine("def handler(event, context):\n    return event['ü']\n")
    ended = plain_run(project, "run", "two", "--input", "-", "--json", given='{"ü": "€ ✓"}'.encode())
    assert ended.stdout.isascii()
    assert json.loads(ended.stdout)["output"] == {"ü": "€ ✓", "first": "€ ✓", "second": "€ ✓"}


def test_findings_and_failures_survive_a_terminal_without_utf_8(project: Path) -> None:
    wrong = {"StartAt": "Grüße", "States": {"Grüße": {"Type": "Pass", "Next": "Weg"}}}
    (project / "definitions" / "wrong.asl.json").write_text(json.dumps(wrong, ensure_ascii=False), encoding="utf-8")
    ended = plain_run(project, "run", "wrong")
    assert ended.returncode == 2, ended.stderr
    assert b"MISSING_TRANSITION_TARGET at /States/Gr??e/Next" in ended.stderr


def test_a_machine_comes_from_standard_input(project: Path) -> None:
    machine = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${Word} ü", "End": True}}}
    described = json.dumps({"name": "orders", "definition": json.dumps(machine, ensure_ascii=False)})
    ended = plain_run(project, "run", "-", "--substitute", "Word=hi", "--json", given=described.encode())
    report = json.loads(ended.stdout)
    assert (report["machine"], report["output"]) == ("orders", "hi ü")


def test_a_substitution_without_a_value_is_refused_at_its_place(project: Path, sfn_sim: Command) -> None:
    machine = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${Word}", "End": True}}}
    (project / "definitions" / "m.asl.json").write_text(json.dumps(machine, indent=2))
    ended = sfn_sim("run", "m")
    assert ended.code == 2
    for words in ("definitions/m.asl.json:6:17: error UNRESOLVED_SUBSTITUTION", "${Word}", "--substitute Word=VALUE"):
        assert words in ended.err
    (project / "sfn-sim.toml").write_text('[substitutions]\nWord = "configured"\n')
    assert sfn_sim("run", "m", "--json").json["output"] == "configured"
    assert sfn_sim("run", "m", "--json", "--substitute", "Word=given").json["output"] == "given"
    assert "expected KEY=VALUE" in sfn_sim("run", "m", "--substitute", "Word").err


def test_machine_and_input_cannot_both_come_from_standard_input(sfn_sim: Command, project: Path) -> None:
    ended = sfn_sim("run", "-", "--input", "-")
    assert ended.code == 2
    assert "MACHINE and --input cannot both be standard input" in ended.err


def test_an_unknown_function_names_its_place_what_was_expected_and_the_nearest(
    sfn_sim: Command, checkout: Path, project: Path
) -> None:
    (project / "handlers" / "charge_card.py").rename(project / "handlers" / "charge_cart.py")
    ended = sfn_sim("run", "checkout")
    assert ended.code == 2
    for words in (
        "definitions/checkout.asl.json:6:19: no handler for the Lambda function charge-card", "charge_card.py with",
        "or [functions.'charge-card'] with a handler in sfn-sim.toml",
        "did you mean charge-cart?",
    ):  # fmt: skip
        assert words in ended.err


def test_an_ambiguous_pattern_is_one_message(sfn_sim: Command, checkout: Path, project: Path) -> None:
    handler = 'handler = "handlers/charge_card.py"\n'
    (project / "sfn-sim.toml").write_text(f'[functions."charge-*"]\n{handler}[functions.charge-card]\n{handler}')
    ended = sfn_sim("run", "checkout")
    assert ended.code == 2
    assert "[functions.'charge-card'] is ambiguous: 'charge-*' stands before it" in ended.err


def test_a_module_of_handlers_is_found_in_the_working_folder_and_shut_in(
    sfn_sim: Command, checkout: Path, project: Path
) -> None:
    (project / "my_handlers.py").write_text(
        "import os, socket\nKEY = os.environ['AWS_ACCESS_KEY_ID']\n"
        "def charge_card(event, context):\n    return KEY\n"
    )
    ended = sfn_sim("run", "checkout", "--handlers", "my_handlers", "--input", '{"order": {"address": 1}}')
    assert ended.code == 0, ended.err
    (project / "reaching.py").write_text("import socket\nsocket.create_connection(('api.example.com', 80))\n")
    ended = sfn_sim("run", "checkout", "--handlers", "reaching")
    assert ended.code == 2
    assert "only loopback can be reached" in ended.err
