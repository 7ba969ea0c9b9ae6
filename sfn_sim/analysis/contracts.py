"""Contracts: the shape of what a function gives back and of what it reads, and the shape of a machine's input.

Rule of this module: a contract holds shapes, never values. What a schema, an annotation or a recording leaves open is
anything, and never an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sfn_sim.payload import Json
from sfn_sim.query.shapes import (
    ANY_BOOLEAN,
    ANY_NUMBER,
    ANY_STRING,
    ANYTHING,
    ARRAY,
    BOOLEAN,
    NEVER,
    NULL,
    NULL_SHAPE,
    NUMBER,
    OBJECT,
    STRING,
    Field,
    Shape,
    an_array,
    an_object,
    join,
    join_all,
    shape_of,
)

_DEPTH = 12
# An object with more keys than a person writes has ids for keys: these are values.
_MOST_KEYS = 60
_SCALARS = {"string": ANY_STRING, "number": ANY_NUMBER, "integer": ANY_NUMBER, "boolean": ANY_BOOLEAN,
            "null": NULL_SHAPE}  # fmt: skip
_ALL_TYPES = (*_SCALARS, "array", "object")
# A schema with one of these says more than is read here: less is known, and nothing wrong.
_NOT_READ = ("allOf", "not", "if", "patternProperties", "propertyNames", "dependentSchemas", "$dynamicRef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What is known of a function.

    Attributes:
        source: what says so: "schema", "annotation" or "learned".
        file: where it is written.
        event: the shape of what it must be given; anything where nobody says.
        result: the shape of what it gives back.
    """

    source: str
    file: str = ""
    event: Shape = ANYTHING
    result: Shape = ANYTHING

    @property
    def is_learned(self) -> bool:
        """Tell whether it is evidence only: what has been seen so far."""
        return self.source == "learned"


class SchemaError(Exception):
    """A JSON Schema that cannot be read; says which part."""


def schema_shape(schema: Json, root: Json = None, depth: int = 0) -> Shape:
    """Return the shape of the values that a JSON Schema allows; it may be wider than the schema, never narrower.

    Raises:
        SchemaError: it is no schema, or refers to what is not in it.
    """
    root = schema if root is None else root
    if schema is True or depth > _DEPTH:
        return ANYTHING
    if schema is False:
        return NEVER
    if not isinstance(schema, dict):
        raise SchemaError(f"a schema is an object, true or false, and this is {schema!r}")
    if "$ref" in schema:
        return schema_shape(_referred(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return shape_of(schema["const"])
    if isinstance(schema.get("enum"), list):
        return join_all(shape_of(each) for each in schema["enum"])  # type: ignore[union-attr]
    for name in ("anyOf", "oneOf"):
        if isinstance(schema.get(name), list):
            ways: Any = schema[name]
            return join_all(schema_shape({**_beside(schema, name), **each}, root, depth + 1)
                            if isinstance(each, dict) else schema_shape(each, root, depth + 1) for each in ways)
    return _typed(schema, root, depth)


def _beside(schema: Mapping[str, Json], name: str) -> dict[str, Json]:
    """Return what stands beside `anyOf`: it holds for every way, where a way does not say it itself."""
    return {key: each for key, each in schema.items() if key not in (name, "$schema", "$defs", "definitions")}


def _typed(schema: Mapping[str, Json], root: Json, depth: int) -> Shape:
    types = schema.get("type")
    if types is None and not {"properties", "required", "items"} & schema.keys():
        return ANYTHING
    if types is None:
        # Without a type, `properties` says something of objects only.
        return ANYTHING
    names = [types] if isinstance(types, str) else types
    if not isinstance(names, list) or not all(each in _ALL_TYPES for each in names):
        raise SchemaError(f"type must be one of {', '.join(_ALL_TYPES)}, or a list of them, and is {types!r}")
    shapes = []
    for each in names:
        if each == "object":
            shapes.append(_object_of(schema, root, depth))
        elif each == "array":
            shapes.append(_array_of(schema, root, depth))
        else:
            shapes.append(_SCALARS[str(each)])
    joined = join_all(shapes)
    return replace(joined, kinds=joined.kinds | NULL) if schema.get("nullable") is True else joined


def _object_of(schema: Mapping[str, Json], root: Json, depth: int) -> Shape:
    properties, required = schema.get("properties") or {}, schema.get("required") or []
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise SchemaError("properties must be an object, and required a list")
    fields = {
        key: Field(schema_shape(each, root, depth + 1), key in required) for key, each in properties.items()
    }
    for key in required:
        fields.setdefault(str(key), Field(ANYTHING))
    vague = any(each in schema for each in _NOT_READ)
    is_open = vague or schema.get("additionalProperties", True) is not False
    if is_open:
        # An open object's optional keys are known to lack at times; those of a vague one may be required elsewhere.
        fields = {key: each for key, each in fields.items() if each.required or not vague}
    return an_object(fields, is_open=is_open)


def _array_of(schema: Mapping[str, Json], root: Json, depth: int) -> Shape:
    items = schema.get("items", True)
    if isinstance(items, list) or "prefixItems" in schema:
        items = True
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    return an_array(
        schema_shape(items, root, depth + 1),
        least if isinstance(least, int) else 0,
        most if isinstance(most, int) else None,
    )


def _referred(reference: Json, root: Json) -> Json:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise SchemaError(f"$ref may lead to a place of its own file (#/$defs/…) only, and is {reference!r}")
    found = root
    for step in reference[1:].strip("/").split("/") if reference != "#" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise SchemaError(f"$ref {reference!r} leads nowhere: there is no {name!r}")
        found = found[name]
    return found


def shape_schema(shape: Shape) -> Json:
    """Return a JSON Schema of a shape: kinds and keys, no texts and no numbers."""
    if shape.is_anything:
        return True
    if shape.is_never:
        return False
    kinds = ((STRING, "string"), (NUMBER, "number"), (BOOLEAN, "boolean"), (NULL, "null"), (ARRAY, "array"),
             (OBJECT, "object"))  # fmt: skip
    names: list[Json] = [name for bits, name in kinds if shape.kinds & bits]
    schema: dict[str, Json] = {"type": names[0] if len(names) == 1 else names}
    if shape.kinds & ARRAY:
        schema["items"] = shape_schema(shape.items or NEVER)
    if shape.kinds & OBJECT:
        schema["properties"] = {key: shape_schema(each.shape) for key, each in sorted(shape.fields.items())}
        schema["required"] = [key for key, each in sorted(shape.fields.items()) if each.required]
        schema["additionalProperties"] = shape.open
    return schema


def learned_shape(value: Json, depth: int = 0) -> Shape:
    """Return the shape of a value that was seen: kinds and keys, the items of a list joined.

    An object with very many keys, or with keys that are no names, is one whose keys are values: nothing of them is
    kept.
    """
    if depth > _DEPTH:
        return ANYTHING
    if isinstance(value, dict):
        if len(value) > _MOST_KEYS or not all(_is_name(key) for key in value):
            return an_object({}, is_open=True)
        return an_object({key: learned_shape(each, depth + 1) for key, each in value.items()})
    if isinstance(value, list):
        return an_array(join_all(learned_shape(each, depth + 1) for each in value))
    return shape_of(value, exact=False)


def _is_name(key: str) -> bool:
    return key.replace("-", "_").replace(".", "_").isidentifier() and len(key) <= _MOST_KEYS


def widened(known: Contract | None, event: Shape, result: Shape) -> Contract:
    """Return a learned contract that takes in what has been seen once more; never stands for what was not seen."""
    if known is None:
        return Contract(source="learned", event=event, result=result)
    return replace(known, event=join(known.event, event), result=join(known.result, result))


def told(shape: Shape) -> Shape:
    """Return what a learned shape may be used for: lists that were empty so far may hold anything."""
    if shape.is_anything or shape.is_never:
        return shape
    fields = {key: replace(each, shape=told(each.shape)) for key, each in shape.fields.items()}
    items = shape.items
    if items is not None:
        items = ANYTHING if items.is_never else told(items)
    return replace(shape, fields=fields, items=items)


def says_little(shape: Shape) -> bool:
    """Tell whether a shape has no keys: anything, or an object of any kind."""
    return shape.is_anything or (shape.kinds == OBJECT and shape.open and not shape.fields)


def misfit(value: Json, shape: Shape, at: str = "$") -> str:
    """Return where and how a value breaks a shape, in a few words; empty where it fits."""
    if shape.is_anything:
        return ""
    kind = learned_kind(value)
    if not shape.kinds & kind[0]:
        return f"{at} is {kind[1]}"
    if isinstance(value, dict):
        for key, each in shape.fields.items():
            if each.required and key not in value:
                return f"{at} lacks {key}"
        for key, inner in value.items():
            known = shape.fields.get(key)
            if known is None and not shape.open:
                return f"{at} has {key}, which is not in it"
            found = misfit(inner, known.shape, f"{at}.{key}") if known is not None else ""
            if found:
                return found
    if isinstance(value, list):
        for number, inner in enumerate(value):
            found = misfit(inner, shape.items or NEVER, f"{at}[{number}]")
            if found:
                return found
    return ""


def learned_kind(value: Json) -> tuple[int, str]:
    """Return a value's kind as a bit, and its name."""
    match value:
        case None:
            return NULL, "null"
        case bool():
            return BOOLEAN, "a boolean"
        case int() | float():
            return NUMBER, "a number"
        case str():
            return STRING, "a string"
        case list():
            return ARRAY, "an array"
        case _:
            return OBJECT, "an object"
