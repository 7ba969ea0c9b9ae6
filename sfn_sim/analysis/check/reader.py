"""Expressions over shapes: what a path, template or call reads in one state on one way, and whether it can.

The same compiled expressions that the interpreter evaluates are read here; nothing about a field is written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sfn_sim.analysis.check import intrinsics
from sfn_sim.analysis.check.context import context
from sfn_sim.analysis.check.observations import Observation
from sfn_sim.analysis.check.ways import Arrival
from sfn_sim.analysis.trace import path_text
from sfn_sim.definition.plan import PlannedState
from sfn_sim.payload import Json
from sfn_sim.query.intrinsics import Call, Intrinsic, Literal
from sfn_sim.query.jsonpath import Path, compile_path
from sfn_sim.query.path_syntax import Filter, Indices, Names, Slice, Token, Wildcard, fragment, parse
from sfn_sim.query.shapes import (
    ANY_STRING,
    ANYTHING,
    ARRAY,
    NEVER,
    NULL,
    OBJECT,
    Found,
    Shape,
    Steps,
    Verdict,
    an_array,
    an_object,
    describe,
    join_all,
    look,
    shape_of,
)
from sfn_sim.query.template import Template
from sfn_sim.source import escape


@dataclass(frozen=True, slots=True)
class Data:
    """What `$` stands for: its shape, and where in the state's input that is (None: nowhere)."""

    shape: Shape
    origin: Steps | None = ()


@dataclass(slots=True)
class Reader:
    """Reads for one state on one way.

    Attributes:
        state: the state; `arrival` the way.
        given: the shape of the execution's input, for the Context Object.
        outer_item: the shape of the item of the Map around; None outside of one.
        see: told of every read; None while the walk still goes on.
        open_texts: texts that an environment fills in, and that say nothing for sure.
        readings: what JSONata expressions were found to give, by way and pointer, until it is seen.
        assumed: places of the state's input that are taken to be there after they were found missing.
    """

    state: PlannedState
    arrival: Arrival
    given: Shape
    outer_item: Shape | None
    see: Callable[[Observation], None] | None
    open_texts: frozenset[str]
    assumed: list[Steps] = field(default_factory=list)
    readings: dict[tuple[Arrival, str], object] = field(default_factory=dict)
    _item: Shape | None = None
    _context: Shape | None = None

    def __post_init__(self) -> None:
        self._item = self.outer_item

    def set_item(self, item: Shape | None) -> None:
        """Let `$$.Map` be that of an item; None: as outside of a Map."""
        self._item, self._context = item, None

    def context(self) -> Shape:
        """Return the shape of the Context Object, made for those who read it."""
        if self._context is None:
            self._context = context(self.state.state, self.given, self._item)
        return self._context

    def expression(self, expression: object, data: Data, pointer: str, name: str) -> Shape:
        """Return the shape of what an expression gives; anything for one of a language that is not followed."""
        if isinstance(expression, Path):
            return self.path(expression, data, pointer, name)
        if isinstance(expression, Intrinsic):
            return self._call(expression.call, data, pointer, name, expression.text)
        if isinstance(expression, Template):
            return self._template(expression.value, data, expression.pointer, name)
        return ANYTHING

    def path(self, path: Path, data: Data, pointer: str, name: str) -> Shape:
        """Return the shape of what a path reads."""
        shape = data.shape if path.root == "$" else self.context() if path.root == "$$" else self._variable(path)
        found = look(shape, path.steps)
        origin = data.origin if path.root == "$" else None
        if path.definite:
            self._assume(path, found, origin)
            self._saw_path("path", path, found, origin, pointer, name)
            return ANYTHING if found.verdict is Verdict.MISSING else found.shape
        rest = parse(path.text).tokens[len(path.steps) :]
        merges = len(rest) == 1 and isinstance(rest[0], Names)
        if merges:
            # A path that selects fails by nothing else: what is missing there is not told, or as being empty.
            self._assume(path, found, origin)
        self._saw_path("path" if merges else "empty", path, found, origin, pointer, name)
        if found.verdict is Verdict.MISSING:
            return ANYTHING if merges else an_array(NEVER, 0, 0)
        selected = self._taken(path, found.shape, rest[0], pointer, name)
        return ANYTHING if merges else an_array(_selected(selected, rest))

    def _assume(self, path: Path, found: Found, origin: Steps | None) -> None:
        """Take what was found missing to be there from now on: it is told once."""
        if origin is not None and found.stopped_at >= 0:
            self.assumed.append((*origin, *path.steps[: found.stopped_at + 1]))

    def _taken(self, path: Path, shape: Shape, token: Token, pointer: str, name: str) -> Shape:
        """Return what is left of a value that the first selecting step of a path takes; some it refuses.

        Source: as `query.selection.refusal`.
        """
        kinds, taken = _TAKEN.get(type(token), (0, ""))
        if not kinds:
            return shape
        what = f"{fragment(token)} needs {taken}: {path_text(path.steps, path.root)}"
        return self.need(shape, kinds, pointer, name, path.text, what, f"read it without {fragment(token)}")

    def _variable(self, path: Path) -> Shape:
        """Return the shape of a variable; where it has no value is told by itself."""
        found = look(self.arrival.variables, (path.root[1:],))
        return found.shape if found.verdict is not Verdict.MISSING else ANYTHING

    def _saw_path(
        self, kind: str, path: Path, found: Found, origin: Steps | None, pointer: str, name: str
    ) -> None:
        if self.see is not None:
            self.see(
                Observation(
                    kind, self.state, self.arrival, pointer, name, path.text, found.verdict,
                    found, path.root, path.steps, origin,
                )
            )

    def need(self, shape: Shape, kinds: int, pointer: str, name: str, expression: str, what: str, fix: str = "",
             kind: str = "need") -> Shape:
        """Note whether a value is of one of `kinds`, as its reader needs, and return what is left of it if it is."""
        bad = 0 if shape.is_anything else shape.kinds & ~kinds
        verdict = Verdict.PRESENT
        if shape.is_anything:
            verdict = Verdict.UNDECIDED
        elif bad:
            verdict = Verdict.SOMETIMES if shape.kinds & kinds else Verdict.MISSING
        if self.see is not None:
            self.see(
                Observation(
                    kind, self.state, self.arrival, pointer, name, expression, verdict,
                    what=f"{what}, and is {describe(shape.only(bad)) if bad else describe(shape)}",
                    fix=fix, null=bad == NULL,
                )
            )
        kept = shape.only(kinds)
        return ANYTHING if kept.is_never else kept

    def literal(self, value: Json) -> Shape:
        """Return the shape of what stands in the definition."""
        if isinstance(value, str) and ("${" in value or value in self.open_texts):
            return ANY_STRING
        if isinstance(value, list):
            return an_array(join_all(self.literal(each) for each in value), len(value), len(value))
        if isinstance(value, dict):
            return an_object({key: self.literal(each) for key, each in value.items()})
        return shape_of(value)

    def _template(self, value: Json, data: Data, pointer: str, name: str) -> Shape:
        if isinstance(value, list):
            items = [
                self._template(each, data, f"{pointer}/{index}", f"{name}/{index}")
                for index, each in enumerate(value)
            ]
            return an_array(join_all(items), len(items), len(items))
        if not isinstance(value, dict):
            return self.literal(value)
        fields: dict[str, Shape] = {}
        for key, each in value.items():
            at, below = f"{pointer}/{escape(key)}", f"{name}/{key}"
            if key.endswith(".$"):
                fields[key[:-2]] = self._filled(str(each), data, at, below)
            else:
                fields[key] = self._template(each, data, at, below)
        return an_object(fields)

    def _filled(self, text: str, data: Data, pointer: str, name: str) -> Shape:
        from sfn_sim.query.intrinsics import compile_intrinsic

        if text.startswith("$"):
            shape = self.path(compile_path(text), data, pointer, name)
        else:
            shape = self._call(compile_intrinsic(text).call, data, pointer, name, text)
        return ANYTHING if shape.is_never else shape

    def _call(self, call: Call, data: Data, pointer: str, name: str, whole: str) -> Shape:
        open_text = "${" in whole or whole in self.open_texts
        given: list[Shape] = []
        for place, argument in enumerate(call.arguments):
            if isinstance(argument, Path):
                shape = self.path(argument, data, pointer, name)
                text = argument.text
            elif isinstance(argument, Call):
                shape, text = self._call(argument, data, pointer, name, whole), argument.text
            else:
                shape, text = ANYTHING if open_text else self.literal(argument.value), str(argument.value)
            kinds = intrinsics.wanted(call.name, place)
            if kinds and not (open_text and isinstance(argument, Literal)):
                what = f"{call.name} takes {intrinsics.kind_name(kinds)} here: {text}"
                shape = self.need(shape, kinds, pointer, name, f"{call.text}#{place}", what, kind="intrinsic")
            given.append(shape)
        refusal = "" if open_text else intrinsics.refusal(call, len(given))
        if refusal and self.see is not None:
            self.see(
                Observation(
                    "intrinsic", self.state, self.arrival, pointer, name, call.text, Verdict.MISSING,
                    what=f"{call.text} fails: {refusal}",
                )
            )
        reaches = intrinsics.reaches(call.name, given)
        if reaches is not Verdict.PRESENT and self.see is not None:
            self.see(
                Observation(
                    "intrinsic", self.state, self.arrival, pointer, name, f"{call.text}#item", reaches,
                    what=f"{call.text} fails: the array has no such item",
                )
            )
        return intrinsics.result(call.name, given)


_TAKEN: dict[type, tuple[int, str]] = {
    Slice: (ARRAY, "an array"),
    Indices: (ARRAY, "an array"),
    Names: (OBJECT, "an object"),
    Filter: (ARRAY | OBJECT, "an array or an object"),
}
"""What a step takes directly below a definite path; any other takes all."""


def _selected(shape: Shape, tokens: tuple[Token, ...]) -> Shape:
    """Return the shape of each value that the indefinite part of a path selects."""
    for token in tokens:
        if shape.is_anything:
            return ANYTHING
        if isinstance(token, Wildcard | Slice | Indices | Filter | int):
            shape = _children(shape, isinstance(token, Wildcard), isinstance(token, Filter))
        elif isinstance(token, str):
            # What lacks the member is skipped.
            shape = look(shape, (token,)).shape
        else:
            return ANYTHING
    return shape


def _children(shape: Shape, members: bool, itself: bool) -> Shape:
    parts = [shape.items or NEVER] if shape.kinds & ARRAY else []
    if shape.kinds & OBJECT and members:
        parts.append(ANYTHING if shape.open else join_all(each.shape for each in shape.fields.values()))
    if shape.kinds & OBJECT and itself:
        parts.append(shape.only(OBJECT))
    return join_all(parts)
