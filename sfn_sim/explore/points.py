"""What can fail where: the invocations of a good run, and the faults that may meet each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sfn_sim.definition.plan import PlannedMachine
from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json, loads
from sfn_sim.run.effects import Invoke, Outcome
from sfn_sim.world.snapshot import Snapshot

RECOVERED = "recovered"
CLEAN = "failed cleanly"
LOST = "lost data"
HUNG = "hung"
WRONG = "wrong success"
BAD = (LOST, WRONG, HUNG)
_TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")
# The other names of Step Functions' own stand for any error, or are none that a task ends in.
_OF_TASKS = (*_TIMEOUTS, "States.Permissions")
_WHEN = ("before", "after")
_SHAPE_DEPTH = 4
_INDEX = re.compile(r"\[\d+\]")
_REFUSALS = (
    ("throttled", 400, "ThrottlingException"),
    ("503", 503, "ServiceUnavailable"),
)
_WRITES = (
    "Put", "Update", "Delete", "Transact", "BatchWrite", "Complete", "Copy", "Upload", "Create", "Send", "Publish",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AwsCall:
    """One request that a handler sent to AWS: a service as botocore names it, an operation, whether on a condition."""

    service: str
    operation: str
    conditional: bool = False

    @property
    def writes(self) -> bool:
        """Tell whether it changes anything."""
        return self.operation.startswith(_WRITES)


@dataclass(frozen=True, slots=True)
class Point:
    """One invocation of the good run.

    Attributes:
        number: which it is, from 0, in the order in which they are carried out.
        call: the invocation; `outcome` how it ended; `at_ms` when it was made.
        world: the world before it.
        aws: the requests that its handler sent.
    """

    number: int
    call: Invoke
    outcome: Outcome
    at_ms: int
    world: Snapshot
    aws: tuple[AwsCall, ...]

    @property
    def path(self) -> str:
        """The path of the state that made it."""
        return str(self.call.identity[1])

    @property
    def state(self) -> str:
        """The name of the state that made it."""
        return self.general_path.rpartition(".")[2]

    @property
    def general_path(self) -> str:
        """The path without the numbers of Map items and branches."""
        return _INDEX.sub("", self.path)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at a point.

    Attributes:
        name: how it is called on the command line.
        kind: "error", "result", "twice", "killed" or "aws".
        when: "before" or "after" the handler's side effects.
        value: the error's name, or the result.
        request: of "aws", which of the handler's requests, from 0; `status` and `code` are the answer to it.
    """

    name: str
    kind: str
    when: str = "before"
    value: str = ""
    request: int = -1
    status: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One fault at one point."""

    point: Point
    fault: Fault

    @property
    def name(self) -> str:
        """What names it in a list of what has been tried."""
        return f"{self.point.number} {self.point.path} {self.fault.name}"


@dataclass(frozen=True, slots=True)
class Tried:
    """How one fault ended.

    Attributes:
        probe: its name; `state`, `at` and `fault` are the options that try it again.
        outcome: recovered, failed cleanly, lost data, hung or wrong success.
        detail: which expectations did not hold, or how the execution failed.
    """

    probe: str
    state: str
    at: int
    fault: str
    outcome: str
    detail: str = ""

    @property
    def is_bad(self) -> bool:
        """Tell whether it is a defect of the machine or its handlers."""
        return self.outcome in BAD

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it and as a state file keeps it."""
        return {
            "probe": self.probe, "state": self.state, "at": self.at, "fault": self.fault,
            "outcome": self.outcome, "detail": self.detail,
        }  # fmt: skip


_TOGETHER, _ALONE = "two at once, order", "order"


@dataclass(frozen=True, slots=True)
class Order:
    """Another order of children: a number from 0, and whether two executions run at once."""

    number: int
    together: bool

    @property
    def name(self) -> str:
        """What names it, here and in `--order`."""
        return f"{_TOGETHER if self.together else _ALONE} {self.number}"

    @classmethod
    def read(cls, name: str) -> Order:
        """Return the order of a name.

        Raises:
            ConfigurationError: there is none of that name.
        """
        what, _, number = name.rpartition(" ")
        if what not in (_TOGETHER, _ALONE) or not number.isascii() or not number.isdigit():
            raise ConfigurationError(f"--order {name!r}: write {_ALONE} N or {_TOGETHER} N, as the table names it")
        return cls(int(number), what == _TOGETHER)


def chosen(points: Sequence[Point], *, exhaustive: bool) -> list[Point]:
    """Return the points to try: of those with the same state, function and shapes, the first; all if `exhaustive`."""
    if exhaustive:
        return list(points)
    first: dict[tuple[object, ...], Point] = {}
    for point in points:
        shapes = (_shape_of(point.call.payload), _shape_of(point.outcome.result))
        first.setdefault((point.general_path, point.call.function, *shapes, _requests(point)), point)
    return list(first.values())


def faults_at(point: Point, machine: PlannedMachine) -> Iterator[Fault]:
    """Yield what can go wrong at a point."""
    names = dict.fromkeys(
        ("Lambda.TooManyRequestsException", "Lambda.ServiceException", *_named_errors(point.state, machine))
    )
    for name in names:
        if name not in ("Runtime.ExitError", "Sandbox.Timedout", *_TIMEOUTS):
            yield Fault(name, "error", "before", name)
    timeouts = [name for name in _TIMEOUTS if name in names]
    for name in ("Runtime.ExitError", "Sandbox.Timedout", *timeouts):
        for when in _WHEN:
            yield Fault(f"{name}-{when}", "error", when, name)
    yield Fault("unnamed-exception", "error", "before", "Exception")
    yield Fault("unnamed-exception-after", "error", "after", "Exception")
    yield Fault("result-too-large", "result", "after", "large")
    yield Fault("status-500", "result", "before", '{"statusCode":500,"body":"{\\"error\\":\\"injected fault\\"}"}')
    yield Fault("delivered-twice", "twice")
    for when in _WHEN:
        yield Fault(f"killed-{when}", "killed", when)
    yield from _aws_faults(point.aws)


def _aws_faults(calls: Sequence[AwsCall]) -> Iterator[Fault]:
    for number, call in enumerate(calls):
        lead = f"{call.service}.{call.operation}#{number}"
        for name, status, code in _REFUSALS:
            if call.service == "s3" and name == "throttled":
                status, code = 503, "SlowDown"
            elif call.service == "dynamodb" and name == "503":
                code = "InternalServerError"
            yield Fault(f"{lead}:{name}", "aws", "before", request=number, status=status, code=code)
        if call.conditional:
            status, code = (412, "PreconditionFailed") if call.service == "s3" else (
                400, "ConditionalCheckFailedException"
            )  # fmt: skip
            yield Fault(f"{lead}:condition-failed", "aws", "before", request=number, status=status, code=code)
        if call.writes:
            yield Fault(f"{lead}:reset-after", "aws", "after", request=number)


def _named_errors(state: str, machine: PlannedMachine) -> Iterator[str]:
    for planned in machine.states:
        errors = getattr(planned.state, "errors", None)
        if planned.state.name != state or errors is None:
            continue
        for each in (*errors.retriers, *errors.catchers):
            yield from (name for name in each.error_equals if not name.startswith("States.") or name in _OF_TASKS)


def _requests(point: Point) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((each.service, each.operation) for each in point.aws))


def _shape_of(text: bytes | None) -> object:
    if text is None:
        return None
    try:
        return _shape(loads(text.decode("utf-8", "surrogatepass")), _SHAPE_DEPTH)
    except ValueError:
        return str


def _shape(value: Json, depth: int) -> object:
    """Return what two values have in common that differ in texts and numbers only."""
    if isinstance(value, dict):
        return tuple((key, _shape(each, depth - 1)) for key, each in sorted(value.items())) if depth else dict
    if isinstance(value, list):
        return frozenset(_shape(each, depth - 1) for each in value) if depth else list
    return value if isinstance(value, bool) else type(value)
