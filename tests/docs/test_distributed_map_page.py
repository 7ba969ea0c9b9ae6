"""What the page on the distributed Map shows is what happens."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from tests.docs.test_readme import CONSOLE, PYTHON, ROOT, without_times

PAGE = (ROOT / "docs" / "distributed-map.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("command", "shown"), CONSOLE.findall(PAGE))
def test_a_command_of_the_page_prints_what_the_page_shows(command: str, shown: str) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "78"}
    arguments = [sys.executable, "-m", "sfn_sim.cli", *shlex.split(command)[1:]]
    ended = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert without_times(ended.stdout + ended.stderr).split() == without_times(shown).split()


@pytest.mark.parametrize("code", PYTHON.findall(PAGE))
def test_the_python_of_the_page_runs(code: str) -> None:
    exec(compile(code, "distributed-map.md", "exec"), {})
