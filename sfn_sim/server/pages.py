"""Long lists, a page at a time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from sfn_sim.server.faults import ApiError

Item = TypeVar("Item")
MOST = 1000
DEFAULT = 100


def page(items: Sequence[Item], request: dict[str, Any]) -> tuple[Sequence[Item], dict[str, str]]:
    """Return the page that a request asks for, and `{"nextToken": …}` where there are more.

    Source: API reference, ListExecutions, maxResults (default 100, at most 1000, 0 is the default), nextToken.

    Raises:
        ApiError: InvalidToken.
    """
    size = request.get("maxResults") or DEFAULT
    start = _offset(request["nextToken"]) if "nextToken" in request else 0
    more = {"nextToken": _token(start + size)} if start + size < len(items) else {}
    return items[start : start + size], more


def _token(offset: int) -> str:
    return base64.b64encode(f"sfn-sim page from {offset:09d}".encode()).decode()


def _offset(token: str) -> int:
    try:
        words = base64.b64decode(token, validate=True).decode()
        return int(words.removeprefix("sfn-sim page from "))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ApiError("InvalidToken", "Invalid Token: 'Invalid token'") from None
