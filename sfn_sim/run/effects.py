"""What a running state may ask of the scheduler. Effects are data: nothing happens until the scheduler acts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from sfn_sim.errors import StatesError


@dataclass(frozen=True, slots=True)
class Sleep:
    """Resume after `delay_ms` of virtual time."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call a function; resumes with its `Outcome`.

    Attributes:
        function: the function's name.
        payload: the event as JSON text in UTF-8.
        timeout_ms: the state's own timeout; None without one.
        identity: names the invocation; its request id is drawn from the seed and this.
    """

    function: str
    payload: bytes
    timeout_ms: int | None
    identity: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Run children side by side; resumes with their results in order, or raises the first failure.

    Attributes:
        count: how many children there are.
        start: makes child number `index`; `after` is the number of the child whose end made room for it.
        limit: how many may run at once; 0 for all.
        tolerates: asked for each failed child whether the others may go on; its result is then None.
    """

    count: int
    start: Callable[[int, int | None], StateRun]
    limit: int
    tolerates: Callable[[int, StatesError], bool] | None = None


Effect: TypeAlias = "Sleep | Invoke | Gather"
StateRun: TypeAlias = "Generator[Effect, Any, Any]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended.

    Attributes:
        result: the function's response as JSON text in UTF-8; None if it failed.
        error: the error's name, None if it succeeded; `cause` its text.
        took_ms: how long it lasted in virtual time.
        real_ns: how long it lasted on the clock on the wall.
        printed: what it wrote to stdout and stderr; `request_id` is set where there is any.
    """

    result: bytes | None
    error: str | None = None
    cause: str | None = None
    took_ms: int = 0
    real_ns: int = 0
    printed: str = ""
    request_id: str = ""
