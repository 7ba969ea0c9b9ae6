"""Where a test session finds definitions, handlers and fixtures: ini settings over sfn-sim.toml over the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from sfn_sim.config import Config, find_config
from sfn_sim.errors import ConfigurationError
from sfn_sim.machine import StateMachine
from sfn_sim.runner import find_fixture, find_machine, handlers_of
from sfn_sim.services.lambda_functions import Handler, Handlers
from sfn_sim.sources import machine_name
from sfn_sim.world.fixture import Fixture, load_fixture

Machine: TypeAlias = "str | Path | Mapping[str, Any] | StateMachine"
Given: TypeAlias = "Handlers | Mapping[str, Handler] | str | Path"
_Key: TypeAlias = "tuple[Path, int, int, frozenset[tuple[str, str]]]"


@dataclass
class Project:
    """What a test session works on; definitions are compiled once per process, as long as their files stay.

    Attributes:
        root: the folder that relative paths of settings are relative to.
        config: the project's configuration.
    """

    root: Path
    config: Config
    _machines: dict[_Key, StateMachine] = field(default_factory=dict)

    def file_of(self, machine: str | Path) -> Path:
        """Return the file of a machine that is named or whose path is given.

        Raises:
            ConfigurationError: there is none; names those that there are.
        """
        for path in (Path(machine), self.root / machine):
            if path.is_file():
                return path
        return find_machine(str(machine), self.config.definitions)

    def machine(self, machine: Machine, substitutions: Mapping[str, str] | None = None) -> StateMachine:
        """Return a machine by its name or path, or of a Python object.

        Raises:
            ConfigurationError: there is none of that name.
            DefinitionError: its definition is not valid.
        """
        known = {**self.config.substitutions, **(substitutions or {})}
        if isinstance(machine, StateMachine):
            return machine
        if isinstance(machine, Mapping):
            return StateMachine.from_json(machine, substitutions=known)
        path = self.file_of(machine).resolve()
        about = path.stat()
        key = (path, about.st_mtime_ns, about.st_size, frozenset(known.items()))
        if key not in self._machines:
            self._machines[key] = StateMachine.load(_short(path), known)
        return self._machines[key]

    def handlers(self, given: Given | None = None, environment: Mapping[str, str] | None = None) -> Handlers:
        """Return the project's handlers, or those that are given: a mapping stands over the project's.

        Raises:
            ConfigurationError: there is no such folder or module; a handler is no function.
        """
        if isinstance(given, Handlers):
            return given
        own = handlers_of(None, self.config, environment or {})
        if given is None:
            return own
        if isinstance(given, Mapping):
            for name, each in given.items():
                if not callable(each):
                    raise ConfigurationError(
                        f"the handler of {name} is a {type(each).__name__}, and no function: "
                        f"sfn.mock({name!r}, …) answers a value"
                    )
            return replace(own, functions={**own.functions, **given})
        folder = self.root / given
        return handlers_of(str(folder if folder.is_dir() else given), self.config, environment or {})

    def fixture(self, machine: str | Path, name: str, settings: Mapping[str, str]) -> Fixture:
        """Return a fixture of a machine.

        Raises:
            ConfigurationError: there is none of that name.
            FixtureError: it cannot be read.
        """
        return load_fixture(find_fixture(machine_name(self.file_of(machine)), name, self.config.fixtures), settings)


_PROJECT: pytest.StashKey[Project] = pytest.StashKey()


def project_of(config: pytest.Config) -> Project:
    """Return the project of a test session.

    Raises:
        ConfigurationError: sfn-sim.toml cannot be read, or a setting names no folder.
    """
    if _PROJECT not in config.stash:
        # As on the command line, from the working folder upwards; pytest's root may be that of a larger project.
        found = find_config(config.invocation_params.dir)
        root = config.rootpath if found.file is None else found.file.parent
        folders = {
            name: config.rootpath / config.getini(f"sfn_{name}")
            if config.getini(f"sfn_{name}")
            else root / getattr(found, name)
            for name in ("definitions", "handlers", "fixtures")
        }
        for name, folder in folders.items():
            if config.getini(f"sfn_{name}") and not folder.is_dir():
                raise ConfigurationError(f"sfn_{name} names no folder: {folder}")
        config.stash[_PROJECT] = Project(root, replace(found, **folders))
    return config.stash[_PROJECT]


def _short(path: Path) -> Path:
    """Return a path as messages name it: relative to the working folder where it is below that."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
