"""`sfn-sim explore`: options in, library calls, a table out."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfn_sim.errors import ConfigurationError

if TYPE_CHECKING:
    from sfn_sim.explore import Explorer, Tried

@click.command("explore")
@click.argument("machine")
@click.option("--fixture", metavar="NAME|PATH", required=True, help="The world to explore in; its expectations judge.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override a value of the fixture.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are.")
@click.option("--state", metavar="NAME", help="Only faults in this state, by its name or path.")
@click.option("--at", type=click.IntRange(0), metavar="N", help="Only faults of invocation N of the good run, from 0.")
@click.option("--fault", metavar="NAME", help="Only this fault, as the table names it.")
@click.option("--order", metavar="NAME", help="Only this order of children, as the table names it: 'order 3'.")
@click.option("--exhaustive", is_flag=True, help="Every invocation, not one of each class.")
@click.option("--schedules", type=click.IntRange(0), default=0, metavar="N",
              help="Also N other orders of children, and two executions at once in N orders.")
@click.option("--budget", metavar="SECONDS", help="Stop after so many real seconds, such as 60s; the order is seeded.")
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of the runs and of the order.")
@click.option("--resume", is_flag=True, help="Go on where an exploration of the same machine and world stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def explore(machine: str, *, as_json: bool, **options: Any) -> None:
    """Try every failure of MACHINE's handlers, one by one, in the world of a fixture.

    Exit codes: 0 no fault does harm, 3 a fault loses data, hangs a run or lets it succeed wrongly.
    """
    from sfn_sim.explore.exploring import Exploration
    from sfn_sim.explore.points import Order
    from sfn_sim.report.explored import explored_lines

    order = Order.read(options["order"]) if options["order"] is not None else None
    explorer, file = _explorer(machine, **options)
    earlier = _read(file) if options["resume"] else []
    with explorer:
        one = any(options[name] is not None for name in ("at", "fault", "order"))
        wanted = {name: options[name] for name in ("exhaustive", "state", "at", "fault")}
        probes = explorer.probes(**wanted) if order is None else []
        kept = [each for each in earlier if each.probe in {probe.name for probe in probes}]
        made: list[Tried] = list(earlier)

        def progress(number: int, count: int, tried: Tried) -> None:
            made.append(tried)
            if not one:
                _write(file, made)
            if not as_json and sys.stderr.isatty():
                click.echo(f"\r{number:,} of {count:,}  {tried.state}  {tried.fault}\033[K", nl=False, err=True)

        found: Exploration = explorer.explore(
            probes, budget_s=_seconds(options["budget"]), done={each.probe for each in kept}, progress=progress
        )
        found.tried[:0] = kept
        if order is not None:
            found.tried.append(explorer.schedule(order))
        found.tried += explorer.schedules(options["schedules"])
    if not as_json and sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    if as_json:
        document = {"schema": 1, "tried": [each.to_json() for each in found.tried], "left": found.left,
                    "not_met": found.not_met, "ok": found.exit_code == 0}  # fmt: skip
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo("\n".join(explored_lines(found.tried, _command(machine, options), found.left, found.not_met)))
    sys.exit(found.exit_code)


def _explorer(name: str, **options: Any) -> tuple[Explorer, Path]:
    """Return the explorer that the options ask for, and the file that keeps what it finds."""
    from sfn_sim.config import find_config
    from sfn_sim.explore import Explorer
    from sfn_sim.machine import StateMachine
    from sfn_sim.runner import find_fixture, find_machine, handlers_of, pairs
    from sfn_sim.runs import make_folder, project_folder
    from sfn_sim.sources import machine_name
    from sfn_sim.world import load_fixture

    config = find_config()
    path = find_machine(name, config.definitions)
    folder = find_fixture(machine_name(path), options["fixture"], config.fixtures)
    fixture = load_fixture(folder, pairs("--set", options["settings"]))
    given = pairs("--substitute", options["substitutions"])
    known = {**config.substitutions, **fixture.substitutions, **given}
    machine = StateMachine.load(path, known)
    handlers = handlers_of(options["handlers"], config, fixture.environment)
    told = (machine.source.text, sorted(known.items()), options["settings"], str(folder), options["seed"],
            options["handlers"], _code(handlers.folder), _code(fixture.path.parent),
            fixture.python.read_bytes() if fixture.python is not None else b"")  # fmt: skip
    digest = hashlib.sha256(repr(told).encode()).hexdigest()[:12]
    file = make_folder(project_folder(config)).with_name(f"explore-{machine.name}-{digest}.json")
    return Explorer(machine, handlers, fixture, seed=options["seed"]), file


def _code(folder: Path | None) -> str:
    """Return a digest of a folder's code and fixture: what was found of others is no answer for these."""
    kinds = (".py", ".toml", ".json")
    files = sorted(each for each in folder.rglob("*") if each.suffix in kinds) if folder is not None else []
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _read(file: Path) -> list[Tried]:
    from sfn_sim.explore import Tried

    if not file.is_file():
        return []
    try:
        return [Tried(**each) for each in json.loads(file.read_text(encoding="utf-8"))]
    except (ValueError, TypeError):
        raise ConfigurationError(f"--resume: {file} holds no exploration: remove it, or leave --resume out") from None


def _write(file: Path, tried: list[Tried]) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps([each.to_json() for each in tried]), encoding="utf-8")
    new.replace(file)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.removesuffix("s"))
    except ValueError:
        raise click.UsageError(f"--budget {text}: expected seconds, such as 60s") from None


def _command(machine: str, options: dict[str, Any]) -> str:
    words = ["sfn-sim", "explore", machine, "--fixture", options["fixture"]]
    for option, key in (("--set", "settings"), ("--substitute", "substitutions")):
        for each in options[key]:
            words += [option, each]
    if options["handlers"]:
        words += ["--handlers", options["handlers"]]
    if options["seed"]:
        words += ["--seed", str(options["seed"])]
    return shlex.join(words)
