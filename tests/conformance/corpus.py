"""Executions recorded on AWS, played against sfn-sim in this process.

The recordings stand beside the project, not in it: `$SFN_SIM_CONFORMANCE`, or `../shared/conformance` from its root.
There are the runner and the comparator too; what is here loads them and keeps the results.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import sys
import tempfile
import tomllib
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sfn_sim.services.isolation import isolated
from sfn_sim.testing.conformance import emulator

PROJECT = Path(__file__).resolve().parent.parent.parent
ROOT = Path(os.environ.get("SFN_SIM_CONFORMANCE") or PROJECT.parent / "shared" / "conformance")
GAPS = PROJECT / "known_gaps.toml"
ABSENT = f"the recorded cases are not at {ROOT}; name their folder in SFN_SIM_CONFORMANCE"
SUITES = ("interpreter", "api", "services", "test_state", "local_mock")


def is_there() -> bool:
    return (ROOT / "run_conformance.py").is_file() and (ROOT / "cases").is_dir()


@functools.cache
def cases() -> dict[str, dict[str, Any]]:
    """Every case by its short name."""
    found = {}
    for path in sorted((ROOT / "cases").rglob("*.json")) if is_there() else ():
        case = json.loads(path.read_text(encoding="utf-8"))
        if "steps" in case:
            found[case["id"].partition("/v2/")[2]] = case
    return found


_ACTIVITY = "arn:aws:states:us-east-1:111111111111:activity:recorded"


def definition(name: str) -> dict[str, Any]:
    """Return the definition of a case, in which a Resource that an earlier step makes has the form of its ARN."""
    found: dict[str, Any] = _with_resources(cases()[name]["definition"])
    return found


def _with_resources(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_resources(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _with_resources(each) for key, each in value.items()}
    if value.get("Type") == "Task" and str(value.get("Resource")).endswith("activityArn}}"):
        made["Resource"] = _ACTIVITY
    return made


def of_suite(suite: str) -> list[str]:
    return [name for name, case in cases().items() if case["suite"] == suite]


@functools.cache
def _runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_conformance", ROOT / "run_conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = path
    make_client = functools.cache(module.Case.client)

    class Shared:
        """Stands for one case's arguments: clients are the same for all cases."""

        args = Namespace(endpoint_url=None, region="us-east-1")

    # To make a client takes longer than to play a case.
    module.Case.client = lambda _, service: make_client(Shared, service)
    return module


@dataclass(frozen=True)
class Result:
    """How a case compared with AWS, at both levels, and the first difference."""

    history: bool
    outcome: bool
    why: str


@contextlib.contextmanager
def world() -> Iterator[None]:
    """The surroundings that all cases share: set up once, each case finds them quickly."""
    with isolated():
        yield


@functools.cache
def result(name: str) -> Result:
    """Play a case."""
    runner, case = _runner(), cases()[name]
    args = Namespace(
        endpoint_url=None, moto=False, region="us-east-1", account="123456789012", run_id="r1",
        timeout=1.5 if case["suite"] in ("interpreter", "api") else 0.1, interval=0.001, plugin=None, verbose=False,
    )  # fmt: skip
    written: dict[str, Any] = {}
    exec(runner.HANDLERS_HEAD, written)
    fill = runner.Case(case, args).fill
    handlers = {fill(key): written["make"](each["behaviour"]) for key, each in case.get("lambdas", {}).items()}
    with _mock_config(fill(runner.expand(case.get("mock_config")))), emulator(handlers):
        told = runner.run_one(case, args)
    return Result(told["history"], told["outcome"], str(told["why"]))


@contextlib.contextmanager
def _mock_config(config: Any) -> Iterator[None]:
    """Name a file of mocked responses as Step Functions Local is told of it."""
    if not config:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "MockConfigFile.json")
        file.write_text(json.dumps(config), encoding="utf-8")
        os.environ["SFN_MOCK_CONFIG"] = str(file)
        try:
            yield
        finally:
            del os.environ["SFN_MOCK_CONFIG"]


@dataclass(frozen=True)
class Gap:
    """Why some cases differ from AWS: they are named, or have one of the features, or are all of a suite."""

    name: str
    reason: str
    features: frozenset[str]
    suites: frozenset[str]
    cases: frozenset[str]

    def has(self, name: str) -> bool:
        case = cases()[name]
        return name in self.cases or case["suite"] in self.suites or bool(self.features.intersection(_features(case)))


def _features(case: dict[str, Any]) -> list[str]:
    return [*case["features"], *(f"needs:{each.partition(':')[0]}" for each in case.get("needs", ()))]


@functools.cache
def known() -> dict[str, Any]:
    return tomllib.loads(GAPS.read_text(encoding="utf-8"))


@functools.cache
def gaps() -> tuple[Gap, ...]:
    return tuple(
        Gap(name, each["reason"], *(frozenset(each.get(key, ())) for key in ("features", "suites", "cases")))
        for name, each in known()["gaps"].items()
    )


def gaps_of(name: str) -> list[Gap]:
    return [gap for gap in gaps() if gap.has(name)]
