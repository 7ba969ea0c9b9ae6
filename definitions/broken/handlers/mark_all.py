"""Every polled batch becomes COMPLETED."""

from __future__ import annotations

from typing import Any

import lenient


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return lenient.mark_all(event)
