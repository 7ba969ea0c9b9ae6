"""One run as the command line asks for it: find the machine, build the world, run, look at the world again."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_sim import limits
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.lints import Warning
from sfn_sim.config import Config, find_config
from sfn_sim.errors import ConfigurationError, InputError
from sfn_sim.machine import START, StateMachine, check_input
from sfn_sim.payload import Json, loads
from sfn_sim.recording import hide, recording_of
from sfn_sim.report.summary import RunSummary
from sfn_sim.run.execution import Execution, Options
from sfn_sim.run.interpreter import Progress
from sfn_sim.run.log import Sink
from sfn_sim.run.map_run import KEPT_FIRST
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.source import Source
from sfn_sim.sources import is_schema, machine_name, read_stdin
from sfn_sim.variants import find_variant, load_variant
from sfn_sim.world import Check, Fixture, check_execution, check_expectations, load_fixture, open_world
from sfn_sim.world.folder import check_target, save_world

if TYPE_CHECKING:
    from sfn_sim.testing.mocks import Mocks

_SUFFIXES = (".asl.json", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one run was asked to be; each attribute is an option of `sfn-sim run`."""

    machine: str = ""
    broken: str | None = None
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
    keep: int | None = 0
    keep_children: int | None = None
    quiet: bool = False
    substitutions: Mapping[str, str] = field(default_factory=dict)
    cold: str | None = None
    logs: str | None = None
    world_from: str | None = None
    save_world: Path | None = None
    times: int = 1
    at_once: bool = False
    serve_world: str | None = None
    learn: bool = False
    mock_config: Path | None = None
    test_case: str | None = None

    @classmethod
    def from_options(cls, machine: str | None, **options: Any) -> Request:
        """Return the request of the command line's options.

        Raises:
            ConfigurationError: a --set or --substitute that is no KEY=VALUE, or a --set without --fixture.
        """
        if (machine is None) == (options["broken"] is None):
            raise ConfigurationError("name a machine, or a broken one with --broken NAME; see sfn-sim run --help")
        settings = pairs("--set", options.pop("settings"))
        substitutions = pairs("--substitute", options.pop("substitutions"))
        if options["world_from"] and options["fixture"]:
            raise ConfigurationError("--world-from and --fixture exclude each other: a saved world is a fixture")
        if settings and not (options["fixture"] or options["broken"]):
            raise ConfigurationError("--set overrides a value of a fixture: name one with --fixture")
        mock_config = options.get("mock_config")
        if (mock_config is None) != (options.get("test_case") is None):
            raise ConfigurationError("--mock-config and --test-case go together: the file, and the case in it")
        if mock_config is not None and options["at_once"]:
            raise ConfigurationError("--mock-config and --at-once exclude each other")
        if options["save_world"] and not (options["fixture"] or options["world_from"] or options["broken"]):
            raise ConfigurationError("--save-world saves the world of a fixture: name one with --fixture")
        if options["serve_world"] and not (options["fixture"] or options["world_from"] or options["broken"]):
            raise ConfigurationError("--serve-world serves the world of a fixture: name one with --fixture")
        return cls(machine=machine or "", settings=settings, substitutions=substitutions, **options)


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return what an option gives as KEY=VALUE, by key.

    Raises:
        ConfigurationError: one of the texts is no KEY=VALUE.
    """
    pairs: dict[str, str] = {}
    for each in texts:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"{option} {each}: expected KEY=VALUE, such as {option} dims=64")
        pairs[key] = value
    return pairs


@dataclass(frozen=True, slots=True)
class Result:
    """What was run, execution by execution, and the definition's text for messages that point into it.

    The last summary has the world and its expectations.
    """

    summaries: list[RunSummary]
    source: Source

    @property
    def exit_code(self) -> int:
        """The worst of the executions' exit codes: 1 (it ended otherwise) before 3 (an expectation) before 0."""
        codes = {summary.exit_code for summary in self.summaries}
        return next((code for code in (1, 3) if code in codes), 0)

    def to_json(self) -> dict[str, Json]:
        """Return what `--json` prints: one execution's object, or several with their world beside them."""
        if len(self.summaries) == 1:
            return self.summaries[0].to_json()
        last = self.summaries[-1].to_json()
        shared = ("world", "expectations")
        executions = [
            {**{key: value for key, value in each.to_json().items() if key not in shared}, "name": name}
            for each in self.summaries
            for name in [each.execution.identity.name]
        ]
        return {"schema": last["schema"], "executions": executions, **{key: last[key] for key in shared}}  # type: ignore[dict-item]


def find_machine(name: str, folder: Path) -> Path:
    """Return the file of a machine: a path, "-" for standard input, or a name in the folder of definitions.

    Raises:
        ConfigurationError: there is none; names those that there are.
    """
    path = Path(name)
    if name == "-":
        return path
    if path.suffix or len(path.parts) > 1:
        if path.is_file():
            return path
        raise ConfigurationError(f"no definition at {name}")
    for suffix in _SUFFIXES:
        candidate = folder / f"{name}{suffix}"
        if candidate.is_file():
            return candidate
    known = sorted({machine_name(file) for file in folder.glob("*.json") if not is_schema(file)})
    there = f"there are: {', '.join(known)}" if known else f"there is no folder {folder}/ here"
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else "; a path works too"
    raise ConfigurationError(f"no machine named {name} in {folder}/ ({there}){hint}")


def find_fixture(machine: str, name: str, fixtures: Path) -> Path:
    """Return the folder of a fixture: a path, or a name in the machine's folder of fixtures.

    Raises:
        ConfigurationError: there is none; names those that there are.
    """
    folder = fixtures / machine
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
        return _json(read_stdin(), "standard input")
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


def carry_out(
    request: Request, progress: Progress | None = None, tell: Callable[[str], None] = lambda _: None
) -> Result:
    """Run what was asked for and return how it ended; `tell` is given what a person should know at once.

    Raises:
        SfnSimError: it could not be run.
    """
    if request.machine == request.given == "-":
        raise ConfigurationError("MACHINE and --input cannot both be standard input: give one of them as a file")
    config = find_config()
    variant = load_variant(find_variant(request.broken, config.definitions)) if request.broken else None
    path = variant.definition if variant else find_machine(request.machine, config.definitions)
    fixture = None
    if request.world_from is not None:
        fixture = load_fixture(Path(request.world_from))
    elif variant is not None:
        folder = find_fixture(variant.machine, request.fixture or variant.fixture, config.fixtures)
        fixture = load_fixture(folder, {**variant.settings, **request.settings})
    elif request.fixture:
        folder = find_fixture(machine_name(path), request.fixture, config.fixtures)
        fixture = load_fixture(folder, request.settings)
    if request.save_world is not None:
        check_target(request.save_world)
    recording = recording_of(request.record, request.keep, config)
    known = {**config.substitutions, **(fixture.substitutions if fixture else {}), **request.substitutions}
    machine = StateMachine.load(path, known)
    handlers = handlers_of(request.handlers, config, fixture.environment if fixture else {}, request.allow_network)
    if variant is not None:
        handlers = variant.over(handlers)
    # A world takes a while to build: what needs none is refused before.
    mocks = _mocks(request, machine.name, fixture)
    machine.check_handlers(handlers, mocks)
    options = _options(request, fixture, progress, spooled=recording is not None and not config.redact)
    given = _input(request, fixture, options.limit_bytes)

    def once(cold: bool) -> list[RunSummary]:
        if fixture is not None:
            served = _served(request, config, handlers, tell)
            mocked = _mocks(request, machine.name, fixture)
            return _in_world(machine, fixture, given, handlers, request, options, cold, served, mocked)
        hosts = (*request.allow_network, *handlers.hosts())
        with isolated({}, hosts):
            mocked = _mocks(request, machine.name, None)
            return _runs(machine, given, handlers, request, options, START, cold, mocked)

    summaries = once(request.cold == "cold")
    if request.cold == "both":
        pairs = zip(summaries, once(True), strict=True)
        summaries[-1].checks = [
            *summaries[-1].checks,
            *(same_when_cold(warm.execution, cold.execution) for warm, cold in pairs),
        ]
    for summary in summaries:
        notes = hide(summary, config, machine) if config.redact else ()
        summary.diagnosis = diagnose(summary.execution, machine.source)
        summary.warnings += against_contracts(summary.execution, machine, config, handlers, learn=request.learn)
        if recording is not None:
            recording.add(summary.execution, machine, notes, tell)
    return Result(summaries, machine.source)


def against_contracts(
    execution: Execution, machine: StateMachine, config: Config, handlers: Handlers, *, learn: bool
) -> list[Warning]:
    """Return the contracts that a run broke; with `learn` what it has shown is taken into the learned ones before.

    Raises:
        ConfigurationError: a contract cannot be read or written.
    """
    from sfn_sim.analysis.learning import broken
    from sfn_sim.contracts import Contracts

    contracts = Contracts(config, handlers)
    if learn:
        contracts.learn(execution, machine.name)
    # A large log is gone through only where somebody has said what stands in it.
    return broken(execution, contracts.of) if any(map(contracts.say_something_of, machine.functions())) else []


def same_when_cold(warm: Execution, cold: Execution) -> Check:
    """Compare a run in warm containers with one in which every invocation had a fresh one."""
    name = "the same in cold containers as in warm ones"
    for ours, theirs in zip(warm.log.events, cold.log.events, strict=False):
        if ours != theirs:
            visit = next((v for v in reversed(warm.log.visits) if v.entered_event <= ours[0]), None)
            place = f"event {ours[0]}{f' in {visit.path}' if visit else ''}"
            detail = f"the runs part at {place}: some handler keeps something between invocations"
            return Check(name, False, f"{ours[3]} {ours[4]}", f"{theirs[3]} {theirs[4]}", detail)
    same = len(warm.log.events) == len(cold.log.events)
    return Check(name, same, len(warm.log.events), len(cold.log.events), "" if same else "one run ends earlier")


def handlers_of(
    named: str | None, config: Config, environment: Mapping[str, str], allow_network: Sequence[str] = ()
) -> Handlers:
    """Return the handlers of a folder or a module, or of the project's folder when none is named.

    Raises:
        ConfigurationError: there is no such folder or module.
        HandlerImportError: the module raised while it was imported.
    """
    if named is not None:
        # A module is imported here: its code is as shut in as it is in a run.
        with isolated(environment, allow_network):
            found = Handlers.of(named)
    else:
        found = Handlers.from_directory(config.handlers) if config.handlers.is_dir() else Handlers()
    return replace(found, config=config)


def _mocks(request: Request, machine: str, fixture: Fixture | None) -> Mocks | None:
    """Return the mocks of the fixture and the test case: new ones for each run, which count their calls anew.

    Raises:
        ConfigurationError: there is no such file or case.
        FixtureError: the fixture's mocks are none.
    """
    found = None
    if fixture is not None and fixture.mocks:
        from sfn_sim.testing.mocks import Mocks

        found = Mocks.read(fixture.mocks, fixture.path)
    if request.mock_config is None or request.test_case is None:
        return found
    from sfn_sim.testing.mock_config import load

    case = load(request.mock_config).mocks(machine, request.test_case)
    if found is not None:
        case.found = found.found | case.found
    return case


def _options(request: Request, fixture: Fixture | None, progress: Progress | None, *, spooled: bool) -> Options:
    events = request.limit_events
    return Options(
        seed=request.seed if request.seed is not None else (fixture.seed if fixture else 0),
        limit_bytes=request.limit_bytes or limits.PAYLOAD.value,
        limit_events=limits.HISTORY_EVENTS.value if events is None else (None if events < 0 else events),
        progress=progress,
        pace=_real_pace() if request.clock == "real" else None,
        keep_children=KEPT_FIRST if request.keep_children is None else request.keep_children,
        sink=_spool() if spooled else None,
    )


def _spool() -> Callable[[], Sink]:
    """Return what makes a log's sink; SQLite is imported for those who record."""
    from sfn_sim.spool import Spool

    return Spool


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


def _runs(
    machine: StateMachine,
    given: Json,
    handlers: Handlers,
    request: Request,
    options: Options,
    start: datetime,
    cold: bool,
    mocks: Mocks | None,
) -> list[RunSummary]:
    """Run the machine as often as was asked for, one after the other or all at once."""
    common: dict[str, Any] = {
        "workers": request.workers,
        "executor": request.executor,
        "handler_wall_limit_s": request.handler_wall_limit,
        "options": options,
        "isolate": False,
        "cold": cold,
    }
    name = machine.execution_name(options.seed, start)
    names = [name] if request.times == 1 else [f"{name}-{number}" for number in range(1, request.times + 1)]
    if request.at_once and len(names) > 1:
        started = time.perf_counter()
        executions = machine.run_together(names, given, handlers, start=start, **common)
        real_ms = (time.perf_counter() - started) * 1000
        return [RunSummary(machine.name, execution, real_ms) for execution in executions]
    summaries = []
    for each in names:
        started = time.perf_counter()
        execution = machine.run(given, handlers, name=each, start=start, mocks=mocks, **common)
        summaries.append(RunSummary(machine.name, execution, (time.perf_counter() - started) * 1000))
        # The next run begins where this one ended, a second later.
        start += timedelta(milliseconds=execution.elapsed_ms, seconds=1)
    return summaries


@contextlib.contextmanager
def _served(
    request: Request, config: Config, handlers: Handlers, tell: Callable[[str], None]
) -> Iterator[None]:
    """Serve the open world over HTTP, when that is asked for or functions run elsewhere."""
    from sfn_sim.services.moto_server import can_serve, serve_moto

    address = request.serve_world or config.serve_world
    if address is None and not (handlers.hosts() and can_serve()):
        yield
        return
    with serve_moto(address or "127.0.0.1:0", empty=False) as url:
        tell(f"the world's AWS services answer at {url} (AWS_ENDPOINT_URL for functions that run elsewhere)")
        yield


def _in_world(
    machine: StateMachine,
    fixture: Fixture,
    given: Json,
    handlers: Handlers,
    request: Request,
    options: Options,
    cold: bool,
    served: contextlib.AbstractContextManager[object],
    mocks: Mocks | None,
) -> list[RunSummary]:
    hosts = (*request.allow_network, *handlers.hosts())
    with open_world(fixture, seed=options.seed, allow_network=hosts) as world, served:
        before = world.summary()
        summaries = _runs(machine, given, handlers, request, options, world.start, cold, mocks)
        for summary in summaries[:-1]:
            summary.checks = check_execution(fixture, summary.execution)
        last = summaries[-1]
        last.checks = check_expectations(fixture, world, last.execution)
        if mocks is not None:
            left = mocks.problems()
            last.checks = [*last.checks, Check("mocks left over", not left, 0, len(left), "; ".join(left))]
        last.world_before, last.world_after = before, world.summary()
        if request.save_world is not None:
            ended = last.execution.identity.start + timedelta(milliseconds=last.execution.elapsed_ms, seconds=1)
            save_world(world, request.save_world, ended, given)
        return summaries
