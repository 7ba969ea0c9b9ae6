"""fixture.toml: what a world is made of, as data.

Every key is known; one that is not is refused with the nearest that is, for a misspelt key would otherwise be an
expectation that nobody checks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfn_sim.errors import FixtureError
from sfn_sim.payload import Json, dumps, loads
from sfn_sim.world.faults import AwsFault, read_fault

_FILE = "fixture.toml"
_STATUSES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_TABLES = ("substitutions", "environment", "openai", "expect")
_REFERENCE = re.compile(r"\$\{params\.([A-Za-z0-9_]+)\}")

# The keys of each table of fixture.toml; None: free.
_KEYS: dict[str, frozenset[str] | None] = {
    "": frozenset(
        (
            "about", "seed", "start_time", "python", "params", "input", "input_file", "substitutions",
            "environment", "buckets", "tables", "queues", "topics", "parameters", "secrets", "openai",
            "faults", "expect", "build", "mocks",
        )
    ),
    "params": None,
    "substitutions": None,
    "environment": None,
    "mocks": None,
    "buckets": frozenset(("name", "tree")),
    "tables": frozenset(("name", "key", "attributes", "indexes", "items", "items_file")),
    "tables.indexes": frozenset(("name", "key")),
    "queues": frozenset(("name", "messages_file")),
    "topics": frozenset(("name",)),
    "parameters": frozenset(("name", "value")),
    "secrets": frozenset(("name", "value")),
    "faults": frozenset(("service", "operation", "match", "status", "code", "times", "every", "after")),
    "openai": frozenset(("dims", "model", "faults", "batches_file")),
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
class Queue:
    """A queue and the messages that it holds at first."""

    name: str
    messages: tuple[str, ...] = ()


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
    batches: tuple[Mapping[str, Any], ...] = ()


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
    """A world as it is written down; see `docs/fixtures.md`.

    `parameters` and `secrets` are values by name, of Systems Manager and Secrets Manager; `mocks` are what tasks
    answer, by function, resource or state, as `sfn_sim.testing.mocks.Mocks.read` takes them; with `build` false the
    Python module's own build is left out (all that it made stands in files).
    """

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
    queues: tuple[Queue, ...] = ()
    topics: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    openai: OpenAI | None = None
    faults: tuple[AwsFault, ...] = ()
    mocks: Mapping[str, Any] = field(default_factory=dict)
    build: bool = True
    expect: Expect = field(default_factory=Expect)


def load_fixture(path: Path, overrides: Mapping[str, str] | None = None) -> Fixture:
    """Read a fixture.

    Args:
        path: its folder, or the TOML file itself.
        overrides: values by key, as `--set` gives them: a bare key is one of [params], a dotted one names its table.

    Raises:
        FixtureError: it cannot be read, has an unknown key, or a value of the wrong kind.
    """
    file = path if path.suffix == ".toml" else path / _FILE
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
    *tables, name = key.split(".")
    if not tables and (name in document.get("params", {}) or name not in (_KEYS[""] or ())):
        tables = ["params"]
    table: Any = document
    for depth, part in enumerate(tables):
        if not depth and part in _TABLES:
            document.setdefault(part, {})
        table = _entry(table, part)
    if not _settable(table, tables, name):
        there = [each for each in table if isinstance(each, str)] if isinstance(table, dict) else list(document)
        near = get_close_matches(name if isinstance(table, dict) else tables[0], there, 1)
        what = "its parameters are" if tables == ["params"] else "there are"
        hint = f"did you mean {near[0]!r}?" if near else f"{what}: {', '.join(there) or 'none'}"
        raise FixtureError(f"{file}: --set {key}={text}: the fixture has no such value; {hint}")
    try:
        table[name] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        table[name] = text
    _refuse_unknown(file, document, "")


def _entry(table: Any, part: str) -> Any:
    """Return what a table has under a name, or a list at an index; None for neither."""
    if isinstance(table, list) and part.isdigit() and int(part) < len(table):
        return table[int(part)]
    return table.get(part) if isinstance(table, dict) else None


def _settable(table: Any, tables: list[str], name: str) -> bool:
    """Tell whether `--set` may put `name` into a table: a misspelt parameter would be one that nobody reads."""
    return isinstance(table, dict) and (tables not in (["params"], ["substitutions"]) or name in table)


class _Reader:
    """Makes a Fixture of one document; knows the file for its messages."""

    def __init__(self, file: Path, document: dict[str, Any]) -> None:
        self._file = file
        self._document = document
        self._params: Mapping[str, Any] = self._table("params")
        self._resolving: list[str] = []
        self._document = self._filled(document)
        self._params = self._document.get("params", {})

    def _filled(self, value: Any) -> Any:
        """Return `value` with `${params.x}` replaced; a text that is only a reference takes the parameter's kind."""
        if isinstance(value, str):
            whole = _REFERENCE.fullmatch(value)
            if whole:
                return self._param(whole[1])
            return _REFERENCE.sub(lambda match: _text(self._param(match[1])), value)
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        return value

    def _param(self, name: str) -> Any:
        if name not in self._params:
            near = get_close_matches(name, list(self._params), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise self._wrong(f"${{params.{name}}} names a parameter that [params] does not have{hint}")
        if name in self._resolving:
            raise self._wrong(f"${{params.{name}}} is made of itself")
        self._resolving.append(name)
        try:
            return self._filled(self._params[name])
        finally:
            self._resolving.pop()

    def fixture(self) -> Fixture:
        """Return the whole fixture."""
        return Fixture(
            name=self._file.resolve().parent.name if self._file.name == _FILE else self._file.stem,
            path=self._file.parent,
            about=self._get("about", str, ""),
            seed=self._get("seed", int, 0),
            start_time=self._start_time(),
            python=self._file_of("python"),
            params=self._params,
            input=self._input(),
            substitutions=self._texts("substitutions"),
            environment=self._texts("environment"),
            buckets=tuple(self._bucket(each) for each in self._list("buckets")),
            tables=tuple(self._table_of(each) for each in self._list("tables")),
            queues=tuple(self._queue(each) for each in self._list("queues")),
            topics=tuple(self._name(each, "topics") for each in self._list("topics")),
            parameters=self._values("parameters"),
            secrets=self._values("secrets"),
            build=self._flag("build"),
            openai=self._openai(),
            faults=tuple(read_fault(each, self._wrong) for each in self._list("faults")),
            expect=self._expect(),
            mocks=self._table("mocks"),
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

    def _texts(self, key: str) -> dict[str, str]:
        for name, value in self._table(key).items():
            if isinstance(value, list | dict):
                raise self._wrong(f"{key}.{name} must be a text, a number or a boolean, and is {value!r}")
        return {name: _text(value) for name, value in self._table(key).items()}

    def _list(self, key: str, table: Mapping[str, Any] | None = None, shown: str = "") -> list[Mapping[str, Any]]:
        value = (self._document if table is None else table).get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self._wrong(f"{shown or key} must be tables: [[{shown or key}]]")
        return value

    def _one_of(self, first: str, second: str, table: Mapping[str, Any], where: str = "") -> None:
        if first in table and second in table:
            raise self._wrong(f"{where}{first} and {second} exclude each other")

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
        path: Path = (self._file.parent / text).resolve()
        is_there, kind = (path.is_dir, "folder") if key == "tree" else (path.is_file, "file")
        if not is_there():
            raise self._wrong(f"{key} = {text!r}: no such {kind}")
        return path

    def _json(self, path: Path) -> Any:
        try:
            return loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise self._wrong(f"{path.name}: {error}") from None

    def _input(self) -> Json:
        self._one_of("input", "input_file", self._document)
        file = self._file_of("input_file")
        found: Json = self._document.get("input", {}) if file is None else self._json(file)
        return found

    def _bucket(self, entry: Mapping[str, Any]) -> Bucket:
        return Bucket(name=self._name(entry, "buckets"), tree=self._file_of("tree", entry))

    def _queue(self, entry: Mapping[str, Any]) -> Queue:
        file = self._file_of("messages_file", entry)
        messages = self._json(file) if file else []
        if not isinstance(messages, list) or not all(isinstance(each, str) for each in messages):
            raise self._wrong("messages_file must hold a list of texts")
        return Queue(name=self._name(entry, "queues"), messages=tuple(messages))

    def _values(self, key: str) -> dict[str, str]:
        values: dict[str, str] = {}
        for entry in self._list(key):
            name = self._name(entry, key)
            if "value" not in entry or isinstance(entry["value"], list | dict):
                raise self._wrong(f"{key} {name!r}: value must be a text, a number or a boolean")
            values[name] = _text(entry["value"])
        return values

    def _flag(self, key: str) -> bool:
        value = self._document.get(key, True)
        if not isinstance(value, bool):
            raise self._wrong(f"{key} must be true or false, and is {value!r}")
        return value

    def _key(self, entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
        key = entry.get("key")
        if not isinstance(key, list) or not 1 <= len(key) <= 2 or not all(isinstance(each, str) for each in key):
            raise self._wrong(f"{name}: key must be a list of one or two attribute names")
        return tuple(key)

    def _table_of(self, entry: Mapping[str, Any]) -> Table:
        name = self._name(entry, "tables")
        self._one_of("items", "items_file", entry, f"{name}: ")
        file = self._file_of("items_file", entry)
        items = self._json(file) if file else entry.get("items", [])
        items = items.get("Items", items) if isinstance(items, dict) else items
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise self._wrong(f"{name}: {'items_file' if file else 'items'} must be a list of items")
        attributes = self._get("attributes", dict, {}, entry)
        for attribute, kind in attributes.items():
            if kind not in ("S", "N", "B"):
                raise self._wrong(f"{name}: attributes.{attribute} must be S, N or B, and is {kind!r}")
        return Table(
            name=name,
            key=self._key(entry, name),
            attributes=attributes,
            indexes=tuple(
                Index(name=self._name(each, "tables.indexes"), key=self._key(each, f"{name}: an index's"))
                for each in self._list("indexes", entry, "tables.indexes")
            ),
            items=tuple(items),
        )

    def _openai(self) -> OpenAI | None:
        if "openai" not in self._document:
            return None
        table = self._table("openai")
        dims = self._get("dims", int, 1536, table)
        if dims < 1:
            raise self._wrong(f"openai.dims must be at least 1, and is {dims}")
        return OpenAI(
            dims=dims,
            model=self._get("model", str, "text-embedding-3-small", table),
            faults=tuple(self._fault(each) for each in self._list("faults", table, "openai.faults")),
            batches=self._batches(table),
        )

    def _batches(self, table: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        """Return the batches of a saved world, as `OpenAIStandIn.add_batch` takes them."""
        file = self._file_of("batches_file", table)
        batches = self._json(file) if file else []
        if not isinstance(batches, list) or not all(isinstance(each, dict) and "requests" in each for each in batches):
            raise self._wrong("openai.batches_file must hold a list of batches, each with its requests")
        return tuple(batches)

    def _fault(self, entry: Mapping[str, Any]) -> Fault:
        match, status, times = entry.get("match"), entry.get("status"), self._get("times", int, 1, entry)
        if not isinstance(match, str):
            raise self._wrong("an entry of [[openai.faults]] has no match, such as \"GET /v1/batches/\"")
        if status != "timeout" and (type(status) is not int or not 400 <= status <= 599):
            raise self._wrong(f"openai.faults: status must be 400 to 599 or \"timeout\", and is {status!r}")
        return Fault(match=match, status=status, times=times)

    def _expect(self) -> Expect:
        table = self._table("expect")
        status = self._get("status", str, "SUCCEEDED", table)
        if status not in _STATUSES:
            raise self._wrong(f"expect.status must be one of {', '.join(_STATUSES)}, and is {status!r}")
        checks = self._get("checks", list, None, table)
        if checks is not None and not all(isinstance(each, str) for each in checks):
            raise self._wrong("expect.checks must be names of expect_… functions")
        return Expect(
            status=status,
            error=self._get("error", str, None, table),
            output=table.get("output"),
            has_output="output" in table,
            output_contains=table.get("output_contains"),
            checks=None if checks is None else tuple(checks),
        )


def _text(value: Any) -> str:
    """Return a value as it stands in a text: true as `true`, a moment as ISO 8601."""
    if isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date | time) else dumps(value)


_KIND_NAMES: Mapping[type, str] = {str: "a text", int: "an integer", list: "a list", dict: "a table"}
_kind_name: Callable[[type], str] = _KIND_NAMES.__getitem__
