"""JSONPath machines written anew in JSONata."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.convert import Converted, ConvertedState, convert
from sfn_sim.proof import compared
from tests.behaviour.machines import FUNCTION

pytest.importorskip("jlens")


def of(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def became(converted: Converted, name: str) -> ConvertedState:
    return next(each for each in converted.states if each.name == name)


def field(state: dict[str, Any], name: str, *, guarded: bool = True) -> Any:
    document: Any = convert(of(A=state), guarded=guarded).document
    return document["States"]["A"].get(name)


def test_a_template_keeps_its_form_and_its_order() -> None:
    parameters = {"id.$": "$.order.id", "fixed": [1, {"who.$": "$$.Execution.Name"}]}
    state = {"Type": "Pass", "Parameters": parameters, "End": True}
    assert field(state, "Output") == {
        "id": "{% $states.input.order.id %}",
        "fixed": [1, {"who": "{% $states.context.Execution.Name %}"}],
    }


def test_a_result_path_merges_the_result_into_the_input() -> None:
    state = {"Type": "Task", "Resource": f"{FUNCTION}f", "ResultPath": "$.a.b", "End": True}
    inner = '$merge([$states.input.a, {"b": $states.result}])'
    assert field(state, "Output") == f'{{% $merge([$states.input, {{"a": {inner}}}]) %}}'
    assert field(state, "Arguments") == "{% $states.input %}"


def test_a_result_path_of_null_gives_the_input_on() -> None:
    state = {"Type": "Task", "Resource": f"{FUNCTION}f", "ResultPath": None, "End": True}
    assert field(state, "Output") == "{% $states.input %}"


def test_what_jsonata_does_by_itself_is_not_written_down() -> None:
    assert field({"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}, "Output") is None
    assert field({"Type": "Pass", "End": True}, "Output") is None


def test_a_catchers_result_path_becomes_its_output() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}]
    state = {"Type": "Task", "Resource": f"{FUNCTION}f", "Catch": catch, "Next": "B"}
    document: Any = convert(of(A=state, B={"Type": "Succeed"})).document
    assert document["States"]["A"]["Catch"] == [
        {
            "ErrorEquals": ["States.ALL"],
            "Output": '{% $merge([$states.input, {"error": $states.errorOutput}]) %}',
            "Next": "B",
        }
    ]


def test_names_that_jsonata_would_read_otherwise_are_quoted() -> None:
    parameters = {"a.$": "$['two words'].and['a`b']"}
    assert field({"Type": "Pass", "Parameters": parameters, "End": True}, "Output") == {
        "a": '{% $lookup($states.input.`two words`.`and`, "a`b") %}'
    }


def test_a_constant_that_looks_like_an_expression_stays_a_constant() -> None:
    definition = of(A={"Type": "Pass", "Result": {"text": "{% 1 + 1 %}"}, "End": True})
    machine = StateMachine.from_json(convert(definition).document)  # type: ignore[arg-type]
    assert machine.run({}).output == {"text": "{% 1 + 1 %}"}


def test_comments_stay_where_they_were() -> None:
    choice = {"Variable": "$.n", "NumericEquals": 1, "Comment": "one", "Next": "B"}
    definition = {
        "Comment": "the machine",
        **of(A={"Type": "Choice", "Comment": "the state", "Choices": [choice], "Default": "B"}, B={"Type": "Succeed"}),
    }
    document: Any = convert(definition).document
    assert document["Comment"] == "the machine"
    assert document["States"]["A"]["Comment"] == "the state"
    assert document["States"]["A"]["Choices"][0]["Comment"] == "one"


@pytest.mark.parametrize(
    ("state", "where", "why"),
    [
        ({"Type": "Pass", "Parameters": {"a.$": "$..b"}}, "Parameters", "'..'"),
        ({"Type": "Pass", "InputPath": "$['a','b']"}, "InputPath", "several names"),
        ({"Type": "Pass", "Parameters": {"a.$": "States.Format($.t, 1)"}}, "Parameters", "that is read by a path"),
        ({"Type": "Pass", "Parameters": {"a.$": "States.MathRandom(1, 9, $.seed)"}}, "Parameters", "with a seed"),
        ({"Type": "Pass", "Result": 1, "ResultPath": "$.list[0]"}, "ResultPath", "placed in a list"),
        ({"Type": "Pass", "Parameters": {"a.$": "$.a[?(@.x =~ /y/)]"}}, "Parameters", "compares more"),
    ],
)  # fmt: skip
def test_what_has_no_equivalent_is_kept_and_told(state: dict[str, Any], where: str, why: str) -> None:
    original = {**state, "End": True}
    definition = of(B={"Type": "Pass", "Next": "A"}, A=original)
    converted = convert(definition)
    told = became(converted, "A")
    assert (told.became, told.field) == ("kept", where)
    assert why in told.why
    document: Any = converted.document
    assert "QueryLanguage" not in document
    assert document["States"]["A"] == original
    assert document["States"]["B"]["QueryLanguage"] == "JSONata"


def test_states_inside_a_map_that_is_kept_are_converted() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"x.$": "$.a"}, "End": True}}}
    definition = of(A={"Type": "Map", "ItemsPath": "$..rows", "ItemProcessor": inner, "End": True})
    definition["States"]["A"]["ItemsPath"] = "$['rows']"
    definition["States"]["A"]["OutputPath"] = "$[0,1]"
    converted = convert(definition)
    assert became(converted, "A").became == "kept"
    assert became(converted, "I").became == "converted"
    made = StateMachine.from_json(converted.document).run({"rows": [{"a": 1}, {"a": 2}]})  # type: ignore[arg-type]
    assert made.output == StateMachine.from_json(definition).run({"rows": [{"a": 1}, {"a": 2}]}).output


def test_a_machine_in_jsonata_stays_as_it_is() -> None:
    definition = {"QueryLanguage": "JSONata", **of(A={"Type": "Pass", "Output": "{% 1 %}", "End": True})}
    converted = convert(definition)
    assert converted.document == definition
    assert became(converted, "A").became == "same"


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Pass", "Parameters": {"a.$": "$.nope"}},
        {"Type": "Pass", "Parameters": {"deep": {"a.$": "$.nope"}}, "ResultPath": "$.made"},
        {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}', $.nope)"}},
        {"Type": "Pass", "Parameters": {"a.$": "States.ArrayLength($.nope)"}},
        {"Type": "Pass", "Parameters": {"a.$": "States.JsonMerge($.nope, $.box, false)"}},
    ],
)
def test_a_path_that_leads_nowhere_fails_in_both_languages(state: dict[str, Any]) -> None:
    definition = of(A={**state, "End": True})
    original = StateMachine.from_json(definition).run({"box": {}})
    made = StateMachine.from_json(convert(definition).document).run({"box": {}})  # type: ignore[arg-type]
    assert (original.status, made.status) == ("FAILED", "FAILED")
    assert made.error == "States.QueryEvaluationError"
    assert compared(original, made).same


@pytest.mark.parametrize("rule", [{"StringEquals": "x"}, {"NumericGreaterThan": 1}, {"IsString": True}])
def test_a_choice_whose_variable_is_missing_fails_in_both_languages(rule: dict[str, Any]) -> None:
    choices = [{"Or": [{"Variable": "$.nope", **rule}, {"Variable": "$.n", "NumericEquals": 1}], "Next": "B"}]
    definition = of(A={"Type": "Choice", "Choices": choices, "Default": "B"}, B={"Type": "Succeed"})
    original = StateMachine.from_json(definition).run({"n": 1})
    made = StateMachine.from_json(convert(definition).document).run({"n": 1})  # type: ignore[arg-type]
    assert (original.status, made.status) == ("FAILED", "FAILED")


def test_without_guards_the_expressions_are_short() -> None:
    choices = [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "B"}]
    definition = of(A={"Type": "Choice", "Choices": choices, "Default": "B"}, B={"Type": "Succeed"})
    document: Any = convert(definition, guarded=False).document
    assert document["States"]["A"]["Choices"][0]["Condition"] == "{% $states.input.n > 1 %}"


def test_variables_waits_and_parallels_are_converted() -> None:
    branch = of(P={"Type": "Pass", "Parameters": {"got.$": "$total", "x.$": "$.x"}, "End": True})
    definition = of(
        A={"Type": "Pass", "Assign": {"total.$": "States.MathAdd($.a, 1)", "all.$": "$"}, "Next": "W"},
        W={"Type": "Wait", "SecondsPath": "$.a", "Next": "Q"},
        Q={
            "Type": "Parallel", "Parameters": {"x.$": "$.a"}, "Branches": [branch, {**branch, "States": {"R": {
                "Type": "Fail", "ErrorPath": "States.Format('E{}', $.x)", "CausePath": "$all.why"}}, "StartAt": "R"}],
            "Catch": [{"ErrorEquals": ["E7"], "Assign": {"cause.$": "$.Cause"}, "Next": "Z"}], "Next": "Z",
        },
        Z={"Type": "Pass", "Parameters": {"total.$": "$total", "cause.$": "$cause"}, "End": True},
    )  # fmt: skip
    original = StateMachine.from_json(definition).run({"a": 7, "why": "because"})
    made = StateMachine.from_json(convert(definition).document).run({"a": 7, "why": "because"})  # type: ignore[arg-type]
    assert original.output == made.output == {"total": 8, "cause": "because"}
    assert original.elapsed_ms == made.elapsed_ms == 7000
    assert compared(original, made).same
