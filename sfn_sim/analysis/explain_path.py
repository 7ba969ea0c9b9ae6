"""An expression tried on a value: what each step of it leaves, where it stops, and what AWS gives for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from sfn_sim.analysis.lineage.places import Place, stages, variables_before
from sfn_sim.analysis.trace import MISSING, elsewhere, look, path_text
from sfn_sim.definition.model import MapState
from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json
from sfn_sim.query.expression import IntrinsicError, PathError, Scope, SyntaxProblem, TemplateProblems
from sfn_sim.query.intrinsics import Argument, Call, Intrinsic, compile_intrinsic
from sfn_sim.query.jsonpath import Path, compile_path, describe, nearest
from sfn_sim.query.jsonpath import explain as walk
from sfn_sim.query.template import Template, compile_template
from sfn_sim.run.context import context_object
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Branch
from sfn_sim.run.seed import Stream

if TYPE_CHECKING:
    from sfn_sim.query.jsonata import Bindings, Compiled

_MOST_NEAR = 4
_ITEMS = ("afterItems", "afterItemsPath", "afterInputPath", "input")


@dataclass(frozen=True, slots=True)
class Line:
    """One step of an expression: its text so far, how many values it leaves, and what they are."""

    text: str
    count: int
    description: str

    def to_json(self) -> dict[str, Json]:
        """Return the step as `--json` prints it."""
        return {"text": self.text, "count": self.count, "description": self.description}


@dataclass(frozen=True, slots=True)
class Part:
    """One expression of what was tried: all of it, or one field of a template.

    Attributes:
        name: the template's field; empty for the whole.
        text: the expression.
        lines: its steps, one after the other.
        returns: what AWS gives for it: "one value", "always a list" …
        value: its value; None where it stops.
        error: AWS's words where it stops; `near` what might have been meant.
    """

    name: str
    text: str
    lines: tuple[Line, ...]
    returns: str
    value: Json = None
    error: str = ""
    near: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the part as `--json` prints it."""
        return {
            "field": self.name,
            "expression": self.text,
            "steps": [each.to_json() for each in self.lines],
            "returns": self.returns,
            "ok": not self.error,
            "value": self.value,
            "error": self.error or None,
            "near": list(self.near),
        }


@dataclass(frozen=True, slots=True)
class Tried:
    """An expression tried on a value; a template has a part for each field, and a value of its own."""

    kind: str
    parts: tuple[Part, ...]
    value: Json = None

    @property
    def ok(self) -> bool:
        """Tell whether it gives a value."""
        return not any(each.error for each in self.parts)

    def to_json(self) -> dict[str, Json]:
        """Return the trial as `--json` prints it."""
        return {
            "schema": 1,
            "kind": self.kind,
            "ok": self.ok,
            "value": self.value,
            "parts": [each.to_json() for each in self.parts],
        }


def try_expression(
    text: str, data: Json, scope: Scope | None = None, states: Mapping[str, Json] | None = None
) -> Tried:
    """Evaluate a JSONPath, an intrinsic function's call, a payload template or JSONata on a value, step by step.

    Args:
        text: the expression; a template is JSON text, JSONata stands in {% %}.
        data: what `$` stands for; in JSONata `$states.input`.
        scope: what `$$` and variables stand for; nothing by default.
        states: the other fields of `$states` in JSONata: result, errorOutput.

    Raises:
        ConfigurationError: the text is none of these, or cannot be compiled.
    """
    scope = scope or Scope(dict, {}, Stream.named(0, "path"))
    text = text.strip()
    try:
        if text.startswith("{%"):
            return _try_jsonata(text, {"input": data, **(states or {})}, scope)
        if text[:1] in ("{", "["):
            value = json.loads(text)
            if _has_jsonata(value):
                return _try_jsonata_template(value, {"input": data, **(states or {})}, scope)
            return _try_template(compile_template(value, ""), data, scope)
        if text.startswith("States."):
            part = _try_call(compile_intrinsic(text), data, scope)
        else:
            part = _try_path(compile_path(text), data, scope)
    except SyntaxProblem as problem:
        raise ConfigurationError(f"{text}: {problem.message} (at character {problem.offset + 1})") from None
    except TemplateProblems as problems:
        raise ConfigurationError(str(problems)) from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"a template is JSON text: {error.msg} at character {error.pos + 1}") from None
    return Tried("intrinsic" if text.startswith("States.") else "path", (part,), part.value)


def _has_jsonata(value: Json) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_jsonata, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def _try_jsonata_template(value: Json, fields: Mapping[str, Json], scope: Scope) -> Tried:
    """Evaluate a template of JSONata, expression by expression."""
    from sfn_sim.query.jsonata_errors import JsonataProblems
    from sfn_sim.query.jsonata_template import compile_template as compile_jsonata

    try:
        template = compile_jsonata(value, "", "")
    except JsonataProblems as problems:
        raise ConfigurationError(str(problems)) from None
    parts = []
    for each in template.expressions:
        (part,) = _try_jsonata(f"{{% {each.expression.text} %}}", fields, scope).parts
        parts.append(replace(part, name=each.field.lstrip("/")))
    whole = template.evaluate(_bindings(fields, scope)) if not any(part.error for part in parts) else None
    return Tried("template", tuple(parts), whole)


def _bindings(fields: Mapping[str, Json], scope: Scope) -> Bindings:
    from sfn_sim.query.jsonata import Bindings

    return Bindings(
        fields=fields, context=scope.context, variables=scope.variables, randomness=scope.seed, now_ms=scope.now_ms
    )


def _try_jsonata(text: str, fields: Mapping[str, Json], scope: Scope) -> Tried:
    """Evaluate JSONata: what each sub-expression gives, in the order of the text."""
    from sfn_sim.query.jsonata import compile_expression
    from sfn_sim.query.jsonata_errors import UNDEFINED, JsonataProblem, QueryEvaluationError
    from sfn_sim.query.jsonata_explain import explain

    if not text.endswith("%}"):
        raise ConfigurationError(f"{text}: JSONata ends with %}}")
    code = text[2:-2].strip()
    bindings = _bindings(fields, scope)
    try:
        compiled = compile_expression(code)
    except JsonataProblem as problem:
        raise ConfigurationError(f"{code}: {problem}") from None
    lines = []
    for part in explain(compiled, bindings):
        values = [each for each in part.values if each is not UNDEFINED]
        told = part.error or (describe(cast(Json, values[-1])) if values else "nothing (undefined)")
        lines.append(Line(part.text, len(values), told))
    try:
        value = compiled.evaluate(bindings, "expression", None)
    except QueryEvaluationError as error:
        near = _near_in_jsonata(compiled, fields, scope.variables)
        return Tried("jsonata", (Part("", code, tuple(lines), "one value", None, str(error), near),))
    return Tried("jsonata", (Part("", code, tuple(lines), "one value", value),), value)



def _near_in_jsonata(
    compiled: Compiled, fields: Mapping[str, Json], variables: Mapping[str, Json]
) -> tuple[str, ...]:
    """Return the paths that might have been meant where one below $states or a variable leads nowhere."""
    found: list[str] = []
    for read in compiled.reads:
        if read.called:
            continue
        value, before, steps = variables.get(read.name), f"${read.name}", read.steps
        if read.name == "states":
            field, steps = "".join(map(str, steps[:1])), steps[1:]
            value, before = fields.get(field), f"$states.{field}"
        elif read.name not in variables:
            found += _near_variables(read.name, variables)
        for name in map(str, steps):
            if not isinstance(value, dict):
                break
            if name not in value:
                near = nearest(name, value)
                found += [f"{before}.{near}"] if near is not None else [f"{before}.{key}" for key in value]
                break
            value, before = value[name], f"{before}.{name}"
    return tuple(dict.fromkeys(found))[:_MOST_NEAR]


def _near_variables(name: str, variables: Mapping[str, Json]) -> list[str]:
    """Return the variables that might have been meant: the one that is most like it, else all."""
    near = nearest(name, dict(variables))
    return [f"${near}"] if near is not None else [f"${each}" for each in variables]


def _try_template(template: Template, data: Json, scope: Scope) -> Tried:
    parts = []
    for field in template.fields:
        expression = field.expression
        tried = _try_path if isinstance(expression, Path) else _try_call
        part = tried(cast("Any", expression), data, scope)
        name = field.pointer.removeprefix("/")
        parts.append(Part(name, part.text, part.lines, part.returns, part.value, part.error, part.near))
    ok = not any(part.error for part in parts)
    return Tried("template", tuple(parts), template.evaluate(data, scope) if ok else None)


def _try_path(path: Path, data: Json, scope: Scope) -> Part:
    lines = tuple(Line(each.text, each.count, each.description) for each in walk(path, data, scope))
    try:
        value = path.evaluate(data, scope)
    except PathError as problem:
        near = _near(path, problem, data)
        if path.root[1:] and path.root != "$$" and path.root[1:] not in scope.variables:
            near = tuple(_near_variables(path.root[1:], scope.variables))[:_MOST_NEAR]
        return Part("", path.text, lines, _returns(path, None), None, problem.message, near)
    return Part("", path.text, lines, _returns(path, value), value)


def _returns(path: Path, value: Json) -> str:
    if path.definite:
        return "one value"
    if isinstance(value, dict):
        return "one object with the keys that are there"
    return "always a list, even of one value or none"


def _near(path: Path, problem: PathError, data: Json) -> tuple[str, ...]:
    """Return the paths that might have been meant where a path stops."""
    steps = problem.steps
    if not steps or problem.stopped_at >= len(steps):
        return ()
    wanted, before = steps[problem.stopped_at], steps[: problem.stopped_at]
    found: list[str] = []
    if isinstance(problem.reached, dict) and isinstance(wanted, str):
        near = nearest(wanted, problem.reached)
        if near is not None:
            found.append(path_text((*before, near), path.root))
    if path.root == "$" and isinstance(wanted, str):
        last = steps[-1]
        for key in dict.fromkeys((wanted, last)):
            found += [path_text(each) for each in elsewhere(data, key, steps)]
    if path.root == "$" and wanted in ("Execution", "Map", "State", "StateMachine", "Task"):
        found.append(f"${path.text}")
    return tuple(dict.fromkeys(found))[:_MOST_NEAR]


def _try_call(expression: Intrinsic, data: Json, scope: Scope) -> Part:
    lines: list[Line] = []
    near: tuple[str, ...] = ()
    for argument in _inside_out(expression.call):
        if isinstance(argument, Path):
            part = _try_path(argument, data, scope)
            lines += part.lines
            near = near or part.near
            if part.error:
                return Part("", expression.text, tuple(lines), "one value", None, part.error, near)
            continue
        call = compile_intrinsic(cast(Call, argument).text)
        try:
            value = call.evaluate(data, scope)
        except (IntrinsicError, PathError) as problem:
            lines.append(Line(call.text, 0, problem.message))
            return Part("", expression.text, tuple(lines), "one value", None, problem.message, near)
        lines.append(Line(call.text, 1, describe(value)))
    return Part("", expression.text, tuple(lines), "one value", value)


def _inside_out(argument: Argument) -> Iterator[Argument]:
    if isinstance(argument, Call):
        for each in argument.arguments:
            yield from _inside_out(each)
        yield argument
    elif isinstance(argument, Path):
        yield argument


def scope_of(execution: Execution, place: Place, item: int = 0) -> Scope:
    """Return what `$$` and variables were in a visit.

    Args:
        execution: the execution that the visit is of.
        place: the visit.
        item: which of its items `$$.Map.Item` is, where the state is a Map itself.
    """
    visit = place.visit
    current = visit.branch.item
    if isinstance(visit.state.state, MapState):
        held = [value for name, value in stages(visit) if name in _ITEMS]
        items = held[-1] if held else None
        if isinstance(items, list) and 0 <= item < len(items):
            current = (item, items[item])
    now = SimpleNamespace(
        state=visit.state, entered_ms=visit.entered_ms, retry_count=len(visit.retry_delays_ms), item=current,
        item_source=getattr(visit.branch, "item_source", "STATE_DATA"), task_token=None,
    )  # fmt: skip
    identity = place.child.identity if place.child is not None else execution.identity
    given = place.child.input if place.child is not None else execution.input
    context = context_object(identity, given, cast(Branch, now))
    return Scope(lambda: cast(Json, context), variables_before(place), Stream.named(execution.options.seed, "path"))


def fields_of(place: Place) -> dict[str, Json]:
    """Return the fields of JSONata's `$states` that a visit has beside its input."""
    visit = place.visit
    found: dict[str, Json] = {}
    results = [value for name, value in stages(visit) if name == "result"]
    if results:
        found["result"] = results[-1]
    if visit.error is not None:
        found["errorOutput"] = {"Error": visit.error[0], "Cause": visit.error[1]}
    return found


def data_at(place: Place, stage: str) -> Json:
    """Return what the data was at a stage of a visit.

    Raises:
        ConfigurationError: the visit never came to it.
    """
    names = [name for name, _ in stages(place.visit)]
    if stage not in names:
        raise ConfigurationError(f"{place.path} has no stage {stage}; it has {', '.join(names)}")
    value: Any = next(value for name, value in reversed(stages(place.visit)) if name == stage)
    return None if look(value, ()) is MISSING else value
