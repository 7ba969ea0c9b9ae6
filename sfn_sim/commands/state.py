"""`sfn-sim state`: options in, library calls, stages out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sfn_sim.config import Config
    from sfn_sim.testing.one_state import StateResult


@click.command("state")
@click.argument("machine")
@click.argument("state")
@click.option("--input", "given", metavar="JSON|FILE|-", help="The state's input.  [default: {}]")
@click.option("--run", "run", metavar="RUN", help="Take the input that the state was given in this run instead.")
@click.option("--visit", type=click.IntRange(1), metavar="N", help="With --run: which visit, from 1.  [default: last]")
@click.option("--variables", metavar="JSON|FILE", help="The workflow variables that it finds, as one object.")
@click.option("--context", metavar="JSON|FILE", help="The Context Object that it finds, all of it.")
@click.option("--mock-result", metavar="JSON|FILE", help="What the state's work gives; nothing is called then.")
@click.option("--mock-error", metavar="NAME", help="The error with which the state's work ends.")
@click.option("--mock-cause", metavar="TEXT", help="The cause of --mock-error.")
@click.option("--validation", type=click.Choice(["STRICT", "PRESENT", "NONE"]), default="STRICT", show_default=True,
              help="How strictly --mock-result is checked against AWS's model of the service.")
@click.option("--retries", type=click.IntRange(0), default=0, help="How many retries of the error there have been.")
@click.option("--failed-items", type=click.IntRange(0), default=0, help="How many items of a mocked Map have failed.")
@click.option("--reader-data", metavar="FILE", help="What a mocked Map's ItemReader reads.")
@click.option("--fixture", metavar="NAME|PATH", help="A world for its handlers.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override a value of the fixture.")
@click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--json", "as_json", is_flag=True, help="Print what AWS's TestState answers, and nothing else.")
def one_state(machine: str, state: str, *, as_json: bool, **options: Any) -> None:
    """Run one STATE of MACHINE alone, as AWS's TestState does: at any depth, by its name or path.

    Without a mock its handlers are called. It is tried once: a Retrier or Catcher is named, not followed. Exit codes:
    0 it succeeded or a Catcher took its error, 1 it failed or would be tried again.
    """
    from sfn_sim.report.one_state import state_lines

    result = _run(machine, state, **options)
    if as_json:
        click.echo(json.dumps(result.to_json(), ensure_ascii=False))
    else:
        width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 120
        click.echo("\n".join(state_lines(result, width)))
    sys.exit(0 if result.status in ("SUCCEEDED", "CAUGHT_ERROR") else 1)


def _run(
    name: str,
    state: str,
    *,
    fixture: str | None,
    settings: tuple[str, ...],
    handlers: str | None,
    substitutions: tuple[str, ...],
    **options: Any,
) -> StateResult:
    from sfn_sim.config import find_config
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.machine import StateMachine
    from sfn_sim.runner import find_fixture, find_machine, handlers_of, pairs
    from sfn_sim.sources import machine_name
    from sfn_sim.testing.mocks import Mocks
    from sfn_sim.testing.one_state import OneState
    from sfn_sim.world import load_fixture, open_world

    if settings and fixture is None:
        raise ConfigurationError("--set overrides a value of a fixture: name one with --fixture")
    config = find_config()
    path = find_machine(name, config.definitions)
    world = None
    if fixture is not None:
        world = load_fixture(find_fixture(machine_name(path), fixture, config.fixtures), pairs("--set", settings))
    known = {**config.substitutions, **(world.substitutions if world else {}), **pairs("--substitute", substitutions)}
    loaded = StateMachine.load(path, known)
    mocks = Mocks.read(world.mocks, world.path) if world is not None and world.mocks else None
    one, given = OneState(loaded, state, mocks=mocks), _given(options, state)
    found = handlers_of(handlers, config, world.environment if world else {}) if "mock" not in given else None
    with contextlib.ExitStack() as stack:
        if world is not None and found is not None:
            opened = stack.enter_context(open_world(world, seed=world.seed, allow_network=found.hosts()))
            given |= {"isolate": False, "start": opened.start}
        return _hidden(one.run(handlers=found, **given), config)


def _hidden(result: StateResult, config: Config) -> StateResult:
    """Return what a state gave with the values replaced that the configuration names."""
    if not config.redact:
        return result
    from sfn_sim.recording import redaction_of

    redaction = redaction_of(config)
    execution = redaction.execution(result.execution)
    return dataclasses.replace(
        result, output=redaction.value(result.output), error=redaction.words(result.error),
        cause=redaction.words(result.cause),
        inspection={name: redaction.value(each) for name, each in result.inspection.items()},
        execution=execution, visit=execution.log.visits[result.visit.index],
    )  # fmt: skip


def _given(options: dict[str, Any], state: str) -> dict[str, Any]:
    """Return what the state is given, as `OneState.run` names it."""
    from sfn_sim.runner import read_input

    given: dict[str, Any] = {
        "retrier_retry_count": options["retries"],
        "map_iteration_failure_count": options["failed_items"],
        "field_validation_mode": options["validation"],
    }
    if options["given"] is not None and options["run"] is not None:
        raise click.UsageError("--input and --run exclude each other: both give the state's input")
    if options["run"] is not None:
        given["input"] = _input_of_run(options["run"], state, options["visit"])
    elif options["given"] is not None:
        given["input"] = read_input(options["given"])
    for name in ("variables", "context"):
        if options[name] is not None:
            given[name] = read_input(options[name])
            if not isinstance(given[name], dict):
                raise click.UsageError(f"--{name} is one JSON object, with what it has by name")
    if options["reader_data"] is not None:
        given["map_item_reader_data"] = _text(options["reader_data"])
    return given | _mock(options)


def _input_of_run(run: str, state: str, visit: int | None) -> Any:
    from sfn_sim.analysis.explain_path import data_at
    from sfn_sim.analysis.lineage.places import chosen, find_places
    from sfn_sim.commands.which_run import choose

    execution = choose(run, None).execution
    return data_at(chosen(find_places(execution, state), visit), "input")


def _mock(options: dict[str, Any]) -> dict[str, Any]:
    from sfn_sim.errors import StatesError
    from sfn_sim.runner import read_input

    result, error, cause = options["mock_result"], options["mock_error"], options["mock_cause"]
    if result is not None and (error is not None or cause is not None):
        raise click.UsageError("--mock-result and --mock-error exclude each other: a mock gives a result or an error")
    if error is not None or cause is not None:
        return {"mock": StatesError(error, cause)}
    return {} if result is None else {"mock": read_input(result)}


def _text(file: str) -> str:
    from pathlib import Path

    from sfn_sim.errors import ConfigurationError

    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--reader-data {file}: {error}") from None
