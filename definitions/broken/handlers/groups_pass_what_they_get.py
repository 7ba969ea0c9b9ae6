"""Loading groups passes the poll results' key on only if it was given one."""

from __future__ import annotations

from typing import Any

import embedding_create_chunk_groups as healthy
import lenient


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return dict(healthy.handler({**event, **lenient.passed_on(event)}, context))
