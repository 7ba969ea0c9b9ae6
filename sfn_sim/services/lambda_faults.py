"""Calls of functions that Lambda itself refuses, because a world says so.

A world's `[[faults]]` are asked in the order of the calls, before any of them is carried out, so that it does not
depend on the workers which call meets a fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Lambda's answer instead of the function's.

    Attributes:
        status: the HTTP status.
        code: the name of the exception, without `Lambda.`.
        message: what Lambda says.
    """

    status: int
    code: str
    message: str

    def cause(self, request_id: str) -> str:
        """Return what the history says of it.

        Source: the form of recorded: task_service_lambda/no_such_function.
        """
        return (
            f"{self.message} (Service: AWSLambda; Status Code: {self.status}; Error Code: {self.code}; "
            f"Request ID: {request_id}; Proxy: null)"
        )


Refuses = Callable[[str, bytes], Refusal | None]
"""Takes a function's name and its event; returns how the call is refused, None to let it pass."""

_asked: list[Refuses] = []


def ask(refuses: Refuses) -> None:
    """Let someone refuse calls from now on."""
    _asked.append(refuses)


def leave(refuses: Refuses) -> None:
    """Ask them no more."""
    _asked.remove(refuses)


def somebody_refuses() -> bool:
    """Tell whether there is anyone to ask."""
    return bool(_asked)


def refused(function: str, event: bytes) -> Refusal | None:
    """Return how a call is refused; None if nobody refuses it."""
    for refuses in _asked:
        refusal = refuses(function, event)
        if refusal is not None:
            return refusal
    return None
