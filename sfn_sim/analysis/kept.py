"""Which children of its Map Runs a run has kept, and what is said of those that it has not.

Source: DESIGN: a child that has ended is dropped to counts, but for the first ones and those that failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log
from sfn_sim.run.map_run import KEPT_MOST, MapRun

_ITEM = re.compile(r"\[(\d+)\](?=\.|$)")
_MOST_SHOWN = 12
UNKNOWN_CHILDREN = -1
"""What an imported Map Run keeps: its parent's history does not tell how many children it had."""


def children_of(execution: Execution) -> int:
    """Return how many children were started, those of kept children among them."""
    return sum(started(run) for _, run in _runs(execution.log))


def started(run: MapRun) -> int:
    """Return how many children a Map Run has started."""
    return sum(run.executions.values())


def is_imported(run: MapRun) -> bool:
    """Tell whether a Map Run comes from a history, which does not tell how many children there were."""
    return run.keep == UNKNOWN_CHILDREN


def notes(execution: Execution) -> list[str]:
    """Return what is to be said of a run whose Map Runs have not kept every child; by state, all its Map Runs."""
    counts: dict[str, tuple[int, int, int]] = {}
    for name, run in _runs(execution.log):
        kept, every, runs = counts.get(name, (0, 0, 0))
        counts[name] = kept + len(run.children), every + started(run), runs + 1
    return [
        f"{kept:,} of the {every:,} children of {name} are kept: {_rule(runs)}"
        for name, (kept, every, runs) in counts.items()
        if kept < every
    ]


def _rule(runs: int) -> str:
    of_each = " of each Map Run" if runs > 1 else ""
    return f"the first of them{of_each} and those that failed, at most {KEPT_MOST:,}"


def _runs(log: Log) -> Iterator[tuple[str, MapRun]]:
    for run in log.map_runs:
        yield log.visits[run.visit].name, run
        for child in run.children.values():
            if child.log.map_runs:
                yield from _runs(child.log)


def why_not_there(execution: Execution, place: str) -> str | None:
    """Say why a run has nothing at a place in a child of a Map Run, such as `Rows[20].Total`; None for other places."""
    found = _find(execution, place)
    if found is None:
        return None
    run, index, path = found
    if _is_dropped(run, index):
        advice = "`sfn-sim run --keep-children N` keeps the first N"
        if is_imported(run):
            advice = f"`sfn-sim import … --child '{path}[{index}]=HISTORY.json'` adds its own"
        return f"{_not_kept(run, index, path)}; {advice}"
    count = started(run)
    if run.pending or run.total_items is None:
        return f"child {index:,} of {path} was never started: its Map Run ended ({run.status}) after {count:,} children"
    return f"{path} has {count:,} children, and no number {index:,} (they are counted from 0)"


def not_kept(execution: Execution, place: str) -> Callable[[], str] | None:
    """Return what says that a run has had the child that a place leads to, and has not kept it; None for all others."""
    found = _find(execution, place)
    return None if found is None or not _is_dropped(*found[:2]) else partial(_not_kept, *found)


def _find(execution: Execution, place: str) -> tuple[MapRun, int, str] | None:
    """Return the first child on the way to a place that is not there: its Map Run, its number and its Map's place."""
    log, begin = execution.log, 0
    for match in _ITEM.finditer(place):
        path, index = place[begin : match.start()], int(match[1])
        runs = [each for each in log.map_runs if each.path == path]
        if not runs:
            continue  # an item of an inline Map, or a branch of a Parallel: more of the path follows
        child = next((each.children[index] for each in runs if index in each.children), None)
        if child is None:
            return max(runs, key=started), index, place[: match.start()]
        log, begin = child.log, match.end() + 1
    return None


def _is_dropped(run: MapRun, index: int) -> bool:
    return is_imported(run) or index < started(run)


def _not_kept(run: MapRun, index: int, path: str) -> str:
    count, kept = started(run), len(run.children)
    if is_imported(run):
        return f"child {index:,} of {path} is not in the record: its parent's history does not tell of it"
    has = f"{kept:,}, the first {run.keep:,} and the failed ones (at most {KEPT_MOST:,}): {listed(run)}"
    return f"child {index:,} of {path} is not in the record: of its {count:,} children it has {has if kept else 'none'}"


def listed(run: MapRun) -> str:
    """Return the numbers of the children that are kept, in words: 0 to 9, 16, 33."""
    parts: list[str] = []
    numbers = sorted(run.children)
    while numbers:
        last = 0
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[last] + 1:
            last += 1
        between = " to " if last > 1 else ", "
        parts.append(between.join(f"{each:,}" for each in dict.fromkeys((numbers[0], numbers[last]))))
        del numbers[: last + 1]
        if len(parts) == _MOST_SHOWN and numbers:
            return f"{', '.join(parts)}, …"
    return ", ".join(parts) or "none"
