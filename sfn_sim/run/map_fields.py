"""What every Map reads of its own fields: its items, its numbers, and how many failures it bears.

Source: recorded: max_concurrency_path, map_state_tolerated_failure_count_path, …_percentage_path,
reference_in_map_state_max_items_path (numbers that are written as text).
"""

from __future__ import annotations

import re
from typing import cast

from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import MapState, Number
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import RUNTIME, Detail, StatesError
from sfn_sim.payload import Json, dumps
from sfn_sim.run import flow, jsonata_states
from sfn_sim.run.choice import is_number
from sfn_sim.run.log import Branch, Visit

_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def read_items(planned: PlannedState, branch: Branch, visit: Visit, effective: Json) -> list[Json]:
    """Return the items that a Map finds in its input.

    Raises:
        StatesError: States.Runtime: what ItemsPath reads is no array, or it reads nothing;
            States.QueryEvaluationError: what Items gives, or the input without it, is no array.
    """
    if planned.state.query_language == JSONATA:
        return _jsonata_items(planned, branch, visit)
    items = effective
    if "ItemsPath" in planned.paths:
        items = flow.read(planned, "ItemsPath", effective, visit, branch.scope)
        visit.stages.append(("afterItemsPath", items))
    if isinstance(items, list):
        return items
    path = planned.paths["ItemsPath"].text if "ItemsPath" in planned.paths else "$"
    # Source: recorded: state_map_context_object: of a path into the Context Object AWS prints one "$" only.
    shown = path[1:] if path.startswith("$$") else path
    # Source: ingestion-system.md (the real system's logs): 'Reference path "$.x" must point to array.'
    detail = Detail(
        "map",
        stage="afterItemsPath",
        field="ItemsPath",
        expression=path,
        value=effective,
        pointer=f"{planned.state.pointer}/ItemsPath",
        reached=items,
        message="not an array",
    )
    cause = f'{flow.prefix(visit)}Reference path "{shown}" must point to array.'
    raise StatesError(RUNTIME, cause, detail=detail)


def _jsonata_items(planned: PlannedState, branch: Branch, visit: Visit) -> list[Json]:
    """Return what Items gives, or the input itself.

    Source: recorded: map_state_items_eval_jsonata_fail, map_state_items_input_types (no location).
    """
    items = visit.input
    if "Items" in planned.fields:
        items = flow.fold((planned.fields["Items"],), items, None, visit, branch.scope)
    if isinstance(items, list):
        return items
    words = f"Map state input must be an array but was: {dumps(items)}"
    raise jsonata_states.refused("", planned.state.pointer, words, items, flow.prefix(visit))


def read_number(
    planned: PlannedState,
    name: str,
    number: Number,
    branch: Branch,
    visit: Visit,
    effective: Json,
    kind: str = "integer",
    inside: str = "",
) -> float:
    """Return a number of a Map, 0 where it is not set.

    Args:
        planned: the Map.
        name: the field, without Path.
        number: what is written.
        branch: the way on which the Map is; `visit` the stay in it.
        visit: the stay in it.
        effective: what a path reads from.
        kind: AWS's word for what the number must be, "integer" or "float".
        inside: the place of the field below the state, such as "ItemBatcher/".

    Raises:
        StatesError: States.Runtime, when a path reads no such number; States.QueryEvaluationError for JSONata.
    """
    if f"{inside}{name}" in planned.fields:
        return _jsonata_number(planned, f"{inside}{name}", branch, visit, kind)
    if number.path is None:
        return number.value or 0
    field = f"{name}Path"
    pointer = f"{planned.state.pointer}/{inside}{field}"
    value = flow.read(planned, field, effective, visit, branch.scope, pointer=pointer)
    if is_number(value) and (isinstance(value, int) or kind == "float"):
        return cast(float, value)
    if isinstance(value, str) and (_INTEGER if kind == "integer" else _FLOAT).fullmatch(value):
        return int(value) if kind == "integer" else float(value)
    shown = value if isinstance(value, str) else dumps(value)
    words = f'The {field} field refers to value "{shown}" which is not a valid {kind}: {number.path}'
    raise refused(planned, field, visit, effective, words, inside)


def _jsonata_number(planned: PlannedState, field: str, branch: Branch, visit: Visit, kind: str) -> float:
    value = cast(float, flow.give(planned, field, visit, branch.scope))
    if kind == "integer" and value != int(value):
        name = field.rpartition("/")[2]
        words = f'The {name} field refers to value "{dumps(value)}" which is not a valid integer'  # Source: assumed
        raise flow.not_given(planned, field, visit, words)
    return value


def refused(
    planned: PlannedState, field: str, visit: Visit, effective: Json, words: str, inside: str = ""
) -> StatesError:
    """Return the error of a Map's field that holds what it may not; `field` is its name with Path."""
    if f"{inside}{field.removesuffix('Path')}" in planned.fields:
        return flow.not_given(planned, f"{inside}{field.removesuffix('Path')}", visit, words)
    detail = Detail(
        "map",
        field=f"{inside}{field}",
        expression=planned.paths[field].text if field in planned.paths else "",
        value=effective,
        pointer=f"{planned.state.pointer}/{inside}{field}",
        message=words,
    )
    return StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)


def read_tolerance(
    planned: PlannedState, state: MapState, branch: Branch, visit: Visit, effective: Json
) -> tuple[int, float]:
    """Return how many items may fail, and which share of them in percent; 0 where it is not set.

    Raises:
        StatesError: States.Runtime, when one is no number or out of range.
    """
    count_field, share_field = "ToleratedFailureCount", "ToleratedFailurePercentage"
    count = read_number(planned, count_field, state.tolerated_failure_count, branch, visit, effective)
    share = read_number(
        planned, share_field, state.tolerated_failure_percentage, branch, visit, effective, "float"
    )
    if count < 0:
        words = "ToleratedFailureCount cannot be negative."
        raise refused(planned, f"{count_field}Path", visit, effective, words)
    if not 0 <= share <= 100:
        words = "ToleratedFailurePercentage must be between 0 and 100."
        raise refused(planned, f"{share_field}Path", visit, effective, words)
    return int(count), share


def read_concurrency(planned: PlannedState, state: MapState, branch: Branch, visit: Visit, effective: Json) -> int:
    """Return how many items may run at once; 0 for as many as there are.

    Raises:
        StatesError: States.Runtime, when it is no number or negative.
    """
    limit = read_number(planned, "MaxConcurrency", state.max_concurrency, branch, visit, effective)
    if limit < 0:
        # AWS was recorded to hang here (max_concurrency_path_negative); an end with words is more use.
        words = "MaxConcurrency cannot be negative."
        raise refused(planned, "MaxConcurrencyPath", visit, effective, words)
    return int(limit)
