"""`sfn-sim path`: options in, library calls, steps out."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from sfn_sim.commands.which_run import choose, make_it, run_options


@click.command()
@click.argument("expression")
@click.option("--run", "run", metavar="RUN", help="Take the value from this run: its name, last, or a recorded file.")
@click.option("--state", metavar="STATE", help="Take the value that this state was given, such as Chunks[12].Process.")
@click.option("--stage", default="input", show_default=True, help="Take it at this stage of the state.")
@click.option("--visit", type=click.IntRange(1), metavar="N", help="Which visit, from 1.  [default: the last]")
@click.option("--item", type=click.IntRange(0), default=0, metavar="N", show_default=True,
              help="Which item $$.Map.Item is, of a Map.")
@run_options
def path(
    expression: str, run: str | None, state: str | None, stage: str, visit: int | None, item: int, *, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Evaluate EXPRESSION step by step: a JSONPath, an intrinsic function's call, a payload template, {% JSONata %}.

    The value is --input, or with --state what a state of a run was given. Exit codes: 0 it gives a value, 1 it stops.
    """
    from sfn_sim.analysis.explain_path import try_expression
    from sfn_sim.report.tried import tried_lines

    wanted = make_it(options)
    if state is None:
        from sfn_sim.runner import read_input

        if wanted is None or wanted["given"] is None or run is not None:
            raise click.UsageError("give the value: --input JSON|FILE, or --state STATE with --run RUN")
        tried = try_expression(expression, read_input(wanted["given"]))
    else:
        from sfn_sim.analysis.explain_path import data_at, fields_of, scope_of
        from sfn_sim.analysis.lineage.places import chosen, find_places

        execution = choose(run, wanted).execution
        place = chosen(find_places(execution, state), visit)
        tried = try_expression(expression, data_at(place, stage), scope_of(execution, place, item), fields_of(place))
    if as_json:
        click.echo(json.dumps(tried.to_json(), ensure_ascii=False))
    else:
        click.echo("\n".join(tried_lines(tried)))
    sys.exit(0 if tried.ok else 1)
