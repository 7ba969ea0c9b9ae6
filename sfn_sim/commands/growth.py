"""`sfn-sim growth`: options in, library calls, a table and a plot out."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sfn_sim.errors import ConfigurationError

if TYPE_CHECKING:
    from sfn_sim.analysis.growth import Curve, Sample
    from sfn_sim.growth.measuring import Growth
    from sfn_sim.payload import Json

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("growth")
@click.argument("machine", required=False)
@click.option("--broken", metavar="NAME", help="A definition of definitions/broken, with its world and handlers.")
@click.option("--fixture", metavar="NAME|PATH", help="The world in which the value is varied.")
@click.option("--vary", metavar="KEY=LOW..HIGH", required=True, help="The fixture's value to vary, as --set names it.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override another value of the fixture.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are.")
@click.option("--handler", "replaced", metavar="FUNCTION=FILE", multiple=True, help="Another handler for a function.")
@click.option("--items", metavar="N|all", default="12", show_default=True,
              help="How many items of a Map are carried out; all: nothing is modelled.")
@click.option("--verify", is_flag=True, help="Run the breaking point and the value before it in full.")
@click.option("--limit-bytes", type=click.IntRange(1), metavar="N", help="Payload limit.  [default: 262144]")
@click.option("--limit-events", type=click.IntRange(2), metavar="N", help="History limit.  [default: 25000]")
@click.option("--seed", type=int, help="Seed of all randomness.  [default: the fixture's]")
@click.option("--svg", type=_FILE, metavar="FILE", help="Write the plot as SVG.")
@click.option("--csv", "as_csv", type=_FILE, metavar="FILE", help="Write every value, with each state's payload.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def growth(*, as_json: bool, svg: Path | None, as_csv: Path | None, verify: bool, **options: Any) -> None:
    """Find the size at which MACHINE meets a limit: payloads, history and S3 objects as one value grows.

    Exit codes: 0 every value up to HIGH holds, 1 one of them fails, 2 bad usage, 3 --verify shows that the model was
    wrong.
    """
    measured = _growth(**options)
    curve = measured.curve(_progress(as_json=as_json))
    _end_of_progress(as_json=as_json)
    pairs = measured.verify(curve) if verify else []
    _write(svg, as_csv, curve)
    if as_json:
        click.echo(json.dumps(_document(curve, pairs), ensure_ascii=False))
    else:
        from sfn_sim.report.growth import growth_lines, verified_lines

        lines = growth_lines(curve, "" if verify else _command(options))
        click.echo("\n".join([*lines, *verified_lines(curve, pairs)]))
    wrong = any(seen.outcome[:3] != real.outcome[:3] for seen, real in pairs)
    sys.exit(3 if wrong else curve.exit_code)


def _growth(
    machine: str | None, broken: str | None, fixture: str | None, vary: str, settings: tuple[str, ...],
    substitutions: tuple[str, ...], handlers: str | None, replaced: tuple[str, ...], items: str,
    limit_bytes: int | None, limit_events: int | None, seed: int | None,
) -> Growth:  # fmt: skip
    """Return what the options ask for."""
    from sfn_sim.growth.opening import open_growth
    from sfn_sim.runner import pairs

    return open_growth(
        machine=machine, broken=broken, fixture=fixture, vary=vary, settings=pairs("--set", settings),
        substitutions=pairs("--substitute", substitutions), handlers=handlers, replaced=_files(replaced),
        most=_most(items), limit_bytes=limit_bytes, limit_events=limit_events, seed=seed,
    )  # fmt: skip


def _files(texts: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or not name or not Path(file).is_file():
            raise ConfigurationError(f"--handler {text}: expected FUNCTION=FILE, and a file that is there")
        found[name] = Path(file).resolve()
    return found


def _most(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"--items {text}: expected a number of at least 1, or all")
    return int(text)


def _progress(*, as_json: bool) -> Any:
    count = 0

    def told(sample: Sample) -> None:
        nonlocal count
        count += 1
        if not as_json and sys.stderr.isatty():
            state = "holds" if sample.holds else sample.error or sample.status
            click.echo(f"\r\033[K{count} values tried; {sample.value:,} {state}", nl=False, err=True)

    return told


def _end_of_progress(*, as_json: bool) -> None:
    if not as_json and sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)


def _write(svg: Path | None, as_csv: Path | None, curve: Curve) -> None:
    from sfn_sim.report.growth_files import growth_csv, growth_svg

    for file, text in ((svg, growth_svg), (as_csv, growth_csv)):
        if file is None:
            continue
        try:
            file.write_text(text(curve), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write {file}: {error.strerror}") from None


def _document(curve: Curve, pairs: list[tuple[Sample, Sample]]) -> dict[str, Json]:
    from sfn_sim.analysis.growth import capped, outlooks

    holding, failing, cap = curve.holding, curve.failing, capped(curve.samples)
    return {
        "schema": 1, "key": curve.key, "low": curve.low, "high": curve.high,
        "largest_that_holds": holding.value if holding else None,
        "first_that_fails": failing.value if failing else None,
        "cap": {"map": cap[0], "items": cap[1]} if cap else None,
        "samples": [each.to_json() for each in curve.samples],
        "outlooks": [each.to_json() for each in outlooks(curve, len(holding.payloads) if holding else 0)],
        "boundaries": [each.to_json() for each in curve.boundaries],
        "verified": [{"value": real.value, "seen": seen.to_json(), "in_full": real.to_json()} for seen, real in pairs],
        "ok": failing is None,
    }  # fmt: skip


def _command(options: dict[str, Any]) -> str:
    words = ["sfn-sim", "growth", *([options["machine"]] if options["machine"] else [])]
    for key in ("broken", "fixture", "vary", "handlers"):
        words += [f"--{key}", options[key]] if options[key] else []
    for option, key in (("--set", "settings"), ("--substitute", "substitutions"), ("--handler", "replaced")):
        words += [word for each in options[key] for word in (option, each)]
    return shlex.join(words)
