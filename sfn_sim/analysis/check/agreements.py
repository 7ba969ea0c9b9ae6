"""Findings about contracts: what a Task gives its function against what that function says it needs and reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sfn_sim.analysis.check.codes import ERROR, NOTE, WARNING
from sfn_sim.analysis.check.findings import Finding
from sfn_sim.analysis.check.observations import Observations
from sfn_sim.analysis.check.states import function_of
from sfn_sim.analysis.check.ways import Arrival
from sfn_sim.analysis.contracts import Contract
from sfn_sim.analysis.trace import path_text
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import TaskState
from sfn_sim.definition.plan import PlannedMachine, PlannedState
from sfn_sim.query.shapes import ANYTHING, ARRAY, NEVER, OBJECT, Shape, Steps, Verdict, describe, look

_INVOKE = "arn:aws:states:::lambda:invoke"
_DEPTH = 8


def agreement_findings(
    machine: str, planned: PlannedMachine, observations: Observations, contracts: Mapping[str, Sequence[Contract]]
) -> Iterator[Finding]:
    """Yield where what a Task passes and what its function's contract says do not agree.

    Args:
        machine: the machine's name.
        planned: the machine.
        observations: what the walk saw; of a Task that nothing leads to, nothing is said.
        contracts: by function, as the definition names it.
    """
    for state in planned.states:
        if not isinstance(state.state, TaskState) or state.name not in observations.given:
            continue
        ways = [(arrival, _event(state.state, given)) for arrival, given in observations.given[state.name]]
        known = contracts.get(function_of(state), ())
        # The first that says what is read: a schema or annotation goes before what was learned.
        contract = next((each for each in known if not each.event.is_anything and each.event.fields), None)
        if contract is not None:
            yield from _needed(machine, state, contract, ways)
            yield from _unread(machine, state, contract, [given for _, given in ways])


def _event(state: TaskState, given: Shape) -> Shape:
    resource = state.resource.removesuffix(".waitForTaskToken")
    if resource != _INVOKE:
        return given
    found = look(given, ("Payload",))
    return ANYTHING if found.verdict is not Verdict.PRESENT else found.shape


def _needed(
    machine: str, state: PlannedState, contract: Contract, ways: Sequence[tuple[Arrival, Shape]]
) -> Iterator[Finding]:
    """Yield each key that the function requires and some way does not pass, or passes as another kind."""
    wrong: dict[Steps, list[tuple[Arrival, bool, str]]] = {}
    for arrival, given in ways:
        for steps, certain, what in _mismatches(given, contract.event, ()):
            wrong.setdefault(steps, []).append((arrival, certain, what))
    for found in wrong.values():
        certain = len(found) == len(ways) and all(each for _, each, _ in found)
        arrival, _, what = found[0]
        severity = NOTE if contract.is_learned else ERROR if certain else WARNING
        # What runs have shown is no need.
        verb = "has always been given" if contract.is_learned else "needs"
        yield Finding(
            code="CONTRACT_NOT_MET", severity=severity, machine=machine, state=state.name, field=_field(state),
            pointer=_pointer(state), what=f"{function_of(state)} {verb} {what}", why=_said(contract),
            fix=f"pass it in the {_field(state)}, or correct the contract", way=() if certain else arrival.names(),
        )  # fmt: skip


def _mismatches(given: Shape, wanted: Shape, at: Steps) -> Iterator[tuple[Steps, bool, str]]:
    """Yield where a shape is known to break another: the place, whether always, and what is wanted and wrong."""
    if given.is_anything or wanted.is_anything or given.is_never or len(at) > _DEPTH:
        return
    bad = given.kinds & ~wanted.kinds
    if bad:
        name = path_text(at) if at else "its event"
        always = not given.kinds & wanted.kinds
        may = "is" if always else "may be"
        yield at, always, f"{name} to be {describe(wanted)}, and it {may} {describe(given.only(bad))}"
    if given.kinds & wanted.kinds & OBJECT:
        yield from _members(given.only(OBJECT), wanted, at)
    if given.kinds & wanted.kinds & ARRAY and given.at_least:
        yield from _mismatches(given.items or NEVER, wanted.items or ANYTHING, (*at, "*"))


def _members(given: Shape, wanted: Shape, at: Steps) -> Iterator[tuple[Steps, bool, str]]:
    for key, each in wanted.fields.items():
        found = look(given, (key,))
        place = (*at, key)
        if found.verdict in (Verdict.MISSING, Verdict.SOMETIMES) and each.required:
            always = found.verdict is Verdict.MISSING
            lacks = "is not given it" if always else "is not given it on every way"
            yield place, always, f"{path_text(place)}, and {lacks}: {describe(given)}"
        elif not found.shape.is_never and not each.shape.is_never:
            yield from _mismatches(found.shape, each.shape, place)


def _unread(machine: str, state: PlannedState, contract: Contract, ways: Sequence[Shape]) -> Iterator[Finding]:
    """Yield the keys that every way passes and the function never reads; an open contract reads what it likes."""
    if contract.event.open or contract.is_learned or not all(each.kinds == OBJECT for each in ways):
        return
    passed = [key for key in ways[0].fields if all(key in each.fields for each in ways)]
    unread = [key for key in passed if key not in contract.event.fields]
    if unread:
        names = ", ".join(unread)
        yield Finding(
            code="CONTRACT_KEY_UNREAD", severity=NOTE, machine=machine, state=state.name, field=_field(state),
            pointer=_pointer(state), what=f"{function_of(state)} is given {names} and does not read it",
            why=_said(contract), fix=f"leave {names} out, or add it to the contract",
        )  # fmt: skip


def _said(contract: Contract) -> str:
    word = {"schema": "the schema says so", "annotation": "the handler's annotations say so"}
    return f"{word.get(contract.source, 'every recorded call had it so')}: {contract.file}"


def _field(state: PlannedState) -> str:
    if state.plan.before:
        return state.plan.before[-1].field
    return "Arguments" if state.state.query_language == JSONATA else "Parameters"


def _pointer(state: PlannedState) -> str:
    return state.plan.before[-1].pointer if state.plan.before else state.state.pointer
