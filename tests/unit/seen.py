"""What the tests of definition.validate look at: one line per finding, with what it underlines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sfn_sim.definition.validate import validate
from sfn_sim.source import Diagnostic, Source

END = {"Type": "Pass", "End": True}


class Seen(NamedTuple):
    """A finding: AWS's code, text and place; `line:column` and the underlined text; the hint."""

    code: str
    message: str
    pointer: str
    underlined: str
    hint: str


def machine(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states), "A"), "States": states, **fields}


def state(type_: str = "Pass", **fields: Any) -> dict[str, Any]:
    """A machine of one state, A, that ends."""
    ends = {} if type_ in ("Choice", "Succeed", "Fail") else {"End": True}
    return machine({"A": {"Type": type_, **fields, **ends}})


def task(**fields: Any) -> dict[str, Any]:
    return state("Task", Resource="arn:aws:lambda:us-east-1:123456789012:function:f", **fields)


def diagnostics(
    definition: Any, *, type: str = "STANDARD", substitutions: Mapping[str, str] | None = None, **options: bool
) -> list[tuple[Diagnostic, Source]]:
    text = definition if isinstance(definition, str) else json.dumps(definition, indent=1)
    source = Source("m.json", text, substitutions or {})
    return [(each, source) for each in validate(source, type=type, **options)]


def findings(definition: Any, **options: Any) -> list[Seen]:
    return [_seen(*each) for each in diagnostics(definition, **options)]


def only(definition: Any, *, severity: str = "ERROR", **options: Any) -> Seen:
    """The one finding of a definition."""
    ((diagnostic, source),) = diagnostics(definition, **options)
    assert diagnostic.severity == severity
    return _seen(diagnostic, source)


def _seen(diagnostic: Diagnostic, source: Source) -> Seen:
    at = diagnostic.location
    assert at is not None
    assert at.file == "m.json"
    text = source.line(at.line)[at.column - 1 : at.column - 1 + at.length] if source.text else ""
    place = f"{at.line}:{at.column} {text}"
    return Seen(diagnostic.code, diagnostic.message, diagnostic.pointer, place, diagnostic.hint)
