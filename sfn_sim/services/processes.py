"""Worker processes on this machine, as the program that uses them sees them."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sfn_sim
from sfn_sim.errors import ConfigurationError
from sfn_sim.run.effects import Outcome
from sfn_sim.services.executors import Calls
from sfn_sim.services.frames import StreamEnded, read_frame, write_frames
from sfn_sim.services.isolation import allowed_hosts
from sfn_sim.services.lanes import LaneExecutor, WorkerLost
from sfn_sim.services.served_world import Address, WorldServer
from sfn_sim.services.worker import READY, Setup, Work

_GRACE_S = 2.0
_START_S = 60.0
_PROGRAM = "import sys; sys.path.insert(0, {!r}); from sfn_sim.services.worker import main; main()"


class WorkerProcess:
    """A worker process: a fresh interpreter, never a fork of this one; started when it is first needed.

    Args:
        setup: makes what it is told at its start.
    """

    def __init__(self, setup: Callable[[], Setup]) -> None:
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """See to it that the process is there; a new one has cold containers.

        Raises:
            ConfigurationError: it does not start.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self._let_go()
        setup = self._setup()
        with self._lock:
            process = self._process = _start(setup.environment)
        late = threading.Timer(_START_S, process.kill)
        late.daemon = True
        late.start()
        try:
            write_frames(_end(process.stdin), pickle.dumps(setup))
            said = read_frame(_end(process.stdout))
        except StreamEnded:
            how = _how(process.wait())
            raise ConfigurationError(
                f"a worker process did not start: {sys.executable} ended with {how}; run with --executor threads, or "
                "see above for what it wrote"
            ) from None
        finally:
            late.cancel()
        if said != READY:
            raise pickle.loads(said)

    def carry_out(self, work: Work) -> Outcome:
        """Run one invocation in the process, and return how it ended.

        Raises:
            WorkerLost: the process ended before the invocation did.
            SfnSimError: what the invocation raised.
        """
        process = self._process
        assert process is not None
        try:
            write_frames(_end(process.stdin), pickle.dumps(work))
            result = pickle.loads(read_frame(_end(process.stdout)))
        except StreamEnded:
            raise WorkerLost(_how(process.wait())) from None
        if isinstance(result, BaseException):
            raise result
        outcome: Outcome = result
        return outcome

    def look_after(self) -> None:
        """End what a process that has ended left behind, such as a child that keeps its output open."""
        process = self._process
        if process is not None and process.poll() is not None:
            _kill_group(process.pid)

    def stop(self) -> None:
        """Kill the process and what it has started, whatever they are doing."""
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None:
            _kill_group(process.pid)

    def close(self) -> None:
        """Let the process end."""
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            _end(process.stdin).close()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            _kill_group(process.pid)
            process.wait()
        _end(process.stdout).close()


def process_executor(calls: Calls, workers: int) -> LaneExecutor:
    """Return an executor with worker processes on this machine."""
    held = contextlib.ExitStack()
    server = WorldServer()
    held.callback(server.close)
    return LaneExecutor(calls, [WorkerProcess(lambda: here(server.address())) for _ in range(workers)], held)


def here(world: Address) -> Setup:
    """Return what a worker on this machine is told: all that handlers would find in this process."""
    return Setup(
        environment=dict(os.environ),
        hosts=(*allowed_hosts(), world.host),
        path=tuple(sys.path),
        folder=os.getcwd(),
        world=world,
    )


def _start(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    package = Path(sfn_sim.__file__).resolve().parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(str(package))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        # Ctrl-C is for this process; it ends its workers itself.
        start_new_session=True,
    )


def _end(stream: Any) -> Any:
    assert stream is not None
    return stream


def _kill_group(pid: int) -> None:
    """Kill a process that leads a group, and the group."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)


def _how(code: int) -> str:
    """Return how a process ended, in Lambda's words."""
    if code >= 0:
        return f"exit status {code}"
    name = {9: "killed", 6: "aborted", 11: "segmentation fault", 15: "terminated"}.get(-code, str(-code))
    return f"signal: {name}"
