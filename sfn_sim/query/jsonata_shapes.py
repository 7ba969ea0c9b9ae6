"""JSONata expressions over shapes: what is known of what an expression gives, before there is a value.

    reading = evaluate(compiled.tree, Known(variables))
    reading.given           # shape, and whether there is a value at all
    reading.notes           # parts that throw, always or at times

`variables` is the shape of an object: `states` ($states) and the workflow variables. The same tree is walked that
`query.jsonata_syntax` reads. What is not followed is unknown: anything, and perhaps nothing. What a test tells
(`$exists`, `$type`, equality) narrows the shapes in the branch behind it; what stands in a branch is never certain.

Source: JSONata 2.0.6, as measured with the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sfn_sim.query.jsonata_reads import field_of
from sfn_sim.query.jsonata_shapes_env import Env, Note, Reading
from sfn_sim.query.jsonata_shapes_functions import FUNCTIONS, HIGHER_ORDER, Call
from sfn_sim.query.jsonata_shapes_narrow import Narrowed, narrowed
from sfn_sim.query.jsonata_shapes_operators import OPERATORS, negated
from sfn_sim.query.jsonata_shapes_values import (
    FAILS,
    MISSING,
    UNKNOWN,
    Function,
    Given,
    Lack,
    as_list,
    at_index,
    chosen,
    either,
    items_of,
    member,
    needing,
    sequence,
    stored,
    worst,
)
from sfn_sim.query.jsonata_syntax import Node
from sfn_sim.query.shapes import (
    ANY_BOOLEAN,
    ANY_NUMBER,
    ANYTHING,
    ARRAY,
    NEVER,
    NUMBER,
    OBJECT,
    STRING,
    Field,
    Shape,
    Verdict,
    an_array,
    an_object,
    describe,
    join,
    shape_of,
)

__all__ = ["Env", "Evaluation", "Note", "Reading", "ask", "evaluate"]

_DEEPEST = 40
_APPLIED = 8
_MOST_PARTS = 20_000


def evaluate(tree: Node, known: Shape) -> Reading:
    """Return what is known of what an expression gives, over the shape of what it reads."""
    evaluation = Evaluation(tree)
    given = evaluation.whole(tree, Env(known))
    if evaluation.escaped:
        return Reading(UNKNOWN, (), unsure=True)
    return Reading(given, tuple(evaluation.notes.values()), evaluation.unsure)


def ask(tree: Node, known: Shape) -> tuple[Reading, Narrowed]:
    """Return what is known of a condition, and the shapes of what it reads where it holds and where it does not."""
    reading, narrowing = evaluate(tree, known), Evaluation(tree)
    ways = narrowed(narrowing, tree, Env(known))
    return reading, (known, known) if narrowing.escaped else ways


class Evaluation:
    """One evaluation over shapes: what was noted on the way, each place once.

    A function that is put into data, or is one of several values, has *escaped*: nothing is said of the expression.
    """

    __slots__ = ("_applied", "_bound", "_depth", "_left", "_tree", "escaped", "notes", "unsure")

    def __init__(self, tree: Node) -> None:
        self._left = [_MOST_PARTS]
        self.notes: dict[tuple[object, ...], Note] = {}
        self.unsure = False
        self.escaped = False
        self._tree = tree
        self._bound: frozenset[str] | None = None
        self._depth = 0
        self._applied = 0

    def of(self, node: Node, env: Env) -> Given:
        """Return what is known of what a part gives, as data."""
        given = self.callable_or(node, env)
        self.escaped |= given.function is not None
        return given

    def callable_or(self, node: Node, env: Env) -> Given:
        """Return what is known of what a part gives, where that may be a function."""
        operate = _KINDS.get(node.kind)
        if operate is None or self._depth > _DEEPEST or self._left[0] <= 0:
            return self.unknown()
        self._depth += 1
        self._left[0] -= 1
        given = operate(self, node, env)
        self._depth -= 1
        return given

    def whole(self, tree: Node, env: Env) -> Given:
        """Return what is known of what the expression gives: a function is no JSON, and fails."""
        given = self.callable_or(tree, env)
        if given.function is None:
            return given
        self.note(tree, env, Verdict.MISSING, "it gives a function, which is no JSON", "call the function")
        return FAILS

    def quiet(self) -> Evaluation:
        """Return an evaluation of parts whose notes are not told, which goes no further than this one."""
        made = Evaluation(self._tree)
        made._left, made._depth, made._applied, made._bound = self._left, self._depth, self._applied, self._bound
        return made

    def _binds(self, name: str) -> bool:
        """Tell whether the expression binds a name, anywhere."""
        if self._bound is None:
            binding = ("bind", "focus", "index")
            self._bound = frozenset(str(each.value) for each in self._tree.walk() if each.kind in binding)
        return name in self._bound

    def goes_on(self) -> bool:
        """Tell whether the evaluation may go further, and count it."""
        self._left[0] -= 1
        return self._left[0] > 0

    def function_called(self, node: Node, env: Env) -> str:
        """Return the name of JSONata's function that a part calls; "" if it calls none of these."""
        function = node.parts[0] if node.kind == "call" else None
        name = str(function.value) if function is not None and function.kind == "variable" else ""
        own = name in env.local or self._binds(name) or not env.at((name,)).is_missing
        return name if name in FUNCTIONS and not own else ""

    def unknown(self) -> Given:
        """Return what is known of what is not followed."""
        self.unsure = True
        return UNKNOWN

    def note(
        self, node: Node, env: Env, verdict: Verdict, what: str, fix: str = "", kind: str = "throws",
        lack: Lack | None = None,
    ) -> bool:  # fmt: skip
        """Note what is wrong with a part; return whether it fails always."""
        if verdict is Verdict.UNDECIDED:
            self.unsure = True
            return False
        if verdict is Verdict.PRESENT:
            return False
        certain = verdict is Verdict.MISSING
        if not env.certain:
            verdict = Verdict.SOMETIMES if certain else Verdict.UNDECIDED
        if verdict is Verdict.UNDECIDED:
            self.unsure = True
        else:
            key = (node.start, node.end, kind, lack.place if lack else ())
            before = self.notes.get(key)
            if before is None or worst((before.verdict, verdict)) is not before.verdict:
                self.notes[key] = Note(kind, verdict, node.start, node.end, what, fix, lack)
        return certain

    def need(self, given: Given, kinds: int, node: Node, env: Env, who: str, fix: str = "") -> bool:
        """Note whether a value is of one of `kinds`, where it is there; return whether it never is."""
        if given.is_missing or given.never_returns or not kinds:
            return False
        shape = given.shape
        bad = 0 if shape.is_anything else shape.kinds & ~kinds
        verdict = Verdict.UNDECIDED if shape.is_anything or given.function else Verdict.PRESENT
        if bad and not shape.kinds & kinds:
            verdict = Verdict.MISSING if given.there is Verdict.PRESENT else Verdict.SOMETIMES
        elif bad:
            verdict = Verdict.UNDECIDED if given.loose else Verdict.SOMETIMES
        what = f"{who} needs {describe(Shape(kinds, open=True))}, and gets {describe(shape.only(bad))}" if bad else ""
        return self.note(node, env, verdict, what, fix)

    def apply(self, function: Given, given: list[Given], env: Env, node: Node) -> Given:
        """Return what is known of what a function gives for arguments."""
        what = function.function
        if what is None or self._applied > _APPLIED:
            return self.unknown()
        if what.node is None:
            return self._called(what.name, node, given, (), env)
        names = what.node.value if isinstance(what.node.value, tuple) else ()
        bound = dict(what.known)
        bound.update({str(name): MISSING for name in names})
        bound.update(zip(map(str, names), given, strict=False))
        self._applied += 1
        result = self.callable_or(what.node.parts[0], Env(env.known, bound, env.item, env.certain))
        self._applied -= 1
        return result

    def _called(self, name: str, node: Node, given: list[Given], nodes: tuple[Node, ...], env: Env) -> Given:
        if any(each.never_returns for each in given):
            return FAILS
        self.escaped |= any(each.function is not None for each in (given[:1] if name in HIGHER_ORDER else given))
        return FUNCTIONS[name](Call(self, name, node, given, nodes, env))

    # Kinds of nodes

    def _literal(self, node: Node, _: Env) -> Given:
        return Given(shape_of(node.value)) if not isinstance(node.value, tuple) else self.unknown()

    def _variable(self, node: Node, env: Env) -> Given:
        name = str(node.value)
        if name in ("", "$"):
            return env.item if env.item is not None and not name else self.unknown()
        if name in env.local:
            local = env.local[name]
            # What a test has told since of the place from where it is counts.
            return env.at(local.place) if local.place else local
        found = env.at((name,))
        if name != "states" and self._binds(name):
            return self.unknown()
        if found.is_missing and name in FUNCTIONS:
            return Given(ANYTHING, function=Function(name))
        return found

    def _name(self, node: Node, env: Env) -> Given:
        return self._step(env.item, node, env) if env.item is not None else self.unknown()

    def _path(self, node: Node, env: Env) -> Given:
        first, *rest = node.parts
        is_name = field_of(first) is not None and env.item is not None
        given = self._name(first, env) if is_name else self.of(first, env)
        at_least, at_most = items_of(given)[1:] if first.kind == "array" else (1, None)
        if at_most == 0:
            return given
        for step in rest:
            given = self._step(given, step, env)
        if at_least:
            return given
        # An array that is written down and empty is what the path gives, steps or not.
        self.unsure |= given.there is not Verdict.PRESENT
        there = given.there if given.there is Verdict.PRESENT else Verdict.UNDECIDED
        return Given(join(given.shape, an_array(NEVER, 0, 0)), there, loose=given.loose)

    def _step(self, given: Given, step: Node, env: Env) -> Given:
        """Return what a step of a path gives below a value."""
        name = field_of(step)
        if given.never_returns or given.is_missing:
            return given
        if name is not None:
            found = member(given, name)
            if found.there is Verdict.UNDECIDED:
                self.unsure = True
            return found
        if step.kind == "keep":
            return as_list(self._step(given, step.parts[0], env))
        if step.kind == "filter":
            if given.shape.is_anything or given.shape.kinds & ARRAY:
                return self.unknown()
            return self._picked(self._step(given, step.parts[0], env), step.parts[1], env)
        if step.kind in ("call", "block", "object", "condition", "binary"):
            return self._each(given, step, env)
        return self.unknown()

    def _each(self, given: Given, step: Node, env: Env) -> Given:
        item, at_least, at_most = items_of(given)
        inner = replace(env.branch(), item=Given(item), certain=env.certain and at_least > 0)
        one = self.of(step, inner)
        if one.never_returns:
            return FAILS if given.there is Verdict.PRESENT and at_least else self.unknown()
        made = sequence(one, at_least, at_most)
        return replace(made, there=worst((made.there, given.there)), place=None, lack=made.lack or given.lack)

    def _filter(self, node: Node, env: Env) -> Given:
        return self._picked(self.of(node.parts[0], env), node.parts[1], env)

    def _picked(self, given: Given, predicate: Node, env: Env) -> Given:
        if given.is_missing or given.never_returns:
            return given
        sign, literal = (-1, predicate.parts[0]) if predicate.kind == "negate" else (1, predicate)
        if literal.kind == "literal" and isinstance(literal.value, int) and not isinstance(literal.value, bool):
            found = at_index(given, sign * literal.value)
            self.unsure |= found.there is Verdict.UNDECIDED
            return found
        item, _, at_most = items_of(given)
        if at_most == 0 or item.is_never:
            return MISSING
        self.of(predicate, replace(env.branch(), item=Given(item)))
        self.unsure = True
        kept = chosen(item)
        one = Given(join(kept, an_array(kept)) if not kept.is_anything else ANYTHING, Verdict.UNDECIDED, loose=True)
        return replace(one, there=worst((one.there, given.there)), lack=given.lack)

    def _keep(self, node: Node, env: Env) -> Given:
        given = self.of(node.parts[0], env)
        if given.is_missing or given.never_returns or given.shape.kinds == ARRAY:
            return given
        # Behind anything but a path, [] keeps lists, and what is none mostly stays so.
        self.unsure = True
        item, at_least, at_most = items_of(given)
        kept = ANYTHING if item.is_anything else join(given.shape, an_array(item, at_least, at_most))
        return Given(kept, given.there, lack=given.lack, loose=True)

    def _sort(self, node: Node, env: Env) -> Given:
        given = self.of(node.parts[0], env)
        self.unsure = True
        if given.is_missing:
            return given
        item, at_least, at_most = items_of(given)
        made = sequence(Given(item), at_least, at_most, flat=False)
        return replace(made, there=worst((made.there, given.there)), lack=given.lack)

    def _array(self, node: Node, env: Env) -> Given:
        items, least = NEVER, 0
        most: int | None = 0
        for part in node.parts:
            given = self.of(part, env)
            if given.never_returns:
                return FAILS
            if given.is_missing:
                continue
            # An array that is written down is an item; the items of any other are.
            item, at_least, at_most = (stored(given), 1, 1) if part.kind == "array" else items_of(given)
            items = join(items, item)
            least += at_least if given.there is Verdict.PRESENT else 0
            most = None if most is None or at_most is None else most + at_most
        return Given(an_array(items, least, most))

    def _range(self, node: Node, env: Env) -> Given:
        ends = [self.need(self.of(part, env), NUMBER, part, env, "..") for part in node.parts]
        if any(ends):
            return FAILS
        return Given(an_array(ANY_NUMBER))

    def _object(self, node: Node, env: Env) -> Given:
        fields: dict[str, Shape | Field] = {}
        is_open = False
        for key, part in zip(node.parts[::2], node.parts[1::2], strict=True):
            given = self.of(part, env)
            name = key.value if key.kind == "literal" else None
            if given.never_returns:
                return FAILS
            if not isinstance(name, str):
                is_open = True
                self.need(self.of(key, env), STRING, key, env, "the key of an object")
            elif not given.is_missing:
                there = given.there
                fields[name] = Field(stored(given), there is Verdict.PRESENT, there is Verdict.UNDECIDED)
        return Given(an_object(fields, is_open=is_open))

    def _group(self, node: Node, env: Env) -> Given:
        self.of(node.parts[0], env)
        self.unsure = True
        return Given(Shape(OBJECT, open=True))

    def _block(self, node: Node, env: Env) -> Given:
        inner = env.inner()
        given = MISSING
        for part in node.parts:
            given = self.callable_or(part, inner)
            if given.never_returns:
                return given
        return given

    def _bind(self, node: Node, env: Env) -> Given:
        given = self.callable_or(node.parts[0], env)
        if given.place is None:
            given = replace(given, made=(node.parts[0], env.inner()))
        env.local[str(node.value)] = given
        return given

    def _lambda(self, node: Node, env: Env) -> Given:
        return Given(ANYTHING, function=Function(node=node, known=tuple(env.local.items())))

    def _negate(self, node: Node, env: Env) -> Given:
        given = self.of(node.parts[0], env)
        if given.never_returns or self.need(given, NUMBER, node, env, "-"):
            return FAILS
        return needing(negated(given.shape), given)

    def _condition(self, node: Node, env: Env) -> Given:
        test = node.parts[0]
        if self.of(test, env).never_returns:
            return FAILS
        held, failed = narrowed(self.quiet(), test, env)
        only = held is None or failed is None
        ways = []
        for known, part in ((held, node.parts[1]), (failed, node.parts[2] if len(node.parts) > 2 else None)):
            if known is None:
                continue
            if part is None:
                # How often nothing is given, for want of an else, is not known.
                ways.append(MISSING if only else UNKNOWN)
            else:
                ways.append(self.of(part, Env(known, env.local, env.item, env.certain) if only else env.branch(known)))
        if any(each.never_returns for each in ways):
            self._refused(node, test, env)
        return either(ways)

    def _refused(self, node: Node, test: Node, env: Env) -> None:
        """Note a branch that always throws: where it is there for what does not exist, that is what is wrong."""
        tested = self._existing(test, env)
        if tested is not None and tested.there is not Verdict.PRESENT:
            self.note(node, env, tested.there, "", kind="lacks", lack=tested.lack)
        else:
            self.unsure = True

    def _existing(self, node: Node, env: Env) -> Given | None:
        """Return what `$exists(…)` asks for, if a test is that."""
        function = node.parts[0] if node.kind == "call" and len(node.parts) == 2 else None
        if function is None or function.kind != "variable" or function.value != "exists":
            return None
        return self.of(node.parts[1], env)

    def _call(self, node: Node, env: Env) -> Given:
        return self._invoked(node, env, [])

    def _invoked(self, node: Node, env: Env, before: list[Given]) -> Given:
        function, *parts = node.parts
        name = str(function.value) if function.kind == "variable" else ""
        given = before + [self.callable_or(part, env) for part in parts]
        if any(each.never_returns for each in given):
            return FAILS
        if name and name not in env.local and not self._binds(name):
            if name in FUNCTIONS and env.at((name,)).is_missing:
                nodes = () if before else tuple(parts)
                return self._called(name, node, given, nodes, env)
            if not env.known.open:
                self.note(function, env, Verdict.MISSING, "there is no such function", "correct its name, or define it")
                return FAILS if env.certain else self.unknown()
        made = self.callable_or(function, env)
        return self.apply(made, given, env, node)

    def _chain(self, left: Node, right: Node, env: Env) -> Given:
        given = self.callable_or(left, env)
        if given.function is not None or given.never_returns:
            return self.unknown() if given.function else FAILS
        if right.kind == "call":
            return self._invoked(right, env, [given])
        return self.apply(self.callable_or(right, env), [given], env, right)

    def _binary(self, node: Node, env: Env) -> Given:
        sign = str(node.value)
        left, right = node.parts
        if sign == "~>":
            return self._chain(left, right, env)
        one = self.of(left, env)
        if sign in ("and", "or"):
            held, failed = narrowed(self.quiet(), left, env)
            known = held if sign == "and" else failed
            if known is not None:
                self.of(right, env.branch(known))
            return FAILS if one.never_returns else Given(ANY_BOOLEAN)
        other = self.of(right, env)
        if one.never_returns or other.never_returns:
            return FAILS
        return OPERATORS[sign](self, node, one, other, env)


_KINDS: dict[str, Callable[[Evaluation, Node, Env], Given]] = {
    kind: getattr(Evaluation, f"_{kind}")
    for kind in (
        "literal", "variable", "name", "path", "filter", "keep", "sort", "array", "range", "object", "group", "block",
        "bind", "lambda", "negate", "condition", "call", "binary",
    )
}  # fmt: skip
