"""Mutations of sound machines: one seeded change each, run as the sound machine is, and judged by what is said of it.

A mutation is one of: a ResultPath dropped, a key of a template renamed, a line of a template removed, `$$` written for
`$` or `$` for `$$`, a handler that withholds a key of its result. Of a JSONata machine they are a key of Arguments,
Output, Assign or ItemSelector, and `$states.context` for `$states.input`. It is found where the run fails and the
message's `why` or `fix` names the mutated state and the mutated field.

`samples/` has machines after the patterns of AWS's sample projects: a job poller, a loop, Parallel and Map, variables,
intrinsic functions, JSONata.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from sfn_sim.config import FunctionSettings, find_config
from sfn_sim.definition.model import TaskState
from sfn_sim.errors import DefinitionError
from sfn_sim.machine import StateMachine
from sfn_sim.run.execution import Execution
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.world import load_fixture, open_world

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(__file__).resolve().parent / "samples"
SEED = 6
"""The messages were first improved on the mutations that it draws."""

FRESH = (101, 202, 303)
"""Other seeds, drawn when the messages were as they are."""

COUNT = 200
_TEMPLATES = ("Parameters", "ItemSelector", "ResultSelector", "Arguments", "Output", "Assign")
_JSONATA = re.compile(r"\{%.*%\}")
Handler = Callable[[Any, object], Any]


@dataclass(frozen=True)
class Sound:
    """A machine that the mutations begin with, the world that it runs in, and how it ends there.

    `folder` is the project that it belongs to, or that of the samples; `settings` override the fixture's parameters.
    """

    name: str
    folder: Path
    fixture: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def is_sample(self) -> bool:
        return self.folder == SAMPLES


SOUND = (
    Sound("line", ROOT, "hierarchical", (("batches", "6"), ("embeddings", "12"))),
    Sound("word", ROOT, "hierarchical", (("batches", "6"), ("embeddings", "12"))),
    Sound("parcels", ROOT / "tests" / "foreign" / "project", "two-parcels"),
    *(Sound(path.name.removesuffix(".asl.json"), SAMPLES) for path in sorted(SAMPLES.glob("*.asl.json"))),
)
SHARES = {"line": 30, "word": 30, "parcels": 8, **dict.fromkeys((each.name for each in SOUND[3:]), 12)}


@dataclass(frozen=True)
class Mutation:
    """One change.

    Attributes:
        machine: the sound machine.
        kind: result-path, renamed, removed, context or withheld.
        state: the state that is changed; `field` the field of it, `key` the key of the template or result.
    """

    machine: str
    kind: str
    state: str
    field: str
    key: str = ""

    @property
    def name(self) -> str:
        return f"{self.machine}: {self.kind} {self.state} {self.field}{f'/{self.key}' if self.key else ''}"


@dataclass(frozen=True)
class Told:
    """What became of a mutation: refused at load, succeeded, or failed with a message."""

    mutation: Mutation
    status: str
    what: str = ""
    why: str = ""
    fix: str = ""

    @property
    def failed(self) -> bool:
        return self.status not in ("SUCCEEDED", "REFUSED")

    @property
    def named(self) -> bool:
        """Tell whether `why` or `fix` names the mutated state and its field: the key in it, or the field itself."""
        text = f"{self.why} {self.fix}"
        key = self.mutation.key.rpartition("/")[2].removesuffix(".$") or self.mutation.field
        return self.mutation.state in text and (key in text or self.mutation.field in text)


def graphs(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield definition["States"]
    for state in definition["States"].values():
        for inner in (state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", ())):
            if inner:
                yield from graphs(inner)


def states_of(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: state for graph in graphs(definition) for name, state in graph.items()}


def _fields(template: Any, below: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(template, dict):
        for key, value in template.items():
            if isinstance(value, dict):
                yield from _fields(value, (*below, key))
            elif key.endswith(".$") or (isinstance(value, str) and _JSONATA.fullmatch(value)):
                yield (*below, key)


def candidates(sound: Sound) -> list[Mutation]:
    """Return every mutation that there is of a machine, in order of its definition."""
    found = []
    for name, state in states_of(definition_of(sound)).items():
        if isinstance(state.get("ResultPath"), str) and state["ResultPath"] != "$":
            found.append(Mutation(sound.name, "result-path", name, "ResultPath"))
        for field in _TEMPLATES:
            for steps in _fields(state.get(field)):
                key = "/".join(steps)
                found += [Mutation(sound.name, kind, name, field, key) for kind in ("renamed", "removed")]
                if _other_dollar(_at(state[field], steps)) is not None:
                    found.append(Mutation(sound.name, "context", name, field, key))
    found += [
        Mutation(sound.name, "withheld", name, "Resource", key)
        for name, keys in sorted(results_of(sound).items())
        for key in keys
        if sound.folder == ROOT or (sound.is_sample and _is_alone(sound, name))
    ]
    return found


def chosen(count: int = COUNT, seed: int = SEED) -> list[Mutation]:
    """Return so many mutations, each machine its share of them."""
    draw = random.Random(seed)
    found: list[Mutation] = []
    for sound in SOUND:
        every = candidates(sound)
        share = min(len(every), -(-SHARES[sound.name] * count // COUNT))
        found += sorted(draw.sample(every, share), key=every.index)
    return found[:count] if len(found) > count else found


def _other_dollar(value: Any) -> str | None:
    """Return an expression that reads the Context Object for the input, or the other way round; None if it cannot."""
    if _JSONATA.fullmatch(str(value)):
        swapped = str(value).replace("$states.input", "$states.context")
        return swapped if swapped != value else None
    if not str(value).startswith("$"):
        return None
    return str(value[1:]) if value.startswith("$$") else f"${value}"


def _at(template: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        template = template[step]
    return template


@functools.cache
def _definition_text(sound: Sound) -> str:
    if sound.is_sample:
        return (SAMPLES / f"{sound.name}.asl.json").read_text(encoding="utf-8")
    folder = sound.folder / ("definitions" if sound.folder == ROOT else "machines")
    return (folder / f"{sound.name}.asl.json").read_text(encoding="utf-8")


def definition_of(sound: Sound) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_definition_text(sound))
    return document


def mutated(sound: Sound, mutation: Mutation) -> dict[str, Any]:
    """Return the definition with the mutation in it; a handler's is none of the definition's."""
    definition = deepcopy(definition_of(sound))
    if mutation.kind == "withheld":
        return definition
    state = states_of(definition)[mutation.state]
    if mutation.kind == "result-path":
        del state["ResultPath"]
        return definition
    *before, last = mutation.key.split("/")
    template = _at(state[mutation.field], tuple(before))
    value = template[last]
    if mutation.kind == "context":
        template[last] = _other_dollar(value)
        return definition
    items = [(_renamed(key) if key == last else key, each) for key, each in template.items()]
    template.clear()
    template.update(items if mutation.kind == "renamed" else [each for each in items if not _was(each[0], last)])
    return definition


def _renamed(key: str) -> str:
    return f"{key[:-2]}_renamed.$" if key.endswith(".$") else f"{key}_renamed"


def _was(key: str, last: str) -> bool:
    return key == _renamed(last)


def _by_name(name: str) -> Sound:
    return next(each for each in SOUND if each.name == name)


@functools.cache
def sound_run(sound: Sound) -> Execution:
    execution, _ = run(sound, definition_of(sound))
    assert execution.status == "SUCCEEDED", execution.cause
    return execution


@functools.cache
def results_of(sound: Sound) -> dict[str, list[str]]:
    """Return the keys of what each Lambda function's Task returns in the sound run, by state."""
    found: dict[str, list[str]] = {}
    for visit in sound_run(sound).log.visits:
        result = next((value for stage, value in visit.stages if stage == "result"), None)
        if visit.state.state.type == "Task" and isinstance(result, dict):
            inner = result.get("Payload", result)
            found[visit.name] = sorted(inner) if isinstance(inner, dict) else []
    return found


@functools.cache
def told(mutation: Mutation) -> Told:
    """Run a mutation and return what is said of it."""
    sound = _by_name(mutation.machine)
    try:
        execution, diagnosis = run(sound, mutated(sound, mutation), mutation)
    except DefinitionError as error:
        first = error.diagnostics[0]
        return Told(mutation, "REFUSED", first.message, first.pointer, first.hint)
    if diagnosis is None:
        return Told(mutation, execution.status)
    return Told(mutation, execution.status, diagnosis.what, diagnosis.why, diagnosis.fix)


def run(
    sound: Sound, definition: dict[str, Any], mutation: Mutation | None = None
) -> tuple[Execution, Diagnosis | None]:
    if sound.is_sample:
        return _run_sample(sound, definition, mutation)
    with contextlib.chdir(sound.folder), tempfile.TemporaryDirectory() as scratch:
        config = find_config()
        fixture = load_fixture(config.fixtures / sound.name / sound.fixture, dict(sound.settings))
        known = {**config.substitutions, **fixture.substitutions}
        machine = StateMachine.from_json(definition, sound.name, known)
        found = Handlers.from_directory(config.handlers) if config.handlers.is_dir() else Handlers()
        handlers = replace(found, config=config)
        if mutation is not None and mutation.kind == "withheld":
            handlers = _withholding(handlers, machine, mutation, Path(scratch))
        with open_world(fixture) as world:
            execution = machine.run(fixture.input, handlers, start=world.start, isolate=False)
    return execution, diagnose(execution, machine.source)


def _run_sample(
    sound: Sound, definition: dict[str, Any], mutation: Mutation | None
) -> tuple[Execution, Diagnosis | None]:
    machine = StateMachine.from_json(definition, sound.name)
    functions = _functions_of(sound)
    if mutation is not None and mutation.kind == "withheld":
        name = _function_of(states_of(definition)[mutation.state])
        functions = {**functions, name: _without(functions[name], mutation.key)}
    given = json.loads((SAMPLES / f"{sound.name}.input.json").read_text(encoding="utf-8"))
    execution = machine.run(given, functions, isolate=False)
    return execution, diagnose(execution, machine.source)


@functools.cache
def _functions_of(sound: Sound) -> dict[str, Handler]:
    name = sound.name.replace("-", "_")
    spec = importlib.util.spec_from_file_location(f"tests_sample_{name}", SAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own = {name: each for name, each in vars(module).items() if getattr(each, "__module__", "") == spec.name}
    return {name.replace("_", "-"): each for name, each in own.items()}


def _function_of(state: dict[str, Any]) -> str:
    given = state.get("Parameters", state.get("Arguments", {}))
    resource: str = given["FunctionName"] if state["Resource"].endswith("lambda:invoke") else state["Resource"]
    return resource.rpartition(":")[2]


def _is_alone(sound: Sound, name: str) -> bool:
    """Tell whether a state's function serves no other state: a key withheld there is withheld from this one alone."""
    tasks = [state for state in states_of(definition_of(sound)).values() if "Resource" in state]
    own = _function_of(states_of(definition_of(sound))[name])
    return sum(_function_of(each) == own for each in tasks) == 1


def _without(whole: Handler, key: str) -> Handler:
    def handler(event: Any, context: object) -> Any:
        return {name: value for name, value in whole(event, context).items() if name != key}

    return handler


def _withholding(handlers: Handlers, machine: StateMachine, mutation: Mutation, folder: Path) -> Handlers:
    """Return handlers of which one leaves a key out, for the state that is mutated.

    One function may serve several states: the `operation` in the state's Parameters tells its calls.
    """
    state = next(each.state for each in machine.planned.states if each.name == mutation.state)
    assert isinstance(state, TaskState)
    function = handlers.find(state.resource)
    assert function.file is not None
    assert handlers.config is not None
    parameters = state.flow.parameters
    operation = parameters.get("operation") if isinstance(parameters, dict) else None
    file = folder / "withheld.py"
    file.write_text(_WITHHOLDING.format(module=function.file.stem, key=mutation.key, operation=operation))
    own = FunctionSettings(pattern=function.name, file=file, path=(function.file.parent,))
    return replace(handlers, config=replace(handlers.config, functions=(own, *handlers.config.functions)))


_WITHHOLDING = """\
from {module} import handler as whole


def handler(event, context):
    result = whole(event, context)
    if isinstance(result, dict) and {operation!r} in (None, event.get("operation")):
        result = {{key: value for key, value in result.items() if key != {key!r}}}
    return result
"""
