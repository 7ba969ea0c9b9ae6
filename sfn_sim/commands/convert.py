"""`sfn-sim convert`: a JSONPath machine written anew in JSONata, and proved."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sfn_sim.convert import Converted
    from sfn_sim.proof import Proof
    from sfn_sim.runner import Request
    from sfn_sim.source import Source


@click.command()
@click.argument("machine")
@click.option("--to", "language", type=click.Choice(["jsonata"]), required=True, help="The language.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the definition into a new file.")
@click.option("--fixture", "fixtures", metavar="NAME|PATH", multiple=True,
              help="Prove it with this fixture.  [default: all of the machine's]")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override a value of the fixtures.")
@click.option("--input", "inputs", metavar="JSON|FILE", multiple=True, help="Prove it with this input.")
@click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME} in the proof.")
@click.option("--no-proof", is_flag=True, help="Run nothing.")
@click.option("--unguarded", is_flag=True, help="Shorter expressions: what fails in JSONPath may go on in JSONata.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def convert(machine: str, out: Path | None, unguarded: bool, as_json: bool, **options: Any) -> None:
    """Write MACHINE anew in JSONata, and prove it: both are run, and every state's output is compared.

    Prints the definition, or writes it with --out. What has no equivalent is told with its place, and stays in
    JSONPath. Exit codes: 0 converted and equal in every run, 1 something was kept or differs, 2 bad usage.
    """
    from sfn_sim.config import find_config
    from sfn_sim.convert import convert as converted_of
    from sfn_sim.proof import prove
    from sfn_sim.runner import find_machine
    from sfn_sim.sources import machine_name, read_definition

    config = find_config()
    path = find_machine(machine, config.definitions)
    name, source = read_definition(path, {})
    _check(source)
    _check_target(out)
    requests = {} if options.pop("no_proof") else _requests(path, config.fixtures, options)
    document = source.value
    assert isinstance(document, dict)
    converted = converted_of(document, guarded=not unguarded)
    proofs = prove(path, machine_name(path) or name, converted.document, requests, _tell if not as_json else _silent)
    text = json.dumps(converted.document, indent=2, ensure_ascii=False) + "\n"
    if out is not None:
        out.write_text(text, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(_as_json(converted, proofs, source), ensure_ascii=False))
    else:
        if out is None:
            click.echo(text, nl=False)
        _report(converted, proofs, source, out)
    sys.exit(0 if converted.is_whole and all(each.holds for each in proofs) else 1)


def _requests(path: Path, folder: Path, options: dict[str, Any]) -> dict[str, Request]:
    """Return what to run: the named fixtures and inputs, or all fixtures of the machine."""
    from sfn_sim.proof import fixtures_of
    from sfn_sim.runner import Request, pairs
    from sfn_sim.sources import machine_name

    common: dict[str, Any] = {
        "handlers": options["handlers"],
        "substitutions": pairs("--substitute", options["substitutions"]),
        "quiet": True,
    }
    settings = pairs("--set", options["settings"])
    names = options["fixtures"] or (() if options["inputs"] else fixtures_of(machine_name(path), folder))
    found = {each: Request(fixture=each, settings=settings, **common) for each in names}
    return found | {each: Request(given=each, **common) for each in options["inputs"]}


def _check_target(out: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is run.

    Raises:
        ConfigurationError: it is there already, or its folder is not.
    """
    from sfn_sim.errors import ConfigurationError

    if out is not None and out.exists():
        raise ConfigurationError(f"--out {out}: the file is there already, and convert overwrites nothing")
    if out is not None and not out.parent.is_dir():
        raise ConfigurationError(f"--out {out}: there is no folder {out.parent}; make it, or name another one")


def _check(source: Source) -> None:
    """Refuse a definition that is not valid whatever stands for its ${Name}.

    Raises:
        DefinitionError: it is not valid.
    """
    from sfn_sim.definition.validate import validate
    from sfn_sim.errors import DefinitionError

    findings = validate(source, literal_placeholders=True)
    errors = [each for each in findings if each.severity == "ERROR"]
    if errors:
        raise DefinitionError(errors, source)


def _tell(name: str) -> None:
    click.echo(f"sfn-sim: running both over {name}", err=True)


def _silent(_: str) -> None:
    pass


def _as_json(converted: Converted, proofs: list[Proof], source: Source) -> dict[str, Any]:
    return {
        "schema": 1,
        "whole": converted.is_whole,
        "proved": bool(proofs) and all(each.holds for each in proofs),
        "definition": converted.document,
        "states": [
            {
                "state": each.name, "pointer": each.pointer, "became": each.became, "field": each.field,
                "why": each.why, "place": str(source.locate(_place(each.pointer, each.field))),
                "notes": list(each.notes),
            }
            for each in converted.states
        ],
        "proofs": [each.to_json() for each in proofs],
    }  # fmt: skip


def _place(pointer: str, field: str) -> str:
    return f"{pointer}/{field}" if field else pointer


def _report(converted: Converted, proofs: list[Proof], source: Source, out: Path | None) -> None:
    """Tell on stderr what became of the states, so that stdout is the definition alone."""
    from sfn_sim.analysis.compare import lines

    counts = {kind: sum(each.became == kind for each in converted.states) for kind in ("converted", "same", "kept")}
    words = [f"{counts['converted']} of {len(converted.states)} states converted"]
    words += [f"{counts['same']} in JSONata before"] * bool(counts["same"])
    words += [f"{counts['kept']} kept in JSONPath"] * bool(counts["kept"])
    click.echo(", ".join(words) + (f"; written to {out}" if out else ""), err=True)
    for each in converted.states:
        if each.became == "kept":
            place = source.locate(_place(each.pointer, each.field))
            click.echo(f"  kept  {place}  {each.name}, {each.field}: {each.why}", err=True)
        for note in each.notes:
            click.echo(f"  note  {source.locate(each.pointer)}  {each.name}: {note}", err=True)
    for proof in proofs:
        if proof.holds:
            count = proof.comparison.compared
            click.echo(f"  equal  {proof.name}: {proof.status}, {count:,} visits of states", err=True)
            continue
        click.echo(f"  differs  {proof.name}", err=True)
        for line in lines(proof.comparison, "JSONPath", "JSONata", most=5):
            click.echo(f"    {line}", err=True)
    if not proofs:
        click.echo("  not proved: there is nothing to run; name a --fixture or an --input", err=True)
