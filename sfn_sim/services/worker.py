"""A process that runs handlers for another one: `main` is its program.

It reads what to do from its standard input and answers on its standard output, as messages of pickled data; handlers
are named, never sent. What stands round handlers is what stands round them in process. It ends with its input, so
that none outlives the process that started it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sfn_sim import clock
from sfn_sim.config import FunctionSettings
from sfn_sim.errors import ConfigurationError, HandlerImportError
from sfn_sim.run.effects import Outcome
from sfn_sim.services.frames import StreamEnded, read_frame, write_frames
from sfn_sim.services.invocation import invoke
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import Function, Handler
from sfn_sim.services.served_world import Address, WorldClient, world_of
from sfn_sim.services.surroundings import surroundings

_GRACE_S = 2.0
READY = b"ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a worker is told at its start.

    Attributes:
        environment: the variables that handlers see.
        hosts: what they may reach beside loopback.
        path: the folders that modules come from; `folder` the working folder.
        world: where the world is served.
        ends_with_world: whether it ends when the world's server does: its own parent is not who uses it.
    """

    environment: Mapping[str, str]
    hosts: tuple[str, ...]
    path: tuple[str, ...]
    folder: str
    world: Address
    ends_with_world: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One invocation, as data.

    Attributes:
        key: what tells the function from others of the run.
        name: its name; `arn` as it is invoked.
        plain: module and qualified name of a Python function without containers; None for a handler's file.
        file: the handler's file; `attribute` its name there, `root` the folder that would be /var/task.
        settings: what the configuration says of the function.
        slot: the container that takes it; `cold` whether that one is to be a fresh one.
        payload: the event as JSON text in UTF-8.
        start_ns: the virtual moment at which it starts, in ns since 1970.
        request_id: the request's id.
    """

    key: str
    name: str
    arn: str
    plain: tuple[str, str] | None
    file: Path | None
    attribute: str
    root: Path | None
    settings: FunctionSettings
    slot: int
    cold: bool
    payload: bytes
    start_ns: int
    request_id: str


def main() -> None:
    """Run what the standard input says until it ends."""
    requests, replies = _channels()
    try:
        setup: Setup = pickle.loads(read_frame(requests))
    except StreamEnded:
        return
    work: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    busy = threading.Event()
    client = WorldClient(setup.world)
    try:
        streams = [requests, client.connect()] if setup.ends_with_world else [requests]
    except (OSError, StreamEnded) as error:
        place = f"{setup.world.host}:{setup.world.port}"
        problem = ConfigurationError(f"the world of the run is served at {place}, which cannot be reached: {error!r}")
        write_frames(replies, pickle.dumps(problem))
        return
    for stream in streams:
        threading.Thread(target=_read, args=(stream, work, busy), daemon=True).start()
    with contextlib.ExitStack() as stack:
        sys.path[:] = setup.path
        with contextlib.suppress(OSError):
            os.chdir(setup.folder)
        stack.enter_context(isolated(setup.environment, setup.hosts))
        stack.enter_context(surroundings())
        if setup.world.asks:
            stack.enter_context(world_of(client))
        with contextlib.suppress(StreamEnded):
            write_frames(replies, READY)
            _serve(work, busy, replies)


def _channels() -> tuple[Any, Any]:
    """Keep standard input and output for messages; what programs below Python write there goes to stderr."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, replies


def _read(stream: Any, work: queue.SimpleQueue[bytes | None], busy: threading.Event) -> None:
    """Hand on what comes in; at its end this process ends, whatever it is doing."""
    with contextlib.suppress(StreamEnded):
        while True:
            work.put(read_frame(stream))
    work.put(None)
    if not busy.is_set():
        # Time for what libraries do when a process ends.
        threading.Event().wait(_GRACE_S)
    os._exit(1)


def _serve(work: queue.SimpleQueue[bytes | None], busy: threading.Event, replies: Any) -> None:
    functions = _Functions()
    while (message := work.get()) is not None:
        busy.set()
        result: object
        try:
            result = functions.carry_out(pickle.loads(message))
        except BaseException as error:
            result = error
        write_frames(replies, _packed(result))
        busy.clear()


def _packed(result: object) -> bytes:
    if not isinstance(result, BaseException):
        return pickle.dumps(result)
    with contextlib.suppress(Exception):
        packed = pickle.dumps(result)
        pickle.loads(packed)
        return packed
    return pickle.dumps(RuntimeError(f"{type(result).__name__}: {result}"))


@dataclass(slots=True)
class _Functions:
    """The functions that this process has run, with their warm containers."""

    _known: dict[str, Function] = field(default_factory=dict)

    def carry_out(self, work: Work) -> Outcome:
        """Run one invocation to its end.

        Raises:
            HandlerImportError: the handler's module fails when it is imported.
        """
        function = self._known.get(work.key)
        if function is None:
            plain = _imported(*work.plain) if work.plain else None
            function = Function(work.name, plain, work.file, work.attribute, work.root, work.settings, work.arn)
            self._known[work.key] = function
        if work.cold:
            function.discard(work.slot)
        invocation = clock.Invocation(work.name, work.start_ns)
        invocation.request_id = lambda: work.request_id
        return invoke(function, work.slot, work.payload, invocation)


def _imported(module: str, name: str) -> Handler:
    """Return a function by its import path.

    Raises:
        HandlerImportError: there is none here.
    """
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for each in name.split("."):
            found = getattr(found, each)
    except Exception as error:
        raise HandlerImportError(f"{module}:{name} cannot be imported by a worker process: {error!r}") from None
    finally:
        sys.path.remove(os.getcwd())
    handler: Handler = found
    return handler
