"""A broken variant of a machine: its definition, the handlers that differ, a world in which it breaks, how that shows.

`definitions/broken/<name>.toml` names them; every key is known, as in a fixture.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfn_sim.config import Config, FunctionSettings
from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import dumps
from sfn_sim.services.lambda_functions import Handlers

FOUND = ("load", "run", "expectation")
_KEYS: Mapping[str, frozenset[str] | None] = {
    "": frozenset(
        ("about", "bugs", "machine", "definition", "changed", "fixture", "set", "handlers", "slow", "expect")
    ),
    "set": None,
    "handlers": None,
    "expect": frozenset(("found", "status", "error", "state", "field", "words", "code", "checks", "warnings")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a bug shows.

    Attributes:
        found: at "load", in a "run" (which fails), or only by an "expectation" of the fixture.
        status: how the execution ends; `error` its error, or what the handlers' error is.
        state: the state that the message names; `field` the field of it.
        words: what the message says beside.
        code: of a finding at load, AWS's code.
        checks: expectations that do not hold.
        warnings: lints that speak, by code, with the state that each names.
    """

    found: str
    status: str = ""
    error: str = ""
    state: str = ""
    field: str = ""
    words: tuple[str, ...] = ()
    code: str = ""
    checks: tuple[str, ...] = ()
    warnings: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A broken variant of a machine.

    Attributes:
        name: its name; `about` what was changed, `bugs` which of `docs/bugs.md` it puts back.
        machine: the sound machine; `definition` the broken one's file; `changed` the states that differ.
        fixture: the name of the machine's fixture; `settings` what is overridden in it, as `--set` does.
        handlers: files by function, instead of those of the machine.
        slow: whether it takes more than a few seconds.
        expect: how the bug shows.
    """

    name: str
    about: str
    bugs: tuple[str, ...]
    machine: str
    definition: Path
    changed: tuple[str, ...] = ()
    fixture: str
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    handlers: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    slow: bool = False
    expect: Finding

    def over(self, handlers: Handlers) -> Handlers:
        """Return handlers with this variant's in front; these may import what they replace."""
        config = handlers.config or Config()
        path = (handlers.folder,) if handlers.folder else ()
        own = [FunctionSettings(pattern=name, file=file, path=path) for name, file in self.handlers.items()]
        return replace(handlers, config=replace(config, functions=(*own, *config.functions)))


def find_variant(name: str, definitions: Path) -> Path:
    """Return the file of a variant: a path, or a name in the folder `broken` of the definitions.

    Raises:
        ConfigurationError: there is none; names those that there are.
    """
    folder = definitions / "broken"
    for path in (Path(name), folder / f"{name}.toml"):
        if path.suffix == ".toml" and path.is_file():
            return path
    known = sorted(path.stem for path in folder.glob("*.toml"))
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ConfigurationError(f"no broken definition named {name}; {hint}there are: {', '.join(known) or 'none'}")


def load_variant(path: Path) -> Variant:
    """Read a variant.

    Raises:
        ConfigurationError: it cannot be read, has an unknown key, lacks one, or names a file that is not there.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    _refuse_unknown(path, document)
    try:
        return _variant(path, document)
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"{path}: lacks a key or has one of the wrong kind: {error}") from None


def _refuse_unknown(path: Path, document: Mapping[str, Any]) -> None:
    for name, known in _KEYS.items():
        table = document.get(name, {}) if name else document
        if known is None or not isinstance(table, dict):
            continue
        for key in table:
            if key not in known:
                near = get_close_matches(key, sorted(known), 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(known))}"
                raise ConfigurationError(f"{path}: {f'[{name}] ' if name else ''}has an unknown key {key!r}; {hint}")


def _variant(path: Path, document: Mapping[str, Any]) -> Variant:
    expect: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document["expect"].items()
    }
    finding = Finding(**expect)
    if finding.found not in FOUND:
        raise ConfigurationError(f"{path}: expect.found must be one of {', '.join(FOUND)}, and is {finding.found!r}")
    return Variant(
        name=path.stem,
        about=document["about"],
        bugs=tuple(document["bugs"]),
        machine=document["machine"],
        definition=_there(path, document.get("definition", f"{path.stem}.asl.json")),
        changed=tuple(document.get("changed", ())),
        fixture=document["fixture"],
        settings={key: _toml(value) for key, value in document.get("set", {}).items()},
        handlers={name: _there(path, file).resolve() for name, file in document.get("handlers", {}).items()},
        slow=document.get("slow", False),
        expect=finding,
    )


def _there(path: Path, name: str) -> Path:
    file = path.parent / name
    if not file.is_file():
        raise ConfigurationError(f"{path}: no file {file}")
    return file


def _toml(value: Any) -> str:
    """Return a value as `--set` takes it: a text as it is, anything else as TOML."""
    return value if isinstance(value, str) else _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_inline(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_inline(each) for each in value)}]"
    return dumps(value)
