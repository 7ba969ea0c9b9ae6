"""An expression tried on a value, step by step."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sfn_sim.analysis.explain_path import data_at, scope_of, try_expression
from sfn_sim.analysis.lineage.places import find_places
from sfn_sim.errors import ConfigurationError
from sfn_sim.query.expression import Scope
from sfn_sim.report.tried import tried_lines
from sfn_sim.run.seed import Stream
from tests.behaviour.machines import graph, machine, passing

ORDER = {"order": {"id": 7, "lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}]}}


def test_every_step_says_what_was_left_and_a_definite_path_gives_one_value() -> None:
    assert list(tried_lines(try_expression("$.order.id", ORDER))) == [
        "$              1  object {order}",
        "$.order        1  object {id, lines}",
        "$.order.id     1  7",
        "= 7",
        "AWS returns one value",
    ]


@pytest.mark.parametrize(
    ("text", "value", "returns"),
    [
        ("$.order.lines[?(@.qty > 1)].sku", ["A"], "always a list, even of one value or none"),
        ("$.order.lines[?(@.qty > 9)].sku", [], "always a list, even of one value or none"),
        ("$.order.lines[-1].sku", "B", "one value"),
        ("States.Format('{}-{}', $.order.id, 'x')", "7-x", "one value"),
        ("States.ArrayLength(States.Array($.order.id, 1))", 2, "one value"),
    ],
)
def test_it_says_whether_aws_gives_one_value_or_a_list(text: str, value: Any, returns: str) -> None:
    tried = try_expression(text, ORDER)
    assert (tried.ok, tried.value, tried.parts[0].returns) == (True, value, returns)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("$.order.line", ("$.order.lines",)),
        ("$.id", ("$.order.id",)),
        ("$.cart.id", ("$.order.id",)),
        ("$.Map.Item.Value", ("$$.Map.Item.Value",)),
        ("States.Format('{}', $.order.Id)", ("$.order.id",)),
    ],
)
def test_where_it_stops_it_names_the_nearest_keys(text: str, near: tuple[str, ...]) -> None:
    part = try_expression(text, ORDER).parts[0]
    assert part.error
    assert part.near == near


def test_a_template_is_tried_field_by_field_and_filled() -> None:
    tried = try_expression('{"a.$": "$.order.id", "b": {"c.$": "States.Array($.order.id)"}, "d": 1}', ORDER)
    assert [part.name for part in tried.parts] == ["a.$", "b/c.$"]
    assert tried.value == {"a": 7, "b": {"c": [7]}, "d": 1}
    stopped = try_expression('{"a.$": "$.order.id", "b.$": "$.gone"}', ORDER)
    assert ([bool(part.error) for part in stopped.parts], stopped.value) == ([False, True], None)
    assert list(tried_lines(stopped))[-1] == "the template cannot be filled"


def test_an_intrinsic_that_refuses_its_argument_is_told_in_awss_words() -> None:
    part = try_expression("States.ArrayLength($.order)", ORDER).parts[0]
    assert "States.ArrayLength" in part.error
    assert part.lines[-1].count == 0


def test_a_recorded_state_has_its_input_its_item_its_variables_and_its_context() -> None:
    inner = graph(In=passing())
    states = {
        "A": passing(Assign={"v.$": "$.items"}, Next="Each"),
        "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "End": True},
    }
    execution = machine(**states).run({"items": [5, 6]})
    (place,) = find_places(execution, "Each[1].In")
    scope = scope_of(execution, place)
    assert try_expression("$", data_at(place, "input"), scope).value == 6
    assert try_expression("$$.Map.Item.Index", 0, scope).value == 1
    assert try_expression("$$.State.Name", 0, scope).value == "In"
    assert try_expression("$$.Execution.Input.items[0]", 0, scope).value == 5
    (whole,) = find_places(execution, "Each")
    assert try_expression("$$.Map.Item.Value", 0, scope_of(execution, whole, 1)).value == 6
    assert try_expression("$v[1]", 0, scope_of(execution, whole)).value == 6
    with pytest.raises(ConfigurationError, match=r"has no stage afterParameters; it has input, output"):
        data_at(place, "afterParameters")


@pytest.mark.parametrize("text", ["order", "$.a[", "States.Nope()", "{]", '{"a.$": 1}'])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        try_expression(text, ORDER)


def test_the_trial_is_json() -> None:
    document = json.loads(json.dumps(try_expression("$.order.line", ORDER).to_json()))
    assert (document["ok"], document["parts"][0]["near"]) == (False, ["$.order.lines"])
    assert [step["count"] for step in document["parts"][0]["steps"]] == [1, 1, 0]


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("$ordr.total", ("$order",)),
        ("$order.totl", ("$order.total",)),
        ("{% $ordr.total %}", ("$order",)),
        ("{% $order.totl + 1 %}", ("$order.total",)),
        ("{% $uppercase($order.totl) %}", ("$order.total",)),
        ("{% ($mine := 1; $sum($states)) %}", ()),
    ],
)
def test_where_a_variable_leads_nowhere_the_nearest_one_or_its_nearest_key_is_named(
    text: str, near: tuple[str, ...]
) -> None:
    pytest.importorskip("jlens")
    scope = Scope(dict, {"order": {"total": 3}}, Stream.named(0, "path"))
    (part,) = try_expression(text, {}, scope).parts
    assert part.error
    assert part.near == near
