"""One fault in one run: an executor that answers what comes before it as recorded, and a tap on requests to AWS."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sfn_sim import clock, limits
from sfn_sim.errors import SfnSimError
from sfn_sim.explore.points import AwsCall, Fault, Point, Probe
from sfn_sim.payload import dumps, loads
from sfn_sim.run.effects import AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.services.executors import ClosableExecutor
from sfn_sim.testing.mocks import Mocks
from sfn_sim.world.faults import refusal

_INVOCATION = "amz-sdk-invocation-id"
_CONDITIONS = (b"ConditionExpression", "If-None-Match", "If-Match")


class Killed(SfnSimError):
    """The run ends here, as when its machine is stopped; `at_ms` is the virtual time."""

    def __init__(self, at_ms: int) -> None:
        super().__init__("the run was killed")
        self.at_ms = at_ms


class Diverged(SfnSimError):
    """A run did not make the calls again that the good run made before the fault."""


class Tap:
    """Listens to the requests that handlers send to AWS, and lets one of them fail.

    A client's own retries of one request are told by botocore's id of the operation: a refusal meets all of them, so
    that it reaches the handler; a reset meets the first alone, and what it wrote stays written.
    """

    def __init__(self) -> None:
        self._seen: list[AwsCall] = []
        self._known: dict[str, int] = {}
        self._fault: Fault | None = None
        self.met = False

    def begin(self, fault: Fault | None = None) -> None:
        """Begin anew, for one invocation."""
        self._seen, self._known, self._fault, self.met = [], {}, fault, False

    def end(self) -> tuple[AwsCall, ...]:
        """End, and return what was sent."""
        self._fault = None
        return tuple(self._seen)

    def open(self) -> None:
        """Let clients ask here before anyone else answers."""
        import boto3
        from botocore import handlers

        handlers.BUILTIN_HANDLERS.append(self._entry())
        if boto3.DEFAULT_SESSION is not None:
            boto3.DEFAULT_SESSION.events.register_first("before-send", self.answer)

    def close(self) -> None:
        """Listen no more."""
        from botocore import handlers

        handlers.BUILTIN_HANDLERS.remove(self._entry())

    def _entry(self) -> tuple[Any, ...]:
        from botocore import handlers

        return ("before-send", self.answer, handlers.REGISTER_FIRST)

    def answer(self, request: Any, event_name: str, **_more: Any) -> Any:
        """Return the answer of the fault to the request that it is about; None lets the request pass."""
        if clock.current() is None:
            return None
        _, service, operation = event_name.split(".", 2)
        name = str(request.headers.get(_INVOCATION, id(request)))
        again = name in self._known
        number = self._known.setdefault(name, len(self._known))
        if not again:
            self._seen.append(AwsCall(service, operation, _is_conditional(request)))
        fault = self._fault
        if fault is None or fault.request != number:
            return None
        self.met = True
        if fault.when == "after":
            return None if again else _reset(request, event_name)
        request.is_refused = True
        return refusal(service, fault.status, fault.code, request)


def _is_conditional(request: Any) -> bool:
    body = request.body if isinstance(request.body, bytes) else b""
    return _CONDITIONS[0] in body or any(name in request.headers for name in _CONDITIONS[1:])


def _reset(request: Any, event_name: str) -> Any:
    """Carry a request out, and lose its answer."""
    from botocore.exceptions import ConnectionClosedError
    from moto.core.models import botocore_stubber

    botocore_stubber(event_name=event_name, request=request)
    raise ConnectionClosedError(endpoint_url=request.url)


@dataclass
class Injected(Mocks):
    """What a run is given so that one fault meets it; without a probe it makes the good run.

    Attributes:
        tap: the tap on requests to AWS.
        probe: the fault and its point.
        prefix: the points before it, which are answered as recorded.
        note: told of each call that was carried out without a probe.
        order: puts the calls of one instant into another order.
    """

    tap: Tap | None = None
    probe: Probe | None = None
    prefix: Sequence[Point] = ()
    note: Callable[[Invoke, Outcome, int, tuple[AwsCall, ...]], None] | None = None
    before: Callable[[], None] | None = None
    order: random.Random | None = None
    made: list[_Injecting] = field(default_factory=list)

    def over(self, real: ClosableExecutor, start: datetime) -> ClosableExecutor:
        """Return an executor in which the fault happens; the mocks answer below it, as handlers do."""
        self.made.append(_Injecting(self, super().over(real, start)))
        return self.made[-1]

    @property
    def happened(self) -> bool:
        """Tell whether the fault met anybody."""
        return any(each.happened for each in self.made)


class _Injecting:
    """Carries calls out one by one, in their order or another one."""

    def __init__(self, given: Injected, real: ClosableExecutor) -> None:
        self._given = given
        self._real = real
        self._number = 0
        self.happened = False

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Return the outcomes in the order of the calls."""
        order = list(range(len(calls)))
        if self._given.order is not None:
            self._given.order.shuffle(order)
        outcomes = {index: self._one(calls[index], now_ms) for index in order}
        return [outcomes[index] for index in range(len(calls))]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service."""
        return self._real.call(call, now_ms)

    def close(self) -> None:
        """Let go of the real executor."""
        self._real.close()

    def _one(self, call: Invoke, now_ms: int) -> Outcome:
        number, self._number = self._number, self._number + 1
        given = self._given
        if number < len(given.prefix):
            if given.prefix[number].call[:2] != call[:2]:
                raise Diverged(f"call {number} of {call.function} is not as in the good run: is a handler random?")
            mock = given.of(str(call.identity[1]), call.function)
            if mock is not None:
                # A mock that answers call by call goes on from where the good run was.
                mock.asked(None, "")
            return given.prefix[number].outcome
        if given.probe is not None and number == given.probe.point.number:
            return self._with(given.probe.fault, call, now_ms)
        return self._really(call, now_ms)

    def _really(self, call: Invoke, now_ms: int, fault: Fault | None = None) -> Outcome:
        given = self._given
        if given.before is not None:
            given.before()
        if given.tap is None:
            return self._real.run([call], now_ms)[0]
        given.tap.begin(fault)
        outcome = self._real.run([call], now_ms)[0]
        self.happened = self.happened or given.tap.met
        sent = given.tap.end()
        if given.note is not None:
            given.note(call, outcome, now_ms, sent)
        return outcome

    def _with(self, fault: Fault, call: Invoke, now_ms: int) -> Outcome:
        if fault.kind == "aws":
            return self._really(call, now_ms, fault)
        self.happened = True
        outcome = Outcome(None)
        if fault.when == "after" or fault.kind == "twice":
            outcome = self._really(call, now_ms)
        match fault.kind:
            case "twice":
                return self._really(call, now_ms)
            case "killed":
                raise Killed(now_ms)
            case "result":
                return Outcome(_too_large(outcome) if fault.value == "large" else fault.value.encode())
        cause = dumps({"errorType": fault.value, "errorMessage": "injected fault"})
        return Outcome(None, fault.value, cause, outcome.took_ms)


def _too_large(outcome: Outcome) -> bytes:
    """Return a result with what it had, over the payload limit."""
    had = loads(outcome.result.decode()) if outcome.result is not None else {}
    padding = "x" * (limits.PAYLOAD.value + 1)
    return dumps({**(had if isinstance(had, dict) else {}), "padding": padding}).encode()
