"""What a region of Step Functions remembers: machines, their versions and aliases, executions and activities."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_sim.definition.parse import parse
from sfn_sim.definition.plan import PlannedMachine, plan
from sfn_sim.errors import ConfigurationError, UnsupportedFeatureError
from sfn_sim.machine import START
from sfn_sim.run.map_run import MapRun
from sfn_sim.run.seed import Stream
from sfn_sim.server.clock import RealClock, VirtualClock
from sfn_sim.server.faults import ApiError, no_machine
from sfn_sim.server.names import parse_arn
from sfn_sim.server.running import Run
from sfn_sim.services.lambda_functions import Function, Handler, Handlers
from sfn_sim.source import Source

if TYPE_CHECKING:
    from sfn_sim.testing.mocks import Mocks

ACCOUNT = "123456789012"


@dataclass
class Revision:
    """What a machine is at one moment; a version keeps one."""

    definition: str
    role_arn: str
    logging: dict[str, Any]
    tracing: dict[str, Any]
    encryption: dict[str, Any] | None = None
    id: str | None = None
    _planned: PlannedMachine | UnsupportedFeatureError | None = None

    def planned(self) -> PlannedMachine:
        """Return the machine, ready to run.

        Raises:
            UnsupportedFeatureError: it uses a part of ASL that is not carried out yet.
        """
        if self._planned is None:
            try:
                self._planned = plan(parse(Source("definition", self.definition)))
            except UnsupportedFeatureError as error:
                self._planned = error
        if isinstance(self._planned, UnsupportedFeatureError):
            raise self._planned
        return self._planned


@dataclass
class Version:
    """A published version of a machine."""

    arn: str
    number: int
    revision: Revision
    created: datetime
    description: str | None = None


@dataclass
class Alias:
    """An alias: which versions it leads to, and how often."""

    arn: str
    name: str
    routing: list[dict[str, Any]]
    created: datetime
    updated: datetime
    description: str | None = None


@dataclass
class Machine:
    """A state machine."""

    name: str
    arn: str
    type: str
    revision: Revision
    created: datetime
    updated: datetime
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    published: int = 0
    executions: int = 0


@dataclass
class Started:
    """An execution that was started through the API."""

    arn: str
    name: str
    machine: Machine
    revision: Revision
    input_text: str
    run: Run
    version_arn: str | None = None
    alias_arn: str | None = None
    trace_header: str | None = None
    map_run: MapRun | None = None
    """The Map Run that it is a child of."""

    @property
    def start(self) -> datetime:
        """When it was started."""
        return self.run.execution.identity.start


@dataclass
class Activity:
    """An activity."""

    name: str
    arn: str
    created: datetime
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What a machine's ARN leads to: the machine, and the revision that a version or alias of it names."""

    machine: Machine
    revision: Revision
    version_arn: str | None = None
    alias_arn: str | None = None


class Store:
    """One region of Step Functions, as far as the API can tell.

    Args:
        handlers: Python functions for the Lambda functions that machines call: by name, or where they are found.
        clock: "virtual" (time passes by what happens, from `start` on) or "real".
        seed: the seed of all randomness.
        start: the virtual moment at which the store begins.
        region: AWS region of its ARNs.
        workers: how many handlers of one execution may run at once.
        activity_poll_s: how long GetActivityTask waits for a task, in real seconds.
        mock_config: a MockConfigFile.json, whose test cases `machine-arn#TestCase` names.

    Attributes:
        changed: notified whenever an execution may have a task for an activity's worker.
    """

    def __init__(
        self,
        handlers: Handlers | Mapping[str, Handler] | str | None = None,
        *,
        clock: VirtualClock | RealClock | None = None,
        seed: int = 0,
        start: datetime = START,
        region: str = "us-east-1",
        workers: int = 1,
        activity_poll_s: float | None = None,
        mock_config: str | Path | None = None,
    ) -> None:
        self.mock_config = mock_config
        self.handlers = Handlers.of(handlers)
        self.clock = clock or VirtualClock(start)
        self.seed = seed
        self.region = region
        self.workers = workers
        self.activity_poll_s = self.clock.activity_poll_s if activity_poll_s is None else activity_poll_s
        self.machines: dict[str, Machine] = {}
        self.executions: dict[str, Started] = {}
        self.activities: dict[str, Activity] = {}
        self.warm: list[dict[str, Function | None]] = []
        """Functions with their containers, which no execution uses just now: the next one finds them warm."""
        self.lock = threading.RLock()
        self.changed = threading.Condition()
        self._drawn = 0

    def arn(self, *parts: str) -> str:
        """Return the ARN of something of this store."""
        return ":".join(("arn", "aws", "states", self.region, ACCOUNT, *parts))

    def uuid(self) -> str:
        """Return a new UUID, drawn from the seed."""
        with self.lock:
            self._drawn += 1
            return Stream.named(self.seed, "store", self.region, self._drawn).uuid4()

    def machine(self, text: str) -> Machine:
        """Return a machine by its ARN, without a version or alias.

        Raises:
            ApiError: InvalidArn, StateMachineDoesNotExist.
        """
        arn = parse_arn(text, "stateMachine")
        machine = self.machines.get(text)
        if machine is None or len(arn.parts) > 1:
            raise no_machine(text)
        return machine

    def target(self, text: str) -> Target:
        """Return what an ARN of a machine, a version or an alias leads to.

        Raises:
            ApiError: InvalidArn, StateMachineDoesNotExist.
        """
        arn = parse_arn(text, "stateMachine")
        machine = self.machines.get(self.arn("stateMachine", arn.parts[0]))
        if machine is None or len(arn.parts) > 2:
            raise no_machine(text)
        if len(arn.parts) == 1:
            return Target(machine, machine.revision)
        part = arn.parts[1]
        if part.isdecimal() and int(part) in machine.versions:
            version = machine.versions[int(part)]
            return Target(machine, version.revision, version.arn)
        if part in machine.aliases:
            alias = machine.aliases[part]
            version = self._routed(machine, alias)
            return Target(machine, version.revision, version.arn, alias.arn)
        raise no_machine(text)

    def mocks(self, machine: str, test_case: str) -> Mocks | None:
        """Return the mocks of a test case; None without one.

        Raises:
            ConfigurationError: there is no file of test cases, or no such case in it.
        """
        if not test_case:
            return None
        if self.mock_config is None:
            raise ConfigurationError(
                f"#{test_case} names a test case: name the file that has it in SFN_MOCK_CONFIG or as mock_config"
            )
        from sfn_sim.testing.mock_config import load

        return load(self.mock_config).mocks(machine, test_case)

    def _routed(self, machine: Machine, alias: Alias) -> Version:
        """Draw one of an alias's versions by its weights."""
        drawn = Stream.named(self.seed, "alias", alias.arn, machine.executions).next_below(100)
        for route in alias.routing:
            drawn -= route["weight"]
            if drawn < 0:
                break
        return machine.versions[int(route["stateMachineVersionArn"].rpartition(":")[2])]

    def running(self) -> Iterator[Started]:
        """Yield the executions that have not ended, oldest first."""
        for started in list(self.executions.values()):
            if started.run.execution.status == "RUNNING":
                yield started

    def by_token(self, token: str) -> Started:
        """Return the execution that waits for a task token.

        Source: API reference, SendTaskSuccess: InvalidToken, TaskTimedOut; the words are those that users quote.

        Raises:
            ApiError: InvalidToken, TaskTimedOut.
        """
        for started in list(self.executions.values()):
            waits = started.run.execution.log.tokens.get(token)
            if waits is not None:
                if waits and started.run.execution.status == "RUNNING" and token not in started.run.answered:
                    return started
                raise ApiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        raise ApiError("InvalidToken", "Invalid Token: 'Invalid token'")

    def close(self) -> None:
        """Let go of everything that still runs."""
        for started in list(self.executions.values()):
            started.run.close()


Action = Callable[[Store, dict[str, Any]], dict[str, Any]]
