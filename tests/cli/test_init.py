"""`sfn-sim init`: what it writes works at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ended

Command = Callable[..., Ended]
ROOT = Path(__file__).resolve().parents[2]


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


def test_the_line_machine_is_led_through_all_its_branches(sfn_sim: Command, project: Path) -> None:
    shutil.copy(ROOT / "definitions" / "line.asl.json", project / "definitions")
    values = [
        f"{name}={value}" for name, value in (("ChunkSize", 10), ("GroupSize", 10), ("SkipSqsNotification", "true"))
    ]
    ended = sfn_sim("init", "line", *(part for value in values for part in ("--substitute", value)))
    assert "10 of 10 branches are taken" in ended.out, ended.err
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
