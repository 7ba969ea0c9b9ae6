"""The expectations are no decoration: each kind of damage to a world that a run left well is seen."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings

from .conftest import Saved, Scene, ingestion, opened


def _in_snapshot(scene: Scene, change: Callable[[Any], None]) -> None:
    """Change the published snapshot's collection, as a faulty merge would have."""
    database = ingestion.DATABASES[scene.kind]
    prefix = scene.json(f"{database}/snapshot/latest/pointer.json")["snapshot_key"]
    described = scene.json(f"{prefix}snapshot.json")
    with tempfile.TemporaryDirectory() as folder:
        for key, each in described["files"].items():
            file = Path(folder, each["path"])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(scene.world.read(scene.bucket, prefix + key))
        client = chromadb.PersistentClient(path=folder, settings=Settings(anonymized_telemetry=False))
        try:
            change(client.get_collection(database, embedding_function=None))
        finally:
            client.close()
        for key, each in described["files"].items():
            body = Path(folder, each["path"]).read_bytes()
            scene.world.s3.put_object(Bucket=scene.bucket, Key=prefix + key, Body=body)


def _drop_a_vector(scene: Scene) -> None:
    _in_snapshot(scene, lambda collection: collection.delete(ids=[scene.batches[1].texts[0].custom_id]))


def _swap_two_vectors(scene: Scene) -> None:
    def swap(collection: Any) -> None:
        ids = [scene.batches[0].texts[0].custom_id, scene.batches[1].texts[0].custom_id]
        got = collection.get(ids=ids, include=["embeddings"])
        of = dict(zip(got["ids"], np.asarray(got["embeddings"]), strict=True))
        collection.update(ids=ids, embeddings=[of[ids[1]], of[ids[0]]])

    _in_snapshot(scene, swap)


def _change_a_document(scene: Scene) -> None:
    def change(collection: Any) -> None:
        record_id = scene.batches[0].texts[0].custom_id
        embeddings = collection.get(ids=[record_id], include=["embeddings"])["embeddings"]
        collection.update(ids=[record_id], documents=["SOMETHING ELSE"], embeddings=embeddings)

    _in_snapshot(scene, change)


def _change_a_figure(scene: Scene) -> None:
    record_id = scene.batches[0].texts[0].custom_id
    _in_snapshot(scene, lambda collection: collection.update(ids=[record_id], metadatas=[{"line_id": 99}]))


def _add_a_vector(scene: Scene) -> None:
    def add(collection: Any) -> None:
        vector = [0.5] * int(scene.world.params["dims"])
        collection.add(ids=["IMAGE#x"], embeddings=[vector], documents=["?"], metadatas=[{"line_id": 1}])

    _in_snapshot(scene, add)


def _set_status(scene: Scene, batch_id: str, status: str) -> None:
    scene.world.dynamodb.update_item(
        TableName=scene.table,
        Key={"PK": {"S": f"BATCH#{batch_id}"}, "SK": {"S": "STATUS"}},
        UpdateExpression="SET GSI1PK = :indexed, #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":indexed": {"S": f"STATUS#{status}"}, ":status": {"S": status}},
    )


def _complete_an_unmerged_batch(scene: Scene) -> None:
    _set_status(scene, next(batch.batch_id for batch in scene.batches if not batch.good), "COMPLETED")


def _leave_a_merged_batch_pending(scene: Scene) -> None:
    _set_status(scene, next(batch.batch_id for batch in scene.batches if batch.good), "PENDING")


def _complete_a_batch_of_the_other_machine(scene: Scene) -> None:
    _set_status(scene, ingestion.made_for(scene.world).others[0].batch_id, "COMPLETED")


def _cut_a_file_of_the_snapshot(scene: Scene) -> None:
    database = ingestion.DATABASES[scene.kind]
    key = f"{database}/snapshot/direct-1/index-0/header.bin"
    scene.world.s3.put_object(Bucket=scene.bucket, Key=key, Body=b"")


def _count_wrongly(scene: Scene) -> None:
    key = f"{ingestion.DATABASES[scene.kind]}/snapshot/latest/pointer.json"
    pointer = {**scene.json(key), "total_embeddings": 1}
    scene.world.s3.put_object(Bucket=scene.bucket, Key=key, Body=json.dumps(pointer).encode())


def _leave_the_lock(scene: Scene) -> None:
    database = ingestion.DATABASES[scene.kind]
    item = {"PK": f"LOCK#{database}#chroma-{database}-update", "SK": "LOCK", "lock_owner": "x", "expires": 1}
    scene.world.put_items(scene.table, [item])


@pytest.fixture(scope="module", params=["line", "word"])
def _well_run(request: pytest.FixtureRequest) -> Iterator[tuple[Scene, Saved]]:
    statuses = ["completed", "completed", "in_progress"]
    with opened(request.param, batches=3, embeddings=6, statuses=statuses) as scene:
        scene.direct().run()
        assert scene.broken_expectations() == set()
        yield scene, Saved(scene)


@pytest.fixture
def well_run(_well_run: tuple[Scene, Saved]) -> Iterator[Scene]:
    """A world that a run left as it should, with a batch that was not merged."""
    yield _well_run[0]
    _well_run[1].restore()


@pytest.mark.parametrize(
    ("damage", "seen"),
    [
        (_drop_a_vector, {"embeddings in = embeddings in the snapshot", "batches merged"}),
        (_swap_two_vectors, {"vectors right", "batches merged"}),
        (_change_a_document, {"texts and metadata right"}),
        (_change_a_figure, {"texts and metadata right"}),
        (_add_a_vector, {"embeddings in = embeddings in the snapshot"}),
        (_complete_an_unmerged_batch, {"batches COMPLETED without being merged", "batches by status"}),
        (_leave_a_merged_batch_pending, {"batches merged without being COMPLETED", "batches by status"}),
        (_complete_a_batch_of_the_other_machine, {"batches of the other machine touched"}),
        (_cut_a_file_of_the_snapshot, {"files of the snapshot missing or cut off"}),
        (_count_wrongly, {"embeddings that the pointer counts"}),
        (_leave_the_lock, {"update locks left behind"}),
    ],
)
def test_damage_to_a_world_is_noticed(well_run: Scene, damage: Callable[[Scene], None], seen: set[str]) -> None:
    damage(well_run)
    assert seen <= well_run.broken_expectations()
