"""`--sfn-record`: every run of a test session kept as by `sfn-sim run --record`, with the test's name beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfn_sim.machine import StateMachine
from sfn_sim.recording import Recording, recording_of, redaction_of
from sfn_sim.run.execution import Execution
from sfn_sim.runs import project_folder
from sfn_sim.testing.project import project_of


class SessionRecord:
    """Adds runs to a file; values that the configuration redacts are replaced before."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: list[str] = []
        self._count = 0

    def add(self, execution: Execution, machine: StateMachine, test: str) -> None:
        """Add one run.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        settings = project_of(self._config).config
        if settings.redact:
            execution = redaction_of(settings).execution(execution)
        self._recording().add(execution, machine, (test,), self._told.append)
        self._count += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what could not be kept."""
        for line in dict.fromkeys(self._told):
            terminalreporter.write_line(f"sfn-sim: {line}")

    def _recording(self) -> Recording:
        settings = project_of(self._config).config
        named = self._config.getoption("sfn_record_to")
        file = Path(self._config.invocation_params.dir, named) if named else None
        if self._config.getoption("sfn_record"):
            return Recording(file, project_folder(settings), None)
        found = recording_of(file, 0, settings)
        assert found is not None
        return found
