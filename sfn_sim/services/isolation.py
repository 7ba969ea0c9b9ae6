"""No way out: while handlers run, nobody reaches a real account or the network by accident.

Three guards, each undone at the end of the run: the environment has dummies in the place of credentials; boto3 is
answered by moto from its first import on; a socket connects to loopback only. moto is not thread-safe, so that one
lock stands before it, in process and served.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from sfn_sim import clock
from sfn_sim.errors import NetworkRefusedError

_DUMMIES = {
    "AWS_ACCESS_KEY_ID": "sfn-sim",
    "AWS_SECRET_ACCESS_KEY": "sfn-sim",
    "AWS_SESSION_TOKEN": "sfn-sim",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # botocore's checksum trailers make moto decode bodies slowly, and prove nothing here.
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    "OPENAI_API_KEY": "sfn-sim",
    "ANONYMIZED_TELEMETRY": "False",
}
_REMOVED = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    *(name for stem in ("http_proxy", "https_proxy", "all_proxy") for name in (stem, stem.upper())),
)
_ENDPOINT = "AWS_ENDPOINT_URL"
_MOTO_LOCK = threading.RLock()


@contextlib.contextmanager
def isolated(environment: Mapping[str, str], allow_network: Sequence[str] = ()) -> Iterator[None]:
    """Shut handlers in for the length of a run.

    Args:
        environment: what they find in `os.environ` beside the dummies; wins over these.
        allow_network: hosts that they may reach beside loopback.

    With `AWS_ENDPOINT_URL` (or one for a service) in the environment that the program was started with, boto3 goes
    there instead of to moto.
    """
    endpoints = {name: value for name, value in os.environ.items() if name.startswith(_ENDPOINT)}
    hosts = {urlsplit(value).hostname or "" for value in endpoints.values()}
    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced_environment({**_DUMMIES, **environment}, _REMOVED))
        stack.enter_context(_guarded_sockets(hosts.union(allow_network)))
        if endpoints:
            stack.enter_context(_when_imported(("botocore.auth",), lambda: _sign_with_the_real_clock(stack)))
        else:
            stack.enter_context(_when_imported(("boto3", "botocore.session"), lambda: start_moto(stack)))
        yield


@contextlib.contextmanager
def replaced_environment(values: Mapping[str, str], removed: Sequence[str] = ()) -> Iterator[None]:
    """Set and remove variables of `os.environ`; afterwards it is exactly as it was."""
    before = dict(os.environ)
    for name in removed:
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def start_moto(stack: contextlib.ExitStack) -> None:
    """Let moto answer boto3 until `stack` is closed; its state is dropped then."""
    from moto import mock_aws

    lock_moto()
    mock = mock_aws()
    mock.start()
    stack.callback(mock.stop)


def lock_moto() -> None:
    """Put one lock before moto's answers to clients of this process.

    Source: moto is documented as not safe for threads; unlocked it lost updates and let two conditional writes win.
    """
    from moto.core.botocore_stubber import BotocoreStubber

    answer: Callable[..., Any] = BotocoreStubber.__call__
    if getattr(answer, "is_locked", False):
        return

    def locked(*args: Any, **kwargs: Any) -> Any:
        with _MOTO_LOCK:
            return answer(*args, **kwargs)

    locked.is_locked = True  # type: ignore[attr-defined]
    BotocoreStubber.__call__ = locked


def _sign_with_the_real_clock(stack: contextlib.ExitStack) -> None:
    """Let botocore sign with the real clock: an endpoint that is not ours may refuse requests of another day."""
    import botocore.auth

    virtual = botocore.auth.get_current_datetime

    def real(*args: Any, **kwargs: Any) -> Any:
        with clock.real_time():
            return virtual(*args, **kwargs)

    botocore.auth.get_current_datetime = real
    stack.callback(setattr, botocore.auth, "get_current_datetime", virtual)


class _Finder(importlib.abc.MetaPathFinder):
    """Runs `act` once, as soon as one of `names` has been imported."""

    def __init__(self, names: Sequence[str], act: Callable[[], None]) -> None:
        self._names = names
        self._act: Callable[[], None] | None = act
        self._looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._names or self._act is None or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.imported)
        return spec

    def imported(self) -> None:
        """Act, unless boto3 is still in the middle of its own import: its end will act."""
        boto3 = sys.modules.get("boto3")
        if boto3 is not None and getattr(boto3.__spec__, "_initializing", False):
            return
        act, self._act = self._act, None
        if act is not None:
            act()


class _Loader(importlib.abc.Loader):
    """A loader that says when its module has been executed."""

    def __init__(self, loader: Any, imported: Callable[[], None]) -> None:
        self._loader = loader
        self._imported = imported

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__._initializing = False  # type: ignore[attr-defined]
        self._imported()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


@contextlib.contextmanager
def _when_imported(names: Sequence[str], act: Callable[[], None]) -> Iterator[None]:
    if any(name in sys.modules for name in names):
        act()
        yield
        return
    finder = _Finder(names, act)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextlib.contextmanager
def _guarded_sockets(allowed: set[str]) -> Iterator[None]:
    """Refuse every connection and name look-up but those of loopback and of `allowed` hosts."""
    addresses = set(allowed)
    look_up = socket.getaddrinfo

    def permitted(host: object) -> bool:
        text = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        if text in addresses or text == "localhost":
            return True
        try:
            return ipaddress.ip_address(text.split("%")[0]).is_loopback
        except ValueError:
            return False

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not permitted(host):
            raise _refusal(host)
        found = look_up(host, *args, **kwargs)
        # What an allowed name stands for is allowed too.
        addresses.update(str(entry[4][0]) for entry in found)
        return found

    def guard(method: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(self: socket.socket, *args: Any) -> Any:
            address = args[-1]
            if isinstance(address, tuple) and self.family in (socket.AF_INET, socket.AF_INET6):
                host = address[0]
                if not permitted(host):
                    raise _refusal(host)
            return method(self, *args)

        return guarded

    with contextlib.ExitStack() as stack:
        for owner, name, made in (
            (socket, "getaddrinfo", getaddrinfo),
            *((socket.socket, name, guard(getattr(socket.socket, name))) for name in ("connect", "connect_ex", "sendto")),
        ):
            own = name in vars(owner)
            before = getattr(owner, name)
            setattr(owner, name, made)
            stack.callback(setattr, owner, name, before) if own else stack.callback(delattr, owner, name)
        yield


def _refusal(host: object) -> NetworkRefusedError:
    invocation = clock.current()
    who = f"the handler {invocation.function}" if invocation else "something outside a handler"
    text = (
        f"{who} tried to reach {host}: while handlers run, only loopback can be reached, so that no run touches a real "
        f"account. If that is meant, allow it with --allow-network {host}"
    )
    if invocation is not None:
        # Clients wrap what a socket raises, and may drop the words: they stand in the handler's output as well.
        invocation.printed.append(f"sfn-sim: {text}\n")
    return NetworkRefusedError(text)
