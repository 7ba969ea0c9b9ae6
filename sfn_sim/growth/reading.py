"""What a run says of its size: payloads, events, items, the way that it took."""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.analysis.growth import EVENTS, INPUT, OTHER, PAYLOAD, Payload, Sample
from sfn_sim.analysis.sizes import largest_fields, largest_in_items
from sfn_sim.errors import DATA_LIMIT_EXCEEDED, InputError
from sfn_sim.growth.scaling import Scaled
from sfn_sim.payload import Json, size_bytes
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.world import Fixture

_FIELDS = 6
_SMALL = 1024
_GATHERING = ("Map", "Parallel")
_KIND_DEPTH = 3
_RESULTS = ("result", "afterResultSelector", "afterResultPath")


def sample_of(execution: Execution, given: Scaled, fixture: Fixture, objects: int | None) -> Sample:
    """Return what a run that has ended says."""
    log, options = execution.log, execution.options
    reached, state = _reached(execution, fixture)
    limit_events = options.limit_events or len(log.events)
    return Sample(
        value=given.value, status=execution.status, error=execution.error, cause=execution.cause, reached=reached,
        state=state, events=len(log.events), objects=objects, payloads=_payloads(execution), items=_items(execution),
        ways=_ways(execution), carried_out=given.carried_out, modelled=given.modelled, limit_bytes=options.limit_bytes,
        limit_events=limit_events, checked=given.checked, slack_bytes=given.slack_bytes,
    )  # fmt: skip


def refused(value: int, error: InputError, size: int, limit_bytes: int) -> Sample:
    """Return the sample of an input that StartExecution refuses."""
    return Sample(
        value=value, status="REFUSED", error="InvalidExecutionInput", cause=str(error), reached=INPUT,
        payloads={"(input)": Payload("input", size)}, limit_bytes=limit_bytes,
    )  # fmt: skip


def _reached(execution: Execution, fixture: Fixture) -> tuple[str, str]:
    """Return which limit a run met, and the state that met it: also where a catcher took the error."""
    detail = execution.detail
    if detail is not None and detail.kind == "events":
        last = execution.log.visits[-1].name if execution.log.visits else ""
        return EVENTS, last
    for visit in execution.log.visits:
        if visit.error is not None and visit.error[0] == DATA_LIMIT_EXCEEDED:
            return PAYLOAD, visit.name
    if execution.error == DATA_LIMIT_EXCEEDED:
        return PAYLOAD, detail.state if detail is not None else ""
    if execution.status == fixture.expect.status:
        return "", ""
    failing = next((each for each in reversed(execution.log.visits) if each.error is not None), None)
    first = next((each for each in execution.log.visits if each.error is not None and each.caught), failing)
    return OTHER, first.name if first is not None else detail.state if detail is not None else ""


def _payloads(execution: Execution) -> dict[str, Payload]:
    largest: dict[str, tuple[int, str, Visit]] = {}
    sizes: dict[str, dict[str, int]] = {}
    for visit in execution.log.visits:
        of_state = sizes.setdefault(visit.name, {})
        for stage, size in _sizes(visit):
            if size >= 0:
                of_state[stage] = max(size, of_state.get(stage, 0))
            if visit.name not in largest or size > largest[visit.name][0]:
                largest[visit.name] = (size, stage, visit)
    found = {name: _payload(*each, sizes[name]) for name, each in largest.items()}
    detail = execution.detail
    if detail is not None and detail.kind == "size" and detail.state:
        stage, size = _stage(detail.stage), detail.size_bytes
        known = {**sizes.get(detail.state, {}), stage: size}
        found[detail.state] = Payload(stage, size, _fields(detail.value), known)
    for run in execution.map_runs:
        for totals in run.totals.values():
            size = max(totals.largest_input_bytes, totals.largest_output_bytes)
            if size > found.get(totals.state.name, Payload("", -1)).size_bytes:
                stage = "input" if size == totals.largest_input_bytes else "output"
                found[totals.state.name] = Payload(stage, size)
    return found


def _sizes(visit: Visit) -> Iterator[tuple[str, int]]:
    yield "output", visit.output_bytes
    yield "result", visit.result_bytes
    yield "task input", visit.task_input_bytes
    yield "input", visit.measured_input_bytes()
    if visit.state.state.type in _GATHERING and visit.result_bytes < 0:
        yield from (("result", size_bytes(value)) for name, value in visit.stages if name == "result")
    if visit.error is not None and visit.error[0] == DATA_LIMIT_EXCEEDED:
        for stage, value in visit.stages:
            yield _stage(stage), size_bytes(value)


def _payload(size: int, stage: str, visit: Visit, sizes: dict[str, int]) -> Payload:
    return Payload(stage, size, _fields(_value(visit, stage)) if size >= _SMALL else (), sizes)


def _stage(name: str) -> str:
    """Return what a stage of the trace is called here."""
    if name in ("input", "output"):
        return name
    if name == "result":
        return "result"
    return "output" if name in _RESULTS else "task input"


def _value(visit: Visit, stage: str) -> Json:
    if stage == "output" and visit.left:
        return visit.output
    found = [value for name, value in visit.stages if _stage(name) == stage]
    return found[-1] if found else visit.input


def _fields(value: Json) -> tuple[tuple[str, int], ...]:
    if isinstance(value, list):
        largest = largest_in_items(value)
        whole = ("$", size_bytes(value))
        return (whole,) if largest is None or largest[1] * 2 < whole[1] else ((f"$[*].{largest[0]}", largest[1]), whole)
    return tuple((f"${''.join(f'.{step}' for step in steps)}", size) for steps, size in largest_fields(value, _FIELDS))


def _items(execution: Execution) -> dict[str, int]:
    """Return how many items each Map had, at most."""
    found: dict[str, int] = {}
    names = {visit.index: visit.name for visit in execution.log.visits if visit.state.state.type == "Map"}
    counts: dict[int, set[int]] = {}
    for visit in execution.log.visits:
        if visit.branch.item is not None and visit.previous in names:
            counts.setdefault(visit.previous, set()).add(visit.branch.item[0])
    for index, numbers in counts.items():
        found[names[index]] = max(len(numbers), found.get(names[index], 0))
    for run in execution.map_runs:
        name = run.path.rpartition("].")[2]
        found[name] = max(sum(run.items.values()), found.get(name, 0))
    return found


def _ways(execution: Execution) -> dict[str, str]:
    """Return what tells this way through the machine from another.

    For each state which states follow it, and for each value near the root of what a state gives on whether it is
    null.
    """
    follow: dict[str, dict[str, None]] = {}
    kinds: dict[str, str] = {}
    visits = execution.log.visits
    for visit in visits:
        before = visits[visit.previous] if visit.previous >= 0 else None
        if before is not None and before.branch.label == visit.branch.label:
            follow.setdefault(before.name, {})[visit.name] = None
        if visit.left and not visit.branch.label:
            kinds |= {f"{visit.name} {path}": kind for path, kind in _kinds(visit.output, "$", _KIND_DEPTH)}
    ways = {f"after {name}": f"comes {' or '.join(sorted(each))}" for name, each in follow.items()}
    return {**ways, **kinds}


def _kinds(value: Json, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth:
        for key, inner in value.items():
            yield from _kinds(inner, f"{path}.{key}", depth - 1)
    elif path != "$":
        kind = "null" if value is None else "an array" if isinstance(value, list) else "there"
        yield path, f"is {kind}"
