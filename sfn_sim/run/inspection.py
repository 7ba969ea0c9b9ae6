"""What AWS's TestState tells of a state's data: its stages, under which names, and which of them a state has at all.

A visit notes only the stages that a field of the state makes; AWS tells the others too, with the value as it was. Which
it leaves out differs by state type and query language.

Source: Developer Guide, Using TestState to inspect input and output processing, Understanding Map state inspection
data; recorded: test_base_inspection_level_*, test_io_jsonata_parallel_state_mock_success,
test_base_map_state_inspect, test_localstack_blogpost_scenario.
"""

from __future__ import annotations

from typing import cast

from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ABSENT, MapState, PassState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import Detail
from sfn_sim.payload import Json
from sfn_sim.run.log import Visit

_BEFORE = ("afterInputPath", "afterParameters")
_AFTER = ("result", "afterResultSelector", "afterResultPath")
_MAP = ("afterInputPath", "afterItemsPath", "afterItemsPointer", "afterItemSelector", "afterItemBatcher")
# The stages of a state in JSONPath, in their order.
_JSONPATH: dict[str, tuple[str, ...]] = {
    "Pass": (*_BEFORE, *_AFTER),
    "Task": (*_BEFORE, *_AFTER),
    "Parallel": (*_BEFORE, *_AFTER),
    "Map": (*_MAP, *_AFTER),
    "Choice": ("afterInputPath",),
    "Wait": ("afterInputPath",),
    "Succeed": ("afterInputPath",),
    "Fail": (),
}
_JSONATA: dict[str, tuple[str, ...]] = {
    "Task": ("afterArguments", "result"),
    "Map": ("afterItemSelector", "afterItemBatcher"),
}
# Stages that AWS does not tell of a state that left the field away.
_ONLY_IF_NOTED = frozenset(("result", "afterItemsPointer", "afterItemSelector", "afterItemBatcher", "afterArguments"))
# AWS shows a result only where one thing gave it.
_RESULT_SHOWN = frozenset(("Task", "Pass"))


def stages_of(planned: PlannedState, visit: Visit, error: Detail | None) -> dict[str, Json]:
    """Return the stages of a visit as TestState's inspectionData names them, in their order.

    Args:
        planned: the state.
        visit: the only stay in it.
        error: where the state failed; None if its work and its data flow were done.
    """
    noted = dict(visit.stages)
    shown: dict[str, Json] = {"input": visit.input}
    kind = planned.state.type
    if planned.state.query_language == JSONATA:
        shown |= {name: noted[name] for name in _JSONATA.get(kind, ()) if name in noted}
        return shown
    order = _JSONPATH[kind]
    last = order.index(failed_at) if error is not None and (failed_at := _failed_at(kind, error)) in order else None
    value = visit.input
    if kind == "Pass" and cast(PassState, planned.state).result is not ABSENT:
        # With a Result the input is not looked at (recorded: IO_RESULT_PASS_STATE).
        order, last = _AFTER, None
    for name in order[:last]:
        if name in noted:
            value = noted[name]
        elif name in _ONLY_IF_NOTED or (name == "afterItemsPath" and _reads_items_elsewhere(planned)):
            continue
        if name != "result" or kind in _RESULT_SHOWN:
            shown[name] = value
    return shown


def _reads_items_elsewhere(planned: PlannedState) -> bool:
    given = cast(MapState, planned.state).distribution
    return given is not None and given.reader is not None


def _failed_at(kind: str, error: Detail) -> str:
    """Return the stage that a failed state has not reached any more."""
    if error.field == "ItemsPath":
        return "afterItemsPath"
    if error.stage in ("variables", "output", "afterOutputPath"):
        # Assign is filled before ResultSelector is applied; what comes after the last stage hides none.
        return "afterResultSelector" if error.stage == "variables" else ""
    if error.stage in (*_BEFORE, *_MAP, *_AFTER):
        return error.stage
    return "result" if kind in ("Task", "Parallel", "Map") else ""
