"""Names of States errors, and what sfn-sim raises.

    SfnSimError
    ├── DefinitionError          a definition does not load; carries every diagnostic
    ├── InputError               an execution's input is not JSON, or over the limit
    ├── ConfigurationError       options, configuration or handlers that cannot be used
    │   ├── MissingHandlerError  no Python function for a Lambda function that a definition calls
    │   └── HandlerImportError   a handler's module fails when it is imported
    ├── FixtureError             a fixture does not load, or its world cannot be built
    ├── UnsupportedFeatureError  something of AWS that sfn-sim does not carry out (yet)
    ├── MockError                a mock that does not fit, ran dry, or was left unused
    ├── DeadlockError            nothing can run any more; names who waits for whom
    ├── HandlerWallLimitError    a handler ran longer than --handler-wall-limit of real time
    ├── NetworkRefusedError      a handler tried to reach a host that is not loopback
    └── ExecutionFailed          `Execution.result()` of an execution that did not succeed

`StatesError` is not one of them: it lives inside a run only, where Retry and Catch handle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfn_sim.payload import Json
    from sfn_sim.run.execution import Execution
    from sfn_sim.source import Diagnostic, Source


@dataclass(frozen=True, slots=True)
class ErrorName:
    """How one predefined error name is matched by Retry and Catch."""

    name: str
    by_all: bool = True
    by_task_failed: bool = True
    by_name: bool = True


# Source: ASL specification, Appendix A (names); recorded: catch_states_runtime (States.Runtime is caught by
# nothing, not even its own name), *_catch_state_all_data_limit_exceeded_* (States.ALL catches DataLimitExceeded).
RUNTIME = "States.Runtime"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
TASK_FAILED = "States.TaskFailed"
ALL = "States.ALL"
PERMISSIONS = "States.Permissions"
BRANCH_FAILED = "States.BranchFailed"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"
REFERENCE_PATH_CONFLICT = "States.ReferencePathConflict"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
PARAMETER_PATH_FAILURE = "States.ParameterPathFailure"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
EXCEED_TOLERATED_FAILURE_THRESHOLD = "States.ExceedToleratedFailureThreshold"
ITEM_READER_FAILED = "States.ItemReaderFailed"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"

ERROR_NAMES: dict[str, ErrorName] = {
    entry.name: entry
    for entry in (
        ErrorName(RUNTIME, by_all=False, by_task_failed=False, by_name=False),
        ErrorName(DATA_LIMIT_EXCEEDED),
        ErrorName(TIMEOUT, by_task_failed=False),
        ErrorName(HEARTBEAT_TIMEOUT, by_task_failed=False),
        ErrorName(TASK_FAILED),
        ErrorName(PERMISSIONS),
        ErrorName(BRANCH_FAILED),
        ErrorName(NO_CHOICE_MATCHED),
        ErrorName(REFERENCE_PATH_CONFLICT),
        ErrorName(RESULT_PATH_MATCH_FAILURE),
        ErrorName(PARAMETER_PATH_FAILURE),
        ErrorName(INTRINSIC_FAILURE),
        ErrorName(EXCEED_TOLERATED_FAILURE_THRESHOLD),
        ErrorName(ITEM_READER_FAILED),
        ErrorName(RESULT_WRITER_FAILED),
        ErrorName(QUERY_EVALUATION_ERROR),
    )
}
# Any other name comes from a task (recorded: no_such_function_catch, States.TaskFailed takes "Exception").
_FROM_A_TASK = ErrorName("")


def error_matches(error: str | None, error_equals: Sequence[str]) -> bool:
    """Tell whether a Retrier or Catcher with `error_equals` takes the error of that name.

    Source: Developer Guide, Handling errors ("States.TaskFailed … acts as a wildcard that matches any known
    error name except for States.Timeout"); recorded: sqs_failure_in_wait_for_task_tok_no_error_field (an
    error without a name is taken by States.ALL).
    """
    entry = ERROR_NAMES.get(error or "", _FROM_A_TASK)
    for name in error_equals:
        if name == ALL:
            if entry.by_all:
                return True
        elif name == TASK_FAILED:
            if entry.by_task_failed:
                return True
        elif (name == error and entry.by_name) or (name == TIMEOUT and error == HEARTBEAT_TIMEOUT):
            return True
    return False


@dataclass(slots=True)
class Detail:
    """Where an error inside a run arose, for the diagnosis; filled in on its way out.

    Attributes:
        kind: what sort of failure: "path", "template", "intrinsic", "size", "place", "choice", "handler", …
        stage: AWS's name of the stage that failed, such as "afterParameters".
        field: the field as a pointer below the state, such as "Parameters/poll_results_s3_key.$".
        expression: the path, intrinsic or template text that failed.
        value: what the expression was applied to.
        message: what is wrong, in our words.
        stopped_at: how many steps of a path were walked before it stopped.
        reached: the value at which it stopped; `steps` are all its steps.
        size_bytes: for kind "size": how large the value is.
        limit_bytes: for kind "size": how large it may be.
        state: the state's name.
        pointer: JSON pointer of the field in the definition.
        visit: index of the state's visit in the log.
        item: index of the Map item whose ItemSelector failed; -1 otherwise.
        evaluation: whether history tells it by EvaluationFailed, with `field` as its location.
        problem: for kind "jsonata": in which way the expression failed (`QueryEvaluationError.kind`).
        code: for kind "jsonata": JSONata's code, such as T2001.
        offset: for kind "jsonata": where in the expression, in characters; `length` is how many of them.
        lead: for kind "jsonata": how many characters of the field stand before the expression.
    """

    kind: str
    stage: str = ""
    field: str = ""
    expression: str = ""
    value: Json = None
    message: str = ""
    stopped_at: int = 0
    reached: Json = None
    steps: tuple[str | int, ...] = ()
    size_bytes: int = 0
    limit_bytes: int = 0
    state: str = ""
    pointer: str = ""
    visit: int = -1
    item: int = -1
    evaluation: bool = False
    problem: str = ""
    code: str = ""
    offset: int = 0
    length: int = 0
    lead: int = 0


class StatesError(Exception):
    """An error inside a run: AWS's error name and cause, and beside them what we know of its place.

    Args:
        name: AWS's error name, or None where AWS gives none (a Fail state without Error).
        cause: AWS's cause text, byte for byte, or None.
        detail: where and why, for the diagnosis; never part of history.
    """

    def __init__(self, name: str | None, cause: str | None, *, detail: Detail | None = None) -> None:
        super().__init__(name, cause)
        self.name = name
        self.cause = cause
        self.detail = detail


class SfnSimError(Exception):
    """Base of everything that sfn-sim raises to its caller; the text says what, where, why and how to fix."""


class DefinitionError(SfnSimError):
    """A definition that does not load. `diagnostics` holds every finding, errors first; `source` its text."""

    def __init__(self, diagnostics: Sequence[Diagnostic], source: Source | None = None) -> None:
        self.diagnostics = tuple(diagnostics)
        self.source = source
        super().__init__("\n".join(f"{d.place()} {d.code}: {d.message}" for d in self.diagnostics))


class InputError(SfnSimError):
    """An execution's input that is not JSON, or larger than the limit."""


class ConfigurationError(SfnSimError):
    """An option, configuration value or handler that cannot be used."""


class MissingHandlerError(ConfigurationError):
    """No Python function answers for a Lambda function."""


class HandlerImportError(ConfigurationError):
    """A handler's module raised while it was imported."""


class FixtureError(SfnSimError):
    """A fixture that does not load, or whose world cannot be built."""


class UnsupportedFeatureError(SfnSimError):
    """A feature of AWS that sfn-sim does not carry out; the text names its place.

    Attributes:
        pointer: JSON pointer of the state that needs it, where the text does not name its line yet.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


class MockError(SfnSimError):
    """A mock that does not fit the call, has run dry, or was left unused."""


class DeadlockError(SfnSimError):
    """Nothing can run any more, and the execution has not ended."""


class HandlerWallLimitError(SfnSimError):
    """A handler ran longer, in real time, than the wall limit allows."""


class NetworkRefusedError(SfnSimError):
    """A connection to a host that is neither loopback nor allowed was refused."""


class ExecutionFailed(SfnSimError):
    """An execution did not succeed; `error` and `cause` are AWS's, `execution` holds the log."""

    def __init__(self, error: str | None, cause: str | None, execution: Execution) -> None:
        self.error = error
        self.cause = cause
        self.execution = execution
        super().__init__(f"{error or 'no error name'}: {cause or 'no cause'}")
