"""One object of a definition as the rules see it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.definition.fields import JSONATA, JSONPATH, Table
from sfn_sim.definition.validate_findings import Findings, Place
from sfn_sim.payload import Json

Members: TypeAlias = "dict[str, Json]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One object, where it stands, and what is known about it from outside.

    Attributes:
        value: its members.
        place: where it stands.
        table: the fields that it may have.
        language: the query language in effect.
        express: whether it belongs to an Express workflow.
        findings: where to report to.
    """

    value: Members
    place: Place
    table: Table
    language: str
    express: bool
    findings: Findings

    def at(self, *parts: str | int) -> Place:
        """Return a place below this object."""
        return (*self.place, *parts)

    def below(self, value: Members, place: Place, table: Table) -> Node:
        """Return the node of an object inside this one."""
        return dataclasses.replace(self, value=value, place=place, table=table)

    def error(
        self, message: str, *parts: str | int, hint: str, at: Place | None = None, key: bool = False, code: str = ""
    ) -> None:
        """Note an error at a place below this object, or at the object: then its name is underlined.

        Args:
            message: AWS's text.
            parts: the place that AWS names, below this object.
            hint: how to put it right.
            at: the exact place to underline, if it is another.
            key: underline the key, not the value.
            code: AWS's code, if it is another than SCHEMA_VALIDATION_FAILED.
        """
        place = self.at(*parts)
        key = key or (at is None and not parts)
        if code:
            self.findings.error(message, place, hint, at=at, key=key, code=code)
        else:
            self.findings.error(message, place, hint, at=at, key=key)


def language_of(members: Members, inherited: str) -> str:
    """Return the query language that an object's QueryLanguage gives: JSONPath only when it says exactly that.

    Source: measured with ValidateStateMachineDefinition (floci-io/floci issue 2968: any other value is JSONata).
    """
    if "QueryLanguage" not in members:
        return inherited
    return JSONPATH if members["QueryLanguage"] == JSONPATH else JSONATA


def is_expression(value: Json) -> bool:
    """Tell whether a value is a JSONata expression between its delimiters."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")
