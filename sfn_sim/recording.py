"""Where the runs of a project go when they have ended, and what is taken out of them before.

A run is kept in the project's `.sfn-sim/runs.sqlite` where `--keep N` or `[runs] keep` in the configuration asks for
it, or the folder is there; never in a folder that nobody made a project of. `--record FILE` is beside that.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sfn_sim.config import Config
from sfn_sim.errors import ConfigurationError, SfnSimError
from sfn_sim.machine import StateMachine
from sfn_sim.run.execution import Execution
from sfn_sim.runs import FOLDER, make_folder, project_folder

if TYPE_CHECKING:
    from sfn_sim.redaction import Redaction
    from sfn_sim.report.summary import RunSummary


@dataclass(frozen=True, slots=True)
class Recording:
    """Where a run goes.

    Attributes:
        file: the file that `--record` names; None without one.
        project: the folder of the project that keeps it; None for none.
        keep: how many runs the project keeps; None for all.
    """

    file: Path | None
    project: Path | None
    keep: int | None

    def add(
        self, execution: Execution, machine: StateMachine, notes: Sequence[str], tell: Callable[[str], None]
    ) -> None:
        """Add a run that has ended.

        Raises:
            ConfigurationError: the file that was named cannot be written. That the project's cannot is told instead:
                the run is over, and how it ended matters more.
        """
        from sfn_sim.analysis.kept import notes as kept_notes
        from sfn_sim.store import prune, record

        for each in kept_notes(execution):
            tell(f"recorded: {each}")
        if self.file is not None:
            record(self.file, execution, machine.source, notes=notes)
        if self.project is not None:
            try:
                kept = make_folder(self.project)
                record(kept, execution, machine.source, notes=notes)
                if self.keep is not None:
                    prune(kept, self.keep)
            except ConfigurationError as error:
                tell(f"the run was not kept: {error}")


def recording_of(file: Path | None, keep: int | None, config: Config) -> Recording | None:
    """Return where a run is to go; None for nowhere.

    Args:
        file: what `--record` names.
        keep: what `--keep` says; None where it is left to the configuration and the folder.
        config: the project's configuration.

    Raises:
        ConfigurationError: no run can be added to one of the files.
    """
    if file is not None:
        from sfn_sim.store import check_target

        check_target(file)
    folder = project_folder(config)
    wanted = config.keep_runs if keep is None else keep
    kept = wanted > 0 if wanted is not None else (folder / FOLDER).is_dir()
    if kept:
        from sfn_sim.store import check_target

        check_target(make_folder(folder))
    if file is None and not kept:
        return None
    return Recording(file, folder if kept else None, wanted)


def redaction_of(config: Config) -> Redaction:
    """Return what replaces the values that the configuration names.

    Raises:
        ConfigurationError: one of its paths is no JSONPath.
    """
    from sfn_sim.redaction import Redaction, read_key

    folder = project_folder(config) / FOLDER
    # Where nothing is kept, nothing has to be equal to what is there.
    return Redaction(config.redact, read_key(folder) if folder.is_dir() else os.urandom(32))


def hide(summary: RunSummary, config: Config, machine: StateMachine) -> Sequence[str]:
    """Replace in a run, and in what is shown of it, the values that the configuration names; return what to note.

    A run whose values steer it (a Choice that compares one, an intrinsic that takes one apart) is no longer what its
    handlers' results make of it; that is noted, with the state.

    Raises:
        ConfigurationError: one of the paths is no JSONPath.
    """
    redaction = redaction_of(config)
    summary.execution = redaction.execution(summary.execution)
    summary.checks = [
        dataclasses.replace(
            each, expected=redaction.value(each.expected), actual=redaction.value(each.actual),
            detail=redaction.text(each.detail),
        )
        for each in summary.checks
    ]  # fmt: skip
    return (*redaction.notes(), *_not_replayable(summary.execution, machine)) if redaction.count else ()


def _not_replayable(execution: Execution, machine: StateMachine) -> Sequence[str]:
    from sfn_sim.replay import replay

    try:
        comparison = replay(execution, machine).comparison
    except SfnSimError as error:
        return (f"a replay of it does not come to its end: {error}",)
    if comparison.same:
        return ()
    where = f"{comparison.states[0].place}, {comparison.states[0].field}" if comparison.states else "its end"
    return (f"a replay of it comes out otherwise from {where} on, since a value that was replaced is used there",)
