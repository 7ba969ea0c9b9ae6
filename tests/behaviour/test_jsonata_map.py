"""Map and Parallel in JSONata: their items, numbers, templates, scopes and failures, inline and distributed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sfn_sim import StateMachine
from sfn_sim.run.execution import Execution
from sfn_sim.services.isolation import isolated
from tests.behaviour.machines import Busy, always, graph, parents, passing, task, types, words
from tests.behaviour.test_distributed_map import only_run, processor
from tests.behaviour.test_jsonata_states import EVALUATION, failed_field, load

ITEM = "{% $states.context.Map.Item.Value %}"


def mapping(inner: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    given = inner or graph(I=passing())
    return {"Type": "Map", "ItemProcessor": given, **({} if "Next" in fields else {"End": True}), **fields}


def run(state: dict[str, Any], value: Any = None, handler: Any = None, **others: Any) -> Execution:
    machine = load(A=state, **others)
    return machine.run({} if value is None else value, {"f": handler} if handler else None)


# Items


@pytest.mark.parametrize("items", ["{% $states.input.l %}", [1, "{% 1 + 1 %}"], "{% [1..2] %}"])
def test_items_is_what_the_map_goes_through(items: Any) -> None:
    assert run(mapping(Items=items), {"l": [1, 2]}).result() == [1, 2]


def test_without_items_the_input_is_what_the_map_goes_through() -> None:
    assert run(mapping(), [1, 2]).result() == [1, 2]


def test_an_input_that_is_no_array_has_no_location() -> None:
    execution = run(mapping(), {"a": 1})
    assert words(execution) == 'Map state input must be an array but was: {"a":1}'
    assert failed_field(execution) == (EVALUATION, None, "A")
    assert types(execution)[-3:] == ["EvaluationFailed", "MapStateFailed", "ExecutionFailed"]


def test_items_that_give_no_array_fail_before_the_map_starts() -> None:
    execution = run(mapping(Items="{% $states.input %}"), {"a": 1})
    assert words(execution) == (
        "The JSONata expression '$states.input' specified for the field 'Items' returned an unexpected result type. "
        "Expected 'array', but was 'object' for value: {\"a\":1}"
    )
    assert parents(execution)[2:] == [(3, 0, "EvaluationFailed"), (4, 3, "MapStateFailed"), (5, 4, "ExecutionFailed")]


def test_item_selector_reads_the_item_its_index_the_maps_input_and_variables() -> None:
    selector = {"v": ITEM, "i": "{% $states.context.Map.Item.Index %}", "k": "{% $states.input.k %}", "x": "{% $x %}"}
    state = mapping(Items="{% $states.input.l %}", ItemSelector=selector)
    execution = run(passing(Assign={"x": 9}, Next="M"), {"l": ["a"], "k": "K"}, M=state)
    assert execution.result() == [{"v": "a", "i": 0, "k": "K", "x": 9}]


def test_an_item_selector_that_fails_fails_its_item() -> None:
    execution = run(mapping(Items=[1], ItemSelector={"v": "{% $nobody %}"}))
    assert failed_field(execution) == (EVALUATION, "ItemSelector/v", "A")
    assert types(execution)[3:] == [
        "MapIterationStarted", "EvaluationFailed", "MapIterationFailed", "MapStateFailed", "ExecutionFailed",
    ]  # fmt: skip


def test_output_and_assign_read_the_list_of_results() -> None:
    state = mapping(
        Items=[1, 2], Output="{% $sum($states.result) %}", Assign={"n": "{% $count($states.result) %}"}, Next="B"
    )
    assert run(state, B=passing(Output=["{% $states.input %}", "{% $n %}"])).result() == [3, 2]


# Numbers


def test_the_numbers_of_a_map_come_from_expressions() -> None:
    inner = graph(I={"Type": "Wait", "Seconds": 1, "End": True})
    state = mapping(inner, Items="{% $states.input.l %}", MaxConcurrency="{% $states.input.c %}")
    assert run(state, {"l": [1, 2, 3, 4], "c": 2}).elapsed_ms == 2000


def test_tolerated_failures_come_from_expressions() -> None:
    bad = graph(I=passing(Output="{% $states.input = 1 ? $nobody : $states.input %}"))
    assert run(mapping(bad, Items=[1, 2], ToleratedFailureCount="{% 1 %}")).status == "SUCCEEDED"
    assert run(mapping(bad, Items=[1, 2], ToleratedFailurePercentage="{% 49.5 %}")).status == "FAILED"


@pytest.mark.parametrize(
    ("field", "expression", "sentence"),
    [
        ("MaxConcurrency", "{% 'x' %}", "Expected 'number', but was 'string' for value: \"x\""),
        ("MaxConcurrency", "{% 1.5 %}", 'The MaxConcurrency field refers to value "1.5" which is not a valid integer'),
        ("MaxConcurrency", "{% -1 %}", "MaxConcurrency cannot be negative."),
        ("ToleratedFailureCount", "{% -1 %}", "ToleratedFailureCount cannot be negative."),
        ("ToleratedFailurePercentage", "{% 101 %}", "ToleratedFailurePercentage must be between 0 and 100."),
        ("ToleratedFailurePercentage", "{% $nobody %}", "returned nothing (undefined)."),
    ],
)
def test_a_number_that_a_map_does_not_take_fails_it(field: str, expression: str, sentence: str) -> None:
    execution = run(mapping(Items=[1], **{field: expression}))
    assert failed_field(execution) == (EVALUATION, field, "A")
    assert words(execution).endswith(sentence)


# Scopes


def test_what_an_item_assigns_stays_in_it() -> None:
    inner = graph(I=passing(Assign={"x": ITEM}, Next="J"), J=passing(Output="{% $x %}"))
    execution = run(
        passing(Assign={"x": 0}, Next="M"),
        M=mapping(inner, Items=[1, 2], Next="B"),
        B=passing(Output=["{% $states.input %}", "{% $x %}"]),
    )
    assert execution.result() == [[1, 2], 0]


def test_branches_read_outer_variables_and_their_arguments() -> None:
    branches = [graph(P=passing(Output="{% $states.input.n + $x %}")), graph(Q=passing(Assign={"x": 5}))]
    state = {
        "Type": "Parallel", "Arguments": {"n": "{% $states.input.a %}"}, "Branches": branches,
        "Output": {"all": "{% $states.result %}", "in": "{% $states.input %}", "x": "{% $x %}"}, "End": True,
    }  # fmt: skip
    execution = run(passing(Assign={"x": 1}, Next="P0"), {"a": 2}, P0=state)
    assert execution.result() == {"all": [3, {"n": 2}], "in": {"a": 2}, "x": 1}


def test_a_parallel_without_output_gives_the_list() -> None:
    assert run({"Type": "Parallel", "Branches": [graph(P=passing()), graph(Q=passing())], "End": True}, 1).result() == [
        1,
        1,
    ]


def test_a_map_catches_what_fails_in_an_item_with_output() -> None:
    catch = [
        {
            "ErrorEquals": ["Busy"],
            "Next": "B",
            "Output": {"e": "{% $states.errorOutput.Error %}", "n": "{% $count($states.input) %}"},
        }
    ]
    execution = run(mapping(graph(I=task()), Catch=catch), [1, 2], always(Busy("no")), B=passing())
    assert execution.result() == {"e": "Busy", "n": 2}


def test_a_map_catches_that_its_items_are_no_array() -> None:
    catch = [{"ErrorEquals": [EVALUATION], "Next": "B"}]
    execution = run(mapping(Items="{% 1 %}", Catch=catch), B=passing(Output="{% $states.input.Error %}"))
    assert execution.result() == EVALUATION
    assert types(execution)[2:5] == ["EvaluationFailed", "MapStateFailed", "MapStateExited"]


# Distributed


def distributed(inner: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return mapping(inner or processor(), Label="Each", **fields)


def test_a_distributed_map_selects_and_batches_by_expressions() -> None:
    state = distributed(
        Items="{% $states.input.l %}",
        ItemSelector={"v": ITEM},
        ItemBatcher={"MaxItemsPerBatch": "{% $states.input.most %}", "BatchInput": {"k": "{% $states.input.k %}"}},
        MaxConcurrency="{% 1 %}",
    )
    execution = run(state, {"l": [1, 2, 3], "most": 2, "k": "K"})
    head = {"BatchInput": {"k": "K"}}
    assert execution.result() == [{**head, "Items": [{"v": 1}, {"v": 2}]}, {**head, "Items": [{"v": 3}]}]
    assert only_run(execution).max_concurrency == 1


def test_a_batch_size_that_is_negative_is_named() -> None:
    execution = run(distributed(Items=[1], ItemBatcher={"MaxItemsPerBatch": "{% -2 %}"}))
    assert failed_field(execution) == (EVALUATION, "ItemBatcher/MaxItemsPerBatch", "A")
    assert words(execution) == "MaxItemsPerBatch cannot be negative."


def test_what_fails_in_a_child_stands_in_the_childs_history() -> None:
    execution = run(distributed(processor(I=passing(Output="{% $nobody %}")), Items=[1]))
    child = only_run(execution).children[0].execution()
    assert types(child)[-2:] == ["EvaluationFailed", "ExecutionFailed"]
    assert "EvaluationFailed" not in types(execution)


@pytest.fixture
def s3() -> Iterator[Any]:
    with isolated():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def test_a_reader_and_a_writer_take_arguments_with_expressions(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="set", Body=b"[1,2,3]")
    where = {"Bucket": "{% $states.input.bucket %}"}
    state = distributed(
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "Arguments": {**where, "Key": "set"},
            "ReaderConfig": {"InputType": "JSON", "MaxItems": "{% $states.input.most %}"},
        },
        ItemSelector={"v": ITEM},
        ResultWriter={
            "Resource": "arn:aws:states:::s3:putObject",
            "Arguments": {**where, "Prefix": "{% 'o' & 'ut' %}"},
        },
        Output="{% $states.result.ResultWriterDetails.Key %}",
    )
    machine: StateMachine = load(A=state)
    key = machine.run({"bucket": "data", "most": 2}, isolate=False).result()
    assert isinstance(key, str)
    assert key.startswith("out/")
    (written,) = json.loads(s3.get_object(Bucket="data", Key=key)["Body"].read())["ResultFiles"]["SUCCEEDED"]
    entries = json.loads(s3.get_object(Bucket="data", Key=written["Key"])["Body"].read())
    assert [each["Output"] for each in entries] == ['{"v":1}', '{"v":2}']
