"""A curve as files: CSV for a spreadsheet, SVG for a page. Both are the same bytes for the same curve."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from html import escape

from sfn_sim.analysis.growth import Curve, Sample
from sfn_sim.report.growth import along

_WIDTH, _HEIGHT = 860, 460
_LEFT, _TOP, _RIGHT, _BOTTOM = 70, 50, 200, 60
_COLOURS = ("#1b6ca8", "#c05000", "#2e7d32", "#7b3fa0", "#8a6d00", "#00796b")
_MOST_STATES = 6
_LEAST_SHARE = 0.02


def growth_csv(curve: Curve) -> str:
    """Return a line for each value, with a column for the largest payload of each state, in bytes."""
    states = list(dict.fromkeys(name for each in curve.samples for name in each.payloads))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([curve.key, "status", "error", "state", "events", "objects", "largest_bytes", "modelled", *states])
    for each in curve.samples:
        sizes = [each.payloads[name].size_bytes if name in each.payloads else "" for name in states]
        writer.writerow([
            each.value, each.status, each.error or "", each.state, each.events,
            "" if each.objects is None else each.objects, each.largest[1].size_bytes, each.modelled, *sizes,
        ])  # fmt: skip
    return text.getvalue()


def growth_svg(curve: Curve) -> str:
    """Return a plot of the states with the largest payloads and of the history, as shares of their limits."""
    title = f"{curve.key} {curve.low:,} to {curve.high:,}: payloads and history, of their limits"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *_axes(curve),
    ]
    names = _largest_states(curve.samples)
    for n, name in enumerate(names):
        points = [(each.value, each.payloads[name].size_bytes / each.limit_bytes)
                  for each in curve.samples if name in each.payloads]  # fmt: skip
        parts += _line(curve, points, _COLOURS[n % len(_COLOURS)], name, n)
    events = [(each.value, each.events / each.limit_events) for each in curve.samples]
    parts += _line(curve, events, "#777777", "history events", len(names), dashed=True)
    if curve.failing is not None:
        x = _x(curve, curve.failing.value)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="#c00000"/>')
        # On the side on which there is room for it.
        place = f'x="{x + 4:.1f}"' if x < _WIDTH / 2 else f'x="{x - 4:.1f}" text-anchor="end"'
        parts.append(f'<text {place} y="{_TOP + 12}" fill="#c00000">fails at {curve.failing.value:,}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _largest_states(samples: Sequence[Sample]) -> list[str]:
    sizes: dict[str, float] = {}
    for each in samples:
        for name, payload in each.payloads.items():
            sizes[name] = max(sizes.get(name, 0.0), payload.size_bytes / each.limit_bytes)
    found = [name for name in sorted(sizes, key=lambda name: -sizes[name]) if sizes[name] >= _LEAST_SHARE]
    return found[:_MOST_STATES]


def _axes(curve: Curve) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _y(part)
        colour = "#c00000" if part == 1 else "#dddddd"
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{colour}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{part:.0%}</text>'
    last = -1e9
    for each in curve.samples:
        x = _x(curve, each.value)
        if x - last < 44:
            continue
        last = x
        yield f'<line x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 5}" stroke="#555555"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{each.value:,}</text>'
    yield f'<text x="{(_LEFT + right) / 2:.1f}" y="{_HEIGHT - 14}" text-anchor="middle">{escape(curve.key)}</text>'


def _line(
    curve: Curve, points: Sequence[tuple[int, float]], colour: str, name: str, number: int, *, dashed: bool = False
) -> Iterator[str]:
    """Yield a line through points, its points, and its name beside the plot."""
    places = [(_x(curve, value), _y(part)) for value, part in points]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    style = ' stroke-dasharray="5 3"' if dashed else ""
    yield f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"{style}/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
    y = _TOP + 10 + 20 * number
    left = _WIDTH - _RIGHT + 14
    yield f'<line x1="{left}" y1="{y - 4}" x2="{left + 18}" y2="{y - 4}" stroke="{colour}" stroke-width="2"{style}/>'
    yield f'<text x="{left + 24}" y="{y}">{escape(name)}</text>'


def _x(curve: Curve, value: int) -> float:
    return _LEFT + along(curve, value) * (_WIDTH - _LEFT - _RIGHT)


def _y(part: float) -> float:
    """Return where a share of a limit lies; what is over the limit lies a little above it, however far."""
    shown = min(part, 1.06)
    return _HEIGHT - _BOTTOM - shown * (_HEIGHT - _TOP - _BOTTOM - 24)
