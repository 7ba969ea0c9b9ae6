"""A value's lineage as plain lines: one hop a line, with its place in the definition."""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.analysis.lineage.backwards import without_passing
from sfn_sim.analysis.lineage.hops import Fate, Hop, Lineage, Use, brief
from sfn_sim.analysis.lineage.places import Found
from sfn_sim.analysis.trace import MISSING
from sfn_sim.source import Source

_MOST_PLACES = 4


def lineage_lines(found: Lineage, source: Source) -> Iterator[str]:
    """Yield where a value came from, line by line."""
    yield f"{found.point.text}  {brief(found.value)}"
    hops = without_passing(found.hops)
    shown: Found = found.value
    for hop in hops:
        yield from _hop(hop, source, same=hop.value == shown)
        shown = hop.value
    if found.lost is not None:
        lost = found.lost
        yield f"  lost   by {lost.state} ({lost.field}): {lost.words}"
        yield f"  there  {lost.last.text} was {brief(lost.value)}"
    elif found.value is MISSING:
        yield "  lost   by nobody: no state before ever had it"


def _hop(hop: Hop, source: Source, *, same: bool) -> Iterator[str]:
    event = f" (event {hop.point.place.visit.entered_event})" if hop.point.place is not None else ""
    value = "" if same or hop.kind in ("passed", "lost", "missing") else f"  {brief(hop.value)}"
    yield f"  {'  ' * hop.depth}{hop.point.text}{event}{value}"
    at = f"  {source.locate(hop.pointer)}" if hop.pointer else ""
    yield f"  {'  ' * hop.depth}  ← {hop.words}{at}"


def fate_lines(found: Fate, source: Source) -> Iterator[str]:
    """Yield what became of a value, line by line."""
    yield f"{found.point.text}  {brief(found.value)}"
    for use in found.uses:
        yield f"  → {_use(use)}{f'  {source.locate(use.pointer)}' if use.pointer else ''}"
    if not found.uses:
        yield "  nothing reads it"


def _use(use: Use) -> str:
    if len(use.places) <= 1:
        return use.words
    more = f", … {len(use.places) - _MOST_PLACES:,} more" if len(use.places) > _MOST_PLACES else ""
    return f"{use.words} (in {', '.join(use.places[:_MOST_PLACES])}{more})"
