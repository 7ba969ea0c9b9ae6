"""moto over HTTP, for programs and processes that moto in this one cannot answer; behind the same lock."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sfn_sim.errors import ConfigurationError
from sfn_sim.services.isolation import MOTO_LOCK

_NEEDED = ("flask", "flask_cors")


@contextlib.contextmanager
def serve_moto() -> Iterator[str]:
    """Serve moto on a free port of loopback and give its URL, for `AWS_ENDPOINT_URL`.

    Its state starts empty and is dropped at the end. It is moto's state of this process: what moto answers in
    process meanwhile is the same.

    Raises:
        ConfigurationError: moto's server needs packages that are not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise ConfigurationError("serving moto needs Flask: python -m pip install flask flask-cors")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types here
        def log(self, *args: Any) -> None:
            """Write nothing: a run's output is its own."""

    application = _locked(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="moto", daemon=True)
    thread.start()
    try:
        _reset(server.server_port)
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        _reset(server.server_port)
        server.shutdown()
        server.server_close()
        thread.join()


def _locked(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Put moto's lock before a WSGI application; an answer is whole before the lock is let go."""

    def locked(environment: Any, start_response: Any) -> Iterable[bytes]:
        with MOTO_LOCK:
            return [b"".join(application(environment, start_response))]

    return locked


def _reset(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with contextlib.closing(connection):
        connection.request("POST", "/moto-api/reset")
        connection.getresponse().read()
