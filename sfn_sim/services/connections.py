"""Servers of a run that end with all their connections."""

from __future__ import annotations

import contextlib
import socket
import socketserver
from typing import Any


class KnownConnections(socketserver.ThreadingMixIn):
    """A server that knows its open connections, so that those which are kept alive end with it.

    To be put before a class of socketserver's TCPServer.
    """

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note a connection, and serve it."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._open.discard(request)
        super().shutdown_request(request)  # type: ignore[misc]  # the TCPServer that this is put before has it

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is no event of a run."""

    def close_connections(self) -> None:
        """End every connection that is open."""
        for request in list(self._open):
            # Wakes the thread that waits for the connection's next request; it closes the connection itself.
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
