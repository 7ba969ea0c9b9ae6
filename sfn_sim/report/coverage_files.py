"""Coverage of definitions as files: JSON, and the formats that coverage services read, over the lines of the .asl.json.

A line that belongs to a transition, a Choice rule, a catcher or a retrier has that one's count; every other line of a
state has the state's. Choice rules, catchers and retriers are the branches.

Source: geninfo(1) for LCOV's records; coverage-04.dtd for Cobertura's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from sfn_sim.analysis.coverage import KINDS

_BRANCHES = ("choices", "catchers", "retriers")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that runs may take, and the numbers of the lines on which it stands."""

    kind: str
    state: str
    name: str
    pointer: str
    numbers: tuple[int, ...]


@dataclass(slots=True)
class Counted:
    """What runs took of one definition.

    Attributes:
        file: the definition's file; `machine` the machine's name.
        lines: what may be taken; `counts` how often each was.
        runs: how many runs were counted.
    """

    file: str
    machine: str
    lines: list[Line]
    counts: list[int]
    runs: int = 0

    def add(self, runs: int, counts: Sequence[int]) -> None:
        """Add the counts of more runs."""
        self.runs += runs
        self.counts = [ours + theirs for ours, theirs in zip(self.counts, counts, strict=True)]

    def taken(self, *kinds: str) -> tuple[int, int]:
        """Return how many things of some kinds (of all) were taken, and how many there are."""
        every = [n for line, n in zip(self.lines, self.counts, strict=True) if not kinds or line.kind in kinds]
        return sum(1 for count in every if count), len(every)

    @property
    def percent(self) -> float:
        """How much of everything was taken, in percent; 100 of nothing."""
        taken, total = self.taken()
        return 100 * taken / total if total else 100.0

    def hits(self) -> dict[int, int]:
        """Return how often each line was taken, by its number."""
        found: dict[int, int] = {}
        pairs = list(zip(self.lines, self.counts, strict=True))
        states = [pair for pair in pairs if pair[0].kind == "states"]
        # An outer state stands over more lines than those within it, whose counts are to show.
        for line, count in sorted(states, key=lambda pair: -len(pair[0].numbers)):
            found.update(dict.fromkeys(line.numbers, count))
        own: dict[int, int] = {}
        for line, count in pairs:
            if line.kind != "states" and not _shares_a_line(line, states):
                for number in line.numbers:
                    # A Choice rule is a transition too, and two may stand on one line.
                    own[number] = max(count, own.get(number, 0))
        return {**found, **own}

    def branches(self) -> dict[int, list[int]]:
        """Return the counts of the branches that begin on each line, by its number."""
        found: dict[int, list[int]] = {}
        for line, count in zip(self.lines, self.counts, strict=True):
            if line.kind in _BRANCHES:
                found.setdefault(line.numbers[0], []).append(count)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return it as one process hands it to another."""
        lines = [[line.kind, line.state, line.name, line.pointer, list(line.numbers)] for line in self.lines]
        return {"file": self.file, "machine": self.machine, "lines": lines, "counts": self.counts, "runs": self.runs}

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> Counted:
        """Return what another process counted."""
        lines = [
            Line(kind, state, name, pointer, tuple(numbers)) for kind, state, name, pointer, numbers in sent["lines"]
        ]
        return cls(sent["file"], sent["machine"], lines, list(sent["counts"]), sent["runs"])


def _shares_a_line(line: Line, states: Sequence[tuple[Line, int]]) -> bool:
    """Tell whether a state begins on a thing's own line: then the line is the state's."""
    return any(state.numbers[0] in line.numbers for state, _ in states)


def as_json(counted: Sequence[Counted]) -> str:
    """Return coverage as JSON."""
    machines: list[dict[str, Any]] = []
    for each in counted:
        kinds = {kind: dict(zip(("taken", "total"), each.taken(kind), strict=True)) for kind in KINDS}
        items = [
            {"kind": line.kind, "state": line.state, "name": line.name, "pointer": line.pointer,
             "line": line.numbers[0], "count": count}
            for line, count in zip(each.lines, each.counts, strict=True)
        ]  # fmt: skip
        machines.append(
            {"machine": each.machine, "file": each.file, "runs": each.runs, "percent": round(each.percent, 2),
             "kinds": kinds, "items": items}
        )  # fmt: skip
    return f"{json.dumps({'schema': 1, 'machines': machines}, indent=1, ensure_ascii=False)}\n"


def lcov(counted: Sequence[Counted]) -> str:
    """Return coverage in LCOV's format: states are its functions."""
    return "".join(f"{line}\n" for each in counted for line in _tracefile(each))


def _tracefile(counted: Counted) -> Iterator[str]:
    yield "TN:"
    yield f"SF:{counted.file}"
    states = [pair for pair in zip(counted.lines, counted.counts, strict=True) if pair[0].kind == "states"]
    yield from (f"FN:{line.numbers[0]},{line.name}" for line, _ in states)
    yield from (f"FNDA:{count},{line.name}" for line, count in states)
    taken, total = counted.taken("states")
    yield f"FNF:{total}"
    yield f"FNH:{taken}"
    hits = counted.hits()
    for number, counts in sorted(counted.branches().items()):
        for index, count in enumerate(counts):
            # "-": the line itself was never reached.
            yield f"BRDA:{number},0,{index},{count if hits.get(number, 0) or count else '-'}"
    taken, total = counted.taken(*_BRANCHES)
    yield f"BRF:{total}"
    yield f"BRH:{taken}"
    yield from (f"DA:{number},{count}" for number, count in sorted(hits.items()))
    yield f"LF:{len(hits)}"
    yield f"LH:{sum(1 for count in hits.values() if count)}"
    yield "end_of_record"


def cobertura(counted: Sequence[Counted]) -> str:
    """Return coverage in Cobertura's format: a class is a definition, a method a state."""
    hits = [count for each in counted for count in each.hits().values()]
    branches = [count for each in counted for counts in each.branches().values() for count in counts]
    head = (
        f'<coverage {_rates(hits, branches)} lines-covered="{_over_0(hits)}" lines-valid="{len(hits)}" '
        f'branches-covered="{_over_0(branches)}" branches-valid="{len(branches)}" complexity="0" version="1" '
        'timestamp="0">'
    )
    lines = ['<?xml version="1.0" encoding="utf-8"?>', head, "<sources><source>.</source></sources>", "<packages>"]
    lines.append(f'<package name="state machines" {_rates(hits, branches)} complexity="0"><classes>')
    for each in counted:
        lines += _class(each)
    return "\n".join([*lines, "</classes></package>", "</packages>", "</coverage>", ""])


def _class(counted: Counted) -> Iterator[str]:
    hits, branches = counted.hits(), counted.branches()
    every = [count for counts in branches.values() for count in counts]
    rates = _rates(list(hits.values()), every)
    yield f"<class name={quoteattr(counted.machine)} filename={quoteattr(counted.file)} {rates} complexity=\"0\">"
    yield "<methods/>"
    yield "<lines>"
    for number, count in sorted(hits.items()):
        more = ""
        if counts := branches.get(number):
            share = f"{100 * _over_0(counts) // len(counts)}% ({_over_0(counts)}/{len(counts)})"
            more = f' branch="true" condition-coverage="{share}"'
        yield f'<line number="{number}" hits="{count}"{more}/>'
    yield "</lines></class>"


def _rates(hits: Sequence[int], branches: Sequence[int]) -> str:
    return f'line-rate="{_rate(hits)}" branch-rate="{_rate(branches)}"'


def _rate(counts: Sequence[int]) -> str:
    return f"{_over_0(counts) / len(counts):.4f}" if counts else "1"


def _over_0(counts: Sequence[int]) -> int:
    return sum(1 for count in counts if count)
