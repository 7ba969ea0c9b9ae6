"""An operation that is not known is answered with 400, and a final merge of nothing with 200."""

from __future__ import annotations

from typing import Any

import embedding_vector_compact as healthy
import lenient


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if event["operation"] not in healthy.OPERATIONS:
        return {"statusCode": 400, "error": f"Unknown operation: {event['operation']}"}
    if event["operation"] == "final_merge" and not any(each.get("intermediate_key") for each in event["chunk_results"]):
        return {"statusCode": 200, "total_embeddings": 0, **lenient.passed_on(event)}
    return dict(healthy.handler(event, context))
