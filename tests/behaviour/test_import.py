"""A production run out of its history: its values as AWS had them, its stages folded again, what is lacking named."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import ConfigurationError, SfnSimError, StateMachine
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.explain import explain
from sfn_sim.analysis.lineage.backwards import lineage
from sfn_sim.analysis.lineage.places import is_whole, places, stages
from sfn_sim.analysis.trace import path_text
from sfn_sim.history_events import read_history
from sfn_sim.history_import import import_history
from sfn_sim.refold import FoldDifference
from sfn_sim.replay import replay
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import INVOKE, fails, graph, machine, passing, task
from tests.conformance import corpus


def printed(execution: Execution) -> list[dict[str, Any]]:
    """Return a history as the AWS CLI prints it."""
    text = json.dumps(list(execution.history()), default=lambda at: at.isoformat())
    document: list[dict[str, Any]] = json.loads(text)
    return document


AGAIN = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
MACHINE = machine(
    Fan={
        "Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"n.$": "$$.Map.Item.Value", "tag.$": "$.tag"},
        "MaxConcurrency": 2, "ResultPath": "$.fan", "Next": "Both",
        "ItemProcessor": graph(
            Try=task("flaky", Retry=AGAIN, ResultPath="$.got", Next="Keep"),
            Keep=passing(Parameters={"got.$": "$.got"}),
        ),
    },
    Both={
        "Type": "Parallel", "ResultPath": "$.both", "Next": "Call",
        "Branches": [graph(W={"Type": "Wait", "Seconds": 3, "End": True}), graph(P=passing(Assign={"inner": 1}))],
    },
    Call={
        "Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "bad", "Payload": {"tag.$": "$.tag"}},
        "Catch": [{"ErrorEquals": ["ValueError"], "ResultPath": "$.error", "Next": "Which"}],
        "Assign": {"never": True}, "Next": "Which",
    },
    Which={
        "Type": "Choice", "Choices": [{"Variable": "$.error", "IsPresent": True, "Next": "End"}], "Default": "Lost",
    },
    Lost={"Type": "Fail"},
    End=passing(OutputPath="$.fan"),
)  # fmt: skip


def production_run() -> Execution:
    handlers = {"flaky": fails(OSError("once"), then={"ok": True}), "bad": fails(ValueError("é"))}
    return MACHINE.run({"items": [1, 2, 3], "tag": "t"}, handlers)


def test_a_history_gives_the_run_with_all_its_stages() -> None:
    was = production_run()
    imported = import_history(printed(was), MACHINE, was.identity.arn)
    run = imported.execution
    assert imported.differences == []
    assert imported.lacking == []
    assert (run.status, run.output, run.elapsed_ms) == ("SUCCEEDED", was.output, was.elapsed_ms)
    assert list(run.history()) == list(was.history())
    for ours, theirs in zip(run.log.visits, was.log.visits, strict=True):
        assert (ours.path, ours.previous, ours.entered_event) == (theirs.path, theirs.previous, theirs.entered_event)
        assert ours.stages == theirs.stages
        assert (ours.output, ours.caught) == (theirs.output, theirs.caught)
        assert ours.retry_delays_ms == theirs.retry_delays_ms


def test_an_imported_run_can_be_replayed() -> None:
    was = production_run()
    imported = import_history(printed(was), MACHINE, was.identity.arn).execution
    done = replay(imported, MACHINE)
    assert done.execution.output == was.output
    assert done.comparison.same


@pytest.mark.parametrize("resource", [f"{INVOKE}.waitForTaskToken", INVOKE])
def test_a_failure_without_an_error_is_replayed_and_told_as_one(resource: str) -> None:
    made = machine(T=task(Resource=resource, Parameters={"FunctionName": "f", "Payload": {}}))
    what = dict(zip(("resourceType", "resource"), resource.removeprefix("arn:aws:states:::").split(":"), strict=True))
    at = "2025-01-01T00:00:00Z"
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("ExecutionStarted", "executionStarted", {"input": "{}", "roleArn": "arn:aws:iam::000000000000:role/r"}),
        ("TaskStateEntered", "stateEntered", {"name": "T", "input": "{}"}),
        ("TaskScheduled", "taskScheduled", {**what, "parameters": '{"FunctionName": "f", "Payload": {}}'}),
        ("TaskStarted", "taskStarted", what), ("TaskFailed", "taskFailed", what),
        ("ExecutionFailed", "executionFailed", {}),
    ]  # fmt: skip
    events = [
        {"timestamp": at, "type": kind, "id": n + 1, "previousEventId": max(0, n), f"{key}EventDetails": details}
        for n, (kind, key, details) in enumerate(kinds)
    ]
    events[1]["previousEventId"] = 0
    run = import_history(events, made).execution
    done = replay(run, made)
    assert (done.execution.status, done.execution.error, done.execution.cause) == ("FAILED", None, None)
    assert done.comparison.same
    told = diagnose(done.execution, made.source)
    assert told is not None
    assert told.what.endswith("failed, and told neither an error nor a cause")
    assert told.fix == "mend the handler, or let T retry or catch States.ALL"


def test_a_failed_run_comes_with_its_error() -> None:
    made = machine(A=task(Next="B"), B=passing(InputPath="$.gone"))
    was = made.run({}, {"f": lambda *_: {"n": 1}})
    imported = import_history(printed(was), made)
    assert (imported.execution.status, imported.execution.error) == ("FAILED", was.error)
    assert imported.execution.log.visits[-1].error is not None
    assert imported.differences == []


def test_the_first_event_at_which_our_fold_differs_is_told() -> None:
    events = printed(production_run())
    exits = [each for each in events if each["type"] == "PassStateExited"]
    exited = next(each for each in exits if each["stateExitedEventDetails"]["name"] == "Keep")
    exited["stateExitedEventDetails"]["output"] = '{"got": {"ok": false}}'
    imported = import_history(events, MACHINE)
    first = imported.differences[0]
    assert (first.event, first.place, first.what) == (exited["id"], "Fan[1].Keep", "output")
    assert imported.notes()[-1].endswith("/got/ok: false | true")
    # AWS's value goes on.
    assert imported.execution.log.visits[0].stages[-1][0] == "afterResultPath"
    assert imported.execution.visit("Keep").output == {"got": {"ok": False}}


def test_what_a_history_lacks_is_named_and_not_made_up() -> None:
    events = printed(production_run())
    for event in events:
        for key, details in event.items():
            if key.endswith("Details") and isinstance(details, dict):
                for name in ("input", "output", "parameters"):
                    details.pop(name, None)
    imported = import_history(events, MACHINE)
    assert imported.lacking[0].startswith("the history lacks the execution's name")
    assert "event 2: the history lacks the input of Fan" in imported.lacking
    assert {name for visit in imported.execution.log.visits for name, _ in visit.stages} == {"input"}
    (hop,) = lineage(imported.execution, "Both.output").hops
    assert (hop.kind, hop.words) == ("unknown", "what Both made is not in the record: see what its import lacks")


def test_truncated_values_are_named() -> None:
    events = printed(production_run())
    events[0]["executionStartedEventDetails"] = {"input": "{", "inputDetails": {"truncated": True}}
    assert "event 1: the history has the input truncated" in import_history(events, MACHINE).lacking


def test_a_state_whose_result_was_truncated_is_explained_by_what_there_is() -> None:
    made = machine(A=task("f", Parameters={"id.$": "$.id"}, ResultPath="$.got", Next="B"), B=passing())
    events = printed(made.run({"id": 1}, {"f": lambda *_: {"n": 1}}))
    answered = next(each for each in events if "lambdaFunctionSucceededEventDetails" in each)
    answered["lambdaFunctionSucceededEventDetails"] = {"outputDetails": {"truncated": True}}
    run = import_history(events, made).execution
    output = explain(run, made.source, "A").visits[0].attempts[0][-1]
    assert (output.stage, [str(each.steps) for each in output.changes]) == ("output", ["('got',)"])
    assert output.note == "the run does not have the result that ResultPath put into it"


def test_the_children_of_a_map_run_are_named_as_lacking() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(T=passing())}
    made = machine(M={"Type": "Map", "ItemProcessor": processor, "Next": "P"}, P=passing())
    imported = import_history(printed(made.run([1, 2])), made)
    assert any("children of M" in each for each in imported.lacking)
    assert imported.execution.output == [1, 2]
    assert imported.differences == []


def test_the_history_of_another_definition_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="event 2: the run entered Fan"):
        import_history(printed(production_run()), machine(A=passing()))


def test_pages_are_put_together_in_any_order_and_a_missing_one_is_told(tmp_path: Path) -> None:
    events = printed(production_run())
    pages = [tmp_path / f"{number}.json" for number in range(3)]
    for number, page in enumerate(pages):
        page.write_text(json.dumps({"events": events[number * 10 : (number + 1) * 10 if number < 2 else None]}))
    assert read_history([pages[2], pages[0], pages[1]]) == events
    with pytest.raises(ConfigurationError, match="no event 11: a page is missing"):
        read_history([pages[0], pages[2]])


NESTED = machine(
    Outer={
        "Type": "Parallel", "ResultSelector": {"one.$": "$[0][1].n", "two.$": "$[1]"}, "ResultPath": "$.outer",
        "Next": "Again",
        "Branches": [
            graph(
                Inner={
                    "Type": "Parallel", "End": True,
                    "Branches": [
                        graph(A={"Type": "Wait", "Seconds": 2, "Next": "A2"}, A2=passing()),
                        graph(B=passing()),
                    ],
                },
            ),
            graph(C={"Type": "Wait", "Seconds": 1, "Next": "D"}, D=passing(Parameters={"m.$": "$.n"})),
        ],
    },
    Again={
        "Type": "Choice", "Choices": [{"Variable": "$.second", "IsPresent": True, "Next": "Done"}], "Default": "Mark",
    },
    Mark={"Type": "Pass", "Result": True, "ResultPath": "$.second", "Next": "Outer"},
    Done=passing(),
)  # fmt: skip


def test_branches_within_branches_that_ran_at_once_and_twice_are_each_put_where_they_belong() -> None:
    was = NESTED.run({"n": 1})
    imported = import_history(printed(was), NESTED, was.identity.arn)
    assert imported.differences == []
    paths = [visit.path for visit in imported.execution.log.visits]
    assert paths == [visit.path for visit in was.log.visits]
    assert paths.count("Outer[0].Inner[0].A2") == 2


def masked(events: list[dict[str, Any]], state: str) -> list[dict[str, Any]]:
    """Return a history in which a state's entry has lost its number."""
    for event in events:
        if event.get("stateEnteredEventDetails", {}).get("name") == state:
            event |= {"id": [0], "previousEventId": 0}
    return events


def test_a_history_whose_ids_are_masked_is_refused_with_the_event_its_state_and_place(tmp_path: Path) -> None:
    file = tmp_path / "h.json"
    file.write_text(json.dumps({"events": masked(printed(NESTED.run({"n": 1})), "Inner")}, indent=1))
    line = file.read_text().splitlines().index('   "id": [') + 1
    with pytest.raises(ConfigurationError) as refused:
        read_history([file])
    told = str(refused.value)
    assert told.startswith(f"{file}:{line}:10: event 4 of the 46 here (ParallelStateEntered of Inner) has the id [0]")
    assert "by these numbers an event is put into its branch" in told
    assert told.endswith("import what `aws stepfunctions get-execution-history` prints")


def test_a_masked_history_is_refused_by_the_library_too() -> None:
    with pytest.raises(ConfigurationError, match=r"^event 4 of the 46 here \(ParallelStateEntered of Inner\)"):
        import_history(masked(printed(NESTED.run({"n": 1})), "Inner"), NESTED)


def test_an_event_that_hangs_on_a_later_one_is_refused() -> None:
    events = printed(production_run())
    events[6]["previousEventId"] = 9
    with pytest.raises(ConfigurationError, match=r"event 7 of the .* hangs on event 9, which is none before it"):
        import_history(events, MACHINE)


def test_pages_of_two_executions_are_refused(tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for number, file in enumerate(files):
        file.write_text(json.dumps({"events": printed(NESTED.run({"n": number}))}))
    with pytest.raises(ConfigurationError, match=r"b\.json: event 1 \(ExecutionStarted\) stands twice, and differs"):
        read_history(files)


@pytest.mark.parametrize("text", ["[]", "{}", '{"events": [{"id": 1}]}', "nothing"])
def test_a_file_that_is_no_history_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"h\.json"):
        read_history([tmp_path / "h.json"])


# In recordings names, ARNs, times, random and long values stand as placeholders, which no fold gives.
def _of_a_placeholder(found: FoldDifference) -> bool:
    marks = ("<", "111111111111", "{{", "RandomNumberGenerated", "The Times", "DataLimit")
    text = " ".join(f"{each.left} {each.right}" for each in found.differences)
    return any(mark in text for mark in marks)


def _histories() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for name, case in corpus.cases().items():
        for value in case["expected"].values():
            if isinstance(value, dict) and isinstance(value.get("events"), list) and value["events"]:
                yield name, corpus.definition(name), value["events"]


@pytest.mark.slow
@pytest.mark.skipif(not corpus.is_there(), reason=corpus.ABSENT)
def test_recorded_histories_of_aws_fold_alike_in_both_languages() -> None:
    folded: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    wrong = []
    for name, definition, events in _histories():
        try:
            made = StateMachine.from_json(definition)
        except SfnSimError as error:
            refused[str(error).splitlines()[0].partition(" ")[2]] += 1
            continue
        try:
            imported = import_history(events, made)
        except ConfigurationError as error:
            # Snapshots have the ids of what ran at once masked, and merge events that are alike then.
            assert "Parallel" in json.dumps(definition), name
            refused[" ".join(re.findall(r"has the id .* no number", str(error)))] += 1
            continue
        folded["JSONata" if "JSONata" in json.dumps(definition) else "JSONPath"] += 1
        wrong += [f"{name}: {each}" for each in imported.differences if not _of_a_placeholder(each)]
    assert not wrong
    assert folded["JSONPath"] >= 306
    assert folded["JSONata"] >= 75
    assert refused == {"has the id [0], which is no number": 5}


@pytest.mark.slow
@pytest.mark.skipif(not corpus.is_there(), reason=corpus.ABSENT)
def test_every_value_of_every_recorded_jsonata_run_is_followed_and_never_wrongly() -> None:
    followed = 0
    for name, definition, events in _histories():
        if "JSONata" not in json.dumps(definition) or not all(isinstance(event.get("id"), int) for event in events):
            continue
        run = import_history(events, StateMachine.from_json(definition)).execution
        for place in places(run):
            for stage, value in stages(place.visit):
                for steps in _steps(value):
                    hops = lineage(run, f"{place.path}.{stage}{path_text(steps)[1:]}").hops
                    # The children of a Map Run have histories of their own, which are not there.
                    unknown = [hop for hop in hops if hop.kind == "unknown"]
                    assert not [hop for hop in unknown if hop.point.place and is_whole(hop.point.place.visit)], name
                    for hop, after in pairwise(hop for hop in hops if hop.depth == 0):
                        assert hop.kind not in ("passed", "read") or hop.value == after.value, (name, hop.words)
                    followed += 1
    assert followed > 1500


def _steps(value: Any, below: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield below
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in pairs:
        yield from _steps(each, (*below, step))
