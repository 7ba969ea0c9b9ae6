"""The validation as a whole: all findings at once, Express, substitutions, and what AWS was recorded to say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from seen import END, diagnostics, findings, machine, only, state, task

from sfn_sim.definition.validate import validate
from sfn_sim.source import Source, render

ROOT = Path(__file__).parents[2]
SYNC = "arn:aws:states:::states:startExecution.sync:2"
TOKEN = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:a"
EXPRESS = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}


def test_a_definition_with_six_mistakes_is_told_all_six_in_their_order() -> None:
    definition = machine(
        {
            "Load": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:us-east-1:123456789012:function:load",
                "TimeoutSecond": 5,
                "ResultPath": "$.rows[*]",
                "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}],
                "Next": "Check",
            },
            "Check": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.n", "NumericEqual": 1, "Next": "Done"}],
                "Default": "Dnoe",
            },
            "Done": {"Type": "Succeed"},
            "Left": END,
        }
    )
    assert [f"{each.pointer}: {each.message}" for each in findings(definition)] == [
        "/States/Load: Field 'TimeoutSecond' is not supported",
        "/States/Load/Retry[0]/ErrorEquals[0]: States.ALL must appear alone and at end of list",
        "/States/Load/ResultPath: Value is not a Reference Path",
        "/States/Check/Choices[0]: Field 'NumericEqual' is not supported",
        "/States/Check/Default: Missing 'Next' target: Dnoe",
        '/States/Left: State "Left" is not reachable.',
    ]


def test_a_finding_is_shown_with_its_line_underlined_and_its_fix() -> None:
    ((diagnostic, source), _) = diagnostics(machine({"Charge": {"Type": "Pass", "Next": "Shp"}, "Ship": END}))
    assert render(diagnostic, source).splitlines() == [
        "m.json:6:12: error MISSING_TRANSITION_TARGET at /States/Charge/Next: Missing 'Next' target: Shp",
        '  6 | "Next": "Shp"',
        "    |         ^^^^^",
        "  fix   did you mean 'Ship'? A branch or ItemProcessor sees only its own States.",
    ]


def test_a_valid_definition_has_no_findings() -> None:
    assert findings(task(Retry=[{"ErrorEquals": ["States.ALL"]}], ResultPath="$.r")) == []


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (ACTIVITY, "Express state machine does not support Activity ARN"),
        (SYNC, "Express state machine does not support '.sync' service integration"),
        (TOKEN, "Express state machine does not support '.waitForTaskToken' service integration "),
    ],
)
def test_an_express_workflow_waits_for_nothing_outside(resource: str, message: str) -> None:
    given = {"StateMachineArn": "arn", "QueueUrl": "q", "MessageBody": "b"}
    definition = state("Task", Resource=resource, Parameters=given)
    assert findings(definition) == []
    found = only(definition, type="EXPRESS")
    assert (found.message, found.pointer) == (message, "/States/A/Resource")


def test_express_children_of_a_standard_workflow_wait_for_nothing_outside() -> None:
    waits = state("Task", Resource=TOKEN, Parameters={"QueueUrl": "q", "MessageBody": "b"})
    processor = waits | {"ProcessorConfig": EXPRESS}
    found = only(machine({"M": {"Type": "Map", "End": True, "ItemProcessor": processor}}))
    assert found.pointer == "/States/M/ItemProcessor/States/A/Resource"


def test_an_express_workflow_has_no_distributed_map() -> None:
    definition = machine(
        {"M": {"Type": "Map", "End": True, "ItemProcessor": machine({"A": END}, ProcessorConfig=EXPRESS)}}
    )
    assert findings(definition) == []
    found = only(definition, type="EXPRESS")
    assert found.pointer == "/States/M/ItemProcessor/ProcessorConfig/Mode"
    assert found.message == (
        "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"
    )


def test_a_substitution_without_a_value_is_refused_where_it_stands() -> None:
    found = only(task(Parameters={"x": "size ${GroupSiz}"}), substitutions={"GroupSize": "10"})
    assert found.code == "UNRESOLVED_SUBSTITUTION"
    assert found.message == "No value for the substitution ${GroupSiz}"
    assert found.pointer == "/States/A/Parameters/x"
    assert found.underlined == "8:16 ${GroupSiz}"
    assert found.hint == "did you mean 'GroupSize'?"


def test_a_substitution_without_a_value_is_the_only_finding_about_its_field() -> None:
    assert only(state("Task", Resource="${Function}")).code == "UNRESOLVED_SUBSTITUTION"
    assert only(task(TimeoutSeconds="${Timeout}")).code == "UNRESOLVED_SUBSTITUTION"


def test_a_comment_may_speak_of_substitutions() -> None:
    assert findings(state(Comment="takes ${GroupSize}")) == []


def test_substitutions_are_plain_text_to_aws() -> None:
    assert findings(state(Result="${x}"), literal_placeholders=True) == []
    found = only(state("Task", Resource="${Function}"), literal_placeholders=True)
    assert found.message == "Value is not a valid resource ARN"


def test_a_substituted_definition_is_judged_by_its_values() -> None:
    found = only(state("Wait", Timestamp="${When}"), substitutions={"When": "today"})
    assert found.message == "String does not match RFC3339 timestamp"
    assert found.underlined == '6:17 "${When}"'


@pytest.mark.parametrize("file", sorted((ROOT / "definitions").glob("*.asl.json")), ids=lambda file: file.name)
def test_the_projects_own_definitions_have_no_findings(file: Path) -> None:
    text = file.read_text("utf-8")
    values = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "1")
    source = Source(file.name, text, values)
    assert [render(each, source) for each in validate(source)] == []


# --- what AWS was recorded to accept and to refuse

RECORDED = Path(os.environ.get("SFN_SIM_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded executions in {RECORDED}")
_CALLS = {"create_state_machine", "update_state_machine", "validate_state_machine_definition"}
_TOKEN = re.compile(r"\{\{([^{}]+)\}\}")
_ANSWERS = {"account": "123456789012", "region": "us-east-1", "role": "arn:aws:iam::123456789012:role/r"}


def _token(match: re.Match[str]) -> str:
    name = match[1]
    if name.startswith("now"):
        return "2025-01-01T00:00:00"
    if "activityArn" in name:
        return ACTIVITY
    return _ANSWERS.get(name, "x")


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        if "$repeat" in value:
            text, times = value["$repeat"]
            return text * times
        return {key: _filled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each) for each in value]
    return _TOKEN.sub(_token, value) if isinstance(value, str) else value


def _definitions() -> Iterator[tuple[str, Source, str, dict[str, Any], dict[str, Any]]]:
    """Every definition that a recorded case hands to AWS: case, source, type, the step and the case."""
    for file in sorted((RECORDED / "cases").rglob("*.json")):
        if file.name == "manifest.json":
            continue
        case = json.loads(file.read_text("utf-8"))
        for step in case["steps"]:
            if (step.get("call") or "").removeprefix("stepfunctions.") not in _CALLS:
                continue
            definition = step["params"].get("definition")
            if isinstance(definition, dict) and "$use" in definition:
                definition = case[definition["$use"]]
            if isinstance(definition, dict) and "$json" in definition:
                definition = definition["$json"]
            definition = _filled(definition)
            if definition:
                text = definition if isinstance(definition, str) else json.dumps(definition, indent=1)
                source = Source(file.stem, text)
                yield file.stem, source, step["params"].get("type", "STANDARD"), step, case


@recorded
def test_no_definition_that_aws_accepted_is_refused() -> None:
    refused, seen = [], 0
    for name, source, type_, step, case in _definitions():
        if step.get("expect_error") or case["kind"] == "validation":
            continue
        seen += 1
        errors = [each for each in validate(source, type=type_, literal_placeholders=True) if each.severity == "ERROR"]
        refused += [f"{name}: {render(each, source)}" for each in errors]
    assert refused == []
    assert seen


@recorded
def test_every_refusal_that_aws_recorded_is_made_in_its_words() -> None:
    refusals = 0
    for name, source, type_, _, case in _definitions():
        answers = json.dumps(case["expected"], ensure_ascii=False)
        for each in validate(source, type=type_):
            if each.severity == "WARNING" or each.code == "INVALID_JSON_DESCRIPTION":
                continue
            refusals += 1
            message = each.message.replace("arn:aws:", "arn:<partition>:")
            listed = f'"code": "{each.code}", "location": "{each.pointer}", "message": "{message}"'
            thrown = f"'{each.code}: {message} at {each.pointer}'"
            assert listed in answers or thrown in answers, (name, each)
    assert refusals
