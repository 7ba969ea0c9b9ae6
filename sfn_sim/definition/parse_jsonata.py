"""What is particular to states in JSONata: fields whose one value an expression gives.

Source: ASL specification, JSONata in ASL; Developer Guide, Transforming data with JSONata (the fields that take an
expression).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from sfn_sim.definition.fields import JSONATA, OBJECTS, STATES, Kind, Table
from sfn_sim.definition.validate_node import is_expression

Document: TypeAlias = "dict[str, Any]"
# Objects of a state that may hold such fields themselves; those of another state's graph do not count.
_INSIDE = ("ItemReader", "ReaderConfig", "ItemBatcher")
_TYPES = {Kind.STRING: "string", Kind.TIMESTAMP: "string", Kind.INTEGER: "number", Kind.NUMBER: "number"}


def expressions(doc: Document, language: str) -> dict[str, str]:
    """Return the fields of a state whose value is one JSONata expression, by their place below the state."""
    return dict(_found(doc, STATES[doc["Type"]], "")) if language == JSONATA else {}


def _found(doc: Mapping[str, Any], table: Table, inside: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in doc.items():
        field = table.fields.get(name)
        if field is None:
            continue
        if field.expression and is_expression(value):
            found.append((f"{inside}{name}", value))
        elif field.of in _INSIDE and isinstance(value, dict):
            found += _found(value, OBJECTS[field.of], f"{inside}{name}/")
    return found


def expected_type(field: str) -> str | None:
    """Return the type that an expression in a field must give, by the field's place below its state."""
    name = field.rpartition("/")[2]
    for table in (*STATES.values(), *OBJECTS.values()):
        if name in table.fields and table.fields[name].expression:
            return _TYPES.get(table.fields[name].kind)
    return None
