"""An expression's steps as plain lines, one step a line."""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.analysis.explain_path import Part, Tried
from sfn_sim.payload import dumps

_MOST = 2000


def tried_lines(tried: Tried) -> Iterator[str]:
    """Yield an expression's steps line by line."""
    for part in tried.parts:
        if part.name:
            yield f"{part.name}  {part.text}"
        yield from _part(part, "  " if part.name else "")
    if tried.kind == "template":
        yield f"= {_brief(dumps(tried.value))}" if tried.ok else "the template cannot be filled"


def _part(part: Part, indent: str) -> Iterator[str]:
    width = min(max((len(line.text) for line in part.lines), default=0), 60)
    for line in part.lines:
        yield f"{indent}{line.text:<{width}}  {line.count:>4}  {line.description}"
    if part.error:
        if part.lines and part.error != part.lines[-1].description:
            yield f"{indent}stops  {part.error}"
        if part.near:
            yield f"{indent}near   {', '.join(part.near)}"
        return
    yield f"{indent}= {_brief(dumps(part.value))}"
    yield f"{indent}AWS returns {part.returns}"


def _brief(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
