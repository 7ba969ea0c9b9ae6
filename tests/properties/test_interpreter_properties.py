"""Any small machine ends, or meets a limit; and what a run did depends on nothing but what it was given."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfn_sim import Options, StateMachine
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import FUNCTION

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut"}
paths = st.sampled_from(["$", "$.a", "$.b.c", None])
templates = st.sampled_from([{"a.$": "$.a"}, {"b": {"c.$": "$"}}, {"a": [1, 2], "id.$": "States.UUID()"}])
values = st.recursive(
    st.none() | st.integers(0, 3) | st.just("x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
items = st.lists(st.fixed_dictionaries({"a": values}, optional={"l": st.just([1])}), min_size=1, max_size=3)
inputs = st.fixed_dictionaries({"l": items}, optional={"a": values, "b": values})
catch = st.sampled_from([[], [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "END"}]])
retry = st.sampled_from([[], [{"ErrorEquals": ["Odd"], "MaxAttempts": 2, "JitterStrategy": "FULL"}]])


class Odd(Exception):
    """What the handler of these machines raises now and then."""


def handler(event: Any, context: Any) -> Any:
    size = len(json.dumps(event))
    time.sleep(size % 5)
    if size % 3 == 1:
        raise Odd(size)
    return {"a": event, "at": time.time(), "id": context.aws_request_id}


def states(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return a state without its Next; END stands for the last state of its graph."""
    flow = {"InputPath": paths, "ResultPath": paths, "OutputPath": paths}
    simple = [
        st.fixed_dictionaries({"Type": st.just("Pass")}, optional={**flow, "Parameters": templates}),
        st.fixed_dictionaries({"Type": st.just("Wait"), "Seconds": st.sampled_from([0, 1, 86_400])}),
        st.fixed_dictionaries({"Type": st.just("Wait"), "SecondsPath": st.just("$.a")}),
        st.fixed_dictionaries({"Type": st.just("Fail")}, optional={"Error": st.sampled_from(["Odd", "E"])}),
        st.fixed_dictionaries(
            {"Type": st.just("Task"), "Resource": st.just(f"{FUNCTION}f"), "Retry": retry, "Catch": catch},
            optional={**flow, "Parameters": templates, "TimeoutSeconds": st.just(3)},
        ),
    ]
    if depth == 0:
        return st.one_of(simple)
    return st.one_of(
        *simple,
        st.fixed_dictionaries(
            {
                "Type": st.just("Map"),
                "ItemsPath": st.just("$.l"),
                "ItemProcessor": graphs(depth - 1),
                "Retry": retry,
                "Catch": catch,
            },
            optional={
                "ItemSelector": st.just({"a.$": "$$.Map.Item.Value", "l": [1, 2], "n.$": "$$.State.RetryCount"}),
                "MaxConcurrency": st.integers(0, 2),
                "ToleratedFailureCount": st.just(1),
                "ResultPath": paths,
            },
        ),
        st.fixed_dictionaries(
            {"Type": st.just("Parallel"), "Branches": st.lists(graphs(depth - 1), min_size=1, max_size=2)},
            optional={"ResultPath": paths, "Catch": catch},
        ),
    )


@st.composite
def graphs(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """Return a chain of states in which Choices jump forwards and back."""
    made = draw(st.lists(states(depth), min_size=1, max_size=4))
    names = [f"S{number}" for number in range(len(made))]
    named: dict[str, dict[str, Any]] = {}
    for number, (name, state) in enumerate(zip(names, made, strict=True)):
        following = names[number + 1] if number + 1 < len(names) else "END"
        named[name] = state if state["Type"] == "Fail" else {**state, "Next": following}
    # A Choice at the head that can lead to each makes every state reachable, and a jump back makes loops.
    choices = [
        {"Variable": "$.a", "IsPresent": number % 2 == 0, "Next": name} for number, name in enumerate([*names, "END"])
    ]
    named["Head"] = {"Type": "Choice", "Choices": choices, "Default": draw(st.sampled_from(["END", *names]))}
    if draw(st.booleans()):
        looping = next((each for each in named.values() if each.get("Next") == "END"), None)
        if looping is not None:
            looping["Next"] = "Head"
    named["END"] = {"Type": "Succeed"}
    return {"StartAt": "Head", "States": named}


def renamed(graph: dict[str, Any], place: str) -> dict[str, Any]:
    """Give every state of a machine a name of its own, as AWS demands."""

    def of(name: str) -> str:
        return f"{place}{name}"

    def state(given: dict[str, Any], inside: str) -> dict[str, Any]:
        made = {key: of(value) if key in ("Next", "Default") else value for key, value in given.items()}
        for key in ("Catch", "Choices"):
            if key in made:
                made[key] = [{**each, "Next": of(each["Next"])} for each in made[key]]
        if "ItemProcessor" in made:
            made["ItemProcessor"] = renamed(made["ItemProcessor"], f"{inside}m")
        if "Branches" in made:
            made["Branches"] = [renamed(each, f"{inside}b{n}") for n, each in enumerate(made["Branches"])]
        return made

    named = {of(name): state(given, of(name)) for name, given in graph["States"].items()}
    return {"StartAt": of(graph["StartAt"]), "States": named}


machines = graphs().map(lambda graph: StateMachine.from_json(renamed(graph, "")))


def play(machine: StateMachine, value: Any, **more: Any) -> Execution:
    options = Options(limit_events=300, limit_bytes=2000, seed=more.pop("seed", 0))
    return machine.run(value, {"f": handler}, options=options, isolate=False, **more)


def log(execution: Execution) -> str:
    stages = [(visit.path, visit.stages, visit.retry_delays_ms) for visit in execution.log.visits]
    return json.dumps([list(execution.history()), stages], default=str)


@few
@given(machines, inputs)
def test_any_machine_ends_or_meets_a_limit_and_its_history_holds_together(machine: StateMachine, value: Any) -> None:
    execution = play(machine, value)
    events = list(execution.history())
    assert execution.status in ("SUCCEEDED", "FAILED")
    assert len(events) <= 300
    assert events[-1]["type"] in ENDS
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in events)
    entered = [event for event in events if event["type"].endswith("StateEntered")]
    assert len(entered) == len(execution.log.visits)


@few
@given(machines, inputs, st.integers(0, 3), st.sampled_from([("inline", 1), ("threads", 1), ("threads", 4)]))
def test_the_same_seed_gives_the_same_log_on_any_executor(
    machine: StateMachine, value: Any, seed: int, executor: tuple[str, int]
) -> None:
    name, workers = executor
    first = play(machine, value, seed=seed)
    assert log(play(machine, value, seed=seed, executor=name, workers=workers)) == log(first)


@few
@given(machines, inputs)
def test_no_stage_is_changed_by_what_comes_after_it(machine: StateMachine, value: Any) -> None:
    before = json.dumps(value)
    execution = play(machine, value)
    assert json.dumps(value) == before
    texts = {
        event["id"]: event["stateEnteredEventDetails"]["input"]
        for event in execution.history()
        if event["type"].endswith("StateEntered")
    }
    for visit in execution.log.visits:
        assert json.loads(texts[visit.entered_event]) == visit.input
