"""An execution under way, which outside parties may move on from any thread.

Whoever finds it idle moves it; what others want meanwhile stands in the scheduler's inbox and is taken in by the one
who moves it. So a handler may send a token of its own execution, or stop it, without a deadlock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sfn_sim.errors import RUNTIME, Detail, SfnSimError, StatesError
from sfn_sim.run.effects import Answer
from sfn_sim.run.execution import Driver, Execution
from sfn_sim.run.scheduler import Parked


class Run:
    """One execution and its driver.

    Args:
        driver: runs it; None when it has ended before it began.
        execution: the execution.
        close: lets go of its executor.
        changed: called after each move; `finished` once, when it has ended.

    Attributes:
        answered: the task tokens for which an answer is on its way.
    """

    def __init__(
        self,
        driver: Driver | None,
        execution: Execution,
        close: Callable[[], None] = lambda: None,
        changed: Callable[[], None] = lambda: None,
        finished: Callable[[], None] = lambda: None,
    ) -> None:
        self.execution = execution
        self.answered: set[str] = set()
        self._driver = driver
        self._close = close
        self._changed = changed
        self._finished = finished
        self._state = threading.Condition()
        self._moving = False
        self._thread: threading.Thread | None = None
        self._closed = False

    def move(self, until_ms: int | None = None) -> None:
        """Run until the execution ends or only an outside party can move it; if somebody does already, return."""
        driver = self._driver
        if driver is None:
            self._finished()
            return
        with self._state:
            if self._moving or self._thread is not None or self.execution.status != "RUNNING":
                self._state.notify_all()
                return
            self._moving = True
        try:
            while True:
                ended = self._go_on(driver, until_ms)
                with self._state:
                    if ended or not driver.scheduler.inbox:
                        self._moving = False
                        break
        finally:
            self._moving = False
            self._changed()
        if self.execution.status != "RUNNING":
            self._close()
            self._finished()

    def _go_on(self, driver: Driver, until_ms: int | None) -> bool:
        try:
            return driver.go_on(until_ms)
        except SfnSimError as error:
            # Through the API nobody would be told otherwise, and the execution would never end.
            driver.fail(StatesError(RUNTIME, f"sfn-sim: {error}", detail=Detail("unsupported", message=str(error))))
            return True
        except BaseException as error:
            driver.fail(StatesError(RUNTIME, f"sfn-sim: {error!r}", detail=Detail("crash", message=repr(error))))
            raise

    def start_thread(self) -> None:
        """Run in real time, in a thread of its own."""
        self._thread = threading.Thread(target=self._keep_pace, name="sfn-sim execution", daemon=True)
        self._thread.start()

    def _keep_pace(self) -> None:
        driver = self._driver
        assert driver is not None
        start = time.perf_counter()
        deadline_s = driver.execution.machine.definition.timeout_seconds
        while not self._closed:
            elapsed_ms = int((time.perf_counter() - start) * 1000)
            if self._go_on(driver, elapsed_ms):
                break
            self._changed()
            due = [ms for ms in (driver.scheduler.next_ms(), deadline_s and deadline_s * 1000) if ms is not None]
            with self._state:
                if not driver.scheduler.inbox and not self._closed:
                    left_ms = min(due) - (time.perf_counter() - start) * 1000 if due else None
                    self._state.wait(None if left_ms is None else max(0.0, left_ms / 1000) + 0.001)
        self._changed()
        self._close()
        if self.execution.status != "RUNNING":
            self._finished()

    def post(self, act: Callable[[], object]) -> None:
        """Have `act` done between two steps of the execution, and move it on."""
        if self._driver is not None:
            self._driver.scheduler.inbox.append(act)
            with self._state:
                self._state.notify_all()
            self.move()

    def answer(self, token: str, answer: Answer) -> None:
        """Hand in what an outside party says of a task."""
        driver = self._driver
        if driver is not None:
            self.answered.add(token)
            self.post(lambda: driver.scheduler.answer(token, answer))

    def heartbeat(self, token: str) -> None:
        """Begin a task's heartbeat anew."""
        driver = self._driver
        if driver is not None:
            self.post(lambda: driver.scheduler.heartbeat(token))

    def stop(self, error: str | None, cause: str | None) -> None:
        """End the execution from outside."""
        driver = self._driver
        if driver is not None:
            self.post(lambda: driver.stop(error, cause))

    def advance(self, ms: int) -> None:
        """Let virtual time pass."""
        self.move(self.execution.log.now_ms + ms)

    def take(self, activity: str, worker: str | None) -> tuple[str, str] | None:
        """Give a worker the oldest task of an activity: its token and input; None if there is none."""
        driver = self._driver
        if driver is None:
            return None
        with self._state:
            if self._moving or self.execution.status != "RUNNING":
                return None
            found = next((each for each in list(driver.scheduler.parked.values()) if _is_free(each, activity)), None)
            if found is None:
                return None
            found.taken = True
        effect = found.effect

        def begin() -> None:
            if effect.started is not None:
                effect.started(worker)
            driver.scheduler.heartbeat(effect.token)

        self.post(begin)
        return effect.token, effect.input.decode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Let go of what the run holds; an execution that has not ended stays as it is."""
        self._closed = True
        with self._state:
            self._state.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=1.0)
        self._close()


def _is_free(parked: Parked, activity: str) -> bool:
    return parked.effect.activity == activity and not parked.taken and parked.process.token == parked.token
