"""What a JSONata template makes its value of: for a place in the outcome the places in the run that it comes from.

An expression is evaluated once more on values that know where they came from (`query.jsonata_trace`). What that gives
is compared with what the run recorded; where the two differ, or a part cannot be followed, it is said that it cannot be
told, and what the expression reads. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sfn_sim.analysis.explain_path import scope_of
from sfn_sim.analysis.lineage.hops import Point
from sfn_sim.analysis.lineage.places import Found, Place, Steps, givers, value_at, variables_before
from sfn_sim.analysis.trace import MISSING, _Missing, look
from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import ERROR_OUTPUT, RESULT, Step
from sfn_sim.payload import Json
from sfn_sim.query.jsonata import Bindings, Compiled
from sfn_sim.query.jsonata_template import JsonataTemplate, TemplateExpression
from sfn_sim.query.jsonata_trace import Trace, trace
from sfn_sim.query.jsonata_traced import WRITTEN, At, Made, Traced, Unfollowable, summary
from sfn_sim.run.execution import Execution
from sfn_sim.source import escape

_LONG = 90
_OTHER = "on the recorded values it gives something else, as where they are redacted"
DRAWING = frozenset(("random", "uuid", "shuffle", "now", "millis"))


@dataclass(frozen=True, slots=True)
class Part:
    """An expression of a template and where it stands: `below` in what was asked for, `rest` what is asked of it."""

    expression: TemplateExpression
    below: Steps
    rest: Steps


@dataclass(frozen=True, slots=True)
class Filled:
    """What a template has at some place.

    Attributes:
        parts: the expressions there.
        literal: the value that is written there, MISSING if there is none or expressions are in it.
        pointer: where it stands in the definition.
    """

    parts: tuple[Part, ...]
    literal: Found
    pointer: str


def filled(template: JsonataTemplate, steps: Steps) -> Filled | None:
    """Return what a template has at `steps`; None if it has nothing there."""
    expressions = {each.pointer: each for each in template.expressions}
    value, pointer = template.value, template.pointer
    for taken in range(len(steps) + 1):
        if pointer in expressions:
            return Filled((Part(expressions[pointer], (), steps[taken:]),), MISSING, pointer)
        if taken == len(steps):
            break
        step = steps[taken]
        below = look(value, (step,))
        if isinstance(below, _Missing):
            return None
        value = below
        pointer = f"{pointer}/{escape(step) if isinstance(step, str) else step}"
    parts = tuple(_below(value, pointer, (), expressions))
    return Filled(parts, MISSING if parts else value, pointer)


def nearest_pointer(template: JsonataTemplate, steps: Steps) -> str:
    """Return where in the definition the last object or list stands that `steps` lead through."""
    value, pointer = template.value, template.pointer
    for step in steps:
        below = look(value, (step,))
        if not isinstance(below, dict | list):
            break
        value, pointer = below, f"{pointer}/{escape(step) if isinstance(step, str) else step}"
    return pointer


def _below(value: Json, pointer: str, below: Steps, expressions: dict[str, TemplateExpression]) -> Iterator[Part]:
    if pointer in expressions:
        yield Part(expressions[pointer], below, ())
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _below(inner, f"{pointer}/{escape(key)}", (*below, key), expressions)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _below(inner, f"{pointer}/{index}", (*below, index), expressions)


def every_part(template: JsonataTemplate) -> tuple[Part, ...]:
    """Return every expression of a template, and where in the filled template its value stands."""
    found = filled(template, ())
    return found.parts if found is not None else ()


@dataclass(frozen=True, slots=True)
class Told:
    """What an expression's value is, as far as it can be told.

    Attributes:
        kind: read (it is what stands at a place), made (of places), literal, drawn (by chance, or from the clock),
            missing (what it reads is not there), unknown.
        places: where it comes from, as the expression's roots have it.
        why: why it cannot be told, for kind unknown.
        drawn: whether chance or the clock has a part in it, for kind made.
    """

    kind: str
    places: tuple[At, ...] = ()
    why: str = ""
    drawn: bool = False


class Traces:
    """The expressions of an execution's states, each traced once a visit and item."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._known: dict[tuple[Place, str, int], Trace | Unfollowable] = {}

    def of(self, place: Place, step: Step, expression: TemplateExpression, item: int = -1) -> Trace:
        """Return an expression's trace.

        Args:
            place: the visit; `step` the field of it that the expression is in.
            step: the field.
            expression: the expression.
            item: which of a Map's items it is filled for.

        Raises:
            Unfollowable: a part of it cannot be followed.
        """
        key = (place, expression.pointer, item)
        if key not in self._known:
            try:
                self._known[key] = trace(expression.expression, bindings(self._execution, place, step, item))
            except Unfollowable as problem:
                self._known[key] = problem
        found = self._known[key]
        if isinstance(found, Unfollowable):
            raise found
        return found

    def checked(
        self, place: Place, step: Step, expression: TemplateExpression, value: Found, item: int = -1
    ) -> Trace:
        """Return an expression's trace if it gives what the run recorded, which is `value`.

        Raises:
            Unfollowable: it gives something else, or cannot be followed.
        """
        found = self.of(place, step, expression, item)
        if not agrees(found.outcome, value):
            raise Unfollowable(_OTHER)
        return found

    def tell(self, place: Place, step: Step, part: Part, value: Found, item: int = -1) -> Told:
        """Return what a value is that a part of a template gave; `value` is what the run recorded there."""
        compiled = part.expression.expression
        try:
            outcome = self.of(place, step, part.expression, item).outcome.at(part.rest)
        except Unfollowable as problem:
            return Told("unknown", statically(compiled, place), str(problem))
        if isinstance(value, _Missing) and outcome.missing:
            return Told("missing", (outcome.origin,) if isinstance(outcome.origin, At) else tuple(outcome.leaves()))
        drawn = isinstance(outcome.origin, Made) and outcome.drawn
        if not drawn and not agrees(outcome, value):
            return Told("unknown", statically(compiled, place), _OTHER)
        if outcome.origin is WRITTEN:
            return Told("literal")
        if isinstance(outcome.origin, At):
            return Told("read", (outcome.origin,))
        places = summary(outcome.leaves())
        return Told("made" if places else "drawn" if outcome.drawn else "literal", places, drawn=outcome.drawn)


def agrees(outcome: Traced, value: Found) -> bool:
    """Tell whether a traced value is what the run recorded; what was drawn may be anything."""
    if outcome.missing or isinstance(value, _Missing):
        return outcome.missing and isinstance(value, _Missing)
    if not outcome.drawn:
        return same(outcome.value, value)
    if isinstance(outcome.origin, Made):
        return True
    if isinstance(value, dict) and isinstance(outcome.value, dict) and value.keys() == outcome.value.keys():
        return all(agrees(each, value[name]) for name, each in outcome.members())
    if isinstance(value, list) and isinstance(outcome.value, list) and len(value) == len(outcome.value):
        return all(agrees(each, value[index]) for index, each in enumerate(outcome.items()))
    return False


def same(left: object, right: object) -> bool:
    """Tell whether two JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if left is right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(each, right[name]) for name, each in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def bindings(execution: Execution, place: Place, step: Step, item: int = -1) -> Bindings:
    """Return what the expressions of a field read in a visit, for an item of a Map where `item` is one."""
    visit = place.visit
    fields: dict[str, Json] = {"input": visit.input}
    for name in (RESULT, ERROR_OUTPUT):
        if step.states == name:
            value = value_at(visit, name)
            if not isinstance(value, _Missing):
                fields[name] = value
    scope = scope_of(execution, place, max(item, 0))
    return Bindings(
        fields=fields, context=scope.context, variables=scope.variables, randomness=scope.seed, now_ms=scope.now_ms
    )


def statically(compiled: Compiled, place: Place) -> tuple[At, ...]:
    """Return what an expression may read, as its text tells it; each as far as it is there."""
    return tuple(dict.fromkeys(At(each.root, _there(place, each.root, each.steps)) for each in may_read(compiled)))


def may_read(compiled: Compiled) -> tuple[At, ...]:
    """Return what an expression may read, as its text tells it."""
    found: list[At] = []
    for read in compiled.reads:
        if read.name != "states":
            found += [] if read.called else [At(f"${read.name}", read.steps)]
        elif read.steps:
            found.append(At(str(read.steps[0]), read.steps[1:]))
        else:
            found += [At(name) for name in ("input", "context", RESULT, ERROR_OUTPUT)]
    return tuple(dict.fromkeys(found))


def _there(place: Place, root: str, steps: Steps) -> Steps:
    held: Found
    if root in ("input", RESULT, ERROR_OUTPUT):
        held = value_at(place.visit, root)
    elif root.startswith("$"):
        held = variables_before(place).get(root[1:], MISSING)
    else:
        return steps
    while steps and (isinstance(held, _Missing) or look(held, steps) is MISSING):
        steps = steps[:-1]
    return steps


def draws(compiled: Compiled) -> bool:
    """Tell whether chance or the clock has a part in what an expression gives."""
    return any(read.called and read.name in DRAWING for read in compiled.reads)


def point_of(place: Place, at: At, item: int = -1) -> Point | None:
    """Return the place in the run at which an expression of a visit reads; None for what no state made."""
    if at.root in ("input", RESULT, ERROR_OUTPUT):
        return Point(place, at.root, at.steps)
    if at.root == "context":
        return context_point(place, at.steps, item)
    name = at.root[1:]
    giver = next((each for each in givers(place) if name in (each.assigned or {})), None)
    return Point(place.at(giver.index), "variables", (name, *at.steps)) if giver is not None else None


def context_point(place: Place, steps: Steps, item: int = -1) -> Point | None:
    """Return the place in the run that a part of the Context Object came from; None for what AWS made."""
    if steps[:2] == ("Execution", "Input"):
        if place.child is not None:
            return Point(place.at(0), "input", steps[2:])
        return Point(None, "input", steps[2:])
    if steps[:3] == ("Map", "Item", "Value"):
        around = (place, item) if item >= 0 else map_around(place)
        return items_at(around[0], (around[1], *steps[3:])) if around is not None else None
    return None


def map_around(place: Place) -> tuple[Place, int] | None:
    """Return the Map whose item a visit is in, and which item that is."""
    visit = place.visit
    while visit.previous >= 0:
        earlier = place.log.visits[visit.previous]
        if earlier.branch is not visit.branch and isinstance(earlier.state.state, MapState):
            return place.at(earlier.index), visit.branch.item[0] if visit.branch.item is not None else 0
        visit = earlier
    if place.outer is not None and place.child is not None:
        return place.outer, place.child.index
    return None


def items_at(place: Place, steps: Steps) -> Point:
    """Return where a Map's items stand."""
    present = {name for name, _ in place.visit.stages}
    order = ("afterItems", "afterItemsPath", "afterInputPath", "input")
    return Point(place, next(name for name in order if name in present), steps)


def shortened(text: str) -> str:
    """Return an expression as it stands in one line of text."""
    text = " ".join(text.split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def field_text(step: Step, state_pointer: str, pointer: str = "") -> str:
    """Return a field's place below its state, such as "Choices[0]/Output/id"."""
    below = (pointer or step.pointer).removeprefix(state_pointer).lstrip("/").split("/")
    return "".join(f"[{each}]" if each.isdigit() else f"/{each}" for each in below).lstrip("/")


