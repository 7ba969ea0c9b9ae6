"""What AWS refuses of JSONata when a definition is created, and where it says it is."""

from __future__ import annotations

from typing import Any

import pytest
from seen import END, Seen, findings, machine, only, state, task

INVALID, UNSUPPORTED = "INVALID_JSONATA_EXPRESSION", "UNSUPPORTED_JSONATA_EXPRESSION"
JSONATA = {"QueryLanguage": "JSONata"}


def refused(definition: Any) -> tuple[str, str, str, str]:
    """Return code, message, place and underlined text of the only finding."""
    found = only(definition)
    return found.code, found.message, found.pointer, found.underlined.partition(" ")[2]


@pytest.mark.parametrize(
    ("expression", "message", "underlined"),
    [
        ("{% 1 + %}", "Unexpected end of expression", " "),
        ("{% $x := %}", "Unexpected end of expression", " "),
        ("{% [1,2) %}", 'Expected "]", got ")"', ")"),
    ],
)
def test_an_expression_that_cannot_be_parsed_is_refused(expression: str, message: str, underlined: str) -> None:
    code, text, pointer, under = refused(state(Output={"v": [0, expression]}, **JSONATA))
    assert (code, text, pointer) == (INVALID, message, "/States/A/Output/v[1]")
    assert under == underlined


def test_a_bare_name_is_refused_with_what_to_write() -> None:
    assert only(state(Output={"v": "{% $states.input.a & phone %}"}, **JSONATA)) == Seen(
        UNSUPPORTED,
        "Reference to 'phone' at the top level is not supported.",
        "/States/A/Output/v",
        "7:32 phone",
        "a bare name has nothing to read from: write $states.input.phone, or $phone for a variable",
    )


def test_half_of_a_surrogate_pair_in_an_expression_is_refused_and_not_a_traceback() -> None:
    code, text, pointer, _ = refused(state(Output="{% '\ud800' %}", **JSONATA))
    assert (code, pointer) == (INVALID, "/States/A/Output")
    assert text == "A character of the expression is half of a pair"


def test_the_context_is_refused() -> None:
    assert refused(state(Output="{% $$ %}", **JSONATA))[:2] == (UNSUPPORTED, "Reference to '$$' is not supported.")


def test_every_problem_of_an_expression_is_told() -> None:
    told = [each.message for each in findings(state(Output="{% a + b %}", **JSONATA))]
    assert told == [f"Reference to '{name}' at the top level is not supported." for name in "ab"]


@pytest.mark.parametrize(
    ("definition", "name", "pointer"),
    [
        (state(Output="{% $states.result %}", **JSONATA), "result", "/States/A/Output"),
        (task(Arguments="{% $states.result %}", **JSONATA), "result", "/States/A/Arguments"),
        (task(Output="{% $states.errorOutput %}", **JSONATA), "errorOutput", "/States/A/Output"),
        (task(Assign={"x": "{% $states.inptu %}"}, **JSONATA), "inptu", "/States/A/Assign/x"),
        (
            task(Catch=[{"ErrorEquals": ["E"], "Next": "A", "Output": "{% $states.result %}"}], **JSONATA),
            "result",
            "/States/A/Catch[0]/Output",
        ),
    ],
)
def test_a_field_of_states_that_is_not_there_is_refused(definition: Any, name: str, pointer: str) -> None:
    found = refused(definition)
    assert found[:3] == (UNSUPPORTED, f"Field '$states.{name}' does not exist.", pointer)


def test_the_hint_names_the_fields_of_states() -> None:
    assert only(state(Output="{% $states.result %}", **JSONATA)).hint == "$states has context, input here"
    assert only(state(Output="{% $states.inptu %}", **JSONATA)).hint == "did you mean 'input'?"


@pytest.mark.parametrize(
    "fields",
    [
        {"Arguments": "{% $states.input %}", "Output": "{% $states.result %}", "Assign": {"x": "{% $states.result %}"}},
        {"TimeoutSeconds": "{% $states.context.Execution.Input.t %}"},
        {"Catch": [{"ErrorEquals": ["E"], "Next": "A", "Output": "{% $states.errorOutput.Error %}"}]},
        {"Output": "{% $nobody.assigned.this %}"},
    ],
)
def test_what_aws_takes_is_taken(fields: dict[str, Any]) -> None:
    assert findings(task(**fields, **JSONATA)) == []


def choice(condition: Any) -> dict[str, Any]:
    rules = [{"Condition": condition, "Next": "B"}]
    return machine({"A": {"Type": "Choice", "Choices": rules, "Default": "B", **JSONATA}, "B": END})


def test_a_condition_is_checked() -> None:
    assert refused(choice("{% n > 1 %}"))[2] == "/States/A/Choices[0]/Condition"
    assert findings(choice(True)) == []
    assert refused(choice(1))[1] == refused(choice("text"))[1] == "Expected value of type [BOOLEAN]"


def test_numbers_that_an_expression_gives_are_checked() -> None:
    assert refused(task(TimeoutSeconds="{% 1 + %}", **JSONATA))[2] == "/States/A/TimeoutSeconds"
    map_state = {
        "Type": "Map",
        "ItemProcessor": machine({"X": END}),
        "MaxConcurrency": "{% n %}",
        "End": True,
        **JSONATA,
    }
    assert refused(machine({"M": map_state}))[2] == "/States/M/MaxConcurrency"


def test_an_expression_with_a_placeholder_is_left_until_it_has_its_value() -> None:
    definition = state(Output="{% ${Name} %}", **JSONATA)
    assert [each.code for each in findings(definition, substitutions={"Name": "1 +"})] == [INVALID]
    assert INVALID not in [each.code for each in findings(definition)]
