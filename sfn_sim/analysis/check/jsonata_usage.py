"""Findings about what nobody reads in states in JSONata."""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.analysis.check.codes import NOTE
from sfn_sim.analysis.check.demand import Demand, Demands, overlaps
from sfn_sim.analysis.check.findings import Finding
from sfn_sim.analysis.check.jsonata_demand import ERROR, made_by, reads_of
from sfn_sim.analysis.check.usage import ErrorPlace
from sfn_sim.analysis.trace import path_text
from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedState, Step

_INPUT = "$states.input"


def unread(machine: str, planned: PlannedState, demands: Demands) -> Iterator[Finding]:
    """Yield the keys that a state's Output, or a Map's ItemSelector, makes and nobody reads.

    Args:
        machine: the machine's name.
        planned: the state.
        demands: what is read.
    """
    if planned.state.type != "Choice":
        for step in planned.plan.after:
            yield from _unread_keys(machine, planned, step, demands.results.get(planned.name, frozenset()))
    if isinstance(planned.state, MapState) and planned.selector is not None and planned.state.distribution is None:
        inner = demands.inputs.get(planned.graphs[0].start_at, frozenset())
        yield from _unread_keys(machine, planned, planned.selector, inner)


def _unread_keys(machine: str, planned: PlannedState, step: Step, wanted: Demand) -> Iterator[Finding]:
    for each in made_by(step).keys:
        if each.steps and not overlaps(wanted, each.steps):  # without steps it is the whole Output: {} has no key
            key = ".".join(map(str, each.steps))
            yield Finding(
                code="OUTPUT_UNREAD", severity=NOTE, machine=machine, state=planned.name, pointer=each.pointer,
                field=f"{step.field}{each.pointer.removeprefix(step.pointer)}", expression=each.text,
                mark=str(each.steps[-1]) if each.pointer == step.pointer else "",
                what=f"{key} is made here, read by no state after it, and not in the output", fix=f"leave {key} out",
            )  # fmt: skip


def error_place(step: Step, wanted: Demand) -> ErrorPlace | None:
    """Return where a catcher's Output puts the error, of which nothing is read; None where some may be."""
    if not any(root == ERROR for root, _ in reads_of(step)):
        keep = f'let the Output of the Catch keep it: "error": "{{% $states.{ERROR} %}}", and '
        return ErrorPlace(f"{_INPUT}.error", dropped="its Output", keep=keep, in_jsonata=True)
    made = made_by(step)
    places = [each.steps for each in made.keys if ERROR in each.reads]
    if made.is_open or made.keeps == ERROR or not places or any(overlaps(wanted, each) for each in places):
        return None
    at = path_text(places[0], _INPUT)
    return ErrorPlace(at, f" at {at}", in_jsonata=True)
