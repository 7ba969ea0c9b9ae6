"""Why a read of a workflow variable leads nowhere: who assigned it, who assigned it anew, what is meant.

The same in both query languages.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sfn_sim.analysis.lineage.assigned import Replaced, assign_of, given_elsewhere, given_to, replaced
from sfn_sim.analysis.lineage.places import Place, givers
from sfn_sim.analysis.trace import MISSING, look, path_text
from sfn_sim.definition.fields import JSONATA
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis.diagnose import Diagnosis

Steps = tuple[str | int, ...]


def explain(diagnosis: Diagnosis, visit: Visit, execution: Execution, steps: Steps, reached: Json) -> None:
    """Say why a variable, or what stands below it, is not there.

    Args:
        diagnosis: takes what is said.
        visit: the state that reads it.
        execution: the run.
        steps: the variable's name, and the steps below it as far as the one that leads nowhere.
        reached: what that step was looked for in.
    """
    name = str(steps[0])
    if name not in visit.branch.scope.variables:
        unknown(diagnosis, visit, execution, name)
        return
    if taken_away(diagnosis, visit, execution, steps, reached):
        return
    given = next(given_to(Place(execution.log, visit), steps), None)
    giver = assign_of(given.visit) if given is not None else "the state that assigns it"
    if given is not None:
        diagnosis.why = f"{given.who} gave ${name} its value"
    if isinstance(reached, dict) and len(steps) > 1:
        near = get_close_matches(str(steps[-1]), list(reached), 1)
        wanted = f"read {near[0]!r} there, or " if near else ""
        diagnosis.fix = f"{wanted}let {giver} give it"
    elif reached is None:
        diagnosis.fix = f"let {giver} give a value there, or test it before"


def taken_away(diagnosis: Diagnosis, visit: Visit, execution: Execution, steps: Steps, reached: Json) -> bool:
    """Say which Assign gave the variable a new value without what is read; return whether one did."""
    # Below null, it is the null that took the place of a value.
    gone = replaced(Place(execution.log, visit), steps[:-1] if reached is None else steps)
    if gone is None:
        return False
    diagnosis.why = gone.words
    diagnosis.fix = f"let {assign_of(gone.lost.visit)} keep it: {_kept(gone, str(steps[0]))}"
    return True


def _kept(gone: Replaced, name: str) -> str:
    """Return how an Assign keeps what a variable had."""
    if gone.lost.value is None:
        return f"give {path_text(gone.steps[1:], f'${name}')} a value there that is not null"
    # What stands above may have been given anew as well, as far as it is there.
    new = gone.lost.visit.assigned
    above = next(at for at in range(len(gone.steps) - 1, 0, -1) if look(new, gone.steps[:at]) is not MISSING)
    whole = path_text(gone.steps[1:above], f"${name}")
    if gone.lost.visit.state.state.query_language == JSONATA:
        return f'"{gone.steps[above - 1]}": "{{% $merge([{whole}, {{…}}]) %}}"'
    kept = path_text(gone.steps[1 : above + 1], f"${name}")
    return f'"{gone.steps[above]}.$": "{kept}" in what it gives {whole[1:]}'


def unknown(diagnosis: Diagnosis, visit: Visit, execution: Execution, name: str) -> None:
    """Say that a variable has no value, which there are, and who would have given it one."""
    known = sorted(visit.branch.scope.variables)
    have = f"there are: {', '.join(f'${each}' for each in known)}" if known else "none is assigned on the way to it"
    diagnosis.label = "no such variable here"
    diagnosis.what = f"no variable ${name} has a value in {visit.name}: {have}"
    in_jsonata = visit.state.state.query_language == JSONATA
    template = f'"{name}": "{{% … %}}"' if in_jsonata else f'"{name}.$": "$…"'
    near = get_close_matches(name, known, 1)
    other = given_elsewhere(execution, visit, name)
    diagnosis.why = _assigners(visit, execution)
    diagnosis.fix = f'give it a value in the Assign of a state before: "Assign": {{{template}}}'
    if near and (other is None or not other.is_inside):
        diagnosis.fix = f"did you mean ${near[0]}? Or let the state that assigns it assign ${name}"
    elif other is not None:
        diagnosis.why, diagnosis.fix = other.words, other.fix
    if isinstance(visit.input, dict) and name in visit.input:
        path = f"$states.input.{name}" if in_jsonata else f"$.{name}"
        diagnosis.fix = f"read {path}: the state's input has that key, and ${name} is a variable"


def _assigners(visit: Visit, execution: Execution) -> str:
    """Say which states before a state assign variables, and which; empty if none does."""
    told = {
        each.name: ", ".join(f"${name}" for name in each.assigned or {})
        for each in givers(Place(execution.log, visit))
    }
    return "; ".join(f"the Assign of {name} gives {names}" for name, names in reversed(told.items()))
