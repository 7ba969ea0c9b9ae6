"""Numbers and tables as plain text, for commands that print lines."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((1 << 20, "MB"), (1 << 10, "KB"))


def size(size_bytes: int) -> str:
    """Return a size in bytes for people."""
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes} B"


def duration(duration_ms: int) -> str:
    """Return a length of time in ms for people."""
    seconds, ms = divmod(duration_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}.{ms:03}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose columns begin at one place each."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
