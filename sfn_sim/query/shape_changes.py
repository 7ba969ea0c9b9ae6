"""Shapes made narrower by what is learned of a value, or changed by what is put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sfn_sim.query.shapes import (
    ABSENT_FIELD,
    ANYTHING,
    ARRAY,
    NEVER,
    OBJECT,
    Field,
    Shape,
    Steps,
    Verdict,
    an_array,
    join,
    look,
)


def refine(shape: Shape, steps: Steps, narrow: Callable[[Shape], Shape]) -> Shape:
    """Return the shape of those values that have something at `steps`, which `narrow` makes narrower."""
    if not steps:
        return narrow(shape)
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        return _refined_array(shape, step, rest, narrow)
    if shape.is_anything:
        return _with(Shape(OBJECT, open=True), step, refine(ANYTHING, rest, narrow))
    if not shape.kinds & OBJECT:
        return NEVER
    known = shape.fields.get(step)
    if known is None and not shape.open:
        return NEVER
    return _with(shape.only(OBJECT), step, refine(known.shape if known else ANYTHING, rest, narrow))


def _with(shape: Shape, key: str, value: Shape) -> Shape:
    if value.is_never:
        return NEVER
    known = shape.fields.get(key)
    if known is not None and known.required and known.shape is value:
        return shape
    return replace(shape, fields={**shape.fields, key: Field(value)})


def _refined_array(shape: Shape, index: int, rest: Steps, narrow: Callable[[Shape], Shape]) -> Shape:
    if not shape.may_be(ARRAY):
        return NEVER
    array = an_array(ANYTHING) if shape.is_anything else shape.only(ARRAY)
    length = index + 1 if index >= 0 else -index
    too_short = array.at_most is not None and array.at_most < length
    if too_short or refine(array.items or NEVER, rest, narrow).is_never:
        return NEVER
    # Items share one shape: that one of them is narrower says nothing of the others.
    return replace(array, at_least=max(array.at_least, length))


def lack(shape: Shape, steps: Steps) -> Shape:
    """Return the shape of those values that have nothing at `steps`."""
    if not steps:
        return NEVER
    found = look(shape, steps)
    if found.verdict is Verdict.PRESENT:
        return NEVER
    if found.verdict is Verdict.MISSING:
        return shape
    key = steps[-1]
    if isinstance(key, int):
        return _shorter(shape, steps)
    if len(steps) > 1 and look(shape, steps[:-1]).verdict is not Verdict.PRESENT:
        return shape

    def without(parent: Shape) -> Shape:
        if parent.is_anything:
            return Shape(OBJECT, fields={key: ABSENT_FIELD}, open=True)
        if not parent.kinds & OBJECT:
            return parent
        return replace(parent, fields={**parent.fields, key: ABSENT_FIELD})

    return refine(shape, steps[:-1], without)


def _shorter(shape: Shape, steps: Steps) -> Shape:
    index = steps[-1]
    if not isinstance(index, int) or index < 0 or look(shape, steps[:-1]).verdict is not Verdict.PRESENT:
        return shape
    return refine(
        shape, steps[:-1], lambda array: replace(array, at_most=index) if array.kinds == ARRAY else array
    )


def assume(shape: Shape, steps: Steps) -> Shape:
    """Return a shape in which something unknown stands at `steps`, so that one missing value is told once."""
    if not steps:
        return shape
    step = steps[0]
    if isinstance(step, int) or shape.is_anything:
        return ANYTHING
    parent = shape.only(OBJECT) if shape.kinds & OBJECT else Shape(OBJECT, open=True)
    known = parent.fields.get(step)
    inner = known.shape if known is not None and not known.shape.is_never else None
    below = ANYTHING if inner is None or len(steps) == 1 else assume(inner, steps[1:])
    return replace(parent, fields={**parent.fields, step: Field(below)})


def place(document: Shape, steps: Steps, value: Shape) -> tuple[Verdict, Shape]:
    """Return whether a value can be put at a Reference Path, and the shape of the document with it.

    Source: as `query.jsonpath.ReferencePath`.
    """
    if not steps:
        return Verdict.PRESENT, value
    if value.is_never:
        return Verdict.PRESENT, NEVER
    step, rest = steps[0], steps[1:]
    if document.is_anything:
        if isinstance(step, int):
            return Verdict.UNDECIDED, ANYTHING
        made = place(Shape(OBJECT, open=True), steps, value)[1]
        return Verdict.UNDECIDED, made
    kind = OBJECT if isinstance(step, str) else ARRAY
    if not document.kinds & kind:
        return Verdict.MISSING, place(Shape(OBJECT, open=True), steps, value)[1] if kind == OBJECT else ANYTHING
    verdict = Verdict.SOMETIMES if document.kinds & ~kind else Verdict.PRESENT
    if isinstance(step, int):
        inner, items = place(document.items or NEVER, rest, value)
        placed = replace(document.only(ARRAY), items=join(document.items or NEVER, items))
        beyond = document.at_most is not None and step >= document.at_most
        long_enough = Verdict.MISSING if beyond else Verdict.UNDECIDED if step >= document.at_least else inner
        return _worse(verdict, _worse(long_enough, inner)), placed
    known = document.fields.get(step)
    if known is None:
        # What an open object has there, if anything, is not known; a new object is certain to take the value.
        below = ANYTHING if document.open and rest else Shape(OBJECT)
    else:
        below = known.shape if known.required else join(known.shape, Shape(OBJECT))
    inner, shape = place(below, rest, value)
    members = {**document.fields, step: Field(shape)}
    return _worse(verdict, inner), replace(document.only(OBJECT), fields=members)


def _worse(one: Verdict, other: Verdict) -> Verdict:
    order = (Verdict.PRESENT, Verdict.UNDECIDED, Verdict.SOMETIMES, Verdict.MISSING)
    return max(one, other, key=order.index)
