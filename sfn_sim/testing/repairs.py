"""What an expression in JSONata that failed would have needed: values at the places where it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from sfn_sim.analysis.lineage.places import Found, Place, Steps, variables_before
from sfn_sim.analysis.trace import MISSING, _Missing, look
from sfn_sim.errors import Detail
from sfn_sim.payload import Json
from sfn_sim.query.jsonata import compile_expression
from sfn_sim.query.jsonata_reads import Read
from sfn_sim.query.jsonata_traced import At
from sfn_sim.testing.conditions import usual


def needed(detail: Detail, place: Place) -> list[tuple[At, Json]]:
    """Return the places at which an expression found nothing, or nothing that it could use, and what suits there.

    Args:
        detail: the failure, of kind "jsonata".
        place: the visit that it happened in.
    """
    compiled = compile_expression(detail.expression)
    fields = cast("dict[str, Json]", detail.value)
    variables = variables_before(place)
    reads: list[tuple[Read, At, bool]] = []
    for read in compiled.reads:
        at = _at(read)
        if at is None or read.called:
            continue
        name = at.root.removeprefix("$")
        held: Found = variables.get(name, MISSING) if at.root.startswith("$") else fields.get(name, MISSING)
        steps = tuple(_through_lists(held, at.steps))
        there = not isinstance(held, _Missing) and look(held, steps) is not MISSING
        reads.append((read, At(at.root, steps), there))
    absent = [(read, at) for read, at, there in reads if not there]
    end = detail.offset + detail.length
    # Nothing is missing: what stands where it failed is of the wrong kind.
    near = [(read, at) for read, at, _ in reads if detail.offset <= read.start and read.end <= end]
    chosen = absent or near or [(read, at) for read, at, _ in reads]
    return [(at, _suiting(usual(compiled.tree, read.start, read.end, detail.field), at)) for read, at in chosen]


def _at(read: Read) -> At | None:
    if read.name != "states":
        return At(f"${read.name}", read.steps)
    return At(str(read.steps[0]), read.steps[1:]) if read.steps else None


def _through_lists(value: Found, steps: Steps) -> Iterator[str | int]:
    """Yield the steps with the first item of every list that they go through: a field of a list is its items' field."""
    for step in steps:
        if isinstance(value, list):
            yield 0
            value = value[0] if value else MISSING
        yield step
        value = value if isinstance(value, _Missing) else look(value, (step,))


def _suiting(value: Json, at: At) -> Json:
    """Return a list's item where the place is within a list already."""
    return value[0] if 0 in at.steps and isinstance(value, list) and value else value
