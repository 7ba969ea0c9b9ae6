"""JSONata expressions over shapes, in one state on one way: what they give, and what is seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias, cast

from sfn_sim.analysis.check import maps
from sfn_sim.analysis.check.observations import Observation
from sfn_sim.analysis.check.reader import Reader
from sfn_sim.analysis.check.states import raw
from sfn_sim.analysis.check.ways import Arrival
from sfn_sim.definition.plan import PlannedState, Step
from sfn_sim.payload import Json
from sfn_sim.query.jsonata import Compiled, compile_expression, expression_in
from sfn_sim.query.jsonata_shapes import Note, Reading, ask, evaluate
from sfn_sim.query.jsonata_shapes_narrow import Narrowed
from sfn_sim.query.jsonata_shapes_values import Lack, stored, worst
from sfn_sim.query.jsonata_template import JsonataTemplate
from sfn_sim.query.shapes import (
    ANYTHING,
    ARRAY,
    BOOLEAN,
    NUMBER,
    OBJECT,
    STRING,
    Field,
    Found,
    Shape,
    Steps,
    Verdict,
    an_array,
    an_object,
    join_all,
    look,
)
from sfn_sim.source import escape

INPUT = "$states.input"
_Asked: TypeAlias = "tuple[Reading, Narrowed]"
_FIELDS = ("input", "result", "errorOutput", "context")
_KINDS = {"array": ARRAY, "boolean": BOOLEAN, "number": NUMBER, "object": OBJECT, "string": STRING}
_WORDS = {ARRAY: "an array", BOOLEAN: "true or false", NUMBER: "a number", OBJECT: "an object", STRING: "a string"}


def known(reader: Reader, **fields: Shape) -> Shape:
    """Return what expressions may read: $states, with the input, the context and `fields`, and the variables."""
    states = an_object({"input": raw(reader), "context": reader.context(), **fields})
    variables = reader.arrival.variables
    return Shape(OBJECT, fields={**variables.fields, "states": Field(states)}, open=variables.open)


def filled(step: Step, readable: Shape, reader: Reader, kinds: int = 0) -> Shape:
    """Return the shape of what a field gives, and note what is seen of its expressions.

    Args:
        step: the field.
        readable: what its expressions may read.
        reader: the state and the way; `kinds` the kinds of value that the field takes, 0 for any.
        kinds: the kinds of value that the field takes, 0 for any.
    """
    template = step.expression
    assert isinstance(template, JsonataTemplate)
    return _value(template.value, readable, reader, step.pointer, step.field, kinds)


def _value(value: Json, readable: Shape, reader: Reader, pointer: str, name: str, kinds: int = 0) -> Shape:
    if isinstance(value, list):
        items = [
            _value(each, readable, reader, f"{pointer}/{index}", f"{name}[{index}]") for index, each in enumerate(value)
        ]
        return an_array(join_all(items), len(items), len(items))
    if isinstance(value, dict):
        return an_object(
            {
                key: _value(each, readable, reader, f"{pointer}/{escape(key)}", f"{name}/{key}")
                for key, each in value.items()
            }
        )
    found = expression_in(value)
    if found is None:
        return reader.literal(value)
    compiled = compile_expression(found[0])
    # What was found on the way is what is seen in the end: a way brings the same to a field each time.
    reading = cast("Reading | None", reader.readings.pop((reader.arrival, pointer), None))
    if reading is None:
        reading = evaluate(compiled.tree, readable)
        reader.readings[reader.arrival, pointer] = reading
    _see(reader, reading, compiled, pointer, name)
    return _kept(reading, _is_open(value, reader), reader, compiled.text, pointer, name, kinds)


def _kept(
    reading: Reading, is_open: bool, reader: Reader, text: str, pointer: str, name: str, kinds: int
) -> Shape:
    given = reading.given
    shape = _loosened(stored(given)) if is_open else stored(given)
    if given.is_missing or given.never_returns:
        return ANYTHING
    if kinds:
        if kinds == ARRAY and given.loose:
            _see_bare(reader, text, pointer, name)
        what = f"{name} takes {_WORDS[kinds]}"
        needed = ANYTHING if given.loose and given.shape.kinds & kinds else given.shape
        fix = maps.array_in(reader.state, raw(reader)) if name == "Items" else ""
        return reader.need(needed, kinds, pointer, name, text, what, fix)
    return shape


def _see_bare(reader: Reader, text: str, pointer: str, name: str) -> None:
    """Note that a list may come as its only item, where an array is needed."""
    if reader.see is None:
        return
    what = f"{name} takes an array, and of a list this gives a bare value where one item is left, nothing where none is"
    fix = f'write it in brackets, which always give an array: "{{% [{text}] %}}"'
    at = (reader.state, reader.arrival, pointer, name, text)
    reader.see(Observation("bare", *at, Verdict.MISSING, what=what, fix=fix))


def condition(step: Step, readable: Shape, reader: Reader) -> tuple[Shape | None, Shape | None]:
    """Return what is known where a Choice's Condition holds and where it does not; None where that cannot be."""
    template = step.expression
    assert isinstance(template, JsonataTemplate)
    found = expression_in(template.value)
    if found is None:
        return (readable, None) if template.value is True else (None, readable)
    compiled = compile_expression(found[0])
    asked = cast("_Asked | None", reader.readings.pop((reader.arrival, step.pointer), None))
    if asked is None:
        asked = reader.readings[reader.arrival, step.pointer] = ask(compiled.tree, readable)
    reading, (held, failed) = asked
    _see(reader, reading, compiled, step.pointer, step.field)
    _kept(reading, False, reader, compiled.text, step.pointer, step.field, BOOLEAN)
    if _is_open(template.value, reader) or (held is None and failed is None):
        return readable, readable
    return held, failed


def _is_open(value: Json, reader: Reader) -> bool:
    return isinstance(value, str) and ("${" in value or value in reader.open_texts)


def _loosened(shape: Shape) -> Shape:
    """Return a shape without the texts and numbers that another environment may fill in otherwise."""
    fields = {key: replace(each, shape=_loosened(each.shape)) for key, each in shape.fields.items()}
    items = _loosened(shape.items) if shape.items is not None else None
    return replace(shape, strings=None, numbers=None, fields=fields, items=items)


def _see(reader: Reader, reading: Reading, compiled: Compiled, pointer: str, name: str) -> None:
    """Note what an expression gives, what in it throws, and what it compares in vain."""
    verdict, lack = _lacking(reading)
    if lack is not None and lack.place[:2] == ("states", "input") and not lack.across:
        reader.assumed.append(lack.place[2:])
    if reader.see is None:
        return
    text = compiled.text
    root, steps, stopped = _read(lack, compiled)
    found = None if lack is None else Found(verdict, ANYTHING, stopped, lack.reached)
    at = (reader.state, reader.arrival, pointer, name, text)
    origin = () if root == INPUT and lack is not None and not lack.across else None
    reader.see(Observation("query", *at, verdict, found, root, steps, origin, what=f"{name} gives nothing (undefined)"))
    if verdict is Verdict.UNDECIDED:
        _see_list(reader, compiled, at)
    for kind in ("throws", "unlike"):
        note = _first(reading.notes, kind)
        if note is None:
            reader.see(Observation(kind, *at, Verdict.PRESENT))
        else:
            part = text[note.start : note.end]
            reader.see(Observation(kind, *at, note.verdict, what=f"{part}: {note.what}", fix=note.fix, mark=part))


def _see_list(reader: Reader, compiled: Compiled, at: tuple[PlannedState, Arrival, str, str, str]) -> None:
    """Note a field that is read of a list, which took the place of an object that had it."""
    arrival = reader.arrival
    before = arrival.previous
    if arrival.shape.kinds != ARRAY or arrival.how != "next" or before is None or reader.see is None:
        return
    for each in compiled.reads:
        if each.name == "states" and each.steps[:1] == ("input",) and len(each.steps) > 1:
            key, name = each.steps[1], before.state.name
            if look(before.shape, (key,)).verdict in (Verdict.PRESENT, Verdict.SOMETIMES):
                what = f"{INPUT} is the list that {name} gives, and {key} is read from its items; {name} still had it"
                kept = "{% $merge([$states.input, {'results': $states.result}]) %}"
                fix = f'let the Output of {name} keep its input: "{kept}"'
                reader.see(Observation("list", *at, Verdict.MISSING, what=what, fix=fix, mark=str(key)))
                return


def _lacking(reading: Reading) -> tuple[Verdict, Lack | None]:
    """Return whether an expression gives nothing, and the read because of which it does."""
    given = reading.given
    refused = _first(reading.notes, "lacks")
    verdict, lack = (Verdict.PRESENT, None) if given.never_returns else (given.there, given.lack)
    if refused is not None and worst((verdict, refused.verdict)) == refused.verdict:
        verdict, lack = refused.verdict, refused.lack
    if verdict is Verdict.PRESENT and reading.unsure:
        return Verdict.UNDECIDED, None
    return verdict, lack


def _first(notes: Sequence[Note], kind: str) -> Note | None:
    """Return the worst note of a kind, the first of those that are alike."""
    if not notes:
        return None
    alike = [each for each in notes if each.kind == kind]
    return next((each for each in alike if each.verdict is Verdict.MISSING), alike[0] if alike else None)


def _read(lack: Lack | None, compiled: Compiled) -> tuple[str, Steps, int]:
    """Return the root and the steps of a read as they are told, and which of the steps leads nowhere.

    The root is `$states.input` and the like, or a variable.
    """
    if lack is None:
        return "", (), -1
    place = lack.place
    whole = next(
        (at for each in compiled.reads if (at := (each.name, *each.steps))[: len(place)] == place), place
    )
    if place[0] == "states" and len(place) > 1 and place[1] in _FIELDS:
        return f"$states.{place[1]}", whole[2:], len(place) - 3
    return f"${place[0]}", whole[1:], len(place) - 2


def numbers_and_texts(planned: PlannedState, readable: Shape, reader: Reader) -> None:
    """Read the fields beside the data flow: each takes a number or a text."""
    from sfn_sim.definition.parse_jsonata import expected_type

    for name, step in planned.fields.items():
        if name != "Items":
            filled(step, readable, reader, _KINDS.get(expected_type(name) or "", 0))


def input_of(readable: Shape) -> Shape:
    """Return the shape of the input in what is readable."""
    return look(readable, ("states", "input")).shape


def variables_of(readable: Shape) -> Shape:
    """Return what is known of the variables in what is readable."""
    return replace(readable, fields={key: each for key, each in readable.fields.items() if key != "states"})

