"""Step 7: what becomes of deltas, of either form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import Saved, Scene, error_name, opened


@dataclass
class Polled:
    """A world with deltas, the run that polled them, and its chunks."""

    scene: Scene
    direct: Any
    chunked: Any
    saved: Saved


@pytest.fixture(scope="module", params=["npy", "chroma"])
def _polled(request: pytest.FixtureRequest) -> Iterator[Polled]:
    with opened(environment={"DELTA_FORMAT": request.param}, batches=2, embeddings=6) as scene:
        direct, chunked = scene.split()
        yield Polled(scene, direct, chunked, Saved(scene))


@pytest.fixture
def polled(_polled: Polled) -> Iterator[Polled]:
    """A world with deltas of either form."""
    yield _polled
    _polled.saved.restore()


def test_a_delta_of_either_form_ends_in_the_snapshot(polled: Polled) -> None:
    scene, direct, chunked = polled.scene, polled.direct, polled.chunked
    direct.final_merge(direct.process_chunks(chunked))
    direct.mark()
    assert scene.broken_expectations() == set()


def test_a_corrupted_delta_raises_and_names_the_batch(polled: Polled) -> None:
    scene, direct, chunked = polled.scene, polled.direct, polled.chunked
    broken = scene.batches[1].batch_id
    prefix = f"lines/delta/receipt_lines/{broken}/"
    damages = [("embeddings.npy", b""), ("embeddings.npy", b"\x93NUMPY"), ("embeddings.npy", None)]
    damages += [("records.json", b"[]"), ("records.json", b"[{")]
    damages += [("chroma.sqlite3", b"garbage"), ("snapshot.json", None), ("snapshot.json", b"{}")]
    done = 0
    for file, content in damages:
        if prefix + file not in scene.world.objects(scene.bucket, prefix):
            continue
        if content is None:
            scene.world.s3.delete_object(Bucket=scene.bucket, Key=prefix + file)
        else:
            scene.world.s3.put_object(Bucket=scene.bucket, Key=prefix + file, Body=content)
        with pytest.raises(Exception, match=broken) as raised:
            direct.process_chunks(chunked)
        assert error_name(raised) == "CorruptedDeltaError"
        done += 1
        polled.saved.restore()
    assert done >= 3


def test_a_delta_whose_database_is_scrambled_raises_and_names_the_batch(polled: Polled) -> None:
    scene, direct, chunked = polled.scene, polled.direct, polled.chunked
    broken = scene.batches[1].batch_id
    for key, size in scene.world.objects(scene.bucket, f"lines/delta/receipt_lines/{broken}/").items():
        if not key.endswith(".json"):
            # Of the right size, so that only who opens it can tell.
            scene.world.s3.put_object(Bucket=scene.bucket, Key=key, Body=b"\xff" * size)
    with pytest.raises(Exception, match=broken) as raised:
        direct.process_chunks(chunked)
    assert error_name(raised) == "CorruptedDeltaError"


def test_a_delta_with_another_number_of_records_than_was_polled_raises(polled: Polled) -> None:
    direct, chunked = polled.direct, polled.chunked
    first = chunked["chunks"][0]
    deltas = [{**first["delta_results"][0], "embedding_count": 50}]
    with pytest.raises(Exception, match="instead of 50") as raised:
        direct.process_chunks({**chunked, "chunks": [{**first, "delta_results": deltas}]})
    assert error_name(raised) == "CorruptedDeltaError"


def test_a_chunk_that_is_not_in_the_list_raises(polled: Polled) -> None:
    scene, direct, chunked = polled.scene, polled.direct, polled.chunked
    scene.world.s3.put_object(Bucket=scene.bucket, Key="chunks.json", Body=b"[]")
    chunk = {**chunked["chunks"][0], "delta_results": None}
    with pytest.raises(Exception, match="no chunk 0"):
        direct.process_chunks({**chunked, "chunks": [chunk], "chunks_s3_key": "chunks.json"})
