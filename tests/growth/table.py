"""The table of docs/growth.md: `python -m tests.growth.table` writes it anew, with names some rows of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sfn_sim.analysis.growth import Curve, capped
from sfn_sim.growth.opening import open_growth

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "growth.md"
MARK = "<!-- figures -->"
_NO_CAP = ROOT / "definitions" / "broken" / "handlers" / "list_without_a_cap.py"
_LIFTED = {"environment.MAX_BATCHES_PER_RUN": "5000"}


@dataclass(frozen=True)
class Case:
    """One row: what is run, and how the row names it."""

    name: str
    shown: str
    options: dict[str, Any] = field(default_factory=dict)


def _machine(name: str, shown: str, **more: Any) -> Case:
    options = {"machine": name, "fixture": "backlog", "vary": "batches=5..5000", **more}
    return Case(f"{name}: {shown}", f"`{name}`, {shown}", options)


CASES = [
    case
    for name in ("line", "word")
    for case in (
        _machine(name, "as it is"),
        _machine(name, "`MAX_BATCHES_PER_RUN` 5000", settings=_LIFTED),
        _machine(name, "no cap at all", settings=_LIFTED, replaced={"embedding-list-pending": _NO_CAP}),
    )
] + [
    Case("b27", "`b27-uncapped-backlog`", {"broken": "b27-uncapped-backlog", "vary": "batches=5..5000"}),
    Case("issue-3", "`issue-3-payload-limit`", {"broken": "issue-3-payload-limit", "vary": "embeddings=1..40"}),
    Case(
        "b10", "`b10-small-path`",
        {"broken": "b10-small-path", "vary": "batches=1..60", "settings": {"embeddings": "2 per batch"}},
    ),
    Case("b22", "`b22-no-result-path`", {"broken": "b22-no-result-path", "vary": "batches=1..60"}),
]


def row(case: Case) -> str:
    """Return the row of a case, as it is found now."""
    return _row(case, open_growth(**case.options).curve())


def _row(case: Case, curve: Curve) -> str:
    first, last = curve.failing, curve.holding
    fails = "–" if first is None else f"{first.value:,}: {first.state} `{first.error}`"
    again = next((each.after.value for each in curve.boundaries if each.recovers), None)
    if again is not None:
        fails += f"; holds from {again:,} on"
    cap = capped(curve.samples) if first is None else None
    if cap is not None:
        fails += f" ({cap[0]} has {cap[1]:,} items at most)"
    size = "–" if last is None else f"{max(each.largest[1].size_bytes for each in curve.samples if each.holds):,}"
    cliffs = ", ".join(f"{each.after.value:,}" for each in curve.cliffs) or "–"
    vary = case.options["vary"].replace("=", " ").replace("..", " to ")
    held = f"{last.value:,}" if last is not None else "none"
    return f"| {case.shown} | {vary} | {held} | {fails} | {cliffs} | {size} |"


HEAD = [
    "| what | varied | holds up to | fails at | cliffs at | largest payload that holds, in bytes |",
    "|---|---|---|---|---|---|",
]


def written(page: str) -> list[str]:
    """Return the rows that stand in the page."""
    return page.split(MARK)[1].strip().splitlines()[len(HEAD) :]


def main(names: list[str]) -> None:
    """Write the table: all of it, or the rows of these cases."""
    page = PAGE.read_text(encoding="utf-8")
    before, old, after = page.split(f"{MARK}\n")
    rows = old.splitlines()[len(HEAD) :]
    for number, case in enumerate(CASES):
        if not names or case.name in names:
            rows[number : number + 1] = [row(case)]
    PAGE.write_text(f"{MARK}\n".join([before, "\n".join([*HEAD, *rows, ""]), after]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
