"""Machines in JSONata through the API."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfn_sim import mock_stepfunctions
from tests.api.conftest import ROLE, graph, make_client

JSONATA = {"QueryLanguage": "JSONata"}


def ends(**fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", "End": True, **fields}


def run(client: Any, definition: str, text: str = "{}") -> str:
    machine = client.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    return client.start_execution(stateMachineArn=machine, input=text)["executionArn"]


def test_an_execution_in_jsonata_runs() -> None:
    with mock_stepfunctions():
        client = make_client()
        execution = run(client, graph(JSONATA, A=ends(Output={"n": "{% $states.input.n + 1 %}"})), '{"n": 1}')
        assert client.describe_execution(executionArn=execution)["output"] == '{"n":2}'


def test_history_tells_of_the_evaluation_that_failed() -> None:
    with mock_stepfunctions():
        client = make_client()
        execution = run(client, graph(JSONATA, A=ends(Output={"n": "{% $nobody %}"})))
        event = client.get_execution_history(executionArn=execution)["events"][2]
        told = event["evaluationFailedEventDetails"]
        assert (event["type"], told["location"], told["state"]) == ("EvaluationFailed", "Output/n", "A")
        assert client.describe_execution(executionArn=execution)["error"] == "States.QueryEvaluationError"


def test_a_definition_that_cannot_be_parsed_is_refused_with_its_place() -> None:
    with mock_stepfunctions():
        client = make_client()
        definition = graph(JSONATA, A=ends(Output=["{% 1 + %}"]))
        with pytest.raises(ClientError, match=r"INVALID_JSONATA_EXPRESSION: .* at /States/A/Output\[0\]"):
            client.create_state_machine(name="m", definition=definition, roleArn=ROLE)
        (found,) = client.validate_state_machine_definition(definition=definition)["diagnostics"]
        assert (found["code"], found["location"]) == ("INVALID_JSONATA_EXPRESSION", "/States/A/Output[0]")
