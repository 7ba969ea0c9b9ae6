"""Who reads what: the plan folded backwards, from the places that read to those that make.

A demand is a set of places, each with all that stands below it; the empty place is everything. What is not followed
demands everything, so that nothing is called unread that may be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from sfn_sim.analysis.check.states import is_followed, targets
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ABSENT, MapState, PassState, TaskState
from sfn_sim.definition.plan import PlannedGraph, PlannedMachine, PlannedRule, PlannedState, Step
from sfn_sim.query.expression import Reference
from sfn_sim.query.intrinsics import Intrinsic
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.shapes import Steps
from sfn_sim.query.template import Template

Demand: TypeAlias = "frozenset[Steps]"
NOTHING: Demand = frozenset()
EVERYTHING: Demand = frozenset(((),))
_DEPTH = 6
_PLACES = 300


def overlaps(demand: Demand, steps: Steps) -> bool:
    """Tell whether a demand reads anything at, above or below a place."""
    return any(each[: len(steps)] == steps or steps[: len(each)] == each for each in demand)


def simplest(places: Iterable[Steps]) -> Demand:
    """Return a demand without the places that stand below others of it.

    Places are cut off at a depth and at a number, which reads more than they say: what a loop reads comes to an end.
    """
    kept: set[Steps] = set()
    different = {each[:_DEPTH] for each in places}
    if len(different) > _PLACES:
        return EVERYTHING
    for each in sorted(different, key=len):
        if not any(each[:length] in kept for length in range(len(each) + 1)):
            kept.add(each)
    return frozenset(kept)


@dataclass(slots=True)
class Demands:
    """What is read, state by state.

    Attributes:
        inputs: by state, what is read of its input by itself and what follows.
        results: by state, what is read of its result.
        execution_input: what is read of `$$.Execution.Input`.
    """

    inputs: dict[str, Demand] = field(default_factory=dict)
    results: dict[str, Demand] = field(default_factory=dict)
    execution_input: Demand = NOTHING

    def of_graph(self, graph: PlannedGraph, at_end: Demand) -> Demand:
        """Work out a graph's demands until nothing changes; return what is read of the first state's input.

        Args:
            graph: the states.
            at_end: what is read of what the graph ends with.
        """
        changed = True
        while changed:
            changed = False
            for name, planned in reversed(graph.states.items()):
                wanted = self._of_state(planned, at_end)
                if wanted != self.inputs.get(name, NOTHING):
                    self.inputs[name] = wanted
                    changed = True
        return self.inputs.get(graph.start_at, NOTHING)

    def _of_state(self, planned: PlannedState, at_end: Demand) -> Demand:
        if planned.state.query_language == JSONATA:
            from sfn_sim.analysis.check.jsonata_demand import demand_of

            return demand_of(planned, self, at_end)
        if not is_followed(planned) or _assigns(planned):
            self.results[planned.name] = EVERYTHING
            for graph in planned.graphs:
                self.of_graph(graph, EVERYTHING)
            self.execution_input = EVERYTHING
            return EVERYTHING
        for step in (*planned.plan.once, *planned.plan.after):
            self._references(step.expression)  # for what they read of the Context Object alone
        ways = [self.inputs.get(target, NOTHING) if target else at_end for target in self._nexts(planned)]
        out = simplest(place for way in ways for place in way)
        prefix = _prefix(planned)
        reads = [(*prefix, *each) for each in self._own_reads(planned)] if prefix is not None else []
        if planned.state.type == "Fail":
            return simplest(self._own_reads(planned))
        out = _before_output_path(planned, out)
        raw, result = _parted(planned, out)
        self.results[planned.name] = result
        reads += raw
        reads += self._given_reads(planned, result, prefix)
        reads += self._caught_reads(planned)
        return simplest(reads)

    def _nexts(self, planned: PlannedState) -> list[str | None]:
        caught = {each.catcher.next for each in planned.catchers}
        ways = targets(planned)
        return [each for each in ways if each not in caught or each == planned.next]

    def _own_reads(self, planned: PlannedState) -> list[Steps]:
        """Return what a state's fields read of its effective input, whatever follows."""
        found: list[Steps] = []
        for name, expression in planned.paths.items():
            # What a reader gives is no part of the state's input.
            if not (name == "ItemsPath" and _reads_elsewhere(planned)):
                found += self._references(expression)
        for rule, _ in planned.choices:
            found += self._rule_reads(rule)
        for step in planned.plan.before:
            found += self._references(step.expression)
        for each in (planned.selector, *_templates(planned)):
            if each is not None:
                found += self._references(each.expression)
        return found

    def _rule_reads(self, rule: PlannedRule) -> list[Steps]:
        found = self._references(rule.variable) + self._references(rule.operand_path)
        for each in rule.rules:
            found += self._rule_reads(each)
        return found

    def _references(self, expression: object) -> list[Steps]:
        if isinstance(expression, Template):
            references: Iterable[Reference] = (each for _, each in expression.references)
        elif isinstance(expression, Path | Intrinsic):
            references = expression.references
        else:
            return []
        found = []
        for each in references:
            if each.root == "$":
                found.append(each.steps)
            elif each.root == "$$" and each.steps[:2] in ((), ("Execution",), ("Execution", "Input")):
                self.execution_input = simplest((*self.execution_input, each.steps[2:]))
        return found

    def _given_reads(self, planned: PlannedState, result: Demand, prefix: Steps | None) -> list[Steps]:
        """Return what a state reads of its input because it hands that on, to its task, branches or result."""
        state = planned.state
        inner = NOTHING
        for graph in planned.graphs:
            inner = simplest((*inner, *self.of_graph(graph, EVERYTHING if result else NOTHING)))
        if planned.plan.before or prefix is None:
            return []
        if isinstance(state, TaskState):
            return [prefix]
        if isinstance(state, MapState):
            if planned.selector is not None or not inner:
                return [] if "ItemsPath" in planned.paths else [prefix]
            items = planned.paths.get("ItemsPath")
            return [(*prefix, *items.steps)] if isinstance(items, Path) else [prefix]
        if planned.graphs:
            return [(*prefix, *each) for each in inner]
        if isinstance(state, PassState) and state.result is not ABSENT:
            return []
        return [(*prefix, *each) for each in result]

    def _caught_reads(self, planned: PlannedState) -> list[Steps]:
        found: list[Steps] = []
        for each in planned.catchers:
            wanted = self.inputs.get(each.catcher.next, NOTHING)
            # Without ResultPath the error stands in the place of everything.
            found += [] if each.step is None else _beside(wanted, each.step)
        return found


def demands_of(machine: PlannedMachine) -> Demands:
    """Return what is read in a machine; its output is read by whoever started it."""
    demands = Demands()
    demands.of_graph(machine.graph, EVERYTHING)
    return demands


def _prefix(planned: PlannedState) -> Steps | None:
    """Return where the effective input stands in a state's input; None where nothing of it is read."""
    prefix: Steps = ()
    for step in planned.plan.once:
        if not isinstance(step.expression, Path) or step.expression.root != "$":
            return None
        prefix = (*prefix, *step.expression.steps)
        if not step.expression.definite:
            break
    return prefix


def _before_output_path(planned: PlannedState, out: Demand) -> Demand:
    for step in planned.plan.after:
        if step.field == "OutputPath":
            if not isinstance(step.expression, Path) or step.expression.root != "$":
                return NOTHING
            steps = step.expression.steps
            return simplest((*steps, *each) for each in out) if step.expression.definite else frozenset((steps,))
    return out


def _parted(planned: PlannedState, out: Demand) -> tuple[Demand, Demand]:
    """Return what is read of a state's input that it keeps, and what of its result."""
    place = next((step for step in planned.plan.after if step.verb == "place"), None)
    if place is None:
        return NOTHING, out
    raw = _beside(out, place)
    if not isinstance(place.expression, ReferencePath):
        return simplest(raw), NOTHING
    at = place.expression.steps
    # What a result is put into is looked at on the way there.
    raw += [at[:-1]] if len(at) > 1 else []
    inner = [each[len(at) :] for each in out if each[: len(at)] == at]
    if any(at[: len(each)] == each for each in out):
        inner = [()]
    return simplest(raw), simplest(inner)


def _beside(wanted: Demand, step: Step) -> list[Steps]:
    """Return what of a demand stands in the input into which a step places something."""
    if not isinstance(step.expression, ReferencePath):
        return list(wanted)
    at = step.expression.steps
    return [each for each in wanted if each[: len(at)] != at]


def _reads_elsewhere(planned: PlannedState) -> bool:
    state = planned.state
    return isinstance(state, MapState) and state.distribution is not None and state.distribution.reader is not None


def _assigns(planned: PlannedState) -> bool:
    """Tell whether a state gives values to variables, whose readers are not followed."""
    given = [planned.assign, *(each.assign for each in planned.catchers), *(rule.assign for rule, _ in planned.choices)]
    return any(each is not None for each in given)


def _templates(planned: PlannedState) -> tuple[Step | None, ...]:
    given = planned.distribution
    return (given.reader, given.batch_input, given.writer)
