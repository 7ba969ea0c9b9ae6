from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sfn_sim.cli import main

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project folder, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "definitions").mkdir()
    (tmp_path / "handlers").mkdir()
    return tmp_path


@pytest.fixture
def sfn_sim(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Return a function that runs `sfn-sim` with its arguments in the project folder."""

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sfn-sim", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Ended(int(stop.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def checkout(project: Path) -> Path:
    """Write a machine of three states and its handler; return the definition's path."""
    definition = {
        "StartAt": "Charge",
        "States": {
            "Charge": {"Type": "Task", "Resource": f"{FUNCTION}charge-card", "ResultPath": "$.receipt", "Next": "Ship"},
            "Ship": {"Type": "Pass", "Parameters": {"to.$": "$.order.address"}, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }
    path = project / "definitions" / "checkout.asl.json"
    path.write_text(json.dumps(definition, indent=2))
    (project / "handlers" / "charge_card.py").write_text(
        "def handler(event, context):\n    print('charging')\n    return {'charged': event['order']['id']}\n"
    )
    return path
