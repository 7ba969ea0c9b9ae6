"""Writes docs/fidelity.md from the results: `python -m tests.conformance.fidelity`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.conformance import corpus

PAGE = corpus.PROJECT / "docs" / "fidelity.md"
_HEAD = """\
# Fidelity

Executions that were recorded on AWS ({cases} cases, from LocalStack's validated snapshots, Apache-2.0), played against
sfn-sim. *history*: every event, its id, order and details are equal; *outcome*: status, output, error and the beginning
of the cause are. Written by `python -m tests.conformance.fidelity`; the tests hold it to the results. Cases that differ
are known by reason (`known_gaps.toml`); a gap that has closed fails the tests until it is taken out.

"""


def page() -> str:
    """Return the page as the results want it."""
    return _HEAD.format(cases=len(corpus.cases())) + "\n".join(lines()) + "\n"


def lines() -> Iterator[str]:
    for suite in corpus.SUITES:
        yield from _suite(suite)
    yield from _gaps()


def _suite(suite: str) -> Iterator[str]:
    groups: dict[str, list[corpus.Result]] = defaultdict(list)
    for name in corpus.of_suite(suite):
        groups[corpus.cases()[name]["group"]].append(corpus.result(name))
    yield f"## {suite}"
    yield ""
    yield "| group | cases | history | outcome |"
    yield "|---|---|---|---|"
    for group, results in sorted(groups.items()):
        yield _row(group, results)
    yield _row("**all**", [each for results in groups.values() for each in results])
    yield ""


def _row(name: str, results: list[corpus.Result]) -> str:
    history, outcome = sum(each.history for each in results), sum(each.outcome for each in results)
    return f"| {name} | {len(results)} | {history} | {outcome} |"


def _gaps() -> Iterator[str]:
    yield "## Known differences"
    yield ""
    yield "| reason | cases that differ |"
    yield "|---|---|"
    left = [name for name in corpus.cases() if not corpus.result(name).history]
    for gap in corpus.gaps():
        # A case with several reasons counts for the first.
        mine = [name for name in left if gap.has(name)]
        left = [name for name in left if name not in mine]
        yield f"| {gap.reason} | {len(mine)} |"
    if left:
        yield f"| others: {', '.join(sorted(left))} | {len(left)} |"


def main() -> None:
    """Write the page."""
    with corpus.world():
        PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
