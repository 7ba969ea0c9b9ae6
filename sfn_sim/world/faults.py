"""Faults of AWS's services: answers that a handler's client gets instead of the service's own.

A hook of botocore, before a request is sent: it serves moto in process, moto served and a real endpoint alike. Only
handlers meet faults; the world's own building and looking go undisturbed. Faults of the service "lambda" are met by the
machine too: Lambda refuses to call a function at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from sfn_sim import clock
from sfn_sim.errors import FixtureError
from sfn_sim.services import lambda_faults
from sfn_sim.services.lambda_faults import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsFault:
    """An answer that handlers get from an AWS service instead of its own.

    Attributes:
        service: as botocore's events name it, such as "s3"; `operation` an API operation, or "*".
        match: what the request's URL must contain; of "lambda" the URL, which names the function, or the event.
        status: the HTTP status; "timeout": no answer; "cut-off": only half of what the request brings is stored.
        code: the error code of an answer with a status.
        after: how many requests that fit it lets through first; of those that follow it takes each `every`-th,
            `times` in all.
    """

    service: str
    operation: str = "*"
    match: str = ""
    status: int | str
    code: str = ""
    after: int = 0
    every: int = 1
    times: int = 1


_TEXTS = ("service", "operation", "match", "code")
_LAMBDA = "lambda"
_MESSAGE = "injected fault"


def read_fault(entry: Mapping[str, Any], wrong: Callable[[str], FixtureError]) -> AwsFault:
    """Return the fault of one entry of [[faults]]; `wrong` makes the error of a bad one.

    Raises:
        FixtureError: there can be no such fault.
    """
    for name in ("service", "status"):
        if name not in entry:
            raise wrong(f"an entry of [[faults]] has no {name}")
    for name in _TEXTS:
        if not isinstance(entry.get(name, ""), str):
            raise wrong(f"faults.{name} must be a text, and is {entry[name]!r}")
    for name, least in (("times", 1), ("every", 1), ("after", 0)):
        count = entry.get(name, least)
        if type(count) is not int or count < least:
            raise wrong(f"faults.{name} must be an integer of at least {least}, and is {count!r}")
    status = entry["status"]
    if status not in ("timeout", "cut-off") and (type(status) is not int or not 400 <= status <= 599):
        raise wrong(f'faults.status must be 400 to 599, "timeout" or "cut-off", and is {status!r}')
    if isinstance(status, int) and not entry.get("code"):
        raise wrong('a fault with a status needs an error code, such as code = "SlowDown"')
    if entry["service"] == _LAMBDA and not isinstance(status, int):
        raise wrong('a fault of lambda needs a status, such as status = 429, code = "TooManyRequestsException"')
    if str(entry.get("code", "")).startswith("Lambda."):
        raise wrong(f"faults.code is written without Lambda., and is {entry['code']!r}")
    return AwsFault(**entry)


class _Body(BytesIO):
    """What botocore reads an answer's body from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass(slots=True)
class _Waiting:
    """A fault, how many requests it has seen, and how many of them it has taken."""

    fault: AwsFault
    seen: int = 0
    taken: int = 0

    def takes(self, service: str, operation: str, place: str) -> bool:
        fault = self.fault
        if fault.service != service or fault.operation not in ("*", operation) or fault.match not in place:
            return False
        self.seen += 1
        if self.taken >= fault.times or self.seen <= fault.after or (self.seen - fault.after) % fault.every:
            return False
        self.taken += 1
        return True


class AwsFaults:
    """The faults of one world, while it is open."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._armed = False
        self._hooked = False
        self._asked = False

    def add(self, faults: Sequence[AwsFault]) -> None:
        """Let more faults wait for requests."""
        with self._lock:
            self._waiting += [_Waiting(each) for each in faults]
            if faults and not self._hooked:
                self._hooked = True
                self._hook()
            if not self._asked and any(each.service == _LAMBDA for each in faults):
                self._asked = True
                lambda_faults.ask(self.refuse)

    def arm(self) -> None:
        """Begin: the world is built."""
        self._armed = True

    def clear(self) -> None:
        """Forget the faults, so that whoever asks is answered as if there had never been one."""
        with self._lock:
            self._waiting.clear()

    def unmet(self) -> list[AwsFault]:
        """Return the faults that have not taken all the requests that they should."""
        with self._lock:
            return [each.fault for each in self._waiting if each.taken < each.fault.times]

    def close(self) -> None:
        """End; clients of this world that live on meet no fault any more."""
        self.clear()
        if self._hooked:
            from botocore import handlers

            handlers.BUILTIN_HANDLERS.remove(self._entry())
        if self._asked:
            lambda_faults.leave(self.refuse)

    def _entry(self) -> tuple[Any, ...]:
        from botocore import handlers

        return ("before-send", self.answer, handlers.REGISTER_FIRST)

    def _hook(self) -> None:
        """Let clients ask here before anyone else answers: those of sessions to come, and of the default one."""
        import boto3
        from botocore import handlers

        handlers.BUILTIN_HANDLERS.append(self._entry())
        if boto3.DEFAULT_SESSION is not None:
            boto3.DEFAULT_SESSION.events.register_first("before-send", self.answer)

    def answer(self, request: Any, event_name: str, **_more: Any) -> Any:
        """Return the answer of a fault that takes this request, None to let it pass; botocore's `before-send`."""
        if not self._armed or clock.current() is None:
            return None
        _, service, operation = event_name.split(".", 2)
        fault = self._taking(service, operation, request.url)
        if fault is None:
            return None
        if fault.status == "cut-off":
            _cut(request)
            return None
        if fault.status == "timeout":
            from botocore.exceptions import ReadTimeoutError

            raise ReadTimeoutError(endpoint_url=request.url)
        # botocore asks everybody, and takes the first answer: moto must not do what has been refused.
        request.is_refused = True
        return refusal(fault.service, int(fault.status), fault.code, request)

    def refuse(self, function: str, event: bytes) -> Refusal | None:
        """Return how Lambda refuses a call that the machine makes, None to let it pass."""
        if not self._armed:
            return None
        place = f"/2015-03-31/functions/{function}/invocations {event.decode('utf-8', 'replace')}"
        fault = self._taking(_LAMBDA, "Invoke", place)
        return None if fault is None else Refusal(int(fault.status), fault.code, _MESSAGE)

    def _taking(self, service: str, operation: str, place: str) -> AwsFault | None:
        with self._lock:
            # Each fault counts the requests that it is about, whoever takes them.
            taking = [each.fault for each in self._waiting if each.takes(service, operation, place)]
        return taking[0] if taking else None


def _cut(request: Any) -> None:
    """Halve what a request stores, as if the writer had still been at work on it."""
    body = request.body if isinstance(request.body, bytes) else request.body.read()
    request.body = body[: len(body) // 2]
    request.headers["Content-Length"] = str(len(request.body))


def refusal(service: str, status: int, code: str, request: Any) -> Any:
    """Return an error answer in the form of the service's protocol.

    Source: S3 API reference, Error responses (REST XML); DynamoDB Developer Guide, Error handling (JSON 1.0, `__type`).
    """
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    message = _MESSAGE
    if service == "s3":
        kind = "application/xml"
        text = f"<Error><Code>{escape(code)}</Code><Message>{message}</Message></Error>"
    elif "x-www-form-urlencoded" in str(request.headers.get("Content-Type", "")):
        kind = "text/xml"
        inner = f"<Code>{escape(code)}</Code><Message>{message}</Message>"
        text = f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"
    else:
        kind = "application/x-amz-json-1.0"
        text = f'{{"__type":"{code}","message":"{message}"}}'
    headers: Any = HTTPHeaders()
    headers["Content-Type"] = kind
    if "json" in kind:
        headers["x-amzn-errortype"] = code
    return AWSResponse(request.url, status, headers, _Body(text.encode()))
