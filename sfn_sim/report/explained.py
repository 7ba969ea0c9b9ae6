"""A state's stages one below the other, as plain lines."""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.analysis.changes import SIGNS, Change
from sfn_sim.analysis.explain import ExplainedVisit, Explanation, StageDiff
from sfn_sim.analysis.trace import path_text
from sfn_sim.query.jsonpath import describe
from sfn_sim.source import Source

_MOST_CHANGES = 40


def explanation(found: Explanation, source: Source) -> Iterator[str]:
    """Yield an explanation line by line."""
    for index, each in enumerate(found.visits):
        if index:
            yield ""
        yield from _visit(each)
    if found.diagnosis is not None:
        if found.visits:
            yield ""
        yield from found.diagnosis.lines(source)
    elif not found.visits:
        execution = found.execution
        yield f"{execution.identity.machine_name} {execution.status}: {len(execution.log.events):,} events"
        counts: dict[str, int] = {}
        for visit in execution.log.visits:
            counts[visit.name] = counts.get(visit.name, 0) + 1
        yield from (f"  {name}{f' ({count} visits)' if count > 1 else ''}" for name, count in counts.items())
        for run in execution.map_runs:
            count, kept = sum(run.executions.values()), sorted(run.children)
            # A child that was refused before it began came to no state.
            begun = next((index for index in kept if run.children[index].log.visits), None)
            example = f", as {run.path}[{begun}].{run.children[begun].log.visits[0].path}" if begun is not None else ""
            if kept:
                of = f" of {count:,}" if count else ""
                yield f"  {run.path}: {len(kept):,}{of} children are there{example}"
        yield "name one of these states to see its stages"


def _visit(each: ExplainedVisit) -> Iterator[str]:
    visit = each.visit
    number = f", visit {each.number} of {each.of}" if each.of > 1 else ""
    at = f"  {each.location}" if each.location else ""
    yield f"{each.place.path}  {visit.state.state.type}{number}, event {visit.entered_event}{at}"
    for index, stages in enumerate(each.attempts):
        if len(each.attempts) > 1:
            yield f"  attempt {index + 1} of {len(each.attempts)}"
        for stage in stages:
            yield from _stage(stage)
    if visit.retry_delays_ms:
        yield f"  retried after {', '.join(f'{delay / 1000:g} s' for delay in visit.retry_delays_ms)}"
    if visit.error is not None:
        taken = "caught: " if visit.caught else ""
        yield f"  {'error':<20} {taken}{visit.error[0]}: {_brief(visit.error[1] or '')}"
    if each.next:
        yield f"  {'next':<20} {each.next}"


def _stage(stage: StageDiff) -> Iterator[str]:
    size = f"{stage.size_bytes:,} bytes"
    what = "as before" if stage.since and not stage.changes and stage.stage == "output" else describe(stage.value)
    by = f"  by {stage.field}" if stage.field else ""
    note = f"  ({stage.note})" if stage.note else ""
    yield f"  {stage.stage:<20} {size:>14}  {what}{by}{note}"
    for change in stage.changes[:_MOST_CHANGES]:
        yield f"    {SIGNS[change.kind]} {_change(change, stage.stage)}"
    if len(stage.changes) > _MOST_CHANGES:
        yield f"    … {len(stage.changes) - _MOST_CHANGES:,} more"


def _change(change: Change, stage: str) -> str:
    path = path_text(change.steps)
    if stage == "variables":  # $name, not a path below the input
        path = path.replace("$.", "$", 1)
    reads = f"  from {change.reads}" if change.reads else ""
    match change.kind:
        case "removed":
            return f"{path}  {change.was}, {change.was_bytes:,} bytes"
        case "added":
            return f"{path}  {change.now}, {change.now_bytes:,} bytes{reads}"
        case "nulled":
            return f"{path}  null, was {change.was} ({change.was_bytes:,} bytes){reads}"
        case "filled":
            return f"{path}  {change.now}, {change.now_bytes:,} bytes, was null{reads}"
        case _:
            return f"{path}  {change.was} → {change.now}, {change.was_bytes:,} → {change.now_bytes:,} bytes{reads}"


def _brief(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
