"""One run as the command line asks for it: find the machine, build the world, run, look at the world again."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sfn_sim import limits
from sfn_sim.analysis.diagnosis import diagnose
from sfn_sim.errors import ConfigurationError, InputError
from sfn_sim.machine import StateMachine, check_input
from sfn_sim.payload import Json, loads
from sfn_sim.report.summary import RunSummary
from sfn_sim.run.execution import Execution, Options
from sfn_sim.run.interpreter import Progress
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.source import Source
from sfn_sim.world import Fixture, check_expectations, load_fixture, open_world

DEFINITIONS = Path("definitions")
HANDLERS = Path("handlers")
FIXTURES = Path("fixtures")
_SUFFIXES = (".asl.json", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one run was asked to be; each attribute is an option of `sfn-sim run`."""

    machine: str
    fixture: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    given: str | None = None
    handlers: str | None = None
    workers: int = 1
    executor: str | None = None
    limit_events: int | None = None
    limit_bytes: int | None = None
    handler_wall_limit: float = 900.0
    seed: int | None = None
    clock: str = "virtual"
    allow_network: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    record: Path | None = None
    quiet: bool = False

    @classmethod
    def from_options(cls, machine: str, **options: Any) -> Request:
        """Return the request of the command line's options.

        Raises:
            ConfigurationError: a --set that is no KEY=VALUE, or one without --fixture.
        """
        settings: dict[str, str] = {}
        for each in options.pop("settings"):
            key, equals, value = each.partition("=")
            if not equals or not key:
                raise ConfigurationError(f"--set {each}: expected KEY=VALUE, such as --set dims=64")
            settings[key] = value
        if settings and not options["fixture"]:
            raise ConfigurationError("--set overrides a value of a fixture: name one with --fixture")
        return cls(machine=machine, settings=settings, **options)


@dataclass(frozen=True, slots=True)
class Result:
    """A run that has ended, and the definition's text for messages that point into it."""

    summary: RunSummary
    source: Source


def find_machine(name: str) -> Path:
    """Return the file of a machine: a path, or a name in definitions/.

    Raises:
        ConfigurationError: there is none; names those that there are.
    """
    path = Path(name)
    if path.suffix or len(path.parts) > 1:
        if path.is_file():
            return path
        raise ConfigurationError(f"no definition at {name}")
    for suffix in _SUFFIXES:
        candidate = DEFINITIONS / f"{name}{suffix}"
        if candidate.is_file():
            return candidate
    known = sorted({file.name.removesuffix(".json").removesuffix(".asl") for file in DEFINITIONS.glob("*.json")})
    there = f"there are: {', '.join(known)}" if known else f"there is no folder {DEFINITIONS}/ here"
    raise ConfigurationError(f"no machine named {name} in {DEFINITIONS}/ ({there}); a path works too")


def find_fixture(machine: str, name: str) -> Path:
    """Return the folder of a fixture: a path, or a name in fixtures/<machine>/.

    Raises:
        ConfigurationError: there is none; names those that there are.
    """
    folder = FIXTURES / machine
    for path in (folder / name, Path(name)):
        if (path / "fixture.toml").is_file() or (path.suffix == ".toml" and path.is_file()):
            return path
    known = sorted(path.parent.name for path in folder.glob("*/fixture.toml"))
    there = f"there are: {', '.join(known)}" if known else f"there is no folder {folder}/ here"
    raise ConfigurationError(f"no fixture named {name} for {machine} ({there}); a path to a folder works too")


def read_input(text: str) -> Json:
    """Return the value of --input: JSON itself, a file, or - for standard input.

    Raises:
        InputError: it is neither.
    """
    if text == "-":
        return _json(sys.stdin.read(), "standard input")
    path = Path(text)
    with contextlib.suppress(OSError):
        if path.is_file():
            return _json(path.read_text(encoding="utf-8-sig"), text)
    if text[:1] in '{["' or text in ("null", "true", "false") or text[:1].isdigit() or text[:1] == "-":
        return _json(text, "--input")
    raise InputError(f"--input {text}: no such file, and not JSON either")


def _json(text: str, where: str) -> Json:
    try:
        return loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from None


def carry_out(request: Request, progress: Progress | None = None) -> Result:
    """Run what was asked for and return how it ended.

    Raises:
        SfnSimError: it could not be run.
    """
    path = find_machine(request.machine)
    name = path.name.removesuffix(".json").removesuffix(".asl")
    fixture = load_fixture(find_fixture(name, request.fixture), request.settings) if request.fixture else None
    machine = StateMachine.load(path, fixture.substitutions if fixture else None)
    handlers = _handlers(request)
    options = _options(request, fixture, progress)
    given = _input(request, fixture, options.limit_bytes)
    if fixture is None:
        with isolated({}, request.allow_network):
            execution, real_ms = _timed(machine, given, handlers, request, options)
            summary = RunSummary(name, execution, real_ms)
    else:
        summary = _in_world(machine, fixture, given, handlers, request, options)
    summary.diagnosis = diagnose(summary.execution, machine.source)
    if request.record is not None:
        from sfn_sim.store import record

        record(request.record, summary.execution, machine.source.text)
    return Result(summary, machine.source)


def _handlers(request: Request) -> Handlers:
    if request.handlers is None and HANDLERS.is_dir():
        return Handlers.from_directory(HANDLERS)
    return Handlers.of(request.handlers)


def _options(request: Request, fixture: Fixture | None, progress: Progress | None) -> Options:
    events = request.limit_events
    return Options(
        seed=request.seed if request.seed is not None else (fixture.seed if fixture else 0),
        limit_bytes=request.limit_bytes or limits.PAYLOAD.value,
        limit_events=limits.HISTORY_EVENTS.value if events is None else (None if events < 0 else events),
        progress=progress,
        pace=_real_pace() if request.clock == "real" else None,
    )


def _real_pace() -> Callable[[int], None]:
    """Return a pace that lets virtual time pass no faster than real time."""
    started = time.monotonic()

    def pace(to_ms: int) -> None:
        left = started + to_ms / 1000 - time.monotonic()
        if left > 0:
            time.sleep(left)

    return pace


def _input(request: Request, fixture: Fixture | None, limit_bytes: int) -> Json:
    if request.given is not None:
        return check_input(read_input(request.given), limit_bytes)
    return check_input(fixture.input if fixture else {}, limit_bytes)


def _timed(
    machine: StateMachine, given: Json, handlers: Handlers, request: Request, options: Options, **more: Any
) -> tuple[Execution, float]:
    started = time.perf_counter()
    execution = machine.run(
        given,
        handlers,
        seed=options.seed,
        workers=request.workers,
        executor=request.executor,
        handler_wall_limit_s=request.handler_wall_limit,
        options=options,
        isolate=False,
        **more,
    )
    return execution, (time.perf_counter() - started) * 1000


def _in_world(
    machine: StateMachine,
    fixture: Fixture,
    given: Json,
    handlers: Handlers,
    request: Request,
    options: Options,
) -> RunSummary:
    with open_world(fixture, seed=options.seed, allow_network=request.allow_network) as world:
        before = world.summary()
        execution, real_ms = _timed(machine, given, handlers, request, options, start=world.start)
        checks = check_expectations(fixture, world, execution)
        return RunSummary(machine.name, execution, real_ms, checks, before, world.summary())
