"""The list of batches comes as a response of API Gateway: its body is JSON text."""

from __future__ import annotations

import json
from typing import Any

import embedding_list_pending as healthy


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(healthy.handler(event, context)["batch_indices"])}
