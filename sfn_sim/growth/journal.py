"""What handlers ask of AWS: which objects, tables and queues one call reads and writes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfn_sim import clock

_WRITES = (
    "Put", "Update", "Delete", "Transact", "BatchWrite", "Complete", "Copy", "Upload", "Create", "Send", "Publish",
)  # fmt: skip
_NEW_OBJECTS = ("PutObject", "CopyObject", "CompleteMultipartUpload")
_GET = "s3.GetObject"
_OK = 200
_MOST_BYTES = 1 << 20
_MOST_OBJECTS = 256
_NAMES = ("TableName", "QueueUrl", "TopicArn", "Name", "SecretId", "FunctionName", "stateMachineArn")


@dataclass(slots=True)
class Requests:
    """What one call asked for.

    Attributes:
        reads: the resources that it read, such as "s3:bucket/key"; one that ends in "*" is a prefix.
        writes: those that it wrote.
        objects: the objects of S3 among them.
    """

    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.reads or self.writes)


class Journal:
    """Listens to the requests of clients that are made while it is open; to be used for calls one by one.

    Args:
        remembers: whether an object that was read is given again from memory until something is written to S3: where
            many items are answered as a few were, a state after them reads a few objects many times.
    """

    def __init__(self, *, remembers: bool = False) -> None:
        self._requests = Requests()
        self._remembers = remembers
        self._asked: tuple[Any, ...] = ()
        self._read: dict[tuple[Any, ...], _Read] = {}

    def begin(self) -> None:
        """Begin anew, for one call."""
        self._requests = Requests()

    def end(self) -> Requests:
        """Return what the call asked for."""
        return self._requests

    def open(self) -> None:
        """Listen to every client from now on."""
        import boto3
        from botocore import handlers

        for name, listener in self._listeners():
            handlers.BUILTIN_HANDLERS.append((name, listener))
            if boto3.DEFAULT_SESSION is not None:
                boto3.DEFAULT_SESSION.events.register(name, listener)

    def close(self) -> None:
        """Listen no more."""
        from botocore import handlers

        for each in self._listeners():
            handlers.BUILTIN_HANDLERS.remove(each)

    def _listeners(self) -> list[tuple[str, Any]]:
        remembering = [(f"before-call.{_GET}", self._again), (f"after-call.{_GET}", self._keep)]
        return [("provide-client-params", self._note), *(remembering if self._remembers else ())]

    def _note(self, params: Mapping[str, Any], event_name: str, **_more: Any) -> None:
        if clock.current() is None:
            return
        service, operation = event_name.split(".")[1:3]
        self._asked = tuple(sorted((key, str(value)) for key, value in params.items()))
        names = _resources(service, params)
        (self._requests.writes if operation.startswith(_WRITES) else self._requests.reads).update(names)
        if service == "s3" and operation in _NEW_OBJECTS:
            self._requests.objects.update(names)
        if service == "s3" and operation.startswith(_WRITES):
            self._read.clear()

    def _again(self, **_more: Any) -> tuple[Any, dict[str, Any]] | None:
        """Return an object's answer once more; None where it has to be asked for."""
        known = self._read.get(self._asked) if clock.current() is not None else None
        return None if known is None else (known.http, {**known.parsed, "Body": _stream(known.content)})

    def _keep(self, http_response: Any, parsed: dict[str, Any], **_more: Any) -> None:
        size = parsed.get("ContentLength", _MOST_BYTES)
        if clock.current() is None or self._asked in self._read or http_response.status_code != _OK:
            return
        if size < _MOST_BYTES and len(self._read) < _MOST_OBJECTS:
            content = parsed["Body"].read()
            parsed["Body"] = _stream(content)
            self._read[self._asked] = _Read(http_response, {**parsed}, content)


@dataclass(frozen=True, slots=True)
class _Read:
    """An object that was read: the answer as botocore gives it, and its content."""

    http: Any
    parsed: dict[str, Any]
    content: bytes


def _stream(content: bytes) -> Any:
    from botocore.response import StreamingBody

    return StreamingBody(io.BytesIO(content), len(content))


def _resources(service: str, params: Mapping[str, Any]) -> list[str]:
    if "Bucket" in params:
        key = params.get("Key")
        return [f"{service}:{params['Bucket']}/{key if key is not None else str(params.get('Prefix') or '') + '*'}"]
    tables = params.get("RequestItems")
    if isinstance(tables, Mapping):
        return [f"{service}:{each}" for each in tables]
    parts = params.get("TransactItems")
    if isinstance(parts, list):
        named = [inner.get("TableName", "") for part in parts for inner in part.values()]
        return [f"{service}:{each}" for each in dict.fromkeys(named)]
    name = next((params[each] for each in _NAMES if each in params), "")
    return [f"{service}:{name}"]


def depends(reads: set[str], written: Mapping[str, str]) -> set[str]:
    """Return by whom the resources were written that somebody reads; `written` tells who wrote each last."""
    found = {written[each] for each in reads if each in written}
    prefixes = tuple(each[:-1] for each in reads if each.endswith("*"))
    if prefixes:
        found |= {who for each, who in written.items() if each.startswith(prefixes)}
    return found
