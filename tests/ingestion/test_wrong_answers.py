"""A handler that answers `statusCode: 500` instead of failing never makes a run a success."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sfn_sim.config import FunctionSettings, find_config
from sfn_sim.machine import StateMachine
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.world import check_expectations, load_fixture, open_world

from .conftest import ROOT

CALLS = (
    ("list_pending", None),
    ("line_poll", None),
    ("normalize_poll_batches", None),
    ("split_chunks", None),
    ("split_chunks", "load_chunks_from_s3"),
    ("vector_compact", "process_chunk"),
    ("create_chunk_groups", None),
    ("create_chunk_groups", "load_groups_from_s3"),
    ("vector_compact", "merge_chunk_group"),
    ("vector_compact", "final_merge"),
    ("mark_batches_complete", None),
)
SMALL = {
    "dims": "8", "batches": "5", "embeddings": "10", "substitutions.ChunkSize": "1", "substitutions.GroupSize": "3",
    "environment.CHUNKS_INLINE_BYTES": "0",
}  # fmt: skip
WRAPPED = """\
from embedding_{function} import handler as whole

asked = [0]


def handler(event, context):
    if event.get("operation") != {operation!r} or asked[0]:
        return whole(event, context)
    asked[0] += 1
    if {done}:
        whole(event, context)
    return {{"statusCode": 500, "body": "it did not work"}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True], ids=["undone", "done"])
@pytest.mark.parametrize(("function", "operation"), CALLS)
def test_status_code_500_is_never_a_success_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, operation: str | None, done: bool
) -> None:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "wrapped.py"
    file.write_text(WRAPPED.format(function=function, operation=operation, done=done))
    name = f"embedding-{function.replace('_', '-')}"
    own = FunctionSettings(pattern=name, file=file, path=(ROOT / "handlers",))
    config = find_config()
    sound = Handlers.from_directory(ROOT / "handlers")
    lying = replace(sound, config=replace(config, functions=(own, *config.functions)))
    fixture = load_fixture(ROOT / "fixtures" / "line" / "hierarchical", SMALL)
    machine = StateMachine.load(ROOT / "definitions" / "line.asl.json", fixture.substitutions)
    with open_world(fixture) as world:
        run = machine.run(fixture.input, lying, name="run-1", start=world.start, isolate=False)
        if run.status == "FAILED":
            start = world.start + timedelta(milliseconds=run.elapsed_ms, seconds=1)
            run = machine.run(fixture.input, sound, name="run-2", start=start, isolate=False)
        elif not done:
            pytest.fail(f"the run SUCCEEDED although {function} did nothing")
        broken = [check for check in check_expectations(fixture, world, run) if not check.held]
    assert broken == []
