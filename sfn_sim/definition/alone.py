"""A state without its machine: the smallest machine that has it, and the states of a machine by name.

Source: API reference, TestState (`definition` of a state, or of a machine with `stateName`); recorded:
parallel_state_empty_branches (a state alone stands at /States/StateName).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedGraph, PlannedMachine, PlannedState
from sfn_sim.payload import Json

STATE_NAME = "StateName"
"""AWS's name for a state that has none."""


def machine_of(text: str) -> str | None:
    """Return the definition of a machine that consists of one state; None if the text is no JSON object.

    The states that it leads to are there, and end the machine.
    """
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(state, dict):
        return None
    ends = {name: {"Type": "Succeed"} for name in dict.fromkeys(_targets(state)) if name != STATE_NAME}
    # The state's own text stays as it is: numbers and double keys are judged as they were written.
    stubs = "".join(f", {json.dumps(name)}: {json.dumps(end)}" for name, end in ends.items())
    return f'{{"StartAt": "{STATE_NAME}", "States": {{"{STATE_NAME}": {text}{stubs}}}}}'


def _targets(state: dict[str, Json]) -> Iterator[str]:
    for field in ("Next", "Default"):
        target = state.get(field)
        if isinstance(target, str):
            yield target
    for field in ("Choices", "Catch"):
        entries = state.get(field)
        for entry in entries if isinstance(entries, list) else ():
            target = entry.get("Next") if isinstance(entry, dict) else None
            if isinstance(target, str):
                yield target


def find_state(machine: PlannedMachine, name: str) -> tuple[PlannedState, ...]:
    """Return the state of that name after the states round it, outermost first; empty if there is none.

    `name` may be a path, such as "Chunks.Process".
    """
    found = [way for way in _ways(machine.graph, ()) if way[-1].name == name]
    if not found:
        found = [way for way in _ways(machine.graph, ()) if ".".join(each.name for each in way) == name]
    return found[0] if found else ()


def _ways(graph: PlannedGraph, outer: tuple[PlannedState, ...]) -> Iterator[tuple[PlannedState, ...]]:
    for planned in graph.states.values():
        way = (*outer, planned)
        yield way
        for inner in planned.graphs:
            yield from _ways(inner, way)


def states_below(planned: PlannedState) -> list[PlannedState]:
    """Return a state and every state inside it."""
    return [way[-1] for way in ((planned,), *(way for graph in planned.graphs for way in _ways(graph, ())))]


def is_in_map(way: Sequence[PlannedState]) -> bool:
    """Tell whether the last of the states is run once for each item of a Map."""
    return any(isinstance(outer.state, MapState) for outer in way[:-1])
