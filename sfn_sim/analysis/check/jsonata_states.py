"""What each state type does to shapes where its fields are JSONata.

Source: Developer Guide, Transforming data with JSONata: Output is what the state gives; without it a Task, Map or
Parallel gives its result, every other state its input. As `run.states`, `run.map` and `run.parallel`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from sfn_sim.analysis.check import maps, queries
from sfn_sim.analysis.check.reader import Reader
from sfn_sim.analysis.check.states import (
    ERROR_OUTPUT,
    Exit,
    note_branch,
    note_no_match,
    raw,
    result_of,
    tuple_of,
    with_assigned,
)
from sfn_sim.definition.model import ChoiceState, MapState
from sfn_sim.definition.plan import PlannedState, Step
from sfn_sim.query.shapes import ANYTHING, ARRAY, Shape, Verdict

if TYPE_CHECKING:
    from sfn_sim.analysis.check.walk import Walk


def leave(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    """Return the ways out of a state in JSONata for one way into it."""
    return _TYPES[planned.state.type](planned, reader, walk)


def _gone(
    target: str | None, assign: Step | None, output: tuple[Step, ...], other: Shape, readable: Shape, reader: Reader,
    how: str = "next",
) -> Exit:  # fmt: skip
    """Return a way out: Assign and Output read what is readable; `other` is given where there is no Output."""
    variables = queries.variables_of(readable)
    if assign is not None:
        variables = with_assigned(variables, queries.filled(assign, readable, reader))
    shape = other
    for step in output:
        shape = queries.filled(step, readable, reader)
    return Exit(target, shape, how, variables)


def _simple(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    readable = queries.known(reader)
    queries.numbers_and_texts(planned, readable, reader)
    made = _gone(planned.next, planned.assign, planned.plan.after, raw(reader), readable, reader)
    if made.shape is reader.arrival.shape:
        return [Exit(made.target, raw(reader), variables=made.variables)]
    return [made]


def _fail(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    queries.numbers_and_texts(planned, queries.known(reader), reader)
    return []


def _choice(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    exits: list[Exit] = []
    rest: Shape | None = queries.known(reader)
    for rule, target in planned.choices:
        assert rule.condition is not None
        held, failed = (None, None) if rest is None else queries.condition(rule.condition, rest, reader)
        note_branch(reader, rule.rule.pointer, "branch", taken=held is not None, dead=rest is None)
        if held is not None:
            output = (rule.output,) if rule.output is not None else ()
            exits.append(_gone(target, rule.assign, output, queries.input_of(held), held, reader))
        rest = failed
    default = cast(ChoiceState, planned.state).default
    if default is None:
        note_no_match(reader, Verdict.UNDECIDED if exits else Verdict.MISSING)
        return exits
    note_branch(reader, f"{planned.state.pointer}/Default", "default", taken=rest is not None, dead=False)
    if rest is not None:
        exits.append(_gone(default, planned.assign, planned.plan.after, queries.input_of(rest), rest, reader))
    return exits


def _task(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    readable = queries.known(reader)
    queries.numbers_and_texts(planned, readable, reader)
    given = _given(planned, readable, reader)
    if reader.see is not None:
        walk.observations.given.setdefault(planned.name, []).append((reader.arrival, given))
    return _worked(planned, result_of(planned, walk), reader)


def _given(planned: PlannedState, readable: Shape, reader: Reader) -> Shape:
    """Return what a Task or Parallel hands on: its Arguments, or its input."""
    shape = reader.arrival.shape
    for step in planned.plan.before:
        shape = queries.filled(step, readable, reader)
    return shape


def _worked(planned: PlannedState, result: Shape, reader: Reader) -> list[Exit]:
    """Return the ways out of a state that has a result, its catchers' among them."""
    readable = queries.known(reader, result=result)
    return [
        _gone(planned.next, planned.assign, planned.plan.after, result, readable, reader), *_caught(planned, reader)
    ]


def _caught(planned: PlannedState, reader: Reader) -> list[Exit]:
    exits = []
    for each in planned.catchers:
        readable = queries.known(reader, errorOutput=ERROR_OUTPUT)
        output = (each.step,) if each.step is not None else ()
        exits.append(_gone(each.catcher.next, each.assign, output, ERROR_OUTPUT, readable, reader, "catch"))
    return exits


def _map(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    readable = queries.known(reader)
    queries.numbers_and_texts(planned, readable, reader)
    if cast(MapState, planned.state).distribution is not None:
        items, output = _distributed(planned, readable, reader, walk)
    else:
        items = _items(planned, readable, reader)
        item = maps.item_of(items)
        output = maps.run_inline(planned, _selected(planned, item, reader), item, reader, walk)
    result = maps.result(planned, items, output)
    return _caught(planned, reader) if result is None else _worked(planned, result, reader)


def _items(planned: PlannedState, readable: Shape, reader: Reader) -> Shape:
    step = planned.fields.get("Items")
    if step is not None:
        return queries.filled(step, readable, reader, ARRAY)
    pointer = planned.state.pointer
    shape, what = raw(reader), "a Map without Items needs an array as its input"
    return reader.need(shape, ARRAY, pointer, "Items", "", what, maps.array_in(planned, shape))


def _selected(planned: PlannedState, item: Shape, reader: Reader) -> Shape:
    """Return what the processor is given for an item."""
    if planned.selector is None:
        return item
    reader.set_item(item)
    shape = queries.filled(planned.selector, queries.known(reader), reader)
    reader.set_item(reader.outer_item)
    return shape


def _distributed(planned: PlannedState, readable: Shape, reader: Reader, walk: Walk) -> tuple[Shape, Shape]:
    """Walk a distributed Map, and return the shapes of its items and of what a child execution gives."""
    given = planned.distribution
    for step in (given.reader, given.writer):
        if step is not None:
            queries.filled(step, readable, reader)
    items = ANYTHING if given.reader is not None else _items(planned, readable, reader)
    head = None if given.batch_input is None else queries.filled(given.batch_input, readable, reader)
    selected = _selected(planned, maps.item_of(items), reader)
    return items, maps.run_children(planned, selected, head, reader, walk)


def _parallel(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    readable = queries.known(reader)
    given = _given(planned, readable, reader)
    outputs = [
        walk.graph(
            graph, given, reader.arrival, "branch", reader.outer_item, seeing=reader.see is not None,
            variables=reader.arrival.variables,
        )
        for graph in planned.graphs
    ]  # fmt: skip
    if any(each.is_never for each in outputs):
        return _caught(planned, reader)
    return _worked(planned, tuple_of(outputs), reader)


_TYPES: dict[str, Callable[[PlannedState, Reader, Walk], list[Exit]]] = {
    "Pass": _simple,
    "Wait": _simple,
    "Succeed": _simple,
    "Fail": _fail,
    "Choice": _choice,
    "Task": _task,
    "Parallel": _parallel,
    "Map": _map,
}
