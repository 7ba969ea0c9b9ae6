"""What a Task may call."""

from __future__ import annotations

from typing import Any

from seen import Seen, findings, only, state, task

SCHEMA = "SCHEMA_VALIDATION_FAILED"
S = "arn:aws:states:::"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:a"
JSONATA = {"QueryLanguage": "JSONata"}


def calls(resource: Any, **fields: Any) -> dict[str, Any]:
    return state("Task", Resource=resource, **fields)


def not_recognized(resource: str, hint: str) -> Seen:
    message = (
        f"The resource provided {resource} is not recognized. The value is not a valid resource ARN, "
        "or the resource is not available in this region."
    )
    return Seen(SCHEMA, message, "/States/A/Resource", f'6:16 "{resource}"', hint)


def test_a_resource_that_is_no_arn_is_refused() -> None:
    assert only(calls("my-function")) == Seen(
        SCHEMA,
        "Value is not a valid resource ARN",
        "/States/A/Resource",
        '6:16 "my-function"',
        "write the ARN of a Lambda function, of an activity or of an integration (arn:aws:states:::…)",
    )


def test_an_action_without_an_optimized_integration_is_refused() -> None:
    assert only(calls(S + "dynamodb:query")) == not_recognized(
        S + "dynamodb:query",
        "the optimized integration has deleteItem, getItem, putItem, updateItem; or use the AWS SDK "
        "integration arn:aws:states:::aws-sdk:dynamodb:query",
    )


def test_a_misspelt_action_gets_the_nearest_one() -> None:
    assert only(calls(S + "sqs:sendMesage", Parameters={})) == not_recognized(
        S + "sqs:sendMesage", "did you mean 'sendMessage'?"
    )


def test_an_action_without_that_pattern_is_refused() -> None:
    assert only(calls(S + "sqs:sendMessage.sync", Parameters={})) == not_recognized(
        S + "sqs:sendMessage.sync", "sqs:sendMessage has no .sync"
    )


def test_sync_2_on_another_service_is_refused() -> None:
    assert only(calls(S + "glue:startJobRun.sync:2", Parameters={})) == not_recognized(
        S + "glue:startJobRun.sync:2", ".sync:2 exists for states:startExecution alone"
    )


def test_an_unknown_service_is_refused() -> None:
    assert only(calls(S + "foo:bar")) == not_recognized(
        S + "foo:bar",
        "there is no optimized integration of 'foo'; or call it through the AWS SDK integration "
        "arn:aws:states:::aws-sdk:foo:bar",
    )


def test_an_sdk_action_in_pascal_case_is_refused() -> None:
    assert only(calls(S + "aws-sdk:s3:GetObject", Parameters={})) == not_recognized(
        S + "aws-sdk:s3:GetObject",
        "an AWS SDK integration is written arn:aws:states:::aws-sdk:service:apiAction, the action in "
        "camelCase; of the patterns it has .waitForTaskToken only",
    )


def test_an_arn_that_nothing_can_call_is_refused() -> None:
    assert only(calls("arn:aws:sqs:us-east-1:1:q")) == not_recognized(
        "arn:aws:sqs:us-east-1:1:q",
        "a Task calls a Lambda function, an activity, or an integration such as arn:aws:states:::sqs:sendMessage",
    )


def test_an_integration_without_parameters_is_refused() -> None:
    assert only(calls(S + "lambda:invoke")) == Seen(
        SCHEMA,
        "Parameters field is required for resource ARN: arn:aws:states:::lambda:invoke",
        "/States/A",
        '6:16 "arn:aws:states:::lambda:invoke"',
        'add "Parameters" with what lambda:invoke is to be given',
    )


def test_an_integration_without_arguments_is_refused() -> None:
    assert only(calls(S + "lambda:invoke", **JSONATA)) == Seen(
        SCHEMA,
        "Arguments field is required for resource ARN: arn:aws:states:::lambda:invoke",
        "/States/A",
        '6:16 "arn:aws:states:::lambda:invoke"',
        'add "Arguments" with what lambda:invoke is to be given',
    )


def test_an_integration_without_one_of_its_parameters_is_refused() -> None:
    assert only(calls(S + "sqs:sendMessage", Parameters={"QueueUrl": "q"})) == Seen(
        SCHEMA,
        "The field 'MessageBody' is required but was missing",
        "/States/A/Parameters",
        '7:4 "Parameters"',
        'add "MessageBody" (or "MessageBody.$" with a path)',
    )


def test_a_parameter_given_by_a_path_counts() -> None:
    assert findings(calls(S + "lambda:invoke", Parameters={"FunctionName.$": "$.f"})) == []


def test_credentials_without_a_role_are_refused() -> None:
    assert only(task(Credentials={})) == Seen(
        SCHEMA,
        "The field 'RoleArn' is required but was missing",
        "/States/A/Credentials",
        '7:4 "Credentials"',
        'add "RoleArn" (or "RoleArn.$" with a path)',
    )


def test_credentials_on_an_activity_are_refused() -> None:
    assert only(calls(ACTIVITY, Credentials={"RoleArn": "r"})) == Seen(
        SCHEMA,
        "The field 'Credentials' is not supported for activities",
        "/States/A/Credentials",
        '7:4 "Credentials"',
        "an activity is polled by its worker: remove Credentials",
    )
