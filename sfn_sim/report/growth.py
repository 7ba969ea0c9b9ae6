"""How a machine grows, as lines for a terminal: a table of values, a plot, where something changes, what it means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sfn_sim.analysis.growth import (
    EVENTS,
    INPUT,
    PAYLOAD,
    Boundary,
    Curve,
    Rate,
    Sample,
    capped,
    failure,
    outlooks,
    rate_of,
)

_PLOT_ROWS = 12
_PLOT_COLUMNS = 60
_SHOWN_CHANGES = 2
_SHOWN_FIELDS = 3
_SHOWN_STATES = 5
_HEADERS = ("status", "events", "", "largest payload", "bytes", "", "objects")


def growth_lines(curve: Curve, command: str = "", *, plot: bool = True) -> Iterator[str]:
    """Yield all that is shown of a curve.

    Args:
        curve: what was seen.
        command: the command that ran one value in full, without the value; empty where there is none.
        plot: whether the plot is shown.
    """
    yield from _table(curve)
    if plot and len(curve.samples) > 1:
        yield ""
        yield from plot_lines(curve)
    yield ""
    yield from _changes(curve)
    yield from _outlooks(curve)
    yield from verdict(curve)
    yield from _trust(curve, command)


def _table(curve: Curve) -> Iterator[str]:
    rows = [_row(each) for each in curve.samples]
    with_objects = any(row[-1] for row in rows)
    limit = curve.samples[-1].limit_bytes
    headers = [curve.key, *_HEADERS]
    headers[3] = f"of {curve.samples[-1].limit_events:,}"
    headers[6] = f"of {limit:,}"
    columns = len(headers) - (not with_objects)
    widths = [max(len(each[n]) for each in [headers, *rows]) for n in range(columns)]
    left = {1, 4}
    for row in [headers, *rows]:
        cells = [
            each.ljust(width) if n in left else each.rjust(width)
            for n, (each, width) in enumerate(zip(row, widths, strict=False))
        ]
        yield "  ".join(cells).rstrip()


def _row(sample: Sample) -> list[str]:
    state, payload = sample.largest
    status = "holds" if sample.holds else sample.error or sample.status
    return [
        f"{sample.value:,}", status, f"{sample.events:,}", _percent(sample.events, sample.limit_events),
        state, f"{payload.size_bytes:,}", _percent(payload.size_bytes, sample.limit_bytes),
        f"{sample.objects:,}" if sample.objects is not None else "",
    ]  # fmt: skip


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def share(sample: Sample) -> float:
    """Return how near a sample came to a limit: the larger of the payload's and the history's share."""
    return max(sample.largest[1].size_bytes / sample.limit_bytes, sample.events / sample.limit_events)


def plot_lines(curve: Curve, rows: int = _PLOT_ROWS, columns: int = _PLOT_COLUMNS) -> Iterator[str]:
    """Yield a plot of the largest payload (`*`) and of the history (`.`) as shares of their limits.

    The values lie as far apart as their doublings; a value that fails is an `x` in the top row.
    """
    grid = [[" "] * columns for _ in range(rows + 1)]
    for each in curve.samples:
        column = round(along(curve, each.value) * (columns - 1))
        events, payload = each.events / each.limit_events, each.largest[1].size_bytes / each.limit_bytes
        for sign, part in ((".", events), ("*", payload)):
            grid[rows - round(min(part, 1.0) * rows)][column] = sign
        if not each.holds:
            grid[0][column] = "x"
    for n, row in enumerate(grid):
        place = {0: "100%", rows // 2: "50%", rows: "0%"}.get(n, "")
        yield f"{place:>5} |{''.join(row)}".rstrip()
    yield f"      +{'-' * columns}"
    low, high = f"{curve.low:,}", f"{curve.high:,}"
    yield f"       {low}{curve.key.center(columns - len(low) - len(high))}{high}"
    yield "       * largest payload   . history events   x fails   (of their limits)"


def along(curve: Curve, value: int) -> float:
    """Return how far a value lies along the axis, 0 to 1, by its logarithm."""
    from math import log

    low, high = log(curve.low + 1), log(curve.high + 1)
    return (log(value + 1) - low) / (high - low) if high > low else 0.0


def _changes(curve: Curve) -> Iterator[str]:
    if not curve.boundaries:
        return
    yield "where something changes:"
    width = max(len(_between(curve, each)) for each in curve.boundaries)
    for each in curve.boundaries:
        changes = each.changes() or ["takes another way"]
        shown = "; ".join(changes[:_SHOWN_CHANGES])
        more = len(changes) - _SHOWN_CHANGES
        yield f"  {_between(curve, each).ljust(width)}  {shown}{f'; and {more} more' if more > 0 else ''}"
    yield ""


def _outlooks(curve: Curve) -> Iterator[str]:
    """Yield what is nearest to its limit at the largest value that holds, and where it would meet it."""
    found, last = outlooks(curve, _SHOWN_STATES), curve.holding
    if not found or last is None:
        return
    rows = [("what is largest", f"at {last.value:,}", "with each step", "would meet its limit at")]
    for each in found:
        meets = f"{each.meets_at:,}" if each.meets_at is not None else "never"
        rows.append((each.name, f"{each.size:,} {each.unit}", f"{each.per_unit:+,.1f}", meets))
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    for name, *cells in rows:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *right])
    yield ""


def _between(curve: Curve, boundary: Boundary) -> str:
    return f"{curve.key} {boundary.before.value:,} → {boundary.after.value:,}"


def verdict(curve: Curve) -> Iterator[str]:
    """Yield the largest value that holds, what fails at the next one, what grows there, and how to mend it."""
    first, last = curve.failing, curve.holding
    if first is None:
        yield from _held(curve)
        return
    ahead = f"holds up to {curve.key}={last.value:,}; at {first.value:,} " if last is not None else (
        f"does not hold at {curve.key}={first.value:,}, the least value: "
    )  # fmt: skip
    yield f"{ahead}{failure(first)}"
    if first.cause:
        yield f"  cause  {first.cause if len(first.cause) <= 300 else first.cause[:300] + '…'}"
    yield from _why(curve, first)
    later = [each for each in curve.samples if each.holds and each.value > first.value]
    if later:
        yield f"  note   it holds again at larger values, such as {later[0].value:,}: see above where that changes"
    if curve.samples[-1].value < curve.high:
        yield f"  note   above {curve.samples[-1].value:,} nothing was tried: the limit was met twice in a row"


def _why(curve: Curve, first: Sample) -> Iterator[str]:
    if first.reached == EVENTS:
        yield f"  what   the history has {first.limit_events:,} events, and no room for one more"
        rates = _events_rate(curve, first)
        if rates is not None:
            yield f"  grows  by {rates:,.1f} events with each step of {curve.key}"
        yield "  fix    let a Map in distributed mode have histories of its own, or give one run less to do"
        return
    if first.reached not in (PAYLOAD, INPUT):
        yield "  what   this is no limit's error: see what sfn-sim run says of one such value"
        return
    state = first.state or "(input)"
    payload = first.payloads.get(state)
    if payload is not None:
        over = payload.size_bytes - first.limit_bytes
        where = f"the {payload.stage} of {state}"
        yield f"  what   {where} has {payload.size_bytes:,} bytes, {over:,} over the limit of {first.limit_bytes:,}"
        yield from _grows(curve, rate_of(curve, first, state))
        largest = payload.fields[0][0] if payload.fields else "$"
        yield f"  fix    put {largest} of {state} into S3 and pass its key, or give one run less: {curve.key}"


def _grows(curve: Curve, rate: Rate | None) -> Iterator[str]:
    if rate is None:
        return
    parts = [f"{path} by {size:,.1f}" for path, size in rate.fields[:_SHOWN_FIELDS]]
    fields = f": {', '.join(parts)}" if parts else ""
    yield f"  grows  by {rate.bytes_per_unit:,.1f} bytes with each step of {curve.key}{fields}"


def _events_rate(curve: Curve, first: Sample) -> float | None:
    below = [each for each in curve.samples if each.value < first.value and each.holds]
    if len(below) < 2:
        return None
    one, other = below[-1], next((each for each in reversed(below) if each.value <= below[-1].value * 0.9), below[0])
    steps = one.value - other.value
    return (one.events - other.events) / steps if steps else None


def _held(curve: Curve) -> Iterator[str]:
    top = max(curve.samples, key=share)
    state, payload = top.largest
    yield (
        f"holds up to {curve.key}={curve.high:,}, the largest value: at most {payload.size_bytes:,} of "
        f"{top.limit_bytes:,} bytes ({state} {payload.stage}, at {top.value:,}) and "
        f"{max(each.events for each in curve.samples):,} of {top.limit_events:,} events"
    )
    if len(curve.samples) > 1 and all(each.sizes == curve.samples[0].sizes for each in curve.samples):
        yield f"  note   nothing that is measured here changes with {curve.key}"
    cap = capped(curve.samples)
    if cap is not None:
        name, count = cap
        yield f"  cap    {name} has {count:,} items at most, however large {curve.key} is: beyond that nothing grows"


def _trust(curve: Curve, command: str) -> Iterator[str]:
    modelled = [each for each in curve.samples if each.modelled]
    if not modelled:
        yield f"every one of the {len(curve.samples):,} values was run in full"
        return
    full = len(curve.samples) - len(modelled)
    calls = sum(each.modelled for each in modelled)
    slack, checked = max(each.slack_bytes for each in modelled), sum(each.checked for each in modelled)
    sizes = "of the same size as" if not slack else f"within {slack:,} bytes of"
    proof = f"; {checked:,} of these were compared with their handlers', and were {sizes} them" if checked else ""
    yield (
        f"{full:,} of {len(curve.samples):,} values were run in full; in the others {calls:,} calls were answered by a "
        f"model{proof}"
    )
    if command:
        what = "breaking point" if curve.failing is not None else "largest value"
        yield f"to run the {what} in full: {command} --verify"


def verified_lines(curve: Curve, pairs: Sequence[tuple[Sample, Sample]]) -> Iterator[str]:
    """Yield whether runs in full show what had been seen."""
    for seen, real in pairs:
        same = seen.outcome[:3] == real.outcome[:3]
        said = "holds" if real.holds else failure(real)
        size = real.largest[1].size_bytes
        differs = "" if same else f"; the model said: {'holds' if seen.holds else failure(seen)}"
        sign = "✓" if same else "✗"
        yield f"{sign} {curve.key}={real.value:,} in full: {said}, largest payload {size:,} bytes{differs}"
