"""Of a chunk's deltas and of a group's chunks the first ten are merged, and the final merge does not count."""

from __future__ import annotations

from typing import Any

import embedding_vector_compact as healthy
import lenient

_CAP = 10


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if event["operation"] == "final_merge":
        return lenient.final_merge(event, healthy)
    if event["operation"] == "process_chunk" and event["chunk"]["delta_results"]:
        chunk = event["chunk"]
        event = {**event, "chunk": {**chunk, "delta_results": chunk["delta_results"][:_CAP]}}
    if event["operation"] == "merge_chunk_group" and event["chunk_group"]:
        event = {**event, "chunk_group": event["chunk_group"][:_CAP]}
    return dict(healthy.handler(event, context))
