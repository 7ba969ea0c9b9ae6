"""Runs of a project from the command line: kept where somebody asked for it, listed, replayed, compared, redacted."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.runs import find_run
from tests.cli.conftest import Ended

Command = Callable[..., Ended]
ORDER = '{"order": {"id": 7, "address": "here"}}'


def run(sfn_sim: Command, *more: str) -> Ended:
    ended = sfn_sim("run", "checkout", "--input", ORDER, "--quiet", *more)
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.usefixtures("checkout")
def test_nothing_is_kept_in_a_folder_that_nobody_made_a_project_of(sfn_sim: Command, project: Path) -> None:
    run(sfn_sim)
    assert not (project / ".sfn-sim").exists()
    assert "no recorded runs" in sfn_sim("runs").out
    assert sfn_sim("runs", "--json").json["runs"] == []


@pytest.mark.usefixtures("checkout")
def test_keep_makes_the_folder_and_later_runs_go_there_too(sfn_sim: Command, project: Path) -> None:
    run(sfn_sim, "--keep", "2")
    assert stat.S_IMODE((project / ".sfn-sim").stat().st_mode) == 0o700
    run(sfn_sim)
    assert [row["number"] for row in sfn_sim("runs", "--json").json["runs"]] == [2, 1]
    run(sfn_sim, "--keep", "0")
    run(sfn_sim, "--keep", "2")
    assert [row["number"] for row in sfn_sim("runs", "--json").json["runs"]] == [3, 2]


@pytest.mark.usefixtures("checkout")
def test_the_configuration_keeps_runs_too(sfn_sim: Command, project: Path) -> None:
    (project / "sfn-sim.toml").write_text("[runs]\nkeep = 1\n")
    run(sfn_sim)
    run(sfn_sim)
    (row,) = sfn_sim("runs", "--json").json["runs"]
    assert (row["number"], row["machine"], row["status"], row["origin"]) == (2, "checkout", "SUCCEEDED", "run")
    assert row["size_bytes"] > 0
    table = sfn_sim("runs").out.splitlines()
    assert table[0].split()[:3] == ["run", "machine", "status"]
    assert table[1].split()[:3] == ["2", "checkout", "SUCCEEDED"]
    assert sfn_sim("runs", "--keep", "0").out.startswith("no recorded runs")


@pytest.mark.usefixtures("checkout")
def test_a_run_is_replayed_with_an_edited_definition(sfn_sim: Command, project: Path) -> None:
    run(sfn_sim, "--keep", "9")
    same = sfn_sim("replay", "last", "--no-handlers")
    assert same.code == 0
    assert "no difference" in same.out
    assert "1 of 1 calls answered as recorded" in same.out
    path = project / "definitions" / "checkout.asl.json"
    path.write_text(path.read_text().replace("$.order.address", "$.order.adress"))
    edited = sfn_sim("replay", "1", "--definition", "checkout", "--no-handlers")
    assert edited.code == 1
    assert "the runs part at Ship" in edited.out
    assert "did you mean" in edited.out or "$.order.address" in edited.out
    found = sfn_sim("replay", "1", "--definition", "checkout", "--json").json
    assert (found["part_at"]["state"], found["calls"]["recorded"], found["status"]) == ("Ship", 1, "FAILED")


@pytest.mark.usefixtures("checkout")
def test_the_mocks_of_a_fixture_answer_a_replay_where_nothing_was_recorded(sfn_sim: Command, project: Path) -> None:
    run(sfn_sim, "--keep", "9")
    world = project / "fixtures" / "checkout" / "small"
    world.mkdir(parents=True)
    (world / "fixture.toml").write_text('[mocks]\ntold = [{return = "sent"}]\n')
    path = project / "definitions" / "checkout.asl.json"
    edited = json.loads(path.read_text())
    told = "arn:aws:lambda:us-east-1:123456789012:function:told"
    edited["States"]["Ship"]["Next"] = "Tell"
    edited["States"]["Tell"] = {"Type": "Task", "Resource": told, "Next": "Done"}
    path.write_text(json.dumps(edited))
    alone = sfn_sim("replay", "last", "--definition", "checkout")
    assert alone.code == 2
    assert "Tell (told): nothing was recorded there" in alone.err
    mocked = sfn_sim("replay", "last", "--definition", "checkout", "--fixture", "small", "--json")
    assert mocked.json["output"] == "sent", mocked.err
    path.rename(project / "edited.asl.json")
    renamed = sfn_sim("replay", "last", "--definition", "edited.asl.json", "--fixture", "small", "--json")
    assert renamed.json["output"] == "sent", renamed.err


@pytest.mark.usefixtures("checkout")
def test_runs_and_machines_are_compared_with_an_exit_code(sfn_sim: Command, project: Path) -> None:
    run(sfn_sim, "--record", "a.sqlite")
    run(sfn_sim, "--record", "a.sqlite")
    other = sfn_sim("run", "checkout", "--input", ORDER.replace("here", "there"), "--record", "a.sqlite", "--quiet")
    assert other.code == 0
    assert sfn_sim("diff", "a.sqlite:1", "a.sqlite:2").code == 0
    found = sfn_sim("diff", "a.sqlite:1", "a.sqlite", "--json")
    assert found.code == 1
    assert found.json["states"][0]["differences"] == [{"pointer": "/order/address", "left": "here", "right": "there"}]
    assert sfn_sim("diff", "checkout", "checkout").code == 0
    renamed = (project / "definitions" / "checkout.asl.json").read_text().replace("Ship", "Send")
    (project / "definitions" / "other.asl.json").write_text(renamed)
    assert sfn_sim("diff", "checkout", "other").code == 1
    assert sfn_sim("diff", "checkout", "other", "--names", "Ship=Send").code == 0
    assert sfn_sim("diff", "checkout", "nowhere").code == 2


def test_a_production_run_is_imported_explained_and_replayed(sfn_sim: Command, project: Path, checkout: Path) -> None:
    machine = StateMachine.load(checkout)
    was = machine.run(json.loads(ORDER), {"charge-card": lambda event, _: {"charged": 7}})
    (project / "h.json").write_text(json.dumps({"events": list(was.history())}, default=lambda at: at.isoformat()))
    described = {"name": "checkout", "definition": checkout.read_text(), "stateMachineArn": "arn"}
    (project / "described.json").write_text(json.dumps(described))
    ended = sfn_sim("import", "h.json", "--definition", "described.json")
    assert ended.code == 0, ended.err
    assert "our fold is AWS's in every event\n" in ended.out
    assert "lacks the execution's name" in ended.out
    assert find_run("last", project).row.origin == "import"
    assert "no difference" in sfn_sim("replay", "last", "--no-handlers").out
    bare = [{**each, "stateEnteredEventDetails": {"name": each["stateEnteredEventDetails"]["name"]}}
            if "stateEnteredEventDetails" in each else each for each in was.history()]  # fmt: skip
    (project / "h.json").write_text(json.dumps({"events": bare}, default=lambda at: at.isoformat()))
    told = sfn_sim("import", "h.json", "--definition", "described.json").out
    assert "our fold is AWS's in every event of which the history has the data" in told
    (project / "h.json").write_text("{}")
    assert sfn_sim("import", "h.json", "--definition", "described.json").code == 2


SECRET = "078-05-1120"


@pytest.mark.usefixtures("checkout")
def test_redacted_values_are_in_no_file_and_not_printed_but_stay_equal(sfn_sim: Command, project: Path) -> None:
    (project / "sfn-sim.toml").write_text('redact = ["$..ssn", "$..salary"]\n[runs]\nkeep = 9\n')
    (project / "handlers" / "charge_card.py").write_text(
        "def handler(event, context):\n    print('of', event['ssn'])\n"
        "    return {'moved': event['ssn'], 'said': 'it is ' + event['ssn'], 'pay': event['salary']}\n"
    )
    given = {"order": {"address": "here"}, "ssn": SECRET, "salary": 51234}
    ended = sfn_sim("run", "checkout", "--input", json.dumps(given), "--json")
    assert ended.code == 0, ended.err
    kept = b"".join(path.read_bytes() for path in (project / ".sfn-sim").iterdir())
    for text in (SECRET, "51234"):
        assert text.encode() not in kept
        assert text not in ended.out
    execution = find_run("last", project).execution
    value: Any = execution.input
    receipt: Any = dict(execution.visit("Charge").stages)["result"]
    assert receipt["moved"] == value["ssn"] != SECRET
    assert receipt["said"] == f"it is {value['ssn']}"
    assert receipt["pay"] == value["salary"]
    assert (len(value["ssn"]), len(str(value["salary"]))) == (len(SECRET), 5)
    assert "redacted: 2 values at $..ssn, $..salary" in find_run("last", project).notes[0]
    assert len(find_run("last", project).notes) == 1
    sfn_sim("run", "checkout", "--input", json.dumps(given), "--quiet")
    assert sfn_sim("diff", "1", "2").code == 0


@pytest.mark.usefixtures("checkout")
def test_a_redacted_number_is_in_no_text_either_and_no_longer_number_is_changed(
    sfn_sim: Command, project: Path
) -> None:
    (project / "sfn-sim.toml").write_text('redact = ["$..salary"]\n[runs]\nkeep = 9\n')
    (project / "handlers" / "charge_card.py").write_text(
        "import json\ndef handler(event, context):\n    print('of', event['salary'])\n"
        "    raise ValueError(json.dumps(event) + ' 512345 1.51234')\n"
    )
    given = {"order": {"address": "here"}, "salary": 51234}
    ended = sfn_sim("run", "checkout", "--input", json.dumps(given), "--json")
    cause = ended.json["cause"]
    assert re.findall(r"\d*\.?\d+", cause.partition("here")[2])[1:3] == ["512345", "1.51234"]
    assert "51234" not in cause.replace("512345", "").replace("1.51234", "")
    salary = find_run("last", project).execution.input["salary"]  # type: ignore[call-overload,index]
    assert f'salary\\": {salary}' in cause


@pytest.mark.usefixtures("checkout")
def test_a_state_that_is_run_alone_shows_no_redacted_value(sfn_sim: Command, project: Path) -> None:
    (project / "sfn-sim.toml").write_text('redact = ["$..ssn"]\n')
    (project / "handlers" / "charge_card.py").write_text(
        "def handler(event, context):\n    print('of', event['ssn'])\n    return {'said': 'it is ' + event['ssn']}\n"
    )
    for more in ((), ("--json",)):
        ended = sfn_sim("state", "checkout", "Charge", "--input", json.dumps({"ssn": SECRET}), *more)
        assert (ended.code, SECRET in ended.out) == (0, False)
        assert "it is " in ended.out


def test_where_a_redacted_value_steers_the_run_it_is_said_that_no_replay_gives_it_again(
    sfn_sim: Command, project: Path
) -> None:
    (project / "sfn-sim.toml").write_text('redact = ["$.who"]\n[runs]\nkeep = 9\n')
    states = {
        "Which": {
            "Type": "Choice", "Choices": [{"Variable": "$.who", "StringEquals": "anna", "Next": "Yes"}],
            "Default": "No",
        },
        "Yes": {"Type": "Succeed"},
        "No": {"Type": "Succeed"},
    }  # fmt: skip
    (project / "definitions" / "who.asl.json").write_text(json.dumps({"StartAt": "Which", "States": states}))
    assert sfn_sim("run", "who", "--input", '{"who": "anna"}', "--quiet").code == 0
    notes = find_run("last", project).notes
    assert "comes out otherwise from Yes, entered on" in notes[1] or "otherwise from No, entered on" in notes[1]


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("text", ['redact = ["ssn"]', "redact = 1", "[runs]\nkeep = -1", "[runs]\nkep = 1"])
def test_a_configuration_of_runs_that_is_wrong_is_refused(sfn_sim: Command, project: Path, text: str) -> None:
    (project / "sfn-sim.toml").write_text(text)
    assert sfn_sim("run", "checkout", "--input", ORDER).code == 2


@pytest.mark.usefixtures("checkout")
def test_a_file_that_is_none_of_ours_does_not_lose_the_run(sfn_sim: Command, project: Path) -> None:
    run(sfn_sim, "--keep", "9")
    file = project / ".sfn-sim" / "runs.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    ended = sfn_sim("run", "checkout", "--input", ORDER)
    assert ended.code == 2
    assert "format 99" in ended.err


_WRITER = """
import sys
from pathlib import Path
from sfn_sim import StateMachine
from sfn_sim.store import record
machine = StateMachine.from_json({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
for number in range(8):
    record(Path(sys.argv[1]), machine.run({"who": sys.argv[2], "n": number, "pad": "x" * 3000}), machine.source)
"""


@pytest.mark.slow
def test_several_processes_write_at_once(project: Path) -> None:
    file = project / "shared.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(file), str(who)]) for who in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = [find_run(f"{file}:{number}").execution.input for number in range(1, 25)]
    assert sorted((each["who"], each["n"]) for each in found) == [  # type: ignore[index,call-overload]
        (str(who), number) for who in range(3) for number in range(8)
    ]
