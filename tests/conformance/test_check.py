"""No false alarms: what AWS ran with success is not called wrong in the states that it left."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfn_sim.analysis.check import Facts, Finding
from sfn_sim.analysis.contracts import misfit
from sfn_sim.commands.checking import check_source
from sfn_sim.query.shapes import ANYTHING, shape_of
from sfn_sim.services.aws_results import result_shape
from sfn_sim.source import Source

from . import corpus, sound

pytestmark = pytest.mark.skipif(not corpus.is_there(), reason=corpus.ABSENT)

_SERVICE = "error_handling/test_task_service_lambda.py::TestTaskServiceLambda"
EXCEPTIONS = {
    f"{_SERVICE}::test_raise_exception_catch_output_path[$.no.such.path]": (
        "the function fails, and its catcher takes over: OutputPath, which would fail too, is never read"
    ),
}
"""Cases with an error that is right although the recorded execution left the state, each with the reason."""


def _left(case: dict[str, Any]) -> set[str]:
    """Return the states that a recorded execution left, where it succeeded as a whole."""
    left: set[str] = set()
    for expected in case["expected"].values():
        events = expected.get("events") if isinstance(expected, dict) else None
        if events and any(each.get("type") == "ExecutionSucceeded" for each in events):
            left |= {each["stateExitedEventDetails"]["name"] for each in events if "stateExitedEventDetails" in each}
    return left


def _errors(name: str) -> list[Finding]:
    source = Source("case", json.dumps(corpus.definition(name), indent=2))
    case = corpus.cases()[name]
    given = shape_of(case["input"]) if "input" in case else ANYTHING
    report = check_source("case", source, Facts(given=given))
    # What does not load is another test's matter.
    return [each for each in report.findings if each.severity == "error"] if report.loads else []


def _cases() -> list[str]:
    return [name for name, case in corpus.cases().items() if isinstance(case.get("definition"), dict) and _left(case)]


def test_what_aws_ran_is_not_called_wrong() -> None:
    wrong = {
        name: [f"{each.code} in {each.state}: {each.what}" for each in found]
        for name in _cases()
        if (found := [each for each in _errors(name) if each.state in _left(corpus.cases()[name])])
    }
    assert {name: each for name, each in wrong.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) <= wrong.keys()


def test_every_recorded_success_is_checked_with_its_input_as_a_user_would() -> None:
    runs = sound.successes()
    assert len(runs) >= 300
    assert [run.case for run in runs if not run.report.loads] == []
    assert sum(run.report.reads for run in runs) > 500


def test_neither_an_error_nor_a_warning_is_told_of_a_recorded_success_but_what_is_true_of_it() -> None:
    wrong = {
        (run.case, found.code, found.state): found.what
        for run in sound.successes()
        for found in run.alarms()
        if sound.true_alarm_of(run.case, found) is None
    }
    assert wrong == {}


@pytest.mark.parametrize("alarm", sound.TRUE_ALARMS, ids=lambda each: each.code)
def test_what_is_said_to_be_true_of_recorded_successes_is_still_told(alarm: sound.TrueAlarm) -> None:
    told = {
        run.case
        for run in sound.successes()
        for found in run.alarms()
        if sound.true_alarm_of(run.case, found) == alarm
    }
    assert len(told) == len(alarm.cases)


def test_the_page_lists_what_is_told_of_recorded_successes() -> None:
    text = sound.PAGE.read_text(encoding="utf-8")
    assert sound.page(text) == text, "python -m tests.conformance.sound writes it anew"


def test_many_recorded_definitions_are_looked_at_in_both_languages() -> None:
    looked_at = {
        name: json.dumps(definition)
        for name in _cases()
        if check_source("case", Source("case", json.dumps(definition := corpus.definition(name)))).loads
    }
    assert len(looked_at) > 200
    assert sum("JSONata" in text for text in looked_at.values()) > 40


def _resources(definition: Any) -> set[str]:
    """Return the resources of all Tasks of a definition."""
    if isinstance(definition, list):
        return {name for each in definition for name in _resources(each)}
    if not isinstance(definition, dict):
        return set()
    own = {definition["Resource"]} if definition.get("Type") == "Task" else set()
    return own.union(*(_resources(each) for each in definition.values()))


def test_what_services_were_recorded_to_give_has_the_shape_of_their_models() -> None:
    fitting, wrong = set(), {}
    for name, case in corpus.cases().items():
        for expected in case["expected"].values():
            events = expected.get("events") if isinstance(expected, dict) else None
            for event in events or ():
                given = event.get("taskSucceededEventDetails")
                ending = f":::{given['resourceType']}:{given['resource']}" if given else ""
                for resource in _resources(case["definition"]) if given else ():
                    shape = result_shape(resource) if resource.endswith(ending) else None
                    result = given["output"] if shape is not None else None
                    if shape is not None and isinstance(result, dict):
                        fitting.add(ending)
                        problem = misfit(result, shape)
                        wrong.update({f"{name} {ending}": problem} if problem else {})
    assert wrong == {}
    assert len(fitting) > 10
