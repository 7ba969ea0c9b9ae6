"""A key that no state before ever had: the message names the state and field that should have given it."""

from __future__ import annotations

from typing import Any

from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from tests.behaviour.machines import graph, machine, passing, task


def told(states: dict[str, Any], value: Any = None, handler: Any = None) -> Diagnosis:
    made = machine(**states)
    execution = made.run(value if value is not None else {}, {"f": handler} if handler else None)
    found = diagnose(execution, made.source)
    assert found is not None
    return found


def raises(error: Exception) -> Any:
    def handler(event: Any, context: Any) -> Any:
        raise error.with_traceback(None)

    return handler


def test_a_handler_that_did_not_return_a_key_is_named() -> None:
    states = {"A": task(ResultPath="$.r", Next="B"), "B": passing(Parameters={"x.$": "$.r.key"})}
    found = told(states, {}, lambda event, context: {"other": 1})
    assert found.why == "the handler of A (f) did not return $.key (event 2): {other}"
    assert found.fix == "let the handler of A return $.key"


def test_a_result_path_that_is_not_there_is_named_with_what_it_should_be() -> None:
    states = {"A": task(Next="B"), "B": passing(Parameters={"x.$": "$.r.key"})}
    found = told(states, {}, lambda event, context: {"key": 1})
    assert found.why.startswith("A replaced the whole state by its result: it has no ResultPath")
    assert found.fix.startswith("give A the ResultPath $.r")


def test_a_template_that_does_not_pass_a_key_is_named() -> None:
    states = {"A": passing(Parameters={"r": {"other": 1}}, Next="B"), "B": passing(Parameters={"x.$": "$.r.key"})}
    found = told(states)
    assert found.why == "Parameters of A has no $.r.key (event 2): {other}"
    assert found.fix == 'give "key.$" in the Parameters of A'


def test_the_context_object_read_for_the_input_is_told_with_its_field() -> None:
    found = told({"A": passing(Parameters={"x.$": "$$.order.id"})}, {"order": {"id": 1}})
    assert found.fix == "read $.order.id in Parameters/x.$ of A"
    assert "stands in what the state was given ($)" in found.why


def test_a_handler_that_lacks_a_key_is_told_which_template_gives_none() -> None:
    states = {"A": task(Parameters={"id_renamed.$": "$.id"})}
    found = told(states, {"id": 1}, raises(KeyError("order_id")))
    assert "the Parameters of A gives no order_id to the handler of A: {id_renamed}" in found.why
    assert found.fix == 'pass on "order_id.$" in the Parameters of A'


def test_in_a_map_the_item_selector_is_what_gives_it() -> None:
    each = {"Type": "Map", "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "ItemProcessor": graph(In=task()), "End": True}
    found = told({"Each": each}, [1], raises(KeyError("order_id")))
    assert found.fix == 'pass on "order_id.$" in the ItemSelector of Each'


def test_a_key_that_lacks_inside_what_was_passed_on_is_told_with_the_handler_that_made_it() -> None:
    def handler(event: Any, context: Any) -> Any:
        if "made" in event:
            raise KeyError("storage_key")
        return {"name": "p"}

    use = task(Parameters={"made.$": "$.part"})
    found = told({"Make": task(ResultPath="$.part", Next="Use"), "Use": use}, {"k": 1}, handler)
    assert "the handler of Make (f) did not return $.storage_key" in found.why
    assert found.fix.startswith("let the handler of Make return storage_key")


def test_what_parameters_leave_out_is_told_where_the_handler_names_no_key() -> None:
    states = {"A": task(Parameters={"n.$": "$.m"})}
    found = told(states, {"m": 1, "chunks": [1]}, raises(ValueError("nothing to merge")))
    assert "Parameters of A does not pass on chunks of its input" in found.why
    assert "Parameters of A passes on $.m as n" in found.why


def test_a_map_without_result_path_is_named_where_its_array_lacks_a_key() -> None:
    each = {"Type": "Map", "ItemsPath": "$.in", "ItemProcessor": graph(I=passing()), "Next": "B"}
    found = told({"A": each, "B": passing(Parameters={"x.$": "$.done"})}, {"in": [1, 2]})
    assert "A replaced the whole state by its result: it has no ResultPath; that is an array of 2" in found.why
    assert found.fix == "give A the ResultPath $.done"


def test_an_item_of_a_list_that_lacks_a_key_is_told_with_the_template_that_does_not_give_it() -> None:
    items = {"Type": "Map", "ItemProcessor": graph(I=passing(Parameters={"b.$": "$.a"})), "Next": "B"}
    states = {"A": items, "B": task(Parameters={"all.$": "$"})}
    found = told(states, [{"a": 1}], raises(KeyError("id")))
    assert "$.all[0] has no id: Parameters of I has no $.id" in found.why
    assert found.fix.startswith('give "id.$" in the Parameters of I')


def test_what_output_path_reads_of_the_result_is_told_as_the_handlers() -> None:
    states = {"A": task(ResultPath="$.r", OutputPath="$.r.key")}
    found = told(states, {}, lambda event, context: {"other": 1})
    assert found.why == "the handler of A (f) did not return $.key (event 2): {other}"
    assert found.fix == "let the handler of A return $.key"


def test_an_output_path_for_a_result_path_that_is_not_there_is_named() -> None:
    found = told({"A": task(OutputPath="$.r.key")}, {}, lambda event, context: {"key": 1})
    assert found.fix == "give A the ResultPath $.r, or read $.key"


def test_the_failure_whose_catcher_led_to_another_failure_is_told() -> None:
    states = {
        "A": task(
            Parameters={"id_renamed.$": "$.id"},
            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}],
            Next="B",
        ),
        "B": passing(Parameters={"x.$": "$.result"}),
    }
    found = told(states, {"id": 1}, raises(KeyError("order_id")))
    assert "A (event 2) had failed with KeyError: 'order_id', and the Catch of A led here" in found.why
    assert found.fix.startswith('pass on "order_id.$" in the Parameters of A; or ')


def test_a_variable_that_nobody_assigned_is_told_with_who_assigns_what() -> None:
    states = {"A": passing(Assign={"idd.$": "$.id"}, Next="B"), "B": passing(Parameters={"x.$": "$id"})}
    found = told(states, {"id": 1})
    assert found.why == "the Assign of A gives $idd"
