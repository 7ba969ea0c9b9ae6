"""moto over HTTP, for programs and processes that moto in this one cannot answer; behind the same lock."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError
from sfn_sim.services.isolation import MOTO_LOCK

_NEEDED = ("flask", "flask_cors")


def can_serve() -> bool:
    """Tell whether what moto's server needs is installed."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


class Moment:
    """The virtual moment at which requests from outside are answered; a run sets it as its invocations begin."""

    def __init__(self) -> None:
        self._invocation: clock.Invocation | None = None

    def set(self, invocation: clock.Invocation) -> None:
        """Answer at the moment of an invocation from now on."""
        self._invocation = invocation

    def there(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which the present thread sees the moment; the real one, as long as none was set."""
        return clock.working_for(self._invocation)


MOMENT = Moment()


@contextlib.contextmanager
def serve_moto(address: str = "127.0.0.1:0", *, empty: bool = True) -> Iterator[str]:
    """Serve moto over HTTP and give its URL, for `AWS_ENDPOINT_URL`.

    It is moto's state of this process: what moto answers in process meanwhile is the same.

    Args:
        address: where to listen, HOST:PORT or a port of 127.0.0.1; port 0 is a free one.
        empty: whether the state starts empty and is dropped at the end; False to serve a world that is open.

    Raises:
        ConfigurationError: moto's server needs packages that are not installed, or the address is none or is taken.
    """
    if not can_serve():
        raise ConfigurationError("serving moto needs Flask: python -m pip install 'sfn-sim[serve]'")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types here
        def log(self, *args: Any) -> None:
            """Write nothing: a run's output is its own."""

    application = _locked(DomainDispatcherApplication(create_backend_app))
    try:
        # werkzeug ends the program when the address is taken, so it is taken here.
        listening = socket.create_server(_host_and_port(address))
    except OSError as error:
        raise ConfigurationError(f"cannot serve the world at {address!r}: {error.strerror or error}") from None
    with listening:
        name, number = listening.getsockname()[:2]
        server = make_server(
            name, number, application, threaded=True, request_handler=Handler, fd=listening.fileno()
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="moto", daemon=True)
        thread.start()
        try:
            if empty:
                _reset(number)
            yield f"http://{name}:{number}"
        finally:
            if empty:
                _reset(number)
            server.shutdown()
            server.server_close()
            thread.join()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ConfigurationError(f"cannot serve the world at {address!r}: expected HOST:PORT, or a port of 127.0.0.1")
    return host or "127.0.0.1", int(port)


def _locked(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Put moto's lock before a WSGI application; an answer is whole before the lock is let go."""

    def locked(environment: Any, start_response: Any) -> Iterable[bytes]:
        with MOTO_LOCK, MOMENT.there():
            return [b"".join(application(environment, start_response))]

    return locked


def _reset(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with contextlib.closing(connection):
        connection.request("POST", "/moto-api/reset")
        connection.getresponse().read()
