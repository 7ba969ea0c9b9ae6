"""Step 7: what becomes of deltas, of either form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Scene, error_name, opened, restoring


@pytest.fixture(scope="module", params=["npy", "chroma"])
def _polled_world(request: pytest.FixtureRequest) -> Iterator[tuple[Scene, Any, Any]]:
    with opened(environment={"DELTA_FORMAT": request.param}, batches=2, embeddings=6) as scene:
        yield scene, *scene.split()


@pytest.fixture
def polled(_polled_world: tuple[Scene, Any, Any]) -> Iterator[tuple[Scene, Any, Any]]:
    """A world with deltas of either form, the run that polled them, and its chunks."""
    with restoring(_polled_world[0]):
        yield _polled_world


def test_a_delta_of_either_form_ends_in_the_snapshot(polled: tuple[Scene, Any, Any]) -> None:
    scene, direct, chunked = polled
    direct.final_merge(direct.process_chunks(chunked))
    direct.mark()
    assert scene.broken_expectations() == set()


def test_a_corrupted_delta_raises_and_names_the_batch(polled: tuple[Scene, Any, Any]) -> None:
    scene, direct, chunked = polled
    broken = scene.batches[1].batch_id
    prefix = f"lines/delta/receipt_lines/{broken}/"
    damages = [("embeddings.npy", b""), ("embeddings.npy", b"\x93NUMPY"), ("embeddings.npy", None)]
    damages += [("records.json", b"[]"), ("records.json", b"[{")]
    damages += [("chroma.sqlite3", b"garbage"), ("snapshot.json", None), ("snapshot.json", b"{}")]
    done = 0
    for file, content in damages:
        if prefix + file not in scene.world.objects(scene.bucket, prefix):
            continue
        with restoring(scene):
            if content is None:
                scene.world.s3.delete_object(Bucket=scene.bucket, Key=prefix + file)
            else:
                scene.world.s3.put_object(Bucket=scene.bucket, Key=prefix + file, Body=content)
            with pytest.raises(Exception, match=broken) as raised:
                direct.process_chunks(chunked)
            assert error_name(raised) == "CorruptedDeltaError"
            done += 1
    assert done >= 3


def test_a_delta_with_another_number_of_records_than_was_polled_raises(polled: tuple[Scene, Any, Any]) -> None:
    _, direct, chunked = polled
    first = chunked["chunks"][0]
    deltas = [{**first["delta_results"][0], "embedding_count": 50}]
    with pytest.raises(Exception, match="instead of 50") as raised:
        direct.process_chunks({**chunked, "chunks": [{**first, "delta_results": deltas}]})
    assert error_name(raised) == "CorruptedDeltaError"


def test_a_chunk_that_is_not_in_the_list_raises(polled: tuple[Scene, Any, Any]) -> None:
    scene, direct, chunked = polled
    scene.world.s3.put_object(Bucket=scene.bucket, Key="chunks.json", Body=b"[]")
    chunk = {**chunked["chunks"][0], "delta_results": None}
    with pytest.raises(Exception, match="no chunk 0"):
        direct.process_chunks({**chunked, "chunks": [chunk], "chunks_s3_key": "chunks.json"})
