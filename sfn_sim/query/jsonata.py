"""JSONata as AWS Step Functions runs it; the only module that knows the engine, jlens.

    compiled = compile_expression("$states.input.order.total > $limit")     # the text inside {% and %}
    bindings = Bindings(fields={"input": …, "result": …}, context=…, variables={"limit": 10}, randomness=…, now_ms=…)
    compiled.evaluate(bindings, "Choices[0]/Condition", "boolean")          # a JSON value, or QueryEvaluationError

An expression is compiled once and evaluated often, by any thread. It reads `$states` and variables only, has no
context item, and gets no more of them than it reads. Common shapes never reach the engine (`jsonata_quick`).
What AWS refuses when a definition is created is raised by `compile_expression`; what depends on the place
(fields of $states that do not exist there, variables that nobody assigns) is told by `Compiled.reads`. Values are
never changed, and results may share parts with what was bound.

Beside it stand `jsonata_template` (JSON with expressions in it), `jsonata_explain` (values of sub-expressions),
`jsonata_syntax` (the tree), `jsonata_reads`, `jsonata_functions` (what AWS adds) and `jsonata_errors`.

jlens is imported by the first compilation. Known differences from AWS: whole numbers beyond 2^53 are doubles
where the engine computes with them; an infinity or NaN that is passed on to a function is an error, or null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sfn_sim import payload
from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json
from sfn_sim.query.expression import Randomness, Reference, SyntaxProblem
from sfn_sim.query.jsonata_errors import (
    INVALID,
    UNDEFINED,
    UNSUPPORTED,
    JsonataProblem,
    Undefined,
    nothing,
    thrown,
    type_name,
    unsupported,
    wrong_type,
)
from sfn_sim.query.jsonata_functions import ADDED, MEMORY, PLAIN, Function, Refused, drawing, plain_numbers
from sfn_sim.query.jsonata_quick import NotQuick, Result, is_made, quick, shown
from sfn_sim.query.jsonata_reads import Read, reads
from sfn_sim.query.jsonata_reads import unsupported as unsupported_reads
from sfn_sim.query.jsonata_syntax import Node, parse

if TYPE_CHECKING:
    from jlens import Expression as EngineExpression

__all__ = ["Bindings", "Compiled", "Guards", "compile_expression", "expression_in"]

EXTRA = "JSONata needs the package jlens: python -m pip install 'sfn-sim[jsonata]'"
STACK = (
    "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
)
TIMEOUT = "Expression evaluation timeout: Check for infinite loop"

# Codes of the engine's own guards; AWS's sentence has no code for them.
_LIMITS = {"D1011": STACK, "D1012": TIMEOUT, "U1001": MEMORY, "U1006": TIMEOUT}
_CLOCK = frozenset(("now", "millis", "toMillis"))
_DRAWING = frozenset(("random", "uuid", "shuffle"))
_WHOLE_TOKEN = re.compile(r"-?\d+\.0")
_WHOLE_NUMBER = re.compile(rb"\.0[,\]}]")
_LARGE_BYTES = 2_000


@dataclass(frozen=True, slots=True)
class Guards:
    """How far an evaluation may go.

    Source: measured on AWS (floci-io/floci#2737): 100 levels; [1..873782] and a text of 6,990,256 bytes pass.
    AWS's limit of time is not known: `steps` ends a loop without end after about a second, the same everywhere;
    `seconds` of real time ends a regular expression that backtracks for ever.
    """

    depth: int = 100
    steps: int = 30_000_000
    array_items: int = 873_782
    string_bytes: int = 6_990_256
    seconds: float = 30.0

    def options(self) -> dict[str, Any]:
        """Return the guards as the engine takes them."""
        return {
            "max_depth": self.depth,
            "max_steps": self.steps,
            "max_array_length": self.array_items,
            "max_string_length": self.string_bytes,
            "timeout": self.seconds,
        }


GUARDS = Guards()


class Bindings:
    """What expressions of one state may read, at one moment of its run.

    Args:
        fields: the fields of $states that exist there: input, and result or errorOutput.
        context: gives $states.context; called when it is read first. None where there is none.
        variables: the workflow variables in scope.
        randomness: where $random, $uuid and $shuffle draw from; an expression that draws needs it.
        now_ms: gives the time for $now and $millis, in milliseconds since 1970; a constant if it is None.
        guards: how far an evaluation may go.
    """

    __slots__ = ("_context", "_fields", "_plain", "guards", "now_ms", "randomness", "variables")

    def __init__(
        self,
        *,
        fields: Mapping[str, Json],
        context: Callable[[], Json] | None = None,
        variables: Mapping[str, Json] | None = None,
        randomness: Randomness | None = None,
        now_ms: Callable[[], int] | None = None,
        guards: Guards = GUARDS,
    ) -> None:
        self._fields = dict(fields)
        self._context = context
        self._plain: dict[int, tuple[Json, Json]] = {}
        self.variables: Mapping[str, Json] = variables if variables is not None else {}
        self.randomness = randomness
        self.now_ms = now_ms
        self.guards = guards

    def field(self, name: str) -> Result:
        """Return a field of $states, or UNDEFINED."""
        if name == "context" and self._context is not None and name not in self._fields:
            self._fields[name] = self._context()
        return self._fields.get(name, UNDEFINED)

    def states(self) -> dict[str, Json]:
        """Return $states whole.

        Source: recorded: test_state, `{% $states %}` (input, context, then result or errorOutput).
        """
        self.field("context")
        first = {name: self._fields[name] for name in ("input", "context") if name in self._fields}
        return first | self._fields

    def draw(self) -> Randomness:
        """Return where to draw from."""
        assert self.randomness is not None, "an expression that draws needs randomness"
        return self.randomness

    def plain(self, value: Json) -> Json:
        """Return a value with its numbers as AWS's JSONata has them; a large value is looked through once."""
        if not isinstance(value, list | dict):
            return shown(plain_numbers(value))
        known = self._plain.get(id(value))
        if known is not None:
            return known[1]
        try:
            text = payload.encode(value)
            made = plain_numbers(value) if _WHOLE_NUMBER.search(text) else value
        except RecursionError:  # as deep as JSON can be read: its numbers stay as they were written
            return value
        if len(text) > _LARGE_BYTES:
            self._plain[id(value)] = (value, made)  # held, so that its id stays its own
        return made


class Compiled:
    """A compiled expression.

    Attributes:
        text: the expression, without {% %} and the blanks beside them.
        tree: its syntax tree; every node knows where it stands in `text`.
        reads: its reads of variables that it does not bind itself, $states among them, in source order.
        references: the same as every query language has them, functions left out.
        quick: whether common evaluations do without the engine.
    """

    __slots__ = (
        "_expression", "_functions", "_made", "_names", "_quick", "_trim", "reads", "references", "text", "tree",
    )  # fmt: skip

    def __init__(self, text: str, expression: EngineExpression, tree: Node) -> None:
        self.text = text
        self.tree = tree
        self.reads: tuple[Read, ...] = reads(tree)
        self.references: tuple[Reference, ...] = tuple(
            read.reference(text) for read in self.reads if not read.called
        )
        self._expression = expression
        self._names = frozenset(read.name for read in self.reads)
        self._functions = self._names & ADDED
        self._quick = quick(tree)
        self._made = is_made(tree)
        self._trim: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Compiled({self.text!r})"

    @property
    def quick(self) -> bool:
        """Whether common evaluations do without the engine."""
        return self._quick is not None

    @property
    def variables(self) -> frozenset[str]:
        """The names that it reads beside $states: workflow variables, and functions."""
        return self._names - {"states"}

    def missing_fields(self, available: frozenset[str]) -> tuple[JsonataProblem, ...]:
        """Return its reads of fields of $states that do not exist where it stands.

        Source: measured on AWS (floci-io/floci#2745): "Field '$states.errorOutput' does not exist." outside a
        Catcher; that other names are told alike is assumed.
        """
        return tuple(
            JsonataProblem(
                UNSUPPORTED, f"Field '$states.{read.steps[0]}' does not exist.", read.start, read.end - read.start
            )
            for read in self.reads
            if read.name == "states" and read.steps and read.steps[0] not in available
        )

    def evaluate(self, bindings: Bindings, field: str, expected: str | None = None) -> Json:
        """Return the expression's value.

        Args:
            bindings: what it may read.
            field: the field as AWS writes it, for the error ("Output/v[0]/x").
            expected: the type that the field takes: "array", "boolean", "number", "object" or "string".

        Raises:
            QueryEvaluationError: it throws, meets a guard, gives nothing, a function, or another type.
        """
        value = self.result(bindings, field)
        if isinstance(value, Undefined):
            raise nothing(self.text, field)
        if expected is not None and type_name(value) != expected:
            raise wrong_type(self.text, field, expected, value)
        return value

    def result(self, bindings: Bindings, field: str = "") -> Result:
        """Return the expression's value, or UNDEFINED.

        Raises:
            QueryEvaluationError: it throws, meets a guard, or gives a function.
        """
        if self._quick is not None:
            try:
                value = self._quick(bindings)
            except NotQuick:
                pass
            else:
                return value if self._made or isinstance(value, Undefined) else bindings.plain(value)
        return self.engine_result(bindings, field)

    def engine_result(self, bindings: Bindings, field: str = "") -> Result:
        """Return what the engine gives, whatever the expression's shape.

        Raises:
            QueryEvaluationError: as `result`.
        """
        options = self.options(bindings)
        bound = self.bound(bindings)
        jlens = _engine()
        try:
            if self._names & _DRAWING:  # asked twice, it might give something else
                text = self._expression.evaluate_json(None, bound, **options)
                if text is not None:
                    return payload.loads(text)
            else:
                value: Json = self._expression.evaluate(None, bound, **options)
                if value is not None:
                    return value
        except jlens.JlensError as error:
            raise self._failure(error, field) from None
        except ValueError as error:  # bound values nested beyond what the engine takes
            raise thrown(self.text, field, "", str(error)) from None
        return self._told_apart(bindings, options, field)

    def _told_apart(self, bindings: Bindings, options: dict[str, Any], field: str) -> Result:
        """Return which of null, NaN and nothing the expression gave: the engine has None for all of them."""
        jlens = _engine()
        options["max_depth"] += 3
        asked = jlens.Expression(f"$type((\n{self.text}\n))")
        try:
            kind = asked.evaluate(None, self.bound(bindings, _Still), **options)
        except jlens.JlensError:  # pragma: no cover - it has just been evaluated without an error
            return UNDEFINED
        if kind == "function":
            raise unsupported(self.text, field)
        if kind is None:
            return UNDEFINED
        return None if kind == "null" else "NaN"  # the engine has no type for NaN

    def audit(self, bindings: Bindings) -> Mapping[str, Any] | None:
        """Return the engine's account of one evaluation: the root of its tree of evaluated parts.

        A node has `span` (start, end), `outcome`, `output` and `children`.
        """
        capture = dict.fromkeys(("max_items", "max_string", "max_depth", "max_nodes", "max_source"), 1_000_000)
        told = self._expression.evaluate_with_audit(
            None, self.bound(bindings, _Still), level="full", limits=capture, **self.options(bindings)  # type: ignore[arg-type]
        )
        root: Mapping[str, Any] | None = told["audit"].get("root")
        return root

    def options(self, bindings: Bindings) -> dict[str, Any]:
        """Return the engine's options for one evaluation."""
        options = bindings.guards.options()
        options["now"] = bindings.now_ms() if bindings.now_ms is not None and self._names & _CLOCK else 0
        if "shuffle" in self._names and "shuffle" not in bindings.variables:
            options["seed"] = bindings.draw().next_bits(32)
        return options

    def bound(self, bindings: Bindings, draw: Callable[[], Randomness] | None = None) -> dict[str, Any]:
        """Return what the engine is given: of $states and the variables only what the expression reads."""
        if self._trim is None:
            self._trim = _trim(self._expression, self._names)
        made: dict[str, Any] = {}
        for name in self._names:
            if name in bindings.variables:
                made[name] = _cut(bindings.variables[name], self._trim.get(name, True))
            elif name == "eval":
                made[name] = None  # AWS has no $eval: T1006
        for name in self._functions - bindings.variables.keys():
            made[name] = _host(_function(name, draw or bindings.draw))
        if "states" in self._names:
            made["states"] = self._states(bindings, self._trim.get("states", True))
        return made

    def _states(self, bindings: Bindings, read: Any) -> Json:
        if read is True:
            return bindings.states()
        states: dict[str, Json] = {}
        for name, below in read.items():
            value = bindings.field(name)
            if not isinstance(value, Undefined):
                states[name] = _cut(value, below)
        return states

    def _failure(self, error: Any, field: str) -> Exception:
        start, length = self._place(error)
        if error.code in _LIMITS:
            return thrown(self.text, field, "", _LIMITS[error.code], start, length)
        return thrown(self.text, field, error.code, str(error), start, length)

    def _place(self, error: Any) -> tuple[int, int]:
        start, end, position = (getattr(error, name, None) for name in ("start", "end", "position"))
        if start is None and position is not None:  # a function of ours failed: only its name is pointed at
            for node in self.tree.walk():
                if node.kind in ("call", "partial") and node.parts[0].end <= position <= node.end:
                    start, end = node.start, node.end
        return (start or 0, (end or start or 0) - (start or 0))


class _Still:
    """Randomness for an evaluation whose value nobody sees."""

    def next_below(self, bound: int) -> int:
        return 0 * bound

    def next_bits(self, bits: int) -> int:
        return 0 * bits

    def uuid4(self) -> str:
        return "00000000-0000-4000-8000-000000000000"

    def seeded(self, seed: int) -> Randomness:
        del seed
        return self


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Compiled:
    """Compile the text that stands inside {% and %}; equal texts give the same object.

    Raises:
        JsonataProblem: AWS refuses it; `more` has what else is wrong with it.
        ConfigurationError: jlens is not installed.

    Source: measured on AWS (floci-io/floci#2745): the parser's words without their code; #2670: names at the top
    level. What JSONata 2.0.6 does not have is refused in the words of its parser.
    """
    jlens = _engine()
    text = text.strip()
    try:
        expression = jlens.Expression(text)
    except jlens.JlensError as error:
        raise _syntax_problem(error) from None
    except UnicodeEncodeError as error:  # half of a surrogate pair, which the engine cannot be given
        raise JsonataProblem(INVALID, "A character of the expression is half of a pair", error.start) from None
    try:
        tree = parse(text)
        problems = unsupported_reads(tree)
        compiled = Compiled(text, expression, tree)
    except SyntaxProblem as problem:
        raise JsonataProblem(INVALID, problem.message, problem.offset) from None
    except RecursionError:  # some hundred levels; AWS evaluates 100
        raise JsonataProblem(INVALID, "The expression is nested too deeply") from None
    if problems:
        problems[0].more = problems[1:]
        raise problems[0]
    return compiled


def expression_in(value: Json) -> tuple[str, int] | None:
    """Return the expression that a string of a definition is, and how many characters stand before it.

    Source: recorded: base_cases_BASE_LITERALS (a blank before {% makes it plain text).
    """
    if not isinstance(value, str) or len(value) < 4 or not (value.startswith("{%") and value.endswith("%}")):
        return None
    inside = value[2:-2]
    return inside.strip(), 2 + len(inside) - len(inside.lstrip())


@cache
def _engine() -> ModuleType:
    try:
        import jlens
    except ImportError:
        raise ConfigurationError(EXTRA) from None
    return jlens


def _syntax_problem(error: Any) -> JsonataProblem:
    message = str(error)
    if error.token and _WHOLE_TOKEN.fullmatch(error.token):  # the engine writes 2 as 2.0
        message = message.replace(error.token, error.token[:-2])
    start = error.start if error.start is not None else error.position or 0
    return JsonataProblem(INVALID, message, start, max(1, (error.end or start) - start))


def _trim(expression: EngineExpression, names: frozenset[str]) -> dict[str, Any]:
    """Return what of each variable the expression reads, as the engine tells it: True is all of it."""
    read = expression.reads(dict.fromkeys(names & ADDED, _unused))
    return {} if read.get("everyBinding") else dict(read["bindings"])


def _unused(*_: Json) -> Json:  # stands for a function where the engine asks for names only
    return None


def _cut(value: Json, read: Any) -> Json:
    """Return what is read of a value. Lists stay whole: to copy them would cost more than it saves."""
    if read is True or not isinstance(value, dict):
        return value
    return {name: _cut(value[name], below) for name, below in read.items() if name in value}


def _function(name: str, draw: Callable[[], Randomness]) -> Function:
    return PLAIN[name] if name in PLAIN else drawing(draw)[name]


def _host(function: Function) -> Function:
    """Return a function that fails as the engine's own functions do, with a place."""
    jlens = _engine()

    def call(*arguments: Json) -> Json:
        try:
            return function(*arguments)
        except Refused as refused:
            error = jlens.JlensError(refused.message)
            error.code = refused.code or "U1001"
            raise error from None

    return call
