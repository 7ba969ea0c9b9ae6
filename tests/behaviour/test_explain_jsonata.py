"""What a state in JSONata did to its data, stage by stage, and the variables that it assigned."""

from __future__ import annotations

from typing import Any

from sfn_sim.analysis.explain import explain
from sfn_sim.report.explained import explanation
from tests.behaviour.machines import Busy, always, fails, graph, machine, passing, task

TOP = {"QueryLanguage": "JSONata"}


def lines(states: dict[str, Any], state: str, value: Any = None, handler: Any = None, number: int | None = None) -> Any:
    made = machine(TOP, **states)
    execution = made.run(value if value is not None else {}, {"f": handler} if handler else None)
    found = explanation(explain(execution, made.source, state, number), made.source)
    return [each.strip() for each in found]


def test_an_output_is_compared_with_the_input_and_names_its_expressions() -> None:
    out = lines({"A": passing(Output={"id": "{% $states.input.order.id %}", "n": 1})}, "A", {"order": {"id": 7}})
    assert out[1:] == [
        "input                      18 bytes  object {order}",
        "output                     14 bytes  object {id, n}  by Output",
        "- $.order  object {id}, 8 bytes",
        "+ $.id  7, 1 bytes  from $states.input.order.id",
        "+ $.n  1, 1 bytes",
    ]


def test_a_task_shows_arguments_result_variables_and_output() -> None:
    state = task(Arguments={"k": "{% $states.input.k %}"}, Assign={"got": "{% $states.result.n %}"},
                 Output="{% $merge([$states.input, $states.result]) %}")  # fmt: skip
    out = lines({"A": state}, "A", {"k": 1, "m": 2}, lambda *_: {"n": None})
    assert [each.split()[0] for each in out[1:]] == [
        "input", "afterArguments", "-", "result", "variables", "+", "output", "+",
    ]  # fmt: skip
    assert "- $.m  2, 1 bytes" in out
    assert "+ $got  null, 4 bytes  from $states.result.n" in out
    assert any("null in it: n" in each for each in out)


def test_variables_are_compared_with_what_they_were_before() -> None:
    states = {
        "A": passing(Assign={"n": 1, "list": [1]}, Next="B"),
        "B": passing(Assign={"n": "{% $n + 1 %}", "list": None, "new": True}),
    }
    out = lines(states, "B")
    assert "~ $n  1 → 2, 1 → 1 bytes  from $n + 1" in out
    assert "0 $list  null, was array of 1 (3 bytes)" in out
    assert "+ $new  true, 4 bytes" in out


def test_a_task_without_output_says_that_its_result_takes_the_place_of_the_input() -> None:
    out = lines({"A": task()}, "A", {"k": 1}, lambda *_: {"n": 1})
    assert any(each.endswith("(no Output: the result takes the place of the input)") for each in out)


def test_a_choice_names_the_rule_whose_output_and_variables_they_are() -> None:
    state = {"Type": "Choice", "Default": "E", "Output": {"by": "default"}, "Choices": [
        {"Condition": "{% $states.input.n > 1 %}", "Output": {"by": "{% $states.input.n %}"}, "Assign": {"v": 1},
         "Next": "E"}]}  # fmt: skip
    out = lines({"C": state, "E": passing()}, "C", {"n": 2})
    assert any("by Choices[0]/Output" in each for each in out)
    assert any("by Choices[0]/Assign" in each for each in out)
    assert "+ $.by  2, 1 bytes  from $states.input.n" in out
    assert '+ $.by  "default", 9 bytes' in lines({"C": state, "E": passing()}, "C", {"n": 1})


def test_a_map_shows_its_items_and_each_item_its_own_stages() -> None:
    each = {
        "Type": "Map", "Items": "{% $states.input.n[$ > 1] %}", "End": True,
        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
        "ItemProcessor": graph(In=passing(Output="{% $states.input.v * 2 %}")),
        "Output": {"all": "{% $states.result %}"},
    }  # fmt: skip
    given = {"n": [1, 2, 3]}
    out = lines({"Each": each}, "Each", given)
    assert any(each.startswith("afterItems") and each.endswith("array of 2  by Items") for each in out)
    assert any("from $states.result" in each for each in out)
    (first, second) = (lines({"Each": each}, "In", given, number=number) for number in (1, 2))
    assert (first[0].split()[0], second[0].split()[0]) == ("Each[0].In", "Each[1].In")
    assert any("object {v} → 6" in each for each in second)


def test_a_catcher_shows_the_error_and_what_its_own_fields_made() -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Next": "E", "Assign": {"why": "{% $states.errorOutput.Error %}"},
             "Output": {"k": "{% $states.input.k %}"}}  # fmt: skip
    state = task(Catch=[catch], Next="E", Output={"never": 1})
    out = lines({"A": state, "E": passing()}, "A", {"k": 1, "m": 2}, always(Busy()))
    assert any(each.startswith("errorOutput") and "by Catch" in each for each in out)
    assert any("by Catch[0]/Assign" in each for each in out)
    assert any("by Catch[0]/Output" in each for each in out)
    assert '+ $why  "Busy", 6 bytes  from $states.errorOutput.Error' in out
    state = task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "E"}], Next="E")
    bare = lines({"A": state, "E": passing()}, "A", {"k": 1}, always(Busy()))
    assert any("the Catch has no Output" in each for each in bare)


def test_an_output_that_fails_and_is_caught_belongs_to_one_attempt() -> None:
    catch = {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "E", "Assign": {"n": 2}, "Output": {"k": 1}}
    state = task(Assign={"n": 1}, Output="{% $states.result.gone.x %}", Catch=[catch], Next="E")
    out = lines({"A": state, "E": passing()}, "A", {}, lambda *_: {})
    assert not any("attempt" in each for each in out)
    names = [each.split()[0] for each in out if not each.startswith(("+", "-"))]
    assert names[1:] == ["input", "result", "variables", "errorOutput", "variables", "output", "error", "next"]


def test_each_attempt_has_arguments_of_its_own() -> None:
    state = task(Arguments={"n": "{% $states.context.State.RetryCount %}"}, Retry=[{"ErrorEquals": ["Busy"]}])
    out = lines({"A": state}, "A", {}, fails(Busy(), then=1))
    assert "attempt 2 of 2" in out
    assert "+ $.n  0, 1 bytes  from $states.context.State.RetryCount" in out
    assert "+ $.n  1, 1 bytes  from $states.context.State.RetryCount" in out
