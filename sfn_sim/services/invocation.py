"""One invocation of a Lambda function: event and context in, response or error envelope out.

Source: AWS Lambda Developer Guide, Python handler, context object, errors; the runtime interface client's behaviour
for the shape of the error envelope (recorded: raise_exception, raise_custom_exception).
"""

from __future__ import annotations

import inspect
import json
import linecache
import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from sfn_sim import clock, limits
from sfn_sim.payload import loads
from sfn_sim.run.effects import Outcome
from sfn_sim.services.containers import Container, missing_variable
from sfn_sim.services.lambda_functions import Function, log_stream

_NS_PER_S = 1_000_000_000
_END_FRAMES = 50
_MOST_PRINTED = 65_536


class ProcessEnded(BaseException):
    """A handler has ended its process: by os._exit, os.abort, or a signal to itself."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class LambdaContext:
    """The `context` argument of a handler.

    Source: AWS Lambda Developer Guide, Using the Lambda context object (Python).
    """

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, function: Function, slot: int, invocation: clock.Invocation) -> None:
        self._invocation = invocation
        self._timeout_ms = function.timeout_s * 1000
        self.function_name = function.name
        self.memory_limit_in_mb = function.memory_mb
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
        self.log_group_name = f"/aws/lambda/{function.name}"
        self.log_stream_name = log_stream(slot)

    @property
    def aws_request_id(self) -> str:
        """The request's id, drawn from the seed."""
        return self._invocation.request_id()

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in virtual ms."""
        return max(0, self._timeout_ms - self._invocation.took_ms)


def invoke(function: Function, slot: int, payload: bytes, invocation: clock.Invocation) -> Outcome:
    """Call a handler and return how it ended.

    Raises:
        HandlerImportError: its module fails when it is imported.
    """
    try:
        event = loads(payload)
    except ValueError as error:
        return _not_json(error, invocation)
    container = function.container(slot)
    invocation.container = container
    invocation.environment = container.environment if container is not None else None
    invocation.timeout_ns = function.timeout_s * _NS_PER_S
    with clock.working_for(invocation):
        error_name, cause, response = _call(function, container, slot, event, invocation)
    if invocation.slept_ns > invocation.timeout_ns:
        # A handler that takes even this for an error of its own has still timed out.
        invocation.slept_ns = invocation.timeout_ns
        error_name, cause, response = *_timed_out(function, invocation), None
    if error_name in ("Runtime.ExitError", "Sandbox.Timedout"):
        function.discard(slot)
    if response is not None and len(response) > limits.LAMBDA_PAYLOAD.value:
        error_name, cause, response = *_too_large(len(response)), None
    printed = "".join(invocation.printed)
    real_ns = time.perf_counter_ns() - invocation.real_start
    request_id = invocation.request_id() if printed else ""
    return Outcome(response, error_name, cause, invocation.took_ms, real_ns, printed[:_MOST_PRINTED], request_id)


def _call(
    function: Function, container: Container | None, slot: int, event: Any, invocation: clock.Invocation
) -> tuple[str | None, str | None, bytes | None]:
    handler = function.plain if container is None else container.handler()
    assert handler is not None
    try:
        return None, None, _response(handler(event, LambdaContext(function, slot, invocation)))
    except clock.FunctionTimedOut:
        return *_timed_out(function, invocation), None
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return *_exited(f"exit status {code}", invocation), None
    except ProcessEnded as end:
        return *_exited(end.how, invocation), None
    except _Unserializable as problem:
        name = "Runtime.MarshalError"
        return name, _envelope(name, str(problem), invocation.request_id(), []), None
    except Exception as problem:
        name = type(problem).__name__
        frames = _frames(problem.__traceback__, function.root)
        if hint := missing_variable(problem):
            invocation.printed.append(f"sfn-sim: {hint.lstrip('. ')}\n")
        return name, _envelope(name, str(problem), invocation.request_id(), frames), None


def _not_json(error: ValueError, invocation: clock.Invocation) -> Outcome:
    # Source: Lambda API reference, Invoke, InvalidRequestContentException; the words are assumed.
    return Outcome(
        None,
        "Lambda.InvalidRequestContentException",
        f"Could not parse request body into json: {error} (Service: AWSLambda; Status Code: 400; "
        f"Error Code: InvalidRequestContentException; Request ID: {invocation.request_id()}; Proxy: null)",
    )


def _timed_out(function: Function, invocation: clock.Invocation) -> tuple[str, str]:
    # Source: what Lambda's users quote of functions that ran into their timeout.
    message = f"RequestId: {invocation.request_id()} Error: Task timed out after {function.timeout_s:.2f} seconds"
    return "Sandbox.Timedout", json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message})


def _exited(how: str, invocation: clock.Invocation) -> tuple[str, str]:
    # Source: what Lambda's users quote of functions whose process ended.
    message = f"RequestId: {invocation.request_id()} Error: Runtime exited with error: {how}"
    return "Runtime.ExitError", json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message})


def _too_large(size_bytes: int) -> tuple[str, str]:
    # Source: AWS Lambda quotas; the words are those that Lambda's users quote.
    name, most = "Function.ResponseSizeTooLarge", limits.LAMBDA_PAYLOAD.value
    message = f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size ({most} bytes)."
    return name, json.dumps({"errorMessage": message, "errorType": name})


class _Unserializable(Exception):
    """A response that is not JSON."""


def _default(value: object) -> float:
    # Source: the runtime interface client writes Decimal as a number and refuses every other class.
    if isinstance(value, Decimal):
        return float(value)
    if inspect.iscoroutine(value):
        value.close()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_default)


def _response(result: Any) -> bytes:
    """Return a handler's result as the JSON text that Lambda's runtime writes.

    Source: the runtime interface client: a result that is not JSON ends as Runtime.MarshalError, "Unable to marshal
    response: …". That NaN does too is assumed: Lambda writes it, and no reader of JSON takes it.
    """
    try:
        return _ENCODER.encode(result).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        raise _Unserializable(f"Unable to marshal response: {error}") from None


def _envelope(name: str, message: str, request_id: str, frames: list[str]) -> str:
    return json.dumps({"errorMessage": message, "errorType": name, "requestId": request_id, "stackTrace": frames})


def _frames(trace: TracebackType | None, root: Path | None) -> list[str]:
    """Return the handler's own frames as Lambda prints them, without carets, so that every Python writes the same."""
    lines: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        if root is not None and path.is_relative_to(root):
            source = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            shown = path.relative_to(root).as_posix()
            lines.append(f'  File "/var/task/{shown}", line {trace.tb_lineno}, in {code.co_name}\n    {source}\n')
        trace = trace.tb_next
    # A recursion without end has one frame a thousand times: its two ends tell as much.
    return lines if len(lines) <= 2 * _END_FRAMES else [*lines[:_END_FRAMES], *lines[-_END_FRAMES:]]




def end_process(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for a function that ends the process: in an invocation it ends that alone."""

    def ended(*arguments: Any) -> Any:
        if clock.current() is None:
            return real(*arguments)
        if name == "kill":
            process, number = arguments
            if process != os.getpid():
                return real(*arguments)
            raise ProcessEnded("signal: killed" if number == 9 else f"signal: {number}")
        raise ProcessEnded("signal: aborted" if name == "abort" else f"exit status {arguments[0]}")

    return ended
