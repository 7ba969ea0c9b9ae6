"""Carry invocations out on a Dask cluster.

Each thread of the cluster is a lane: a Dask worker holds one worker process of ours for it, and the lane's tasks are
tied to that Dask worker. So a container stays where it is for as long as its Dask worker lives; when that is lost, the
invocation that it had is a failed attempt (Dask never runs it a second time), and its containers begin again, cold, on
another Dask worker. Worker processes end with their Dask worker, and with the run.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import ipaddress
import itertools
import os
import secrets
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError, SfnSimError
from sfn_sim.run.effects import Outcome
from sfn_sim.services.executors import DASK, Calls
from sfn_sim.services.isolation import reaching
from sfn_sim.services.lanes import LaneExecutor, WorkerLost
from sfn_sim.services.processes import WorkerProcess, here
from sfn_sim.services.served_world import WorldServer
from sfn_sim.services.worker import Setup, Work

_CONNECT_S = 10.0
_WORKERS_S = 30.0
_TICK_S = 0.2
_CLOSE_S = 5.0
# What belongs to the machine that a Dask worker is on.
_OF_THE_MACHINE = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV")


def dask_executor(calls: Calls, name: str) -> LaneExecutor:
    """Return an executor on the cluster that `dask://HOST:PORT` names.

    Raises:
        ConfigurationError: Dask is not installed, or the cluster cannot be reached or used.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ConfigurationError(f"--executor {name} needs Dask: python -m pip install 'sfn-sim[dask]'")
    host, port = _scheduler(name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(reaching(host))
        server = WorldServer(_near(host, port))
        stack.callback(server.close)
        cluster = _Cluster(name, host, port, server)
        stack.callback(cluster.close)
        lanes = [_ClusterWorker(cluster, number) for number in range(cluster.threads())]
        return LaneExecutor(calls, lanes, stack.pop_all())


def _scheduler(name: str) -> tuple[str, int]:
    try:
        parts = urlsplit(name)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.path.strip("/"):
        raise ConfigurationError(f"--executor {name}: expected {DASK}HOST:PORT, such as {DASK}127.0.0.1:8786")
    return host, port


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _near(host: str, port: int) -> str:
    """Return the address of this machine at which the cluster can reach it.

    Raises:
        ConfigurationError: there is none, or the world has a part that only this machine can reach.
    """
    if _is_loopback(host):
        return "127.0.0.1"
    openai = urlsplit(os.environ.get("OPENAI_BASE_URL", "")).hostname
    if openai is not None and _is_loopback(openai):
        raise ConfigurationError(
            f"OPENAI_BASE_URL is on loopback ({openai}), which a Dask worker on {host} cannot reach: the world's "
            "stand-in for OpenAI is for this machine alone. Use a scheduler and workers on 127.0.0.1, or a fixture "
            "without [openai]"
        )
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Nothing is sent: it tells which of this machine's addresses leads there.
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise ConfigurationError(f"the Dask scheduler at {host}:{port} cannot be reached: {error}") from None


class _Cluster:
    """A Dask cluster, as far as lanes need it."""

    def __init__(self, name: str, host: str, port: int, server: WorldServer) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        unreachable = ConfigurationError(
            f"--executor {name}: no Dask scheduler answers at {place}. Start one with: dask scheduler --host "
            f"{host} --port {port}, and workers with: dask worker tcp://{place}"
        )
        try:
            # Dask itself would try again and again.
            socket.create_connection((host, port), timeout=_CONNECT_S).close()
        except OSError:
            raise unreachable from None
        from distributed import Client

        self._name = name
        self.run_id = secrets.token_hex(8)
        self._server = server
        self._turn = itertools.count()
        try:
            with _quiet():
                # By way of the scheduler: that host alone may be reached.
                self.client: Any = Client(
                    f"tcp://{place}", timeout=_CONNECT_S, set_as_default=False, direct_to_workers=False, name="sfn-sim"
                )
        except (OSError, TimeoutError, ValueError):
            raise unreachable from None

    def alive(self) -> dict[str, int]:
        """Return the threads of each Dask worker by its address.

        Raises:
            ConfigurationError: the scheduler has gone.
        """
        try:
            with clock.real_time():
                found: dict[str, int] = dict(self.client.nthreads())
        except Exception as error:
            raise ConfigurationError(f"--executor {self._name}: the Dask scheduler has gone ({error!r})") from None
        return found

    def threads(self) -> int:
        """Return how many threads the cluster has; waits for the first.

        Raises:
            ConfigurationError: no Dask worker comes.
        """
        until = time.monotonic() + _WORKERS_S
        while True:
            workers = self.alive()
            if workers:
                return sum(workers.values())
            if time.monotonic() > until:
                raise ConfigurationError(
                    f"--executor {self._name}: the cluster has had no worker for {_WORKERS_S:g} s; start one with: "
                    f"dask worker {self.client.scheduler.address}"
                )
            time.sleep(_TICK_S)

    def next_worker(self) -> str:
        """Return the address of a Dask worker, of each in turn."""
        self.threads()
        workers = sorted(self.alive().items())
        slots = [address for address, threads in workers for _ in range(threads)]
        if not slots:
            return self.next_worker()
        return slots[next(self._turn) % len(slots)]

    def setup(self) -> Setup:
        """Return what a worker process on the cluster is told."""
        environment = {name: value for name, value in os.environ.items() if name not in _OF_THE_MACHINE}
        return replace(here(self._server.address()), environment=environment, ends_with_world=True)

    def submit(self, address: str, function: Any, *arguments: object) -> Any:
        """Run a function on a Dask worker, there or nowhere; returns a future of concurrent.futures."""
        executor = self.client.get_executor(pure=False, workers=[address], allow_other_workers=False, retries=0)
        return executor.submit(function, *arguments)

    def wait(self, address: str, future: Any) -> Any:
        """Return what a function that was submitted returns.

        Raises:
            WorkerLost: its Dask worker has gone.
        """
        while True:
            try:
                return future.result(timeout=_TICK_S)
            except concurrent.futures.CancelledError:
                raise _lost(address) from None
            except TimeoutError:
                if future.done():
                    raise
                if address not in self.alive():
                    # Dask would run it again as soon as a worker has that address.
                    future.cancel()
                    raise _lost(address) from None
            except Exception as error:
                if type(error).__name__ in ("KilledWorker", "CommClosedError", "FutureCancelledError"):
                    raise _lost(address) from None
                raise

    def beside(self, address: str, function: Any, *arguments: object) -> None:
        """Run a function in a Dask worker, also while that has a task; nothing happens where it has gone."""
        with contextlib.suppress(Exception):
            self.client.run(function, *arguments, workers=[address])

    def close(self) -> None:
        """Leave the cluster."""
        with contextlib.suppress(Exception), _quiet():
            self.client.close(timeout=_CLOSE_S)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's warnings, such as of versions that differ in a patch, out of a run's output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Lost(WorkerLost):
    """A Dask worker has gone, and the invocation that it had with it."""

    def outcome(self, invocation: clock.Invocation) -> Outcome:
        """Return a failed attempt: Lambda's service has failed, not the function.

        Source: Lambda API reference, Invoke, ServiceException ("The AWS Lambda service encountered an internal
        error"); the form is that of Lambda's other errors in a cause.
        """
        cause = (
            "The AWS Lambda service encountered an internal error. (Service: AWSLambda; Status Code: 500; "
            f"Error Code: ServiceException; Request ID: {invocation.request_id()}; Proxy: null)"
        )
        real_ns = time.perf_counter_ns() - invocation.real_start
        printed = f"sfn-sim: {self.how}, and with it what its handler had written\n"
        return Outcome(None, "Lambda.ServiceException", cause, 0, real_ns, printed, invocation.request_id())


def _lost(address: str) -> _Lost:
    return _Lost(f"the Dask worker {address} was lost")


class _ClusterWorker:
    """One lane's worker process, held by a Dask worker."""

    def __init__(self, cluster: _Cluster, number: int) -> None:
        self._cluster = cluster
        self._number = number
        self._key = ""
        self._address: str | None = None

    def prepare(self) -> None:
        """See to it that a Dask worker holds a process for this lane.

        Raises:
            ConfigurationError: none does.
        """
        if self._address is not None and self._address in self._cluster.alive():
            return
        while True:
            address = self._cluster.next_worker()
            self._key = f"{self._cluster.run_id} {self._number} {address}"
            try:
                future = self._cluster.submit(address, open_worker, self._key, self._cluster.setup())
                self._cluster.wait(address, future)
            except WorkerLost:
                continue
            except SfnSimError:
                raise
            except Exception as error:
                raise ConfigurationError(
                    f"the Dask worker {address} cannot run handlers: {type(error).__name__}: {error}. It needs the "
                    "same Python and the same sfn-sim: python -m pip install 'sfn-sim[dask]'"
                ) from None
            self._address = address
            return

    def carry_out(self, work: Work) -> Outcome:
        """Run one invocation on the cluster, and return how it ended.

        Raises:
            WorkerLost: its process, or its Dask worker, ended before it did.
            SfnSimError: what the invocation raised.
        """
        address = self._address
        assert address is not None
        try:
            found = self._cluster.wait(address, self._cluster.submit(address, carry_out, self._key, work))
        except _Lost:
            self._address = None
            raise
        if found is None:
            # A Dask worker that has come back at the same address knows nothing of this lane.
            self._address = None
            raise _lost(address)
        if isinstance(found, str):
            raise WorkerLost(found)
        if isinstance(found, BaseException):
            raise found
        outcome: Outcome = found
        return outcome

    def look_after(self) -> None:
        """Do nothing: waiting for the cluster notices what is lost."""

    def stop(self) -> None:
        """Kill the process."""
        if self._address is not None:
            self._cluster.beside(self._address, stop_worker, self._key)

    def close(self) -> None:
        """Let the process end."""
        if self._address is not None:
            self._cluster.beside(self._address, close_worker, self._key)
            self._address = None


# In Dask workers

_held: dict[str, WorkerProcess] = {}


def open_worker(key: str, setup: Setup) -> None:
    """Start a worker process in a Dask worker."""
    environment = {**{name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}, **setup.environment}
    path = (*sys.path, *(each for each in setup.path if each not in sys.path))
    worker = WorkerProcess(lambda: replace(setup, environment=environment, path=path))
    worker.prepare()
    _held[key] = worker


def carry_out(key: str, work: Work) -> object:
    """Run an invocation in a Dask worker's process.

    Returns: its outcome, or what it raised, or how its process ended; None where there is no such process.
    """
    worker = _held.get(key)
    if worker is None:
        return None
    try:
        worker.prepare()
        return worker.carry_out(work)
    except WorkerLost as lost:
        return lost.how
    except BaseException as error:
        return error


def stop_worker(key: str) -> None:
    """Kill a Dask worker's process."""
    worker = _held.get(key)
    if worker is not None:
        worker.stop()


def close_worker(key: str) -> None:
    """Let a Dask worker's process end, in its own time: the Dask worker has other things to do."""
    worker = _held.pop(key, None)
    if worker is not None:
        threading.Thread(target=worker.close, name="sfn-sim end of a worker", daemon=True).start()
