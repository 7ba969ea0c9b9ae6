"""Whose fault a missing key is that no state before ever had: the handler that did not return it, the template that
does not pass it, the ResultPath that is not there, the wrong dollar.

All of them name the state and the field that are to be changed.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sfn_sim.analysis.lineage import back_from, called
from sfn_sim.analysis.lineage_hops import Hop, Point
from sfn_sim.analysis.lineage_places import Place, stages
from sfn_sim.analysis.trace import MISSING, before, effective_input, keys_of, look, path_text
from sfn_sim.definition.model import ABSENT, MapState, ParallelState, TaskState
from sfn_sim.errors import Detail
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis import Diagnosis

Steps = tuple[str | int, ...]
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"['\"`]([A-Za-z_][A-Za-z0-9_.-]*)['\"`]")
_LACKS = re.compile(r"miss|lack|requir|\bno\b|\bnot\b|without|need|KeyError|undefined", re.IGNORECASE)
_ENOUGH = 3


def explain_never(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution, steps: Steps) -> None:
    """Say who should have given what stands nowhere before: the handler, the template or the ResultPath."""
    maker = _without_result_path(execution.log, visit, detail.steps)
    if maker is not None:
        name, place = maker
        diagnosis.why = (
            f"{name} replaced the whole state by its result: it has no ResultPath; what {path_text(detail.steps)} "
            f"reads stands in that result"
        )
        diagnosis.fix = f"give {name} the ResultPath {path_text(place)}, or {diagnosis.fix}"
        return
    hop = _deciding(execution, visit, detail, steps)
    if hop is None or hop.point.place is None:
        return
    name, key = hop.point.place.visit.name, path_text(hop.point.steps)
    if diagnosis.why.startswith("each "):  # what an item or a branch is made of has been told
        return
    diagnosis.why = _told(hop)
    near = f"; {diagnosis.fix}" if diagnosis.fix.startswith("did you mean") else ""
    if hop.field == "Resource":
        diagnosis.fix = f"let the handler of {name} return {key}{near}"
    else:
        diagnosis.fix = f'give "{hop.point.steps[-1]}.$" in the {hop.field} of {name}{near}'


def _told(hop: Hop) -> str:
    place = hop.point.place
    assert place is not None
    have = next((value for name, value in reversed(stages(place.visit)) if name == hop.point.stage), None)
    inner = look(have, hop.point.steps[:-1])
    keys = f": {keys_of(inner)}" if isinstance(inner, dict) else ""
    words = hop.words.replace("did not return it", f"did not return {path_text(hop.point.steps)}")
    return f"{words} (event {place.visit.entered_event}){keys}"


def _deciding(execution: Execution, visit: Visit, detail: Detail, steps: Steps) -> Hop | None:
    """Return the hop at which a missing value should have been made; None for the execution's input."""
    names = [name for name, _ in stages(visit)]
    stage = "result" if detail.field.startswith("ResultSelector") and "result" in names else "input"
    if stage == "input" and "afterInputPath" in names:
        stage = "afterInputPath"
    found = back_from(execution, Point(Place(execution.log, visit), stage, steps))
    for hop in found.hops:
        if hop.kind in ("missing", "lost") and hop.field and hop.point.place is not None and hop.point.steps:
            return hop
    return None


def _without_result_path(log: Log, visit: Visit, steps: Steps) -> tuple[str, Steps] | None:
    """Return the state whose result stands where all its input stood, and the place where it is looked for."""
    if len(steps) < 2:
        return None
    for earlier in before(log, visit):
        state = earlier.state.state
        if not isinstance(state, TaskState | MapState | ParallelState) or state.flow.result_path != "$":
            continue
        for taken in range(1, len(steps)):
            if look(earlier.output, steps[taken:]) is not MISSING:
                return earlier.name, steps[:taken]
        return None
    return None


def wrong_dollar(diagnosis: Diagnosis, detail: Detail, visit: Visit) -> None:
    """Say that `$$` was read where `$` has the value: the Context Object for the input."""
    data = _read_from(visit, detail)
    place = f"{detail.field} of {visit.name}" if detail.field else visit.name
    text = path_text(detail.steps)
    if look(data, detail.steps) is not MISSING:
        diagnosis.why = f"{place} reads the Context Object ($$), and {text} stands in what the state was given ($)"
        diagnosis.fix = f"read {text} in {place}"
    elif not diagnosis.fix:
        diagnosis.why = f"{place} reads the Context Object ($$), which Step Functions makes: {keys_of(detail.reached)}"
        diagnosis.fix = f"read the state's own data with one $ in {place}"


def _read_from(visit: Visit, detail: Detail) -> Any:
    if detail.field.startswith("ResultSelector"):
        return next((value for name, value in reversed(visit.stages) if name == "result"), None)
    return next((value for name, value in reversed(visit.stages) if name in ("afterInputPath", "input")), None)


def not_given(visit: Visit, error: str, message: str) -> tuple[str, str]:
    """Return why and how to mend it where a handler complains of a key that it was not given; empty if it does not."""
    given: Any = effective_input(visit)
    if isinstance(given, dict) and "Payload" in given and "FunctionName" in given:
        given = given["Payload"]
    if not isinstance(given, dict) or not _LACKS.search(f"{error} {message}"):
        return "", ""
    flow = visit.state.state.flow
    field = flow.parameters_field if flow.parameters is not ABSENT else "input"
    words = [*_QUOTED.findall(message), *(each for each in _NAMES.findall(message) if "_" in each)]
    missing = next((each for each in dict.fromkeys(words) if len(each) >= _ENOUGH and each not in given), "")
    if not missing or missing == called(visit):
        return "", ""
    near = get_close_matches(missing, list(given), 1, 0.6)
    hint = f" instead of {near[0]}" if near else ""
    why = f"the {field} of {visit.name} gives no {missing} to its handler: {keys_of(given, 12)}"
    if field == "input":
        return why, f"let what stands before {visit.name} give {missing}{hint}"
    return why, f'pass on "{missing}.$" in the {field} of {visit.name}{hint}'
