from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.query.jsonata import Bindings
from sfn_sim.query.jsonata_errors import JsonataProblems, QueryEvaluationError
from sfn_sim.query.jsonata_template import compile_template

AROUND = Bindings(
    fields={"input": {"name": "Ada", "none": None, "qty": 2}},
    context=lambda: {"State": {"Name": "S"}},
    variables={"x": 1},
)


def fill(template: Any) -> Any:
    return compile_template(template, "Output", "/States/S/Output").evaluate(AROUND)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{% $x %}", 1),
        ({"a": "{% $states.input.name %}", "b": 2}, {"a": "Ada", "b": 2}),
        ({"n": "{% $states.input.none %}"}, {"n": None}),
        (["{% $x %}", {"k": ["{% $x + 1 %}", 0]}], [1, {"k": [2, 0]}]),
        ({"deep": {"er": [[{"v": "{% $x %}"}]]}}, {"deep": {"er": [[{"v": 1}]]}}),
        ({"{% $x %}": "{% $x %}"}, {"{% $x %}": 1}),
        ({"x.$": "$.a", "s": "$states.input", "p": "States.UUID()"}, {"x.$": "$.a", "s": "$states.input",
                                                                     "p": "States.UUID()"}),
        (" {% $x %} ", " {% $x %} "),
        ("prefix {% $x %}", "prefix {% $x %}"),
        ([None, 0, 0.1, True, "string", [], "$nosuchvar", {"key": "{% true %}"}],
         [None, 0, 0.1, True, "string", [], "$nosuchvar", {"key": True}]),
        ("{% {'a': [1, $x]} %}", {"a": [1, 1]}),
        (None, None),
        (True, True),
    ],
)  # fmt: skip
def test_expressions_are_filled_in_at_any_depth_and_all_else_is_kept(template, filled):
    assert fill(template) == filled


def test_the_order_of_keys_is_kept():
    assert list(fill({"z": "{% $x %}", "a": 1, "m": "{% $x %}"})) == ["z", "a", "m"]


def test_what_holds_no_expression_is_handed_out_as_it_is():
    template = {"filled": "{% $x %}", "kept": {"a": [1]}}
    assert fill(template)["kept"] is template["kept"]


def test_a_template_is_filled_anew_each_time():
    template = {"list": ["{% $x %}"]}
    compiled = compile_template(template, "Output", "/Output")
    first = compiled.evaluate(AROUND)
    first["list"].append("changed")  # type: ignore[index, call-overload, union-attr]
    assert compiled.evaluate(AROUND) == {"list": [1]}
    assert template == {"list": ["{% $x %}"]}


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ("{% $no %}", "Output"),
        ({"v": "{% $no %}"}, "Output/v"),
        ({"v": [{"x": "{% $no %}"}]}, "Output/v[0]/x"),
        ([0, ["{% $no %}"]], "Output[1][0]"),
        ({"a/b": "{% $no %}"}, "Output/a/b"),
    ],
)
def test_an_error_names_its_field_as_aws_does(template, field):
    with pytest.raises(QueryEvaluationError) as caught:
        fill(template)
    assert caught.value.field == field
    assert caught.value.sentence == (
        f"The JSONata expression '$no' specified for the field '{field}' returned nothing (undefined)."
    )


def test_the_type_that_a_field_takes_is_that_of_its_whole_template():
    items = compile_template("{% $x %}", "Items", "/Items", "array")
    with pytest.raises(QueryEvaluationError, match="Expected 'array', but was 'number' for value: 1"):
        items.evaluate(AROUND)
    assert compile_template(["{% $x %}"], "Items", "/Items", "array").evaluate(AROUND) == [1]


def test_all_expressions_that_aws_refuses_are_told_at_once():
    with pytest.raises(JsonataProblems) as caught:
        compile_template({"a": {"b": ["{% phone + fax %}"]}, "c": "{% 1 + %}", "d": "{% $x %}"}, "Output", "/Output")
    assert [(field, problem.code, problem.message) for field, problem in caught.value.problems] == [
        ("Output/a/b[0]", "UNSUPPORTED_JSONATA_EXPRESSION",
         "Reference to 'phone' at the top level is not supported."),
        ("Output/a/b[0]", "UNSUPPORTED_JSONATA_EXPRESSION",
         "Reference to 'fax' at the top level is not supported."),
        ("Output/c", "INVALID_JSONATA_EXPRESSION", "Unexpected end of expression"),
    ]  # fmt: skip


def test_a_template_knows_its_expressions_and_where_they_stand():
    value = {"a": {"b/c": ["{%\n $x %}"]}}
    (only,) = compile_template(value, "Assign", "/States/S/Assign").expressions
    assert (only.pointer, only.field, only.expression.text) == ("/States/S/Assign/a/b~1c/0", "Assign/a/b/c[0]", "$x")
    assert "{%\n $x %}"[only.lead :].startswith("$x")


def test_a_template_knows_what_it_reads():
    template = compile_template({"a": "{% $x & $states.input.name %}"}, "Output", "/Output")
    assert [(pointer, reference.text) for pointer, reference in template.references] == [
        ("/Output/a", "$x"),
        ("/Output/a", "$states.input.name"),
    ]
