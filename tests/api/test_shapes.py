"""Every answer has the shape that botocore's model of the service gives it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.validate import ParamValidator

from sfn_sim import server
from sfn_sim.server import ACTIONS, ApiError, Store, perform
from sfn_sim.server.actions import service_model
from tests.api.conftest import PASS, ROLE, graph

Step = tuple[str, dict[str, Any]]
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:m:e"
WORK = "arn:aws:states:us-east-1:123456789012:activity:w"
ALIAS = f"{MACHINE}:live"
ROUTE = [{"stateMachineVersionArn": f"{MACHINE}:1", "weight": 100}]
WAITS = graph(A={"Type": "Task", "Resource": WORK, "End": True})
PROCESSOR = {**json.loads(WAITS), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
ROWS = graph(Rows={"Type": "Map", "ItemProcessor": PROCESSOR, "End": True})
CREATE = {"name": "m", "definition": graph(A=PASS), "roleArn": ROLE}
TAGS = [{"key": "k", "value": "v"}]


def steps() -> Iterator[Step]:
    """A walk through every action; a token is filled in from the answer before."""
    yield "ValidateStateMachineDefinition", {"definition": '{"StartAt": 1}'}
    yield "TestState", {"definition": json.dumps(PASS), "inspectionLevel": "TRACE", "variables": '{"a": 1}'}
    yield "CreateActivity", {"name": "w", "tags": TAGS}
    yield "DescribeActivity", {"activityArn": WORK}
    yield "ListActivities", {}
    yield "CreateStateMachine", {**CREATE, "definition": WAITS, "publish": True, "versionDescription": "first"}
    yield "DescribeStateMachine", {"stateMachineArn": f"{MACHINE}:1"}
    yield "CreateStateMachineAlias", {"name": "live", "routingConfiguration": ROUTE, "description": "d"}
    yield "DescribeStateMachineAlias", {"stateMachineAliasArn": ALIAS}
    yield "UpdateStateMachineAlias", {"stateMachineAliasArn": ALIAS, "description": "e"}
    yield "ListStateMachineAliases", {"stateMachineArn": MACHINE}
    yield "TagResource", {"resourceArn": MACHINE, "tags": TAGS}
    yield "ListTagsForResource", {"resourceArn": MACHINE}
    yield "UntagResource", {"resourceArn": MACHINE, "tagKeys": ["k"]}
    for answer in ("SendTaskSuccess", "SendTaskFailure"):
        yield "StartExecution", {"stateMachineArn": ALIAS, "name": f"e-{answer}", "traceHeader": "t"}
        yield "GetActivityTask", {"activityArn": WORK, "workerName": "x"}
        yield "SendTaskHeartbeat", {"taskToken": "…"}
        yield answer, {"taskToken": "…", "output": "1"} if answer == "SendTaskSuccess" else {"taskToken": "…"}
    yield "StartExecution", {"stateMachineArn": MACHINE, "name": "e", "input": "{ }"}
    yield "DescribeExecution", {"executionArn": EXECUTION}
    yield "StopExecution", {"executionArn": EXECUTION, "error": "E", "cause": "c"}
    yield "DescribeExecution", {"executionArn": EXECUTION}
    yield "DescribeStateMachineForExecution", {"executionArn": EXECUTION}
    yield "GetExecutionHistory", {"executionArn": EXECUTION}
    yield "GetExecutionHistory", {"executionArn": f"{EXECUTION}-SendTaskSuccess", "maxResults": 2}
    yield "GetExecutionHistory", {"executionArn": f"{EXECUTION}-SendTaskFailure"}
    yield "ListExecutions", {"stateMachineArn": MACHINE, "maxResults": 1}
    yield "UpdateStateMachine", {"stateMachineArn": MACHINE, "definition": graph(A=PASS), "publish": True}
    yield "DescribeStateMachine", {"stateMachineArn": MACHINE}
    yield "PublishStateMachineVersion", {"stateMachineArn": MACHINE}
    yield "ListStateMachineVersions", {"stateMachineArn": MACHINE}
    yield "ListStateMachines", {}
    yield "DeleteStateMachineAlias", {"stateMachineAliasArn": ALIAS}
    yield "DeleteStateMachineVersion", {"stateMachineVersionArn": f"{MACHINE}:1"}
    yield "CreateStateMachine", {**CREATE, "name": "x", "type": "EXPRESS"}
    yield "StartSyncExecution", {"stateMachineArn": MACHINE.removesuffix("m") + "x"}
    yield "StartExecution", {"stateMachineArn": MACHINE.removesuffix("m") + "x"}
    rows, started = MACHINE.removesuffix("m") + "rows", EXECUTION.removesuffix("m:e") + "rows:e"
    yield "CreateStateMachine", {**CREATE, "name": "rows", "definition": ROWS}
    yield "StartExecution", {"stateMachineArn": rows, "name": "e", "input": "[1]"}
    yield "ListMapRuns", {"executionArn": started}
    yield "DescribeMapRun", {"mapRunArn": "…"}
    yield "UpdateMapRun", {"mapRunArn": "…", "toleratedFailureCount": 1}
    yield "ListExecutions", {"mapRunArn": "…"}
    yield "DescribeExecution", {"executionArn": "…"}
    yield "DescribeStateMachineForExecution", {"executionArn": "…"}
    yield "GetExecutionHistory", {"executionArn": started}
    yield "StopExecution", {"executionArn": started}
    yield "DescribeMapRun", {"mapRunArn": "…"}
    yield "DeleteStateMachine", {"stateMachineArn": MACHINE}
    yield "DeleteActivity", {"activityArn": WORK}


def test_every_answer_fits_the_service_model() -> None:
    store, model, seen = Store(activity_poll_s=0), service_model(), set()
    known: dict[str, str] = {}
    for action, request in steps():
        given = {name: known[name] if value == "…" else value for name, value in request.items()}
        answer = perform(store, action, given)
        for told in (answer, *answer.get("mapRuns", ()), *answer.get("executions", ())):
            known |= {name: told[name] for name in ("taskToken", "mapRunArn", "executionArn") if name in told}
        seen.add(action)
        shape = model.operation_model(action).output_shape
        problems = ParamValidator().validate(answer, shape).generate_report()
        assert not problems, f"{action}: {problems}"
        required = set(shape.required_members)
        assert required <= answer.keys(), action
    assert seen == ACTIONS.keys()


def test_every_action_is_one_of_the_services() -> None:
    assert ACTIONS.keys() <= set(service_model().operation_names)


@pytest.mark.parametrize(
    ("action", "request_", "words"),
    [
        ("StartExecution", {}, "Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null"),
        ("ListStateMachines", {"maxResults": 1001}, "Member must have value less than or equal to 1000"),
        ("ListStateMachines", {"nextToken": ""}, "Member must have length greater than or equal to 1"),
        ("CreateStateMachine", {**CREATE, "type": "FAST"}, r"must satisfy enum value set: \[STANDARD, EXPRESS\]"),
        ("TagResource", {"resourceArn": MACHINE, "tags": [{"key": "x" * 129}]}, "at 'tags.1.member.key' failed"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_in_awss_words(action: str, request_: Any, words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        perform(Store(), action, request_)
    assert caught.value.code == "ValidationException"


def codes() -> Iterator[str]:
    """Yield the error codes that the server's modules write."""
    for path in Path(server.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ApiError":
                yield ast.literal_eval(node.args[0])


def test_every_refusal_has_the_name_of_a_modeled_error() -> None:
    known = {shape.name for shape in service_model().error_shapes}
    # What every service answers to JSON that does not fit, and what UpdateStateMachine was recorded to answer.
    others = {"SerializationException", "MissingRequiredParameter"}
    assert set(codes()) - known - others == set()
