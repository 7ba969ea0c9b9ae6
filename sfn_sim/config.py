"""sfn-sim.toml, or [tool.sfn-sim] in pyproject.toml: where things are, and what is particular about functions.

Found upwards from a folder; read by the command line and by pytest alike. Paths in it are relative to its own folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sfn_sim.errors import ConfigurationError

FILE = "sfn-sim.toml"
_KEYS = ("definitions", "handlers", "fixtures", "functions", "substitutions", "serve_world", "check", "runs", "redact")
_SILENCE_KEYS = ("code", "state", "machine", "reason")
_FUNCTION_KEYS = ("handler", "path", "env", "env_file", "timeout", "memory", "url")
_USUAL_NAMES = ("handler", "lambda_handler")
_DEFAULT_FUNCTION = _USUAL_NAMES[0]


def handler_names(attribute: str) -> tuple[str, ...]:
    """Return what a handler may be called, the first that its module has: of a usual name the other one too.

    Source: Lambda Developer Guide, Python function handler: lambda_handler is the name in its own examples.
    """
    return (attribute, *(name for name in _USUAL_NAMES if name != attribute and attribute in _USUAL_NAMES))


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What the configuration says of the functions whose name or ARN a pattern matches.

    Attributes:
        pattern: the pattern, such as "embedding-*-poll*".
        file: the handler's file; `attribute` the name of the handler in it.
        path: folders that its imports may come from, beside the file's own.
        env: its environment variables, those of env_file among them.
        timeout_s: its timeout, in seconds; `memory_mb` its memory.
        url: where its Invoke API answers, for a function that runs elsewhere.
    """

    pattern: str
    file: Path | None = None
    attribute: str = _DEFAULT_FUNCTION
    path: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int | None = None
    memory_mb: int | None = None
    url: str | None = None

    def matches(self, name: str, arn: str) -> bool:
        """Tell whether the pattern matches a function's name or its ARN."""
        return fnmatchcase(name, self.pattern) or fnmatchcase(arn, self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A finding of `sfn-sim check` that is not told: of a code, in a state, for a reason.

    `machine` is the only machine in which; empty: in any. `line` is where it stands in the file.
    """

    code: str
    state: str
    reason: str
    machine: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A project's configuration; without a file the defaults, relative to the working folder.

    Attributes:
        file: where it was read from; None for the defaults.
        definitions: the folder of definitions; `handlers` that of handlers, `fixtures` that of fixtures.
        functions: settings in the order of the file.
        substitutions: values for `${Name}` in definitions.
        serve_world: where a fixture's world is served for functions that run elsewhere, such as "127.0.0.1:4566".
        silences: findings of `sfn-sim check` that are not told.
        keep_runs: how many runs the project keeps; 0 for none, None where the configuration does not say.
        redact: JSONPaths of values that are replaced before anything is stored or printed.
    """

    file: Path | None = None
    definitions: Path = Path("definitions")
    handlers: Path = Path("handlers")
    fixtures: Path = Path("fixtures")
    functions: tuple[FunctionSettings, ...] = ()
    substitutions: Mapping[str, str] = field(default_factory=dict)
    serve_world: str | None = None
    silences: tuple[Silence, ...] = ()
    keep_runs: int | None = None
    redact: tuple[str, ...] = ()

    def settings_of(self, name: str, arn: str = "") -> FunctionSettings | None:
        """Return the settings of a function: those of the first pattern that matches it.

        Raises:
            ConfigurationError: a later pattern is the function's very name, so that the first one hides it.
        """
        matching = [each for each in self.functions if each.matches(name, arn)]
        if not matching:
            return None
        first = matching[0]
        hidden = [each.pattern for each in matching[1:] if each.pattern in (name, arn)]
        if hidden and first.pattern not in (name, arn):
            raise ConfigurationError(
                f"{self.file}: [functions.{hidden[0]!r}] is ambiguous: {first.pattern!r} stands before it, matches the "
                f"function {name} as well, and the first pattern that matches wins. Put [functions.{hidden[0]!r}] "
                f"before [functions.{first.pattern!r}]"
            )
        return first


def find_config(start: Path | None = None) -> Config:
    """Return the configuration of the project that a folder belongs to.

    The first folder upwards that has sfn-sim.toml, or a pyproject.toml with [tool.sfn-sim], decides.

    Raises:
        ConfigurationError: the file cannot be read, has an unknown key, or a value of the wrong kind.
    """
    folder = (start or Path.cwd()).resolve()
    for each in (folder, *folder.parents):
        file = each / FILE
        if file.is_file():
            return _Reader(file, _toml(file)).config()
        file = each / "pyproject.toml"
        if file.is_file():
            tools = _toml(file).get("tool")
            table = tools.get("sfn-sim") if isinstance(tools, dict) else None
            if table is not None:
                return _Reader(file, table).config()
    return Config()


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: not TOML: {error}") from None


class _Reader:
    """Makes a Config of one table; knows the file for its messages and for relative paths."""

    def __init__(self, file: Path, table: Mapping[str, Any]) -> None:
        self._file = file
        self._table = table
        if not isinstance(table, dict):
            raise self._wrong("[tool.sfn-sim] must be a table")
        self._refuse_unknown(table, _KEYS, "")

    def config(self) -> Config:
        """Return the whole configuration."""
        functions = self._get(self._table, "functions", dict, {}, "")
        return Config(
            file=self._file,
            definitions=self._folder("definitions"),
            handlers=self._folder("handlers"),
            fixtures=self._folder("fixtures"),
            functions=tuple(self._function(pattern, each) for pattern, each in functions.items()),
            substitutions=self._texts(self._table, "substitutions", ""),
            serve_world=self._get(self._table, "serve_world", str, None, ""),
            silences=self._silences(),
            keep_runs=self._keep_runs(),
            redact=self._redact(),
        )

    def _keep_runs(self) -> int | None:
        runs = self._get(self._table, "runs", dict, {}, "")
        self._refuse_unknown(runs, ("keep",), "[runs] ")
        keep: int | None = self._get(runs, "keep", int, None, "[runs] ")
        if keep is not None and keep < 0:
            raise self._wrong(f"[runs] keep must be 0 (no run is kept) or more, and is {keep}")
        return keep

    def _redact(self) -> tuple[str, ...]:
        paths = self._get(self._table, "redact", list, [], "")
        for each in paths:
            if not isinstance(each, str) or not each.startswith("$"):
                raise self._wrong(f'redact must hold JSONPaths such as "$..ssn", and has {each!r}')
        return tuple(paths)

    def _silences(self) -> tuple[Silence, ...]:
        check = self._get(self._table, "check", dict, {}, "")
        self._refuse_unknown(check, ("silence",), "[check] ")
        entries = self._get(check, "silence", list, [], "[check] ")
        text = self._file.read_text(encoding="utf-8-sig") if entries else ""
        lines = [text.count("\n", 0, each.start()) + 1 for each in _SILENCE.finditer(text)]
        lines += [1] * len(entries)
        return tuple(self._silence(each, line) for each, line in zip(entries, lines, strict=False))

    def _silence(self, table: Any, line: int) -> Silence:
        where = "[[check.silence]] "
        if not isinstance(table, dict):
            raise self._wrong(f"{where}must be a table")
        self._refuse_unknown(table, _SILENCE_KEYS, where)
        texts = {key: self._get(table, key, str, "", where) for key in _SILENCE_KEYS}
        for key in ("code", "reason"):
            if not texts[key].strip():
                raise self._wrong(f"{where}needs a {key}, on line {line}")
        if "state" not in table:
            raise self._wrong(f"{where}needs a state, on line {line} (\"\" is the machine as a whole)")
        return Silence(**texts, line=line)

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self._file}: {what}")

    def _refuse_unknown(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
                raise self._wrong(f"{where}has an unknown key {key!r}; {hint}")

    def _get(self, table: Mapping[str, Any], key: str, kind: type, default: Any, where: str) -> Any:
        value = table.get(key, default)
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self._wrong(f"{where}{key} must be {_KIND_NAMES[kind]}, and is {value!r}")
        return value

    def _texts(self, table: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
        values: Mapping[str, Any] = self._get(table, key, dict, {}, where)
        for name, value in values.items():
            if not isinstance(value, str | int | float):
                raise self._wrong(f"{where}{key}.{name} must be a text, and is {value!r}")
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}

    def _folder(self, key: str) -> Path:
        text = self._get(self._table, key, str, key, "")
        folder = self._file.parent / str(text)
        if key in self._table and not folder.is_dir():
            raise self._wrong(f"{key} = {text!r}: there is no such folder")
        return folder

    def _function(self, pattern: str, table: Any) -> FunctionSettings:
        where = f"[functions.{pattern!r}] "
        if not isinstance(table, dict):
            raise self._wrong(f"{where}must be a table")
        self._refuse_unknown(table, _FUNCTION_KEYS, where)
        file, attribute = self._handler(table, where)
        url = self._get(table, "url", str, None, where)
        if url is not None and (file is not None or not url.startswith(("http://", "https://"))):
            raise self._wrong(f"{where}url must be an http address, and stands instead of a handler: {url!r}")
        return FunctionSettings(
            pattern=pattern,
            file=file,
            attribute=attribute,
            path=tuple(self._own_folder(each, where) for each in self._get(table, "path", list, [], where)),
            env={**self._env_file(table, where), **self._texts(table, "env", where)},
            timeout_s=self._positive(table, "timeout", where),
            memory_mb=self._positive(table, "memory", where),
            url=url,
        )

    def _handler(self, table: Mapping[str, Any], where: str) -> tuple[Path | None, str]:
        text = self._get(table, "handler", str, None, where)
        if text is None:
            return None, _DEFAULT_FUNCTION
        # The last colon parts file and function; one that follows a drive's letter does not.
        name, colon, attribute = str(text).rpartition(":")
        if not colon or "/" in attribute or "\\" in attribute:
            name, attribute = str(text), _DEFAULT_FUNCTION
        path = (self._file.parent / name).resolve()
        if not path.is_file():
            # Lambda's own spelling has a dot before the function and no ending.
            module, _, function = name.rpartition(".")
            as_lambda = (self._file.parent / f"{module}.py").is_file()
            hint = f"; did you mean {f'{module}.py:{function}'!r}?" if as_lambda else ""
            raise self._wrong(f"{where}handler = {text!r}: no such file{hint}")
        return path, attribute

    def _own_folder(self, text: object, where: str) -> Path:
        path = (self._file.parent / str(text)).resolve()
        if not isinstance(text, str) or not path.is_dir():
            raise self._wrong(f"{where}path has {text!r}: no such folder")
        return path

    def _positive(self, table: Mapping[str, Any], key: str, where: str) -> int | None:
        number = self._get(table, key, int, None, where)
        if number is not None and number < 1:
            raise self._wrong(f"{where}{key} must be at least 1, and is {number}")
        found: int | None = number
        return found

    def _env_file(self, table: Mapping[str, Any], where: str) -> dict[str, str]:
        """Return the variables of an env_file: NAME=VALUE a line, # starts a comment line, quotes may stand round."""
        text = self._get(table, "env_file", str, None, where)
        if text is None:
            return {}
        path = (self._file.parent / str(text)).resolve()
        if not path.is_file():
            raise self._wrong(f"{where}env_file = {text!r}: no such file")
        found: dict[str, str] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            stripped = line.strip().removeprefix("export ")
            if not stripped or stripped.startswith("#"):
                continue
            name, equals, value = stripped.partition("=")
            if not equals or not name.strip().isidentifier():
                raise ConfigurationError(f"{path}:{number}: expected NAME=VALUE, and there is {line!r}")
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value
        return found


_SILENCE = re.compile(r"^[ \t]*\[\[\s*(?:tool\.sfn-sim\.)?check\.silence\s*\]\]", re.MULTILINE)
_KIND_NAMES: Mapping[type, str] = {str: "a text", int: "a number", list: "a list", dict: "a table"}
