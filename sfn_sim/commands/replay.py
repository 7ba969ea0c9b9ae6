"""`sfn-sim replay`: a recorded run once more, with the results that its handlers gave."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sfn_sim.machine import StateMachine
    from sfn_sim.replay import Replayed
    from sfn_sim.runs import RecordedRun


@click.command()
@click.argument("run")
@click.option("--definition", metavar="MACHINE|FILE", help="An edited definition.  [default: the recorded one]")
@click.option("--from", "start_at", metavar="STATE", help="Begin with a state, on the input that it had.")
@click.option("--no-handlers", is_flag=True, help="Call no handler, whatever was not recorded.")
@click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are.")
@click.option("--fixture", metavar="NAME|PATH", help="The world of the handlers that are called.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--all", "everything", is_flag=True, help="Tell every difference, not the first alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def replay(run: str, definition: str | None, start_at: str | None, as_json: bool, everything: bool,
           no_handlers: bool, handlers: str | None, fixture: str | None, substitutions: tuple[str, ...]) -> None:
    """Run RUN again with the recorded results of its handlers, and tell where the two runs part.

    Handlers are called where the definition asks for what was not recorded. Exit codes: 0 the new run succeeded,
    1 it ended otherwise, 2 it could not be made.
    """
    from sfn_sim.config import find_config
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.replay import replay as replayed
    from sfn_sim.runner import find_fixture, handlers_of, pairs
    from sfn_sim.runs import find_run
    from sfn_sim.testing.mocks import Mocks
    from sfn_sim.world import load_fixture, open_world

    if no_handlers and handlers:
        raise ConfigurationError("--no-handlers calls none: leave out --handlers")
    recorded = find_run(run)
    config = find_config()
    machine = _machine(recorded, definition, pairs("--substitute", substitutions))
    with contextlib.ExitStack() as stack:
        world = None
        if fixture is not None:
            # An edited definition may have any name: its fixtures are those of the machine that was run.
            owner = machine.name if (config.fixtures / machine.name).is_dir() else recorded.machine.name
            world = load_fixture(find_fixture(owner, fixture, config.fixtures))
        found = None if no_handlers else handlers_of(handlers, config, world.environment if world else {})
        if world is not None:
            hosts = found.hosts() if found is not None else ()
            stack.enter_context(open_world(world, seed=recorded.row.seed, allow_network=hosts))
        mocks = Mocks.read(world.mocks, world.path) if world is not None and world.mocks else None
        done = replayed(
            recorded.execution, machine, handlers=found, start_at=start_at, isolate=world is None, mocks=mocks
        )
    click.echo(json.dumps(_json(recorded, done), ensure_ascii=False) if as_json else
               "\n".join(_lines(recorded, done, machine, everything)))
    sys.exit(0 if done.execution.status == "SUCCEEDED" else 1)


def _machine(recorded: RecordedRun, definition: str | None, substitutions: dict[str, str]) -> StateMachine:
    if definition is None:
        return recorded.machine
    from sfn_sim.config import find_config
    from sfn_sim.machine import StateMachine
    from sfn_sim.runner import find_machine

    config = find_config()
    known = {**config.substitutions, **recorded.source.substitutions, **substitutions}
    return StateMachine.load(find_machine(definition, config.definitions), known)


def _json(recorded: RecordedRun, done: Replayed) -> dict[str, object]:
    new, comparison = done.execution, done.comparison
    return {
        "schema": 1,
        "run": recorded.number,
        "status": new.status,
        "error": new.error,
        "cause": new.cause,
        "output": new.output,
        "recorded": {"status": recorded.execution.status, "error": recorded.execution.error},
        "part_at": comparison.states[0].to_json() if comparison.states else None,
        "comparison": comparison.to_json(),
        "calls": {
            "recorded": done.used.recorded,
            "real": done.used.real,
            "recorded_for_another_payload": done.used.other,
            "world": done.used.world,
        },
        "notes": list(recorded.notes),
    }


def _lines(recorded: RecordedRun, done: Replayed, machine: StateMachine, everything: bool) -> list[str]:
    from sfn_sim.analysis.compare import lines
    from sfn_sim.analysis.diagnosis.diagnose import diagnose

    was, new = recorded.execution, done.execution
    found = [f"run {recorded.number}: {note}" for note in recorded.notes]
    names = (f"run {recorded.number} as recorded ({was.status})", f"run again ({new.status})")
    comparison = done.comparison
    if comparison.states and not everything:
        first = comparison.states[0]
        found.append(f"the runs part at {first.place}:")
        found += lines(type(comparison)([first], comparison.ends, comparison.compared, comparison.notes), *names)
        found += [f"{len(comparison.states) - 1:,} more states differ: --all"] if len(comparison.states) > 1 else []
    else:
        found += lines(comparison, *names, most=sys.maxsize)
    diagnosis = diagnose(new, machine.source)
    found += diagnosis.lines(machine.source) if diagnosis is not None else []
    calls = done.used
    total = calls.recorded + len(calls.real)
    return [*found, f"{new.status}; {calls.recorded:,} of {total:,} calls answered as recorded", *calls.notes()]
