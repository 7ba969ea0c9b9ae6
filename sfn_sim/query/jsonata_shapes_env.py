"""What a part of a JSONata expression may read while it is evaluated over shapes, and what is told of the whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from sfn_sim.query.jsonata_shapes_values import Given, Lack, member
from sfn_sim.query.shapes import Shape, Verdict


@dataclass(frozen=True, slots=True)
class Note:
    """A part of an expression that fails, or compares what is never equal.

    Attributes:
        kind: "throws", "unlike", or "lacks" for a read that the expression itself makes an error of.
        verdict: MISSING: always; SOMETIMES: at times; UNDECIDED: perhaps.
        start: where the part stands in the text; `end` where it ends.
        what: what is wrong; `fix` what helps; `lack` the read that leads nowhere.
    """

    kind: str
    verdict: Verdict
    start: int
    end: int
    what: str
    fix: str = ""
    lack: Lack | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of an expression's value, what is noted of its parts, and whether part of it is unknown."""

    given: Given
    notes: tuple[Note, ...]
    unsure: bool


@dataclass(frozen=True, slots=True)
class Env:
    """What a part of an expression may read.

    Attributes:
        known: the shape of an object with the variables, `states` among them.
        local: what the expression has bound itself.
        item: the context item; None where there is none.
        certain: whether the part is evaluated whenever the expression is.
    """

    known: Shape
    local: dict[str, Given] = field(default_factory=dict)
    item: Given | None = None
    certain: bool = True

    def inner(self) -> Env:
        """Return the same for a part whose bindings are its own."""
        return Env(self.known, dict(self.local), self.item, self.certain)

    def branch(self, known: Shape | None = None) -> Env:
        """Return the same for a part that is not always evaluated."""
        return Env(known or self.known, dict(self.local), self.item, certain=False)

    def at(self, place: tuple[str | int, ...]) -> Given:
        """Return what stands at a place."""
        given = Given(self.known, place=())
        for step in place:
            given = member(given, str(step))
        return given
