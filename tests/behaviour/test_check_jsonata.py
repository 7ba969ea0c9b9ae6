"""Check of JSONata machines: what an expression gives, what is missing, what throws, who lost it, who reads it."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.check import Facts, Finding, check_machine
from sfn_sim.analysis.contracts import Contract, schema_shape
from sfn_sim.query.shapes import shape_of
from tests.behaviour.checks import examine
from tests.behaviour.machines import FUNCTION, graph, machine, passing, task

pytest.importorskip("jlens")

JSONATA = {"QueryLanguage": "JSONata"}
SUCCEED = {"Type": "Succeed"}
INNER = graph(I=passing())


def found(*examples: Any, notes: bool = False, **states: Any) -> list[Finding]:
    report = examine(machine(JSONATA, **states), *examples)
    return [each for each in report.findings if notes or each.severity != "note"]


def codes(*examples: Any, notes: bool = False, **states: Any) -> list[tuple[str, str, str]]:
    return [(each.code, each.severity, each.state) for each in found(*examples, notes=notes, **states)]


def choose(condition: str, target: str, default: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [{"Condition": condition, "Next": target, **more}], "Default": default}


def gives(expression: str, *examples: Any) -> list[tuple[str, str, str]]:
    """Return what is found in a Pass whose Output is an expression, without notes."""
    return codes(*examples, A=passing(Output=f"{{% {expression} %}}"))


def test_of_an_unknown_input_and_unknown_results_nothing_is_said() -> None:
    assert codes(
        A=task(Arguments={"x": "{% $states.input.a.b[0].c + 1 %}"}, Output="{% $states.result.list.id %}", Next="B"),
        B={"Type": "Map", "Items": "{% $states.input.whatever %}", "ItemProcessor": graph(I=passing()), "Next": "C"},
        C=passing(Output={"z": "{% $sum($states.input.price) %}"}),
    ) == []  # fmt: skip


@pytest.mark.parametrize("output", [{}, [], None, "", 0, "{% {} %}", "{% [] %}", "{% $states %}", "{% $merge([]) %}"])
def test_an_output_without_keys_has_none_that_nobody_reads(output: Any) -> None:
    assert codes(notes=True, A=passing(Output=output, Next="B"), B=passing(Output=1)) == []


def test_a_read_that_no_way_has_is_an_error_that_says_what_there_is() -> None:
    (one,) = found(
        {"order": {"id": 7}},
        A=passing(Output={"job": {"order": "{% $states.input.order %}"}}, Next="B"),
        B=task(Arguments={"id": "{% $states.input.job.id %}"}),
    )
    assert (one.code, one.severity, one.state, one.field) == ("PATH_MISSING", "error", "B", "Arguments/id")
    assert one.what == "$states.input.job.id is missing from $states.input.job: {order}"
    assert one.fix == "read $states.input.job.order.id, which is there"
    assert (one.mark, one.location is not None) == ("id", True)


def test_an_output_that_replaced_everything_is_named_with_the_state_that_reads_what_is_gone() -> None:
    (one,) = found(
        {"chunked": {"key": 1, "total": 2}},
        Group=passing(Output={"total": "{% $states.input.chunked.total %}"}, Next="Merge"),
        Merge=task(Arguments={"key": "{% $states.input.chunked.key %}"}),
    )
    assert (one.code, one.severity, one.state) == ("STATE_REPLACED", "error", "Merge")
    assert "the Output of Group replaces the whole state" in one.why
    assert one.other is not None
    assert one.other.state == "Group"
    assert 'let the Output of Group pass it on: "chunked": "{% $states.input.chunked %}"' in one.fix


def test_a_task_without_output_replaces_the_state_by_its_result() -> None:
    contract = Contract(source="schema", result=schema_shape(
        {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"], "additionalProperties": False}
    ))  # fmt: skip
    given = machine(JSONATA, Load=task(Next="Use"), Use=passing(Output={"k": "{% $states.input.key %}"}))
    facts = Facts(given=shape_of({"key": 1}, exact=False), contracts={f"{FUNCTION}f": [contract]})
    one = check_machine("m", given.planned, given.source, facts).findings[0]
    assert (one.code, one.state) == ("STATE_REPLACED", "Use")
    assert "Load replaces the whole state by its result: it has no Output" in one.why
    kept = "{% $merge([$states.input, {'load': $states.result}]) %}"
    assert one.fix == f'give Load an Output that keeps its input: "{kept}"'


def test_what_only_one_way_lacks_is_a_warning_that_names_the_way() -> None:
    (one,) = found(
        {"n": 1},
        C=choose("{% $states.input.n > 1 %}", "Load", "Use"),
        Load=passing(Output='{% $merge([$states.input, {"loaded": {"key": 1}}]) %}', Next="Use"),
        Use=task(Arguments={"key": "{% $states.input.loaded.key %}"}),
    )
    assert (one.code, one.severity, one.way) == ("PATH_SOMETIMES_MISSING", "warning", ("C", "Use"))


def test_what_was_told_once_is_not_told_again_by_the_states_that_follow() -> None:
    assert codes(
        {},
        A=passing(Output={"a": "{% $states.input.gone %}"}, Next="B"),
        B=passing(Output={"b": "{% $states.input.a.deep %}"}),
    ) == [("PATH_MISSING", "error", "A")]


@pytest.mark.parametrize(
    "expression",
    [
        "$exists($states.input.x) ? $states.input.x : 0",
        "$states.input.a.b & $states.input.x",
        '{"a": $states.input.x}',
        "[$states.input.x]",
        "$count($states.input.x)",
        "$states.input.x = 1",
        "$merge([$states.input, {\"a\": $states.input.x}])",
        "$boolean($states.input.x) ? 1 : 2",
        "($v := $states.input.x; $exists($v) ? $v : null)",
        "$exists($lookup($states.input, \"x\"))",
        "$append($states.input.x, 1)",
    ],
)
def test_a_missing_field_is_no_error_where_jsonata_takes_nothing(expression: str) -> None:
    assert [each for each in gives(expression, {"a": {"b": 1}}) if each[1] == "error"] == []


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.x",
        "$states.input.x + 1",
        "$string($states.input.x)",
        "$states.input.list.x",
        "$states.input.x[0]",
        "$sum($states.input.x)",
        "$map($states.input.x, function($v) { $v })",
        "($v := $states.input.x; $v)",
        "$states.input.x ~> $uppercase()",
        "$states.input.a.b.c",
    ],
)
def test_a_missing_field_that_leaves_nothing_is_an_error(expression: str) -> None:
    (one,) = gives(expression, {"a": {"b": 1}, "list": [{"y": 1}]})
    assert one == ("PATH_MISSING", "error", "A")


def test_a_key_whose_value_may_be_nothing_is_neither_there_nor_missing() -> None:
    made = passing(Output='{% {"a": $states.input.x} %}', Next="B")
    assert codes(A=made, B=passing(Output="{% $states.input.a %}")) == []
    assert codes(A=made, B=passing(Output="{% $states.input.b %}")) == [("STATE_REPLACED", "error", "B")]
    choice = choose("{% $exists($states.input.a) %}", "End", "End")
    assert codes(A=made, B=choice, End=SUCCEED) == []


def test_reading_a_field_of_a_list_that_took_the_place_of_the_state_is_a_note() -> None:
    each = {"Type": "Map", "Items": "{% $states.input.lines %}", "ItemProcessor": graph(In=task()), "Next": "Use"}
    told = found({"lines": [1], "id": 7}, notes=True, Each=each, Use=passing(Output="{% $states.input.id %}"))
    one = next(each for each in told if each.code == "LIST_READ_AS_OBJECT")
    assert (one.severity, one.state) == ("note", "Use")
    assert "the list that Each gives" in one.what
    assert "the Output of Each" in one.fix


def test_a_function_that_makes_an_error_of_nothing_is_read_as_what_it_asks_for() -> None:
    need = 'function($v) { $exists($v) ? $v : $error("leads nowhere") }'
    (one,) = found({"a": 1}, A=passing(Output=f"{{% ($need := {need}; $need($states.input.x) = true) %}}"))
    assert (one.code, one.what) == ("PATH_MISSING", "$states.input.x is missing from $states.input: {a}")


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("$states.input.s + 1", "the operator + needs a number, and gets a string"),
        ("$states.input.s < 1", "< compares a string with a number"),
        ("-$states.input.s", "- needs a number, and gets a string"),
        ("$uppercase($states.input.n)", "$uppercase needs a string, and gets a number"),
        ("$sum($states.input.texts)", "$sum needs a number, and gets a string"),
        ("$join([1, 2])", "$join needs a string, and gets a number"),
        ("$merge([$states.input, 1])", "$merge needs an object, and gets a number"),
        ("$nope($states.input.n)", "there is no such function"),
        ("$eval('1')", "there is no such function"),
        ("$map([1], function($v) { $v + 'a' })", "the operator + needs a number, and gets a string"),
    ],
)
def test_what_surely_throws_is_an_error(expression: str, what: str) -> None:
    example = {"s": "a", "n": 1}
    (one,) = found({**example, "texts": ["a"]}, A=passing(Output=f"{{% {expression.replace('texts', 's')} %}}"))
    assert (one.code, one.severity) == ("EXPRESSION_FAILS", "error")
    assert what in one.what


def test_what_throws_on_one_kind_of_value_only_is_a_warning() -> None:
    assert gives("$states.input.n + 1", {"n": 1}, {"n": "1"}) == [("EXPRESSION_FAILS", "warning", "A")]


def test_what_throws_in_a_branch_is_a_warning_and_what_a_test_rules_out_is_nothing() -> None:
    assert gives("$states.input.b ? $states.input.s + 1 : 0", {"s": "a", "b": True}) == [
        ("EXPRESSION_FAILS", "warning", "A")
    ]
    test = '$type($states.input.n) = "number" ? $states.input.n + 1 : 0'
    assert gives(test, {"n": 1}, {"n": "1"}) == []


def test_the_length_of_a_list_is_never_guessed() -> None:
    assert gives("$sum($states.input.lines.price) + $states.input.lines[0].price", {"lines": [{"price": 1}]}) == []
    assert codes(
        {"lines": [{"id": 1}]},
        A={"Type": "Map", "Items": "{% $states.input.lines.id %}", "ItemProcessor": graph(I=passing()), "End": True},
    ) == []  # fmt: skip


def test_an_item_of_a_list_that_is_empty_is_nothing() -> None:
    assert gives("[][0]") == [("EXPRESSION_GIVES_NOTHING", "error", "A")]


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ({"Type": "Map", "Items": "{% $states.input.o %}", "ItemProcessor": INNER, "End": True}, "an array"),
        ({"Type": "Wait", "Seconds": "{% $states.input.s %}", "End": True}, "a number"),
        ({"Type": "Wait", "Timestamp": "{% $states.input.n %}", "End": True}, "a string"),
        ({"Type": "Fail", "Error": "{% $states.input.n %}"}, "a string"),
        (choose("{% $states.input.n %}", "End", "End"), "true or false"),
        (task(TimeoutSeconds="{% $states.input.s %}"), "a number"),
    ],
)
def test_a_field_of_another_type_than_it_takes_is_an_error(state: dict[str, Any], what: str) -> None:
    others = {"End": SUCCEED} if state["Type"] == "Choice" else {}
    (one,) = found({"o": {"a": 1}, "s": "a", "n": 1}, A=state, **others)
    assert (one.code, one.severity) == ("WRONG_TYPE", "error")
    assert f"takes {what}" in one.what


@pytest.mark.parametrize("expression", ["$states.input.list", '$lookup($states.input, "list")', "($states.input.list)"])
def test_null_where_a_field_needs_a_value_is_told_as_null(expression: str) -> None:
    each = {"Type": "Map", "Items": f"{{% {expression} %}}", "ItemProcessor": INNER, "End": True}
    (one,) = found({}, A=passing(Output={"list": None}, Next="Each"), Each=each)
    assert (one.code, one.severity, one.what) == ("NULL_VALUE", "error", "Items takes an array, and is null")
    (other,) = found({}, A=passing(Output={"list": None}, Next="B"), B=passing(Output=f"{{% {expression}.x %}}"))
    assert (other.code, other.severity) == ("NULL_VALUE", "error")


def test_a_condition_narrows_what_the_states_behind_it_read() -> None:
    assert codes(
        {"n": 1}, {"n": None}, {},
        C=choose('{% $exists($states.input.n) and $type($states.input.n) = "number" %}', "Use", "End"),
        Use=passing(Output={"n": "{% $states.input.n + 1 %}"}, Next="End"),
        End=SUCCEED,
    ) == []  # fmt: skip


def test_a_condition_that_holds_for_no_input_is_a_branch_that_is_never_taken() -> None:
    (one,) = found(
        {"n": 1},
        Set=passing(Output={"mode": "fast"}, Next="C"),
        C=choose('{% $states.input.mode = "slow" %}', "Slow", "End"), Slow=passing(), End=SUCCEED,
    )  # fmt: skip
    assert (one.code, one.severity, one.state) == ("BRANCH_NEVER_TAKEN", "warning", "C")


def test_unlike_types_are_never_equal() -> None:
    (one,) = found({"n": 1}, C=choose('{% $states.input.n = "1" %}', "End", "End"), End=SUCCEED)
    assert (one.code, one.severity) == ("UNLIKE_TYPES", "warning")


def test_the_processor_reads_what_items_and_item_selector_give() -> None:
    found_here = codes(
        {"lines": [{"id": 1}], "key": "k"},
        A={
            "Type": "Map", "Items": "{% $states.input.lines %}",
            "ItemSelector": {"id": "{% $states.context.Map.Item.Value.id %}", "key": "{% $states.input.key %}"},
            "ItemProcessor": graph(
                In=passing(Output={"n": "{% $states.input.id + 1 %}", "k": "{% $states.input.k %}"})
            ),
            "Next": "B",
        },
        B=passing(Output={"all": "{% $sum($states.input.n) %}"}),
    )  # fmt: skip
    assert found_here == [("PATH_MISSING", "error", "In")]


def test_the_context_object_has_a_map_item_inside_a_map_only() -> None:
    (one,) = found(A=passing(Output={"i": "{% $states.context.Map.Item.Index %}"}))
    assert one.code == "CONTEXT_PATH"
    (other,) = found({"a": 1}, A=passing(Output={"i": "{% $states.input.Execution.Id %}"}))
    assert (other.code, other.fix) == (
        "CONTEXT_PATH", "read $states.context.Execution.Id instead of $states.input.Execution.Id"
    )  # fmt: skip


def test_a_catch_gives_the_error_output() -> None:
    kept = '{% $merge([$states.input, {"e": $states.errorOutput}]) %}'
    catch = {"ErrorEquals": ["States.ALL"], "Next": "F", "Output": kept}
    assert codes(
        {"n": 1},
        A=task(Catch=[catch]),
        F=passing(Output={"cause": "{% $uppercase($states.input.e.Cause) %}", "n": "{% $states.input.n + 1 %}",
                          "x": "{% $states.input.e.Message %}"}),
    ) == [("PATH_MISSING", "error", "F")]  # fmt: skip


def test_a_variable_has_the_shape_that_assign_gave_it() -> None:
    one, other = found(
        {"n": "a"},
        A=passing(Assign={"v": {"n": "{% $states.input.n %}"}}, Next="B"),
        B=passing(Output={"x": "{% $v.m %}", "y": "{% $v.n + 1 %}"}),
    )
    assert (one.code, one.what) == ("PATH_MISSING", "$v.m is missing from $v: {n}")
    assert (other.code, other.severity) == ("EXPRESSION_FAILS", "error")


def test_a_variable_without_a_value_is_told_as_such() -> None:
    (one,) = found(A=passing(Assign={"total": 1}, Next="B"), B=passing(Output="{% $totals %}"))
    assert (one.code, one.severity, one.fix) == ("VARIABLE_MISSING", "error", "did you mean $total?")
    (other,) = found(
        {"a": 1}, {},
        C=choose("{% $exists($states.input.a) %}", "Use", "Use", Assign={"v": 1}),
        Use=passing(Output="{% $v %}"),
    )  # fmt: skip
    assert (other.code, other.severity) == ("VARIABLE_MISSING", "warning")


def test_variables_of_a_processor_end_with_it() -> None:
    inner = graph(In=passing(Assign={"w": 1}, Output="{% $v + 1 %}"))
    assert codes(
        {"l": [1]},
        Set=passing(Assign={"v": 1}, Next="Each"),
        Each={"Type": "Map", "Items": "{% $states.input.l %}", "ItemProcessor": inner, "Next": "Use"},
        Use=passing(Output="{% $w %}"),
    ) == [("VARIABLE_MISSING", "error", "Use")]


def test_a_variable_in_jsonpath_has_a_shape_too() -> None:
    given = machine(
        Set=passing(Assign={"v": {"a.$": "$.n"}}, Next="Use"),
        Use=passing(Parameters={"b.$": "$v.b"}),
    )
    (one,) = [each for each in examine(given, {"n": 1}).findings if each.severity != "note"]
    assert (one.code, one.what) == ("PATH_MISSING", "$v.b is missing from $v: {a}")


def test_arguments_are_held_against_the_functions_contract() -> None:
    contract = Contract(source="schema", file="f.json", event=schema_shape(
        {"type": "object", "properties": {"id": {"type": "string"}, "total": {"type": "number"}},
         "required": ["id", "total"], "additionalProperties": False}
    ))  # fmt: skip
    given = machine(JSONATA, A=task(Arguments={"id": "{% $states.input.id %}", "when": "now"}))
    facts = Facts(given=shape_of({"id": 7}, exact=False), contracts={f"{FUNCTION}f": [contract]})
    report = check_machine("m", given.planned, given.source, facts)
    assert sorted((each.code, each.severity) for each in report.findings) == [
        ("CONTRACT_KEY_UNREAD", "note"), ("CONTRACT_NOT_MET", "error"), ("CONTRACT_NOT_MET", "error"),
    ]  # fmt: skip


def test_what_nobody_reads_is_a_note() -> None:
    told = found(
        {"id": 1, "verbose": True},
        notes=True,
        Prepare=passing(Output={"id": "{% $states.input.id %}", "when": "{% $now() %}"}, Next="Charge"),
        Charge=task(Arguments={"id": "{% $states.input.id %}"}, Output='{% $merge([$states.input, {"r": 1}]) %}',
                    Next="Last"),
        Last=passing(Output="{% $states.input.id %}"),
    )  # fmt: skip
    assert [(each.code, each.state, each.what.split(" ")[0]) for each in told] == [
        ("INPUT_UNREAD", "Prepare", "$.verbose"),
        ("OUTPUT_UNREAD", "Prepare", "when"),
        ("OUTPUT_UNREAD", "Charge", "r"),
    ]


def test_a_catch_whose_error_nobody_tells_swallows_the_cause() -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Next": "Failed"}
    keeping = {**catch, "Output": '{% $merge([$states.input, {"error": $states.errorOutput}]) %}'}
    fixed = {"Type": "Fail", "Error": "ChunkFailed", "Cause": "A chunk failed"}
    (one,) = found(A=task(Catch=[keeping]), Failed=fixed)
    assert (one.code, one.severity, one.state) == ("CAUSE_SWALLOWED", "warning", "A")
    assert '"Error": "{% $states.input.error.Error %}"' in one.fix
    telling = {"Type": "Fail", "Error": "ChunkFailed", "Cause": "{% $states.input.error.Cause %}"}
    assert codes(A=task(Catch=[keeping]), Failed=telling) == []
    assert codes(A=task(Catch=[catch]), Failed=fixed) == [("CAUSE_SWALLOWED", "warning", "A")]


def test_a_state_in_jsonata_inside_a_jsonpath_machine_is_followed_too() -> None:
    given = machine(
        A={**passing(Output={"k": "{% $states.input.key %}"}, Next="B"), "QueryLanguage": "JSONata"},
        B=passing(Parameters={"x.$": "$.key"}),
    )
    (one,) = [each for each in examine(given, {"key": 1}).findings if each.severity != "note"]
    assert (one.code, one.state) == ("STATE_REPLACED", "B")


def test_what_an_environment_fills_in_decides_nothing() -> None:
    from sfn_sim.machine import StateMachine

    document = {
        **JSONATA, "StartAt": "C",
        "States": {"C": choose('{% "${Mode}" = "fast" %}', "Fast", "End"), "Fast": passing(), "End": SUCCEED},
    }  # fmt: skip
    given = StateMachine.from_json(document, substitutions={"Mode": "slow"})
    assert [each for each in examine(given, {}).findings if each.severity != "note"] == []


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.lines[n > 0]",
        "$filter($states.input.lines, function($v) { $v.n > 0 })",
        "$states.input.lines.n",
        "$map($states.input.lines, function($v) { $v.n })",
    ],
)
def test_items_that_come_bare_where_one_is_left_are_a_note_with_the_brackets_that_mend_it(expression: str) -> None:
    def notes(items: str) -> list[Finding]:
        each = {"Type": "Map", "Items": f"{{% {items} %}}", "ItemProcessor": graph(In=task()), "End": True}
        return [each for each in found({"lines": [{"n": 1}]}, notes=True, Each=each) if each.code != "INPUT_UNREAD"]

    (one,) = notes(expression)
    assert (one.code, one.severity, one.state) == ("LIST_MAY_BE_BARE", "note", "Each")
    assert f'"{{% [{expression}] %}}"' in one.fix
    assert notes(f"[{expression}]") == notes("$states.input.lines") == []
