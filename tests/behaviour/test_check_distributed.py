"""Check of distributed Maps: what a child execution is given, alone or in batches, and what comes of the children."""

from __future__ import annotations

from typing import Any

import pytest

from tests.behaviour.checks import examine
from tests.behaviour.machines import graph, machine, passing

pytest.importorskip("jlens")

INPUT = {"rows": [{"id": 1}], "tenant": "a"}
READER = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}
BATCH = {"MaxItemsPerBatch": 2}


def each_row(processor: dict[str, Any], jsonata: bool, **more: Any) -> dict[str, Any]:
    inner = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(In=processor)}
    items = {"Items": "{% $states.input.rows %}"} if jsonata else {"ItemsPath": "$.rows"}
    return {"Type": "Map", **items, "ItemProcessor": inner, **more}


def reads(path: str, jsonata: bool) -> dict[str, Any]:
    """Return a Pass that reads a path below its input, or below its item."""
    if jsonata:
        return passing(Output={"x": f"{{% $states.input.{path} %}}"})
    return passing(Parameters={"x.$": f"$.{path}"})


def codes(jsonata: bool, **states: Any) -> list[tuple[str, str, str]]:
    top = {"QueryLanguage": "JSONata"} if jsonata else None
    report = examine(machine(top, **states), INPUT)
    return [(each.code, each.severity, each.state) for each in report.findings if each.severity != "note"]


def states(path: str, jsonata: bool, **more: Any) -> dict[str, Any]:
    return {"Each": each_row(reads(path, jsonata), jsonata, **more, End=True)}


@pytest.mark.parametrize("jsonata", [False, True])
def test_a_child_execution_is_given_an_item(jsonata: bool) -> None:
    assert codes(jsonata, **states("id", jsonata)) == []
    assert codes(jsonata, **states("key", jsonata)) == [("PATH_MISSING", "error", "In")]


@pytest.mark.parametrize("jsonata", [False, True])
def test_a_batch_has_its_items_and_the_batch_input(jsonata: bool) -> None:
    tenant = {"t": "{% $states.input.tenant %}"} if jsonata else {"t.$": "$.tenant"}
    batcher = {"ItemBatcher": {**BATCH, "BatchInput": tenant}}
    for path in ("Items[0].id", "BatchInput.t"):
        assert codes(jsonata, **states(path, jsonata, **batcher)) == []
    for path in ("id", "BatchInput.tenant"):
        assert codes(jsonata, **states(path, jsonata, **batcher)) == [("PATH_MISSING", "error", "In")]
    assert codes(jsonata, **states("BatchInput", jsonata, ItemBatcher=BATCH)) == [("PATH_MISSING", "error", "In")]


@pytest.mark.parametrize("jsonata", [False, True])
def test_of_items_that_are_read_from_elsewhere_nothing_is_known(jsonata: bool) -> None:
    arguments = {"Arguments" if jsonata else "Parameters": {"Bucket": "b", "Key": "k"}}
    read = each_row(reads("key", jsonata), jsonata, ItemReader={**READER, **arguments}, End=True)
    del read["Items" if jsonata else "ItemsPath"]
    assert codes(jsonata, Each=read) == []


@pytest.mark.parametrize("jsonata", [False, True])
def test_the_result_lists_what_the_children_give(jsonata: bool) -> None:
    wrong = {"Use": passing(Output="{% $states.input[0].y %}") if jsonata else passing(Parameters={"y.$": "$[0].y"})}
    found = codes(jsonata, Each=each_row(reads("id", jsonata), jsonata, Next="Use"), **wrong)
    assert found == [("EXPRESSION_GIVES_NOTHING" if jsonata else "STATE_REPLACED", "error", "Use")]
    for more in ({"ToleratedFailureCount": 1}, {"ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments" if jsonata else "Parameters": {"Bucket": "b", "Prefix": "p"},
    }}):  # fmt: skip
        assert codes(jsonata, Each=each_row(reads("id", jsonata), jsonata, Next="Use", **more), **wrong) == []


@pytest.mark.parametrize("jsonata", [False, True])
def test_items_that_are_no_list_are_told_of_a_distributed_map_too(jsonata: bool) -> None:
    items = {"Items": "{% $states.input.tenant %}"} if jsonata else {"ItemsPath": "$.tenant"}
    found = codes(jsonata, Each={**each_row(passing(), jsonata, End=True), **items})
    assert found == [("WRONG_TYPE", "error", "Each")]
