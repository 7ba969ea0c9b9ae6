from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sfn_sim import mock_stepfunctions
from sfn_sim.server.boto import MockStepFunctions

ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


def graph(top: dict[str, Any] | None = None, **states: dict[str, Any]) -> str:
    return json.dumps({**(top or {}), "StartAt": next(iter(states)), "States": states})


PASS = {"Type": "Pass", "End": True}


class Client:
    """A boto3 client, and the few steps that most tests take."""

    def __init__(self, mock: MockStepFunctions) -> None:
        self.mock = mock
        self.boto = make_client()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.boto, name)

    def create(self, definition: str, name: str = "m", **more: Any) -> str:
        answer = self.boto.create_state_machine(name=name, definition=definition, roleArn=ROLE, **more)
        return answer["stateMachineArn"]

    def start(self, definition: str, text: str = "{}", **more: Any) -> str:
        arn = self.create(definition, f"m{len(self.boto.list_state_machines()['stateMachines'])}")
        return self.boto.start_execution(stateMachineArn=arn, input=text, **more)["executionArn"]

    def status(self, execution: str) -> str:
        return self.boto.describe_execution(executionArn=execution)["status"]

    def types(self, execution: str) -> list[str]:
        events = self.boto.get_execution_history(executionArn=execution)["events"]
        return [event["type"] for event in events]


def make_client(region: str = "us-east-1") -> Any:
    return boto3.client("stepfunctions", region_name=region)


@pytest.fixture
def sfn() -> Iterator[Client]:
    with mock_stepfunctions(activity_poll_s=0) as mock:
        yield Client(mock)
