from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from sfn_sim.query.jsonata import GUARDS, Bindings, Guards, compile_expression, expression_in
from sfn_sim.query.jsonata_errors import JsonataProblem, QueryEvaluationError
from sfn_sim.run.seed import Stream

INPUT: dict[str, Any] = {
    "name": "Ada",
    "none": None,
    "whole": 3.0,
    "large": 9007199254740993,
    "one": [5],
    "empty": [],
    "nested": [[1, 2], [3]],
    "order": {"id": 7, "lines": [{"sku": "a", "qty": 2, "tags": ["x", "y"]}, {"sku": "b", "qty": 1, "tags": ["z"]}]},
}


def bindings(
    variables: Mapping[str, Any] | None = None,
    *,
    seed: int = 1,
    now_ms: int = 0,
    guards: Guards = GUARDS,
    **fields: Any,
) -> Bindings:
    return Bindings(
        fields={"input": INPUT, **fields},
        context=lambda: {"State": {"Name": "Total"}},
        variables={"limit": 2, "list": [1, 2, 3], **(variables or {})},
        randomness=Stream(seed),
        now_ms=lambda: now_ms,
        guards=guards,
    )


def evaluate(text: str, around: Bindings | None = None, expected: str | None = None) -> Any:
    return compile_expression(text).evaluate(around or bindings(), "Output/v", expected)


def failure(text: str, around: Bindings | None = None, expected: str | None = None) -> QueryEvaluationError:
    with pytest.raises(QueryEvaluationError) as caught:
        evaluate(text, around, expected)
    return caught.value


def refusal(text: str) -> JsonataProblem:
    with pytest.raises(JsonataProblem) as caught:
        compile_expression(text)
    return caught.value


SENTENCE = "The JSONata expression '{}' specified for the field 'Output/v' "


# What an expression reads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$states.input.name", "Ada"),
        ("$states.input.none", None),
        ("$states.input.order.id", 7),
        ("$states.context.State.Name", "Total"),
        ("$limit", 2),
        ("$list", [1, 2, 3]),
        ("$states.input.order.lines.sku", ["a", "b"]),
        ("$states.input.order.lines.tags", ["x", "y", "z"]),
        ("$states.input.one", [5]),
        ("$states.input.empty", []),
        ("$states.input.nested", [[1, 2], [3]]),
        ("$states.input.order.lines[0].qty", 2),
        ("$states.input.order.lines[-1].sku", "b"),
        ("$list[1]", 2),
    ],
)
def test_fields_and_variables_are_read(text, value):
    assert evaluate(text) == value


def test_states_holds_what_exists_in_its_place_and_nothing_else():
    around = bindings(result={"ok": True})
    assert evaluate("$states", around) == {
        "input": INPUT, "context": {"State": {"Name": "Total"}}, "result": {"ok": True},
    }  # fmt: skip
    assert list(evaluate("$states", around)) == ["input", "context", "result"]
    assert failure("$states.errorOutput", around).kind == "undefined"


def test_the_context_is_built_for_those_alone_who_read_it():
    def context() -> Any:
        raise AssertionError("nobody asked for the context")

    around = Bindings(fields={"input": INPUT}, context=context)
    assert evaluate("$uppercase($states.input.name)", around) == "ADA"
    assert evaluate("$states.input.name", around) == "Ada"


def test_a_variable_hides_a_function_of_its_name():
    assert evaluate("$count", bindings({"count": 4})) == 4
    assert evaluate("$count + $range", bindings({"count": 4, "range": 1})) == 5
    assert failure("$count([1])", bindings({"count": 4})).code == "T1006"


def test_a_large_value_is_handed_through_by_reference():
    around = bindings()
    assert evaluate("$states.input.order", around) is INPUT["order"]
    assert evaluate("{'kept': $states.input.order}", around)["kept"] is INPUT["order"]


def test_a_value_as_deep_as_json_can_be_read_is_handed_through():
    deep: Any = 1
    for _ in range(1500):
        deep = [deep]
    around = bindings(result=deep)
    assert evaluate("$states.result", around) is deep
    assert failure("$count($states.result) + $sum([1])", around).kind == "limit"


# JSONata's documented rules, through the engine


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # paths, predicates, wildcards, parent
        ("$states.input.order.lines[qty > 1].sku", "a"),
        ("$states.input.order.lines[qty > 0].sku", ["a", "b"]),
        ("$states.input.order.lines[sku = 'b'][]", [{"sku": "b", "qty": 1, "tags": ["z"]}]),
        ("$states.input.order.lines.*[0]", ["a", "b"]),
        ("$count($states.input.order.**)", 11),
        ("$states.input.order.lines.tags.(%.sku & $)", ["ax", "ay", "bz"]),
        ("$list.($ * 2)", [2, 4, 6]),
        ("$list[[0..1]]", [1, 2]),
        ("$states.input.order.lines#$i.{'at': $i, 'sku': sku}", [{"at": 0, "sku": "a"}, {"at": 1, "sku": "b"}]),
        # grouping and order
        ("$states.input.order.lines{sku: qty}", {"a": 2, "b": 1}),
        ("$states.input.order.lines^(qty).sku", ["b", "a"]),
        ("$states.input.order.lines^(>qty, sku).sku", ["a", "b"]),
        # chains, blocks, functions
        ("'  x ' ~> $trim() ~> $uppercase", "X"),
        ("($f := $trim ~> $uppercase; $f(' y '))", "Y"),
        ("($a := 2; $b := $a * 3; $b + $limit)", 8),
        ("function($x, $y){$x - $y}(5, 3)", 2),
        ("($add := function($x, $y){$x + $y}; $plus2 := $add(?, 2); $plus2(3))", 5),
        ("($f := function($n){$n <= 1 ? 1 : $n * $f($n - 1)}; $f(5))", 120),
        ("$map($list, function($v, $i){$v * $i})", [0, 2, 6]),
        ("$filter($list, function($v){$v % 2 = 1})", [1, 3]),
        ("$reduce($list, function($so_far, $v){$so_far + $v})", 6),
        ("$sift({'a': 1, 'b': 2}, function($v){$v > 1})", {"b": 2}),
        ("$each({'a': 1, 'b': 2}, function($v, $k){$k & $v})", ["a1", "b2"]),
        ("$single($list, function($v){$v = 2})", 2),
        ("$states.input.order ~> |lines|{'qty': 0}, ['tags']|", {
            "id": 7, "lines": [{"sku": "a", "qty": 0}, {"sku": "b", "qty": 0}],
        }),
        # strings
        ("$join($states.input.order.lines.sku, '-')", "a-b"),
        ("$split('a,b,c', ',')", ["a", "b", "c"]),
        ("$substringBefore('key=value', '=')", "key"),
        ("$pad('7', -3, '0')", "007"),
        ("$replace('john smith', /(\\w+)\\s(\\w+)/, '$2 $1')", "smith john"),
        ("$match('ab12', /[0-9]+/).match", "12"),
        ("$contains('hello$world', /^hello\\$/)", True),
        ("$base64decode($base64encode('ü'))", "ü"),
        ("$encodeUrlComponent('a b')", "a%20b"),
        # numbers and dates
        ("$formatNumber(12345.6, '#,###.00')", "12,345.60"),
        ("$formatBase(255, 16)", "ff"),
        ("$formatInteger(2789, 'w')", "two thousand, seven hundred and eighty-nine"),
        ("$parseInteger('1,000', '#,##0')", 1000),
        ("$round(2.5)", 2),
        ("$number('0x1F')", 31),
        ("$sum($list) / $count($list)", 2),
        ("$fromMillis(0, '[Y0001]-[M01]-[D01]')", "1970-01-01"),
        ("$toMillis('2024-01-01T00:00:00Z')", 1704067200000),
        # objects and arrays
        ("$merge([{'a': 1}, {'b': 2}])", {"a": 1, "b": 2}),
        ("$keys({'a': 1})", "a"),
        ("$lookup({'a': 1}, 'a')", 1),
        ("$spread({'a': 1, 'b': 2})", [{"a": 1}, {"b": 2}]),
        ("$append([1], [2])", [1, 2]),
        ("$zip([1, 2], [3, 4])", [[1, 3], [2, 4]]),
        ("$distinct([1, 1, 2])", [1, 2]),
        ("$sort([3, 1, 2], function($l, $r){$l < $r})", [3, 2, 1]),
        ("[1..3, 7]", [1, 2, 3, 7]),
        ("{'z': 1, 'a': 2}", {"z": 1, "a": 2}),
        ("[$states.input.missing]", []),
        ("{'a': $states.input.missing}", {}),
        ("[[1], 1]", [[1], 1]),
        # operators
        ("'a' in ['a', 'b']", True),
        ("'v' & 1 & true & null & 1.5", "v1truenull1.5"),
        ("$states.input.missing = 1", False),
        ("$states.input.missing != 1", False),
        ("{'a': [1]} = {'a': [1]}", True),
        ("1 = '1'", False),
        ("$boolean([0, {}])", False),
        ("$type(null)", "null"),
        ("$exists($states.input.none)", True),
        ("$x := 3", 3),
        ("/* a remark */ 1", 1),
    ],
)  # fmt: skip
def test_expressions_give_what_jsonata_documents(text, value):
    assert evaluate(text) == value


def test_the_order_of_keys_is_that_of_the_constructor():
    assert list(evaluate("{'z': 1, 'a': 2, 'm': $limit}")) == ["z", "a", "m"]
    assert list(evaluate("$merge([{'z': 1}, {'a': 2}])")) == ["z", "a"]


# Numbers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$states.input.whole", "3"),
        ("$merge([$states.input]).whole", "3"),
        ("{'w': [$states.input.whole]}", "{'w': [3]}"),
        ("$states.input.large", "9007199254740993"),
        ("10 / 2", "5"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("-0", "0"),
        ("$string(1e20)", "'100000000000000000000'"),
        ("$string(1e21)", "'1e+21'"),
        ("1/0", "'Infinity'"),
        ("-1/0", "'-Infinity'"),
        ("1e308 * 10", "'Infinity'"),
        ("0/0", "'NaN'"),
        ("[1/0, {'k': 0/0}]", "['Infinity', {'k': 'NaN'}]"),
        ("$parseInteger('abc', '0')", "'NaN'"),
    ],
)
def test_numbers_are_written_as_aws_writes_them(text, shown):
    assert repr(evaluate(text)) == shown


def test_a_number_beyond_a_double_is_refused_when_the_definition_is_read():
    assert (refusal("1e400").message, refusal("1e400").offset) == ('Number out of range: "1e400"', 0)


# What AWS adds, and what it takes away


def test_eval_is_not_there():
    error = failure("$eval('1+1')")
    assert (error.code, error.text) == ("T1006", "Attempted to invoke a non-function")


def test_now_and_millis_read_the_clock_that_is_bound():
    around = bindings(now_ms=1704067200123)
    assert evaluate("$now()", around) == "2024-01-01T00:00:00.123Z"
    assert evaluate("$millis()", around) == 1704067200123


def test_the_same_seed_draws_the_same_and_another_one_something_else():
    text = "[$random(), $uuid(), $shuffle([1..20])]"
    assert evaluate(text, bindings(seed=3)) == evaluate(text, bindings(seed=3))
    assert evaluate(text, bindings(seed=3)) != evaluate(text, bindings(seed=4))


def test_draws_go_on_from_expression_to_expression():
    around = bindings()
    assert evaluate("$random()", around) != evaluate("$random()", around)


# Failing while a state runs


def test_an_expression_that_gives_nothing_fails():
    error = failure("$doesNotExist")
    assert error.sentence == SENTENCE.format("$doesNotExist") + "returned nothing (undefined)."
    assert (error.kind, error.field, error.offset, error.length) == ("undefined", "Output/v", 0, 13)


@pytest.mark.parametrize("text", ["$sum", "function($x){$x}", "$f := /ab/", "$states.input.name ? $trim"])
def test_a_function_is_no_result(text):
    error = failure(text)
    assert error.sentence == SENTENCE.format(text) + "returned an unsupported result type."
    assert error.kind == "unsupported"


@pytest.mark.parametrize(
    ("text", "expected", "tail"),
    [
        ("1", "array", "Expected 'array', but was 'number' for value: 1"),
        ("'string'", "array", "Expected 'array', but was 'string' for value: \"string\""),
        ("true", "array", "Expected 'array', but was 'boolean' for value: true"),
        ("{'foo': 'bar'}", "array", "Expected 'array', but was 'object' for value: {\"foo\":\"bar\"}"),
        ("[1, 'a']", "number", "Expected 'number', but was 'array' for value: [1,\"a\"]"),
        ("null", "boolean", "Expected 'boolean', but was 'null' for value: null"),
    ],
)
def test_a_value_of_another_type_than_the_field_takes_fails(text, expected, tail):
    error = failure(text, expected=expected)
    assert error.sentence == SENTENCE.format(text) + "returned an unexpected result type. " + tail
    assert error.kind == "type"


@pytest.mark.parametrize(
    ("text", "expected"), [("[]", "array"), ("1.5", "number"), ("''", "string"), ("false", "boolean"), ("{}", "object")]
)
def test_a_value_of_the_type_that_the_field_takes_passes(text, expected):
    evaluate(text, expected=expected)


@pytest.mark.parametrize(
    ("text", "code", "message", "at"),
    [
        ("$randomSeeded(1)", "T1006", "Attempted to invoke a non-function", "$randomSeeded(1)"),
        ("$sum('a')", "T0412", 'Argument 1 of function "sum" must be an array of "numbers"', "$sum('a')"),
        ("1 + ('a' + 2)", "T2001", 'The left side of the "+" operator must evaluate to a number', "'a' + 2"),
        ("'a' > 1", "T2009", 'The values "a" and 1 either side of operator ">" must be of the same data type',
         "'a' > 1"),
        ("$limit & $error('boom')", "D3137", "boom", "$error('boom')"),
        ("$assert(false, 'no')", "D3141", "no", "$assert(false, 'no')"),
        ("$number('x')", "D3030", 'Unable to cast value to a number: "x"', "$number('x')"),
        ("$limit + $hash(1, 'MD5')", "T0410", 'Argument 1 of function "hash" does not match function signature',
         "$hash(1, 'MD5')"),
    ],
)  # fmt: skip
def test_what_jsonata_throws_carries_its_code_its_words_and_its_place(text, code, message, at):
    error = failure(text)
    assert error.sentence == SENTENCE.format(text) + f"threw an error during evaluation. {code}: {message}"
    assert (error.kind, error.code, error.text) == ("thrown", code, message)
    assert text[error.offset : error.offset + error.length] == at


# Guards


DEEP = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
MEMORY = "Expression evaluation memory limit exceeded: Check for excessive memory usage"


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["1"] * 100),
        "(" * 99 + "1" + ")" * 99,
        "($f := function($n){$n <= 0 ? 0 : 1 + $f($n - 1)}; $f(31))",
        pytest.param("$count([1..873782])", marks=pytest.mark.slow),
        pytest.param(
            "($p := function($s, $n){$n = 0 ? $s : $p($s & $s, $n - 1)}; $length($p('x', 22)))", marks=pytest.mark.slow
        ),
    ],
    ids=["100 terms", "99 brackets", "f(31)", "873,782 items", "4 MiB of text"],
)
def test_what_aws_carries_out_is_carried_out(text):
    evaluate(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("+".join(["1"] * 101), DEEP),
        ("(" * 100 + "1" + ")" * 100, DEEP),
        ("($f := function($n){$n <= 0 ? 0 : 1 + $f($n - 1)}; $f(32))", DEEP),
        ("($f := function($n){1 + $f($n)}; $f(1))", DEEP),
        ("$count([1..873783])", MEMORY),
        ("($p := function($s, $n){$n = 0 ? $s : $p($s & $s, $n - 1)}; $length($p('x', 23)))", MEMORY),
        ("$range(1, 360146, 1)", MEMORY),
    ],
    ids=["101 terms", "100 brackets", "f(32)", "endless", "873,783 items", "8 MiB of text", "$range"],
)
def test_one_step_beyond_aws_limits_fails_in_its_words_and_without_a_code(text, message):
    error = failure(text)
    assert error.sentence == SENTENCE.format(text) + f"threw an error during evaluation: {message}"
    assert (error.kind, error.code, error.text) == ("limit", "", message)


def test_a_loop_without_end_meets_the_guard():
    error = failure("($f := function($n){$f($n + 1)}; $f(1))", bindings(guards=Guards(steps=100_000)))
    assert error.text == "Expression evaluation timeout: Check for infinite loop"


def test_a_regular_expression_that_never_ends_meets_the_guard():
    text = "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', /(a+)+$b/)"
    assert failure(text, bindings(guards=Guards(seconds=0.05))).kind == "limit"


# Refused when a definition is created


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("a[1,2)", 'Expected "]", got ","', 3),
        ('"unterminated', "String literal must be terminated by a matching quote", 0),
        ("1 +", "Unexpected end of expression", 3),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator', 5),
        ("$x :=", "Unexpected end of expression", 5),
        ("phone %.other", 'The symbol "." cannot be used as a unary operator', 7),
        ("", "Unexpected end of expression", 0),
        ("1 2", "Syntax error: 2", 2),
        ("$x ?: 1", 'The symbol ":" cannot be used as a unary operator', 4),
        ("$x ?? 1", 'The symbol "?" cannot be used as a unary operator', 4),
    ],
)
def test_what_does_not_parse_is_invalid_in_the_words_of_the_parser(text, message, offset):
    problem = refusal(text)
    assert (problem.code, problem.message, problem.offset) == ("INVALID_JSONATA_EXPRESSION", message, offset)


def test_a_regular_expression_that_is_not_closed_is_invalid():
    assert refusal('$match("a", /abc').message == "No terminating / in regular expression"


@pytest.mark.parametrize("text", ["(" * 900 + "1" + ")" * 900, "[" * 900 + "]" * 900, "1?" * 5000 + "1"])
def test_an_expression_that_is_nested_beyond_reading_is_invalid(text):
    assert refusal(text).message.startswith("The expression is nested too deeply")


def test_question_marks_and_colons_in_texts_are_none_of_the_parser_s_business():
    assert evaluate("'a ?: b ?? c'") == "a ?: b ?? c"
    assert evaluate("$contains('a??b', /\\?\\?/)") is True
    assert evaluate("/* ?? ?: */ 1") == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("phone", ["phone"]),
        ("phone[0]", ["phone"]),
        ("aaa + bbb + aaa", ["aaa", "bbb"]),
        ("$.phone", ["$"]),
        ("{aaa: 1}", ["aaa"]),
        ("$map($states.input.a, function($x){ b })", ["b"]),
        ("[a, -b]", ["a", "b"]),
        ("a ? b : c", ["a", "b", "c"]),
        ("($x := a; $x)", ["a"]),
        ("a^(b){c: d}", ["a"]),
    ],
)
def test_a_name_at_the_top_level_is_refused_each_once(text, names):
    problem = refusal(text)
    problems = [problem, *problem.more]
    assert [each.message for each in problems] == [
        f"Reference to '{name}' at the top level is not supported." for name in names
    ]
    assert {each.code for each in problems} == {"UNSUPPORTED_JSONATA_EXPRESSION"}
    assert [text[each.offset : each.offset + each.length] for each in problems] == names


def test_the_root_of_the_context_is_refused():
    assert refusal("$$").message == refusal("$$.a").message == "Reference to '$$' is not supported."


@pytest.mark.parametrize(
    "text",
    [
        "$states.input.phone",
        "$states.input.items[phone > 3]",
        "$map($states.input.a, function($x){ $x.phone })",
        "$phone",
        "$states.input.items^(phone)",
        "$states.input.items{phone: $}",
        "$states.input.items.(phone & $)",
    ],
)
def test_a_name_below_something_is_accepted(text):
    compile_expression(text)


def test_fields_of_states_that_do_not_exist_in_a_place_are_told():
    compiled = compile_expression("$states.input.a & $states.errorOutput.Cause & $states.result")
    (problem,) = compiled.missing_fields(frozenset(("input", "context", "result")))
    assert problem.message == "Field '$states.errorOutput' does not exist."
    assert compiled.text[problem.offset : problem.offset + problem.length] == "$states.errorOutput.Cause"


# Reads


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("$states.input.a.b[0].c + $limit", ["$states.input.a.b[0]", "$limit"]),
        ("$v.a.'b c'.`d`", ["$v.a.'b c'.`d`"]),
        ("($x := $y; $x.a)", ["$y"]),
        ("($x := $x + 1; $x)", ["$x"]),
        ("($f := function($n){$f($n) + $k}; $f(1))", ["$k"]),
        ("function($a){$a + $b}", ["$b"]),
        ("($x := 1; 2) + $x", ["$x"]),
        ("$list#$i[$i > $limit]", ["$list", "$limit"]),
        ("$count($v) + $sum($w)", ["$v", "$w"]),
        ("'$text' & /* $remark */ $x", ["$x"]),
        ("$states", ["$states"]),
    ],
)
def test_the_variables_that_an_expression_does_not_bind_are_its_references(text, reads):
    assert [reference.text for reference in compile_expression(text).references] == reads


def test_references_have_the_steps_that_are_certain():
    (reference,) = compile_expression("$states.input.order.lines[qty > 1].sku").references
    assert (reference.root, reference.steps) == ("$states", ("input", "order", "lines"))


def test_variables_are_all_names_beside_states():
    assert compile_expression("$count($states.input.a) + $limit").variables == {"count", "limit"}


# The text around an expression


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("{% $x %}", ("$x", 3)),
        ("{%$x%}", ("$x", 2)),
        ("{%\n  $x\n%}", ("$x", 5)),
        ("{%%}", ("", 2)),
        (" {% $x %}", None),
        ("{% $x %} ", None),
        ("$x", None),
        ("{%", None),
        ("{%}", None),
        (1, None),
        (None, None),
    ],
)
def test_an_expression_fills_its_string_from_end_to_end(value, found):
    assert expression_in(value) == found


def test_equal_texts_are_compiled_once():
    assert compile_expression("$states.input.once") is compile_expression("$states.input.once")


def test_threads_share_an_expression():
    compiled = compile_expression("$sum($map([1..500], function($v){$v * $limit}))")
    results: list[Any] = []

    def run(limit: int) -> None:
        results.append((limit, compiled.evaluate(bindings({"limit": limit}), "Output")))

    threads = [threading.Thread(target=run, args=(limit,)) for limit in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(limit, 125_250 * limit) for limit in range(8)]


def test_jlens_is_imported_by_the_first_compilation_and_a_missing_one_says_how_to_get_it():
    program = (
        "import sys\n"
        "import sfn_sim.query.jsonata as jsonata, sfn_sim.query.jsonata_template\n"
        "assert 'jlens' not in sys.modules\n"
        "sys.modules['jlens'] = None\n"
        "try:\n"
        "    jsonata.compile_expression('1')\n"
        "except jsonata.ConfigurationError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "JSONata needs the package jlens: python -m pip install 'sfn-sim[jsonata]'\n"
