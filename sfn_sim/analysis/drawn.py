"""What of a state's values no other run can give again: what chance, the clock or AWS's own names have a part in.

A history of AWS's has no seed, so that a random number or a UUID comes out as another one when its state is folded
again; the clock is only known at the history's events. Whoever compares takes AWS's value there, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sfn_sim.analysis.lineage.jsonata import DRAWING, draws, field_text, shortened
from sfn_sim.analysis.lineage.jsonata import filled as filled_jsonata
from sfn_sim.analysis.lineage.sources import filled
from sfn_sim.definition.model import ChoiceState
from sfn_sim.definition.plan import Step
from sfn_sim.payload import Json
from sfn_sim.query.expression import Scope
from sfn_sim.query.intrinsics import Argument, Call, Intrinsic
from sfn_sim.query.jsonata_template import JsonataTemplate
from sfn_sim.query.jsonata_trace import trace
from sfn_sim.query.jsonata_traced import At, Unfollowable
from sfn_sim.query.jsonpath import Path, ReferencePath
from sfn_sim.query.template import Template
from sfn_sim.run.jsonata_states import bindings
from sfn_sim.run.log import Visit

Steps = tuple[str | int, ...]
_RANDOM = ("States.UUID", "States.MathRandom")
NAMES, TIMES = "the execution's name", "the times of its events"
_ITEM = ("Map", "Item", "Value")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A value that no other run gives.

    Attributes:
        field: the field that made it, such as "Output/id"; `by` its expression.
        by: the expression.
        what: what has a part in it: "chance", "the clock", NAMES, TIMES.
    """

    field: str
    by: str
    what: str


def steps_of(pointer: str, *sides: object) -> Steps:
    """Return a JSON pointer's steps; an index of a list, on whichever side has one, as a number."""
    steps: list[str | int] = []
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        step: str | int = int(name) if any(isinstance(each, list) for each in sides) and name.isdigit() else name
        steps.append(step)
        sides = tuple(_step(each, name) for each in sides)
    return tuple(steps)


def _step(value: object, name: str) -> object:
    if isinstance(value, list):
        return value[int(name)] if name.isdigit() and int(name) < len(value) else None
    return value.get(name) if isinstance(value, dict) else None


class Drawing:
    """Finds what was drawn in one visit.

    Args:
        visit: the visit; `scope` what its expressions read.
        scope: what its expressions read.
        unknown: what of the Context Object is not known: NAMES, TIMES.
    """

    def __init__(self, visit: Visit, scope: Scope, unknown: frozenset[str] = frozenset()) -> None:
        self._visit = visit
        self._scope = scope
        self._unknown = unknown
        self._state = visit.state.state

    def output(self, steps: Steps) -> Drawn | None:
        """Return what was drawn at a place of the state's output."""
        planned = self._visit.state
        if self._visit.caught:
            made = [[each.step] for each in planned.catchers if each.step is not None]
        elif isinstance(self._state, ChoiceState) and any(rule.output for rule, _ in planned.choices):
            made = [[rule.output] for rule, _ in planned.choices if rule.output is not None]
        else:
            before = planned.plan.before if planned.state.type == "Pass" else ()
            made = [[*before, *planned.plan.after]]
        return next((each for chain in made if (each := self._chain(chain, steps)) is not None), None)

    def assigned(self, steps: Steps) -> Drawn | None:
        """Return what was drawn at a place of the variables that the state assigned."""
        planned = self._visit.state
        every = [planned.assign, *(each.assign for each in planned.catchers), *(r.assign for r, _ in planned.choices)]
        found = (self._chain([each], steps) for each in every if each is not None)
        return next((each for each in found if each is not None), None)

    def given(self, steps: Steps) -> Drawn | None:
        """Return what was drawn at a place of what the state handed to its task or branches."""
        return self._chain(list(self._visit.state.plan.before), steps)

    def item(self, index: int, steps: Steps) -> Drawn | None:
        """Return what was drawn at a place of a Map's item, as its processor was given it."""
        planned = self._visit.state
        if planned.selector is None:
            return self.items((index, *steps))
        return self._chain([planned.selector], steps, index)

    def items(self, steps: Steps) -> Drawn | None:
        """Return what was drawn at a place of a Map's items."""
        step = self._visit.state.fields.get("Items")
        return self._chain([step], steps) if step is not None else None

    def way(self) -> Drawn | None:
        """Return what was drawn for a Choice to go by."""
        for rule, _ in self._visit.state.choices:
            step = rule.condition
            if step is not None and (found := self._chain([step], ())) is not None:
                return found
        return None

    def _chain(self, chain: list[Step], steps: Steps, item: int = -1) -> Drawn | None:
        for step in reversed(chain):
            expression = step.expression
            if isinstance(expression, JsonataTemplate):
                return self._in_jsonata(step, expression, steps, item)
            if isinstance(expression, Template):
                return self._in_template(step, expression, steps)
            if isinstance(expression, ReferencePath):
                at = expression.steps
                if steps[: len(at)] != at:
                    return None
                steps = steps[len(at) :]
            elif isinstance(expression, Path) and expression.definite and expression.root == "$":
                steps = (*expression.steps, *steps)
            else:
                return None
        return None

    def _in_template(self, step: Step, template: Template, steps: Steps) -> Drawn | None:
        found = filled(template, steps)
        for field, _, _ in found.fields if found is not None else ():
            at = f"{step.field}{field.pointer.removeprefix(step.pointer)}"
            expression = field.expression
            if isinstance(expression, Intrinsic) and any(name in _RANDOM for name in _calls(expression.call)):
                return Drawn(at, expression.text, "chance")
            reads = (self._lacks(each.steps) for each in expression.references if each.root == "$$")
            if what := next(filter(None, reads), ""):
                return Drawn(at, expression.text, what)
        return None

    def _in_jsonata(self, step: Step, template: JsonataTemplate, steps: Steps, item: int) -> Drawn | None:
        found = filled_jsonata(template, steps)
        for part in found.parts if found is not None else ():
            compiled = part.expression.expression
            at = field_text(step, self._state.pointer, part.expression.pointer)
            by = shortened(compiled.text)
            names = {read.name for read in compiled.reads if read.called} & DRAWING
            what = "the clock" if names and names <= {"now", "millis"} else "chance"
            if not draws(compiled) and not self._unknown and item < 0:
                continue
            around = bindings(step, self._base(step), self._visit, self._scope)
            try:
                outcome = trace(compiled, around).outcome.at(part.rest)
            except Unfollowable:
                if names:
                    return Drawn(at, by, what)
                continue
            if outcome.drawn:
                return Drawn(at, by, what)
            leaves = list(outcome.leaves())
            lacking = (self._lacks(each.steps) for each in leaves if each.root == "context")
            if what := next(filter(None, lacking), ""):
                return Drawn(at, by, what)
            of_item = (each.steps[3:] for each in leaves if _is_item(each))
            drawn = next((each for below in of_item if (each := self.items((item, *below))) is not None), None)
            if item >= 0 and drawn is not None:
                return drawn
        return None

    def _lacks(self, steps: Steps) -> str:
        """Return what is not known of a part of the Context Object; empty for nothing."""
        return next(iter(sorted(_parts(steps) & self._unknown)), "")

    def _base(self, step: Step) -> Json:
        for name, value in reversed(self._visit.stages):
            if name == step.states:
                return value
        return self._visit.input


def _is_item(at: At) -> bool:
    return at.root == "context" and at.steps[:3] == _ITEM


def _parts(steps: Steps) -> frozenset[str]:
    """Return which of NAMES and TIMES a part of the Context Object depends on."""
    if len(steps) < 2 and steps[:1] in ((), ("Execution",)):
        return frozenset((NAMES, TIMES))
    if steps[:2] in (("Execution", "StartTime"), ("State",), ("State", "EnteredTime")):
        return frozenset((TIMES,))
    named = steps[:2] in (("Execution", "Id"), ("Execution", "Name")) or steps[:1] == ("StateMachine",)
    return frozenset((NAMES,)) if named else frozenset()


def _calls(argument: Argument) -> Iterator[str]:
    if isinstance(argument, Call):
        yield argument.name
        for each in argument.arguments:
            yield from _calls(each)


