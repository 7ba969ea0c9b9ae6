"""The final merge leaves out what has no key, and does not count what it merges."""

from __future__ import annotations

from typing import Any

import embedding_vector_compact as healthy
import lenient


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if event["operation"] == "final_merge":
        return lenient.final_merge(event, healthy)
    return dict(healthy.handler(event, context))
