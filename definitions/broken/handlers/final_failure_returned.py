"""A final merge that fails is answered with 500, and the keys are passed on as if it had not."""

from __future__ import annotations

from typing import Any

import embedding_vector_compact as healthy
import lenient
from shared.errors import IngestionError


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    try:
        return dict(healthy.handler(event, context))
    except IngestionError as error:
        if event["operation"] != "final_merge":
            raise
        return {"statusCode": 500, "error": "Final merge failed", "message": str(error), **lenient.passed_on(event)}
