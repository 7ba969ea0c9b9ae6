from __future__ import annotations

import re
from pathlib import Path

import pytest

from sfn_sim.server import ACTIONS
from sfn_sim.server.actions import service_model

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_run(code: str) -> None:
    exec(compile(code, "docs/api.md", "exec"), {})


def test_what_is_said_to_be_missing_is_all_that_is_missing() -> None:
    missing = set(service_model().operation_names) - ACTIONS.keys()
    assert missing == {"RedriveExecution"}
