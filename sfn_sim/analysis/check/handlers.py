"""Findings about Retry and Catch: entries that never act, names that nothing raises, schedules that are too long.

Source: ASL specification, Errors; Developer Guide, Handling errors, and Invoke an AWS Lambda function (its errors).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from sfn_sim import errors, limits
from sfn_sim.analysis.check.codes import NOTE, WARNING
from sfn_sim.analysis.check.findings import End, Finding, Schedule
from sfn_sim.definition.model import Catcher, FailState, MapState, ParallelState, Retrier, TaskState
from sfn_sim.definition.plan import PlannedGraph, PlannedMachine, PlannedState

_LAMBDA = tuple(
    f"Lambda.{name}"
    for name in (
        "AWSLambdaException", "ClientExecutionTimeoutException", "CodeArtifactUserDeletedException",
        "CodeArtifactUserFailedException", "CodeArtifactUserPendingException", "CodeStorageExceededException",
        "EC2AccessDeniedException", "EC2ThrottledException", "EC2UnexpectedException", "EFSIOException",
        "EFSMountConnectivityException", "EFSMountFailureException", "EFSMountTimeoutException",
        "ENILimitReachedException", "InvalidParameterValueException", "InvalidRequestContentException",
        "InvalidRuntimeException", "InvalidSecurityGroupIDException", "InvalidSubnetIDException",
        "InvalidZipFileException", "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException",
        "KMSNotFoundException", "RecursiveInvocationException", "RequestTooLargeException",
        "ResourceConflictException", "ResourceNotFoundException", "ResourceNotReadyException", "SdkClientException",
        "ServiceException", "SnapStartException", "SnapStartNotReadyException", "SnapStartTimeoutException",
        "SubnetIPAddressLimitReachedException", "TooManyRequestsException", "Unknown",
        "UnsupportedMediaTypeException",
    )
)  # fmt: skip
_OTHER = (
    "Sandbox.Timedout", "Runtime.ExitError", "Runtime.UserCodeSyntaxError", "Runtime.ImportModuleError",
    "Runtime.HandlerNotFound", "Runtime.MarshalError", "Runtime.OutOfMemory", "Function.ResponseSizeTooLarge",
)  # fmt: skip
_NAMES = (*_LAMBDA, *_OTHER)
# Which state types can raise an error of Step Functions itself; what is not listed may come from any.
_ONLY = {
    errors.BRANCH_FAILED: ("Parallel",),
    errors.EXCEED_TOLERATED_FAILURE_THRESHOLD: ("Map",),
    errors.ITEM_READER_FAILED: ("Map",),
    errors.RESULT_WRITER_FAILED: ("Map",),
    errors.NO_CHOICE_MATCHED: ("Map", "Parallel"),
}
_OWN = (errors.INTRINSIC_FAILURE, errors.REFERENCE_PATH_CONFLICT, errors.RESULT_PATH_MATCH_FAILURE,
        errors.PARAMETER_PATH_FAILURE, errors.DATA_LIMIT_EXCEEDED)  # fmt: skip


def handler_findings(machine: str, planned: PlannedMachine) -> Iterator[Finding]:
    """Yield what is wrong with the Retriers and Catchers of every state."""
    for state in planned.states:
        if isinstance(state.state, TaskState | MapState | ParallelState):
            handling = state.state.errors
            yield from _entries(machine, state, "Retry", handling.retriers)
            yield from _entries(machine, state, "Catch", handling.catchers)


def _entries(
    machine: str, planned: PlannedState, kind: str, entries: Sequence[Retrier | Catcher]
) -> Iterator[Finding]:
    raised = errors_of(planned)
    for number, entry in enumerate(entries):
        field = f"{kind}[{number}]"
        unknown = [name for name in entry.error_equals if name not in _NAMES and _near(name)]
        for name in unknown:
            yield Finding(
                code="UNKNOWN_ERROR_NAME", severity=WARNING, machine=machine, state=planned.name,
                field=f"{field}/ErrorEquals", pointer=f"{entry.pointer}/ErrorEquals", expression=name,
                what=f"{name} is not the name of an error that Lambda raises",
                fix=f"did you mean {_near(name)}?",
            )  # fmt: skip
        hider = _hider(entry.error_equals, entries[:number])
        if hider is not None:
            yield _never_used(machine, planned, entry, field, WARNING, hider=hider)
            continue
        impossible = [_impossible(name, planned, raised) for name in entry.error_equals]
        if impossible and all(impossible):
            severity = WARNING if WARNING in [each[0] for each in impossible if each] else NOTE
            why = "; ".join(dict.fromkeys(each[1] for each in impossible if each))
            yield _never_used(machine, planned, entry, field, severity, why=why)


def _never_used(
    machine: str, planned: PlannedState, entry: Retrier | Catcher, field: str, severity: str, *,
    hider: Retrier | Catcher | None = None, why: str = "",
) -> Finding:  # fmt: skip
    names = ", ".join(entry.error_equals)
    word = "Retrier" if isinstance(entry, Retrier) else "Catcher"
    other = None
    fix = f"take the {word} away, or name the errors that are meant"
    if hider is not None:
        why = f"the {word} before it, for {', '.join(hider.error_equals)}, takes all of these errors"
        other = End(state=planned.name, pointer=hider.pointer)
        fix = f"put the {word} that names fewer errors first"
    return Finding(
        code="HANDLER_NEVER_USED", severity=severity, machine=machine, state=planned.name, field=field,
        pointer=f"{entry.pointer}/ErrorEquals", what=f"this {word} never acts: {names}", why=why, fix=fix, other=other,
    )  # fmt: skip


def _near(name: str) -> str:
    if not name.startswith(("Lambda.", "Sandbox.", "Runtime.", "Function.")):
        return ""
    return next(iter(get_close_matches(name, _NAMES, 1, 0.88)), "")


def _hider(
    names: Sequence[str], before: Sequence[Retrier | Catcher]
) -> Retrier | Catcher | None:
    """Return the last of the entries that together take all of an entry's errors."""
    hiders = []
    for name in names:
        hider = next((each for each in before if _takes(each.error_equals, name)), None)
        if hider is None:
            return None
        hiders.append(hider)
    return hiders[-1] if hiders else None


def _takes(earlier: Sequence[str], name: str) -> bool:
    if name == errors.ALL:
        return errors.ALL in earlier
    if name == errors.TASK_FAILED:
        return errors.ALL in earlier or errors.TASK_FAILED in earlier
    if name == errors.RUNTIME:
        return False
    return errors.error_matches(name, tuple(earlier))


def _impossible(name: str, planned: PlannedState, raised: frozenset[str] | None) -> tuple[str, str] | None:
    """Return how bad it is, and why a state cannot raise an error; None if it may."""
    state = planned.state
    types = _ONLY.get(name)
    if types is not None and state.type not in types:
        return WARNING, f"{name} comes from a {' or '.join(types)} state, and this is a {state.type}"
    if name == errors.QUERY_EVALUATION_ERROR and getattr(state, "query_language", "JSONPath") == "JSONPath":
        return WARNING, f"{name} comes from JSONata, and this state is written in JSONPath"
    if isinstance(state, TaskState):
        # In JSONata they are among the fields that expressions give.
        has_heartbeat, has_timeout = (
            each.value is not None or each.path is not None or each.field in planned.fields
            for each in (state.heartbeat, state.timeout)
        )
        if name == errors.HEARTBEAT_TIMEOUT and not has_heartbeat:
            return WARNING, "the state has no HeartbeatSeconds"
        if name == errors.TIMEOUT and not (has_timeout or has_heartbeat):
            days = limits.TIMEOUT_SECONDS.value // 86_400
            return NOTE, f"the state has no TimeoutSeconds: without it a task may take {days:,} days"
        return None
    if raised is None or name in (errors.ALL, errors.TASK_FAILED) or name in _ONLY or name in _OWN:
        return None
    if name in raised:
        return None
    near = get_close_matches(name, sorted(raised), 1, 0.6)
    hint = f"; did you mean {near[0]}?" if near else ""
    told = ", ".join(sorted(raised)) or "none of their own"
    return WARNING, f"nothing inside raises {name} (the errors there: {told}){hint}"


def errors_of(planned: PlannedState) -> frozenset[str] | None:
    """Return the names of the errors that the states inside a Map or Parallel raise; None where nobody knows."""
    names: set[str] = set()
    for graph in planned.graphs:
        inner = _errors_of_graph(graph)
        if inner is None:
            return None
        names |= inner
    return frozenset(names) if planned.graphs else None


def _errors_of_graph(graph: PlannedGraph) -> set[str] | None:
    names: set[str] = set()
    for each in graph.states.values():
        state = each.state
        if isinstance(state, TaskState) or (isinstance(state, FailState) and state.error is None):
            return None
        if isinstance(state, FailState) and state.error is not None:
            names.add(state.error)
        if each.graphs:
            inner = errors_of(each)
            if inner is None:
                return None
            names |= inner
    return names


def schedules_of(planned: PlannedMachine) -> tuple[Schedule, ...]:
    """Return how long each Retrier waits, all its retries together."""
    found = []
    for state in planned.states:
        for each in state.retriers:
            total = total_s(each)
            found.append(
                Schedule(state.name, each.pointer, each.error_equals, each.max_attempts, total, each.full_jitter)
            )
    return tuple(found)


def total_s(retrier: Retrier) -> float:
    """Return the seconds that a Retrier waits, all its retries together; with jitter the most they can be.

    Source: as `run.retry.delay_ms`.
    """
    most = float(limits.RETRY_DELAY.value if retrier.max_delay_seconds is None else retrier.max_delay_seconds)
    if retrier.backoff_rate == 1.0:
        return min(float(retrier.interval_seconds), most) * retrier.max_attempts
    total, delay = 0.0, float(retrier.interval_seconds)
    for attempt in range(retrier.max_attempts):
        if delay >= most:
            # From here on every wait is the longest.
            return total + most * (retrier.max_attempts - attempt)
        total += delay
        delay *= retrier.backoff_rate
    return total


def schedule_findings(machine: str, planned: PlannedMachine) -> Iterator[Finding]:
    """Yield the Retriers whose waits, with what the attempts may take, are longer than the machine may run.

    An attempt that takes all its TimeoutSeconds fails with States.Timeout. Where that is not retried, and the waits are
    short beside the machine's time, it takes very slow failures to come to the limit: a note.
    """
    limit = planned.definition.timeout_seconds
    if not limit:
        return
    for state in planned.states:
        timeout = state.state.timeout.value if isinstance(state.state, TaskState) else None
        for number, each in enumerate(state.retriers):
            waits = total_s(each)
            work = (timeout or 0) * (each.max_attempts + 1)
            if waits + work > limit:
                unlikely = waits <= limit / 2 and not _takes(each.error_equals, errors.TIMEOUT)
                parts = f"{duration(waits)} of waiting"
                if work:
                    parts += f" and up to {duration(work)} of work ({each.max_attempts + 1} × {timeout} s)"
                yield Finding(
                    code="RETRY_OUTLASTS_TIMEOUT", severity=NOTE if unlikely else WARNING, machine=machine,
                    state=state.name, pointer=each.pointer, field=f"Retry[{number}]",
                    what=f"its {each.max_attempts} retries need {parts}; the machine may run {duration(limit)}",
                    why=f"the machine's TimeoutSeconds is {limit}",
                    fix="fewer attempts or shorter waits (MaxDelaySeconds), or a longer TimeoutSeconds",
                    other=End(state="", pointer="/TimeoutSeconds"),
                )  # fmt: skip


def duration(seconds: float) -> str:
    """Return seconds in the unit that fits them."""
    for unit, scale, below in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < below:
            return f"{seconds / scale:.4g} {unit}"
    return f"{seconds / 86_400:,.0f} days"
