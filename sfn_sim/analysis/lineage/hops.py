"""What lineage finds: hops, and the loss at their end where a value is missing or null."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

from sfn_sim.analysis.lineage.places import Found, Place, Steps, value_at, variables_after, where
from sfn_sim.analysis.trace import MISSING, _Missing, look, path_text
from sfn_sim.payload import Json, size_bytes
from sfn_sim.query.jsonpath import describe
from sfn_sim.source import Source


class Point(NamedTuple):
    """A place in the data of a run: a stage of a visit, and steps below it; no place: the execution's own."""

    place: Place | None
    stage: str
    steps: Steps

    @property
    def text(self) -> str:
        """The point as a person writes it."""
        return where(self.place, self.stage, self.steps)


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a value's way.

    Attributes:
        point: where the value is.
        kind: passed, read, placed, returned, item, branch, variable, made, drawn, input, literal, context, error,
            missing, lost, unknown.
        words: how it came there.
        value: what stands there, MISSING if nothing.
        field: the field of the definition that did it; `expression` what stands in it, `pointer` its place.
        depth: how many calls with several arguments lie between it and what was asked for.
    """

    point: Point
    kind: str
    words: str
    value: Found
    field: str = ""
    expression: str = ""
    pointer: str = ""
    depth: int = 0

    @property
    def state(self) -> str:
        """The state's place; empty for the execution's own input and output."""
        return self.point.place.path if self.point.place is not None else ""

    def to_json(self, source: Source | None = None) -> dict[str, Json]:
        """Return the hop as `--json` prints it."""
        place = self.point.place
        at = source.locate(self.pointer) if source is not None and self.pointer else None
        return {
            "state": self.state,
            "stage": self.point.stage,
            "path": path_text(self.point.steps),
            "event": place.visit.entered_event if place is not None else None,
            "kind": self.kind,
            "words": self.words,
            "field": self.field,
            "expression": self.expression,
            "pointer": self.pointer,
            "line": at.line if at else None,
            "present": not isinstance(self.value, _Missing),
            "value": None if isinstance(self.value, _Missing) else self.value,
            "depth": self.depth,
        }


@dataclass(frozen=True, slots=True)
class Lost:
    """Where a value that is missing or null was last there.

    Attributes:
        last: the place at which it was last there; `value` what it was.
        state: the state that lost it, `field` by which of its fields.
        words: how.
    """

    last: Point
    value: Json
    state: str
    field: str
    words: str

    def to_json(self) -> dict[str, Json]:
        """Return the loss as `--json` prints it."""
        return {
            "last": self.last.text,
            "value": self.value,
            "state": self.state,
            "field": self.field,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a value came from.

    Attributes:
        point: what was asked for; `value` what stands there.
        hops: the steps back, the nearest first.
        lost: who lost it, where it is missing or null and somebody had it.
    """

    point: Point
    value: Found
    hops: tuple[Hop, ...]
    lost: Lost | None = None

    def to_json(self, source: Source | None = None) -> dict[str, Json]:
        """Return the lineage as `--json` prints it."""
        return {
            "schema": 1,
            "direction": "backwards",
            "of": self.point.text,
            "present": not isinstance(self.value, _Missing),
            "value": None if isinstance(self.value, _Missing) else self.value,
            "hops": [each.to_json(source) for each in self.hops],
            "lost": self.lost.to_json() if self.lost is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Use:
    """What became of a value somewhere.

    Attributes:
        state: the state's name; `field` the field that did it; `expression` what stands in it.
        kind: read, given, compared, items, dropped, replaced, output.
        words: what happened.
        places: where, every visit of it.
    """

    state: str
    field: str
    kind: str
    words: str
    expression: str = ""
    pointer: str = ""
    places: list[str] = dataclasses.field(default_factory=list)

    def to_json(self, source: Source | None = None) -> dict[str, Json]:
        """Return the use as `--json` prints it."""
        at = source.locate(self.pointer) if source is not None and self.pointer else None
        return {
            "state": self.state,
            "field": self.field,
            "kind": self.kind,
            "words": self.words,
            "expression": self.expression,
            "pointer": self.pointer,
            "line": at.line if at else None,
            "places": list(self.places),
        }


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a value: every use of it, in order."""

    point: Point
    value: Found
    uses: tuple[Use, ...]

    def to_json(self, source: Source | None = None) -> dict[str, Json]:
        """Return the fate as `--json` prints it."""
        return {
            "schema": 1,
            "direction": "forwards",
            "of": self.point.text,
            "present": not isinstance(self.value, _Missing),
            "value": None if isinstance(self.value, _Missing) else self.value,
            "uses": [each.to_json(source) for each in self.uses],
        }


def brief(value: Found) -> str:
    """Return what a value is, in a few words, with its size."""
    if isinstance(value, _Missing):
        return "missing"
    return f"{describe(value)} ({size_bytes(value):,} bytes)"


def found_at(point: Point, own: dict[str, Json]) -> Found:
    """Return what stands at a point; `own` has the execution's own input and output."""
    if point.place is not None and point.stage == "variables":
        return look(variables_after(point.place), point.steps)
    if point.place is not None:
        return value_at(point.place.visit, point.stage, point.steps)
    return look(own[point.stage], point.steps) if point.stage in own else MISSING
