"""The clock that handlers see.

One traveller of time-machine is installed for a whole run. It asks, for each reading, which invocation the reading
thread works for: that invocation's start plus what it has slept. Threads that work for none (servers, progress bars,
the scheduler itself) see the real clock. `time.sleep` in an invocation returns at once and is charged to it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

_NS_PER_MS = 1_000_000
_installed = 0
_lock = threading.Lock()
_real_sleep = time.sleep


class Invocation:
    """One call of a handler, as far as the clock knows it.

    Attributes:
        function: the function's name.
        start_ns: the virtual moment of its start, in ns since 1970.
        slept_ns: how long it has slept since.
        printed: what it wrote to stdout and stderr.
        container: the container that it runs in; None for one without (a plain Python function).
        environment: the variables of its container, on top of the process's; None without one.
        timeout_ns: how long it may last in virtual time; None for ever.
    """

    __slots__ = (
        "container", "environment", "function", "printed", "real_start", "request_id", "slept_ns", "start_ns",
        "timeout_ns",
    )  # fmt: skip

    def __init__(self, function: str, start_ns: int) -> None:
        self.function = function
        self.container: Any = None
        self.environment: Any = None
        self.timeout_ns: int | None = None
        self.request_id: Callable[[], str] = str
        self.start_ns = start_ns
        self.slept_ns = 0
        self.printed: list[str] = []
        self.real_start = time.perf_counter_ns()

    @property
    def now_ns(self) -> int:
        """The virtual moment, in ns since 1970."""
        return self.start_ns + self.slept_ns

    @property
    def took_ms(self) -> int:
        """How long it has lasted in virtual time, in ms, rounded up."""
        return -(-self.slept_ns // _NS_PER_MS)


class FunctionTimedOut(BaseException):
    """An invocation has lasted longer than its function may; not an Exception, so that no handler takes it."""


class ProcessEnded(BaseException):
    """A handler has ended its process: by os._exit, os.abort, or a signal to itself."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Stopped(BaseException):
    """Raised inside a handler to end it from outside; not an Exception, so that no handler takes it for its own."""


def current() -> Invocation | None:
    """Return the invocation that the present thread works for."""
    return getattr(threading.current_thread(), "_sfn_sim_invocation", None)


class working_for:
    """Let the present thread work for an invocation (None: for nobody, and so see the real clock).

    A class, since a generator costs each invocation as much as the rest of its clock.
    """

    __slots__ = ("_before", "_invocation", "_thread")
    _thread: Any

    def __init__(self, invocation: Invocation | None) -> None:
        self._invocation = invocation

    def __enter__(self) -> None:
        self._thread = threading.current_thread()
        self._before = getattr(self._thread, "_sfn_sim_invocation", None)
        self._thread._sfn_sim_invocation = self._invocation

    def __exit__(self, *_: object) -> None:
        self._thread._sfn_sim_invocation = self._before


def real_time() -> contextlib.AbstractContextManager[None]:
    """Let the present thread see the real clock, for instance to sign a request to a real service."""
    return working_for(None)


def _sleep(seconds: float) -> None:
    invocation = current()
    if invocation is None:
        _real_sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    invocation.slept_ns += round(seconds * 1_000_000_000)
    if invocation.timeout_ns is not None and invocation.slept_ns > invocation.timeout_ns:
        # Lambda ends the whole container: no handler of errors in it sees this.
        raise FunctionTimedOut


@contextlib.contextmanager
def virtual_clock() -> Iterator[None]:
    """Install the clock for the length of a run; runs may overlap and nest."""
    global _installed
    with _lock:
        if _installed == 0:
            _install()
        _installed += 1
    try:
        yield
    finally:
        with _lock:
            _installed -= 1
            if _installed == 0:
                _uninstall()


_undo = contextlib.ExitStack()


def _install() -> None:
    import _time_machine
    import time_machine

    class Traveller(time_machine.Traveller):
        def time_ns(self) -> int:
            invocation = current()
            if invocation is not None:
                return invocation.now_ns
            stack = time_machine.traveller_stack
            below = stack.index(self) - 1 if self in stack else -1
            real: int = _time_machine.original_time_ns()
            return stack[below].time_ns() if below >= 0 else real

    travel = time_machine.travel(0, tick=False)
    travel.start()
    _undo.callback(travel.stop)
    time_machine.traveller_stack[-1] = Traveller(0, None, False)
    start = threading.Thread.start

    def start_for(thread: Any) -> None:
        # A thread that a handler starts works for the same invocation.
        if not hasattr(thread, "_sfn_sim_invocation"):
            thread._sfn_sim_invocation = current()
        start(thread)

    threading.Thread.start = start_for  # type: ignore[method-assign, assignment]  # the one place that starts threads
    _undo.callback(setattr, threading.Thread, "start", start)
    time.sleep = _sleep  # type: ignore[assignment]  # its parameter has another name
    _undo.callback(setattr, time, "sleep", _real_sleep)


def _uninstall() -> None:
    _undo.close()
