"""The quantity that is varied: a value of a fixture, as `--set` takes it, over a range."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfn_sim.errors import ConfigurationError, FixtureError
from sfn_sim.payload import dumps

_RANGE = re.compile(r"(-?[\d_]+)\.\.(-?[\d_]+)")
_FREE = ("environment.",)
_EXAMPLE = "expected KEY=LOW..HIGH, such as --vary batches=5..5000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A value of a fixture, and between which numbers it is varied.

    Attributes:
        key: the value, as `--set` names it.
        low: the least number; `high` the largest.
        elements: of a value that is a list: its elements, of which there are as many as the number says, in turn.
    """

    key: str
    low: int
    high: int
    elements: tuple[Any, ...] = ()

    def text(self, number: int) -> str:
        """Return the value for a number, as `--set` takes it."""
        if not self.elements:
            return str(number)
        return _toml([self.elements[n % len(self.elements)] for n in range(number)])


def read_range(text: str) -> tuple[str, int, int]:
    """Return what KEY=LOW..HIGH says.

    Raises:
        ConfigurationError: it says nothing of the kind, or LOW is more than HIGH.
    """
    key, equals, numbers = text.partition("=")
    match = _RANGE.fullmatch(numbers.strip())
    if not key or not equals or match is None:
        raise ConfigurationError(f"--vary {text}: {_EXAMPLE}")
    low, high = int(match[1]), int(match[2])
    if low > high:
        raise ConfigurationError(f"--vary {text}: {low} is more than {high}; LOW comes first")
    if low < 0:
        raise ConfigurationError(f"--vary {text}: a size is not negative; LOW is at least 0")
    return key, low, high


def varied(text: str, folder: Path, settings: Mapping[str, str]) -> Varied:
    """Return the quantity that `--vary` names, of a fixture.

    Raises:
        ConfigurationError: it is no KEY=LOW..HIGH, or names what cannot be varied.
    """
    key, low, high = read_range(text)
    if key in settings:
        raise ConfigurationError(f"--vary {key} and --set {key} exclude each other")
    document = _document(folder)
    present = _present(key, document)
    if present is None and not key.startswith(_FREE):
        there = list(_numbers(document, ""))
        near = [each for each in there if each.endswith(f".{key}")] or get_close_matches(key, there, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(there) or 'none'}"
        raise ConfigurationError(f"--vary {text}: {folder} has no value {key}; {hint}")
    if isinstance(present, list):
        if not present:
            raise ConfigurationError(f"--vary {key}: the fixture's list is empty: nothing can be repeated")
        return Varied(key=key, low=low, high=high, elements=tuple(present))
    if present is not None and not _is_number(present):
        raise ConfigurationError(f"--vary {key}: the fixture's value is no number and no list: {present!r}")
    return Varied(key=key, low=low, high=high)


def _document(folder: Path) -> dict[str, Any]:
    file = folder if folder.suffix == ".toml" else folder / "fixture.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FixtureError(f"{file}: {error}") from None


def _present(key: str, document: Any) -> Any:
    """Return the value that a fixture has now; None where it has none."""
    parameters = document.get("params", {})
    if key in parameters:
        return parameters[key]
    for part in key.split("."):
        if isinstance(document, list):
            document = document[int(part)] if part.isdecimal() and int(part) < len(document) else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    return document


def _numbers(value: Any, key: str) -> Iterator[str]:
    """Yield the keys of what can be varied, parameters by their bare names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, f"{key}.{name}" if key and key != "params" else name)
    elif _is_number(value) or (isinstance(value, list) and value):
        yield key


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().isdecimal()
    return isinstance(value, int | float) and not isinstance(value, bool)


def _toml(value: Any) -> str:
    """Return a value of a TOML document as TOML in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{dumps(key)} = {_toml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return value.isoformat() if isinstance(value, date | time) else dumps(value)
