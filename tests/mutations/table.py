"""docs/bugs-found.md; `python -m tests.mutations.table` writes it anew (some ten minutes: it runs everything)."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path

from sfn_sim.analysis.check.codes import NOTE
from sfn_sim.commands.checking import CheckRequest, carry_out
from sfn_sim.payload import dumps
from tests.broken.conftest import BROKEN, NAMES, Outcome, outcome, variant

from .material import ROOT, SOUND, Told, chosen, told

PAGE = ROOT / "docs" / "bugs-found.md"
_FIRST, _SECOND = "<!-- broken -->\n", "<!-- mutations -->\n"
_HEAD = """\
# How each bug is found

[bugs.md](bugs.md) tells what the bugs were; this page tells what finds each of them, and with which message. It is
generated: `python -m tests.mutations.table` writes it anew, and a test keeps it true.

## The broken definitions

For each file of `definitions/broken/`, in its fixture: `check` (before anything runs), a run that fails, or nothing but
an expectation of the fixture. The message is the first line of what the first of the three says.

"""
_KINDS = {
    "result-path": "a ResultPath dropped",
    "renamed": "a key of a template renamed",
    "removed": "a line of a template removed",
    "context": "`$$` for `$`, or `$` for `$$`",
    "withheld": "a handler that withholds a key of its result",
}


@functools.cache
def all_told() -> tuple[Told, ...]:
    return tuple(told(each) for each in chosen())


def by_check(name: str) -> str:
    """Return the first line of what `check --broken NAME` says; empty if it finds nothing worse than a note."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        done = carry_out(CheckRequest(broken=name))
    finally:
        os.chdir(before)
    for report in done.reports:
        for each in report.findings:
            if each.severity != NOTE:
                where = f" in {each.state}" if each.state else ""
                return f"{each.location}  {each.severity} {each.code}{where}"
    return ""


def by_run(found: Outcome) -> tuple[str, str]:
    """Return what a run that is loaded and run finds a bug by, and its first line."""
    if found.findings:
        first = found.findings[0]
        return "load", f"{first.place()}  {first.code}"
    if found.diagnosis is not None and found.diagnosis.source is not None:
        return "a run", _short(found.diagnosis.lines(found.diagnosis.source)[0])
    assert found.summary is not None
    check = next(each for each in found.summary.checks if not each.held)
    return "an expectation", f"✗ {check.name}: expected {_brief(check.expected)}, actual {_brief(check.actual)}"


def _brief(value: object) -> str:
    text = value if isinstance(value, str) else dumps(value)  # type: ignore[arg-type]
    return text if len(text) <= 40 else f"{text[:39]}…"


def _short(line: str) -> str:
    return line.replace(f"{ROOT}/", "")


def broken_part() -> str:
    lines = ["| name | found by | also by | the message's first line |\n|---|---|---|---|\n"]
    wrong, checked = 0, 0
    for name in NAMES:
        check = _short(by_check(name))
        how, first = by_run(outcome(name))
        in_definition = bool(variant(name).changed) and not variant(name).handlers
        wrong += in_definition
        checked += in_definition and bool(check)
        also = ("" if how == "load" else how) if check else ""
        lines.append(f"| `{name}` | {'check' if check else how} | {also} | {_cell(check or first)} |\n")
    share = f"{checked} of the {wrong} that are wrong in the definition alone are found by `check`"
    return f"{''.join(lines)}\n{share}; what is wrong in a handler too needs a run.\n"


def _cell(text: str) -> str:
    return f"`{text.replace('|', '¦').replace(f'{BROKEN.relative_to(ROOT)}/', '')}`"


def mutations_part(every: Sequence[Told]) -> str:
    failed = [each for each in every if each.failed]
    named = [each for each in failed if each.named]
    machines = ", ".join(f"`{each.name}`" for each in SOUND)
    refused = sum(each.status == "REFUSED" for each in every)
    text = (
        f"{len(every)} seeded mutations of {machines}: {len(failed)} fail in the run, {refused} are refused at load, "
        f"and {len(every) - len(failed) - refused} change nothing that the run notices. Of those that fail, "
        f"{len(named)} ({100 * len(named) / max(len(failed), 1):.0f}%) name the mutated state and field in `why` or "
        "`fix`.\n\n| mutation | made | failed | named |\n|---|---|---|---|\n"
    )
    for kind, what in _KINDS.items():
        mine = [each for each in every if each.mutation.kind == kind]
        bad = [each for each in mine if each.failed]
        text += f"| {what} | {len(mine)} | {len(bad)} | {sum(each.named for each in bad)} |\n"
    text += "\nThe misses:\n\n| mutation | what | why | fix |\n|---|---|---|---|\n"
    for each in failed:
        if not each.named:
            cells = (each.mutation.name, each.what, each.why, each.fix)
            text += f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |\n"
    return text


def page(broken: str, mutations: str) -> str:
    return (
        f"{_HEAD}{_FIRST}{broken}{_FIRST}\n## Mutations\n\nOne change each in a sound machine, drawn with a seed: a "
        "ResultPath dropped, a key renamed or removed, `$$` for `$`, a key that a handler withholds.\n\n"
        "The messages were "
        "improved on the mutations of this very seed: the figure is not that of mutations nobody has "
        "looked at.\n\n"
        f"{_SECOND}{mutations}{_SECOND}"
    )


def part(text: str, mark: str) -> str:
    """Return what stands between the two marks of a page."""
    return text.split(mark)[1]


def broken_of(text: str) -> str:
    return part(text, _FIRST)


def mutations_of(text: str) -> str:
    return part(text, _SECOND)


if __name__ == "__main__":
    PAGE.write_text(page(broken_part(), mutations_part(all_told())), encoding="utf-8")
