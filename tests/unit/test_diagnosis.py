"""The message beside AWS's own: state, place, and the words that tell an author what to change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sfn_sim import Options, StateMachine
from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from tests.behaviour.machines import FUNCTION, always, graph, passing, task

Handler = Callable[[Any, Any], Any]


def diagnosed(
    states: dict[str, dict[str, Any]], value: Any = None, handler: Handler | None = None, **more: Any
) -> tuple[Diagnosis, StateMachine]:
    machine = StateMachine.from_json({**more.pop("top", {}), "StartAt": next(iter(states)), "States": states})
    execution = machine.run({} if value is None else value, {"f": handler or (lambda event, context: event)}, **more)
    found = diagnose(execution, machine.source)
    assert found is not None, execution.output
    return found, machine


def underlined(found: Diagnosis, machine: StateMachine) -> str:
    """Return what the carets stand under."""
    assert found.location is not None
    line = machine.source.line(found.location.line)
    return line[found.location.column - 1 :][: found.location.length]


def reads(path: str, **more: Any) -> dict[str, Any]:
    return passing(Parameters={"v.$": path}, **more)


def test_an_execution_that_succeeded_has_nothing_to_tell() -> None:
    machine = StateMachine.from_json(graph(A=passing()))
    assert diagnose(machine.run(), machine.source) is None


def test_a_key_that_a_state_before_replaced_away() -> None:
    found, machine = diagnosed({"Call": task(Next="Read"), "Read": reads("$.order.id")}, {"order": {"id": 1}},
                               lambda event, context: {"receipt": 1})  # fmt: skip
    assert (found.state, found.field, found.expression) == ("Read", "Parameters/v.$", "$.order.id")
    assert found.pointer == "/States/Read/Parameters/v.$"
    assert underlined(found, machine) == "order"
    assert found.what == "$.order is missing from the effective input: {receipt}"
    assert found.why.startswith("Call (event 2) replaced the whole state by its result: it has no ResultPath")
    assert found.fix == "give Call a ResultPath such as $.call"


def test_a_result_that_result_path_null_dropped() -> None:
    found, _ = diagnosed({"Call": task(ResultPath=None, Next="Read"), "Read": reads("$.receipt")}, {"order": 1},
                         lambda event, context: {"receipt": 1})  # fmt: skip
    assert found.why == "Call (event 2) had $.receipt in its result, and its ResultPath null drops the result"
    assert found.fix == "give Call a ResultPath that is not null"


def test_a_key_that_stands_elsewhere_now() -> None:
    found, _ = diagnosed({"Call": task(ResultPath="$.r", Next="Read"), "Read": reads("$.receipt")}, {"order": 1},
                         lambda event, context: {"receipt": 5})  # fmt: skip
    assert found.fix.startswith("read $.r.receipt (a number, present since Call)")


@pytest.mark.parametrize(("path", "fix"), [("$.ordr", "did you mean $.order?"), ("$.Order", "did you mean $.order?")])
def test_a_key_that_was_only_spelled_wrongly(path: str, fix: str) -> None:
    found, _ = diagnosed({"Read": reads(path)}, {"order": 1})
    assert found.fix == fix
    assert found.why == "the execution's input does not have it: {order}"


def test_a_key_that_nobody_has_ever_had() -> None:
    found, _ = diagnosed({"First": passing(Next="Read"), "Read": reads("$.zzz")}, {"order": 1})
    assert found.why == "no state before this one ever had it, nor the execution's input"
    assert found.fix == "give $.zzz in the execution's input, or test IsPresent in a Choice before"


def test_a_path_below_null_names_who_made_it_null() -> None:
    states = {"Call": task(ResultPath="$.r", Next="Read"), "Read": reads("$.r.key")}
    found, machine = diagnosed(states, {}, lambda event, context: None)
    assert found.what == "$.r is null, so that $.r.key cannot be read"
    assert found.why == "Call (event 2) made it null"
    assert underlined(found, machine) == "key"
    given, _ = diagnosed({"Read": reads("$.r.key")}, {"r": None})
    assert given.why == "it is null in the input"
    assert "IsNull" in given.fix


def test_a_path_into_a_value_of_another_kind() -> None:
    found, _ = diagnosed({"Read": reads("$.r.key")}, {"r": [1, 2]})
    assert found.what == "$.r is an array of 2, and has no 'key'"


def test_a_path_inside_an_intrinsic_is_underlined_where_it_stands() -> None:
    found, machine = diagnosed({"Read": reads("States.Format('{} missing {}', $.a, $.missing.b)")}, {"a": 1})
    assert found.what == "$.missing is missing from the effective input: {a}"
    assert underlined(found, machine) == "missing"
    assert found.location is not None
    assert machine.source.line(found.location.line)[found.location.column - 3] == "$"


def test_an_item_that_lacks_a_key_is_told_what_items_are_made_of() -> None:
    inner = graph(Read=reads("$.value.x"))
    states = {
        "Each": {"Type": "Map", "ItemSelector": {"val.$": "$$.Map.Item.Value"}, "ItemProcessor": inner, "End": True}
    }
    found, _ = diagnosed(states, [1])
    assert found.state == "Each[0].Read"
    assert found.why == "each item of Each is what its ItemSelector gives: {val}"


def test_a_branch_whose_parallel_gives_only_a_part_is_told_so() -> None:
    inner = graph(Read=reads("$.order"))
    states = {"Both": {"Type": "Parallel", "Parameters": {"k": 1}, "Branches": [inner], "End": True}}
    found, _ = diagnosed(states, {"order": 1})
    assert found.why == "each branch of Both gets what its Parameters gives: {k}"
    assert found.fix == "give $.order in the Parameters of Both, or test IsPresent in a Choice before"


def test_input_path_that_hands_on_a_part_only() -> None:
    found, _ = diagnosed({"Read": reads("$.b", InputPath="$.a")}, {"a": {"c": 1}, "b": 2})
    assert found.why == "the state's input has it, but InputPath $.a hands on only a part"


def test_runtime_errors_are_told_to_be_beyond_any_catch() -> None:
    state = task(Parameters={"v.$": "$.no"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}], Next="B")
    found, _ = diagnosed({"A": state, "B": passing()})
    assert found.notes == ["no Catch catches States.Runtime, not even one that names it"]


def test_a_choice_on_a_missing_variable_points_into_its_rule() -> None:
    choices = [{"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.b.c", "IsNull": True}], "Next": "S"}]
    states = {"C": {"Type": "Choice", "Choices": choices, "Default": "S"}, "S": {"Type": "Succeed"}}
    found, machine = diagnosed(states, {"a": 1})
    assert found.pointer == "/States/C/Choices/0/And/1/Variable"
    assert underlined(found, machine) == "b"


def test_a_choice_without_a_way_out() -> None:
    choices = [{"Variable": "$.a", "IsNull": True, "Next": "S"}]
    found, _ = diagnosed({"C": {"Type": "Choice", "Choices": choices}, "S": {"Type": "Succeed"}}, {"a": 1})
    assert (found.what, found.why) == ("no rule of this Choice holds, and it has no Default", "its input is {a}")
    assert found.fix == "give it a Default"


def test_a_value_over_the_limit_names_the_largest_fields_and_who_put_them_there() -> None:
    states = {"One": task(ResultPath="$.one", Next="Two"), "Two": task(ResultPath="$.two.deep")}
    found, _ = diagnosed(states, {"n": 1}, lambda event, context: "é" * 70_000)
    assert found.what == "the output has 280,034 bytes, 17,890 over the limit of 262,144"
    assert sorted(found.why.removeprefix("largest: ").split("; ")) == [
        "$.n 1 bytes, from the execution's input",
        "$.one 140,002 bytes, present since One",
        "$.two.deep 140,002 bytes, put there by Two",
    ]
    assert "into S3 and pass its key" in found.fix
    assert found.notes == ["this is the state's whole output, checked after its catchers: no Catch can take it"]


def test_a_field_that_a_state_wrote_anew_is_its_own() -> None:
    output, _ = diagnosed({"A": passing(Result="x" * 30, ResultPath="$.v")}, {"v": 1}, options=Options(limit_bytes=30))
    assert "put there by A" in output.why


def test_a_map_whose_list_is_too_large_is_told_how_to_make_it_smaller() -> None:
    states = {"M": {"Type": "Map", "ItemProcessor": graph(T=task()), "End": True}}
    found, _ = diagnosed(states, [1, 2, 3], lambda event, context: {"body": "x" * 100_000})
    assert found.what.startswith("the result has 300,0")
    assert "let each item put its body into S3" in found.fix


def test_a_handler_that_raised_is_told_with_its_own_line_and_its_attempts() -> None:
    state = task(Retry=[{"ErrorEquals": ["KeyError"], "MaxAttempts": 2}])
    found, _ = diagnosed({"Call": state}, {}, always(KeyError("poll_results")))
    assert found.what == f"{FUNCTION}f failed: KeyError: 'poll_results'"
    assert found.why.startswith('File "/var/task/machines.py", line ')
    assert found.attempt == 3
    assert "tried 3 times, waiting 3 s in all" in found.notes
    other, _ = diagnosed({"Call": state}, {}, always(ValueError("x")))
    assert "no retrier takes ValueError: they name KeyError" in other.notes


def test_what_a_failing_handler_printed_is_shown() -> None:
    def handler(event: Any, context: Any) -> None:
        print("about to fail")  # noqa: T201 - what is tested
        raise ValueError

    found, _ = diagnosed({"Call": task()}, {}, handler)
    assert any(note.endswith(": about to fail") for note in found.notes)


def test_a_function_that_is_not_there_is_no_matter_of_mending_a_handler() -> None:
    state = {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName.$": "$.name"}, "End": True,
    }  # fmt: skip
    found, _ = diagnosed({"Call": state}, {"name": "nobody"})
    assert found.fix == "write a handler for nobody, or mend what gives the FunctionName of Call"


def test_a_fail_state_tells_of_the_error_that_led_to_it() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Bad"}]
    states = {"Call": task(Catch=catch), "Bad": {"Type": "Fail", "Error": "X", "Cause": "fixed"}}
    found, _ = diagnosed(states, {}, always(ValueError("the real reason")))
    assert found.what == "the Fail state Bad ended the execution: fixed"
    assert found.why == "Call (event 2) failed with ValueError: the real reason"
    assert "CausePath" in found.fix


def test_a_timeout_says_how_long_it_took_and_may_take() -> None:
    found, _ = diagnosed({"Call": task(TimeoutSeconds=3)}, {}, lambda event, context: time.sleep(100))
    assert found.what == f"{FUNCTION}f took 100 s of virtual time, and may take 3 s"
    assert "TimeoutSeconds" in found.fix


def test_the_machines_own_timeout_says_where_it_was() -> None:
    found, _ = diagnosed({"W": {"Type": "Wait", "Seconds": 60, "End": True}}, top={"TimeoutSeconds": 5})
    assert (found.state, found.error) == ("the execution", "TIMED_OUT")
    assert found.why == "it was in W, entered after 0 s"
    assert "TimeoutSeconds of the machine" in found.fix


def test_a_full_history_names_the_state_that_filled_it() -> None:
    choices = [{"Variable": "$.never", "IsPresent": True, "Next": "End"}]
    states = {
        "Loop": passing(Next="Ask"),
        "Ask": {"Type": "Choice", "Choices": choices, "Default": "Loop"},
        "End": {"Type": "Succeed"},
    }
    found, _ = diagnosed(states, options=Options(limit_events=101))
    assert (found.what, found.why) == ("the history is full: 101 events", "Loop was entered 25 times")
    assert "--limit-events off" in found.fix


@pytest.mark.parametrize(("items", "what"), [(None, "$.i is null, and a Map needs an array"),
                                             ({"a": 1}, "$.i is an object, and a Map needs an array")])  # fmt: skip
def test_a_map_over_no_array(items: Any, what: str) -> None:
    states = {"M": {"Type": "Map", "ItemsPath": "$.i", "ItemProcessor": graph(I=passing()), "End": True}}
    found, _ = diagnosed(states, {"i": items})
    assert (found.field, found.what) == ("ItemsPath", what)


def test_a_result_path_through_a_value_says_what_is_in_the_way() -> None:
    found, _ = diagnosed({"A": passing(Result=1, ResultPath="$.a.b")}, {"a": "text"})
    assert found.what.startswith("the result cannot be placed: Unable to apply ReferencePath $.a.b to input")
    assert found.fix


def test_an_intrinsic_that_refuses_its_arguments_is_shown_with_what_it_reads() -> None:
    found, _ = diagnosed({"A": reads("States.MathAdd($.a, 1)")}, {"a": "text"})
    assert found.error == "States.IntrinsicFailure"
    assert "MathAdd" in found.what
    assert found.why == "it reads {a}"


def test_the_message_has_place_excerpt_what_why_and_fix() -> None:
    found, machine = diagnosed({"Read": reads("$.ordr")}, {"order": 1})
    lines = found.lines(machine.source)
    assert lines[0] == "<machine>:8:19  States.Runtime in Read (attempt 1, event 2)"
    assert lines[1] == '  8 | "v.$": "$.ordr"'
    assert lines[2] == "    |           ^^^^ no such key here"
    assert [line.split()[0] for line in lines[3:]] == ["what", "why", "fix"]
    told = found.to_json()
    assert (told["file"], told["line"], told["column"], told["pointer"]) == (
        "<machine>", 8, 19, "/States/Read/Parameters/v.$"
    )  # fmt: skip
