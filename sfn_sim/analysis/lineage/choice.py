"""Which branch of a Choice a visit took, and the step that made each of a visit's stages, its rule's included."""

from __future__ import annotations

from sfn_sim.analysis.explain_path import scope_of
from sfn_sim.analysis.lineage.places import Place, value_at
from sfn_sim.analysis.lineage.places import step_of as step_beside
from sfn_sim.analysis.trace import _Missing
from sfn_sim.definition.model import ChoiceState
from sfn_sim.definition.plan import PlannedRule, Step
from sfn_sim.errors import StatesError
from sfn_sim.payload import Json
from sfn_sim.run.choice import holds
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit


def after(place: Place) -> Visit | None:
    """Return the visit that came after one on its way."""
    visit, visits = place.visit, place.log.visits
    later = (visits[index] for index in range(visit.index + 1, len(visits)))
    return next((each for each in later if each.previous == visit.index and each.branch is visit.branch), None)


def taken(execution: Execution, place: Place, target: str) -> int | None:
    """Return the index of the rule of a Choice that led to a state; None for its Default.

    Args:
        execution: the execution that the visit is of.
        place: the visit of the Choice.
        target: the state that was entered next.
    """
    planned = place.visit.state
    state = planned.state
    assert isinstance(state, ChoiceState)
    leading = [index for index, choice in enumerate(state.choices) if choice.next == target]
    if not leading or (len(leading) == 1 and state.default != target):
        return leading[0] if leading else None
    data = value_at(place.visit, "afterInputPath")
    effective: Json = place.visit.input if isinstance(data, _Missing) else data
    scope = scope_of(execution, place)
    for index in leading:
        try:
            if holds(planned.choices[index][0], effective, scope, place.visit):
                return index
        except StatesError:
            continue
    # On values that were replaced since, none may hold: then it is one of them all the same.
    return leading[0] if state.default != target else None


def rule_of(execution: Execution, place: Place) -> tuple[int, PlannedRule] | None:
    """Return the rule that a visit of a Choice took, with its index; None for the Default, and for other states."""
    if not isinstance(place.visit.state.state, ChoiceState):
        return None
    later = after(place)
    index = taken(execution, place, later.name) if later is not None else None
    return (index, place.visit.state.choices[index][0]) if index is not None else None


def step_of(execution: Execution, place: Place, stage: str) -> Step | None:
    """Return the step that made a stage of a visit; None if something else did."""
    if stage in ("output", "variables") and isinstance(place.visit.state.state, ChoiceState):
        found = rule_of(execution, place)
        if found is not None:
            rule = found[1]
            if stage == "variables":
                return rule.assign
            if rule.condition is not None:
                return rule.output
    return step_beside(place.visit, stage)
