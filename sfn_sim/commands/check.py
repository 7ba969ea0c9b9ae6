"""`sfn-sim check` and `sfn-sim explain-code`: options in, library calls, findings out."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

_FORMATS = ("text", "json", "github", "sarif", "junit")


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--broken", metavar="NAME", help="Check a definition of definitions/broken, with its fixture.")
@click.option("--fixture", metavar="NAME|PATH", help="Take its input as the example, and its substitutions.")
@click.option("--input", "inputs", metavar="JSON|FILE|-", multiple=True,
              help="An example of the execution's input; several: what some lack is optional.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else (--format json).")
@click.option("--retries", is_flag=True, help="Tell how long every Retrier waits, all its retries together.")
@click.option("--baseline", type=click.Path(dir_okay=False, path_type=Path), help="Tell only what is not in it.")
@click.option("--write-baseline", type=click.Path(dir_okay=False, path_type=Path), help="Write what was found.")
@click.option("--fail-on", type=click.Choice(["error", "warning", "note"]), default="warning", show_default=True,
              help="The least severity that makes the exit code 1.")
def check(
    machines: tuple[str, ...], form: str, as_json: bool, retries: bool, substitutions: tuple[str, ...], **options: Any
) -> None:
    """Find data-flow bugs in MACHINES without running anything.

    MACHINES are names in definitions/, files, folders or patterns; all of definitions/ when none is named. Exit
    codes: 0 nothing as bad as --fail-on, 1 something is, 2 bad usage or a definition that does not load.
    """
    from sfn_sim.commands.checking import CheckRequest, carry_out
    from sfn_sim.report.findings import FORMATS, as_text

    given = {}
    if substitutions:  # what runs a machine takes longer to load than a check takes
        from sfn_sim.runner import pairs

        given = pairs("--substitute", substitutions)
    request = CheckRequest(machines=machines, substitutions=given, **options)
    done = carry_out(request)
    form = "json" if as_json else form
    if form == "text":
        click.echo(as_text(done.reports, done.others, retries=retries))
    else:
        click.echo(FORMATS[form](done.reports, done.others))
    sys.exit(done.exit_code)


@click.command("explain-code")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def explain_code(code: str, as_json: bool) -> None:
    """Tell what the CODE of a finding means, with an example."""
    from sfn_sim.analysis.check.explain import explain, find_code

    found = find_code(code)
    if as_json:
        click.echo(json.dumps({"schema": 1, **asdict(found)}, ensure_ascii=False))
    else:
        click.echo(explain(found))
