"""`sfn-sim explain`: options in, library calls, stages out."""

from __future__ import annotations

import json
from typing import Any

import click

from sfn_sim.commands.which_run import choose, make_it, run_options


@click.command()
@click.argument("run", required=False)
@click.argument("state", required=False)
@click.option("--visit", type=click.IntRange(1), metavar="N", help="Which visit of the state, from 1.  [default: all]")
@run_options
def explain(run: str | None, state: str | None, visit: int | None, *, as_json: bool, **options: Any) -> None:
    """Tell why RUN failed, or what STATE did to its data, stage by stage.

    RUN is a recorded run: its name, last, or a file that --record wrote. STATE is a state's name, or its place among
    Map items, such as Chunks[12].Process. With --fixture, --input or --broken the machine RUN is run first.
    """
    from sfn_sim.analysis.explain import explain as explained
    from sfn_sim.report.explained import explanation

    wanted = make_it(options)
    if wanted is not None and wanted["broken"] is not None:
        run, state = None, run if state is None else state
    chosen = choose(run, wanted)
    found = explained(chosen.execution, chosen.source, state or "", visit)
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        click.echo("\n".join(explanation(found, chosen.source)))
