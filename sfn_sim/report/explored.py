"""What an exploration found, as lines for a terminal."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from sfn_sim.explore.points import CLEAN, HUNG, LOST, RECOVERED, WRONG, Tried

_SHOWN = 3
_OUTCOMES = (RECOVERED, CLEAN, LOST, HUNG, WRONG)


def explored_lines(
    tried: Sequence[Tried], command: str, left: int = 0, not_met: Sequence[str] = ()
) -> Iterator[str]:
    """Yield a table of what was tried, then each defect with the command that shows it again.

    Args:
        tried: what was tried.
        command: the command that explored, with the options that chose the world.
        left: how many faults were not tried, for want of time.
        not_met: the faults that met nobody, since what they are about did not happen again.
    """
    counts: dict[str, Counter[str]] = {}
    for each in tried:
        counts.setdefault(each.state, Counter())[each.outcome] += 1
    width = max([len("state"), *map(len, counts)])
    yield "  ".join(["state".ljust(width), "faults", *_OUTCOMES])
    for state, counted in counts.items():
        cells = [str(counted[name] or "–").rjust(len(name)) for name in _OUTCOMES]
        yield "  ".join([state.ljust(width), str(counted.total()).rjust(len("faults")), *cells])
    bad = [each for each in tried if each.is_bad]
    for each in bad:
        yield ""
        yield f"✗ {each.outcome}: {each.fault} in {each.state}"
        yield f"  {each.detail}"
        again = f"--at {each.at} --fault" if each.at >= 0 else "--order"
        yield f"  {command} {again} {shlex.quote(each.fault)}"
    yield ""
    more = f", {left:,} not tried: the budget was spent (--resume goes on)" if left else ""
    yield f"{len(tried):,} faults tried, {len(bad):,} of them show a defect{more}"
    if not_met:
        yield f"{len(not_met):,} met nobody, for the request was not sent again: {', '.join(not_met[:_SHOWN])}"
