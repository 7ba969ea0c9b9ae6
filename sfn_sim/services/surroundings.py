"""What stands round handlers while a run goes on: clock, output, environment, imports; all undone at its end."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

from sfn_sim import clock
from sfn_sim.services.containers import contained_imports
from sfn_sim.services.environment import layered_environment
from sfn_sim.services.invocation import end_process

_lock = threading.Lock()
_running = 0
_undo = contextlib.ExitStack()


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Prepare this process for running handlers.

    Runs may nest and overlap: the first to begin prepares it, the last to end leaves it as it was.
    """
    global _running
    with _lock:
        if _running == 0:
            _set_up()
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0:
                _undo.close()


def _set_up() -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(clock.virtual_clock())
        stack.enter_context(captured_output())
        stack.enter_context(layered_environment())
        stack.enter_context(contained_imports())
        for name in ("_exit", "abort", "kill"):
            real = getattr(os, name, None)
            if real is not None:
                setattr(os, name, end_process(name, real))
                stack.callback(setattr, os, name, real)
        _undo.push(stack.pop_all())


class _Captured:
    """Stands for stdout or stderr: what a handler writes goes to its invocation, the rest to the stream itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def buffer(self) -> Any:
        """What stands for the stream of bytes below."""
        return _CapturedBytes(self) if clock.current() is not None else self._stream.buffer

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        invocation = clock.current()
        if invocation is None:
            return int(self._stream.write(text) or 0)
        invocation.printed.append(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if clock.current() is None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _CapturedBytes:
    def __init__(self, text: _Captured) -> None:
        self._text = text

    def write(self, data: bytes) -> int:
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is nothing between it and the invocation."""


class _LambdaLog(logging.Handler):
    """Writes the log records of handlers as Lambda's runtime does; handlers may give it a formatter of their own.

    Source: the runtime interface client's logging: level, time, request id, message; aws_request_id on each record.
    """

    def __init__(self) -> None:
        super().__init__()
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
        )
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        invocation = clock.current()
        if invocation is None:
            return
        record.aws_request_id = invocation.request_id()
        text = self.format(record)
        invocation.printed.append(text if text.endswith("\n") else f"{text}\n")


@contextlib.contextmanager
def captured_output() -> Iterator[None]:
    """Keep what handlers print and log apart from what the program prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(Any, _Captured(before[0])), cast(Any, _Captured(before[1]))
    handler = _LambdaLog()
    root = logging.getLogger()
    level = root.level
    # Handlers that want to change the format look for it in the first place.
    root.handlers.insert(0, handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        sys.stdout, sys.stderr = before


