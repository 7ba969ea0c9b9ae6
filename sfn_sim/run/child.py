"""A child execution of a distributed Map: an execution of its own, on its parent's clock and scheduler.

Source: Developer Guide, Map state in Distributed mode (each child has its own history and limits).
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, cast

from sfn_sim.definition.plan import PlannedGraph
from sfn_sim.errors import Detail, StatesError
from sfn_sim.payload import Json
from sfn_sim.run import flow
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Branch, HistoryLimitReached, Log

if TYPE_CHECKING:
    from sfn_sim.definition.plan import PlannedMachine
    from sfn_sim.run.execution import Execution


def _gone() -> Json:
    """Stand for the Context Object of an execution that has ended."""
    return None


class ChildLog(Log):
    """A log whose time is its parent's: nobody has to tell each of ten thousand children what time it is.

    Args:
        limit: how many events there may be; None for no limit.
        parent: the log of the execution round it.
    """

    def __init__(self, limit: int | None, parent: Log) -> None:
        self._parent = parent
        self._started_ms = parent.now_ms
        self._ended_ms = -1
        super().__init__(limit)
        # Who answers for a token finds it with the execution that was started.
        self.tokens = parent.tokens

    @property
    def now_ms(self) -> int:
        """The virtual time in ms since the child's start; it stands still when the child has ended."""
        return self._parent.now_ms - self._started_ms if self._ended_ms < 0 else self._ended_ms

    @now_ms.setter
    def now_ms(self, _: int) -> None:
        """Do nothing: the parent's log knows the time."""

    def end(self) -> None:
        """Let time stand still from now on."""
        self._ended_ms = self.now_ms


class Child:
    """One child execution.

    Attributes:
        index: its place in the Map Run; `items` how many items it was given.
        identity: who it is.
        input: what it was started with.
        status: RUNNING, SUCCEEDED, FAILED or ABORTED.
        output: what it gave; `error` and `cause` why it failed, `detail` where.
        log: everything that happened in it.
    """

    __slots__ = (
        "_branch", "_interpreter", "_parent", "cause", "detail", "error", "identity", "index", "input", "items",
        "log", "output", "status",
    )  # fmt: skip

    def __init__(
        self, index: int, parent: Interpreter, identity: Identity, value: Json, size_bytes: int, items: int
    ) -> None:
        self.index = index
        self.items = items
        self.identity = identity
        self.input = value
        self.status = "RUNNING"
        self.output: Json = None
        self.error: str | None = None
        self.cause: str | None = None
        self.detail: Detail | None = None
        self.log = ChildLog(parent.limit_events, parent.log)
        self._parent = parent
        self._interpreter = dataclasses.replace(
            parent, log=self.log, identity=identity, execution_input=value, progress=None
        )
        self._branch: Branch = self._interpreter.new_branch("", 0, -1)
        self._branch.size = size_bytes

    @property
    def start(self) -> datetime:
        """When it was started."""
        return self.identity.start

    def run(self, graph: PlannedGraph) -> StateRun:
        """Run it to its end; its failure is its own, and none of the Map Run's yet."""
        log, branch = self.log, self._branch
        log.append("ExecutionStarted", 0, (self.input, self.identity.role_arn))
        try:
            self.output = yield from self._interpreter.run_graph(graph, branch, self.input)
        except StatesError as error:
            self._failed(error, branch.last)
        except HistoryLimitReached:
            self._failed(flow.history_full(self._parent.limit_events), len(log.events))
        except GeneratorExit:
            self.status = "ABORTED"
            log.append("ExecutionAborted", branch.last, (None, None))
            log.end()
            raise
        else:
            self.status = "SUCCEEDED"
            log.append("ExecutionSucceeded", branch.last, (self.output,))
        log.end()
        # A branch and its scope hold each other: without this a child would wait for a collection of garbage.
        branch.scope.context, branch.scope.seed = _gone, None

    def _failed(self, error: StatesError, previous: int) -> None:
        self.status = "FAILED"
        self.error, self.cause, self.detail = error.name, error.cause, error.detail
        self.log.append("ExecutionFailed", previous, (error.name, error.cause))

    def refuse(self, error: StatesError) -> None:
        """End it before it has begun."""
        self.log.append("ExecutionStarted", 0, (None, self.identity.role_arn))
        self._failed(error, 1)
        self.log.end()

    def execution(self) -> Execution:
        """Return it as any other execution."""
        # The module of executions imports those of the states, and so this one.
        from sfn_sim.run.execution import Execution, Options

        parent = self._parent
        options = Options(seed=parent.seed, limit_bytes=parent.limit_bytes, limit_events=parent.limit_events)
        return Execution(
            self.identity, cast("PlannedMachine", None), self.input, options, self.log, self.status, self.output,
            self.error, self.cause, self.detail,
        )  # fmt: skip
