"""Contracts: shapes of schemas, annotations and recorded values."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.annotations import annotated
from sfn_sim.analysis.contracts import (
    Contract,
    SchemaError,
    learned_shape,
    misfit,
    schema_shape,
    shape_schema,
    told,
    widened,
)
from sfn_sim.config import handler_names
from sfn_sim.query.shapes import ANY_STRING, ANYTHING, Verdict, describe, fits, keys_of, look

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "required": ["id"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "object", "properties": {"qty": {"type": ["integer", "null"]}}, "required": ["qty"]}},
}


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ({"id": "a"}, True),
        ({"id": "a", "lines": [{"qty": 1}, {"qty": None, "more": 1}]}, True),
        ({"id": "a", "lines": [{}]}, False),
        ({"id": 1}, False),
        ({"id": "a", "other": 1}, False),
        ({}, False),
        ([], False),
    ],
)
def test_a_schema_allows_what_its_shape_allows(value: Any, allowed: bool) -> None:
    assert fits(value, schema_shape(ORDER)) is allowed


@pytest.mark.parametrize("schema", [True, {}, {"allOf": [{"type": "string"}]}, {"properties": {"a": False}}])
def test_what_a_schema_leaves_open_is_anything(schema: Any) -> None:
    assert schema_shape(schema) == ANYTHING


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree: Any = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    assert fits({"child": {"child": {}}}, schema_shape(tree))


@pytest.mark.parametrize("schema", [{"type": "text"}, {"$ref": "#/$defs/none"}, {"$ref": "other.json"}, 7])
def test_a_schema_that_cannot_be_read_is_refused(schema: Any) -> None:
    with pytest.raises(SchemaError):
        schema_shape(schema)


def test_the_ways_of_any_of_are_joined_with_what_stands_beside_them() -> None:
    shape = schema_shape({"type": "object", "required": ["a"], "anyOf": [{"properties": {"b": {"type": "null"}}}]})
    assert look(shape, ("a",)).verdict is Verdict.PRESENT


def learned(*values: Any) -> Contract:
    known = None
    for value in values:
        known = widened(known, ANYTHING, learned_shape(value))
    assert known is not None
    return known


def test_a_key_that_was_absent_once_is_optional_and_one_that_was_null_once_is_nullable() -> None:
    shape = learned({"a": 1, "b": "x"}, {"a": None}).result
    assert look(shape, ("b",)).verdict is Verdict.SOMETIMES
    assert describe(look(shape, ("a",)).shape) == "a number or null"


def test_a_contract_that_was_learned_survives_its_file() -> None:
    shape = learned({"rows": [{"id": 1}, {"id": "a", "more": None}], "none": []}, {"rows": []}).result
    assert schema_shape(shape_schema(shape)) == shape


def test_a_contract_holds_no_values() -> None:
    text = str(shape_schema(learned_shape({"ssn": "123-45-6789", "age": 41, "tags": ["secret"]})))
    assert not any(value in text for value in ("123", "41", "secret"))


def test_keys_that_are_values_are_not_kept() -> None:
    assert "u-17 x" not in str(shape_schema(learned_shape({"u-17 x": 1, "b": 2})))
    assert learned_shape({f"k{number}": 1 for number in range(100)}).fields == {}


def test_a_list_that_was_empty_so_far_may_hold_anything() -> None:
    assert look(told(learned_shape({"rows": []})), ("rows", 0)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"a": 1}, ""),
        ({"a": None}, "$.a is null"),
        ({}, "$ lacks a"),
        ({"a": 1, "z": 1}, "$ has z, which is not in it"),
        (None, "$ is null"),
    ],
)
def test_what_breaks_a_contract_is_told_with_its_place(value: Any, wrong: str) -> None:
    assert misfit(value, learned_shape({"a": 1})) == wrong


MODULE = '''
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

raise RuntimeError("a handler's text is read, never run")

class Line(TypedDict):
    qty: int | None

class Order(Line, total=False):
    lines: list[Line]
    mode: Literal["fast", "slow"]

class Answer(TypedDict):
    receipt: str
    why: NotRequired[str]

Rows = dict[str, Any]

def handler(event: Order, context: object) -> Answer: ...
def plain(event, context): ...
def rows(event: Rows, context: Any) -> "list[Rows] | None": ...
@traced
def wrapped(event: Order, context: Any) -> Answer: ...
'''


DATACLASSES = """
from dataclasses import dataclass, field
from typing import ClassVar
from elsewhere import Far

class Plain:
    size: int

@dataclass
class Base(Plain):
    id: str

@dataclass(frozen=True)
class Made(Base):
    limit: ClassVar[int] = 3
    tags: list[str] = field(default_factory=list)

@dataclass
class Unknown(Far):
    n: int

@dataclass
class Round(Round):
    n: int

def handler(event: Made, context) -> Made: ...
def unknown(event, context) -> Unknown: ...
def endless(event, context) -> Round: ...
"""


def test_a_dataclass_has_the_fields_of_its_bases_and_where_it_is_made_its_defaults() -> None:
    contract = annotated(DATACLASSES)
    assert contract is not None
    assert keys_of(contract.event) == "{id, tags?}"
    assert keys_of(contract.result) == "{id, tags}"


@pytest.mark.parametrize("name", ["unknown", "endless"])
def test_a_dataclass_with_a_base_that_is_not_in_the_module_tells_nothing(name: str) -> None:
    assert annotated(DATACLASSES, (name,)) is None


def test_typed_dicts_tell_a_handlers_contract_without_running_it() -> None:
    contract = annotated(MODULE)
    assert contract is not None
    assert fits({"receipt": "r"}, contract.result)
    assert not fits({"why": "w"}, contract.result)
    assert fits({"qty": None, "lines": [{"qty": 1}], "mode": "fast"}, contract.event)
    assert not fits({"qty": 1, "mode": "other"}, contract.event)


def test_aliases_and_quoted_annotations_are_read() -> None:
    contract = annotated(MODULE, ("rows",))
    assert contract is not None
    assert fits([{"any": 1}], contract.result)
    assert fits(None, contract.result)
    assert not fits("text", contract.result)


@pytest.mark.parametrize("name", ["plain", "wrapped", "no_such"])
def test_a_handler_that_says_nothing_has_no_contract(name: str) -> None:
    assert annotated(MODULE, (name,)) is None


def test_a_text_that_is_not_python_has_no_contract() -> None:
    assert annotated("def handler(:") is None


def test_the_annotations_of_a_handler_with_lambdas_own_name_are_read() -> None:
    text = "def lambda_handler(event: dict[str, int], context) -> str: ...\n"
    contract = annotated(text, handler_names("handler"))
    assert contract is not None
    assert contract.result == ANY_STRING
    assert annotated(text, handler_names("main")) is None
