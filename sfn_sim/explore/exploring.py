"""Carry an exploration out: one good run, then one run for each fault, from the fault on.

Rule of this module: what comes before a fault is not run again. Its results are those of the good run, and the world
is put back to where it was at the fault; since calls are carried out one by one, that is what the calls before it left.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from sfn_sim.errors import ConfigurationError, DeadlockError, HandlerWallLimitError
from sfn_sim.explore.inject import Injected, Killed, Tap
from sfn_sim.explore.points import (
    CLEAN,
    HUNG,
    LOST,
    RECOVERED,
    WRONG,
    AwsCall,
    Order,
    Point,
    Probe,
    Tried,
    chosen,
    faults_at,
)
from sfn_sim.machine import StateMachine
from sfn_sim.run.effects import Invoke, Outcome
from sfn_sim.run.execution import Execution, Options
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.testing.mocks import Mocks
from sfn_sim.world import Check, Fixture, World, check_expectations, open_world
from sfn_sim.world.snapshot import Snapshot, restore, snapshot

_WALL_LIMIT_S = 60.0
_SHOWN = 3


@dataclass(slots=True)
class Exploration:
    """What an exploration has found.

    Attributes:
        tried: what was tried; `left` how many faults were not, for want of time.
        points: how many invocations the good run had.
        not_met: faults that met nobody, such as a request that was not sent again.
    """

    tried: list[Tried] = field(default_factory=list)
    left: int = 0
    points: int = 0
    not_met: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """3 if anything was lost, hung or falsely a success, else 0."""
        return 3 if any(each.is_bad for each in self.tried) else 0


class Explorer:
    """A machine, its handlers and a world that is open for the whole exploration; a context manager.

    Args:
        machine: the machine; `handlers` its handlers; `fixture` what its world is built from.
        seed: the seed of the world, the runs and the order in which faults are tried.
        wall_limit_s: how long one handler may run on the clock on the wall before its run counts as hung.
    """

    def __init__(
        self,
        machine: StateMachine,
        handlers: Handlers,
        fixture: Fixture,
        *,
        seed: int = 0,
        wall_limit_s: float = _WALL_LIMIT_S,
    ) -> None:
        self._machine = machine
        self._handlers = handlers
        self._fixture = fixture
        self._seed = seed
        self._wall_limit_s = wall_limit_s
        self._stack = contextlib.ExitStack()
        self._tap = Tap()
        self._world: World | None = None
        self._start_world: Snapshot | None = None
        self.points: list[Point] = []

    def __enter__(self) -> Explorer:
        machine, fixture = self._machine, self._fixture
        machine.check_handlers(self._handlers, self._injected())
        with contextlib.ExitStack() as stack:
            hosts = self._handlers.hosts()
            self._world = stack.enter_context(open_world(fixture, seed=self._seed, allow_network=hosts))
            self._tap.open()
            stack.callback(self._tap.close)
            self._start_world = snapshot(self._world)
            self._stack = stack.pop_all()
        try:
            self._good_run()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def world(self) -> World:
        """The world, as the last run left it."""
        assert self._world is not None
        return self._world

    def _good_run(self) -> None:
        """Make the run that everything is compared with, and keep the world before each of its calls.

        Raises:
            ConfigurationError: it does not end as its fixture expects.
        """
        before: list[Snapshot] = []

        def note(call: Invoke, outcome: Outcome, at_ms: int, sent: tuple[AwsCall, ...]) -> None:
            self.points.append(Point(len(self.points), call, outcome, at_ms, before[-1], sent))

        injected = self._injected(note=note, before=lambda: before.append(snapshot(self.world)))
        execution = self._run(self.world.start, injected)
        wrong = _unheld(check_expectations(self._fixture, self.world, execution))
        if wrong:
            raise ConfigurationError(
                f"{self._machine.name} does not even without a fault end as {self._fixture.path} expects "
                f"({'; '.join(wrong)}): nothing can be told of faults. See sfn-sim run"
            )

    def probes(
        self,
        *,
        exhaustive: bool = False,
        state: str | None = None,
        at: int | None = None,
        fault: str | None = None,
    ) -> list[Probe]:
        """Return what there is to try.

        Raises:
            ConfigurationError: the options name nothing that there is.
        """
        points = self.points if at is not None else chosen(self.points, exhaustive=exhaustive)
        found = [
            Probe(point, each)
            for point in points
            if at in (None, point.number) and state in (None, point.state, point.general_path, point.path)
            for each in faults_at(point, self._machine.planned)
            if fault in (None, each.name)
        ]
        if not found:
            states = ", ".join(dict.fromkeys(point.state for point in self.points))
            raise ConfigurationError(
                f"no such fault: the good run has {len(self.points)} invocations, --at 0 to {len(self.points) - 1}, "
                f"in the states {states}; leave --fault out to see the faults of one"
            )
        return found

    def explore(
        self,
        probes: Sequence[Probe],
        *,
        budget_s: float | None = None,
        done: Collection[str] = (),
        progress: Callable[[int, int, Tried], None] = lambda *_: None,
    ) -> Exploration:
        """Try every probe that is not `done` yet, in a seeded order when there is a budget of real seconds."""
        found = Exploration(points=len(self.points))
        left = [each for each in probes if each.name not in done]
        if budget_s is not None:
            random.Random(self._seed).shuffle(left)
        started = time.monotonic()
        for number, probe in enumerate(left):
            if budget_s is not None and time.monotonic() - started > budget_s:
                found.left = len(left) - number
                break
            tried = self.attempt(probe)
            if tried is None:
                found.not_met.append(probe.name)
                continue
            found.tried.append(tried)
            progress(number + 1, len(left), tried)
        return found

    def attempt(self, probe: Probe) -> Tried | None:
        """Try one fault at one point; None if it met nobody."""
        restore(self.world, probe.point.world)
        injected = self._injected(probe=probe, prefix=self.points[: probe.point.number])
        start = self.world.start
        killed = False
        try:
            execution = self._run(start, injected)
        except Killed as kill:
            killed, after = True, start + timedelta(milliseconds=kill.at_ms, seconds=1)
        except (DeadlockError, HandlerWallLimitError) as error:
            return self._tried(probe, HUNG, str(error))
        if killed:
            return self._tried(probe, *self._again(after, "it was killed and started again", RECOVERED))
        if not injected.happened:
            return None
        return self._tried(probe, *self._judged(execution))

    def schedules(self, count: int) -> Iterator[Tried]:
        """Run children in other orders, and two executions at once, `count` times each; yield how each ended."""
        for number in range(count):
            for together in (False, True):
                yield self.schedule(Order(number, together))

    def schedule(self, order: Order) -> Tried:
        """Run children in one other order, and tell how that ended."""
        drawn = random.Random(f"{self._seed} {order.number} {order.together}")
        assert self._start_world is not None
        restore(self.world, self._start_world)
        outcome, detail = self._scheduled(self._injected(order=drawn), together=order.together)
        return Tried(order.name, "(all)", -1, order.name, outcome, detail)

    def _scheduled(self, injected: Injected, *, together: bool) -> tuple[str, str]:
        start = self.world.start
        try:
            if not together:
                return self._judged(self._run(start, injected))
            name = self._machine.execution_name(self._seed, start)
            executions = self._machine.run_together(
                [f"{name}-1", f"{name}-2"], self._fixture.input, self._handlers, start=start, isolate=False,
                handler_wall_limit_s=self._wall_limit_s, options=Options(seed=self._seed), mocks=injected,
            )  # fmt: skip
        except (DeadlockError, HandlerWallLimitError) as error:
            return HUNG, str(error)
        failed = [each for each in executions if each.status != "SUCCEEDED"]
        return self._judged(failed[-1] if failed else executions[-1])

    def _judged(self, execution: Execution) -> tuple[str, str]:
        """Return how a run ended: what it left is looked at, and what is left to do is done by a second run."""
        wrong = _unheld(check_expectations(self._fixture, self.world, execution))
        if not wrong:
            return RECOVERED, ""
        after = execution.identity.start + timedelta(milliseconds=execution.elapsed_ms, seconds=1)
        if execution.status != "SUCCEEDED":
            said = f"{execution.status} {execution.error or ''}".strip()
            return self._again(after, said, CLEAN)
        again, _ = self._again(after, "", CLEAN)
        repair = "a second run repairs it" if again == CLEAN else "a second run does not repair it"
        return (WRONG if again == CLEAN else LOST), f"SUCCEEDED, but {'; '.join(wrong[:_SHOWN])}; {repair}"

    def _again(self, start: datetime, said: str, outcome: str) -> tuple[str, str]:
        """Run without a fault over what a run has left; `outcome` holds if that makes everything right."""
        try:
            execution = self._run(start, self._injected())
        except (DeadlockError, HandlerWallLimitError) as error:
            return HUNG, f"{said}; the run after it: {error}"
        wrong = _unheld(check_expectations(self._fixture, self.world, execution))
        if not wrong:
            return outcome, said
        return LOST, f"{said}; after a second run: {'; '.join(wrong[:_SHOWN])}"

    def _injected(self, **more: Any) -> Injected:
        """Return what one run is given: the fixture's mocks, new for each run, and `more` of what happens in it."""
        mocks = Mocks.read(self._fixture.mocks, self._fixture.path)
        return Injected(mocks.found, tap=self._tap, **more)

    def _run(self, start: datetime, injected: Injected) -> Execution:
        return self._machine.run(
            self._fixture.input, self._handlers, start=start, isolate=False, mocks=injected,
            handler_wall_limit_s=self._wall_limit_s, options=Options(seed=self._seed),
        )  # fmt: skip

    def _tried(self, probe: Probe, outcome: str, detail: str) -> Tried:
        return Tried(probe.name, probe.point.general_path, probe.point.number, probe.fault.name, outcome, detail)


def _unheld(checks: Sequence[Check]) -> list[str]:
    return [f"{each.name}: expected {each.expected}, actual {each.actual}" for each in checks if not each.held]
