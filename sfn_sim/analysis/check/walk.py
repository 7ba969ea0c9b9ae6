"""The plan folded over shapes: a worklist over each graph of states until nothing changes.

Each state keeps a few arrivals side by side, so that a value that only one way lacks can be told with that way; when
there are too many, two are joined, and shapes are cut off where they grow, so that a loop comes to an end. What is
seen is noted in a last pass, when no arrival changes any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sfn_sim.analysis.check import states
from sfn_sim.analysis.check.observations import Observation, Observations
from sfn_sim.analysis.check.reader import Reader
from sfn_sim.analysis.check.ways import NO_VARIABLES, Arrival
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.plan import PlannedGraph, PlannedMachine, PlannedState
from sfn_sim.query.shapes import ANYTHING, NEVER, OBJECT, Shape, covers, join, join_all

_ARRIVALS = 6
_MOST_CHANGES = 200
_ANY_VARIABLES = Shape(OBJECT, open=True)


@dataclass(slots=True)
class Walk:
    """One walk through a machine.

    Attributes:
        given: the shape of the execution's input.
        results: what is known of the results of Tasks, by the resource or function that they call.
        open_texts: texts of the definition that an environment fills in.
        observations: what was seen.
    """

    given: Shape = ANYTHING
    results: Mapping[str, Shape] = field(default_factory=dict)
    open_texts: frozenset[str] = frozenset()
    observations: Observations = field(default_factory=Observations)
    _readings: dict[tuple[Arrival, str], object] = field(default_factory=dict)

    def machine(self, planned: PlannedMachine) -> Shape:
        """Walk a whole machine and return the shape of its output."""
        return self.graph(planned.graph, self.given, None, "start", None, seeing=True)

    def graph(
        self,
        graph: PlannedGraph,
        shape: Shape,
        around: Arrival | None,
        how: str,
        item: Shape | None,
        *,
        seeing: bool,
        variables: Shape = NO_VARIABLES,
    ) -> Shape:
        """Walk a graph from its start until nothing changes, and return the shape of what it ends with.

        Args:
            graph: the states.
            shape: the input of the first.
            around: the arrival at the Map or Parallel that the graph is part of.
            how: how the first state is come to.
            item: the shape of the Map's item, inside a Map.
            seeing: whether what is seen is noted.
            variables: what is known of the variables around it.
        """
        arrivals: dict[str, list[Arrival]] = {}
        waiting: deque[Arrival] = deque()
        start = Arrival(graph.states[graph.start_at], shape, around, how, variables=variables)
        _add(arrivals, waiting, start)
        changes = 0
        while waiting:
            arrival = waiting.popleft()
            if not any(each is arrival for each in arrivals[arrival.state.name]):
                continue
            changes += 1
            # By then something grows that the shapes do not stop; anything stops it.
            tired = changes > _MOST_CHANGES * len(graph.states)
            for exit in self._leave(arrival, item, None):
                if exit.target is not None:
                    given = (ANYTHING, _ANY_VARIABLES) if tired else (exit.shape, exit.variables or arrival.variables)
                    target = graph.states[exit.target]
                    came = Arrival(target, given[0], arrival, exit.how, variables=given[1])
                    _add(arrivals, waiting, came)
        see = self.observations.add if seeing else None
        ends: list[Shape] = []
        for name, ways in arrivals.items():
            if seeing:
                self.observations.reached.setdefault(name, []).extend(ways)
            for arrival in ways:
                ends += [exit.shape for exit in self._leave(arrival, item, see) if exit.target is None]
        return join_all(ends)

    def inner(self, graph: PlannedGraph, given: Shape, around: Arrival, *, seeing: bool) -> Shape:
        """Walk a graph whose executions are their own, and return the shape of what they end with."""
        child = Walk(given, self.results, self.open_texts, self.observations)
        return child.graph(graph, given, around, "item", ANYTHING, seeing=seeing)

    def _leave(
        self, arrival: Arrival, item: Shape | None, see: Callable[[Observation], None] | None
    ) -> list[states.Exit]:
        planned = arrival.state
        reader = Reader(planned, arrival, self.given, item, see, self.open_texts, readings=self._readings)
        if planned.state.query_language == JSONATA:
            from sfn_sim.analysis.check.jsonata_states import leave

            return leave(planned, reader, self)
        if not states.is_followed(planned):
            return self._not_followed(planned, arrival, see)
        return states.leave(planned, reader, self)

    def _not_followed(
        self, planned: PlannedState, arrival: Arrival, see: Callable[[Observation], None] | None
    ) -> list[states.Exit]:
        for graph in planned.graphs:
            how = "item" if planned.state.type == "Map" else "branch"
            self.graph(graph, ANYTHING, arrival, how, ANYTHING, seeing=see is not None, variables=_ANY_VARIABLES)
        return [states.Exit(target, ANYTHING, variables=_ANY_VARIABLES) for target in states.targets(planned)]


def _add(arrivals: dict[str, list[Arrival]], waiting: deque[Arrival], came: Arrival) -> None:
    """Keep an arrival beside the others at its state, unless one of them tells as much."""
    if came.shape is NEVER or came.shape.is_never:
        return
    kept = arrivals.setdefault(came.state.name, [])
    if any(_covers(each, came) for each in kept):
        return
    kept[:] = [each for each in kept if not _covers(came, each)]
    if len(kept) >= _ARRIVALS:
        last = kept.pop()
        came = last.with_merged(came, join(last.shape, came.shape), join(last.variables, came.variables))
    kept.append(came)
    waiting.append(came)


def _covers(wide: Arrival, narrow: Arrival) -> bool:
    return covers(wide.shape, narrow.shape) and covers(wide.variables, narrow.variables)
