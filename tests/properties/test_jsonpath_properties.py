"""Paths against a model of Jayway's documented semantics: an indefinite path gives an array, always.

Source of the model: Jayway's README (Operators, Path Examples, Filter Operators, What is Returned When?); recorded
executions (a missing parent gives no items). Where AWS's answer is not known, nothing is asserted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sfn_sim import StateMachine
from sfn_sim.query.expression import PathError, Scope
from sfn_sim.query.jsonpath import compile_path
from tests.properties.examples import examples

NAMES = ("a", "b", "c", "k-d", "b c", "ü", "it's")
names = st.sampled_from(NAMES)
scalars = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from([0.5, 2.0, "", "a", "abc"])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


class LeadsNowhere(Exception):
    """A definite path that leads nowhere."""


class Unknown(Exception):
    """What AWS answers is not known."""


# A path's steps, each with its text and what it selects of one value.


@dataclass(frozen=True)
class Step:
    text: str

    def of(self, value: Any, _root: Any) -> list[Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class Name(Step):
    name: str

    def of(self, value: Any, _root: Any) -> list[Any]:
        return [value[self.name]] if isinstance(value, dict) and self.name in value else []


@dataclass(frozen=True)
class Index(Step):
    index: int

    def of(self, value: Any, _root: Any) -> list[Any]:
        place = self.index + (len(value) if self.index < 0 and isinstance(value, list) else 0)
        return [value[place]] if isinstance(value, list) and 0 <= place < len(value) else []


@dataclass(frozen=True)
class Wildcard(Step):
    def of(self, value: Any, _root: Any) -> list[Any]:
        return [*value.values()] if isinstance(value, dict) else [*value] if isinstance(value, list) else []


@dataclass(frozen=True)
class Several(Step):
    indices: tuple[int, ...]

    def of(self, value: Any, root: Any) -> list[Any]:
        return [each for index in self.indices for each in Index("", index).of(value, root)]


@dataclass(frozen=True)
class Slice(Step):
    start: int | None
    stop: int | None

    def of(self, value: Any, _root: Any) -> list[Any]:
        if not isinstance(value, list):
            return []
        if self.start is not None and self.stop is not None:
            return [value[place] for place in range(self.start, len(value)) if place < self.stop]
        first = self.start or 0
        if first < 0:
            first = max(0, first + len(value))
        last = len(value) if self.stop is None else self.stop + (len(value) if self.stop < 0 else 0)
        return [each for place, each in enumerate(value) if first <= place < last]


@dataclass(frozen=True)
class Scan(Step):
    """`..` with the step after it."""

    step: Step

    def of(self, value: Any, root: Any) -> list[Any]:
        return [found for each in below(value) for found in self.step.of(each, root)]


@dataclass(frozen=True)
class Filter(Step):
    test: Any

    def of(self, value: Any, root: Any) -> list[Any]:
        # An object is tested itself, of an array each item.
        tested = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
        return [each for each in tested if self.test(each, root)]


def below(value: Any) -> Iterator[Any]:
    """Yield every object and array, each before what it holds."""
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from below(each)


def quoted(name: str) -> str:
    return f'"{name}"' if "'" in name else f"'{name}'"


# Filters.


def same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return ((is_number(left) and is_number(right)) or type(left) is type(right)) and bool(left == right)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def less(left: Any, right: Any) -> bool:
    return ordered(left, right) and bool(left < right)


def ordered(left: Any, right: Any) -> bool:
    return (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))


MISSING = object()
OPERATORS = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": lambda left, right: ordered(left, right) and left <= right,
    ">=": lambda left, right: ordered(left, right) and left >= right,
}
literals = st.integers(-2, 3) | st.sampled_from([0.5, 2.0, "a", "abc", None, True, False])


def written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, Any]:
    name, operator, value = draw(names), draw(st.sampled_from(sorted(OPERATORS))), draw(literals)
    assume(not (isinstance(value, bool) or value is None) or operator in ("==", "!="))
    compare = OPERATORS[operator]
    path = draw(st.sampled_from([f"@[{quoted(name)}]", "@"])) if "'" in name or not name.isalpha() else f"@.{name}"

    def read(item: Any) -> Any:
        if path == "@":
            return item
        return item[name] if isinstance(item, dict) and name in item else MISSING

    kind = draw(st.integers(0, 6))
    if kind == 0 and path != "@":
        return path, lambda item, root: read(item) is not MISSING
    if kind == 1 and path != "@":
        return f"!{path}", lambda item, root: read(item) is MISSING
    if kind == 2:
        values = draw(st.lists(literals, max_size=3))
        return f"{path} in {written(values)}", lambda item, root: any(same(read(item), each) for each in values)
    if kind == 3:
        values = draw(st.lists(literals, max_size=3))
        return f"{path} nin {written(values)}", lambda item, root: not any(same(read(item), each) for each in values)
    if kind == 4 and path != "@":
        at_root = Name(".a", "a")
        return f"{path} == $.a", lambda item, root: any(same(read(item), each) for each in at_root.of(root, root))
    return f"{path} {operator} {written(value)}", lambda item, root: compare(read(item), value)


tests = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(lambda one, two: (f"({one[0]} && {two[0]})", lambda *at: one[1](*at) and two[1](*at)), inner, inner),
        st.builds(lambda one, two: (f"({one[0]} || {two[0]})", lambda *at: one[1](*at) or two[1](*at)), inner, inner),
    ),
    max_leaves=3,
)

# Paths.

dotted = names.filter(lambda name: " " not in name and "'" not in name).map(lambda name: Name(f".{name}", name))
bracketed = names.map(lambda name: Name(f"[{quoted(name)}]", name))
named = dotted | bracketed
indexed = st.integers(-3, 3).map(lambda index: Index(f"[{index}]", index))
wild = st.sampled_from([".*", "[*]"]).map(Wildcard)
several = st.lists(st.integers(-2, 3), min_size=2, max_size=3).map(
    lambda each: Several(f"[{','.join(map(str, each))}]", tuple(each))
)
from_only = st.integers(-3, 3).map(lambda start: Slice(f"[{start}:]", start, None))
to_only = st.integers(-3, 3).map(lambda stop: Slice(f"[:{stop}]", None, stop))
both = st.builds(lambda start, stop: Slice(f"[{start}:{stop}]", start, stop), st.integers(0, 3), st.integers(-2, 5))
slices = from_only | to_only | both
filters = tests.map(lambda test: Filter(f"[?({test[0]})]", test[1]))
scanned = st.one_of(
    dotted.map(lambda step: Scan(f".{step.text}", step)),
    bracketed.map(lambda step: Scan(f"..{step.text}", step)),
    st.just(Scan("..*", Wildcard("*"))),
)
definite = named | indexed
indefinite = wild | several | slices | filters | scanned


def text_of(steps: list[Step]) -> str:
    return "$" + "".join(step.text for step in steps)


def evaluate(steps: list[Step], document: Any) -> Any:
    """Return what a path gives: a value, or for an indefinite one the list of all that it selects."""
    values, sure = [document], True
    for step in steps:
        if sure and not isinstance(step, Name | Index):
            sure = False
            if values and isinstance(step, Slice | Several) and not isinstance(values[0], list):
                raise Unknown
            if values and isinstance(step, Filter) and not isinstance(values[0], list | dict):
                raise Unknown
        values = [found for value in values for found in step.of(value, document)]
    if not sure:
        return values
    if not values:
        raise LeadsNowhere
    return values[0]


def alike(left: Any, right: Any) -> bool:
    return json.dumps(left) == json.dumps(right)


@examples(120)
@given(st.lists(definite, max_size=5), documents)
def test_a_definite_path_gives_the_value_or_leads_nowhere(steps: list[Step], document: Any) -> None:
    path = compile_path(text_of(steps))
    try:
        expected = evaluate(steps, document)
    except LeadsNowhere:
        with pytest.raises(PathError):
            path.evaluate(document, Scope(dict))
    else:
        assert path.evaluate(document, Scope(dict)) is expected


@examples(300)
@given(st.lists(definite, max_size=2), indefinite, st.lists(definite | indefinite, max_size=2), documents)
def test_an_indefinite_path_gives_the_list_of_all_that_it_selects(
    before: list[Step], step: Step, after: list[Step], document: Any
) -> None:
    steps = [*before, step, *after]
    try:
        expected = evaluate(steps, document)
    except Unknown:
        return
    assert alike(compile_path(text_of(steps)).evaluate(document, Scope(dict)), expected)


@examples(150)
@given(filters, st.lists(st.dictionaries(names, scalars, max_size=3), max_size=5), scalars)
def test_a_filter_selects_the_items_that_satisfy_it(step: Filter, items: list[Any], value: Any) -> None:
    document = {"a": value, "list": items}
    steps = [Name(".list", "list"), step]
    assert alike(compile_path(text_of(steps)).evaluate(document, Scope(dict)), evaluate(steps, document))


@examples(100)
@given(st.lists(names, min_size=2, max_size=3, unique=True), documents)
def test_several_names_at_the_end_give_one_object_with_those_that_are_there(wanted: list[str], document: Any) -> None:
    assume(isinstance(document, dict))
    path = compile_path(f"$[{','.join(map(quoted, wanted))}]")
    expected = {name: document[name] for name in wanted if name in document}
    assert alike(path.evaluate(document, Scope(dict)), expected)


few_names = st.sampled_from("ab")
dense = st.recursive(
    st.integers(0, 99),
    lambda inner: st.lists(inner, min_size=2, max_size=3) | st.dictionaries(few_names, inner, min_size=1, max_size=2),
    max_leaves=25,
)


@examples(100)
@given(dense, few_names, st.lists(few_names.map(lambda name: Name(f".{name}", name)) | wild, max_size=1))
def test_a_deep_scan_meets_each_object_before_what_it_holds_and_members_in_their_order(
    document: Any, name: str, after: list[Step]
) -> None:
    for step in (Name(name, name), Wildcard("*")):
        steps = [Scan(f"..{step.text}", step), *after]
        assert alike(compile_path(text_of(steps)).evaluate(document, Scope(dict)), evaluate(steps, document))


@examples(80)
@given(st.lists(definite | indefinite, max_size=4), documents)
def test_a_machine_reads_what_the_path_gives_and_fails_where_it_leads_nowhere(steps: list[Step], document: Any) -> None:
    state = {"Type": "Pass", "Parameters": {"r.$": text_of(steps)}, "End": True}
    execution = StateMachine.from_json({"StartAt": "A", "States": {"A": state}}).run(document)
    try:
        expected = evaluate(steps, document)
    except Unknown:
        return
    except LeadsNowhere:
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    else:
        assert alike(execution.output, {"r": expected})


@pytest.mark.parametrize("function", ["length", "sum", "min", "max"])
def test_functions_are_properties_that_nothing_has(function: str) -> None:
    with pytest.raises(PathError):
        compile_path(f"$.list.{function}()").evaluate({"list": [1, 2]}, Scope(dict))
