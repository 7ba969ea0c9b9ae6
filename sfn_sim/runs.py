"""Recorded runs, read back as if they had just ended.

Rule of this module: what reads a run after its end takes an `Execution` and the definition's `Source`, and cannot tell
whether the run was made a moment ago or comes from a file:

    run = find_run("last")
    diagnose(run.execution, run.source)

A run is named by its number, "last" ("last~1" is the one before), its execution's name or the beginning of that, or
FILE.sqlite and FILE.sqlite:NUMBER for a file that `--record` wrote.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_sim.errors import ConfigurationError
from sfn_sim.run.execution import Execution
from sfn_sim.source import Source

if TYPE_CHECKING:
    from sfn_sim.config import Config
    from sfn_sim.machine import StateMachine
    from sfn_sim.store import Reader

FOLDER = ".sfn-sim"
FILE = "runs.sqlite"
LAST = "last"
_LAST = re.compile(r"last(?:~(\d+))?")
_IN_FILE = re.compile(r"(.+\.(?:sqlite|db))(?::(\w+(?:~\d+)?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One line of the list of runs.

    Attributes:
        number: the run's number in its file.
        machine: the machine's name; `execution` the execution's.
        status: how it ended; `error` and `cause` why it failed.
        seed: its seed; `elapsed_ms` how long it lasted in virtual time.
        events: how many events it has.
        size_bytes: the size of its values, each counted once.
        recorded_at: when it was recorded, in UTC; empty where the file does not say.
        origin: "run", "replay" or "import".
        children: how many children of Map Runs it has, and how many it had; those of children that it lacks aside.
        notes: what is to be known of it: what it lacks, what was redacted.
    """

    number: int
    machine: str
    execution: str
    status: str
    error: str | None = None
    cause: str | None = None
    seed: int = 0
    elapsed_ms: int = 0
    events: int = 0
    size_bytes: int = 0
    recorded_at: str = ""
    origin: str = "run"
    children: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """A run as it was recorded.

    Attributes:
        file: the file that holds it.
        row: what the list of runs says of it.
        machine: the machine, loaded from the definition as it was recorded.
        execution: the execution, with its log: what a run gives that has just ended.
    """

    file: Path
    row: RunRow
    machine: StateMachine
    execution: Execution

    @property
    def source(self) -> Source:
        """The definition's text, for messages that point into it."""
        return self.machine.source

    @property
    def number(self) -> int:
        """Its number in its file."""
        return self.row.number

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of it: what it lacks, what was redacted."""
        return self.row.notes


def project_folder(config: Config) -> Path:
    """Return the folder of the project that a configuration stands for; without a file, the working folder."""
    return config.file.parent if config.file is not None else Path.cwd()


def find_run(name: str = LAST, folder: Path | None = None) -> RecordedRun:
    """Return a recorded run.

    Args:
        name: which; see this module.
        folder: the project's folder, which has `.sfn-sim`; found from the working folder by default.

    Raises:
        ConfigurationError: there is no such run, or its file is not one of runs or of a newer format.
        DefinitionError: this version refuses the run's definition.
    """
    from sfn_sim.store import opened
    from sfn_sim.stored import read_execution

    file, which = _place(name, folder)
    with opened(file) as reader:
        rows = _rows(reader)
        number = _number(rows, which, file)
        machine, execution = read_execution(reader, number)
    return RecordedRun(file=file, row=next(r for r in rows if r.number == number), machine=machine, execution=execution)


def list_runs(folder: Path | None = None, file: Path | None = None) -> list[RunRow]:
    """Return the runs of a project, or of a file, newest first.

    Raises:
        ConfigurationError: the file is not one of runs, or of a newer format; a `file` that is named is not there.
    """
    from sfn_sim.store import opened

    path = file or runs_file(folder)
    if file is None and not path.is_file():
        return []
    with opened(path) as reader:
        return _rows(reader)[::-1]


def runs_file(folder: Path | None = None) -> Path:
    """Return where a project's runs are kept, whether there are any or not."""
    if folder is None:
        from sfn_sim.config import find_config

        folder = project_folder(find_config())
    return folder / FOLDER / FILE


def make_folder(folder: Path) -> Path:
    """Make the folder of a project's runs, for its owner alone and out of sight of git; return the file in it.

    Raises:
        ConfigurationError: it cannot be made.
    """
    place = folder / FOLDER
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        ignore = place / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        # Whatever the mask says, what payloads hold is nobody else's business.
        os.chmod(place, 0o700)
    except OSError as error:
        raise ConfigurationError(f"cannot make the folder of runs {place}: {error.strerror}") from None
    return place / FILE


def _rows(reader: Reader) -> list[RunRow]:
    """Return the runs of a file, oldest first; children of Map Runs are no runs of their own."""
    found = []
    for row in reader.records("runs", "TRUE ORDER BY id"):
        if row.get("parent") is not None:
            continue
        about: dict[str, Any] = json.loads(row.get("about") or "{}")
        found.append(RunRow(
            number=row["id"], machine=row["machine"], execution=row["execution"], status=row["status"],
            error=row["error"], cause=row["cause"], seed=row["seed"], elapsed_ms=row["elapsed_ms"],
            events=row.get("events") or 0, size_bytes=row.get("size_bytes") or 0,
            recorded_at=about.get("recorded_at", ""), origin=about.get("origin", "run"),
            children=tuple(about.get("children", (0, 0))), notes=tuple(about.get("notes", ())),
        ))  # fmt: skip
    return found


def _place(name: str, folder: Path | None) -> tuple[Path, str]:
    match = _IN_FILE.fullmatch(name)
    if match is not None:
        if Path(match[1]).is_file():
            return Path(match[1]), match[2] or LAST
        raise ConfigurationError(f"no recorded runs at {match[1]}: there is no such file")
    file = runs_file(folder)
    if not file.is_file():
        raise ConfigurationError(
            f"no recorded runs at {file}: record one with `sfn-sim run MACHINE --keep 50`, which keeps the newest 50, "
            "or name a file that `sfn-sim run --record FILE.sqlite` wrote"
        )
    return file, name


def _number(rows: Sequence[RunRow], which: str, file: Path) -> int:
    if not rows:
        raise ConfigurationError(f"{file} holds no run")
    numbers = [row.number for row in rows]
    if match := _LAST.fullmatch(which):
        back = int(match[1] or 0)
        if back < len(numbers):
            return numbers[-1 - back]
        raise ConfigurationError(f"no run {which}: {file} holds {len(numbers)} run{'s' * (len(numbers) != 1)}")
    if which.isdecimal() and int(which) in numbers:
        return int(which)
    found = [row.number for row in rows if row.execution == which] or [
        row.number for row in rows if row.execution.startswith(which)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(number) for number in found[-5:])
        raise ConfigurationError(f"several runs are named {which}: their numbers are {listed}")
    newest = ", ".join(f"{row.number} ({row.machine}, {row.status})" for row in rows[:-4:-1])
    raise ConfigurationError(f"no run {which} in {file}; the newest are {newest}; see sfn-sim runs")
