"""Folders of handlers, and machines that call them; shared by the tests of functions and containers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfn_sim import StateMachine
from sfn_sim.config import find_config
from sfn_sim.run.execution import Execution
from sfn_sim.services.lambda_functions import Handlers

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, each with its text dedented, and return the folder."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def task(function: str) -> dict[str, Any]:
    """Return a machine that calls one function."""
    return {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": f"{ARN}{function}", "End": True}}}


def each(function: str, concurrency: int = 0) -> dict[str, Any]:
    """Return a machine that calls a function with each item of its input."""
    state = {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": task(function), "End": True}
    return {"StartAt": "Each", "States": {"Each": state}}


def chain(*functions: str) -> dict[str, Any]:
    """Return a machine that calls functions one after the other; `$.results` has what each gave."""
    states: dict[str, Any] = {}
    for index, function in enumerate(functions):
        states[f"S{index}"] = {
            "Type": "Task", "Resource": f"{ARN}{function}", "ResultPath": f"$.s{index}", "Next": f"S{index + 1}",
        }  # fmt: skip
    states[f"S{len(functions)}"] = {"Type": "Succeed"}
    return {"StartAt": "S0", "States": states}


def run(folder: Path, machine: dict[str, Any], value: Any = None, **options: Any) -> Execution:
    """Run a machine with the handlers and the configuration of a folder."""
    handlers = Handlers(folder.resolve(), config=find_config(folder))
    return StateMachine.from_json(machine).run({} if value is None else value, handlers, **options)


def result(folder: Path, function: str, value: Any = None, **options: Any) -> Any:
    """Return what a function answers."""
    return run(folder, task(function), value, **options).result()
