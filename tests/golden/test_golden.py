"""Whole histories, kept as files: what a change of the interpreter changes shows here first.

A case is a folder: `definition.asl.json`, `input.json`, `mocks.json` (where there are tasks; the format of Step
Functions Local's MockConfigFile), `history.json`, `origin.toml`. `--sfn-update-golden` rewrites the histories of
those whose origin is sfn-sim; what came from AWS is never rewritten.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import StateMachine

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/origin.toml"))


class Mock:
    """A handler that gives the answers of a mock file, one after the other."""

    def __init__(self, responses: dict[str, Any]) -> None:
        self._answers = self._in_order(responses)

    @staticmethod
    def _in_order(responses: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for numbers, answer in responses.items():
            first, _, last = numbers.partition("-")
            yield from [answer] * (int(last or first) - int(first) + 1)

    def __call__(self, event: Any, context: Any) -> Any:  # noqa: ARG002 - the signature of a handler
        answer = next(self._answers)
        if "Throw" in answer:
            raise type(answer["Throw"]["Error"], (Exception,), {})(answer["Throw"]["Cause"])
        return answer["Return"]


def handlers(case: Path, definition: dict[str, Any]) -> dict[str, Mock]:
    """Return a handler for each function, with the answers of the state that calls it."""
    mocks = case / "mocks.json"
    if not mocks.is_file():
        return {}
    responses = json.loads(mocks.read_text(encoding="utf-8"))["MockedResponses"]
    resources: dict[str, str] = {}

    def look(node: Any) -> None:
        if isinstance(node, dict):
            for name, state in node.get("States", {}).items():
                if isinstance(state, dict) and state.get("Type") == "Task":
                    resources[name] = state["Resource"].rpartition(":")[2]
            for each in node.values():
                look(each)
        elif isinstance(node, list):
            for each in node:
                look(each)

    look(definition)
    return {resources[state]: Mock(answers) for state, answers in responses.items()}


def history(case: Path) -> list[dict[str, Any]]:
    text = (case / "definition.asl.json").read_text(encoding="utf-8")
    value = json.loads((case / "input.json").read_text(encoding="utf-8"))
    execution = StateMachine.from_json(text).run(value, handlers(case, json.loads(text)), name="golden")
    events = list(execution.history())
    for event in events:
        event["timestamp"] = event["timestamp"].isoformat()
    return events


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_has_the_history_that_it_always_had(case: Path, update_golden: bool) -> None:
    origin = tomllib.loads((case / "origin.toml").read_text(encoding="utf-8"))["origin"]
    kept = case / "history.json"
    actual = history(case)
    if update_golden and origin == "sfn-sim":
        kept.write_text(json.dumps(actual, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert actual == json.loads(kept.read_text(encoding="utf-8"))


def test_there_are_cases_and_each_says_where_it_comes_from() -> None:
    assert len(CASES) >= 5
    folders = [path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(folders) == CASES
    for case in CASES:
        origin = tomllib.loads((case / "origin.toml").read_text(encoding="utf-8"))
        assert origin["origin"] in ("aws-recorded", "aws-doc", "sfn-sim")
        assert origin["about"]
