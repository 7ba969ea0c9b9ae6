"""Objects in S3. `null` in an event means that the value lies here, under the key beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from shared import aws
from shared.errors import MissingReferenceError
from shared.settings import BUCKET

_s3 = aws.client("s3")


def write(key: str, body: bytes, bucket: str = BUCKET) -> None:
    """Put an object."""
    _s3.put_object(Bucket=bucket, Key=key, Body=body)


def read(key: str, bucket: str = BUCKET) -> bytes:
    """Return an object's content."""
    body: bytes = _s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def read_if_there(key: str, bucket: str = BUCKET) -> bytes | None:
    """Return an object's content, None if there is no such object."""
    try:
        return read(key, bucket)
    except _s3.exceptions.NoSuchKey:
        return None


def write_json(key: str, value: Any, bucket: str = BUCKET) -> None:
    """Put a value as JSON."""
    write(key, orjson.dumps(value), bucket)


def read_json(key: str, bucket: str = BUCKET) -> Any:
    """Return the value of a JSON object."""
    return orjson.loads(read(key, bucket))


def upload(path: Path, key: str, bucket: str = BUCKET) -> None:
    """Put a file, streamed."""
    with path.open("rb") as file:
        _s3.put_object(Bucket=bucket, Key=key, Body=file)


def download(key: str, path: Path, bucket: str = BUCKET) -> None:
    """Write an object to a file, in pieces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = _s3.get_object(Bucket=bucket, Key=key)["Body"]
    with path.open("wb") as file:
        for piece in body.iter_chunks(1024 * 1024):
            file.write(piece)


def size_bytes(value: Any) -> int:
    """Return the size of a value as JSON, in bytes of UTF-8."""
    return len(orjson.dumps(value))


def referred(event: Mapping[str, Any], name: str, key_name: str | None = None) -> Any:
    """Return event[name], or the JSON object that it stands for when it is null.

    Raises:
        MissingReferenceError: it is null (or absent) and the event has no key.
    """
    value = event.get(name)
    if value is not None:
        return value
    key, bucket = reference(event, name, key_name)
    return read_json(key, bucket)


def reference(event: Mapping[str, Any], name: str, key_name: str | None = None) -> tuple[str, str]:
    """Return key and bucket of the object that stands for event[name].

    Raises:
        MissingReferenceError: the event has no key for it.
    """
    prefix = key_name or name
    key = event.get(f"{prefix}_s3_key")
    if not key:
        raise MissingReferenceError(f"{name} is null, so it must lie in S3, but {prefix}_s3_key is {key!r}")
    return key, event.get(f"{prefix}_s3_bucket") or BUCKET
