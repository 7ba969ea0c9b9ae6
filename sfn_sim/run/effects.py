"""What a running state may ask of the scheduler. Effects are data: nothing happens until the scheduler acts.

Those that each invocation makes are named tuples: as frozen dataclasses they cost twice as much to make.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from sfn_sim.definition.model import ABSENT, Absent
from sfn_sim.errors import StatesError
from sfn_sim.payload import Json


@dataclass(frozen=True, slots=True)
class Sleep:
    """Resume after `delay_ms` of virtual time."""

    delay_ms: int


class Invoke(NamedTuple):
    """Call a function; resumes with its `Outcome`.

    Attributes:
        function: the function's name; the Resource of a task that calls none.
        payload: the event as JSON text in UTF-8.
        timeout_ms: the state's own timeout; None without one.
        identity: names the invocation; its request id is drawn from the seed and this.
    """

    function: str
    payload: bytes
    timeout_ms: int | None
    identity: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class AwaitToken:
    """Wait until an outside party answers for a task token; resumes with its `Answer`.

    Attributes:
        token: the task's token.
        caller: the path of the state that waits.
        timeout_ms: how long it waits in all; `heartbeat_ms` from one heartbeat to the next; None for ever.
        activity: the ARN of the activity whose worker is to answer; None for a token that somebody else has.
        input: what the activity's worker is given, as JSON text in UTF-8.
        started: told when a worker takes the activity's task, with the worker's name.
        identity: names the wait, as an Invoke's does: execution, place, visit, attempt.
    """

    token: str
    caller: str
    timeout_ms: int | None
    heartbeat_ms: int | None = None
    activity: str | None = None
    input: bytes = b""
    started: Callable[[str | None], None] | None = None
    identity: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an outside party said of a task.

    Attributes:
        output: the task's result as JSON text in UTF-8; None when it failed.
        error: the error's name; `cause` its text; each may be None.
        timed_out: nobody said anything in time.
    """

    output: bytes | None = None
    error: str | None = None
    cause: str | None = None
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class CallAws:
    """Call an operation of an AWS service, in no virtual time; resumes with its `AwsAnswer`.

    Attributes:
        service: the service as the SDK for Python names it, such as "s3".
        operation: the operation as AWS names it, such as "GetObject".
        parameters: its parameters as AWS names them.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AwsAnswer:
    """What an operation of an AWS service answered.

    Attributes:
        output: the members of its answer; a streamed one has `read(size)`; empty when it failed.
        error: the error's code, None if it succeeded; `message` the service's words.
        status: the HTTP status.
        request_id: the request's id, as the service gives it.
    """

    output: Mapping[str, Any]
    error: str | None = None
    message: str = ""
    status: int = 200
    request_id: str = ""


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


Effect: TypeAlias = "Sleep | Invoke | AwaitToken | CallAws | Gather"
StateRun: TypeAlias = "Generator[Effect, Any, Any]"


class Outcome(NamedTuple):
    """How an invocation ended.

    Attributes:
        result: the function's response as JSON text in UTF-8; None if it failed.
        error: the error's name, None if it succeeded; `cause` its text.
        took_ms: how long it lasted in virtual time.
        real_ns: how long it lasted on the clock on the wall.
        printed: what it wrote to stdout and stderr; `request_id` is set where there is any.
        whole: whether `result` is the whole result of the task, and not what a function answered.
        value: what `result` says, where it is the text that `payload.encode` writes; it is not sent to other processes.
    """

    result: bytes | None
    error: str | None = None
    cause: str | None = None
    took_ms: int = 0
    real_ns: int = 0
    printed: str = ""
    request_id: str = ""
    whole: bool = False
    value: Json | Absent = ABSENT

    def __reduce__(self) -> tuple[type[Outcome], tuple[Any, ...]]:
        return Outcome, self[:-1]
