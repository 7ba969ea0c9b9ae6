"""The distributed Map: child executions, their history and context, failures that are borne, concurrency, batches."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import Options
from sfn_sim.run.execution import Execution
from sfn_sim.run.map_run import MapRun
from tests.behaviour.machines import always, fails, graph, machine, parents, passing, run, task, types, words

LIMIT = 262_144


def processor(kind: str = "STANDARD", **states: dict[str, Any]) -> dict[str, Any]:
    inner = graph(**(states or {"I": passing()}))
    return {**inner, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}


def distributed(given: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "Label": "Each", "ItemProcessor": given or processor(), "End": True, **fields}


def only_run(execution: Execution) -> MapRun:
    (map_run,) = execution.log.map_runs
    return map_run


def refuses(*items: Any) -> Any:
    def handler(event: Any, context: Any) -> Any:
        if event in items:
            raise ValueError(f"refused {event}")
        return event

    return handler


CALLS = processor(I=task())


def test_each_item_runs_in_a_child_and_the_outputs_are_the_result() -> None:
    execution = run(distributed(processor(I=task())), [1, 2], lambda event, _: event * 10)
    assert execution.result() == [10, 20]
    assert only_run(execution).executions == {"SUCCEEDED": 2, "RUNNING": 0}


def test_the_parents_history_tells_of_the_run_alone() -> None:
    execution = run(distributed(), [1, 2])
    assert parents(execution) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapRunStarted"),
        (5, 4, "MapRunSucceeded"),
        (6, 5, "MapStateSucceeded"),
        (7, 4, "MapStateExited"),
        (8, 7, "ExecutionSucceeded"),
    ]


def test_a_child_has_a_history_of_its_own() -> None:
    child = only_run(run(distributed(), ["x"])).children[0].execution()
    assert parents(child) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "ExecutionSucceeded"),
    ]
    assert (child.status, child.input, child.output) == ("SUCCEEDED", "x", "x")


def test_a_childs_context_is_its_own() -> None:
    shown = processor(I=passing(Parameters={"context.$": "$$"}))
    (made,) = run(distributed(shown), ["x"]).result()  # type: ignore[misc]
    context = made["context"]  # type: ignore[index,call-overload]
    assert context["Execution"]["Id"].rpartition(":")[0].endswith(":execution:machine/Each")  # type: ignore[index]
    assert context["Execution"]["Input"] == "x"  # type: ignore[index]
    assert context["StateMachine"]["Id"].endswith(":stateMachine:machine/Each")  # type: ignore[index]
    assert "Map" not in context


@pytest.mark.parametrize(("kind", "begins"), [("STANDARD", "execution"), ("EXPRESS", "express")])
def test_the_execution_type_names_a_childs_arn(kind: str, begins: str) -> None:
    child = only_run(run(distributed(processor(kind)), [1])).children[0]
    assert child.identity.arn.startswith(f"arn:aws:states:us-east-1:123456789012:{begins}:machine/Each:")


def test_without_a_label_one_is_made_that_stays_the_machines() -> None:
    state = distributed()
    del state["Label"]
    labels = {only_run(run(state, [item], options=Options(seed=3))).label for item in (1, 2)}
    assert len(labels) == 1
    assert len(labels.pop()) == 36


def test_an_item_selector_reads_the_maps_input_and_the_item() -> None:
    selector = {
        "i.$": "$$.Map.Item.Index",
        "v.$": "$$.Map.Item.Value",
        "from.$": "$$.Map.Item.Source",
        "k.$": "$.k",
    }
    execution = run(distributed(ItemsPath="$.l", ItemSelector=selector), {"l": ["a", "b"], "k": 5})
    assert execution.result() == [
        {"i": 0, "v": "a", "from": "STATE_DATA", "k": 5},
        {"i": 1, "v": "b", "from": "STATE_DATA", "k": 5},
    ]


def test_no_items_make_an_empty_result() -> None:
    assert run(distributed(), []).result() == []


def test_a_wait_in_children_costs_the_parent_its_time_once_when_they_run_together() -> None:
    waits = processor(W={"Type": "Wait", "Seconds": 60, "End": True})
    assert run(distributed(waits), [1, 2, 3]).elapsed_ms == 60_000
    assert run(distributed(waits, MaxConcurrency=1), [1, 2, 3]).elapsed_ms == 180_000


def test_a_childs_times_count_from_its_own_start() -> None:
    waits = processor(W={"Type": "Wait", "Seconds": 60, "End": True})
    children = only_run(run(distributed(waits, MaxConcurrency=1), [1, 2])).children
    assert [child.log.events[-1][2] for child in children.values()] == [60_000, 60_000]
    starts = [child.identity.start for child in children.values()]
    assert (starts[1] - starts[0]).total_seconds() == 60


def test_two_runs_with_one_seed_are_equal_and_with_another_differ() -> None:
    def once(seed: int) -> list[Any]:
        execution = run(distributed(CALLS), [1, 2], refuses(), options=Options(seed=seed))
        children = only_run(execution).children.values()
        return [execution.log.events, [(child.identity.arn, child.log.events) for child in children]]

    assert once(1) == once(1)
    assert once(1)[1] != once(2)[1]


def test_how_many_workers_there_are_changes_nothing() -> None:
    made = machine(A=distributed(CALLS, ToleratedFailureCount=9, MaxConcurrency=5))

    def once(workers: int) -> list[Any]:
        execution = made.run(list(range(30)), {"f": refuses(3, 4, 20)}, workers=workers)
        children = only_run(execution).children.values()
        return [execution.log.events, [(child.identity.arn, child.log.events) for child in children]]

    assert once(1) == once(4)


def test_the_first_failure_fails_a_run_that_bears_none() -> None:
    execution = run(distributed(CALLS, MaxConcurrency=1), [1, 2, 3], refuses(2))
    assert (execution.error, execution.cause) == (
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
    )
    assert parents(execution)[-4:] == [
        (4, 3, "MapRunStarted"),
        (5, 4, "MapRunFailed"),
        (6, 5, "MapStateFailed"),
        (7, 6, "ExecutionFailed"),
    ]
    map_run = only_run(execution)
    assert (map_run.status, map_run.executions["FAILED"], map_run.pending) == ("FAILED", 1, 1)
    assert (map_run.children[1].error, map_run.children[1].log.events[-1][3]) == ("ValueError", "ExecutionFailed")


@pytest.mark.parametrize(
    ("fields", "value", "status"),
    [
        ({"ToleratedFailureCount": 1}, {}, "FAILED"),
        ({"ToleratedFailureCount": 2}, {}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 49}, {}, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, {}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 100}, {}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 2, "ToleratedFailurePercentage": 49}, {}, "FAILED"),
        ({"ToleratedFailureCountPath": "$.n"}, {"n": 2}, "SUCCEEDED"),
        ({"ToleratedFailureCountPath": "$.n"}, {"n": "2"}, "SUCCEEDED"),
        ({"ToleratedFailurePercentagePath": "$.n"}, {"n": 49.9}, "FAILED"),
        ({"ToleratedFailurePercentagePath": "$.n"}, {"n": "50.0"}, "SUCCEEDED"),
    ],
)
def test_failures_are_borne_up_to_the_thresholds(fields: dict[str, Any], value: dict[str, Any], status: str) -> None:
    state = distributed(CALLS, ItemsPath="$.l", **fields)
    assert run(state, {"l": [1, 2, 3, 4], **value}, refuses(2, 4)).status == status


def test_a_failed_batch_counts_all_its_items() -> None:
    batched = distributed(CALLS, ItemBatcher={"MaxItemsPerBatch": 3}, ToleratedFailureCount=2)
    assert run(batched, [1, 2, 3, 4], always(ValueError())).status == "FAILED"


def test_a_borne_failure_stands_in_the_result_with_the_workflows_metadata() -> None:
    result: Any = run(distributed(CALLS, ToleratedFailureCount=1), [1, 2], refuses(2)).result()
    assert result[0] == 1
    assert (result[1]["Status"], result[1]["Error"], result[1]["Input"]) == ("FAILED", "ValueError", "2")
    assert ":execution:machine/Each:" in result[1]["ExecutionArn"]


def test_a_failed_run_can_be_caught() -> None:
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "ResultPath": "$.e", "Next": "B"}]
    execution = run(distributed(CALLS, ItemsPath="$.l", Catch=catch), {"l": [1]}, refuses(1), B=passing())
    assert execution.result()["e"]["Error"] == "States.ExceedToleratedFailureThreshold"  # type: ignore[index,call-overload]


def test_a_retry_is_another_run() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    execution = run(distributed(CALLS, Retry=retry), [1], fails(ValueError(), then="well"))
    assert execution.result() == ["well"]
    first, second = execution.log.map_runs
    assert (first.status, second.status) == ("FAILED", "SUCCEEDED")
    assert first.arn != second.arn
    assert types(execution).count("MapStateStarted") == types(execution).count("MapRunStarted") == 2


def test_no_more_children_run_at_once_than_may() -> None:
    waits = processor(W={"Type": "Wait", "Seconds": 1, "End": True})
    assert run(distributed(waits, MaxConcurrencyPath="$.n", ItemsPath="$.l"), {"n": 2, "l": [0] * 5}).elapsed_ms == 3000


def test_ten_thousand_run_at_once_at_most() -> None:
    waits = processor(W={"Type": "Wait", "Seconds": 1, "End": True})
    assert run(distributed(waits), [0] * 10_001).elapsed_ms == 2000


def test_a_history_limit_is_each_childs_own() -> None:
    long = processor(**{f"S{n}": passing(Next=f"S{n + 1}") for n in range(10)}, S10=passing())
    execution = run(distributed(long, ToleratedFailurePercentage=100), [1], options=Options(limit_events=15))
    assert execution.status == "SUCCEEDED"
    child = only_run(execution).children[0]
    assert (child.status, child.error, len(child.log.events)) == ("FAILED", "States.Runtime", 15)


def test_children_together_may_have_more_events_than_one_history() -> None:
    assert run(distributed(), list(range(30)), options=Options(limit_events=25)).status == "SUCCEEDED"


def test_outputs_over_the_payload_limit_fail_the_map() -> None:
    big = processor(I=passing(Result="x" * 100_000))
    execution = run(distributed(big), [1, 2, 3])
    assert execution.error == "States.DataLimitExceeded"
    assert types(execution)[-3:] == ["MapRunSucceeded", "MapStateFailed", "ExecutionFailed"]


def test_an_input_over_the_payload_limit_fails_its_child_alone() -> None:
    state = distributed(ItemsPath="$.l", ItemSelector={"all.$": "$.l", "again.$": "$.l"}, ToleratedFailureCount=1)
    execution = run(state, {"l": ["x" * 150_000]})
    assert only_run(execution).children[0].error == "States.DataLimitExceeded"


def test_a_distributed_map_runs_inside_another() -> None:
    inner = {**distributed(), "Label": "Inner"}
    execution = run(distributed(processor(N=inner)), [[1, 2], [3]])
    assert execution.result() == [[1, 2], [3]]
    nested = only_run(execution).children[0].log.map_runs[0]
    assert ":mapRun:machine/Inner:" in nested.arn
    assert nested.execution_arn == only_run(execution).children[0].identity.arn


def test_an_inline_map_and_a_parallel_run_inside_a_child() -> None:
    inline = {"Type": "Map", "ItemProcessor": graph(I=passing()), "Next": "P"}
    both = {"Type": "Parallel", "Branches": [graph(X=passing()), graph(Y=passing())], "End": True}
    assert run(distributed(processor(M=inline, P=both)), [[1]]).result() == [[[1], [1]]]


def test_a_branch_that_fails_beside_it_aborts_the_run() -> None:
    waits = processor(W={"Type": "Wait", "Seconds": 60, "End": True})
    failing = graph(Z={"Type": "Wait", "Seconds": 1, "Next": "F"}, F={"Type": "Fail", "Error": "E"})
    state = {"Type": "Parallel", "Branches": [graph(M=distributed(waits)), failing], "End": True}
    execution = run(state, [1, 2])
    assert (execution.error, execution.elapsed_ms) == ("E", 1000)
    assert "MapRunAborted" in types(execution)
    map_run = only_run(execution)
    assert (map_run.status, map_run.executions["ABORTED"]) == ("ABORTED", 2)


def test_the_first_ten_children_and_the_failed_ones_are_kept() -> None:
    execution = run(distributed(CALLS, ToleratedFailureCount=5), list(range(50)), refuses(20, 49))
    assert sorted(only_run(execution).children) == [*range(10), 20, 49]
    assert only_run(execution).executions["SUCCEEDED"] == 48


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ToleratedFailureCountPath": "$.n"}, 'The ToleratedFailureCountPath field refers to value "x" which is not'),
        ({"ItemBatcher": {"MaxItemsPerBatchPath": "$.n"}}, 'The MaxItemsPerBatchPath field refers to value "x" which'),
        ({"ResultWriter": {}}, "The ResultWriter field cannot be empty."),
        ({"ItemBatcher": {"MaxItemsPerBatch": 1, "BatchInput": {"a.$": "$.no"}}}, "The JSONPath '$.no' specified for"),
    ],
)
def test_a_field_of_the_maps_own_that_is_wrong_ends_it_before_its_run_starts(fields: dict[str, Any], said: str) -> None:
    execution = run(distributed(ItemsPath="$.l", **fields), {"l": [1], "n": "x"})
    assert execution.error == "States.Runtime"
    assert words(execution).startswith(said)
    assert types(execution)[-2:] == ["MapStateStarted", "ExecutionFailed"]


def test_an_item_that_the_selector_cannot_read_fails_the_run() -> None:
    execution = run(distributed(ItemSelector={"a.$": "$$.Map.Item.Value.a"}), [{"a": 1}, {}])
    assert execution.error == "States.Runtime"
    assert execution.detail is not None
    assert execution.detail.item == 1
    assert types(execution)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("batcher", "sizes"),
    [
        ({"MaxItemsPerBatch": 2}, [2, 2, 1]),
        ({"MaxItemsPerBatch": 10}, [5]),
        ({"MaxInputBytesPerBatch": 17}, [3, 2]),
        ({"MaxItemsPerBatch": 2, "MaxInputBytesPerBatch": 17}, [2, 2, 1]),
        ({"MaxInputBytesPerBatch": 1}, [1, 1, 1, 1, 1]),
    ],
)
def test_batches_hold_as_many_items_as_fit(batcher: dict[str, int], sizes: list[int]) -> None:
    result: Any = run(distributed(ItemBatcher=batcher), [1, 2, 3, 4, 5]).result()
    assert [len(batch["Items"]) for batch in result] == sizes
    assert [item for batch in result for item in batch["Items"]] == [1, 2, 3, 4, 5]


def test_a_batch_carries_its_batch_input() -> None:
    batcher = {"MaxItemsPerBatchPath": "$.n", "BatchInput": {"who.$": "$.who", "fixed": 1}}
    execution = run(distributed(ItemsPath="$.l", ItemBatcher=batcher), {"l": [1, 2, 3], "n": 2, "who": "me"})
    head = {"who": "me", "fixed": 1}
    assert execution.result() == [{"BatchInput": head, "Items": [1, 2]}, {"BatchInput": head, "Items": [3]}]


@pytest.mark.parametrize(
    ("config", "result"),
    [
        ({"Transformation": "COMPACT"}, [[1], [2, 3]]),
        ({"OutputType": "JSON"}, [[1], [2, 3]]),
        ({"Transformation": "FLATTEN"}, [1, 2, 3]),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "1\n2\n3\n"),
    ],
)
def test_a_writer_without_a_resource_shapes_the_result(config: dict[str, str], result: Any) -> None:
    assert run(distributed(ResultWriter={"WriterConfig": config}), [[1], [2, 3]]).result() == result


def test_the_transformation_none_tells_the_metadata_of_each_child() -> None:
    state = distributed(ResultWriter={"WriterConfig": {"Transformation": "NONE"}})
    (entry,) = run(state, [{"a": 1}]).result()  # type: ignore[misc]
    assert list(entry) == [  # type: ignore[arg-type]
        "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus",
        "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
    ]  # fmt: skip
    assert (entry["Input"], entry["Output"]) == ('{"a":1}', '{"a":1}')  # type: ignore[index,call-overload]
