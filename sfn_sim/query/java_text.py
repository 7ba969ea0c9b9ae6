"""How Java prints a JSON value, which is what AWS's texts show."""

from __future__ import annotations

from sfn_sim.payload import Json


def java_text(value: Json) -> str:
    """Return `toString()` of a value: strings bare, objects as `{a=1, b=[]}`.

    Source: recorded: format_2 (objects, null, numbers), context_json_path (strings inside an object); a list
    with items as `[1, 2]` and the digits of large or tiny numbers are assumed.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return str(value)
