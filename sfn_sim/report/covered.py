"""Coverage as plain lines: a count for each kind, and what was never taken by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sfn_sim.analysis.coverage import KINDS, Coverage
from sfn_sim.source import Source


def coverage_lines(found: Sequence[tuple[Coverage, Source, bool]]) -> Iterator[str]:
    """Yield the coverage of each machine line by line; of each it is said whether its definition is an earlier one."""
    for index, (each, source, is_earlier) in enumerate(found):
        if index:
            yield ""
        name = f"{each.machine}, an earlier definition" if is_earlier else each.machine
        yield f"{name}: {each.percent:.1f}% taken by {each.runs} run{'s' * (each.runs != 1)}"
        for kind in KINDS:
            taken, total = each.counts(kind)
            if total:
                yield f"  {kind:<12} {taken:>3} of {total}"
        never = each.never()
        for item in never:
            yield f"  never  {item.kind.removesuffix('s'):<11} {item.name}  {source.locate(item.pointer)}"
