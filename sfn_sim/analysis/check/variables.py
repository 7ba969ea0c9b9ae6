"""Findings about variables: a `$name` that no way into the state has given a value, or that some ways have not.

Source: Developer Guide, Passing data between states with variables: a branch or processor reads the variables around
it, and what it assigns ends with it; the processor of a distributed Map has variables of its own only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from sfn_sim.analysis.check.codes import ERROR, WARNING
from sfn_sim.analysis.check.findings import Finding
from sfn_sim.analysis.check.observations import Observation, Observations
from sfn_sim.analysis.check.states import targets
from sfn_sim.definition.model import Absent, ChoiceState, MapState
from sfn_sim.definition.plan import PlannedGraph, PlannedMachine, PlannedState
from sfn_sim.payload import Json
from sfn_sim.query.shapes import Verdict


@dataclass(frozen=True, slots=True)
class _Known:
    """The variables that all ways into a state have given values to, and those that some have."""

    on_all: frozenset[str] = frozenset()
    on_some: frozenset[str] = frozenset()

    def and_also(self, names: frozenset[str]) -> _Known:
        return _Known(self.on_all | names, self.on_some | names)

    def met(self, other: _Known) -> _Known:
        return _Known(self.on_all & other.on_all, self.on_some | other.on_some)


@dataclass(slots=True)
class _Scopes:
    """What is known of variables at every state."""

    at: dict[str, _Known] = field(default_factory=dict)

    def graph(self, graph: PlannedGraph, given: _Known) -> None:
        """Follow a graph until nothing changes."""
        waiting = [(graph.start_at, given)]
        while waiting:
            name, came = waiting.pop()
            before = self.at.get(name)
            known = came if before is None else before.met(came)
            if known == before:
                continue
            self.at[name] = known
            state = graph.states[name]
            for inner in state.graphs:
                own = isinstance(state.state, MapState) and state.state.distribution is not None
                self.graph(inner, _Known() if own else known)
            for target in targets(state):
                if target is not None:
                    waiting += [(target, known.and_also(names)) for names in _assigned(state, target)]


def _assigned(state: PlannedState, target: str) -> list[frozenset[str]]:
    """Return the variables that each way from a state to another gives values to."""
    found = [_names(each.catcher.assign) for each in state.catchers if each.catcher.next == target]
    own = _names(state.state.assign)
    if isinstance(state.state, ChoiceState):
        # A rule's own Assign stands for the state's.
        found += [_names(each.assign) for each in state.state.choices if each.next == target]
    if target in (state.next, getattr(state.state, "default", None)):
        found.append(own)
    return found


def _names(assign: Json | Absent) -> frozenset[str]:
    return frozenset(key.removesuffix(".$") for key in assign) if isinstance(assign, dict) else frozenset()


def variable_findings(machine: str, planned: PlannedMachine, observations: Observations) -> Iterator[Finding]:
    """Yield the reads of variables that have no value, each once for a place.

    Args:
        machine: the machine's name.
        planned: the machine.
        observations: what the walk saw; reads in states that nothing leads to are not told.
    """
    scopes = _Scopes()
    scopes.graph(planned.graph, _Known())
    for alike in observations.seen.values():
        seen = next((each for each in alike if each.kind != "query" or _lacks_variable(each)), None)
        name = seen.root[1:] if seen is not None else ""
        if seen is None or not name or name.startswith("$") or seen.kind not in ("path", "empty", "query"):
            continue
        known = scopes.at.get(seen.state.name, _Known())
        if name not in known.on_all:
            yield _finding(machine, seen, name, known)


def _lacks_variable(seen: Observation) -> bool:
    """Tell whether a JSONata expression gives nothing because a variable has no value."""
    wrong = seen.verdict in (Verdict.MISSING, Verdict.SOMETIMES)
    return wrong and seen.found is not None and seen.found.stopped_at < 0 and not seen.root.startswith("$states.")


def _finding(machine: str, seen: Observation, name: str, known: _Known) -> Finding:
    sometimes = name in known.on_some
    near = get_close_matches(name, known.on_some - {name}, 1, 0.6)
    there = ", ".join(f"${each}" for each in sorted(known.on_some)) or "none"
    what = f"no state before this one assigns ${name}; assigned are: {there}"
    if sometimes:
        what = f"${name} is assigned on some ways into this state, and not on all"
    is_certain = not sometimes and seen.verdict is not Verdict.SOMETIMES
    fix = f"did you mean ${near[0]}?" if near and not sometimes else f"assign {name} on every way before"
    return Finding(
        code="VARIABLE_MISSING", severity=ERROR if is_certain else WARNING, machine=machine, state=seen.state.name,
        pointer=seen.pointer, field=seen.field, expression=seen.expression, what=what, fix=fix, mark=f"${name}",
    )  # fmt: skip
