"""Values as JSON text: the canonical compact form, and its size in UTF-8 bytes.

Rule of this module: a size is always the length of exactly the text that `dumps` writes.
orjson does the work; the standard library is the reference for what orjson refuses
(integers beyond 64 bits, lone surrogates, keys that are not text).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeAlias

import orjson

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def encode(value: Json) -> bytes:
    """Return the compact UTF-8 JSON text of `value` (no spaces, characters unescaped, keys in their order)."""
    try:
        return orjson.dumps(value)
    except TypeError:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "surrogatepass")


def encode_to_keep(value: Json) -> bytes:
    """Return `encode(value)` in no more memory than it needs; see `trimmed`."""
    return trimmed(encode(value))


def trimmed(text: bytes) -> bytes:
    """Return the same bytes without the spare room that orjson leaves behind them.

    That is 4 KB behind a small text, and behind a large one several times its length: nothing where it is only
    measured, and most of a run's memory where it is kept.
    """
    return b"%b" % text


def dumps(value: Json) -> str:
    """Return `encode(value)` as text."""
    return encode(value).decode("utf-8", "surrogatepass")


def size_bytes(value: Json) -> int:
    """Return the bytes that `value` counts against the payload limit.

    Source: Developer Guide, Service quotas ("262,144 bytes of data as a UTF-8 encoded string").
    """
    return len(encode(value))


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text} is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


class NestedTooDeeply(ValueError):
    """JSON that is nested more deeply than it can be read."""


# orjson makes a float of an integer beyond 64 bits: text with so many digits in a row goes to the reference.
_LONG_NUMBER = re.compile(r"[0-9]{19}")
_LONG_NUMBER_UTF8 = re.compile(rb"[0-9]{19}")


def loads(text: str | bytes) -> Json:
    """Parse JSON text; integers of any size are exact.

    Raises:
        ValueError: not JSON (`json.JSONDecodeError` has the position), NaN, Infinity, a number beyond a double, or
            nested more than 1,024 levels deep.
    """
    long = _LONG_NUMBER_UTF8.search(text) if isinstance(text, bytes) else _LONG_NUMBER.search(text)
    if long is None:
        try:
            value: Json = orjson.loads(text)
            return value
        except orjson.JSONDecodeError as error:
            if error.msg.startswith("depth limit exceeded"):
                raise NestedTooDeeply(_TOO_DEEP) from None
    return _loads_exactly(text)


_TOO_DEEP = "the JSON is nested too deeply"


def _loads_exactly(text: str | bytes) -> Json:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogatepass")  # as `encode` writes what only escapes can spell
    try:
        value: Json = _DECODER.decode(text)
    except RecursionError:
        raise NestedTooDeeply(_TOO_DEEP) from None
    return value


def read_one(text: str, at: int) -> tuple[Json, int]:
    """Return the JSON value that begins at `at`, without white space before it, and where it ends.

    Raises:
        ValueError: there is none (`json.JSONDecodeError` has the position).
    """
    value, end = _DECODER.raw_decode(text, at)
    return value, end


_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def copy_if_plain(value: object) -> Json:
    """Return a deep copy of a value that is plain JSON; None of any other, and of what only the reference can tell.

    orjson writes more than JSON (UUIDs, enumerations, NaN as null), but nothing of that comes back as it was.
    """
    try:
        copied: Json = orjson.loads(orjson.dumps(value, option=_PLAIN))
        return copied if copied == value else None
    except (TypeError, ValueError, RecursionError):
        return None


def copy(value: Json) -> Json:
    """Return a deep copy of `value`, as a service call through JSON would give it."""
    try:
        data = orjson.dumps(value)
    except TypeError:
        return loads(encode(value))
    duplicate: Json = orjson.loads(data)
    return duplicate
