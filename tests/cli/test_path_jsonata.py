"""`sfn-sim path '{% … %}'`: the intermediate values of a JSONata expression."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import FUNCTION, Ended

Command = Callable[..., Ended]
pytest.importorskip("jlens")


def test_each_sub_expression_is_shown_with_its_value(sfn_sim: Command) -> None:
    given = json.dumps({"items": [{"price": 2}, {"price": 3}]})
    ended = sfn_sim("path", "{% $sum($states.input.items.price) & '!' %}", "--input", given)
    assert ended.code == 0
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert "$states.input.items 1 array of 2" in lines
    assert "$sum($states.input.items.price) 1 5" in lines
    assert '= "5!"' in lines


def test_where_it_stops_the_nearest_key_is_named(sfn_sim: Command) -> None:
    ended = sfn_sim("path", "{% $states.input.order.totl + 1 %}", "--input", '{"order": {"total": 3}}')
    assert ended.code == 1
    assert "returned nothing (undefined)" in ended.out
    assert "near   $states.input.order.total" in ended.out


def test_a_template_is_told_expression_by_expression(sfn_sim: Command) -> None:
    template = '{"a": "{% $states.input.x + 1 %}", "b": ["{% $states.input.y %}", 3]}'
    found = sfn_sim("path", template, "--input", '{"x": 1, "y": [2]}', "--json").json
    assert [(part["field"], part["value"]) for part in found["parts"]] == [("a", 2), ("b[0]", [2])]
    assert found["value"] == {"a": 2, "b": [[2], 3]}
    ended = sfn_sim("path", template, "--input", '{"x": 1}')
    assert ended.code == 1
    assert "the template cannot be filled" in ended.out
    assert sfn_sim("path", '{"a": "{% ( %}"}', "--input", "{}").code == 2


def test_in_a_run_the_result_and_the_context_are_there(sfn_sim: Command, project: Path) -> None:
    state = {"Type": "Task", "Resource": f"{FUNCTION}f", "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}}
    (project / "definitions" / "m.asl.json").write_text(json.dumps(definition))
    (project / "handlers" / "f.py").write_text("def handler(event, context):\n    return {'n': 41}\n")
    expression = "{% $states.result.n + 1 & $states.context.State.Name %}"
    ended = sfn_sim("path", expression, "--run", "m", "--state", "A", "--input", "{}", "--json")
    assert ended.json["kind"] == "jsonata"
    assert ended.json["value"] == "42A"


def test_an_expression_that_cannot_be_read_is_refused(sfn_sim: Command) -> None:
    assert sfn_sim("path", "{% ( %}", "--input", "1").code == 2
    assert sfn_sim("path", "{% 1 ", "--input", "1").code == 2
