"""`sfn-sim coverage`: options in, library calls, counts out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sfn_sim.commands.which_run import ChosenRun

_FILES = (".sqlite", ".db")


@click.command()
@click.argument("runs", nargs=-1)
@click.option("--fixture", "fixtures", metavar="NAME|all", multiple=True,
              help="Run the machines that RUNS names in these worlds first; all: in every one they have.")
@click.option("--fail-under", type=click.FloatRange(0, 100), metavar="N", help="Exit with 1 below so many percent.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def coverage(runs: tuple[str, ...], fixtures: tuple[str, ...], fail_under: float | None, *, as_json: bool) -> None:
    """Tell which states, transitions, Choice branches, catchers and retriers RUNS have taken, and which never.

    RUNS are recorded runs: names, last, or files that --record wrote (all runs in them); without any, all recorded
    runs of the project. With --fixture they are machines, which are run first. Runs of an earlier definition of a
    machine are counted by themselves, and --fail-under leaves them out.
    """
    from sfn_sim.analysis.coverage import Coverage
    from sfn_sim.analysis.coverage import coverage as covered
    from sfn_sim.payload import dumps
    from sfn_sim.report.covered import coverage_lines
    from sfn_sim.source import Source

    chosen = list(_made(runs, fixtures) if fixtures else _recorded(runs))
    machines: dict[str, list[ChosenRun]] = {}
    latest: dict[tuple[str, str], str] = {}
    for each in chosen:
        text = dumps(each.source.value)  # the same definition, however it is laid out
        machines.setdefault(text, []).append(each)
        latest[_machine_of(each)] = text
    found: list[tuple[Coverage, Source, bool]] = []
    for text, group in machines.items():
        last = group[-1]
        made = covered(last.execution.machine, last.execution.identity.machine_name, [each.execution for each in group])
        found.append((made, last.source, latest[_machine_of(last)] != text))
    short = fail_under is not None and any(each.percent < fail_under for each, _, is_earlier in found if not is_earlier)
    if as_json:
        machines_json = [{**each.to_json(), "earlier": is_earlier} for each, _, is_earlier in found]
        document = {"schema": 1, "fail_under": fail_under, "ok": not short, "machines": machines_json}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo("\n".join(coverage_lines(found)))
    sys.exit(int(short))


def _machine_of(run: ChosenRun) -> tuple[str, str]:
    """Return what a machine is known by, whatever its definition was at the time."""
    return run.execution.identity.machine_name, str(run.source.path)


def _made(machines: tuple[str, ...], fixtures: tuple[str, ...]) -> Iterator[ChosenRun]:
    from sfn_sim.commands.which_run import made
    from sfn_sim.config import find_config

    if not machines:
        raise click.UsageError("--fixture runs machines: name one")
    folder = find_config().fixtures
    for machine in machines:
        every = sorted(path.parent.name for path in (folder / machine).glob("*/fixture.toml"))
        for fixture in every if "all" in fixtures else fixtures:
            yield made(machine, fixture=fixture)


def _recorded(names: tuple[str, ...]) -> Iterator[ChosenRun]:
    from sfn_sim.commands.which_run import ChosenRun
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.runs import find_run, list_runs

    wanted: list[str] = []
    for name in names:
        file = Path(name)
        if file.suffix in _FILES and file.is_file():
            wanted += [f"{name}:{row.number}" for row in reversed(list_runs(file=file))]
        else:
            wanted.append(name)
    if not names:
        wanted = [str(row.number) for row in reversed(list_runs())]
        if not wanted:
            raise ConfigurationError("no recorded runs here: name machines with --fixture all, or files of runs")
    for name in wanted:
        found = find_run(name)
        yield ChosenRun(found.execution, found.source)
