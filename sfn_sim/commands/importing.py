"""`sfn-sim import`: a run that AWS made, out of its history."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("import")
@click.argument("histories", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--definition", required=True, metavar="MACHINE|FILE",
              help="The definition, or what describe-state-machine-for-execution printed.")
@click.option("--execution-arn", metavar="ARN", help="The execution's ARN, which its history does not have.")
@click.option("--child", "children", metavar="MAP[N]=HISTORY", multiple=True,
              help="The history of a child of a Map Run, such as 'Rows[3]=child.json'; or one of its pages.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path),
              help="Add the run to an SQLite file.  [default: the project's runs]")
@click.option("--learn", is_flag=True, help="Widen contracts/ by the shapes that functions were given and gave.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def import_run(histories: tuple[Path, ...], definition: str, execution_arn: str | None,
               children: tuple[str, ...], substitutions: tuple[str, ...], record: Path | None, learn: bool,
               as_json: bool) -> None:
    """Make a recorded run of what `aws stepfunctions get-execution-history` printed.

    HISTORIES is its file, or all its pages. Tells what the history lacks, and the first event at which sfn-sim makes
    something else of the run's values than AWS did.
    """
    from sfn_sim.config import find_config
    from sfn_sim.history_events import read_history
    from sfn_sim.history_import import import_history
    from sfn_sim.machine import StateMachine
    from sfn_sim.recording import redaction_of
    from sfn_sim.runner import find_machine, pairs
    from sfn_sim.runs import make_folder, project_folder
    from sfn_sim.store import record as add

    config = find_config()
    known = {**config.substitutions, **pairs("--substitute", substitutions)}
    machine = StateMachine.load(find_machine(definition, config.definitions), known)
    given = {place: read_history(pages) for place, pages in _pages(children).items()}
    imported = import_history(read_history(histories), machine, execution_arn, given)
    place = record or make_folder(project_folder(config))
    execution, notes = imported.execution, imported.notes()
    if config.redact:
        redaction = redaction_of(config)
        execution = redaction.execution(execution)
        notes = [*redaction.notes(), *(redaction.text(note) for note in notes)]
    if learn:
        from sfn_sim.contracts import Contracts

        Contracts(config).learn(execution, machine.name)
    number = add(place, execution, machine.source, origin="import", notes=notes)
    name = str(number) if record is None else f"{record}:{number}"
    if as_json:
        first = imported.differences[0] if imported.differences else None
        click.echo(json.dumps({
            "schema": 1, "run": name, "machine": machine.name, "status": execution.status,
            "events": len(execution.log.events), "notes": notes,
            "first_difference": None if first is None else {"event": first.event, "state": first.place,
                                                            "field": first.what},
        }, ensure_ascii=False))  # fmt: skip
        return
    click.echo(f"run {name}: {machine.name}, {execution.status}, {len(execution.log.events):,} events")
    for note in notes:
        click.echo(f"  {note}")
    if not imported.differences:
        has_gaps = any(each.startswith("event ") for each in imported.lacking)
        click.echo(f"  our fold is AWS's in every event{' of which the history has the data' if has_gaps else ''}")


def _pages(children: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return the files of each child's history by the child's place."""
    from sfn_sim.errors import ConfigurationError

    found: dict[str, list[Path]] = {}
    for each in children:
        place, equals, file = each.partition("=")
        if not equals or not file:
            raise ConfigurationError(f"--child {each}: write MAP[N]=HISTORY, such as 'Rows[3]=child.json'")
        found.setdefault(place, []).append(Path(file))
    return found
