"""Rules of the graph that StartAt and Next draw: every target exists, every state is reached, the machine ends.

Source: localstack issue 11978, cfn-lint issue 4074, floci-io/floci issue 2735 and pull request 2786 (AWS's texts,
places and order, measured).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sfn_sim.definition.validate_findings import Findings, Place, aws_location, did_you_mean
from sfn_sim.definition.validate_names import Names
from sfn_sim.definition.validate_node import Members

_CODE = "MISSING_TRANSITION_TARGET"
_SCOPE = "a branch or ItemProcessor sees only its own States"


@dataclass(frozen=True, slots=True)
class Graph:
    """StartAt and States of a machine, a branch or a processor."""

    start_at: object
    states: dict[str, Members]
    place: Place

    def edges(self, name: str) -> Iterator[tuple[str, Place]]:
        """Yield the names of the states that one state can lead to, each with the place that says so."""
        state = self.states[name]
        place = (*self.place, "States", name)
        for field in ("Next", "Default"):
            if isinstance(target := state.get(field), str):
                yield target, (*place, field)
        for field in ("Choices", "Catch"):
            entries = state.get(field)
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(entry, dict) and isinstance(target := entry.get("Next"), str):
                    yield target, (*place, field, index, "Next")


def targets(graph: Graph, names: Names, findings: Findings) -> None:
    """Check that StartAt, Next and Default name states of the same States object."""
    if isinstance(graph.start_at, str):
        _target(graph, graph.start_at, (*graph.place, "StartAt"), names, findings)
    for name in graph.states:
        for target, place in graph.edges(name):
            _target(graph, target, place, names, findings)


def _target(graph: Graph, target: str, place: Place, names: Names, findings: Findings) -> None:
    if target in graph.states or findings.left_open(target):
        return
    elsewhere = names.where(target)
    if elsewhere:
        hint = f"'{target}' stands at {aws_location(elsewhere)}, which cannot be reached from here: {_SCOPE}"
    else:
        near = did_you_mean(target, graph.states)
        hint = f"{near} {_SCOPE[0].upper()}{_SCOPE[1:]}." if near else f"its States are {_some(graph.states)}; {_SCOPE}"
    findings.error(f"Missing 'Next' target: {target}", place, hint, code=_CODE)


def _some(names: Iterable[str], shown: int = 8) -> str:
    first = list(names)
    return ", ".join(first[:shown] + ["…"] * (len(first) > shown))


def reachable(graph: Graph, findings: Findings) -> None:
    """Check that a path leads from StartAt to every state."""
    if not isinstance(graph.start_at, str) or findings.left_open(graph.start_at):
        return
    reached: set[str] = set()
    ahead = [graph.start_at]
    while ahead:
        name = ahead.pop()
        if name in graph.states and name not in reached:
            reached.add(name)
            ahead += [target for target, _ in graph.edges(name)]
    for name in graph.states:
        if name not in reached:
            hint = f"nothing leads from '{graph.start_at}' to it: name it in a Next, Default, Choices or Catch"
            place = (*graph.place, "States", name)
            findings.error(f'State "{name}" is not reachable.', place, hint, code=_CODE, key=True)


def ends(graph: Graph, findings: Findings) -> bool:
    """Check that the machine has a state in which it can end; branches and processors are not asked.

    Where there is none, AWS says nothing about reachability.
    """
    for state in graph.states.values():
        if state.get("End") is True or state.get("Type") in ("Succeed", "Fail"):
            return True
    findings.machine_error(
        "Workflow has no terminal state",
        'give the last state "End": true, or add a Succeed or Fail state',
        code="MISSING_END_STATE",
        at=(*graph.place, "States"),
    )
    return False
