"""Other interpreters of Step Functions, each in a process of its own: they get a workload as a file."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads import Workload

HERE = Path(__file__).resolve().parent
ALS_FOLDER = "SFN_SIM_BENCH_ALS"
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Peer:
    """Another interpreter.

    Attributes:
        name: what the table calls it.
        command: what runs it; the workload's file and the number of runs are added.
        absent: why it cannot be run here; empty if it can.
    """

    name: str
    command: tuple[str, ...] = ()
    absent: str = ""

    def seconds(self, workload: Workload, file: Path, repeat: int, expected: Any) -> float:
        """Return the median seconds of a run.

        Raises:
            PeerFailed: it did not end well, or gave something else than the floor.
        """
        try:
            done = subprocess.run(
                [*self.command, str(file), str(repeat)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"{self.name} on {workload.name}: not done after {_TIMEOUT_S} s") from None
        if done.returncode:
            raise PeerFailed(f"{self.name} on {workload.name}: {done.stderr.strip().splitlines()[-1]}")
        said = json.loads(done.stdout.strip().splitlines()[-1])
        if said["status"] != "SUCCEEDED":
            raise PeerFailed(f"{self.name} on {workload.name}: {said['status']} {said['error']}: {said['cause']}")
        if not same(said["output"], expected):
            raise PeerFailed(f"{self.name} on {workload.name}: a wrong output")
        return statistics.median(said["seconds"])


class PeerFailed(Exception):
    """A peer did not do a workload."""


def same(ours: Any, theirs: Any) -> bool:
    """Tell whether two values are the same JSON."""
    return json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)


def moto() -> Peer:
    """Return moto's interpreter."""
    try:
        import antlr4  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        return Peer("moto", absent="its interpreter needs antlr4-python3-runtime: pip install -e '.[dev]'")
    return Peer("moto", (sys.executable, str(HERE / "peer_moto.py")))


def als(folder: str | None) -> Peer:
    """Return the npm package aws-local-stepfunctions; `folder` is where its node_modules lies."""
    name, chosen = "als", Path(folder or os.environ.get(ALS_FOLDER) or ".")
    node = shutil.which("node")
    if node is None:
        return Peer(name, absent="no node on the PATH")
    if not (chosen / "node_modules" / "aws-local-stepfunctions").is_dir():
        return Peer(name, absent=f"no aws-local-stepfunctions in {chosen}/node_modules: --als FOLDER or {ALS_FOLDER}")
    return Peer(name, (node, str(HERE / "peer_als.mjs"), str(chosen)))
