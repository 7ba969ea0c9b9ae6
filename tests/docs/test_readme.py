"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n\$ (sfn-sim [^\n]+)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def without_times(text: str) -> str:
    """Real durations differ from run to run, and the widths of their columns with them."""
    text = re.sub(r"\d+(\.\d+)? (ms|s) ·", "TIME ·", text)
    return re.sub(r" +(–|\d+ ms|\d+\.\d s)$", " REAL", re.sub(r" +real$", " real", text, flags=re.M), flags=re.M)


@pytest.mark.parametrize(("command", "shown"), CONSOLE.findall(README))
def test_a_command_of_the_readme_prints_what_the_readme_shows(command: str, shown: str) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "78"}
    arguments = [sys.executable, "-m", "sfn_sim.cli", *shlex.split(command)[1:]]
    ended = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    actual = ended.stdout + ended.stderr
    assert without_times(actual).split() == without_times(shown).split()


@pytest.mark.parametrize("code", PYTHON.findall(README))
def test_the_python_of_the_readme_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})


def test_every_option_of_run_stands_in_its_help() -> None:
    from sfn_sim.cli import run

    assert all(getattr(option, "help", None) or option.name in {"machine", "clock"} for option in run.params)


def test_the_documents_link_to_files_that_exist() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
