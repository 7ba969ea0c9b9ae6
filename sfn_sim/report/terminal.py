"""A run in the terminal: progress bars while it works, then tables.

Colours and bars are rich's to decide: none in a pipe, none under NO_COLOR. Tables fit 80 columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sfn_sim.payload import Json, dumps
from sfn_sim.report.summary import RunSummary, StateRow, share
from sfn_sim.run.log import Visit
from sfn_sim.source import Diagnostic, Source, render
from sfn_sim.world.expectations import Check

_WARN = 0.8
_PIPE_WIDTH = 120


def console(*, stderr: bool = False) -> Console:
    """Return a console; in a pipe it writes as wide as the text needs, so that nothing is cut."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made = Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)
    return made


class MapProgress:
    """A progress bar for each Map, fed by the interpreter."""

    def __init__(self, target: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=target,
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> MapProgress:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def __call__(self, path: str, done: int, total: int) -> None:
        """Note that `done` of `total` items of the Map at `path` have ended."""
        bar = self._bars.get(path)
        if bar is None:
            bar = self._bars[path] = self._progress.add_task(path, total=total)
        self._progress.update(bar, completed=done, total=total)


def show(target: Console, summary: RunSummary, source: Source) -> None:
    """Print a run that has ended."""
    target.print(_states(summary))
    _headroom(target, summary)
    counts = list(_counts(summary.world_before, summary.world_after))
    if counts:
        target.print(_world(counts))
    _expectations(target, summary.checks)
    for warning in summary.warnings:
        times = f" ({warning.count} times)" if warning.count > 1 else ""
        text = f"warning {warning.code} in {warning.state}{times}: {warning.message}"
        target.print(Text(text, style="yellow"), soft_wrap=True)
    if summary.diagnosis is not None:
        target.print()
        for line in summary.diagnosis.lines(source):
            target.print(Text(line, style=_line_style(line)), soft_wrap=True)
    _last_line(target, summary)


def show_name(target: Console, summary: RunSummary) -> None:
    """Print which of several executions follows."""
    target.print(Text(f"execution {summary.execution.identity.name}", style="bold"))


def show_quietly(target: Console, summary: RunSummary, source: Source) -> None:
    """Print what is wrong with a run, if anything, and its last line."""
    _expectations(target, [check for check in summary.checks if not check.held])
    if summary.diagnosis is not None:
        for line in summary.diagnosis.lines(source):
            target.print(Text(line, style=_line_style(line)), soft_wrap=True)
    _last_line(target, summary)


def _line_style(line: str) -> str:
    if line.startswith("  fix "):
        return "green"
    return "bold red" if not line.startswith(" ") else ""


def duration(milliseconds: float) -> str:
    """Return a duration in the unit that fits it."""
    seconds = milliseconds / 1000
    for unit, scale, below in (("ms", 0.001, 1.0), ("s", 1.0, 120.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172_800.0)):
        if seconds < below:
            amount = seconds / scale
            return f"{amount:.0f} {unit}" if scale < 1 or amount >= 100 or unit == "min" else f"{amount:.1f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def _states(summary: RunSummary) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), title_justify="left")
    table.add_column("state", overflow="fold", ratio=1, min_width=16)
    table.add_column("type", no_wrap=True)
    for name in ("visits", "retry", "input", "output", "share", "virtual", "real"):
        table.add_column(name, justify="right", no_wrap=True)
    limit = summary.execution.options.limit_bytes
    for row in summary.rows:
        part = share(row.largest_bytes, limit)
        style = "red" if part > 1 else "yellow" if part > _WARN else ""
        table.add_row(
            escape(row.name),
            row.type,
            str(row.visits),
            str(row.retries or "–"),
            f"{row.largest_input_bytes:,}",
            f"{row.largest_output_bytes:,}" if row.largest_output_bytes else "–",
            Text(f"{part:.1%}", style=style),
            duration(row.virtual_ms) if row.virtual_ms else "–",
            duration(row.real_ms) if row.real_ms else "–",
        )
    return table


def _headroom(target: Console, summary: RunSummary) -> None:
    worst: StateRow | None = summary.worst()
    if worst is None:
        return
    limit = summary.execution.options.limit_bytes
    left = limit - worst.largest_bytes
    word = f"{left:,} bytes of headroom" if left >= 0 else f"{-left:,} bytes over"
    target.print(
        f"largest payload: {worst.largest_bytes:,} of {limit:,} bytes "
        f"({share(worst.largest_bytes, limit):.1%}) in {escape(worst.name)}, {word}"
    )


def _world(counts: Sequence[tuple[str, int, int]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), title="world", title_justify="left")
    table.add_column("what", overflow="fold", ratio=1)
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, was, now in counts:
        change = now - was
        shown = Text(f"{change:+,}", style="bold") if change else Text("–")
        table.add_row(escape(name), f"{was:,}", f"{now:,}", shown)
    return table


def _counts(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int, int]]:
    """Return every count with its value before and after; what belongs together stays together."""
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key, 0), after.get(key, 0)
        name = f"{prefix} {key}".strip()
        if isinstance(was, Mapping) or isinstance(now, Mapping):
            yield from _counts(was or {}, now or {}, name)
        else:
            yield name, was, now


def _expectations(target: Console, checks: Sequence[Check]) -> None:
    if checks:
        target.print("expectations", style="bold")
    for check in checks:
        mark = Text("✓ ", style="green") if check.held else Text("✗ ", style="bold red")
        text = f"{check.name}: expected {_brief(check.expected)}, actual {_brief(check.actual)}"
        if check.detail and not check.held:
            text += f" ({check.detail})"
        target.print(mark + Text(text))


def _brief(value: Json, most: int = 60) -> str:
    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _last_line(target: Console, summary: RunSummary) -> None:
    execution = summary.execution
    style = "bold green" if summary.exit_code == 0 else "bold red"
    text = (
        f"{execution.status} · simulated {duration(execution.elapsed_ms)} in {duration(summary.elapsed_real_ms)}"
        f" · {len(execution.log.events):,} events · seed {execution.options.seed}"
    )
    failed = [check.name for check in summary.checks if not check.held]
    if failed:
        text += f" · not as expected: {', '.join(failed)}"
    target.print(Text(text, style=style))


def show_stages(target: Console, visits: Sequence[Visit], state: str) -> None:
    """Print what the data was at each stage of a state, visit by visit."""
    for visit in visits:
        target.print(Text(f"{visit.path} (event {visit.entered_event}, at {duration(visit.entered_ms)})", "bold"))
        for stage, value in visit.stages:
            target.print(Text(f"  {stage:<20} {_brief(value, 2000)}"))
        if visit.left and visit.stages[-1][0] == "output":  # JSONata's Output: it has just been printed
            continue
        if visit.left:
            target.print(Text(f"  {'output':<20} {_brief(visit.output, 2000)}"))
        elif visit.error:
            target.print(Text(f"  {'error':<20} {visit.error[0]}: {_brief(visit.error[1] or '', 2000)}", "red"))
    if not visits:
        target.print(Text(f"the execution never entered a state named {state}", "red"))


def show_logs(target: Console, visits: Sequence[Visit], state: str) -> None:
    """Print what the handlers of a state wrote ("*": of every state), invocation by invocation."""
    for visit in visits:
        if state in ("*", visit.name, visit.path):
            for request_id, text in visit.printed:
                target.print(Text(f"{visit.path} at {duration(visit.entered_ms)}, request {request_id}", "bold"))
                target.print(Text(text.rstrip("\n")), soft_wrap=True)


def show_diagnostics(target: Console, diagnostics: Sequence[Diagnostic], source: Source | None) -> None:
    """Print every finding of a definition with its line."""
    for diagnostic in diagnostics:
        style = "red" if diagnostic.severity == "ERROR" else "yellow"
        first, *rest = render(diagnostic, source).splitlines()
        target.print(Text(first, style=style), soft_wrap=True)
        for line in rest:
            target.print(Text(line, style="green" if line.startswith("  fix") else ""), soft_wrap=True)
