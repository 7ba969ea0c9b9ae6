"""The clock that a thread sees depends on the invocation that it works for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from sfn_sim import clock

START = datetime(2025, 1, 1, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000


def invocation() -> clock.Invocation:
    return clock.Invocation("f", START_NS)


def test_a_thread_that_works_for_an_invocation_sees_its_time_and_is_charged_what_it_sleeps() -> None:
    mine = invocation()
    with clock.virtual_clock(), clock.working_for(mine):
        started = time.perf_counter()
        time.sleep(3600.5)
        assert time.time_ns() == START_NS + 3_600_500_000_000
        assert datetime.now(UTC).hour == 1
        assert time.perf_counter() - started < 5
    assert mine.took_ms == 3_600_500


def test_a_time_that_is_no_whole_number_of_milliseconds_counts_up() -> None:
    mine = invocation()
    with clock.virtual_clock(), clock.working_for(mine):
        time.sleep(0.0001)
    assert mine.took_ms == 1


@pytest.mark.parametrize("seconds", [-1, -0.001])
def test_sleeping_for_less_than_nothing_fails_as_it_does_in_python(seconds: float) -> None:
    with clock.virtual_clock(), clock.working_for(invocation()), pytest.raises(ValueError, match="non-negative"):
        time.sleep(seconds)


def test_other_threads_see_the_real_clock_meanwhile() -> None:
    seen: dict[str, Any] = {}
    ready, done = threading.Event(), threading.Event()

    def stranger() -> None:
        ready.wait(5)
        seen["at"] = time.time()
        done.set()

    thread = threading.Thread(target=stranger)
    thread.start()
    before = time.time()
    with clock.virtual_clock():
        assert time.time() >= before
        with clock.working_for(invocation()):
            ready.set()
            done.wait(5)
            assert time.time_ns() == START_NS
            with clock.real_time():
                assert time.time() >= before
    thread.join()
    assert seen["at"] >= before


def test_threads_that_an_invocation_starts_work_for_it() -> None:
    mine = invocation()
    with clock.virtual_clock(), clock.working_for(mine):
        with ThreadPoolExecutor(2) as pool:
            moments = list(pool.map(lambda _: time.time_ns(), range(4)))
        thread = threading.Thread(target=lambda: time.sleep(2))
        thread.start()
        thread.join()
    assert set(moments) == {START_NS}
    assert mine.took_ms == 2000


def test_runs_may_overlap_and_the_last_one_takes_the_clock_down() -> None:
    sleep, start = time.sleep, threading.Thread.start
    outer, inner = clock.virtual_clock(), clock.virtual_clock()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    with clock.working_for(invocation()):
        assert time.time_ns() == START_NS
    inner.__exit__(None, None, None)
    with clock.working_for(invocation()):
        assert time.time_ns() > START_NS
    assert time.sleep is sleep
    assert threading.Thread.start is start


def test_a_test_that_travels_in_time_itself_keeps_its_time_outside_handlers() -> None:
    import time_machine

    with time_machine.travel(datetime(2040, 1, 1, tzinfo=UTC), tick=False), clock.virtual_clock():
        assert datetime.now(UTC).year == 2040
        with clock.working_for(invocation()):
            assert datetime.now(UTC).year == 2025


def test_an_invocation_past_its_functions_timeout_is_ended_by_what_no_handler_catches() -> None:
    mine = invocation()
    mine.timeout_ns = 5_000_000_000
    with clock.virtual_clock(), clock.working_for(mine):
        time.sleep(5)
        with pytest.raises(clock.FunctionTimedOut):
            time.sleep(0.001)
    assert not issubclass(clock.FunctionTimedOut, Exception)
