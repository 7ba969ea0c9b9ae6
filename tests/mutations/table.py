"""docs/bugs-found.md; `python -m tests.mutations.table` writes it anew (some ten minutes: it runs everything)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sfn_sim.analysis.check.codes import NOTE
from sfn_sim.commands.checking import CheckRequest, carry_out
from sfn_sim.payload import dumps
from tests.broken.conftest import BROKEN, NAMES, Outcome, outcome, variant

from .material import COUNT, FRESH, ROOT, SEED, SOUND, Told, chosen, told

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
_BETWEEN = f"""
## Mutations

One change each in a sound machine, drawn with a seed: a ResultPath dropped; a key of a template (Parameters,
ItemSelector, ResultSelector, Assign; in JSONata Arguments, Output, Assign, ItemSelector) renamed or removed; `$$` for
`$`, or `$states.context` for `$states.input`, and the other way round; a key that a handler withholds. A mutation that
fails is named if `why` or `fix` of the message names the mutated state and the mutated field.

The machines: `line` and `word` in a small hierarchical world, the project of somebody else in `tests/foreign`, and
eleven machines after the patterns of AWS's sample projects in `tests/mutations/samples`, three of them in JSONata.

The messages were improved on seed {SEED}, and on all mutations of the first eight samples. `exam-marking`,
`trip-booking` and `warehouse-load` were written after that, and all their 265 mutations tried: of the 230 that failed,
210 (91%) were named at first sight. What was missing then has been mended too, so that the figures below are not those
of machines that nobody has looked at.

"""
_KINDS = {
    "result-path": "a ResultPath dropped",
    "renamed": "a key of a template renamed",
    "removed": "a line of a template removed",
    "context": "the Context Object for the input, or the other way round",
    "withheld": "a handler that withholds a key of its result",
}


SEEDS = (SEED, *FRESH)


def drawn(seed: int, machines: Sequence[str] | None = None) -> list[Told]:
    """Return what is said of the mutations that a seed draws; of those of some machines only."""
    return [told(each) for each in chosen(seed=seed) if machines is None or each.machine in machines]


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


def mutations_part(by_seed: Mapping[int, Sequence[Told]]) -> str:
    every = list(dict.fromkeys(each for told in by_seed.values() for each in told))
    machines = [each.name for each in SOUND]
    text = (
        f"{COUNT} mutations a seed, of {len(machines)} machines; {len(every)} different ones in all. Not all fail: "
        "some change nothing that a run in this fixture reads.\n\n"
        "| seed | made | refused at load | fail in the run | named | |\n|---|---|---|---|---|---|\n"
    )
    text += "".join(_row(str(seed), told) for seed, told in by_seed.items())
    text += "\n| mutation | made | refused at load | fail in the run | named | |\n|---|---|---|---|---|---|\n"
    text += "".join(_row(what, [e for e in every if e.mutation.kind == kind]) for kind, what in _KINDS.items())
    text += "\n| machine | made | refused at load | fail in the run | named | |\n|---|---|---|---|---|---|\n"
    text += "".join(_row(f"`{name}`", [e for e in every if e.mutation.machine == name]) for name in machines)
    text += "\nThe misses:\n\n| mutation | what | why | fix |\n|---|---|---|---|\n"
    for each in every:
        if each.failed and not each.named:
            cells = (each.mutation.name, each.what, each.why, each.fix)
            text += f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |\n"
    return text


def _row(name: str, every: Sequence[Told]) -> str:
    failed = [each for each in every if each.failed]
    named = sum(each.named for each in failed)
    refused = sum(each.status == "REFUSED" for each in every)
    share = f"{100 * named / len(failed):.0f}%" if failed else ""
    return f"| {name} | {len(every)} | {refused} | {len(failed)} | {named} | {share} |\n"


def machine_rows(text: str) -> dict[str, str]:
    """Return the page's row of each machine."""
    rows = (line for line in mutations_of(text).splitlines() if line.startswith("| `"))
    return {line.split("`")[1]: f"{line}\n" for line in rows if line.count("|") == 7}


def machine_row(name: str) -> str:
    """Return the row of a machine as it should be."""
    return _row(f"`{name}`", list(dict.fromkeys(each for seed in SEEDS for each in drawn(seed, (name,)))))


def page(broken: str, mutations: str) -> str:
    return (
        f"{_HEAD}{_FIRST}{broken}{_FIRST}{_BETWEEN}{_SECOND}{mutations}{_SECOND}"
    )


def part(text: str, mark: str) -> str:
    """Return what stands between the two marks of a page."""
    return text.split(mark)[1]


def broken_of(text: str) -> str:
    return part(text, _FIRST)


def mutations_of(text: str) -> str:
    return part(text, _SECOND)


if __name__ == "__main__":
    figures = mutations_part({seed: drawn(seed) for seed in SEEDS})
    PAGE.write_text(page(broken_part(), figures), encoding="utf-8")
