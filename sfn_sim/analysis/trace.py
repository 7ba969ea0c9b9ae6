"""Reading an execution's log backwards: where a value was last there, who lost it, who made it null.

All functions walk the visits on one way through the machine: each visit's input is the output of the visit before
it, until a branch or Map item begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ABSENT, MapState, ParallelState, PassState, TaskState
from sfn_sim.payload import Json
from sfn_sim.query.jsonpath import compile_reference_path
from sfn_sim.run.log import Log, Visit

Steps: TypeAlias = "Sequence[str | int]"
_WIDTH = 200
_PLAIN_PATH = re.compile(r"\$(\.[A-Za-z_]\w*)*")


class _Missing:
    """The value that is not there."""


MISSING = _Missing()


def look(value: Json, steps: Steps) -> Json | _Missing:
    """Return what stands at `steps` below `value`, or MISSING."""
    for step in steps:
        below = _below(value, step)
        if isinstance(below, _Missing):
            return MISSING
        value = below
    return value


def _below(value: Json, step: str | int) -> Json | _Missing:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step, MISSING)
    if isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
        return value[step]
    return MISSING


def before(log: Log, visit: Visit) -> Iterator[Visit]:
    """Return the visits before `visit` on its way, the nearest first, as far as their outputs are its input."""
    while True:
        if visit.previous < 0:
            return
        earlier = log.visits[visit.previous]
        if earlier.branch is visit.branch:
            yield earlier
        elif earlier.input is not visit.input:
            return
        # else: a Parallel that hands its own input on to its branches
        visit = earlier


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that `visit` had and did not give on; `how` tells what the state did.

    `dropped`: it stood in the state's result; otherwise in its input.
    """

    visit: Visit
    how: str
    dropped: bool = False


def find_loss(log: Log, visit: Visit, steps: Steps) -> Loss | None:
    """Return the state that took away what stood at `steps`; None if no state before ever had it."""
    for earlier in before(log, visit):
        if look(earlier.input, steps) is not MISSING:
            how = f"{describe_loss(earlier, steps)}. {path_text(steps)} was last present in its input"
            return Loss(earlier, how)
        if not isinstance(look(_result(earlier), steps), _Missing):
            return Loss(earlier, _describe_dropped(earlier, steps), dropped=True)
    return None


def _describe_dropped(visit: Visit, steps: Steps) -> str:
    """Say by which of its fields a state dropped what stood at `steps` in its own result."""
    flow, name, key = visit.state.state.flow, f"{visit.name} (event {visit.entered_event})", path_text(steps)
    if visit.state.state.query_language == JSONATA:
        return f"{name} had {key} in its result, and its Output leaves it out"
    selected = _stage(visit, "afterResultSelector")
    if flow.result_selector is not ABSENT and isinstance(look(selected, steps), _Missing):
        return f"{name} had {key} in its result, and its ResultSelector leaves it out"
    if flow.result_path is None:
        return f"{name} had {key} in its result, and its ResultPath null drops the result"
    if flow.result_path != "$":
        return f"{name} had {key} in its result, and its ResultPath puts that at {flow.result_path}"
    return f"{name} had {key} in its result, and its OutputPath {flow.output_path} leaves it out"


def _result(visit: Visit) -> Json:
    return next((value for stage, value in reversed(visit.stages) if stage == "result"), None)


def describe_loss(visit: Visit, steps: Steps) -> str:
    """Say by which of its fields a state lost what stood at `steps` in its input."""
    state, flow = visit.state.state, visit.state.state.flow
    name = f"{visit.name} (event {visit.entered_event})"
    key = path_text(steps)
    if state.query_language == JSONATA:
        return _describe_jsonata(visit, name, key)
    if visit.caught:
        return f"{name} failed, and its catcher put the error in the place of the whole state: Catch has no ResultPath"
    if flow.result_path is None and isinstance(state, PassState | TaskState | MapState | ParallelState):
        return f"{name} keeps its input, but OutputPath {flow.output_path} leaves {key} out"
    if flow.output_path != "$" and not isinstance(look(_stage(visit, "afterResultPath"), steps), _Missing):
        return f"{name} leaves {key} out by OutputPath {flow.output_path or 'null'}"
    if flow.result_path == "$" and _only_passes(visit):
        if flow.input_path != "$" and isinstance(look(_stage(visit, "afterInputPath"), steps), _Missing):
            return f"{name} narrowed the state by InputPath {flow.input_path or 'null'}"
        return f"{name} leaves {key} out by OutputPath {flow.output_path or 'null'}"
    if flow.result_path != "$":
        inner = path_text(below(flow.result_path, steps), "").lstrip(".")
        return f"{name} wrote its result over {flow.result_path}, and the result has no {inner}"
    if isinstance(state, PassState):
        cause = "Parameters" if flow.parameters is not ABSENT else "a Result"
        return f"{name} replaced the whole state: it has {cause} and no ResultPath"
    result = "ResultSelector" if flow.result_selector is not ABSENT else "its result"
    return f"{name} replaced the whole state by {result}: it has no ResultPath"


def _describe_jsonata(visit: Visit, name: str, key: str) -> str:
    if visit.caught:
        return f"{name} failed, and its catcher gave on what its Output says, or the error alone"
    if visit.state.state.flow.output is ABSENT and isinstance(visit.state.state, TaskState | MapState | ParallelState):
        return f"{name} replaced the whole state by its result: it has no Output"
    return f"{name} leaves {key} out: its Output replaced the whole state"


def below(result_path: str | None, steps: Steps) -> Steps:
    """Return what is left of `steps` below a ResultPath that they lead through; all of them if they do not."""
    placed = compile_reference_path(result_path or "$").steps
    return steps[len(placed) :] if tuple(steps[: len(placed)]) == tuple(placed) else steps


def _only_passes(visit: Visit) -> bool:
    """Tell whether a state gives on what InputPath selects, for want of a result of its own."""
    state = visit.state.state
    if isinstance(state, PassState):
        return state.result is ABSENT and state.flow.parameters is ABSENT
    return not isinstance(state, TaskState | MapState | ParallelState)


def _stage(visit: Visit, name: str) -> Json:
    return next((value for stage, value in reversed(visit.stages) if stage == name), None)


def find_null(log: Log, visit: Visit, steps: Steps) -> Visit | None:
    """Return the visit that made what stands at `steps` null; None if the input of the first state had it so."""
    maker = None
    for earlier in before(log, visit):
        if look(earlier.output, steps) is not None:
            break
        maker = earlier
        if look(earlier.input, steps) is not None:
            break
    else:
        return None
    return maker


@dataclass(frozen=True, slots=True)
class NullOrigin:
    """Where a null came from: `visit` made it, as `key` of its result or template; `way` read it from there, in turn.

    `given` is what the state handed its task under the same name, MISSING if nothing.
    """

    visit: Visit
    key: str
    given: Json | _Missing
    way: tuple[Visit, ...]


def null_origin(log: Log, visit: Visit, steps: Steps, way: tuple[Visit, ...] = ()) -> NullOrigin | None:
    """Follow what is null at `steps` of a visit's input back through templates and tasks to the state that made it so.

    Returns None if the execution's own input had it so, or the way cannot be followed.
    """
    maker = find_null(log, visit, steps)
    if maker is None or not steps:
        return None
    inner = _inside_result(maker, steps)
    if not inner:
        return None
    flow = maker.state.state.flow
    key = str(inner[-1])
    is_task = isinstance(maker.state.state, TaskState)
    template: Json = None
    if is_task and flow.result_selector is not ABSENT:
        return NullOrigin(maker, key, look(effective_input(maker), (key,)), way)
    if flow.parameters is not ABSENT:
        template = flow.parameters
    source = _read_by(template, inner[-1:] if is_task else inner)
    if source is None:
        return NullOrigin(maker, key, look(effective_input(maker), (key,)) if is_task else MISSING, way)
    if look(maker.input, source) is None:
        further = null_origin(log, maker, source, (maker, *way))
        return further or NullOrigin(maker, key, None, way)
    return NullOrigin(maker, key, look(maker.input, source), way)


def effective_input(visit: Visit) -> Json:
    """Return what a state handed to its task: its input as Parameters or Arguments left it."""
    stages = ("afterParameters", "afterArguments", "afterInputPath", "input")
    return next((value for name in stages for stage, value in reversed(visit.stages) if stage == name), None)


def _inside_result(visit: Visit, steps: Steps) -> Steps:
    """Return the steps below the place of a state's result; empty if they lead elsewhere."""
    place = visit.state.state.flow.result_path or ""
    below = tuple(place.split(".")[1:]) if _PLAIN_PATH.fullmatch(place) else ()
    return steps[len(below) :] if tuple(steps[: len(below)]) == below and place else ()


def _read_by(template: Json, steps: Steps) -> tuple[str, ...] | None:
    """Return what path a template's field reads, as steps; None if that is no plain path into the state's input."""
    for step in steps[:-1]:
        template = template.get(str(step)) if isinstance(template, dict) else None
    path = template.get(f"{steps[-1]}.$") if isinstance(template, dict) else None
    return tuple(path.split(".")[1:]) if isinstance(path, str) and _PLAIN_PATH.fullmatch(path) else None


def last_elsewhere(log: Log, visit: Visit, key: str | int) -> tuple[Visit, tuple[str | int, ...]] | None:
    """Return the visit that gave on no `key` at all although its input had one, and where that had it."""
    for earlier in before(log, visit):
        found = elsewhere(earlier.input, key, ())
        if found:
            return earlier, found[0]
    return None


def first_with(log: Log, visit: Visit, steps: Steps) -> str:
    """Say since when something stands at `steps`."""
    since = None
    for earlier in before(log, visit):
        if isinstance(look(earlier.output, steps), _Missing):
            break
        since = earlier
        if isinstance(look(earlier.input, steps), _Missing):
            break
    else:
        return "present from the start"
    return f"present since {since.name}" if since else "present"


def elsewhere(value: Json, key: str | int, avoid: Steps, limit: int = 4000) -> list[tuple[str | int, ...]]:
    """Return where in `value` an object has `key`, the shallowest first; lists are not searched."""
    found: list[tuple[str | int, ...]] = []
    level: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    seen = 0
    while level and seen < limit:
        below: list[tuple[tuple[str | int, ...], Json]] = []
        for at, each in level:
            if not isinstance(each, dict):
                continue
            seen += len(each)
            if key in each and (*at, key) != tuple(avoid):
                found.append((*at, key))
            below += [((*at, name), inner) for name, inner in each.items()]
        level = below
    return found


def lists_in(value: Json, most: int = 2) -> list[Steps]:
    """Return where an object has lists, the shallowest first; inside lists none is looked for."""
    found: list[Steps] = []
    level: list[tuple[Steps, Json]] = [((), value)]
    while level and len(found) < most:
        below: list[tuple[Steps, Json]] = []
        for at, each in level[:_WIDTH]:
            for name, inner in each.items() if isinstance(each, dict) else ():
                if isinstance(inner, list):
                    found.append((*at, name))
                below.append(((*at, name), inner))
        level = below
    return found[:most]


def array_fix(state: str, steps: Sequence[Steps], *, jsonata: bool, given: bool) -> str:
    """Say which array a Map is to go through, of those that are there.

    Args:
        state: the Map; `jsonata` its language.
        steps: where arrays stand in its input.
        jsonata: whether it is in JSONata.
        given: whether it has Items or ItemsPath already.
    """
    field = "Items" if jsonata else "ItemsPath"
    paths = [path_text(each, "$states.input" if jsonata else "$") for each in steps]
    if not paths:
        return f"give {state} an array: no field of its input is one"
    if given:
        return f"let {field} of {state} read {' or '.join(paths)}, which is an array"
    value = f"{{% {paths[0]} %}}" if jsonata else paths[0]
    return f'give {state} "{field}": "{value}"'


def path_text(steps: Steps, root: str = "$") -> str:
    """Return steps as a path, in brackets where a name needs them."""
    text = root
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if step.replace("_", "a").isalnum() else f"['{step}']"
    return text


def kind_of(value: Json) -> str:
    """Return what a value is, in a word or two."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return f"an array of {len(value)}" if isinstance(value, list) else "an object"


def keys_of(value: Json, most: int = 6) -> str:
    """Return an object's keys in braces, shortened; for anything else what it is."""
    if not isinstance(value, dict):
        return kind_of(value)
    names = list(value)
    shown = ", ".join(names[:most])
    return f"{{{shown}, … {len(names) - most} more}}" if len(names) > most else f"{{{shown}}}"
