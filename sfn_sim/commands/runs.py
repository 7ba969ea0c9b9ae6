"""`sfn-sim runs`: the recorded runs, newest first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sfn_sim.runs import RunRow


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Remove all but the newest N runs first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def runs(file: Path | None, keep: int | None, as_json: bool) -> None:
    """List the recorded runs, newest first: those of the project, or of a FILE that --record wrote."""
    from sfn_sim.runs import list_runs, runs_file

    place = file or runs_file()
    if keep is not None and (file is not None or place.is_file()):
        from sfn_sim.store import opened, prune

        with opened(place):
            pass
        prune(place, keep)
    rows = list_runs(file=file)
    if as_json:
        size = place.stat().st_size if place.is_file() else 0
        found = {"schema": 1, "file": str(place), "size_bytes": size, "runs": [_json(row) for row in rows]}
        click.echo(json.dumps(found, ensure_ascii=False))
    elif not rows:
        click.echo("no recorded runs: sfn-sim run MACHINE --keep 50 keeps the newest 50 of this project")
    else:
        click.echo("\n".join(_table(rows)))


def _json(row: RunRow) -> dict[str, object]:
    import dataclasses

    children = dict(zip(("kept", "of"), row.children, strict=True))
    return {**dataclasses.asdict(row), "children": children, "notes": list(row.notes)}


def _table(rows: list[RunRow]) -> list[str]:
    from sfn_sim.commands.texts import aligned, duration, size

    # Most machines have no distributed Map.
    with_children = any(of for _, of in (row.children for row in rows))
    header = ("run", "machine", "status", "virtual", "events", *(("children",) if with_children else ()), "size")
    lines: list[tuple[str, ...]] = [(*header, "recorded", "execution")]
    for row in rows:
        status = f"{row.status} {row.error}" if row.error else row.status
        recorded = row.recorded_at[:19].replace("T", " ")
        origin = "" if row.origin == "run" else f" ({row.origin})"
        kept, of = row.children
        children = ((f"{kept:,} of {of:,}" if of else "",) if with_children else ())
        lines.append((
            str(row.number), row.machine, status, duration(row.elapsed_ms), f"{row.events:,}", *children,
            size(row.size_bytes), recorded, f"{row.execution}{origin}",
        ))  # fmt: skip
    return aligned(lines)
