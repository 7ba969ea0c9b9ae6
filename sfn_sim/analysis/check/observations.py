"""What the walk over shapes sees, place by place and way by way, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sfn_sim.analysis.check.ways import Arrival
from sfn_sim.definition.plan import PlannedState
from sfn_sim.query.shapes import Found, Shape, Steps, Verdict

Site = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing seen at one place on one way.

    Attributes:
        kind: what was looked at: "path", "empty", "need", "intrinsic", "place", "compare", "branch", "match";
            of JSONata "query" (what an expression gives), "throws", "unlike", "list", "bare".
        state: the state; `arrival` the way into it.
        pointer: JSON pointer of the field; `field` its name below the state; `expression` its text.
        verdict: PRESENT all well, MISSING certainly wrong, SOMETIMES known to be wrong at times, UNDECIDED unknown.
        found: for a path, what it found; `root` its root, `steps` its steps.
        origin: where `$` of the expression stands in the state's input; None if it is no part of the input.
        what: for anything but a path, what is wrong.
        fix: what helps.
        null: whether a null is what is wrong.
        mark: the part of the expression that it is about.
    """

    kind: str
    state: PlannedState
    arrival: Arrival
    pointer: str
    field: str
    expression: str
    verdict: Verdict
    found: Found | None = None
    root: str = "$"
    steps: Steps = ()
    origin: Steps | None = ()
    what: str = ""
    fix: str = ""
    null: bool = False
    mark: str = ""

    def site(self) -> Site:
        """Return the place that the observation is of, whatever the way."""
        return (self.kind, self.state.name, self.pointer, self.expression)


@dataclass(slots=True)
class Observations:
    """Everything seen, by place; `reached` the arrivals at each state, `given` what each Task hands to its resource."""

    seen: dict[Site, list[Observation]] = field(default_factory=dict)
    reached: dict[str, list[Arrival]] = field(default_factory=dict)
    given: dict[str, list[tuple[Arrival, Shape]]] = field(default_factory=dict)

    def add(self, observation: Observation) -> None:
        """Note an observation."""
        self.seen.setdefault(observation.site(), []).append(observation)
