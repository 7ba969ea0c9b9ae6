"""Who lost a value that a state's input does not have, by which field, and where it was last there."""

from __future__ import annotations

from dataclasses import dataclass

from sfn_sim.analysis.lineage.hops import Point
from sfn_sim.analysis.lineage.places import Place, Steps, value_at
from sfn_sim.analysis.trace import MISSING, _Missing, describe_loss, find_loss, last_elsewhere, look, path_text
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ABSENT, PassState
from sfn_sim.payload import Json
from sfn_sim.run.log import Visit


@dataclass(frozen=True, slots=True)
class Loss:
    """The place at which a value was last there, and who lost it how."""

    point: Point
    value: Json
    state: str
    field: str
    words: str


def loss_before(place: Place, steps: Steps) -> Loss | None:
    """Return who lost what stood at `steps`, before a visit; None if nobody before it ever had it."""
    if not steps:
        return None
    found = find_loss(place.log, place.visit, steps)
    if found is not None:
        stage = "result" if found.dropped else "input"
        at = Point(place.at(found.visit.index), stage, steps)
        return Loss(at, _there(at), found.visit.path, losing_field(found.visit, steps, found.dropped), found.how)
    if len(steps) > 1 and look(place.visit.input, steps[:-1]) is not MISSING:
        return None  # what it stood in is there, and was made without it
    last = last_elsewhere(place.log, place.visit, steps[-1])
    if last is None:
        return None
    visit, where = last
    if look(place.visit.input, where) is not MISSING:
        return None
    at = Point(place.at(visit.index), "input", where)
    words = f"{describe_loss(visit, where)}. {path_text(where)} was last present in its input"
    return Loss(at, _there(at), visit.path, losing_field(visit, where, False), words)


def losing_field(visit: Visit, steps: Steps, dropped: bool) -> str:
    """Return the field of the definition by which a state lost what stood at `steps` of its input, or its result."""
    flow = visit.state.state.flow
    if visit.caught:
        return "Catch"
    if visit.state.state.query_language == JSONATA:
        return "Output"
    if flow.output_path != "$":
        names = [name for name, _ in visit.stages if name not in ("variables", "afterOutputPath")]
        if _is_there(visit, names[-1], steps):
            return "OutputPath"
    if dropped:
        if flow.result_selector is not ABSENT and not _is_there(visit, "afterResultSelector", steps):
            return "ResultSelector"
        return "ResultPath" if flow.result_path != "$" else "OutputPath"
    if flow.input_path != "$" and not _is_there(visit, "afterInputPath", steps):
        return "InputPath"
    if flow.result_path not in (None, "$"):
        return "ResultPath"
    if flow.result_path is None:
        return "OutputPath"
    state = visit.state.state
    if isinstance(state, PassState):
        return flow.parameters_field if flow.parameters is not ABSENT else "Result"
    return "ResultSelector" if flow.result_selector is not ABSENT else "ResultPath"


def _is_there(visit: Visit, stage: str, steps: Steps) -> bool:
    return not isinstance(value_at(visit, stage, steps), _Missing)


def _there(point: Point) -> Json:
    assert point.place is not None
    value = value_at(point.place.visit, point.stage, point.steps)
    return None if isinstance(value, _Missing) else value
