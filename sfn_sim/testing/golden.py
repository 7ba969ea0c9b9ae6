"""Golden runs: what a run was, as a file that a diff can follow, and a comparison with it by state and stage.

Ids and times are replaced on both sides, so that a handler may draw UUIDs and read the clock.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sfn_sim.analysis.compare import NOTHING, Comparison, Difference, StateDifference, differences, lines
from sfn_sim.analysis.lineage.places import places
from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution

_FORMAT = 1
_AGAIN = re.compile(r"(.*) visit (\d+)", re.DOTALL)
_ENDS = ("status", "error", "cause", "output", "elapsed")
_ID = re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")


def normalised(value: Json) -> Json:
    """Return a value with every UUID in its texts replaced by `<id>` and every timestamp by `<time>`."""
    if isinstance(value, str):
        return _TIME.sub("<time>", _ID.sub("<id>", value))
    if isinstance(value, list):
        return [normalised(each) for each in value]
    if isinstance(value, dict):
        return {str(normalised(key)): normalised(each) for key, each in value.items()}
    return value


def golden_of(execution: Execution) -> dict[str, Any]:
    """Return a run as a golden file has it: how it ended, and each visit with its stages, by place and visit."""
    visits: dict[str, Any] = {}
    entered: Counter[str] = Counter()
    for place in places(execution):
        visit = place.visit
        entered[place.path] += 1
        number = entered[place.path]
        stages: list[Json] = [{name: normalised(value)} for name, value in visit.stages]
        about: dict[str, Any] = {"stages": stages}
        if visit.left:
            about["output"] = normalised(visit.output)
        if visit.error is not None:
            about["error"] = normalised(list(visit.error))
        if visit.retry_delays_ms:
            about["retries"] = list(visit.retry_delays)
        if visit.assigned:
            about["assigned"] = normalised(visit.assigned)
        visits[place.path if number == 1 else f"{place.path} visit {number}"] = about
    ends = {
        "status": execution.status,
        "error": execution.error,
        "cause": normalised(execution.cause),
        "output": normalised(execution.output),
        "elapsed": execution.elapsed_ms / 1000,
    }
    return {"format": _FORMAT, **ends, "visits": visits}


def match_golden(execution: Execution, file: Path, *, rewrite: bool) -> None:
    """Compare a run with a golden file, or write the file.

    Raises:
        AssertionError: the run differs; or there is no such file, and it is not to be written.
        ConfigurationError: the file is no golden run.
    """
    __tracebackhide__ = True
    found = golden_of(execution)
    if rewrite:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{json.dumps(found, indent=1, ensure_ascii=False)}\n", encoding="utf-8")
        return
    if not file.is_file():
        raise AssertionError(f"no golden run at {file}: pytest --sfn-update-golden writes it")
    comparison = compare_golden(_read(file), found)
    if not comparison.same:
        told = "\n".join(lines(comparison, f"golden run {file.name}", "this run"))
        raise AssertionError(f"{told}\nif this is as it should be: pytest --sfn-update-golden writes it anew")


def compare_golden(golden: Mapping[str, Any], run: Mapping[str, Any]) -> Comparison:
    """Compare two runs as golden files have them, state by state."""
    ours: Mapping[str, Any] = golden["visits"]
    theirs: Mapping[str, Any] = run["visits"]
    found = [each for place, visit in ours.items() for each in _visit(place, visit, theirs.get(place))]
    found += [each for place, visit in theirs.items() if place not in ours for each in _visit(place, None, visit)]
    # Keys of objects come in the order of the golden run; what the new run alone entered stands at the end.
    ends = [each for name in _ENDS for each in differences(golden.get(name), run.get(name), f"/{name}")]
    return Comparison(found, ends, len(ours))


def _visit(place: str, ours: Any, theirs: Any) -> Iterator[StateDifference]:
    again = _AGAIN.fullmatch(place)
    name, visit = (again[1], int(again[2]) - 1) if again else (place, 0)
    if ours is None or theirs is None:
        sides = [NOTHING if each is None else _input(each) for each in (ours, theirs)]
        yield StateDifference(name, "entered", (Difference("", *sides),), visit)
        return
    for index, (left, right) in enumerate(zip(ours["stages"], theirs["stages"], strict=False)):
        ((stage, before),), ((other, after),) = left.items(), right.items()
        if stage != other:
            yield StateDifference(name, f"stage {index + 1}", (Difference("", stage, other),), visit)
            return
        if told := tuple(differences(before, after)):
            yield StateDifference(name, stage, told, visit)
    counts = len(ours["stages"]), len(theirs["stages"])
    if counts[0] != counts[1]:
        yield StateDifference(name, "stages", (Difference("", *counts),), visit)
    for field in ("output", "error", "retries", "assigned"):
        if told := tuple(differences(ours.get(field), theirs.get(field))):
            yield StateDifference(name, field, told, visit)


def _input(visit: Mapping[str, Any]) -> Json:
    found: Json = visit["stages"][0]["input"]
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: no golden run: {error}") from None
    if not isinstance(value, dict) or value.get("format") != _FORMAT or not isinstance(value.get("visits"), dict):
        raise ConfigurationError(f"{file}: no golden run of this version; pytest --sfn-update-golden writes it anew")
    return value
