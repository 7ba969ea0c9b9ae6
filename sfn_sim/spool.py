"""A log while it is recorded: in SQLite, so that memory holds no more of it than what is being worked on.

Events are written a few hundred at a time, visits once their states have been left. What was written is read back as
it was, a slice at a time, for those who look at the log after the run. The file is SQLite's own: it has no name, and
vanishes with the process. `store` copies it into the file of a user's runs when the run has ended.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import sqlite3
import weakref
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

from sfn_sim.definition.plan import PlannedState
from sfn_sim.payload import Json, encode, loads, trimmed
from sfn_sim.query.expression import Scope
from sfn_sim.run.log import Branch, Event, Log, Row, Rows, Visit

REFERENCE = "\0ref"
"""The key of an object that stands for a part which is stored by itself."""
SHARED_BYTES = 1024
_ESCAPED_MARK = b"\\u0000"
_SLICE = 512
_WAITING = 512
_REMEMBERED_BYTES = 4 * 1024 * 1024
_READ_VALUES = 2048

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
CREATE TABLE payloads (hash BLOB NOT NULL, node BLOB NOT NULL);
CREATE TABLE events (
    id INTEGER PRIMARY KEY, previous INTEGER NOT NULL, at_ms INTEGER NOT NULL, type TEXT NOT NULL,
    details BLOB NOT NULL
);
CREATE TABLE visits (
    id INTEGER PRIMARY KEY, previous INTEGER NOT NULL, path TEXT NOT NULL, state TEXT NOT NULL,
    event INTEGER NOT NULL, entered_ms INTEGER NOT NULL, exited_ms INTEGER NOT NULL, output BLOB,
    retries TEXT NOT NULL, error TEXT, cause TEXT, more BLOB NOT NULL
);
CREATE TABLE stages (
    visit INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (visit, number)
) WITHOUT ROWID;
CREATE TABLE branches (id INTEGER PRIMARY KEY, label TEXT NOT NULL, outside INTEGER NOT NULL);
BEGIN;
"""


class Payloads:
    """The values of a file: each under the hash of its JSON text, and each part of 1 KB or more by itself.

    Values that it has seen lately, by identity, are not encoded again.

    Args:
        connection: to the file.
        remembered: how many values that were read are the same objects when they are read again.
    """

    def __init__(self, connection: sqlite3.Connection, remembered: int = _READ_VALUES) -> None:
        self._connection = connection
        self._remembered = remembered
        self._seen: dict[int, tuple[bytes, int, Json]] = {}
        self._seen_bytes = 0
        self._nodes: dict[bytes, bytes] = {}
        self._nodes_bytes = 0
        self._large: set[bytes] = set()
        self._indexed = False
        self._read: OrderedDict[bytes, Json] = OrderedDict()

    def put(self, value: Json) -> bytes:
        """Store a value and return its hash."""
        known = self._seen.get(id(value))
        if known is not None and known[2] is value:
            return known[0]
        return self._store(value, encode(value))

    def put_all(self, values: Sequence[Any]) -> bytes:
        """Store a list that nobody will ask for a second time, and return its hash."""
        text = encode(list(values))
        return self._store(None, text) if _is_plain(text) else self._store(list(values), text)

    def _store(self, value: Json, text: bytes) -> bytes:
        digest = hashlib.blake2b(text, digest_size=16).digest()
        if isinstance(value, dict | list):
            self._seen[id(value)] = (digest, len(text), value)
            self._seen_bytes += len(text)
        if digest not in self._nodes and digest not in self._large:
            node = self._nodes[digest] = trimmed(text if _is_plain(text) else encode(self._node(value)))
            self._nodes_bytes += len(node)
            if len(node) >= SHARED_BYTES:
                self._large.add(digest)
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
        if known is not None and known[2] is value and known[1] >= SHARED_BYTES:
            return {REFERENCE: known[0].hex()}
        text = encode(value)
        return self._node(value) if len(text) < SHARED_BYTES else {REFERENCE: self._store(value, text).hex()}

    def write(self) -> None:
        """Write what has been stored, and forget what would hold on to much memory."""
        if self._nodes:
            self._connection.executemany("INSERT INTO payloads VALUES (?, ?)", self._nodes.items())
            self._nodes.clear()
            self._nodes_bytes = 0
        if self._seen_bytes > _REMEMBERED_BYTES:
            self._seen.clear()
            self._seen_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether more waits to be written than memory should hold."""
        return self._nodes_bytes > _REMEMBERED_BYTES

    def index(self) -> None:
        """Prepare for `get`: one index made when all is written costs a third of one that grows with the values."""
        if not self._indexed:
            self._connection.execute("CREATE INDEX by_hash ON payloads (hash)")
            self._indexed = True

    def get(self, digest: bytes) -> Json:
        """Return a stored value; values read lately are the same objects."""
        read = self._read
        if digest in read:
            read.move_to_end(digest)
            return read[digest]
        row = self._connection.execute("SELECT node FROM payloads WHERE hash = ?", (digest,)).fetchone()
        value = read[digest] = self._whole(loads(row[0])) if _may_refer(row[0]) else loads(row[0])
        while len(read) > self._remembered:
            read.popitem(last=False)
        return value

    def _whole(self, node: Json) -> Json:
        if isinstance(node, list):
            return [self._whole(each) for each in node]
        if isinstance(node, dict):
            if len(node) == 1 and isinstance(reference := node.get(REFERENCE), str):
                return self.get(bytes.fromhex(reference))
            return {key[1:] if key[:2] == "\0\0" else key: self._whole(each) for key, each in node.items()}
        return node


def _is_plain(text: bytes) -> bool:
    """Tell whether a value is stored as it is: without parts of its own, or keys that look like ours."""
    return len(text) < SHARED_BYTES and _ESCAPED_MARK not in text


def _may_refer(node: bytes) -> bool:
    return _ESCAPED_MARK in node


class _Spooled(Rows[Row]):
    """Rows of a spool: those at the end in memory, the rest in its tables."""

    def __init__(self, connection: sqlite3.Connection, payloads: Payloads) -> None:
        self._connection = connection
        self._payloads = payloads
        self._slice_at = -1
        self._slice: list[Row] = []

    @abstractmethod
    def _read(self, start: int, stop: int) -> list[Row]:
        """Return the rows from `start` to `stop`, which are all there."""

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return _Part(self, range(len(self))[index])
        place = range(len(self))[index]
        start = place - place % _SLICE
        # The slice in hand is taken anew once the rows have grown beyond its end.
        if start != self._slice_at or place >= start + len(self._slice):
            self._payloads.index()
            self._slice_at, self._slice = start, self._read(start, min(start + _SLICE, len(self)))
        return self._slice[place - start]

    def __iter__(self) -> Iterator[Row]:
        self._payloads.index()
        for start in range(0, len(self), _SLICE):
            yield from self._read(start, min(start + _SLICE, len(self)))


class _Part(Sequence[Row]):
    """Some rows of many, none of which is read before it is asked for."""

    def __init__(self, rows: Rows[Row], places: range) -> None:
        self._rows = rows
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return _Part(self._rows, self._places[index])
        return self._rows[self._places[index]]


class _Events(_Spooled[Event]):
    """The events of a spool."""

    def __init__(self, connection: sqlite3.Connection, payloads: Payloads) -> None:
        super().__init__(connection, payloads)
        self._waiting: list[Event] = []
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._waiting)

    def append(self, row: Event) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= _WAITING:
            self.write()

    def write(self) -> None:
        """Write the events that wait for it."""
        rows = []
        for number, previous, at_ms, kind, details in self._waiting:
            rows.append((number, previous, at_ms, kind, self._payloads.put_all(details)))
            if self._payloads.is_full:
                self._payloads.write()
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
        self._payloads.write()
        self._written += len(self._waiting)
        self._waiting.clear()

    def _read(self, start: int, stop: int) -> list[Event]:
        found = read_events(
            self._connection.execute(
                "SELECT id, previous, at_ms, type, details FROM events WHERE id > ? AND id <= ? ORDER BY id",
                (start, stop),
            ),
            self._payloads,
        )
        return [*found, *self._waiting[max(0, start - self._written) : max(0, stop - self._written)]]


def read_events(rows: Iterable[Any], payloads: Payloads) -> list[Event]:
    """Return events as the log had them, from rows of id, previous, at_ms, type and the hash of the details."""
    found: list[Event] = []
    for number, previous, at_ms, kind, details in rows:
        values = payloads.get(details)
        found.append((number, previous, at_ms, kind, tuple(values) if isinstance(values, list) else ()))
    return found


class _ReadVisit(Visit):
    """A visit that was read back; its branch is looked up for those who ask for it."""

    def __init__(self, visits: _Visits, number: int) -> None:
        self._visits = visits
        self._number = number

    def __getattr__(self, name: str) -> Any:
        if name != "branch":
            raise AttributeError(name)
        self.branch = self._visits.branch(self._number)
        return self.branch


class _Visits(_Spooled[Visit]):
    """The visits of a spool; those of states that have not been left stay in memory, also when the run has ended."""

    def __init__(self, connection: sqlite3.Connection, payloads: Payloads) -> None:
        super().__init__(connection, payloads)
        self._count = 0
        self._open: dict[int, Visit] = {}
        self._enough = _WAITING
        self._states: dict[int, PlannedState] = {}
        self._branches: weakref.WeakValueDictionary[int, Branch] = weakref.WeakValueDictionary()
        self._numbers: weakref.WeakKeyDictionary[Branch, int] = weakref.WeakKeyDictionary()
        self._numbered = 0
        self._new: list[tuple[int, str, int]] = []

    def __len__(self) -> int:
        return self._count

    def append(self, row: Visit) -> None:
        self._open[self._count] = row
        self._count += 1
        if len(self._open) >= self._enough:
            self.write()
            # Where many states are open at once, few can be written: looking for them must not cost more each time.
            self._enough = max(_WAITING, 2 * len(self._open))

    def write(self, *, all_of_them: bool = False) -> None:
        """Write the visits that can change no more; or all, which stay in memory then if they have not been left."""
        rows: list[tuple[Any, ...]] = []
        stages: list[tuple[int, int, str, bytes]] = []
        put = self._payloads.put
        for visit in [each for each in self._open.values() if each.left or all_of_them]:
            rows.append(self._row(visit))
            stages += [(visit.index, n, name, put(value)) for n, (name, value) in enumerate(visit.stages)]
            if visit.left:
                del self._open[visit.index]
            if self._payloads.is_full:
                self._payloads.write()
        self._connection.executemany("INSERT INTO branches VALUES (?, ?, ?)", self._new)
        self._new.clear()
        self._connection.executemany(f"INSERT OR REPLACE INTO visits VALUES ({', '.join('?' * 12)})", rows)
        self._connection.executemany("INSERT OR REPLACE INTO stages VALUES (?, ?, ?, ?)", stages)
        self._payloads.write()
        self._slice_at = -1

    def _row(self, visit: Visit) -> tuple[Any, ...]:
        put = self._payloads.put
        self._states[visit.state.number] = visit.state
        more = (
            visit.state.number, self._number(visit.branch), visit.left, visit.caught, visit.measured_input_bytes(),
            visit.task_input_bytes, visit.result_bytes, visit.output_bytes, visit.calls_ns,
            tuple(visit.printed), put(visit.assigned) if visit.assigned is not None else None,
        )  # fmt: skip
        return (
            visit.index, visit.previous, visit.path, visit.name, visit.entered_event, visit.entered_ms,
            visit.exited_ms, put(visit.output) if visit.left else None,
            json.dumps(list(visit.retry_delays_ms)) if visit.retry_delays_ms else "[]",
            *(visit.error or (None, None)), marshal.dumps(more),
        )  # fmt: skip

    def _number(self, branch: Branch | None) -> int:
        if branch is None:
            return -1
        number = self._numbers.get(branch)
        if number is None:
            outside = self._number(branch.outer)
            number, self._numbered = self._numbered, self._numbered + 1
            self._numbers[branch] = number
            self._branches[number] = branch
            self._new.append((number, branch.label, outside))
        return number

    def branch(self, number: int) -> Branch:
        """Return a branch: itself while something holds it, else one like it, the same for all who ask meanwhile."""
        branch = self._branches.get(number)
        if branch is None:
            row = self._connection.execute("SELECT label, outside FROM branches WHERE id = ?", (number,)).fetchone()
            branch = Branch(row[0], 0, -1, self.branch(row[1]) if row[1] >= 0 else None)
            branch.scope = Scope(_gone)
            self._branches[number], self._numbers[branch] = branch, number
        return branch

    def _read(self, start: int, stop: int) -> list[Visit]:
        between = (start, stop)
        stages: dict[int, list[tuple[str, Json]]] = {}
        for visit, name, value in self._connection.execute(
            "SELECT visit, name, value FROM stages WHERE visit >= ? AND visit < ? ORDER BY visit, number", between
        ):
            stages.setdefault(visit, []).append((name, self._payloads.get(value)))
        found = {
            row[0]: self._visit(row, stages.get(row[0], []))
            for row in self._connection.execute(
                "SELECT * FROM visits WHERE id >= ? AND id < ? ORDER BY id", between
            ).fetchall()
            if row[0] not in self._open
        }
        return [self._open[index] if index in self._open else found[index] for index in range(start, stop)]

    def _visit(self, row: tuple[Any, ...], stages: list[tuple[str, Json]]) -> Visit:
        index, previous, _, _, event, entered_ms, exited_ms, output, retries, error, cause, more = row
        state, branch, left, caught, *sizes, calls_ns, printed, assigned = marshal.loads(more)
        visit = _ReadVisit(self, branch)
        visit.index, visit.state, visit.previous = index, self._states[state], previous
        visit.entered_event, visit.entered_ms = event, entered_ms
        visit.exited_ms, visit.left, visit.caught, visit.calls_ns = exited_ms, left, caught, calls_ns
        visit.stages = stages
        visit.input_bytes, visit.task_input_bytes, visit.result_bytes, visit.output_bytes = sizes
        visit.printed = printed
        if retries != "[]":
            visit.retry_delays_ms = tuple(json.loads(retries))
        if error is not None or cause is not None:
            visit.error = (error, cause)
        if output is not None:
            visit.output = self._payloads.get(output)
        if assigned is not None:
            visit.assigned = self._payloads.get(assigned)  # type: ignore[assignment]  # always an object
        self._share_input(visit)
        return visit

    def _share_input(self, visit: Visit) -> None:
        """Give the first visit of a Parallel's branch the very input of the Parallel: the value went on as it was."""
        outer = self._open.get(visit.previous)
        if outer is not None and outer.state.state.type == "Parallel" and outer.input == visit.input:
            visit.stages[0] = ("input", outer.input)


def _gone() -> Json:
    """Stand for the Context Object of an execution that has ended."""
    return None


class Spool:
    """A sink in SQLite.

    Attributes:
        connection: to the file; inside a transaction.
        payloads: its values; `events` and `visits` what the log writes.
    """

    def __init__(self) -> None:
        # A handler's thread may be the one in which the last user of the log lets go of it.
        self.connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self.connection.close)
        self.connection.executescript(_SCHEMA)
        self.payloads = Payloads(self.connection)
        self.events = _Events(self.connection, self.payloads)
        self.visits = _Visits(self.connection, self.payloads)

    @classmethod
    def of(cls, log: Log) -> Spool:
        """Return the spool of a log; one that is kept in lists is written into a new one."""
        if isinstance(log.sink, Spool):
            return log.sink
        spool = cls()
        for event in log.events:
            spool.events.append(event)
        for visit in log.visits:
            spool.visits.append(visit)
        return spool

    def write(self) -> None:
        """Write all that the log has."""
        self.events.write()
        self.visits.write(all_of_them=True)
