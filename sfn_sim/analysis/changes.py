"""What one value has that another has not: keys taken away, added, nulled or given a value, each with its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sfn_sim.analysis.trace import path_text
from sfn_sim.payload import Json, size_bytes
from sfn_sim.query.jsonpath import describe

SIGNS = {"removed": "-", "added": "+", "nulled": "0", "filled": "*", "changed": "~"}
_MOST_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Change:
    """One place at which two values differ.

    Attributes:
        kind: removed, added, nulled (it was something and is null), filled (it was null) or changed.
        steps: where.
        was: what stood there before, in a few words; `now` what stands there after; empty where nothing does.
        was_bytes: its size before; `now_bytes` after.
        reads: the expression that made it, where a template did.
    """

    kind: str
    steps: tuple[str | int, ...]
    was: str = ""
    now: str = ""
    was_bytes: int = 0
    now_bytes: int = 0
    reads: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the change as `--json` prints it."""
        return {
            "kind": self.kind,
            "path": path_text(self.steps),
            "was": self.was,
            "now": self.now,
            "was_bytes": self.was_bytes,
            "now_bytes": self.now_bytes,
            "reads": self.reads,
        }


def changes(before: Json, after: Json) -> list[Change]:
    """Return where two values differ: in objects key by key, in lists of one length item by item."""
    return list(_changes(before, after, ()))


def _changes(before: Json, after: Json, steps: tuple[str | int, ...]) -> Iterator[Change]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and len(steps) < _MOST_DEPTH:
        for key, was in before.items():
            if key not in after:
                yield Change("removed", (*steps, key), was=describe(was), was_bytes=size_bytes(was))
        for key, now in after.items():
            if key in before:
                yield from _changes(before[key], now, (*steps, key))
            else:
                yield Change("added", (*steps, key), now=describe(now), now_bytes=size_bytes(now))
        return
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after) and len(steps) < _MOST_DEPTH:
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            yield from _changes(was, now, (*steps, index))
        return
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return
    kind = "nulled" if after is None else "filled" if before is None else "changed"
    yield Change(kind, steps, describe(before), describe(after), size_bytes(before), size_bytes(after))
