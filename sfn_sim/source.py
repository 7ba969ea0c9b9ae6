"""JSON text that remembers where each value stands, and diagnostics that point into it.

Values are parsed at C speed; positions are worked out only when somebody asks for one, by one scan of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sfn_sim import payload
from sfn_sim.payload import Json


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file: line and column count from 1, `length` in characters."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a definition, with AWS's code and text, its place, and our hint.

    `pointer` is the JSON pointer as AWS prints it ("/States/A/Next"); `message` is AWS's text where AWS has one.
    """

    severity: str
    code: str
    message: str
    pointer: str = ""
    location: Location | None = None
    hint: str = ""

    def place(self) -> str:
        """Return `file:line:column`, or the pointer where the place is not known."""
        return str(self.location) if self.location else self.pointer


@dataclass(frozen=True, slots=True)
class _Span:
    key: tuple[int, int] | None
    value: tuple[int, int]


_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}]+")


@dataclass
class Source:
    """A JSON document with its text.

    Args:
        path: how messages name the document.
        text: the document as it stands in the file.
        substitutions: values for `${Name}` in its strings; positions stay those of the file.
    """

    path: str
    text: str
    substitutions: Mapping[str, str] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)

    @cached_property
    def value(self) -> Json:
        """The parsed document.

        Raises:
            json.JSONDecodeError: the text is not JSON.
            ValueError: NaN, Infinity, or a number that no double can hold.
        """
        value = payload.loads(self.text)
        return _substitute(value, self.substitutions) if self.substitutions else value

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def _spans(self) -> dict[str, _Span]:
        return _scan(self.text, self.duplicates)

    def duplicate_keys(self) -> list[str]:
        """Return the pointers of keys that stand twice in one object (JSON keeps the last and drops the others)."""
        _ = self._spans
        return list(self.duplicates)

    def at_offset(self, offset: int, length: int = 1) -> Location:
        """Return the place of a character offset."""
        low, high = 0, len(self._lines)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._lines[middle] <= offset else (low, middle)
        return Location(self.path, low + 1, offset - self._lines[low] + 1, length)

    def locate(self, pointer: str, *, key: bool = False) -> Location:
        """Return where the value (or the key) of a JSON pointer stands; the nearest ancestor if it does not exist."""
        spans = self._spans
        at = "" if pointer == "/" else pointer  # AWS writes "/" for the whole document
        while at and at not in spans:
            at = at.rpartition("/")[0]
        span = spans.get(at)
        if span is None:
            return self.at_offset(0)
        start, end = span.key if key and span.key else span.value
        first_line = self.text.find("\n", start, end)
        return self.at_offset(start, max(1, (end if first_line < 0 else first_line) - start))

    def lines_of(self, pointer: str) -> range:
        """Return the numbers of the lines on which a value stands, its key's among them; the nearest ancestor's."""
        at = pointer
        while at and at not in self._spans:
            at = at.rpartition("/")[0]
        span = self._spans[at]
        first = self.at_offset(span.key[0] if span.key else span.value[0]).line
        return range(first, self.at_offset(max(span.value[0], span.value[1] - 1)).line + 1)

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1."""
        start = self._lines[number - 1]
        end = self._lines[number] - 1 if number < len(self._lines) else len(self.text)
        return self.text[start:end].rstrip("\r")


_PLACEHOLDER = re.compile(r"\$\{([^${}]+)\}")


def _substitute(value: Json, names: Mapping[str, str]) -> Json:
    """Return `value` with every `${Name}` in its strings replaced; a name without a value stays as it is."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: names.get(match[1].strip(), match[0]), value) if "${" in value else value
    if isinstance(value, list):
        return [_substitute(each, names) for each in value]
    if isinstance(value, dict):
        return {key: _substitute(each, names) for key, each in value.items()}
    return value


def escape(key: str) -> str:
    """Return `key` as one token of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _scan(text: str, duplicates: list[str]) -> dict[str, _Span]:
    """Walk a document that is known to be JSON and note each value's place by its pointer."""
    spans: dict[str, _Span] = {}

    def skip(position: int) -> int:
        match = _SPACE.match(text, position)
        return match.end() if match else position

    def walk(position: int, pointer: str, key: tuple[int, int] | None) -> int:
        start = skip(position)
        opener = text[start]
        if opener == "{":
            end = walk_object(start, pointer)
        elif opener == "[":
            end = walk_array(start, pointer)
        else:
            match = (_STRING if opener == '"' else _SCALAR).match(text, start)
            end = match.end() if match else start + 1
        spans[pointer] = _Span(key, (start, end))
        return end

    def walk_object(start: int, pointer: str) -> int:
        position = skip(start + 1)
        seen: set[str] = set()
        while text[position] != "}":
            match = _STRING.match(text, position)
            if match is None:  # pragma: no cover - the text has been parsed before
                return position
            name = json.loads(match.group())
            child = f"{pointer}/{escape(name)}"
            if name in seen:
                duplicates.append(child)
            seen.add(name)
            colon = skip(match.end())
            position = skip(walk(colon + 1, child, match.span()))
            if text[position] == ",":
                position = skip(position + 1)
        return position + 1

    def walk_array(start: int, pointer: str) -> int:
        position, index = skip(start + 1), 0
        while text[position] != "]":
            position = skip(walk(position, f"{pointer}/{index}", None))
            if text[position] == ",":
                position = skip(position + 1)
            index += 1
        return position + 1

    walk(0, "", None)
    return spans


def render(diagnostic: Diagnostic, source: Source | None = None) -> str:
    """Return a diagnostic as text: place, code, message, the line with a caret, and the hint."""
    pointer = f" at {diagnostic.pointer}" if diagnostic.pointer else ""
    lines = [f"{diagnostic.place()}: {diagnostic.severity.lower()} {diagnostic.code}{pointer}: {diagnostic.message}"]
    if source is not None and diagnostic.location is not None:
        lines += excerpt(source, diagnostic.location)
    if diagnostic.hint:
        lines.append(f"  fix   {diagnostic.hint}")
    return "\n".join(lines)


def excerpt(source: Source, location: Location, note: str = "", *, width: int = 100) -> list[str]:
    """Return the line of a location and a row of carets below it; long lines are cut round the place."""
    text = source.line(location.line)
    column = location.column - 1
    first = max(0, column - width // 2) if len(text) > width else len(text) - len(text.lstrip())
    shown = text[first : first + width]
    carets = "^" * max(1, min(location.length, len(shown) - (column - first)))
    gutter = " " * len(str(location.line))
    return [
        f"  {location.line} | {shown}",
        f"  {gutter} | {' ' * (column - first)}{carets}{' ' + note if note else ''}",
    ]
