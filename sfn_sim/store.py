"""Runs on disk: one SQLite file that holds any number of them.

Each payload, and each part of one that has 1 KB or more, stands there once, under the hash of its JSON text: a value
that goes through fifty states costs its own size once. A run is written in one transaction, so that a file is always
readable, whatever happens in the middle.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json, encode, loads
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Event, Visit

FORMAT = 1
_APPLICATION_ID = 0x5F4E5349
_SHARED_BYTES = 1024
_REFERENCE = "\0ref"

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


def record(path: Path, execution: Execution, definition: str) -> int:
    """Add a run to a file, which is made if there is none; return the run's number in it.

    Raises:
        ConfigurationError: the file cannot be written, is no file of sfn-sim, or of a newer format.
    """
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            _prepare(connection, path)
            return _Writer(connection).write(execution, definition)
    except sqlite3.Error as error:
        raise ConfigurationError(f"cannot record the run in {path}: {error}") from None


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


class _Writer:
    """Writes one run; payloads that it has seen, by identity, are not encoded again."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._seen: dict[int, tuple[bytes, Json]] = {}

    def write(self, execution: Execution, definition: str) -> int:
        output = self.put(execution.output) if execution.status == "SUCCEEDED" else None
        cursor = self._connection.execute(
            "INSERT INTO runs (machine, execution, definition, start, seed, status, error, cause, input, output,"
            " elapsed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                execution.identity.machine_name,
                execution.identity.name,
                definition,
                execution.identity.start.isoformat(),
                execution.options.seed,
                execution.status,
                execution.error,
                execution.cause,
                self.put(execution.input),
                output,
                execution.elapsed_ms,
            ),
        )
        run = int(cursor.lastrowid or 0)
        self._connection.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
            (
                (run, number, previous, at_ms, kind, self.put(list(details)))
                for number, previous, at_ms, kind, details in execution.log.events
            ),
        )
        for visit in execution.log.visits:
            self._visit(run, visit)
        return run

    def _visit(self, run: int, visit: Visit) -> None:
        error, cause = visit.error or (None, None)
        self._connection.execute(
            "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run,
                visit.index,
                visit.previous,
                visit.path,
                visit.name,
                visit.entered_event,
                visit.entered_ms,
                visit.exited_ms,
                self.put(visit.output) if visit.left else None,
                json.dumps(list(visit.retry_delays_ms)),
                error,
                cause,
            ),
        )
        self._connection.executemany(
            "INSERT INTO stages VALUES (?, ?, ?, ?, ?)",
            ((run, visit.index, n, name, self.put(value)) for n, (name, value) in enumerate(visit.stages)),
        )

    def put(self, value: Json) -> bytes:
        """Store a value and return its hash."""
        known = self._seen.get(id(value))
        if known is not None and known[1] is value:
            return known[0]
        return self._store(value, encode(value))

    def _store(self, value: Json, text: bytes) -> bytes:
        digest = hashlib.blake2b(text, digest_size=16).digest()
        if isinstance(value, dict | list):
            self._seen[id(value)] = (digest, value)
        self._connection.execute(
            "INSERT OR IGNORE INTO payloads VALUES (?, ?)", (digest, encode(self._node(value)))
        )
        return digest

    def _node(self, value: Json) -> Json:
        """Return a value with its large parts replaced by references to them."""
        if isinstance(value, list):
            return [self._part(each) for each in value]
        if isinstance(value, dict):
            # A key of the data that looks like our mark is told apart by one more NUL.
            return {f"\0{key}" if key[:1] == "\0" else key: self._part(each) for key, each in value.items()}
        return value

    def _part(self, value: Json) -> Json:
        if not isinstance(value, dict | list):
            return value
        known = self._seen.get(id(value))
        if known is not None and known[1] is value:
            return {_REFERENCE: known[0].hex()}
        text = encode(value)
        return self._node(value) if len(text) < _SHARED_BYTES else {_REFERENCE: self._store(value, text).hex()}


class Reader:
    """Reads the runs of one file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._values: dict[bytes, Json] = {}

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, oldest first: number, machine, execution, status, error, cause, virtual length."""
        names = ("id", "machine", "execution", "status", "error", "cause", "seed", "elapsed_ms")
        rows = self._connection.execute(f"SELECT {', '.join(names)} FROM runs ORDER BY id")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def value(self, digest: bytes) -> Json:
        """Return a stored value."""
        if digest not in self._values:
            row = self._connection.execute("SELECT node FROM payloads WHERE hash = ?", (digest,)).fetchone()
            self._values[digest] = self._whole(loads(row[0]))
        return self._values[digest]

    def _whole(self, node: Json) -> Json:
        if isinstance(node, list):
            return [self._whole(each) for each in node]
        if isinstance(node, dict):
            if len(node) == 1 and isinstance(reference := node.get(_REFERENCE), str):
                return self.value(bytes.fromhex(reference))
            return {key[1:] if key[:2] == "\0\0" else key: self._whole(each) for key, each in node.items()}
        return node

    def events(self, run: int) -> list[Event]:
        """Return a run's events as the log had them."""
        rows = self._connection.execute(
            "SELECT id, previous, at_ms, type, details FROM events WHERE run = ? ORDER BY id", (run,)
        )
        found: list[Event] = []
        for number, previous, at_ms, kind, details in rows:
            values = self.value(details)
            found.append((number, previous, at_ms, kind, tuple(values) if isinstance(values, list) else ()))
        return found

    def stages(self, run: int, visit: int) -> list[tuple[str, Json]]:
        """Return the stages of one visit of a run."""
        rows = self._connection.execute(
            "SELECT name, value FROM stages WHERE run = ? AND visit = ? ORDER BY number", (run, visit)
        )
        return [(name, self.value(value)) for name, value in rows]
