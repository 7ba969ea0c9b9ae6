"""What JSONata expressions read where a state stands, and how their failures are told.

Source: Developer Guide, Transforming data with JSONata ($states and its fields); recorded: undefined_reference,
map_state_items_eval_jsonata_fail, wait_timestamp_jsonata.
"""

from __future__ import annotations

from sfn_sim.definition.plan import Step
from sfn_sim.errors import QUERY_EVALUATION_ERROR, Detail, StatesError
from sfn_sim.payload import Json
from sfn_sim.query.expression import Scope
from sfn_sim.query.jsonata import Bindings
from sfn_sim.query.jsonata_errors import QueryEvaluationError
from sfn_sim.query.jsonata_template import JsonataTemplate
from sfn_sim.run.log import Visit


def bindings(step: Step, value: Json, visit: Visit, scope: Scope) -> Bindings:
    """Return what a step reads: the state's own input, what it is applied to under its name, context and variables."""
    return Bindings(
        fields=_fields(step, value, visit),
        context=scope.context,
        variables=scope.variables,
        randomness=scope.seed,
        now_ms=scope.now_ms,
    )


def _fields(step: Step, value: Json, visit: Visit) -> dict[str, Json]:
    return {"input": visit.input, step.states: value} if step.states else {"input": visit.input}


def failure(
    problem: QueryEvaluationError, step: Step, value: Json, visit: Visit, scope: Scope, opening: str
) -> StatesError:
    """Return the States error of an expression that failed; `opening` are AWS's words before its sentence."""
    detail = Detail(
        "jsonata",
        stage=step.stage,
        field=problem.field,
        expression=problem.expression,
        pointer=step.pointer,
        value=_fields(step, value, visit),
        message=problem.text or problem.sentence,
        reached=problem.value,
        evaluation=True,
        problem=problem.kind,
        code=problem.code,
        offset=problem.offset,
        length=problem.length,
    )
    template = step.expression
    assert isinstance(template, JsonataTemplate)
    for each in template.expressions:
        if each.field == problem.field:
            detail.pointer, detail.lead = each.pointer, each.lead
            if any(read.name == "states" and read.steps[:1] in ((), ("context",)) for read in each.expression.reads):
                detail.value = {**detail.value, "context": scope.context()}  # type: ignore[dict-item]
    return StatesError(QUERY_EVALUATION_ERROR, opening + problem.sentence, detail=detail)


def refused(field: str, pointer: str, words: str, value: Json, opening: str) -> StatesError:
    """Return the error of a field to which JSONata gave a value that it does not take.

    `field` is the location that AWS names; empty for none.
    """
    detail = Detail(
        "jsonata value", field=field, pointer=pointer, value=value, message=words, evaluation=True
    )
    return StatesError(QUERY_EVALUATION_ERROR, opening + words, detail=detail)
