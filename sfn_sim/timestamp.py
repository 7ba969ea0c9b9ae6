"""RFC 3339 timestamps as ASL wants them: an upper-case T, and Z or an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_PATTERN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS = 1_000_000_000
# Java's ZoneOffset goes to 18 hours either way.
_LARGEST_OFFSET_MINUTES = 18 * 60


def parse_timestamp(text: object) -> int | None:
    """Return nanoseconds since 1970 (UTC), or None if `text` is not such a timestamp.

    Source: ASL specification, Timestamps; recorded: wait_timestamp_path (NO_T, NANOSECONDS), wait_timestamppath
    (a time without Z is refused).
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    hours, minutes = int(offset_hours or 0), int(offset_minutes or 0)
    if minutes > 59 or hours * 60 + minutes > _LARGEST_OFFSET_MINUTES:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        moment = moment + offset if sign == "-" else moment - offset
    except OverflowError:
        return None
    return round((moment - _EPOCH).total_seconds()) * _NS + int((fraction or "0").ljust(9, "0"))
