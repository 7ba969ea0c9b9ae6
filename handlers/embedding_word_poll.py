"""embedding-word-poll: step 3 of the word machine."""

from __future__ import annotations

from typing import Any

from shared.poll import Kind, poll
from shared.records import Receipt

KIND = Kind("words", Receipt.word_record)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Poll one batch of words."""
    return poll(event, KIND)
