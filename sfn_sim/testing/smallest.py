"""The smallest answer that an AWS service can give: what botocore's model of it says has to be there, and no more."""

from __future__ import annotations

from typing import Any

from sfn_sim.payload import Json
from sfn_sim.services.responses import STRINGS, Spelling, answer_model, spelling_of

_MOMENT = "2025-01-01T00:00:00Z"
_WELL = "SUCCEEDED"


def smallest(resource: str) -> Json:
    """Return the smallest result of a task on a resource; an empty object where nothing is known to be required."""
    model = answer_model(resource)
    return {} if model is None else _structure(model[1], spelling_of(resource))


def _structure(shape: Any, spelled: Spelling) -> dict[str, Json]:
    return {spelled(name): _value(shape.members[name], spelled, name) for name in shape.required_members}


def _value(shape: Any, spelled: Spelling, name: str) -> Json:
    kind, least = shape.type_name, shape.metadata.get("min") or 0
    if kind == "structure":
        return _structure(shape, spelled)
    if kind == "map":
        return {}
    if kind == "list":
        return [_value(shape.member, spelled, name) for _ in range(least)]
    if kind == "boolean":
        return False
    if kind == "timestamp":
        return _MOMENT
    if kind in STRINGS:
        known = shape.metadata.get("enum") or ()
        # A job that Step Functions waited for has ended well, or the task would have failed.
        return _WELL if _WELL in known else known[0] if known else name.ljust(least, "x")[: shape.metadata.get("max")]
    number: int = least
    return number
