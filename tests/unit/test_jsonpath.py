from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.query.expression import PathError, PlaceError, Reference, Scope, SyntaxProblem
from sfn_sim.query.jsonpath import compile_path, compile_reference_path, explain, nearest

DATA: dict[str, Any] = {
    "a": {"b": 1, "b c": 2, "n": None, "ünï": 3, "k-d": 4, "s": "text", "e": []},
    "list": [10, 20, 30],
    "rows": [{"x": 1, "y": "z", "t": True}, {"x": 2, "y": "q"}, {"y": "z", "x": None}],
    "obj": {"p": {"x": 1}, "q": {"x": 2}},
}
CONTEXT: dict[str, Any] = {"Map": {"Item": {"Value": 7}}, "Execution": {"Name": "run"}}
SCOPE = Scope(lambda: CONTEXT, {"count": 5, "order": {"id": "A"}})


def read(path: str, data: Any = DATA) -> Any:
    return compile_path(path).evaluate(data, SCOPE)


def failure(path: str, data: Any = DATA) -> PathError:
    with pytest.raises(PathError) as caught:
        read(path, data)
    return caught.value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DATA),
        ("$.a.b", 1),
        ("$['a']['b c']", 2),
        ('$["a"].b', 1),
        ("$.a.['b c']", 2),
        ("$.a.ünï", 3),
        ("$.a.k-d", 4),
        ("$.a.n", None),
        ("$.a.e", []),
        ("$.list[0]", 10),
        ("$.list[-1]", 30),
        ("$.rows[1].y", "q"),
        ("$['rows'][0]['x']", 1),
        ("$[ 'a' ][ 'b' ]", 1),
    ],
)
def test_a_definite_path_gives_the_value_itself(path, value):
    assert compile_path(path).definite
    assert read(path) == value


def test_a_definite_path_gives_the_very_object_and_not_a_copy():
    assert read("$.a") is DATA["a"]
    assert read("$") is DATA


@pytest.mark.parametrize("steps", range(7))
def test_paths_of_any_length_read_alike(steps):
    data: Any = "bottom"
    for level in reversed(range(steps)):
        data = {f"k{level}": data}
    assert read("$" + "".join(f".k{level}" for level in range(steps)), data) == "bottom"


def test_a_context_path_reads_the_context_object_and_a_variable_path_the_variables():
    assert read("$$.Map.Item.Value") == 7
    assert read("$$") is CONTEXT
    assert read("$count") == 5
    assert read("$order.id") == "A"


def test_the_context_object_is_not_built_for_a_path_that_does_not_read_it():
    def fail() -> Any:
        raise AssertionError("built")

    assert compile_path("$.a.b").evaluate(DATA, Scope(fail)) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("$.NoSuch", "No results for path: $['NoSuch']"),
        ("$.a.no", "No results for path: $['a']['no']"),
        ("$.no.such.result.path", "Missing property in path $['no']"),
        ("$.a.no.b", "Missing property in path $['a']['no']"),
        ("$.a.s.x", "Property ['x'] not found in path $['a']['s']"),
        ("$.a.n.x", "Property ['x'] not found in path $['a']['n']"),
        ("$.list.x", "Property ['x'] not found in path $['list']"),
        ("$.list.length()", "Property ['length()'] not found in path $['list']"),
        ("$.a.s[0]", "Filter: [0] can only be applied to arrays. Current context is: text"),
        ("$.obj.p[1]", "Filter: [1] can only be applied to arrays. Current context is: {x=1}"),
        ("$.a.n[0]", "The path $['a']['n'] is null"),
        ("$.list[9]", "No results for path: $['list'][9]"),
        ("$.list[-4]", "No results for path: $['list'][-4]"),
        ("$.rows[9].x", "No results for path: $['rows'][9]['x']"),
        ("$$.Nope", "No results for path: $['Nope']"),
        ("$$.Nope.Deep", "Missing property in path $['Nope']"),
        ("$order.no", "No results for path: $['no']"),
        ("$unknown", "No results for path: $['unknown']"),
        ("$['no']['a','b']", "Missing property in path $['no']"),
        ("$['a','obj'].x", "Multi properties can only be used as path leafs: $['a', 'obj']"),
        ("$.a.s['x','y']", "Property ['x','y'] not found in path $['a']['s']"),
        ("$.a[1:5]", "Filter: [1:5] can only be applied to arrays. Current context is: "
                     "{b=1, b c=2, n=null, ünï=3, k-d=4, s=text, e=[]}"),
        ("$.a.n[1:]", "The path $['a']['n'] is null"),
        ("$.a.s[?(@.x)]", "Filter: [?] can not be applied to primitives. Current context is: text"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_fails_with_the_words_of_aws(path, message):
    problem = failure(path)
    assert problem.message == message
    assert problem.path == path


def test_a_failing_path_tells_how_far_it_came_and_what_stood_there():
    problem = failure("$.a.no.b")
    assert problem.stopped_at == 1
    assert problem.reached is DATA["a"]
    assert problem.steps == ("a", "no", "b")


def test_null_is_a_value_and_a_missing_member_is_not():
    assert read("$.v", {"v": None}) is None
    assert failure("$.v", {}).message == "No results for path: $['v']"
    assert failure("$.v", None).message == "Property ['v'] not found in path $"


def test_the_letters_of_a_string_cannot_be_indexed():
    assert "can only be applied to arrays" in failure("$[0]", "text").message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.list[*]", [10, 20, 30]),
        ("$.list[0:2]", [10, 20]),
        ("$.list[1:]", [20, 30]),
        ("$.list[:1]", [10]),
        ("$.list[-2:]", [20, 30]),
        ("$.list[0,2,9]", [10, 30]),
        ("$.obj.*", [{"x": 1}, {"x": 2}]),
        ("$.obj.*.x", [1, 2]),
        ("$.obj[*]['x']", [1, 2]),
        ("$.rows[*].t", [True]),
        ("$.rows[0:2].y", ["z", "q"]),
        ("$..x", [1, 2, None, 1, 2]),
        ("$..['x','y']", [{"x": 1, "y": "z"}, {"x": 2, "y": "q"}, {"x": None, "y": "z"}]),
        ("$.rows..t", [True]),
        ("$..[0]", [10, {"x": 1, "y": "z", "t": True}]),
        ("$.a.s[*]", []),
        ("$.list[*].x", []),
        ("$.list[*][0]", []),
    ],
)  # fmt: skip
def test_any_other_path_gives_a_list_of_what_it_finds(path, value):
    assert not compile_path(path).definite
    assert read(path) == value


def test_a_wildcard_gives_a_new_list_and_so_never_shares_the_array_it_reads():
    assert read("$.list[*]") is not DATA["list"]


@pytest.mark.parametrize(
    "path", ["$.missing[*].b", "$.items[1:]", "$.item.items[1:5].v", "$.missing..x", "$[*]"]
)
def test_a_path_without_its_parent_gives_an_empty_list(path):
    assert read(path, {}) == []


def test_a_slice_of_a_root_that_is_no_array_is_an_error():
    assert (
        failure("$[1:5]", {}).message == "Filter: [1:5] can only be applied to arrays. Current context is: {}"
    )


def test_several_names_at_the_end_are_merged_into_one_object():
    assert read("$['list','missing','obj']") == {"list": [10, 20, 30], "obj": DATA["obj"]}
    assert read("$.rows[*]['x','t']") == [{"x": 1, "t": True}, {"x": 2}, {"x": None}]


@pytest.mark.parametrize(
    ("filtered", "found"),
    [
        ("@.x == 1", [0]),
        ("@.x==1", [0]),
        ("1 == @.x", [0]),
        ("2 > @.x", [0]),
        ("@['x'] >= 1", [0, 1]),
        ("@.x > 1.5", [1]),
        ("@.x != 1", [1, 2]),
        ("@.x == null", [2]),
        ("@.t == true", [0]),
        ("@.t", [0]),
        ("!@.t", [1, 2]),
        ("!(@.x == 1)", [1, 2]),
        ("!(@.x == 1 || @.y == 'q')", [2]),
        ("@.y == 'z' && @.x == 1", [0]),
        ('@.y == "q"', [1]),
        ("@.x == 1 || @.x == 2 && @.y == 'z'", [0]),
        ("(@.x == 1 || @.x == 2) && @.y == 'q'", [1]),
        ("@.x == $.a.b", [0]),
        ("@.y == 'nothing'", []),
    ],
)
def test_a_filter_selects_the_items_that_satisfy_it(filtered, found):
    assert read(f"$.rows[?({filtered})]") == [DATA["rows"][index] for index in found]


def test_a_filter_on_the_items_themselves_and_steps_after_it():
    assert read("$.list[?(@ > 15)]") == [20, 30]
    assert read("$.rows[?(@.y == 'z')].x") == [1, None]


def test_a_filter_never_confuses_a_number_with_a_text_or_a_boolean():
    data = [{"v": 1}, {"v": "1"}, {"v": True}, {"v": 1.5}]
    assert read("$[?(@.v == 1)]", data) == [{"v": 1}]
    assert read("$[?(@.v == '1')]", data) == [{"v": "1"}]


@pytest.mark.parametrize(
    ("filtered", "found"),
    [
        ("@.v in [1, 'a', null]", [0, 3]),
        ("@.v nin [1, 'a', null]", [1, 2, 4, 5, 6]),
        ("1 in @.v", [2]),
        ("@.v contains 2", [2]),
        ("@.v contains 'bc'", [1]),
        ("@.v size 3", [1]),
        ("@.v size 2", [2]),
        ("@.v empty true", [4]),
        ("@.v empty false", [0, 1, 2]),
        ("@.v subsetof [1, 2, 3]", [2, 4]),
        ("@.v anyof [2, 9]", [2]),
        ("@.v noneof [2, 9]", [4]),
        ("@.v =~ /.B./i", [1]),
        ("@.v =~ /b/", []),
        ("@.v =~ /2/", [2]),
        ("@.v == [1, 2]", [2]),
        ("!(@.v > 1)", [0, 1, 2, 3, 4, 6]),
        ("@.v === 7.5", [5]),
        ("@.v !== 7.5", [0, 1, 2, 3, 4, 6]),
        ("@.v == @.nope", []),
        ("$[2].v contains @.v", []),
    ],
)
def test_a_filter_knows_the_operators_of_jayway(filtered, found):
    data = [{"v": "a"}, {"v": "abc"}, {"v": [1, 2]}, {"v": None}, {"v": []}, {"v": 7.5}, {}]
    assert read(f"$[?({filtered})]", data) == [data[index] for index in found]


def test_what_a_filter_negates_is_also_what_cannot_be_compared():
    assert read("$[?(!(@.v > 1))]", [{"v": "text"}, {}, {"v": 2}, {"v": 1}]) == [{"v": "text"}, {}, {"v": 1}]


@pytest.mark.parametrize(
    ("written", "items"),
    [
        ("[0:-1]", []),
        ("[1:-1]", []),
        ("[-2:-1]", [20]),
        ("[:-1]", [10, 20]),
        ("[-2:]", [20, 30]),
        ("[-9:]", [10, 20, 30]),
        ("[:-9]", []),
        ("[2:1]", []),
        ("[1:9]", [20, 30]),
        ("[-2147483648:2147483647]", [10, 20, 30, 10, 20, 30]),
    ],
)
def test_a_slice_counts_from_the_end_only_where_it_has_one_end(written, items):
    assert read(f"$.list{written}") == items


def test_a_filter_tests_an_object_itself_and_not_its_members():
    data = {"one": {"b": 1, "inner": {"b": 2}}}
    assert read("$.one[?(@.b == 1)]", data) == [data["one"]]
    assert read("$.one[?(@.b == 2)]", data) == []
    assert read("$..[?(@.b == 2)]", data) == [{"b": 2}]


def test_a_filter_may_hold_brackets_and_quotes_in_its_texts():
    data = [{"k)]": "it's", "v": "(a"}]
    assert read("$[?(@['k)]'] == \"it's\")]", data) == data
    assert read("$[?(@.v == '(a')]", data) == data


@pytest.mark.parametrize(
    ("path", "offset"),
    [
        ("", 0),
        ("a.b", 0),
        ("$a.b c", 4),
        ("$$State", 2),
        ("$.", 1),
        ("$..", 1),
        ("$.a.", 3),
        ("$.a..", 3),
        ("$.a...b", 5),
        ("$.a[", 3),
        ("$.a[]", 3),
        ("$.a[x]", 3),
        ("$.a['b]", 3),
        ("$.a['b'", 3),
        ("$.a]", 3),
        ("$.a b", 3),
        ("$.a'b", 3),
        ("$.list[0:3:2]", 10),
        ("$.list[(@.length-1)]", 6),
        ("$.list[?(@.x]", 13),
        ("$.list[?(@.x == )]", 16),
        ("$.list[?(@.x like 1)]", 13),
        ("$.list[?(@.x =~ 'a')]", 16),
        ("$.list[?(@.x =~ /(/)]", 21),
        ("$.list[?(@.x =~ /a/x)]", 16),
        ("$.list[?(@.x in [1)]", 18),
        ("$.list[?(@.x in {})]", 16),
        ("$.list[?(1 == 1)]", 9),
        ("$.list[?()]", 9),
    ],
)
def test_a_bad_path_is_refused_with_its_place(path, offset):
    with pytest.raises(SyntaxProblem) as caught:
        compile_path(path)
    assert caught.value.offset == offset
    assert caught.value.message


@pytest.mark.parametrize(
    "path",
    [
        "$.list[2147483648]",
        f"$.list[{'9' * 5000}]",
        f"$.list[0,{'9' * 5000}]",
        f"$.list[{'9' * 5000}:]",
        f"$.list[?(@ > {'9' * 5000})]",
        f"$.list[?(@[{'9' * 5000}] > 1)]",
        f"$.list[?({'(' * 3000}@.x{')' * 3000})]",
        f"$.list[?({'!' * 3000}@.x)]",
        f"$.list[?(@ in {'[' * 3000}{']' * 3000})]",
    ],
)
def test_a_path_without_measure_is_refused_as_any_other(path):
    for compiled in (compile_path, compile_reference_path):
        with pytest.raises(SyntaxProblem):
            compiled(path)


def test_a_filter_may_be_nested_deeper_than_anybody_does():
    assert read(f"$.list[?({'(' * 40}@ > 15{')' * 40})]") == [20, 30]


def test_a_backslash_in_a_quoted_name_stays_unless_it_escapes_the_quote():
    data = {'Te\\""st': 1, "it's": 2, "b\\s": 3}
    assert read("$['Te\\\"\"st']", data) == 1
    assert read(r"$['it\'s']", data) == 2
    assert read('$["it\'s"]', data) == 2
    assert read(r"$['b\\s']", data) == 3


def test_a_path_names_its_root_its_leading_steps_and_what_it_reads():
    path = compile_path("$$.Execution.Input[0].rows[*].x")
    assert path.root == "$$"
    assert path.steps == ("Execution", "Input", 0, "rows")
    assert path.references == (Reference("$$", path.steps, path.text),)
    assert compile_path("$order.id").root == "$order"


def test_equal_texts_are_compiled_once():
    assert compile_path("$.some.path") is compile_path("$.some." + "path")


# Reference Paths


def place(path: str, document: Any, value: Any = "new") -> Any:
    return compile_reference_path(path).place(document, value)


@pytest.mark.parametrize(
    ("path", "document", "placed"),
    [
        ("$", {"a": 1}, "new"),
        ("$", None, "new"),
        ("$.r", {"a": 1}, {"a": 1, "r": "new"}),
        ("$.a", {"a": 1, "b": 2}, {"a": "new", "b": 2}),
        ("$.a.r", {"a": {"x": 1}}, {"a": {"x": 1, "r": "new"}}),
        ("$.a.r", {}, {"a": {"r": "new"}}),
        ("$.a.b.c.d", {"a": {}}, {"a": {"b": {"c": {"d": "new"}}}}),
        ("$.list[1]", {"list": [1, 2, 3]}, {"list": [1, "new", 3]}),
        ("$.list[0].x", {"list": [{"y": 1}]}, {"list": [{"y": 1, "x": "new"}]}),
        ("$[0]", [1], ["new"]),
        ("$['a b']", {}, {"a b": "new"}),
    ],
)
def test_a_reference_path_places_a_value_and_creates_what_is_missing(path, document, placed):
    assert place(path, document) == placed


@pytest.mark.parametrize(
    ("path", "document", "stopped_at", "reached"),
    [
        ("$.r", "text", 0, "text"),
        ("$.r", [1], 0, [1]),
        ("$.r", None, 0, None),
        ("$.a.r", "text", 0, "text"),
        ("$.a.r", {"a": 1}, 1, 1),
        ("$.a.r", {"a": None}, 1, None),
        ("$.a.b.r", {"a": {"b": "text"}}, 2, "text"),
        ("$.list[1]", {"list": [1]}, 1, [1]),
        ("$.list[0]", {}, 1, {}),
        ("$.list[0]", {"list": {"0": 1}}, 1, {"0": 1}),
    ],
)
def test_a_reference_path_does_not_go_through_what_is_no_object(path, document, stopped_at, reached):
    with pytest.raises(PlaceError) as caught:
        place(path, document)
    assert caught.value.stopped_at == stopped_at
    assert caught.value.reached == reached


def test_a_conflict_is_worded_as_aws_words_it():
    with pytest.raises(PlaceError) as caught:
        place("$.someTaskResult", "input1")
    assert caught.value.message == 'Unable to apply ReferencePath $.someTaskResult to input "input1"'


def test_placing_shares_what_is_off_the_path_and_leaves_the_document_alone():
    document = {"keep": {"big": [1]}, "a": {"keep": [2], "x": 1}}
    placed = place("$.a.x", document)
    assert document == {"keep": {"big": [1]}, "a": {"keep": [2], "x": 1}}
    assert placed["keep"] is document["keep"]
    assert placed["a"]["keep"] is document["a"]["keep"]


@pytest.mark.parametrize(
    "path", ["$.a[*]", "$.a[0,1]", "$..a", "$['a','b']", "$.a[1:]", "$.a[-1]", "$$.a", "$v", "a"]
)
def test_a_path_that_does_not_name_one_place_is_no_reference_path(path):
    with pytest.raises(SyntaxProblem):
        compile_reference_path(path)


def test_a_refused_reference_path_shows_the_step_at_fault():
    with pytest.raises(SyntaxProblem) as caught:
        compile_reference_path("$.a.b[*].c")
    assert caught.value.offset == 5


# explain and nearest


def test_explain_shows_what_is_left_after_each_step():
    data = {"order": {"id": 1, "lines": [{"sku": "A-1", "qty": 2}, {"sku": "B-2", "qty": 1}]}}
    steps = explain(compile_path("$.order.lines[?(@.qty > 1)].sku"), data)
    assert [(step.text, step.count, step.description) for step in steps] == [
        ("$", 1, "object {order}"),
        ("$.order", 1, "object {id, lines}"),
        ("$.order.lines", 1, "array of 2"),
        ("$.order.lines[?(@.qty > 1)]", 1, "object {sku, qty}"),
        ("$.order.lines[?(@.qty > 1)].sku", 1, '"A-1"'),
    ]


def test_explain_stops_where_the_path_leads_nowhere():
    steps = explain(compile_path("$.a.no.more"), DATA)
    assert [(step.text, step.count) for step in steps] == [("$", 1), ("$.a", 1), ("$.a.no", 0)]
    assert steps[-1].description == "No results for path: $['a']['no']"


def test_explain_takes_a_scan_and_its_target_as_one_step():
    assert [(step.text, step.count) for step in explain(compile_path("$..x"), DATA)] == [
        ("$", 1),
        ("$..x", 5),
    ]


def test_explain_reads_the_given_data_for_a_context_path():
    assert [step.count for step in explain(compile_path("$$.Execution.Name"), CONTEXT)] == [1, 1, 1]


def test_nearest_finds_the_name_that_was_meant_and_none_that_was_not():
    assert nearest("chunk_reslts", ["batch_id", "chunk_results"]) == "chunk_results"
    assert nearest("BATCH_ID", ["batch_id", "chunk_results"]) == "batch_id"
    assert nearest("zzz", ["batch_id", "chunk_results"]) is None
