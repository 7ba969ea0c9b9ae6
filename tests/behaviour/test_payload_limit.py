"""The limit of 262,144 bytes of UTF-8, exact to the byte, at each place where AWS checks it."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import InputError, Options, StateMachine
from sfn_sim.errors import DATA_LIMIT_EXCEEDED
from sfn_sim.limits import PAYLOAD

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
LIMIT = PAYLOAD.value


def text_of(size_bytes: int, character: str = "a") -> str:
    """Return a text whose JSON has exactly that many bytes."""
    width = len(character.encode())
    count, rest = divmod(size_bytes - 2, width)
    return character * count + "x" * rest


def machine(**states: dict[str, Any]) -> StateMachine:
    return StateMachine.from_json({"StartAt": next(iter(states)), "States": states})


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{FUNCTION}f", **({} if "Next" in more else {"End": True}), **more}


@pytest.mark.parametrize("character", ["a", "é", "€", "😀"])
def test_an_input_of_the_limit_passes_and_one_byte_more_is_refused(character: str) -> None:
    passing = machine(A={"Type": "Pass", "End": True})
    assert passing.run(text_of(LIMIT, character)).status == "SUCCEEDED"
    with pytest.raises(InputError, match="262,145 bytes, 1 over the limit"):
        passing.run(text_of(LIMIT + 1, character))


@pytest.mark.parametrize("character", ["a", "é", "€", "😀"])
def test_a_task_result_of_the_limit_passes_and_one_byte_more_fails_the_task(character: str) -> None:
    calling = machine(A=task())
    sizes = iter((LIMIT, LIMIT + 1))
    handlers = {"f": lambda event, context: text_of(next(sizes), character)}
    assert calling.run({}, handlers).status == "SUCCEEDED"
    failed = calling.run({}, handlers)
    assert (failed.status, failed.error) == ("FAILED", DATA_LIMIT_EXCEEDED)
    assert failed.cause == (
        f"The state/task '{FUNCTION}f' returned a result with a size exceeding the maximum number of bytes service "
        "limit."
    )


def test_a_task_result_over_the_limit_is_caught_by_states_all() -> None:
    caught = machine(
        A=task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}], Next="B"), B={"Type": "Pass", "End": True}
    )
    output = caught.run({}, {"f": lambda event, context: text_of(LIMIT + 1)}).output
    assert isinstance(output, dict)
    assert output["Error"] == DATA_LIMIT_EXCEEDED


def test_a_whole_output_over_the_limit_fails_the_execution_past_its_catchers() -> None:
    kept = machine(
        A=task(ResultPath="$.r", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}], Next="B"),
        B={"Type": "Pass", "End": True},
    )
    envelope = len('{"a":,"r":}')

    def run(size_bytes: int) -> str | None:
        given = {"a": text_of(LIMIT // 2)}
        rest = size_bytes - envelope - LIMIT // 2
        return kept.run(given, {"f": lambda event, context: text_of(rest)}).error

    assert run(LIMIT) is None
    assert run(LIMIT + 1) == DATA_LIMIT_EXCEEDED


@pytest.mark.parametrize("state", ["Map", "Parallel"])
def test_the_list_of_a_map_or_parallel_counts_with_its_brackets_and_commas(state: str) -> None:
    inner = {"StartAt": "I", "States": {"I": task()}}
    fan = (
        {"Type": "Map", "ItemProcessor": inner, "End": True}
        if state == "Map"
        else {"Type": "Parallel", "Branches": [inner, {"StartAt": "J", "States": {"J": task()}}], "End": True}
    )
    half = LIMIT // 2

    def run(second: int) -> str | None:
        sizes = iter((half, second))
        return machine(A=fan).run([1, 2], {"f": lambda event, context: text_of(next(sizes))}).error

    assert run(LIMIT - half - len("[,]")) is None
    assert run(LIMIT - half - len("[,]") + 1) == DATA_LIMIT_EXCEEDED


def test_the_effective_input_of_a_task_counts_too() -> None:
    doubling = machine(A=task(Parameters={"a.$": "$", "b.$": "$"}))
    size = LIMIT // 2 + 10
    failed = doubling.run(text_of(size), {"f": lambda event, context: None})
    assert failed.error == DATA_LIMIT_EXCEEDED
    assert doubling.run(text_of(100), {"f": lambda event, context: None}).status == "SUCCEEDED"


def test_the_limit_can_be_set_for_an_experiment() -> None:
    passing = machine(A={"Type": "Pass", "Result": "0123456789", "End": True})
    assert passing.run({}, options=Options(limit_bytes=12)).status == "SUCCEEDED"
    assert passing.run({}, options=Options(limit_bytes=11)).error == DATA_LIMIT_EXCEEDED


def test_an_input_that_is_nested_without_end_is_refused() -> None:
    nested: Any = 1
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(InputError, match="nested too deeply"):
        machine(A={"Type": "Pass", "End": True}).run(nested)
