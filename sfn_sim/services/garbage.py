"""How often Python looks for cyclic garbage while a run goes on."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_ALLOCATIONS = 100_000
_PASSED_OVER = 1_000_000
_MUCH_NS = 20_000_000
_passed_over = 0
_usual: list[tuple[int, int, int]] = []


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Let Python look for cyclic garbage rarely.

    A run's log only grows and has no cycles: to walk it again and again took up to three quarters of a run's time.
    """
    global _passed_over
    before = gc.get_threshold()
    collections = gc.get_stats()[0]["collections"]
    gc.set_threshold(max(before[0], _ALLOCATIONS), before[1], before[2])
    _usual.append(before)
    try:
        yield
    finally:
        _usual.pop()
        _passed_over += gc.get_count()[0] + _ALLOCATIONS * (gc.get_stats()[0]["collections"] - collections)
        if _passed_over > _PASSED_OVER:
            # What short runs one after the other leave behind is looked through all at once.
            _passed_over = 0
            gc.collect()
        elif not gc.get_freeze_count():
            # What has grown counts as old from here on: to walk it once more took a third of a short run's time.
            gc.freeze()
            gc.unfreeze()
        gc.set_threshold(*before)


def note_work(real_ns: int) -> None:
    """Go back to Python's own ways, for the rest of a run, once a handler has done much.

    Such handlers leave garbage of their own, which may be large: with rare collections the peak of the documented
    ingestion was a fifth higher. Beside their time that of a collection is nothing.
    """
    if real_ns > _MUCH_NS and _usual:
        gc.set_threshold(*_usual[0])
