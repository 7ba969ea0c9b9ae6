"""The distributed Map: its items run as child executions, side by side on the parent's scheduler.

Of the children no more exist at once than may run; items are read when there is room for them.

Source: Developer Guide, Map state in Distributed mode; recorded: map_state_config_distributed_*, map_item_reader_*,
map_state_tolerated_failure_*, map_state_label.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

from sfn_sim import limits
from sfn_sim.definition.model import Distribution, MapState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, Detail, StatesError
from sfn_sim.payload import Json
from sfn_sim.run import flow
from sfn_sim.run.child import Child
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import Gather, StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.item_batcher import Feed, Given
from sfn_sim.run.item_reader import Unreadable
from sfn_sim.run.log import Branch, HistoryLimitReached, Visit
from sfn_sim.run.map_results import Results
from sfn_sim.run.map_run import MapRun
from sfn_sim.run.map_setup import Setup, prepare, unreadable
from sfn_sim.run.seed import Stream

# So many items are read before the first child starts, or as many as run at once: what is wrong with a small dataset
# shows before anything has happened, and its size is known.
_AHEAD = 1_000
_AHEAD_BYTES = 64 << 20
_TOLD_EACH = 100


def run_distributed(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json
) -> StateRun:
    """Run the processor as a child execution for each item or batch of items.

    Raises:
        StatesError: States.Runtime (a field of the Map's own), States.ItemReaderFailed, States.ResultWriterFailed,
            States.ExceedToleratedFailureThreshold, or States.DataLimitExceeded for the list of outputs.
    """
    log = interpreter.log
    effective = flow.fold(planned.plan.once, value, value, visit, branch.scope)
    has_started = False

    def work() -> StateRun:
        nonlocal has_started
        has_started = False
        setup = yield from prepare(interpreter, planned, branch, visit, effective)
        run = _Run(interpreter, planned, branch, visit, setup)
        log.map_runs.append(run.map_run)
        started = branch.last = log.append("MapRunStarted", branch.last, (run.map_run.arn,))
        has_started = True
        try:
            result = yield from run.carry_out()
        except StatesError as error:
            run.ended("FAILED", error)
            branch.last = log.append("MapRunFailed", started, (error.name, error.cause))
            raise
        except GeneratorExit:
            run.ended("ABORTED")
            with suppress(HistoryLimitReached):
                log.append("MapRunAborted", started)
            raise
        run.ended("SUCCEEDED")
        succeeded = log.append("MapRunSucceeded", started)
        visit.stages.append(("result", result))
        if run.result_bytes > interpreter.limit_bytes:
            branch.last = succeeded
            total = run.result_bytes
            raise flow.too_large(planned.name, total, interpreter.limit_bytes, lambda: result, "result")
        if not planned.plan.after:
            visit.output_bytes = run.result_bytes
        if planned.assign is not None:
            flow.assign(planned.assign, result, visit, branch.scope)
        output = flow.fold(planned.plan.after, result, value, visit, branch.scope)
        # Source: recorded since November 2024: the exit hangs on the start of the run, not on its end.
        log.append("MapStateSucceeded", succeeded)
        return output

    def failed(error: StatesError) -> None:
        # A Map whose own fields are wrong ends without MapStateFailed (recorded:
        # map_state_tolerated_failure_count_path), but not one of JSONata (map_state_items_eval_jsonata_fail).
        if has_started or flow.is_evaluation(error):
            branch.last = log.append("MapStateFailed", branch.last)

    return (yield from interpreter.attempt(planned, branch, visit, work, failed))


class _Run:
    """One run of a distributed Map, under way."""

    def __init__(
        self, interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, setup: Setup
    ) -> None:
        self._interpreter = interpreter
        self._planned = planned
        self._setup = setup
        distribution = cast(Distribution, cast(MapState, planned.state).distribution)
        parent = interpreter.identity
        machine = parent.machine_name.partition("/")[0]
        # Source: Developer Guide, Label: without one, Step Functions makes a unique one.
        label = distribution.label or Stream.named(interpreter.seed, "label", machine, planned.state.pointer).uuid4()
        # Counted by its own place: a state that is put in elsewhere leaves the ids as they were.
        before = sum(1 for each in interpreter.log.map_runs if each.path == visit.path)
        ids = Stream.named(interpreter.seed, parent.arn, visit.path, before, "map run")
        self._ids = ids
        self._machine_name = f"{machine}/{label}"
        self.map_run = MapRun(
            arn=f"arn:aws:states:{parent.region}:{parent.account}:mapRun:{machine}/{label}:{ids.uuid4()}",
            execution_arn=parent.arn,
            label=label,
            visit=visit.index,
            path=visit.path,
            pointer=planned.graphs[0].pointer,
            express=distribution.execution_type == "EXPRESS",
            start=parent.start + timedelta(milliseconds=interpreter.log.now_ms),
            start_ms=interpreter.log.now_ms,
            max_concurrency=setup.max_concurrency,
            tolerated_count=setup.tolerated_count,
            tolerated_share=setup.tolerated_share,
            keep=interpreter.keep_children,
        )
        self._results = Results(planned, setup.destination, self.map_run, ids, interpreter.limit_bytes)
        self._feed: Feed = setup.feed(branch, visit)
        self._queue: deque[Given] = deque()
        self._started = 0
        self._granted = 0
        self._moment: tuple[int, datetime] = (-1, parent.start)

    @property
    def result_bytes(self) -> int:
        """The size of the Map's result."""
        return self._results.size_bytes

    def _limit(self) -> int:
        most = limits.MAP_CONCURRENCY.value
        return min(self.map_run.max_concurrency or most, most)

    def carry_out(self) -> StateRun:
        """Run every child and return the Map's result."""
        try:
            yield from self._read_ahead()
            self._granted = self._limit()
            if self._queue:
                yield Gather(self._needed(self._granted), self._worker, 0)
            self._note_total()
            self._tell(1)
            # A share of items can be told for certain only now.
            if self.map_run.is_exceeded():
                raise self._exceeded()
        except Unreadable as problem:
            raise unreadable(self._setup, problem) from None
        except StatesError as error:
            if error.name == EXCEED_TOLERATED_FAILURE_THRESHOLD:
                yield from self._leave_the_rest()
            raise
        return (yield from self._results.close())

    def _needed(self, workers: int) -> int:
        """Return how many of so many workers can have anything to do."""
        return min(workers, len(self._queue)) if self._feed.exhausted else workers

    def _read_ahead(self) -> StateRun:
        most, total = max(self._limit(), _AHEAD), 0
        while len(self._queue) < most and total < _AHEAD_BYTES:
            given = yield from self._feed.take()
            if given is None:
                break
            self._queue.append(given)
            self.map_run.pending += 1
            self.map_run.pending_items += given[2]
            total += given[1]
        self._note_total()

    def _note_total(self) -> None:
        if self._feed.exhausted:
            self.map_run.total_items = self._feed.read

    def _worker(self, _: int, __: int | None) -> StateRun:
        """Run one child after the other, until there is none left."""
        run, queue = self.map_run, self._queue
        while True:
            limit = self._limit()
            if run.executions["RUNNING"] >= limit:
                # Somebody has lowered MaxConcurrency.
                self._granted = min(self._granted, limit)
                return
            if limit > self._granted:
                # Somebody has raised it.
                more, self._granted = limit - self._granted, limit
                yield Gather(1 + self._needed(more), self._worker, 0)
                return
            if queue:
                given = queue.popleft()
                run.pending -= 1
                run.pending_items -= given[2]
            else:
                taken = yield from self._take()
                if taken is None:
                    return
                given = taken
            yield from self._run_child(given)

    def _take(self) -> Generator[Any, Any, Given | None]:
        try:
            given = yield from self._feed.take()
        except Unreadable as problem:
            raise unreadable(self._setup, problem) from None
        self._note_total()
        return given

    def _run_child(self, given: Given) -> StateRun:
        value, size, count = given
        interpreter, run = self._interpreter, self.map_run
        child = Child(self._started, interpreter, self._identity(), value, size, count)
        self._started += 1
        run.begin(child)
        try:
            if size > interpreter.limit_bytes:
                child.refuse(_too_large_input(self._planned, child, size, interpreter.limit_bytes))
            else:
                yield from child.run(self._planned.graphs[0])
        except GeneratorExit:
            run.end(child)
            self._results.aborted(child)
            raise
        run.end(child)
        yield from self._results.add(child)
        self._tell(_TOLD_EACH)
        if child.status == "FAILED" and run.is_exceeded():
            raise self._exceeded()

    def _tell(self, each: int) -> None:
        """Tell the observer how many children have ended: of many not of every one."""
        progress, done = self._interpreter.progress, self._started - self.map_run.executions["RUNNING"]
        if progress is not None and (done <= each or done % each == 0):
            progress(self.map_run.path, done, self._started + len(self._queue))

    def _identity(self) -> Identity:
        parent, now_ms = self._interpreter.identity, self._interpreter.log.now_ms
        if self._moment[0] != now_ms:
            self._moment = (now_ms, parent.start + timedelta(milliseconds=now_ms))
        return Identity(
            self._machine_name,
            self._ids.uuid4(),
            self._moment[1],
            parent.region,
            parent.account,
            parent.role,
            self._ids.uuid4() if self.map_run.express else "",
        )

    def _exceeded(self) -> StatesError:
        # Source: API reference, HistoryEvent (MapRunFailed); the cause as AWS's users quote it.
        return StatesError(
            EXCEED_TOLERATED_FAILURE_THRESHOLD,
            "The specified tolerated failure threshold was exceeded",
            detail=Detail("map run", pointer=self._planned.state.pointer),
        )

    def _leave_the_rest(self) -> StateRun:
        """Note the children that are never started, and write the results as far as they go."""
        with suppress(Unreadable, StatesError):
            for value, _, _ in self._queue:
                yield from self._results.pending(self._identity, value)
            while (given := (yield from self._feed.take())) is not None:
                self.map_run.pending += 1
                self.map_run.pending_items += given[2]
                yield from self._results.pending(self._identity, given[0])
        self._note_total()
        with suppress(StatesError):
            yield from self._results.close()

    def ended(self, status: str, error: StatesError | None = None) -> None:
        """Note how the run ended."""
        run = self.map_run
        run.status, run.stop_ms = status, self._interpreter.log.now_ms
        if error is not None:
            run.error, run.cause = error.name, error.cause


def _too_large_input(planned: PlannedState, child: Child, size: int, limit_bytes: int) -> StatesError:
    # Source: Developer Guide, ItemReader: a child's input cannot exceed 256 KiB; what AWS does then is assumed.
    error = flow.too_large(planned.name, size, limit_bytes, lambda: child.input, "input")
    if error.detail is not None:
        error.detail.item = child.index
        error.detail.pointer = planned.state.pointer
    return error
