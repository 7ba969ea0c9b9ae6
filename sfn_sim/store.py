"""Runs on disk: one SQLite file that holds any number of them.

Each payload, and each part of one that has 1 KB or more, stands there once, under the hash of its JSON text: a value
that goes through fifty states costs its own size once. While a run goes on its log is spooled (`spool`); what was
spooled is copied here in one transaction, so that a file is always readable, whatever happens in the middle.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Event
from sfn_sim.spool import Payloads, Spool, read_events

FORMAT = 1
_APPLICATION_ID = 0x5F4E5349

_SCHEMA = """
CREATE TABLE payloads (hash BLOB PRIMARY KEY, node BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, machine TEXT NOT NULL, execution TEXT NOT NULL, definition TEXT NOT NULL,
    start TEXT NOT NULL, seed INTEGER NOT NULL, status TEXT NOT NULL, error TEXT, cause TEXT,
    input BLOB NOT NULL, output BLOB, elapsed_ms INTEGER NOT NULL
);
CREATE TABLE events (
    run INTEGER NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    type TEXT NOT NULL, details BLOB NOT NULL, PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE visits (
    run INTEGER NOT NULL, id INTEGER NOT NULL, previous INTEGER NOT NULL, path TEXT NOT NULL, state TEXT NOT NULL,
    event INTEGER NOT NULL, entered_ms INTEGER NOT NULL, exited_ms INTEGER NOT NULL, output BLOB,
    retries TEXT NOT NULL, error TEXT, cause TEXT, PRIMARY KEY (run, id)
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
    cause FROM main.visits ORDER BY id;
INSERT INTO target.stages SELECT :run, visit, number, name, value FROM main.stages ORDER BY visit, number;
"""


def record(path: Path, execution: Execution, definition: str) -> int:
    """Add a run to a file, which is made if there is none; return the run's number in it.

    Raises:
        ConfigurationError: the file cannot be written, is no file of sfn-sim, or of a newer format.
    """
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            _prepare(connection, path)
        return _copy(Spool.of(execution.log), path, execution, definition)
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot record the run in {path}: {error}") from None


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


def _copy(spool: Spool, path: Path, execution: Execution, definition: str) -> int:
    """Copy what was spooled into a file that is ready for it."""
    put = spool.payloads.put
    row = {
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
    }
    spool.write()
    connection = spool.connection
    connection.execute("COMMIT")
    connection.execute("ATTACH ? AS target", (str(path),))
    try:
        connection.execute("BEGIN IMMEDIATE")
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        run = int(connection.execute(f"INSERT INTO target.runs ({names}) VALUES ({values})", row).lastrowid or 0)
        for statement in _COPY.split(";")[:-1]:
            connection.execute(statement, {"run": run})
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("DETACH target")
        connection.execute("BEGIN")
    return run


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a file of runs for reading.

    Raises:
        ConfigurationError: there is no such file, it is none of sfn-sim, or of a newer format.
    """
    if not path.is_file():
        raise ConfigurationError(f"no recorded runs at {path}")
    with closing(sqlite3.connect(path)) as connection:
        _check(connection, path)
        yield Reader(connection)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        _check(connection, path)
        return
    connection.executescript(f"{_SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {FORMAT};")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    try:
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        mark, version = 0, 0
    if mark != _APPLICATION_ID:
        raise ConfigurationError(f"{path} is not a file of recorded runs; nothing in it was changed")
    if version > FORMAT:
        raise ConfigurationError(f"{path} has format {version}, and this sfn-sim reads formats up to {FORMAT}")


class Reader:
    """Reads the runs of one file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._payloads = Payloads(connection)

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, oldest first: number, machine, execution, status, error, cause, virtual length."""
        names = ("id", "machine", "execution", "status", "error", "cause", "seed", "elapsed_ms")
        rows = self._connection.execute(f"SELECT {', '.join(names)} FROM runs ORDER BY id")
        return [dict(zip(names, row, strict=True)) for row in rows]

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
