"""`sfn-sim lineage`: options in, library calls, hops out."""

from __future__ import annotations

import json
from typing import Any

import click

from sfn_sim.commands.which_run import choose, make_it, run_options


@click.command()
@click.argument("run", required=False)
@click.argument("value", required=False, metavar="STATE.STAGE.PATH")
@click.option("--forwards", is_flag=True, help="What became of it, instead of where it came from.")
@click.option("--visit", type=click.IntRange(1), metavar="N", help="Which visit, from 1.  [default: the last]")
@run_options
def lineage(
    run: str | None, value: str | None, visit: int | None, *, forwards: bool, as_json: bool, **options: Any
) -> None:
    """Tell where a value of RUN came from, such as FinalMerge.input.batch_id; with --forwards what became of it.

    RUN is a recorded run: its name, last, or a file that --record wrote; with --fixture, --input or --broken the
    machine RUN is run first. input.PATH and output.PATH alone are the execution's own. A value that is missing or null
    is followed to the last place where it was there, and to the state and field that lost it.
    """
    from sfn_sim.analysis.lineage.backwards import lineage as back
    from sfn_sim.analysis.lineage.forwards import fate
    from sfn_sim.report.lineages import fate_lines, lineage_lines

    wanted = make_it(options)
    if value is None and run is not None and (wanted is None or wanted["broken"] is not None):
        run, value = None, run
    if value is None:
        raise click.UsageError("name a value, such as FinalMerge.input.batch_id")
    chosen = choose(run, wanted)
    if forwards:
        became = fate(chosen.execution, value, visit)
        lines = fate_lines(became, chosen.source)
        document = became.to_json(chosen.source)
    else:
        found = back(chosen.execution, value, visit)
        lines = lineage_lines(found, chosen.source)
        document = found.to_json(chosen.source)
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else "\n".join(lines))
