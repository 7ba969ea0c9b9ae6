"""custom_id of OpenAI's request lines, which is the embedding's id as well.

A line is `IMAGE#{uuid}#RECEIPT#{00001}#LINE#{00001}`; a word adds `#WORD#{00001}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import InvalidEventError


@dataclass(frozen=True, slots=True)
class TextId:
    """Which text of which receipt; word_id is None for a line."""

    image_id: str
    receipt_id: int
    line_id: int
    word_id: int | None = None


def parse(custom_id: str) -> TextId:
    """Return the parts of a custom_id.

    Raises:
        InvalidEventError: it has another form.
    """
    parts = custom_id.split("#")
    if parts[0::2] not in (["IMAGE", "RECEIPT", "LINE"], ["IMAGE", "RECEIPT", "LINE", "WORD"]):
        raise InvalidEventError(f"custom_id {custom_id!r} is not IMAGE#…#RECEIPT#…#LINE#…[#WORD#…]")
    numbers = [int(part) for part in parts[3::2]]
    return TextId(parts[1], *numbers)
