"""Carry invocations out elsewhere: each lane is a thread that drives one worker, and a container keeps to its lane.

So the log is that of the handlers in process: a container's calls come in their order, its module keeps its state.
"""

from __future__ import annotations

import contextlib
import importlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError
from sfn_sim.run.effects import AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.services.executors import Assigned, Calls, Watchdog
from sfn_sim.services.invocation import worker_ended
from sfn_sim.services.lambda_functions import Function, function_version
from sfn_sim.services.worker import Work

_TICK_S = 0.25
_GRACE_S = 1.0


class WorkerLost(Exception):
    """A worker ended before the invocation that it had; `how` in Lambda's words."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how

    def outcome(self, invocation: clock.Invocation) -> Outcome:
        """Return what Lambda says of it."""
        return worker_ended(self.how, invocation)


class Worker(Protocol):
    """Somewhere that invocations are carried out, one at a time."""

    def prepare(self) -> None:
        """See to it that it is there."""

    def carry_out(self, work: Work) -> Outcome:
        """Run one invocation, and return how it ended, or raise what it raised, or WorkerLost."""

    def look_after(self) -> None:
        """Notice, while it works, that it cannot end."""

    def stop(self) -> None:
        """End it, whatever it is doing; from another thread."""

    def close(self) -> None:
        """Let it go."""


class _Lane:
    """One worker, the thread that drives it, and what that is to do."""

    def __init__(self, worker: Worker, number: int, serve: Callable[[_Lane], None]) -> None:
        self.worker = worker
        self.tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self.invocation: clock.Invocation | None = None
        self.thread = threading.Thread(target=serve, args=(self,), name=f"sfn-sim lane {number}", daemon=True)


_Done = tuple[int, "Outcome | BaseException"]
_Task = tuple[Assigned, int, "queue.SimpleQueue[_Done]"]


class LaneExecutor:
    """Runs calls in workers.

    Args:
        calls: makes outcomes of calls.
        workers: where.
        held: what the workers need, closed after them.
    """

    def __init__(self, calls: Calls, workers: Sequence[Worker], held: contextlib.ExitStack) -> None:
        self._calls = calls
        self._held = held
        self._watchdog = Watchdog(calls.wall_limit_s)
        self._tick_s = min(_TICK_S, calls.wall_limit_s / 4)
        self._numbers: dict[str, int] = {}
        self._ended = False
        self._lanes = [_Lane(worker, number, self._serve) for number, worker in enumerate(workers)]
        for lane in self._lanes:
            lane.thread.start()

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Run every call to its end and return the outcomes in the order of the calls.

        Raises:
            HandlerWallLimitError: a handler ran too long.
            ConfigurationError: a handler that no other process can be told of.
        """
        done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        for each in self._calls.assign(calls):
            if each.function is not None:
                import_path(each.function)
            self._lane(each).tasks.put((each, now_ms, done))
        outcomes: list[Outcome | None] = [None] * len(calls)
        failures: dict[int, BaseException] = {}
        left, looked = len(calls), time.perf_counter()
        while left:
            if time.perf_counter() - looked > self._tick_s:
                self._look_after()
                looked = time.perf_counter()
            try:
                index, result = done.get(timeout=self._tick_s)
            except queue.Empty:
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

    def _lane(self, assigned: Assigned) -> _Lane:
        """Return the lane of a call's container."""
        number = self._numbers.setdefault(function_version(assigned.call.function), len(self._numbers))
        return self._lanes[(number + assigned.slot) % len(self._lanes)]

    def _look_after(self) -> None:
        if self._watchdog.fired is not None:
            raise self._watchdog.error(self._watchdog.fired)
        now = time.perf_counter_ns()
        for lane in self._lanes:
            invocation = lane.invocation
            if invocation is None:
                continue
            if now - invocation.real_start > self._calls.wall_limit_s * 1e9:
                raise self._watchdog.error(invocation)
            lane.worker.look_after()

    def _serve(self, lane: _Lane) -> None:
        while (task := lane.tasks.get()) is not None:
            assigned, now_ms, done = task
            try:
                done.put((assigned.index, self._carry_out(lane, assigned, now_ms)))
            except BaseException as error:
                done.put((assigned.index, error))

    def _carry_out(self, lane: _Lane, assigned: Assigned, now_ms: int) -> Outcome:
        function = assigned.function
        if self._ended:
            raise ConfigurationError("the run has ended")
        if function is None or function.settings.url is not None or self._calls.refusal(assigned) is not None:
            return self._calls.carry_out(assigned, now_ms, self._watchdog)
        lane.worker.prepare()
        invocation = lane.invocation = self._calls.invocation(assigned, function, now_ms)
        try:
            return lane.worker.carry_out(self._work(assigned, function, invocation))
        except WorkerLost as lost:
            return lost.outcome(invocation)
        finally:
            lane.invocation = None

    def _work(self, assigned: Assigned, function: Function, invocation: clock.Invocation) -> Work:
        return Work(
            key=function_version(assigned.call.function),
            name=function.name,
            plain=import_path(function),
            file=function.file,
            arn=function.arn,
            attribute=function.attribute,
            root=function.root,
            settings=function.settings,
            slot=assigned.slot,
            cold=self._calls.cold,
            payload=assigned.call.payload,
            start_ns=invocation.start_ns,
            request_id=invocation.request_id(),
        )

    def close(self) -> None:
        """End the workers, also those that still run a handler."""
        self._ended = True
        for lane in self._lanes:
            lane.tasks.put(None)
            if lane.invocation is not None:
                lane.worker.stop()
        self._watchdog.stop_all()
        for lane in self._lanes:
            lane.thread.join(timeout=_GRACE_S)
        closing = [threading.Thread(target=lane.worker.close, daemon=True) for lane in self._lanes]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        self._watchdog.close()
        self._held.close()


def import_path(function: Function) -> tuple[str, str] | None:
    """Return module and qualified name of a plain Python function; None for a handler's file.

    Raises:
        ConfigurationError: it has none, so that no other process can be told of it.
    """
    plain: Any = function.plain
    if plain is None:
        return None
    module, name = getattr(plain, "__module__", None), getattr(plain, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and module != "__main__":
        with contextlib.suppress(Exception):
            found: Any = importlib.import_module(module)
            for each in name.split("."):
                found = getattr(found, each)
            if found is plain:
                return module, name
    where = f"{module}.{name}" if name else repr(plain)
    raise ConfigurationError(
        f"the handler of the function {function.name} is {where}, which no other process can import: workers are given "
        "handlers by their import path, never the functions themselves, and a lambda, a closure, a mock or a function "
        "of the program that is run has none. Put it at the top of a module of its own, or run with --executor inline "
        "or threads"
    )
