"""Texts of JSONata: names, literals, and the guards round what JSONPath would refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sfn_sim.payload import Json, dumps

INPUT = "$states.input"
RESULT = "$states.result"
ERROR_OUTPUT = "$states.errorOutput"
CONTEXT = "$states.context"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset(("and", "or", "in", "true", "false", "null", "function"))
NEED = '$need := function($value, $path) { $exists($value) ? $value : $error($path & " leads nowhere") }'


class NoEquivalent(Exception):
    """Something that JSONata has no words for; the field's place is added where it is known."""


@dataclass(slots=True)
class Notes:
    """What is told of a state's conversion.

    Attributes:
        guarded: whether values are guarded as JSONPath would: a path that leads nowhere fails, a comparison of unlike
            types is false.
        told: where the two languages differ for some data; each once.
    """

    guarded: bool = True
    told: dict[str, None] = field(default_factory=dict)

    def tell(self, words: str) -> None:
        """Note a difference."""
        self.told.setdefault(words)


def expression(code: str) -> str:
    """Return a field's text for an expression; what it needs is defined in front of it."""
    defined = f"({NEED}; {code})" if "$need(" in code else code
    return "{% " + defined + " %}"


def member(code: str, name: str) -> str:
    """Return the code that reads a member."""
    if _NAME.fullmatch(name) and name not in _WORDS:
        return f"{code}.{name}"
    if "`" in name:
        return f"$lookup({code}, {literal(name)})"
    return f"{code}.`{name}`"


def literal(value: Json) -> str:
    """Return a value as JSONata writes it down."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return an_object((key, literal(each)) for key, each in value.items())
    return dumps(value)


def an_object(members: Iterable[tuple[str, str]]) -> str:
    """Return the code that makes an object."""
    inner = ", ".join(f"{literal(key)}: {code}" for key, code in members)
    return "{" + inner + "}"


def needed(code: str, path: str, notes: Notes) -> str:
    """Return code that fails where a path leads nowhere, inside an expression that would go on without it."""
    return f"$need({code}, {literal(path)})" if notes.guarded else code
