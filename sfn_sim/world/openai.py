"""A stand-in for OpenAI's files, batches and embeddings: a pure core, `route`; `openai_server` serves it.

Source: the OpenAPI of the installed `openai` client for the objects' fields; the Batch guide for the lines of output
and error files.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from sfn_sim.world.fixture import Fault
from sfn_sim.world.vectors import Vectors

_DAY_S = 86_400
_ENDED = frozenset(("completed", "failed", "expired", "cancelled"))
_STATUSES = frozenset(("validating", "in_progress", "finalizing", "cancelling", *_ENDED))
_ENDPOINT = "/v1/embeddings"
_PARTIAL = {"expired": "batch_expired", "cancelled": "batch_cancelled"}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer over HTTP; `status` "timeout" closes the connection without one."""

    status: int | str
    body: bytes
    content_type: str = "application/json"


class _Refused(Exception):
    """An error answer in OpenAI's form."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        kind = "server_error" if status >= 500 else "invalid_request_error"
        error = {"message": message, "type": kind, "param": None, "code": code}
        self.response = Response(status, orjson.dumps({"error": error}))


@dataclass
class _File:
    id: str
    filename: str
    purpose: str
    created_at: int
    content: Callable[[], bytes]
    size: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            # The size of a generated file is known once somebody has asked for its content.
            "bytes": self.size or 0,
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class _Batch:
    id: str
    requests: list[tuple[str, Sequence[str]]]
    status: str
    errors: dict[str, str]
    input_file_id: str
    created_at: int
    metadata: Mapping[str, str] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    moves: bool = False

    def to_saved(self) -> dict[str, Any]:
        requests = [[custom_id, texts[0]] for custom_id, texts in self.requests]
        rest = {"status": self.status, "error_lines": self.errors, "metadata": self.metadata}
        return {"requests": requests, "batch_id": self.id, **rest}

    @property
    def good(self) -> list[tuple[str, Sequence[str]]]:
        return [each for each in self.requests if each[0] not in self.errors]


class OpenAIStandIn:
    """OpenAI's Files, Batches and Embeddings for one world.

    Args:
        vectors: makes the embeddings.
        model: the model's name in answers.
        start: the moment that its objects' timestamps come from.
        seed: shuffles the lines of output files, which come in no particular order.
        faults: answers to give instead of its own.
    """

    def __init__(
        self, vectors: Vectors, model: str, start: datetime, seed: int = 0, faults: Sequence[Fault] = ()
    ) -> None:
        self.base_url = ""
        self._vectors = vectors
        self._model = model
        self._now = int(start.timestamp())
        self._seed = seed
        self._files: dict[str, _File] = {}
        self._stored = 0
        self._batches: dict[str, _Batch] = {}
        self._faults: list[list[Any]] = []
        self._lock = threading.RLock()
        for each in faults:
            self.fault(each.match, status=each.status, times=each.times)

    def vector(self, text: str) -> list[float]:
        """Return the embedding of a text, as floats that a float32 holds exactly."""
        vector: list[float] = self._vectors.of(text).tolist()
        return vector

    def add_batch(
        self,
        requests: Iterable[tuple[str, str]],
        *,
        batch_id: str | None = None,
        status: str = "completed",
        error_lines: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Add a batch of embedding requests in any status and return its id.

        Args:
            requests: pairs of custom_id and text.
            batch_id: its id; made up by default.
            status: OpenAI's status. In `expired` and `cancelled` the requests of `error_lines` were never run.
            error_lines: messages by custom_id, for requests that failed.
            metadata: the batch's metadata.

        Raises:
            ValueError: OpenAI has no such status, the id is taken, or a failed request is none of the batch's.
        """
        with self._lock:
            made = batch_id or self._name("batch", len(self._batches))
            listed = list(requests)
            strangers = (error_lines or {}).keys() - {custom_id for custom_id, _ in listed}
            if status not in _STATUSES:
                raise ValueError(f"a batch cannot be {status!r}, only {', '.join(sorted(_STATUSES))}")
            if made in self._batches:
                raise ValueError(f"there is a batch {made!r} already")
            if strangers:
                raise ValueError(f"batch {made!r} has no request {min(strangers)!r} that could fail")
            source = self._store("input.jsonl", "batch", lambda: _input_lines(listed, self._model))
            texts: list[tuple[str, Sequence[str]]] = [(custom_id, [text]) for custom_id, text in listed]
            batch = _Batch(made, texts, status, dict(error_lines or {}), source.id, self._now, metadata)
            self._batches[made] = batch
            self._finish(batch)
            return made

    def batches(self) -> list[dict[str, Any]]:
        """Return every batch as `add_batch` takes it."""
        with self._lock:
            return [each.to_saved() for each in self._batches.values()]

    def fault(self, match: str, *, status: int | str, times: int = 1) -> None:
        """Answer the next `times` requests whose "METHOD /path" starts with `match` with `status` instead.

        `status` is an HTTP status, or "timeout": the connection ends without an answer.
        """
        with self._lock:
            self._faults.append([match, status, times])

    def route(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one request."""
        parts = urlsplit(target)
        path = [unquote(each) for each in parts.path.strip("/").split("/")]
        with self._lock:
            try:
                fault = self._take_fault(f"{method} {parts.path}")
                if fault is not None:
                    return fault
                return self._answer(method, path, parse_qs(parts.query), headers, body)
            except _Refused as refusal:
                return refusal.response
            except Exception as error:
                return _Refused(500, f"the stand-in for OpenAI failed: {type(error).__name__}: {error}").response

    def _take_fault(self, request: str) -> Response | None:
        for fault in self._faults:
            match, status, times = fault
            if times and request.startswith(match):
                fault[2] -= 1
                if isinstance(status, int):
                    raise _Refused(status, f"injected fault {status}", "rate_limit_exceeded" if status == 429 else None)
                return Response(status, b"")
        return None

    def _answer(
        self, method: str, path: list[str], query: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes
    ) -> Response:
        match method, path:
            case "POST", ["v1", "files"]:
                return _json(self._upload(headers, body).to_json())
            case "GET", ["v1", "files"]:
                return _json(self._list_files(query))
            case "GET", ["v1", "files", name]:
                self._content(name)
                return _json(self._file(name).to_json())
            case "DELETE", ["v1", "files", name]:
                self._files.pop(self._file(name).id)
                return _json({"id": name, "object": "file", "deleted": True})
            case "GET", ["v1", "files", name, "content"]:
                return Response(200, self._content(name), "application/octet-stream")
            case "POST", ["v1", "batches"]:
                return _json(self._batch_json(self._create_batch(_object(body))))
            case "GET", ["v1", "batches"]:
                newest_first = [self._batch_json(each) for each in reversed(self._batches.values())]
                return _json(_page(newest_first, query, 20, 100))
            case "GET", ["v1", "batches", name]:
                return _json(self._retrieve(name))
            case "POST", ["v1", "batches", name, "cancel"]:
                return _json(self._cancel(name))
            case "POST", ["v1", "embeddings"]:
                return _json(self._embed(_object(body)))
        raise _Refused(404, f"Unknown request URL: {method} /{'/'.join(path)}.", "unknown_url")

    def _name(self, kind: str, number: int) -> str:
        digest = hashlib.blake2b(f"{self._seed}|{kind}|{number}".encode(), digest_size=12).hexdigest()
        return f"{kind}{'-' if kind == 'file' else '_'}{digest}"

    def _store(self, filename: str, purpose: str, content: Callable[[], bytes], size: int | None = None) -> _File:
        file = _File(self._name("file", self._stored), filename, purpose, self._now, content, size)
        self._stored += 1
        self._files[file.id] = file
        return file

    def _file(self, name: str) -> _File:
        if name not in self._files:
            raise _Refused(404, f"No such File object: {name}")
        return self._files[name]

    def _content(self, name: str) -> bytes:
        file = self._file(name)
        content = file.content()
        file.size = len(content)
        return content

    def _list_files(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """Return a page of files, the newest first unless `order` says otherwise.

        Source: API reference, List files (purpose, order, limit, after).
        """
        wanted, order = query.get("purpose", [None])[0], query.get("order", ["desc"])[0]
        rows = [each.to_json() for each in self._files.values() if wanted in (None, each.purpose)]
        return _page(rows if order == "asc" else rows[::-1], query, 10_000, 10_000)

    def _upload(self, headers: Mapping[str, str], body: bytes) -> _File:
        kind = headers.get("content-type", "")
        message = email.message_from_bytes(
            b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
        )
        fields = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        if "file" not in fields or "purpose" not in fields:
            raise _Refused(400, "'file' and 'purpose' are required properties")
        content = fields["file"].get_payload(decode=True)
        purpose = fields["purpose"].get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        name = fields["file"].get_filename() or "upload"
        return self._store(name, purpose.decode() if isinstance(purpose, bytes) else "batch", lambda: data, len(data))

    def _create_batch(self, given: Mapping[str, Any]) -> _Batch:
        """Take a batch through the API: it is validating at first, and ends when it is next asked for.

        Source: API reference, Create batch.
        """
        for key, only in (("endpoint", _ENDPOINT), ("completion_window", "24h")):
            if given.get(key) != only:
                raise _Refused(400, f"the stand-in for OpenAI knows {key} {only!r} only, not {given.get(key)!r}")
        source = self._file(str(given.get("input_file_id")))
        name = self._name("batch", len(self._batches))
        batch = _Batch(name, [], "validating", {}, source.id, self._now, given.get("metadata"), moves=True)
        self._batches[batch.id] = batch
        return batch

    def _retrieve(self, name: str) -> dict[str, Any]:
        """Return a batch; one that came or was cancelled through the API has moved on to its end."""
        batch = self._batch(name)
        if batch.moves:
            batch.moves = False
            self._read_requests(batch)
            if batch.status == "cancelling":
                batch.status = "cancelled"
                batch.errors = dict.fromkeys((each[0] for each in batch.requests), "This request was never run.")
            else:
                batch.status = "failed" if batch.problems else "completed"
            self._finish(batch)
        return self._batch_json(batch)

    def _read_requests(self, batch: _Batch) -> None:
        """Read a batch's requests from its file, unless it has them.

        Source: Batch guide, input file format; the codes of the problems are assumed.
        """
        if batch.requests:
            return
        seen: set[str] = set()
        for number, line in enumerate(self._content(batch.input_file_id).splitlines(), 1):
            try:
                request = json.loads(line)
                custom_id, url, body = str(request["custom_id"]), request["url"], request["body"]
                problem = None if url == _ENDPOINT else ("mismatched_url", f"url must be {_ENDPOINT}, and is {url!r}")
                if custom_id in seen:
                    problem = ("duplicate_custom_id", f"custom_id {custom_id!r} stands on two lines")
                seen.add(custom_id)
                batch.requests.append((custom_id, self._request_texts(batch, custom_id, body)))
            except (ValueError, KeyError, TypeError):
                problem = ("invalid_json_line", "this line is no request in JSON")
            if problem is not None:
                code, message = problem
                batch.problems.append({"code": code, "line": number, "message": message, "param": None})
        if not batch.requests and not batch.problems:
            batch.problems.append({"code": "empty_file", "line": None, "message": "no requests", "param": None})

    def _request_texts(self, batch: _Batch, custom_id: str, body: Mapping[str, Any]) -> list[str]:
        try:
            return self._texts(body)
        except _Refused as refusal:
            batch.errors[custom_id] = str(refusal)
            return []

    def _cancel(self, name: str) -> dict[str, Any]:
        batch = self._batch(name)
        if batch.status in _ENDED:
            raise _Refused(409, f"Cannot cancel a batch with status '{batch.status}'.")
        batch.status, batch.moves = "cancelling", True
        return self._batch_json(batch)

    def _batch(self, name: str) -> _Batch:
        if name not in self._batches:
            raise _Refused(404, f"No batch found with id '{name}'.")
        return self._batches[name]

    def _finish(self, batch: _Batch) -> None:
        """Give a batch that has ended its files; a file that would be empty is none."""
        if batch.status not in ("completed", "expired", "cancelled"):
            return
        if batch.good:
            name = f"{batch.id}_output.jsonl"
            batch.output_file_id = self._store(name, "batch_output", lambda: self._output_lines(batch)).id
        if batch.errors:
            name = f"{batch.id}_error.jsonl"
            batch.error_file_id = self._store(name, "batch_output", lambda: self._error_lines(batch)).id

    def _output_lines(self, batch: _Batch) -> bytes:
        ordered = sorted(batch.good, key=lambda each: self._shuffled(batch, each[0]))
        lines = []
        for custom_id, texts in ordered:
            body = {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": index, "embedding": self._vectors.of(text)}
                    for index, text in enumerate(texts)
                ],
                "model": self._model,
                "usage": _usage(texts),
            }
            line = self._line(batch, custom_id, {"status_code": 200, "body": body}, None)
            lines.append(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY))
        return b"\n".join(lines) + b"\n"

    def _error_lines(self, batch: _Batch) -> bytes:
        code = _PARTIAL.get(batch.status)
        lines = []
        for custom_id, message in sorted(batch.errors.items(), key=lambda each: self._shuffled(batch, each[0])):
            if code is not None:
                line = self._line(batch, custom_id, None, {"code": code, "message": message})
            else:
                error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
                line = self._line(batch, custom_id, {"status_code": 400, "body": {"error": error}}, None)
            lines.append(orjson.dumps(line))
        return b"\n".join(lines) + b"\n"

    def _shuffled(self, batch: _Batch, custom_id: str) -> bytes:
        return hashlib.blake2b(f"{self._seed}|{batch.id}|{custom_id}".encode(), digest_size=8).digest()

    def _line(
        self, batch: _Batch, custom_id: str, response: dict[str, Any] | None, error: dict[str, Any] | None
    ) -> dict[str, Any]:
        digest = self._shuffled(batch, custom_id).hex()
        if response is not None:
            response = {"status_code": response["status_code"], "request_id": f"req_{digest}", "body": response["body"]}
        return {"id": f"batch_req_{digest}", "custom_id": custom_id, "response": response, "error": error}

    def _batch_json(self, batch: _Batch) -> dict[str, Any]:
        status, now = batch.status, batch.created_at
        ended = status in _ENDED
        times = {
            "in_progress_at": now if status not in ("validating", "failed") else None,
            "finalizing_at": now if status in ("finalizing", "completed") else None,
            "cancelling_at": now if status in ("cancelling", "cancelled") else None,
            **{f"{each}_at": now if status == each else None for each in sorted(_ENDED)},
        }
        problems = batch.problems or [{"code": "invalid_request", "line": None, "message": "failed", "param": None}]
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": _ENDPOINT,
            "model": self._model,
            "errors": {"object": "list", "data": problems} if status == "failed" else None,
            "input_file_id": batch.input_file_id,
            "completion_window": "24h",
            "status": status,
            "output_file_id": batch.output_file_id,
            "error_file_id": batch.error_file_id,
            "created_at": now,
            "expires_at": now + _DAY_S,
            **times,
            "request_counts": {
                "total": len(batch.requests),
                "completed": len(batch.good) if ended and status != "failed" else 0,
                "failed": len(batch.errors) if ended else 0,
            },
            "metadata": batch.metadata,
        }

    def _embed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        texts = self._texts(given)
        as_base64 = given.get("encoding_format") == "base64"
        data = []
        for index, text in enumerate(texts):
            vector = self._vectors.of(text)
            shown = base64.b64encode(vector.astype("<f4").tobytes()).decode() if as_base64 else vector.tolist()
            data.append({"object": "embedding", "index": index, "embedding": shown})
        return {"object": "list", "data": data, "model": given.get("model", self._model), "usage": _usage(texts)}

    def _texts(self, given: Mapping[str, Any]) -> list[str]:
        """Return the texts of a request for embeddings."""
        inputs = given.get("input")
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not isinstance(texts, list) or not texts or not all(isinstance(each, str) and each for each in texts):
            raise _Refused(400, "'$.input' is invalid: expected a text or a list of texts.")
        if given.get("dimensions", self._vectors.dims) != self._vectors.dims:
            raise _Refused(400, f"the stand-in for OpenAI makes vectors of {self._vectors.dims} dimensions only")
        return texts


def _usage(texts: Sequence[str]) -> dict[str, int]:
    tokens = sum(len(text.split()) for text in texts)
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _input_lines(requests: Sequence[tuple[str, str]], model: str) -> bytes:
    lines = (
        {"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": {"input": text, "model": model}}
        for custom_id, text in requests
    )
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _Refused(400, "We could not parse the JSON body of your request.")
    return value


def _json(value: Mapping[str, Any]) -> Response:
    return Response(200, orjson.dumps(value))


def _page(rows: list[dict[str, Any]], query: Mapping[str, list[str]], default: int, most: int) -> dict[str, Any]:
    after, limit = query.get("after", [None])[0], query.get("limit", [str(default)])[0]
    if not limit.isdigit() or not 1 <= int(limit) <= most:
        raise _Refused(400, f"'limit' must be 1 to {most}, and is {limit!r}")
    names = [row["id"] for row in rows]
    if after is not None and after not in names:
        raise _Refused(404, f"'after' names nothing that is listed: {after!r}")
    first = names.index(after) + 1 if after is not None else 0
    shown = rows[first : first + int(limit)]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": first + len(shown) < len(rows),
    }
