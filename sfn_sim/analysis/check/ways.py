"""How a shape came into a state: the chain of arrivals behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sfn_sim.definition.plan import PlannedState
from sfn_sim.query.shapes import ANYTHING, OBJECT, Found, Shape, Steps, Verdict, look

_SHOWN = 10
_MERGED = 6
NO_VARIABLES = Shape(OBJECT)
"""Of variables, the shape of an object with their names: here none is assigned."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """One way into a state, with the shape of what it brings.

    Attributes:
        state: the state that is entered.
        shape: the shape of its input.
        variables: what is known of the variables, as an object.
        previous: the arrival at the state before, or at the Map or Parallel around; None at the start.
        how: how it came: "start", "next", "catch", "item" (of a Map), "branch" (of a Parallel).
        merged: arrivals that this one stands for too, because there were too many.
    """

    state: PlannedState
    shape: Shape
    previous: Arrival | None = None
    how: str = "start"
    merged: tuple[Arrival, ...] = ()
    variables: Shape = NO_VARIABLES

    def back(self) -> Iterator[Arrival]:
        """Return this arrival and those before it, the nearest first."""
        arrival: Arrival | None = self
        while arrival is not None:
            yield arrival
            arrival = arrival.previous

    def names(self) -> tuple[str, ...]:
        """Return the states on the way, this one last; what a loop repeats stands once."""
        names: list[str] = []
        for each in reversed(list(self.back())):
            if each.state.name in names:
                del names[names.index(each.state.name) + 1 :]
            else:
                names.append(each.state.name)
        return tuple(names)

    def lacking(self, steps: Steps) -> Arrival:
        """Return the way among those that this arrival stands for on which nothing stands at `steps`."""
        for each in (self, *self.merged):
            if look(each.shape, steps).verdict is Verdict.MISSING:
                return each
        for each in (self, *self.merged):
            if look(each.shape, steps).verdict is Verdict.SOMETIMES:
                return each
        return self

    def with_merged(self, other: Arrival, shape: Shape, variables: Shape) -> Arrival:
        """Return the arrival that stands for this one and another, with the shapes of both."""
        merged = (*self.merged, self if not self.merged else other, other)[-_MERGED:]
        return replace(self, shape=shape, merged=tuple(dict.fromkeys(merged)), variables=variables)


def way_text(names: tuple[str, ...]) -> str:
    """Return states as a way, shortened in its middle."""
    if len(names) > _SHOWN:
        names = (*names[:4], "…", *names[-(_SHOWN - 5) :])
    return " → ".join(names)


@dataclass(frozen=True, slots=True)
class Loss:
    """Where a value was last known or possible: the input of `arrival`, whose state gave it on no more.

    `at` is where it stood there, if not where it is read later.
    """

    arrival: Arrival
    found: Found
    caught: bool
    at: Steps = ()


def find_loss(arrival: Arrival, steps: Steps) -> Loss | None:
    """Return the state on a way that took away what stood at `steps`; None if nobody on it ever had the value.

    What is there at times only, here and before, was not taken away in between.
    """
    later = arrival
    lost = (Verdict.MISSING, look(arrival.shape, steps).verdict)
    for earlier in arrival.back():
        if earlier is arrival:
            continue
        if later.how in ("item", "branch"):
            return None
        found = look(earlier.shape, steps)
        if found.verdict not in lost:
            return Loss(earlier, found, later.how == "catch")
        later = earlier
    return None


def find_elsewhere(shape: Shape, key: str | int, avoid: Steps) -> list[tuple[str | int, ...]]:
    """Return where an object of a shape may have `key`: the nearest to `avoid` first, then the shallowest.

    What stands at `avoid` itself is left out, with all below it; nothing is if it has no steps.
    """
    found: list[tuple[str | int, ...]] = []
    level: list[tuple[tuple[str | int, ...], Shape]] = [((), shape)]
    for _ in range(6):
        below: list[tuple[tuple[str | int, ...], Shape]] = []
        for at, each in level:
            for name, inner in each.fields.items():
                if inner.shape.is_never:
                    continue
                if name == key and not (avoid and (*at, name)[: len(avoid)] == avoid):
                    found.append((*at, name))
                if inner.shape is not ANYTHING:
                    below.append(((*at, name), inner.shape))
        level = below
    return sorted(found, key=lambda at: (-_in_common(at, avoid), len(at)))


def _in_common(one: Steps, other: Steps) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
