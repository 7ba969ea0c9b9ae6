"""Whose fault a missing key is that no state before ever had: the handler that did not return it, the template that
does not pass it, the ResultPath that is not there, the wrong dollar.

All of them name the state and the field that are to be changed.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sfn_sim.analysis.lineage.backwards import back_from
from sfn_sim.analysis.lineage.hops import Hop, Point
from sfn_sim.analysis.lineage.places import Place, called, stages
from sfn_sim.analysis.trace import MISSING, _Missing, before, effective_input, keys_of, kind_of, look, path_text
from sfn_sim.definition.model import ABSENT, MapState, ParallelState, PassState, TaskState
from sfn_sim.errors import Detail
from sfn_sim.query.template import Template
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis.diagnose import Diagnosis

Steps = tuple[str | int, ...]
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"['\"`]([A-Za-z_][A-Za-z0-9_.-]*)['\"`]")
_LACKS = re.compile(r"miss|lack|requir|\bno\b|\bnot\b|without|need|KeyError|undefined", re.IGNORECASE)
_OURS = "sfn-sim: "
_ENOUGH = 3
_MOST_LEFT = 5
_REPLACING = (PassState, TaskState, MapState, ParallelState)
_GIVEN = ("afterParameters", "afterArguments", "afterInputPath", "input")


def explain_never(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution, steps: Steps) -> bool:
    """Say who should have given what stands nowhere before: the handler, the template or the ResultPath.

    Returns whether that is known.
    """
    maker = _without_result_path(execution.log, visit, detail.steps)
    if maker is not None:
        name, place, evidence = maker
        diagnosis.why = f"{name} replaced the whole state by its result: it has no ResultPath; {evidence}"
        other = f", or {diagnosis.fix}" if diagnosis.fix.startswith(("read", "did you mean")) else ""
        diagnosis.fix = f"give {name} the ResultPath {path_text(place)}{other}"
        return True
    hop = _deciding(execution, visit, detail, steps)
    if hop is None or hop.point.place is None:
        return False
    if not diagnosis.why.startswith("each "):  # what an item or a branch is made of has been told
        _tell(diagnosis, hop)
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
    stage = _stage_read(visit, detail.field)
    found = back_from(execution, Point(Place(execution.log, visit), stage, steps))
    for hop in found.hops:
        # A hop with a place of its own in the definition is where the value should have been made.
        if hop.kind in ("missing", "lost") and hop.pointer and hop.point.place is not None and hop.point.steps:
            return hop
    return None


def _without_result_path(log: Log, visit: Visit, steps: Steps) -> tuple[str, Steps, str] | None:
    """Return the state whose result stands where all its input stood, the place where it is looked for, and a proof."""
    for earlier in before(log, visit):
        state = earlier.state.state
        if not isinstance(state, _REPLACING) or state.flow.result_path != "$" or earlier.output is earlier.input:
            continue
        for taken in range(1, len(steps)):
            if look(earlier.output, steps[taken:]) is not MISSING:
                return earlier.name, steps[:taken], f"what {path_text(steps)} reads stands in that result"
        if steps and not isinstance(earlier.output, dict) and isinstance(steps[0], str):
            kind = kind_of(earlier.output)
            return earlier.name, steps[:1], f"that is {kind}, which cannot have {path_text(steps[:1])}"
        return None
    return None


def reads_result(visit: Visit, field: str) -> bool:
    """Tell whether `$` in a field is what the state's work gave, or was made of that, and not the state's input."""
    if field.startswith("Assign"):
        return isinstance(visit.state.state, TaskState | MapState | ParallelState)
    return field.startswith("ResultSelector") or (field == "OutputPath" and _stage_read(visit, field) != "input")


def explain_result(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution, steps: Steps) -> bool:
    """Say why what a field reads of the state's own result is not there. Returns whether that is known."""
    own = next((value for name, value in reversed(visit.stages) if name == "result"), MISSING)
    if detail.field == "OutputPath" and visit.state.state.flow.result_path == "$":
        for taken in range(1, len(detail.steps)):
            if not isinstance(own, _Missing) and look(own, detail.steps[taken:]) is not MISSING:
                place = path_text(detail.steps[:taken])
                diagnosis.why = f"{visit.name} has no ResultPath: what {detail.expression} reads stands in its result"
                diagnosis.fix = f"give {visit.name} the ResultPath {place}, or read {path_text(detail.steps[taken:])}"
                return True
    hop = _deciding(execution, visit, detail, steps)
    if hop is None or hop.point.place is None:
        return False
    _tell(diagnosis, hop)
    return True


def _tell(diagnosis: Diagnosis, hop: Hop) -> None:
    """Tell of the hop at which a missing value should have been made."""
    assert hop.point.place is not None
    name, key = hop.point.place.visit.name, path_text(hop.point.steps)
    diagnosis.why = _told(hop)
    near = f"; {diagnosis.fix}" if diagnosis.fix.startswith("did you mean") else ""
    if hop.field == "Resource":
        diagnosis.fix = f"let the handler of {name} return {key}{near}"
    else:
        diagnosis.fix = f'give "{hop.point.steps[-1]}.$" in the {hop.field} of {name}{near}'


def _stage_read(visit: Visit, field: str) -> str:
    """Return the stage that a field reads."""
    names = [name for name, _ in stages(visit)]
    wanted: tuple[str, ...] = ("afterInputPath",)
    if field.startswith(("ResultSelector", "Assign")):
        wanted = ("result",) if field.startswith("ResultSelector") else ("afterResultSelector", "result")
    elif field == "OutputPath":
        wanted = ("afterResultPath", "afterResultSelector", "result", "afterParameters", "afterInputPath")
    return next((each for each in wanted if each in names), "input")


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
    given = _payload(visit) if isinstance(visit.state.state, TaskState) else None
    if not isinstance(given, dict) or not _LACKS.search(f"{error} {message}"):
        return "", ""
    unquoted = (each for each in _NAMES.findall(message) if "_" in each and len(each) >= _ENOUGH)
    words = dict.fromkeys([*_QUOTED.findall(message), *unquoted])
    missing = next((each for each in words if each not in given), "")
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
    above = _above(execution, visit, given, missing) if field == "input" else None
    if above is not None:
        return f"{why}; {above[0]}", f"{above[1]}{hint}"
    inner = _inside(execution, visit, given, missing)
    if inner is not None and isinstance(visit.input, dict) and missing in visit.input:
        return f"{why}; {inner[0]}", f"{fix}, or {inner[1]}"
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


def _above(execution: Execution, visit: Visit, given: dict[str, Any], missing: str) -> tuple[str, str] | None:
    """Return the same for a key that the states before did not make."""
    return _made_before(execution, visit, given, (missing,))


def _inside(execution: Execution, visit: Visit, given: dict[str, Any], missing: str) -> tuple[str, str] | None:
    """Return the same for a key that lacks in an object, or in an item of a list, that a handler was given."""
    for key, value in given.items():
        lacking: Steps = (key,)
        inner = value
        if isinstance(value, list):
            index = next((n for n, each in enumerate(value) if isinstance(each, dict) and missing not in each), -1)
            lacking, inner = (key, index), value[index] if index >= 0 else None
        if not isinstance(inner, dict) or missing in inner:
            continue
        found = _made_before(execution, visit, given, (*lacking, missing))
        if found is not None:
            return f"{path_text(lacking)} has no {missing}: {found[0]}", found[1]
    return None


def _made_before(
    execution: Execution, visit: Visit, given: dict[str, Any], steps: Steps
) -> tuple[str, str] | None:
    """Return who should have made what stands at `steps` of what a handler was given, and how; None if not known."""
    stage = next(name for name, value in reversed(stages(visit)) if name in _GIVEN)
    own = ("Payload",) if given is not effective_input(visit) else ()
    point = Point(Place(execution.log, visit), stage, (*own, *steps))
    hop = next((each for each in back_from(execution, point).hops if each.kind in ("missing", "lost")), None)
    if hop is None or not hop.field or hop.point.place is None:
        return None
    name, key = hop.point.place.visit.name, steps[-1]
    if hop.field == "Resource":
        return _told(hop), f"let the handler of {name} return {key}"
    return _told(hop), f'give "{key}.$" in the {hop.field} of {name}'


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
