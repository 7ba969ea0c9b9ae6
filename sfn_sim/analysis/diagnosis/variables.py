"""Why a path into a workflow variable leads nowhere: who assigned it, where else it would be known, what is meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sfn_sim.analysis.diagnosis.jsonata_origin import assigners, seen
from sfn_sim.errors import Detail
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis.diagnose import Diagnosis


def explain(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution, root: str) -> None:
    """Say why `root`, such as "$order", or what stands below it, is not there."""
    name = root[1:]
    known = visit.branch.scope.variables
    if name not in known:
        _unknown(diagnosis, name, sorted(known), visit, execution)
        return
    giver = next((each for each in seen(visit, execution.log) if name in (each.assigned or {})), None)
    if giver is not None:
        diagnosis.why = f"{giver.name} (event {giver.entered_event}) gave {root} its value"
    if isinstance(detail.reached, dict) and detail.steps:
        near = get_close_matches(str(detail.steps[detail.stopped_at]), list(detail.reached), 1)
        wanted = f"read {near[0]!r} there, or " if near else ""
        diagnosis.fix = f"{wanted}let the Assign of {giver.name if giver else 'the state'} keep it"


def _unknown(diagnosis: Diagnosis, name: str, known: Sequence[str], visit: Visit, execution: Execution) -> None:
    diagnosis.label = "no such variable here"
    have = f"there are: {', '.join(f'${each}' for each in known)}" if known else "none is assigned on the way to it"
    diagnosis.what = f"no variable ${name} has a value in {visit.name}: {have}"
    giver = next((each for each in reversed(execution.log.visits) if name in (each.assigned or {})), None)
    if giver is not None:
        diagnosis.why = (
            f"{giver.path} (event {giver.entered_event}) assigned it inside a Map or Parallel: what is assigned there "
            "is not seen outside"
        )
        diagnosis.fix = f"hand it out in the output of {giver.name}, or assign it outside"
        return
    diagnosis.why = assigners(visit, execution.log)
    near = get_close_matches(name, known, 1)
    later = [each.name for each in execution.machine.states if name in _assigns(each.state.assign)]
    if near:
        diagnosis.fix = f"did you mean ${near[0]}? Or let the state that assigns it assign ${name}"
    elif later:
        diagnosis.fix = f"{' and '.join(later)} assigns it, but does not come before {visit.name}: assign it earlier"
    else:
        diagnosis.fix = f'give it a value in the Assign of a state before: "Assign": {{"{name}.$": "$…"}}'
    if isinstance(visit.input, dict) and name in visit.input:
        diagnosis.fix = f"read $.{name}: the state's input has that key, and ${name} is a variable"


def _assigns(template: object) -> set[str]:
    return {key.removesuffix(".$") for key in template} if isinstance(template, dict) else set()
