"""`line` and `word` under fault injection: a sample here, everything in the slow form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sfn_sim.cli import cli

ROOT = Path(__file__).resolve().parents[2]
# Chunks and groups of two, so that nine batches reach two groups.
SMALL = (
    "--set", "batches=9", "--set", "embeddings=18", "--set", "dims=8",
    "--substitute", "ChunkSize=2", "--substitute", "GroupSize=2",
)  # fmt: skip


def defects(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[dict[str, object]]:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(cli, ["explore", *arguments, "--json"])
    told = json.loads(result.stdout)
    assert told["tried"], result.stdout
    assert (result.exit_code == 3) == any(
        each["outcome"] not in ("recovered", "failed cleanly") for each in told["tried"]
    )
    return [each for each in told["tried"] if each["outcome"] not in ("recovered", "failed cleanly")]


@pytest.mark.parametrize(
    ("kind", "state", "fault"),
    [
        ("line", "MarkBatchesComplete", "killed-after"),
        ("line", "MarkBatchesComplete", "status-500"),
        ("word", "MarkWordBatchesComplete", "delivered-twice"),
    ],
)
def test_the_last_step_does_no_harm_when_it_is_cut_off_repeated_or_answers_500(
    kind: str, state: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert defects(monkeypatch, kind, "--fixture", "hierarchical", *SMALL, "--state", state, "--fault", fault) == []


@pytest.mark.slow
@pytest.mark.parametrize("fixture", ["hierarchical", "mixed-statuses", "second-run"])
@pytest.mark.parametrize("kind", ["line", "word"])
def test_no_fault_loses_data_or_gives_a_wrong_success(
    kind: str, fixture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = SMALL if fixture == "hierarchical" else SMALL[-4:]
    assert defects(monkeypatch, kind, "--fixture", fixture, *sizes, "--schedules", "2") == []
