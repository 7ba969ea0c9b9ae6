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
from sfn_sim.run.effects import Answer, AwaitToken, AwsAnswer, CallAws, Gather, Invoke, Outcome, Sleep, StateRun
from sfn_sim.run.log import HistoryLimitReached


class Executor(Protocol):
    """Carries invocations out."""

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Run every call to its end and return the outcomes in the order of the calls."""

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service."""


class _Process:
    """A generator that runs, with its parent; `token` changes whenever what it waited for no longer counts.

    `waits_for` is the task token for which it waited last.
    """

    __slots__ = ("children", "gather", "index", "run", "token", "waits_for")

    def __init__(self, run: StateRun, gather: _Gathering | None, index: int) -> None:
        self.run = run
        self.gather = gather
        self.index = index
        self.token = 0
        self.children: _Gathering | None = None
        self.waits_for: str | None = None


class Parked:
    """A process that waits for an outside party; `taken` once an activity's worker has its task."""

    __slots__ = ("effect", "process", "taken", "token")

    def __init__(self, effect: AwaitToken, process: _Process) -> None:
        self.effect = effect
        self.process = process
        self.token = process.token
        self.taken = False


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
        outside: whether there are outside parties who may answer for task tokens. Then time does not move on to a
            token's timeout by itself: `run` returns, and an answer or a later `until_ms` moves it.
        paced: whether time, with outside parties, moves to nothing at all beyond `until_ms`.
    """

    def __init__(
        self,
        executor: Executor,
        on_time: Callable[[int], None],
        pace: Callable[[int], None] | None = None,
        *,
        outside: bool = False,
        paced: bool = False,
    ) -> None:
        self.now_ms = 0
        self.inbox: deque[Callable[[], object]] = deque()
        """What outside parties want done; taken in between two steps, also from other threads."""
        self._on_time = on_time
        self._executor = executor
        self._pace = pace
        self._heap: list[tuple[int, int, _Process, int, Any]] = []
        self._outside = outside
        self._paced = paced
        self._early: dict[str, Answer] = {}
        self._root: _Process | None = None
        self.parked: dict[str, Parked] = {}
        self._beats: dict[str, int] = {}
        self._sequence = 0
        self._ready: deque[tuple[_Process, int, Any]] = deque()
        self._calls: list[tuple[_Process, Invoke]] = []
        self._result: Any = None
        self._failure: BaseException | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the root has returned or failed."""
        return self._ended

    def start(self, root: StateRun) -> None:
        """Make `root` runnable."""
        self._root = _Process(root, None, 0)
        self._ready.append((self._root, 0, None))

    def run(self, deadline_ms: int | None = None, until_ms: int | None = None) -> Any:
        """Run until the root ends, and return what it returns; or until only an outside party can go on.

        Args:
            deadline_ms: the machine's own timeout.
            until_ms: with outside parties, how far time may move past the timeouts of tokens; it moves that far.

        Raises:
            StatesError: the root failed.
            DeadlineReached: `deadline_ms` came before the end.
            DeadlockError: nothing is left that could run, and nobody outside who could answer.
        """
        try:
            while not self._ended:
                if self.inbox:
                    self.inbox.popleft()()
                    continue
                self._drain()
                if self._ended:
                    break
                if self._calls:
                    self._carry_out()
                elif not self._advance(deadline_ms, until_ms):
                    if self._outside and (self.parked or self._heap):
                        self._pass_to(deadline_ms, until_ms)
                        return None
                    raise DeadlockError(self._deadlock())
        except BaseException:
            self.close()
            raise
        if self._failure is not None:
            raise self._failure
        return self._result

    def close(self) -> None:
        """Cut off everything that has not ended."""
        if self._root is not None and not self._ended:
            self._ended = True
            self._close(self._root)

    def next_ms(self) -> int | None:
        """Return the moment at which something is due next by itself; None if nothing is."""
        return self._heap[0][0] if self._heap else None

    def _deadlock(self) -> str:
        waiting = [
            f"{each.effect.caller} waits for {each.effect.activity or 'an answer to its task token'}"
            for each in self.parked.values()
        ]
        return f"nothing is left that could run, and the execution has not ended: {'; '.join(waiting)}"

    def answer(self, token: str, answer: Answer) -> bool:
        """Let the process that waits for a token go on; False when nobody waits for it yet: it is kept for who will."""
        parked = self.parked.pop(token, None)
        if parked is None or parked.process.token != parked.token:
            self._early[token] = answer
            return False
        self._ready.append((parked.process, parked.token, answer))
        return True

    def heartbeat(self, token: str) -> bool:
        """Begin a token's heartbeat anew; False when nobody waits for it any more."""
        parked = self.parked.get(token)
        if parked is None or parked.process.token != parked.token:
            return False
        if parked.effect.heartbeat_ms is not None:
            beat = _Beat(token, self._next_beat())
            self._beats[token] = beat.number
            self._push(parked.effect.heartbeat_ms, parked.process, beat)
        return True

    def _next_beat(self) -> int:
        self._sequence += 1
        return self._sequence

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

    def _advance(self, deadline_ms: int | None, until_ms: int | None) -> bool:
        """Move the clock to the next entry that still counts; False when there is none that may be moved to."""
        heap = self._heap
        while heap:
            at_ms, _, process, token, value = heap[0]
            if process.token != token or self._is_stale(value):
                heapq.heappop(heap)
                continue
            if self._outside and (self._paced or isinstance(value, _Beat)) and (until_ms is None or at_ms > until_ms):
                # Only an outside party, or somebody who moves the clock, decides what comes first.
                return False
            heapq.heappop(heap)
            if deadline_ms is not None and at_ms >= deadline_ms:
                self._move(deadline_ms)
                raise DeadlineReached
            self._move(at_ms)
            self._make_ready(process, token, value)
            # Whatever else is due at this instant becomes runnable with it, in order.
            while heap and heap[0][0] == at_ms:
                _, _, process, token, value = heapq.heappop(heap)
                if not self._is_stale(value):
                    self._make_ready(process, token, value)
            return True
        return False

    def _pass_to(self, deadline_ms: int | None, until_ms: int | None) -> None:
        """Let time pass in which nothing is due."""
        if until_ms is not None and until_ms > self.now_ms:
            self._move(until_ms if deadline_ms is None else min(deadline_ms, until_ms))
            if self.now_ms == deadline_ms:
                raise DeadlineReached

    def _is_stale(self, value: Any) -> bool:
        """Tell whether a heap entry is the deadline of a heartbeat that has been answered since."""
        return isinstance(value, _Beat) and value.number != 0 and self._beats.get(value.token) != value.number

    def _make_ready(self, process: _Process, token: int, value: Any) -> None:
        if isinstance(value, _Beat):
            self.parked.pop(value.token, None)
            value = Answer(timed_out=True)
        self._ready.append((process, token, value))

    def _park(self, process: _Process, effect: AwaitToken) -> None:
        if effect.token in self._early:
            self._ready.append((process, process.token, self._early.pop(effect.token)))
            return
        self.parked[effect.token] = Parked(effect, process)
        process.waits_for = effect.token
        if effect.timeout_ms is not None:
            self._push(effect.timeout_ms, process, _Beat(effect.token, 0))
        if effect.activity is None:
            self.heartbeat(effect.token)

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
        """Let a process go on with `value` (an error is raised in it) until its next effect or its end."""
        process.token += 1
        try:
            effect = process.run.throw(value) if isinstance(value, Exception) else process.run.send(value)
            while isinstance(effect, CallAws):
                effect = process.run.send(self._executor.call(effect, self.now_ms))
        except StopIteration as stop:
            self._finished(process, stop.value)
            return
        except (StatesError, HistoryLimitReached) as error:
            self._failed(process, error)
            return
        if isinstance(effect, Invoke):
            self._calls.append((process, effect))
        elif isinstance(effect, Sleep):
            self._push(effect.delay_ms, process, None)
        elif isinstance(effect, AwaitToken):
            self._park(process, effect)
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

    def _failed(self, process: _Process, error: StatesError | HistoryLimitReached) -> None:
        gathering = process.gather
        if gathering is None:
            self._failure, self._ended = error, True
            return
        process.token = -1
        tolerates = gathering.effect.tolerates
        if tolerates is not None and isinstance(error, StatesError) and tolerates(process.index, error):
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
        if process.waits_for is not None:
            self.parked.pop(process.waits_for, None)
        if process.children is not None:
            for child in list(process.children.running.values()):
                self._close(child)
            process.children = None
        process.run.close()


class _Beat:
    """A deadline of a token: of the whole task (number 0), or of one heartbeat."""

    __slots__ = ("number", "token")

    def __init__(self, token: str, number: int) -> None:
        self.token = token
        self.number = number


class DeadlineReached(Exception):
    """The machine's own TimeoutSeconds ran out."""
