"""The emulator as a runner of recorded cases wants it: a context manager that answers boto3."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sfn_sim.server.boto import mock_stepfunctions


@contextlib.contextmanager
def emulator(handlers: Mapping[str, Callable[[Any, Any], Any]]) -> Iterator[None]:
    """Let boto3's Step Functions clients be answered by sfn-sim, other services' by moto.

    Args:
        handlers: Lambda functions by name.
    """
    # The runner writes moments of its own clock into inputs ("wait until now"), so the virtual clock begins there too.
    with mock_stepfunctions(handlers, start=datetime.now(UTC).replace(microsecond=0)):
        yield
