"""What docs/growth.md says is what is found."""

from __future__ import annotations

import re
import shlex

import pytest
from click.testing import CliRunner

from sfn_sim.cli import cli
from tests.growth.table import CASES, PAGE, ROOT, Case, row, written

TEXT = PAGE.read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n\$ sfn-sim ([^\n]+)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


# The other rows are of the same handlers; `python -m tests.growth.table` finds them all.
FOUND_ANEW = ("line: as it is", "issue-3", "b10", "b22")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "case"), [each for each in enumerate(CASES) if each[1].name in FOUND_ANEW], ids=FOUND_ANEW
)
def test_the_figures_of_the_page_are_those_that_are_found(number: int, case: Case) -> None:
    assert written(TEXT)[number] == row(case)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "shown"), CONSOLE.findall(TEXT))
def test_a_command_of_the_page_prints_what_the_page_shows(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert CliRunner().invoke(cli, shlex.split(command)).stdout == shown


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = PYTHON.findall(TEXT)
    exec(compile(code, "growth.md", "exec"), {})
    assert capsys.readouterr().out == "13 14 PollBatches\n"


def test_every_option_stands_on_the_page() -> None:
    help_text = CliRunner().invoke(cli, ["growth", "--help"]).stdout
    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE)
    assert options
    assert [each for each in options if each not in TEXT and each != "--help"] == []
