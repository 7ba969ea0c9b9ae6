"""An `os.environ` for each container.

On Lambda every container is a process with variables of its own. Here all share one process, so that `os.environ`
answers a thread that works for a container from that container's variables first; what a handler sets stays in its
container. Programs that it starts, and C libraries, see the process's own variables.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, MutableMapping
from typing import Any

from sfn_sim import clock

_REMOVED = object()
_Plain: Any = type(os.environ)


class _Layered(_Plain):  # type: ignore[misc]  # os._Environ has no public name
    """os.environ's class while runs go on: the same object, with the container's variables on top."""

    def __getitem__(self, key: str) -> str:
        layer = _layer()
        if layer is not None and key in layer:
            value = layer[key]
            if value is _REMOVED:
                raise KeyError(key)
            return str(value)
        found: str = _Plain.__getitem__(self, key)
        return found

    def __setitem__(self, key: str, value: str) -> None:
        layer = _layer()
        if layer is None:
            _Plain.__setitem__(self, key, value)
            return
        for each in (key, value):
            if not isinstance(each, str):
                raise TypeError(f"str expected, not {type(each).__name__}")
        layer[key] = value

    def __delitem__(self, key: str) -> None:
        layer = _layer()
        if layer is None:
            _Plain.__delitem__(self, key)
            return
        if key not in self:
            raise KeyError(key)
        layer[key] = _REMOVED

    def __iter__(self) -> Iterator[str]:
        layer = _layer() or {}
        for key in list(_Plain.__iter__(self)):
            if key not in layer:
                yield key
        for key, value in list(layer.items()):
            if value is not _REMOVED:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except (KeyError, TypeError):
            return False
        return True

    def __repr__(self) -> str:
        return f"environ({dict(self)!r})"

    def copy(self) -> dict[str, str]:
        return dict(self)


def _layer() -> MutableMapping[str, Any] | None:
    invocation = clock.current()
    return invocation.environment if invocation is not None else None


_READERS = (_Plain.__getitem__.__code__, _Layered.__getitem__.__code__, _Layered.__delitem__.__code__)


def missing_variable(error: BaseException) -> str:
    """Return the name of the variable that a KeyError of os.environ is about; empty for every other error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if isinstance(error, KeyError) and trace is not None and trace.tb_frame.f_code in _READERS:
        return str(error.args[0])
    return ""


@contextlib.contextmanager
def layered_environment() -> Iterator[None]:
    """Let `os.environ` have a layer for each container, for the length of a run; runs may nest."""
    environ: Any = os.environ
    before = type(environ)
    environ.__class__ = _Layered
    try:
        yield
    finally:
        environ.__class__ = before
