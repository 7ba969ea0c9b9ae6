"""The Map state, inline.

Source: ASL specification, Map State; recorded: map_state_legacy_config_inline, map_state_break_condition_legacy,
map_state_retry_multiple_retriers, max_concurrency_path, map_state_tolerated_failure_count_path.
"""

from __future__ import annotations

from typing import cast

from sfn_sim.definition.model import MapState, Number
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, RUNTIME, Detail, StatesError
from sfn_sim.payload import Json, dumps, size_bytes
from sfn_sim.run import flow
from sfn_sim.run.choice import is_number
from sfn_sim.run.effects import Gather, StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Branch, Visit
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
    effective = flow.fold(planned.plan.once, value, value, visit, branch.scope)

    in_items = False

    def work() -> StateRun:
        nonlocal in_items
        in_items = False
        items = _items(planned, branch, visit, effective)
        limit = _number(planned, "MaxConcurrency", state.max_concurrency, branch, visit, effective, "integer")
        if limit < 0:
            # AWS was recorded to hang here (max_concurrency_path_negative); an end with words is more use.
            raise _refused(planned, "MaxConcurrencyPath", visit, effective, "MaxConcurrency cannot be negative.")
        branch.last = log.append("MapStateStarted", branch.last, (len(items),))
        tolerance = _Tolerance.read(planned, state, branch, visit, effective, len(items))
        run = _Items(interpreter, planned, branch, visit, items, effective, tolerance)
        tolerates = run.tolerates if tolerance.count or tolerance.percentage else None
        in_items = True
        try:
            result: list[Json] = yield Gather(len(items), run.start, int(limit), tolerates)
        except StatesError:
            run.abort_rest()
            raise
        result = [run.errors.get(index, each) for index, each in enumerate(result)] if run.errors else result
        visit.stages.append(("result", result))
        total = size_bytes(result)
        if total > interpreter.limit_bytes:
            raise flow.too_large(planned.name, total, interpreter.limit_bytes, lambda: result, "result")
        if not planned.plan.after:
            visit.output_bytes = total
        output = flow.fold(planned.plan.after, result, value, visit, branch.scope)
        log.append("MapStateSucceeded", branch.last)
        return output

    def failed(_: StatesError) -> None:
        # A Map whose own fields are wrong ends without MapStateFailed (recorded: max_concurrency_path,
        # map_state_tolerated_failure_count_path).
        if in_items:
            branch.last = log.append("MapStateFailed", branch.last)

    return (yield from interpreter.attempt(planned, branch, visit, work, failed))


def _items(planned: PlannedState, branch: Branch, visit: Visit, effective: Json) -> list[Json]:
    items = effective
    if "ItemsPath" in planned.paths:
        items = flow.read(planned, "ItemsPath", effective, visit, branch.scope)
        visit.stages.append(("afterItemsPath", items))
    if isinstance(items, list):
        return items
    path = planned.paths["ItemsPath"].text if "ItemsPath" in planned.paths else "$"
    # Source: ingestion-system.md (the real system's logs): 'Reference path "$.x" must point to array.'
    detail = Detail(
        "map",
        stage="afterItemsPath",
        field="ItemsPath",
        expression=path,
        value=effective,
        pointer=f"{planned.state.pointer}/ItemsPath",
        reached=items,
        message="not an array",
    )
    cause = f'{flow.prefix(visit)}Reference path "{path}" must point to array.'
    raise StatesError(RUNTIME, cause, detail=detail)


def _number(
    planned: PlannedState, name: str, number: Number, branch: Branch, visit: Visit, effective: Json, kind: str
) -> float:
    """Return a number of the Map, 0 where it is not set; `kind` is AWS's word for what it must be."""
    if number.path is None:
        return number.value or 0
    field = f"{name}Path"
    value = flow.read(planned, field, effective, visit, branch.scope)
    whole = isinstance(value, int) or kind == "float"
    if is_number(value) and whole:
        return cast(float, value)
    shown = value if isinstance(value, str) else dumps(value)
    words = f'The {field} field refers to value "{shown}" which is not a valid {kind}: {number.path}'
    raise _refused(planned, field, visit, effective, words)


def _refused(planned: PlannedState, field: str, visit: Visit, effective: Json, words: str) -> StatesError:
    detail = Detail(
        "map",
        field=field,
        expression=planned.paths[field].text if field in planned.paths else "",
        value=effective,
        pointer=f"{planned.state.pointer}/{field}",
        message=words,
    )
    return StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)


class _Tolerance:
    """How many items may fail before the Map does."""

    __slots__ = ("count", "percentage", "total")

    def __init__(self, count: float, percentage: float, total: int) -> None:
        self.count = count
        self.percentage = percentage
        self.total = total

    @classmethod
    def read(
        cls, planned: PlannedState, state: MapState, branch: Branch, visit: Visit, effective: Json, total: int
    ) -> _Tolerance:
        """Read both fields; either one's limit suffices.

        Source: recorded: map_state_tolerated_failure_percentage_path (100.1, NoNumber), …_count_path.
        """
        names = ("ToleratedFailureCount", "ToleratedFailurePercentage")
        count = _number(
            planned, names[0], state.tolerated_failure_count, branch, visit, effective, "integer"
        )
        percentage = _number(
            planned, names[1], state.tolerated_failure_percentage, branch, visit, effective, "float"
        )
        if count < 0:
            raise _refused(
                planned, f"{names[0]}Path", visit, effective, "ToleratedFailureCount cannot be negative."
            )
        if not 0 <= percentage <= 100:
            words = "ToleratedFailurePercentage must be between 0 and 100."
            raise _refused(planned, f"{names[1]}Path", visit, effective, words)
        return cls(count, percentage, total)

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
        tolerance: _Tolerance,
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
