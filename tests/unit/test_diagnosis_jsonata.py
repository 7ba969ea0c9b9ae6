"""What is said of JSONata that fails: the part that gave nothing or threw, what was there, who took it away."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim import StateMachine
from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from tests.behaviour.machines import graph, passing


def told(value: Any = None, **states: dict[str, Any]) -> tuple[Diagnosis, str]:
    """Return what is said of a machine in JSONata, and what is underlined."""
    machine = StateMachine.from_json({"QueryLanguage": "JSONata", **graph(**states)})
    found = diagnose(machine.run({} if value is None else value), machine.source)
    assert found is not None
    assert found.location is not None
    line = machine.source.line(found.location.line)
    return found, line[found.location.column - 1 :][: found.location.length]


ORDER = {"order": {"id": 1, "total": 3}, "items": [{"price": 1}], "text": "t", "none": None}


@pytest.mark.parametrize(
    ("expression", "underlined", "what", "fix"),
    [
        (
            "$states.input.order.totl", "totl",
            "$states.input.order.totl is missing from $states.input.order: {id, total}",
            "did you mean $states.input.order.total?",
        ),
        (
            "1 + $sum([1]) * $sum($states.input.ordr.total)", "ordr",
            "$states.input.ordr is missing from $states.input: {order, items, text, none}",
            "did you mean $states.input.order?",
        ),
        (
            "$states.input.items.pric", "pric",
            "$states.input.items.pric finds nothing in the 1 items of $states.input.items, the first has {price}",
            "did you mean $states.input.items.price?",
        ),
        ("$states.input.text.x", "x", "$states.input.text is a string, and has no 'x'", ""),
        ("$states.input.none.x", "x", "$states.input.none is null, and has no 'x'", ""),
        (
            "$states.context.State.Nam", "Nam",
            "$states.context.State.Nam is missing from $states.context.State: {Name, EnteredTime}",
            "did you mean $states.context.State.Name?",
        ),
        ("$cont", "$cont", "no variable $cont has a value in B: there are: $count", "did you mean $count?"),
        (
            "$text", "$text", "no variable $text has a value in B",
            "read $states.input.text: the state's input has that key",
        ),
        (
            "1 + $states.input.text", "1 + $states.input.text",
            'The right side of the "+" operator must evaluate to a number', "convert the value",
        ),
        ("$rnge(1, 2, 1)", "$rnge(1, 2, 1)", "$rnge is no function", "did you mean $range?"),
        ("$eval('1')", "$eval('1')", "$eval is no function", "Step Functions has no $eval"),
        ("$error('so not')", "$error('so not')", "so not", ""),
        ("function($x){ $x }", "function($x){ $x }", "Output/v gave a function", "call it"),
    ],
)  # fmt: skip
def test_the_part_that_failed_is_underlined_and_explained(
    expression: str, underlined: str, what: str, fix: str
) -> None:
    found, under = told(
        ORDER, A=passing(Assign={"count": 1}, Next="B"), B=passing(Output={"v": f"{{% {expression} %}}"})
    )
    assert under == underlined
    assert what in found.what
    assert fix in found.fix
    assert found.pointer == "/States/B/Output/v"


def test_what_a_sub_expression_was_is_told() -> None:
    found, _ = told({"a": "x"}, A=passing(Output="{% $states.input.a * 2 %}"))
    assert found.why == '$states.input.a is a string ("x")'


def test_the_state_that_took_a_key_away_is_named() -> None:
    found, under = told(
        {"order": 1, "x": 2},
        A=passing(Output={"x": "{% $states.input.x %}"}, Next="B"),
        B=passing(Output="{% $states.input.order %}"),
    )
    assert under == "order"
    assert found.why == (
        "A (event 2) leaves $.order out: its Output replaced the whole state. $.order was last present in its input"
    )
    assert found.fix == 'let the Output of A pass it on: "order": "{% … %}"'


def test_a_jsonpath_state_that_took_a_key_away_is_named() -> None:
    machine = StateMachine.from_json(
        graph(
            A=passing(Parameters={"x": 1}, Next="B"), B=passing(QueryLanguage="JSONata", Output="{% $states.input.y %}")
        )
    )
    found = diagnose(machine.run({"y": 1}), machine.source)
    assert found is not None
    assert found.why.startswith("A (event 2) replaced the whole state: it has Parameters and no ResultPath")


def test_the_caret_finds_its_place_behind_escapes() -> None:
    _, under = told({"a": {"b": 1}}, A=passing(Output='{% $length("é\\"\n") + $sum($states.input.a.c.d) %}'))
    assert under == "c"


def test_a_wrong_type_says_what_was_given_and_wanted() -> None:
    state = {"Type": "Map", "Items": "{% $states.input.l %}", "ItemProcessor": graph(I=passing()), "End": True}
    found, under = told({"l": {"a": 1}}, M=state)
    assert under == "$states.input.l"
    assert found.what == "Items gave an object {a}"
    assert found.fix.startswith("let it give an array: write [] behind a path")


def test_a_map_without_items_is_told_where_to_write_them() -> None:
    found, _ = told({"l": [1]}, M={"Type": "Map", "ItemProcessor": graph(I=passing()), "End": True})
    assert found.what == 'Map state input must be an array but was: {"l":[1]}'
    assert '"Items"' in found.fix


def test_an_item_that_failed_is_numbered() -> None:
    selector = {"v": "{% $states.context.Map.Item.Value.x %}"}
    state = {
        "Type": "Map",
        "Items": [{"x": 1}, {"y": 2}],
        "ItemSelector": selector,
        "ItemProcessor": graph(I=passing()),
    }
    found, under = told({}, M={**state, "End": True})
    assert under == "x"
    assert found.notes == ["this is item 1 of M"]


def test_a_runaway_recursion_is_told() -> None:
    found, _ = told({}, A=passing(Output="{% ($f := function($n){ 1 + $f($n) }; $f(1)) %}"))
    assert "Stack overflow error" in found.what
    assert "recursion" in found.fix


def test_the_output_that_does_not_give_a_key_is_named() -> None:
    found, _ = told(
        {"id": 1},
        A=passing(Output={"idd": "{% $states.input.id %}"}, Next="B"),
        B=passing(Output={"v": "{% $states.input.order %}"}),
    )
    assert found.why == "the Output of A gives no order (event 2): {idd}"
    assert found.fix == 'give "order" in the Output of A'


def test_a_path_is_followed_through_outputs_and_variables_to_the_template_that_lacks_it() -> None:
    found, _ = told(
        {"id": 1},
        A=passing(Assign={"order": {"number": "{% $states.input.id %}"}}, Next="B"),
        B=passing(Output={"inner": "{% $order %}"}, Next="C"),
        C=passing(Output={"v": "{% $states.input.inner.id %}"}),
    )
    assert found.why == "the Assign of A gives no order.id (event 2): {number}"


def test_the_context_object_read_for_the_input_is_told() -> None:
    found, _ = told({"id": 1}, A=passing(Output={"v": "{% $states.context.id %}"}))
    assert found.fix == "read $states.input.id in Output/v of A"
    assert "the state's input is {id}" in found.why


def test_in_a_map_the_item_selector_that_does_not_give_a_key_is_named() -> None:
    inner = graph(I=passing(Output={"v": "{% $states.input.id %}"}))
    each = {"Type": "Map", "Items": [{"id": 1}], "ItemSelector": {"item": "{% $states.context.Map.Item.Value %}"}}
    found, _ = told({}, M={**each, "ItemProcessor": inner, "End": True})
    assert found.why == "the ItemSelector of M gives no id (event 2): {item}"


@pytest.mark.parametrize("items", [[1, {"x": 2}], ["text"], [[1]]])
def test_a_name_below_an_item_that_is_written_as_a_number_or_text_is_told(items: list[Any]) -> None:
    inner = {"QueryLanguage": "JSONata", **graph(I=passing(Output={"v": "{% $states.input.x.y %}"}))}
    inner.pop("QueryLanguage")
    found, underlined = told(M={"Type": "Map", "Items": items, "ItemProcessor": inner, "End": True})
    assert underlined == "x"
    assert found.what.startswith("$states.input is ") or "$states.input.x" in found.what
