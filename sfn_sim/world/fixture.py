"""fixture.toml: what a world is made of, as data.

Every key is known; one that is not is refused with the nearest that is, for a misspelt key would otherwise be an
expectation that nobody checks.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfn_sim.errors import FixtureError
from sfn_sim.payload import Json

_REFERENCE = re.compile(r"\$\{params\.([A-Za-z0-9_]+)\}")

# The keys of each table of fixture.toml; None: free.
_KEYS: dict[str, frozenset[str] | None] = {
    "": frozenset(
        (
            "about", "seed", "start_time", "python", "params", "input", "input_file", "substitutions",
            "environment", "buckets", "tables", "queues", "openai", "expect",
        )
    ),
    "params": None,
    "substitutions": None,
    "environment": None,
    "buckets": frozenset(("name", "tree")),
    "tables": frozenset(("name", "key", "attributes", "indexes", "items", "items_file")),
    "tables.indexes": frozenset(("name", "key")),
    "queues": frozenset(("name",)),
    "openai": frozenset(("dims", "model", "faults")),
    "openai.faults": frozenset(("match", "status", "times")),
    "expect": frozenset(("status", "error", "output", "output_contains", "checks")),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket; `tree` is a folder whose files are its first objects."""

    name: str
    tree: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A global secondary index: its partition key and, if there are two, its sort key."""

    name: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; key attributes are strings unless `attributes` says N or B."""

    name: str
    key: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    indexes: tuple[Index, ...] = ()
    items: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An answer that the OpenAI stand-in gives instead of its own: `times` times, to requests that `match`."""

    match: str
    status: int | str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI:
    """The OpenAI stand-in: its vectors' length, its model's name, and the faults it starts with."""

    dims: int = 1536
    model: str = "text-embedding-3-small"
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What must be true after a run; `checks` names functions of the Python module, None for all of them."""

    status: str = "SUCCEEDED"
    error: str | None = None
    output: Json = None
    has_output: bool = False
    output_contains: Json = None
    checks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """A world as it is written down; see `docs/fixtures.md`."""

    name: str
    path: Path
    about: str = ""
    seed: int = 0
    start_time: datetime | None = None
    python: Path | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    input: Json = None
    substitutions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    buckets: tuple[Bucket, ...] = ()
    tables: tuple[Table, ...] = ()
    queues: tuple[str, ...] = ()
    openai: OpenAI | None = None
    expect: Expect = field(default_factory=Expect)


def load_fixture(path: Path, overrides: Mapping[str, str] | None = None) -> Fixture:
    """Read a fixture.

    Args:
        path: its folder, or the TOML file itself.
        overrides: values by key, as `--set` gives them: a bare key is one of [params], a dotted one names its table.

    Raises:
        FixtureError: it cannot be read, has an unknown key, or a value of the wrong kind.
    """
    file = path if path.suffix == ".toml" else path / "fixture.toml"
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FixtureError(f"cannot read the fixture {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FixtureError(f"{file}: not TOML: {error}") from None
    _refuse_unknown(file, document, "")
    for key, value in (overrides or {}).items():
        _override(file, document, key, value)
    return _Reader(file, document).fixture()


def _refuse_unknown(file: Path, table: Mapping[str, Any], name: str) -> None:
    known = _KEYS.get(name)
    if known is None:
        return
    for key, value in table.items():
        if key not in known:
            place = f"[{name}] " if name else ""
            near = get_close_matches(key, sorted(known), 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(known))}"
            raise FixtureError(f"{file}: {place}has an unknown key {key!r}; {hint}")
        inner = f"{name}.{key}" if name else key
        if inner in _KEYS:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Mapping):
                    _refuse_unknown(file, each, inner)


def _override(file: Path, document: dict[str, Any], key: str, text: str) -> None:
    """Put one `--set` into the document; the value is read as TOML, or taken as a text."""
    *tables, name = key.split(".") if "." in key else ("params", key)
    table: Any = document
    for part in tables:
        table = table.get(part) if isinstance(table, dict) else None
    if not isinstance(table, dict) or (tables == ["params"] and name not in table):
        params = document.get("params", {})
        near = get_close_matches(name, list(params), 1)
        hint = f"did you mean {near[0]!r}?" if near else f"its parameters are: {', '.join(params) or 'none'}"
        raise FixtureError(f"--set {key}={text}: the fixture {file.parent.name} has no such value; {hint}")
    try:
        table[name] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        table[name] = text
    _refuse_unknown(file, document, "")


class _Reader:
    """Makes a Fixture of one document; knows the file for its messages."""

    def __init__(self, file: Path, document: dict[str, Any]) -> None:
        self._file = file
        params = document.get("params", {})
        self._params: Mapping[str, Any] = params
        self._document: dict[str, Any] = {**self._filled(document), "params": params}

    def _filled(self, value: Any) -> Any:
        """Return `value` with `${params.x}` replaced; a text that is only a reference takes the parameter's kind."""
        if isinstance(value, str):
            whole = _REFERENCE.fullmatch(value)
            if whole:
                return self._param(whole[1])
            return _REFERENCE.sub(lambda match: str(self._param(match[1])), value)
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        return value

    def _param(self, name: str) -> Any:
        if name not in self._params:
            raise FixtureError(f"{self._file}: ${{params.{name}}} names a parameter that [params] does not have")
        return self._params[name]

    def fixture(self) -> Fixture:
        """Return the whole fixture."""
        return Fixture(
            name=self._file.parent.name,
            path=self._file.parent,
            about=self._get("about", str, ""),
            seed=self._get("seed", int, 0),
            start_time=self._start_time(),
            python=self._file_of("python"),
            params=self._params,
            input=self._input(),
            substitutions={key: str(value) for key, value in self._table("substitutions").items()},
            environment={key: str(value) for key, value in self._table("environment").items()},
            buckets=tuple(self._bucket(each) for each in self._list("buckets")),
            tables=tuple(self._table_of(each) for each in self._list("tables")),
            queues=tuple(self._name(each, "queues") for each in self._list("queues")),
            openai=self._openai(),
            expect=self._expect(),
        )

    def _wrong(self, what: str) -> FixtureError:
        return FixtureError(f"{self._file}: {what}")

    def _get(self, key: str, kind: type, default: Any, table: Mapping[str, Any] | None = None) -> Any:
        value = (self._document if table is None else table).get(key, default)
        if value is not default and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise self._wrong(f"{key} must be {_kind_name(kind)}, and is {value!r}")
        return value

    def _table(self, key: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self._get(key, dict, {})
        return table

    def _list(self, key: str) -> list[Mapping[str, Any]]:
        entries: list[Mapping[str, Any]] = self._get(key, list, [])
        if not all(isinstance(each, dict) for each in entries):
            raise self._wrong(f"{key} must be tables: [[{key}]]")
        return entries

    def _name(self, table: Mapping[str, Any], where: str) -> str:
        name = table.get("name")
        if not isinstance(name, str) or not name:
            raise self._wrong(f"an entry of [[{where}]] has no name")
        return name

    def _start_time(self) -> datetime | None:
        value = self._document.get("start_time")
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise self._wrong(f"start_time is no ISO 8601 moment: {value!r}") from None
        if value is not None and not isinstance(value, datetime):
            raise self._wrong(f"start_time must be a moment such as 2025-01-01T00:00:00Z, and is {value!r}")
        return value.replace(tzinfo=value.tzinfo or UTC) if value else None

    def _file_of(self, key: str, table: Mapping[str, Any] | None = None) -> Path | None:
        text = self._get(key, str, None, table)
        if text is None:
            return None
        path = (self._file.parent / text).resolve()
        if not path.exists():
            raise self._wrong(f"{key} = {text!r}: no such file or folder")
        return path

    def _json(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise self._wrong(f"{path.name}: {error}") from None

    def _input(self) -> Json:
        file = self._file_of("input_file")
        if file is not None:
            found: Json = self._json(file)
            return found
        return self._document.get("input", {})

    def _bucket(self, entry: Mapping[str, Any]) -> Bucket:
        return Bucket(name=self._name(entry, "buckets"), tree=self._file_of("tree", entry))

    def _key(self, entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
        key = entry.get("key")
        if not isinstance(key, list) or not 1 <= len(key) <= 2 or not all(isinstance(each, str) for each in key):
            raise self._wrong(f"{name}: key must be a list of one or two attribute names")
        return tuple(key)

    def _table_of(self, entry: Mapping[str, Any]) -> Table:
        name = self._name(entry, "tables")
        indexes = self._get("indexes", list, [], entry)
        file = self._file_of("items_file", entry)
        items = self._json(file) if file else self._get("items", list, [], entry)
        items = items.get("Items", items) if isinstance(items, dict) else items
        return Table(
            name=name,
            key=self._key(entry, name),
            attributes=self._get("attributes", dict, {}, entry),
            indexes=tuple(
                Index(name=self._name(each, "tables.indexes"), key=self._key(each, name)) for each in indexes
            ),
            items=tuple(items),
        )

    def _openai(self) -> OpenAI | None:
        if "openai" not in self._document:
            return None
        table = self._table("openai")
        faults = self._get("faults", list, [], table)
        return OpenAI(
            dims=self._get("dims", int, 1536, table),
            model=self._get("model", str, "text-embedding-3-small", table),
            faults=tuple(Fault(**each) for each in faults),
        )

    def _expect(self) -> Expect:
        table = self._table("expect")
        checks = self._get("checks", list, None, table)
        return Expect(
            status=self._get("status", str, "SUCCEEDED", table),
            error=self._get("error", str, None, table),
            output=table.get("output"),
            has_output="output" in table,
            output_contains=table.get("output_contains"),
            checks=None if checks is None else tuple(checks),
        )


_KIND_NAMES: Mapping[type, str] = {str: "a text", int: "an integer", list: "a list", dict: "a table"}
_kind_name: Callable[[type], str] = _KIND_NAMES.__getitem__
