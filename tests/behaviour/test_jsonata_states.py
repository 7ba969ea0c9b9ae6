"""States in JSONata: what each field reads and gives, what fails and how, and where the languages meet."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from sfn_sim import ConfigurationError, DefinitionError, StateMachine
from sfn_sim.query import jsonata
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import INVOKE, Busy, always, fails, graph, passing, task, types, words

EVALUATION = "States.QueryEvaluationError"


def load(top: dict[str, Any] | None = None, **states: Any) -> StateMachine:
    return StateMachine.from_json({"QueryLanguage": "JSONata", **(top or {}), **graph(**states)})


def run(state: dict[str, Any], value: Any = None, handler: Any = None, **others: Any) -> Execution:
    """Run a machine in JSONata that starts with `state`, named A; `handler` answers for the function f."""
    return load(A=state, **others).run({} if value is None else value, {"f": handler} if handler else None)


def failed_field(execution: Execution) -> tuple[Any, ...]:
    """Return error, location and state of the EvaluationFailed event, the last but one of its execution."""
    event = next(each for each in execution.history() if each["type"] == "EvaluationFailed")
    details = event["evaluationFailedEventDetails"]
    return details["error"], details.get("location"), details["state"]


def choice(*rules: dict[str, Any], default: str | None = "No", **more: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": list(rules), **({"Default": default} if default else {}), **more}


# What the fields give


@pytest.mark.parametrize(
    ("output", "given"),
    [
        ("{% $states.input.a %}", 1),
        (
            {"x": "{% $states.input.a + 1 %}", "y": [1, "{% $states.input.b %}"], "z": None},
            {"x": 2, "y": [1, "t"], "z": None},
        ),
        ("plain text", "plain text"),
        (" {% 1 %}", " {% 1 %}"),
        (None, None),
        ([], []),
        ("{% $states.context.State.Name %}", "A"),
        ("{% $states.context.Execution.Input.b %}", "t"),
    ],
)  # fmt: skip
def test_output_is_what_the_state_gives(output: Any, given: Any) -> None:
    assert run(passing(Output=output), {"a": 1, "b": "t"}).result() == given


def test_a_state_without_output_gives_on_its_input_or_the_result_of_its_task() -> None:
    assert run(passing(), {"a": 1}).result() == {"a": 1}
    assert run({"Type": "Succeed"}, {"a": 1}).result() == {"a": 1}
    assert run(task(), {"a": 1}, lambda event, context: {"b": event}).result() == {"b": {"a": 1}}


def test_arguments_are_what_the_handler_is_given() -> None:
    state = task(
        Arguments={"n": "{% $states.input.a * 2 %}"}, Output={"in": "{% $states.input %}", "r": "{% $states.result %}"}
    )
    execution = run(state, {"a": 2}, lambda event, context: event["n"] + 1)
    assert execution.result() == {"in": {"a": 2}, "r": 5}
    assert [stage for stage, _ in execution.visit("A").stages] == ["input", "afterArguments", "result", "output"]


def test_arguments_may_be_one_expression() -> None:
    state = {"Type": "Task", "Resource": INVOKE, "Arguments": "{% {'FunctionName': 'f', 'Payload': $states.input} %}"}
    machine = load(A={**state, "Output": "{% $states.result.Payload %}", "End": True})
    assert machine.run({"a": 1}, {"f": lambda event, context: event}).result() == {"a": 1}


def test_the_function_name_may_be_an_expression() -> None:
    state = {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": "{% $states.input.name %}"}, "End": True}
    assert load(A=state).run({"name": "f"}, {"f": lambda event, context: 7}).result()["Payload"] == 7


def test_a_wait_takes_its_seconds_and_its_timestamp_from_an_expression() -> None:
    assert run({"Type": "Wait", "Seconds": "{% $states.input.s + 1 %}", "End": True}, {"s": 2}).elapsed_ms == 3000
    until = "{% $fromMillis($millis() + 5000) %}"
    assert run({"Type": "Wait", "Timestamp": until, "End": True}).elapsed_ms == 5000


def test_a_fail_takes_its_error_and_cause_from_expressions() -> None:
    execution = run(
        {"Type": "Fail", "Error": "{% 'No' & $states.input.x %}", "Cause": "{% $string($states.input) %}"}, {"x": "X"}
    )
    assert (execution.error, execution.cause) == ("NoX", '{"x":"X"}')


def test_a_task_takes_its_timeout_and_heartbeat_from_expressions() -> None:
    state = task(TimeoutSeconds="{% $states.input.t %}", HeartbeatSeconds="{% 1 + 1 %}")
    execution = run(state, {"t": 9}, lambda event, context: 1)
    scheduled = next(each for each in execution.history() if each["type"] == "LambdaFunctionScheduled")
    assert scheduled["lambdaFunctionScheduledEventDetails"]["timeoutInSeconds"] == 9


# Choice


def test_the_first_condition_that_holds_decides() -> None:
    rules = (
        {"Condition": "{% $states.input.n > 5 %}", "Next": "Many", "Output": "{% 'over ' & $states.input.n %}"},
        {"Condition": True, "Next": "Few"},
    )
    others = {"Many": {"Type": "Succeed"}, "Few": {"Type": "Succeed"}, "No": {"Type": "Fail"}}
    assert run(choice(*rules, Output="other"), {"n": 6}, **others).result() == "over 6"
    assert run(choice(*rules, Output="other"), {"n": 5}, **others).result() == {"n": 5}


def test_output_and_assign_of_a_choice_itself_go_with_default() -> None:
    rule = {"Condition": False, "Next": "No", "Output": 1, "Assign": {"x": 1}}
    execution = run(
        choice(rule, Output="{% 'none' %}", Assign={"x": "{% 2 %}"}),
        No=passing(Output=["{% $x %}", "{% $states.input %}"]),
    )
    assert execution.result() == [2, "none"]


def test_a_condition_that_is_no_boolean_fails() -> None:
    execution = run(choice({"Condition": "{% $states.input.n %}", "Next": "No"}), {"n": 1}, No={"Type": "Succeed"})
    assert failed_field(execution) == (EVALUATION, "Choices[0]/Condition", "A")
    assert words(execution) == (
        "The JSONata expression '$states.input.n' specified for the field 'Choices[0]/Condition' returned an "
        "unexpected result type. Expected 'boolean', but was 'number' for value: 1"
    )


# Variables


def test_assign_and_output_read_the_variables_of_before() -> None:
    execution = run(
        passing(Assign={"x": 1}, Next="B"),
        B=passing(Assign={"x": "{% $x + 1 %}", "was": "{% $x %}"}, Output="{% $x %}", Next="C"),
        C=passing(Output=["{% $states.input %}", "{% $x %}", "{% $was %}"]),
    )
    assert execution.result() == [1, 2, 1]


def test_variables_go_from_one_language_into_the_other() -> None:
    machine = StateMachine.from_json(
        graph(
            A=passing(Assign={"x.$": "$.n"}, Next="B"),
            B=passing(QueryLanguage="JSONata", Assign={"y": "{% $x * 2 %}"}, Output={"x": "{% $x %}"}, Next="C"),
            C=passing(Parameters={"x.$": "$.x", "y.$": "$y"}),
        )
    )
    assert machine.run({"n": 3}).result() == {"x": 3, "y": 6}


def test_the_result_is_what_assign_finds_in_states_result() -> None:
    state = task(Assign={"got": "{% $states.result.v %}"}, Output={}, Next="B")
    assert run(state, {}, lambda event, context: {"v": 4}, B=passing(Output="{% $got %}")).result() == 4


def test_assigned_variables_stand_in_the_exit_as_json_text() -> None:
    execution = run(passing(Assign={"a": "{% 'x' %}", "b": [1]}))
    exited = next(each for each in execution.history() if each["type"] == "PassStateExited")
    assert exited["stateExitedEventDetails"]["assignedVariables"] == {"a": '"x"', "b": "[1]"}


# Errors


@pytest.mark.parametrize(
    ("state", "field", "sentence"),
    [
        (
            passing(Output={"a": [0, {"b": "{% $states.input.no %}"}]}), "Output/a[1]/b",
            "The JSONata expression '$states.input.no' specified for the field 'Output/a[1]/b' returned nothing "
            "(undefined).",
        ),
        (
            passing(Assign={"v": "{% $nobody %}"}), "Assign/v",
            "The JSONata expression '$nobody' specified for the field 'Assign/v' returned nothing (undefined).",
        ),
        (
            passing(Output="{% $error('so not') %}"), "Output",
            "The JSONata expression '$error('so not')' specified for the field 'Output' threw an error during "
            "evaluation. D3137: so not",
        ),
        (
            passing(Output="{% function($x){ $x } %}"), "Output",
            "The JSONata expression 'function($x){ $x }' specified for the field 'Output' returned an unsupported "
            "result type.",
        ),
        (
            passing(Output="{% ($f := function($n){ 1 + $f($n) }; $f(1)) %}"), "Output",
            "The JSONata expression '($f := function($n){ 1 + $f($n) }; $f(1))' specified for the field 'Output' threw "
            "an error during evaluation: Stack overflow error: Check for non-terminating recursive function. Consider "
            "rewriting as tail-recursive",
        ),
        (
            {"Type": "Fail", "Error": "{% 1 %}"}, "Error",
            "The JSONata expression '1' specified for the field 'Error' returned an unexpected result type. Expected "
            "'string', but was 'number' for value: 1",
        ),
        (
            {"Type": "Wait", "Seconds": "{% 'x' %}", "End": True}, "Seconds",
            "The JSONata expression ''x'' specified for the field 'Seconds' returned an unexpected result type. "
            "Expected 'number', but was 'string' for value: \"x\"",
        ),
        ({"Type": "Wait", "Seconds": "{% -1 %}", "End": True}, "Seconds", "The Seconds field has a negative value: -1"),
        (
            {"Type": "Wait", "Seconds": "{% 0.5 %}", "End": True}, "Seconds",
            "The Seconds field cannot be parsed as a long value: 0.5",
        ),
        (
            {"Type": "Wait", "Timestamp": "{% 'soon' %}", "End": True}, "Timestamp",
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: soon",
        ),
    ],
)  # fmt: skip
def test_a_field_that_fails_is_named_as_aws_names_it(state: dict[str, Any], field: str, sentence: str) -> None:
    execution = run(state)
    assert failed_field(execution) == (EVALUATION, field, "A")
    assert words(execution) == sentence
    assert execution.error == EVALUATION
    assert types(execution)[-2:] == ["EvaluationFailed", "ExecutionFailed"]


def test_an_evaluation_that_fails_hangs_on_what_was_before_the_state() -> None:
    execution = run(passing(Next="B"), B=passing(Output="{% $nobody %}"))
    told = [(each["id"], each["previousEventId"]) for each in execution.history() if each["type"] == "EvaluationFailed"]
    assert told == [(5, 3)]


def test_an_output_that_fails_after_the_task_hangs_on_the_end_of_the_task() -> None:
    execution = run(task(Output="{% $nobody %}"), {}, lambda event, context: 1)
    by_type = {each["type"]: each for each in execution.history()}
    assert by_type["EvaluationFailed"]["previousEventId"] == by_type["LambdaFunctionSucceeded"]["id"]


@pytest.mark.parametrize("name", ["States.ALL", EVALUATION, "States.TaskFailed"])
def test_an_evaluation_that_fails_can_be_caught(name: str) -> None:
    state = task(Arguments="{% $nobody %}", Catch=[{"ErrorEquals": [name], "Next": "B"}])
    execution = run(state, {"a": 1}, lambda event, context: 1, B=passing(Output="{% $states.input.Error %}"))
    assert execution.result() == EVALUATION
    assert types(execution)[1:4] == ["TaskStateEntered", "EvaluationFailed", "TaskStateExited"]


def test_an_evaluation_that_fails_can_be_retried() -> None:
    retry = [{"ErrorEquals": [EVALUATION], "MaxAttempts": 2, "IntervalSeconds": 1, "BackoffRate": 1}]
    execution = run(task(Arguments="{% $nobody %}", Retry=retry), {}, lambda event, context: 1)
    assert types(execution).count("EvaluationFailed") == 3
    assert execution.elapsed_ms == 2000


def test_a_catch_without_output_gives_the_error_and_one_with_output_what_it_says() -> None:
    def caught(**catch: Any) -> Any:
        state = task(Catch=[{"ErrorEquals": ["Busy"], "Next": "B", **catch}])
        return run(
            state,
            {"a": 1},
            always(Busy("no")),
            B=passing(Output=["{% $states.input %}", "{% $exists($e) ? $e : null %}"]),
        )

    assert set(caught().result()[0]) == {"Error", "Cause"}
    given = caught(
        Output={"e": "{% $states.errorOutput.Error %}", "in": "{% $states.input %}"},
        Assign={"e": "{% $states.errorOutput.Error %}"},
    )
    assert given.result() == [{"e": "Busy", "in": {"a": 1}}, "Busy"]


def test_a_catch_whose_output_fails_fails_the_execution() -> None:
    state = task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B", "Output": {"x": "{% $nobody %}"}}])
    execution = run(state, {}, always(Busy("no")), B=passing())
    assert failed_field(execution) == (EVALUATION, "Catch[0]/Output/x", "A")


def test_what_a_retry_has_mended_assigns_once() -> None:
    state = task(
        Retry=[{"ErrorEquals": ["Busy"]}],
        Assign={"r": "{% $states.result %}"},
        Output="{% $states.context.State.RetryCount %}",
        Next="B",
    )
    execution = run(state, {}, fails(Busy("x"), then=5), B=passing(Output=["{% $states.input %}", "{% $r %}"]))
    assert execution.result() == [1, 5]


# Languages


def test_a_jsonpath_state_of_a_jsonpath_machine_stands_beside_one_in_jsonata() -> None:
    machine = StateMachine.from_json(
        graph(
            A=passing(Parameters={"n.$": "$.n"}, ResultPath="$.p", Next="B"),
            B=passing(QueryLanguage="JSONata", Output="{% $states.input.p.n %}"),
        )
    )
    assert machine.run({"n": 4}).result() == 4


def test_branches_and_processors_have_the_machines_language_not_their_states() -> None:
    inner = graph(P=passing(Parameters={"v.$": "$"}))
    state = {
        "Type": "Map",
        "QueryLanguage": "JSONata",
        "Items": "{% $states.input.l %}",
        "ItemProcessor": inner,
        "End": True,
    }
    assert StateMachine.from_json(graph(M=state)).run({"l": [1, 2]}).result() == [{"v": 1}, {"v": 2}]


def test_text_that_looks_like_an_expression_is_text_in_jsonpath() -> None:
    machine = StateMachine.from_json(graph(A={"Type": "Fail", "Error": "{% 1 %}", "Cause": "{% 2 %}"}))
    execution = machine.run({})
    assert (execution.error, execution.cause) == ("{% 1 %}", "{% 2 %}")


# Chance and time


def test_random_values_come_from_the_seed_and_time_from_the_virtual_clock() -> None:
    machine = load(
        W={"Type": "Wait", "Seconds": 10, "Next": "A"},
        A=passing(Output=["{% $random() %}", "{% $uuid() %}", "{% $now() %}"]),
    )
    one, same, other = (machine.run({}, seed=seed, name="n").result() for seed in (1, 1, 2))
    assert one == same
    assert one[:2] != other[:2]
    assert one[2] == "2025-01-01T00:00:10.000Z"


def test_a_seeded_random_number_is_javas() -> None:
    assert run(passing(Output="{% $random(42) %}")).result() == 0.7275636800328681


# The engine


def test_jsonpath_machines_do_not_need_the_engine() -> None:
    code = (
        "import sys; sys.modules['jlens'] = None\n"
        "from sfn_sim import StateMachine\n"
        "one = {'Type': 'Pass', 'Parameters': {'a.$': '$.b'}, 'Assign': {'x.$': '$.a'}, 'End': True}\n"
        "print(StateMachine.from_json({'StartAt': 'A', 'States': {'A': one}}).run({'b': 1}).result())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("{'a': 1}", "")


def test_a_jsonata_machine_without_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jlens", None)
    jsonata._engine.cache_clear()
    jsonata.compile_expression.cache_clear()
    with pytest.raises(ConfigurationError, match=r"python -m pip install 'sfn-sim\[jsonata\]'"):
        load(A=passing(Output="{% 1 + 1 %}"))
    monkeypatch.undo()
    jsonata._engine.cache_clear()


def test_an_expression_that_is_no_jsonata_does_not_load() -> None:
    with pytest.raises(DefinitionError, match="INVALID_JSONATA_EXPRESSION"):
        load(A=passing(Output={"v": "{% 1 + %}"}))
