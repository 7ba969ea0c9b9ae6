"""One state that was run alone, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.commands.texts import aligned, size
from sfn_sim.payload import Json, dumps, size_bytes
from sfn_sim.testing.one_state import StateResult

_MOST = 2_000
_NUMBERS = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")


def state_lines(result: StateResult, width: int = 120) -> Iterator[str]:
    """Yield the stages with their sizes, how the state ended, and why it failed.

    Args:
        result: what the state gave.
        width: how many columns a line may have; values are cut to it.
    """
    rows = [("stage", "size", "value"), *_stages(result)]
    head = max(len(name) for name, _, _ in rows) + max(len(told) for _, told, _ in rows) + 4
    yield from (line if len(line) <= width else f"{line[: max(width, head + 20) - 1]}…" for line in aligned(rows))
    numbers = [f"{name} {result.inspection[name]}" for name in _NUMBERS if name in result.inspection]
    if numbers:
        yield ", ".join(numbers)
    for visit in result.execution.log.visits:
        for _, text in visit.printed:
            yield f"{visit.name} wrote:"
            yield from (f"  {line}" for line in text.rstrip("\n").splitlines())
    yield ""
    diagnosis = result.diagnosis()
    if diagnosis is not None:
        yield from diagnosis.lines(result.source)
    yield _last_line(result)


def _stages(result: StateResult) -> Iterator[tuple[str, str, str]]:
    before: Json | None = None
    first = True
    for name, value in result.inspection.items():
        if name == "errorDetails" or name in _NUMBERS:
            continue
        same = not first and name != "variables" and value == before
        yield (name, "", "as before") if same else (name, size(size_bytes(value)), dumps(value)[:_MOST])
        before, first = value, False
    if result.status in ("SUCCEEDED", "CAUGHT_ERROR"):
        yield "output", size(size_bytes(result.output)), dumps(result.output)[:_MOST]


def _last_line(result: StateResult) -> str:
    details = result.inspection.get("errorDetails", {})
    error = f" {result.error or 'an error without a name'}" + (f": {result.cause}" if result.cause else "")
    leads = f"goes to {result.next_state}" if result.next_state is not None else "ends here"
    if result.status == "SUCCEEDED":
        return f"SUCCEEDED {result.state}, {leads}"
    if result.status == "CAUGHT_ERROR":
        return f"CAUGHT_ERROR{error}; Catch[{details.get('catchIndex')}] {leads}"
    if result.status == "RETRIABLE":
        again = f"Retry[{details.get('retryIndex')}] would try again in {result.retry_delay_s} s"
        return f"RETRIABLE{error}; {again}"
    used_up = f"; Retry[{details['retryIndex']}] is used up" if "retryIndex" in details else ""
    return f"FAILED{error}{used_up}"
