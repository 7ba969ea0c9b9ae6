"""Mocked results of service integrations against AWS's models of the services."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.services.aws_results import result_shape
from sfn_sim.services.responses import problem_of, unknown_member

PREFIX = "arn:aws:states:::"


@pytest.mark.parametrize(
    ("resource", "result", "words"),
    [
        ("aws-sdk:sfn:describeStateMachine", {}, "Required field 'StateMachineArn' is missing"),
        ("aws-sdk:sqs:getQueueAttributes", {"Attributes": {"a": 1}}, "Field 'Attributes' must be a string"),
        ("aws-sdk:sqs:getQueueAttributes", {"Attributes": []}, "Field 'Attributes' must be an object"),
        ("aws-sdk:dynamodb:describeTable", {"Table": "t"}, "Field 'Table' must be an object"),
        ("aws-sdk:s3:getObject", {"DeleteMarker": "no"}, "Field 'DeleteMarker' must be a boolean"),
        ("aws-sdk:cloudwatchlogs:describeLogGroups", {"LogGroups": {}}, "Field 'LogGroups' must be an array"),
        ("lambda:invoke", {"StatusCode": True}, "Field 'StatusCode' must be a number"),
        ("sns:publish", [], "The mocked result must be a JSON object"),
        ("states:startExecution.sync:2", {"ExecutionArn": "a", "StateMachineArn": "b", "StartDate": "c"},
         "Required field 'Status' is missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(resource: str, result: Any, words: str) -> None:
    assert problem_of(PREFIX + resource, result) == words


@pytest.mark.parametrize(
    ("resource", "result"),
    [
        ("lambda:invoke", {"Payload": {"any": ["thing"]}, "StatusCode": 200}),
        ("lambda:invoke.waitForTaskToken", 1),
        ("aws-sdk:kms:encrypt", {"NotInTheModel": 1, "KeyId": None}),
        ("aws-sdk:nosuchservice:call", {"a": 1}),
        ("aws-sdk:s3:noSuchCall", {"a": 1}),
        ("aws-sdk:sqs:deleteMessage", {"a": 1}),
        ("http:invoke", "text"),
        ("apigateway:invoke", 1),
        ("eks:call", 1),
        ("glue:startJobRun.sync", 1),
        ("states:startExecution.sync:2",
         {"ExecutionArn": "a", "StateMachineArn": "b", "StartDate": "c", "Status": "SUCCEEDED", "Output": {"x": 1}}),
    ],
)  # fmt: skip
def test_what_fits_or_is_not_known_is_let_pass(resource: str, result: Any) -> None:
    assert problem_of(PREFIX + resource, result) is None


def test_a_function_by_its_arn_may_return_anything() -> None:
    assert problem_of("arn:aws:lambda:us-east-1:123456789012:function:f", 1) is None


def test_only_what_is_there_is_checked_in_present_mode() -> None:
    resource = f"{PREFIX}states:startExecution"
    assert problem_of(resource, {"StartDate": 1}, "PRESENT") == "Field 'StartDate' must be a string"
    assert problem_of(resource, {}, "PRESENT") is None
    assert problem_of(resource, {"StartDate": 1}, "NONE") is None


@pytest.mark.parametrize(
    ("resource", "result", "words"),
    [
        ("aws-sdk:s3:putObject", {"Etagg": "x"},
         "Field 'Etagg' is not in the answer of PutObject; did you mean 'ETag'?"),
        ("aws-sdk:sqs:getQueueAttributes", {"Xyz": 1},
         "Field 'Xyz' is not in the answer of GetQueueAttributes; it has Attributes"),
        ("dynamodb:getItem", {"Itm": 1}, "Field 'Itm' is not in the answer of GetItem; did you mean 'Item'?"),
        # An optimized integration may give what no model has; and what stands there already was not meant.
        ("dynamodb:getItem", {"Other": 1, "SdkHttpMetadata": {}}, None),
        ("dynamodb:getItem", {"Item": {}, "Itm": 1}, None),
        ("aws-sdk:s3:putObject", {"ETag": "x", "SdkResponseMetadata": {}}, None),
        ("aws-sdk:nosuchservice:call", {"a": 1}, None),
        ("lambda:invoke.waitForTaskToken", {"anything": 1}, None),
    ],
)  # fmt: skip
def test_a_member_that_the_answer_has_not_is_told_with_the_nearest(
    resource: str, result: Any, words: str | None
) -> None:
    assert unknown_member(PREFIX + resource, result) == words


@pytest.mark.parametrize(
    ("resource", "member", "below"),
    [
        ("aws-sdk:rds:describeDBInstances", "DbInstances", "DbInstanceStatus"),
        ("aws-sdk:rds:describeDBClusters", "DbClusters", "DbClusterIdentifier"),
        ("aws-sdk:rds:describeDBInstances", "DbInstances", "MultiAZ"),
        ("aws-sdk:s3:listObjectsV2", "Contents", "ETag"),
        ("aws-sdk:ecs:listTasks", "TaskArns", None),
    ],
)
def test_a_member_that_begins_with_an_abbreviation_is_spelled_as_an_sdk_integration_gives_it(
    resource: str, member: str, below: str | None
) -> None:
    shape = result_shape(PREFIX + resource)
    assert shape is not None
    items = shape.fields[member].shape.items
    assert below is None or (items is not None and below in items.fields)
    assert unknown_member(PREFIX + resource, {member: []}) is None


def test_the_spelling_of_the_api_is_told_with_that_of_the_sdk_integration() -> None:
    told = unknown_member(f"{PREFIX}aws-sdk:rds:describeDBInstances", {"DBInstances": []})
    assert told is not None
    assert told.endswith("did you mean 'DbInstances'?")
    assert problem_of(f"{PREFIX}aws-sdk:rds:describeDBInstances", {"DbInstances": {}}) == (
        "Field 'DbInstances' must be an array"
    )


def test_an_optimized_integration_keeps_the_spelling_of_the_api() -> None:
    assert unknown_member(f"{PREFIX}sqs:sendMessage", {"MD5OfMessageBody": "x", "MessageId": "1"}) is None
