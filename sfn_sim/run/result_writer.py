"""Where a distributed Map's results go: into the state's output, or into files in S3.

Source: Developer Guide, ResultWriter (files, their names, the fields of an entry, transformations).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from datetime import timedelta
from typing import Any, TypeAlias

from sfn_sim.definition.model import ResultWriter
from sfn_sim.payload import Json, dumps, encode
from sfn_sim.run.child import Child
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import AwsAnswer, CallAws
from sfn_sim.run.item_reader import s3_cause

Calls: TypeAlias = "Generator[CallAws, AwsAnswer, Any]"
_PART_BYTES = 8 << 20  # S3 takes parts of a multipart upload from 5 MiB on
_STATUSES = ("FAILED", "PENDING", "SUCCEEDED")


class Unwritable(Exception):
    """Results that S3 did not take.

    Args:
        cause: AWS's words; `what` ours.
        near: the buckets that there are.
    """

    def __init__(self, cause: str, what: str, near: Iterable[str] = ()) -> None:
        super().__init__(cause)
        self.cause = cause
        self.what = what
        self.near = list(near)


def entry(child: Child, moment: Callable[[Identity, int], str]) -> dict[str, Json]:
    """Return what is told of a child that has ended: its input and output with the workflow's metadata.

    Source: Developer Guide, ResultWriter, Transformation NONE; that a failed one has Error and Cause, and no Output, is
    assumed after DescribeExecution.
    """
    identity, ok = child.identity, child.status == "SUCCEEDED"
    ending: dict[str, Json] = {}
    if not ok:
        ending = {name: value for name, value in (("Cause", child.cause), ("Error", child.error)) if value is not None}
    status = "NOT_REDRIVABLE" if ok else "REDRIVABLE_BY_MAP_RUN"
    return {
        **ending,
        "ExecutionArn": identity.arn,
        "Input": dumps(child.input),
        "InputDetails": {"Included": True},
        "Name": identity.name,
        **({"Output": dumps(child.output)} if ok else {}),
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": status,
        **({"RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven"} if ok else {}),
        "StartDate": moment(identity, 0),
        "StateMachineArn": identity.machine_arn,
        "Status": child.status,
        "StopDate": moment(identity, child.log.now_ms),
    }


def pending_entry(identity: Identity, value: Json) -> dict[str, Json]:
    """Return what is told of a child that was never started.

    Source: Developer Guide, ResultWriter, PENDING_n.json; the fields are assumed.
    """
    return {
        "ExecutionArn": identity.arn,
        "Input": dumps(value),
        "InputDetails": {"Included": True},
        "Name": identity.name,
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "StateMachineArn": identity.machine_arn,
        "Status": "PENDING",
    }


def moments() -> Callable[[Identity, int], str]:
    """Return what writes a moment of an execution; many children start and end at the same one."""
    known: dict[Any, str] = {}

    def moment(identity: Identity, at_ms: int) -> str:
        key = (identity.start, at_ms)
        text = known.get(key)
        if text is None:
            if len(known) > _MOMENTS:
                known.clear()
            at = identity.start + timedelta(milliseconds=at_ms)
            text = known[key] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return text

    return moment


_MOMENTS = 1_000


def transformed(writer: ResultWriter | None, child: Child, moment: Callable[[Identity, int], str]) -> list[Json]:
    """Return a child's part of the results, as the writer's Transformation wants it.

    Source: Developer Guide, ResultWriter, Transformation: COMPACT without a ResultWriter, NONE when results are
    exported; what failed is told as by NONE.
    """
    exported = writer is not None and writer.resource is not None
    kind = (writer.transformation if writer else None) or ("NONE" if exported else "COMPACT")
    if child.status != "SUCCEEDED" or kind == "NONE":
        return [entry(child, moment)]
    if kind == "FLATTEN" and isinstance(child.output, list):
        return child.output
    return [child.output]


class _File:
    """A file of results: what is not yet in S3 of it is one part at most."""

    def __init__(self, bucket: str, key: str, jsonl: bool) -> None:
        self.key = key
        self.size = 0
        self.entries = 0
        self._bucket = bucket
        self._jsonl = jsonl
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []

    def add(self, value: Json) -> None:
        if self._jsonl:
            self._buffer += encode(value) + b"\n"
        else:
            self._buffer += (b"," if self.entries else b"[") + encode(value)
        self.entries += 1

    @property
    def is_due(self) -> bool:
        """Whether a part is full."""
        return len(self._buffer) >= _PART_BYTES

    def upload(self, call: Callable[[str, dict[str, Any]], Calls]) -> Calls:
        """Put a part into S3."""
        where = {"Bucket": self._bucket, "Key": self.key}
        if self._upload is None:
            self._upload = (yield from call("CreateMultipartUpload", where)).output["UploadId"]
        number = len(self._parts) + 1
        body = bytes(self._buffer)
        self._buffer.clear()
        self.size += len(body)
        part = {**where, "UploadId": self._upload, "PartNumber": number, "Body": body}
        answer = yield from call("UploadPart", part)
        self._parts.append({"ETag": answer.output["ETag"], "PartNumber": number})

    def close(self, call: Callable[[str, dict[str, Any]], Calls]) -> Calls:
        """Put the rest into S3."""
        if not self._jsonl:
            self._buffer += b"]"
        where = {"Bucket": self._bucket, "Key": self.key}
        if self._upload is None:
            self.size = len(self._buffer)
            yield from call("PutObject", {**where, "Body": bytes(self._buffer)})
            return
        yield from self.upload(call)
        parts = {"Parts": self._parts}
        yield from call("CompleteMultipartUpload", {**where, "UploadId": self._upload, "MultipartUpload": parts})


class ResultFiles:
    """The files of one Map Run's results in S3.

    Args:
        writer: the ResultWriter.
        bucket: where to; `prefix` what their keys begin with.
        map_run_arn: the Map Run.
        request_id: draws the id of a request to S3.
    """

    def __init__(
        self, writer: ResultWriter, bucket: str, prefix: str, map_run_arn: str, request_id: Callable[[], str]
    ) -> None:
        self._bucket = bucket
        self._map_run_arn = map_run_arn
        self._request_id = request_id
        self._jsonl = writer.output_type == "JSONL"
        prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self._folder = f"{prefix}{map_run_arn.rpartition(':')[2]}"
        self._files: dict[str, _File] = {}

    @property
    def manifest_key(self) -> str:
        """The key of the manifest."""
        return f"{self._folder}/manifest.json"

    def add(self, status: str, values: Iterable[Json]) -> Calls:
        """Write entries into the file of a status; aborted executions stand with the failed ones."""
        name = "FAILED" if status in ("ABORTED", "TIMED_OUT") else status
        file = self._files.get(name)
        if file is None:
            suffix = "jsonl" if self._jsonl else "json"  # Source: assumed
            file = self._files[name] = _File(self._bucket, f"{self._folder}/{name}_0.{suffix}", self._jsonl)
        for value in values:
            file.add(value)
        if file.is_due:
            yield from file.upload(self._call)

    def close(self) -> Calls:
        """Write what is left, and the manifest.

        Raises:
            Unwritable: S3 did not take it.
        """
        for name in _STATUSES:
            if name in self._files:
                yield from self._files[name].close(self._call)
        manifest: Json = {
            "DestinationBucket": self._bucket,
            "MapRunArn": self._map_run_arn,
            "ResultFiles": {
                name: [{"Key": self._files[name].key, "Size": self._files[name].size}] if name in self._files else []
                for name in _STATUSES
            },
        }
        body = encode(manifest)
        yield from self._call("PutObject", {"Bucket": self._bucket, "Key": self.manifest_key, "Body": body})

    def _call(self, operation: str, parameters: dict[str, Any]) -> Calls:
        answer = yield CallAws("s3", operation, parameters)
        if answer.error is None:
            return answer
        cause = s3_cause(answer, self._request_id())
        if answer.error == "NoSuchBucket":
            there = yield CallAws("s3", "ListBuckets", {})
            names = [each["Name"] for each in there.output.get("Buckets", ())]
            raise Unwritable(cause, f"there is no bucket {self._bucket!r}", names)
        raise Unwritable(cause, f"S3 answered {answer.error}: {answer.message}")
