"""The Parallel state.

Source: ASL specification, Parallel State; recorded: parallel_state_nested, parallel_state_catch, parallel_state_fail,
parallel_catch_error (a Task that fails in a branch is also marked as aborted).
"""

from __future__ import annotations

from contextlib import suppress

from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import StatesError
from sfn_sim.payload import Json, size_bytes
from sfn_sim.run import flow
from sfn_sim.run.effects import Gather, StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.log import Branch, HistoryLimitReached, Visit

_CAN_BE_ABORTED = frozenset(("Task", "Wait", "Parallel", "Map"))


def run_parallel(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, value: Json
) -> StateRun:
    """Run every branch on the same input; the result is the list of their outputs.

    Raises:
        StatesError: the first error of a branch, or States.DataLimitExceeded for the list.
    """
    log = interpreter.log
    effective = flow.fold(planned.plan.once, value, value, visit, branch.scope)

    has_started = False

    def work() -> StateRun:
        nonlocal has_started
        has_started = False
        given = flow.fold(planned.plan.before, effective, value, visit, branch.scope)
        branch.last = log.append("ParallelStateStarted", branch.last)
        started, size, has_started = branch.last, size_bytes(given), True

        def start(index: int, _: int | None) -> StateRun:
            inner = interpreter.new_branch(f"{visit.path}[{index}].", started, visit.index, branch)
            inner.size = size
            return _run_branch(interpreter, planned, index, inner, branch, given)

        result = yield Gather(len(planned.graphs), start, 0)
        total = size_bytes(result)
        visit.stages.append(("result", result))
        if total > interpreter.limit_bytes:
            raise flow.too_large(planned.name, total, interpreter.limit_bytes, lambda: result, "result")
        if planned.assign is not None:
            flow.assign(planned.assign, result, visit, branch.scope)
        output = flow.fold(planned.plan.after, result, value, visit, branch.scope)
        log.append("ParallelStateSucceeded", branch.last)
        return output

    def failed(error: StatesError) -> None:
        # As with a Map, what fails before it has started has no event of its own, unless JSONata failed.
        # Source: assumed, after map_state_items_eval_jsonata_fail.
        if has_started or flow.is_evaluation(error):
            branch.last = log.append("ParallelStateFailed", branch.last)

    return (yield from interpreter.attempt(planned, branch, visit, work, failed))


def _run_branch(
    interpreter: Interpreter, planned: PlannedState, index: int, inner: Branch, outer: Branch, value: Json
) -> StateRun:
    try:
        output = yield from interpreter.run_graph(planned.graphs[index], inner, value)
    except StatesError:
        _abort(interpreter, inner)
        outer.last = inner.last
        raise
    except GeneratorExit:
        _abort(interpreter, inner)
        raise
    outer.last = inner.last
    return output


def _abort(interpreter: Interpreter, inner: Branch) -> None:
    """Mark the state in which a branch was cut off, unless the history is full."""
    if inner.state is not None and inner.state.state.type in _CAN_BE_ABORTED:
        with suppress(HistoryLimitReached):
            interpreter.log.append(f"{inner.state.state.type}StateAborted", inner.last)
