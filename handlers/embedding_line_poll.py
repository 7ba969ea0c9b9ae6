"""embedding-line-poll: step 3 of the line machine."""

from __future__ import annotations

from typing import Any

from shared.poll import Kind, poll
from shared.records import Receipt

KIND = Kind("lines", Receipt.line_record)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Poll one batch of lines."""
    return poll(event, KIND)
