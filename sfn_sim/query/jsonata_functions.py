"""The functions that AWS adds to JSONata: $partition, $range, $hash, $random, $uuid and $parse.

A function is given its arguments as JSON values, with None for one that is undefined or null, and gives None for
undefined. `Refused` carries JSONata's code and words.

Source for all that is not said otherwise: measured on AWS (floci-io/floci#2676).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sfn_sim import payload
from sfn_sim.payload import Json
from sfn_sim.query.expression import Randomness

Function: TypeAlias = Callable[..., Json]

MEMORY = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
# Source: measured on AWS (floci-io/floci#2790): $range(1, 360145, 1) passes, one more element does not.
_MOST_IN_RANGE = 360_145
_HASHES = {"SHA-1": "sha1", "SHA-384": "sha384", "SHA-256": "sha256", "SHA-512": "sha512", "MD5": "md5"}
_LONG = 1 << 63
_USER_ERROR = "D3137"


class Refused(Exception):
    """Arguments that a function does not take; `code` is JSONata's, or "" for a limit of AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def partition(*arguments: Json) -> Json:
    """Return an array in chunks of a size; nothing for an empty array or a size of 0.

    Source: recorded: array_partition.
    """
    array, size = _arguments("partition", arguments, 2)
    if array is None:
        return None
    if not isinstance(array, list):
        raise Refused("T0412", 'Argument 1 of function "partition" must be an array of undefined')
    if not array:
        return None
    if size is None:
        return [array]
    step = _whole(size, "partition", 2)
    if step < 0:
        raise Refused(_USER_ERROR, "Second argument must be zero or greater")
    return [array[start : start + step] for start in range(0, len(array), step)] if step else None


def range_(*arguments: Json) -> Json:
    """Return the numbers from a start to an end, which is included where the step hits it; a lone one bare.

    Source: recorded: array_range.
    """
    first, last, by = _arguments("range", arguments, 3)
    start, end = _whole(first, "range", 1), _whole(last, "range", 2)
    if by is None:
        return None
    step = _whole(by, "range", 3)
    if step == 0 or (end - start) * step < 0:
        return None
    count = (end - start) // step + 1
    if count > _MOST_IN_RANGE:
        raise Refused("", MEMORY)
    return start if count == 1 else [start + step * index for index in range(count)]


def hash_(*arguments: Json) -> Json:
    """Return the digest of a text in hexadecimal digits."""
    text, algorithm = _arguments("hash", arguments, 2)
    if not isinstance(text, str):
        raise _signature("hash", 1)
    if algorithm is None:
        return None
    if not isinstance(algorithm, str):
        raise _signature("hash", 2)
    if algorithm not in _HASHES:
        raise Refused(_USER_ERROR, f"Hash algorithm '{algorithm}' must be one of {', '.join(_HASHES)}")
    return hashlib.new(_HASHES[algorithm], text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def parse(*arguments: Json) -> Json:
    """Return the value of a JSON text: integers of 64 bits exact, larger ones as doubles.

    Source: recorded: string_to_json_functions ($parse("-0") is 0).
    """
    (text,) = _arguments("parse", arguments, 1)
    if text is None:
        return None
    if not isinstance(text, str):
        raise _signature("parse", 1)
    try:
        return plain_numbers(payload.loads(text))
    except ValueError:
        raise Refused(_USER_ERROR, "Invalid JSON") from None


def drawing(randomness: Callable[[], Randomness]) -> Mapping[str, Function]:
    """Return $random and $uuid, which draw from what `randomness` gives.

    Source: Developer Guide, Transforming data with JSONata; $random(42) is java.util.Random's first double.
    """

    def random(*arguments: Json) -> Json:
        (seed,) = _arguments("random", arguments, 1)
        stream = randomness()
        return next_double(stream if seed is None else stream.seeded(_whole(seed, "random", 1)))

    def uuid(*arguments: Json) -> Json:
        _arguments("uuid", arguments, 0)
        return randomness().uuid4()

    return {"random": random, "uuid": uuid}


PLAIN: Mapping[str, Function] = {"partition": partition, "range": range_, "hash": hash_, "parse": parse}
ADDED = frozenset((*PLAIN, "random", "uuid"))
"""The names of all functions that AWS adds."""


def next_double(stream: Randomness) -> float:
    """Return a number from 0 (inclusive) to 1 (exclusive), as java.util.Random's nextDouble."""
    return float((stream.next_bits(26) << 27) + stream.next_bits(27)) / float(1 << 53)


def plain_numbers(value: Json) -> Json:
    """Return a value with its numbers as AWS's JSONata has them: 3.0 is 3, and what exceeds 64 bits is a double.

    What needs no change is handed out as it is.
    """
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _LONG else value
    if isinstance(value, int):
        return value if -_LONG <= value < _LONG else float(value)
    if isinstance(value, list):
        return _plain_items(value)
    return _plain_members(value) if isinstance(value, dict) else value


def _plain_items(items: list[Json]) -> list[Json]:
    made: list[Json] | None = None
    for index, item in enumerate(items):
        if item is None or isinstance(item, str):  # most values are, and a call costs more than the test
            continue
        new = plain_numbers(item)
        if new is not item:
            made = items.copy() if made is None else made
            made[index] = new
    return items if made is None else made


def _plain_members(members: dict[str, Json]) -> dict[str, Json]:
    made: dict[str, Json] | None = None
    for key, value in members.items():
        if value is None or isinstance(value, str):
            continue
        new = plain_numbers(value)
        if new is not value:
            made = members.copy() if made is None else made
            made[key] = new
    return members if made is None else made


def _arguments(name: str, given: tuple[Json, ...], most: int) -> tuple[Json, ...]:
    if any(each is not None for each in given[most:]):
        raise _signature(name, most + 1)
    return (*given[:most], *(None for _ in range(most - len(given))))


def _whole(value: Json, name: str, position: int) -> int:
    """Return a number rounded towards zero.

    Source: measured on AWS (floci-io/floci#2676): $range(-1.7, 2, 1) begins with -1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _signature(name, position)
    return max(-_LONG, min(_LONG - 1, math.trunc(value)))


def _signature(name: str, position: int) -> Refused:
    return Refused("T0410", f'Argument {position} of function "{name}" does not match function signature')
