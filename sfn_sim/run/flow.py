"""Folds a state's plan over a value: each step's outcome is a stage of the visit.

Also the one place where a step's failure becomes a States error with AWS's words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from sfn_sim import limits
from sfn_sim.definition.plan import PlannedState, Step
from sfn_sim.errors import (
    DATA_LIMIT_EXCEEDED,
    INTRINSIC_FAILURE,
    REFERENCE_PATH_CONFLICT,
    RUNTIME,
    Detail,
    StatesError,
)
from sfn_sim.payload import Json, dumps, size_bytes
from sfn_sim.query.expression import IntrinsicError, PathError, PlaceError, Scope, TemplateError
from sfn_sim.query.intrinsics import is_intrinsic
from sfn_sim.query.jsonata_errors import QueryEvaluationError
from sfn_sim.run import jsonata_states
from sfn_sim.run.log import Visit


def fold(
    steps: tuple[Step, ...],
    value: Json,
    raw: Json,
    visit: Visit,
    scope: Scope,
    stages: list[tuple[str, Json]] | None = None,
) -> Json:
    """Return `value` after all steps; `raw` is the state's input, into which results are placed.

    Each step's outcome is added to `stages`, the visit's own unless others are given.

    Raises:
        StatesError: States.Runtime for a path that leads nowhere, States.IntrinsicFailure,
            States.ReferencePathConflict, States.QueryEvaluationError.
    """
    if stages is None:
        stages = visit.stages
    for step in steps:
        expression: Any = step.expression
        try:
            if step.verb == "place":
                value = raw if expression is None else expression.place(raw, value)
            elif expression is None:
                # Source: ASL specification, InputPath and OutputPath: null stands for an empty object.
                value = {}
            elif step.states is None:
                value = expression.evaluate(value, scope)
            else:
                value = expression.evaluate(jsonata_states.bindings(step, value, visit, scope))
        except (PathError, TemplateError, IntrinsicError, PlaceError) as problem:
            raise failure(problem, step, value if step.verb != "place" else raw, visit) from None
        except QueryEvaluationError as problem:
            raise jsonata_states.failure(problem, step, value, visit, scope, prefix(visit)) from None
        stages.append((step.stage, value))
    return value


def assign(step: Step, data: Json, visit: Visit, scope: Scope) -> None:
    """Fill an Assign; the variables get their new values when the state is left, so that all of it reads the old ones.

    `data` is what `$` stands for: the result of a Task, Parallel, Map or Pass state, else the effective input; in a
    Catcher the error output.

    Source: Developer Guide, Passing data between states with variables; recorded: assign_from_value,
    assign_in_wait_state, assign_in_catch_state. Which error a variable over its limit makes is assumed.

    Raises:
        StatesError: what an expression of it raises, or States.DataLimitExceeded.
    """
    assigned = cast("dict[str, Json]", fold((step,), data, None, visit, scope))
    sizes = {name: size_bytes(value) for name, value in assigned.items()}
    if sum(sizes.values()) > limits.VARIABLE.value:
        name = max(sizes, key=lambda each: sizes[each])
        raise too_large(visit.name, sum(sizes.values()), limits.VARIABLE.value, lambda: assigned[name], "variables")
    held = {**scope.variables, **assigned}
    if len(held) * limits.VARIABLE.value > limits.VARIABLES.value:
        total = sum(map(size_bytes, held.values()))
        if total > limits.VARIABLES.value:
            raise too_large(visit.name, total, limits.VARIABLES.value, lambda: assigned, "variables")
    visit.assigned = assigned


def give(planned: PlannedState, name: str, visit: Visit, scope: Scope) -> Json:
    """Return what JSONata gives to a field outside the data flow; `name` is its place below the state.

    Raises:
        StatesError: States.QueryEvaluationError.
    """
    return fold((planned.fields[name],), visit.input, None, visit, scope, [])


def give_whole(planned: PlannedState, name: str, visit: Visit, scope: Scope, least: int) -> int:
    """Return the whole number that JSONata gives to a field, at least `least`.

    Source: assumed (the words are those of wait_seconds_path).

    Raises:
        StatesError: States.QueryEvaluationError, also where it is another number.
    """
    number = cast(float, give(planned, name, visit, scope))
    field = name.rpartition("/")[2]
    if number != int(number):
        raise not_given(planned, name, visit, f"The {field} field cannot be parsed as a long value: {dumps(number)}")
    if number < least:
        told = "a negative value" if number < 0 else f"a value below {least}"
        raise not_given(planned, name, visit, f"The {field} field has {told}: {dumps(number)}")
    return int(number)


def is_evaluation(error: StatesError) -> bool:
    """Tell whether an error is one of JSONata."""
    return error.detail is not None and error.detail.evaluation


def not_given(planned: PlannedState, name: str, visit: Visit, words: str) -> StatesError:
    """Return the error of a field to which JSONata gave a value that it does not take."""
    pointer = f"{planned.state.pointer}/{name}"
    return jsonata_states.refused(name, pointer, words, visit.input, prefix(visit))


def failure(problem: Exception, step: Step, data: Json, visit: Visit) -> StatesError:
    """Return the States error of a step that failed, with AWS's error name and cause."""
    detail = Detail(
        "path", stage=step.stage, field=step.field, pointer=step.pointer, value=data, message=str(problem)
    )
    if isinstance(problem, TemplateError):
        detail.pointer = problem.pointer
        detail.field = f"{step.field}{problem.pointer.removeprefix(step.pointer)}"
        return _template_failure(problem.field, problem.text, problem.cause, data, detail, visit)
    return _field_failure(problem, detail, visit)


def read(
    planned: PlannedState,
    name: str,
    data: Json,
    visit: Visit,
    scope: Scope,
    *,
    template_words: bool = False,
    pointer: str = "",
) -> Json:
    """Return what a `…Path` field outside the data flow reads; `pointer` is its place, unless it is the state's own.

    `template_words`: AWS uses the words of templates for ErrorPath and CausePath.
    Source: recorded: invalid_jsonpath (HEARTBEATSECONDSPATH, CAUSEPATH).

    Raises:
        StatesError: the path leads nowhere, or its intrinsic fails.
    """
    try:
        return planned.paths[name].evaluate(data, scope)
    except (PathError, IntrinsicError) as problem:
        detail = Detail(
            "path",
            field=name,
            pointer=pointer or f"{planned.state.pointer}/{name}",
            value=data,
            message=str(problem),
        )
        if template_words:
            raise _template_failure(name, planned.paths[name].text, problem, data, detail, visit) from None
        raise _field_failure(problem, detail, visit) from None


def _template_failure(
    field: str, text: str, problem: Exception, data: Json, detail: Detail, visit: Visit
) -> StatesError:
    if not isinstance(problem, PathError):
        return _field_failure(problem, detail, visit)
    _note_path(detail, problem)
    if is_intrinsic(text):
        # Source: observed on AWS and reported in public by another emulator's tests; not in the recorded cases.
        words = (
            f"The function '{text}' had the following error: The JsonPath argument for the field "
            f"'{problem.path}' could not be found in the input '{dumps(data)}'"
        )
    else:
        # Source: recorded: invalid_jsonpath (INVALID_JSONPATH_IN_STRING_EXPR_JSONPATH).
        words = (
            f"The JSONPath '{problem.path}' specified for the field '{field}' could not be found in the input "
            f"'{dumps(data)}'"
        )
    return StatesError(RUNTIME, prefix(visit) + words, detail=detail)


def _field_failure(problem: Exception, detail: Detail, visit: Visit) -> StatesError:
    if isinstance(problem, PathError):
        _note_path(detail, problem)
        # Source: recorded: invalid_jsonpath (OUTPUTPATH).
        cause = f"{prefix(visit)}Invalid path '{problem.path}' : {problem.message}"
        return StatesError(RUNTIME, cause, detail=detail)
    if isinstance(problem, IntrinsicError):
        detail.kind, detail.expression = "intrinsic", problem.call
        return StatesError(INTRINSIC_FAILURE, prefix(visit) + problem.message, detail=detail)
    detail.kind = "place"
    # Source: observed on AWS and reported in public; the specification calls it States.ResultPathMatchFailure.
    return StatesError(REFERENCE_PATH_CONFLICT, str(problem), detail=detail)


def _note_path(detail: Detail, problem: PathError) -> None:
    detail.expression = problem.path
    detail.stopped_at = problem.stopped_at
    detail.reached = problem.reached
    detail.steps = problem.steps


def prefix(visit: Visit) -> str:
    """Return the words with which AWS starts the cause of an error of its own.

    Source: recorded: every States.Runtime of the corpus.
    """
    return (
        f"An error occurred while executing the state '{visit.name}' "
        f"(entered at the event id #{visit.entered_event}). "
    )


def too_large(name: str, size_bytes: int, limit_bytes: int, value: Callable[[], Json], stage: str) -> StatesError:
    """Return the error of a value over the payload limit; `name` is the state, the ARN, or "lambda".

    Source: recorded: start_large_input, task_lambda_catch_state_all_data_limit_exceeded_on_large_utf8_response.
    """
    cause = (
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes "
        "service limit."
    )
    detail = Detail("size", stage=stage, value=value(), size_bytes=size_bytes, limit_bytes=limit_bytes)
    return StatesError(DATA_LIMIT_EXCEEDED, cause, detail=detail)


def history_full(limit_events: int | None) -> StatesError:
    """Return the error of a history that has no room left.

    Source: Developer Guide, Service quotas; the words are those that AWS's users quote.
    """
    cause = f"The execution reached the maximum number of history events ({limit_events})."
    return StatesError(RUNTIME, cause, detail=Detail("events"))
