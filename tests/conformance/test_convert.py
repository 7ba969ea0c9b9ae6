"""Recorded JSONPath machines, written anew in JSONata and run beside the originals."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sfn_sim import SfnSimError, StateMachine
from sfn_sim.convert import convert
from sfn_sim.proof import compared
from sfn_sim.run.execution import Execution

from . import corpus

pytestmark = pytest.mark.skipif(not corpus.is_there(), reason=corpus.ABSENT)
pytest.importorskip("jlens")

TOKENS = {"account": "123456789012", "region": "us-east-1"}


def _filled(value: Any) -> Any:
    """Return part of a case with its tokens and repeated texts filled in."""
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            return value["$repeat"][0] * value["$repeat"][1]
        return {_filled(key): _filled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each) for each in value]
    if isinstance(value, str):
        return re.sub(r"\{\{([^{}]+)\}\}", lambda found: TOKENS.get(found[1], "2025-01-01T00:00:10Z"), value)
    return value


def _handler(behaviour: dict[str, Any]) -> Callable[[Any, Any], Any]:
    def handler(event: Any, _: Any) -> Any:
        if "raises" in behaviour:
            kind = type(behaviour["raises"]["errorType"], (Exception,), {})
            raise kind(behaviour["raises"]["errorMessage"])
        return _filled(behaviour["returns"]) if "returns" in behaviour else event

    return handler


def _run(definition: Any, case: dict[str, Any]) -> Execution:
    handlers = {_filled(name): _handler(each["behaviour"]) for name, each in case.get("lambdas", {}).items()}
    given = _filled(case.get("input", {}))
    return StateMachine.from_json(definition).run(json.loads(given) if isinstance(given, str) else given, handlers)


def test_converted_recorded_machines_run_as_the_originals_do() -> None:
    counted: Counter[str] = Counter()
    different = {}
    for name, case in corpus.cases().items():
        definition = _filled(case.get("definition"))
        if not isinstance(definition, dict) or case["suite"] != "interpreter" or "JSONata" in json.dumps(definition):
            continue
        try:
            original = _run(definition, case)
        except (SfnSimError, ValueError):
            continue  # what does not load, or is no JSON, is another test's matter
        converted = convert(definition)
        counted["whole" if converted.is_whole else "kept"] += 1
        comparison = compared(original, _run(converted.document, case))
        if not comparison.same and not any(each.notes for each in converted.states):
            different[name] = comparison
    assert different == {}
    assert counted["whole"] > 100
    assert counted["kept"] <= counted["whole"] // 50
