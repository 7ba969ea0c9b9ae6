"""The inline Map: both forms, its context, its numbers, its failures, and its history."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sfn_sim.run.execution import Execution
from tests.behaviour.machines import Busy, always, fails, graph, machine, parents, passing, run, task, types, words


def mapping(processor: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor or graph(I=passing()), "End": True, **fields}


def legacy(state: dict[str, Any]) -> dict[str, Any]:
    """Return the same Map in its older form."""
    names = {"ItemProcessor": "Iterator", "ItemSelector": "Parameters"}
    return {names.get(key, key): value for key, value in state.items()}


@pytest.mark.parametrize("form", [lambda state: state, legacy])
@pytest.mark.parametrize(
    ("fields", "value", "output"),
    [
        ({}, [1, "two", None, {"three": 3}], [1, "two", None, {"three": 3}]),
        ({}, [], []),
        ({"ItemsPath": "$.l"}, {"l": [1, 2]}, [1, 2]),
        ({"InputPath": "$.in", "ItemsPath": "$.l"}, {"in": {"l": [7]}}, [7]),
        ({"ItemsPath": "$.l[1]"}, {"l": [[1], [2, 3]]}, [2, 3]),
        (
            {
                "ItemsPath": "$.l",
                "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "k.$": "$.k"},
            },
            {"l": ["a", "b"], "k": 5},
            [{"i": 0, "v": "a", "k": 5}, {"i": 1, "v": "b", "k": 5}],
        ),
        ({"ItemsPath": "$.l", "ResultPath": "$.r"}, {"l": [1]}, {"l": [1], "r": [1]}),
        ({"ResultPath": None}, [1, 2], [1, 2]),
        ({"ResultSelector": {"first.$": "$[0]"}}, [4, 5], {"first": 4}),
        ({"ItemsPath": "$.l", "ResultPath": "$.r", "OutputPath": "$.r"}, {"l": [3]}, [3]),
    ],
)
def test_items_results_and_fields_in_both_forms(form: Any, fields: dict[str, Any], value: Any, output: Any) -> None:
    execution = run(form(mapping(**fields)), value)
    assert (execution.status, execution.output) == ("SUCCEEDED", output)


def test_a_map_in_a_map_sees_its_own_item_and_its_value_keeps_null() -> None:
    inner = mapping(graph(P=passing(Parameters={"v.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Index"})))
    execution = run(mapping(graph(M=inner)), [[None, 1], []])
    assert execution.output == [[{"v": None, "n": 0}, {"v": 1, "n": 1}], []]


@pytest.mark.parametrize(
    ("value", "words_of"),
    [
        ({"i": {"a": 1}}, 'Reference path "$.i" must point to array.'),
        ({"i": None}, 'Reference path "$.i" must point to array.'),
        ({"i": "[1]"}, 'Reference path "$.i" must point to array.'),
        ({}, "Invalid path '$.i' : No results for path: $['i']"),
    ],
)
def test_items_that_are_no_array_fail_before_the_map_has_started(value: Any, words_of: str) -> None:
    execution = run(mapping(ItemsPath="$.i"), value)
    assert (execution.error, words(execution)) == ("States.Runtime", words_of)
    assert types(execution) == ["ExecutionStarted", "MapStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("fields", "value", "words_of"),
    [
        ({"MaxConcurrencyPath": "$.p"}, "NoNumber",
         'The MaxConcurrencyPath field refers to value "NoNumber" which is not a valid integer: $.p'),
        ({"ToleratedFailureCountPath": "$.p"}, "NoNumber",
         'The ToleratedFailureCountPath field refers to value "NoNumber" which is not a valid integer: $.p'),
        ({"ToleratedFailurePercentagePath": "$.p"}, "NoNumber",
         'The ToleratedFailurePercentagePath field refers to value "NoNumber" which is not a valid float: $.p'),
        ({"ToleratedFailureCountPath": "$.p"}, -1, "ToleratedFailureCount cannot be negative."),
        ({"ToleratedFailurePercentagePath": "$.p"}, 100.1, "ToleratedFailurePercentage must be between 0 and 100."),
        ({"ToleratedFailurePercentagePath": "$.p"}, -0.5, "ToleratedFailurePercentage must be between 0 and 100."),
    ],
)  # fmt: skip
def test_numbers_that_are_none_fail_with_awss_words(fields: dict[str, Any], value: Any, words_of: str) -> None:
    execution = run(mapping(ItemsPath="$.l", **fields), {"l": [1], "p": value})
    assert (execution.error, words(execution)) == ("States.Runtime", words_of)


def most_at_once(execution: Execution) -> int:
    running = most = 0
    for event in execution.history():
        running += {"MapIterationStarted": 1, "MapIterationSucceeded": -1}.get(event["type"], 0)
        most = max(most, running)
    return most


@pytest.mark.parametrize(
    ("fields", "most"),
    [({"MaxConcurrency": 1}, 1), ({"MaxConcurrency": 3}, 3), ({}, 9), ({"MaxConcurrency": 0}, 9),
     ({"MaxConcurrency": 50}, 9), ({"MaxConcurrencyPath": "$.p"}, 2)],
)  # fmt: skip
def test_no_more_items_run_at_once_than_allowed_and_time_tells(fields: dict[str, Any], most: int) -> None:
    nap = graph(W={"Type": "Wait", "Seconds": 10, "End": True})
    execution = run(mapping(nap, ItemsPath="$.l", **fields), {"l": list(range(9)), "p": 2})
    assert most_at_once(execution) == most
    assert execution.elapsed_ms == -(-9 // most) * 10_000
    assert execution.output == list(range(9))


def odd_ones(event: int, context: Any) -> int:
    if event % 2:
        raise Busy(str(event))
    return event


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "Busy"),
        ({"ToleratedFailureCount": 3}, None),
        ({"ToleratedFailureCount": 2}, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailurePercentage": 50}, None),
        ({"ToleratedFailurePercentage": 49.9}, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailurePercentage": 100}, None),
        ({"ToleratedFailureCount": 6, "ToleratedFailurePercentage": 10}, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailureCountPath": "$.p"}, None),
        ({"ToleratedFailurePercentagePath": "$.q"}, None),
    ],
)
@pytest.mark.parametrize("most", [0, 1, 4])
def test_failed_items_are_tolerated_up_to_the_threshold(fields: dict[str, Any], error: str | None, most: int) -> None:
    state = mapping(graph(T=task()), ItemsPath="$.l", MaxConcurrency=most, **fields)
    execution = run(state, {"l": list(range(6)), "p": 3, "q": 50.0}, odd_ones)
    assert execution.error == error
    if error is None:
        assert isinstance(execution.output, list)
        assert [each["Error"] if isinstance(each, dict) else each for each in execution.output] == [
            0, "Busy", 2, "Busy", 4, "Busy"
        ]  # fmt: skip


def test_items_that_are_cut_off_end_as_aborted_and_their_waits_cost_nothing() -> None:
    branches = graph(
        C={
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "F"}],
            "Default": "W",
        },
        W={"Type": "Wait", "Seconds": 1000, "End": True},
        F={"Type": "Fail", "Error": "Early"},
    )
    # Item 2 has not begun when item 1 fails: it has no events at all.
    execution = run(mapping(branches), [0, 1, 2])
    assert (execution.error, execution.elapsed_ms) == ("Early", 0)
    ends = [
        (event["type"], event[f"{event['type'][0].lower()}{event['type'][1:]}EventDetails"]["index"])
        for event in execution.history()
        if event["type"].startswith("MapIteration") and not event["type"].endswith("Started")
    ]
    assert ends == [("MapIterationFailed", 1), ("MapIterationAborted", 0)]


def test_one_item_after_the_other_hangs_on_the_last_event_inside_the_one_before() -> None:
    execution = run(mapping(MaxConcurrency=1), [1, 2])
    assert parents(execution) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"),
        (9, 8, "PassStateEntered"),
        (10, 9, "PassStateExited"),
        (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"),
        (13, 11, "MapStateExited"),
        (14, 13, "ExecutionSucceeded"),
    ]


def test_a_retry_of_a_map_starts_it_again_and_a_catch_leaves_it() -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5, "MaxAttempts": 2}]
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}]
    state = mapping(
        graph(T=task()), ItemsPath="$.l", Retry=retry, Catch=catch,
        ItemSelector={"try.$": "$$.State.RetryCount", "id.$": "States.UUID()"},
    )  # fmt: skip
    mended = machine(A={**state, "Catch": []}).run({"l": [1]}, {"f": fails(Busy("1"), Busy("2"), then="ok")})
    assert mended.output == ["ok"]
    assert mended.visit("A").retry_delays_ms == (5000, 10_000)
    assert mended.visit("A").error is None
    assert types(mended).count("MapStateStarted") == 3
    assert types(mended).count("MapStateEntered") == 1
    inputs = [visit.input for visit in mended.visits("T")]
    assert [each["try"] for each in inputs if isinstance(each, dict)] == [0, 1, 2]
    assert len({each["id"] for each in inputs if isinstance(each, dict)}) == 3
    del state["End"]
    caught = machine(A={**state, "Next": "B"}, B=passing()).run({"l": [1]}, {"f": always(Busy("never"))})
    assert isinstance(caught.output, dict)
    assert caught.output["e"]["Error"] == "Busy"
    assert types(caught)[-5:] == [
        "MapStateFailed", "MapStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"
    ]  # fmt: skip


def test_items_sleep_side_by_side_and_come_back_in_their_order() -> None:
    def handler(event: int, context: Any) -> int:
        time.sleep(event)
        return event * 10

    execution = run(mapping(graph(T=task())), [3, 1, 2], handler)
    assert (execution.output, execution.elapsed_ms) == ([30, 10, 20], 3000)


@pytest.mark.parametrize("concurrency", [0, 1000])
def test_forty_items_at_most_are_under_way_at_once(concurrency: int) -> None:
    nap = graph(Nap={"Type": "Wait", "Seconds": 10, "End": True})
    state = {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": nap, "End": True}
    execution = run(state, list(range(41)))
    assert (execution.status, execution.elapsed_ms) == ("SUCCEEDED", 20_000)
