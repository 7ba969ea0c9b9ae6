"""No way out: while handlers run, nobody reaches a real account or the network by accident.

Three guards, each undone at the end of the run: the environment has dummies in the place of credentials; boto3 is
answered by moto from its first import on; a socket connects to loopback only. moto is not thread-safe, so that one
lock stands before it, in process and served.

The guards are the process's own. Runs may nest and overlap: the first to begin sets the guards up, the last to end
takes them down. What is neither Python's socket module nor this process is not guarded: C libraries with sockets of
their own, and programs that a handler starts.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.abc
import importlib.machinery
import ipaddress
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError, NetworkRefusedError

REGION = "us-east-1"
_DUMMIES = {
    "AWS_ACCESS_KEY_ID": "sfn-sim",
    "AWS_SECRET_ACCESS_KEY": "sfn-sim",
    "AWS_SESSION_TOKEN": "sfn-sim",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # botocore's checksum trailers make moto decode bodies slowly, and prove nothing here.
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    "OPENAI_API_KEY": "sfn-sim",
    "ANONYMIZED_TELEMETRY": "False",
}
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ENDPOINT = "AWS_ENDPOINT_URL"
_IGNORED = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
# What the outer environment says of AWS and OpenAI is dropped, so that a run is the same on every machine; but where
# it points to another emulator stays.
_DROPPED = ("AWS_", "OPENAI_", "AZURE_OPENAI_")
_KEPT = (_ENDPOINT, _IGNORED, "AWS_CA_BUNDLE", "OPENAI_BASE_URL")
# A proxy on loopback would be a way out.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
MOTO_LOCK = threading.RLock()
"""Stands before moto, whoever asks it: in process or served."""


class _Run:
    """One run that is shut in; remembers the environment to go back to."""

    def __init__(self) -> None:
        self.environment_before = dict(os.environ)


_lock = threading.RLock()
_runs: list[_Run] = []
_guards = contextlib.ExitStack()
_allowed: Counter[str] = Counter()


@contextlib.contextmanager
def isolated(environment: Mapping[str, str] | None = None, allow_network: Sequence[str] = ()) -> Iterator[None]:
    """Shut handlers in for the length of a run.

    With `AWS_ENDPOINT_URL` in the environment that the program was started with, boto3 goes there instead of to moto,
    and that host is allowed; with one for a service alone (`AWS_ENDPOINT_URL_S3`), that service does.

    Args:
        environment: what they find in `os.environ` beside the dummies; wins over these.
        allow_network: hosts that they may reach beside loopback.
    """
    hosts = [_host(each) for each in allow_network]
    run = _enter(environment or {}, hosts)
    try:
        yield
    finally:
        _leave(run, hosts)


def moto_answers() -> bool:
    """Tell whether moto answers every service here, so that none has an endpoint of the caller's own for all."""
    return _ENDPOINT not in _endpoints()


def allowed_hosts() -> tuple[str, ...]:
    """Return the hosts that may be reached beside loopback, at present."""
    with _lock:
        return tuple(host for host, count in _allowed.items() if host and count > 0)


@contextlib.contextmanager
def reaching(*hosts: str) -> Iterator[None]:
    """Let more hosts be reached: those of a cluster that handlers run on."""
    names = [_host(each) for each in hosts]
    with _lock:
        _allowed.update(names)
    try:
        yield
    finally:
        with _lock:
            _allowed.subtract(names)


def _enter(environment: Mapping[str, str], hosts: Iterable[str]) -> _Run:
    with _lock:
        run = _Run()
        try:
            if not _runs:
                _set_up()
            os.environ.update(_with_region(environment))
        except BaseException:
            if not _runs:
                _guards.close()
            _go_back_to(run.environment_before)
            raise
        _runs.append(run)
        _allowed.update(hosts)
        return run


def _leave(run: _Run, hosts: Iterable[str]) -> None:
    with _lock:
        _allowed.subtract(hosts)
        index = _runs.index(run)
        del _runs[index]
        try:
            if not _runs:
                _guards.close()
        finally:
            if index < len(_runs):
                # A run that began later still needs the dummies: it is the one that goes back to before this run.
                _runs[index].environment_before = run.environment_before
            else:
                _go_back_to(run.environment_before)


def _set_up() -> None:
    endpoints = _endpoints()
    for name in [name for name in os.environ if _is_dropped(name)]:
        del os.environ[name]
    os.environ.update(_DUMMIES)
    os.environ.update(dict.fromkeys(_REGIONS, REGION))
    _allowed.clear()
    _allowed.update(urlsplit(url).hostname or "" for url in endpoints.values())
    _guards.enter_context(_guarded_sockets())
    if endpoints:
        _guards.enter_context(when_imported(("botocore.signers",), _sign_with_the_real_clock))
    if _ENDPOINT not in endpoints:
        _guards.enter_context(when_imported(("boto3", "botocore.session"), _start_moto))


def _endpoints() -> dict[str, str]:
    """Return the variables that point boto3 to an endpoint, as botocore would heed them."""
    if os.environ.get(_IGNORED, "").lower() == "true":
        return {}
    return {name: url for name, url in os.environ.items() if name.startswith(_ENDPOINT) and url}


def _is_dropped(name: str) -> bool:
    return name.lower() in _PROXIES or (name.startswith(_DROPPED) and not name.startswith(_KEPT))


def _with_region(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with both names of the region, if it has one: boto3 reads one, handlers the other."""
    for name, value in environment.items():
        if not isinstance(value, str):
            raise ConfigurationError(f"the variable {name} of the environment is a text, and not {value!r}")
    given = next((environment[name] for name in _REGIONS if name in environment), None)
    regions = dict.fromkeys(_REGIONS, given) if given is not None else {}
    return {**regions, **environment}


def _go_back_to(environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    os.environ.update(environment)


# boto3 and moto


def _start_moto() -> None:
    """Let moto answer boto3 until the guards are taken down; its state is dropped then."""
    knew_moto = "moto.core.models" in sys.modules
    from moto import mock_aws
    from moto.core.models import MockAWS, botocore_stubber

    lock_moto()
    _share_service_models()
    if not knew_moto:
        _adopt_clients(botocore_stubber)
    # One that the caller has started keeps its state and its settings. The dummies above are credentials enough.
    mock = mock_aws() if MockAWS._mocks_active else mock_aws(config={"core": {"mock_credentials": False}})
    mock.start()
    _guards.callback(mock.stop)


def _share_service_models() -> None:
    """Let all sessions read the services' descriptions once: moto begins each run with a new session.

    To parse them again took most of the time of making a world's clients.
    """
    from botocore import session

    create = session.create_loader
    session.create_loader = functools.partial(_loader, create)
    _guards.callback(setattr, session, "create_loader", create)


@functools.cache
def _loader(create: Callable[..., Any], data_path: str | None) -> Any:
    return create(data_path)


def lock_moto() -> None:
    """Put one lock before moto's answers to clients of this process.

    Source: moto is documented as not safe for threads; unlocked it lost updates and let two conditional writes win.
    """
    from moto.core.botocore_stubber import BotocoreStubber

    for name in ("__call__", "process_request"):
        answer: Callable[..., Any] = getattr(BotocoreStubber, name)
        if not getattr(answer, "is_locked", False):
            setattr(BotocoreStubber, name, _locked(answer))


def _locked(answer: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*args: Any, **kwargs: Any) -> Any:
        if getattr(kwargs.get("request"), "is_refused", False):
            # A fault has answered.
            return None
        with MOTO_LOCK:
            return answer(*args, **kwargs)

    locked.is_locked = True  # type: ignore[attr-defined]
    return locked


def _adopt_clients(stubber: object) -> None:
    """Let moto answer the clients and sessions that were made before moto was imported, and so do not know it.

    Such are the clients at the top of a handler's module that a test has imported.
    """
    from botocore.client import BaseClient
    from botocore.session import Session

    for thing in gc.get_objects():
        kind = type(thing)
        if issubclass(kind, BaseClient):
            thing.meta.events.register("before-send", stubber)
        elif issubclass(kind, Session):
            thing.register("before-send", stubber)


def _sign_with_the_real_clock() -> None:
    """Let botocore sign with the real clock: an endpoint that is not ours may refuse requests of another day."""
    from botocore.signers import RequestSigner

    sign: Callable[..., Any] = RequestSigner.sign

    def signed_now(*args: Any, **kwargs: Any) -> Any:
        with clock.real_time():
            return sign(*args, **kwargs)

    RequestSigner.sign = signed_now
    _guards.callback(setattr, RequestSigner, "sign", sign)


class _Finder(importlib.abc.MetaPathFinder):
    """Runs `act` once, as soon as one of `names` has been imported.

    It runs while that import still goes on, so that another thread that imports the same cannot get ahead of it.
    """

    def __init__(self, names: Sequence[str], act: Callable[[], None]) -> None:
        self._names = names
        self._act: Callable[[], None] | None = act
        self._lock = threading.RLock()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._names or self._act is None:
            return None
        for finder in sys.meta_path:
            look = getattr(finder, "find_spec", None) if finder is not self else None
            spec: importlib.machinery.ModuleSpec | None = look(fullname, path, target) if look else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self._imported)
                return spec
        return None

    def _imported(self, module: ModuleType) -> None:
        with self._lock:
            if self._act is None or (module.__name__ != self._names[0] and self._first_is_coming()):
                return
            act, self._act = self._act, None
            act()

    def _first_is_coming(self) -> bool:
        """Tell whether the first of the names is in the middle of its own import: its end will act."""
        first = sys.modules.get(self._names[0])
        return first is not None and bool(getattr(first.__spec__, "_initializing", False))


class _Loader(importlib.abc.Loader):
    """A loader that says when its module has been executed."""

    def __init__(self, loader: Any, executed: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._executed = executed

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._executed(module)


@contextlib.contextmanager
def when_imported(names: Sequence[str], act: Callable[[], None]) -> Iterator[None]:
    """Act once, as soon as one of some modules is imported; at once, if one has been."""
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


# Sockets


@contextlib.contextmanager
def _guarded_sockets() -> Iterator[None]:
    """Refuse every connection and name look-up but those of loopback and of allowed hosts."""
    found_addresses: set[str] = set()

    def is_open(host: object) -> bool:
        name = _host(host.decode() if isinstance(host, bytes) else str(host or "localhost"))
        return _allowed[name] > 0 or name in found_addresses or _is_loopback(name)

    def look_up(find: Callable[..., Any], addresses: Callable[[Any], Iterable[str]]) -> Callable[..., Any]:
        def checked(host: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_open(host):
                raise _refusal(host)
            found = find(host, *args, **kwargs)
            # What an allowed name stands for is allowed too.
            found_addresses.update(addresses(found))
            return found

        return checked

    def guarded(method: Callable[..., Any], place: int) -> Callable[..., Any]:
        def checked(self: socket.socket, *args: Any) -> Any:
            address = args[place] if -len(args) <= place < len(args) else None
            if isinstance(address, tuple) and self.family in (socket.AF_INET, socket.AF_INET6):
                host = address[0]
                if not is_open(host):
                    raise _refusal(host)
            return method(self, *args)

        return checked

    look_ups: dict[str, Callable[[Any], Iterable[str]]] = {
        "getaddrinfo": lambda found: [str(entry[4][0]) for entry in found],
        "gethostbyname": lambda found: [found],
        "gethostbyname_ex": lambda found: found[2],
        "gethostbyaddr": lambda found: found[2],
    }
    # Where each method is given the address; sendmsg may go without.
    methods = {"connect": -1, "connect_ex": -1, "sendto": -1, "sendmsg": 3}
    replaced: list[tuple[Any, str, Any]] = [
        (socket, name, look_up(getattr(socket, name), addresses)) for name, addresses in look_ups.items()
    ]
    replaced += [
        (socket.socket, name, guarded(getattr(socket.socket, name), place))
        for name, place in methods.items()
        if hasattr(socket.socket, name)
    ]
    with contextlib.ExitStack() as stack:
        for owner, name, made in replaced:
            # socket.socket inherits its methods: what it did not have itself is taken away again, not set.
            back = (setattr, owner, name, vars(owner)[name]) if name in vars(owner) else (delattr, owner, name)
            setattr(owner, name, made)
            stack.callback(*back)
        yield


def _host(text: str) -> str:
    """Return the name or address in `HOST`, `HOST:PORT`, `[ADDRESS]:PORT` or `ADDRESS%ZONE`, as it is compared."""
    name = text.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name.partition("%")[0].rstrip(".")


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    # A connection to 0.0.0.0 goes to this machine.
    return (mapped or address).is_loopback or address.is_unspecified


def _refusal(host: object) -> NetworkRefusedError:
    invocation = clock.current()
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    who = invocation.function if invocation else "something outside a handler"
    if " " not in who:  # as no function's name has; the making of a world has a name of words
        who = f"the handler {who}"
    text = (
        f"{who} tried to reach {name}: while handlers run, only loopback can be reached, so that no run touches a real "
        f"account. If that is meant, allow it with --allow-network {name}"
    )
    line = f"sfn-sim: {text}\n"
    if invocation is not None and line not in invocation.printed:
        # Clients wrap what a socket raises, and may drop the words: they stand in the handler's output as well.
        invocation.printed.append(line)
    return NetworkRefusedError(text)
