"""`sfn-sim learn`: contracts widened by recorded runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sfn_sim.payload import Json


@click.command()
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def learn(names: tuple[str, ...], as_json: bool) -> None:
    """Widen contracts/ by the shapes that functions were given and gave in recorded RUNS (default: the last).

    Shapes only are kept, never values: a key is optional when it was absent once, nullable when it was null once.
    """
    from sfn_sim.config import find_config
    from sfn_sim.contracts import Contracts
    from sfn_sim.runs import LAST, find_run
    from sfn_sim.sources import shown_path

    contracts = Contracts(find_config())
    runs: list[Json] = []
    for name in names or (LAST,):
        run = find_run(name)
        changed = contracts.learn(run.execution, run.machine.name)
        widened: list[Json] = [shown_path(path) for path in changed]
        runs.append({"run": run.number, "machine": run.machine.name, "widened": widened})
        if as_json:
            continue
        many = f"{len(changed)} contract{'s' * (len(changed) != 1)}"
        click.echo(f"run {run.number} of {run.machine.name}: {many} widened")
        for path in changed:
            click.echo(f"  {shown_path(path)}")
    if as_json:
        click.echo(json.dumps({"schema": 1, "runs": runs}, ensure_ascii=False))
