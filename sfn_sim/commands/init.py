"""`sfn-sim init`: a configuration, first tests and a CI workflow for definitions that are there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sfn_sim.config import Config
    from sfn_sim.payload import Json


@click.command()
@click.argument("definition", required=False)
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def init(definition: str | None, substitutions: tuple[str, ...], as_json: bool) -> None:
    """Write sfn-sim.toml, a passing test for each branch of DEFINITION, and a CI workflow.

    Without DEFINITION, for every machine in the folder of definitions. What is there already is never overwritten. The
    tests' mocks are found by running the machine: they lead to each branch, and want values that mean something.
    """
    from sfn_sim.config import FILE, find_config
    from sfn_sim.machine import StateMachine
    from sfn_sim.runner import find_machine, pairs
    from sfn_sim.testing.first_tests import WORKFLOW, tests_of, written

    config = find_config()
    known = {**config.substitutions, **pairs("--substitute", substitutions)}
    files = [find_machine(definition, config.definitions)] if definition is not None else _all(config)
    machines = [(path, StateMachine.load(path, known)) for path in files]
    folder = _folder(files[0], config)
    made = [_made(Path(FILE), config.file is None and written(Path(FILE), _configuration(folder, known)))]
    for path, machine in machines:
        text, branches = tests_of(machine, _name(path, machine.name, folder))
        file = Path("tests", f"test_{re.sub(r'[^0-9A-Za-z]+', '_', machine.name)}.py")
        lost: dict[str, Json] = {each.item.name: each.why for each in branches if each.execution is None}
        taken = len(branches) - len(lost)
        made.append(_made(file, written(file, text)) | {"branches": len(branches), "taken": taken, "not_found": lost})
    workflow = Path(".github", "workflows", "state-machines.yml")
    jsonata = any(each.state.query_language == "JSONata" for _, machine in machines for each in machine.planned.states)
    package = "'sfn-sim[jsonata]'" if jsonata else "sfn-sim"
    made.append(_made(workflow, written(workflow, WORKFLOW.format(definitions=folder.as_posix(), package=package))))
    if as_json:
        click.echo(json.dumps({"schema": 1, "files": made}, ensure_ascii=False))
    else:
        _tell(made)


def _all(config: Config) -> list[Path]:
    """Return every definition of the project.

    Raises:
        ConfigurationError: there is none.
    """
    from sfn_sim.errors import ConfigurationError

    files = sorted({*config.definitions.glob("*.asl.json")})
    if not files:
        raise ConfigurationError(f"no *.asl.json in {config.definitions}/: name a definition, sfn-sim init FILE")
    return files


def _folder(path: Path, config: Config) -> Path:
    """Return the folder of definitions, as the configuration is to name it."""
    folder = config.definitions if path.parent.resolve() == config.definitions.resolve() else path.parent
    try:
        return folder.resolve().relative_to(Path.cwd())
    except ValueError:
        return folder


def _name(path: Path, name: str, folder: Path) -> str:
    return name if path.parent.resolve() == folder.resolve() else str(path)


def _configuration(folder: Path, substitutions: dict[str, str]) -> str:
    lines = [f"definitions = {json.dumps(folder.as_posix())}"]
    # A folder that is named has to be there: the others are named once they are.
    marks = {each: "" if Path(each).is_dir() else "# " for each in ("handlers", "fixtures")}
    lines += [f'{mark}{each} = "{each}"' for each, mark in marks.items()]
    if substitutions:
        lines += ["", "[substitutions]", *(f"{key} = {json.dumps(value)}" for key, value in substitutions.items())]
    return "\n".join(lines) + "\n"


def _made(path: Path, is_new: bool) -> dict[str, Any]:
    return {"file": path.as_posix(), "written": is_new}


def _tell(made: list[dict[str, Any]]) -> None:
    for each in made:
        click.echo(f"{'wrote' if each['written'] else 'kept':8} {each['file']}")
        if each["written"] and "branches" in each:
            click.echo(f"         {each['taken']} of {each['branches']} branches are taken")
            for name, why in each["not_found"].items():
                click.echo(f"         not found: {name}: {why}")
    click.echo("try: python -m pytest")
