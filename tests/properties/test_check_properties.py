"""Check is sound: of a machine with contracts for all that comes in, where it finds nothing no path fails in a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from sfn_sim import StateMachine
from sfn_sim.analysis.check import Facts, Report, check_machine
from sfn_sim.analysis.contracts import Contract, learned_shape, schema_shape, told
from sfn_sim.query.shapes import covers, fits
from tests.properties.examples import examples

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
_KEYS = ("a", "b", "c")
_SCALARS = [{"type": "string"}, {"type": "number"}, {"type": "null"}, {"type": "boolean"},
            {"type": ["string", "null"]}]  # fmt: skip
_FUNCTIONS = ("f", "g")


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def schema(properties: dict[str, Any], required: set[str]) -> dict[str, Any]:
        return {
            "type": "object", "properties": properties, "required": sorted(required & properties.keys()),
            "additionalProperties": False,
        }  # fmt: skip

    keys = st.sampled_from(_KEYS)
    return st.builds(schema, st.dictionaries(keys, values, min_size=1), st.sets(keys, min_size=1))


SCHEMAS = _objects(st.one_of(st.sampled_from(_SCALARS), _objects(st.sampled_from(_SCALARS))))
_VALUES = {"string": st.sampled_from(["", "x"]), "number": st.integers(0, 3), "null": st.none(),
           "boolean": st.booleans()}  # fmt: skip


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a schema allows."""
    types = schema["type"]
    if types != "object":
        return st.one_of([_VALUES[each] for each in ([types] if isinstance(types, str) else types)])
    required = {key: values(each) for key, each in schema["properties"].items() if key in schema["required"]}
    optional = {key: values(each) for key, each in schema["properties"].items() if key not in required}
    return st.fixed_dictionaries(required, optional=optional)


PATHS = st.lists(st.sampled_from(_KEYS), min_size=1, max_size=2).map(lambda keys: "$." + ".".join(keys))
TEMPLATES = st.dictionaries(st.sampled_from([f"{key}.$" for key in _KEYS]), PATHS, min_size=1, max_size=2)
PLACES = st.one_of(st.just("$"), st.sampled_from([f"$.{key}" for key in _KEYS]))


def _fields(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


PASSES = _fields(Parameters=TEMPLATES, ResultPath=PLACES, OutputPath=PATHS).map(lambda more: {"Type": "Pass", **more})
TASKS = st.builds(
    lambda name, more: {"Type": "Task", "Resource": FUNCTION + name, **more},
    st.sampled_from(_FUNCTIONS),
    _fields(Parameters=TEMPLATES, ResultSelector=TEMPLATES, ResultPath=PLACES, InputPath=PATHS),
)
TESTS = st.builds(
    lambda path, name, holds: {"Variable": path, name: holds},
    PATHS, st.sampled_from(["IsPresent", "IsNull", "IsString"]), st.booleans(),
)  # fmt: skip


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """Return a machine of a few states, one after the other, with Choices that leave some of them out."""
    count = draw(st.integers(2, 5))
    states: dict[str, Any] = {"End": {"Type": "Succeed"}}
    following = [f"S{number}" for number in range(count)] + ["End"]
    for number in range(count):
        later = st.sampled_from(following[number + 1 :])
        if draw(st.integers(0, 3)) == 0:
            rule = {**draw(TESTS), "Next": draw(later)}
            states[f"S{number}"] = {"Type": "Choice", "Choices": [rule], "Default": following[number + 1]}
        else:
            states[f"S{number}"] = {**draw(st.one_of(PASSES, TASKS)), "Next": following[number + 1]}
    return {"StartAt": "S0", "States": states}


def _checked(machine: StateMachine, given: Any, results: dict[str, Any]) -> Report:
    contracts = {FUNCTION + name: [Contract(source="schema", result=schema_shape(each))] for name, each in
                 results.items()}  # fmt: skip
    facts = Facts(given=schema_shape(given), contracts=contracts)
    return check_machine(machine.name, machine.planned, machine.source, facts)


def _sound(data: st.DataObject) -> None:
    machine = StateMachine.from_json(data.draw(machines()))
    given, results = data.draw(SCHEMAS), {name: data.draw(SCHEMAS) for name in _FUNCTIONS}
    report = _checked(machine, given, results)
    clean = not report.undecided and not any(each.severity != "note" for each in report.findings)
    event(f"nothing is found: {clean}")
    if not clean:
        return
    answers = {name: data.draw(values(schema)) for name, schema in results.items()}
    handlers = {"f": lambda event, context: answers["f"], "g": lambda event, context: answers["g"]}
    execution = machine.run(data.draw(values(given)), handlers)
    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)


@given(st.data())
@examples(60)
def test_where_check_finds_nothing_no_path_fails(data: st.DataObject) -> None:
    _sound(data)


@pytest.mark.slow
@given(st.data())
@examples(1500)
def test_where_check_finds_nothing_no_path_fails_in_many_machines(data: st.DataObject) -> None:
    _sound(data)


@given(st.data())
@examples(60)
def test_a_value_fits_its_schemas_shape_and_the_shape_learned_of_it(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    value = data.draw(values(schema))
    assert fits(value, schema_shape(schema))
    assert fits(value, told(learned_shape(value)))
    assert covers(schema_shape(schema), learned_shape(value))
