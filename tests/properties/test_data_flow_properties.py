"""InputPath, Parameters, ResultSelector, ResultPath and OutputPath in every combination, against a ten-line model.

Source of the model: Developer Guide, Input and output processing; ASL specification, Input and Output Processing.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfn_sim import StateMachine
from tests.behaviour.machines import FUNCTION
from tests.properties.examples import examples

ABSENT = object()
WITH_RESULT = ("Pass", "Task", "Map", "Parallel")


class LeadsNowhere(Exception):
    """A path that leads nowhere: States.Runtime."""


class Conflict(Exception):
    """A ResultPath through what is no object."""


keys = st.sampled_from("abc")
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
# What a ResultPath leads through is an object, so that no result meets a value that it cannot be put into.
inputs = st.builds(
    lambda flat, items, box: {**flat, "items": items, "box": box},
    st.dictionaries(keys, values, max_size=3),
    st.lists(values, max_size=3),
    st.dictionaries(keys, values, max_size=2),
)
paths = st.sampled_from(["$", "$.a", "$.b.c", "$.box", "$.items", "$.items[0]", "$.result", "$.box.deep.er", "$.nope"])
likely = st.sampled_from(["$", "$.box"])
places = st.sampled_from(["$", "$.a", "$.result", "$.box", "$.box.a", "$.box.deep.er", "$.new.er"])
templates = st.dictionaries(
    st.sampled_from(["a.$", "b.$", "p", "q", "box.$"]),
    paths | st.sampled_from(["$", "$$.State.Name", "$$.Execution.Input.box"]),
    max_size=3,
)


def read(path: str | None, data: Any, context: Any = None) -> Any:
    if path is None:
        return {}
    if path.startswith("$$"):
        path, data = path[1:], context
    for step in path.replace("[0]", ".0").split(".")[1:]:
        if isinstance(data, list) and step == "0" and data:
            data = data[0]
        elif isinstance(data, dict) and step in data:
            data = data[step]
        else:
            raise LeadsNowhere
    return data


def fill(template: Any, data: Any, context: Any) -> Any:
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): read(value, data, context) if key.endswith(".$") else fill(value, data, context)
        for key, value in template.items()
    }


def put(path: str | None, document: Any, value: Any) -> Any:
    if path is None:
        return document
    steps = path.split(".")[1:]
    if not steps:
        return value
    if not isinstance(document, dict):
        raise Conflict
    below = ".".join(["$", *steps[1:]])
    return {**document, steps[0]: put(below, document.get(steps[0], {}) if steps[1:] else None, value)}


def effective_input(state: dict[str, Any], given: Any, context: Any) -> Any:
    effective = read(state.get("InputPath", "$"), given)
    return fill(state["Parameters"], effective, context) if "Parameters" in state else effective


def modelled(state: dict[str, Any], given: Any, work: Any, context: Any) -> Any:
    """Return a state's output; `work` makes its result of its effective input."""
    result = work(effective_input(state, given, context))
    if "ResultSelector" in state:
        result = fill(state["ResultSelector"], result, context)
    if state["Type"] in WITH_RESULT:
        result = put(state.get("ResultPath", "$"), given, result)
    return read(state.get("OutputPath", "$"), result)


def check(state: dict[str, Any], given: Any, work: Any, handlers: Any = None, **more: Any) -> None:
    """Run a machine of one state and compare it with the model."""
    machine = StateMachine.from_json({"StartAt": "A", "States": {"A": {**state, "End": True}, **more}})
    text = json.dumps(given)
    execution = machine.run(given, handlers)
    assert json.dumps(given) == text
    context = {"State": {"Name": "A"}, "Execution": {"Input": given}}
    try:
        expected = modelled(state, given, work, context)
    except LeadsNowhere:
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
        return
    assert execution.status == "SUCCEEDED", execution.cause
    assert json.dumps(execution.output) == json.dumps(expected)


def flow(*, built: bool = True, selected: bool = True, placed: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Return fields of the data flow, each present, absent or null."""
    optional: dict[str, Any] = {"InputPath": likely | paths | st.none(), "OutputPath": likely | paths | st.none()}
    if built:
        optional["Parameters"] = templates
    if selected:
        optional["ResultSelector"] = templates
    if placed:
        optional["ResultPath"] = places | st.none()
    return st.fixed_dictionaries({}, optional=optional)


@examples(80)
@given(flow(selected=False), inputs, st.just(ABSENT) | values)
def test_a_pass_state_passes_on_its_result_or_its_effective_input(
    fields: dict[str, Any], given: Any, result: Any
) -> None:
    state = {"Type": "Pass", **fields} if result is ABSENT else {"Type": "Pass", **fields, "Result": result}
    check(state, given, lambda effective: effective if result is ABSENT else result)


@examples(80)
@given(flow(), inputs, st.just(ABSENT) | inputs)
def test_a_task_hands_its_effective_input_to_its_function_and_takes_what_it_returns(
    fields: dict[str, Any], given: Any, result: Any
) -> None:
    seen: list[Any] = []

    def work(effective: Any) -> Any:
        return effective if result is ABSENT else result

    def handler(event: Any, context: Any) -> Any:
        seen.append(event)
        return work(event)

    state = {"Type": "Task", "Resource": f"{FUNCTION}f", **fields}
    check(state, given, work, {"f": handler})
    try:
        effective = effective_input(state, given, {"State": {"Name": "A"}, "Execution": {"Input": given}})
    except LeadsNowhere:
        assert not seen
    else:
        assert seen == [effective]


@examples(80)
@given(flow(), inputs)
def test_a_parallel_state_gives_its_effective_input_to_each_branch(fields: dict[str, Any], given: Any) -> None:
    branches = [
        {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}},
        {"StartAt": "C", "States": {"C": {"Type": "Pass", "Result": 1, "End": True}}},
    ]
    check({"Type": "Parallel", "Branches": branches, **fields}, given, lambda effective: [effective, 1])


@examples(80)
@given(
    flow(built=False),
    inputs,
    st.sampled_from([None, "$.items", "$", "$.box.items"]),
    st.none() | st.dictionaries(st.sampled_from(["v.$", "i.$", "a.$", "k"]), paths, max_size=2),
    st.integers(0, 2),
)
def test_a_map_runs_over_what_items_path_reads_of_its_effective_input(
    fields: dict[str, Any], given: Any, items_path: str | None, selector: dict[str, Any] | None, limit: int
) -> None:
    if selector is not None:
        own = {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"}
        selector = {key: own.get(key, path) for key, path in selector.items()}
    processor = {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": limit, **fields}
    if items_path is not None:
        state["ItemsPath"] = items_path
    if selector is not None:
        state["ItemSelector"] = selector

    def work(effective: Any) -> Any:
        items = read(items_path or "$", effective)
        if not isinstance(items, list):
            raise LeadsNowhere  # AWS answers States.Runtime to this too
        if selector is None:
            return items
        return [
            fill(selector, effective, {"Map": {"Item": {"Index": index, "Value": item}}})
            for index, item in enumerate(items)
        ]

    check(state, given, work)


@examples(80)
@given(flow(built=False, selected=False, placed=False), inputs, st.sampled_from(["Wait", "Choice", "Succeed"]))
def test_a_state_without_a_result_has_an_input_path_and_an_output_path(
    fields: dict[str, Any], given: Any, kind: str
) -> None:
    own: dict[str, Any] = {"Wait": {"Seconds": 5}, "Succeed": {}}.get(kind, {})
    if kind == "Choice":
        rule = {"Variable": "$", "IsPresent": True, "Next": "Done"}
        own = {"Choices": [rule]}
    state = {"Type": kind, **own, **fields}
    machine = StateMachine.from_json({
        "StartAt": "A",
        "States": {
            "A": {**state, "Next": "Done"} if kind == "Wait" else state,
            **({} if kind == "Succeed" else {"Done": {"Type": "Succeed"}}),
        },
    })  # fmt: skip
    execution = machine.run(given)
    try:
        expected = modelled(state, given, lambda effective: effective, {})
    except LeadsNowhere:
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    else:
        assert json.dumps(execution.output) == json.dumps(expected)


@examples(80)
@given(st.lists(flow(selected=False), min_size=2, max_size=4), inputs)
def test_each_state_of_a_chain_is_given_the_output_of_the_one_before(
    chain: list[dict[str, Any]], given: Any
) -> None:
    states = {
        f"S{number}": {
            "Type": "Pass",
            **fields,
            **({"Next": f"S{number + 1}"} if number + 1 < len(chain) else {"End": True}),
        }
        for number, fields in enumerate(chain)
    }
    execution = StateMachine.from_json({"StartAt": "S0", "States": states}).run(given)
    value = given
    try:
        for name, state in states.items():
            context = {"State": {"Name": name}, "Execution": {"Input": given}}
            value = modelled(state, value, lambda effective: effective, context)
    except LeadsNowhere:
        assert execution.error == "States.Runtime"
    except Conflict:
        assert execution.status == "FAILED"
    else:
        assert json.dumps(execution.output) == json.dumps(value)
