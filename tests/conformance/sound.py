"""What `sfn-sim check` says of executions that AWS recorded as successes, and the table of it in docs/check.md.

`python -m tests.conformance.sound` writes the table anew.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfn_sim.analysis.check import Finding, Report
from sfn_sim.commands.checking import CheckRequest, carry_out
from sfn_sim.config import Config

from . import corpus

SOUND = corpus.PROJECT / "tests" / "sound"
PAGE = corpus.PROJECT / "docs" / "check.md"
_HEAD, _TAIL = "## Held against AWS\n", "## What it does not do yet\n"


@dataclass(frozen=True)
class TrueAlarm:
    """An error or a warning that is true of a definition that succeeds all the same.

    Attributes:
        code: the finding's code; `state` the state that it is told of.
        cases: the recorded cases, as their names end.
        reason: why it is right, and why the execution succeeded.
    """

    code: str
    state: str
    cases: tuple[str, ...]
    reason: str


TRUE_ALARMS = (
    TrueAlarm(
        "NO_DOLLAR", "State0", ("test_base_cases[BASE_CONSTANT_LITERALS]",),
        "AWS's own validation warns of the same: constants that look like paths, on purpose here, stay texts",
    ),
    TrueAlarm(
        "UNLIKE_TYPES", "CheckInputState",
        ("test_assign_in_choice_state[CORRECT]", "test_assign_in_choice_state[INCORRECT]"),
        "a text is compared as a number, as in many a real bug: the rule holds for no text, and the Default is taken",
    ),
    TrueAlarm(
        "UNCATCHABLE_ERROR", "SendMessageWithWait",
        ("test_sqs_failure_in_wait_for_task_tok_no_error_field[SQS_WAIT_FOR_TASK_TOKEN_CATCH]",),
        "the Catcher for States.Runtime never acts: the one for States.ALL behind it took the failure",
    ),
    TrueAlarm(
        "PATH_MISSING", "InvokeLambda", ("test_raise_exception_catch_output_path[$.no.such.path]",),
        "the function fails and the Catcher takes over: OutputPath, which would fail too, is never read",
    ),
    TrueAlarm(
        "VARIABLE_MISSING", "Finish", ("test_parallel_catch_error[PARALLEL_CATCH_ERROR_VARIABLE_SAMPLING]",),
        "what a branch assigns ends with it; the function in the branch fails, and so the state that reads it is never "
        "come to",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Success:
    """One recorded success: the case, the states that were left, and what `check` says, given its input."""

    case: str
    left: frozenset[str]
    report: Report

    def alarms(self) -> list[Finding]:
        """Return the errors and warnings."""
        return [each for each in self.report.findings if each.severity != "note"]


@functools.cache
def successes() -> tuple[Success, ...]:
    """Check every recorded success as `sfn-sim check FILE --input INPUT` does."""
    with tempfile.TemporaryDirectory() as folder:
        return tuple(_checked(name, events, Path(folder)) for name, events in _histories())


def _histories() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name, case in corpus.cases().items():
        for expected in case["expected"].values():
            events = expected.get("events") if isinstance(expected, dict) else None
            if events and any(each.get("type") == "ExecutionSucceeded" for each in events):
                yield name, events


def _checked(name: str, events: list[dict[str, Any]], folder: Path) -> Success:
    file = folder / "recorded.asl.json"
    file.write_text(json.dumps(corpus.definition(name), indent=2), encoding="utf-8")
    given = events[0]["executionStartedEventDetails"]["input"]
    # What is no object stands in the recordings as its JSON text.
    text = given if isinstance(given, str) else json.dumps(given)
    config = Config(file=None, definitions=folder, handlers=folder)
    (report,) = carry_out(CheckRequest(machines=(str(file),), inputs=(text,)), config).reports
    left = frozenset(each["stateExitedEventDetails"]["name"] for each in events if "stateExitedEventDetails" in each)
    return Success(name, left, report)


def true_alarm_of(case: str, found: Finding) -> TrueAlarm | None:
    """Return the entry that a finding of a case falls under; None for a false alarm."""
    for each in TRUE_ALARMS:
        if each.code == found.code and each.state == found.state and case.endswith(each.cases):
            return each
    return None


def section() -> str:
    """Return the section of docs/check.md that tells the figures and what is true of sound runs."""
    runs = successes()
    told: Counter[TrueAlarm] = Counter()
    severity = {}
    for run in runs:
        known = {each: found for found in run.alarms() if (each := true_alarm_of(run.case, found)) is not None}
        told.update(known.keys())
        severity.update({each: found.severity for each, found in known.items()})
    sound = sum(not run.alarms() for run in runs)
    machines = len(list(SOUND.glob("*.asl.json")))
    cases = len({run.case for run in runs})
    rows = "".join(
        f"| `{each.code}` | {severity[each]} | {each.state} | {told[each]} | {each.reason} |\n" for each in TRUE_ALARMS
    )
    return f"""{_HEAD}
Of {len(runs)} executions that were recorded on AWS as successes ({cases} definitions in both languages), each checked
with its recorded input as `--input`, {sound} have neither an error nor a warning. What is told of the others is true:

| code | | state | runs | why it is told of a run that succeeded |
|---|---|---|---|---|
{rows}
The {machines} machines of `tests/sound`, written as they are for AWS (polling, callbacks, sagas, Maps of both kinds,
branches, loops, catching, service integrations), have neither, with and without an example of their input.

"""


def page(text: str) -> str:
    """Return the page with the section as it is now."""
    before, _, rest = text.partition(_HEAD)
    after = rest.partition(_TAIL)[2] if rest else before.partition(_TAIL)[2]
    return before.partition(_TAIL)[0] + section() + _TAIL + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
