"""boto3's Step Functions clients of this process, answered by a store: no server, no network, no credentials.

The hook answers botocore's `before-call`: before a request is signed or sent, so that neither moto nor its lock ever
sees it, whichever of the two mocks was started first.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sfn_sim.errors import ConfigurationError
from sfn_sim.machine import START
from sfn_sim.run.seed import Stream
from sfn_sim.server.actions import perform
from sfn_sim.server.clock import RealClock, VirtualClock
from sfn_sim.server.faults import ApiError
from sfn_sim.server.store import Store
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import Handler, Handlers
from sfn_sim.services.surroundings import surroundings

P = ParamSpec("P")
T = TypeVar("T")
_EVENT = "before-call.sfn"
_lock = threading.Lock()
_mocks: list[MockStepFunctions] = []
_known = False


class MockStepFunctions:
    """Answer every boto3 Step Functions client of this process, in a `with` block or in a decorated function.

    It stands beside moto's `mock_aws`, in either order; clients may have been made before or after. An execution
    runs at `start_execution` until it ends, or only an outside party can move it (SendTaskSuccess, GetActivityTask,
    StopExecution, `clock.advance`).

    Args:
        handlers: Python functions for the Lambda functions that machines call: by name, or where they are found.
            With them come the surroundings of `StateMachine.run`: virtual time in handlers, dummy credentials, moto.
        clock: "virtual", or "real": executions then take as long as they would, in threads.
        seed: the seed of all randomness.
        start: the virtual moment at which the mock begins.
        workers: how many handlers of one execution may run at once.
        environment: what handlers find in the environment beside dummies for AWS's variables.
        allow_network: hosts that may be reached beside loopback.
        isolate: False where the caller has shut handlers in itself.
        activity_poll_s: how long GetActivityTask waits for a task, in real seconds: 0.2, with the real clock 60.
        mock_config: a MockConfigFile.json of Step Functions Local; that of SFN_MOCK_CONFIG by default. An execution
            that is started with `stateMachineArn#TestCase` is answered by it.

    Attributes:
        clock: the time of the stores; `clock.advance(ms)` lets virtual time pass.

    Raises:
        ConfigurationError: there is no such clock.
    """

    def __init__(
        self,
        handlers: Handlers | Mapping[str, Handler] | str | Path | None = None,
        *,
        clock: str = "virtual",
        seed: int = 0,
        start: datetime = START,
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        allow_network: Sequence[str] = (),
        isolate: bool = True,
        activity_poll_s: float | None = None,
        mock_config: str | Path | None = None,
    ) -> None:
        self._mock_config = mock_config or os.environ.get("SFN_MOCK_CONFIG") or None
        if clock not in ("virtual", "real"):
            raise ConfigurationError(f'clock={clock!r}: there are "virtual" and "real"')
        self._handlers = handlers
        self._real = clock == "real"
        self._seed = seed
        self._start = start
        self._workers = workers
        self._environment = dict(environment or {})
        self._allow_network = tuple(allow_network)
        self._isolate = isolate
        self._activity_poll_s = activity_poll_s
        self._stores: dict[str, Store] = {}
        self._stack = contextlib.ExitStack()
        self.clock: VirtualClock | RealClock = self._new_clock()

    def _new_clock(self) -> VirtualClock | RealClock:
        return RealClock() if self._real else VirtualClock(self._start)

    def __enter__(self) -> MockStepFunctions:
        if self in _mocks:
            raise ConfigurationError("this mock of Step Functions has been started already; make another one")
        with contextlib.ExitStack() as stack:
            if self._handlers is not None:
                if self._isolate:
                    stack.enter_context(isolated(self._environment, self._allow_network))
                stack.enter_context(surroundings())
            self._stores, self.clock = {}, self._new_clock()
            self.clock.on_advance(self._advance)
            stack.enter_context(self._answering())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return the function inside a mock of its own."""
        @wraps(function)
        def mocked(*args: P.args, **kwargs: P.kwargs) -> T:
            # A copy, so that calls of one function may nest.
            with MockStepFunctions(
                self._handlers,
                clock="real" if self._real else "virtual",
                seed=self._seed,
                start=self._start,
                workers=self._workers,
                environment=self._environment,
                allow_network=self._allow_network,
                isolate=self._isolate,
                activity_poll_s=self._activity_poll_s,
            ):
                return function(*args, **kwargs)

        return mocked

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        _make_known()
        with _lock:
            _mocks.append(self)
        try:
            yield
        finally:
            with _lock:
                _mocks.remove(self)
            for store in self._stores.values():
                store.close()

    def _advance(self, ms: int) -> None:
        for store in list(self._stores.values()):
            for started in store.running():
                started.run.advance(ms)

    def store(self, region: str = "us-east-1") -> Store:
        """Return what a region remembers."""
        with _lock:
            if region not in self._stores:
                self._stores[region] = Store(
                    Handlers.of(self._handlers),
                    clock=self.clock,
                    seed=self._seed,
                    region=region,
                    workers=self._workers,
                    activity_poll_s=self._activity_poll_s,
                    mock_config=self._mock_config,
                )
            return self._stores[region]

    def answer(self, action: str, body: bytes | str, region: str) -> tuple[int, bytes, str]:
        """Answer a request: HTTP status, body, request id. The transport is AWS JSON 1.0."""
        store = self.store(region)
        request_id = Stream.named(self._seed, "api", store.uuid()).uuid4()
        try:
            answer, status = perform(store, action, json.loads(body or "{}")), 200
        except ApiError as error:
            answer, status = {"__type": error.code, "message": error.message, **error.fields}, 400
        return status, json.dumps(answer, default=_epoch).encode(), request_id


mock_stepfunctions = MockStepFunctions


def _epoch(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} is not JSON")


def _before_call(model: Any, params: Any, context: Any, **_: Any) -> tuple[Any, dict[str, Any]] | None:
    """Answer a call of botocore in the place of the network."""
    with _lock:
        mock = _mocks[-1] if _mocks else None
    if mock is None:
        return None
    from botocore.awsrequest import AWSResponse
    from botocore.parsers import create_parser

    region = context.get("client_region") or "us-east-1"
    status, body, request_id = mock.answer(model.name, params["body"], region)
    headers = {"x-amzn-RequestId": request_id, "Content-Type": "application/x-amz-json-1.0"}
    parsed: dict[str, Any] = create_parser("json").parse(
        {"headers": headers, "status_code": status, "body": body}, model.output_shape
    )
    if status >= 300:
        parsed.update(_modeled_fields(model, parsed, body))
    return AWSResponse(params["url"], status, headers, None), parsed


def _modeled_fields(model: Any, parsed: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return the members of a modeled error, as botocore adds them to the parsed answer."""
    shape = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
    if shape is None:
        return {}
    return {name: value for name, value in json.loads(body).items() if name in shape.members}


def _make_known() -> None:
    """Put the hook before every Step Functions client: those that are there, and those to come."""
    global _known
    with _lock:
        if _known:
            return
        _known = True
    from botocore.handlers import BUILTIN_HANDLERS

    BUILTIN_HANDLERS.append((_EVENT, _before_call))
    if "botocore.session" not in sys.modules:
        return
    from botocore.client import BaseClient
    from botocore.session import Session

    for thing in gc.get_objects():
        kind = type(thing)
        if issubclass(kind, BaseClient):
            thing.meta.events.register(_EVENT, _before_call)
        elif issubclass(kind, Session):
            thing.register(_EVENT, _before_call)
