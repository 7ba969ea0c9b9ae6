from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim.query.expression import (
    IntrinsicError,
    PathError,
    PlaceError,
    Scope,
    SyntaxProblem,
    TemplateError,
    TemplateProblems,
)
from sfn_sim.query.intrinsics import compile_intrinsic
from sfn_sim.query.jsonpath import compile_path, compile_reference_path
from sfn_sim.query.path_syntax import fragment
from sfn_sim.query.template import compile_template

SCOPE = Scope(dict)
few = settings(max_examples=60, deadline=None, database=None)

names = st.sampled_from(["a", "b", "k-d", "b c", "ü", ""])
indices = st.integers(-3, 3)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab'\"{}", max_size=3)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
paths = st.lists(names | indices, max_size=5)
reference_paths = st.lists(names | st.integers(0, 2), max_size=4)
int32 = st.integers(-(2**31), 2**31 - 1)


class _Missing:
    pass


def follow(steps: list[Any], value: Any) -> Any:
    """Read a definite path in the plainest way."""
    for step in steps:
        if isinstance(step, str):
            value = value.get(step, _Missing) if isinstance(value, dict) else _Missing
        elif isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            value = _Missing
        if value is _Missing:
            return _Missing
    return value


def text_of(steps: list[Any]) -> str:
    return "$" + "".join(map(fragment, steps))


@few
@given(paths, documents)
def test_a_definite_path_reads_what_plain_subscripts_read(steps, document):
    expected = follow(steps, document)
    path = compile_path(text_of(steps))
    if expected is not _Missing:
        assert path.evaluate(document, SCOPE) is expected
        return
    with pytest.raises(PathError) as caught:
        path.evaluate(document, SCOPE)
    taken = caught.value.stopped_at
    assert caught.value.reached is follow(steps[:taken], document)
    assert follow(steps[: taken + 1], document) is _Missing


@few
@given(paths, documents)
def test_a_wildcard_after_a_path_gives_the_members_of_what_the_path_gives(steps, document):
    value = follow(steps, document)
    members = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    assert compile_path(text_of(steps) + "[*]").evaluate(document, SCOPE) == members


@few
@given(reference_paths, documents, documents)
def test_what_is_placed_is_read_back_and_the_document_stays_as_it_was(steps, document, value):
    before = json.dumps(document)
    text = text_of(steps)
    conflict = None
    try:
        placed = compile_reference_path(text).place(document, value)
    except PlaceError as problem:
        conflict = problem
    if conflict is not None:
        assert not isinstance(conflict.reached, dict) or isinstance(steps[conflict.stopped_at], int)
    else:
        assert compile_path(text).evaluate(placed, SCOPE) is value
        if steps and isinstance(document, dict):
            assert isinstance(placed, dict)
            assert all(placed[key] is document[key] for key in document if key != steps[0])
            assert list(placed)[: len(document)] == list(document)
    assert json.dumps(document) == before


@few
@given(documents, st.dictionaries(st.sampled_from(["x", "y.$", "z.$", "w"]), names | documents, max_size=4))
def test_a_template_fails_or_has_exactly_its_keys_without_the_suffix(document, template):
    template = {key: f"$['{value}']" if isinstance(value, str) and key[-2:] == ".$" else value
                for key, value in template.items()}  # fmt: skip
    before = json.dumps(template)
    try:
        filled = compile_template(template, "").evaluate(document, SCOPE)
    except (TemplateProblems, TemplateError):
        pass
    else:
        assert isinstance(filled, dict)
        assert list(filled) == [key.removesuffix(".$") for key in template]
    assert json.dumps(template) == before


@few
@given(st.text("$.[]'\"ab*?@()=1,: \\", max_size=12))
def test_any_text_is_a_path_or_refused_with_a_place_inside_it(text):
    offset = 0
    for compiled in (compile_path, compile_reference_path, compile_intrinsic):
        try:
            compiled(text)
        except SyntaxProblem as problem:
            offset = problem.offset
        assert 0 <= offset <= len(text)


def call(name: str, *arguments: Any) -> Any:
    paths = ", ".join(f"$[{place}]" for place in range(len(arguments)))
    return compile_intrinsic(f"States.{name}({paths})").evaluate(list(arguments), SCOPE)


@few
@given(st.lists(documents, max_size=6), st.integers(1, 7))
def test_partitions_joined_are_the_array_and_none_is_too_long(array, size):
    parts = call("ArrayPartition", array, size)
    assert [item for part in parts for item in part] == array
    assert all(0 < len(part) <= size for part in parts)
    assert len(parts) == math.ceil(len(array) / size)


@few
@given(st.lists(documents, max_size=6))
def test_unique_holds_each_item_once_and_every_item(array):
    unique = call("ArrayUnique", array)
    texts = [json.dumps(item, sort_keys=True) for item in array]
    assert [json.dumps(item, sort_keys=True) for item in unique] == list(dict.fromkeys(texts))
    assert all(call("ArrayContains", unique, item) for item in array)


@few
@given(documents)
def test_json_text_is_read_back(value):
    assert call("StringToJson", call("JsonToString", value)) == value


@few
@given(st.text(max_size=50))
def test_base64_is_read_back(text):
    assert call("Base64Decode", call("Base64Encode", text)) == text


@few
@given(int32, int32)
def test_a_sum_is_exact_or_refused(first, second):
    if -(2**31) <= first + second < 2**31:
        assert call("MathAdd", first, second) == first + second
    else:
        with pytest.raises(IntrinsicError):
            call("MathAdd", first, second)


@few
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-7, 7).filter(bool))
def test_a_range_includes_its_end_if_it_hits_it(first, last, step):
    numbers = call("ArrayRange", first, last, step)
    count = max(0, (last - first) // step + 1)
    assert numbers == [first + step * place for place in range(count)]


@few
@given(st.lists(st.text("ab", min_size=1, max_size=3)), st.sampled_from([",", ";,", " "]))
def test_what_is_joined_is_split_again(words, separators):
    assert call("StringSplit", separators.join(words), separators) == words


@few
@given(st.lists(scalars.filter(lambda value: isinstance(value, str)), max_size=4))
def test_format_puts_each_text_in_its_place_unchanged(texts):
    holes = ", ".join(f"$[{place}]" for place in range(len(texts)))
    intrinsic = compile_intrinsic(f"States.Format('{'<{}>' * len(texts)}'{', ' if texts else ''}{holes})")
    assert intrinsic.evaluate(list(texts), SCOPE) == "".join(f"<{text}>" for text in texts)
