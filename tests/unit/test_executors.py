"""Executors: the same outcomes whoever carries them out, and no handler that hangs for ever."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from sfn_sim import ConfigurationError, HandlerWallLimitError
from tests.behaviour.machines import graph, machine, passing, run, task

EXECUTORS = [("inline", 1), ("threads", 1), ("threads", 3), ("processes", 1), ("processes", 2)]


def forever(event: Any, context: Any) -> None:
    while True:
        pass


def always_one(event: Any, context: Any) -> int:
    return 1


def stubborn(event: Any, context: Any) -> None:
    """Take every interruption for an error of its own, as a bare except does."""
    stopped = 0
    while stopped < 2:
        try:
            while True:
                pass
        except BaseException:
            stopped += 1


@pytest.mark.parametrize(("executor", "workers"), EXECUTORS)
@pytest.mark.parametrize("handler", [forever, stubborn])
def test_a_handler_that_hangs_ends_the_run_with_words_of_our_own(executor: str, workers: int, handler: Any) -> None:
    hanging = machine(A=task(TimeoutSeconds=1, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}], Next="B"),
                      B=passing())  # fmt: skip
    with pytest.raises(HandlerWallLimitError, match=r"the handler f ran longer than 0\.1 s.*not States\.Runtime nor"):
        hanging.run({}, {"f": handler}, executor=executor, workers=workers, handler_wall_limit_s=0.1)


@pytest.mark.parametrize("handler", [forever, stubborn])
def test_a_handler_that_hangs_is_stopped_where_the_process_ignores_interruptions(handler: Any) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(HandlerWallLimitError):
            machine(A=task()).run({}, {"f": handler}, handler_wall_limit_s=0.1)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("executor", "workers"), EXECUTORS)
def test_after_a_hanging_handler_the_next_run_is_as_good_as_ever(executor: str, workers: int) -> None:
    one = machine(A=task())
    with pytest.raises(HandlerWallLimitError):
        one.run({}, {"f": forever}, executor=executor, workers=workers, handler_wall_limit_s=0.1)
    assert one.run({}, {"f": always_one}, executor=executor, workers=workers).output == 1


def test_virtual_sleep_is_no_hanging() -> None:
    def handler(event: Any, context: Any) -> int:
        time.sleep(800)
        return 1

    assert run(task(), {}, handler).output == 1


def test_workers_work_side_by_side_and_inline_does_not() -> None:
    each = {"Type": "Map", "ItemProcessor": graph(T=task()), "End": True}

    def meeting(number: int) -> tuple[Any, threading.Barrier]:
        barrier = threading.Barrier(number)

        def handler(event: Any, context: Any) -> bool:
            try:
                barrier.wait(0.3)
            except threading.BrokenBarrierError:
                return False
            return True

        return handler, barrier

    handler, _ = meeting(3)
    assert machine(A=each).run([1, 2, 3], {"f": handler}, workers=3).output == [True] * 3
    handler, _ = meeting(2)
    assert machine(A=each).run([1, 2], {"f": handler}, executor="inline").output == [False] * 2


@pytest.mark.parametrize(("executor", "workers"), [("threads", 8), ("processes", 2)])
def test_a_run_leaves_no_thread_behind(executor: str, workers: int) -> None:
    each = {"Type": "Map", "ItemProcessor": graph(T=task()), "End": True}
    before = set(threading.enumerate())
    machine(A=each).run(list(range(20)), {"f": always_one}, executor=executor, workers=workers)
    assert [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"executor": "dream"}, "no executor is named 'dream'; there are: inline, threads, processes, dask://"),
        ({"workers": 0}, "at least 1 is needed"),
    ],
)
def test_an_executor_that_does_not_exist_or_has_no_workers_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        machine(A=task()).run({}, {"f": lambda event, context: 1}, **options)
