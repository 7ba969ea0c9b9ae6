"""`sfn-sim explain`, `lineage`, `path` and `coverage` on recorded runs and on runs that are made for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ended

Command = Callable[..., Ended]
ORDER = '{"order": {"id": 7, "address": "Main St 1"}}'


@pytest.fixture
def recorded(sfn_sim: Command, checkout: Path) -> str:
    ended = sfn_sim("run", str(checkout), "--input", ORDER, "--record", "runs.sqlite", "--quiet")
    assert ended.code == 0, ended.err
    return "runs.sqlite"


def test_explain_reads_a_recorded_run(sfn_sim: Command, recorded: str) -> None:
    out = sfn_sim("explain", recorded, "Ship").out
    assert "Ship  Pass, event" in out
    assert '+ $.to  "Main St 1", 11 bytes  from $.order.address' in out
    assert sfn_sim("explain", recorded, "Ship", "--json").json["visits"][0]["path"] == "Ship"


def test_explain_of_a_failed_run_is_the_message_of_run(sfn_sim: Command, checkout: Path) -> None:
    ended = sfn_sim("explain", "checkout", "--input", '{"order": {"id": 7}}')
    assert ended.code == 0, ended.err
    assert "  what  $.order.address is missing from $.order: {id}" in ended.out


def test_lineage_goes_both_ways(sfn_sim: Command, recorded: str) -> None:
    back = sfn_sim("lineage", recorded, "output.to").out
    assert "reads $.order.address" in back
    assert "the execution's input" in back
    forth = sfn_sim("lineage", recorded, "input.order.address", "--forwards").out
    assert "is given to the handler of Charge (charge-card) as $.order.address" in forth
    assert "is in the execution's output at $.to" in forth
    document = sfn_sim("lineage", recorded, "output.to", "--json").json
    assert [hop["kind"] for hop in document["hops"]][-1] == "input"


def test_path_takes_a_value_from_a_run_or_from_input(sfn_sim: Command, recorded: str) -> None:
    there = sfn_sim("path", "$.order.id", "--run", recorded, "--state", "Ship")
    assert (there.code, "= 7" in there.out) == (0, True)
    gone = sfn_sim("path", "$.order.Id", "--input", ORDER)
    assert (gone.code, "near   $.order.id" in gone.out) == (1, True)
    assert sfn_sim("path", "$.order.id", "--input", ORDER, "--json").json["value"] == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("path", "$.a"), "give the value"),
        (("path", "a", "--input", "{}"), "a:"),
        (("lineage", "runs.sqlite", "Ship"), "write STATE.STAGE.PATH"),
        (("explain", "runs.sqlite", "Shp"), "did you mean Ship"),
        (("explain", "gone.sqlite"), "no recorded runs"),
        (("coverage",), "no recorded runs"),
        (("coverage", "--fixture", "all"), "name one"),
    ],
)
def test_wrong_usage_is_refused_in_words(
    sfn_sim: Command, recorded: str, arguments: tuple[str, ...], words: str
) -> None:
    ended = sfn_sim(*arguments)
    assert (ended.code, words in ended.err) == (2, True), ended.err


def test_coverage_counts_all_runs_of_a_file_and_fails_below_its_limit(sfn_sim: Command, recorded: str) -> None:
    ended = sfn_sim("coverage", recorded, "--fail-under", "100")
    assert ended.code == 0, ended.out
    assert ended.out.splitlines()[0] == "checkout: 100.0% taken by 1 run"
    document: Any = sfn_sim("coverage", recorded, "--json").json
    assert document["machines"][0]["kinds"]["states"] == {"taken": 3, "total": 3}


def test_coverage_counts_runs_of_an_earlier_definition_apart_and_asks_nothing_of_them(
    sfn_sim: Command, recorded: str, checkout: Path
) -> None:
    definition = json.loads(checkout.read_text())
    checkout.write_text(json.dumps(definition, indent=8))
    assert sfn_sim("run", str(checkout), "--input", ORDER, "--record", recorded, "--quiet").code == 0
    assert sfn_sim("coverage", recorded).out.startswith("checkout: 100.0% taken by 2 runs")
    ask = {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": False, "Next": "Idle"}]}
    states = definition["States"]
    definition["States"] = {
        **states, "Ask": {**ask, "Default": definition["StartAt"]}, "Idle": {"Type": "Succeed"},
    }  # fmt: skip
    checkout.write_text(json.dumps({**definition, "StartAt": "Ask"}))
    assert sfn_sim("run", str(checkout), "--input", ORDER, "--record", recorded, "--quiet").code == 0
    done = sfn_sim("coverage", recorded, "--fail-under", "90")
    assert done.code == 1
    assert [line for line in done.out.splitlines() if "taken by" in line] == [
        "checkout, an earlier definition: 100.0% taken by 2 runs", "checkout: 72.7% taken by 1 run"
    ]  # fmt: skip
    checkout.write_text(json.dumps({**definition, "States": states, "Comment": "without Ask"}))
    assert sfn_sim("run", str(checkout), "--input", ORDER, "--record", recorded, "--quiet").code == 0
    assert sfn_sim("coverage", recorded, "--fail-under", "90").code == 0


def test_coverage_runs_a_machine_in_its_fixtures(sfn_sim: Command, checkout: Path, project: Path) -> None:
    for name, address in (("one", '"x"'), ("two", '"y"')):
        folder = project / "fixtures" / "checkout" / name
        folder.mkdir(parents=True)
        (folder / "fixture.toml").write_text(f'about = "{name}"\n[input.order]\nid = 1\naddress = {address}\n')
    ended = sfn_sim("coverage", "checkout", "--fixture", "all")
    assert ended.out.splitlines()[0] == "checkout: 100.0% taken by 2 runs", ended.err
