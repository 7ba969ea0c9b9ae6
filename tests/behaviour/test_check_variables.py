"""Check of variables: read where no way, or not every way, has given them a value."""

from __future__ import annotations

from tests.behaviour.checks import codes, findings
from tests.behaviour.machines import graph, passing, task

READ = passing(Parameters={"x.$": "$x.a"})


def test_a_variable_that_nothing_assigns_is_an_error_with_the_nearest_one() -> None:
    (found,) = findings(Set=passing(Assign={"total": 1}, Next="Use"), Use=passing(Parameters={"t.$": "$totals"}))
    assert (found.code, found.severity, found.state) == ("VARIABLE_MISSING", "error", "Use")
    assert found.fix == "did you mean $total?"


def test_a_variable_that_every_way_assigns_is_there() -> None:
    assert codes(Set=passing(Assign={"x.$": "$.x"}, Next="Use"), Use=READ) == []


def test_a_variable_that_one_way_assigns_only_is_a_warning() -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "Set"}
    choose = {"Type": "Choice", "Choices": [rule], "Default": "Use"}
    found = codes(Choose=choose, Set=passing(Assign={"x": {"a": 1}}, Next="Use"), Use=READ)
    assert found == [("VARIABLE_MISSING", "warning", "Use")]


def test_what_a_rule_assigns_is_there_after_it() -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Assign": {"x": {"a": 1}}, "Next": "Use"}
    assert codes(Choose={"Type": "Choice", "Choices": [rule], "Default": "End"}, Use=READ, End=passing()) == []


def test_what_fails_has_not_assigned_what_its_catcher_goes_on_without() -> None:
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Use"}
    found = codes(Load=task(Assign={"x.$": "$.x"}, Catch=[caught], Next="Use"), Use=READ)
    assert ("VARIABLE_MISSING", "warning", "Use") in found


def test_a_processor_reads_the_variables_around_it_and_keeps_its_own() -> None:
    inner = graph(In=passing(Parameters={"x.$": "$x"}, Assign={"y": 1}))
    found = codes(
        Set=passing(Assign={"x": 1}, Next="Each"),
        Each={"Type": "Map", "ItemProcessor": inner, "Next": "Use"},
        Use=passing(Parameters={"y.$": "$y"}),
    )
    assert found == [("VARIABLE_MISSING", "error", "Use")]


def test_a_loop_that_assigns_at_its_end_lacks_the_variable_the_first_time() -> None:
    again = {"Variable": "$.more", "IsPresent": True, "Assign": {"x": {"a": 1}}, "Next": "Use"}
    read = {"Type": "Pass", "Parameters": {"x.$": "$x.a"}, "ResultPath": "$.got", "Next": "Again"}
    found = codes(Use=read, Again={"Type": "Choice", "Choices": [again], "Default": "End"}, End=passing())
    assert found == [("VARIABLE_MISSING", "warning", "Use")]
