"""The `States.*` functions: one Python function each, and one table.

A function gets its arguments as values and raises `Refused` where AWS answers with States.IntrinsicFailure.
No such answer of AWS is recorded: all conditions come from the Developer Guide (Intrinsic functions) unless a
line says otherwise, and all words are ours (Source: assumed).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sfn_sim import limits, payload
from sfn_sim.limits import Limit
from sfn_sim.payload import Json
from sfn_sim.query.expression import Randomness
from sfn_sim.query.java_text import java_text

Kind: TypeAlias = Literal["string", "number", "boolean", "array", "object", "anything"]

_INT32 = range(-(2**31), 2**31)
_ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_TEMPLATE = re.compile(r"\\(?P<escaped>[{}'\\])|(?P<hole>\{\})|(?P<brace>[{}])")


class Refused(Exception):
    """An argument that a function does not take; the text says why."""


@dataclass(frozen=True, slots=True)
class IntrinsicFunction:
    """One intrinsic function.

    Attributes:
        name: its name, such as "States.Format".
        minimum: how many arguments it takes at least.
        maximum: how many at most; None if there is no bound.
        function: what it does; `draws` says whether the random stream is its first argument.
        result: the kind of its result.
        limits: the quotas it checks.
    """

    name: str
    minimum: int
    maximum: int | None
    function: Callable[..., Json]
    result: Kind
    draws: bool = False
    limits: tuple[Limit, ...] = ()

    def arity(self) -> str:
        """Return in words how many arguments the function takes."""
        if self.maximum is None:
            return f"at least {self.minimum}" if self.minimum else "any number of"
        return str(self.minimum) if self.minimum == self.maximum else f"{self.minimum} to {self.maximum}"


def _kind_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "an object"


def _string(value: Json, what: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{what} must be a string, not {_kind_of(value)}")
    return value


def _short_string(value: Json, what: str) -> str:
    text = _string(value, what)
    _check_length(text, what)
    return text


def _check_length(text: str, what: str) -> None:
    limit = limits.INTRINSIC_TEXT
    if len(text) > limit.value:
        raise Refused(f"{what} has {len(text)} characters; at most {limit.value} are allowed")


def _array(value: Json, what: str = "the first argument") -> list[Json]:
    if not isinstance(value, list):
        raise Refused(f"{what} must be an array, not {_kind_of(value)}")
    return value


def _object(value: Json, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Refused(f"{what} must be an object, not {_kind_of(value)}")
    return value


def _rounded(value: Json, what: str) -> int:
    """Return a number as a 32-bit integer, rounded half up.

    Source: recorded: math_add ((1.5, 1.51) = 4, (-0.5, 0.5) = 1, (-1.5, 0) = -1).
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"{what} must be a number, not {_kind_of(value)}")
    number = value if isinstance(value, int) else math.floor(value + 0.5)
    if number not in _INT32:
        raise Refused(f"{what} must be from {_INT32.start} to {_INT32.stop - 1}, not {number}")
    return number


def _identity(value: Json) -> object:
    """Return a hashable stand-in for a value: equal for equal JSON, and never 1 for true."""
    match value:
        case bool():
            return ("boolean", value)
        case list():
            return ("array", *map(_identity, value))
        case dict():
            return ("object", frozenset((key, _identity(item)) for key, item in value.items()))
        case _:
            return value


def format_parts(template: str) -> list[str]:
    r"""Return the texts between the `{}` of a States.Format template; `\{ \} \'` and `\\` are unescaped.

    Raises:
        Refused: a brace that is neither escaped nor part of `{}`.
    """
    parts = [""]
    end = 0
    for found in _TEMPLATE.finditer(template):
        if found["brace"]:
            other = "}" if found["brace"] == "{" else "{"
            raise Refused(f"matching '{other}' not found for '{found['brace']}' (write \\{found['brace']})")
        parts[-1] += template[end : found.start()] + (found["escaped"] or "")
        if found["hole"]:
            parts.append("")
        end = found.end()
    parts[-1] += template[end:]
    return parts


def fill(parts: Sequence[str], values: Sequence[Json]) -> str:
    """Return a States.Format template with its `{}` filled, as Java prints the values.

    Source: recorded: format_2, context_json_path.
    """
    if len(values) != len(parts) - 1:
        raise Refused(
            "number of arguments do not match the occurrences of {} "
            f"({len(values)} arguments, {len(parts) - 1} occurrences)"
        )
    return parts[0] + "".join(java_text(value) + part for value, part in zip(values, parts[1:], strict=True))


def _format(template: Json, *values: Json) -> Json:
    return fill(format_parts(_string(template, "the template")), values)


def _string_to_json(text: Json) -> Json:
    """Source: recorded: string_to_json ('' and ' ' give null)."""
    source = _string(text, "the argument")
    if not source.strip():
        return None
    try:
        return payload.loads(source)
    except ValueError as problem:
        raise Refused(f"the argument is not JSON: {problem}") from None


def _json_to_string(value: Json) -> Json:
    return payload.dumps(value)


def _array_of(*values: Json) -> Json:
    return list(values)


def _array_partition(array: Json, size: Json) -> Json:
    """Source: recorded: array_partition."""
    items = _array(array)
    length = _rounded(size, "the chunk size")
    if length < 1:
        raise Refused(f"the chunk size must be positive, not {length}")
    return [items[start : start + length] for start in range(0, len(items), length)]


def _array_contains(array: Json, value: Json) -> Json:
    """Source: recorded: array_contains (deep equality)."""
    wanted = _identity(value)
    return any(_identity(item) == wanted for item in _array(array))


def _array_range(first: Json, last: Json, step: Json) -> Json:
    """Source: recorded: array_range (the end is included if it is hit)."""
    begin, end = _rounded(first, "the first argument"), _rounded(last, "the second argument")
    width = _rounded(step, "the step")
    if width == 0:
        raise Refused("the step must not be 0")
    numbers = range(begin, end + (1 if width > 0 else -1), width)
    limit = limits.INTRINSIC_RANGE
    if len(numbers) > limit.value:
        raise Refused(f"the range has {len(numbers)} items; at most {limit.value} are allowed")
    return list(numbers)


def _array_get_item(array: Json, index: Json) -> Json:
    """Source: recorded: array_get_item; that an index out of range is refused is assumed."""
    items = _array(array)
    if isinstance(index, bool) or not isinstance(index, int):
        raise Refused(f"the index must be an integer, not {java_text(index)}")
    if not 0 <= index < len(items):
        raise Refused(f"the index {index} is outside the array, which has {len(items)} items")
    return items[index]


def _array_length(array: Json) -> Json:
    return len(_array(array))


def _array_unique(array: Json) -> Json:
    firsts: dict[object, Json] = {}
    for item in _array(array):
        firsts.setdefault(_identity(item), item)
    return list(firsts.values())


def _base64_encode(text: Json) -> Json:
    data = _short_string(text, "the argument").encode("utf-8", "surrogatepass")
    return base64.b64encode(data).decode("ascii")


def _base64_decode(text: Json) -> Json:
    """Source: recorded: base_64_decode; missing padding and malformed UTF-8 as Java takes them (assumed)."""
    encoded = _short_string(text, "the argument")
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("the argument is not Base64") from None
    return data.decode("utf-8", "replace")


def _hash(value: Json, algorithm: Json) -> Json:
    """Source: recorded: hash; that other values than strings are hashed as their JSON text is assumed."""
    name = _ALGORITHMS.get(_string(algorithm, "the algorithm"))
    if name is None:
        raise Refused(f"the algorithm must be one of {', '.join(_ALGORITHMS)}, not '{algorithm}'")
    text = value if isinstance(value, str) else payload.dumps(value)
    _check_length(text, "the data")
    return hashlib.new(name, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _json_merge(first: Json, second: Json, deep: Json) -> Json:
    """Source: recorded: json_merge (the second object wins, key by key)."""
    if deep is not False:
        raise Refused("the third argument must be false: only the shallow merge is supported")
    return {**_object(first, "the first argument"), **_object(second, "the second argument")}


def _math_random(stream: Randomness, start: Json, end: Json, seed: Json = None) -> Json:
    """Source: recorded: math_random (numbers are rounded); that `end` is left out, and seeds: assumed."""
    first, stop = _rounded(start, "the first argument"), _rounded(end, "the second argument")
    if first >= stop:
        raise Refused(f"the first argument must be less than the second, but {first} is not less than {stop}")
    if seed is not None:
        stream = stream.seeded(_rounded(seed, "the seed"))
    span = stop - first
    if span < _INT32.stop:
        return first + stream.next_below(span)
    # As Java does where the span does not fit into an int: draw until the number lies within.
    while (number := stream.next_bits(32)) >= span:
        pass
    return first + number


def _math_add(first: Json, second: Json) -> Json:
    total = _rounded(first, "the first argument") + _rounded(second, "the second argument")
    return _rounded(total, "the sum")


def _string_split(text: Json, separators: Json) -> Json:
    """Source: recorded: string_split (every character separates, empty parts are dropped)."""
    source = _string(text, "the first argument")
    signs = _string(separators, "the separators")
    if not signs:
        return [source] if source else []
    if len(signs) > 1:
        source = source.translate(dict.fromkeys(map(ord, signs), signs[0]))
    return [part for part in source.split(signs[0]) if part]


def _uuid(stream: Randomness) -> Json:
    return stream.uuid4()


def _table(*functions: IntrinsicFunction) -> dict[str, IntrinsicFunction]:
    return {each.name: each for each in functions}


_TEXT: Any = (limits.INTRINSIC_TEXT,)
INTRINSICS: dict[str, IntrinsicFunction] = _table(
    IntrinsicFunction("States.Format", 1, None, _format, "string"),
    IntrinsicFunction("States.StringToJson", 1, 1, _string_to_json, "anything"),
    IntrinsicFunction("States.JsonToString", 1, 1, _json_to_string, "string"),
    IntrinsicFunction("States.Array", 0, None, _array_of, "array"),
    IntrinsicFunction("States.ArrayPartition", 2, 2, _array_partition, "array"),
    IntrinsicFunction("States.ArrayContains", 2, 2, _array_contains, "boolean"),
    IntrinsicFunction("States.ArrayRange", 3, 3, _array_range, "array", limits=(limits.INTRINSIC_RANGE,)),
    IntrinsicFunction("States.ArrayGetItem", 2, 2, _array_get_item, "anything"),
    IntrinsicFunction("States.ArrayLength", 1, 1, _array_length, "number"),
    IntrinsicFunction("States.ArrayUnique", 1, 1, _array_unique, "array"),
    IntrinsicFunction("States.Base64Encode", 1, 1, _base64_encode, "string", limits=_TEXT),
    IntrinsicFunction("States.Base64Decode", 1, 1, _base64_decode, "string", limits=_TEXT),
    IntrinsicFunction("States.Hash", 2, 2, _hash, "string", limits=_TEXT),
    IntrinsicFunction("States.JsonMerge", 3, 3, _json_merge, "object"),
    IntrinsicFunction("States.MathRandom", 2, 3, _math_random, "number", draws=True),
    IntrinsicFunction("States.MathAdd", 2, 2, _math_add, "number"),
    IntrinsicFunction("States.StringSplit", 2, 2, _string_split, "array"),
    IntrinsicFunction("States.UUID", 0, 0, _uuid, "string", draws=True),
)
