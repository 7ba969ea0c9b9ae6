"""A state machine as frozen data: what stands in the definition, in snake_case, with its place.

Nothing here is compiled or run. `pointer` is the JSON pointer of the thing in the definition's document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final, TypeAlias

from sfn_sim.payload import Json


class _Absent(Enum):
    """The value of a field that is not there: null is something else."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent.ABSENT
Absent: TypeAlias = _Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFlow:
    """The fields through which data goes in and out of a state, each as written.

    A path that is None stands for JSON null: an empty object in, nothing kept out. A state in JSONata has Arguments
    (as `parameters`) and Output alone.
    """

    input_path: str | None = "$"
    parameters: Json | Absent = ABSENT
    parameters_field: str = "Parameters"
    output: Json | Absent = ABSENT
    result_selector: Json | Absent = ABSENT
    result_path: str | None = "$"
    output_path: str | None = "$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of Retry.

    Source: ASL specification, Retrier fields and their defaults.
    """

    error_equals: tuple[str, ...]
    interval_seconds: int = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: int | None = None
    full_jitter: bool = False
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of Catch."""

    error_equals: tuple[str, ...]
    next: str
    result_path: str | None = "$"
    output: Json | Absent = ABSENT
    assign: Json | Absent = ABSENT
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorHandling:
    """Retry and Catch of one state."""

    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """A duration that is written down, or read by a path when the state starts; both None: not set."""

    value: int | None = None
    path: str | None = None
    field: str = "TimeoutSeconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that is written down, or read by a path; both None: not set."""

    value: float | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A Choice rule that compares `variable` with a literal, or with what `operand` reads when it is a path.

    A rule in JSONata has the operator "Condition" and no variable: its operand is an expression, true or false.
    """

    variable: str
    operator: str
    operand: Json
    operand_is_path: bool
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """And, Or or Not over other rules."""

    operator: str
    rules: tuple[Rule, ...]
    pointer: str


Rule: TypeAlias = Comparison | Combination


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One entry of Choices: a rule, where it leads, what it assigns and, in JSONata, what the state then gives."""

    rule: Rule
    next: str
    output: Json | Absent = ABSENT
    assign: Json | Absent = ABSENT
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every state has; `assign` gives workflow variables their values when it is left.

    `expressions` are the fields whose one value a JSONata expression gives ("TimeoutSeconds",
    "ItemReader/ReaderConfig/MaxItems"), each as written; what they stand for is not set then.
    """

    type: ClassVar[str]
    name: str
    pointer: str
    comment: str | None = None
    flow: DataFlow = field(default_factory=DataFlow)
    assign: Json | Absent = ABSENT
    next: str | None = None
    query_language: str = "JSONPath"
    expressions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(State):
    """Passes its input on, or its Result."""

    type: ClassVar[str] = "Pass"
    result: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(State):
    """Calls a resource."""

    type: ClassVar[str] = "Task"
    resource: str
    errors: ErrorHandling = field(default_factory=ErrorHandling)
    timeout: Seconds = field(default_factory=Seconds)
    heartbeat: Seconds = field(default_factory=lambda: Seconds(field="HeartbeatSeconds"))
    credentials: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(State):
    """Goes to the first choice whose rule holds, else to Default."""

    type: ClassVar[str] = "Choice"
    choices: tuple[Choice, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(State):
    """Waits for a time or until a moment; exactly one of the four is set."""

    type: ClassVar[str] = "Wait"
    seconds: int | None = None
    seconds_path: str | None = None
    timestamp: str | None = None
    timestamp_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(State):
    """Ends the execution or branch well."""

    type: ClassVar[str] = "Succeed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """Ends the execution with an error; what is not written is None."""

    type: ClassVar[str] = "Fail"
    error: str | None = None
    error_path: str | None = None
    cause: str | None = None
    cause_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateGraph:
    """StartAt and States: a machine, a branch, or a Map's item processor."""

    start_at: str
    states: Mapping[str, State]
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(State):
    """Runs its branches side by side."""

    type: ClassVar[str] = "Parallel"
    branches: tuple[StateGraph, ...]
    errors: ErrorHandling = field(default_factory=ErrorHandling)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader:
    """Where a distributed Map's items stand, and how they are written there.

    `arguments` is the template of the call that reads them; `arguments_field` its name.
    """

    resource: str
    pointer: str
    arguments: Json | Absent = ABSENT
    arguments_field: str = "Parameters"
    input_type: str | None = None
    csv_header_location: str | None = None
    csv_headers: tuple[str, ...] = ()
    csv_delimiter: str = "COMMA"
    manifest_type: str | None = None
    transformation: str = "NONE"
    items_pointer: str | None = None
    max_items: Number = field(default_factory=Number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBatcher:
    """How many items each child execution of a distributed Map is given at once."""

    pointer: str
    batch_input: Json | Absent = ABSENT
    max_items: Number = field(default_factory=Number)
    max_bytes: Number = field(default_factory=Number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWriter:
    """Where a distributed Map's results go, and in which form; without a resource they stay the Map's result."""

    pointer: str
    resource: str | None = None
    arguments: Json | Absent = ABSENT
    arguments_field: str = "Parameters"
    transformation: str | None = None
    output_type: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return self.resource is None and self.transformation is None and self.output_type is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What a Map has whose items run as child executions."""

    execution_type: str
    label: str | None = None
    reader: ItemReader | None = None
    batcher: ItemBatcher | None = None
    writer: ResultWriter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(State):
    """Runs its processor for each item."""

    type: ClassVar[str] = "Map"
    processor: StateGraph
    items_path: str | None = "$"
    items: Json | Absent = ABSENT
    item_selector: Json | Absent = ABSENT
    item_selector_field: str = "ItemSelector"
    max_concurrency: Number = field(default_factory=Number)
    tolerated_failure_count: Number = field(default_factory=Number)
    tolerated_failure_percentage: Number = field(default_factory=Number)
    distribution: Distribution | None = None
    errors: ErrorHandling = field(default_factory=ErrorHandling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A whole state machine."""

    graph: StateGraph
    comment: str | None = None
    timeout_seconds: int | None = None
    query_language: str = "JSONPath"
