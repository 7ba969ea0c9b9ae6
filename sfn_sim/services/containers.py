"""Containers of Lambda functions: each is one load of the handler's own code, with globals of its own.

What lies in the function's own folders (the handler's, and those of its `path`) belongs to a container: two containers
never share such a module, whatever its name. Installed libraries are shared, as there is one process, and see
installed libraries only; so is what cannot be loaded twice into one process (compiled packages), and boto3, which
moto answers.

How many containers a function has, and which call goes to which, does not depend on how many workers there are: of
the calls of one virtual instant, call k goes to container k modulo `CONTAINERS`.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ExtensionFileLoader, FrozenImporter
from pathlib import Path
from types import ModuleType
from typing import Any

from sfn_sim import clock
from sfn_sim.config import handler_names
from sfn_sim.errors import HandlerImportError
from sfn_sim.services.environment import missing_variable

CONTAINERS = 4
"""How many containers a function has at most."""
_PIPELINE = ("chromadb", "openai", "numpy")
_NEVER_OWN = frozenset(("boto3", "botocore", "s3transfer", "moto", "sfn_sim"))


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
        package, above = _package(file)
        # The folder above a package comes last: its other modules are no neighbours of the handler.
        self._path = [str(each) for each in (*path, *([above] if package else []))]
        self._module = ".".join((*package, file.stem))
        self.own_names = (_importable_names(path) | {self._module.partition(".")[0]}) - _NEVER_OWN
        self.modules: dict[str, ModuleType] = {}
        self._in_place = False
        self._hidden: dict[str, ModuleType] = {}
        self._sys_path: list[str] = []
        self._sys_path_length = 0
        self._handler: Callable[[Any, Any], Any] | None = None
        _owned.update(self.own_names)

    def handler(self) -> Callable[[Any, Any], Any]:
        """Return the handler; the first call imports its module.

        Raises:
            HandlerImportError: the module fails when it is imported, or has no such function.
        """
        if self._handler is None:
            self._handler = self._load()
        return self._handler

    def _load(self) -> Callable[[Any, Any], Any]:
        if _is_pythons(self._module):
            raise HandlerImportError(
                f"{self._file}: {self._module} is a module of Python's own, and no handler can have its name: rename it"
            )
        try:
            with self.own_modules():
                module = importlib.import_module(self._module)
        except (SystemExit, clock.ProcessEnded) as end:
            place = self._place(end)
            raise HandlerImportError(f"{place}: ends its process when it is imported ({_how(end)})") from None
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise HandlerImportError(f"{self._place(error)}: fails when it is imported: {what}{_fix(error)}") from error
        wanted = handler_names(self._attribute)
        handler = next((each for name in wanted if callable(each := getattr(module, name, None))), None)
        if handler is None:
            asked = " or ".join(repr(name) for name in wanted)
            names = sorted(name for name, each in vars(module).items() if callable(each) and not name.startswith("_"))
            raise HandlerImportError(
                f"{self._file}: has no function named {asked}; it has: {', '.join(names) or 'none'}. Name "
                f'one in sfn-sim.toml: handler = "{self._file.name}:FUNCTION"'
            )
        found: Callable[[Any, Any], Any] = handler
        return found

    def _place(self, error: BaseException) -> str:
        """Return the line of the handler's file at which an import went wrong, and that of the module that raised."""
        lines = []
        trace = error.__traceback__
        while trace is not None:
            lines.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename:
            lines.append((error.filename, error.lineno or 1))
        folders = tuple(os.path.join(each, "") for each in self._path)
        own = [f"{file}:{line}" for file, line in lines if file.startswith(folders)]
        ours = [f"{file}:{line}" for file, line in lines if file == str(self._file)]
        first = ours[-1] if ours else str(self._file)
        return f"{first}, at {own[-1]}" if own and own[-1] != first else first

    def wants(self, top: str, scope: Any) -> bool:
        """Tell whether an import of a top-level name is of a module of the container's own, by one of its own.

        Args:
            top: the name.
            scope: the globals of the import statement; None where they are not known.
        """
        if self._in_place and len(sys.path) != self._sys_path_length:
            self._adopt_path()
        return top in self.own_names and self._is_own(scope)

    def _is_own(self, scope: Any) -> bool:
        name = (scope or {}).get("__name__")
        if name is None:
            return True
        known = [self.modules.get(name), *(shared.get(name) for shared in self._compiled())]
        if self._in_place and name.partition(".")[0] in self.own_names:
            known.append(sys.modules.get(name))
        return any(module is not None and vars(module) is scope for module in known)

    def loaded(self, name: str, fromlist: Sequence[str] | None) -> ModuleType | None:
        """Return what an import statement gives when all that it asks for has been loaded before."""
        module = self.modules.get(name)
        if module is None or not all(hasattr(module, each) for each in fromlist or ()):
            return None
        return module if fromlist else self.modules.get(name.partition(".")[0])

    def _adopt_path(self) -> None:
        """Take folders that the container's code has put on sys.path for its own."""
        self._sys_path_length = len(sys.path)
        new = [each for each in sys.path if each not in self._sys_path and each not in self._path]
        self._path = [each for each in sys.path if each in new or each in self._path]
        self.own_names |= _importable_names([Path(each) for each in new]) - _NEVER_OWN
        _owned.update(self.own_names)

    def _compiled(self) -> list[dict[str, ModuleType]]:
        return [_compiled.setdefault(folder, {}) for folder in self._path]

    @contextlib.contextmanager
    def own_modules(self) -> Iterator[None]:
        """Let the import system see this container's modules and folders, and keep what it loads from them."""
        with _importing(self):
            if self._in_place:
                yield
                return
            self._put_in()
            try:
                yield
            finally:
                self._take_away()

    @contextlib.contextmanager
    def others_modules(self) -> Iterator[None]:
        """Let the import system see what everyone sees; the lock is held."""
        if not self._in_place:
            yield
            return
        self._take_away()
        try:
            yield
        finally:
            self._put_in()

    def _put_in(self) -> None:
        self._hidden = _take(self.own_names)
        for shared in reversed(self._compiled()):
            sys.modules.update(shared)
        sys.modules.update(self.modules)
        self._sys_path = list(sys.path)
        sys.path[:0] = self._path
        self._sys_path_length = len(sys.path)
        self._in_place = True

    def _take_away(self) -> None:
        if len(sys.path) != self._sys_path_length:
            self._adopt_path()
        self._in_place = False
        sys.path[:] = self._sys_path
        self.modules = _take(self.own_names)
        self._share_compiled()
        sys.modules.update(self._hidden)
        for name in self.modules:
            sys.modules.setdefault(name, _StandIn(name))
            _stood_for.add(name)

    def _share_compiled(self) -> None:
        """Hand packages with compiled modules over to every container: no process can load them a second time."""
        compiled = {
            name.partition(".")[0]
            for name, module in self.modules.items()
            if isinstance(getattr(module.__spec__, "loader", None), ExtensionFileLoader)
        }
        for top in compiled:
            origin = str(getattr(self.modules.get(top), "__file__", ""))
            folder = next((each for each in self._path if origin.startswith(os.path.join(each, ""))), self._path[0])
            for name in [each for each in self.modules if each.partition(".")[0] == top]:
                _compiled.setdefault(folder, {})[name] = self.modules.pop(name)


_owned: set[str] = set()
# Every name that has had a stand-in: to look through all of sys.modules for them took a twentieth of a run.
_stood_for: set[str] = set()
_compiled: dict[str, dict[str, ModuleType]] = {}


def _package(file: Path) -> tuple[list[str], Path]:
    """Return the packages that a file lies in, outermost first, and the folder above them."""
    package: list[str] = []
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        package.insert(0, folder.name)
        folder = folder.parent
    return package, folder


def _importable_names(folders: Sequence[Path]) -> frozenset[str]:
    """Return the top-level names that can be imported from folders; those of the standard library stay Python's."""
    names = {
        entry.name if entry.is_dir() else entry.name.partition(".")[0]
        for folder in folders
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.is_dir() or entry.suffix in (".py", ".so", ".pyd")
    }
    return frozenset(name for name in names if name and "." not in name and name not in sys.stdlib_module_names)


def _is_pythons(name: str) -> bool:
    # Source: the runtime interface client: "Cannot use built-in module … as a handler module".
    return name in sys.builtin_module_names or FrozenImporter.find_spec(name) is not None


def _take(tops: frozenset[str]) -> dict[str, ModuleType]:
    """Take every module below some top-level names out of sys.modules; stand-ins are dropped."""
    names = [name for name in sys.modules if name.partition(".")[0] in tops]
    taken = {name: sys.modules.pop(name) for name in names}
    return {name: module for name, module in taken.items() if type(module) is not _StandIn}


def _how(end: BaseException) -> str:
    return end.how if isinstance(end, clock.ProcessEnded) else f"sys.exit({getattr(end, 'code', None)!r})"


def _fix(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        if error.name in _PIPELINE:
            return ". pip install 'sfn-sim[pipeline]' has it"
        fix = "Install it here, put it beside the handler, or name its folder as path of the function in sfn-sim.toml"
        return f". {fix}"
    name = missing_variable(error)
    return f". {variable_hint(name)}" if name else ""


def variable_hint(name: str) -> str:
    """Say what to do about a variable that the environment lacks."""
    return (
        f"The environment has no {name}: set it in the fixture's [environment], or as env of the function in "
        "sfn-sim.toml"
    )


class _StandIn(ModuleType):
    """Stands in sys.modules for modules of that name of all containers: each thread sees its own container's.

    Code that looks its own module up there (pickle, dataclasses, typing.get_type_hints) finds it.
    """

    def __getattribute__(self, key: str) -> Any:
        name = ModuleType.__getattribute__(self, "__name__")
        container = _container()
        module = container.modules.get(name) if container is not None else None
        if module is None:
            raise AttributeError(f"no container in this thread has a module {name!r}")
        return getattr(module, key)


class _Lock:
    """A lock that all threads which work for one container hold together.

    Code that is being imported may start threads and wait for them; these import, too.
    """

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._owner: object = None
        self._depth = 0

    def acquire(self, owner: object) -> None:
        with self._free:
            while self._depth and self._owner != owner:
                self._free.wait()
            self._owner = owner
            self._depth += 1

    def release(self) -> None:
        with self._free:
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._free.notify_all()


_lock = _Lock()


@contextlib.contextmanager
def _importing(container: Container | None) -> Iterator[None]:
    _lock.acquire(container or threading.get_ident())
    try:
        yield
    finally:
        _lock.release()


@contextlib.contextmanager
def _outside(container: Container | None, top: str) -> Iterator[None]:
    """Import something that is not the container's own: what anyone sees, and never what another container has."""
    with _importing(container):
        if top not in _owned and top not in _NEVER_OWN:
            yield
            return
        with container.others_modules() if container is not None else contextlib.nullcontext():
            stand_ins = _stand_ins()
            for name in stand_ins:
                del sys.modules[name]
            try:
                yield
            finally:
                for name, each in stand_ins.items():
                    sys.modules.setdefault(name, each)


def _is_loaded(name: str, fromlist: Sequence[str] | None) -> bool:
    module = sys.modules.get(name)
    return module is not None and all(hasattr(module, each) for each in fromlist or ())


@contextlib.contextmanager
def contained_imports() -> Iterator[None]:
    """Send imports of code that runs in a container to that container, for the length of a run."""
    statement, function = builtins.__import__, importlib.import_module

    def contained(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        package = str((globals or {}).get("__package__") or "") if level else name
        top = package.partition(".")[0]
        absolute = f"{package.rsplit('.', level - 1)[0]}.{name}".rstrip(".") if level else name
        container = _container()
        if container is not None and container.wants(top, globals):
            known = container.loaded(name, fromlist) if level == 0 else None
            if known is not None:
                return known
            with container.own_modules():
                return statement(name, globals, locals, fromlist, level)
        if top not in _owned and (container is None or _is_loaded(absolute, fromlist)):
            return statement(name, globals, locals, fromlist, level)
        with _outside(container, top):
            return statement(name, globals, locals, fromlist, level)

    def contained_function(name: str, package: str | None = None) -> ModuleType:
        top = ((package or "") if name.startswith(".") else name).partition(".")[0]
        container = _container()
        if container is not None and container.wants(top, None):
            with container.own_modules():
                return function(name, package)
        with _outside(container, top):
            return function(name, package)

    builtins.__import__ = contained
    importlib.import_module = contained_function
    try:
        yield
    finally:
        builtins.__import__ = statement
        importlib.import_module = function
        for name in _stand_ins():
            del sys.modules[name]
        _stood_for.clear()


def _stand_ins() -> dict[str, ModuleType]:
    return {name: each for name in _stood_for if type(each := sys.modules.get(name)) is _StandIn}


def _container() -> Container | None:
    invocation = clock.current()
    return invocation.container if invocation is not None else None
