"""Why a JSONata expression failed: which part of it gave nothing or threw, what was there, and who took it away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from sfn_sim.analysis.diagnosis import jsonata_origin as from_where
from sfn_sim.analysis.diagnosis import variables
from sfn_sim.analysis.trace import (
    MISSING,
    array_fix,
    find_loss,
    find_null,
    keys_of,
    kind_of,
    lists_in,
    look,
)
from sfn_sim.errors import Detail
from sfn_sim.payload import Json, dumps
from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED, Undefined
from sfn_sim.query.jsonata_explain import Part, explain
from sfn_sim.query.jsonata_functions import ADDED
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.run.seed import Stream
from sfn_sim.source import Location, Source

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis.diagnose import Diagnosis

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_INPUT = re.compile(r"\$states\.input((?:\.(?:[A-Za-z_]\w*|`[^`]+`))+)")
_NAME = re.compile(r"`([^`]+)`|([A-Za-z_]\w*)")
_LONG = 60
Steps = tuple[str | int, ...]
_FEW = 3


def _expression(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """An expression that failed."""
    parts = _parts(detail, visit, execution)
    offset, length = detail.offset, detail.length
    if detail.problem == "undefined":
        culprit = next((each for each in parts if not each.inside and each.values == (UNDEFINED,)), None)
        if culprit is not None:
            offset, length = _undefined(diagnosis, culprit, parts, visit, execution)
        else:
            diagnosis.what = f"{detail.field} gave nothing"
    elif detail.problem == "type":
        diagnosis.label = f"this gives {kind_of(detail.reached)}"
        diagnosis.what = f"{detail.field} gave {_shown(detail.reached)}"
        diagnosis.fix = f"let it give {_expected(detail)}"
        if _expected(detail) == "an array":
            diagnosis.fix += ": write [] behind a path; a list of one item, which JSONata gives as the item, stays one"
            lists = lists_in(visit.input)
            if detail.field == "Items" and lists:
                diagnosis.fix = f"{array_fix(visit.name, lists, jsonata=True, given=True)}; or {diagnosis.fix}"
    elif detail.problem == "unsupported":
        diagnosis.label = "a function"
        diagnosis.what = f"{detail.field} gave a function, which is no JSON"
        diagnosis.fix = "call it: write () with its arguments behind it"
    else:
        _thrown(diagnosis, detail, parts, offset, length)
    if diagnosis.location is not None and diagnosis.source is not None:
        place = (detail.lead + offset, length)
        diagnosis.location = _underline(diagnosis.location, diagnosis.source, detail, place)


def _value(diagnosis: Diagnosis, detail: Detail, visit: Visit, _: Execution) -> None:
    """A field to which JSONata gave a value of the right type that it does not take."""
    diagnosis.what = detail.message
    if not detail.field:
        diagnosis.fix = array_fix(visit.name, lists_in(visit.input), jsonata=True, given=False)
        diagnosis.pointer = visit.state.state.pointer


def _parts(detail: Detail, visit: Visit, execution: Execution) -> tuple[Part, ...]:
    fields = cast("dict[str, Json]", detail.value)
    bindings = Bindings(
        fields=fields,
        variables=visit.branch.scope.variables,
        randomness=Stream.named(execution.options.seed, "diagnosis"),
    )
    return explain(compile_expression(detail.expression), bindings)


def _undefined(
    diagnosis: Diagnosis, culprit: Part, parts: tuple[Part, ...], visit: Visit, execution: Execution
) -> tuple[int, int]:
    """Tell of the first part that gave nothing; return what to underline."""
    known = [each for each in parts if each.start == culprit.start and each.end < culprit.end and each.values]
    base = known[-1] if known else None
    variable = _VARIABLE.match(culprit.text)
    if base is None or isinstance(base.values[0], Undefined):
        name = variable[1] if variable else ""
        if name and name != "states" and name not in visit.branch.scope.variables and "(" not in culprit.text:
            variables.unknown(diagnosis, visit, execution, name)
            return culprit.start, len(name) + 1
        diagnosis.label = "nothing"
        diagnosis.what = f"{culprit.text} gave nothing"
        return culprit.start, culprit.end - culprit.start
    value = base.values[0]
    rest = culprit.text[len(base.text) :]
    key = rest.lstrip(".").strip("`")
    start = culprit.end - len(rest.lstrip("."))
    if isinstance(value, dict):
        diagnosis.label = "no such key here"
        diagnosis.what = f"{culprit.text} is missing from {base.text}: {keys_of(value)}"
    elif isinstance(value, list):
        diagnosis.label = "no item has it"
        first = f", the first has {keys_of(value[0])}" if value else ""
        diagnosis.what = f"{culprit.text} finds nothing in the {len(value)} items of {base.text}{first}"
    else:
        diagnosis.label = f"read below {kind_of(value)}"
        diagnosis.what = f"{base.text} is {kind_of(value)}, and has no {key!r}"
    known_maker = _why(diagnosis, culprit, value, visit, execution)
    near = _near(key, value)
    if near:
        otherwise = f" If not, {diagnosis.fix}" if known_maker else ""
        diagnosis.fix = f"did you mean {base.text}.{near}?{otherwise}"
    return start, culprit.end - start


def _why(diagnosis: Diagnosis, culprit: Part, value: Json, visit: Visit, execution: Execution) -> bool:
    """Say what led to it. Returns whether it is known who should have given it, and the fix says so."""
    path = from_where.path_of(culprit.text)
    if path is not None and path[:2] == ("states", "context"):
        if len(path) == 3:  # below, it is a misspelt name of the Context Object
            _context_for_input(diagnosis, path[2:], visit)
        return False
    if path is not None and path[0] != "states" and variables.taken_away(diagnosis, visit, execution, path, value):
        return True
    found = _INPUT.fullmatch(culprit.text)
    if found is None:
        return _never(diagnosis, path, visit, execution)
    steps = tuple(quoted or plain for quoted, plain in _NAME.findall(found[1]))
    if value is None:
        maker = find_null(execution.log, visit, steps[:-1])
        if maker is not None:
            diagnosis.why = f"{maker.name} (event {maker.entered_event}) made it null"
            diagnosis.fix = f"let {maker.name} give a value there, or test it with $exists before"
        return False
    loss = find_loss(execution.log, visit, steps)
    if loss is not None:
        diagnosis.why = loss.how
        made = from_where.origin(execution, execution.log, visit, path) if path is not None else None
        if made is not None and made.event > loss.visit.entered_event:
            diagnosis.why, diagnosis.fix = f"{made.words}. {loss.how}", made.fix
            return True
        diagnosis.fix = f"let {loss.visit.name} pass it on"
        if loss.visit.state.state.query_language == "JSONata":
            diagnosis.fix = f'let the Output of {loss.visit.name} pass it on: "{steps[0]}": "{{% … %}}"'
        return True
    diagnosis.why = "no state before this one ever had it, nor the execution's input"
    if visit.previous < 0:
        diagnosis.why = f"the execution's input does not have it: {keys_of(visit.input)}"
    diagnosis.fix = f"give {'.'.join(steps)} in the input, or test it with $exists"
    if look(visit.input, steps[-1:]) is not MISSING:
        diagnosis.fix = f"read $states.input.{steps[-1]}"
    return _never(diagnosis, path, visit, execution)


def _never(diagnosis: Diagnosis, path: Steps | None, visit: Visit, execution: Execution) -> bool:
    """Say who should have given what a path reads."""
    made = from_where.origin(execution, execution.log, visit, path) if path is not None else None
    if made is not None:
        diagnosis.why, diagnosis.fix = made.words, made.fix
    return made is not None


def _context_for_input(diagnosis: Diagnosis, steps: Steps, visit: Visit) -> None:
    """Say that the Context Object was read where the input has the value."""
    place = f"{diagnosis.field} of {visit.name}" if diagnosis.field else visit.name
    have = keys_of(visit.input) if isinstance(visit.input, dict) else kind_of(visit.input)
    diagnosis.why = f"{place} reads the Context Object, which Step Functions makes; the state's input is {have}"
    diagnosis.fix = f"read the state's own data with $states.input in {place}"
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps)
    if look(visit.input, steps) is not MISSING:
        diagnosis.fix = f"read $states.input{text} in {place}"


def _near(key: str, value: Json) -> str:
    inner = value[0] if isinstance(value, list) and value else value
    if not isinstance(inner, dict):
        return ""
    near = [each for each in inner if each.casefold() == key.casefold()]
    near = near or get_close_matches(key, list(inner), 1, 0.5)
    return near[0] if near else ""


def _thrown(diagnosis: Diagnosis, detail: Detail, parts: tuple[Part, ...], offset: int, length: int) -> None:
    text = detail.expression[offset : offset + length]
    diagnosis.label = detail.code or "here"
    diagnosis.what = f"{text or detail.field}: {detail.message}"
    name = _VARIABLE.match(text)
    if detail.code == "T1006" and name:
        diagnosis.what = f"${name[1]} is no function: {detail.message}"
        near = get_close_matches(name[1], sorted(ADDED), 1)
        diagnosis.fix = f"did you mean ${near[0]}?" if near else ""
        if name[1] == "eval":
            diagnosis.fix = "Step Functions has no $eval: use $parse for JSON text"
        return
    inside = [each for each in parts if offset <= each.start and each.end <= offset + length and each.values]
    inside = [each for each in inside if (each.start, each.end) != (offset, offset + length)]
    whole = [each for each in inside if not any(_within(each, other) for other in inside)]
    if whole:
        told = (f"{each.text} is {_shown(each.values[0])}" for each in whole[:_FEW])
        diagnosis.why = "; ".join(told)
    if detail.problem == "limit":
        diagnosis.fix = "let it go through fewer items at once, or end its recursion earlier"
    elif detail.code.startswith("T"):
        diagnosis.fix = "convert the value ($number, $string, $boolean), or test it with $type before"


def _within(part: Part, other: Part) -> bool:
    return part is not other and other.start <= part.start and part.end <= other.end


def _expected(detail: Detail) -> str:
    wanted = detail.message.partition("Expected '")[2].partition("'")[0]
    return {"array": "an array", "object": "an object"}.get(wanted, f"a {wanted}" if wanted else "another type")


def _shown(value: object) -> str:
    if isinstance(value, Undefined):
        return "nothing (undefined)"
    text = dumps(cast(Json, value))
    if isinstance(value, dict | list) or value is None or len(text) > _LONG:
        return f"an object {keys_of(value)}" if isinstance(value, dict) else kind_of(cast(Json, value))
    return f"{kind_of(cast(Json, value))} ({text})"


def _underline(place: Location, source: Source, detail: Detail, part: tuple[int, int]) -> Location:
    """Return the place of a part of an expression inside its string; the whole string where it is not written so."""
    start = place.column - 1
    written = source.line(place.line)[start : start + place.length]
    try:
        text = json.loads(written)
    except ValueError:
        return place
    if not isinstance(text, str) or text[detail.lead :][: len(detail.expression)] != detail.expression:
        return place
    columns, at = [], 1
    for found in re.finditer(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", written[1:-1]):
        columns.append(at)
        at += len(found[0])
    columns.append(at)
    first, last = part[0], part[0] + part[1]
    if not 0 <= first < last < len(columns):
        return place
    return Location(place.file, place.line, place.column + columns[first], columns[last] - columns[first])


KINDS: dict[str, Callable[[Diagnosis, Detail, Visit, Execution], None]] = {
    "jsonata": _expression,
    "jsonata value": _value,
}
