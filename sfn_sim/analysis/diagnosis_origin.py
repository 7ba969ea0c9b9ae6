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
from sfn_sim.definition.model import ABSENT, MapState, ParallelState, PassState, TaskState
from sfn_sim.errors import Detail
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis import Diagnosis

Steps = tuple[str | int, ...]
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"['\"`]([A-Za-z_][A-Za-z0-9_.-]*)['\"`]")
_LACKS = re.compile(r"miss|lack|requir|\bno\b|\bnot\b|without|need|KeyError|undefined", re.IGNORECASE)
_OURS = "sfn-sim: "
_ENOUGH = 3
_MOST_LEFT = 5
_GIVEN = ("afterParameters", "afterArguments", "afterInputPath", "input")


def explain_never(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution, steps: Steps) -> bool:
    """Say who should have given what stands nowhere before: the handler, the template or the ResultPath.

    Returns whether that is known.
    """
    maker = _without_result_path(execution.log, visit, detail.steps)
    if maker is not None:
        name, place = maker
        diagnosis.why = (
            f"{name} replaced the whole state by its result: it has no ResultPath; what {path_text(detail.steps)} "
            f"reads stands in that result"
        )
        other = f", or {diagnosis.fix}" if diagnosis.fix else ""
        diagnosis.fix = f"give {name} the ResultPath {path_text(place)}{other}"
        return True
    hop = _deciding(execution, visit, detail, steps)
    if hop is None or hop.point.place is None:
        return False
    name, key = hop.point.place.visit.name, path_text(hop.point.steps)
    if diagnosis.why.startswith("each "):  # what an item or a branch is made of has been told
        return True
    diagnosis.why = _told(hop)
    near = f"; {diagnosis.fix}" if diagnosis.fix.startswith("did you mean") else ""
    if hop.field == "Resource":
        diagnosis.fix = f"let the handler of {name} return {key}{near}"
    else:
        diagnosis.fix = f'give "{hop.point.steps[-1]}.$" in the {hop.field} of {name}{near}'
    return True


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
        # A hop with a place of its own in the definition is where the value should have been made.
        if hop.kind in ("missing", "lost") and hop.pointer and hop.point.place is not None and hop.point.steps:
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


def not_given(execution: Execution, visit: Visit, error: str, message: str) -> tuple[str, str]:
    """Return why and how to mend it where a handler complains of a key that it was not given; empty if it does not."""
    given = _payload(visit)
    if not isinstance(given, dict) or not _LACKS.search(f"{error} {message}"):
        return "", ""
    words = [*_QUOTED.findall(message), *(each for each in _NAMES.findall(message) if "_" in each)]
    missing = next((each for each in dict.fromkeys(words) if len(each) >= _ENOUGH and each not in given), "")
    # What the runtime noted itself, such as a variable that the environment lacks, was no key of the event.
    noted = any(f" {missing}:" in line for _, text in visit.printed for line in text.splitlines() if _OURS in line)
    if not missing or missing == called(visit) or noted:
        return "", ""
    field, name = _made_by(execution.log, visit)
    near = get_close_matches(missing, list(given), 1, 0.6)
    hint = f" instead of {near[0]}" if near else ""
    why = f"the {field} of {name} gives no {missing} to the handler of {visit.name}: {keys_of(given, 12)}"
    fix = f'pass on "{missing}.$" in the {field} of {name}{hint}'
    if field == "input":
        fix = f"let what stands before {visit.name} give {missing}{hint}"
    at_the_top = near or (isinstance(visit.input, dict) and missing in visit.input)
    inner = None if at_the_top else _inside(execution, visit, given, missing)
    return (inner[0], f"{inner[1]}, or {fix}") if inner else (why, fix)


def _payload(visit: Visit) -> Any:
    given: Any = effective_input(visit)
    if isinstance(given, dict) and "Payload" in given and "FunctionName" in given:
        return given["Payload"]
    return given


def _made_by(log: Log, visit: Visit) -> tuple[str, str]:
    """Return the field, and the state that has it, which makes what a handler is given."""
    flow = visit.state.state.flow
    if flow.parameters is not ABSENT:
        return flow.parameters_field, visit.name
    outer = log.visits[visit.previous] if visit.previous >= 0 else None
    if outer is not None and outer.branch is not visit.branch and isinstance(outer.state.state, MapState):
        if outer.state.state.item_selector is not ABSENT:
            return outer.state.state.item_selector_field, outer.name
        return "input", visit.name
    before = outer.state.state if outer is not None else None
    if outer is not None and isinstance(before, PassState) and before.flow.parameters is not ABSENT:
        return before.flow.parameters_field, outer.name
    return "input", visit.name


def _inside(execution: Execution, visit: Visit, given: dict[str, Any], missing: str) -> tuple[str, str] | None:
    """Return the same for a key that lacks in an object, or in the items of a list, that a handler was given."""
    stage = next(name for name, value in reversed(stages(visit)) if name in _GIVEN)
    for key, value in given.items():
        steps: Steps = (key, 0) if isinstance(value, list) and value else (key,)
        inner = look(value, steps[1:])
        if not isinstance(inner, dict) or missing in inner:
            continue
        own = ("Payload",) if given is not effective_input(visit) else ()
        point = Point(Place(execution.log, visit), stage, (*own, *steps, missing))
        hop = next((each for each in back_from(execution, point).hops if each.kind in ("missing", "lost")), None)
        if hop is not None and hop.field == "Resource" and hop.point.place is not None:
            name = hop.point.place.visit.name
            return f"{path_text(steps)} has no {missing}: {_told(hop)}", f"let the handler of {name} return {missing}"
    return None


def left_out(visit: Visit) -> str:
    """Say what of a state's input its Parameters do not hand to the handler, or hand on under another name."""
    step = next((each for each in visit.state.plan.before if each.stage == "afterParameters"), None)
    data = visit.input
    if step is None or not isinstance(step.expression, Template) or not isinstance(data, dict):
        return ""
    read = {each.steps[0] for _, each in step.expression.references if each.root == "$" and each.steps}
    left = [key for key in data if key not in read]
    renamed = [
        f"{field.expression.text} as {field.name[:-2]}"
        for field in step.expression.fields
        if field.expression.text.startswith("$.") and not field.expression.text.endswith(field.name[:-2])
    ]
    said = []
    if left:
        said.append(f"{step.field} of {visit.name} does not pass on {', '.join(left[:_MOST_LEFT])} of its input")
    if renamed:
        said.append(f"{step.field} of {visit.name} passes on {', '.join(renamed[:_MOST_LEFT])}")
    return "; ".join(said)
