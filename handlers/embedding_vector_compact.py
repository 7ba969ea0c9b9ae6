"""embedding-vector-compact: steps 7, 11 and 14, deltas into intermediate snapshots into the final one.

Of two records with one id, the one of the later batch wins, in every step: chunks, groups and the final merge
are all upserts in the order of the list of step 1, onto what the latest snapshot holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from shared import delta, latest, lock, manifest, objects, snapshot
from shared.errors import (
    CorruptedSnapshotError,
    ExecutionNameReusedError,
    IncompleteMergeError,
    InvalidEventError,
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Carry out one of the three operations.

    Raises:
        InvalidEventError: there is no such operation.
    """
    operation = event.get("operation")
    if operation not in OPERATIONS:
        raise InvalidEventError(f"operation must be one of {sorted(OPERATIONS)}, not {operation!r}")
    return OPERATIONS[operation](event)


def process_chunk(event: dict[str, Any]) -> dict[str, Any]:
    """Merge a chunk's deltas into an intermediate snapshot.

    Raises:
        CorruptedDeltaError: a delta is incomplete or unreadable.
    """
    chunk = event["chunk"]
    deltas = chunk.get("delta_results")
    if deltas is None:
        deltas = _one(objects.referred({**event, "chunks": None}, "chunks"), "chunk", chunk["chunk_index"])
        deltas = deltas["delta_results"]
    if not deltas:
        raise InvalidEventError(f"chunk {chunk['chunk_index']} has no deltas")
    key = f"intermediate/{chunk['batch_id']}/chunk-{chunk['chunk_index']}/"

    def fill(writer: snapshot.Writer) -> list[str]:
        for each in deltas:
            delta.copy_into(each, writer)
        return [each["batch_id"] for each in deltas]

    _store_intermediate(key, event["database"], fill)
    return {"intermediate_key": key}


def merge_chunk_group(event: dict[str, Any]) -> dict[str, Any]:
    """Merge a group's intermediate snapshots into one."""
    group = event.get("chunk_group")
    if group is None:
        groups = objects.referred({**event, "groups": None}, "groups")
        group = dict(enumerate(groups)).get(event["group_index"])
    keys = _intermediate_keys(group, f"group {event['group_index']}")
    key = f"intermediate/{event['batch_id']}-group-{event['group_index']}/merged/"
    _store_intermediate(key, event["database"], lambda writer: _merge(keys, writer))
    return {"intermediate_key": key}


def final_merge(event: dict[str, Any]) -> dict[str, Any]:
    """Merge all intermediate snapshots into the latest one and publish the result.

    Raises:
        LockNotAcquiredError: another execution does the same; try again.
        IncompleteMergeError: a batch that has a delta is not among what is to be merged.
    """
    started = time.time()
    execution_id, database = event["batch_id"], event["database"]
    keys = _intermediate_keys(event.get("chunk_results"), "the final merge")
    expected = {each["batch_id"] for each in objects.referred(event, "poll_results") if each["delta_key"]}
    merged = [batch_id for key in keys for batch_id in manifest.read(key)["batch_ids"]]
    if expected != set(merged) or len(merged) != len(set(merged)):
        raise IncompleteMergeError(
            f"{len(expected)} batches have a delta, {len(merged)} are to be merged; "
            f"missing: {sorted(expected - set(merged))[:3]}, unexpected: {sorted(set(merged) - expected)[:3]}"
        )
    with lock.held(database, execution_id):
        total = _publish(database, execution_id, keys, merged)
    return {
        "statusCode": 200,
        "batch_id": execution_id,
        "snapshot_key": latest.folder_key(database),
        "total_embeddings": total,
        "processing_time_seconds": round(time.time() - started, 3),
        "message": "Final merge completed successfully",
        "poll_results_s3_key": event["poll_results_s3_key"],
        "poll_results_s3_bucket": event["poll_results_s3_bucket"],
    }


def _publish(database: str, execution_id: str, keys: list[str], merged: list[str]) -> int:
    """Make and validate the snapshot, then swap the pointer; return how many embeddings it has."""
    current = latest.read(database)
    key = latest.snapshot_key(database, execution_id)
    if current and current["execution_id"] == execution_id:
        # An attempt before this one came to its end, but its answer was lost. To write over a snapshot that
        # is in use would put it at risk for nothing.
        if not set(merged) <= set(manifest.read(key)["batch_ids"]):
            raise ExecutionNameReusedError(f"{key} is the latest snapshot and holds other batches than this run's")
        return int(current["total_embeddings"])
    with snapshot.folder() as path:
        if current:
            snapshot.restore(current["snapshot_key"], path)
        with snapshot.opened(path) as client:
            target = (
                snapshot.collection(client, database)
                if current
                else snapshot.new_collection(client, database, snapshot.FINAL)
            )
            writer = snapshot.Writer(target)
            _merge(keys, writer)
            writer.flush()
            total = int(target.count())
        snapshot.store(path, key, database, total, merged, current["snapshot_key"] if current else None)
    _validate(key, database, total)
    lock.renew(database, execution_id)
    latest.swap(database, execution_id, total)
    return total


def _validate(key: str, database: str, total: int) -> None:
    """Open what lies in S3 as a reader would.

    Raises:
        CorruptedSnapshotError: it is not what was stored.
    """
    with snapshot.folder() as path:
        snapshot.restore(key, path)
        with snapshot.opened(path) as client:
            stored = snapshot.collection(client, database)
            last = stored.get(limit=1, offset=total - 1, include=["embeddings"])
            if stored.count() != total or len(last["embeddings"]) != 1:
                raise CorruptedSnapshotError(f"{key} has {stored.count()} readable records instead of {total}")


def _store_intermediate(key: str, database: str, fill: Callable[[snapshot.Writer], Iterable[str]]) -> None:
    with snapshot.folder() as path:
        with snapshot.opened(path) as client:
            target = snapshot.new_collection(client, database, snapshot.INTERMEDIATE)
            writer = snapshot.Writer(target)
            batch_ids = list(fill(writer))
            writer.flush()
            count = target.count()
        snapshot.store(path, key, database, count, batch_ids)


def _merge(keys: list[str], writer: snapshot.Writer) -> list[str]:
    return [batch_id for key in keys for batch_id in snapshot.copy_into(key, writer)]


def _intermediate_keys(results: list[dict[str, Any]] | None, whose: str) -> list[str]:
    if not results:
        raise InvalidEventError(f"{whose} has nothing to merge")
    lost = [n for n, each in enumerate(results) if not each.get("intermediate_key")]
    if lost:
        raise InvalidEventError(f"{whose}: entry {lost[0]} has no intermediate_key, its embeddings would be lost")
    return [each["intermediate_key"] for each in results]


def _one(items: list[dict[str, Any]], name: str, index: int) -> dict[str, Any]:
    found = [item for item in items if item[f"{name}_index"] == index]
    if len(found) != 1:
        raise InvalidEventError(f"there is no {name} {index} among {len(items)}")
    return found[0]


OPERATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "process_chunk": process_chunk,
    "merge_chunk_group": merge_chunk_group,
    "final_merge": final_merge,
}
