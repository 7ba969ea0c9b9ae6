"""Messages over a stream of bytes: each is its length in eight bytes, and then itself."""

from __future__ import annotations

import struct
from typing import Protocol

_LENGTH = struct.Struct("!Q")


class Stream(Protocol):
    """What can be read from and written to: one end of a pipe, or a socket's file."""

    def read(self, size: int, /) -> bytes | None:
        """Return `size` bytes, fewer at the end."""

    def write(self, data: bytes, /) -> int | None:
        """Write bytes."""

    def flush(self) -> None:
        """Let the other side have what was written."""


class StreamEnded(Exception):
    """The other side has gone."""


def write_frames(stream: Stream, *messages: bytes) -> None:
    """Write messages, and let the other side have them.

    Raises:
        StreamEnded: it has gone.
    """
    try:
        for each in messages:
            stream.write(_LENGTH.pack(len(each)))
            stream.write(each)
        stream.flush()
    except (OSError, ValueError):
        raise StreamEnded from None


def read_frame(stream: Stream) -> bytes:
    """Return the next message.

    Raises:
        StreamEnded: the other side has gone before its end.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    return _read(stream, length)


def _read(stream: Stream, size: int) -> bytes:
    try:
        data = stream.read(size) if size else b""
    except (OSError, ValueError):
        raise StreamEnded from None
    if data is None or len(data) < size:
        raise StreamEnded
    return data
