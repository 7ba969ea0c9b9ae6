"""The payload limit, exact to the byte of UTF-8 for any text, at each place where AWS checks it.

Source: Developer Guide, Service quotas (262,144 bytes of UTF-8); recorded: start_large_input and the cases
*_data_limit_exceeded_*.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_sim import InputError, Options, StateMachine
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import FUNCTION
from tests.properties.examples import examples

LIMIT = 262_144
EXCEEDED = "States.DataLimitExceeded"

# Whatever JSON writes as one, two, three, four or six bytes.
signs = st.text(st.sampled_from('a"\\\n\x00\x7fé€😀\u2028/'), max_size=8) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | signs,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(signs, inner, max_size=3),
    max_leaves=8,
)


def size_of(value: Any) -> int:
    """Return the bytes of a value's compact JSON in UTF-8."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def of_size(value: Any, size_bytes: int) -> Any:
    """Return an array of exactly that size which holds the value; it is filled with a text of all widths."""
    rest = size_bytes - size_of([value, ""])
    text = "😀é" * (rest // 6)
    filled = [value, text + "x" * (rest % 6)]
    assert size_of(filled) == size_bytes
    return filled


def machine(**states: dict[str, Any]) -> StateMachine:
    return StateMachine.from_json({"StartAt": next(iter(states)), "States": states})


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{FUNCTION}f", "End": True, **more}


def run(state: dict[str, Any], given: Any, result: Any = None, limit: int = LIMIT) -> Execution:
    return machine(A=state).run(given, {"f": lambda event, context: result}, options=Options(limit_bytes=limit))


@examples(20)
@given(values)
def test_an_input_of_the_limit_is_taken_and_one_byte_more_is_not(value: Any) -> None:
    passing = {"Type": "Pass", "End": True}
    assert run(passing, of_size(value, LIMIT)).status == "SUCCEEDED"
    with pytest.raises(InputError, match="262,145 bytes, 1 over the limit"):
        run(passing, of_size(value, LIMIT + 1))


@examples(20)
@given(values)
def test_a_task_result_of_the_limit_is_taken_and_one_byte_more_is_not(value: Any) -> None:
    assert run(task(), {}, of_size(value, LIMIT)).output == of_size(value, LIMIT)
    assert run(task(), {}, of_size(value, LIMIT + 1)).error == EXCEEDED


@examples(60)
@given(values, st.integers(0, 2))
def test_what_is_handed_to_a_task_counts(value: Any, over: int) -> None:
    built = {"one": value, "two": [value, value]}
    state = task(Parameters={"one.$": "$[0]", "two.$": "States.Array($[0], $[0])"})
    limit = max(size_of([value]), size_of(built) - over)
    failed = size_of(built) > limit
    assert run(state, [value], 1, limit).error == (EXCEEDED if failed else None)


@examples(60)
@given(values, values, st.integers(0, 2), st.sampled_from(["Pass", "Task"]))
def test_a_state_output_counts_with_all_that_its_result_path_keeps(
    value: Any, result: Any, over: int, kind: str
) -> None:
    kept = {"kept": value}
    output = {**kept, "result": result}
    state = {"Type": "Pass", "Result": result, "End": True} if kind == "Pass" else task()
    limit = max(size_of(kept), size_of(result), size_of(output) - over)
    failed = size_of(output) > limit
    assert run({**state, "ResultPath": "$.result"}, kept, result, limit).error == (EXCEEDED if failed else None)


def doubling(path: str) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": {"a.$": f"States.Array({path}, {path})"}, "OutputPath": "$.a", "End": True}


@examples(60)
@given(st.lists(values, min_size=1, max_size=4), st.integers(0, 2), st.sampled_from(["Map", "Parallel"]))
def test_the_results_of_a_map_or_parallel_state_count_together(items: list[Any], over: int, kind: str) -> None:
    doubled = [[item, item] for item in items]
    limit = max(size_of(items), *map(size_of, doubled), size_of(doubled) - over)
    failed = size_of(doubled) > limit
    paths = ["$"] if kind == "Map" else [f"$[{place}]" for place in range(len(items))]
    inner = [{"StartAt": f"I{n}", "States": {f"I{n}": doubling(path)}} for n, path in enumerate(paths)]
    fan = {"ItemProcessor": inner[0]} if kind == "Map" else {"Branches": inner}
    assert run({"Type": kind, **fan, "End": True}, items, None, limit).error == (EXCEEDED if failed else None)
