"""Small machines whose cost is the interpreter's own, and the same work as plain Python functions: the floor.

A: 200 Pass states in a row · B: a Map over 1,000 items with three Pass states each · C: a Map over 1,000 items with
one Task that calls a trivial function · D: a loop of 1,000 rounds through a Choice · E: 200 KB through 50 Pass states.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LIMIT_BYTES = 256 * 1024
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:trivial"


@dataclass(frozen=True)
class Workload:
    name: str
    transitions: int
    definition: dict[str, Any]
    input: Any
    floor: Callable[[Any], Any]


def checked(value: Any) -> str:
    """The payload check that any implementation has to make at each step."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > LIMIT_BYTES:
        raise ValueError("too large")
    return text


def trivial(event: Any, context: Any = None) -> Any:
    return event


def _in_a_row(prefix: str, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    names = [f"{prefix}{number:03d}" for number in range(len(bodies))]
    states = {
        name: {"Type": "Pass", **body, **({"Next": names[n + 1]} if n + 1 < len(names) else {"End": True})}
        for n, (name, body) in enumerate(zip(names, bodies, strict=True))
    }
    return {"StartAt": names[0], "States": states}


def chain() -> Workload:
    steps = 200
    bodies = [
        {"Parameters": {"step": n, "id.$": "$.order.id", "total.$": "$.order.total"}, "ResultPath": "$.last"}
        for n in range(steps)
    ]

    def floor(data: Any) -> Any:
        for n in range(steps):
            data = {**data, "last": {"step": n, "id": data["order"]["id"], "total": data["order"]["total"]}}
            checked(data)
        return data

    return Workload("A", steps, _in_a_row("S", bodies), {"order": {"id": "o-1", "total": 12.5}}, floor)


def _items() -> list[dict[str, Any]]:
    return [{"id": f"item-{n:05d}", "qty": n % 7 + 1, "price": round(1.005 + n * 0.01, 3)} for n in range(1000)]


def map_of_passes() -> Workload:
    inner = _in_a_row(
        "P",
        [
            {"Parameters": {"id.$": "$.id", "qty.$": "$.qty", "price.$": "$.price"}},
            {"Parameters": {"copy.$": "$.id", "unit.$": "$.price"}, "ResultPath": "$.note"},
            {"Parameters": {"id.$": "$.id", "qty.$": "$.qty", "unit.$": "$.note.unit"}},
        ],
    )
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 1,
        "ItemProcessor": inner,
        "ResultPath": "$.out",
        "OutputPath": "$.out",
        "End": True,
    }

    def floor(data: Any) -> Any:
        results = []
        for item in data["items"]:
            first = {"id": item["id"], "qty": item["qty"], "price": item["price"]}
            checked(first)
            second = {**first, "note": {"copy": first["id"], "unit": first["price"]}}
            checked(second)
            third = {"id": second["id"], "qty": second["qty"], "unit": second["note"]["unit"]}
            checked(third)
            results.append(third)
        checked(results)
        return results

    return Workload("B", 3001, {"StartAt": "Each", "States": {"Each": each}}, {"items": _items()}, floor)


def map_of_tasks() -> Workload:
    inner = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": FUNCTION, "End": True}}}
    each = {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ItemProcessor": inner, "End": True}

    def floor(data: Any) -> Any:
        results = []
        for item in data["items"]:
            result = trivial(json.loads(checked(item)))
            checked(result)
            results.append(result)
        checked(results)
        return results

    return Workload("C", 1001, {"StartAt": "Each", "States": {"Each": each}}, {"items": _items()}, floor)


def loop() -> Workload:
    states = {
        "Init": {"Type": "Pass", "Parameters": {"n": 0, "limit.$": "$.limit"}, "Next": "More"},
        "More": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThanPath": "$.limit", "Next": "Inc"}],
            "Default": "Done",
        },
        "Inc": {
            "Type": "Pass",
            "Parameters": {"n.$": "States.MathAdd($.n, 1)", "limit.$": "$.limit"},
            "Next": "More",
        },
        "Done": {"Type": "Succeed"},
    }

    def floor(data: Any) -> Any:
        value = {"n": 0, "limit": data["limit"]}
        checked(value)
        while True:
            checked(value)
            if not value["n"] < value["limit"]:
                return value
            value = {"n": value["n"] + 1, "limit": value["limit"]}
            checked(value)

    return Workload("D", 2003, {"StartAt": "Init", "States": states}, {"limit": 1000}, floor)


def large_payload() -> Workload:
    steps = 50
    rows = [{"key": f"k{n:06d}", "value": n * 3, "tag": "abcdefghij" * 3} for n in range(3000)]
    while len(json.dumps(rows, separators=(",", ":"))) > 199_900:
        rows.pop()

    def floor(data: Any) -> Any:
        for n in range(steps):
            data = {**data, "step": n}
            checked(data)
        return data

    bodies = [{"Result": n, "ResultPath": "$.step"} for n in range(steps)]
    return Workload("E", steps, _in_a_row("P", bodies), {"rows": rows}, floor)


WORKLOADS = (chain, map_of_passes, map_of_tasks, loop, large_payload)
