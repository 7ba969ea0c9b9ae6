from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfn_sim.payload import dumps
from sfn_sim.query.expression import IntrinsicError, PathError, Scope, TemplateError, TemplateProblems
from sfn_sim.query.template import compile_template
from sfn_sim.run.seed import Stream

SCOPE = Scope(lambda: {"Execution": {"Name": "run"}}, {"v": 9}, Stream(0))
DATA: dict[str, Any] = {"a": {"b": 1}, "list": [1, 2], "none": None}


def fill(template: Any, data: Any = DATA) -> Any:
    return compile_template(template, "/P").evaluate(data, SCOPE)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ({"x.$": "$.a.b"}, {"x": 1}),
        ({"x.$": "$.none"}, {"x": None}),
        ({"x.$": "$.list[*]"}, {"x": [1, 2]}),
        ({"x.$": "$$.Execution.Name", "y.$": "$v"}, {"x": "run", "y": 9}),
        ({"x.$": "States.MathAdd($.a.b, 1)"}, {"x": 2}),
        ({"z": 1, "x.$": "$.a.b", "y": "$.a.b"}, {"z": 1, "x": 1, "y": "$.a.b"}),
        ({"deep": {"er": {"x.$": "$.a.b", "k": []}}}, {"deep": {"er": {"x": 1, "k": []}}}),
        (
            {"items": ["$.a.b", {"x.$": "$.a.b"}, [{"y.$": "$v"}], 1]},
            {"items": ["$.a.b", {"x": 1}, [{"y": 9}], 1]},
        ),
        ([{"x.$": "$.a.b"}], [{"x": 1}]),
        ({}, {}),
        ("text", "text"),
        (None, None),
    ],
)
def test_fields_that_end_in_a_dollar_are_evaluated_and_the_rest_is_literal(template, filled):
    assert fill(template) == filled


def test_keys_keep_the_order_in_which_they_are_written():
    assert list(fill({"b.$": "$.a", "a": 1, "c": {"x.$": "$v"}, "0.$": "$v"})) == ["b", "a", "c", "0"]


def test_what_holds_no_expression_is_handed_out_as_the_same_object():
    template: Any = {"x.$": "$.a.b", "static": {"big": [1, 2, 3]}}
    assert fill(template)["static"] is template["static"]
    whole: Any = {"all": ["static"]}
    assert fill(whole) is whole


def test_filling_changes_neither_the_template_nor_an_earlier_result():
    template: Any = {"x.$": "$.a.b", "items": [{"y.$": "$v"}]}
    written = json.dumps(template)
    compiled = compile_template(template, "/P")
    first: Any = compiled.evaluate(DATA, SCOPE)
    second: Any = compiled.evaluate({"a": {"b": 2}}, SCOPE)
    assert (first, second) == ({"x": 1, "items": [{"y": 9}]}, {"x": 2, "items": [{"y": 9}]})
    assert json.dumps(template) == written


def test_a_field_that_cannot_be_evaluated_is_named_with_its_place():
    with pytest.raises(TemplateError) as caught:
        fill({"ok.$": "$.a.b", "in/ner": [{"value.$": "$.missing"}]})
    assert caught.value.field == "value.$"
    assert caught.value.pointer == "/P/in~1ner/0/value.$"
    assert caught.value.text == "$.missing"
    assert isinstance(caught.value.cause, PathError)
    assert caught.value.cause.message == "No results for path: $['missing']"


def test_the_first_of_several_failing_fields_is_named():
    with pytest.raises(TemplateError) as caught:
        fill({"ok.$": "$.a.b", "first.$": "$.missing", "second.$": "$.missing"})
    assert caught.value.field == "first.$"


def test_a_refused_intrinsic_is_named_with_the_whole_expression_of_its_field():
    with pytest.raises(TemplateError) as caught:
        fill({"n.$": "States.Array(States.ArrayLength($.a))"})
    assert caught.value.text == "States.Array(States.ArrayLength($.a))"
    assert isinstance(caught.value.cause, IntrinsicError)
    assert caught.value.cause.call == "States.ArrayLength($.a)"


def test_all_bad_fields_are_found_at_once():
    template = {
        "a.$": "plain",
        "b": {"c.$": 5, "ok.$": "$.x"},
        "d": [{"e.$": "$.a["}],
        "f.$": "States.Nope()",
        "g.$": "$.x",
        "g": 1,
    }
    with pytest.raises(TemplateProblems) as caught:
        compile_template(template, "/States/S/Parameters")
    assert [pointer.removeprefix("/States/S/Parameters") for pointer, _ in caught.value.problems] == [
        "/a.$",
        "/b/c.$",
        "/d/0/e.$",
        "/f.$",
        "/g.$",
    ]


def test_a_template_tells_what_it_reads_and_where():
    template = compile_template({"x.$": "$.a.b", "y": [{"z.$": "States.Array($.c, $$.d)"}]}, "/P")
    assert [(pointer, each.root, each.steps) for pointer, each in template.references] == [
        ("/P/x.$", "$", ("a", "b")),
        ("/P/y/0/z.$", "$", ("c",)),
        ("/P/y/0/z.$", "$$", ("d",)),
    ]
    assert [(each.pointer, each.name, each.expression.text) for each in template.fields] == [
        ("/P/x.$", "x.$", "$.a.b"),
        ("/P/y/0/z.$", "z.$", "States.Array($.c, $$.d)"),
    ]


# Against executions recorded on AWS

_RECORDED = Path(
    os.environ.get("SFN_SIM_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance"
)
_PLAIN = {"Type", "Parameters", "End", "Comment"}
_RANDOM = "RandomNumberGenerated"


def _recorded_cases() -> Iterator[Any]:
    """Yield every recorded machine that is one Pass state with Parameters, once for each execution."""
    for group in ("intrinsic_functions", "base", "scenarios"):
        for file in sorted((_RECORDED / "cases" / group).rglob("*.json")):
            case = json.loads(file.read_text("utf-8"))
            states = list(case["definition"].get("States", {}).values())
            if len(states) != 1 or not set(states[0]) <= _PLAIN or "Parameters" not in states[0]:
                continue
            for number, (_, history) in enumerate(sorted(case["expected"].items())):
                yield pytest.param(states[0]["Parameters"], history["events"], id=f"{file.stem}-{number}")


def _context(events: list[Any]) -> dict[str, Any]:
    # The recordings have these placeholders where AWS gave names and ARNs.
    machine = "<ArnPart_0idx>"
    arn = f"arn:<partition>:states:<region>:111111111111:stateMachine:{machine}"
    return {
        "Execution": {
            "Name": "<ExecArnPart_0idx>",
            "Input": events[0]["executionStartedEventDetails"]["input"],
        },
        "StateMachine": {"Id": arn, "Name": machine},
    }


@pytest.mark.parametrize(
    ("parameters", "events"),
    list(_recorded_cases())
    or [
        pytest.param(None, None, marks=pytest.mark.skip(f"no recorded executions in {_RECORDED}"), id="none")
    ],
)
def test_parameters_give_what_they_were_recorded_to_give(parameters, events):
    scope = Scope(lambda: _context(events), {}, Stream(0))
    template = compile_template(parameters, "/Parameters")
    given = events[0]["executionStartedEventDetails"]["input"]
    if events[-1]["type"] == "ExecutionFailed":
        with pytest.raises(TemplateError) as caught:
            template.evaluate(given, scope)
        cause = events[-1]["executionFailedEventDetails"]["cause"]
        assert f"'{caught.value.text}' specified for the field '{caught.value.field}'" in cause
        return
    result: Any = template.evaluate(given, scope)
    recorded = events[-1]["executionSucceededEventDetails"]["output"]
    if isinstance(recorded, dict) and recorded.get("FunctionResult") == _RANDOM:
        assert given["FunctionInput"]["fst"] <= result["FunctionResult"] < given["FunctionInput"]["snd"]
    else:
        assert _sorted(result) == _sorted(recorded)


def _sorted(value: Any) -> str:
    return dumps(json.loads(json.dumps(value, sort_keys=True)))
