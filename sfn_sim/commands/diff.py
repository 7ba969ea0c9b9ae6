"""`sfn-sim diff`: two runs, or two machines, state by state."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sfn_sim.payload import Json


@click.command()
@click.argument("left")
@click.argument("right")
@click.option("--names", "names", metavar="LEFT=RIGHT|FILE", multiple=True,
              help="A state's name on the right, where it differs; or a JSON object of such names.")
@click.option("--same-shape", is_flag=True, help="Machines: equal but for substitutions, and ARNs' account, region "
              "and suffix.")
@click.option("--runs", "are_runs", is_flag=True, help="Both are runs, whatever their names are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def diff(left: str, right: str, names: tuple[str, ...], same_shape: bool, are_runs: bool, as_json: bool) -> None:
    """Compare two runs, or two machines, state by state.

    LEFT and RIGHT are both machines (names in definitions/ or files) or both recorded runs (numbers, last, last~1,
    FILE.sqlite:NUMBER). Exit codes: 0 no difference, 1 a difference, 2 bad usage.
    """
    from sfn_sim.analysis.compare import compare_runs, lines
    from sfn_sim.analysis.compare_machines import compare_machines
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.runs import find_run

    renamed = _names(names)
    machines = None if are_runs else _machines(left, right)
    if machines is not None:
        found = compare_machines(machines[0], machines[1], renamed, same_shape=same_shape)
    elif same_shape:
        raise ConfigurationError("--same-shape compares machines, and these are runs")
    else:
        one, other = find_run(left), find_run(right)
        found = compare_runs(one.execution, other.execution, renamed)
        left, right = (f"run {each.number} ({each.row.machine}, {each.row.status})" for each in (one, other))
    click.echo(json.dumps(found.to_json(), ensure_ascii=False) if as_json else "\n".join(lines(found, left, right)))
    sys.exit(0 if found.same else 1)


def _machines(left: str, right: str) -> list[Json] | None:
    """Return two definitions; None where one of the two is no machine."""
    from sfn_sim.config import find_config
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.runner import find_machine
    from sfn_sim.sources import read_definition

    config = find_config()
    try:
        paths = [find_machine(each, config.definitions) for each in (left, right)]
    except ConfigurationError as error:
        if _looks_like_a_run(left) and _looks_like_a_run(right):
            return None
        raise ConfigurationError(f"{error}. For runs: --runs") from None
    if any(_is_runs_file(path) for path in paths):
        return None
    # Substitutions stay open: what fills them is no difference between definitions.
    values: list[Json] = []
    for path in paths:
        _, source = read_definition(path, {})
        try:
            values.append(source.value)
        except ValueError as error:
            raise ConfigurationError(f"{path}: not JSON: {error}") from None
    return values


def _looks_like_a_run(name: str) -> bool:
    return name.isdecimal() or name.partition("~")[0] == "last" or ".sqlite" in name or ".db" in name


def _is_runs_file(path: Path) -> bool:
    return path.suffix in (".sqlite", ".db")


def _names(given: Sequence[str]) -> dict[str, str]:
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.runner import pairs

    found: dict[str, str] = {}
    for each in given:
        if "=" in each:
            found |= pairs("--names", [each])
            continue
        try:
            table = json.loads(Path(each).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"--names {each}: neither LEFT=RIGHT nor a file of JSON: {error}") from None
        if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
            raise ConfigurationError(f"--names {each}: expected one JSON object: left name to right name")
        found |= table
    return found
