"""The children of Map Runs in recorded runs: explained, followed, diagnosed, replayed and compared as items are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import ConfigurationError, Options, StateMachine
from sfn_sim.analysis.compare import NOTHING, compare_runs, lines
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.analysis.explain import explain
from sfn_sim.analysis.kept import listed, notes
from sfn_sim.analysis.lineage.backwards import lineage
from sfn_sim.machine import START
from sfn_sim.redaction import Redaction
from sfn_sim.replay import replay
from sfn_sim.report.explained import explanation
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import Answer
from sfn_sim.run.execution import Driver, Execution
from sfn_sim.runs import find_run, list_runs, make_folder
from sfn_sim.services.executors import Calls, InlineExecutor
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.store import record
from sfn_sim.testing.mocks import Mocks, ok
from tests.behaviour.machines import graph, machine, passing, task

HEARD: list[Any] = []


@pytest.fixture(autouse=True)
def nobody_was_called() -> None:
    HEARD.clear()


def distributed(states: dict[str, Any], **more: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **states}
    return {"Type": "Map", "ItemProcessor": processor, **more}


INNER = graph(
    Half=task("half", Parameters={"n.$": "$.n"}, ResultPath="$.half", Next="Sum"),
    Sum=passing(Parameters={"x.$": "$.half.v"}),
)


def each(**more: Any) -> dict[str, Any]:
    return distributed(INNER, ItemsPath="$.items", End=True, **more)


def half(event: Any, context: Any = None) -> Any:
    HEARD.append(event["n"])
    if event["n"] % 17 == 16:
        raise ValueError(f"odd {event['n']}")
    return {"v": event["n"] / 2}


FLAT = machine(Each=each(ToleratedFailureCount=5))
STRICT = machine(Each=each())
NESTED = machine(Outer=distributed(graph(Each=each(ToleratedFailureCount=9)), ItemsPath="$.groups", End=True))
WITHIN = machine(
    P={
        "Type": "Parallel",
        "Branches": [
            graph(Groups={"Type": "Map", "ItemsPath": "$.groups", "ItemProcessor": graph(Each=each()), "End": True}),
            graph(Q=passing()),
        ],
        "End": True,
    }
)
GROUPS = {"groups": [{"items": [{"n": n + 20 * group} for n in range(12)]} for group in range(2)]}


def items(count: int) -> Any:
    return {"items": [{"n": n} for n in range(count)]}


def run(made: StateMachine, given: Any, **options: Any) -> Execution:
    done = made.run(given, {"half": half}, options=Options(**options))
    HEARD.clear()
    return done


def recorded(folder: Path, made: StateMachine, given: Any, **options: Any) -> Execution:
    record(make_folder(folder), run(made, given, **options), made.source)
    return find_run("last", folder).execution


def test_a_kept_child_of_a_recorded_run_is_explained_and_its_values_are_followed(tmp_path: Path) -> None:
    read = recorded(tmp_path, FLAT, items(30))
    (visit,) = explain(read, FLAT.source, "Each[3].Half").visits
    assert [stage.stage for stage in visit.attempts[0]][:3] == ["input", "afterParameters", "result"]
    found = lineage(read, "Each[3].Sum.output.x").to_json(FLAT.source)
    assert found["value"] == 1.5
    (failed,) = explain(read, FLAT.source, "Each[16].Half").visits
    assert failed.visit.error is not None
    assert failed.visit.error[0] == "ValueError"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("Each[20].Half", r"child 20 of Each is not in the record: of its 30 children it has 11.*: 0 to 9, 16; `sfn"),
        ("Each[30].Half", r"Each has 30 children, and no number 30"),
    ],
)
def test_a_child_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, place: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        explain(recorded(tmp_path, FLAT, items(30)), FLAT.source, place)


def test_a_child_that_was_never_started_is_told_as_that() -> None:
    made = machine(Each=each(MaxConcurrency=1))
    with pytest.raises(ConfigurationError, match=r"child 20 of Each was never started: .*\(FAILED\) after 17 children"):
        explain(run(made, items(30)), made.source, "Each[20].Half")


def test_a_record_says_how_many_children_it_has_and_its_size_counts_their_values(tmp_path: Path) -> None:
    recorded(tmp_path, FLAT, items(30))
    recorded(tmp_path, NESTED, GROUPS)
    recorded(tmp_path, machine(P=passing()), {"p": 1})
    plain, nested, flat = list_runs(tmp_path)
    assert [row.number for row in (flat, nested, plain)] == [1, 2, 3]
    assert (plain.children, plain.notes) == ((0, 0), ())
    assert (flat.children, nested.children) == ((11, 30), (22, 26))
    (note,) = flat.notes
    assert note == "11 of the 30 children of Each are kept: the first of them and those that failed, at most 1,000"
    assert "20 of the 24 children of Each are kept: the first of them of each Map Run" in nested.notes[0]
    assert flat.size_bytes > sum(len(f'{{"n":{n}}}') for n in range(10))


def test_as_many_children_are_kept_as_are_asked_for(tmp_path: Path) -> None:
    read = recorded(tmp_path, FLAT, items(30), keep_children=30)
    assert notes(read) == []
    assert listed(read.map_runs[0]) == "0 to 29"
    assert replay(read, FLAT).comparison.same


def test_children_of_nested_map_runs_come_back_under_their_own_places(tmp_path: Path) -> None:
    read = recorded(tmp_path, NESTED, GROUPS)
    (visit,) = explain(read, NESTED.source, "Outer[1].Each[3].Sum").visits
    assert (visit.place.path, visit.visit.output) == ("Outer[1].Each[3].Sum", {"x": 11.5})
    assert "child 11 of Outer[1].Each is not in the record" in _refused(read, NESTED, "Outer[1].Each[11].Sum")
    assert "Outer has 2 children, and no number 2" in _refused(read, NESTED, "Outer[2].Each[0].Sum")
    hops = str(lineage(read, "Outer[1].Each[3].Sum.output.x").to_json(NESTED.source))
    assert "Outer[1].Each[3].Half" in hops


def test_a_map_run_inside_of_a_map_and_a_parallel_has_its_place_in_them(tmp_path: Path) -> None:
    read = recorded(tmp_path, WITHIN, GROUPS)
    (visit,) = explain(read, WITHIN.source, "P[0].Groups[1].Each[3].Sum").visits
    assert visit.visit.output == {"x": 11.5}
    assert "child 11 of P[0].Groups[0].Each is not" in _refused(read, WITHIN, "P[0].Groups[0].Each[11].Half")
    done = replay(read, WITHIN, handlers=Handlers(functions={"half": half}))
    assert (done.comparison.same, done.used.recorded, HEARD) == (True, 20, [10, 11, 30, 31])


def _refused(execution: Execution, made: StateMachine, place: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        explain(execution, made.source, place)
    return str(refused.value)


def test_the_failure_of_a_recorded_run_leads_to_the_first_child_that_failed(tmp_path: Path) -> None:
    live = run(STRICT, items(30))
    record(make_folder(tmp_path), live, STRICT.source)
    theirs, ours = diagnose(live, STRICT.source), diagnose(find_run("last", tmp_path).execution, STRICT.source)
    assert theirs is not None
    assert ours is not None
    assert ours.lines(STRICT.source) == theirs.lines(STRICT.source)
    assert ours.state == "item 16 of Each, in Half"
    assert "ValueError: odd 16" in ours.what
    assert ours.location is not None


def test_the_failure_of_a_nested_map_run_leads_down_to_the_state_that_failed(tmp_path: Path) -> None:
    made = machine(Outer=distributed(graph(Each=each()), ItemsPath="$.groups", End=True))
    given = {"groups": [items(3), items(20)]}
    found = diagnose(recorded(tmp_path, made, given), made.source)
    assert found is not None
    assert found.state == "item 1 of Outer, in item 16 of Each, in Half"


def test_a_child_that_was_refused_before_it_began_is_told_as_that(tmp_path: Path) -> None:
    made = machine(Each=each(ItemSelector={"n.$": "$$.Map.Item.Value.n", "pad": "x" * 300}))
    read = recorded(tmp_path, made, items(2), limit_bytes=200)
    found = diagnose(read, made.source)
    assert found is not None
    assert found.what.startswith("item 0 of Each was refused before it began: States.DataLimitExceeded")
    assert found.why == "its input has 316 bytes, and 200 is the most"
    assert read.map_runs[0].children[0].log.visits == []
    assert list(explanation(explain(read, made.source), made.source))
    assert replay(read, made).comparison.same


def test_a_child_keeps_its_recorded_results_where_states_are_put_in_before_its_map(tmp_path: Path) -> None:
    read = recorded(tmp_path, FLAT, items(8))
    edited = machine(First=passing(Next="Each"), Each=each(ToleratedFailureCount=5))
    done = replay(read, edited)
    assert done.used.recorded == 8
    assert done.execution.output == read.output
    assert [found.place for found in done.comparison.states] == ["First"]


def test_a_replay_that_begins_at_a_map_finds_its_children(tmp_path: Path) -> None:
    made = machine(
        Again=passing(Next="Each"),
        Each=distributed(INNER, ItemsPath="$.items", ResultPath="$.done", Next="Twice"),
        Twice={
            "Type": "Choice",
            "Choices": [{"Variable": "$.round", "IsPresent": True, "Next": "Done"}],
            "Default": "Mark",
        },
        Mark=passing(Result=1, ResultPath="$.round", Next="Each"),
        Done={"Type": "Succeed"},
    )
    numbers = iter(range(100))
    was = made.run(items(3), {"half": lambda event, _: {"v": next(numbers)}})
    for start in ("Each", "Mark"):
        done = replay(was, made, start_at=start)
        assert done.execution.output == was.output, start
        assert (done.used.other, done.used.real) == ([], [])


def test_the_children_of_each_attempt_at_a_map_answer_as_those_of_that_attempt(tmp_path: Path) -> None:
    retry = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "IntervalSeconds": 3, "MaxAttempts": 2}]
    made = machine(Each=each(Retry=retry))
    calls = iter(range(100))

    def flaky(event: Any, context: Any) -> Any:
        number = next(calls)
        if number == 1:
            raise ValueError("the second call fails")
        return {"v": number}

    was = made.run(items(3), {"half": flaky})
    record(make_folder(tmp_path), was, made.source)
    read = find_run("last", tmp_path).execution
    assert [run.status for run in read.map_runs] == ["FAILED", "SUCCEEDED"]
    done = replay(read, made)
    assert list(done.execution.log.events) == list(was.log.events)
    assert (done.execution.output, done.comparison.same) == ([{"x": 3}, {"x": 4}, {"x": 5}], True)


def test_a_token_of_a_child_is_answered_as_that_childs_was_and_for_no_other() -> None:
    waits = graph(Wait={"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True})
    made = machine(Each=distributed(waits, End=True))
    executor = InlineExecutor(Calls(Handlers(), START))
    who = Identity("machine", "run", START)
    driver = Driver(made.planned, list(range(12)), who, executor, Options(), outside=True, paced=True)
    driver.go_on(0)
    for number, token in reversed(list(enumerate(driver.scheduler.parked))):
        driver.scheduler.answer(token, Answer(str(number).encode()))
    driver.go_on(0)
    executor.close()
    was = driver.execution
    assert was.output == list(range(12))
    fewer = machine(Each=distributed(waits, InputPath="$[0:10]", MaxConcurrency=1, End=True))
    assert replay(was, fewer).execution.output == list(range(10))
    with pytest.raises(ConfigurationError, match=r"Each\[10\]\.Wait waits for an answer: child 10 of Each is not"):
        replay(was, made)


def test_a_call_that_was_cut_off_is_cut_off_again_and_its_result_is_never_made_up() -> None:
    for made in (STRICT, machine(M={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": INNER, "End": True})):
        was = run(made, {"items": [{"n": 1}, {"n": 16}, {"n": 2}]})
        assert was.status == "FAILED"
        done = replay(was, made)
        assert list(done.execution.log.events) == list(was.log.events)
        assert done.comparison.same
    edited = machine(Each=each(ToleratedFailureCount=1))
    was = run(STRICT, {"items": [{"n": 1}, {"n": 16}, {"n": 2}]})
    words = r"Each\[2\]\.Half \(half\): it was under way when the recorded run cut it off.*--no-handlers forbids"
    with pytest.raises(ConfigurationError, match=words):
        replay(was, edited)
    done = replay(was, edited, handlers=Handlers(functions={"half": half}))
    assert (HEARD, done.execution.status) == ([2], "SUCCEEDED")


def test_what_the_machine_reads_of_s3_is_not_made_up() -> None:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "rows", "Key": "a.json"},
    }
    read = run(FLAT, items(3))
    edited = machine(Each=distributed(INNER, ItemReader=reader, End=True))
    words = r"s3:GetObject of s3://rows/a\.json.*no run records.*--fixture NAME"
    for handlers in (None, Handlers(functions={"half": half})):
        with pytest.raises(ConfigurationError, match=words):
            replay(read, edited, handlers=handlers)


def test_answers_of_mocks_are_counted_with_the_calls_that_were_recorded() -> None:
    made = machine(A=task("f", Next="B"), B=task("f", Next="C"), C=task("f"))
    was = made.run(1, {"f": lambda event, _: event + 1})
    edited = machine(A=task("f", Next="B"), B=task("f", Next="C"), C=task("f", Parameters={"other": True}))
    mocks = Mocks()
    f = mocks.add("f", [ok("first"), ok("second"), ok("third")])
    done = replay(was, edited, handlers=Handlers(), mocks=mocks)
    assert done.execution.output == "third"
    assert (f.calls, mocks.problems()) == ([1, 2, {"other": True}], [])


def test_what_is_to_be_hidden_is_hidden_in_children_and_in_what_their_map_tells_of_them(tmp_path: Path) -> None:
    secret = 'Zoë said "no"'
    made = machine(Each=distributed(graph(T=task("f")), ItemsPath="$.items", ToleratedFailureCount=1, End=True))

    def refuse(event: Any, context: Any) -> Any:
        raise ValueError(event["name"])

    live = made.run({"items": [{"name": secret}]}, {"f": refuse})
    hidden = Redaction(["$..name"], b"key").execution(live)
    record(make_folder(tmp_path), hidden, made.source)
    read = find_run("last", tmp_path).execution
    assert read.map_runs[0].children[0].log.visits[0].input["name"] != secret
    told = json.dumps([read.output, *(event[4] for event in read.map_runs[0].children[0].log.events)])
    assert "said" not in told
    assert "ValueError" in told
    (ours,), (theirs,) = read.output, live.output
    assert [len(ours[name].encode()) for name in ("Input", "Cause")] == [
        len(theirs[name].encode()) for name in ("Input", "Cause")
    ]
    json.loads(ours["Input"])


def test_runs_are_compared_with_their_children() -> None:
    left, right = run(FLAT, items(30)), run(FLAT, {"items": [{"n": 5 if n == 4 else n} for n in range(30)]})
    found = compare_runs(left, right)
    first, *rest = [each for each in found.states if each.place != "Each" or each.field == "result"]
    assert (first.place, first.field, str(first.differences[0])) == ("Each[4].Half", "input", "/n: 4 | 5")
    assert rest[-1].place == "Each"
    assert found.notes == ["not compared: 19 of the 30 children of Each, which are not in both records"]
    assert compare_runs(left, left).same
    assert lines(compare_runs(left, left), "a", "a")[1:] == found.notes


def test_a_child_that_failed_in_one_run_alone_is_a_difference() -> None:
    edited = machine(
        Each=distributed(
            graph(Half=task("half", Parameters={"n": 2}, ResultPath="$.half", Next="Sum"), Sum=passing()),
            ItemsPath="$.items", ToleratedFailureCount=5, End=True,
        )
    )  # fmt: skip
    found = compare_runs(run(FLAT, items(30)), run(edited, items(30)))
    there = {each.place: each for each in found.states if each.field in ("ended", "children")}
    assert str(there["Each[16]"].differences[0]) == '/status: "FAILED" | "SUCCEEDED"'
    assert [str(each) for each in there["Each"].differences] == ["/failed: 1 | nothing", "/succeeded: 29 | 30"]


def test_a_child_that_one_run_alone_had_is_a_difference() -> None:
    found = compare_runs(run(FLAT, items(4)), run(FLAT, items(5)))
    (new,) = [each for each in found.states if each.place == "Each[4]"]
    assert (new.field, new.differences[0].left, new.differences[0].right) == ("ended", NOTHING, "SUCCEEDED")


def test_in_a_map_the_items_differ_before_its_result_does() -> None:
    made = machine(M={"Type": "Map", "ItemProcessor": graph(T=task()), "End": True})
    left, right = (made.run([1, 2], {"f": lambda event, _, by=by: event * by}) for by in (2, 3))
    assert next(each.place for each in compare_runs(left, right).states) == "M[0].T"
