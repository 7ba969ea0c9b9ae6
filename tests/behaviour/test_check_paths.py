"""Paths that lead nowhere, on every way or on some; who lost what is read; null; $ and $$."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.query.shapes import join_all, shape_of
from tests.behaviour.checks import codes, examine, findings
from tests.behaviour.machines import FUNCTION, graph, machine, passing, task

SUCCEED = {"Type": "Succeed"}


def choice(*rules: dict[str, Any], default: str | None = None) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": list(rules), **({"Default": default} if default else {})}


def when(variable: str, target: str, **operator: Any) -> dict[str, Any]:
    return {"Variable": variable, **operator, "Next": target}


def test_of_an_unknown_input_and_unknown_results_nothing_is_said() -> None:
    assert codes(
        A=task(Parameters={"x.$": "$.a.b[0].c"}, Next="B"),
        B=task(Parameters={"y.$": "$.whatever"}, ResultPath="$.r", Next="C"),
        C=passing(Parameters={"z.$": "States.Format('{}', $.r.s)"}),
    ) == []


def test_a_path_that_no_way_has_is_an_error() -> None:
    (found,) = findings(
        {"order": {"id": 7}},
        A=passing(Parameters={"order.$": "$.order"}, ResultPath="$.job", Next="B"),
        B=task(Parameters={"id.$": "$.job.id"}),
    )
    assert (found.code, found.severity, found.state) == ("PATH_MISSING", "error", "B")
    assert found.what == "$.job.id is missing from $.job: {order}"
    assert "$.job.order.id" in found.fix
    assert found.field == "Parameters/id.$"


def test_a_path_that_the_input_lacks_names_the_input() -> None:
    (found,) = findings({"a": 1}, A=task(Parameters={"x.$": "$.dry_run"}))
    assert found.code == "PATH_MISSING"
    assert found.why == "the execution's input does not have it: {a}"


def test_what_the_states_own_input_path_leaves_out_is_told_as_that() -> None:
    given = {"work": {"x": 1}, "limits": {"t": 9}}
    (found,) = findings(given, A=task(InputPath="$.work", Parameters={"t.$": "$.limits.t"}))
    assert found.what == "$.limits is missing from the effective input: {x}"
    assert found.why == "InputPath $.work leaves it out: $.limits is in the input of the state"
    assert found.fix == "leave InputPath out: $.limits is there then, and what is read as $ now is $.work"


def test_a_place_below_the_input_path_is_told_as_it_is_read_there() -> None:
    (found,) = findings({"work": {"deep": {"t": 9}}}, A=task(InputPath="$.work", Parameters={"t.$": "$.t"}))
    assert found.fix.startswith("read $.deep.t, which is there")
    (other,) = findings({"work": {"x": 1}, "t": {"t": 9}}, A=task(InputPath="$.work", Parameters={"t.$": "$.u.t"}))
    assert "which is there" not in other.fix


def test_what_a_result_has_at_times_is_told_of_the_result_and_no_key_is_taken_for_a_slip_of_itself() -> None:
    result = join_all([shape_of({"Item": {}, "n": 1}), shape_of({"n": 1})])
    given = machine(None, A=task(ResultSelector={"item.$": "$.Item"}, ResultPath="$.r"))
    (found,) = examine(given, {"id": 7}, results={f"{FUNCTION}f": result}).findings[:1]
    assert (found.code, found.severity) == ("PATH_SOMETIMES_MISSING", "warning")
    assert found.what == "$.Item is missing from the state's result: {Item?, n}"
    assert found.fix == "take ResultSelector/item.$ away, and test IsPresent in a Choice after it"


def test_what_some_examples_of_the_input_lack_is_a_warning() -> None:
    (found,) = findings({"a": 1}, {"a": 1, "dry_run": True}, A=task(Parameters={"x.$": "$.dry_run"}))
    assert (found.code, found.severity) == ("PATH_SOMETIMES_MISSING", "warning")


def test_a_state_that_an_optional_value_only_passes_through_did_not_lose_it() -> None:
    (found,) = findings(
        {"o": {"c": 1}}, {"o": {}},
        Load=task(ResultPath="$.l", Next="Ask"),
        Ask={"Type": "Choice", "Choices": [{"Variable": "$.l.x", "IsPresent": True, "Next": "Use"}], "Default": "Use"},
        Use=passing(Parameters={"x.$": "$.o.c"}),
    )  # fmt: skip
    assert (found.code, found.why) == ("PATH_SOMETIMES_MISSING", "the execution's input may come without it")
    assert found.what == "$.o.c may be missing from $.o: {c?}"
    assert found.other is None


def test_a_choice_that_lets_only_what_lacks_a_value_through_is_named_as_that() -> None:
    ask = {"Variable": "$.c", "IsPresent": False, "Next": "Use"}
    (found,) = findings(
        {"c": 1}, {},
        Ask={"Type": "Choice", "Choices": [ask], "Default": "Done"},
        Use=passing(Parameters={"x.$": "$.c"}),
        Done={"Type": "Succeed"},
    )  # fmt: skip
    assert found.why == "Ask lets only what lacks $.c come here. $.c was last in its input"
    assert found.fix == "read it on another way out of Ask"


def test_a_key_that_a_result_lacks_is_told_as_the_results() -> None:
    call = task(ResultSelector={"x.$": "$.sum"})
    known = {call["Resource"]: shape_of({"total": 1}, exact=False)}
    (found,) = examine(machine(None, A=call), results=known).findings
    assert found.what == "$.sum is missing from the state's result: {total}"
    assert found.fix == "let A's result have $.sum, or read another key"


def test_a_path_that_only_one_way_lacks_is_a_warning_that_names_the_way() -> None:
    (found,) = findings(
        {"list": [], "total": 1},
        ListPending=task(ResultPath="$.result", Next="CheckPending"),
        CheckPending=choice(when("$.total", "Load", NumericGreaterThan=0), default="NoPending"),
        NoPending=passing(Next="Finish"),
        Load=task(ResultPath="$.loaded", Next="Finish"),
        Finish=task(Parameters={"key.$": "$.loaded.key"}),
    )
    assert (found.code, found.severity, found.state) == ("PATH_SOMETIMES_MISSING", "warning", "Finish")
    assert found.way == ("ListPending", "CheckPending", "NoPending", "Finish")
    assert "$.loaded is missing" in found.what


def test_what_was_told_once_is_not_told_again_by_the_states_that_follow() -> None:
    found = codes(
        {},
        A=passing(Parameters={"a.$": "$.gone"}, Next="B"),
        B=passing(Parameters={"b.$": "$.a.deep"}, Next="C"),
        C=passing(Parameters={"c.$": "$.b.deeper"}),
    )
    assert found == [("PATH_MISSING", "error", "A")]


def test_fields_that_lack_the_same_thing_are_one_finding() -> None:
    (found,) = findings({}, A=passing(Parameters={"a.$": "$.gone.a", "b.$": "$.gone.b"}))
    assert found.notes == ("Parameters/b.$ reads $.gone.b: the same",)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (passing(Parameters={"total.$": "$.chunked.total"}), "it has Parameters and no ResultPath"),
        (passing(Result={"total": 1}), "it has a Result and no ResultPath"),
        (task(ResultSelector={"total.$": "$.total"}), "by its ResultSelector: it has no ResultPath"),
        (task(Resource="arn:aws:states:::lambda:invoke", Parameters={"FunctionName": "f"}), "by its result"),
    ],
)
def test_a_state_that_replaced_everything_is_named_with_the_one_that_reads_what_is_gone(
    state: dict[str, Any], why: str
) -> None:
    (found,) = findings(
        {"chunked": {"total": 1, "key": "k"}},
        Group={**{key: value for key, value in state.items() if key != "End"}, "Next": "Merge"},
        Merge=task(Parameters={"key.$": "$.chunked.key"}),
    )
    assert (found.code, found.severity, found.state) == ("STATE_REPLACED", "error", "Merge")
    assert why in found.why
    assert found.other is not None
    assert found.other.state == "Group"
    assert "Group" in found.fix


def test_a_key_that_a_result_lacks_is_not_looked_for_in_the_input_that_never_had_it() -> None:
    call = task(Next="Use")
    one, other = ({"inner": {"n": 1}, "more": 1}, {"inner": {"n": 1}})
    known = {call["Resource"]: join_all(shape_of(each, exact=False) for each in (one, other))}

    def found(path: str, *example: Any) -> list[tuple[str, str, str]]:
        made = machine(None, Call=call, Use=passing(Parameters={"x.$": path}))
        return [(each.code, each.why, each.fix) for each in examine(made, *example, results=known).findings
                if each.state == "Use"]  # fmt: skip

    result = "the result of Call, which replaced the whole state,"
    lacks = [("PATH_MISSING", f"{result} has no inner.id", "let the result of Call have it")]
    assert found("$.inner.id", {"a": 1}) == found("$.inner.id") == lacks
    optional = "let the result of Call have it, or test IsPresent in a Choice before"
    at_times = [("PATH_SOMETIMES_MISSING", f"{result} may lack more", optional)]
    assert found("$.more", {"id": 1}) == found("$.more") == at_times
    ((code, why, _),) = found("$.id", {"id": 1})
    assert code == "STATE_REPLACED"
    assert why.endswith("$.id was last in its input")


def test_a_map_without_result_path_replaces_the_state_with_an_array() -> None:
    (found,) = findings(
        {"items": [1], "key": "k"},
        Each={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": graph(P=passing()), "Next": "After"},
        After=task(Parameters={"key.$": "$.key"}),
    )
    assert found.code == "STATE_REPLACED"
    assert "Each replaces the whole state" in found.why


def test_a_catch_without_result_path_replaces_the_state() -> None:
    (found,) = findings(
        {"key": "k"},
        Try=task(ResultPath="$.r", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Mend"}], Next="Done"),
        Mend=task(Parameters={"key.$": "$.key", "why.$": "$.Cause"}, ResultPath="$.m", Next="Done"),
        Done=SUCCEED,
    )
    assert (found.code, found.state) == ("STATE_REPLACED", "Mend")
    assert "Try's catcher" in found.why
    assert "Catch of Try" in found.fix


def test_a_catch_adds_the_error_and_keeps_the_rest() -> None:
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Mend"}]
    reads = {"key.$": "$.key", "error.$": "$.error.Error", "cause.$": "$.error.Cause"}
    assert codes({"key": "k"}, Try=task(Catch=caught, Next="Mend2"), Mend2=SUCCEED,
                 Mend=task(Parameters=reads)) == []  # fmt: skip
    found = codes({"key": "k"}, Try=task(Catch=caught, Next="Mend2"), Mend2=SUCCEED,
                  Mend=task(Parameters={"e.$": "$.error.Message"}))  # fmt: skip
    assert found == [("PATH_MISSING", "error", "Mend")]


def test_is_present_narrows_both_ways() -> None:
    found = findings(
        {}, {"a": 1},
        Ask=choice(when("$.a", "There", IsPresent=True), default="Gone"),
        There=task(Parameters={"a.$": "$.a"}),
        Gone=task(Parameters={"a.$": "$.a"}),
    )  # fmt: skip
    assert [(each.code, each.state) for each in found] == [("PATH_MISSING", "Gone")]


def test_a_test_turned_round_is_found_even_where_the_input_is_not_known() -> None:
    found = codes(
        Ask=choice(when("$.a", "There", IsPresent=False), default="Gone"),
        There=task(Parameters={"a.$": "$.a"}),
        Gone=task(Parameters={"a.$": "$.a"}),
    )
    assert found == [("PATH_MISSING", "error", "There")]


def test_the_parts_of_a_rule_narrow_what_the_later_ones_read() -> None:
    both = {"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.a", "NumericGreaterThan": 1}],
            "Next": "Use"}  # fmt: skip
    assert codes({}, {"a": 1}, Ask=choice(both, default="Done"), Use=task(Parameters={"a.$": "$.a"}, Next="Done"),
                 Done=SUCCEED) == []  # fmt: skip
    either = {"Or": [{"Not": {"Variable": "$.a", "IsPresent": True}}, {"Variable": "$.a", "IsNull": True}],
              "Next": "Done"}  # fmt: skip
    assert codes({}, {"a": 1}, {"a": None}, Ask=choice(either, default="Use"),
                 Use=task(Parameters={"a.$": "$.a"}, Next="Done"), Done=SUCCEED) == []  # fmt: skip


def test_what_two_choices_on_one_value_exclude_is_no_way() -> None:
    assert codes(
        {"n": 1},
        Ask=choice(when("$.n", "Set", NumericGreaterThan=1), default="Skip"),
        Set=passing(Result="fast", ResultPath="$.mode", Next="Load"),
        Load=task(ResultPath="$.loaded", Next="Again"),
        Skip=passing(Result="slow", ResultPath="$.mode", Next="Again"),
        Again=choice(when("$.mode", "Fast", StringEquals="fast"), default="Done"),
        Fast=task(Parameters={"loaded.$": "$.loaded"}, Next="Done"),
        Done=SUCCEED,
    ) == []


def test_null_below_a_path_is_told_as_null() -> None:
    found = findings(
        {"a": {"b": 1}},
        Ask=choice(when("$.a.b", "Null", NumericEquals=1), default="Use"),
        Null=passing(Result=None, ResultPath="$.a", Next="Use"),
        Use=task(Parameters={"b.$": "$.a.b"}),
    )
    assert [(each.code, each.severity, each.state) for each in found] == [("NULL_VALUE", "warning", "Use")]
    assert found[0].way == ("Ask", "Null", "Use")
    assert found[0].why == "Null makes $.a null"


def test_a_map_over_what_may_be_null_is_told_and_a_null_that_nobody_minds_is_not() -> None:
    states = {
        "Ask": choice(when("$.n", "Null", NumericEquals=1), default="Use"),
        "Null": passing(Result=None, ResultPath="$.items", Next="Use"),
    }
    use = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": graph(P=passing()), "End": True}
    found = codes({"n": 1, "items": [1]}, **states, Use=use)
    assert found == [("NULL_VALUE", "warning", "Use")]
    assert codes({"n": 1, "items": [1]}, **states, Use=task(Parameters={"items.$": "$.items"})) == []


def test_is_null_narrows() -> None:
    use = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": graph(P=passing()), "End": True}
    asked = choice(when("$.items", "Done", IsNull=True), default="Use")
    assert codes({"items": None}, {"items": [1]}, Ask=asked, Use=use, Done=SUCCEED) == []


def test_a_dollar_too_few_is_found_whatever_the_input_is() -> None:
    def over(path: str) -> dict[str, Any]:
        return {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"i.$": path},
                "ItemProcessor": graph(P=passing()), "End": True}  # fmt: skip

    assert codes({"items": [1]}, A=over("$.Map.Item.Index")) == [("CONTEXT_PATH", "error", "A")]
    assert codes(A=over("$.Map.Item.Index")) == [("CONTEXT_PATH", "warning", "A")]
    (found,) = findings(A=over("$.Map.Item.Value"))
    assert "$$.Map.Item.Value" in found.fix
    assert codes(A=over("$$.Map.Item.Value")) == []


def test_the_context_object_has_its_real_shape() -> None:
    assert codes(A=task(Parameters={"i.$": "$$.Map.Item.Index"})) == [("CONTEXT_PATH", "error", "A")]
    assert codes(A=task(Parameters={"t.$": "$$.Task.Token"})) == [("CONTEXT_PATH", "error", "A")]
    waiting = task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
                   Parameters={"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}})  # fmt: skip
    assert codes(A=waiting) == []
    assert codes(A=task(Parameters={"n.$": "$$.Execution.Name", "x.$": "$$.Execution.Input.a"})) == []
    assert codes({}, A=task(Parameters={"x.$": "$$.Execution.Input.a"})) == [("CONTEXT_PATH", "error", "A")]
    assert "did you mean $$.Map.Item?" in findings(
        A={"Type": "Map", "ItemSelector": {"i.$": "$$.Map.Items.Value"}, "ItemProcessor": graph(P=passing()),
           "End": True})[0].fix  # fmt: skip


def test_the_items_of_a_map_are_known_inside_and_its_result_is_a_list_of_its_outputs() -> None:
    def over(reads: str, after: str) -> list[tuple[str, str, str]]:
        return codes(
            {"items": [{"id": 1}]},
            Each={"Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.done", "Next": "After",
                  "ItemProcessor": graph(P=passing(Parameters={"made.$": reads}))},
            After=task(Parameters={"x.$": after}),
        )  # fmt: skip

    assert over("$.id", "$.done[0].made") == []
    assert over("$.name", "$.done[0].made") == [("PATH_MISSING", "error", "P")]
    assert over("$.id", "$.done[0].id") == [("PATH_MISSING", "error", "After")]


def test_what_a_selector_gives_is_all_that_the_processor_has() -> None:
    (found,) = findings(
        {"items": [{"id": 1}], "key": "k"},
        Each={"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"item.$": "$$.Map.Item.Value"}, "End": True,
              "ItemProcessor": graph(P=task(Parameters={"key.$": "$.key"}))},
    )  # fmt: skip
    assert found.why == "each item of Each is what its ItemSelector gives: {item}"


def test_branches_have_what_the_parallel_gives_them() -> None:
    found = findings(
        {"a": 1},
        Both={"Type": "Parallel", "Parameters": {"b.$": "$.a"}, "End": True,
              "Branches": [graph(P=passing(Parameters={"x.$": "$.b"})), graph(Q=passing(Parameters={"x.$": "$.a"}))]},
    )  # fmt: skip
    assert [(each.code, each.state) for each in found] == [("PATH_MISSING", "Q")]


def test_input_path_and_output_path_narrow() -> None:
    (found,) = findings(
        {"a": {"b": 1}, "c": 2},
        A=passing(OutputPath="$.a", Next="B"),
        B=task(Parameters={"c.$": "$.c"}),
    )
    assert "OutputPath" in found.why
    assert codes({"a": {"b": 1}}, A=passing(InputPath="$.a", Parameters={"x.$": "$.b"})) == []
    assert codes({"a": {"b": 1}}, A=passing(InputPath="$.a", Parameters={"x.$": "$.a"})) == [
        ("PATH_MISSING", "error", "A")
    ]


def test_a_result_selector_reads_the_result_and_makes_all_of_it() -> None:
    result = {f"{FUNCTION}f": shape_of({"key": "k"})}
    given = machine(None, A=task(ResultSelector={"k.$": "$.name"}, ResultPath="$.r", Next="B"),
                    B=task(Parameters={"x.$": "$.r.key"}))  # fmt: skip
    report = examine(given, {}, results=result)
    found = [(each.code, each.state) for each in report.findings if each.severity == "error"]
    assert found == [("PATH_MISSING", "A"), ("PATH_MISSING", "B")]


def test_the_payload_of_a_lambda_stands_inside_what_invoke_gives() -> None:
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}}
    assert codes(A={**call, "ResultSelector": {"x.$": "$.Payload.x"}, "End": True}) == []
    assert codes(A={**call, "ResultSelector": {"x.$": "$.x"}, "End": True}) == [("PATH_MISSING", "error", "A")]


def test_a_path_with_a_star_below_what_is_not_there_gives_nothing_and_is_told() -> None:
    assert codes({"rows": [{"id": 1}]}, A=passing(Parameters={"ids.$": "$.lines[*].id"})) == [
        ("PATH_ALWAYS_EMPTY", "warning", "A")
    ]
    assert codes({"rows": [{"id": 1}]}, A=passing(Parameters={"ids.$": "$.rows[*].id"})) == []


@pytest.mark.parametrize(
    ("value", "path", "code"),
    [
        ({"b": "x"}, "$.b[0:1]", "WRONG_TYPE"),
        ({"b": {}}, "$.b[0,1]", "WRONG_TYPE"),
        ({"b": None}, "$.b[0:1]", "NULL_VALUE"),
        ({"b": 1}, "$.b[?(@.c)]", "WRONG_TYPE"),
        ({"b": []}, "$.b['c','d']", "WRONG_TYPE"),
        ({"b": {"c": 1}}, "$.b[?(@.c)]", None),
        ({"b": [1]}, "$.b[0:1]", None),
        ({"b": 1}, "$..b[0:1]", None),
        ({"b": 1}, "$.b[*]", None),
    ],
)
def test_a_slice_or_filter_below_what_it_does_not_take_is_an_error(value: Any, path: str, code: str | None) -> None:
    reads = {"x.$": path}
    assert codes(value, A=passing(Parameters=reads)) == ([(code, "error", "A")] if code else [])
    ended = machine(None, A=passing(Parameters=reads)).run(value, {})
    assert ended.status == ("FAILED" if code else "SUCCEEDED")


def test_a_path_that_gives_an_empty_list_on_one_way_hides_no_later_one_that_fails_there() -> None:
    found = codes(
        {"a": [{"b": 1}]},
        Load=task(Catch=[{"ErrorEquals": ["Busy"], "Next": "List"}], ResultPath=None, Next="List"),
        List=passing(Parameters={"all.$": "$.a[*].b"}, ResultPath="$.list", Next="Use"),
        Use=passing(Parameters={"a.$": "$.a"}),
    )
    assert found == [("PATH_SOMETIMES_MISSING", "warning", "Use")]


def test_what_a_field_needs_of_something_unknown_is_undecided() -> None:
    def undecided(*example: Any, **state: Any) -> int:
        return examine(machine(None, A={**task(), **state}), *example).undecided

    assert undecided({"a": {}}, ResultPath="$.a.b") == 0
    assert undecided(ResultPath="$.a.b") == 1
    assert undecided({"l": [1]}, ResultPath="$.l[0]") == 1  # a list of an example may have any length
    something = {"l": []}  # an item of which nothing is known
    assert undecided(something, Parameters={"n.$": "States.MathAdd($.l[0], 1)"}) == 1
    assert undecided({"l": [1]}, Parameters={"n.$": "States.ArrayGetItem($.l, 0)"}) == 1
    assert undecided(something, InputPath="$.l", Parameters={"n.$": "States.JsonToString($.a)"}) == 0


def test_a_loop_comes_to_an_end_and_its_first_round_is_a_way_of_its_own() -> None:
    (found,) = findings(
        {"n": 1},
        Poll=task(Parameters={"token.$": "$.last.token"}, ResultPath="$.last", Next="Ask"),
        Ask=choice(when("$.last.done", "Done", BooleanEquals=True), default="Nap"),
        Nap={"Type": "Wait", "Seconds": 5, "Next": "Poll"},
        Done=SUCCEED,
    )
    assert (found.code, found.severity, found.state) == ("PATH_SOMETIMES_MISSING", "warning", "Poll")
    assert found.way == ("Poll",)


def test_a_state_that_nests_its_own_input_in_a_loop_comes_to_an_end() -> None:
    assert codes(
        {"go": True},
        Wrap=passing(Parameters={"before.$": "$", "go.$": "$.go"}, Next="Ask"),
        Ask=choice(when("$.go", "Wrap", BooleanEquals=True), default="Done"),
        Done=SUCCEED,
    ) == []


def test_variables_and_what_stands_in_another_language_are_anything() -> None:
    assert examine(machine(None, A=task(Parameters={"x.$": "$.a"}))).undecided == 1


def test_the_fix_never_names_the_very_path_that_leads_nowhere() -> None:
    read = passing(Parameters={"x.$": "$.a.b"})
    for examples in (({"a": {"b": 1}}, {"a": {}}), ({"a": {"b": 1}}, {"a": 1}), ({"a": {"b": 1}}, {})):
        (found,) = findings(*examples, A=read)
        assert (found.code, found.severity) == ("PATH_SOMETIMES_MISSING", "warning")
        assert "did you mean" not in found.fix
        assert "which is there" not in found.fix


def test_an_object_that_may_be_something_else_is_told_as_that() -> None:
    (found,) = findings({"a": {"b": 1}}, {"a": 1}, A=passing(Parameters={"x.$": "$.a.b"}))
    assert found.what == "$.a may be a number, which has no 'b'"
