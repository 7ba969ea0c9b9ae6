"""The scheduler by itself, with generators that are no states."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from sfn_sim.errors import StatesError
from sfn_sim.run.effects import AwsAnswer, CallAws, Gather, Invoke, Outcome, Sleep
from sfn_sim.run.log import HistoryLimitReached
from sfn_sim.run.scheduler import DeadlineReached, Scheduler

Run = Generator[Any, Any, Any]


class Recorded:
    """An executor that notes which calls came together, and lets each take as long as its function's name says."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[str]]] = []

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        self.batches.append((now_ms, [call.function for call in calls]))
        return [Outcome(call.function.encode(), took_ms=int(call.function)) for call in calls]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        self.batches.append((now_ms, [call.operation]))
        return AwsAnswer({"was": call.operation})


def call(took_ms: int, timeout_ms: int | None = None) -> Invoke:
    return Invoke(str(took_ms), b"{}", timeout_ms, ())


def scheduled(root: Run, **options: Any) -> tuple[Scheduler, Recorded, list[int]]:
    executor, times = Recorded(), [0]
    scheduler = Scheduler(executor, times.append, **options)
    scheduler.start(root)
    return scheduler, executor, times


def test_time_jumps_to_the_next_thing_that_happens() -> None:
    def root() -> Run:
        yield Sleep(50)
        yield Sleep(0)
        yield Sleep(86_400_000)
        return "end"

    scheduler, _, times = scheduled(root())
    assert scheduler.run() == "end"
    assert times == [0, 50, 86_400_050]


def test_all_calls_of_an_instant_go_out_together_and_come_back_in_their_own_time() -> None:
    ended: list[str] = []

    def child(index: int, _: int | None) -> Run:
        outcome = yield call((30, 10, 10)[index])
        ended.append(f"{index} at {outcome.took_ms}")

    def root() -> Run:
        yield Gather(3, child, 0)

    scheduler, executor, times = scheduled(root())
    scheduler.run()
    assert executor.batches == [(0, ["30", "10", "10"])]
    assert ended == ["1 at 10", "2 at 10", "0 at 30"]
    assert times == [0, 10, 30]


def test_a_call_with_a_timeout_comes_back_at_the_timeout() -> None:
    def root() -> Run:
        outcome = yield call(5000, 1000)
        return outcome.took_ms

    scheduler, _, times = scheduled(root())
    assert scheduler.run() == 5000
    assert times[-1] == 1000


def test_a_gathering_keeps_its_limit_and_gives_results_in_order() -> None:
    running: list[int] = [0]
    most: list[int] = [0]
    rooms: list[tuple[int, int | None]] = []

    def child(index: int, after: int | None) -> Run:
        rooms.append((index, after))

        def run() -> Run:
            running[0] += 1
            most[0] = max(most[0], running[0])
            yield Sleep(10 * (5 - index))
            running[0] -= 1
            return index

        return run()

    def root() -> Run:
        return (yield Gather(5, child, 2))

    scheduler, _, _ = scheduled(root())
    assert scheduler.run() == [0, 1, 2, 3, 4]
    assert most == [2]
    assert rooms == [(0, None), (1, None), (2, 1), (3, 0), (4, 2)]


def test_gathering_nothing_ends_at_once() -> None:
    def root() -> Run:
        return (yield Gather(0, lambda index, after: pytest.fail("nothing to start"), 0))

    assert scheduled(root())[0].run() == []


def test_a_failed_child_cuts_its_siblings_off_so_that_their_waits_move_nothing() -> None:
    closed: list[str] = []

    def child(index: int, _: int | None) -> Run:
        if index == 1:
            yield Sleep(5)
            raise StatesError("Early", None)
        try:
            yield Gather(1, lambda *_: grandchild(), 0)
        finally:
            closed.append("child")

    def grandchild() -> Run:
        try:
            yield Sleep(1_000_000)
        finally:
            closed.append("grandchild")

    def root() -> Run:
        try:
            yield Gather(2, child, 0)
        except StatesError as error:
            yield Sleep(7)
            return error.name

    scheduler, _, times = scheduled(root())
    assert scheduler.run() == "Early"
    assert times == [0, 5, 12]
    assert closed == ["grandchild", "child"]


def test_a_tolerated_failure_leaves_room_for_the_next_child() -> None:
    def child(index: int, _: int | None) -> Run:
        yield Sleep(1)
        if index % 2:
            raise StatesError(str(index), None)
        return index

    asked: list[int] = []

    def tolerates(index: int, error: StatesError) -> bool:
        asked.append(index)
        return True

    def root() -> Run:
        return (yield Gather(4, child, 1, tolerates))

    assert scheduled(root())[0].run() == [0, None, 2, None]
    assert asked == [1, 3]


def test_the_deadline_ends_everything_exactly_there() -> None:
    closed: list[bool] = []

    def root() -> Run:
        try:
            yield Sleep(10_001)
        finally:
            closed.append(True)

    scheduler, _, times = scheduled(root())
    with pytest.raises(DeadlineReached):
        scheduler.run(10_000)
    assert times[-1] == 10_000
    assert closed == [True]


def test_a_full_history_goes_up_through_the_gatherings_and_is_tolerated_by_none() -> None:
    def child(index: int, _: int | None) -> Run:
        yield Sleep(1)
        raise HistoryLimitReached

    def root() -> Run:
        try:
            yield Gather(2, child, 0, lambda index, error: True)
        except HistoryLimitReached:
            return "full"

    assert scheduled(root())[0].run() == "full"


def test_the_pace_is_told_of_each_move_before_it_happens() -> None:
    told: list[int] = []

    def root() -> Run:
        yield Sleep(5)
        yield Sleep(7)

    scheduled(root(), pace=told.append)[0].run()
    assert told == [5, 12]


def test_an_error_that_is_no_outcome_closes_what_runs_and_goes_to_the_caller() -> None:
    closed: list[bool] = []

    def child(index: int, _: int | None) -> Run:
        try:
            yield Sleep(index)
            raise RuntimeError("not of the machine")
        finally:
            closed.append(True)

    def root() -> Run:
        yield Gather(3, child, 0)

    with pytest.raises(RuntimeError, match="not of the machine"):
        scheduled(root())[0].run()
    assert len(closed) == 3


def test_a_call_of_aws_is_answered_at_once_and_before_anything_else_goes_on() -> None:
    order: list[str] = []

    def child(index: int, _: int | None) -> Run:
        for name in ("List", "Get"):
            answer = yield CallAws("s3", f"{name}{index}", {})
            order.append(answer.output["was"])

    def root() -> Run:
        yield Sleep(5)
        yield Gather(2, child, 0)

    scheduler, executor, times = scheduled(root())
    scheduler.run()
    assert order == ["List0", "Get0", "List1", "Get1"]
    assert executor.batches == [(5, [name]) for name in order]
    assert times == [0, 5]
