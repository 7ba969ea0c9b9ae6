"""Every outcome but a completed batch is returned inline, without a reference."""

from __future__ import annotations

from typing import Any

import embedding_line_poll as healthy
from shared import objects


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    reference = healthy.handler(event, context)
    result = objects.read_json(reference["result_s3_key"], reference["result_s3_bucket"])
    if result["action"] == "process_results":
        return dict(reference)
    return {name: result[name] for name in ("batch_id", "batch_status", "action")}
