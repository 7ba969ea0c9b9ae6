"""The groups' handler returns the poll results' key as None, whatever it was given."""

from __future__ import annotations

from typing import Any

import embedding_create_chunk_groups as healthy


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    groups = healthy.handler({**event, **dict.fromkeys(KEYS)}, context)
    return {**groups, **dict.fromkeys(KEYS)}


KEYS = ("poll_results_s3_key", "poll_results_s3_bucket")
