"""What the loop from state to state does with what no state can handle."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import StateMachine

TOO_DEEP = "The data is nested too deeply."


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def test_data_that_nests_with_each_round_of_a_loop_ends_the_execution_by_name() -> None:
    states = {
        "Wrap": {"Type": "Pass", "Parameters": {"inner.$": "$"}, "Next": "Again"},
        "Again": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "IsPresent": True, "Next": "Wrap"}],
            "Default": "Done",
        },
        "Done": {"Type": "Succeed"},
    }
    execution = StateMachine.from_json({"StartAt": "Wrap", "States": states}).run({})
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert list(execution.history())[-1]["type"] == "ExecutionFailed"


@pytest.mark.parametrize(
    "fields",
    [
        {"Parameters": {"text.$": "States.Format('{}', $)"}},
        {"Result": {}, "ResultPath": "$" + ".a" * 3000},
    ],
)
def test_data_too_deep_to_be_printed_or_placed_fails_its_state(fields: dict[str, Any]) -> None:
    given: Any = {} if "ResultPath" in fields else nested(900)
    machine = StateMachine.from_json({"StartAt": "A", "States": {"A": {"Type": "Pass", **fields, "End": True}}})
    execution = machine.run(given)
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert str(execution.cause).endswith(TOO_DEEP)
