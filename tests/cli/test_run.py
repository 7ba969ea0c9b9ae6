from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import FUNCTION, Ended

Command = Callable[..., Ended]
ORDER = '{"order": {"id": 7, "address": "Lane 1"}}'


def write(project: Path, name: str, definition: object) -> None:
    (project / "definitions" / f"{name}.asl.json").write_text(json.dumps(definition, indent=2))


def test_a_machine_is_found_by_name_and_run_with_the_folder_of_handlers(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert ended.code == 0
    for word in ("Charge", "Ship", "Done", "SUCCEEDED", "headroom"):
        assert word in ended.out
    assert "charging" not in ended.out


def test_a_machine_is_found_by_its_path(sfn_sim: Command, checkout: Path) -> None:
    assert sfn_sim("run", str(checkout), "--input", ORDER, "--quiet").code == 0


def test_json_is_one_object_with_the_documented_keys(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", ORDER, "--json")
    report = ended.json
    assert ended.code == 0
    assert report["schema"] == 1
    assert report["machine"] == "checkout"
    assert report["status"] == "SUCCEEDED"
    assert report["output"] == {"to": "Lane 1"}
    assert report["diagnosis"] is None
    assert [state["name"] for state in report["states"]] == ["Charge", "Ship", "Done"]
    assert set(report["states"][0]) == {
        "name", "type", "visits", "retries", "largest_input_bytes", "largest_output_bytes", "real_ms",
    }  # fmt: skip
    assert report["events"] == 11
    assert report["elapsed_virtual_ms"] == 0


def test_the_input_may_come_from_a_file(sfn_sim: Command, checkout: Path, project: Path) -> None:
    (project / "in.json").write_text(ORDER)
    assert sfn_sim("run", "checkout", "--input", "in.json", "--json").json["output"] == {"to": "Lane 1"}


def test_a_failed_execution_exits_with_1_and_says_what_why_and_how_to_fix(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", '{"order": {"id": 7}}')
    assert ended.code == 1
    assert "checkout.asl.json:13:" in ended.out
    assert "$.order.address is missing" in ended.out
    assert "FAILED" in ended.out


def test_a_failed_execution_has_its_diagnosis_in_json(sfn_sim: Command, checkout: Path) -> None:
    diagnosis = sfn_sim("run", "checkout", "--input", '{"order": {"id": 7}}', "--json").json["diagnosis"]
    assert diagnosis["state"] == "Ship"
    assert diagnosis["expression"] == "$.order.address"
    assert diagnosis["pointer"] == "/States/Ship/Parameters/to.$"
    assert diagnosis["line"] == 13


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nothing"), "no machine named nothing in definitions/ (there are: checkout)"),
        (("run", "no/such.json"), "no definition at no/such.json"),
        (("run", "checkout", "--input", "{"), "--input:1:2: not JSON"),
        (("run", "checkout", "--input", "nowhere.json"), "no such file, and not JSON either"),
        (("run", "checkout", "--fixture", "small"), "no fixture named small for checkout"),
        (("run", "checkout", "--set", "a=1"), "name one with --fixture"),
        (("run", "checkout", "--limit-events", "many"), "a number of at least 2, or off"),
        (("run", "checkout", "--handlers", "no/folder"), "no folder of handlers at no/folder"),
        (("run", "checkout", "--no-such-option"), "No such option"),
    ],
)
def test_bad_usage_is_one_message_and_exit_code_2(
    sfn_sim: Command, checkout: Path, arguments: tuple[str, ...], words: str
) -> None:
    ended = sfn_sim(*arguments)
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err
    in_json = sfn_sim(*arguments, "--json")
    assert in_json.code == 2
    assert words in in_json.json["error"]


def test_an_input_over_the_limit_is_refused_before_anything_runs(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", json.dumps("x" * 262_143))
    assert ended.code == 2
    assert "262,145 bytes, 1 over the limit of 262,144" in ended.err


def test_a_missing_handler_names_the_state_and_the_file_that_was_expected(
    sfn_sim: Command, checkout: Path, project: Path
) -> None:
    (project / "handlers" / "charge_card.py").unlink()
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert ended.code == 2
    assert "definitions/checkout.asl.json:6:19" in ended.err
    assert "handlers/charge_card.py" in ended.err


def test_a_missing_handler_is_told_before_a_world_is_built(sfn_sim: Command, checkout: Path, project: Path) -> None:
    (project / "handlers" / "charge_card.py").unlink()
    (project / "world").mkdir()
    (project / "world" / "fixture.toml").write_text('python = "made.py"\n')
    (project / "world" / "made.py").write_text("def build(world, params):\n    raise ValueError('built')\n")
    ended = sfn_sim("run", "checkout", "--fixture", "world")
    assert ended.code == 2
    assert "handlers/charge_card.py" in ended.err
    assert "built" not in ended.err


def test_an_input_of_null_is_null(sfn_sim: Command, project: Path) -> None:
    write(project, "pass", {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    assert sfn_sim("run", "pass", "--input", "null", "--json").json["output"] is None
    assert sfn_sim("run", "pass", "--json").json["output"] == {}


def test_an_input_that_is_nested_without_end_is_refused(sfn_sim: Command, project: Path) -> None:
    write(project, "pass", {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    (project / "deep.json").write_text("[" * 20_000 + "]" * 20_000)
    ended = sfn_sim("run", "pass", "--input", "deep.json")
    assert ended.code == 2
    assert "nested too deeply" in ended.err


def test_a_handler_that_fails_to_import_names_its_file_and_line(
    sfn_sim: Command, checkout: Path, project: Path
) -> None:
    (project / "handlers" / "charge_card.py").write_text("import json\nimport no_such_module\n")
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert ended.code == 2
    assert "charge_card.py:2: fails when it is imported: ModuleNotFoundError" in ended.err


def test_a_definition_shows_all_its_findings_at_once(sfn_sim: Command, project: Path) -> None:
    write(
        project,
        "wrong",
        {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "Next": "B", "End": True},
                "B": {"Type": "Pass", "Nxt": "C"},
                "C": {"Type": "Pass", "InputPath": "$.a[", "End": True},
            },
        },
    )
    ended = sfn_sim("run", "wrong")
    assert ended.code == 2
    assert ended.err.count("definitions/wrong.asl.json:") >= 3
    diagnostics = sfn_sim("run", "wrong", "--json").json["diagnostics"]
    assert len(diagnostics) >= 3
    assert {"severity", "code", "message", "file", "line", "column", "pointer", "hint"} == set(diagnostics[0])


def test_a_definition_that_is_not_json_points_at_the_place(sfn_sim: Command, project: Path) -> None:
    (project / "definitions" / "text.asl.json").write_text('{\n  "StartAt": oops\n}')
    ended = sfn_sim("run", "text")
    assert ended.code == 2
    assert "definitions/text.asl.json:2:" in ended.err


def test_show_prints_the_stages_of_a_state(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", ORDER, "--show", "Ship")
    assert "afterParameters" in ended.out
    assert '{"to":"Lane 1"}' in ended.out


def test_record_adds_runs_to_a_file(sfn_sim: Command, checkout: Path, project: Path) -> None:
    for _ in range(2):
        assert sfn_sim("run", "checkout", "--input", ORDER, "--record", "runs.sqlite", "--quiet").code == 0
    with sqlite3.connect(project / "runs.sqlite") as connection:
        assert connection.execute("SELECT machine, status FROM runs").fetchall() == [("checkout", "SUCCEEDED")] * 2
    connection.close()


def test_record_does_not_touch_a_file_that_is_none_of_ours(sfn_sim: Command, checkout: Path, project: Path) -> None:
    (project / "notes.txt").write_text("my notes")
    ended = sfn_sim("run", "checkout", "--input", ORDER, "--record", "notes.txt")
    assert ended.code == 2
    assert (project / "notes.txt").read_text() == "my notes"


def test_the_history_limit_can_be_lowered_and_taken_away(sfn_sim: Command, project: Path) -> None:
    item = {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}}
    write(project, "many", {"StartAt": "All", "States": {"All": {"Type": "Map", "ItemProcessor": item, "End": True}}})
    items = json.dumps(list(range(30)))
    full = sfn_sim("run", "many", "--input", items, "--limit-events", "50", "--json")
    assert (full.code, full.json["error"], full.json["events"]) == (1, "States.Runtime", 50)
    assert sfn_sim("run", "many", "--input", items, "--limit-events", "off", "--json").json["events"] == 126


def test_the_payload_limit_can_be_lowered_for_an_experiment(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", ORDER, "--limit-bytes", "60", "--json")
    assert ended.code == 1
    assert ended.json["error"] == "States.DataLimitExceeded"


def test_a_feature_that_is_not_there_yet_is_refused_by_name_and_place(sfn_sim: Command, project: Path) -> None:
    write(
        project,
        "new",
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Map",
                    "Label": "rows",
                    "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}},
                    "End": True,
                }
            },
        },
    )
    ended = sfn_sim("run", "new")
    assert ended.code == 2
    assert "definitions/new.asl.json:6:7: /States/A/Label needs a distributed Map" in ended.err


def test_a_bug_of_ours_is_one_line_and_a_report_without_payloads(
    sfn_sim: Command, checkout: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret payload")

    monkeypatch.setattr("sfn_sim.runner.find_machine", broken)
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert ended.code == 70
    assert len(ended.err.splitlines()) == 1
    report = (project / "sfn-sim-crash-1.txt").read_text()
    assert "RuntimeError" in report
    assert "secret" not in report + ended.err


def test_an_interruption_exits_with_130(
    sfn_sim: Command, checkout: Path, project: Path
) -> None:
    (project / "handlers" / "charge_card.py").write_text(
        "def handler(event, context):\n    raise KeyboardInterrupt\n"
    )
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert ended.code == 130
    assert "interrupted" in ended.err


def test_the_tables_fit_80_columns_without_colour(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "\x1b" not in ended.out


def test_a_retried_state_shows_its_retries_and_virtual_time(sfn_sim: Command, project: Path) -> None:
    write(
        project,
        "flaky",
        {
            "StartAt": "Try",
            "States": {
                "Try": {
                    "Type": "Task",
                    "Resource": f"{FUNCTION}flaky",
                    "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "MaxAttempts": 2}],
                    "End": True,
                }
            },
        },
    )
    (project / "handlers" / "flaky.py").write_text(
        "class Busy(Exception): pass\ncalls = []\n"
        "def handler(event, context):\n    calls.append(1)\n    if len(calls) < 3: raise Busy('later')\n    return 1\n"
    )
    report = sfn_sim("run", "flaky", "--json").json
    assert report["status"] == "SUCCEEDED"
    assert report["states"][0]["retries"] == 2
    assert report["elapsed_virtual_ms"] == 90_000


def test_plain_handlers_bring_in_neither_boto3_nor_moto_nor_chromadb(checkout: Path, project: Path) -> None:
    script = (
        "import sys\nfrom sfn_sim.cli import cli\n"
        f"sys.argv = ['sfn-sim', 'run', 'checkout', '--input', {ORDER!r}, '--json']\n"
        "try:\n    cli.main(standalone_mode=True)\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = {'boto3', 'botocore', 'moto', 'chromadb', 'openai', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=project, check=True, capture_output=True)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom sfn_sim.cli import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'rich', 'orjson', 'boto3', 'moto', 'jsonpath_ng', 'time_machine', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("words", "command"),
    [(("run", "--nope"), "run"), (("check", "--format", "xml"), "check"), (("lineage", "--nope"), "lineage")],
)
def test_bad_usage_names_the_help_of_the_command_that_was_used(
    sfn_sim: Command, words: tuple[str, ...], command: str
) -> None:
    ended = sfn_sim(*words)
    assert ended.code == 2
    assert ended.err.endswith(f"(see sfn-sim {command} --help)\n")


def test_a_fixture_without_a_world_prints_no_table_of_one(sfn_sim: Command, project: Path) -> None:
    write(project, "plain", {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    (project / "fixtures" / "plain" / "small").mkdir(parents=True)
    (project / "fixtures" / "plain" / "small" / "fixture.toml").write_text("[input]\nn = 1\n")
    ended = sfn_sim("run", "plain", "--fixture", "small")
    assert ended.code == 0, ended.err
    assert "world" not in ended.out


def test_an_integration_that_is_not_carried_out_is_refused_where_the_run_comes_to_it(
    sfn_sim: Command, project: Path
) -> None:
    given = {"QueueUrl": "q", "MessageBody": "m"}
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": given}
    rule = {"Variable": "$.send", "IsPresent": True, "Next": "Send"}
    ask = {"Type": "Choice", "Choices": [rule], "Default": "Done"}
    states = {"Ask": ask, "Send": {**send, "End": True}, "Done": {"Type": "Succeed"}}
    write(project, "sender", {"StartAt": "Ask", "States": states})
    assert sfn_sim("run", "sender", "--input", "{}").code == 0
    ended = sfn_sim("run", "sender", "--input", '{"send": 1}')
    assert ended.code == 2
    place = str(Path("definitions") / "sender.asl.json") + ":17:19: state Send needs the resource"
    assert place in ended.err
    assert '"state:Send" = … in the [mocks] of a fixture' in ended.err
