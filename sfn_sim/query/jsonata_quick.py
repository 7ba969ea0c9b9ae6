"""The common shapes of JSONata expressions as closures over JSON values.

A closure gives what the engine gives for the same expression, or raises `NotQuick`: whatever is out of the
ordinary (another type than an operator takes, an array within an array, a number that only a double can hold) is
left to the engine, which alone words errors. Large values are handed through by reference, never copied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.jsonata_errors import UNDEFINED, Undefined
from sfn_sim.query.jsonata_reads import field_of
from sfn_sim.query.jsonata_syntax import Node

Result: TypeAlias = "Json | Undefined"


class NotQuick(Exception):
    """An evaluation that the engine has to make."""


class Readable(Protocol):
    """What a quick expression reads."""

    variables: Mapping[str, Json]

    def field(self, name: str) -> Result:
        """Return a field of $states."""

    def states(self) -> dict[str, Json]:
        """Return $states whole."""

    def plain(self, value: Json) -> Json:
        """Return a value with its numbers as they are written into JSON."""


Quick: TypeAlias = Callable[[Readable], Result]

# A quick expression never comes near AWS's limit of depth, so it need not count.
_DEEPEST = 30
_EXACT = 1 << 53
_SHOWN_EXACTLY = 10**15


def quick(tree: Node) -> Quick | None:
    """Return an expression as a closure, or None if only the engine can evaluate it."""
    return _build(tree, 0)


def _build(node: Node, depth: int) -> Quick | None:
    builder = _BUILDERS.get(node.kind)
    return builder(node, depth + 1) if builder and depth < _DEEPEST else None


def _parts(nodes: tuple[Node, ...], depth: int) -> list[Quick] | None:
    made = [_build(node, depth) for node in nodes]
    return [each for each in made if each is not None] if None not in made else None


def _literal(node: Node, _depth: int) -> Quick | None:
    value = node.value
    if isinstance(value, tuple):  # pragma: no cover - a literal holds a scalar
        return None
    return lambda _: value


def _variable(node: Node, _depth: int) -> Quick | None:
    name = str(node.value)
    if name in ("", "$"):
        return None
    if name == "states":
        return lambda bindings: bindings.states()

    def read(bindings: Readable) -> Result:
        variables = bindings.variables
        if name in variables:
            return variables[name]
        raise NotQuick  # undefined, or a function

    return read


def _filtered(node: Node, _depth: int) -> Quick | None:
    """Compile `$name[0]`."""
    index = _index(node)
    root = _variable(node.parts[0], 0) if node.parts[0].kind == "variable" else None
    if index is None or root is None:
        return None
    return lambda bindings: _item(root(bindings), index)


def _index(node: Node) -> int | None:
    predicate = node.parts[1]
    sign = 1
    if predicate.kind == "negate":
        sign, predicate = -1, predicate.parts[0]
    value = predicate.value if predicate.kind == "literal" else None
    return sign * value if isinstance(value, int) and not isinstance(value, bool) else None


def _item(value: Result, index: int) -> Result:
    if not isinstance(value, list):
        return value if index in (0, -1) else UNDEFINED
    if not -len(value) <= index < len(value):
        return UNDEFINED
    found = value[index]
    if isinstance(found, list):
        raise NotQuick
    return found


def _path(node: Node, _depth: int) -> Quick | None:
    first, *rest = node.parts
    steps: list[tuple[str, int | None]] = []
    for step in rest:
        index = _index(step) if step.kind == "filter" else None
        name = field_of(step.parts[0] if step.kind == "filter" else step)
        if name is None or (step.kind == "filter" and index is None):
            return None
        steps.append((name, index))
    if first.kind == "variable" and first.value == "states" and steps[0][1] is None:
        field = steps[0][0]
        return _walker(lambda bindings: bindings.field(field), tuple(steps[1:]))
    if first.kind == "variable" and (root := _variable(first, 0)):
        return _walker(root, tuple(steps))
    return None


def _walker(root: Quick, steps: tuple[tuple[str, int | None], ...]) -> Quick:
    if not steps:
        return root

    def walk(bindings: Readable) -> Result:
        value = root(bindings)
        for position, (name, index) in enumerate(steps):
            if isinstance(value, dict):
                value = value.get(name, UNDEFINED)
                if index is not None:
                    value = _item(value, index)
            elif isinstance(value, list):
                return _across(value, steps[position:])
            else:
                return UNDEFINED
        return value

    return walk


def _across(items: list[Json], steps: tuple[tuple[str, int | None], ...]) -> Result:
    """Read fields of each item of an array: what they give is one sequence, bare if it is a single value."""
    if any(index is not None for _, index in steps):
        raise NotQuick
    for position, (name, _) in enumerate(steps):
        found: list[Json] = []
        for item in items:
            if isinstance(item, dict):
                if name in item:
                    found.append(item[name])
            elif isinstance(item, list):
                raise NotQuick
        if not found:
            return UNDEFINED
        if len(found) == 1 and position == len(steps) - 1:
            return found[0]
        items = []
        for value in found:
            if isinstance(value, list):
                items.extend(value)
            else:
                items.append(value)
    if not items:
        return UNDEFINED
    return items[0] if len(items) == 1 else items


def _binary(node: Node, depth: int) -> Quick | None:
    operate = _OPERATORS.get(str(node.value))
    sides = _parts(node.parts, depth)
    if sides is None:
        return None
    left, right = sides
    if node.value == "and":
        return lambda bindings: truth(left(bindings)) and truth(right(bindings))
    if node.value == "or":
        return lambda bindings: truth(left(bindings)) or truth(right(bindings))
    if operate is None:
        return None
    return lambda bindings: operate(left(bindings), right(bindings))


def truth(value: Result) -> bool:
    """Return a value as JSONata's $boolean has it; what is undefined is false."""
    if isinstance(value, list):
        return any(truth(each) for each in value)
    return value is not UNDEFINED and bool(value)


def _equal(left: Result, right: Result) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return _same(left, right)


def _unequal(left: Result, right: Result) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return not _same(left, right)


def _same(left: Result, right: Result) -> bool:
    if isinstance(left, str | bool | None) or isinstance(right, str | bool | None):
        return type(left) is type(right) and left == right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _double(left) == _double(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    return False


def _double(value: float) -> float:
    """Return a number as JSONata computes with it."""
    if isinstance(value, float):
        return value
    if -_EXACT <= value <= _EXACT:
        return value
    raise NotQuick


def _ordered(compare: Callable[[float, float], bool], texts: Callable[[str, str], bool]) -> Callable[..., Result]:
    def operate(left: Result, right: Result) -> Result:
        if _is_number(left) and _is_number(right):
            return compare(_double(left), _double(right))  # type: ignore[arg-type]
        if isinstance(left, str) and isinstance(right, str) and left.isascii() and right.isascii():
            return texts(left, right)
        raise NotQuick

    return operate


def _is_number(value: Result) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arithmetic(compute: Callable[[float, float], float]) -> Callable[..., Result]:
    def operate(left: Result, right: Result) -> Result:
        if not (_is_number(left) and _is_number(right)):
            raise NotQuick
        one, other = _double(left), _double(right)  # type: ignore[arg-type]
        if not (math.isfinite(one) and math.isfinite(other)):
            raise NotQuick
        try:
            made = compute(one, other)
        except OverflowError:
            raise NotQuick from None
        if isinstance(made, float) and made.is_integer() and abs(made) <= _EXACT:
            return int(made)
        if isinstance(made, int) and abs(made) > _EXACT:
            return float(made)
        return made

    return operate


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.copysign(math.inf, left) if left else math.nan


def _remainder(left: float, right: float) -> float:
    return math.fmod(left, right) if right else math.nan


def _joined(left: Result, right: Result) -> Result:
    return _text(left) + _text(right)


def _text(value: Result) -> str:
    if isinstance(value, str):
        return value
    if value is UNDEFINED:
        return ""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) < _SHOWN_EXACTLY:
        return str(value)
    raise NotQuick


def _negate(node: Node, depth: int) -> Quick | None:
    operand = _build(node.parts[0], depth)
    if operand is None:
        return None

    def negate(bindings: Readable) -> Result:
        value = operand(bindings)
        if _is_number(value):
            return -_double(value)  # type: ignore[arg-type]
        raise NotQuick

    return negate


def _condition(node: Node, depth: int) -> Quick | None:
    parts = _parts(node.parts, depth)
    if parts is None:
        return None
    test, then = parts[:2]
    otherwise = parts[2] if len(parts) > 2 else None

    def choose(bindings: Readable) -> Result:
        if truth(test(bindings)):
            return then(bindings)
        return otherwise(bindings) if otherwise else UNDEFINED

    return choose


def _block(node: Node, depth: int) -> Quick | None:
    return _build(node.parts[0], depth) if len(node.parts) == 1 else None


def _object(node: Node, depth: int) -> Quick | None:
    keys = [each.value for each in node.parts[::2] if each.kind == "literal" and isinstance(each.value, str)]
    values = _parts(node.parts[1::2], depth)
    if values is None or len(keys) * 2 != len(node.parts) or len(set(keys)) < len(keys):
        return None
    members = [(key, value, is_made(each)) for key, value, each in zip(keys, values, node.parts[1::2], strict=True)]

    def make(bindings: Readable) -> Result:
        made: dict[str, Json] = {}
        for key, value, ready in members:
            result = value(bindings)
            if not isinstance(result, Undefined):
                made[key] = result if ready else bindings.plain(result)
        return made

    return make


def _array(node: Node, depth: int) -> Quick | None:
    values = _parts(node.parts, depth)
    if values is None:
        return None
    items = [(each.kind == "array", value, is_made(each)) for each, value in zip(node.parts, values, strict=True)]

    def make(bindings: Readable) -> Result:
        made: list[Json] = []
        for nested, value, ready in items:
            result = value(bindings)
            if isinstance(result, Undefined):
                continue
            if not ready:
                result = bindings.plain(result)
            if isinstance(result, list) and not nested:
                made.extend(result)
            else:
                made.append(result)
        return made

    return make


def is_made(node: Node) -> bool:
    """Tell whether a quick expression makes its value anew, with every number as it is written into JSON."""
    return node.kind in ("object", "array")


def shown(value: Json) -> Json:
    """Return a number as AWS writes it into JSON: one that is none, as the text that JavaScript has for it.

    Source: measured on AWS (floci-io/floci#2737): 1/0 gives "Infinity", [1/0] gives ["Infinity"].
    """
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _call(node: Node, depth: int) -> Quick | None:
    function, *arguments = node.parts
    operate = _FUNCTIONS.get(str(function.value)) if function.kind == "variable" else None
    argument = _build(arguments[0], depth) if len(arguments) == 1 else None
    if operate is None or argument is None:
        return None
    name = str(function.value)

    def call(bindings: Readable) -> Result:
        if name in bindings.variables:
            raise NotQuick
        return operate(argument(bindings))

    return call


_OPERATORS: Mapping[str, Callable[[Result, Result], Result]] = {
    "=": _equal,
    "!=": _unequal,
    "<": _ordered(lambda a, b: a < b, lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b, lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b, lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b, lambda a, b: a >= b),
    "&": _joined,
    "+": _arithmetic(lambda a, b: a + b),
    "-": _arithmetic(lambda a, b: a - b),
    "*": _arithmetic(lambda a, b: a * b),
    "/": _arithmetic(_divide),
    "%": _arithmetic(_remainder),
}
_FUNCTIONS: Mapping[str, Callable[[Result], Result]] = {
    "exists": lambda value: value is not UNDEFINED,
    "count": lambda value: len(value) if isinstance(value, list) else int(value is not UNDEFINED),
    "not": lambda value: UNDEFINED if value is UNDEFINED else not truth(value),
}
_BUILDERS: Mapping[str, Callable[[Node, int], Quick | None]] = {
    "literal": _literal,
    "variable": _variable,
    "path": _path,
    "filter": _filtered,
    "binary": _binary,
    "negate": _negate,
    "condition": _condition,
    "block": _block,
    "object": _object,
    "array": _array,
    "call": _call,
}
