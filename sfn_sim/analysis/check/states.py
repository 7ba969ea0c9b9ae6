"""What each state type does to shapes: the plan's steps, and what stands between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from sfn_sim.analysis.check import maps
from sfn_sim.analysis.check.choice import split
from sfn_sim.analysis.check.context import has_token
from sfn_sim.analysis.check.observations import Observation
from sfn_sim.analysis.check.reader import Data, Reader
from sfn_sim.definition.model import (
    ABSENT,
    ChoiceState,
    MapState,
    PassState,
    TaskState,
)
from sfn_sim.definition.plan import PlannedState, Step
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.shape_changes import assume, place
from sfn_sim.query.shapes import (
    ANY_NUMBER,
    ANY_STRING,
    ANYTHING,
    ARRAY,
    NEVER,
    NUMBER,
    STRING,
    Field,
    Shape,
    Steps,
    Verdict,
    an_array,
    an_object,
    describe,
)

if TYPE_CHECKING:
    from sfn_sim.analysis.check.walk import Walk

_INVOKE = "arn:aws:states:::lambda:invoke"
_MAP_NUMBERS = (
    "MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath", "MaxItemsPath",
    "MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath",
)  # fmt: skip
_VERBS = ("select", "build", "place")
ERROR_OUTPUT = an_object({"Error": ANY_STRING, "Cause": ANY_STRING})


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of a state: the next state (None: the end of its graph) and what it is given.

    `variables` is what is known of the variables from there on; None: as in the state.
    """

    target: str | None
    shape: Shape
    how: str = "next"
    variables: Shape | None = None


def is_followed(planned: PlannedState) -> bool:
    """Tell whether a state is of a language whose data flow is followed: JSONPath."""
    if getattr(planned.state, "query_language", "JSONPath") not in (None, "JSONPath"):
        return False
    plan = planned.plan
    return all(step.verb in _VERBS for step in (*plan.once, *plan.before, *plan.after))


def targets(planned: PlannedState) -> list[str | None]:
    """Return every state that one can lead to."""
    found: list[str | None] = [target for _, target in planned.choices]
    found += [each.catcher.next for each in planned.catchers]
    state = planned.state
    if isinstance(state, ChoiceState):
        return found + ([state.default] if state.default else [])
    return found if state.type == "Fail" else [*found, planned.next]


def leave(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    """Return the ways out of a state for one way into it."""
    return _TYPES[planned.state.type](planned, reader, walk)


def raw(reader: Reader) -> Shape:
    """Return the shape of a state's input; what was found missing there is taken to be there."""
    shape = reader.arrival.shape
    for steps in reader.assumed:
        shape = assume(shape, steps)
    return shape


def _effective(planned: PlannedState, reader: Reader) -> Data:
    data = Data(reader.arrival.shape)
    for step in planned.plan.once:
        data = _select(step, data, reader)
    return data


def _given(planned: PlannedState, data: Data, reader: Reader) -> Shape:
    shape = data.shape
    for step in planned.plan.before:
        shape = reader.expression(step.expression, data, step.pointer, step.field)
    return shape


def _select(step: Step, data: Data, reader: Reader) -> Data:
    if step.expression is None:
        return Data(an_object({}), None)
    shape = reader.expression(step.expression, data, step.pointer, step.field)
    path = step.expression
    inside = isinstance(path, Path) and path.root == "$" and path.definite and data.origin is not None
    return Data(shape, (*data.origin, *path.steps) if inside and data.origin is not None else None)  # type: ignore[union-attr]


def _after(steps: tuple[Step, ...], result: Data, reader: Reader) -> Shape:
    """Fold what comes after a state's work; a result that is never stays so."""
    data = result
    for step in steps:
        if data.shape.is_never:
            return NEVER
        if step.verb == "build":
            inner = Data(data.shape, None)
            data = Data(reader.expression(step.expression, inner, step.pointer, step.field), None)
        elif step.verb == "place":
            data = Data(_placed(step, data.shape, reader))
        else:
            data = _select(step, data, reader)
    return data.shape


def _placed(step: Step, value: Shape, reader: Reader) -> Shape:
    document = raw(reader)
    if not isinstance(step.expression, ReferencePath):
        return document
    steps: Steps = step.expression.steps
    verdict, placed = place(document, steps, value)
    if reader.see is not None:
        reader.see(
            Observation(
                "catch place" if "/Catch/" in step.pointer.removeprefix(reader.state.state.pointer) else "place",
                reader.state, reader.arrival, step.pointer, step.field, step.expression.text, verdict,
                steps=steps, what=f"the result cannot be put at {step.expression.text} of {describe(document)}",
                fix="let ResultPath lead through objects only, or make them before",
            )
        )
    return placed


def with_assigned(variables: Shape, assigned: Shape) -> Shape:
    """Return the variables after an Assign."""
    return replace(variables, fields={**variables.fields, **assigned.fields})


def _assigned(step: Step | None, shape: Shape, reader: Reader) -> Shape | None:
    """Return the variables after a state's Assign, in which `$` stands for a value; None where it has none."""
    if step is None:
        return None
    made = reader.expression(step.expression, Data(shape, None), step.pointer, step.field)
    return with_assigned(reader.arrival.variables, made)


def _pass(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    data = _effective(planned, reader)
    shape = _given(planned, data, reader)
    state = cast(PassState, planned.state)
    origin = data.origin if not planned.plan.before else None
    if state.result is not ABSENT:
        shape, origin = reader.literal(state.result), None
    variables = _assigned(planned.assign, shape, reader)
    return [Exit(planned.next, _after(planned.plan.after, Data(shape, origin), reader), variables=variables)]


def _passed_on(planned: PlannedState, data: Data, reader: Reader) -> Shape:
    shape = data.shape
    if data.origin == ():
        shape = raw(reader)
    return _after(planned.plan.after, Data(shape, data.origin), reader)


def _choice(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    data = _effective(planned, reader)
    exits: list[Exit] = []
    rest = data
    for rule, target in planned.choices:
        held, failed = split(rule, rest, reader)
        note_branch(reader, rule.rule.pointer, "branch", taken=not held.is_never, dead=rest.shape.is_never)
        if not held.is_never:
            variables = _assigned(rule.assign, held, reader)
            output = _after(planned.plan.after, Data(held, data.origin), reader)
            exits.append(Exit(target, output, variables=variables))
        rest = replace(rest, shape=failed)
    default = cast(ChoiceState, planned.state).default
    if default is not None:
        note_branch(reader, f"{planned.state.pointer}/Default", "default", taken=not rest.shape.is_never, dead=False)
        if not rest.shape.is_never:
            variables = _assigned(planned.assign, rest.shape, reader)
            output = _after(planned.plan.after, Data(rest.shape, data.origin), reader)
            exits.append(Exit(default, output, variables=variables))
    else:
        verdict = Verdict.UNDECIDED if exits else Verdict.MISSING
        note_no_match(reader, verdict)
    return exits


def note_no_match(reader: Reader, verdict: Verdict) -> None:
    """Note whether a Choice without Default is left by one of its rules."""
    planned = reader.state
    if reader.see is not None:
        reader.see(
            Observation(
                "match", planned, reader.arrival, f"{planned.state.pointer}/Choices", "Choices", "", verdict,
                what="no rule holds here, and there is no Default: the execution fails with States.Runtime",
                fix='add a "Default"',
            )
        )


def note_branch(reader: Reader, pointer: str, kind: str, *, taken: bool, dead: bool) -> None:
    """Note whether a Choice's branch can be taken; `dead`: the rules before it take everything."""
    if reader.see is not None:
        what = "the rules before it take every input that comes here" if dead else "it holds for no input that comes"
        reader.see(
            Observation(
                kind, reader.state, reader.arrival, pointer, "Default" if kind == "default" else "Choices", "",
                Verdict.PRESENT if taken else Verdict.MISSING, what=what,
            )
        )


def _wait(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    data = _effective(planned, reader)
    for name, kinds, what in (("SecondsPath", NUMBER, "a number"), ("TimestampPath", STRING, "a timestamp")):
        _read(planned, reader, data, name, kinds, what)
    variables = _assigned(planned.assign, data.shape, reader)
    return [Exit(planned.next, _passed_on(planned, data, reader), variables=variables)]


def _read(
    planned: PlannedState, reader: Reader, data: Data, name: str, kinds: int, what: str, fix: str = ""
) -> Shape | None:
    """Read a `…Path` field outside the data flow, which needs a value of some kinds; None where there is none."""
    path = planned.paths.get(name)
    if path is None:
        return None
    pointer = f"{planned.state.pointer}/{name}"
    shape = reader.expression(path, data, pointer, name)
    if name in _MAP_NUMBERS and shape.strings is not None and all(each.isdigit() for each in shape.strings):
        shape = shape.without(STRING)  # a text of digits will do
        if shape.is_never:
            return ANY_NUMBER
    return reader.need(shape, kinds, pointer, name, path.text, f"{name} needs {what}: {path.text}", fix)


def _succeed(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    return [Exit(None, _passed_on(planned, _effective(planned, reader), reader))]


def _fail(planned: PlannedState, reader: Reader, _: Walk) -> list[Exit]:
    for name in ("ErrorPath", "CausePath"):
        _read(planned, reader, Data(reader.arrival.shape), name, STRING, "a string", "use States.JsonToString")
    return []


def _task(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    data = _effective(planned, reader)
    for name in ("TimeoutSecondsPath", "HeartbeatSecondsPath"):
        _read(planned, reader, data, name, NUMBER, "a positive integer")
    given = _given(planned, data, reader)
    if reader.see is not None:
        walk.observations.given.setdefault(planned.name, []).append((reader.arrival, given))
    result = result_of(planned, walk)
    return [_worked(planned, result, reader), *_caught(planned, reader)]


def _worked(planned: PlannedState, result: Shape, reader: Reader) -> Exit:
    """Return the way out of a state that has a result."""
    variables = _assigned(planned.assign, result, reader)
    return Exit(planned.next, _after(planned.plan.after, Data(result, None), reader), variables=variables)


def function_of(planned: PlannedState) -> str:
    """Return the function that a Task calls, or its resource; empty where that is not written down."""
    state = cast(TaskState, planned.state)
    if not state.resource.startswith(_INVOKE):
        return state.resource
    parameters = state.flow.parameters
    name = parameters.get("FunctionName") if isinstance(parameters, dict) else None
    return name if isinstance(name, str) else ""


def result_of(planned: PlannedState, walk: Walk) -> Shape:
    """Return what is known of a Task's result."""
    resource = cast(TaskState, planned.state).resource
    known = walk.results.get(function_of(planned), ANYTHING)
    return _envelope(known) if resource == _INVOKE else ANYTHING if has_token(resource) else known


def _envelope(payload: Shape) -> Shape:
    """Return the shape of what lambda:invoke gives.

    Source: as `run.envelope`.
    """
    http = {"AllHttpHeaders": ANYTHING, "HttpHeaders": ANYTHING, "HttpStatusCode": ANY_NUMBER}
    members: dict[str, Shape | Field] = {
        "ExecutedVersion": ANY_STRING,
        "LogResult": Field(ANYTHING, required=False),
        "FunctionError": Field(ANYTHING, required=False),
        "Payload": payload,
        "SdkHttpMetadata": an_object(http),
        "SdkResponseMetadata": an_object({"RequestId": ANY_STRING}),
        "StatusCode": ANY_NUMBER,
    }
    return an_object(members)


def _caught(planned: PlannedState, reader: Reader) -> list[Exit]:
    exits = []
    for each in planned.catchers:
        # What failed may be what placed the result; the catcher has the state's own input.
        shape = ERROR_OUTPUT
        if each.step is not None:
            if each.step.expression is not None and not isinstance(each.step.expression, ReferencePath):
                shape = ANYTHING
            else:
                shape = _placed(each.step, ERROR_OUTPUT, reader)
        variables = _assigned(each.assign, ERROR_OUTPUT, reader)
        exits.append(Exit(each.catcher.next, shape, "catch", variables))
    return exits


def _map(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    data = _effective(planned, reader)
    for name in _MAP_NUMBERS:
        _read(planned, reader, data, name, NUMBER, "a number")
    if cast(MapState, planned.state).distribution is not None:
        items, output = _distributed(planned, data, reader, walk)
    else:
        items = _items(planned, data, reader)
        item = maps.item_of(items)
        output = maps.run_inline(planned, _selected(planned, data, item, reader), item, reader, walk)
    result = maps.result(planned, items, output)
    worked = [] if result is None else [_worked(planned, result, reader)]
    return [*worked, *_caught(planned, reader)]


def _items(planned: PlannedState, data: Data, reader: Reader) -> Shape:
    if "ItemsPath" in planned.paths:
        fix = maps.array_in(planned, data.shape)
        return _read(planned, reader, data, "ItemsPath", ARRAY, "an array", fix) or ANYTHING
    pointer, what = planned.state.pointer, "a Map without ItemsPath needs an array"
    return reader.need(data.shape, ARRAY, pointer, "ItemsPath", "$", what, maps.array_in(planned, data.shape))


def _selected(planned: PlannedState, data: Data, item: Shape, reader: Reader) -> Shape:
    """Return what the processor is given for an item."""
    selector = planned.selector
    if selector is None:
        return item
    reader.set_item(item)
    shape = reader.expression(selector.expression, data, selector.pointer, selector.field)
    reader.set_item(reader.outer_item)
    return shape


def _distributed(planned: PlannedState, data: Data, reader: Reader, walk: Walk) -> tuple[Shape, Shape]:
    """Walk a distributed Map, and return the shapes of its items and of what a child execution gives."""
    given = planned.distribution
    read = given.reader is not None
    for step in (given.reader, given.writer):
        if step is not None:
            reader.expression(step.expression, data, step.pointer, step.field)
    items = ANYTHING if read else _items(planned, data, reader)
    batch = given.batch_input
    head = None if batch is None else reader.expression(batch.expression, data, batch.pointer, batch.field)
    selected = _selected(planned, data, maps.item_of(items), reader)
    return items, maps.run_children(planned, selected, head, reader, walk)


def _parallel(planned: PlannedState, reader: Reader, walk: Walk) -> list[Exit]:
    data = _effective(planned, reader)
    given = _given(planned, data, reader)
    inner = reader.outer_item
    seeing = reader.see is not None
    around = reader.arrival.variables
    outputs = [
        walk.graph(graph, given, reader.arrival, "branch", inner, seeing=seeing, variables=around)
        for graph in planned.graphs
    ]
    if any(each.is_never for each in outputs):
        return _caught(planned, reader)
    result = tuple_of(outputs)
    return [_worked(planned, result, reader), *_caught(planned, reader)]


def tuple_of(outputs: list[Shape]) -> Shape:
    """Return the shape of a Parallel's result: which branch gave which item is not kept."""
    alike = all(each == outputs[0] for each in outputs)
    return an_array(outputs[0] if alike else ANYTHING, len(outputs), len(outputs))


_TYPES: dict[str, Callable[[PlannedState, Reader, Walk], list[Exit]]] = {
    "Pass": _pass,
    "Task": _task,
    "Choice": _choice,
    "Wait": _wait,
    "Succeed": _succeed,
    "Fail": _fail,
    "Parallel": _parallel,
    "Map": _map,
}
