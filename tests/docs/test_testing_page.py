"""The code of docs/testing.md, run in the project that the page describes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_test_of_the_page_passes(pytester: pytest.Pytester) -> None:
    folder = Path(pytester.path)
    for name in ("definitions", "handlers", "fixtures/checkout/small"):
        (folder / name).mkdir(parents=True)
    (folder / "definitions" / "checkout.asl.json").write_text(blocks("json")[0])
    (folder / "handlers" / "charge.py").write_text("def handler(event, context):\n    return {'receipt': 'R0'}\n")
    (folder / "fixtures" / "checkout" / "small" / "fixture.toml").write_text("input = {id = 4}\n")
    responses = {"0": {"Throw": {"Error": "Gateway.Busy", "Cause": ""}}, "1": {"Return": {"receipt": "R1"}}}
    cases = {"checkout": {"TestCases": {"RetryOnce": {"Charge": "busy"}}}}
    config = {"StateMachines": cases, "MockedResponses": {"busy": responses}}
    (folder / "MockConfigFile.json").write_text(json.dumps(config))
    pytester.makepyprojecttoml(blocks("toml")[0])
    code = "\n\n".join(blocks("python"))
    pytester.makepyfile(test_page=code)
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=len(re.findall(r"^def test_", code, re.MULTILINE)))


def test_the_test_of_the_readme_passes(pytester: pytest.Pytester) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = next(each for each in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "def test_" in each)
    pytester.makepyfile(test_of_the_readme=code)
    (Path(pytester.path) / "examples").symlink_to(ROOT / "examples")
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)
