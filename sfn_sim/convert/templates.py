"""Payload templates: as JSON with expressions in it, and as one expression that makes the same value."""

from __future__ import annotations

from sfn_sim.convert.code import Notes, an_object, expression, literal
from sfn_sim.convert.intrinsics import intrinsic_code
from sfn_sim.convert.paths import Roots, path_code
from sfn_sim.payload import Json
from sfn_sim.query.intrinsics import is_intrinsic


def read_code(text: str, known: Roots, notes: Notes, *, inside: bool = False) -> str:
    """Return the code of a path or a call of an intrinsic function.

    Raises:
        NoEquivalent: JSONata has no words for it.
    """
    if is_intrinsic(text):
        return intrinsic_code(text, known, notes)
    return path_code(text, known, notes, inside=inside)


def as_template(value: Json, known: Roots, notes: Notes) -> Json:
    """Return a payload template as a JSONata field takes it: JSON, with expressions at its leaves.

    Raises:
        NoEquivalent: JSONata has no words for one of its fields.
    """
    if isinstance(value, dict):
        return {
            _plain(key): (
                expression(read_code(str(each), known, notes))
                if key.endswith(".$")
                else as_template(each, known, notes)
            )
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [as_template(each, known, notes) for each in value]
    return constant(value)


def constant(value: Json) -> Json:
    """Return a value that stands for itself in a JSONata field: a text that looks like an expression becomes one."""
    if isinstance(value, dict):
        return {key: constant(each) for key, each in value.items()}
    if isinstance(value, list):
        return [constant(each) for each in value]
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        return expression(literal(value))
    return value


def as_code(value: Json, known: Roots, notes: Notes) -> str:
    """Return one expression that makes what a payload template makes.

    Raises:
        NoEquivalent: JSONata has no words for one of its fields.
    """
    if isinstance(value, dict):
        return an_object(
            (
                _plain(key),
                read_code(str(each), known, notes, inside=True) if key.endswith(".$") else as_code(each, known, notes),
            )
            for key, each in value.items()
        )
    if isinstance(value, list):
        return f"[{', '.join(as_code(each, known, notes) for each in value)}]"
    return literal(value)


def _plain(key: str) -> str:
    return key[:-2] if key.endswith(".$") else key
