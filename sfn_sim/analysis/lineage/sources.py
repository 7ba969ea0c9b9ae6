"""What an expression makes its value of: for a place in the outcome the places in the data that it comes from.

A definite path is its own answer. For any other path the data is copied so that every part of it is an object of its
own; which part the path took is then seen by identity, filters and slices included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from sfn_sim.analysis.trace import MISSING, _Missing, look
from sfn_sim.payload import Json
from sfn_sim.query.expression import PathError, Scope
from sfn_sim.query.intrinsics import Argument, Call, Intrinsic, Literal
from sfn_sim.query.jsonpath import Path, compile_path
from sfn_sim.query.path_syntax import fragment, parse
from sfn_sim.query.template import Template, TemplateField
from sfn_sim.source import escape

Steps: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Read:
    """One place that an expression reads: its root ("$", "$$" or "$name") and the steps below it.

    `exact`: the value is what stands there, not something made of it.
    """

    root: str
    steps: Steps
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Filled:
    """What a template has at some place.

    Attributes:
        fields: the fields with an expression there, each with where in the asked place it stands (`below`) and what is
            asked of its value (`rest`).
        literal: the value that is written there, MISSING if there is none or expressions are in it.
        pointer: where it stands in the definition; of a place that is missing, the nearest object round it.
    """

    fields: tuple[tuple[TemplateField, Steps, Steps], ...]
    literal: Json | _Missing
    pointer: str


class _Text(str):
    """A string that is itself alone."""


class _Whole(int):
    """An integer that is itself alone."""


class _Real(float):
    """A number that is itself alone."""


def locations(path: Path, data: Json) -> dict[str | int, Steps] | None:
    """Return where in `data` each value stands that a path selects, by its index (or name) in what the path gives.

    true, false and null (with a filter every scalar) cannot be told apart unless the path ends in their name: they
    are left out. None if the path gives no list or object.
    """
    parsed = parse(path.text)
    name = parsed.tokens[-1] if len(parsed.tokens) > len(path.steps) + 1 else None
    if isinstance(name, str | int) and fragment(parsed.tokens[-2]) != "..":
        around = locations(compile_path(path.text[: parsed.ends[-2]]), data)
        if around is not None:
            there = [(*at, name) for at in around.values() if look(data, (*at, name)) is not MISSING]
            return dict(enumerate(there))
    places: dict[int, Steps] = {}
    copy = _unique(data, (), places, plain="?(" in path.text)
    try:
        found = path.evaluate(copy, Scope(lambda: None))
    except PathError:
        return None
    pairs: Iterator[tuple[Any, Any]]
    if isinstance(found, list):
        pairs = iter(enumerate(found))
    elif isinstance(found, dict):
        pairs = iter(found.items())
    else:
        return None
    return {key: places[id(value)] for key, value in pairs if id(value) in places}


def _unique(value: Any, steps: Steps, places: dict[int, Steps], *, plain: bool) -> Any:
    """Return a copy of a value whose parts are objects of their own; `plain`: of JSON's own types only."""
    made: Any = value
    if isinstance(value, dict):
        made = {key: _unique(inner, (*steps, key), places, plain=plain) for key, inner in value.items()}
    elif isinstance(value, list):
        made = [_unique(inner, (*steps, index), places, plain=plain) for index, inner in enumerate(value)]
    elif plain or value is None or isinstance(value, bool):
        return value
    elif isinstance(value, str):
        made = _Text(value)
    else:
        made = _Real(value) if isinstance(value, float) else _Whole(value)
    places[id(made)] = steps
    return made


def read_by(expression: Path | Intrinsic, steps: Steps, data: Json) -> list[Read]:
    """Return what an expression reads for what stands at `steps` of its value; `data` is what `$` stands for."""
    if isinstance(expression, Path):
        return [_read_by_path(expression, steps, data)]
    return list(_read_by_call(expression.call, steps, data))


def _read_by_path(path: Path, steps: Steps, data: Json) -> Read:
    if path.definite:
        return Read(path.root, (*path.steps, *steps))
    if steps and path.root == "$":
        taken = locations(path, data)
        if taken and steps[0] in taken:
            return Read("$", (*taken[steps[0]], *steps[1:]))
    return Read(path.root, path.steps, exact=False)


def _read_by_call(call: Call, steps: Steps, data: Json) -> Iterator[Read]:
    if call.name == "States.Array" and steps and isinstance(steps[0], int) and steps[0] < len(call.arguments):
        yield from _read_by_argument(call.arguments[steps[0]], steps[1:], data, exact=True)
        return
    for argument in call.arguments:
        yield from _read_by_argument(argument, (), data, exact=False)


def _read_by_argument(argument: Argument, steps: Steps, data: Json, *, exact: bool) -> Iterator[Read]:
    if isinstance(argument, Path):
        read = _read_by_path(argument, steps, data)
        yield Read(read.root, read.steps, exact and read.exact)
    elif isinstance(argument, Call):
        for read in _read_by_call(argument, steps, data):
            yield Read(read.root, read.steps, exact and read.exact)


def is_literal(expression: Path | Intrinsic) -> bool:
    """Tell whether an expression reads nothing at all, such as States.StringToJson('3')."""
    return isinstance(expression, Intrinsic) and _reads_nothing(expression.call)


def _reads_nothing(argument: Argument) -> bool:
    if isinstance(argument, Call):
        return all(map(_reads_nothing, argument.arguments))
    return isinstance(argument, Literal)


def filled(template: Template, steps: Steps) -> Filled | None:
    """Return what a template has at `steps`; None if it has nothing there."""
    fields = {each.pointer: each for each in template.fields}
    value: Json = template.value
    pointer = template.pointer
    for taken, step in enumerate(steps):
        if isinstance(value, dict) and isinstance(step, str):
            field = fields.get(f"{pointer}/{escape(step)}.$")
            if field is not None:
                return Filled(((field, (), steps[taken + 1 :]),), MISSING, field.pointer)
            if step not in value:
                return None
            pointer = f"{pointer}/{escape(step)}"
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            pointer = f"{pointer}/{step}"
            value = value[step]
        else:
            return None
    inner = tuple(_fields_below(value, pointer, (), fields))
    return Filled(inner, MISSING if inner else value, pointer)


def _fields_below(
    value: Json, pointer: str, below: Steps, fields: dict[str, TemplateField]
) -> Iterator[tuple[TemplateField, Steps, Steps]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            at = f"{pointer}/{escape(key)}"
            if at in fields:
                yield fields[at], (*below, key.removesuffix(".$")), ()
            else:
                yield from _fields_below(inner, at, (*below, key), fields)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _fields_below(inner, f"{pointer}/{index}", (*below, index), fields)


def all_fields(template: Template) -> list[tuple[TemplateField, Steps]]:
    """Return every field with an expression, and where in the filled template its value stands."""
    fields = {each.pointer: each for each in template.fields}
    return [(field, below) for field, below, _ in _fields_below(template.value, template.pointer, (), fields)]


def same_value(value: Json, given: Json, steps: Steps) -> Steps | None:
    """Return where in what a handler was given the value stands that it returned at `steps`; None if nowhere.

    Only a value that two things hardly have by chance counts: no flag, no small number, nothing empty.
    """
    if isinstance(value, bool) or value is None or (isinstance(value, int | float) and abs(value) < 1000):
        return None
    if value in ("", [], {}):
        return None
    for at in (steps, steps[-1:]):
        if at and look(given, at) == value:
            return at
    if isinstance(given, dict) and (not isinstance(value, str) or len(value) > 7):
        return next(((key,) for key, inner in given.items() if inner == value), None)
    return None
