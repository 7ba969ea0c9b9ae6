"""What is wrong with a definition's text before its meaning is looked at: not JSON, too large, keys twice.

AWS parses definitions with Jackson and prints Jackson's words. Python's parser stops at the same places, so its
message tells which of Jackson's applies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sfn_sim import limits
from sfn_sim.definition.validate_findings import PLACEHOLDER, Findings, Place, did_you_mean, place_of
from sfn_sim.payload import Json, NestedTooDeeply, loads
from sfn_sim.source import Diagnostic, Source

NOT_JSON = "INVALID_JSON_DESCRIPTION"
_WORD = re.compile(r"[\w$]+")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\]]', re.DOTALL)
_START = re.compile(r"\[line: (\d+), column: (\d+)\]")  # ours is short; the whole text is quoted by to_api alone
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SHOWN = 500  # characters of the document that Jackson quotes
_DEPTH = 200


def read(findings: Findings) -> Json:
    """Return the parsed document; whatever keeps it from being read is a finding and gives None.

    Source: recorded: not_a_definition (INVALID_JSON_DESCRIPTION); API reference,
    ValidateStateMachineDefinitionDiagnostic (MISSING_DESCRIPTION, TOO_DEEPLY_NESTED); the depth is assumed.
    """
    source = findings.source
    if not source.text.strip():
        _add(findings, "MISSING_DESCRIPTION", "Received a null or empty workflow input", 0, "the file is empty")
        return None
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > limits.DEFINITION.value:
        _too_large(findings, size)
    try:
        value = source.value
    except json.JSONDecodeError as error:
        at = _stop(source.text, error)
        message, end, hint = _jackson(source.text, at, error.msg)
        _add(findings, NOT_JSON, message, min(at, end), hint, max(1, end - at))
        return None
    except (NestedTooDeeply, RecursionError):
        _too_deep(findings)
        return None
    except ValueError as error:
        _no_number(findings, error)
        return None
    if _deeper_than(value, _DEPTH):
        _too_deep(findings)
        return None
    if value is None:
        _add(findings, "MISSING_DESCRIPTION", "Received a null or empty workflow input", 0, "the definition is null")
    return value


def duplicate_keys(findings: Findings, document: Json) -> None:
    """Report keys that stand twice in one object: JSON keeps the last, so that a state or field is gone unseen.

    Source: assumed (the words and the severity are ours; Jackson keeps the last).
    """
    if not _has_duplicates(findings.source.text):
        return
    for pointer in findings.source.duplicate_keys():
        place = place_of(pointer, document)
        findings.error(
            f"Duplicate field '{place[-1]}'",
            place,
            "only the last of them counts, the others are silently dropped: rename or remove one",
            code="DUPLICATE_JSON_KEY",
            key=True,
        )


def placeholders(findings: Findings, document: Json) -> None:
    """Report `${Name}` that no substitution has filled.

    Source: assumed (ours; CloudFormation fills them, and AWS itself takes them for text).
    """
    if findings.literal_placeholders or "${" not in findings.source.text:
        return
    for place, text in _strings(document, ()):
        if place and place[-1] == "Comment":
            continue
        for match in PLACEHOLDER.finditer(text):
            name = match.group()[2:-1].strip()
            hint = f"give it one: --substitute {name}=VALUE, or [substitutions] of sfn-sim.toml or of the fixture"
            findings.part_error(
                f"No value for the substitution {match.group()}",
                place,
                text,
                match.span(),
                did_you_mean(name, findings.source.substitutions, hint),
                code="UNRESOLVED_SUBSTITUTION",
            )


def to_api(diagnostic: Diagnostic, source: Source) -> dict[str, str]:
    """Return a diagnostic as ValidateStateMachineDefinition gives it.

    Source: recorded: not_a_definition (Jackson's location inside the message and beside it).
    """
    shown = {"severity": diagnostic.severity, "code": diagnostic.code, "message": diagnostic.message}
    if diagnostic.code == NOT_JSON and diagnostic.location is not None:
        where = diagnostic.location
        location = _jackson_location(source.text, where.line, where.column + where.length)
        shown["message"] = _START.sub(
            lambda match: _jackson_location(source.text, int(match[1]), int(match[2])), shown["message"]
        )
        shown["message"] += f"\n at {location}"
        return shown | {"location": location}
    return shown | ({"location": diagnostic.pointer} if diagnostic.pointer else {})


def _add(findings: Findings, code: str, message: str, offset: int, hint: str, length: int = 1) -> None:
    line_end = findings.source.text.find("\n", offset)
    shown = min(length, line_end - offset) if line_end >= 0 else length
    location = findings.source.at_offset(offset, max(1, shown))
    findings.all.append(Diagnostic("ERROR", code, message, "", location, hint))


def _too_large(findings: Findings, size: int) -> None:
    limit = limits.DEFINITION.value
    _add(
        findings,
        "DEFINITION_TOO_LARGE",
        f"Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to {limit}",
        0,
        f"the definition has {size:,} bytes, {size - limit:,} over the limit: move parts into machines of their own",
    )


def _too_deep(findings: Findings) -> None:
    hint = f"more than {_DEPTH} objects and arrays stand inside one another"
    _add(findings, "TOO_DEEPLY_NESTED", "The states are too deeply nested.", 0, hint)


def _no_number(findings: Findings, error: ValueError) -> None:
    """Report NaN, Infinity or a number that no double holds; Python's parser does not tell where they are.

    Source: Jackson, ReaderBasedJsonParser (NaN); the words for a number out of range are assumed.
    """
    text = findings.source.text
    match = next(
        (
            found
            for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[-+\w.]+', text)
            if not found.group().startswith('"') and found.group() in str(error).split()
        ),
        None,
    )
    if not match:
        _add(findings, NOT_JSON, "Number value length exceeds the maximum allowed", 0, "a number has too many digits")
        return
    word = match.group()
    if word.lstrip("-")[:1].isdigit():
        message = f"Numeric value ({word}) out of range of double"
    else:
        message = f"Non-standard token '{word}': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
    _add(findings, NOT_JSON, message, match.start(), str(error), len(word))


def _stop(text: str, error: json.JSONDecodeError) -> int:
    """Return where Jackson stops: newer Pythons stop at a trailing comma, Jackson behind it."""
    if not error.msg.startswith("Illegal trailing comma"):
        return error.pos
    behind = text[error.pos + 1 :]
    return error.pos + 1 + len(behind) - len(behind.lstrip())


def _jackson(text: str, at: int, kind: str) -> tuple[str, int, str]:
    """Return Jackson's words for what is wrong at an offset, the offset after it, and a hint.

    Source: recorded: not_a_definition, invalid_start_execution_input; Jackson, ReaderBasedJsonParser.
    """
    if kind.startswith("Unterminated string"):
        message = "Unexpected end-of-input: was expecting closing quote for a string value"
        return message, len(text), "a string begins here and has no closing quote"
    if kind.startswith("Invalid control character"):
        code = ord(text[at])
        message = (
            f"Illegal unquoted character ((CTRL-CHAR, code {code})): "
            "has to be escaped using backslash to be included in string value"
        )
        return message, at + 1, "inside a string write \\n for a line break and \\t for a tab"
    if kind.startswith("Invalid \\"):
        escaped = text[at + 1 : at + 2]
        message = f"Unrecognized character escape '{escaped}' (code {ord(escaped or ' ')})"
        return message, at + 2, 'JSON knows the escapes \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX'
    if at >= len(text):
        return _unfinished(text)
    if kind.startswith("Extra data"):
        message = f"Unexpected character ({_character(text[at])}): expected end of input"
        return message, at + 1, "a definition is one JSON object; something follows it"
    return _unexpected(text, at, kind)


def _unexpected(text: str, at: int, kind: str) -> tuple[str, int, str]:
    found = _character(text[at])
    if "property name" in kind or kind.endswith("end of object"):
        hint = "remove the comma before it" if text[at] == "}" else "names stand between double quotes"
        return f"Unexpected character ({found}): was expecting double-quote to start field name", at + 1, hint
    if "':'" in kind:
        message = f"Unexpected character ({found}): was expecting a colon to separate field name and value"
        return message, at + 1, "put a colon between the name and its value"
    if "','" in kind:
        opener = _open_brackets(text[:at])[-1:]
        entries = "Array" if opener and opener[0][0] == "[" else "Object"
        message = f"Unexpected character ({found}): was expecting comma to separate {entries} entries"
        return message, at + 1, "a comma or a closing bracket is missing before this"
    if word := _WORD.match(text, at):
        hint = "text stands between double quotes; true, false and null are written in lower case"
        return f"Unrecognized token '{word.group()}': was expecting {_VALUES}", word.end(), hint
    if text[at] in "]}":
        return f"Unexpected character ({found}): expected a value", at + 1, "remove the comma before it"
    message = f"Unexpected character ({found}): expected a valid value {_VALUES}"
    return message, at + 1, "text stands between double quotes"


def _unfinished(text: str) -> tuple[str, int, str]:
    brackets = _open_brackets(text)
    if not brackets:
        return "Unexpected end-of-input", len(text), "the text ends before the document does"
    bracket, offset = brackets[-1]
    what = "Array" if bracket == "[" else "Object"
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    message = f"Unexpected end-of-input: expected close marker for {what} (start marker at [{_at(line, column)}])"
    return message, len(text), f"what the {bracket} on line {line} opens is not closed"


def _open_brackets(text: str) -> list[tuple[str, int]]:
    opened: list[tuple[str, int]] = []
    for match in _STRING_OR_BRACKET.finditer(text):
        sign = match.group()
        if sign in "{[":
            opened.append((sign, match.start()))
        elif sign in "}]" and opened:
            opened.pop()
    return opened


def _character(sign: str) -> str:
    return f"'{sign}' (code {ord(sign)})"


def _jackson_location(text: str, line: int, column: int) -> str:
    shown = text[:_SHOWN]
    left = len(text) - len(shown)
    truncated = f"[truncated {left} chars]" if left else ""
    return f'[Source: (String)"{shown}"{truncated}; {_at(line, column)}]'


def _at(line: int, column: int) -> str:
    return f"line: {line}, column: {column}"


def _has_duplicates(text: str) -> bool:
    found = False

    def notice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        made = dict(pairs)
        found = found or len(made) < len(pairs)
        return made

    json.loads(text, object_pairs_hook=notice)
    return found


def _deeper_than(value: Json, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        below: list[Json] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return False
        level = below
    return True


def _strings(value: Json, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, (*place, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _strings(each, (*place, index))


def refusal(text: str) -> str | None:
    """Return what AWS says of an execution's input or a task's output that is not JSON; None if it is.

    Source: recorded: invalid_start_execution_input.
    """
    if not text.strip():
        return "Invalid execution input."
    try:
        loads(text)
    except json.JSONDecodeError as error:
        words = _jackson(text, _stop(text, error), error.msg)[0]
        return _START.sub(lambda match: _jackson_location(text, int(match[1]), int(match[2])), words)
    except (ValueError, RecursionError) as error:
        findings = Findings(Source("", text))
        if isinstance(error, NestedTooDeeply | RecursionError):
            _too_deep(findings)
        else:
            _no_number(findings, error)
        return findings.all[0].message
    return None
