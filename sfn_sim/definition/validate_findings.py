"""Findings about a definition, and the place that each of them names.

A place is the tuple of the keys and indices that lead to it. AWS prints it as `/States/A/Retry[0]/ErrorEquals`,
with names as they are; in the file it is found through a JSON pointer (RFC 6901). Both texts are made only when
there is something to report.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonpath import nearest
from sfn_sim.source import Diagnostic, Location, Source, escape

Place: TypeAlias = "tuple[str | int, ...]"

SCHEMA = "SCHEMA_VALIDATION_FAILED"
PLACEHOLDER = re.compile(r"\$\{\s*[A-Za-z_][\w.:-]*\s*\}")


def aws_location(place: Place) -> str:
    """Return a place as AWS prints it.

    Source: recorded: validate_state_machine_definition_type_express ("/", "/States/Pass"); aws-cdk issue 10530
    ("/States/A/Retry[0]/ErrorEquals[0]").
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in place)
    return text or "/"


def json_pointer(place: Place) -> str:
    """Return a place as a JSON pointer."""
    return "".join(f"/{escape(str(part))}" for part in place)


def place_of(pointer: str, document: Json) -> Place:
    """Return the place that a JSON pointer names in `document`."""
    place: list[str | int] = []
    node = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdecimal():
            place.append(int(name))
            node = node[int(name)] if int(name) < len(node) else None
        else:
            place.append(name)
            node = node.get(name) if isinstance(node, dict) else None
    return tuple(place)


def did_you_mean(name: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """Return a question for the nearest of the candidates, or `otherwise` if none is near."""
    near = nearest(name, candidates)
    return f"did you mean '{near}'?" if near and near != name else otherwise


def listed(names: Iterable[str]) -> str:
    """Return names as AWS lists them."""
    return f"[{', '.join(names)}]"


class Findings:
    """Collects the findings about one definition.

    Attributes:
        source: the definition.
        all: the findings so far, in the order in which they were made.
        literal_placeholders: whether a `${Name}` without a value is plain text.
    """

    def __init__(self, source: Source, *, literal_placeholders: bool = False) -> None:
        self.source = source
        self.all: list[Diagnostic] = []
        self.literal_placeholders = literal_placeholders

    def left_open(self, value: Json) -> bool:
        """Tell whether a value still holds a `${Name}`: a finding of its own tells so, and nothing else is asked."""
        if self.literal_placeholders or not isinstance(value, str):
            return False
        return "${" in value and PLACEHOLDER.search(value) is not None

    def error(
        self, message: str, place: Place, hint: str, *, code: str = SCHEMA, at: Place | None = None, key: bool = False
    ) -> None:
        """Note an error.

        Args:
            message: AWS's text.
            place: the place that AWS names.
            hint: how to put it right.
            code: AWS's code.
            at: the exact place to underline, if it is not `place`.
            key: underline the key, not the value.
        """
        location = self._locate(place if at is None else at, key)
        self.all.append(Diagnostic("ERROR", code, message, aws_location(place), location, hint))

    def warning(self, message: str, place: Place, hint: str, *, code: str, key: bool = False) -> None:
        """Note what AWS would accept, and what hardly was meant."""
        self.all.append(Diagnostic("WARNING", code, message, aws_location(place), self._locate(place, key), hint))

    def machine_error(self, message: str, hint: str, *, code: str, at: Place = ()) -> None:
        """Note an error of the machine as a whole, for which AWS names no place."""
        self.all.append(Diagnostic("ERROR", code, message, "", self._locate(at, False), hint))

    def syntax_error(self, message: str, place: Place, at: Place, text: str, problem: SyntaxProblem) -> None:
        """Note an expression that cannot be compiled; what is wrong with it is underlined."""
        location = self._inside(self._locate(at, False), text, problem.offset, len(text))
        self.all.append(Diagnostic("ERROR", SCHEMA, message, aws_location(place), location, problem.message))

    def part_error(self, message: str, place: Place, text: str, part: tuple[int, int], hint: str, *, code: str) -> None:
        """Note an error in the part of a string that goes from one offset to another."""
        location = self._inside(self._locate(place, False), text, *part)
        self.all.append(Diagnostic("ERROR", code, message, aws_location(place), location, hint))

    def _locate(self, place: Place, key: bool) -> Location:
        return self.source.locate(json_pointer(place), key=key)

    def _inside(self, location: Location, text: str, offset: int, end: int) -> Location:
        """Return the part of a string's location; the whole where it is not written as it reads."""
        start = location.column - 1
        written = self.source.line(location.line)[start : start + location.length]
        if not 0 < offset < len(text) or written != json.dumps(text, ensure_ascii=False) or "\\" in written:
            return location
        return dataclasses.replace(location, column=location.column + 1 + offset, length=end - offset)
