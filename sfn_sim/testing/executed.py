"""An execution in a test: what `Execution` has, and what only tests ask of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sfn_sim.payload import Json
from sfn_sim.report.summary import share, state_rows
from sfn_sim.run.execution import Execution
from sfn_sim.source import Source
from sfn_sim.world.expectations import Check

if TYPE_CHECKING:
    from sfn_sim.machine import StateMachine


class LargestPayload(NamedTuple):
    """The payload of a run that came nearest to the limit.

    Attributes:
        state: the state that had it.
        size_bytes: its size; `limit_bytes` the limit.
        share: its size as a share of the limit: 0.8 is four fifths.
    """

    state: str
    size_bytes: int
    limit_bytes: int
    share: float


@dataclass(slots=True, repr=False)
class ExecutionUnderTest(Execution):
    """An execution that a test made.

    Attributes:
        machine_name: the machine's name; `source` its definition's text.
        checks: what the fixture of its world expects of it, each with what there was.
        real_ms: how long it took on the clock on the wall.
        golden: the folder of golden runs; `rewrite` whether they are written anew.
    """

    machine_name: str = ""
    source: Source | None = None
    checks: Sequence[Check] = ()
    real_ms: float = 0.0
    golden: Path | None = None
    rewrite: bool = False

    @classmethod
    def of(
        cls, execution: Execution, *, machine: StateMachine, real_ms: float = 0.0, checks: Sequence[Check] = (),
        golden: Path | None = None, rewrite: bool = False,
    ) -> ExecutionUnderTest:  # fmt: skip
        """Return an execution with what tests ask of it."""
        own = {each.name: getattr(execution, each.name) for each in fields(Execution)}
        return cls(
            **own, machine_name=machine.name, source=machine.source, checks=checks, real_ms=real_ms, golden=golden,
            rewrite=rewrite,
        )  # fmt: skip

    @property
    def elapsed(self) -> float:
        """How long it lasted in virtual time, in seconds."""
        return self.elapsed_ms / 1000

    def variables(self, state: str, visit: int = 1) -> dict[str, Json]:
        """Return the workflow variables as a state left them: what it read, and what it assigned itself.

        Args:
            state: the state's name, or its place such as "Chunks[12].Process".
            visit: which of its visits, from 1.

        Raises:
            ConfigurationError: the run never came there, or not so often.
        """
        from sfn_sim.analysis.lineage.places import chosen, find_places, variables_after

        return variables_after(chosen(find_places(self, state), visit))

    @property
    def largest_payload(self) -> LargestPayload:
        """The payload that came nearest to the limit."""
        limit = self.options.limit_bytes
        worst = max(state_rows(self.log), key=lambda row: row.largest_bytes)
        return LargestPayload(worst.name, worst.largest_bytes, limit, share(worst.largest_bytes, limit))

    def assert_matches_golden(self, name: str) -> None:
        """Compare with the golden run of that name beside the test's file, in the folder `golden`.

        Ids and times are normalised on both sides. `--sfn-update-golden` writes it.

        Raises:
            AssertionError: it differs, with state and stage of each difference; or there is none yet.
            ConfigurationError: the file is no golden run.
        """
        __tracebackhide__ = True
        from sfn_sim.testing.golden import match_golden

        match_golden(self, (self.golden or Path("golden")) / f"{name}.json", rewrite=self.rewrite)
