"""The front door: load a definition, check it, run it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfn_sim import limits
from sfn_sim.definition.model import ABSENT, Absent, Definition, MapState, TaskState
from sfn_sim.definition.parse import parse
from sfn_sim.definition.plan import PlannedMachine, plan
from sfn_sim.definition.validate import validate
from sfn_sim.errors import DefinitionError, InputError, MissingHandlerError, UnsupportedFeatureError
from sfn_sim.payload import Json, NestedTooDeeply, copy_if_plain, loads, size_bytes
from sfn_sim.run.context import Identity
from sfn_sim.run.execution import Execution, Options, execute, execute_together
from sfn_sim.run.seed import Stream
from sfn_sim.services.executors import WALL_LIMIT_S, Calls, make_executor
from sfn_sim.services.garbage import rare_collections
from sfn_sim.services.isolation import isolated
from sfn_sim.services.lambda_functions import Handler, Handlers
from sfn_sim.services.surroundings import surroundings
from sfn_sim.source import Diagnostic, Source
from sfn_sim.sources import read_definition

if TYPE_CHECKING:
    from sfn_sim.testing.mocks import Mocks

START = datetime(2025, 1, 1, tzinfo=UTC)
"""A run starts at this virtual moment unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a run is given beside its machine and input; see `StateMachine.run`."""

    handlers: Handlers
    start: datetime
    workers: int
    executor: str | None
    environment: Mapping[str, str]
    allow_network: tuple[str, ...]
    wall_limit_s: float
    isolate: bool
    cold: bool
    mocks: Mocks | None = None


@dataclass
class StateMachine:
    """A state machine that is ready to run.

    Attributes:
        name: its name.
        source: the definition's text, for messages that point into it.
        definition: its model.
        planned: the model, compiled.
        warnings: what the validation noticed without refusing the definition.
    """

    name: str
    source: Source
    definition: Definition
    planned: PlannedMachine
    warnings: list[Diagnostic] = field(default_factory=list)

    @classmethod
    def load(cls, path: str | Path, substitutions: Mapping[str, str] | None = None) -> StateMachine:
        """Load a definition from a file.

        Args:
            path: a JSON file in Amazon States Language, or what `aws stepfunctions describe-state-machine` printed;
                "-" is standard input.
            substitutions: values for `${Name}` in the definition's strings.

        Raises:
            ConfigurationError: the file cannot be read.
            DefinitionError: the definition is not valid; carries every finding.
            UnsupportedFeatureError: it uses a part of ASL that is not carried out yet.
        """
        name, source = read_definition(path, substitutions or {})
        return cls.from_source(source, name)

    @classmethod
    def from_json(
        cls,
        definition: str | Mapping[str, Any],
        name: str = "machine",
        substitutions: Mapping[str, str] | None = None,
    ) -> StateMachine:
        """Load a definition from JSON text or from a Python object.

        Raises:
            DefinitionError: the definition is not valid; carries every finding.
            UnsupportedFeatureError: it uses a part of ASL that is not carried out yet.
        """
        text = definition if isinstance(definition, str) else json.dumps(definition, indent=2, ensure_ascii=False)
        return cls.from_source(Source(f"<{name}>", text, substitutions or {}), name)

    @classmethod
    def from_source(cls, source: Source, name: str) -> StateMachine:
        """Load a definition from text that has been read already.

        Raises:
            DefinitionError: the definition is not valid; carries every finding.
            UnsupportedFeatureError: it uses a part of ASL that is not carried out yet.
        """
        findings = validate(source)
        errors = [finding for finding in findings if finding.severity == "ERROR"]
        if errors:
            raise DefinitionError([*errors, *(each for each in findings if each not in errors)], source)
        definition = parse(source)
        return cls(name, source, definition, plan(definition), findings)

    def functions(self) -> dict[str, str]:
        """Return the Lambda functions that the definition names, by name or ARN, each with a state that calls it."""
        found: dict[str, str] = {}
        for state, function in self._calls():
            found.setdefault(function, state.pointer)
        return found

    def _calls(self) -> Iterator[tuple[TaskState, str]]:
        """Yield the Task states that call a function which the definition names."""
        for planned in self.planned.states:
            state = planned.state
            if isinstance(state, TaskState):
                resource: Json = state.resource
                if resource == "arn:aws:states:::lambda:invoke":
                    resource = (
                        state.flow.parameters.get("FunctionName") if isinstance(state.flow.parameters, dict) else None
                    )
                if isinstance(resource, str) and not resource.startswith(("arn:aws:states:", "{%")):
                    yield state, resource

    def calls_aws(self) -> bool:
        """Tell whether the machine itself calls an AWS service: a distributed Map that reads or writes in S3 does."""
        maps = [each.state.distribution for each in self.planned.states if isinstance(each.state, MapState)]
        return any(each.reader or (each.writer and each.writer.resource) for each in maps if each is not None)

    def execution_name(self, seed: int, start: datetime) -> str:
        """Return the name that an execution has when nobody gives it one: two runs in one world differ in it."""
        return Stream.named(seed, "execution", self.name, start.isoformat()).uuid4()

    def run(
        self,
        input: Json | Absent = ABSENT,
        handlers: Handlers | Mapping[str, Handler] | str | Path | None = None,
        *,
        name: str | None = None,
        start: datetime = START,
        seed: int | None = None,
        workers: int = 1,
        executor: str | None = None,
        environment: Mapping[str, str] | None = None,
        allow_network: tuple[str, ...] = (),
        handler_wall_limit_s: float = WALL_LIMIT_S,
        options: Options | None = None,
        isolate: bool = True,
        cold: bool = False,
        mocks: Mocks | None = None,
    ) -> Execution:
        """Run one execution to its end, in virtual time.

        Args:
            input: the execution's input; an empty object when it is left out, and null when it is None.
            handlers: Python functions for the Lambda functions that the definition calls: by name, or where they
                are found.
            name: the execution's name; drawn from the seed by default.
            start: the virtual moment at which it starts.
            seed: the seed of all randomness; that of `options`, or 0, when it is left out.
            workers: how many handlers may run at once.
            executor: "inline", "threads", "processes" or "dask://HOST:PORT"; by default inline for one worker, else
                threads.
            environment: the environment that handlers see beside dummies for AWS's variables.
            allow_network: hosts that handlers may reach beside loopback.
            handler_wall_limit_s: how long one handler may run in real time.
            options: limits and observers.
            isolate: False when the caller has shut handlers in itself (a world).
            cold: whether every invocation gets a container of its own.
            mocks: what answers for functions, resources and states in place of handlers.

        Raises:
            InputError: the input is not JSON or over the limit.
            MissingHandlerError: a function that the definition names has no handler.
            SfnSimError: anything else that is no outcome of the execution itself.
        """
        options = options or Options()
        if seed is not None:
            options = replace(options, seed=seed)
        names = [name or self.execution_name(options.seed, start)]
        around = _Surroundings(
            Handlers.of(handlers), start, workers, executor, environment or {}, allow_network, handler_wall_limit_s,
            isolate, cold, mocks,
        )  # fmt: skip
        return self._run(names, input, around, options)[0]

    def run_together(
        self,
        names: Sequence[str],
        input: Json | Absent = ABSENT,
        handlers: Handlers | Mapping[str, Handler] | str | Path | None = None,
        *,
        start: datetime = START,
        workers: int = 1,
        executor: str | None = None,
        handler_wall_limit_s: float = WALL_LIMIT_S,
        options: Options | None = None,
        isolate: bool = True,
        cold: bool = False,
        mocks: Mocks | None = None,
    ) -> list[Execution]:
        """Run one execution for each of `names`, all at once on one clock; the arguments are those of `run`.

        Raises:
            UnsupportedFeatureError: the machine has a TimeoutSeconds of its own.
            SfnSimError: what `run` raises.
        """
        around = _Surroundings(
            Handlers.of(handlers), start, workers, executor, {}, (), handler_wall_limit_s, isolate, cold, mocks
        )
        return self._run(names, input, around, options or Options())

    def _run(
        self, names: Sequence[str], input: Json | Absent, around: _Surroundings, options: Options
    ) -> list[Execution]:
        self.check_handlers(around.handlers, around.mocks)
        if around.mocks is not None:
            options = replace(options, answers=around.mocks.answers)
            around.mocks.known_to(self.planned.states)
        value = check_input({} if isinstance(input, Absent) else input, options.limit_bytes)
        identities = [Identity(self.name, name, around.start) for name in names]
        with contextlib.ExitStack() as stack:
            if self.functions() or self.calls_aws():
                if around.isolate:
                    stack.enter_context(isolated(around.environment, around.allow_network))
                stack.enter_context(surroundings())
            calls = Calls(around.handlers, around.start, options.seed, around.wall_limit_s, around.cold)
            executor = make_executor(around.executor, calls, around.workers)
            if around.mocks is not None:
                executor = around.mocks.over(executor, around.start)
            stack.callback(executor.close)
            stack.enter_context(rare_collections())
            try:
                if len(identities) > 1:
                    return execute_together(self.planned, value, identities, executor, options)
                return [execute(self.planned, value, identities[0], executor, options)]
            except UnsupportedFeatureError as error:
                place = f"{self.source.locate(error.pointer + '/Resource')}: " if error.pointer else ""
                raise UnsupportedFeatureError(f"{place}{error}") from None

    def check_handlers(self, handlers: Handlers, mocks: Mocks | None = None) -> None:
        """Refuse handlers that do not answer for every function that the definition names and no mock answers for.

        Raises:
            MissingHandlerError: names each that is missing, with the state that calls it.
        """
        missing = {
            function: f"{self.source.locate(state.pointer + '/Resource')}: {handlers.missing(function)}"
            for state, function in reversed([*self._calls()])
            if not handlers.has(function) and not (mocks is not None and mocks.covers(state.name, function))
        }
        if missing:
            raise MissingHandlerError("\n".join(reversed(missing.values())))


def check_input(value: Json, limit_bytes: int = limits.PAYLOAD.value) -> Json:
    """Return an execution's input as it arrives through JSON.

    Source: API reference, StartExecution (InvalidExecutionInput; at most 262,144 bytes).

    Raises:
        InputError: it is no JSON value, or over the limit.
    """
    try:
        copied = copy_if_plain(value)
        if copied is None:
            copied = loads(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (NestedTooDeeply, RecursionError):
        raise InputError("the execution's input is nested too deeply to be JSON that anybody reads") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"the execution's input is not JSON: {error}") from None
    size = size_bytes(copied)
    if size > limit_bytes:
        raise InputError(
            f"the execution's input has {size:,} bytes, {size - limit_bytes:,} over the limit of {limit_bytes:,}: "
            "StartExecution refuses it. Put the large part into S3 and pass its key"
        )
    return copied

