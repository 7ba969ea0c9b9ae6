"""Where a value came from, who lost it, and what became of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfn_sim.analysis.lineage.backwards import lineage, without_passing
from sfn_sim.analysis.lineage.forwards import fate
from sfn_sim.analysis.lineage.hops import Lineage
from sfn_sim.analysis.lineage.sources import locations
from sfn_sim.errors import ConfigurationError
from sfn_sim.query.jsonpath import compile_path
from sfn_sim.report.lineages import fate_lines, lineage_lines
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import INVOKE, graph, machine, passing, task

KEY = "a-key-that-is-its-own"
EACH = {"Type": "Map", "ItemProcessor": graph(In=task()), "End": True}


def ran(states: dict[str, Any], value: Any = None, handler: Any = None) -> Execution:
    functions = {"f": handler} if handler else None
    return machine(**states).run(value if value is not None else {}, functions)


def ways(found: Lineage) -> list[tuple[str, str]]:
    return [(hop.point.text, hop.kind) for hop in found.hops if hop.kind != "passed"]


def words(found: Lineage) -> str:
    return " / ".join(hop.words for hop in without_passing(found.hops))


def test_a_template_is_followed_to_the_executions_input() -> None:
    execution = ran({"A": passing(Parameters={"x": {"y.$": "$.a.b"}}, Next="B"), "B": passing()}, {"a": {"b": KEY}})
    assert ways(lineage(execution, "B.input.x.y")) == [("A.afterParameters.x.y", "read"), ("input.a.b", "input")]
    assert ways(lineage(execution, "output.x.y"))[-1] == ("input.a.b", "input")


def test_a_literal_ends_the_way() -> None:
    execution = ran({"A": passing(Parameters={"x": {"y": 1}, "z.$": "States.StringToJson('3')"})})
    assert ways(lineage(execution, "A.output.x.y")) == [("A.afterParameters.x.y", "literal")]
    assert ways(lineage(execution, "A.output.z")) == [("A.afterParameters.z", "literal")]
    execution = ran({"A": passing(Result={"k": 1}, ResultPath="$.r")})
    assert ways(lineage(execution, "A.output.r.k")) == [("A.afterResultPath.r.k", "placed"), ("A.result.k", "literal")]


def test_what_a_result_path_does_not_touch_comes_from_the_input() -> None:
    execution = ran({"A": task(ResultPath="$.r")}, {"k": KEY}, lambda event, context: {"n": 1})
    assert ways(lineage(execution, "A.output.k"))[-1] == ("input.k", "input")
    assert ways(lineage(execution, "A.output.r.n"))[-1] == ("A.result.n", "returned")


def test_a_handler_that_hands_back_what_it_was_given_is_followed_through() -> None:
    state = task(Parameters={"key.$": "$.k"})
    execution = ran({"A": state}, {"k": KEY}, lambda event, context: {"made": event["key"], "new": "another-text"})
    assert ways(lineage(execution, "A.output.made"))[-1] == ("input.k", "input")
    assert ways(lineage(execution, "A.output.new"))[-1] == ("A.result.new", "returned")


def test_a_payload_of_lambda_invoke_is_followed_to_the_function() -> None:
    state = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "f", "Payload": {"key.$": "$.k"}},
             "ResultSelector": {"got.$": "$.Payload.key"}, "End": True}  # fmt: skip
    execution = ran({"A": state}, {"k": KEY}, lambda event, context: event)
    found = lineage(execution, "A.output.got")
    assert ways(found)[-1] == ("input.k", "input")
    assert "the handler of A (f) returned it" in words(found)


def test_a_maps_result_comes_from_its_item_and_the_item_from_the_maps_input() -> None:
    state = {**EACH, "ItemsPath": "$.items", "ResultPath": "$.out"}
    given = {"items": [{"id": 11}, {"id": 2222}]}
    execution = ran({"Each": state}, given, lambda event, context: {"same": event["id"]})
    found = lineage(execution, "output.out[1].same")
    assert ways(found)[-1] == ("input.items[1].id", "input")
    assert "item 1 of Each" in words(found)


def test_an_item_selector_reads_both_the_item_and_the_maps_own_input() -> None:
    state = {**EACH, "ItemsPath": "$.items", "ItemSelector": {"v.$": "$$.Map.Item.Value.id", "k.$": "$.k", "c": 1,
             "i.$": "$$.Map.Item.Index"}, "ItemProcessor": graph(In=passing())}  # fmt: skip
    execution = ran({"Each": state}, {"items": [{"id": 1}, {"id": 2}], "k": KEY})
    assert ways(lineage(execution, "Each[1].In.input.v"))[-1] == ("input.items[1].id", "input")
    assert ways(lineage(execution, "Each[1].In.input.k"))[-1] == ("input.k", "input")
    assert [hop.kind for hop in lineage(execution, "Each[0].In.input.c").hops] == ["literal"]
    assert [hop.kind for hop in lineage(execution, "Each[0].In.input.i").hops] == ["context"]


def test_a_parallels_branches_and_their_outputs_are_followed() -> None:
    branch = graph(In=passing(Parameters={"b.$": "$.a"}))
    execution = ran({"P": {"Type": "Parallel", "Branches": [branch], "End": True}}, {"a": KEY})
    assert ways(lineage(execution, "output[0].b"))[-1] == ("input.a", "input")


def test_every_argument_of_an_intrinsic_is_followed() -> None:
    execution = ran({"A": passing(Parameters={"x.$": "States.Format('{}-{}', $.a, $.b)"})}, {"a": 1, "b": 2})
    assert {text for text, _ in ways(lineage(execution, "A.output.x"))} == {
        "A.afterParameters.x", "input.a", "input.b",
    }  # fmt: skip


def test_a_filter_is_followed_to_the_very_items_that_it_took() -> None:
    execution = ran({"A": passing(Parameters={"x.$": "$.list[?(@.n > 1)].id"})},
                    {"list": [{"n": 1, "id": "p"}, {"n": 2, "id": "q"}, {"n": 3, "id": "r"}]})  # fmt: skip
    assert ways(lineage(execution, "A.output.x[1]"))[-1] == ("input.list[2].id", "input")


def test_a_variable_is_followed_to_the_state_that_assigned_it() -> None:
    states = {"A": passing(Assign={"v.$": "$.k"}, Next="B"), "B": passing(Parameters={"x.$": "$v"})}
    assert ways(lineage(ran(states, {"k": KEY}), "B.output.x")) == [
        ("B.afterParameters.x", "read"), ("A.variables.v", "read"), ("input.k", "input"),
    ]  # fmt: skip


def test_the_executions_input_is_found_behind_the_context_object() -> None:
    states = {"A": passing(Parameters={"x.$": "$$.Execution.Input.k", "n.$": "$$.State.Name"})}
    execution = ran(states, {"k": KEY})
    assert ways(lineage(execution, "A.output.x"))[-1] == ("input.k", "input")
    assert ways(lineage(execution, "A.output.n")) == [("A.afterParameters.n", "context")]


@pytest.mark.parametrize(
    ("state", "field"),
    [
        (passing(Parameters={"n": 1}, Next="B"), "Parameters"),
        (passing(Result={"n": 1}, Next="B"), "Result"),
        (passing(OutputPath="$.other", Next="B"), "OutputPath"),
        (passing(InputPath="$.other", Next="B"), "InputPath"),
        (task(Next="B"), "ResultPath"),
        (task(ResultSelector={"n": 1}, Next="B"), "ResultSelector"),
        (task(ResultPath="$.a", Next="B"), "ResultPath"),
    ],
)
def test_a_missing_value_names_the_state_and_field_that_lost_it_and_where_it_was(state: Any, field: str) -> None:
    execution = ran({"A": state, "B": passing()}, {"a": {"b": KEY}, "other": {"n": 1}}, lambda event, context: {"n": 1})
    lost = lineage(execution, "B.input.a.b").lost
    assert lost is not None
    assert (lost.state, lost.field, lost.value) == ("A", field, KEY)
    assert lost.last.text == "A.input.a.b"


def test_a_value_made_null_by_a_handler_names_the_handler_and_what_it_was_given() -> None:
    states = {"A": task(ResultPath="$.r", Next="B"), "B": passing(Parameters={"k.$": "$.r.k"})}
    execution = ran(states, {"k": KEY}, lambda event, context: {"k": None})
    lost = lineage(execution, "output.k").lost
    assert lost is not None
    assert (lost.state, lost.field, lost.last.text, lost.value) == ("A", "Resource", "A.input.k", KEY)


def test_a_value_that_was_given_as_null_is_followed_further() -> None:
    execution = ran({"A": task(Parameters={"k.$": "$.k"})}, {"k": None}, lambda event, context: event)
    found = lineage(execution, "A.output.k")
    assert found.lost is None
    assert ways(found)[-1] == ("input.k", "input")


def test_a_value_that_nobody_had_says_so() -> None:
    made = machine(A=passing())
    found = lineage(made.run({"k": 1}), "A.input.gone")
    assert list(lineage_lines(found, made.source))[-1] == "  lost   by nobody: no state before ever had it"


def test_lines_name_the_place_in_the_definition() -> None:
    made = machine(A=passing(Parameters={"x.$": "$.k"}))
    out = list(lineage_lines(lineage(made.run({"k": KEY}), "A.output.x"), made.source))
    assert out[0] == f'A.output.x  "{KEY}" ({len(KEY) + 2} bytes)'
    assert out[2].strip() == "← Parameters/x.$ of A reads $.k  <machine>:8:16"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("A.k", "write STATE.STAGE.PATH"),
        ("Aa.input.k", "did you mean A"),
        ("A.input[*]", "names and indices only"),
        ("A.input.[", "A.input"),
    ],
)
def test_an_address_that_names_nothing_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        lineage(ran({"A": passing()}), text)


def test_forwards_names_readers_handlers_rules_and_the_end() -> None:
    states = {
        "A": task(ResultPath="$.r", Next="B"),
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.r.key", "IsNull": True, "Next": "C"}], "Default": "C"},
        "C": passing(Parameters={"x.$": "$.r.key"}),
    }
    found = fate(ran(states, {}, lambda event, context: {"key": KEY}), "A.result.key")
    assert [(use.kind, use.state, use.field) for use in found.uses] == [
        ("compared", "B", "Choices[0]"), ("read", "C", "Parameters/x.$"), ("output", "", ""),
    ]  # fmt: skip
    assert found.uses[-1].words == "is in the execution's output at $.x"


def test_forwards_tells_who_does_not_give_it_on() -> None:
    made = machine(A=passing(Next="B"), B=passing(Parameters={"n": 1}))
    found = fate(made.run({"k": KEY}), "input.k")
    assert [(use.kind, use.state, use.field) for use in found.uses] == [("dropped", "B", "Parameters")]
    assert "does not give it on" in list(fate_lines(found, made.source))[1]


def test_forwards_goes_into_every_item_of_a_map_and_back_out_of_it() -> None:
    state = {**EACH, "ItemSelector": {"v.$": "$$.Map.Item.Value"}}
    execution = ran({"Each": state}, [KEY, KEY], lambda event, context: {"v": event["v"]})
    found = fate(execution, "input[1]")
    assert [use.kind for use in found.uses] == ["read", "given", "returned", "output"]
    assert found.uses[-1].words.endswith("at $[1].v")
    assert [len(use.places) for use in fate(execution, "input").uses[:2]] == [1, 2]


def test_forwards_goes_into_the_children_of_a_distributed_map() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                 **graph(In=passing(Parameters={"x.$": "$.k"}))}  # fmt: skip
    execution = ran({"Each": {"Type": "Map", "ItemProcessor": processor, "End": True}}, [{"k": KEY}])
    assert [use.kind for use in fate(execution, "input[0].k").uses] == ["read", "output"]
    assert ways(lineage(execution, "output[0].x"))[-1] == ("input[0].k", "input")


def test_forwards_follows_a_variable() -> None:
    states = {"A": passing(Assign={"v.$": "$.k"}, Next="B"), "B": passing(Parameters={"x.$": "$v"})}
    assert [(use.kind, use.state) for use in fate(ran(states, {"k": KEY}), "input.k").uses] == [
        ("read", "A"), ("read", "B"), ("output", ""),
    ]  # fmt: skip


def test_both_directions_are_json() -> None:
    made = machine(A=passing(Parameters={"x.$": "$.k"}))
    execution = made.run({"k": KEY})
    back = json.loads(json.dumps(lineage(execution, "A.output.x").to_json(made.source)))
    assert [hop["kind"] for hop in back["hops"]] == ["passed", "read", "passed", "input"]
    assert back["hops"][1]["line"] == 8
    forth = json.loads(json.dumps(fate(execution, "input.k").to_json(made.source)))
    assert [use["kind"] for use in forth["uses"]] == ["read", "output"]


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("$.a[*].b", {0: ("a", 0, "b"), 1: ("a", 1, "b")}),
        ("$.a[-1:]", {0: ("a", 1)}),
        ("$..b", {0: ("a", 0, "b"), 1: ("a", 1, "b")}),
        ("$.a[?(@.b == 'q')].b", {0: ("a", 1, "b")}),
    ],
)
def test_what_an_indefinite_path_takes_is_known_by_place(path: str, places: Any) -> None:
    found = locations(compile_path(path), {"a": [{"b": "p"}, {"b": "q"}]})
    assert found == places
