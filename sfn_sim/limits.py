"""Every quota of AWS Step Functions and Lambda that sfn-sim checks, once.

Nothing else in the project writes one of these numbers down: a check names the limit that it enforces.
"""

from __future__ import annotations

from dataclasses import dataclass

_QUOTAS = "AWS Step Functions Developer Guide, Service quotas"


@dataclass(frozen=True, slots=True)
class Limit:
    """One quota: its value, its unit, where it is checked, and who says so."""

    name: str
    value: int
    unit: str
    where: str
    source: str


PAYLOAD = Limit(
    "payload",
    262_144,
    "bytes of UTF-8",
    "execution input, effective task input, task result, state output, Map and Parallel results",
    f"{_QUOTAS}, Maximum input or output size for a task, state, or execution; recorded: start_large_input",
)
EXECUTION = Limit("execution", 31_536_000, "seconds", "a Standard execution", f"{_QUOTAS}, Maximum execution time")
EXPRESS_EXECUTION = Limit("Express execution", 300, "seconds", "an Express execution", EXECUTION.source)
HISTORY_EVENTS = Limit(
    "history events", 25_000, "events", "one execution's history", f"{_QUOTAS}, Maximum execution history size"
)
LAMBDA_PAYLOAD = Limit(
    "Lambda payload", 6_291_556, "bytes", "a function's response", "AWS Lambda quotas, Invocation payload, synchronous"
)
DEFINITION = Limit(
    "definition", 1_048_576, "bytes", "a state machine definition", f"{_QUOTAS}, Maximum request size (1 MB)"
)
STATE_NAME = Limit("state name", 80, "characters", "a state's name", "ASL specification, States")
EXECUTION_NAME = Limit("execution name", 80, "characters", "an execution's name", "API reference, StartExecution")
TIMEOUT_SECONDS = Limit(
    "timeout", 99_999_999, "seconds", "TimeoutSeconds, HeartbeatSeconds, Seconds", "ASL specification, Task State"
)
VARIABLE = Limit("variable", 262_144, "bytes of UTF-8", "one variable; all of one Assign", f"{_QUOTAS}, Variables")
VARIABLES = Limit("variables", 10_485_760, "bytes of UTF-8", "all variables of an execution", f"{_QUOTAS}, Variables")
INLINE_CONCURRENCY = Limit(
    "inline Map concurrency", 40, "iterations", "one inline Map", "Developer Guide, Map state in Inline mode"
)
WAIT_DAYS = Limit("wait", 24_855, "days", "a Wait state's delay", "recorded: timestamp_too_far_in_future_boundary")
RETRY_ATTEMPTS = Limit("MaxAttempts", 99_999_999, "attempts", "a Retrier", "Developer Guide, Retrying after an error")
RETRY_DELAY = Limit(
    "MaxDelaySeconds", 31_622_400, "seconds", "a Retrier", "Developer Guide, Retrying after an error"
)
INTRINSIC_TEXT = Limit(
    "intrinsic text", 10_000, "characters", "States.Base64Encode, Base64Decode, Hash", "Developer Guide, Intrinsics"
)
INTRINSIC_RANGE = Limit(
    "array range", 1_000, "items", "States.ArrayRange, ArrayPartition's input", "Developer Guide, Intrinsics"
)
INTRINSIC_NESTING = Limit("intrinsic nesting", 10, "calls", "one field", "Developer Guide, Intrinsics")
MAP_CONCURRENCY = Limit(
    "Map concurrency",
    10_000,
    "child executions at once",
    "a distributed Map, whatever its MaxConcurrency",
    "Developer Guide, Map state in Distributed mode, MaxConcurrency",
)
DATASET_ITEM = Limit("dataset item", 8_388_608, "bytes", "an item of an ItemReader", "Developer Guide, ItemReader")
