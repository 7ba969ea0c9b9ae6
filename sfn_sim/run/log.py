"""The append-only log of an execution: history events, and each state's stages.

An event is a tuple `(id, previous id, time in ms since the start, type, details)`; `details` are the values of the
fields that `DETAILS` names for the type, by reference. ASL's and the API's spelling appears in `to_api` alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from sfn_sim import limits
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import Detail
from sfn_sim.payload import Json, dumps, size_bytes
from sfn_sim.query.expression import Scope

if TYPE_CHECKING:
    from sfn_sim.run.map_run import MapRun

Event: TypeAlias = "tuple[int, int, int, str, tuple[Any, ...]]"

_ENTERED = ("stateEnteredEventDetails", ("name", "input"))
_EXITED = ("stateExitedEventDetails", ("name", "output", "assignedVariables"))
_ITERATION = ("name", "index")
_STATE_TYPES = ("Pass", "Task", "Choice", "Wait", "Succeed", "Parallel", "Map")
_TASK = ("resourceType", "resource")

# Event type -> the key of its details in GetExecutionHistory, and the fields in the order of the event's tuple.
# Source: API reference, HistoryEvent; recorded histories for which fields are there.
DETAILS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ExecutionStarted": ("executionStartedEventDetails", ("input", "roleArn")),
    "ExecutionSucceeded": ("executionSucceededEventDetails", ("output",)),
    "ExecutionFailed": ("executionFailedEventDetails", ("error", "cause")),
    "ExecutionTimedOut": ("executionTimedOutEventDetails", ("error", "cause")),
    "ExecutionAborted": ("executionAbortedEventDetails", ("error", "cause")),
    "FailStateEntered": _ENTERED,
    **{f"{each}StateEntered": _ENTERED for each in _STATE_TYPES},
    **{f"{each}StateExited": _EXITED for each in _STATE_TYPES},
    **{f"{each}StateAborted": ("", ()) for each in ("Task", "Wait", "Parallel", "Map")},
    "LambdaFunctionScheduled": (
        "lambdaFunctionScheduledEventDetails",
        ("resource", "input", "timeoutInSeconds"),
    ),
    "LambdaFunctionStarted": ("", ()),
    "LambdaFunctionSucceeded": ("lambdaFunctionSucceededEventDetails", ("output",)),
    "LambdaFunctionFailed": ("lambdaFunctionFailedEventDetails", ("error", "cause")),
    "LambdaFunctionTimedOut": ("lambdaFunctionTimedOutEventDetails", ("error", "cause")),
    "TaskScheduled": (
        "taskScheduledEventDetails",
        (*_TASK, "region", "parameters", "timeoutInSeconds", "heartbeatInSeconds"),
    ),
    "TaskStarted": ("taskStartedEventDetails", _TASK),
    "TaskSubmitted": ("taskSubmittedEventDetails", (*_TASK, "output")),
    "TaskSucceeded": ("taskSucceededEventDetails", (*_TASK, "output")),
    "TaskFailed": ("taskFailedEventDetails", (*_TASK, "error", "cause")),
    "TaskTimedOut": ("taskTimedOutEventDetails", (*_TASK, "error", "cause")),
    "ActivityScheduled": (
        "activityScheduledEventDetails",
        ("resource", "input", "timeoutInSeconds", "heartbeatInSeconds"),
    ),
    "ActivityStarted": ("activityStartedEventDetails", ("workerName",)),
    "ActivitySucceeded": ("activitySucceededEventDetails", ("output",)),
    "ActivityFailed": ("activityFailedEventDetails", ("error", "cause")),
    "ActivityTimedOut": ("activityTimedOutEventDetails", ("error", "cause")),
    "MapStateStarted": ("mapStateStartedEventDetails", ("length",)),
    "MapStateSucceeded": ("", ()),
    "MapStateFailed": ("", ()),
    "MapIterationStarted": ("mapIterationStartedEventDetails", _ITERATION),
    "MapIterationSucceeded": ("mapIterationSucceededEventDetails", _ITERATION),
    "MapIterationFailed": ("mapIterationFailedEventDetails", _ITERATION),
    "MapIterationAborted": ("mapIterationAbortedEventDetails", _ITERATION),
    "MapRunStarted": ("mapRunStartedEventDetails", ("mapRunArn",)),
    "MapRunSucceeded": ("", ()),
    "MapRunFailed": ("mapRunFailedEventDetails", ("error", "cause")),
    "MapRunAborted": ("", ()),
    "ParallelStateStarted": ("", ()),
    "ParallelStateSucceeded": ("", ()),
    "ParallelStateFailed": ("", ()),
    "EvaluationFailed": ("evaluationFailedEventDetails", ("error", "cause", "location", "state")),
}
# Fields that hold JSON as text; all but `parameters` come with details of their truncation.
_JSON_FIELDS = frozenset(("input", "output", "parameters"))
_ENDS = frozenset(("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"))


class HistoryLimitReached(Exception):
    """The history is full but for the event that ends the execution."""


class Visit:
    """One stay in a state.

    Attributes:
        index: its place in the log.
        state: the state; `branch` is the way through the machine on which it was entered.
        previous: the visit before it on the same way (-1: none); for the first state of a branch or item
            the visit of the Parallel or Map state round it.
        entered_event: the id of its StateEntered event.
        entered_ms: when it was entered, in virtual ms since the start; `exited_ms` when it was left.
        stages: what the data was at each stage, under AWS's names, in order; a retry repeats them.
        output: what it gave on; meaningful only when `left`.
        assigned: the variables that it gave values to.
        input_bytes: the size of its input; -1 where nobody has measured it.
        task_input_bytes: the size of what it handed to its task or items.
        result_bytes: the size of the result of its task; output_bytes: the size of its output.
        retry_delays_ms: the delays of its retries.
        error: the name and cause of the error that ended it, or that a catcher took.
        problem: what is known of the error that a catcher took.
        calls_ns: the real time that its invocations took.
        printed: what its invocations wrote to stdout and stderr, each with its request id.
    """

    # Most visits keep these defaults: as class attributes they cost nothing to make.
    output: Json = None
    assigned: dict[str, Json] | None = None
    left = False
    exited_ms = -1
    task_input_bytes = -1
    result_bytes = -1
    output_bytes = -1
    retry_delays_ms: Sequence[int] = ()
    error: tuple[str | None, str | None] | None = None
    caught = False
    problem: Detail | None = None
    calls_ns = 0
    printed: Sequence[tuple[str, str]] = ()

    def __init__(
        self, index: int, state: PlannedState, branch: Branch, entered_event: int, entered_ms: int, value: Json
    ) -> None:
        self.index = index
        self.state = state
        self.branch = branch
        self.previous = branch.visit
        self.entered_event = entered_event
        self.entered_ms = entered_ms
        self.stages: list[tuple[str, Json]] = [("input", value)]
        self.input_bytes = branch.size

    def __repr__(self) -> str:
        return f"<visit of {self.path}, event {self.entered_event}>"

    @property
    def name(self) -> str:
        """The state's name."""
        return self.state.name

    @property
    def path(self) -> str:
        """The state's place among branches and Map items, such as "Chunks[12].Process"."""
        return f"{self.branch.label}{self.state.name}"

    @property
    def input(self) -> Json:
        """What the state was given."""
        return self.stages[0][1]

    @property
    def retry_delays(self) -> list[float]:
        """The delays of its retries, in seconds of virtual time."""
        return [delay_ms / 1000 for delay_ms in self.retry_delays_ms]

    def measured_input_bytes(self) -> int:
        """Return the size of the state's input, in bytes."""
        if self.input_bytes < 0:
            self.input_bytes = size_bytes(self.input)
        return self.input_bytes


class Branch:
    """One way through the machine: the execution itself, a branch of a Parallel, or an item of a Map.

    Attributes:
        label: its place, such as "Chunks[12]."; empty for the execution itself.
        last: the id of the last event on it, which the next one names as its previous.
        visit: the index of the last visit on it.
        size: the size of the value that its next state is given; -1 if not measured.
        outer: the branch round it.
        item: a Map item's index and value; `item_source` where a dataset of Map items comes from.
        scope: what expressions may read beside their data.
        task_token: the token of the task that its state waits for.
    """

    __slots__ = (
        "__weakref__",
        "context",
        "entered_ms",
        "in_parallel",
        "item",
        "item_source",
        "label",
        "last",
        "outer",
        "retry_count",
        "scope",
        "size",
        "state",
        "task_token",
        "visit",
    )

    def __init__(self, label: str, last: int, visit: int, outer: Branch | None = None) -> None:
        self.label = label
        self.last = last
        self.visit = visit
        self.outer = outer
        self.size = -1
        self.item: tuple[int, Json] | None = outer.item if outer else None
        self.item_source = "STATE_DATA"
        self.in_parallel = False
        self.state: PlannedState | None = None
        self.entered_ms = 0
        self.retry_count = 0
        self.context: Json = None
        self.task_token: str | None = None
        self.scope: Scope


Row = TypeVar("Row")


class Rows(Sequence[Row]):
    """A sequence that grows at its end, and need not be in memory; its rows are read as those of a list are."""

    @abstractmethod
    def append(self, row: Row) -> None:
        """Add a row."""


class Sink(Protocol):
    """Where a log is written, when not into lists; a visit may leave memory once its state has been left."""

    @property
    def events(self) -> Rows[Event]:
        """The events."""

    @property
    def visits(self) -> Rows[Visit]:
        """The visits."""


class Log:
    """Events and visits of one execution, in the order in which they happened.

    Args:
        limit: how many events there may be; None for no limit.
        sink: where they are written; into lists by default.

    Attributes:
        tokens: every task token that was handed out, and whether its task still waits for an answer.
        map_runs: the runs of its distributed Maps, oldest first.
    """

    def __init__(self, limit: int | None = limits.HISTORY_EVENTS.value, sink: Sink | None = None) -> None:
        self.sink = sink
        self.events: list[Event] | Rows[Event] = [] if sink is None else sink.events
        self.visits: list[Visit] | Rows[Visit] = [] if sink is None else sink.visits
        self.now_ms = 0
        self.tokens: dict[str, bool] = {}
        self.map_runs: list[MapRun] = []
        self._room = -1 if limit is None else limit - 1

    def set_time(self, now_ms: int) -> None:
        """Note the virtual time that events and visits get from now on, in ms since the start."""
        self.now_ms = now_ms

    def append(self, kind: str, previous: int, details: tuple[Any, ...] = ()) -> int:
        """Add an event and return its id.

        Raises:
            HistoryLimitReached: only the last event has room left, and this is not one that ends an execution.
        """
        events = self.events
        number = len(events)
        if number == self._room and kind not in _ENDS:
            raise HistoryLimitReached
        number += 1
        events.append((number, previous, self.now_ms, kind, details))
        return number

    def to_api(self, start: datetime, text: Callable[[Json], str] = dumps) -> Iterator[dict[str, Any]]:
        """Return the events as GetExecutionHistory gives them; times are `datetime`s, `text` writes a value."""
        for number, previous, at_ms, kind, details in self.events:
            event: dict[str, Any] = {
                "timestamp": start + timedelta(milliseconds=at_ms),
                "type": kind,
                "id": number,
                "previousEventId": previous,
            }
            key, names = DETAILS[kind]
            if key:
                event[key] = _api_details(names, details, text)
            yield event


def _api_details(names: tuple[str, ...], values: tuple[Any, ...], text: Callable[[Json], str]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if name == "assignedVariables":
            # Source: recorded: base_cases_BASE_PATHS (each value as JSON text), base_cases_BASE_EMPTY (none, no key).
            if value:
                details[name] = {variable: text(each) for variable, each in value.items()}
                details[f"{name}Details"] = {"truncated": False}
        elif name in _JSON_FIELDS:
            details[name] = text(value)
            if name != "parameters":
                details[f"{name}Details"] = {"truncated": False}
        elif value is not None:
            details[name] = value
    return details
