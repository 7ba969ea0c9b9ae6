"""The kept children of a run's Map Runs, as rows of the run's own spool.

They are written when the run has ended, beside it and with its values, so that all of a run is added to a file in one
transaction. Their numbers count from 1, those of nested Map Runs among them; 0 is the run itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.spool import Spool

_SCHEMA = """
CREATE TEMP TABLE IF NOT EXISTS child_runs (
    number INTEGER PRIMARY KEY, parent INTEGER NOT NULL, machine TEXT, execution TEXT, definition TEXT, start TEXT,
    seed INTEGER, status TEXT, error TEXT, cause TEXT, input BLOB, output BLOB, elapsed_ms INTEGER, events INTEGER,
    detail BLOB, about TEXT
);
CREATE TEMP TABLE IF NOT EXISTS child_events (run, id, previous, at_ms, type, details);
CREATE TEMP TABLE IF NOT EXISTS child_visits (
    run, id, previous, path, state, event, entered_ms, exited_ms, output, retries, error, cause, more
);
CREATE TEMP TABLE IF NOT EXISTS child_stages (run, visit, number, name, value);
DELETE FROM temp.child_runs;
DELETE FROM temp.child_events;
DELETE FROM temp.child_visits;
DELETE FROM temp.child_stages
"""

COPY = """
CREATE INDEX IF NOT EXISTS target.children ON runs (parent) WHERE parent IS NOT NULL;
INSERT INTO target.runs (id, parent, machine, execution, definition, start, seed, status, error, cause, input, output,
    elapsed_ms, events, detail, about)
    SELECT :base - number, iif(parent, :base - parent, :run), machine, execution, definition, start, seed, status,
    error, cause, input, output, elapsed_ms, events, detail, about FROM temp.child_runs ORDER BY number DESC;
INSERT INTO target.events SELECT :base - run, id, previous, at_ms, type, details FROM temp.child_events
    ORDER BY run DESC, id;
INSERT INTO target.visits SELECT :base - run, id, previous, path, state, event, entered_ms, exited_ms, output, retries,
    error, cause, more FROM temp.child_visits ORDER BY run DESC, id;
INSERT INTO target.stages SELECT :base - run, visit, number, name, value FROM temp.child_stages
    ORDER BY run DESC, visit, number;
"""
"""Copies the children below the number `base`, which no run has nor any child of another."""


def spool_children(spool: Spool, execution: Execution, columns: Callable[..., dict[str, Any]]) -> int:
    """Write the kept children of an execution, and theirs; return how many there are.

    Args:
        spool: the execution's own spool.
        execution: the execution.
        columns: makes the columns of a run that an execution has by itself, given it, its definition and what else is
            to be said of it.
    """
    for statement in _SCHEMA.split(";"):
        spool.connection.execute(statement)
    number = 0
    waiting: list[tuple[int, Execution]] = [(0, execution)]
    while waiting:
        parent, outer = waiting.pop()
        for place, run in enumerate(outer.map_runs):
            for child in run.children.values():
                number += 1
                inner = child.execution()
                about: dict[str, Json] = {"map_run": place, "index": child.index, "items": child.items}
                _write(spool, number, parent, inner, columns(inner, "", {"child": about}))
                if inner.map_runs:
                    waiting.append((number, inner))
    return number


def _write(spool: Spool, number: int, parent: int, child: Execution, row: dict[str, Any]) -> None:
    put, connection = spool.payloads.put, spool.connection
    names = ("number", "parent", *row)
    values = ", ".join("?" * len(names))
    insert = f"INSERT INTO temp.child_runs ({', '.join(names)}) VALUES ({values})"
    connection.execute(insert, (number, parent, *row.values()))
    events = [
        (number, event, previous, at_ms, kind, spool.payloads.put_all(details))
        for event, previous, at_ms, kind, details in child.log.events
    ]
    connection.executemany("INSERT INTO temp.child_events VALUES (?, ?, ?, ?, ?, ?)", events)
    visits = (_visit(visit, put) for visit in child.log.visits)
    connection.executemany(
        f"INSERT INTO temp.child_visits VALUES ({', '.join('?' * 13)})", ((number, *each) for each in visits)
    )
    connection.executemany("INSERT INTO temp.child_stages VALUES (?, ?, ?, ?, ?)", _stages(number, child, put))
    if spool.payloads.is_full:
        spool.payloads.write()


def _stages(number: int, child: Execution, put: Callable[[Json], bytes]) -> Iterator[tuple[int, int, int, str, bytes]]:
    for visit in child.log.visits:
        for place, (name, value) in enumerate(visit.stages):
            yield number, visit.index, place, name, put(value)


def _visit(visit: Visit, put: Callable[[Json], bytes]) -> tuple[Any, ...]:
    return (
        visit.index, visit.previous, visit.path, visit.name, visit.entered_event, visit.entered_ms, visit.exited_ms,
        put(visit.output) if visit.left else None, json.dumps(list(visit.retry_delays_ms)),
        *(visit.error or (None, None)), more_of(visit, put),
    )  # fmt: skip


def more_of(visit: Visit, put: Callable[[Json], bytes]) -> str:
    """Return what is kept of a visit beside its columns."""
    sizes = (visit.measured_input_bytes(), visit.task_input_bytes, visit.result_bytes, visit.output_bytes)
    assigned = put(visit.assigned) if visit.assigned is not None else None
    return more_text(sizes, visit.calls_ns, visit.caught, visit.printed, assigned)


def more_text(sizes: Any, calls_ns: int, caught: bool, printed: Any, assigned: bytes | None) -> str:
    """Return what is kept of a visit beside its columns, in a form that any version of Python reads."""
    more: dict[str, Json] = {"sizes": list(sizes), "calls_ns": calls_ns, "caught": caught}
    if printed:
        more["printed"] = [list(each) for each in printed]
    if assigned is not None:
        more["assigned"] = assigned.hex()
    return json.dumps(more)
