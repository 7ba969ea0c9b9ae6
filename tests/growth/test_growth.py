"""`sfn-sim growth` on a small project: thousands of items of which a few are carried out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from sfn_sim.cli import cli
from sfn_sim.errors import ConfigurationError, FixtureError
from sfn_sim.growth.opening import open_growth
from tests.growth.material import ALONE, POLLING, machine, project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def growth(*options: str, vary: str = "input.n=1..3000") -> Result:
    return CliRunner().invoke(cli, ["growth", "things", "--fixture", "some", "--vary", vary, *options])


def document(result: Result) -> dict[str, Any]:
    assert result.stdout, result.exception
    return dict(json.loads(result.stdout))


def looping() -> dict[str, Any]:
    """Return a machine that counts up to `n`, state by state."""
    return {
        "StartAt": "Count",
        "States": {
            "Count": {
                "Type": "Pass",
                "Parameters": {"n.$": "$.n", "i.$": "States.MathAdd($.i, 1)"},
                "Next": "More",
            },
            "More": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.i", "NumericLessThanPath": "$.n", "Next": "Count"}],
                "Default": "Done",
            },
            "Done": {"Type": "Succeed"},
        },
    }


def test_the_model_gives_the_very_sizes_that_a_run_in_full_has(folder: Path) -> None:
    project(folder, machine())
    modelled = open_growth(machine="things", fixture="some", vary="input.n=1..300")
    in_full = open_growth(machine="things", fixture="some", vary="input.n=1..300", most=None)
    for value in (2, 5, 9):
        modelled.at(value, in_full=True)
    seen, real = modelled.at(40), in_full.at(40)
    assert seen.modelled == 26  # of 40 items all but the first 12 and those with the numbers 16 and 32
    assert real.modelled == 0
    assert (seen.payloads, seen.events, seen.objects, seen.ways) == (
        real.payloads, real.events, real.objects, real.ways,
    )  # fmt: skip
    assert seen.slack_bytes == 0


@pytest.mark.slow
def test_the_first_value_over_the_payload_limit_is_found_and_a_run_in_full_bears_it_out(folder: Path) -> None:
    project(folder, machine())
    result = growth("--limit-bytes", "5000", "--verify", "--json", vary="input.n=4..40")
    found = document(result)
    assert result.exit_code == 1
    first = found["first_that_fails"]
    assert found["largest_that_holds"] == first - 1
    failing = next(each for each in found["samples"] if each["value"] == first)
    assert (failing["reached"], failing["state"], failing["error"]) == ("payload", "Each", "States.DataLimitExceeded")
    assert [each["in_full"]["holds"] for each in found["verified"]] == [True, False]
    assert failing["modelled"] > 0


def test_the_cliff_is_named_with_the_state_that_comes_instead(folder: Path) -> None:
    project(folder, ALONE)
    result = growth(vary="input.n=20..30")
    assert result.exit_code == 0
    assert "input.n 25 → 26  after Check comes Large, and not Small" in result.stdout
    assert "holds up to input.n=30, the largest value" in result.stdout


def test_what_grows_and_how_much_is_said_of_the_failing_state(folder: Path) -> None:
    project(folder, ALONE)
    lines = growth("--limit-bytes", "20000").stdout.splitlines()
    said = "\n".join(lines[-8:])
    assert "Each fails with States.DataLimitExceeded" in said
    assert "over the limit of 20,000" in said
    assert "bytes with each step of input.n: $.results by 110.0, $.list.things by 23.0" in said
    assert "fix    put $.results of Each into S3" in said
    assert "every one of the " in said


@pytest.mark.slow
def test_a_handler_that_fails_by_itself_at_some_size_is_believed_after_a_run_in_full(folder: Path) -> None:
    project(folder, machine(gather="gather-at-most-fifty"))
    found = document(growth("--json", vary="input.n=6..60"))
    assert (found["largest_that_holds"], found["first_that_fails"]) == (50, 51)
    failing = next(each for each in found["samples"] if each["value"] == 51)
    assert (failing["reached"], failing["state"], failing["error"]) == ("other", "Gather", "ValueError")


def test_a_handler_that_fails_only_because_others_were_not_called_does_not_fail_the_machine(folder: Path) -> None:
    project(folder, machine(gather="gather-distinct"))
    found = document(growth("--json", vary="input.n=3..48"))
    assert found["ok"]
    assert any(each["modelled"] for each in found["samples"])


@pytest.mark.slow
def test_a_model_that_is_wrong_is_told_by_a_run_in_full(folder: Path) -> None:
    project(folder, machine(work="work-unevenly"))
    result = growth("--limit-bytes", "9000", "--verify", vary="input.n=3..31")
    assert result.exit_code == 3
    assert "✗ input.n=31 in full: Each fails with States.DataLimitExceeded" in result.stdout
    assert "the model said: holds" in result.stdout


def test_a_loop_is_gone_through_as_often_as_its_handler_says(folder: Path) -> None:
    project(folder, POLLING, "[input]\nn = 5\nname = 'one'\n[[buckets]]\nname = 'things'\n")
    growth = open_growth(machine="things", fixture="some", vary="input.n=1..300")
    for value in (2, 3, 4):
        growth.at(value, in_full=True)
    sample = growth.at(20)
    assert sample.events == 20 * (5 + 2) + 19 * 2 + 4  # Poll and Done, Pause, the ends
    assert sample.objects == 20


def test_items_that_fail_and_are_caught_fail_as_often_in_the_model(folder: Path) -> None:
    definition = machine(work="work-on-most", gather="gather-alone")
    states = definition["States"]["Each"]["Iterator"]["States"]
    states["Work"]["Catch"] = [{"ErrorEquals": ["ValueError"], "Next": "Left"}]
    states["Left"] = {"Type": "Pass", "End": True}
    project(folder, definition)
    growth = open_growth(machine="things", fixture="some", vary="input.n=1..300")
    growth.at(8, in_full=True)
    seen = growth.at(40)
    assert seen.modelled > 20
    assert "Left" in seen.payloads
    # Thirty items of seven events, and ten that fail and are caught, of nine.
    assert seen.events == 30 * 7 + 10 * 9 + growth.at(0).events


def test_items_of_a_distributed_map_are_sampled_too(folder: Path) -> None:
    definition = machine(gather="gather-alone")
    processor = definition["States"]["Each"].pop("Iterator")
    processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    definition["States"]["Each"]["ItemProcessor"] = processor
    project(folder, definition)
    growth = open_growth(machine="things", fixture="some", vary="input.n=1..300")
    for value in (2, 4):
        growth.at(value, in_full=True)
    sample = growth.at(40)
    assert (sample.items, sample.holds) == ({"Each": 40}, True)
    assert sample.modelled > 20
    assert sample.payloads["Work"].size_bytes > 100


def test_handlers_that_ask_nothing_of_aws_are_called_for_every_item(folder: Path) -> None:
    project(folder, ALONE)
    found = document(growth("--json", vary="input.n=100..101"))
    assert [each["carried_out"] for each in found["samples"]] == [102, 103]
    assert [each["modelled"] for each in found["samples"]] == [0, 0]


def test_the_history_limit_is_found_in_a_loop(folder: Path) -> None:
    project(folder, looping(), "[input]\nn = 5\ni = 0\n")
    found = document(growth("--limit-events", "500", "--json"))
    first = found["first_that_fails"]
    events = {each["value"]: each["events"] for each in found["samples"]}
    failing = next(each for each in found["samples"] if each["value"] == first)
    assert failing["reached"] == "events"
    assert events[first - 1] == 4 + 4 * (first - 1)
    assert events[first - 1] <= 500 < 4 + 4 * first


def test_a_list_of_the_fixture_is_made_as_long_as_the_value_says_until_its_input_is_refused(folder: Path) -> None:
    project(folder, {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    found = document(growth("--limit-bytes", "2000", "--json", vary="input.things=1..3000"))
    failing = next(each for each in found["samples"] if each["value"] == found["first_that_fails"])
    assert failing["reached"] == "input"
    assert failing["error"] == "InvalidExecutionInput"
    things = ["abc"[n % 3] for n in range(found["first_that_fails"])]
    given = json.dumps({"n": 5, "things": things, "label": "x"}, separators=(",", ":"))
    assert len(given) == failing["largest"]["size_bytes"]
    assert found["largest_that_holds"] == found["first_that_fails"] - 1


def test_mocks_of_the_fixture_answer_in_the_place_of_handlers(folder: Path) -> None:
    mocks = "list-things = {things = [{name = 'a'}]}\nwork = {key = 'k'}\ngather = {count = 1}\n"
    fixture = f"[input]\nn = 5\n[mocks]\n{mocks}"
    project(folder, machine(), fixture)
    found = document(growth("--json", vary="input.n=1..4"))
    assert [each["carried_out"] for each in found["samples"]] == [0, 0, 0]
    assert found["ok"]


def test_the_curve_is_written_as_csv_and_svg_the_same_each_time(folder: Path) -> None:
    project(folder, ALONE)
    options = ("--limit-bytes", "5000", "--csv", "a.csv", "--svg", "a.svg")
    growth(*options, vary="input.n=1..60")
    first = [(folder / name).read_bytes() for name in ("a.csv", "a.svg")]
    growth(*options, vary="input.n=1..60")
    assert first == [(folder / name).read_bytes() for name in ("a.csv", "a.svg")]
    rows = list(csv.DictReader((folder / "a.csv").read_text().splitlines()))
    assert [int(row["input.n"]) for row in rows] == sorted(int(row["input.n"]) for row in rows)
    assert int(rows[0]["Each"]) < int(rows[-1]["Each"])
    root = ElementTree.fromstring((folder / "a.svg").read_text())
    texts = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Each" in texts
    assert any(each.startswith("fails at ") for each in texts)


def test_a_plot_in_plain_characters_shows_payload_history_and_failures(folder: Path) -> None:
    project(folder, ALONE)
    lines = growth("--limit-bytes", "5000", vary="input.n=1..60").stdout.splitlines()
    top = next(line for line in lines if line.startswith(" 100% |"))
    assert "x" in top
    assert any("*" in line for line in lines if line.startswith("      |"))
    assert "* largest payload   . history events   x fails" in "\n".join(lines)
    assert "\x1b" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ("input.n", "expected KEY=LOW..HIGH, such as --vary batches=5..5000"),
        ("input.n=5", "expected KEY=LOW..HIGH"),
        ("input.n=a..b", "expected KEY=LOW..HIGH"),
        ("input.n=9..3", "9 is more than 3; LOW comes first"),
        ("input.n=-4..3", "LOW is at least 0"),
        ("input.label=1..3", "the fixture's value is no number and no list: 'x'"),
        ("batches=1..3", "has no value batches; there are: input.n, input.things"),
        ("input.thing=1..3", "did you mean input.things?"),
        ("things=1..3", "did you mean input.things?"),
    ],
)
def test_what_cannot_be_varied_is_refused_in_words(folder: Path, vary: str, words: str) -> None:
    project(folder, machine())
    result = growth(vary=vary)
    assert isinstance(result.exception, ConfigurationError | FixtureError)
    assert words in str(result.exception)
    assert "--set" not in str(result.exception)


def test_a_value_cannot_be_set_and_varied(folder: Path) -> None:
    project(folder, machine())
    result = growth("--set", "input.n=4")
    assert "exclude each other" in str(result.exception)


def test_without_a_fixture_there_is_nothing_to_vary(folder: Path) -> None:
    project(folder, machine())
    result = CliRunner().invoke(cli, ["growth", "things", "--vary", "input.n=1..3"])
    assert "name one with --fixture" in str(result.exception)


@pytest.mark.parametrize("items", ["0", "many", "-1"])
def test_a_number_of_items_that_is_none_is_refused(folder: Path, items: str) -> None:
    project(folder, machine())
    assert "--items" in str(growth("--items", items).exception)


def test_one_function_can_be_given_another_handler(folder: Path) -> None:
    project(folder, ALONE)
    other = folder / "other.py"
    other.write_text("def handler(event, context):\n    return {'things': []}\n")
    found = document(growth("--handler", f"list-things={other}", "--json", vary="input.n=5..6"))
    assert [each["items"] for each in found["samples"]] == [{}, {}]
    assert "expected FUNCTION=FILE" in str(growth("--handler", "list-things=no.py").exception)

