"""A request against the shape that the service model gives it: lengths, ranges, enumerations, patterns.

Source: recorded: list_sms_pagination, error_create_alias_invalid_name, state_machine_status_filter (the words).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sfn_sim.server.faults import ApiError, invalid

# AWS lists an enumeration in the order of its own hash table, which cannot be worked out from the model.
_ENUMS = {"statusFilter": "SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING"}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "list": list,
    "structure": dict,
}


def check(shape: Any, request: dict[str, Any]) -> None:
    """Check a request against its shape (botocore's `Shape`).

    Raises:
        ApiError: ValidationException, with every finding; SerializationException for a value of another type.
    """
    findings = list(_structure(shape, request, ""))
    if findings:
        noun = "error" if len(findings) == 1 else "errors"
        raise invalid(f"{len(findings)} validation {noun} detected: {'; '.join(findings)}")


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _words("null ", f"{path}{name}", "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _value(member, value[name], f"{path}{name}")


def _value(shape: Any, value: Any, path: str) -> Iterator[str]:
    wanted = _TYPES.get(shape.type_name)
    if wanted is not None and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        raise ApiError("SerializationException", f"'{path}' can not be converted to {shape.type_name}")
    if shape.type_name == "structure":
        yield from _structure(shape, value, f"{path}.")
        return
    yield from _size(shape, value, path)
    if shape.type_name == "list":
        for number, each in enumerate(value, 1):
            yield from _value(shape.member, each, f"{path}.{number}.member")
    elif shape.type_name == "string":
        yield from _text(shape, value, path)


def _size(shape: Any, value: Any, path: str) -> Iterator[str]:
    number = value if isinstance(value, int) else len(value)
    noun = "value" if isinstance(value, int) else "length"
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(value, bool):
        return
    if most is not None and number > most:
        yield _words(_shown(shape, value), path, f"Member must have {noun} less than or equal to {most}")
    if least is not None and number < least:
        yield _words(_shown(shape, value), path, f"Member must have {noun} greater than or equal to {least}")


def _text(shape: Any, value: str, path: str) -> Iterator[str]:
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        listed = _ENUMS.get(path, ", ".join(enum))
        yield _words(_shown(shape, value), path, f"Member must satisfy enum value set: [{listed}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield _words(_shown(shape, value), path, f"Member must satisfy regular expression pattern: {pattern}")


def _matches(pattern: str, value: str) -> bool:
    python = pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]").replace(r"\p{L}", r"[^\W\d_]").replace(r"\p{Z}", r"\s")
    try:
        return re.fullmatch(python, value) is not None
    except re.error:  # a pattern of Java's that Python does not know says nothing
        return True


def _words(shown: str, path: str, constraint: str) -> str:
    return f"Value {shown}at '{path}' failed to satisfy constraint: {constraint}"


def _shown(shape: Any, value: Any) -> str:
    """Return a value as AWS repeats it; what the model calls sensitive it does not.

    Source: the words on an `input` that is too long, as AWS's users quote them ("Value at 'input' failed …").
    """
    return "" if shape.metadata.get("sensitive") else f"'{_java(shape, value)}' "


def _java(shape: Any, value: Any) -> str:
    """Return a value as Java prints AWS's request objects.

    Source: recorded: error_create_alias_invalid_router_configs.
    """
    if isinstance(value, list):
        return f"[{', '.join(_java(shape.member, each) for each in value)}]"
    if isinstance(value, dict):
        members = ", ".join(
            f"{name}={_java(member, value[name])}" for name, member in shape.members.items() if name in value
        )
        return f"{shape.name}({members})"
    return str(value)
