"""A run takes every batch that waits."""

from __future__ import annotations

from typing import Any

import embedding_list_pending as healthy

healthy.batches_that_fit = lambda bucket, wanted: 10**6


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return dict(healthy.handler(event, context))
