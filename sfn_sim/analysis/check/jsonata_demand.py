"""Who reads what, for states in JSONata: as `demand`, with what an Output keeps of the state's input.

An Output that is `$merge([$states.input, {…}])` keeps the input and puts keys into it; one that is an object makes
its keys, and all else reads whatever its expressions read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfn_sim.analysis.check.demand import EVERYTHING, NOTHING, Demand, simplest
from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedGraph, PlannedState, Step
from sfn_sim.payload import Json
from sfn_sim.query.jsonata import Compiled, compile_expression, expression_in
from sfn_sim.query.jsonata_reads import field_of
from sfn_sim.query.jsonata_syntax import Node
from sfn_sim.query.jsonata_template import JsonataTemplate
from sfn_sim.query.shapes import Steps
from sfn_sim.source import escape

if TYPE_CHECKING:
    from sfn_sim.analysis.check.demand import Demands

INPUT, ERROR = "input", "errorOutput"
_WORKING = ("Task", "Map", "Parallel")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that an Output or ItemSelector makes.

    Attributes:
        steps: where it stands in what is made.
        pointer: the JSON pointer of what is written for it; `text` the expression around it, empty for none.
        source: the field of $states that it is, whole; empty for anything else.
        reads: the fields of $states that it reads from.
    """

    steps: Steps
    pointer: str
    text: str
    source: str
    reads: frozenset[str]


@dataclass(frozen=True, slots=True)
class Made:
    """What a template makes.

    Attributes:
        keys: the keys that it is known to make.
        keeps: the field of $states whose other keys it keeps; empty for none.
        is_open: whether it may make other keys too.
    """

    keys: tuple[Key, ...] = ()
    keeps: str = ""
    is_open: bool = False


def made_by(step: Step | None) -> Made:
    """Return what the template of a field makes."""
    if step is None or not isinstance(step.expression, JsonataTemplate):
        return Made(is_open=True)
    value = step.expression.value
    if isinstance(value, dict):
        return Made(tuple(_keys(value, (), step.pointer)))
    found = expression_in(value)
    return Made(is_open=True) if found is None else _written(compile_expression(found[0]), step.pointer)


def _keys(value: Json, above: Steps, pointer: str) -> Iterator[Key]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _keys(each, (*above, key), f"{pointer}/{escape(key)}")
        return
    found = expression_in(value)
    compiled = compile_expression(found[0]) if found is not None else None
    source = _source(compiled.tree) if compiled is not None else ""
    read = frozenset(root for root, _ in _reads(compiled)) if compiled is not None else frozenset()
    yield Key(above, pointer, compiled.text if compiled is not None else "", source, read)


def _written(compiled: Compiled, pointer: str) -> Made:
    tree = compiled.tree
    if tree.kind == "block" and tree.parts and all(each.kind == "bind" for each in tree.parts[:-1]):
        tree = tree.parts[-1]
    if tree.kind == "object":
        return _of_parts((tree,), compiled, pointer)
    merges = tree.kind == "call" and len(tree.parts) == 2 and tree.parts[0].value == "merge"
    if merges and tree.parts[1].kind == "array":
        return _of_parts(tree.parts[1].parts, compiled, pointer)
    source = _source(tree)
    return Made(keeps=source, is_open=not source)


def _of_parts(parts: tuple[Node, ...], compiled: Compiled, pointer: str) -> Made:
    keys: list[Key] = []
    keeps = ""
    is_open = False
    for number, part in enumerate(parts):
        source = _source(part)
        if part.kind == "object":
            for key, value in zip(part.parts[::2], part.parts[1::2], strict=True):
                name = field_of(key)
                if name is None:
                    is_open = True
                else:
                    read = frozenset(root for root, _ in _reads(compiled, value))
                    keys.append(Key((name,), pointer, compiled.text, _source(value), read))
        elif source and not number:
            keeps = source
        else:
            is_open = True
    return Made(tuple(keys), keeps, is_open)


def _source(node: Node) -> str:
    """Return the field of $states that an expression is, whole; empty if it is anything else."""
    if node.kind != "path" or len(node.parts) != 2:
        return ""
    first, name = node.parts
    is_states = first.kind == "variable" and first.value == "states"
    return field_of(name) or "" if is_states else ""


def _reads(compiled: Compiled, part: Node | None = None) -> Iterator[tuple[str, Steps]]:
    """Yield the fields of $states that an expression, or a part of it, reads, with the steps below each."""
    for read in compiled.reads:
        if read.name != "states" or (part is not None and not part.start <= read.start < part.end):
            continue
        for root in (str(read.steps[0]),) if read.steps else (INPUT, "result", ERROR, "context"):
            yield root, read.steps[1:]


def reads_of(step: Step | None) -> Iterator[tuple[str, Steps]]:
    """Yield what a field's expressions read of $states."""
    if step is not None and isinstance(step.expression, JsonataTemplate):
        for each in step.expression.expressions:
            yield from _reads(each.expression)


def demand_of(planned: PlannedState, demands: Demands, at_end: Demand) -> Demand:
    """Return what is read of a state's input, and note what is read of what it gives."""
    found: list[Steps] = []
    for step in _always(planned):
        found += _of_input(step, demands)
    out = _read_after(planned.next, demands, at_end)
    demands.results[planned.name] = EVERYTHING if planned.state.type == "Choice" else out
    if planned.state.type == "Choice":
        default = getattr(planned.state, "default", None)
        for rule, target in planned.choices:
            found += _given_on(rule.output, _read_after(target, demands, at_end), demands)
        if default is not None:
            after = planned.plan.after[0] if planned.plan.after else None
            found += _given_on(after, _read_after(default, demands, at_end), demands)
        return simplest(found)
    if planned.state.type != "Fail":
        output = planned.plan.after[0] if planned.plan.after else None
        if output is not None or planned.state.type not in _WORKING:
            found += _given_on(output, out, demands)
    for each in planned.catchers:
        if each.step is not None:
            found += _given_on(each.step, _read_after(each.catcher.next, demands, at_end), demands)
    return simplest(found + _handed_on(planned, demands))


def _read_after(target: str | None, demands: Demands, at_end: Demand) -> Demand:
    return at_end if target is None else demands.inputs.get(target, NOTHING)


def _always(planned: PlannedState) -> Iterator[Step | None]:
    """Yield the fields that are read whatever follows."""
    yield from planned.fields.values()
    yield from planned.plan.before
    yield planned.selector
    yield planned.assign
    yield from (planned.distribution.reader, planned.distribution.batch_input, planned.distribution.writer)
    for rule, _ in planned.choices:
        yield rule.condition
        yield rule.assign
    for each in planned.catchers:
        yield each.assign


def _of_input(step: Step | None, demands: Demands) -> list[Steps]:
    """Return what a field reads of the input; what it reads of the execution's input is noted."""
    found = []
    for root, steps in reads_of(step):
        if root == INPUT:
            found.append(steps)
        elif root == "context" and steps[:2] in ((), ("Execution",), ("Execution", "Input")):
            demands.execution_input = simplest((*demands.execution_input, steps[2:]))
    return found


def _given_on(output: Step | None, wanted: Demand, demands: Demands) -> list[Steps]:
    """Return what an Output reads of the input where `wanted` is read of what it gives; without one it is the input."""
    if output is None:
        return list(wanted)
    made = made_by(output)
    reads = _of_input(output, demands)
    if made.keeps != INPUT:
        return reads
    over = [each.steps for each in made.keys if each.source in ("result", ERROR)]
    kept = [each for each in wanted if not any(each[: len(at)] == at for at in over)]
    return [each for each in reads if each] + kept


def _handed_on(planned: PlannedState, demands: Demands) -> list[Steps]:
    """Return what a state reads of its input because it hands that on to its task or to inner states."""
    kind = planned.state.type
    inner = [_inner(graph, demands) for graph in planned.graphs]
    if kind == "Task":
        return [] if planned.plan.before else [()]
    if kind == "Parallel":
        return [] if planned.plan.before else [place for each in inner for place in each]
    if isinstance(planned.state, MapState) and "Items" not in planned.fields:
        reader = planned.state.distribution is not None and planned.state.distribution.reader is not None
        return [] if reader else [()]
    return []


def _inner(graph: PlannedGraph, demands: Demands) -> Demand:
    return demands.of_graph(graph, EVERYTHING)
