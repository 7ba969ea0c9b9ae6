"""What a Map runs its processor over, and what comes of it, in shapes: the same in both query languages.

Source: Developer Guide, Map state: the result is the list of what the processor gives, item by item; a distributed
Map gives each child execution an item, or with ItemBatcher a batch: {"Items": […], "BatchInput": …}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sfn_sim.analysis.trace import array_fix
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.query.shapes import ANYTHING, ARRAY, NEVER, Shape, an_array, an_object

if TYPE_CHECKING:
    from sfn_sim.analysis.check.reader import Reader
    from sfn_sim.analysis.check.walk import Walk

_DEEPEST = 3
_MOST_NAMED = 2
_TOLERATES = ("ToleratedFailureCount", "ToleratedFailurePercentage")


def item_of(items: Shape) -> Shape:
    """Return the shape of an item; over an empty list nothing runs, and the processor is looked at all the same."""
    item = (items.items or NEVER) if items.kinds == ARRAY else ANYTHING
    return ANYTHING if item.is_never else item


def array_in(state: PlannedState, shape: Shape) -> str:
    """Return which array of what it reads a Map could go through; empty where it is not known what there is."""
    if shape.is_anything or shape.open or shape.kinds & ARRAY:
        return ""
    in_jsonata = state.state.query_language == JSONATA
    given = ("Items" if in_jsonata else "ItemsPath") in {**state.paths, **state.fields}
    return array_fix(state.name, _arrays(shape, ()), jsonata=in_jsonata, given=given)


def _arrays(shape: Shape, at: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return where an object is known to have arrays, the shallowest first."""
    known = [(key, each.shape) for key, each in shape.fields.items() if each.required]
    found = [(*at, key) for key, inner in known if inner.kinds == ARRAY]
    deeper = [place for key, inner in known if len(at) < _DEEPEST for place in _arrays(inner, (*at, key))]
    return [*found, *deeper][:_MOST_NAMED]


def run_inline(planned: PlannedState, selected: Shape, item: Shape, reader: Reader, walk: Walk) -> Shape:
    """Walk the processor of an inline Map, and return the shape of what it gives for an item."""
    return walk.graph(
        planned.graphs[0], selected, reader.arrival, "item", item, seeing=reader.see is not None,
        variables=reader.arrival.variables,
    )  # fmt: skip


def run_children(
    planned: PlannedState, selected: Shape, batch_input: Shape | None, reader: Reader, walk: Walk
) -> Shape:
    """Walk the processor of a distributed Map, and return the shape of what a child execution gives.

    Args:
        planned: the Map.
        selected: what ItemSelector makes of an item, or the item.
        batch_input: what BatchInput gives; None without it.
        reader: the state and the way into it.
        walk: the walk of the machine around it.
    """
    distribution = cast(MapState, planned.state).distribution
    given = selected
    if distribution is not None and distribution.batcher is not None:
        head = {} if batch_input is None else {"BatchInput": batch_input}
        given = an_object({**head, "Items": an_array(selected, 1)})
    return walk.inner(planned.graphs[0], given, reader.arrival, seeing=reader.see is not None)


def result(planned: PlannedState, items: Shape, output: Shape) -> Shape | None:
    """Return the shape of a Map's result; None where it never has one.

    Args:
        planned: the Map.
        items: its items; anything where they are read from elsewhere.
        output: what the processor gives for one of them, or for a batch.
    """
    state = cast(MapState, planned.state)
    distribution = state.distribution
    if distribution is not None and distribution.writer is not None:
        return ANYTHING
    listed = items if items.kinds == ARRAY else an_array(ANYTHING)
    if distribution is not None and distribution.batcher is not None:
        listed = an_array(ANYTHING, min(1, listed.at_least), listed.at_most)
    if _tolerates_failures(planned, state):
        output = ANYTHING
    if output.is_never and listed.at_least:
        return None
    return an_array(output, listed.at_least, listed.at_most)


def _tolerates_failures(planned: PlannedState, state: MapState) -> bool:
    """Tell whether an item may fail: what then stands for its output is not known."""
    numbers = (state.tolerated_failure_count, state.tolerated_failure_percentage)
    return any(each.value or each.path is not None for each in numbers) or any(
        name in planned.fields for name in _TOLERATES
    )
