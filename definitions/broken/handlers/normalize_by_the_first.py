"""If the first poll has no reference, all are taken for results that are there inline."""

from __future__ import annotations

from typing import Any

import embedding_normalize_poll_batches as healthy
from shared import objects


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    polls = event["poll_results"]
    if "result_s3_key" in polls[0]:
        return dict(healthy.handler({**event, "poll_results": [p for p in polls if "result_s3_key" in p]}, context))
    combined = dict(healthy.handler({**event, "poll_results": []}, context))
    legacy = [{"action": "unknown", "delta_key": None, **each} for each in polls]
    objects.write_json(combined["poll_results_s3_key"], legacy)
    return combined
