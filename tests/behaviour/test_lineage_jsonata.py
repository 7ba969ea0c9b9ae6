"""Where values came from and what became of them, through JSONata and workflow variables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfn_sim.analysis.lineage.backwards import lineage, without_passing
from sfn_sim.analysis.lineage.forwards import fate
from sfn_sim.analysis.lineage.hops import Lineage
from sfn_sim.report.lineages import fate_lines, lineage_lines
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import INVOKE, always, graph, machine, passing, task

KEY = "a-key-that-is-its-own"
TOP = {"QueryLanguage": "JSONata"}
ORDERS = [
    {"id": "order-0", "qty": 1, "lines": [{"sku": "s-0", "price": 3}]},
    {"id": "order-1", "qty": 5, "lines": [{"sku": "s-1", "price": 4}, {"sku": "s-2", "price": 6}]},
    {"id": "order-2", "qty": 9, "lines": [{"sku": "s-3", "price": 8}]},
]
QUANTITIES = [f"input.orders[{number}].qty" for number in range(3)]


def ran(states: dict[str, Any], value: Any = None, handler: Any = None, top: Any = None) -> Execution:
    made = machine(TOP if top is None else top, **states)
    return made.run(value if value is not None else {}, {"f": handler} if handler else None)


def gives(expression: str, value: Any = None, handler: Any = None) -> Execution:
    """Run one Pass whose Output has the value of an expression at v."""
    return ran({"A": passing(Output={"v": f"{{% {expression} %}}"})}, value or {"orders": ORDERS, "key": KEY, "n": 2})


def ways(found: Lineage) -> list[tuple[str, str]]:
    return [(hop.point.text, hop.kind) for hop in found.hops if hop.kind != "passed"]


def ends(found: Lineage) -> set[str]:
    return {hop.point.text for hop in found.hops if hop.kind == "input"}


@pytest.mark.parametrize(
    ("expression", "asked", "origin"),
    [
        ("$states.input.key", "", "input.key"),
        ("$states.input.orders[1].lines[0].sku", "", "input.orders[1].lines[0].sku"),
        ("$states.input.orders[-1].id", "", "input.orders[2].id"),
        ("$states.input.orders[qty > 3]", "[1].id", "input.orders[2].id"),
        ("$states.input.orders[qty > 3].lines.sku", "[1]", "input.orders[1].lines[1].sku"),
        ("$states.input.orders.lines[price = 8].sku", "", "input.orders[2].lines[0].sku"),
        ("$states.input.orders^(>qty)", "[0].id", "input.orders[2].id"),
        ("{'a': {'b': $states.input.key}, 'c': 1}", ".a.b", "input.key"),
        ("[1, $states.input.key]", "[1]", "input.key"),
        ("$states.input.n > 1 ? $states.input.key : $states.input.orders", "", "input.key"),
        ("$merge([{'x': 1, 'key': 2}, $states.input])", ".key", "input.key"),
        ("$append($states.input.orders.id, $states.input.key)", "[3]", "input.key"),
        ("$map($states.input.orders, function($o) { {'same': $o.id} })", "[1].same", "input.orders[1].id"),
        ("$filter($states.input.orders, function($o) { $o.qty < 9 })", "[1].id", "input.orders[1].id"),
        ("$states.input.orders.{'same': id}", "[2].same", "input.orders[2].id"),
        ("$states.input.orders{id: qty}", ".`order-1`", "input.orders[1].qty"),
        ("$reverse($states.input.orders)[0].id", "", "input.orders[2].id"),
        ("$lookup($states.input, 'key')", "", "input.key"),
        ("($k := $states.input.key; $f := function($x) { [$x, 1] }; $f($k))", "[0]", "input.key"),
        ("$states.input.orders ~> $map(function($o) { $o.id })", "[2]", "input.orders[2].id"),
        ("$states.context.Execution.Input.key", "", "input.key"),
        ("$states.input.*", "[0].id", "input.orders[0].id"),
    ],
)
def test_a_value_is_followed_to_the_very_place_that_it_is(expression: str, asked: str, origin: str) -> None:
    execution = gives(expression)
    found = lineage(execution, f"output.v{asked.replace('.`order-1`', chr(91) + chr(39) + 'order-1' + chr(39) + ']')}")
    assert execution.status == "SUCCEEDED", execution.cause
    assert found.hops[-1].point.text == origin
    assert found.hops[-1].value == found.value


@pytest.mark.parametrize(
    ("expression", "origins"),
    [
        ("$states.input.key & '-' & $string($states.input.n)", {"input.key", "input.n"}),
        ("$states.input.n * 2 + $states.input.orders[0].qty", {"input.n", "input.orders[0].qty"}),
        ("$sum($states.input.orders[qty > 3].qty)", {"input.orders[1].qty", "input.orders[2].qty"}),
        ("$uppercase($states.input.key)", {"input.key"}),
        ("($states.input.orders.(qty * 2))[1]", {"input.orders[1].qty"}),
        ("$reduce($states.input.orders.qty, function($a, $b) { $a + $b })", set(QUANTITIES)),
        ("$join($states.input.orders.id, ',')", {f"input.orders[{n}].id" for n in range(3)}),
    ],
)
def test_what_is_computed_is_made_of_its_operands(expression: str, origins: set[str]) -> None:
    found = lineage(gives(expression), "output.v")
    assert ways(found)[0] == ("A.output.v", "made")
    assert ends(found) == origins


def test_what_is_made_of_very_many_places_names_what_holds_them() -> None:
    found = lineage(gives("$sum($states.input.list)", {"list": list(range(50))}), "output.v")
    assert ends(found) == {"input.list"}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("'text'", "literal"),
        ("$states.input.n > 5 ? $states.input.key : 'other'", "literal"),
        ("{'a': 1}", "literal"),
        ("$uuid()", "drawn"),
        ("$now()", "drawn"),
        ("$states.context.State.Name", "context"),
    ],
)
def test_what_no_state_gave_ends_the_way(expression: str, kind: str) -> None:
    assert [hop.kind for hop in lineage(gives(expression), "A.output.v").hops] == [kind]


def test_a_part_that_is_drawn_does_not_hide_where_the_others_come_from() -> None:
    execution = gives("{'id': $uuid(), 'key': $states.input.key}")
    assert ways(lineage(execution, "output.v.key"))[-1] == ("input.key", "input")
    assert ways(lineage(execution, "output.v.id"))[-1] == ("A.output.v.id", "drawn")


def test_what_chance_has_a_part_in_says_so_beside_its_operands() -> None:
    (hop, *others) = lineage(gives("$states.input.key & $uuid()"), "A.output.v").hops
    assert hop.words.endswith("; chance or the clock has a part in it")
    assert others[-1].point.text == "input.key"


@pytest.mark.parametrize(
    "expression",
    [
        "$shuffle($states.input.orders)[0].id",
        "$random() < 2 ? $states.input.key : 'x'",
        "$states.input.orders@$o.{'same': $o.id}",
        "$states.input ~> |orders|{'seen': true}|",
    ],
)
def test_what_cannot_be_told_is_said_and_never_guessed(expression: str) -> None:
    (hop, *_) = lineage(gives(expression), "A.output.v").hops
    assert hop.kind == "unknown"
    assert "is made by the expression" in hop.words
    assert "which reads $states.input" in hop.words


def test_every_field_of_a_task_is_followed_to_its_handler_and_through_it() -> None:
    state = {
        "Type": "Task", "Resource": INVOKE,
        "Arguments": {"FunctionName": "f", "Payload": {"k": "{% $states.input.key %}"}},
        "Output": {"was": "{% $states.input.key %}", "got": "{% $states.result.Payload.same %}",
                   "new": "{% $states.result.Payload.new %}"}, "End": True,
    }  # fmt: skip
    execution = ran({"A": state}, {"key": KEY}, lambda event, _: {"same": event["k"], "new": "made-by-f"})
    assert ways(lineage(execution, "A.output.got")) == [
        ("A.output.got", "read"), ("A.result.Payload.same", "returned"), ("A.afterArguments.Payload.k", "read"),
        ("input.key", "input"),
    ]  # fmt: skip
    assert ways(lineage(execution, "A.output.new"))[-1] == ("A.result.Payload.new", "returned")
    assert ways(lineage(execution, "A.output.was"))[-1] == ("input.key", "input")


EACH = {
    "Type": "Map", "Items": "{% $states.input.orders[qty > 3] %}", "End": True,
    "ItemSelector": {"o": "{% $states.context.Map.Item.Value %}", "k": "{% $states.input.key %}", "c": 1,
                     "i": "{% $states.context.Map.Item.Index %}"},
    "ItemProcessor": graph(In=passing(Output="{% $merge([$states.input.o, {'k': $states.input.k}]) %}")),
    "Output": {"ids": "{% $states.result.id %}", "k": "{% $states.result[1].k %}"},
}  # fmt: skip


def test_a_map_is_followed_through_its_items_its_selector_and_its_output() -> None:
    execution = ran({"Each": EACH}, {"orders": ORDERS, "key": KEY})
    assert ways(lineage(execution, "output.ids[1]"))[-1] == ("input.orders[2].id", "input")
    assert ways(lineage(execution, "output.k"))[-1] == ("input.key", "input")
    assert [hop.kind for hop in lineage(execution, "Each[1].In.input.c").hops] == ["literal"]
    assert [hop.kind for hop in lineage(execution, "Each[1].In.input.i").hops] == ["context"]
    assert ways(lineage(execution, "Each[0].In.input.o.id"))[-1] == ("input.orders[1].id", "input")


CHILD = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}


def test_the_children_of_a_distributed_map_are_followed_as_items_are() -> None:
    inner = graph(
        In=passing(Assign={"x": "{% $states.input.o.id %}"}, Next="Out"),
        Out=passing(Output={"id": "{% $x %}", "q": "{% $states.context.Execution.Input.o.qty %}"}),
    )
    each = {"Type": "Map", "Items": "{% $states.input.orders %}", "ItemProcessor": {**CHILD, **inner}, "End": True,
            "ItemSelector": {"o": "{% $states.context.Map.Item.Value %}"},
            "Output": "{% $states.result[id = 'order-2'] %}"}  # fmt: skip
    execution = ran({"Each": each}, {"orders": ORDERS})
    assert ways(lineage(execution, "output.id"))[-1] == ("input.orders[2].id", "input")
    assert ways(lineage(execution, "output.q"))[-1] == ("input.orders[2].qty", "input")
    assert uses(execution, "input.orders[2].qty")[-1] == ("output", "", "")


@pytest.mark.parametrize("language", ["JSONata", "JSONPath"])
def test_batches_are_followed_to_the_items_and_the_batch_input(language: str) -> None:
    jsonata = {
        "Items": "{% $states.input.orders %}",
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"k": "{% $states.input.key %}"}},
        "ItemProcessor": {**CHILD, **graph(
            P=passing(Output={"id": "{% $states.input.Items[0].id %}", "k": "{% $states.input.BatchInput.k %}"}))},
    }  # fmt: skip
    jsonpath = {
        "ItemsPath": "$.orders", "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"k.$": "$.key"}},
        "ItemProcessor": {**CHILD, **graph(P=passing(Parameters={"id.$": "$.Items[0].id", "k.$": "$.BatchInput.k"}))},
    }  # fmt: skip
    each = {"Type": "Map", "End": True, **(jsonata if language == "JSONata" else jsonpath)}
    execution = ran({"Each": each}, {"orders": ORDERS, "key": KEY}, top={"QueryLanguage": language})
    assert ways(lineage(execution, "output[1].id"))[-1] == ("input.orders[2].id", "input")
    assert ways(lineage(execution, "output[1].k"))[-1] == ("input.key", "input")
    assert fate(execution, "input.orders[2].id").uses[-1].words == "is in the execution's output at $[1].id"
    assert {use.words for use in fate(execution, "input.key").uses[-2:]} == {
        f"is in the execution's output at $[{index}].k" for index in range(2)
    }


def test_a_choice_is_followed_through_the_rule_that_was_taken() -> None:
    states = {
        "C": {"Type": "Choice", "Default": "E", "Output": {"x": "{% $states.input.n %}"}, "Choices": [
            {"Condition": "{% $states.input.n > 5 %}", "Output": {"x": "big"}, "Next": "E"},
            {"Condition": "{% $states.input.n > 1 %}", "Output": {"x": "{% $states.input.key %}"},
             "Assign": {"v": "{% $states.input.n %}"}, "Next": "E"},
        ]},
        "E": passing(Output={"x": "{% $states.input.x %}", "v": "{% $v %}"}),
    }  # fmt: skip
    execution = ran(states, {"n": 2, "key": KEY})
    found = lineage(execution, "output.x")
    assert ways(found)[-1] == ("input.key", "input")
    assert found.hops[3].field == "Choices[1]/Output/x"
    assert ways(lineage(execution, "output.v"))[-2:] == [("C.variables.v", "read"), ("input.n", "input")]


def test_a_catchers_output_and_variables_are_followed_to_the_error_and_the_input() -> None:
    state = task(Catch=[{
        "ErrorEquals": ["States.ALL"],
        "Output": {"e": "{% $states.errorOutput.Error %}", "k": "{% $states.input.key %}"},
        "Assign": {"cause": "{% $states.errorOutput.Cause %}"}, "Next": "E",
    }], Output={"never": 1}, Assign={"never": 1}, Next="E")  # fmt: skip
    execution = ran({"A": state, "E": passing(Output={"c": "{% $cause %}", "in": "{% $states.input %}"})},
                    {"key": KEY}, always(ValueError("é")))  # fmt: skip
    assert ways(lineage(execution, "output.in.k"))[-1] == ("input.key", "input")
    assert ways(lineage(execution, "output.in.e"))[-1] == ("A.errorOutput.Error", "error")
    assert ways(lineage(execution, "output.c"))[-2:] == [
        ("A.variables.cause", "read"), ("A.errorOutput.Cause", "error"),
    ]  # fmt: skip


def test_a_variable_is_followed_to_the_visit_that_set_it_last() -> None:
    states = {
        "A": passing(Assign={"n": "{% $states.input.n %}", "k": "{% $states.input.key %}"}, Output={}, Next="B"),
        "B": {"Type": "Choice", "Default": "E", "Choices": [
            {"Condition": "{% $n < 4 %}", "Assign": {"n": "{% $n + 1 %}"}, "Next": "B"}]},
        "E": passing(Output={"n": "{% $n %}", "k": "{% $k %}"}),
    }  # fmt: skip
    execution = ran(states, {"n": 2, "key": KEY})
    found = lineage(execution, "output.n")
    assert [hop.value for hop in found.hops if hop.point.stage == "variables"] == [4, 3, 2]
    assert ways(found)[-1] == ("input.n", "input")
    assert ways(lineage(execution, "output.k"))[-1] == ("input.key", "input")


def test_inner_states_read_the_variables_of_outer_ones_and_never_those_that_the_map_round_them_assigns() -> None:
    states = {
        "A": passing(Assign={"v": "{% $states.input.key %}"}, Next="Each"),
        "Each": {"Type": "Map", "Items": [1], "Assign": {"v": "later"}, "End": True, "ItemProcessor": graph(
            In=passing(Assign={"w": "{% $v & '!' %}"}, Next="Then"),
            Then=passing(Output={"v": "{% $v %}", "w": "{% $w %}"}),
        )},
    }  # fmt: skip
    execution = ran(states, {"key": KEY})
    assert ways(lineage(execution, "output[0].v"))[-2:] == [("A.variables.v", "read"), ("input.key", "input")]
    assert ends(lineage(execution, "output[0].w")) == {"input.key"}


def test_a_variables_path_in_a_jsonpath_state_is_followed() -> None:
    states = {
        "A": passing(Assign={"v.$": "$.a", "w": {"deep.$": "$.a.b[1]"}}, Next="P"),
        "P": {"Type": "Parallel", "End": True, "Branches": [graph(
            In=passing(Parameters={"x.$": "$v.b[0]", "y.$": "$w.deep", "f.$": "States.Format('{}', $v.b[1])"})
        )]},
    }  # fmt: skip
    execution = ran(states, {"a": {"b": [KEY, "other"]}}, top={})
    assert ways(lineage(execution, "output[0].x"))[-1] == ("input.a.b[0]", "input")
    assert ways(lineage(execution, "output[0].y"))[-1] == ("input.a.b[1]", "input")
    assert ends(lineage(execution, "output[0].f")) == {"input.a.b[1]"}


def test_a_jsonpath_map_that_assigns_is_no_giver_of_its_own_items() -> None:
    inner = graph(In=passing(Parameters={"v.$": "$v"}))
    each = {"Type": "Map", "ItemProcessor": inner, "Assign": {"v": 2}, "End": True}
    execution = ran({"A": passing(Assign={"v.$": "$[0]"}, Next="Each"), "Each": each}, [KEY], top={})
    assert ways(lineage(execution, "output[0].v"))[-2:] == [("A.variables.v", "read"), ("input[0]", "input")]


@pytest.mark.parametrize(
    ("output", "field"),
    [
        ({"n": 1}, "Output"),
        ({"customer": {"id": "{% $states.input.customer.id %}"}}, "Output/customer"),
        ("{% {'customer': {'id': 1}} %}", "Output"),
        ("{% $states.input.other %}", "Output"),
    ],
)
def test_a_value_that_an_output_leaves_out_names_the_state_and_field_and_where_it_was(output: Any, field: str) -> None:
    given = {"customer": {"id": 1, "name": KEY}, "other": {"n": 1}}
    execution = ran({"A": passing(Next="B"), "B": passing(Output=output, Next="C"), "C": passing()}, given)
    lost = lineage(execution, "C.input.customer.name").lost
    assert lost is not None
    assert (lost.state, lost.field, lost.value, lost.last.text) == ("B", field, KEY, "B.input.customer.name")


def test_a_key_that_an_expression_left_out_is_followed_to_who_lost_what_it_reads() -> None:
    states = {
        "A": passing(Output={"id": "{% $states.input.id %}"}, Next="B"),
        "B": passing(Output="{% {'id': $states.input.id, 'who': $states.input.name} %}", Next="C"),
        "C": passing(),
    }
    found = lineage(ran(states, {"id": 1, "name": KEY}), "C.input.who")
    assert found.lost is not None
    assert (found.lost.state, found.lost.field, found.lost.value) == ("A", "Output", KEY)
    assert found.lost.last.text == "A.input.name"


def test_what_a_variable_lacks_is_told_with_the_assign_that_made_it() -> None:
    given = {"v": {"gone": 1}, "a": {"here": 1}}
    reader = passing(Output="{% {'x': $v.gone} %}")
    states = {"A": passing(Assign={"v": "{% $states.input.a %}"}, Next="B"), "B": reader}
    found = lineage(ran(states, given), "B.output.x")
    assert [kind for _, kind in ways(found)] == ["missing", "missing", "input"]
    assert found.hops[1].words == "Assign/v of A leaves it out: $states.input.a.gone gives nothing"
    states = {"A": passing(Assign={"v": {"k": 1}}, Next="B"), "B": reader}
    found = lineage(ran(states, given), "B.output.x")
    assert (found.hops[-1].words, found.lost) == ("Assign/v of A has no $v.gone", None)


def test_a_variable_that_nobody_assigns_is_named() -> None:
    found = lineage(ran({"A": passing(Output="{% {'x': $never} %}")}), "A.output.x")
    assert "$never gives nothing" in found.hops[0].words
    assert "which no state before assigned" in found.hops[0].words


def test_a_task_without_output_loses_the_input_and_a_result_that_output_drops_is_named() -> None:
    states = {"A": task(Next="B"), "B": passing()}
    lost = lineage(ran(states, {"key": KEY}, lambda *_: {"n": 1}), "B.input.key").lost
    assert lost is not None
    assert (lost.state, lost.last.text) == ("A", "A.input.key")
    states = {"A": task(Output={"m": 1}, Next="B"), "B": passing()}
    lost = lineage(ran(states, {}, lambda *_: {"n": KEY}), "B.input.n").lost
    assert lost is not None
    assert (lost.state, lost.field, lost.last.text) == ("A", "Output", "A.result.n")


def test_machines_of_both_languages_are_followed_across_the_border() -> None:
    states = {
        "A": passing(Parameters={"x.$": "$.key"}, Next="B"),
        "B": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"y": "{% $states.input.x %}"}, "Next": "C"},
        "C": passing(Parameters={"z.$": "$.y"}),
    }
    assert ways(lineage(ran(states, {"key": KEY}, top={}), "output.z"))[-1] == ("input.key", "input")


def test_lines_name_the_expression_and_its_place() -> None:
    made = machine(TOP, A=passing(Output={"v": "{% $states.input.orders[qty > 3].id %}"}))
    out = list(lineage_lines(lineage(made.run({"orders": ORDERS}), "output.v[1]"), made.source))
    assert out[2].strip().startswith(
        "← Output/v of A takes $states.input.orders[2].id: $states.input.orders[qty > 3].id  <machine>:9:14"
    )


def uses(execution: Execution, text: str) -> list[tuple[str, str, str]]:
    return [(use.kind, use.state, use.field) for use in fate(execution, text).uses]


def test_forwards_goes_through_templates_variables_items_and_conditions() -> None:
    states = {
        "A": passing(Assign={"least": "{% $states.input.n %}"}, Next="Each"),
        "Each": {**EACH, "Items": "{% $states.input.orders[qty > $least] %}", "Next": "C", "End": None},
        "C": {"Type": "Choice", "Default": "E", "Choices": [
            {"Condition": "{% 'order-1' in $states.input.ids %}", "Next": "E"}]},
        "E": passing(Output={"first": "{% $states.input.ids[0] %}"}),
    }  # fmt: skip
    states["Each"].pop("End")
    execution = ran(states, {"orders": ORDERS, "key": KEY, "n": 3})
    assert uses(execution, "input.orders[1].id") == [
        ("read", "Each", "Items"), ("read", "Each", "ItemSelector/o"), ("read", "In", "Output"),
        ("read", "Each", "Output/ids"), ("compared", "C", "Choices[0]/Condition"), ("read", "E", "Output/first"),
        ("output", "", ""),
    ]  # fmt: skip
    assert fate(execution, "input.orders[1].id").uses[-1].words == "is in the execution's output at $.first"
    assert uses(execution, "input.n")[:2] == [("read", "A", "Assign/least"), ("compared", "Each", "Items")]
    assert ("dropped", "Each", "Output") in uses(execution, "input.n")


def test_forwards_finds_the_value_in_the_context_object() -> None:
    each = {"Type": "Map", "Items": "{% $states.input.orders %}", "End": True,
            "ItemSelector": {"c": "{% $states.context %}", "s": "{% $states.context.Map.Item.Value.lines.sku %}"},
            "ItemProcessor": graph(In=passing(Output="{% $states.input.c.Execution.Input.key %}"))}  # fmt: skip
    execution = ran({"Each": each}, {"orders": ORDERS, "key": KEY})
    assert ("output", "", "") in uses(execution, "input.key")
    assert ("read", "Each", "ItemSelector/s") in uses(execution, "input.orders[1].lines[1].sku")


def test_forwards_tells_what_cannot_be_followed() -> None:
    execution = gives("$shuffle($states.input.orders)")
    assert uses(execution, "input.orders[0].id")[0] == ("unknown", "A", "Output/v")
    assert uses(execution, "input.key") == [("dropped", "A", "Output")]


def test_forwards_goes_through_a_catchers_output_and_fields_beside_the_data_flow() -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Output": {"k": "{% $states.input.key %}"}, "Next": "W"}
    states = {
        "A": task(TimeoutSeconds="{% $states.input.n %}", Catch=[catch], Next="W"),
        "W": {"Type": "Wait", "Seconds": "{% $length($states.input.k) %}", "Next": "E"},
        "E": {"Type": "Fail", "Error": "{% $states.input.k %}"},
    }
    execution = ran(states, {"key": KEY, "n": 9}, always(ValueError("no")))
    assert uses(execution, "input.key")[1:] == [
        ("read", "A", "Catch[0]/Output/k"), ("read", "W", "Seconds"), ("read", "E", "Error"),
    ]  # fmt: skip
    assert ("read", "A", "TimeoutSeconds") in uses(execution, "input.n")


def test_a_task_without_output_says_so_where_it_does_not_give_the_value_on() -> None:
    execution = ran({"A": task(Next="B"), "B": passing()}, {"key": KEY}, lambda *_: {"n": 1})
    (given, dropped) = fate(execution, "input.key").uses
    assert (given.kind, dropped.kind) == ("given", "dropped")
    assert dropped.words == "A does not give it on: it has no Output, and its result has it not"
    assert dropped.pointer == "/States/A"


def test_forwards_of_a_jsonpath_tasks_result_goes_into_its_variables() -> None:
    states = {"A": task(Assign={"v.$": "$.k"}, Next="B"), "B": passing(Parameters={"x.$": "$v"})}
    execution = ran(states, {}, lambda *_: {"k": KEY}, top={})
    assert uses(execution, "A.result.k") == [
        ("read", "A", "Assign/v.$"), ("read", "B", "Parameters/x.$"), ("output", "", ""),
    ]  # fmt: skip


def test_both_directions_are_json_and_lines() -> None:
    made = machine(TOP, A=passing(Output={"v": "{% $states.input.key %}"}))
    execution = made.run({"key": KEY})
    back = json.loads(json.dumps(lineage(execution, "A.output.v").to_json(made.source)))
    assert (back["hops"][0]["kind"], back["hops"][0]["expression"]) == ("read", "$states.input.key")
    assert back["hops"][0]["field"] == "Output/v"
    lines = list(fate_lines(fate(execution, "input.key"), made.source))
    assert lines[1] == "  → A reads it: Output/v $states.input.key  <machine>:9:14"
    assert [each.kind for each in without_passing(lineage(execution, "output.v").hops)] == ["read", "input"]


def test_a_variable_that_was_assigned_anew_without_a_field_is_lost_there() -> None:
    states = {
        "A": passing(Assign={"v": {"key": "{% $states.input.key %}"}}, Next="B"),
        "B": passing(Assign={"v": {"other": 1}}, Next="C"),
        "C": passing(Output="{% {'x': $v.key} %}"),
    }
    for address in ("C.variables.v.key", "C.output.x"):
        found = lineage(ran(states, {"key": KEY}), address)
        assert ways(found)[-3:] == [
            ("B.variables.v.key", "lost"), ("A.variables.v.key", "read"), ("input.key", "input"),
        ]  # fmt: skip
        assert found.lost is not None
        assert (found.lost.state, found.lost.field, found.lost.last.text) == ("B", "Assign", "A.variables.v.key")
        assert found.lost.value == KEY


def test_a_state_reads_the_variables_that_states_before_it_gave() -> None:
    states = {"A": passing(Assign={"v": 1}, Next="B"), "B": passing(Output="{% $v %}")}
    found = lineage(ran(states), "B.variables.v")
    assert (found.value, ways(found)[-1]) == (1, ("A.variables.v", "literal"))
    gone = lineage(ran(states), "B.variables.w")
    assert gone.hops[0].words == "no state before B gave $w a value; there are: $v"


def test_a_variable_that_an_assign_made_null_was_last_there_before() -> None:
    states = {
        "A": passing(Assign={"v": {"r": KEY}}, Next="B"), "B": passing(Assign={"v": {"r": None}}, Next="C"),
        "C": passing(Output="{% $v %}"),
    }  # fmt: skip
    found = lineage(ran(states), "C.variables.v.r")
    assert found.lost is not None
    assert (found.lost.state, found.lost.value) == ("B", KEY)
