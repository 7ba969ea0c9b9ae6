"""Containers of Lambda functions: each is one load of the handler's own code, with globals of its own.

What lies in the function's own folders (the handler's, and those of its `path`) belongs to a container: two containers
never share such a module, whatever its name. Installed libraries are shared, as there is one process.

How many containers a function has, and which call goes to which, does not depend on how many workers there are: of
the calls of one virtual instant, call k goes to container k modulo `CONTAINERS`.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from sfn_sim import clock
from sfn_sim.errors import HandlerImportError

CONTAINERS = 4
"""How many containers a function has at most."""

_import_lock = threading.RLock()


class Container:
    """One load of a function's code.

    Args:
        file: the handler's file; `attribute` the handler's name in it.
        path: folders that its own imports may come from.
        environment: its variables; what the handler sets stays there.
    """

    def __init__(self, file: Path, attribute: str, path: Sequence[Path], environment: dict[str, Any]) -> None:
        self.environment = environment
        self._file = file
        self._attribute = attribute
        self._path = [str(each) for each in path]
        self._own_names = _importable_names(path)
        self._modules: dict[str, ModuleType] = {}
        self._active = False
        self._handler: Callable[[Any, Any], Any] | None = None

    def handler(self) -> Callable[[Any, Any], Any]:
        """Return the handler; the first call imports its module.

        Raises:
            HandlerImportError: the module fails when it is imported, or has no such function.
        """
        if self._handler is None:
            self._handler = self._load()
        return self._handler

    def _load(self) -> Callable[[Any, Any], Any]:
        try:
            with self._own_modules():
                module = importlib.import_module(self._file.stem)
        except Exception as error:
            place = last_line(error.__traceback__, self._file)
            text = f"{self._file}{place}: fails when it is imported: {type(error).__name__}: {error}"
            raise HandlerImportError(f"{text}{missing_variable(error)}") from error
        handler = getattr(module, self._attribute, None)
        if not callable(handler):
            names = sorted(name for name, each in vars(module).items() if callable(each) and not name.startswith("_"))
            raise HandlerImportError(
                f"{self._file}: has no function named {self._attribute!r}; it has: {', '.join(names) or 'none'}"
            )
        found: Callable[[Any, Any], Any] = handler
        return found

    def owns(self, name: str, level: int, package: str) -> bool:
        """Tell whether an import statement asks for a module of the container's own."""
        return (package if level else name).partition(".")[0] in self._own_names

    def import_module(self, real: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out an import of a module of the container's own."""
        with self._own_modules():
            return real(*arguments)

    @contextlib.contextmanager
    def _own_modules(self) -> Iterator[None]:
        """Let the import system see this container's modules and folders, and keep what it loads from them."""
        with _import_lock:
            if self._active:
                yield
                return
            hidden = self._take_out()
            path = list(sys.path)
            sys.modules.update(self._modules)
            sys.path[:0] = self._path
            self._active = True
            try:
                yield
            finally:
                self._active = False
                sys.path[:] = path
                self._modules = self._take_out()
                sys.modules.update(hidden)

    def _take_out(self) -> dict[str, ModuleType]:
        """Take every module whose name the container's folders have out of sys.modules."""
        names = [name for name in sys.modules if name.partition(".")[0] in self._own_names]
        return {name: sys.modules.pop(name) for name in names}


def _importable_names(folders: Sequence[Path]) -> frozenset[str]:
    """Return the top-level names that can be imported from folders; those of the standard library stay Python's."""
    names = {
        entry.stem if entry.is_file() else entry.name
        for folder in folders
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.is_dir() or entry.suffix in (".py", ".so", ".pyd")
    }
    return frozenset(name for name in names if name.isidentifier() and name not in sys.stdlib_module_names)


def last_line(trace: TracebackType | None, file: Path) -> str:
    """Return ":LINE" of the last frame of a file in a traceback; empty if there is none."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""


def missing_variable(error: BaseException) -> str:
    """Return what to do about a KeyError of os.environ; empty for every other error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    raised_in = Path(trace.tb_frame.f_code.co_filename).name if trace is not None else ""
    if not isinstance(error, KeyError) or raised_in not in ("os.py", "environment.py"):
        return ""
    return (
        f". The environment has no {error.args[0]}: set it in the fixture's [environment], or as env of the function "
        "in sfn-sim.toml"
    )


@contextlib.contextmanager
def contained_imports() -> Iterator[None]:
    """Send imports of code that runs in a container to that container, for the length of a run; runs may nest."""
    statement, function = builtins.__import__, importlib.import_module

    def contained(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        container = _container()
        package = (globals or {}).get("__package__") or ""
        if container is None or not container.owns(name, level, package):
            return statement(name, globals, locals, fromlist, level)
        return container.import_module(statement, name, globals, locals, fromlist, level)

    def contained_function(name: str, package: str | None = None) -> ModuleType:
        container = _container()
        level = len(name) - len(name.lstrip("."))
        if container is None or not container.owns(name, level, package or ""):
            return function(name, package)
        module: ModuleType = container.import_module(function, name, package)
        return module

    builtins.__import__ = contained
    importlib.import_module = contained_function
    try:
        yield
    finally:
        builtins.__import__ = statement
        importlib.import_module = function


def _container() -> Container | None:
    invocation = clock.current()
    return invocation.container if invocation is not None else None
