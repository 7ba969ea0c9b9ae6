"""Growth: how the payloads of a machine grow with one quantity, and at which value of it something changes.

Rule of this module: a value is looked for by trying values only. What is said of a value was seen at that value; of
those between two that are alike nothing is said but that they lie between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sfn_sim import limits
from sfn_sim.payload import Json

PAYLOAD = "payload"
EVENTS = "events"
INPUT = "input"
OTHER = "other"
LIMITS = (PAYLOAD, EVENTS, INPUT)
_GUESSES = 5
_FAR = 0.9
_LEAST_GROWTH = 0.01


@dataclass(frozen=True, slots=True)
class Payload:
    """The largest payload of a state, at all its visits.

    Attributes:
        stage: "input", "task input", "result" or "output".
        size_bytes: its size.
        fields: its largest fields as paths, each with its size; empty where it is small.
        sizes: the largest size of every stage, by stage.
    """

    stage: str
    size_bytes: int
    fields: tuple[tuple[str, int], ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it."""
        found: dict[str, Json] = {"stage": self.stage, "size_bytes": self.size_bytes}
        return {**found, "fields": [{"path": path, "size_bytes": size} for path, size in self.fields]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of the varied quantity, and how the machine ran with it.

    Attributes:
        value: the value.
        status: how the execution ended; `error` and `cause` if it failed.
        reached: which limit it met: "payload", "events", "input"; "other" for a failure that is no limit's.
        state: the state that met it, as a path without the numbers of items.
        events: the history events; `objects` the objects in S3 afterwards, None without buckets.
        payloads: the largest payload of each state, by its path without numbers.
        items: the most items of each Map.
        ways: what tells one way through the machine from another: states that follow, values that are null.
        carried_out: how many handlers were called; `modelled` how many calls were answered by a model instead.
        limit_bytes: the payload limit; `limit_events` the history's.
        checked: how many answers of the model were compared with those of the handlers.
        slack_bytes: by how much one of these differed in size, at most.
    """

    value: int
    status: str
    error: str | None = None
    cause: str | None = None
    reached: str = ""
    state: str = ""
    events: int = 0
    objects: int | None = None
    payloads: Mapping[str, Payload] = field(default_factory=dict)
    items: Mapping[str, int] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    carried_out: int = 0
    modelled: int = 0
    limit_bytes: int = limits.PAYLOAD.value
    limit_events: int = limits.HISTORY_EVENTS.value
    checked: int = 0
    slack_bytes: int = 0

    @property
    def holds(self) -> bool:
        """Tell whether no limit was met and nothing failed."""
        return not self.reached

    @property
    def largest(self) -> tuple[str, Payload]:
        """The state with the largest payload, and that payload."""
        return max(self.payloads.items(), key=lambda each: each[1].size_bytes, default=("", Payload("", 0)))

    @property
    def sizes(self) -> tuple[object, ...]:
        """All that can grow, without the value itself; what a size says of the number of the value stays out."""
        return self.events, sorted(self.items.items()), {name: each.sizes for name, each in self.payloads.items()}

    @property
    def outcome(self) -> tuple[object, ...]:
        """What makes two values alike: how it ended and, where it holds, by which way."""
        ending = (self.reached, self.state, self.error)
        return ending if self.reached else (*ending, tuple(sorted(self.ways.items())))

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it."""
        state, payload = self.largest
        return {
            "value": self.value, "status": self.status, "holds": self.holds, "reached": self.reached or None,
            "state": self.state or None, "error": self.error, "cause": self.cause, "events": self.events,
            "objects": self.objects, "largest": {"state": state, **payload.to_json()},
            "payloads": {name: each.to_json() for name, each in self.payloads.items()},
            "items": dict(self.items), "carried_out": self.carried_out, "modelled": self.modelled,
            "checked": self.checked, "slack_bytes": self.slack_bytes,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Boundary:
    """Two neighbouring values between which something changes."""

    before: Sample
    after: Sample

    @property
    def breaks(self) -> bool:
        """Tell whether the machine holds before and not after."""
        return self.before.holds and not self.after.holds

    @property
    def recovers(self) -> bool:
        """Tell whether the machine holds after and not before."""
        return self.after.holds and not self.before.holds

    def changes(self) -> list[str]:
        """Return in words what is otherwise after it; the first is what was met first."""
        if self.breaks or not (self.before.holds or self.after.holds):
            return [failure(self.after)]
        if self.recovers:
            return [f"holds again; before it: {failure(self.before)}"]
        return list(_differences(self.before.ways, self.after.ways))

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it."""
        return {"before": self.before.value, "after": self.after.value, "changes": [*self.changes()]}


@dataclass(frozen=True, slots=True)
class Curve:
    """What was seen of a machine over a range of values.

    Attributes:
        key: the varied quantity.
        low: the least value; `high` the largest.
        samples: what was tried, by value.
        boundaries: where something changes, in order.
    """

    key: str
    low: int
    high: int
    samples: tuple[Sample, ...]
    boundaries: tuple[Boundary, ...]

    @property
    def failing(self) -> Sample | None:
        """The sample at the least value that fails; None if every one holds."""
        return next((each for each in self.samples if not each.holds), None)

    @property
    def holding(self) -> Sample | None:
        """The sample at the largest value below the first that fails; None if the least fails already."""
        first = self.failing
        below = [each for each in self.samples if first is None or each.value < first.value]
        return below[-1] if below else None

    @property
    def cliffs(self) -> list[Boundary]:
        """Where the machine takes another way, and holds on both sides."""
        return [each for each in self.boundaries if each.before.holds and each.after.holds]

    @property
    def exit_code(self) -> int:
        """0 if every value holds, else 1."""
        return 0 if self.failing is None else 1


def failure(sample: Sample) -> str:
    """Return in words how a sample fails."""
    place = f"{sample.state} fails" if sample.state else "the execution fails"
    return f"{place} with {sample.error or sample.status}"


def search(
    run: Callable[[int], Sample], key: str, low: int, high: int, told: Callable[[Sample], None] = lambda _: None
) -> Curve:
    """Try values from `low` to `high`, and find each value at which something changes.

    A first round doubles the value from `low` on, until a limit is met twice in a row; between two neighbours that are
    not alike, of which one holds, the middle is tried, until the neighbours are next to each other. What comes and
    goes between two that are alike is not found.

    Args:
        run: runs the machine with a value.
        key: the varied quantity.
        low: the least value.
        high: the largest.
        told: told of each sample.
    """
    found: dict[int, Sample] = {}

    def at(value: int) -> Sample:
        if value not in found:
            found[value] = run(value)
            told(found[value])
        return found[value]

    boundaries: list[Boundary] = []
    for one, other in pairwise(_first_round(at, ladder(low, high))):
        boundaries += _between(at, one, other, 0)
    samples = tuple(found[value] for value in sorted(found))
    return Curve(key, low, high, samples, tuple(boundaries))


def ladder(low: int, high: int) -> list[int]:
    """Return the values of the first round: each about twice the one before."""
    values = [low]
    while (value := max(values[-1] + 1, values[-1] * 2)) < high:
        values.append(value)
    return [*values, high] if high > low else values


def _first_round(at: Callable[[int], Sample], values: Sequence[int]) -> list[Sample]:
    samples = [at(values[0])]
    for value in values[1:]:
        if len(samples) > 1:
            if all(each.reached in LIMITS for each in samples[-2:]):
                break
            if samples[0].sizes != samples[-1].sizes == samples[-2].sizes and value != values[-1]:
                # It grew, and grows no more: the largest value tells more than those before it.
                continue
        samples.append(at(value))
    return samples


def _between(at: Callable[[int], Sample], one: Sample, other: Sample, depth: int) -> Iterator[Boundary]:
    if one.outcome == other.outcome or not (one.holds or other.holds):
        return
    if other.value - one.value == 1:
        yield Boundary(one, other)
        return
    middle = at(_guess(one, other) if depth < _GUESSES else (one.value + other.value) // 2)
    yield from _between(at, one, middle, depth + 1)
    yield from _between(at, middle, other, depth + 1)


def _guess(one: Sample, other: Sample) -> int:
    """Return a value between two: where the payload or the history should meet its limit, or else the middle."""
    value = (one.value + other.value) // 2
    if one.holds and other.reached == EVENTS and one.events:
        # The history that is full says nothing of how long it would have been.
        value = one.value * one.limit_events // one.events
    elif one.holds and other.reached == PAYLOAD and other.state in one.payloads:
        sizes = one.payloads[other.state].size_bytes, other.payloads[other.state].size_bytes
        if sizes[0] <= one.limit_bytes < sizes[1]:
            rate = (sizes[1] - sizes[0]) / (other.value - one.value)
            value = one.value + int((one.limit_bytes - sizes[0]) / rate)
    return min(max(value, one.value + 1), other.value - 1)


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield what is otherwise, in the order of the second; a value that states hand on is told of the first."""
    told: set[str] = set()
    for place, way in after.items():
        had = before.get(place)
        path = place.partition(" $")[2]
        if had is None or had == way or path in told:
            continue
        if path:
            told.add(path)
        yield f"{place} {way}, and not {had.partition(' ')[2]}"


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a state's payload grows with each step of the varied quantity.

    Attributes:
        state: the state; `stage` which of its payloads.
        bytes_per_unit: how much, in bytes.
        fields: the fields that grow, each with its share of that, the largest first.
    """

    state: str
    stage: str
    bytes_per_unit: float
    fields: tuple[tuple[str, float], ...] = ()


def rate_of(curve: Curve, sample: Sample, state: str) -> Rate | None:
    """Return how a state's payload grows up to a sample; None where nothing is there to compare it with."""
    payload = sample.payloads.get(state)
    if payload is None:
        return None
    stage = payload.stage
    earlier = [
        each for each in curve.samples
        if each.value < sample.value and state in each.payloads and stage in each.payloads[state].sizes
    ]  # fmt: skip
    # Far enough below, that one more digit of a number does not pass for growth.
    far = [each for each in earlier if each.value <= sample.value * _FAR] or earlier
    if not far:
        return None
    other, steps = far[-1].payloads[state], sample.value - far[-1].value
    had = dict(other.fields) if other.stage == stage else {}
    grown = [(path, (size - had[path]) / steps) for path, size in payload.fields if path in had]
    fields = tuple(sorted((each for each in grown if each[1] > 0), key=lambda each: -each[1]))
    return Rate(state, stage, (payload.size_bytes - other.sizes[stage]) / steps, fields)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far something is from its limit, and where it would meet it if it went on growing as it does.

    Attributes:
        name: a state, or "history".
        unit: "bytes" or "events"; `size` is how many there are.
        per_unit: how many more with each step of the varied quantity.
        meets_at: the value at which the limit would be met; None where nothing grows.
    """

    name: str
    unit: str
    size: int
    per_unit: float
    meets_at: int | None

    def to_json(self) -> dict[str, Json]:
        """Return it as `--json` prints it."""
        return {
            "name": self.name, "unit": self.unit, "size": self.size, "per_unit": self.per_unit,
            "meets_at": self.meets_at,
        }  # fmt: skip


def outlooks(curve: Curve, most: int) -> list[Outlook]:
    """Return the history and the `most` largest states, the largest first, at the largest value that holds."""
    last = curve.holding
    if last is None:
        return []
    found = []
    for name in sorted(last.payloads, key=lambda name: -last.payloads[name].size_bytes)[:most]:
        rate, size = rate_of(curve, last, name), last.payloads[name].size_bytes
        if rate is not None:
            found.append(_outlook(name, "bytes", size, rate.bytes_per_unit, last, last.limit_bytes))
    below = [each for each in curve.samples if each.value <= last.value * _FAR]
    if below:
        rate_events = (last.events - below[-1].events) / (last.value - below[-1].value)
        found.append(_outlook("history", "events", last.events, rate_events, last, last.limit_events))
    return found


def _outlook(name: str, unit: str, size: int, per_unit: float, last: Sample, limit: int) -> Outlook:
    grows = per_unit * last.value > _LEAST_GROWTH * size
    meets_at = last.value + int((limit - size) / per_unit) + 1 if grows else None
    return Outlook(name, unit, size, per_unit, meets_at)


def capped(samples: Sequence[Sample]) -> tuple[str, int] | None:
    """Return the Map whose items grew with the value and then no more, and how many there are; None if none is."""
    holding = [each for each in samples if each.holds]
    if len(holding) < 3 or holding[-1].value == holding[-2].value:
        return None
    last, before, first = holding[-1], holding[-2], holding[0]
    for name, count in last.items.items():
        if before.items.get(name) == count > first.items.get(name, count):
            return name, count
    return None
