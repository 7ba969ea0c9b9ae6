"""What holds in the history of any machine: order, parents, pairs, and what is handed from event to event.

Source: API reference, HistoryEvent; recorded histories (the first StateEntered has no parent; a Fail state has no
Exited; an iteration never hangs on the MapIterationSucceeded of another).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import event, given

from sfn_sim import StateMachine
from sfn_sim.run.execution import Execution
from tests.properties.examples import examples
from tests.properties.test_interpreter_properties import graphs, inputs, play, renamed

documents = graphs().map(lambda graph: renamed(graph, ""))


@dataclass(frozen=True)
class Place:
    """A state of a machine: its document, its graph, and the state round that (None: none)."""

    state: dict[str, Any]
    graph: dict[str, Any]
    container: str | None

    def targets(self) -> set[str]:
        state = self.state
        entries = [*state.get("Choices", ()), *state.get("Catch", ()), state]
        return {each["Next"] for each in entries if "Next" in each} | {state.get("Default", "")}


def places(graph: dict[str, Any], container: str | None = None) -> Iterator[tuple[str, Place]]:
    for name, state in graph["States"].items():
        yield name, Place(state, graph, container)
        for inner in [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]:
            yield from places(inner, name)


def details(happened: dict[str, Any]) -> dict[str, Any]:
    """Return the details of an event, whatever their key."""
    return next((value for key, value in happened.items() if key.endswith("EventDetails")), {})


class History:
    """An execution's events with what is asked of them."""

    def __init__(self, document: dict[str, Any], execution: Execution) -> None:
        self.places = dict(places(document))
        self.events = list(execution.history())
        self.by_id = {each["id"]: each for each in self.events}

    def of(self, ending: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["type"].endswith(ending)]

    def parent(self, happened: dict[str, Any]) -> dict[str, Any] | None:
        return self.by_id.get(happened["previousEventId"])

    def ancestors(self, happened: dict[str, Any]) -> Iterator[dict[str, Any]]:
        above = self.parent(happened)
        while above is not None:
            yield above
            above = self.parent(above)

    def name(self, happened: dict[str, Any]) -> str:
        return str(details(happened)["name"])

    def check_entry(self, entered: dict[str, Any]) -> None:
        """Check that a state is entered from where it can be, with what was handed on there."""
        name, above = self.name(entered), self.parent(entered)
        place = self.places[name]
        if above is None:
            assert name == place.graph["StartAt"]
            assert place.container is None
            assert details(self.events[0])["input"] == details(entered)["input"]
        elif above["type"].endswith("StateExited"):
            before = self.places[self.name(above)]
            assert before.graph is place.graph
            assert name in before.targets()
            assert details(above)["output"] == details(entered)["input"]
        else:
            assert above["type"] in ("MapIterationStarted", "ParallelStateStarted")
            assert name == place.graph["StartAt"]
            around = [self.name(each) for each in self.ancestors(entered) if each["type"].endswith("StateEntered")]
            assert place.container in around

    def check_exit(self, exited: dict[str, Any]) -> None:
        """Check that a state is left from its own entry, whatever happened inside it."""
        name = self.name(exited)
        graph = self.places[name].graph
        beside = (
            each
            for each in self.ancestors(exited)
            if each["type"].endswith("StateEntered") and self.places[self.name(each)].graph is graph
        )
        assert self.name(next(beside)) == name
        if self.places[name].state["Type"] in ("Pass", "Choice", "Wait", "Succeed"):
            above = self.parent(exited)
            assert above is not None
            assert above["type"].endswith("StateEntered")
            assert self.name(above) == name


@examples(40)
@given(documents, inputs)
def test_events_are_numbered_and_never_go_back_in_time(document: dict[str, Any], value: Any) -> None:
    execution = play(StateMachine.from_json(document), value)
    events = list(execution.history())
    event(execution.status)
    assert [each["id"] for each in events] == list(range(1, len(events) + 1))
    assert all(0 <= each["previousEventId"] < each["id"] for each in events)
    times = [each["timestamp"] for each in events]
    assert times == sorted(times)
    assert (times[-1] - times[0]).total_seconds() * 1000 == execution.elapsed_ms


@examples(40)
@given(documents, inputs)
def test_each_state_is_entered_from_where_it_can_be_and_left_from_its_own_entry(
    document: dict[str, Any], value: Any
) -> None:
    history = History(document, play(StateMachine.from_json(document), value))
    for entered in history.of("StateEntered"):
        history.check_entry(entered)
    for exited in history.of("StateExited"):
        history.check_exit(exited)
    for started in history.of("MapIterationStarted"):
        above = history.parent(started)
        assert above is not None
        assert above["type"] != "MapIterationSucceeded"


@examples(40)
@given(documents, inputs)
def test_whatever_is_entered_is_left_unless_something_failed(document: dict[str, Any], value: Any) -> None:
    execution = play(StateMachine.from_json(document), value)
    history = History(document, execution)
    entered = Counter(map(history.name, history.of("StateEntered")))
    left = Counter(map(history.name, history.of("StateExited")))
    assert all(left[name] <= count for name, count in entered.items())
    assert not any(left[name] for name, place in history.places.items() if place.state["Type"] == "Fail")
    outermost = [each for each in history.of("StateEntered") if history.places[history.name(each)].container is None]
    open_ones = sum(entered[name] - left[name] for name, place in history.places.items() if place.container is None)
    if execution.status == "SUCCEEDED":
        assert open_ones == 0
        assert details(history.events[-1])["output"] == details(history.of("StateExited")[-1])["output"]
    else:
        assert open_ones <= 1
        assert not open_ones or history.name(outermost[-1]) not in ("END", "")
    failed = [*history.of("StateFailed"), *history.of("IterationFailed"), *history.of("IterationAborted")]
    if execution.status == "SUCCEEDED" and not failed:
        assert entered == left


@examples(40)
@given(documents, inputs)
def test_each_iteration_of_a_map_ends_once_and_a_map_that_succeeds_has_them_all(
    document: dict[str, Any], value: Any
) -> None:
    execution = play(StateMachine.from_json(document), value)
    history = History(document, execution)
    started = Counter((history.name(each), details(each)["index"]) for each in history.of("IterationStarted"))
    ends = [each for how in ("Succeeded", "Failed", "Aborted") for each in history.of(f"Iteration{how}")]
    ended = Counter((history.name(each), details(each)["index"]) for each in ends)
    assert all(count <= started[iteration] for iteration, count in ended.items())
    if not history.of("MapStateFailed") and not history.of("ParallelStateFailed") and execution.status == "SUCCEEDED":
        lengths = [details(each)["length"] for each in history.of("MapStateStarted")]
        assert started == ended
        assert started.total() == sum(lengths)
        assert len(history.of("MapStateSucceeded")) == len(lengths)
