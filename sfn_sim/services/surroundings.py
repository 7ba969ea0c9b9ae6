"""What stands round handlers while a run goes on: clock, output, environment, imports; all undone at its end."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

from sfn_sim import clock
from sfn_sim.services.containers import contained_imports
from sfn_sim.services.environment import layered_environment
from sfn_sim.services.invocation import end_process


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """Prepare this process for running handlers; runs may nest."""
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
        yield


class _Captured:
    """Stands for stdout or stderr: what a handler writes goes to its invocation, the rest to the stream itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
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


class _LambdaLog(logging.Handler):
    """Writes the log records of handlers as Lambda's runtime does.

    Source: AWS Lambda Developer Guide, Log and monitor Python Lambda functions: level, time, request id, message.
    """

    def emit(self, record: logging.LogRecord) -> None:
        invocation = clock.current()
        if invocation is None:
            return
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{invocation.request_id()}"
        invocation.printed.append(f"{head}\t{self.format(record)}\n")


@contextlib.contextmanager
def captured_output() -> Iterator[None]:
    """Keep what handlers print and log apart from what the program prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(Any, _Captured(before[0])), cast(Any, _Captured(before[1]))
    handler = _LambdaLog()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        sys.stdout, sys.stderr = before


