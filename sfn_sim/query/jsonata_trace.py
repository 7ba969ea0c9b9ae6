"""JSONata evaluated on values that know where they came from: what of an expression's outcome is which of its reads.

Here paths, predicates, constructors, conditions, functions that move data (`jsonata_trace_functions`) and lambdas are
followed; operators and all other functions are computed by the engine, and what they give is made of their operands.
What is not followed here raises `Unfollowable`. Whoever asks compares the outcome with what the run recorded: where
the two differ, nothing was told.

Source: jsonata-js 2.0.6, whose rules of sequences are these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonata import Bindings, Compiled, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED, QueryEvaluationError, Undefined
from sfn_sim.query.jsonata_quick import truth
from sfn_sim.query.jsonata_syntax import Node
from sfn_sim.query.jsonata_traced import (
    FUNCTIONS,
    NOTHING,
    WRITTEN,
    At,
    Members,
    Parts,
    Traced,
    Unfollowable,
    flat,
    lookup,
    made,
    order_of,
    plain,
    put_together,
    sequence_of,
    settled,
    takes_context,
)

_MOST_STEPS = 400_000
# What stands for a value that chance or the clock gave.
_DRAWING: Mapping[str, Json] = {"random": 0.5, "uuid": "0" * 36, "now": "2025-01-01T00:00:00.000Z", "millis": 0}
_FIELDS = ("input", "context", "result", "errorOutput")


@dataclass(frozen=True, slots=True)
class Trace:
    """An expression's outcome, traced; `tests` are what its conditions and predicates went by."""

    outcome: Traced
    tests: tuple[Traced, ...]


def trace(compiled: Compiled, bindings: Bindings) -> Trace:
    """Return where everything that an expression gives came from.

    Raises:
        Unfollowable: a part of it cannot be followed, or it fails.
    """
    evaluation = Evaluation(compiled.text, bindings)
    try:
        outcome = evaluation.evaluate(compiled.tree, NOTHING, Names(evaluation.root, {}))
        plain(outcome.value)
    except QueryEvaluationError as error:
        raise Unfollowable(str(error)) from None
    except RecursionError:
        raise Unfollowable("it is nested too deeply") from None
    except (ValueError, OverflowError, TypeError) as error:
        raise Unfollowable(f"{type(error).__name__}: {error}") from None
    return Trace(outcome, tuple(evaluation.tests))


class Names:
    """The variables that are known at a place, and where to look for others."""

    __slots__ = ("_known", "_outer")

    def __init__(self, outer: Callable[[str], Traced | None], known: dict[str, Traced]) -> None:
        self._outer = outer
        self._known = known

    def find(self, name: str) -> Traced | None:
        """Return a variable's value; None for one that is not known."""
        found = self._known.get(name)
        return found if found is not None else self._outer(name)

    def bind(self, name: str, value: Traced) -> None:
        """Give a variable a value."""
        self._known[name] = value

    def inner(self, known: dict[str, Traced] | None = None) -> Names:
        """Return names of an inner place."""
        return Names(self.find, known if known is not None else {})


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function that an expression writes."""

    parameters: tuple[str, ...]
    body: Node
    names: Names
    around: Traced


@dataclass(frozen=True, slots=True)
class Named:
    """A function of JSONata's own, by its name."""

    name: str


class Evaluation:
    """One evaluation of one expression."""

    def __init__(self, text: str, bindings: Bindings) -> None:
        self._text = text
        self._bindings = bindings
        self._left = _MOST_STEPS
        self.tests: list[Traced] = []

    def root(self, name: str) -> Traced | None:
        """Return a workflow variable, or `$states`."""
        bindings = self._bindings
        if name == "states":
            found = {each: Traced(bindings.field(each), At(each)) for each in _FIELDS}
            there = {each: value for each, value in found.items() if not value.missing}
            return Traced({each: value.value for each, value in there.items()}, Parts(there))
        if name in bindings.variables:
            return Traced(bindings.variables[name], At(f"${name}"))
        return None

    def evaluate(self, node: Node, around: Traced, names: Names) -> Traced:
        """Return what a part gives in a context; a sequence of one value is that value.

        Raises:
            Unfollowable: it cannot be followed.
        """
        self._left -= 1
        if self._left < 0:
            raise Unfollowable("it takes too many steps")
        how = _NODES.get(node.kind)
        if how is None:
            raise Unfollowable(self._text[node.start : node.end])
        return settled(how(self, node, around, names))

    # Paths

    def _path(self, node: Node, around: Traced, names: Names) -> Traced:
        first, *rest = node.parts
        if first.kind == "array":
            current = self.evaluate(first, around, names)
        else:
            given = around.items() if first.kind != "variable" else (around,)
            current = self._step(first, given, names, last=False)
        for index, step in enumerate(rest):
            if current.missing or (isinstance(current.value, list) and not current.value):
                break
            current = self._step(step, current.items(), names, last=index == len(rest) - 1)
        if any(_keeps(step) for step in node.parts) and isinstance(current.value, list):
            return sequence_of(current.items(), keep=True)
        return current

    def _step(self, step: Node, given: Sequence[Traced], names: Names, *, last: bool) -> Traced:
        found: list[Traced] = []
        undefined: list[Traced] = []
        for each in given:
            one = self._named(step, each) if step.kind in ("name", "literal") else self.evaluate(step, each, names)
            (undefined if one.missing else found).append(one)
        if last and len(found) == 1 and isinstance(found[0].value, list) and not found[0].sequence:
            if step.kind == "array":
                found[0].whole = True
            return found[0]
        if not found:
            # Where nothing was, the place that lacks it is told: of the only item, or of the first.
            return undefined[0] if undefined else NOTHING
        joined: list[Traced] = []
        for each in found:
            if isinstance(each.value, list) and not each.whole and not (last and step.kind == "array"):
                joined += each.items()
            else:
                joined.append(each)
        return sequence_of(joined)

    def _named(self, step: Node, given: Traced) -> Traced:
        if not isinstance(step.value, str):
            raise Unfollowable(self._text[step.start : step.end])
        return lookup(given, step.value)

    def _name(self, node: Node, around: Traced, names: Names) -> Traced:
        if around.missing:
            return NOTHING
        return self._step(node, around.items(), names, last=True)

    def _wildcard(self, _node: Node, around: Traced, _names: Names) -> Traced:
        inner: Sequence[Traced] = [each for _, each in around.members()] if isinstance(around.value, dict) else ()
        if isinstance(around.value, list):
            inner = around.items()
        found: list[Traced] = []
        for each in inner:
            found += flat(each) if isinstance(each.value, list) else [each]
        return sequence_of(found)

    def _descendant(self, _node: Node, around: Traced, _names: Names) -> Traced:
        found: list[Traced] = []

        def collect(each: Traced) -> None:
            if isinstance(each.value, list):
                for item in each.items():
                    collect(item)
                return
            found.append(each)
            for _, inner in each.members():
                collect(inner)

        if not around.missing:
            collect(around)
        return sequence_of(found)

    # Predicates, order, groups

    def _filter(self, node: Node, around: Traced, names: Names) -> Traced:
        subject, predicate = node.parts
        given = self._subject(subject, around, names)
        if given.missing:
            return given
        items = given.items()
        index = _number_of(predicate)
        if index is not None:
            place = int(index // 1)
            place = place + len(items) if place < 0 else place
            if not 0 <= place < len(items):
                return given.at((place,)) if isinstance(given.value, list) and place >= 0 else NOTHING
            item = items[place]
            return item if isinstance(item.value, list) else sequence_of([item])
        kept = [item for at, item in enumerate(items) if self._holds(predicate, item, at, len(items), names)]
        return sequence_of(kept)

    def _holds(self, predicate: Node, item: Traced, at: int, count: int, names: Names) -> bool:
        told = self.evaluate(predicate, item, names)
        self._goes_by(told)
        value = plain(told.value)
        numbers = value if isinstance(value, list) else [value]
        if numbers and all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers):
            places = [int(cast(float, each) // 1) for each in numbers]
            return any((place + count if place < 0 else place) == at for place in places)
        return truth(value)

    def _subject(self, node: Node, around: Traced, names: Names) -> Traced:
        """Return what a predicate is applied to."""
        if node.kind in ("name", "literal") and isinstance(node.value, str) and not around.missing:
            return self._named(node, around) if not isinstance(around.value, list) else self._name(node, around, names)
        return self.evaluate(node, around, names)

    def _keep(self, node: Node, around: Traced, names: Names) -> Traced:
        found = self._subject(node.parts[0], around, names)
        if found.missing or not (found.sequence or node.parts[0].kind in ("name", "path", "filter", "sort")):
            return found
        return sequence_of(found.items(), keep=True)

    def _sort(self, node: Node, around: Traced, names: Names) -> Traced:
        given = self.evaluate(node.parts[0], around, names)
        if given.missing:
            return given
        descending = cast("tuple[bool, ...]", node.value)
        keyed = [(each, [self.evaluate(key, each, names) for key in node.parts[1:]]) for each in given.items()]
        for _, keys in keyed:
            for key in keys:
                self._goes_by(key)

        def compare(left: tuple[Traced, list[Traced]], right: tuple[Traced, list[Traced]]) -> int:
            for one, other, down in zip(left[1], right[1], descending, strict=True):
                order = order_of(one, other)
                if order:
                    return -order if down and not (one.missing or other.missing) else order
            return 0

        return sequence_of([each for each, _ in sorted(keyed, key=functools.cmp_to_key(compare))])

    def _group(self, node: Node, around: Traced, names: Names) -> Traced:
        given = self.evaluate(node.parts[0], around, names)
        return self._grouped(node.parts[1:], given, names)

    def _object(self, node: Node, around: Traced, names: Names) -> Traced:
        return self._grouped(node.parts, around, names)

    def _grouped(self, pairs: Sequence[Node], given: Traced, names: Names) -> Traced:
        items = given.items() or (NOTHING,)
        groups: dict[str, tuple[int, list[Traced]]] = {}
        for item in items:
            for number in range(0, len(pairs), 2):
                key = self.evaluate(pairs[number], item, names)
                if key.missing:
                    continue
                if not isinstance(key.value, str):
                    raise Unfollowable("a key that is no text")
                if key.drawn:
                    raise Unfollowable("a key that is drawn")
                if groups.setdefault(key.value, (number, []))[0] != number:
                    raise Unfollowable(f"the key {key.value} twice")
                groups[key.value][1].append(item)
        there: Members = {}
        lacking: Members = {}
        for name, (number, held) in groups.items():
            value = self.evaluate(pairs[number + 1], held[0] if len(held) == 1 else put_together(held), names)
            (lacking if value.missing else there)[name] = value
        return Traced({name: plain(each.value) for name, each in there.items()}, Parts(there, lacking))

    # Values

    def _literal(self, node: Node, _around: Traced, _names: Names) -> Traced:
        return Traced(node.value, WRITTEN)

    def _variable(self, node: Node, around: Traced, names: Names) -> Traced:
        name = str(node.value)
        if name == "":
            return around
        if name == "$":
            raise Unfollowable("$$")
        found = names.find(name)
        if found is None:
            return Traced(Named(name), WRITTEN) if name in FUNCTIONS else Traced(UNDEFINED, At(f"${name}"))
        return found

    def _array(self, node: Node, around: Traced, names: Names) -> Traced:
        items: list[Traced] = []
        for part in node.parts:
            each = self.evaluate(part, around, names)
            if each.missing:
                continue
            plain(each.value)
            if isinstance(each.value, list) and part.kind != "array":
                items += each.items()
            else:
                items.append(each)
        return put_together(items)

    def _range(self, node: Node, around: Traced, names: Names) -> Traced:
        return self.computed("[$a0..$a1]", *(self.evaluate(each, around, names) for each in node.parts))

    def _binary(self, node: Node, around: Traced, names: Names) -> Traced:
        left, right = node.parts
        operator = str(node.value)
        if operator == "~>":
            return self._applied(left, right, around, names)
        one = self.evaluate(left, around, names)
        if operator in ("and", "or"):
            if truth(plain(one.value)) is (operator == "or"):
                return made(operator == "or", one)
            other = self.evaluate(right, around, names)
            return made(truth(plain(other.value)), one, other)
        return self.computed(f"$a0 {operator} $a1", one, self.evaluate(right, around, names))

    def _negate(self, node: Node, around: Traced, names: Names) -> Traced:
        if _number_of(node) is not None:
            return Traced(_number_of(node), WRITTEN)
        return self.computed("-$a0", self.evaluate(node.parts[0], around, names))

    def _condition(self, node: Node, around: Traced, names: Names) -> Traced:
        test = self.evaluate(node.parts[0], around, names)
        self._goes_by(test)
        if truth(plain(test.value)):
            return self.evaluate(node.parts[1], around, names)
        return self.evaluate(node.parts[2], around, names) if len(node.parts) > 2 else made(UNDEFINED, test)

    def _goes_by(self, test: Traced) -> None:
        if test.drawn:
            raise Unfollowable("a condition on what chance or the clock gave")
        self.tests.append(test)

    def _block(self, node: Node, around: Traced, names: Names) -> Traced:
        inner, found = names.inner(), NOTHING
        for part in node.parts:
            found = self.evaluate(part, around, inner)
        return found

    def _bind(self, node: Node, around: Traced, names: Names) -> Traced:
        value = self.evaluate(node.parts[0], around, names)
        names.bind(str(node.value), value)
        return value

    def _lambda(self, node: Node, around: Traced, names: Names) -> Traced:
        parameters = cast("tuple[str, ...]", node.value)
        return Traced(Lambda(parameters, node.parts[0], names, around), WRITTEN)

    # Functions

    def _call(self, node: Node, around: Traced, names: Names) -> Traced:
        return self._called(node, around, names, ())

    def _called(self, node: Node, around: Traced, names: Names, first: tuple[Traced, ...]) -> Traced:
        function = self.evaluate(node.parts[0], around, names)
        arguments = [*first]
        for part in node.parts[1:]:
            is_pattern = part.kind == "regex"
            given = Traced(part, WRITTEN) if is_pattern else self.evaluate(part, around, names)
            arguments.append(given)
        if isinstance(function.value, Named) and takes_context(function.value.name, arguments):
            arguments.insert(0, around)
        return self.call(function, arguments)

    def _applied(self, left: Node, right: Node, around: Traced, names: Names) -> Traced:
        given = self.evaluate(left, around, names)
        if right.kind == "call":
            return self._called(right, around, names, (given,))
        return self.call(self.evaluate(right, around, names), [given])

    def call(self, function: Traced, arguments: Sequence[Traced]) -> Traced:
        """Return what a function gives.

        Raises:
            Unfollowable: it is none, or cannot be followed.
        """
        from sfn_sim.query.jsonata_trace_functions import MOVING

        called = function.value
        if isinstance(called, Lambda):
            known = dict.fromkeys(called.parameters, NOTHING)
            known.update(zip(called.parameters, arguments, strict=False))
            return self.evaluate(called.body, called.around, called.names.inner(known))
        if not isinstance(called, Named):
            raise Unfollowable("a call of what is no function")
        if called.name in _DRAWING:
            return made(_DRAWING[called.name], *arguments, drawn=True)
        if called.name == "shuffle":
            raise Unfollowable("$shuffle")
        moving = MOVING.get(called.name)
        if moving is not None:
            found = moving(self, arguments)
            if found is not None:
                return found
        return self.computed(f"${called.name}({{}})", *arguments)

    def computed(self, text: str, *arguments: Traced) -> Traced:
        """Return what the engine gives for an expression of arguments, which it is made of."""
        known: dict[str, Json] = {}
        places: list[str] = []
        for number, each in enumerate(arguments):
            if isinstance(each.value, Node):
                places.append(self._text[each.value.start : each.value.end])
                continue
            value = plain(each.value)
            places.append(f"$a{number}")
            if not isinstance(value, Undefined):
                known[f"a{number}"] = value
        text = text.replace("{}", ", ".join(places))
        try:
            result = compile_expression(text).result(Bindings(fields={}, variables=known))
        except (QueryEvaluationError, SyntaxProblem) as error:
            raise Unfollowable(str(error)) from None
        return made(result, *arguments)


def _keeps(step: Node) -> bool:
    while step.kind in ("filter", "keep"):
        if step.kind == "keep":
            return True
        step = step.parts[0]
    return False


def _number_of(node: Node) -> float | None:
    sign = 1
    if node.kind == "negate":
        sign, node = -1, node.parts[0]
    value = node.value if node.kind == "literal" else None
    return sign * value if isinstance(value, int | float) and not isinstance(value, bool) else None


_NODES: Mapping[str, Callable[[Evaluation, Node, Traced, Names], Traced]] = {
    "literal": Evaluation._literal,
    "name": Evaluation._name,
    "variable": Evaluation._variable,
    "path": Evaluation._path,
    "wildcard": Evaluation._wildcard,
    "descendant": Evaluation._descendant,
    "filter": Evaluation._filter,
    "keep": Evaluation._keep,
    "sort": Evaluation._sort,
    "group": Evaluation._group,
    "object": Evaluation._object,
    "array": Evaluation._array,
    "range": Evaluation._range,
    "binary": Evaluation._binary,
    "negate": Evaluation._negate,
    "condition": Evaluation._condition,
    "block": Evaluation._block,
    "bind": Evaluation._bind,
    "lambda": Evaluation._lambda,
    "call": Evaluation._call,
}
