"""Python handlers as Lambda functions: event and context in, response or error envelope out.

Source: AWS Lambda Developer Guide, Python handler, context object, errors; the runtime interface client's behaviour
for the shape of the error envelope (recorded: raise_exception, raise_custom_exception).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import linecache
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, TypeAlias, cast

from sfn_sim import clock, limits
from sfn_sim.errors import ConfigurationError, HandlerImportError, MissingHandlerError
from sfn_sim.payload import loads
from sfn_sim.run.effects import Outcome

Handler: TypeAlias = "Callable[[Any, Any], Any]"
TIMEOUT_S = 900
MEMORY_MB = 512


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: its name, its handler, and the folder that would be /var/task."""

    name: str
    handler: Handler
    root: Path | None


def function_name(resource: str) -> str:
    """Return the name of a function from its name, its ARN, or either with a version or alias.

    Source: Lambda API reference, Invoke, FunctionName.
    """
    if resource.startswith("arn:"):
        parts = resource.split(":")
        return parts[6] if len(parts) > 6 else resource
    parts = resource.split(":")
    return parts[2] if len(parts) > 2 and parts[1] == "function" else parts[0]


@dataclass
class Handlers:
    """Where the Python handlers of Lambda functions are found.

    Function `a-b` is the function `handler` of `a_b.py` in the folder, unless `functions` has it.

    Args:
        folder: a folder of handler modules; it is importable while handlers run.
        functions: handlers by function name.
    """

    folder: Path | None = None
    functions: Mapping[str, Handler] = field(default_factory=dict)
    _loaded: dict[str, Function] = field(default_factory=dict, repr=False)

    @classmethod
    def from_directory(cls, folder: str | Path) -> Handlers:
        """Return the handlers of a folder.

        Raises:
            ConfigurationError: there is no such folder.
        """
        path = Path(folder)
        if not path.is_dir():
            raise ConfigurationError(f"no folder of handlers at {path}; name one with --handlers")
        return cls(path.resolve())

    @classmethod
    def from_module(cls, name: str) -> Handlers:
        """Return the public functions of a module as handlers, by their names and with hyphens for underscores.

        Raises:
            ConfigurationError: there is no such module.
            HandlerImportError: it raised while it was imported.
        """
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"--handlers {name}: neither a folder nor a module that can be imported ({error})"
            ) from None
        except Exception as error:
            raise HandlerImportError(f"the module {name} fails when it is imported: {error!r}") from error
        found = {
            key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")
        }
        given = getattr(module, "HANDLERS", {})
        return cls(functions={**{key.replace("_", "-"): value for key, value in found.items()}, **found, **given})

    @classmethod
    def of(cls, handlers: Handlers | Mapping[str, Handler] | str | Path | None) -> Handlers:
        """Return handlers from whatever names them: a mapping, a folder, a module name, or nothing."""
        if handlers is None:
            return cls()
        if isinstance(handlers, Handlers):
            return handlers
        if isinstance(handlers, Mapping):
            return cls(functions=dict(handlers))
        if Path(handlers).is_dir() or isinstance(handlers, Path) or "/" in handlers:
            return cls.from_directory(handlers)
        return cls.from_module(handlers)

    def with_(self, **functions: Handler) -> Handlers:
        """Return the same handlers with some replaced; an underscore in a name stands for a hyphen too."""
        named = {name: value for key, value in functions.items() for name in (key, key.replace("_", "-"))}
        return Handlers(self.folder, {**self.functions, **named})

    def path_of(self, name: str) -> Path | None:
        """Return the file where the handler of a function is expected."""
        return self.folder / f"{name.replace('-', '_')}.py" if self.folder else None

    def has(self, name: str) -> bool:
        """Tell whether there is a handler for a function, without importing it."""
        path = self.path_of(name)
        return name in self.functions or (path is not None and path.is_file())

    def load(self, name: str) -> Function:
        """Return a function, importing its module at the first call.

        Raises:
            MissingHandlerError: there is none.
            HandlerImportError: its module fails when it is imported, or has no `handler`.
        """
        function = self._loaded.get(name)
        if function is None:
            function = self._loaded[name] = self._find(name)
        return function

    def _find(self, name: str) -> Function:
        handler = self.functions.get(name)
        if handler is not None:
            code = getattr(handler, "__code__", None)
            return Function(name, handler, Path(code.co_filename).parent if code else None)
        path = self.path_of(name)
        if path is None or not path.is_file():
            raise MissingHandlerError(self.missing(name))
        handler = getattr(_import(path), "handler", None)
        if not callable(handler):
            raise HandlerImportError(f"{path}: has no function named 'handler' for the Lambda function {name}")
        return Function(name, handler, self.folder)

    def missing(self, name: str) -> str:
        """Say that a function has no handler, and where one would be looked for."""
        path = self.path_of(name)
        known = sorted({*self.functions, *(self._in_folder())})
        wanted = f"expected {path} with a function handler(event, context)" if path else "no --handlers given"
        return f"no handler for the Lambda function {name}: {wanted}; there are: {', '.join(known) or 'none'}"

    def _in_folder(self) -> list[str]:
        files = self.folder.glob("*.py") if self.folder else []
        return [path.stem.replace("_", "-") for path in files if not path.stem.startswith("_")]

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """Make the folder importable for the length of a run; what was imported from it is forgotten afterwards."""
        if self.folder is None:
            yield
            return
        text = str(self.folder)
        before = set(sys.modules)
        sys.path.insert(0, text)
        try:
            yield
        finally:
            with contextlib.suppress(ValueError):
                sys.path.remove(text)
            self._loaded.clear()
            for key in set(sys.modules) - before:
                file = getattr(sys.modules[key], "__file__", None)
                if file and Path(file).is_relative_to(self.folder):
                    del sys.modules[key]


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"sfn_sim_handler_{path.stem}", path)
    if spec is None or spec.loader is None:  # pragma: no cover - a .py file always has a loader
        raise HandlerImportError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        place = _last_frame(error.__traceback__, path)
        raise HandlerImportError(
            f"{path}{place}: fails when it is imported: {type(error).__name__}: {error}"
        ) from error
    return module


def _last_frame(trace: TracebackType | None, path: Path) -> str:
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""


class LambdaContext:
    """The `context` argument of a handler.

    Source: AWS Lambda Developer Guide, Using the Lambda context object (Python).
    """

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, name: str, request_id: Callable[[], str], invocation: clock.Invocation) -> None:
        self._request_id = request_id
        self._invocation = invocation
        self.function_name = name
        self.memory_limit_in_mb = MEMORY_MB
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        self.log_group_name = f"/aws/lambda/{name}"

    @property
    def aws_request_id(self) -> str:
        """The request's id, drawn from the seed."""
        return self._request_id()

    @property
    def log_stream_name(self) -> str:
        """The name of a log stream, as Lambda forms it."""
        day = time.strftime("%Y/%m/%d", time.gmtime(self._invocation.start_ns / 1e9))
        return f"{day}/[$LATEST]{self._request_id().replace('-', '')}"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run, in virtual ms."""
        return TIMEOUT_S * 1000 - self._invocation.took_ms


def invoke(
    function: Function, payload: bytes, invocation: clock.Invocation, request_id: Callable[[], str]
) -> Outcome:
    """Call a handler and return how it ended; never raises for what the handler does."""
    try:
        event = loads(payload)
    except ValueError as error:
        # Source: Lambda API reference, Invoke, InvalidRequestContentException; the words are assumed.
        return Outcome(
            None,
            "Lambda.InvalidRequestContentException",
            f"Could not parse request body into json: {error} (Service: AWSLambda; Status Code: 400; "
            f"Error Code: InvalidRequestContentException; Request ID: {request_id()}; Proxy: null)",
        )
    context = LambdaContext(function.name, request_id, invocation)
    error_name = cause = None
    response: bytes | None = None
    with clock.working_for(invocation):
        try:
            response = _response(function.handler(event, context))
        except SystemExit as stop:
            error_name = "Runtime.ExitError"
            message = f"RequestId: {request_id()} Error: Runtime exited with error: exit status {stop.code or 0}"
            cause = json.dumps({"errorType": error_name, "errorMessage": message})
        except _Unserializable as problem:
            error_name = "Runtime.MarshalError"
            cause = _envelope(error_name, str(problem), request_id(), [])
        except Exception as problem:
            error_name = type(problem).__name__
            frames = _frames(problem.__traceback__, function.root)
            cause = _envelope(error_name, str(problem), request_id(), frames)
    if response is not None and len(response) > limits.LAMBDA_PAYLOAD.value:
        # Source: AWS Lambda quotas; the words are those that Lambda's users quote.
        error_name = "Function.ResponseSizeTooLarge"
        message = (
            f"Response payload size ({len(response)} bytes) exceeded maximum allowed payload size "
            f"({limits.LAMBDA_PAYLOAD.value} bytes)."
        )
        cause, response = json.dumps({"errorMessage": message, "errorType": error_name}), None
    return Outcome(
        response,
        error_name,
        cause,
        invocation.took_ms,
        time.perf_counter_ns() - invocation.real_start,
        "".join(invocation.printed),
    )


class _Unserializable(Exception):
    """A response that is not JSON."""


def _default(value: object) -> float:
    # Source: the runtime interface client writes Decimal as a number and refuses every other class.
    if isinstance(value, Decimal):
        return float(value)
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
    return json.dumps(
        {"errorMessage": message, "errorType": name, "requestId": request_id, "stackTrace": frames}
    )


def _frames(trace: TracebackType | None, root: Path | None) -> list[str]:
    """Return the handler's own frames as Lambda prints them, without carets, so that every Python writes the same."""
    lines = []
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        if root is not None and path.is_relative_to(root):
            source = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            shown = path.relative_to(root).as_posix()
            lines.append(f'  File "/var/task/{shown}", line {trace.tb_lineno}, in {code.co_name}\n    {source}\n')
        trace = trace.tb_next
    return lines


class _Captured:
    """Stands for stdout or stderr: what a handler writes goes to its invocation, the rest to the stream itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        invocation = clock.current()
        if invocation is None:
            return int(self._stream.write(text) or 0)
        invocation.printed.append(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if clock.current() is None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def captured_output() -> Iterator[None]:
    """Keep what handlers print apart from what the program prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(Any, _Captured(before[0])), cast(Any, _Captured(before[1]))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
