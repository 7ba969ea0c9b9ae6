"""Definitions whose text cannot be read: Jackson's words, our place."""

from __future__ import annotations

import json

import pytest
from seen import END, Seen, diagnostics, findings, machine, only, state

from sfn_sim import limits
from sfn_sim.definition.validate_json import to_api

NOT_JSON = "INVALID_JSON_DESCRIPTION"
VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("text", "message", "underlined", "hint"),
    [
        (
            "not a definition",
            f"Unrecognized token 'not': was expecting {VALUES}",
            "1:1 not",
            "text stands between double quotes; true, false and null are written in lower case",
        ),
        (
            "{'StartAt': 'A'}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
            "1:2 '",
            "names stand between double quotes",
        ),
        (
            "{\"StartAt\": 'A'}",
            f"Unexpected character (''' (code 39)): expected a valid value {VALUES}",
            "1:13 '",
            "text stands between double quotes",
        ),
        (
            '{"StartAt": "A",\n}',
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
            "2:1 }",
            "remove the comma before it",
        ),
        (
            '{"StartAt" "A"}',
            "Unexpected character ('\"' (code 34)): was expecting a colon to separate field name and value",
            '1:12 "',
            "put a colon between the name and its value",
        ),
        (
            '{"StartAt": "A"\n "States": {}}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
            '2:2 "',
            "a comma or a closing bracket is missing before this",
        ),
        (
            '{"A": [1 2]}',
            "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
            "1:10 2",
            "a comma or a closing bracket is missing before this",
        ),
        (
            '{"A": [1,]}',
            "Unexpected character (']' (code 93)): expected a value",
            "1:10 ]",
            "remove the comma before it",
        ),
        (
            '{"StartAt": "A",\n "States": {',
            "Unexpected end-of-input: expected close marker for Object (start marker at [line: 2, column: 12])",
            "2:13 ",
            "what the { on line 2 opens is not closed",
        ),
        (
            '{"StartAt": "A',
            "Unexpected end-of-input: was expecting closing quote for a string value",
            '1:13 "A',
            "a string begins here and has no closing quote",
        ),
        (
            '{"A": "a\nb"}',
            "Illegal unquoted character ((CTRL-CHAR, code 10)): "
            "has to be escaped using backslash to be included in string value",
            "1:9 ",
            "inside a string write \\n for a line break and \\t for a tab",
        ),
        (
            '{"A": "\\q"}',
            "Unrecognized character escape 'q' (code 113)",
            "1:8 \\q",
            'JSON knows the escapes \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX',
        ),
        (
            "{} {}",
            "Unexpected character ('{' (code 123)): expected end of input",
            "1:4 {",
            "a definition is one JSON object; something follows it",
        ),
        (
            '{"A": NaN}',
            "Non-standard token 'NaN': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow",
            "1:7 NaN",
            "NaN is not JSON",
        ),
        (
            '{"A": 1E400}',
            "Numeric value (1E400) out of range of double",
            "1:7 1E400",
            "the number 1E400 is too large",
        ),
    ],
)
def test_text_that_is_not_json_is_refused_in_jacksons_words(
    text: str, message: str, underlined: str, hint: str
) -> None:
    assert only(text) == Seen(NOT_JSON, message, "", underlined, hint)


@pytest.mark.parametrize("text", ["", "  \n", "null"])
def test_a_definition_of_nothing_is_missing(text: str) -> None:
    found = only(text)
    assert found.code == "MISSING_DESCRIPTION"
    assert found.message == "Received a null or empty workflow input"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 300 + "1" + "}" * 300])
def test_a_bottomless_definition_is_refused_and_does_not_break_the_reader(text: str) -> None:
    found = only(text)
    assert (found.code, found.message) == ("TOO_DEEPLY_NESTED", "The states are too deeply nested.")


def test_a_definition_over_the_limit_is_refused_with_its_overrun() -> None:
    text = json.dumps(state(Comment="é" * (limits.DEFINITION.value // 2)), ensure_ascii=False)
    found = only(text)
    assert found.code == "DEFINITION_TOO_LARGE"
    assert "Member must have length less than or equal to 1048576" in found.message
    assert f"{len(text.encode()) - limits.DEFINITION.value:,} over the limit" in found.hint


def test_a_state_that_stands_twice_is_told_because_json_drops_the_first() -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true},\n "A": {"Type": "Succeed"}}}'
    assert only(text) == Seen(
        "DUPLICATE_JSON_KEY",
        "Duplicate field 'A'",
        "/States/A",
        '2:2 "A"',
        "only the last of them counts, the others are silently dropped: rename or remove one",
    )


def test_a_key_that_stands_twice_where_the_other_value_has_another_shape_is_told() -> None:
    state_text = '{"Type": "Pass", "End": true, "Result": {"k": {"x": 1, "x": 2}}, "Result": [1]}'
    text = f'{{"StartAt": "A", "States": {{"A": {state_text}}}}}'
    assert {each.pointer for each in findings(text)} == {"/States/A/Result/k/x", "/States/A/Result"}


def test_the_api_form_quotes_the_text_as_jackson_does() -> None:
    text = "not a definition"
    ((diagnostic, source),) = diagnostics(text)
    location = '[Source: (String)"not a definition"; line: 1, column: 4]'
    assert to_api(diagnostic, source) == {
        "severity": "ERROR",
        "code": NOT_JSON,
        "message": f"Unrecognized token 'not': was expecting {VALUES}\n at {location}",
        "location": location,
    }


def test_the_api_form_quotes_at_most_500_characters() -> None:
    ((diagnostic, source),) = diagnostics('{"A":' + " " * 600 + "x")
    assert "[truncated 106 chars]; line: 1, column: 607]" in to_api(diagnostic, source)["location"]


def test_the_api_form_of_a_finding_without_a_place_has_no_location() -> None:
    loop = machine({"A": {"Type": "Pass", "Next": "A"}})
    ((diagnostic, source),) = diagnostics(loop)
    assert to_api(diagnostic, source) == {
        "severity": "ERROR",
        "code": "MISSING_END_STATE",
        "message": "Workflow has no terminal state",
    }


def test_the_api_form_of_a_finding_names_awss_place() -> None:
    ((diagnostic, source),) = diagnostics(machine({"A": END, "a/b": END}))
    assert to_api(diagnostic, source)["location"] == "/States/a/b"
