from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfn_sim.limits import PAYLOAD
from tests.api.conftest import PASS, ROLE, Client, graph

SEND = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage",
    "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
    "End": True,
}
SPACED = '{ "a" : [1, 2] ,\n  "b":0.0 }'


def details(client: Client, execution: str, kind: str) -> dict[str, Any]:
    events = client.get_execution_history(executionArn=execution)["events"]
    event = next(event for event in events if event["type"] == kind)
    return next(value for key, value in event.items() if key.endswith("EventDetails"))


def test_the_inputs_white_space_is_kept_wherever_the_input_goes(sfn: Client) -> None:
    execution = sfn.start(graph(A={**PASS, "End": False, "Next": "B"}, B=PASS), SPACED)
    described = sfn.describe_execution(executionArn=execution)
    assert (described["input"], described["output"]) == (SPACED, SPACED)
    assert details(sfn, execution, "ExecutionStarted")["input"] == SPACED
    assert details(sfn, execution, "PassStateEntered")["input"] == SPACED
    assert details(sfn, execution, "PassStateExited")["output"] == SPACED
    assert details(sfn, execution, "ExecutionSucceeded")["output"] == SPACED


def test_what_a_template_builds_is_compact(sfn: Client) -> None:
    execution = sfn.start(graph(A={**PASS, "Parameters": {"all.$": "$"}}), SPACED)
    assert sfn.describe_execution(executionArn=execution)["output"] == '{"all":{"a":[1,2],"b":0.0}}'


def test_a_part_of_the_input_is_compact(sfn: Client) -> None:
    execution = sfn.start(graph(A={**PASS, "InputPath": "$.a"}), SPACED)
    assert sfn.describe_execution(executionArn=execution)["output"] == "[1,2]"


@pytest.mark.parametrize("text", ["0", "0.0", "-1.5", "9007199254740993", "123456789012345678901234567890"])
def test_numbers_keep_their_text(sfn: Client, text: str) -> None:
    execution = sfn.start(graph(A={**PASS, "Parameters": {"n.$": "$.n"}}), f'{{"n": {text}}}')
    assert sfn.describe_execution(executionArn=execution)["output"] == f'{{"n":{text}}}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1E400", r"Numeric value \(1E400\) out of range"),
        ("NaN", "Non-standard token 'NaN'"),
        ("", "Invalid execution input."),
        ("nope", "Unrecognized token 'nope': was expecting"),
        ("{'a': 1}", r"Unexpected character \('''"),
    ],
)
def test_an_input_that_is_not_json_is_refused(sfn: Client, text: str, words: str) -> None:
    with pytest.raises(sfn.exceptions.InvalidExecutionInput, match=words):
        sfn.start(graph(A=PASS), text)


def test_an_input_over_the_limit_is_refused(sfn: Client) -> None:
    with pytest.raises(ClientError, match=f"less than or equal to {PAYLOAD.value}"):
        sfn.start(graph(A=PASS), json.dumps("é" * (PAYLOAD.value // 2), ensure_ascii=False))


def test_white_space_does_not_count_for_a_states_size(sfn: Client) -> None:
    text = f'[{" " * (PAYLOAD.value - 2)}]'
    assert sfn.status(sfn.start(graph(A=PASS), text)) == "SUCCEEDED"


def test_the_same_name_and_input_of_a_running_execution_is_the_same_execution(sfn: Client) -> None:
    activity = sfn.create_activity(name="w")["activityArn"]
    machine = sfn.create(graph(A={"Type": "Task", "Resource": activity, "End": True}))
    first = sfn.start_execution(stateMachineArn=machine, name="e", input="{}")
    again = sfn.start_execution(stateMachineArn=machine, name="e", input="{}")
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=machine, name="e", input="[]")


def test_the_name_of_an_ended_execution_is_taken(sfn: Client) -> None:
    machine = sfn.create(graph(A=PASS))
    sfn.start_execution(stateMachineArn=machine, name="e")
    with pytest.raises(sfn.exceptions.ExecutionAlreadyExists):
        sfn.start_execution(stateMachineArn=machine, name="e")


def test_history_comes_in_pages_and_backwards(sfn: Client) -> None:
    execution = sfn.start(graph(A=PASS))
    first = sfn.get_execution_history(executionArn=execution, maxResults=3)
    rest = sfn.get_execution_history(executionArn=execution, maxResults=3, nextToken=first["nextToken"])
    assert [event["id"] for event in (*first["events"], *rest["events"])] == [1, 2, 3, 4]
    assert "nextToken" not in rest
    back = sfn.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
    assert [event["id"] for event in back] == [4, 3, 2, 1]
    with pytest.raises(sfn.exceptions.InvalidToken):
        sfn.get_execution_history(executionArn=execution, nextToken="other")


def test_history_without_data_has_neither_input_nor_output(sfn: Client) -> None:
    execution = sfn.start(graph(A=PASS))
    events = sfn.get_execution_history(executionArn=execution, includeExecutionData=False)["events"]
    assert events[1]["stateEnteredEventDetails"] == {"name": "A"}
    assert events[3]["executionSucceededEventDetails"] == {}


def test_executions_are_listed_newest_first_and_by_status(sfn: Client) -> None:
    machine = sfn.create(graph(A={"Type": "Choice", "Choices": [rule()], "Default": "B"}, B={"Type": "Fail"}, C=PASS))
    for name, text in (("e1", "{}"), ("e2", '{"ok":1}'), ("e3", "{}")):
        sfn.start_execution(stateMachineArn=machine, name=name, input=text)

    def listed(**more: Any) -> list[str]:
        return [each["name"] for each in sfn.list_executions(stateMachineArn=machine, **more)["executions"]]

    assert listed() == ["e3", "e2", "e1"]
    assert listed(statusFilter="SUCCEEDED") == ["e2"]
    assert listed(maxResults=2) == ["e3", "e2"]


def rule() -> dict[str, Any]:
    return {"Variable": "$.ok", "IsPresent": True, "Next": "C"}


def test_a_wait_passes_in_virtual_time(sfn: Client) -> None:
    day = {"Type": "Wait", "Seconds": 86_400, "End": True}
    described = sfn.describe_execution(executionArn=sfn.start(graph(A=day)))
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 86_400
    later = sfn.describe_execution(executionArn=sfn.start(graph(A=PASS)))
    assert later["startDate"] == described["stopDate"]


def test_an_execution_keeps_the_machine_with_which_it_was_started(sfn: Client) -> None:
    before, after = graph(A=PASS), graph(B=PASS)
    machine = sfn.create(before)
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    sfn.update_state_machine(stateMachineArn=machine, definition=after)
    assert sfn.describe_state_machine_for_execution(executionArn=execution)["definition"] == before
    assert sfn.describe_state_machine(stateMachineArn=machine)["definition"] == after


def test_an_alias_leads_to_its_version(sfn: Client) -> None:
    machine = sfn.create(graph(A={**PASS, "Result": 1}), publish=True)
    sfn.update_state_machine(stateMachineArn=machine, definition=graph(A={**PASS, "Result": 2}))
    route = [{"stateMachineVersionArn": f"{machine}:1", "weight": 100}]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
    described = sfn.describe_execution(executionArn=sfn.start_execution(stateMachineArn=alias)["executionArn"])
    assert described["output"] == "1"
    assert described["stateMachineVersionArn"] == f"{machine}:1"
    assert described["stateMachineAliasArn"] == alias


def test_an_aliass_weights_share_out_executions(sfn: Client) -> None:
    machine = sfn.create(graph(A={**PASS, "Result": 1}), publish=True)
    sfn.update_state_machine(stateMachineArn=machine, definition=graph(A={**PASS, "Result": 2}), publish=True)
    route = [{"stateMachineVersionArn": f"{machine}:{n}", "weight": weight} for n, weight in ((1, 80), (2, 20))]
    alias = sfn.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
    arns = [sfn.start_execution(stateMachineArn=alias)["executionArn"] for _ in range(200)]
    twos = sum(sfn.describe_execution(executionArn=arn)["output"] == "2" for arn in arns)
    assert 15 < twos < 70


def test_what_is_not_carried_out_fails_the_execution_with_words(sfn: Client) -> None:
    described = sfn.describe_execution(executionArn=sfn.start(graph(A=SEND)))
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert "does not carry out yet" in described["cause"]
    assert "sqs:sendMessage" in described["cause"]


def test_a_synchronous_express_execution_answers_with_its_end(sfn: Client) -> None:
    machine = sfn.create(graph(A=PASS), type="EXPRESS")
    answer = sfn.start_sync_execution(stateMachineArn=machine, input=SPACED)
    assert (answer["status"], answer["output"], answer["input"]) == ("SUCCEEDED", SPACED, SPACED)
    assert answer["executionArn"].startswith("arn:aws:states:us-east-1:123456789012:express:m:")
    with pytest.raises(sfn.exceptions.InvalidArn):
        sfn.describe_execution(executionArn=answer["executionArn"])


def test_a_standard_machine_does_not_answer_synchronously(sfn: Client) -> None:
    with pytest.raises(sfn.exceptions.StateMachineTypeNotSupported):
        sfn.start_sync_execution(stateMachineArn=sfn.create(graph(A=PASS)))


def test_the_context_object_has_the_apis_names(sfn: Client) -> None:
    machine = sfn.create(graph(A={**PASS, "Parameters": {"c.$": "$$"}}), name="named")
    execution = sfn.start_execution(stateMachineArn=machine, name="e")["executionArn"]
    context = json.loads(sfn.describe_execution(executionArn=execution)["output"])["c"]
    assert context["Execution"]["Id"] == execution
    assert context["Execution"]["RoleArn"] == ROLE
    assert context["StateMachine"] == {"Id": machine, "Name": "named"}


def test_an_invalid_definition_is_refused_with_every_finding(sfn: Client) -> None:
    with pytest.raises(sfn.exceptions.InvalidDefinition) as caught:
        sfn.create(json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass"}, "B": {"Type": "Nope"}}}))
    words = caught.value.response["Error"]["Message"]
    assert words.startswith("Invalid State Machine Definition: '")
    assert "at /States/A" in words
    assert "at /States/B/Type" in words


def test_validation_tells_warnings_when_asked(sfn: Client) -> None:
    definition = graph(A={**PASS, "Result": {"x.$": "$.y"}})
    assert sfn.validate_state_machine_definition(definition=definition)["diagnostics"] == []
    told = sfn.validate_state_machine_definition(definition=definition, severity="WARNING")
    assert (told["result"], [each["code"] for each in told["diagnostics"]]) == ("OK", ["PASS_RESULT_IS_STATIC"])
