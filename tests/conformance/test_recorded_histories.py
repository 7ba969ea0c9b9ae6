"""Histories that were recorded on AWS: ids, parents, types, error and cause of every event are ours too.

The recordings lie beside the project (`$SFN_SIM_CONFORMANCE`, by default `../shared/conformance`); nothing of them is
copied. What is compared: machines in JSONPath that call nothing but Lambda functions and use nothing that is not
carried out yet.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import DefinitionError, StateMachine, UnsupportedFeatureError

FOLDER = Path(os.environ.get("SFN_SIM_CONFORMANCE") or Path(__file__).resolve().parents[3] / "shared" / "conformance")
START = datetime(2025, 1, 1, tzinfo=UTC)
ACCOUNT = "123456789012"
# What is known to differ, and why; a case that has come right must be deleted here.
KNOWN_GAPS = {
    "max_concurrency_path_negative": "AWS was recorded to hang; here it fails with words",
}
_PLACEHOLDER = re.compile(r"<[^<>]*>")


def candidates() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((FOLDER / "cases").rglob("*.json")):
        if path.name == "manifest.json":
            continue
        case = json.loads(path.read_text(encoding="utf-8"))
        plain = case.get("kind") == "execution" and not case.get("needs") and not case.get("mock_config")
        if plain and "JSONata" not in json.dumps(case["definition"]) and recorded(case) is not None:
            yield path.relative_to(FOLDER / "cases").with_suffix("").as_posix(), case


def recorded(case: dict[str, Any]) -> dict[str, Any] | None:
    return next((each for each in case["expected"].values() if isinstance(each, dict) and "events" in each), None)


def fill(value: Any) -> Any:
    """Replace what the recordings leave open: names, accounts, times, repeated text."""
    if isinstance(value, str):
        return re.sub(r"\{\{([^{}]+)\}\}", lambda match: _token(match[1]), value)
    if isinstance(value, list):
        return [fill(each) for each in value]
    if isinstance(value, dict):
        if value.keys() == {"$repeat"}:
            text, count = value["$repeat"]
            return str(text) * int(count)
        return {fill(key): fill(each) for key, each in value.items()}
    return value


def _token(name: str) -> str:
    if name.startswith("now"):
        days = int(name[4:-1] or 0) if len(name) > 3 else 0
        return (START + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
    return {"region": "us-east-1", "account": ACCOUNT}.get(name) or re.sub(r"\W", "_", name)


def handler(behaviour: dict[str, Any]) -> Callable[[Any, Any], Any]:
    def handle(event: Any, context: Any) -> Any:
        if "sleep" in behaviour:
            time.sleep(behaviour["sleep"])
        if "raises" in behaviour:
            name = behaviour["raises"]["errorType"]
            kind = Exception if name == "Exception" else type(name, (Exception,), {})
            raise kind(behaviour["raises"]["errorMessage"])
        if "format" in behaviour:
            return behaviour["format"].replace("{event as Python repr}", str(event))
        return fill(behaviour["returns"]) if "returns" in behaviour else event

    return handle


def family(kind: str) -> str:
    return "lambdaFunction" if kind.startswith("LambdaFunction") else kind[0].lower() + kind[1:]


def errors_of(events: list[dict[str, Any]]) -> list[tuple[str, Any, Any]]:
    """Return error and cause of every event that has details of a failure."""
    found = []
    for event in events:
        for key, details in event.items():
            if key.endswith("EventDetails") and isinstance(details, dict) and ({"error", "cause"} & details.keys()):
                found.append((event["type"], details.get("error"), details.get("cause")))
    return found


def same(ours: Any, theirs: Any) -> bool:
    """Tell whether a text is the recorded one, whose placeholders stand for any text."""
    if isinstance(theirs, dict) and isinstance(ours, str):
        # Lambda's envelope, parsed by the recorder: request id and frames are another machine's.
        envelope = json.loads(ours)
        return all(same(envelope.get(key), theirs[key]) for key in ("errorMessage", "errorType") if key in theirs)
    if not isinstance(theirs, str) or not isinstance(ours, str):
        return bool(ours == theirs)
    pieces = [re.escape(piece) for piece in _PLACEHOLDER.split(fill(theirs))]
    return re.fullmatch(".*".join(pieces), ours, re.S) is not None


def difference(case: dict[str, Any]) -> str | None:
    """Run a case and return the first thing that differs; None when nothing does.

    Raises:
        UnsupportedFeatureError, DefinitionError: the case needs something that is not carried out yet.
    """
    machine = StateMachine.from_json(fill(case["definition"]))
    handlers = {fill(name): handler(each["behaviour"]) for name, each in (case.get("lambdas") or {}).items()}
    execution = machine.run(fill(case["input"]), handlers, isolate=False)
    ours, theirs = list(execution.history()), recorded(case)
    assert theirs is not None
    events = theirs["events"]
    if any(isinstance(event["id"], list) or not isinstance(event["previousEventId"], int) for event in events):
        return None
    for left, right in zip(ours, theirs["events"], strict=False):
        places = [(event["id"], event["previousEventId"], event["type"]) for event in (left, right)]
        if places[0] != places[1]:
            return f"{places[0]} instead of {places[1]}"
    if len(ours) != len(theirs["events"]):
        return f"{len(ours)} events instead of {len(theirs['events'])}"
    for mine, his in zip(errors_of(ours), errors_of(theirs["events"]), strict=True):
        if mine[0] != his[0] or not same(mine[1], his[1]) or not same(mine[2], his[2]):
            return f"{mine} instead of {his}"
    return None


def test_every_case_that_can_be_run_has_the_history_that_aws_recorded() -> None:
    if not (FOLDER / "cases").is_dir():
        pytest.skip(f"no recorded histories at {FOLDER}; name their folder in SFN_SIM_CONFORMANCE")
    executed, wrong, closed = 0, {}, []
    for name, case in candidates():
        try:
            found = difference(case)
        except UnsupportedFeatureError:
            continue
        executed += 1
        gap = next((gap for gap in KNOWN_GAPS if gap in name), None)
        if gap is None and found is not None:
            wrong[name] = found
        elif gap is not None and found is None:
            closed.append(name)
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())
    assert not closed, "delete from KNOWN_GAPS"
    assert executed > 50, f"only {executed} cases were executed"


def test_nothing_is_compared_that_does_not_load() -> None:
    with pytest.raises(DefinitionError):
        StateMachine.from_json({"StartAt": "A"})
