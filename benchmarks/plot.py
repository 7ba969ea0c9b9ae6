"""Line plots as SVG text: straight axes from zero, labelled with units, in colours for light and dark backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_COLOURS = ("#d1680a", "#2f80d0", "#3f9a5a")
_DASHES = ("", "6 3", "2 3")
_GREY = "#808080"
_WIDTH, _HEIGHT, _LEFT, _TOP = 400, 250, 62, 62
_GAP, _BOTTOM = 90, 96


@dataclass(frozen=True)
class Series:
    """One line: its name, and its points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One plot: its title, what x counts, the unit of y, and its lines."""

    title: str
    x_unit: str
    y_unit: str
    series: Sequence[Series]


def ticks(most: float) -> list[float]:
    """Return four to eight round numbers from 0 to no less than `most`."""
    power = 10.0 ** (len(str(int(most))) - 1 if most >= 1 else -1)
    step = next(each * power / 10 for each in (1, 2, 5, 10, 20, 50) if most / (each * power / 10) <= 6)
    count = int(-(-most // step))
    return [step * n for n in range(count + 1)]


def _label(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _panel(panel: Panel, left: float) -> list[str]:
    xs, ys = (ticks(max(point[n] for each in panel.series for point in each.points)) for n in (0, 1))
    bottom = _TOP + _HEIGHT

    def at(x: float, y: float) -> tuple[float, float]:
        return left + _WIDTH * x / xs[-1], bottom - _HEIGHT * y / ys[-1]

    parts = [_text(left, _TOP - 14, f"{panel.title} ({panel.y_unit})", "start", ' font-weight="bold"')]
    for y in ys:
        _, place = at(0, y)
        parts.append(f'<path d="M{left} {place:.1f}h{_WIDTH}" stroke="{_GREY}" stroke-opacity="0.3"/>')
        parts.append(_text(left - 7, place + 4, _label(y), "end"))
    for x in xs:
        place, _ = at(x, 0)
        parts.append(f'<path d="M{place:.1f} {bottom}v5" stroke="{_GREY}"/>')
        parts.append(_text(place, bottom + 19, _label(x)))
    parts.append(f'<path d="M{left} {_TOP}V{bottom}h{_WIDTH}" fill="none" stroke="{_GREY}"/>')
    parts.append(_text(left + _WIDTH / 2, bottom + 38, panel.x_unit))
    for each, colour, dash in zip(panel.series, _COLOURS, _DASHES, strict=False):
        places = [at(*point) for point in each.points]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


def svg(title: str, panels: Sequence[Panel]) -> str:
    """Return the plots side by side, with one legend below them."""
    width = _LEFT + len(panels) * (_WIDTH + _GAP) - _GAP + 28
    height = _TOP + _HEIGHT + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" font-family="sans-serif" font-size="12" fill="{_GREY}">',
        f"<title>{escape(title)}</title>",
        _text(_LEFT, 24, title, "start", ' font-size="15"'),
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, _LEFT + number * (_WIDTH + _GAP))
    x, y = float(_LEFT), height - 24
    for each, colour, dash in zip(panels[0].series, _COLOURS, _DASHES, strict=False):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M{x:.1f} {y - 4}h26" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts.append(_text(x + 33, y, each.name, "start"))
        x += 60 + 7 * len(each.name)
    return "\n".join([*parts, "</svg>", ""])
