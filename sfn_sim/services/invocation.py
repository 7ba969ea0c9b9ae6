"""One invocation of a Lambda function: event and context in, response or error envelope out.

Source: AWS Lambda Developer Guide, Python handler, context object, errors; the runtime interface client's behaviour
for the shape of the error envelope (recorded: raise_exception, raise_custom_exception).
"""

from __future__ import annotations

import inspect
import json
import linecache
import os
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from sfn_sim import clock, limits
from sfn_sim.definition.model import ABSENT, Absent
from sfn_sim.errors import HandlerImportError
from sfn_sim.payload import Json, loads, trimmed
from sfn_sim.run.effects import Outcome
from sfn_sim.services.containers import Container, variable_hint
from sfn_sim.services.environment import missing_variable
from sfn_sim.services.garbage import note_work
from sfn_sim.services.lambda_functions import Function, log_stream

if TYPE_CHECKING:
    import simplejson

_NOTHING = (None, ABSENT)
_NS_PER_S = 1_000_000_000
_END_FRAMES = 50
_MOST_PRINTED = 65_536


class CognitoIdentity:
    """Who invoked the function through Amazon Cognito: nobody."""

    cognito_identity_id = None
    cognito_identity_pool_id = None

    def __repr__(self) -> str:
        return "CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None])"


class LambdaContext:
    """The `context` argument of a handler.

    Source: AWS Lambda Developer Guide, Using the Lambda context object (Python); the runtime interface client
    (memory_limit_in_mb is a text, identity an object without values).
    """

    identity = CognitoIdentity()
    client_context = None
    tenant_id = None

    def __init__(self, function: Function, slot: int, invocation: clock.Invocation) -> None:
        self._function = function
        self._slot = slot
        self._invocation = invocation

    @cached_property
    def function_name(self) -> str:
        """The function's name."""
        return self._function.name

    @cached_property
    def memory_limit_in_mb(self) -> str:
        """The function's memory, as text."""
        return str(self._function.memory_mb)

    @cached_property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return self._function.arn

    @cached_property
    def function_version(self) -> str:
        """The function's version."""
        return self._function.version

    @cached_property
    def log_group_name(self) -> str:
        """The function's log group."""
        return f"/aws/lambda/{self._function.name}"

    @cached_property
    def log_stream_name(self) -> str:
        """The container's log stream."""
        return log_stream(self._slot)

    @property
    def aws_request_id(self) -> str:
        """The request's id, drawn from the seed."""
        return self._invocation.request_id()

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in virtual ms."""
        return max(0, self._function.timeout_s * 1000 - self._invocation.took_ms)

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        names = (
            "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
            "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id",
        )  # fmt: skip
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in names)}])"


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
        error_name, cause, response, value = _call(function, container, slot, event, invocation)
    if invocation.slept_ns > invocation.timeout_ns:
        # A handler that takes even this for an error of its own has still timed out.
        invocation.slept_ns = invocation.timeout_ns
        error_name, cause, response, value = *_timed_out(function, invocation), *_NOTHING
    if error_name in ("Runtime.ExitError", "Sandbox.Timedout"):
        function.discard(slot)
    if response is not None and len(response) > limits.LAMBDA_PAYLOAD.value:
        error_name, cause, response, value = *_too_large(len(response)), *_NOTHING
    printed = "".join(invocation.printed)
    real_ns = time.perf_counter_ns() - invocation.real_start
    note_work(real_ns)
    request_id = invocation.request_id() if printed else ""
    took_ms = invocation.took_ms
    return Outcome(
        response, error_name, cause, took_ms, real_ns, printed[:_MOST_PRINTED], request_id, value=value
    )


def _call(
    function: Function, container: Container | None, slot: int, event: Any, invocation: clock.Invocation
) -> tuple[str | None, str | None, bytes | None, Json | Absent]:
    try:
        handler = function.plain if container is None else container.handler()
        assert handler is not None
        return None, None, *_response(handler(event, LambdaContext(function, slot, invocation)))
    except HandlerImportError:
        raise
    except clock.FunctionTimedOut:
        return *_timed_out(function, invocation), *_NOTHING
    except SystemExit as stop:
        if stop.code is not None and not isinstance(stop.code, int):
            invocation.printed.append(f"{stop.code}\n")
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return *_exited(f"exit status {code}", invocation), *_NOTHING
    except clock.ProcessEnded as end:
        return *_exited(end.how, invocation), *_NOTHING
    except (GeneratorExit, _cancelled()) as problem:
        # What is no Exception passes the runtime, and ends the process.
        invocation.printed.append(f"{type(problem).__name__}: {problem}\n")
        return *_exited("exit status 1", invocation), *_NOTHING
    except _Unserializable as problem:
        name = "Runtime.MarshalError"
        return name, _envelope(name, str(problem), invocation.request_id(), []), *_NOTHING
    except Exception as problem:
        name = type(problem).__name__
        frames = _frames(problem, function)
        if variable := missing_variable(problem):
            invocation.printed.append(f"sfn-sim: {variable_hint(variable)}\n")
        return name, _envelope(name, str(problem), invocation.request_id(), frames), *_NOTHING


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
    ended = "without providing a reason" if how == "exit status 0" else f"with error: {how}"
    message = f"RequestId: {invocation.request_id()} Error: Runtime exited {ended}"
    return "Runtime.ExitError", json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message})


def worker_ended(how: str, invocation: clock.Invocation) -> Outcome:
    """Return what Lambda says of an invocation whose process ended under it, such as one that ran out of memory."""
    name, cause = _exited(how, invocation)
    real_ns = time.perf_counter_ns() - invocation.real_start
    printed = f"sfn-sim: the worker process ended ({how}), and what its handler had written is lost\n"
    return Outcome(None, name, cause, 0, real_ns, printed, invocation.request_id())


def _too_large(size_bytes: int) -> tuple[str, str]:
    # Source: AWS Lambda quotas; the words are those that Lambda's users quote.
    name, most = "Function.ResponseSizeTooLarge", limits.LAMBDA_PAYLOAD.value
    message = f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size ({most} bytes)."
    return name, json.dumps({"errorMessage": message, "errorType": name})


class _Unserializable(Exception):
    """A response that is not JSON."""


def _default(value: object) -> int | float:
    # Source: the runtime interface client writes a Decimal's own digits and refuses other classes.
    if isinstance(value, Decimal):
        digits = str(value)
        return int(digits) if digits.lstrip("-").isdigit() else float(digits)
    if inspect.iscoroutine(value):
        value.close()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


@cache
def _encoder() -> simplejson.JSONEncoder:
    """Return the encoder that Lambda's runtime uses: simplejson's, which writes bytes as text, named tuples as objects.

    Source: the runtime interface client, lambda_runtime_marshaller.
    """
    import simplejson

    return simplejson.JSONEncoder(
        use_decimal=False, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default
    )


_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
_NOT_FINITE = "Out of range float values are not JSON compliant"


def _response(result: Any) -> tuple[bytes, Json | Absent]:
    """Return a handler's result as the JSON text that Lambda's runtime writes, and what that says if it is known.

    Source: the runtime interface client: a result that is not JSON ends as Runtime.MarshalError, "Unable to marshal
    response: …". That NaN does too is assumed: Lambda writes it, and no reader of JSON takes it.
    """
    try:
        text = orjson.dumps(result, option=_PLAIN)
        # orjson writes more than Lambda's runtime does (UUIDs, enumerations, NaN as null), but nothing of that comes
        # back as it was.
        value: Json = orjson.loads(text)
        if value == result:
            return trimmed(text), value
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        if isinstance(result, bytes):
            # Bytes go out as they are; Step Functions wants JSON.
            loads(result)
            return result, ABSENT
        return _encoder().encode(result).encode("utf-8", "surrogatepass"), ABSENT
    except (TypeError, ValueError, RecursionError) as error:
        raise _Unserializable(f"Unable to marshal response: {_same_everywhere(str(error))}") from None


def _same_everywhere(words: str) -> str:
    """Return the words of an error of JSON as every version of Python writes them."""
    return _NOT_FINITE if words.startswith(_NOT_FINITE) else words


def _envelope(name: str, message: str, request_id: str, frames: list[str]) -> str:
    return json.dumps({"errorMessage": message, "errorType": name, "requestId": request_id, "stackTrace": frames})


def _frames(problem: Exception, function: Function) -> list[str]:
    """Return the handler's own frames as Lambda prints them, without carets, so that every Python writes the same."""
    lines: list[str] = []
    trace = problem.__traceback__
    folders = [each for each in (function.root, *function.settings.path) if each is not None]
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        folder = next((each for each in folders if path.is_relative_to(each)), None)
        if folder is not None:
            source = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            shown = path.relative_to(folder).as_posix()
            lines.append(f'  File "/var/task/{shown}", line {trace.tb_lineno}, in {code.co_name}\n    {source}\n')
        trace = trace.tb_next
    if len(lines) <= 2 * _END_FRAMES:
        return lines
    if isinstance(problem, RecursionError):
        # Where a recursion without end is cut off depends on how deep its caller was: its beginning does not.
        return lines[: 2 * _END_FRAMES]
    return [*lines[:_END_FRAMES], *lines[-_END_FRAMES:]]


def _cancelled() -> type[BaseException]:
    """Return asyncio's CancelledError; an exception that nobody can raise where nobody has imported asyncio."""
    asyncio = sys.modules.get("asyncio.exceptions")
    found: type[BaseException] = getattr(asyncio, "CancelledError", GeneratorExit)
    return found


def end_process(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for a function that ends the process: in an invocation it ends that alone."""
    ours = os.getpid()

    def ended(*arguments: Any, **named: Any) -> Any:
        # A process that a handler has forked off ends as it likes.
        if clock.current() is None or os.getpid() != ours:
            return real(*arguments, **named)
        if name == "kill":
            process, number = arguments
            if process != ours:
                return real(*arguments)
            raise clock.ProcessEnded("signal: killed" if number == 9 else f"signal: {number}")
        status = "" if name == "abort" else (arguments or tuple(named.values()))[0]
        raise clock.ProcessEnded("signal: aborted" if name == "abort" else f"exit status {status}")

    return ended
