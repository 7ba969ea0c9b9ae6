"""A state as an ordered tuple of named steps.

The interpreter folds these steps over values, the static checker folds the same steps over shapes: what a field
does to data is written once. A step's verb says how: *select* reads by a path, *build* fills a template, *place*
puts a result into the state's input. A field that is left at its default makes no step. A step in JSONata is one
that builds, and reads what its state binds to $states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import (
    ABSENT,
    Absent,
    Catcher,
    Choice,
    ChoiceState,
    Combination,
    DataFlow,
    Definition,
    Distribution,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Retrier,
    Rule,
    State,
    StateGraph,
    TaskState,
    WaitState,
)
from sfn_sim.definition.parse_jsonata import expected_type
from sfn_sim.payload import Json
from sfn_sim.query.expression import Expression
from sfn_sim.query.intrinsics import compile_intrinsic, is_intrinsic
from sfn_sim.query.jsonpath import ReferencePath, compile_path, compile_reference_path
from sfn_sim.query.template import Template, compile_template

if TYPE_CHECKING:
    from sfn_sim.query.jsonata_template import JsonataTemplate

Verb: TypeAlias = Literal["select", "build", "place"]
StepExpression: TypeAlias = "Expression | Template | ReferencePath | JsonataTemplate | None"
# What a JSONata step reads as $states.NAME beside the input: its name.
RESULT, ERROR_OUTPUT, NOTHING_ELSE = "result", "errorOutput", ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan.

    Attributes:
        stage: AWS's name of what the step gives (TestState's inspectionData).
        field: the ASL field.
        verb: how the expression is applied.
        expression: what is applied; None stands for JSON null.
        pointer: where the field stands in the definition.
        states: for a step in JSONata, under which name $states has the value that the step is applied to ("" for
            none, if that is the input); None for JSONPath.
    """

    stage: str
    field: str
    verb: Verb
    expression: StepExpression
    pointer: str
    states: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps before a state does its work, and those after it has a result.

    `once` comes before `before`: a retry builds Parameters again, but does not read InputPath again.
    """

    once: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A Choice rule with its paths compiled.

    For a comparison `operand` is the literal, or `operand_path` reads it; for a combination `rules` are its parts.
    `condition` is a rule in JSONata. `assign` and `output` fill those fields of the choice that the rule stands at the
    top of.
    """

    rule: Rule
    variable: Expression | None = None
    operand: Json = None
    operand_path: Expression | None = None
    rules: tuple[PlannedRule, ...] = ()
    condition: Step | None = None
    assign: Step | None = None
    output: Step | None = None


@dataclass(frozen=True, slots=True)
class PlannedCatcher:
    """A Catcher, the step that places its error output or makes its Output, and the one that fills its Assign."""

    catcher: Catcher
    step: Step | None
    assign: Step | None = None


@dataclass(frozen=True, slots=True)
class PlannedDistribution:
    """The templates of a distributed Map: what its reader and its writer are called with, and its BatchInput."""

    reader: Step | None = None
    batch_input: Step | None = None
    writer: Step | None = None


@dataclass(slots=True)
class PlannedState:
    """A state that is ready to run.

    Attributes:
        state: the model.
        plan: its data flow.
        entered: the history event of entering it; `exited` of leaving it.
        paths: the compiled `…Path` fields outside the data flow, by field name.
        fields: the fields outside the data flow that JSONata gives, by their place below the state.
        choices: a Choice state's rules with their targets.
        selector: a Map's ItemSelector (or its older name Parameters), applied to each item.
        assign: fills the state's Assign.
        graphs: a Parallel's branches, or a Map's processor alone.
        distribution: the templates of a distributed Map.
        number: the state's place in the machine, in order of the definition.
    """

    state: State
    name: str
    next: str | None
    plan: Plan
    entered: str
    exited: str
    number: int = 0
    paths: Mapping[str, Expression] = field(default_factory=dict)
    fields: Mapping[str, Step] = field(default_factory=dict)
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[PlannedCatcher, ...] = ()
    choices: tuple[tuple[PlannedRule, str], ...] = ()
    selector: Step | None = None
    assign: Step | None = None
    graphs: tuple[PlannedGraph, ...] = ()
    distribution: PlannedDistribution = PlannedDistribution()


@dataclass(slots=True)
class PlannedGraph:
    """States that are ready to run, and where to start."""

    start_at: str
    states: dict[str, PlannedState]
    pointer: str


@dataclass(slots=True)
class PlannedMachine:
    """A whole machine that is ready to run; `states` has every state, inner ones too, in definition order."""

    definition: Definition
    graph: PlannedGraph
    states: list[PlannedState]


def plan(definition: Definition) -> PlannedMachine:
    """Compile every path, template, intrinsic and JSONata expression of a definition.

    Raises:
        SyntaxProblem, TemplateProblems, JsonataProblems: an expression that `validate` would have refused.
        ConfigurationError: it has JSONata, and the engine is not installed.
    """
    every: list[PlannedState] = []
    graph = _graph(definition.graph, every)
    return PlannedMachine(definition, graph, every)


def _graph(graph: StateGraph, every: list[PlannedState]) -> PlannedGraph:
    return PlannedGraph(
        graph.start_at, {name: _state(state, every) for name, state in graph.states.items()}, graph.pointer
    )


def _state(state: State, every: list[PlannedState]) -> PlannedState:
    build = _builder(state)
    planned = PlannedState(
        state=state,
        name=state.name,
        next=state.next,
        plan=_plan(state, build),
        entered=f"{state.type}StateEntered",
        exited=f"{state.type}StateExited",
        number=len(every),
        paths=_paths(state),
        fields=_fields(state),
        assign=build("variables", "Assign", state.assign, state.pointer, _after(state)),
    )
    every.append(planned)
    if isinstance(state, TaskState | ParallelState | MapState):
        planned.retriers = state.errors.retriers
        planned.catchers = tuple(_catcher(each, build) for each in state.errors.catchers)
    if isinstance(state, ChoiceState):
        planned.choices = tuple((_choice(choice, build), choice.next) for choice in state.choices)
    elif isinstance(state, ParallelState):
        planned.graphs = tuple(_graph(branch, every) for branch in state.branches)
    elif isinstance(state, MapState):
        planned.graphs = (_graph(state.processor, every),)
        planned.selector = build("afterItemSelector", state.item_selector_field, state.item_selector, state.pointer)
        if state.distribution is not None:
            planned.distribution = _distribution(state.distribution, build)
    return planned


def _distribution(given: Distribution, build: _Build) -> PlannedDistribution:
    reader, batcher, writer = given.reader, given.batcher, given.writer
    return PlannedDistribution(
        reader=build("itemReader", reader.arguments_field, reader.arguments, reader.pointer) if reader else None,
        batch_input=build("batchInput", "BatchInput", batcher.batch_input, batcher.pointer) if batcher else None,
        writer=build("resultWriter", writer.arguments_field, writer.arguments, writer.pointer) if writer else None,
    )


class _Build(Protocol):
    """Makes the step that fills a template; `states` is as in `Step`, and says nothing to JSONPath."""

    def __call__(
        self,
        stage: str,
        name: str,
        template: Json | Absent,
        pointer: str,
        states: str = ...,
        expected: str | None = ...,
    ) -> Step | None: ...


def _builder(state: State) -> _Build:
    if state.query_language != JSONATA:
        return _build
    from sfn_sim.query.jsonata_template import compile_template as compile_jsonata

    def build(
        stage: str,
        name: str,
        template: Json | Absent,
        pointer: str,
        states: str = NOTHING_ELSE,
        expected: str | None = None,
    ) -> Step | None:
        if template is ABSENT:
            return None
        at = f"{pointer}/{name}"
        compiled = compile_jsonata(template, _aws_field(at, state.pointer), at, expected)
        return Step(stage, name, "build", compiled, at, states)

    return build


def _aws_field(pointer: str, above: str) -> str:
    """Return a field's place below its state as AWS writes it ("Choices[0]/Condition").

    Source: measured on AWS (floci-io/floci#2699): list items as [i].
    """
    return _INDEX.sub(r"[\1]", pointer.removeprefix(above).lstrip("/"))


_INDEX = re.compile(r"/(\d+)(?=/|$)")


def _after(state: State) -> str:
    """Return under which name a state's Assign and Output find its result.

    Source: Developer Guide, Passing data between states with variables ($states.result).
    """
    return RESULT if isinstance(state, TaskState | ParallelState | MapState) else NOTHING_ELSE


def _plan(state: State, build: _Build) -> Plan:
    flow = state.flow
    if state.query_language == JSONATA:
        arguments = build("afterArguments", "Arguments", flow.parameters, state.pointer)
        output = build("output", "Output", flow.output, state.pointer, _after(state))
        return Plan(before=(arguments,) if arguments else (), after=(output,) if output else ())
    once = _select("afterInputPath", "InputPath", flow.input_path, state.pointer)
    before = _build("afterParameters", flow.parameters_field, flow.parameters, state.pointer)
    after = (
        _build("afterResultSelector", "ResultSelector", flow.result_selector, state.pointer),
        _place("afterResultPath", _result_path(state, flow), state.pointer),
        _select("afterOutputPath", "OutputPath", flow.output_path, state.pointer),
    )
    return Plan(
        once=(once,) if once else (),
        before=(before,) if before else (),
        after=tuple(step for step in after if step),
    )


def _result_path(state: State, flow: DataFlow) -> str | None:
    # Choice, Wait, Succeed and Fail have no result to place: they pass on what they were given.
    return flow.result_path if isinstance(state, PassState | TaskState | ParallelState | MapState) else "$"


def _select(stage: str, name: str, path: str | None, pointer: str) -> Step | None:
    if path == "$":
        return None
    return Step(stage, name, "select", None if path is None else compile_path(path), f"{pointer}/{name}")


def _build(
    stage: str, name: str, template: Json | Absent, pointer: str, states: str = "", expected: str | None = None
) -> Step | None:
    del states, expected
    if template is ABSENT:
        return None
    return Step(stage, name, "build", compile_template(template, f"{pointer}/{name}"), f"{pointer}/{name}")


def _place(stage: str, path: str | None, pointer: str) -> Step | None:
    if path == "$":
        return None
    expression = None if path is None else compile_reference_path(path)
    return Step(stage, "ResultPath", "place", expression, f"{pointer}/ResultPath")


def _catcher(catcher: Catcher, build: _Build) -> PlannedCatcher:
    step = build("output", "Output", catcher.output, catcher.pointer, ERROR_OUTPUT)
    step = step or _place("afterResultPath", catcher.result_path, catcher.pointer)
    return PlannedCatcher(catcher, step, build("variables", "Assign", catcher.assign, catcher.pointer, ERROR_OUTPUT))


def _choice(choice: Choice, build: _Build) -> PlannedRule:
    return replace(
        _rule(choice.rule, build),
        assign=build("variables", "Assign", choice.assign, choice.pointer),
        output=build("output", "Output", choice.output, choice.pointer),
    )


def _rule(rule: Rule, build: _Build) -> PlannedRule:
    if isinstance(rule, Combination):
        return PlannedRule(rule, rules=tuple(_rule(each, build) for each in rule.rules))
    if not rule.variable:
        step = build("condition", rule.operator, rule.operand, rule.pointer, NOTHING_ELSE, "boolean")
        return PlannedRule(rule, condition=step)
    variable = compile_path(rule.variable)
    if rule.operand_is_path:
        return PlannedRule(rule, variable, operand_path=compile_path(str(rule.operand)))
    return PlannedRule(rule, variable, operand=rule.operand)


def _fields(state: State) -> dict[str, Step]:
    """Return the fields that JSONata gives beside the data flow, by their place below the state."""
    build = _builder(state)
    given = {
        name: build("", name, text, state.pointer, NOTHING_ELSE, expected_type(name))
        for name, text in state.expressions.items()
    }
    if isinstance(state, MapState):
        given["Items"] = build("afterItems", "Items", state.items, state.pointer, NOTHING_ELSE, "array")
    return {name: step for name, step in given.items() if step is not None}


def _paths(state: State) -> dict[str, Expression]:
    texts: dict[str, str | None] = {}
    if isinstance(state, TaskState):
        texts = {"TimeoutSecondsPath": state.timeout.path, "HeartbeatSecondsPath": state.heartbeat.path}
    elif isinstance(state, WaitState):
        texts = {"SecondsPath": state.seconds_path, "TimestampPath": state.timestamp_path}
    elif isinstance(state, FailState):
        texts = {"ErrorPath": state.error_path, "CausePath": state.cause_path}
    elif isinstance(state, MapState):
        texts = {
            "ItemsPath": None if state.items_path == "$" else state.items_path,
            "MaxConcurrencyPath": state.max_concurrency.path,
            "ToleratedFailureCountPath": state.tolerated_failure_count.path,
            "ToleratedFailurePercentagePath": state.tolerated_failure_percentage.path,
        }
        reader, batcher = (state.distribution.reader, state.distribution.batcher) if state.distribution else (None,) * 2
        if reader:
            texts["MaxItemsPath"] = reader.max_items.path
        if batcher:
            texts["MaxItemsPerBatchPath"] = batcher.max_items.path
            texts["MaxInputBytesPerBatchPath"] = batcher.max_bytes.path
    return {name: _expression(text) for name, text in texts.items() if text is not None}


def _expression(text: str) -> Expression:
    return compile_intrinsic(text) if is_intrinsic(text) else compile_path(text)
