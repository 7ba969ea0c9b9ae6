"""Runs on disk: one SQLite file that holds any number of them.

Each payload, and each part of one that has 1 KB or more, stands there once, under the hash of its JSON text: a value
that goes through fifty states costs its own size once. While a run goes on its log is spooled (`spool`); what was
spooled is copied here in one transaction, so that a file is always readable, whatever happens in the middle.
"""

from __future__ import annotations

import dataclasses
import json
import marshal
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sfn_sim.analysis.kept import children_of
from sfn_sim.analysis.kept import notes as kept_notes
from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Event
from sfn_sim.run.map_run import MapRun
from sfn_sim.source import Source
from sfn_sim.spool import Payloads, Spool, read_events
from sfn_sim.spooled_children import COPY, more_text, spool_children

FORMAT = 2
"""2 (the first had neither): what a run needs to be read back whole, and the children of its Map Runs.

A child has a row in `runs` like its parent's, with a number below 0 (earlier files: between those of runs).
"""
_BUSY_S = 60.0
_APPLICATION_ID = 0x5F4E5349

_SCHEMA = """
CREATE TABLE payloads (hash BLOB PRIMARY KEY, node BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, machine TEXT NOT NULL, execution TEXT NOT NULL, definition TEXT NOT NULL,
    start TEXT NOT NULL, seed INTEGER NOT NULL, status TEXT NOT NULL, error TEXT, cause TEXT,
    input BLOB NOT NULL, output BLOB, elapsed_ms INTEGER NOT NULL,
    parent INTEGER, events INTEGER, size_bytes INTEGER, detail BLOB, about TEXT
);
CREATE TABLE events (
    run INTEGER NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    type TEXT NOT NULL, details BLOB NOT NULL, PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE visits (
    run INTEGER NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, path TEXT NOT NULL, state TEXT NOT NULL,
    event INTEGER NOT NULL, entered_ms INTEGER NOT NULL, exited_ms INTEGER NOT NULL, output BLOB,
    retries TEXT NOT NULL, error TEXT, cause TEXT, more TEXT, PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE stages (
    run INTEGER NOT NULL, visit INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (run, visit, number)
) WITHOUT ROWID;
"""


_COPY = """
INSERT OR IGNORE INTO target.payloads SELECT hash, node FROM main.payloads ORDER BY hash;
INSERT INTO target.events SELECT :run, id, previous, at_ms, type, details FROM main.events ORDER BY id;
INSERT INTO target.visits SELECT :run, id, previous, path, state, event, entered_ms, exited_ms, output, retries, error,
    cause, more_text(more) FROM main.visits ORDER BY id;
INSERT INTO target.stages SELECT :run, visit, number, name, value FROM main.stages ORDER BY visit, number;
"""


# What makes a file of format 1 one of format 2.
_TO_2 = (
    "ALTER TABLE runs ADD COLUMN parent INTEGER",
    "ALTER TABLE runs ADD COLUMN events INTEGER",
    "ALTER TABLE runs ADD COLUMN size_bytes INTEGER",
    "ALTER TABLE runs ADD COLUMN detail BLOB",
    "ALTER TABLE runs ADD COLUMN about TEXT",
    "ALTER TABLE visits ADD COLUMN more TEXT",
)

_SIZE = "SELECT sum(size) FROM (SELECT length(node) AS size FROM main.payloads GROUP BY hash)"


def record(
    path: Path, execution: Execution, definition: Source | str, *, origin: str = "run", notes: Sequence[str] = ()
) -> int:
    """Add a run to a file, which is made if there is none; return the run's number in it.

    Args:
        path: the file.
        execution: the run, which has ended.
        definition: its definition.
        origin: how the run came to be: "run", "replay" or "import".
        notes: what is to be known of it.

    Raises:
        ConfigurationError: the file cannot be written, is no file of sfn-sim, or of a newer format.
    """
    source = definition if isinstance(definition, Source) else Source("", definition)
    about: dict[str, Json] = {
        "file": source.path,
        "substitutions": dict(source.substitutions),
        "origin": origin,
        "notes": [*notes, *kept_notes(execution)],
        "recorded_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
            _prepare(connection, path)
        return _copy(Spool.of(execution.log), path, execution, source.text, about)
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot record the run in {path}: {error}") from None


def prune(path: Path, keep: int) -> int:
    """Remove all but the newest runs of a file, and the values that no other run has; return how many went.

    Raises:
        ConfigurationError: the file cannot be written, is no file of sfn-sim, or of a newer format.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
            _prepare(connection, path)
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute("SELECT id FROM runs WHERE parent IS NULL ORDER BY id DESC").fetchall()
            old = [number for (number,) in found[keep:]]
            if old:
                _remove(connection, old)
            connection.execute("COMMIT")
            if old:
                # A file that somebody reads just now keeps its free pages for the next run.
                with suppress(sqlite3.OperationalError):
                    connection.execute("VACUUM")
            return len(old)
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot remove old runs from {path}: {error}") from None


def _remove(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    going = list(numbers)
    for number in going:
        going += [row[0] for row in connection.execute("SELECT id FROM runs WHERE parent = ?", (number,))]
    for number in going:
        for table, column in (("runs", "id"), ("events", "run"), ("visits", "run"), ("stages", "run")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))
    held = {row[0] for row in connection.execute(_HELD)}
    for (more,) in connection.execute("SELECT more FROM visits WHERE more LIKE '%assigned%'"):
        held.add(bytes.fromhex(json.loads(more)["assigned"]))
    waiting = list(held)
    while waiting:
        row = connection.execute("SELECT node FROM payloads WHERE hash = ?", (waiting.pop(),)).fetchone()
        for text in _REFERENCES.findall(row[0]) if row is not None else ():
            inner = bytes.fromhex(text.decode())
            if inner not in held:
                held.add(inner)
                waiting.append(inner)
    connection.execute("CREATE TEMP TABLE held (hash BLOB PRIMARY KEY) WITHOUT ROWID")
    connection.executemany("INSERT INTO held VALUES (?)", ((each,) for each in held))
    connection.execute("DELETE FROM payloads WHERE hash NOT IN (SELECT hash FROM held)")
    connection.execute("DROP TABLE held")


_REFERENCES = re.compile(rb'\\u0000ref":"([0-9a-f]{32})"')
_HELD = """
SELECT details FROM events UNION SELECT output FROM visits WHERE output IS NOT NULL UNION SELECT value FROM stages
UNION SELECT input FROM runs UNION SELECT output FROM runs WHERE output IS NOT NULL
UNION SELECT detail FROM runs WHERE detail IS NOT NULL
"""


def check_target(path: Path) -> None:
    """Refuse a file that no run can be added to, before the run begins.

    Raises:
        ConfigurationError: its folder is not there, it is no file of sfn-sim, or of a newer format.
    """
    if not path.parent.is_dir():
        raise ConfigurationError(f"cannot record the run in {path}: there is no folder {path.parent}")
    if path.is_file() and path.stat().st_size:
        with closing(sqlite3.connect(path)) as connection:
            _check(connection, path)


def _copy(spool: Spool, path: Path, execution: Execution, definition: str, about: dict[str, Json]) -> int:
    """Copy what was spooled into a file that is ready for it, with the children of Map Runs, all of it or nothing."""

    def columns(each: Execution, definition: str, about: dict[str, Json]) -> dict[str, Any]:
        return _columns(each, definition, about, spool.payloads.put)

    connection = spool.connection
    kept = spool_children(spool, execution, columns)
    row = columns(execution, definition, {**about, "children": [kept, children_of(execution)]})
    spool.write()
    connection.create_function("more_text", 1, _more_text, deterministic=True)
    row["size_bytes"] = connection.execute(_SIZE).fetchone()[0] or 0
    connection.execute("COMMIT")
    connection.execute(f"PRAGMA busy_timeout = {round(_BUSY_S * 1000)}")
    connection.execute("ATTACH ? AS target", (str(path),))
    try:
        connection.execute("BEGIN IMMEDIATE")
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        run = int(connection.execute(f"INSERT INTO target.runs ({names}) VALUES ({values})", row).lastrowid or 0)
        base = connection.execute("SELECT min(0, min(id)) FROM target.runs").fetchone()[0]
        for statement in (*_COPY.split(";")[:-1], *(COPY.split(";")[:-1] if kept else ())):
            connection.execute(statement, {"run": run, "base": base})
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("DETACH target")
        connection.execute("BEGIN")
    return run


def _columns(
    execution: Execution, definition: str, about: dict[str, Json], put: Callable[[Json], bytes]
) -> dict[str, Any]:
    detail = execution.detail
    return {
        "machine": execution.identity.machine_name,
        "execution": execution.identity.name,
        "definition": definition,
        "start": execution.identity.start.isoformat(),
        "seed": execution.options.seed,
        "status": execution.status,
        "error": execution.error,
        "cause": execution.cause,
        "input": put(execution.input),
        "output": put(execution.output) if execution.status == "SUCCEEDED" else None,
        "elapsed_ms": execution.elapsed_ms,
        "events": len(execution.log.events),
        "detail": put({**dataclasses.asdict(detail), "steps": list(detail.steps)}) if detail is not None else None,
        "about": json.dumps({**about, **_about(execution)}),
    }


def _about(execution: Execution) -> dict[str, Json]:
    """Return what a reader needs beside the columns; nothing of it is a payload but the input's own spelling."""
    who, options = execution.identity, execution.options
    identity: dict[str, Json] = {
        key: value
        for key, value in dataclasses.asdict(who).items()
        if key not in ("machine_name", "name", "start")
    }
    return {
        "identity": identity,
        "limit_bytes": options.limit_bytes,
        "limit_events": options.limit_events,
        "input_text": execution.input_text,
        "map_runs": [_map_run(each) for each in execution.map_runs],
    }


def _map_run(run: MapRun) -> Json:
    # The children have rows of their own; what they came to together refers to states, by their numbers.
    plain = {each.name: getattr(run, each.name) for each in dataclasses.fields(run)}
    totals = [
        [number, each.visits, each.retries, each.largest_input_bytes, each.largest_output_bytes, each.virtual_ms,
         each.calls_ns]
        for number, each in run.totals.items()
    ]  # fmt: skip
    return {
        **plain, "start": run.start.isoformat(), "children": None, "totals": totals,
        "executions": dict(run.executions), "items": dict(run.items),
    }  # fmt: skip


def _more_text(text: bytes) -> str:
    """Return what the spool keeps of a visit as the file keeps it."""
    _, _, _, caught, *sizes, calls_ns, printed, assigned = marshal.loads(text)
    return more_text(sizes, calls_ns, caught, printed, assigned)


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a file of runs for reading.

    Raises:
        ConfigurationError: there is no such file, it is none of sfn-sim, or of a newer format.
    """
    if not path.is_file():
        raise ConfigurationError(f"no recorded runs at {path}")
    with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        _check(connection, path)
        yield Reader(connection)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make a new file ready, or an older one; whoever comes meanwhile waits."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] and _check(connection, path) == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        statements: Sequence[str] = _SCHEMA.split(";")[:-1]
    else:
        statements = _TO_2 if _check(connection, path) == 1 else ()
    for statement in (
        *statements, f"PRAGMA application_id = {_APPLICATION_ID}", f"PRAGMA user_version = {FORMAT}", "COMMIT",
    ):  # fmt: skip
        connection.execute(statement)


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """Return the format of a file that this version reads."""
    try:
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        mark, version = 0, 0
    if mark != _APPLICATION_ID:
        raise ConfigurationError(f"{path} is not a file of recorded runs; nothing in it was changed")
    if version > FORMAT:
        raise ConfigurationError(f"{path} has format {version}, and this sfn-sim reads formats up to {FORMAT}")
    return int(version)


class Reader:
    """Reads the runs of one file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # Those who look for where a value went ask whether it is the very same object.
        self._payloads = Payloads(connection, sys.maxsize)

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, oldest first: number, machine, execution, status, error, cause, virtual length."""
        names = ("id", "machine", "execution", "status", "error", "cause", "seed", "elapsed_ms")
        rows = self._connection.execute(f"SELECT {', '.join(names)} FROM runs ORDER BY id")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def records(self, table: str, condition: str, *values: object) -> list[dict[str, Any]]:
        """Return rows of a table by the names of their columns; an older format has fewer of them."""
        found = self._connection.execute(f"SELECT * FROM {table} WHERE {condition}", values)
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def value(self, digest: bytes) -> Json:
        """Return a stored value."""
        return self._payloads.get(digest)

    def events(self, run: int) -> list[Event]:
        """Return a run's events as the log had them."""
        rows = self._connection.execute(
            "SELECT id, previous, at_ms, type, details FROM events WHERE run = ? ORDER BY id", (run,)
        )
        return read_events(rows, self._payloads)

    def stages(self, run: int, visit: int) -> list[tuple[str, Json]]:
        """Return the stages of one visit of a run."""
        rows = self._connection.execute(
            "SELECT name, value FROM stages WHERE run = ? AND visit = ? ORDER BY number", (run, visit)
        )
        return [(name, self.value(value)) for name, value in rows]
