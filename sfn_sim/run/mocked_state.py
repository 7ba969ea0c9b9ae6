"""A Task, Parallel or Map state whose work is done by an answer instead: its data flow alone.

What it reads, builds, selects and places is that of `run.task`, `run.parallel` and `run.map`; no resource is called, no
branch and no item runs.

Source: Developer Guide, Testing state machines with TestState API (Mocking service integrations, Testing Map and
Parallel states); recorded: state_configuration, state_mock_validation, test_state_mock_scenarios.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sfn_sim.definition.model import MapState, TaskState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, TIMEOUT, ConfigurationError, Detail, StatesError
from sfn_sim.errors import UnsupportedFeatureError as Unsupported
from sfn_sim.payload import Json, loads, size_bytes
from sfn_sim.run import flow, token
from sfn_sim.run.effects import AwsAnswer, CallAws, StateRun
from sfn_sim.run.interpreter import Interpreter, Step
from sfn_sim.run.item_batcher import Feed, in_memory
from sfn_sim.run.item_reader import Dataset, Unreadable
from sfn_sim.run.log import Branch, Visit
from sfn_sim.run.map import Tolerance
from sfn_sim.run.map_fields import read_concurrency, read_items, read_tolerance
from sfn_sim.run.map_setup import Setup, item_selector, prepare, unreadable
from sfn_sim.run.task import timeouts

CAN_BE_MOCKED = ("Task", "Parallel", "Map")


class TooManyFailures(ConfigurationError):
    """More failed iterations of a Map than it has iterations."""


@dataclass(slots=True)
class Answered:
    """What stands for the work of a state.

    Attributes:
        answer: given what the state hands to its work, and this itself, returns the result or raises StatesError.
        failed_items: how many of a Map's iterations have failed.
        reader_data: what a Map's ItemReader reads, as it stands in S3.
        numbers: what a Map's own numbers turned out to be, under AWS's names.
        took_ms: how long the work lasted, in virtual time; `answer` may set it.
    """

    answer: Callable[[Json, Answered], Json]
    failed_items: int = 0
    reader_data: str | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    took_ms: int = 0


def run_mocked(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json, mock: Answered
) -> Step:
    """Run a state with an answer for its work; its retriers and catchers are the caller's.

    Raises:
        StatesError: a path, template or number of the state, the answer's error, States.DataLimitExceeded, or
            States.ExceedToleratedFailureThreshold.
        TooManyFailures: there are fewer iterations than failed ones.
    """
    work = {"Task": _task, "Parallel": _parallel, "Map": _map}[planned.state.type]
    plan, scope = planned.plan, branch.scope
    effective = flow.fold(plan.once, value, value, visit, scope) if plan.once else value
    result = work(interpreter, planned, branch, visit, value, effective, mock)
    size = size_bytes(result)
    visit.result_bytes = size
    if size > interpreter.limit_bytes:
        raise flow.too_large(planned.name, size, interpreter.limit_bytes, lambda: result, "result")
    visit.stages.append(("result", result))
    if planned.assign is not None:
        flow.assign(planned.assign, result, visit, scope)
    return (flow.fold(plan.after, result, value, visit, scope) if plan.after else result), planned.next


def _task(
    interpreter: Interpreter,
    planned: PlannedState,
    branch: Branch,
    visit: Visit,
    value: Json,
    effective: Json,
    mock: Answered,
) -> Json:
    times = [each for each in timeouts(planned, branch, visit, effective) if each is not None]
    if token.waits(cast(TaskState, planned.state).resource):
        token.issue(interpreter, branch, visit)
    given = _built(interpreter, planned, branch, visit, value, effective)
    try:
        return mock.answer(given, mock)
    finally:
        _let_pass(interpreter, mock.took_ms, times)


def _let_pass(interpreter: Interpreter, took_ms: int, times: list[int]) -> None:
    """Let the time pass that a task took, as far as it may last.

    Raises:
        StatesError: States.Timeout.
    """
    most_ms = min(times, default=0) * 1000
    late = bool(times) and took_ms > most_ms
    interpreter.log.set_time(interpreter.log.now_ms + (most_ms if late else took_ms))
    if late:
        words = f"the mock took {took_ms / 1000:g} s of virtual time, and may take {min(times)} s"
        raise StatesError(TIMEOUT, None, detail=Detail("timeout", message=words))


def _parallel(
    interpreter: Interpreter,
    planned: PlannedState,
    branch: Branch,
    visit: Visit,
    value: Json,
    effective: Json,
    mock: Answered,
) -> Json:
    return mock.answer(_built(interpreter, planned, branch, visit, value, effective), mock)


def _built(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json, effective: Json
) -> Json:
    """Return what the state hands to its work."""
    given = effective
    if planned.plan.before:
        given = flow.fold(planned.plan.before, effective, value, visit, branch.scope)
    visit.task_input_bytes = size = size_bytes(given)
    if size > interpreter.limit_bytes:
        raise flow.too_large(planned.name, size, interpreter.limit_bytes, lambda: given, "task input")
    return given


def _map(
    interpreter: Interpreter,
    planned: PlannedState,
    branch: Branch,
    visit: Visit,
    _: Json,
    effective: Json,
    mock: Answered,
) -> Json:
    state = cast(MapState, planned.state)
    if state.distribution is not None:
        feed, count, share = _distributed(interpreter, planned, branch, visit, effective, mock)
    else:
        items = read_items(planned, branch, visit, effective)
        _note_concurrency(mock, read_concurrency(planned, state, branch, visit, effective))
        count, share = read_tolerance(planned, state, branch, visit, effective)
        select = item_selector(interpreter, planned, branch, visit, effective, "STATE_DATA")
        feed = Feed(in_memory(items), select, 0, None)
    if count:
        mock.numbers["toleratedFailureCount"] = count
    if share:
        mock.numbers["toleratedFailurePercentage"] = float(share)
    given = _given(feed)
    batched = state.distribution is not None and state.distribution.batcher is not None
    if planned.selector is not None:
        selected = [item for each in given for item in each["Items"]] if batched else given
        visit.stages.append(("afterItemSelector", selected))
    if batched:
        visit.stages.append(("afterItemBatcher", given))
    if mock.failed_items > len(given):
        # Source: recorded: map_iteration_failure_count_exceeds_mock_result_items.
        words = "Map iteration failure count must be less than or equal to the number of Map iterations"
        raise TooManyFailures(words)
    result = mock.answer(given, mock)
    if Tolerance(count, share, len(given)).exceeded(mock.failed_items):
        # Source: recorded: map_state_failure_count: without a threshold of its own a Map bears every failure.
        cause = "The specified tolerated failure threshold was exceeded"
        raise StatesError(EXCEED_TOLERATED_FAILURE_THRESHOLD, cause, detail=Detail("state", message=cause))
    return result


def _note_concurrency(mock: Answered, limit: int) -> None:
    mock.numbers["maxConcurrency"] = limit


def _distributed(
    interpreter: Interpreter,
    planned: PlannedState,
    branch: Branch,
    visit: Visit,
    effective: Json,
    mock: Answered,
) -> tuple[Feed, int, float]:
    """Return the items of a distributed Map, and which failures it bears."""
    setup: Setup = _returned(prepare(interpreter, planned, branch, visit, effective))
    reader = setup.distribution.reader
    _note_concurrency(mock, setup.max_concurrency)
    if reader is not None:
        items = _read(setup, branch, visit, effective, mock.reader_data)
        if reader.items_pointer is not None:
            visit.stages.append(("afterItemsPointer", items))
        setup.items, setup.distribution = items, replace(setup.distribution, reader=None)
    return setup.feed(branch, visit), setup.tolerated_count, setup.tolerated_share


def _returned(run: StateRun) -> Any:
    """Return what a generator returns that asks for nothing."""
    try:
        effect = next(run)
    except StopIteration as stop:
        return stop.value
    raise Unsupported(f"{type(effect).__name__} in a state that is tested with a mock")


def _given(feed: Feed) -> list[Any]:
    """Return the input of every iteration."""
    given: list[Any] = []
    while (one := _returned(feed.take())) is not None:
        given.append(one[0])
    return given


def _read(setup: Setup, branch: Branch, visit: Visit, effective: Json, data: str | None) -> list[Json]:
    """Return the items of an ItemReader, whose data is given instead of read.

    Without data the input has it already.
    Source: Developer Guide, Testing Distributed Map states; recorded: state_machine_configuration_map_iteration_item_
    reader.
    """
    reader = setup.distribution.reader
    assert reader is not None
    if data is None:
        return read_items(setup.planned, branch, visit, effective)
    if reader.manifest_type is not None or reader.input_type == "MANIFEST" or reader.transformation != "NONE":
        raise Unsupported(f"{reader.pointer}: the data of a manifest, or of objects that are listed and read")
    try:
        if reader.resource.endswith(":listObjectsV2"):
            return _listed(data)
        return _items(setup.dataset(branch, visit)[0], data)
    except Unreadable as problem:
        raise unreadable(setup, problem) from None


def _listed(data: str) -> list[Json]:
    """Return the objects of a listing: an array, or S3's own answer.

    Raises:
        Unreadable: it is neither.
    """
    try:
        listed = loads(data)
    except ValueError as problem:
        raise Unreadable("Failed to parse the list of objects.", f"the data is not JSON: {problem}", "") from None
    objects = listed.get("Contents", []) if isinstance(listed, dict) else listed
    if isinstance(objects, list):
        return objects
    raise Unreadable("Attempting to map over non-iterable node.", "the data is no list of objects", "")


def _items(dataset: Dataset, data: str) -> list[Json]:
    answer, items = AwsAnswer({"Body": _Body(data.encode("utf-8", "surrogatepass"))}), []
    try:
        step = next(dataset)
        while True:
            if isinstance(step, CallAws):
                step = cast(Any, dataset).send(answer)
            else:
                items.append(step)
                step = next(dataset)
    except StopIteration:
        return items


class _Body:
    """A text that is read as an object of S3 is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes more."""
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]
