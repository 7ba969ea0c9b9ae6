"""The fixture `sfn`: run the project's state machines in a test, with mocks where its handlers are not wanted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_sim.definition.model import ABSENT, Absent
from sfn_sim.errors import ConfigurationError, SfnSimError
from sfn_sim.machine import START, StateMachine
from sfn_sim.payload import Json
from sfn_sim.run.execution import Options
from sfn_sim.testing.executed import ExecutionUnderTest
from sfn_sim.testing.mocks import Mock, Mocks
from sfn_sim.testing.project import Given, Machine
from sfn_sim.testing.ran import Ran

if TYPE_CHECKING:
    from sfn_sim.testing.one_state import OneState


class Clock:
    """The virtual clock of a test: each run starts when the one before it ended.

    Attributes:
        now: the moment at which the next run starts; 2025-01-01T00:00:00Z at first, and may be set.
    """

    def __init__(self) -> None:
        self._now = START

    @property
    def now(self) -> datetime:
        """The moment at which the next run starts."""
        return self._now

    @now.setter
    def now(self, moment: datetime) -> None:
        if not isinstance(moment, datetime):
            raise TypeError(f"clock.now is a datetime, and not {moment!r}")
        self._now = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

    def advance(self, seconds: float | timedelta = 0, **more: float) -> datetime:
        """Let time pass: seconds, a timedelta, or timedelta's own names (`days=1, hours=2`); return the new moment.

        Raises:
            ValueError: time would pass backwards.
        """
        step = (seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)) + timedelta(**more)
        if step < timedelta():
            raise ValueError(f"time does not pass backwards: advance({step}). Set clock.now to start at another moment")
        self._now += step
        return self._now


class Sfn:
    """State machines of the project, with handlers, mocks and a clock of one test's own.

    Attributes:
        handlers: the handlers of this test's runs: a folder, a module's name, a mapping over the project's own; None
            for the project's own.
        clock: the virtual clock.
        mocks: the mocks of this test.
    """

    def __init__(self, ran: Ran) -> None:
        self._ran = ran
        self._names: dict[str, int] = {}
        self.handlers: Given | None = None
        self.clock = Clock()
        self.mocks: Mocks = ran.mocks[0]

    def machine(self, machine: Machine, substitutions: Mapping[str, str] | None = None) -> StateMachine:
        """Return a machine by its name in the folder of definitions, by its path, or of a Python object.

        Raises:
            ConfigurationError: there is none of that name.
            DefinitionError: its definition is not valid.
        """
        return self._ran.project.machine(machine, substitutions)

    def mock(self, target: str, answers: Any = None) -> Mock:
        """Answer for a function, a resource or a state in all further runs of this test.

        Args:
            target: a function's name, a Resource's ARN, or a state's name.
            answers: what it answers: a value, `ok`, `fail`, an exception, a callable; or a list of those, one for each
                call. A list that is not used up, or is used up too early, fails the test.
        """
        return self.mocks.add(target, answers)

    def spy(self, target: str) -> Mock:
        """Note the calls of a function whose real handler answers."""
        return self.mocks.spy(target)

    def run(
        self,
        machine: Machine,
        input: Json | Absent = ABSENT,
        *,
        handlers: Given | None = None,
        test_case: str | None = None,
        mock_config: str | Path | None = None,
        substitutions: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        options: Options | None = None,
        **more: Any,
    ) -> ExecutionUnderTest:
        """Run a machine to its end, in virtual time.

        Args:
            machine: its name in the folder of definitions, its path, a Python object, or a StateMachine.
            input: the execution's input; an empty object when it is left out.
            handlers: handlers of this run: a folder, a module's name, or a mapping over the project's own.
            test_case: a test case of a MockConfigFile, which answers for the machine's tasks.
            mock_config: that file; `MockConfigFile.json` in the root directory when it is left out.
            substitutions: values for `${Name}` in the definition's strings.
            environment: variables that handlers find in `os.environ`.
            options: limits and observers.
            more: `name`, `seed`, `workers`, `executor`, `cold`, `allow_network`, … of `StateMachine.run`.

        Raises:
            SfnSimError: it could not be run, which is no outcome of the execution itself.
        """
        __tracebackhide__ = True
        try:
            found = self.machine(machine, substitutions)
            real = self._ran.project.handlers(handlers if handlers is not None else self.handlers, environment)
            mocks = self._mocks(found, test_case, mock_config)
            more.setdefault("start", self.clock.now)
            more.setdefault("name", self._name(found, more, options))
            started = time.perf_counter()
            execution = found.run(
                input, real, mocks=mocks or None, environment=environment, options=options, **more
            )
        except SfnSimError as error:
            # What failed stands in the message; the way to it is our own code.
            raise error.with_traceback(None) from None
        real_ms = (time.perf_counter() - started) * 1000
        self.clock.now = execution.identity.start + timedelta(milliseconds=execution.elapsed_ms)
        return self._ran.add(execution, found, real_ms)

    def state(self, machine: Machine, state: str, substitutions: Mapping[str, str] | None = None) -> OneState:
        """Return one state alone, which `.run(input, …)` runs as AWS's TestState does; this test's mocks answer.

        Raises:
            ConfigurationError: the machine has no state of that name.
        """
        from sfn_sim.testing.one_state import OneState

        found, handlers = self.machine(machine, substitutions), self._ran.project.handlers(self.handlers)
        return OneState(
            found, state, handlers, self._mocks(found, None, None), lambda result: self._ran.add_state(result, found)
        )

    def mocks_from(self, run: str) -> Mocks:
        """Answer as a recorded or imported run did; `run` names it as `sfn-sim runs` does.

        Raises:
            ConfigurationError: there is no such run.
        """
        return self.mocks.record(run)

    def close(self) -> None:
        """End the fixture: nothing of it outlives the test."""
        self.handlers = None

    def _mocks(self, machine: StateMachine, test_case: str | None, file: str | Path | None) -> Mocks:
        """Return this test's mocks, over those of a test case of a MockConfigFile."""
        if test_case is None:
            if file is not None:
                raise ConfigurationError(f"mock_config={str(file)!r} needs test_case=: the file has several")
            return self._ran.mocks_over()
        from sfn_sim.testing.mock_config import FILE, load

        return self._ran.mocks_over(load(file or self._ran.project.root / FILE).mocks(machine.name, test_case))

    def _name(self, machine: StateMachine, more: Mapping[str, Any], options: Options | None) -> str:
        """Return a name that no other execution of this test has."""
        seed = more.get("seed")
        drawn = machine.execution_name((options or Options()).seed if seed is None else seed, more["start"])
        count = self._names[drawn] = self._names.get(drawn, 0) + 1
        return drawn if count == 1 else f"{drawn}-{count}"
