"""The fixture `sfn_world`: a machine in the world of a fixture, with the real handlers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sfn_sim.definition.model import ABSENT, Absent
from sfn_sim.errors import SfnSimError
from sfn_sim.machine import StateMachine
from sfn_sim.payload import Json
from sfn_sim.run.execution import Options
from sfn_sim.services.isolation import moto_answers
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.testing.executed import ExecutionUnderTest
from sfn_sim.testing.mocks import Mocks
from sfn_sim.testing.project import Given
from sfn_sim.testing.ran import Ran
from sfn_sim.world import Fixture, World, check_execution, check_expectations, open_world
from sfn_sim.world.snapshot import Snapshot, open_snapshot, snapshot

_LONG_S = 0.1
_MOST_KEPT = 8
_built: dict[tuple[str, str, int | None], Snapshot] = {}


class OpenWorld:
    """A world that is open, and the machine to run in it; what `World` has, it has too.

    Attributes:
        machine: the machine; `handlers` its handlers.
        fixture: what the world was built from.
        world: the world itself.
    """

    def __init__(
        self, ran: Ran, machine: StateMachine, handlers: Handlers, fixture: Fixture, world: World, check: bool
    ) -> None:
        self._ran = ran
        self._check = check
        self.machine = machine
        self.handlers = handlers
        self.fixture = fixture
        self.world = world
        self._start = world.start

    def run(
        self, input: Json | Absent = ABSENT, *, seed: int | None = None, options: Options | None = None, **more: Any
    ) -> ExecutionUnderTest:
        """Run the machine in this world; a further run starts a second after the one before it ended.

        Args:
            input: the execution's input; that of the fixture when it is left out.
            seed: the seed of the run; that of the world when it is left out.
            options: limits and observers.
            more: `name`, `workers`, `executor`, `cold`, … of `StateMachine.run`.

        Raises:
            SfnSimError: it could not be run, which is no outcome of the execution itself.
        """
        __tracebackhide__ = True
        mocks = self._ran.mocks_over(Mocks.read(self.fixture.mocks, self.fixture.path))
        given = self.fixture.input if isinstance(input, Absent) else input
        more.setdefault("start", self._start)
        started = time.perf_counter()
        try:
            execution = self.machine.run(
                given, self.handlers, seed=self.world.seed if seed is None and options is None else seed,
                options=options, isolate=False, mocks=mocks or None, **more,
            )  # fmt: skip
        except SfnSimError as error:
            raise error.with_traceback(None) from None
        real_ms = (time.perf_counter() - started) * 1000
        self._start = execution.identity.start + timedelta(milliseconds=execution.elapsed_ms, seconds=1)
        # What a world must look like afterwards is known of the run that the fixture describes.
        whole = isinstance(input, Absent)
        checks = (
            check_expectations(self.fixture, self.world, execution)
            if whole
            else check_execution(self.fixture, execution)
        )
        if self._check and whole:
            self._ran.expected[id(self)] = checks
        return self._ran.add(execution, self.machine, real_ms, checks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)


class Worlds:
    """Opens the worlds of fixtures, one at a time: to open another closes the one before."""

    def __init__(self, ran: Ran) -> None:
        self._ran = ran
        self._open = contextlib.ExitStack()

    def __call__(
        self,
        machine: str,
        fixture: str,
        *,
        settings: Mapping[str, object] | None = None,
        handlers: Given | None = None,
        seed: int | None = None,
        check: bool = True,
    ) -> OpenWorld:
        """Open the world of a fixture.

        Args:
            machine: the machine's name, or its path.
            fixture: the fixture's name, or its path.
            settings: values over those of the fixture, as `sfn-sim run --set` takes them: `{"dims": 8}`.
            handlers: handlers over the project's own.
            seed: the seed of the world and the run.
            check: whether what the fixture expects must hold after the last run there with the fixture's own input.

        Raises:
            SfnSimError: there is no such machine or fixture, or the world cannot be built.
        """
        __tracebackhide__ = True
        self.close()
        project = self._ran.project
        texts = {
            key: value if isinstance(value, str) else json.dumps(value) for key, value in (settings or {}).items()
        }
        try:
            loaded = project.fixture(machine, fixture, texts)
            found = project.machine(machine, loaded.substitutions)
            known = project.handlers(handlers, loaded.environment)
            if not self._ran.mocks[0] and not loaded.mocks:
                found.check_handlers(known)
            world = self._opened(loaded, seed, json.dumps(texts, sort_keys=True), known.hosts())
        except SfnSimError as error:
            raise error.with_traceback(None) from None
        return OpenWorld(self._ran, found, known, loaded, world, check)

    def _opened(self, fixture: Fixture, seed: int | None, settings: str, hosts: Sequence[str]) -> World:
        """Open a world; one that took long to build is built once in a process, and put back from a snapshot then."""
        key = (str(fixture.path), settings, seed)
        kept = _built.get(key)
        if kept is not None:
            return self._open.enter_context(open_snapshot(kept, allow_network=hosts))
        started = time.perf_counter()
        world = self._open.enter_context(open_world(fixture, seed=seed, allow_network=hosts))
        # What was built into the world's own folder is in no snapshot.
        if time.perf_counter() - started > _LONG_S and moto_answers() and not any(world.folder.iterdir()):
            _built[key] = snapshot(world)
            for old in list(_built)[:-_MOST_KEPT]:
                del _built[old]
        return world

    def close(self) -> None:
        """Take down the world that is open."""
        self._open.close()
