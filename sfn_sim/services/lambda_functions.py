"""Where the Python code of Lambda functions is found, and what is particular about each function."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from sfn_sim.config import Config, FunctionSettings
from sfn_sim.errors import ConfigurationError, HandlerImportError, MissingHandlerError
from sfn_sim.services.containers import Container, variable_hint
from sfn_sim.services.environment import missing_variable

Handler: TypeAlias = "Callable[[Any, Any], Any]"
TIMEOUT_S = 900
MEMORY_MB = 512
_FILES = ("handler.py", "lambda_function.py")
_ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


@dataclass
class Function:
    """A Lambda function during one run.

    Attributes:
        name: its name; `arn` as it is invoked, with a version or alias if one was named.
        plain: its handler, when it was given as a Python function; it has no containers then.
        file: the handler's file; `attribute` its name there.
        root: the folder that would be /var/task.
        settings: what the configuration says of it.
    """

    name: str
    plain: Handler | None = None
    file: Path | None = None
    attribute: str = "handler"
    root: Path | None = None
    settings: FunctionSettings = field(default_factory=lambda: FunctionSettings(pattern="*"))
    arn: str = ""
    _containers: dict[int, Container] = field(default_factory=dict)

    @property
    def timeout_s(self) -> int:
        """How long one invocation may last, in virtual seconds."""
        return self.settings.timeout_s or TIMEOUT_S

    @property
    def memory_mb(self) -> int:
        """Its memory, as its context and environment tell it."""
        return self.settings.memory_mb or MEMORY_MB

    def container(self, slot: int) -> Container | None:
        """Return the warm container of a slot, a new one if there is none; None for a plain function."""
        if self.file is None or self.root is None:
            return None
        if slot not in self._containers:
            path = (self.root, *self.settings.path)
            self._containers[slot] = Container(self.file, self.attribute, path, self._environment(slot))
        return self._containers[slot]

    @property
    def version(self) -> str:
        """Its version; an alias stands for $LATEST here, since nobody says which version it points to."""
        qualifier = function_version(self.arn).rpartition(":")[2]
        return qualifier if qualifier.isdigit() else "$LATEST"

    def discard(self, slot: int) -> None:
        """Forget the container of a slot: it has died, or is not to be used again."""
        self._containers.pop(slot, None)

    def _environment(self, slot: int) -> dict[str, Any]:
        """Return a container's variables.

        Source: AWS Lambda Developer Guide, Defined runtime environment variables.
        """
        return {
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream(slot),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "LAMBDA_TASK_ROOT": str(self.root),
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "_HANDLER": f"{self.file.stem if self.file else ''}.{self.attribute}",
            **self.settings.env,
        }


def log_stream(slot: int) -> str:
    """Return the name of a container's log stream, in Lambda's form."""
    return f"2025/01/01/[$LATEST]{slot:032x}"


def function_name(resource: str) -> str:
    """Return the name of a function from its name, its ARN, or either with a version or alias.

    Source: Lambda API reference, Invoke, FunctionName.
    """
    if resource.startswith("arn:"):
        parts = resource.split(":")
        return parts[6] if len(parts) > 6 else resource
    parts = resource.split(":")
    return parts[2] if len(parts) > 2 and parts[1] == "function" else parts[0]


@functools.cache
def function_version(resource: str) -> str:
    """Return a function's name with its version or alias, NAME:QUALIFIER; without one for $LATEST.

    Source: Lambda API reference, Invoke, Qualifier; Developer Guide, Lambda execution environments (each version has
    its own).
    """
    qualifier = resource.removeprefix("arn:").rpartition(":")[2] if _has_qualifier(resource) else "$LATEST"
    name = function_name(resource)
    return name if qualifier == "$LATEST" else f"{name}:{qualifier}"


def _has_qualifier(resource: str) -> bool:
    parts = resource.split(":")
    if resource.startswith("arn:"):
        return len(parts) > 7
    return len(parts) > 3 if len(parts) > 2 and parts[1] == "function" else len(parts) > 1


@dataclass
class Handlers:
    """Where the Python handlers of Lambda functions are found, in this order.

    `functions` by name; then what the configuration says of the name; then, for function `a-b`, the function
    `handler` (or `lambda_handler`) of `a_b.py` in the folder, or of `handler.py` (or `lambda_function.py`) in its
    folders `a-b` or `a_b`.

    Args:
        folder: a folder of handlers.
        functions: handlers by function name.
        config: the project's configuration.
    """

    folder: Path | None = None
    functions: Mapping[str, Handler] = field(default_factory=dict)
    config: Config | None = None

    @classmethod
    def from_directory(cls, folder: str | Path) -> Handlers:
        """Return the handlers of a folder.

        Raises:
            ConfigurationError: there is no such folder.
        """
        path = Path(folder)
        if not path.is_dir():
            raise ConfigurationError(f"no folder of handlers at {path}; name one with --handlers")
        return cls(path.resolve())

    @classmethod
    def from_module(cls, name: str) -> Handlers:
        """Return the public functions of a module as handlers, by their names and with hyphens for underscores.

        Raises:
            ConfigurationError: there is no such module.
            HandlerImportError: it raised while it was imported.
        """
        sys.path.insert(0, os.getcwd())
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"--handlers {name}: neither a folder nor a module that can be imported ({error})"
            ) from None
        except Exception as error:
            variable = missing_variable(error)
            hint = f". {variable_hint(variable)}" if variable else ""
            raise HandlerImportError(f"the module {name} fails when it is imported: {error!r}{hint}") from error
        finally:
            sys.path.remove(os.getcwd())
        found = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
        given = getattr(module, "HANDLERS", {})
        return cls(functions={**{key.replace("_", "-"): value for key, value in found.items()}, **found, **given})

    @classmethod
    def of(cls, handlers: Handlers | Mapping[str, Handler] | str | Path | None) -> Handlers:
        """Return handlers from whatever names them: a mapping, a folder, a module name, or nothing."""
        if handlers is None:
            return cls()
        if isinstance(handlers, Handlers):
            return handlers
        if isinstance(handlers, Mapping):
            return cls(functions=dict(handlers))
        if Path(handlers).is_dir() or isinstance(handlers, Path) or "/" in handlers:
            return cls.from_directory(handlers)
        return cls.from_module(handlers)

    def with_(self, **functions: Handler) -> Handlers:
        """Return the same handlers with some replaced; an underscore in a name stands for a hyphen too."""
        named = {name: value for key, value in functions.items() for name in (key, key.replace("_", "-"))}
        return Handlers(self.folder, {**self.functions, **named}, self.config)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts of functions that run elsewhere."""
        urls = [each.url for each in self._patterns() if each.url]
        return tuple(urlsplit(url).hostname or "" for url in urls)

    def has(self, resource: str) -> bool:
        """Tell whether there is a handler for a function, by its name or ARN, without importing it."""
        name = function_name(resource)
        if name in self.functions:
            return True
        settings = self._settings(name, resource)
        if settings is not None and (settings.file is not None or settings.url is not None):
            return True
        return any(path.is_file() for path in self._expected(name))

    def find(self, resource: str) -> Function:
        """Return a function as it is at the start of a run.

        Raises:
            MissingHandlerError: there is none.
        """
        name = function_name(resource)
        settings = self._settings(name, resource) or FunctionSettings(pattern=name)
        arn = resource if resource.startswith("arn:") else f"{_ARN}{function_version(resource)}"
        plain = self.functions.get(name)
        if plain is not None:
            code = getattr(plain, "__code__", None)
            root = Path(code.co_filename).parent if code else None
            return Function(name, plain, root=root, settings=settings, arn=arn)
        if settings.url is not None:
            return Function(name, settings=settings, arn=arn)
        if settings.file is not None:
            return Function(name, None, settings.file, settings.attribute, settings.file.parent, settings, arn)
        for path in self._expected(name):
            if path.is_file():
                return Function(name, None, path, settings.attribute, path.parent, settings, arn)
        raise MissingHandlerError(self.missing(resource))

    def _settings(self, name: str, resource: str) -> FunctionSettings | None:
        arn = resource if resource.startswith("arn:") else f"{_ARN}{name}"
        return self.config.settings_of(name, arn) if self.config else None

    def _expected(self, name: str) -> list[Path]:
        if self.folder is None:
            return []
        under = name.replace("-", "_")
        folders = dict.fromkeys((name, under))
        inside = (self.folder / each / file for each in folders for file in _FILES)
        return [self.folder / f"{under}.py", *inside]

    def missing(self, resource: str) -> str:
        """Say that a function has no handler, where one would be looked for, and what there is."""
        name = function_name(resource)
        expected = self._expected(name)
        wanted = (
            f"expected {expected[0]} with handler(event, context)" if expected else "name its folder with --handlers"
        )
        known = sorted({*self.functions, *self._in_folder(), *(each.pattern for each in self._patterns())})
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        there = f"there are: {', '.join(known) or 'none'}"
        return (
            f"no handler for the Lambda function {name}: {wanted}, or [functions.{name!r}] with a handler in "
            f"sfn-sim.toml; {hint}{there}"
        )

    def _patterns(self) -> Iterable[FunctionSettings]:
        return self.config.functions if self.config else ()

    def _in_folder(self) -> list[str]:
        if self.folder is None:
            return []
        names = [path.stem for path in self.folder.glob("*.py") if not path.stem.startswith("_")]
        names += [path.parent.name for file in _FILES for path in self.folder.glob(f"*/{file}")]
        return [name.replace("_", "-") for name in names]
