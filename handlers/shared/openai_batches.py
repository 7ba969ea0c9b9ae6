"""OpenAI's Batch API, as the poll needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import openai
import orjson

T = TypeVar("T")
ATTEMPTS = 5
FIRST_DELAY_S = 1.0
_TRANSIENT = (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError)

# The client's own retries wait for a random time; ours are the same in every run of one execution.
_client = openai.OpenAI(max_retries=0)


@dataclass(frozen=True, slots=True)
class Line:
    """One answered request: its embedding, or why there is none."""

    custom_id: str
    embedding: list[float] | None
    error: dict[str, str] | None = None


def retrieve(openai_batch_id: str) -> Any:
    """Return a batch as OpenAI describes it."""
    return _patiently(lambda: _client.batches.retrieve(openai_batch_id))


def lines(batch: Any) -> list[Line]:
    """Return every answered request of a batch, from its output and its error file."""
    return [
        line for file_id in (batch.output_file_id, batch.error_file_id) if file_id for line in _read(_content(file_id))
    ]


def failures(batch: Any) -> list[dict[str, str]]:
    """Return why a batch was refused as a whole."""
    found = batch.errors.data if batch.errors and batch.errors.data else []
    return [{"code": error.code or "", "message": error.message or ""} for error in found]


def _content(file_id: str) -> bytes:
    content: bytes = _patiently(lambda: _client.files.content(file_id).content)
    return content


def _read(content: bytes) -> Iterator[Line]:
    for text in content.splitlines():
        if text.strip():
            yield _line(orjson.loads(text))


def _line(row: dict[str, Any]) -> Line:
    response = row.get("response") or {}
    body = response.get("body") or {}
    data = body.get("data")
    embedding = data[0].get("embedding") if data else None
    if row.get("error") is None and response.get("status_code", 200) == 200 and embedding:
        return Line(row["custom_id"], embedding)
    error = row.get("error") or body.get("error") or {}
    return Line(
        row["custom_id"],
        None,
        {
            "code": str(error.get("code") or error.get("type") or "no_embedding"),
            "message": str(error.get("message") or "the answer has no embedding"),
        },
    )


def _patiently(call: Callable[[], T]) -> T:
    """Call again after 429, 5xx, timeouts and broken connections; the last failure is raised."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return call()
        except _TRANSIENT:
            time.sleep(FIRST_DELAY_S * 2**attempt)
    return call()
