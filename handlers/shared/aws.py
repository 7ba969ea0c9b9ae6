"""Clients of AWS: one a service and container, with a backoff that draws no random numbers."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.exceptions import HTTPClientError

ATTEMPTS = 8
FIRST_DELAY_S = 0.2
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


@functools.cache
def client(service: str) -> Any:
    """Return a client for a service, configured by the environment (AWS_ENDPOINT_URL, AWS_REGION, …)."""
    config = Config(
        # botocore's own retries wait for a random time; ours are the same in every run of one execution.
        retries={"total_max_attempts": 1, "mode": "standard"},
        # The default trailing checksums make every upload an aws-chunked body, which TLS makes superfluous.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
    )
    made = boto3.client(service, config=config)
    made.meta.events.register_first(f"needs-retry.{service}", _delay_before_retry)
    return made


def _delay_before_retry(attempts: int, response: Any, caught_exception: Any, **_: Any) -> float | None:
    """Return how many seconds to wait before the next attempt; None: the answer stands."""
    if attempts >= ATTEMPTS:
        return None
    if caught_exception is not None:
        # No answer came: the connection was refused, was reset, or timed out. Whether the request went through is
        # not known, so that each has to be one that may come twice.
        if not isinstance(caught_exception, BotocoreConnectionError | HTTPClientError | OSError):
            return None
    else:
        answer, parsed = response
        code = parsed.get("Error", {}).get("Code", "")
        if code not in _THROTTLED and answer.status_code < 500:
            return None
    return float(FIRST_DELAY_S * 2 ** (attempts - 1))
