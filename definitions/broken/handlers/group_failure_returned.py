"""A group that cannot be merged is answered with 500; the final merge leaves it out."""

from __future__ import annotations

from typing import Any

import embedding_vector_compact as healthy
import lenient
from shared.errors import IngestionError


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if event["operation"] == "final_merge":
        return lenient.final_merge(event, healthy)
    try:
        return dict(healthy.handler(event, context))
    except IngestionError as error:
        return {"statusCode": 500, "error": str(error)}
