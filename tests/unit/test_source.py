"""Positions in a definition: of every value and key, and how a finding shows its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim.source import Diagnostic, Location, Source, excerpt, render

TEXT = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "a/b~c": [1, {"x": null}]}
  }
}"""
SOURCE = Source("m.json", TEXT)


@pytest.mark.parametrize(
    ("pointer", "line", "column", "length"),
    [
        ("/StartAt", 2, 14, 3),
        ("/States/A/Type", 4, 19, 6),
        ("/States/A/a~1b~0c/0", 4, 37, 1),
        ("/States/A/a~1b~0c/1/x", 4, 46, 4),
        ("/States/A/nowhere/at/all", 4, 10, 43),
        ("", 1, 1, 1),
        ("/", 1, 1, 1),
    ],
)
def test_a_pointer_has_a_place_or_that_of_the_nearest_value_round_it(
    pointer: str, line: int, column: int, length: int
) -> None:
    place = SOURCE.locate(pointer)
    assert (place.file, place.line, place.column) == ("m.json", line, column)
    assert place.length == length


def test_a_key_has_a_place_of_its_own() -> None:
    assert str(SOURCE.locate("/States/A/Type", key=True)) == "m.json:4:11"


def test_an_empty_key_is_not_the_object_that_has_it() -> None:
    source = Source("m.json", '{"a": {"": 5}}')
    assert source.locate("/a/").column == 12


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(documents, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_stands_where_its_pointer_says(value: object, indent: int | str | None, ascii_only: bool) -> None:
    source = Source("d", json.dumps(value, indent=indent, ensure_ascii=ascii_only))

    def check(node: object, pointer: str) -> None:
        place = source.locate(pointer)
        starts = source.line(place.line)[place.column - 1 :] if place.line else ""
        if not isinstance(node, dict | list):
            assert starts.startswith(json.dumps(node, ensure_ascii=ascii_only))
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
            check(inner, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")

    # A key of no characters in the outermost object would have the pointer "/", which AWS writes for the whole.
    named = not (isinstance(value, dict) and "" in value)
    if named and all(character not in source.text for character in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\r"):
        check(value, "")


def test_keys_that_stand_twice_are_known() -> None:
    assert Source("m", '{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}').duplicate_keys() == ["/b/c", "/a"]


def test_placeholders_are_filled_and_unknown_ones_stay() -> None:
    source = Source("m", '{"n": "x-${Stage}-${Other}", "l": ["${Stage}"]}', {"Stage": "dev"})
    assert source.value == {"n": "x-dev-${Other}", "l": ["dev"]}
    assert source.locate("/l").column == 35


def test_a_finding_shows_its_line_with_carets_and_a_hint() -> None:
    finding = Diagnostic("ERROR", "CODE", "what is wrong", "/StartAt", SOURCE.locate("/StartAt"), "do this")
    assert render(finding, SOURCE).splitlines() == [
        "m.json:2:14: error CODE at /StartAt: what is wrong",
        '  2 | "StartAt": "A",',
        "    |            ^^^",
        "  fix   do this",
    ]


def test_a_long_line_is_cut_round_the_place() -> None:
    source = Source("m", '{"' + "a" * 300 + '": 5}')
    shown, carets = excerpt(source, source.locate("/" + "a" * 300), width=40)
    assert len(shown) < 60
    assert carets.rstrip()[-1] == "^"
    assert shown[carets.index("^")] == "5"


def test_a_place_in_a_file_with_windows_line_ends_and_no_last_line_end() -> None:
    source = Source("m", '{\r\n  "a": 1\r\n}')
    assert source.locate("/a") == Location("m", 2, 8, 1)
    assert source.line(2) == '  "a": 1'
    assert source.line(3) == "}"
