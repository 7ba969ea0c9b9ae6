"""The time of a store: virtual, where it passes by what happens, or that on the wall."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError


class VirtualClock:
    """Time that passes by what executions do, and by `advance`.

    An execution takes no real time. While it waits for an outside party its own time stands still; the time of the
    store goes on with what other executions do.

    Args:
        start: the moment at which it begins.
    """

    real = False
    activity_poll_s = 0.2

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._movers: list[Callable[[int], None]] = []

    def now(self) -> datetime:
        """Return the present moment; in a handler, the invocation's own."""
        invocation = clock.current()
        if invocation is not None:
            ms, ns = divmod(invocation.now_ns, 1_000_000)
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms + (ns > 0))
        return self._now

    def reach(self, moment: datetime) -> None:
        """Note that it is at least `moment` now."""
        self._now = max(self._now, moment)

    def on_advance(self, move: Callable[[int], None]) -> None:
        """Have `move` called with the milliseconds of every `advance`."""
        self._movers.append(move)

    def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass: executions that wait for an outside party come to their timeouts.

        Raises:
            ConfigurationError: `ms` is negative.
        """
        if ms < 0:
            raise ConfigurationError(f"clock.advance({ms}): time does not go back")
        for move in self._movers:
            move(ms)
        self._now += timedelta(milliseconds=ms)


class RealClock:
    """The clock on the wall; executions take as long as they would."""

    real = True
    activity_poll_s = 60.0  # Source: API reference, GetActivityTask: the poll is held for up to 60 seconds

    def now(self) -> datetime:
        """Return the present moment, in whole milliseconds."""
        with clock.real_time():
            ns = time.time_ns()
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ns // 1_000_000)

    def reach(self, moment: datetime) -> None:
        """Do nothing: this clock goes by itself."""

    def on_advance(self, move: Callable[[int], None]) -> None:
        """Do nothing: nobody moves this clock."""

    def advance(self, ms: int) -> None:
        """Refuse: this clock goes by itself.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(f'clock.advance({ms}) needs the virtual clock; this store has clock="real"')
