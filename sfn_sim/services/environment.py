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
        if not isinstance(value, str):
            raise TypeError(f"str expected, not {type(value).__name__}")
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

    def copy(self) -> dict[str, str]:
        return dict(self)


def _layer() -> MutableMapping[str, Any] | None:
    invocation = clock.current()
    return invocation.environment if invocation is not None else None


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
