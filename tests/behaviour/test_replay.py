"""A recorded run made again: the recorded results answer, and what is not as recorded is told."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import ConfigurationError, MissingHandlerError, Options, StateMachine
from sfn_sim.machine import START
from sfn_sim.replay import replay
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import Answer
from sfn_sim.run.execution import Driver, Execution
from sfn_sim.services.executors import Calls, InlineExecutor
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.testing.mocks import Mocks
from tests.behaviour.machines import INVOKE, always, fails, graph, machine, passing, task

HEARD: list[Any] = []


def counting(event: Any, context: Any) -> Any:
    HEARD.append(event)
    return {"n": len(HEARD)}


@pytest.fixture(autouse=True)
def nobody_was_called() -> None:
    HEARD.clear()


def line(*, key: str = "order", extra: bool = False, again: bool = False) -> StateMachine:
    states: dict[str, Any] = {
        "Charge": task("charge", Parameters={"id.$": f"$.{key}.id"}, ResultPath="$.receipt", Next="Ship"),
        "Ship": task(
            "ship", Parameters={"to.$": "$.order.address", **({"urgent": True} if extra else {})}, ResultPath="$.sent",
            Next="Done",
        ),
        "Done": passing(**({"Next": "More"} if again else {})),
    }  # fmt: skip
    if again:
        states["More"] = task("more")
    return machine(**states)


GIVEN = {"order": {"id": 7, "address": "here"}}


def recorded_line() -> Execution:
    execution = line().run(GIVEN, {"charge": counting, "ship": counting})
    HEARD.clear()
    return execution


def test_an_unchanged_definition_gives_the_same_run_and_calls_nobody() -> None:
    was = recorded_line()
    done = replay(was, line(), handlers=Handlers(functions={"charge": counting, "ship": counting}))
    assert list(done.execution.log.events) == list(was.log.events)
    assert done.comparison.same
    assert (done.used.recorded, done.used.real, HEARD) == (2, [], [])


def test_retries_errors_timeouts_and_what_they_took_come_again() -> None:
    def slow(event: Any, context: Any) -> Any:
        import time

        time.sleep(event["s"])
        return event

    made = machine(
        A=task("flaky", Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}], ResultPath="$.a", Next="B"),
        B=task(
            "slow", TimeoutSeconds=5, Next="C",
            Catch=[{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.late", "Next": "C"}],
        ),
        C={"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "slow", "Payload.$": "$"}, "End": True},
    )  # fmt: skip
    was = made.run({"s": 9}, {"flaky": fails(ValueError("x"), ValueError("y"), then=1), "slow": slow})
    done = replay(was, made)
    assert was.status == "SUCCEEDED"
    assert list(done.execution.log.events) == list(was.log.events)
    assert done.used.recorded == 5


def test_items_of_maps_and_branches_get_each_their_own_result() -> None:
    fan = {
        "Type": "Map", "MaxConcurrency": 2, "End": True,
        "ItemProcessor": graph(P={"Type": "Parallel", "Branches": [graph(T=task()), graph(U=task("g"))], "End": True}),
    }  # fmt: skip
    made = machine(M=fan)
    was = made.run([3, 1, 2], {"f": lambda event, _: event * 10, "g": lambda event, _: -event})
    done = replay(was, made)
    assert list(done.execution.log.events) == list(was.log.events)
    assert done.execution.output == [[30, -3], [10, -1], [20, -2]]


def test_children_of_a_distributed_map_answer_as_recorded() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(T=task())}
    made = machine(M={"Type": "Map", "ItemProcessor": processor, "End": True})
    was = made.run([1, 2, 3], {"f": lambda event, _: event * 10})
    done = replay(was, made)
    assert done.execution.output == [10, 20, 30]
    assert done.used.recorded == 3


def test_a_child_that_was_not_kept_goes_to_its_handler_and_says_so_once() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **graph(T=task())}
    made = machine(M={"Type": "Map", "ItemProcessor": processor, "End": True})
    was = made.run([*range(30)], {"f": lambda event, _: event * 10})
    done = replay(was, made, handlers=Handlers(functions={"f": counting}))
    assert done.used.recorded == 10
    assert [*range(10, 30)] == HEARD
    (note,) = done.used.notes()
    assert note.startswith("called the real handler: M[…].T (f): the record does not hold this child of a Map Run")
    assert note.endswith("(20 calls)")
    words = r"M\[10\]\.T \(f\): child 10 of M is not in the record: of its 30 children it has 10.*--no-handlers"
    with pytest.raises(ConfigurationError, match=words):
        replay(was, made)


def test_what_was_not_recorded_is_answered_by_mocks_before_handlers() -> None:
    mocks = Mocks()
    more = mocks.add("more", {"mocked": True})
    handlers = Handlers(functions={"more": counting})
    done = replay(recorded_line(), line(again=True), handlers=handlers, mocks=mocks)
    assert done.execution.output == {"mocked": True}
    assert (more.call_count, HEARD, len(done.used.real)) == (1, [], 1)


def test_a_changed_path_tells_the_state_field_and_values_at_which_the_runs_part() -> None:
    was = recorded_line()
    edited = machine(
        Charge=task("charge", Parameters={"id.$": "$.order.id"}, ResultPath="$.receipt", Next="Ship"),
        Ship=task("ship", Parameters={"to.$": "$.order.address"}, ResultPath="$.shipped", Next="Done"),
        Done=passing(),
    )
    done = replay(was, edited)
    first = done.comparison.states[0]
    assert (first.place, first.field) == ("Ship", "afterResultPath")
    assert [each.pointer for each in first.differences] == ["/sent", "/shipped"]
    assert first.events == (7, 7)


def test_another_payload_goes_to_the_real_handler() -> None:
    was = recorded_line()
    done = replay(was, line(extra=True), handlers=Handlers(functions={"charge": counting, "ship": counting}))
    assert HEARD == [{"to": "here", "urgent": True}]
    assert done.used.recorded == 1
    assert done.used.real == ["Ship (ship): /urgent: nothing | true"]


def test_another_payload_without_handlers_gets_the_recorded_result_and_that_is_told() -> None:
    was = recorded_line()
    done = replay(was, line(extra=True))
    assert done.execution.status == "SUCCEEDED"
    assert done.execution.output == was.output
    assert done.used.other == ["Ship (ship): /urgent: nothing | true"]


def test_what_was_not_recorded_is_called() -> None:
    done = replay(recorded_line(), line(again=True), handlers=Handlers(functions={"more": counting}))
    assert len(HEARD) == 1
    assert done.execution.output == {"n": 1}
    assert done.comparison.states[0].place == "More"


def test_what_was_not_recorded_is_refused_where_nobody_may_be_called() -> None:
    with pytest.raises(ConfigurationError, match=r"More \(more\): nothing was recorded there, and --no-handlers"):
        replay(recorded_line(), line(again=True))
    with pytest.raises(MissingHandlerError, match="no handler to call instead"):
        replay(recorded_line(), line(again=True), handlers=Handlers())


def test_a_failed_run_goes_on_where_the_edited_definition_mends_it() -> None:
    was = line(key="ordre").run(GIVEN, {"charge": counting, "ship": counting})
    assert was.status == "FAILED"
    done = replay(was, line(), handlers=Handlers(functions={"charge": counting, "ship": counting}))
    assert done.execution.status == "SUCCEEDED"
    assert done.comparison.states[0].place == "Charge"
    assert [each.pointer for each in done.comparison.ends] == ["/status", "/error", "/cause"]


def test_a_replay_begins_with_the_state_and_its_input_and_variables() -> None:
    made = machine(
        A=task("f", Assign={"kept.$": "$.n"}, Next="B"),
        B=passing(Parameters={"kept.$": "$kept", "who.$": "$$.Execution.Input.who", "n.$": "$.n"}, Next="C"),
        C=task("f"),
    )
    was = made.run({"who": "me"}, {"f": counting})
    HEARD.clear()
    done = replay(was, made, start_at="B")
    assert done.execution.path == ["B", "C"]
    assert done.execution.output == was.output
    assert done.comparison.same
    assert done.comparison.compared == 2


def test_a_replay_that_fails_at_a_later_state_as_recorded_is_the_same() -> None:
    made = machine(A=passing(Next="B"), B=passing(Parameters={"n.$": "$.gone"}))
    was = made.run({}, {})
    done = replay(was, made, start_at="B")
    assert was.cause != done.execution.cause  # a cause has the id of the event at which its state was entered
    assert done.comparison.same


@pytest.mark.parametrize(("name", "words"), [("T", "state of the machine itself"), ("Z", "never entered it")])
def test_a_state_that_a_replay_cannot_begin_with_is_refused(name: str, words: str) -> None:
    made = machine(
        M={"Type": "Map", "ItemProcessor": graph(T=passing()), "End": True},
    ) if name == "T" else machine(
        Y={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "Z"}], "Default": "W"},
        Z={"Type": "Succeed"},
        W={"Type": "Succeed"},
    )  # fmt: skip
    was = made.run([] if name == "T" else {})
    with pytest.raises(ConfigurationError, match=words):
        replay(was, made, start_at=name)


def test_answers_for_task_tokens_come_again_after_as_long_a_time() -> None:
    made = machine(
        A={
            "Type": "Task", "Resource": f"{INVOKE}.waitForTaskToken", "TimeoutSeconds": 900,
            "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}, "Next": "B",
        },
        B=task("arn:aws:states:us-east-1:123456789012:activity:desk") | {
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:desk"
        },
    )  # fmt: skip
    calls = Calls(Handlers(functions={"ask": lambda event, _: "asked"}), START)
    executor = InlineExecutor(calls)
    driver = Driver(made.planned, {}, Identity("m", "n", START), executor, Options(), outside=True)
    for answer, later_ms in ((Answer(b'{"said":"yes"}'), 70_000), (Answer(b'{"done":1}'), 5_000)):
        assert not driver.go_on()
        driver.go_on(driver.scheduler.now_ms + later_ms)
        (token,) = driver.scheduler.parked
        parked = driver.scheduler.parked[token]
        if parked.effect.started is not None:
            parked.effect.started(None)
        driver.scheduler.answer(token, answer)
    assert driver.go_on()
    executor.close()
    was = driver.execution
    assert was.status == "SUCCEEDED"
    done = replay(was, made)
    assert done.execution.output == {"done": 1}
    assert done.comparison.same
    assert done.execution.elapsed_ms == was.elapsed_ms


def test_an_error_of_a_handler_comes_again_with_its_cause() -> None:
    made = machine(A=task())
    was = made.run({}, {"f": always(ValueError("é"))})
    done = replay(was, made)
    assert (done.execution.error, done.execution.cause) == (was.error, was.cause)
