"""The Map state: inline here, distributed in `run.distributed_map`.

Source: ASL specification, Map State; recorded: map_state_legacy_config_inline, map_state_break_condition_legacy,
map_state_retry_multiple_retriers, max_concurrency_path, map_state_tolerated_failure_count_path.
"""

from __future__ import annotations

from typing import cast

from sfn_sim import limits
from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, StatesError
from sfn_sim.payload import Json, size_bytes
from sfn_sim.run import flow
from sfn_sim.run.distributed_map import run_distributed
from sfn_sim.run.effects import Gather, StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Branch, Visit
from sfn_sim.run.map_fields import read_concurrency, read_items, read_tolerance
from sfn_sim.run.retry import error_output


def run_map(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json
) -> StateRun:
    """Run the processor for each item; the result is the list of the items' outputs.

    Raises:
        StatesError: States.Runtime (what ItemsPath reads is no array, a bad MaxConcurrencyPath), the first item's
            error beyond the tolerated ones, or States.DataLimitExceeded for the list.
    """
    log = interpreter.log
    state = cast(MapState, planned.state)
    if state.distribution is not None:
        return (yield from run_distributed(interpreter, planned, branch, visit, value))
    effective = flow.fold(planned.plan.once, value, value, visit, branch.scope)

    in_items = False

    def work() -> StateRun:
        nonlocal in_items
        in_items = False
        items = read_items(planned, branch, visit, effective)
        most = limits.INLINE_CONCURRENCY.value
        limit = min(read_concurrency(planned, state, branch, visit, effective) or most, most)
        branch.last = log.append("MapStateStarted", branch.last, (len(items),))
        tolerance = Tolerance(*read_tolerance(planned, state, branch, visit, effective), len(items))
        run = _Items(interpreter, planned, branch, visit, items, effective, tolerance)
        tolerates = run.tolerates if tolerance.count or tolerance.percentage else None
        in_items = True
        try:
            result: list[Json] = yield Gather(len(items), run.start, limit, tolerates)
        except StatesError:
            run.abort_rest()
            raise
        result = [run.errors.get(index, each) for index, each in enumerate(result)] if run.errors else result
        visit.stages.append(("result", result))
        total = size_bytes(result)
        if total > interpreter.limit_bytes:
            raise flow.too_large(planned.name, total, interpreter.limit_bytes, lambda: result, "result")
        if planned.assign is not None:
            flow.assign(planned.assign, result, visit, branch.scope)
        if not planned.plan.after:
            visit.output_bytes = total
        output = flow.fold(planned.plan.after, result, value, visit, branch.scope)
        log.append("MapStateSucceeded", branch.last)
        return output

    def failed(error: StatesError) -> None:
        # A Map whose own fields are wrong ends without MapStateFailed (recorded: max_concurrency_path,
        # map_state_tolerated_failure_count_path), but not one of JSONata (map_state_items_eval_jsonata_fail).
        if in_items or flow.is_evaluation(error):
            branch.last = log.append("MapStateFailed", branch.last)

    return (yield from interpreter.attempt(planned, branch, visit, work, failed))


class Tolerance:
    """How many items may fail before the Map does."""

    __slots__ = ("count", "percentage", "total")

    def __init__(self, count: float, percentage: float, total: int) -> None:
        self.count = count
        self.percentage = percentage
        self.total = total

    def exceeded(self, failures: int) -> bool:
        """Tell whether that many failures are too many.

        Source: Developer Guide, Setting failure thresholds: the Map fails when one of the set thresholds is passed.
        """
        by_count = bool(self.count) and failures > self.count
        by_share = bool(self.percentage) and failures * 100 > self.percentage * self.total
        return by_count or by_share


class _Items:
    """The items of one attempt at a Map."""

    def __init__(
        self,
        interpreter: Interpreter,
        planned: PlannedState,
        branch: Branch,
        visit: Visit,
        items: list[Json],
        effective: Json,
        tolerance: Tolerance,
    ) -> None:
        self._interpreter = interpreter
        self._planned = planned
        self._branch = branch
        self._visit = visit
        self._items = items
        self._effective = effective
        self._tolerance = tolerance
        self._started = branch.last
        self._running: dict[int, Branch] = {}
        self._ends: dict[int, int] = {}
        self._done = 0
        self.errors: dict[int, Json] = {}

    def start(self, index: int, after: int | None) -> StateRun:
        """Make item `index`; it hangs on the event that made room for it."""
        trigger = self._started if after is None else self._ends.pop(after)
        label = f"{self._visit.path}[{index}]."
        inner = self._interpreter.new_branch(label, trigger, self._visit.index, self._branch)
        inner.item = (index, self._items[index])
        inner.state = self._planned
        inner.entered_ms = self._visit.entered_ms
        inner.retry_count = self._branch.retry_count
        return self._run(index, inner)

    def _run(self, index: int, inner: Branch) -> StateRun:
        interpreter, planned = self._interpreter, self._planned
        log, name = interpreter.log, planned.name
        self._running[index] = inner
        inner.last = log.append("MapIterationStarted", inner.last, (name, index))
        try:
            value = self._selected(inner)
            output = yield from interpreter.run_graph(planned.graphs[0], inner, value)
        except StatesError:
            log.append("MapIterationFailed", inner.last, (name, index))
            self._ended(index, inner.last)
            self._branch.last = inner.last
            raise
        self._branch.last = log.append("MapIterationSucceeded", inner.last, (name, index))
        self._ended(index, inner.last)
        return output

    def _selected(self, inner: Branch) -> Json:
        index, item = cast("tuple[int, Json]", inner.item)
        step = self._planned.selector
        if step is None:
            return item
        # ItemSelector reads the Map's own input ($) and the item through $$.Map.Item; what it builds is the input
        # of the item's first state, and stands there.
        try:
            return flow.fold((step,), self._effective, None, self._visit, inner.scope, [])
        except StatesError as error:
            if error.detail is not None:
                error.detail.item = index
            self._interpreter.note(error, self._visit, inner)
            raise

    def _ended(self, index: int, last: int) -> None:
        del self._running[index]
        self._ends[index] = last
        self._done += 1
        if self._interpreter.progress is not None:
            self._interpreter.progress(self._visit.path, self._done, len(self._items))

    def tolerates(self, index: int, error: StatesError) -> bool:
        """Tell whether the Map goes on after an item's failure."""
        self.errors[index] = error_output(error)
        if not self._tolerance.exceeded(len(self.errors)):
            return True
        error.name = EXCEED_TOLERATED_FAILURE_THRESHOLD
        # Source: recorded: ExceedToleratedFailureThreshold of distributed Maps.
        error.cause = "The specified tolerated failure threshold was exceeded"
        return False

    def abort_rest(self) -> None:
        """Write the end of the items that were cut off.

        Source: API reference, HistoryEvent (MapIterationAborted); that it stands here is assumed.
        """
        for index, inner in self._running.items():
            self._interpreter.log.append("MapIterationAborted", inner.last, (self._planned.name, index))
        self._running.clear()
