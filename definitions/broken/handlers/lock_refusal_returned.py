"""A lock that is held is answered with 423."""

from __future__ import annotations

from typing import Any

import embedding_vector_compact as healthy
import lenient
from shared.errors import LockNotAcquiredError


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    try:
        return dict(healthy.handler(event, context))
    except LockNotAcquiredError as error:
        return {"statusCode": 423, "error": "Could not acquire lock", "message": str(error), **lenient.passed_on(event)}
