from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from sfn_sim.cli import cli

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "one-state.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_example_runs() -> None:
    exec(compile(CODE, "docs/one-state.md", "exec"), {})


def test_the_command_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {}
    exec(compile(CODE, "docs/one-state.md", "exec"), names)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "definitions").mkdir()
    source = names["checkout"].source  # type: ignore[attr-defined]
    (tmp_path / "definitions" / "checkout.asl.json").write_text(json.dumps(source.value))
    shown = re.findall(r"```\n(\$ sfn-sim state .*?)```", PAGE, re.DOTALL)[0].splitlines()
    given = re.findall(r"'([^']*)'", shown[0])
    ended = CliRunner().invoke(cli, ["state", "checkout", "Charge", "--input", given[0], "--mock-result", given[1]])
    printed = ended.output.splitlines()
    wanted = [line for line in shown[1:] if line != "…"]
    assert [line for line in wanted if line not in printed] == []
