"""Carry invocations out: in the scheduler's own thread, or in threads; `lanes` does it in other processes.

All give the outcomes in the order of the calls, so that the log is the same. A watchdog ends a handler that runs
longer, on the clock on the wall, than the wall limit; it is our own stop, never States.Timeout.
"""

from __future__ import annotations

import ctypes
import queue
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sfn_sim import clock, limits
from sfn_sim.errors import RUNTIME, ConfigurationError, HandlerWallLimitError
from sfn_sim.run.effects import AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.run.scheduler import Executor
from sfn_sim.run.seed import Stream
from sfn_sim.services.aws import AwsClients
from sfn_sim.services.containers import CONTAINERS
from sfn_sim.services.invocation import invoke
from sfn_sim.services.lambda_faults import Refusal, refused, somebody_refuses
from sfn_sim.services.lambda_functions import Function, Handlers, function_name, function_version
from sfn_sim.services.remote import invoke_remote

WALL_LIMIT_S = 900.0
_GRACE_S = 1.0


@dataclass(slots=True)
class Assigned:
    """A call, with the function that it goes to and the container that takes it.

    `function` is None where there is no such function; `refused` is how the world has Lambda refuse the call.
    """

    index: int
    call: Invoke
    function: Function | None
    slot: int
    refused: Refusal | None = None


@dataclass(slots=True)
class Calls:
    """Turns Invoke effects into outcomes; what every executor shares.

    Attributes:
        handlers: where functions are found.
        start: the virtual moment at which the execution starts.
        seed: the seed of request ids.
        wall_limit_s: how long one handler may run on the clock on the wall.
        cold: whether every invocation gets a container of its own.
        aws: the clients of AWS's services.
    """

    handlers: Handlers
    start: datetime
    seed: int = 0
    wall_limit_s: float = WALL_LIMIT_S
    cold: bool = False
    _start_ns: int = 0
    aws: AwsClients = field(default_factory=AwsClients)
    _functions: dict[str, Function | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._start_ns = round(self.start.timestamp() * 1000) * 1_000_000

    def assign(self, calls: Sequence[Invoke]) -> list[Assigned]:
        """Give each call of one instant its container; how many workers there are plays no part in it."""
        counts: dict[str, int] = {}
        assigned = []
        refusing = somebody_refuses()
        for index, call in enumerate(calls):
            version = function_version(call.function)
            number = counts[version] = counts.get(version, -1) + 1
            fault = refused(function_name(call.function), call.payload) if refusing else None
            assigned.append(Assigned(index, call, self._function(call.function), number % CONTAINERS, fault))
        return assigned

    def _function(self, resource: str) -> Function | None:
        # A name, an ARN and one that ends in $LATEST are one function, with the same containers; an alias has its own.
        version = function_version(resource)
        if version not in self._functions:
            self._functions[version] = self.handlers.find(resource) if self.handlers.has(resource) else None
        return self._functions[version]

    def carry_out(self, assigned: Assigned, now_ms: int, watchdog: Watchdog) -> Outcome:
        """Run one call to its end.

        Raises:
            HandlerImportError: the handler's module fails when it is imported.
        """
        call, function = assigned.call, assigned.function
        refusal = self.refusal(assigned)
        if refusal is not None:
            return refusal
        assert function is not None
        invocation = self.invocation(assigned, function, now_ms)
        if self.cold:
            function.discard(assigned.slot)
        with watchdog.watching(invocation):
            if function.settings.url is not None:
                return invoke_remote(function, call.payload, invocation)
            return invoke(function, assigned.slot, call.payload, invocation)

    def refusal(self, assigned: Assigned) -> Outcome | None:
        """Return how Lambda refuses a call; None for one that it takes."""
        call = assigned.call
        if assigned.function is None:
            return _not_found(function_name(call.function), self._request_id(call))
        if assigned.refused is not None:
            fault = assigned.refused
            return Outcome(None, f"Lambda.{fault.code}", fault.cause(self._request_id(call)))
        if len(call.payload) > limits.LAMBDA_PAYLOAD.value:
            return _request_too_large(len(call.payload), self._request_id(call))
        return None

    def invocation(self, assigned: Assigned, function: Function, now_ms: int) -> clock.Invocation:
        """Return the invocation that a call becomes at a virtual moment."""
        invocation = clock.Invocation(function.name, self._start_ns + now_ms * 1_000_000)
        invocation.request_id = lambda: self._request_id(assigned.call)
        return invocation

    def call_aws(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service at a virtual moment."""
        return self.aws.call(call, self._start_ns + now_ms * 1_000_000)

    def _request_id(self, call: Invoke) -> str:
        return Stream.named(self.seed, "request", *call.identity).uuid4()


def chains(assigned: Sequence[Assigned]) -> list[list[Assigned]]:
    """Return the calls that must run one after the other: a container serves one invocation at a time."""
    found: dict[tuple[int, int], list[Assigned]] = {}
    for each in assigned:
        contained = each.function is not None and each.function.file is not None
        key = (id(each.function), each.slot) if contained else (-1, each.index)
        found.setdefault(key, []).append(each)
    return list(found.values())


def _not_found(name: str, request_id: str) -> Outcome:
    # Source: recorded: task_service_lambda/no_such_function.
    cause = (
        f"Function not found: arn:aws:lambda:us-east-1:123456789012:function:{name}:$LATEST (Service: AWSLambda; "
        f"Status Code: 404; Error Code: ResourceNotFoundException; Request ID: {request_id}; Proxy: null)"
    )
    return Outcome(None, "Lambda.ResourceNotFoundException", cause)


def _request_too_large(size_bytes: int, request_id: str) -> Outcome:
    # Source: Lambda API reference, Invoke, RequestTooLargeException; the words are those that Lambda's users quote.
    # Only a payload limit raised by --limit-bytes lets an event come here.
    cause = (
        f"{size_bytes} byte payload is too large for the RequestResponse invocation type (limit "
        f"{limits.LAMBDA_PAYLOAD.value} bytes) (Service: AWSLambda; Status Code: 413; "
        f"Error Code: RequestTooLargeException; Request ID: {request_id}; Proxy: null)"
    )
    return Outcome(None, "Lambda.RequestTooLargeException", cause)


class Watchdog:
    """Looks after handlers that run too long, from a thread of its own that is started with the first call."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.fired: clock.Invocation | None = None
        self._watched: dict[int, clock.Invocation] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def watching(self, invocation: clock.Invocation) -> _Watch:
        """Watch the present thread while it runs a handler: `with watchdog.watching(invocation)`.

        Raises:
            HandlerWallLimitError: it ran too long.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sfn-sim watchdog", daemon=True)
            self._thread.start()
        return _Watch(self, self._watched, invocation)

    def error(self, invocation: clock.Invocation) -> HandlerWallLimitError:
        """Return what is said of a handler that ran too long."""
        return HandlerWallLimitError(
            f"the handler {invocation.function} ran longer than {self.limit_s:g} s on the clock on the wall and was "
            f"stopped. This is sfn-sim's own guard against handlers that hang, not {RUNTIME} nor States.Timeout; "
            "raise it with --handler-wall-limit SECONDS"
        )

    def _run(self) -> None:
        pause = min(0.25, self.limit_s / 4)
        again_at = 0
        while not self._end.wait(pause):
            now = time.perf_counter_ns()
            for identity, invocation in list(self._watched.items()):
                if now - invocation.real_start > self.limit_s * 1e9 and self.fired is None:
                    self.fired = invocation
                elif self.fired is not invocation or now < again_at:
                    continue
                # A handler with a bare `except:` takes an interruption for an error of its own: it gets more of them.
                again_at = now + round(_GRACE_S * 1e9)
                _interrupt(identity)

    def stop_all(self) -> None:
        """Interrupt every handler that still runs."""
        for identity in list(self._watched):
            _interrupt(identity)

    def close(self) -> None:
        """End the watchdog's thread."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()


class _Watch:
    """One thread under a watchdog's eye; a class, since a generator costs each invocation several times as much."""

    __slots__ = ("_identity", "_invocation", "_watchdog", "_watched")

    def __init__(self, watchdog: Watchdog, watched: dict[int, clock.Invocation], invocation: clock.Invocation) -> None:
        self._watchdog = watchdog
        self._watched = watched
        self._invocation = invocation

    def __enter__(self) -> None:
        self._identity = threading.get_ident()
        self._watched[self._identity] = self._invocation

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._watched.pop(self._identity, None)
        if self._watchdog.fired is not self._invocation:
            return
        if kind is None or issubclass(kind, (KeyboardInterrupt, clock.Stopped)):
            raise self._watchdog.error(self._invocation) from None


def _interrupt(thread: int) -> None:
    """Raise in another thread; the main thread is woken by a signal, also out of a lock or a socket.

    A shell starts what it puts in the background with SIGINT ignored, and a program may have a handler of its own for
    it: then the main thread is stopped as any other, between two instructions.
    """
    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if raises and thread == threading.main_thread().ident and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, signal.SIGINT)
    else:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(clock.Stopped))


class InlineExecutor:
    """Runs calls one after the other in the calling thread."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._watchdog = Watchdog(calls.wall_limit_s)

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Run every call to its end and return the outcomes in the order of the calls."""
        return [self._calls.carry_out(each, now_ms, self._watchdog) for each in self._calls.assign(calls)]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service."""
        return self._calls.call_aws(call, now_ms)

    def close(self) -> None:
        """Let go of what the executor holds."""
        self._watchdog.close()


class ThreadExecutor:
    """Runs calls in `workers` threads; they are daemons, so that a handler that hangs cannot keep the program."""

    def __init__(self, calls: Calls, workers: int) -> None:
        self._calls = calls
        self._watchdog = Watchdog(calls.wall_limit_s)
        self._work: queue.SimpleQueue[tuple[list[Assigned], int, queue.SimpleQueue[_Done]] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"sfn-sim worker {n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Run every call to its end and return the outcomes in the order of the calls."""
        done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        for chain in chains(self._calls.assign(calls)):
            self._work.put((chain, now_ms, done))
        outcomes: list[Outcome | None] = [None] * len(calls)
        failures: dict[int, BaseException] = {}
        fired_at = 0.0
        left = len(calls)
        while left:
            try:
                index, result = done.get(timeout=0.25)
            except queue.Empty:
                # A handler that does not heed its interruption is left behind.
                if self._watchdog.fired is not None:
                    fired_at = fired_at or time.perf_counter()
                    if time.perf_counter() - fired_at > _GRACE_S:
                        raise self._watchdog.error(self._watchdog.fired) from None
                continue
            left -= 1
            if isinstance(result, Outcome):
                outcomes[index] = result
            else:
                failures[index] = result
        if failures:
            raise failures[min(failures)]
        return [outcome for outcome in outcomes if outcome is not None]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service."""
        return self._calls.call_aws(call, now_ms)

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            chain, now_ms, done = item
            for each in chain:
                try:
                    done.put((each.index, self._calls.carry_out(each, now_ms, self._watchdog)))
                except BaseException as error:
                    done.put((each.index, error))

    def close(self) -> None:
        """Stop the handlers that still run, and the threads."""
        for _ in self._threads:
            self._work.put(None)
        self._watchdog.stop_all()
        for thread in self._threads:
            thread.join(timeout=_GRACE_S)
        self._watchdog.close()


_Done = tuple[int, "Outcome | BaseException"]
EXECUTORS = ("inline", "threads", "processes")
DASK = "dask://"


class ClosableExecutor(Executor, Protocol):
    """An executor that holds something."""

    def close(self) -> None:
        """Let go of what the executor holds."""


def check_executor(name: str) -> str:
    """Return the name of an executor.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in EXECUTORS and not name.startswith(DASK):
        known = ", ".join((*EXECUTORS, f"{DASK}HOST:PORT"))
        raise ConfigurationError(f"no executor is named {name!r}; there are: {known}")
    return name


def make_executor(name: str | None, calls: Calls, workers: int) -> ClosableExecutor:
    """Return an executor by name; without one, inline for one worker and threads for more.

    Raises:
        ConfigurationError: there is none of that name, or no worker.
    """
    chosen = check_executor(name or ("inline" if workers == 1 else "threads"))
    if workers < 1:
        raise ConfigurationError(f"--workers {workers}: at least 1 is needed")
    if chosen == "inline":
        return InlineExecutor(calls)
    if chosen == "threads":
        return ThreadExecutor(calls, workers)
    if chosen == "processes":
        from sfn_sim.services.processes import process_executor

        return process_executor(calls, workers)
    from sfn_sim.services.dask_cluster import dask_executor

    return dask_executor(calls, chosen)
