"""A world's AWS services for handlers that run in other processes.

A worker's botocore hands each request, as it would be sent, to the process that has the world. There it takes the way
of every request: faults, then moto behind its lock, at the virtual moment of the invocation that it belongs to. So
that URLs, timestamps, answers and errors are those of a handler in process, which no AWS_ENDPOINT_URL could give: it
changes URLs (path style, the port in the address of a queue). What neither a fault nor moto answers, the worker sends
itself: to an endpoint of the caller's own.

Requests come as JSON and bytes, since whoever may connect may write; each connection begins with a token.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import pickle
import secrets
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from sfn_sim import clock
from sfn_sim.services.connections import KnownConnections
from sfn_sim.services.frames import StreamEnded, read_frame, write_frames
from sfn_sim.services.isolation import lock_moto, moto_answers, when_imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a world is served.

    Attributes:
        host: the server's host; `port` its port.
        token: what a connection begins with.
        asks: whether requests to AWS are answered there.
    """

    host: str
    port: int
    token: str
    asks: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    """A service's answer; with status 0 there is none, and the request is to be sent, with `body` unless it is None."""

    status: int
    headers: list[tuple[str, Any]]
    body: bytes | None


# The process that has the world


class WorldServer:
    """Serves the AWS services of this process, such as handlers see them in process, on a free port.

    Args:
        host: the address to listen at.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._token = secrets.token_hex(16)
        self._server = _Server((host, 0), _connection(self._token, _Services()))
        self._host = host
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="sfn-sim world", daemon=True
        )
        self._thread.start()

    def address(self) -> Address:
        """Return where workers find it."""
        port = self._server.server_address[1]
        return Address(host=self._host, port=port, token=self._token, asks=_is_somebody_to_ask())

    def close(self) -> None:
        """End it, and every connection."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()


def _is_somebody_to_ask() -> bool:
    """Tell whether moto answers here, or faults wait: with an endpoint of the caller's own, workers go there alone."""
    if moto_answers():
        return True
    handlers = sys.modules.get("botocore.handlers")
    return handlers is not None and any(entry[0] == "before-send" for entry in handlers.BUILTIN_HANDLERS)


class _Server(KnownConnections, socketserver.TCPServer):
    """Listens for workers; one that is stuck does not keep a run from ending."""

    block_on_close = False


def _connection(token: str, services: _Services) -> type[socketserver.StreamRequestHandler]:
    class Connection(socketserver.StreamRequestHandler):
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle(self) -> None:
            stream = _Both(self.rfile, self.wfile)
            with contextlib.suppress(StreamEnded):
                if not hmac.compare_digest(read_frame(stream), token.encode()):
                    return
                write_frames(stream, b"")
                while True:
                    head, body = json.loads(read_frame(stream)), read_frame(stream)
                    write_frames(stream, _packed(services, head, body))

    return Connection


class _Both:
    """Two files of one socket."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.read = reader.read
        self.write = writer.write
        self.flush = writer.flush


def _packed(services: _Services, head: Mapping[str, Any], body: bytes) -> bytes:
    """Return an answer, or what was raised in its place, as the worker reads it."""
    now_ns = head["now_ns"]
    invocation = clock.Invocation(head["function"], now_ns) if now_ns is not None else None
    try:
        with clock.working_for(invocation):
            return pickle.dumps(services.answer(head, body))
    except Exception as error:
        with contextlib.suppress(Exception):
            packed = pickle.dumps(error)
            pickle.loads(packed)
            return packed
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


@dataclass(slots=True)
class _Services:
    """What answers requests to AWS in this process."""

    _session: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, head: Mapping[str, Any], body: bytes) -> _Answer:
        """Return what a client of this process would be answered."""
        with self._lock:
            if self._session is None:
                import botocore.session

                # A session asks those who answer instead of AWS as they are when it is made: the world is built.
                self._session = botocore.session.Session()
        from botocore.awsrequest import AWSPreparedRequest
        from botocore.compat import HTTPHeaders

        headers: Any = HTTPHeaders()
        for name, value in head["headers"]:
            headers[name] = value
        sent = body if head["has_body"] else None
        request = AWSPreparedRequest(head["method"], head["url"], headers, sent, False)
        if not head["event"]:
            return _of_moto(request)
        found = [each for _, each in self._session.emit(head["event"], request=request) if each is not None]
        if found:
            return _Answer(found[0].status_code, list(found[0].headers.items()), found[0].content)
        return _Answer(0, [], None if request.body is sent else request.body)


def _of_moto(request: Any) -> _Answer:
    """Return moto's answer to a client that is not botocore."""
    lock_moto()
    from moto.core.models import botocore_stubber

    answer = botocore_stubber.process_request(request)
    if answer is None:
        return _Answer(0, [], None)
    status, headers, body = answer
    return _Answer(status, list(headers.items()), body.encode() if isinstance(body, str) else body)


# The worker


class WorldClient:
    """Asks the process that has the world; each thread has a connection of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._local = threading.local()

    def connect(self) -> Any:
        """Return a new connection.

        Raises:
            OSError: nobody listens there.
            StreamEnded: whoever does is not the world's server.
        """
        with clock.real_time():
            connection = socket.create_connection((self._address.host, self._address.port), timeout=10)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rwb")
        # The socket itself is closed with its file.
        connection.close()
        write_frames(stream, self._address.token.encode())
        read_frame(stream)
        return stream

    def ask(self, event: str, request: Any) -> _Answer:
        """Return the answer to a request, as botocore or `requests` has prepared it."""
        invocation = clock.current()
        body = _bytes(request.body)
        head = {
            "event": event,
            "method": request.method,
            "url": request.url,
            "headers": [(name, _text(value)) for name, value in request.headers.items()],
            "has_body": body is not None,
            "function": invocation.function if invocation else "",
            "now_ns": invocation.now_ns if invocation else None,
        }
        stream = getattr(self._local, "stream", None)
        if stream is None:
            stream = self._local.stream = self.connect()
        write_frames(stream, json.dumps(head).encode(), body or b"")
        answer = pickle.loads(read_frame(stream))
        if isinstance(answer, BaseException):
            raise answer
        found: _Answer = answer
        return found

    def answer(self, request: Any, event_name: str, **_: Any) -> Any:
        """Answer a request of botocore, or let it pass; its `before-send`."""
        answer = self.ask(event_name, request)
        if answer.status:
            from botocore.awsrequest import AWSResponse

            return AWSResponse(request.url, answer.status, dict(answer.headers), _Body(answer.body or b""))
        if answer.body is None:
            # What has been read to be asked about is read once more to be sent.
            request.reset_stream()
        else:
            request.body = answer.body
            del request.headers["Content-Length"]
            request.headers["Content-Length"] = str(len(answer.body))
        return None

    def process_request(self, request: Any) -> tuple[int, dict[str, Any], bytes] | None:
        """Answer a request of `requests`; stands for moto's method of that name."""
        answer = self.ask("", request)
        return (answer.status, dict(answer.headers), answer.body or b"") if answer.status else None


class _Body(BytesIO):
    """What botocore reads an answer's body from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _bytes(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytearray):
        return bytes(body)
    content: bytes = body.read()
    return content


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@contextlib.contextmanager
def world_of(client: WorldClient) -> Iterator[None]:
    """Let a worker's clients of AWS ask the process that has the world, from their first import on."""

    def hook() -> None:
        from botocore import handlers

        handlers.BUILTIN_HANDLERS.append(("before-send", client.answer, handlers.REGISTER_FIRST))

    def stand_in() -> None:
        from moto.core.botocore_stubber import BotocoreStubber

        # Who uses botocore has been answered by then; who uses `requests` asks moto alone.
        def pass_on(*_: object, **__: object) -> None:
            return None

        def process(_: object, request: Any) -> Any:
            return client.process_request(request)

        stands_in: tuple[tuple[str, Any], ...] = (("__call__", pass_on), ("process_request", process))
        for name, function in stands_in:
            # No moto is here that a lock could guard.
            function.is_locked = True
            setattr(BotocoreStubber, name, function)

    with when_imported(("botocore.handlers",), hook), when_imported(("moto.core.botocore_stubber",), stand_in):
        yield
