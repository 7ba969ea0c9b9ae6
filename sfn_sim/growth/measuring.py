"""Runs of a machine at many values of one quantity: each in a world of its own, few of their calls carried out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sfn_sim.analysis.growth import Curve, Sample, ladder, search
from sfn_sim.errors import ConfigurationError, DeadlockError, FixtureError, InputError
from sfn_sim.growth.journal import Journal
from sfn_sim.growth.reading import refused, sample_of
from sfn_sim.growth.scaling import ITEMS, Memory, Scaled, Untold
from sfn_sim.growth.varying import Varied
from sfn_sim.machine import StateMachine
from sfn_sim.payload import size_bytes
from sfn_sim.run.execution import Execution, Options
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.testing.mocks import Mocks
from sfn_sim.world import Fixture, World, load_fixture, open_world

_TAUGHT = 3
_FIRST = 5
_SMALL = 20


@dataclass(kw_only=True)
class Growth:
    """One machine whose size is varied.

    Attributes:
        machine: makes the machine for a fixture, whose substitutions may differ from value to value.
        handlers: its handlers.
        folder: the fixture; `settings` what is overridden in it, as `--set` does.
        varied: the quantity and its range.
        seed: the seed of worlds and runs; None for the fixture's.
        options: limits.
        most: how many items of a Map are carried out; None for all, so that nothing is modelled.
    """

    machine: Callable[[Fixture], StateMachine]
    handlers: Handlers
    folder: Path
    settings: Mapping[str, str]
    varied: Varied
    seed: int | None = None
    options: Options = field(default_factory=Options)
    most: int | None = ITEMS
    _memory: Memory = field(default_factory=Memory)

    def curve(self, told: Callable[[Sample], None] = lambda _: None) -> Curve:
        """Try values over the whole range.

        Raises:
            FixtureError: the fixture has no such value, or its world cannot be built.
            SfnSimError: a run could not be made.
        """
        low, high = self.varied.low, self.varied.high
        if low > _SMALL and self.most is not None:
            self._teach(low)
            return search(self.at, self.varied.key, low, high, told)
        taught = ladder(low, high)[:_TAUGHT]
        return search(lambda value: self.at(value, in_full=value in taught), self.varied.key, low, high, told)

    def _teach(self, low: int) -> None:
        """Learn from values below the range: a run in full at one of its own would take long."""
        for number, value in enumerate(ladder(_FIRST, low)[:-1]):
            with contextlib.suppress(FixtureError, ConfigurationError):
                self.at(value, in_full=number < _TAUGHT)
            if not any(each.asks for each in self._memory.known.values()):
                return

    def at(self, value: int, *, in_full: bool = False) -> Sample:
        """Run once with a value.

        Args:
            value: the varied quantity's value.
            in_full: whether every handler is called, and every run after this one learns from it.

        Raises:
            SfnSimError: the run could not be made.
        """
        if in_full or self.most is None:
            return self._run(value, teaches=True)
        try:
            return self._run(value, teaches=False)
        except Untold as untold:
            sample = self._run(value, teaches=True)
            known = self._memory.of(untold.caller)
            known.alone = not known.fails
            return sample

    def verify(self, curve: Curve) -> list[tuple[Sample, Sample]]:
        """Run in full at the first value that fails and the last that holds, or else at the largest value.

        Returns:
            For each what had been seen, and what a run in full shows.
        """
        seen = [each for each in (curve.holding, curve.failing) if each is not None]
        return [(each, self._run(each.value, teaches=True) if each.modelled else each) for each in seen]

    def _run(self, value: int, *, teaches: bool) -> Sample:
        fixture = self._fixture(value)
        machine = self.machine(fixture)
        mocks = Mocks.read(fixture.mocks, fixture.path)
        journal = Journal(remembers=not teaches and not fixture.faults)
        scaled = Scaled(
            mocks.found, memory=self._memory, journal=journal, value=value, teaches=teaches, most=self.most or 0
        )
        machine.check_handlers(self.handlers, scaled)
        with open_world(fixture, seed=self.seed, allow_network=self.handlers.hosts()) as world:
            asks = bool(machine.functions()) or machine.calls_aws()
            if asks:
                journal.open()
            try:
                execution = self._execute(machine, fixture, world, scaled)
            except InputError as error:
                return refused(value, error, size_bytes(fixture.input), self.options.limit_bytes)
            except DeadlockError as error:
                raise ConfigurationError(f"{self.varied.key}={value}: {error}") from None
            finally:
                if asks:
                    journal.close()
            return sample_of(execution, scaled, fixture, _objects(world, scaled))

    def _execute(self, machine: StateMachine, fixture: Fixture, world: World, scaled: Scaled) -> Execution:
        options = replace(self.options, seed=world.seed, progress=scaled.progress)
        scaled.name = machine.execution_name(world.seed, world.start)
        return machine.run(
            fixture.input, self.handlers, name=scaled.name, start=world.start, isolate=False, mocks=scaled,
            options=options,
        )  # fmt: skip

    def _fixture(self, value: int) -> Fixture:
        try:
            return load_fixture(self.folder, {**self.settings, self.varied.key: self.varied.text(value)})
        except FixtureError as error:
            words = str(error).replace(f"--set {self.varied.key}=", f"--vary {self.varied.key}=")
            raise FixtureError(words) from None


def _objects(world: World, scaled: Scaled) -> int | None:
    """Return how many objects are in S3, with those that calls which were not carried out would have put there."""
    if not world.fixture.buckets:
        return None
    with contextlib.suppress(KeyError):
        return sum(len(world.objects(each.name)) for each in world.fixture.buckets) + scaled.objects
    return None

