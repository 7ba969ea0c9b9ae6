"""One heap of (time, sequence) that runs generators in virtual time.

Rule of this module: at one virtual instant everything runnable is drained first; then all new invocations go to the
executor together, are waited for, and are committed oldest first. So the log does not depend on how many workers
there are, nor on which of them is quicker.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sfn_sim.errors import DeadlockError, StatesError
from sfn_sim.run.effects import Gather, Invoke, Outcome, Sleep, StateRun


class Executor(Protocol):
    """Carries invocations out."""

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Run every call to its end and return the outcomes in the order of the calls."""


class _Process:
    """A generator that runs, with its parent; `token` changes whenever what it waited for no longer counts."""

    __slots__ = ("children", "gather", "index", "run", "token")

    def __init__(self, run: StateRun, gather: _Gathering | None, index: int) -> None:
        self.run = run
        self.gather = gather
        self.index = index
        self.token = 0
        self.children: _Gathering | None = None


class _Gathering:
    """The children of one Gather effect."""

    __slots__ = ("effect", "finished", "parent", "results", "running", "started")

    def __init__(self, effect: Gather, parent: _Process) -> None:
        self.effect = effect
        self.parent = parent
        self.results: list[Any] = [None] * effect.count
        self.running: dict[int, _Process] = {}
        self.started = 0
        self.finished = 0


class Scheduler:
    """Runs one root generator, and all that it gathers, to the end.

    Args:
        executor: carries invocations out.
        on_time: told of each new virtual time, in ms.
        pace: told of each move of the clock before it happens, with the new time in ms; virtual time needs none.
    """

    def __init__(
        self, executor: Executor, on_time: Callable[[int], None], pace: Callable[[int], None] | None = None
    ) -> None:
        self.now_ms = 0
        self._on_time = on_time
        self._executor = executor
        self._pace = pace
        self._heap: list[tuple[int, int, _Process, int, Any]] = []
        self._sequence = 0
        self._ready: deque[tuple[_Process, int, Any]] = deque()
        self._calls: list[tuple[_Process, Invoke]] = []
        self._result: Any = None
        self._failure: BaseException | None = None
        self._ended = False

    def run(self, root: StateRun, deadline_ms: int | None = None) -> Any:
        """Run `root` and return what it returns.

        Raises:
            StatesError: the root failed.
            DeadlineReached: `deadline_ms` came before the end.
            DeadlockError: nothing is left that could run.
        """
        process = _Process(root, None, 0)
        self._ready.append((process, 0, None))
        try:
            while not self._ended:
                self._drain()
                if self._ended:
                    break
                if self._calls:
                    self._carry_out()
                elif not self._advance(deadline_ms):
                    raise DeadlockError("nothing is left that could run, and the execution has not ended")
        except BaseException:
            self._close(process)
            raise
        if self._failure is not None:
            raise self._failure
        return self._result

    def _drain(self) -> None:
        ready = self._ready
        while ready and not self._ended:
            process, token, value = ready.popleft()
            if process.token == token:
                self._resume(process, value)

    def _carry_out(self) -> None:
        calls, self._calls = self._calls, []
        calls = [(process, call) for process, call in calls if process.token >= 0]
        outcomes = self._executor.run([call for _, call in calls], self.now_ms)
        for (process, call), outcome in zip(calls, outcomes, strict=True):
            took = outcome.took_ms
            if call.timeout_ms is not None and took > call.timeout_ms:
                took = call.timeout_ms
            if took:
                self._push(took, process, outcome)
            else:
                self._ready.append((process, process.token, outcome))

    def _advance(self, deadline_ms: int | None) -> bool:
        """Move the clock to the next entry that still counts; False when there is none."""
        heap = self._heap
        while heap:
            at_ms, _, process, token, value = heapq.heappop(heap)
            if process.token != token:
                continue
            if deadline_ms is not None and at_ms >= deadline_ms:
                self._move(deadline_ms)
                raise DeadlineReached
            self._move(at_ms)
            self._ready.append((process, token, value))
            # Whatever else is due at this instant becomes runnable with it, in order.
            while heap and heap[0][0] == at_ms:
                _, _, process, token, value = heapq.heappop(heap)
                self._ready.append((process, token, value))
            return True
        return False

    def _move(self, to_ms: int) -> None:
        if to_ms != self.now_ms:
            if self._pace is not None:
                self._pace(to_ms)
            self.now_ms = to_ms
            self._on_time(to_ms)

    def _push(self, delay_ms: int, process: _Process, value: Any) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._sequence, process, process.token, value))

    def _resume(self, process: _Process, value: Any) -> None:
        """Let a process go on with `value` (a StatesError is raised in it) until its next effect or its end."""
        process.token += 1
        try:
            effect = process.run.throw(value) if isinstance(value, StatesError) else process.run.send(value)
        except StopIteration as stop:
            self._finished(process, stop.value)
            return
        except StatesError as error:
            self._failed(process, error)
            return
        if isinstance(effect, Invoke):
            self._calls.append((process, effect))
        elif isinstance(effect, Sleep):
            self._push(effect.delay_ms, process, None)
        else:
            self._gather(process, effect)

    def _gather(self, parent: _Process, effect: Gather) -> None:
        gathering = _Gathering(effect, parent)
        parent.children = gathering
        if effect.count == 0:
            self._ready.append((parent, parent.token, gathering.results))
            return
        for _ in range(effect.count if effect.limit == 0 else min(effect.limit, effect.count)):
            self._start_child(gathering, None)

    def _start_child(self, gathering: _Gathering, after: int | None) -> None:
        index = gathering.started
        gathering.started += 1
        child = _Process(gathering.effect.start(index, after), gathering, index)
        gathering.running[index] = child
        self._ready.append((child, 0, None))

    def _finished(self, process: _Process, result: Any) -> None:
        gathering = process.gather
        if gathering is None:
            self._result, self._ended = result, True
            return
        process.token = -1
        gathering.results[process.index] = result
        self._child_ended(gathering, process.index)

    def _child_ended(self, gathering: _Gathering, index: int) -> None:
        del gathering.running[index]
        gathering.finished += 1
        effect = gathering.effect
        if gathering.started < effect.count:
            self._start_child(gathering, index)
        elif gathering.finished == effect.count:
            parent = gathering.parent
            parent.children = None
            self._ready.append((parent, parent.token, gathering.results))

    def _failed(self, process: _Process, error: StatesError) -> None:
        gathering = process.gather
        if gathering is None:
            self._failure, self._ended = error, True
            return
        process.token = -1
        tolerates = gathering.effect.tolerates
        if tolerates is not None and tolerates(process.index, error):
            self._child_ended(gathering, process.index)
            return
        del gathering.running[process.index]
        for sibling in list(gathering.running.values()):
            self._close(sibling)
        parent = gathering.parent
        parent.children = None
        self._ready.append((parent, parent.token, error))

    def _close(self, process: _Process) -> None:
        """Cancel a process and all below it: nothing that it waits for moves the clock any more."""
        process.token = -1
        if process.children is not None:
            for child in list(process.children.running.values()):
                self._close(child)
            process.children = None
        process.run.close()


class DeadlineReached(Exception):
    """The machine's own TimeoutSeconds ran out."""
