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


@st.composite
def queries(draw: st.DrawFn, *roots: str) -> str:
    """Return an expression over fields of what may be read."""
    keys = st.lists(st.sampled_from(_KEYS), min_size=1, max_size=2).map(".".join)
    path = f"{draw(st.sampled_from(roots))}.{draw(keys)}"
    other = f"{draw(st.sampled_from(roots))}.{draw(keys)}"
    return draw(
        st.sampled_from(
            [
                path, path, path, f"{path} & {other}", f"{path} + 1", f"[{path}, {other}]", f'{{"a": {path}}}',
                f"$exists({path}) ? {path} : 0", f"$uppercase({path})", f"$string({path})", f"$keys({path})",
                f'$type({path}) = "number" ? {path} + 1 : {other}', f"{path} = null ? 0 : {other}",
                f'$merge([{roots[0]}, {{"b": {path}}}])', f"$count({path})", f"{path} < {other} ? 1 : 2",
            ]
        )
    )  # fmt: skip


@st.composite
def jsonata_states(draw: st.DrawFn) -> dict[str, Any]:
    """Return a Pass or Task in JSONata, some with Assign, Catch or a Map round them."""
    kind = draw(st.sampled_from(["Pass", "Task", "Map"]))
    after = ("$states.input", "$v") if kind == "Pass" else ("$states.input", "$v", "$states.result")

    def made(*roots: str) -> Any:
        query = f"{{% {draw(queries(*roots))} %}}"
        whole = draw(st.booleans())
        return query if whole else {draw(st.sampled_from(_KEYS)): query}

    state: dict[str, Any] = {"Type": kind}
    if kind == "Task":
        state["Resource"] = FUNCTION + draw(st.sampled_from(_FUNCTIONS))
        if draw(st.booleans()):
            state["Arguments"] = made("$states.input", "$v")
    if kind == "Map":
        query = draw(queries("$states.input", "$v"))
        state["Items"] = draw(st.sampled_from([f"{{% [{query}, $states.input] %}}", f"{{% {query} %}}"]))
        inner = {"Type": "Pass", "Output": made("$states.input", "$v"), "End": True}
        state["ItemProcessor"] = {"StartAt": draw(st.uuids()).hex, "States": {}}
        state["ItemProcessor"]["States"][state["ItemProcessor"]["StartAt"]] = inner
    if draw(st.booleans()):
        state["Output"] = made(*after)
    if draw(st.integers(0, 3)) == 0:
        state["Assign"] = {"v": f"{{% {draw(queries(*after))} %}}"}
    return state


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Return a Condition over the input and a variable."""
    path = "$states.input." + ".".join(draw(st.lists(st.sampled_from(_KEYS), min_size=1, max_size=2)))
    test = draw(
        st.sampled_from(
            [
                f"$exists({path})", f"$not($exists({path}))", f'$type({path}) = "string"', f"{path} = null",
                f'{path} = "x"', f"{path} != 1", f"$exists($v) and $exists({path})", path,
                f"$exists({path}) and $type({path}) = 'number' and {path} > 1",
            ]
        )
    )  # fmt: skip
    return f"{{% {test} %}}"


@st.composite
def jsonata_machines(draw: st.DrawFn) -> dict[str, Any]:
    """Return a machine in JSONata, of a few states one after the other, with Choices that leave some of them out."""
    count = draw(st.integers(2, 4))
    states: dict[str, Any] = {"End": {"Type": "Succeed"}}
    following = [f"S{number}" for number in range(count)] + ["End"]
    for number in range(count):
        later = st.sampled_from(following[number + 1 :])
        if draw(st.integers(0, 3)) == 0:
            rule = {"Condition": draw(conditions()), "Next": draw(later)}
            states[f"S{number}"] = {"Type": "Choice", "Choices": [rule], "Default": following[number + 1]}
        else:
            states[f"S{number}"] = {**draw(jsonata_states()), "Next": following[number + 1]}
    start = {"Type": "Pass", "Assign": {"v": "{% $states.input %}"}, "Next": "S0"}
    return {"QueryLanguage": "JSONata", "StartAt": "Start", "States": {"Start": start, **states}}


def _checked(machine: StateMachine, given: Any, results: dict[str, Any]) -> Report:
    contracts = {FUNCTION + name: [Contract(source="schema", result=schema_shape(each))] for name, each in
                 results.items()}  # fmt: skip
    facts = Facts(given=schema_shape(given), contracts=contracts)
    return check_machine(machine.name, machine.planned, machine.source, facts)


def _sound(data: st.DataObject, definitions: st.SearchStrategy[dict[str, Any]]) -> None:
    machine = StateMachine.from_json(data.draw(definitions))
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
    _sound(data, machines())


@pytest.mark.slow
@given(st.data())
@examples(1500)
def test_where_check_finds_nothing_no_path_fails_in_many_machines(data: st.DataObject) -> None:
    _sound(data, machines())


def _right(data: st.DataObject, definitions: st.SearchStrategy[dict[str, Any]]) -> None:
    """What check calls an error fails in every run that comes there."""
    machine = StateMachine.from_json(data.draw(definitions))
    given, results = data.draw(SCHEMAS), {name: data.draw(SCHEMAS) for name in _FUNCTIONS}
    wrong = {each.state for each in _checked(machine, given, results).findings if each.severity == "error"}
    event(f"errors are found: {bool(wrong)}")
    if not wrong:
        return
    answers = {name: data.draw(values(schema)) for name, schema in results.items()}
    handlers = {"f": lambda event, context: answers["f"], "g": lambda event, context: answers["g"]}
    execution = machine.run(data.draw(values(given)), handlers)
    exits = [each["stateExitedEventDetails"] for each in execution.history() if "stateExitedEventDetails" in each]
    assert {each["name"] for each in exits} & wrong == set()


@given(st.data())
@examples(100)
def test_what_check_calls_an_error_fails(data: st.DataObject) -> None:
    pytest.importorskip("jlens")
    _right(data, st.one_of(machines(), jsonata_machines()))


@pytest.mark.slow
@given(st.data())
@examples(1500)
def test_what_check_calls_an_error_fails_in_many_machines(data: st.DataObject) -> None:
    pytest.importorskip("jlens")
    _right(data, st.one_of(machines(), jsonata_machines()))


@given(st.data())
@examples(120)
def test_where_check_finds_nothing_no_expression_fails(data: st.DataObject) -> None:
    pytest.importorskip("jlens")
    _sound(data, jsonata_machines())


@pytest.mark.slow
@given(st.data())
@examples(1500)
def test_where_check_finds_nothing_no_expression_fails_in_many_machines(data: st.DataObject) -> None:
    pytest.importorskip("jlens")
    _sound(data, jsonata_machines())


@given(st.data())
@examples(60)
def test_a_value_fits_its_schemas_shape_and_the_shape_learned_of_it(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    value = data.draw(values(schema))
    assert fits(value, schema_shape(schema))
    assert fits(value, told(learned_shape(value)))
    assert covers(schema_shape(schema), learned_shape(value))
