"""A Map Run: what is known of one run of a distributed Map, in memory that does not grow with its items.

Source: API reference, DescribeMapRun; DESIGN: of the children that have ended the first ten and the failed ones are
kept, the others are counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sfn_sim.definition.plan import PlannedState
from sfn_sim.payload import Json
from sfn_sim.run.child import Child
from sfn_sim.run.log import Log

KEPT_FIRST = 10
KEPT_MOST = 1_000


@dataclass(slots=True)
class StateTotals:
    """What the visits of one state were in all children together."""

    state: PlannedState
    visits: int = 0
    retries: int = 0
    largest_input_bytes: int = 0
    largest_output_bytes: int = 0
    virtual_ms: int = 0
    calls_ns: int = 0


@dataclass(slots=True)
class MapRun:
    """One run of a distributed Map.

    Attributes:
        arn: its ARN; `execution_arn` that of the execution that started it.
        label: the Map's label; `visit` the stay in the Map state, as its index in the parent's log.
        path: the Map state's place, such as "ReadRows".
        pointer: JSON pointer of the Map's processor in the definition.
        start: when it started; `start_ms` the same in virtual ms since the parent's start; `stop_ms` when it ended,
            -1 before.
        status: RUNNING, SUCCEEDED, FAILED or ABORTED; `error` and `cause` why.
        max_concurrency: how many children may run at once, 0 for as many as AWS allows.
        tolerated_count: how many items may fail; `tolerated_share` how many of a hundred; both 0: none.
        keep: how many children are kept whatever becomes of them.
        executions: how many children there are by status; `items` how many items those have.
        total_items: how many items there are in all; None while nobody knows.
        pending: how many children have not been started, as far as their items have been read; `pending_items` how
            many items those have.
        results_written: how many children's results were written; `items_written` those of how many items.
        children: those that are kept, by their index.
        totals: what happened in the children, by state.
    """

    arn: str
    execution_arn: str
    label: str
    visit: int
    path: str
    pointer: str
    express: bool
    start: datetime
    start_ms: int
    max_concurrency: int
    tolerated_count: int
    tolerated_share: float
    keep: int = KEPT_FIRST
    status: str = "RUNNING"
    error: str | None = None
    cause: str | None = None
    stop_ms: int = -1
    executions: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    total_items: int | None = None
    pending: int = 0
    pending_items: int = 0
    results_written: int = 0
    items_written: int = 0
    children: dict[int, Child] = field(default_factory=dict)
    totals: dict[int, StateTotals] = field(default_factory=dict)

    @property
    def stop(self) -> datetime | None:
        """When it ended; None before."""
        return None if self.stop_ms < 0 else self.start + timedelta(milliseconds=self.stop_ms - self.start_ms)

    @property
    def machine_arn(self) -> str:
        """The ARN of the state machine, qualified with the Map's label."""
        return self.arn.rpartition(":")[0].replace(":mapRun:", ":stateMachine:")

    def begin(self, child: Child) -> None:
        """Note a child that starts."""
        self.executions["RUNNING"] += 1
        self.items["RUNNING"] += child.items
        self.children[child.index] = child

    def end(self, child: Child) -> None:
        """Note a child that has ended; most are then forgotten."""
        status = child.status
        self.executions["RUNNING"] -= 1
        self.items["RUNNING"] -= child.items
        self.executions[status] += 1
        self.items[status] += child.items
        self._add_up(child.log)
        bad = status != "SUCCEEDED" and self.failures() <= KEPT_MOST
        if child.index >= self.keep and not bad:
            del self.children[child.index]

    def to_json(self) -> dict[str, Json]:
        """Return the run as `--json` prints it; of its children the failed ones that are kept."""
        failed = [child for _, child in sorted(self.children.items()) if child.status != "SUCCEEDED"]
        return {
            "state": self.path,
            "arn": self.arn,
            "status": self.status,
            "error": self.error,
            "cause": self.cause,
            "executions": {status.lower(): count for status, count in self.executions.items() if count},
            "items": {status.lower(): count for status, count in self.items.items() if count},
            "pending": self.pending,
            "failed": [
                {"index": child.index, "arn": child.identity.arn, "error": child.error, "cause": child.cause}
                for child in failed
            ],
        }

    def failures(self) -> int:
        """Return how many children ended otherwise than well."""
        return self.executions["FAILED"] + self.executions["ABORTED"]

    def is_exceeded(self) -> bool:
        """Tell whether more items have failed than may.

        Source: Developer Guide, Setting failure thresholds: when either is passed; without any, the first failure.
        """
        failed = self.items["FAILED"]
        if not self.tolerated_count and not self.tolerated_share:
            return failed > 0
        by_count = self.tolerated_count > 0 and failed > self.tolerated_count
        total = self.total_items
        by_share = total is not None and self.tolerated_share > 0 and failed * 100 > self.tolerated_share * total
        return by_count or by_share

    def _add_up(self, log: Log) -> None:
        totals = self.totals
        for visit in log.visits:
            state = visit.state
            row = totals.get(state.number)
            if row is None:
                row = totals[state.number] = StateTotals(state)
            row.visits += 1
            row.retries += len(visit.retry_delays_ms)
            row.largest_input_bytes = max(row.largest_input_bytes, visit.input_bytes, visit.task_input_bytes)
            row.largest_output_bytes = max(row.largest_output_bytes, visit.output_bytes, visit.result_bytes)
            if visit.exited_ms > visit.entered_ms:
                row.virtual_ms += visit.exited_ms - visit.entered_ms
            row.calls_ns += visit.calls_ns
        for inner in log.map_runs:
            for number, other in inner.totals.items():
                row = totals.get(number)
                if row is None:
                    row = totals[number] = StateTotals(other.state)
                row.visits += other.visits
                row.retries += other.retries
                row.largest_input_bytes = max(row.largest_input_bytes, other.largest_input_bytes)
                row.largest_output_bytes = max(row.largest_output_bytes, other.largest_output_bytes)
                row.virtual_ms += other.virtual_ms
                row.calls_ns += other.calls_ns
