"""Shapes tell the truth: what is said of all values of a shape holds for each, and what is not said may be run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from sfn_sim import Options, StateMachine
from sfn_sim.analysis.check import Facts, Report, check_machine
from sfn_sim.payload import Json
from sfn_sim.query.expression import PlaceError
from sfn_sim.query.jsonpath import compile_reference_path
from sfn_sim.query.shape_changes import lack, place, refine
from sfn_sim.query.shapes import (
    ANY_STRING,
    ANYTHING,
    OBJECT,
    Field,
    Shape,
    Verdict,
    an_object,
    covers,
    fits,
    join,
    look,
    shape_of,
)
from sfn_sim.run.execution import Execution
from tests.behaviour.machines import FUNCTION
from tests.properties.examples import examples
from tests.properties.test_interpreter_properties import inputs, machines

keys = st.sampled_from("abc")
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
steps = st.lists(keys | st.integers(0, 2), max_size=3).map(tuple)
names = st.lists(keys, min_size=1, max_size=3).map(tuple)
PATH_FAMILY = {
    "PATH_MISSING", "STATE_REPLACED", "NULL_VALUE", "CONTEXT_PATH", "WRONG_TYPE", "INTRINSIC_ARGUMENT",
    "PLACE_CONFLICT", "NO_CHOICE_MATCHES",
}  # fmt: skip
RESULT = {"a": 1, "b": {"c": [1]}, "l": [{"a": 2}]}


@st.composite
def shapes(draw: st.DrawFn) -> tuple[Json, Shape]:
    """Draw a value and a shape that it is of, joined from it and others."""
    value = draw(values)
    shape = shape_of(value, exact=draw(st.booleans()))
    shape = _vague(shape, draw(st.sets(keys)))
    for other in draw(st.lists(values, max_size=2)):
        shape = join(shape, _vague(shape_of(other, exact=draw(st.booleans())), draw(st.sets(keys))))
    return value, shape


def _vague(shape: Shape, names: set[str]) -> Shape:
    """Return the shape of an object of which is not known any more whether it has some keys."""
    if shape.kinds != OBJECT:
        return shape
    known = shape.fields
    vague = {name: Field(known[name].shape if name in known else ANY_STRING, False, True) for name in sorted(names)}
    return replace(shape, fields={**known, **vague})


def follow(value: Json, path: tuple[str | int, ...]) -> tuple[bool, Json]:
    for step in path:
        try:
            value = value[step] if isinstance(value, dict if isinstance(step, str) else list) else {}[step]  # type: ignore
        except (KeyError, IndexError):
            return False, None
    return True, value


@examples(200)
@given(shapes())
def test_a_value_fits_its_shape_and_whatever_that_is_joined_with(drawn: tuple[Json, Shape]) -> None:
    value, shape = drawn
    assert fits(value, shape)
    assert fits(value, join(shape, ANYTHING))


@examples(200)
@given(shapes(), shapes())
def test_a_join_is_the_same_whatever_comes_first_and_changes_no_more(
    one: tuple[Json, Shape], other: tuple[Json, Shape]
) -> None:
    joined = join(one[1], other[1])
    assert joined == join(other[1], one[1])
    assert join(joined, one[1]) == joined
    assert covers(joined, joined)


@examples(200)
@given(shapes(), shapes())
def test_what_is_covered_fits(one: tuple[Json, Shape], other: tuple[Json, Shape]) -> None:
    if covers(other[1], one[1]):
        assert fits(one[0], other[1])


@examples(400)
@given(shapes(), steps)
def test_a_path_leads_where_its_shape_says(drawn: tuple[Json, Shape], path: tuple[str | int, ...]) -> None:
    value, shape = drawn
    there, at = follow(value, path)
    found = look(shape, path)
    if found.verdict is Verdict.PRESENT:
        assert there
    if found.verdict is Verdict.MISSING:
        assert not there
    if there:
        assert fits(at, found.shape)


@examples(200)
@given(shapes(), names)
def test_a_shape_without_a_path_has_the_values_without_it(
    drawn: tuple[Json, Shape], path: tuple[str, ...]
) -> None:
    value, shape = drawn
    there, _ = follow(value, path)
    kept = refine(shape, path, lambda each: each) if there else lack(shape, path)
    assert fits(value, kept)


@examples(300)
@given(shapes(), names, values)
def test_a_value_is_put_where_its_shape_says(
    drawn: tuple[Json, Shape], path: tuple[str, ...], put: Json
) -> None:
    value, shape = drawn
    verdict, placed = place(shape, path, shape_of(put))
    try:
        made = compile_reference_path("$" + "".join(f".{step}" for step in path)).place(value, put)
    except PlaceError:
        assert verdict is not Verdict.PRESENT
        return
    assert verdict is not Verdict.MISSING
    assert fits(made, placed)


def handler(event: Any, context: Any) -> Any:
    return RESULT


def play(machine: StateMachine, value: Json) -> Execution:
    options = Options(limit_events=300, limit_bytes=2000)
    return machine.run(value, {"f": handler}, options=options, isolate=False)


def checked(machine: StateMachine, value: Json) -> Report:
    facts = Facts(given=shape_of(value, exact=False), results={f"{FUNCTION}f": shape_of(RESULT, exact=False)})
    return check_machine(machine.name, machine.planned, machine.source, facts, machine.warnings)


@examples(100)
@given(machines, inputs)
def test_a_state_in_which_something_is_certainly_wrong_never_ends_well(machine: StateMachine, value: Json) -> None:
    report = checked(machine, value)
    wrong = {each.state: each for each in report.findings if each.severity == "error" and each.code in PATH_FAMILY}
    execution = play(machine, value)
    for visit in execution.log.visits:
        assert not (visit.name in wrong and visit.left and not visit.caught), wrong[visit.name]


@examples(100)
@given(machines, inputs)
def test_where_nothing_is_found_and_all_is_decided_no_path_fails(machine: StateMachine, value: Json) -> None:
    report = checked(machine, value)
    assume(not report.undecided)
    assume(not any(each.code in PATH_FAMILY | {"PATH_SOMETIMES_MISSING"} for each in report.findings))
    execution = play(machine, value)
    detail = execution.detail
    assert not (execution.error == "States.Runtime" and detail is not None and detail.kind in ("path", "place"))


def with_an_output_of_its_own(machine: StateMachine) -> StateMachine:
    """Return the machine with an end that gives on only one key, so that others may be unread."""
    definition = json.loads(machine.source.text)
    definition["States"]["END"] = {"Type": "Pass", "Parameters": {"out.$": "$.a"}, "End": True}
    return StateMachine.from_json(definition)


@examples(100)
@given(machines.map(with_an_output_of_its_own), inputs, values)
def test_a_field_of_the_input_that_is_called_unread_can_be_left_out(
    machine: StateMachine, given_input: dict[str, Json], extra: Json
) -> None:
    value = {**given_input, "z": extra}
    unread = {each.field for each in checked(machine, value).findings if each.code == "INPUT_UNREAD"}
    whole, less = play(machine, value), play(machine, {key: each for key, each in value.items() if key not in unread})
    if "States.DataLimitExceeded" not in (whole.error, less.error):
        assert (whole.status, whole.error, whole.output) == (less.status, less.error, less.output)


def test_an_open_object_is_anything_as_far_as_it_is_not_known() -> None:
    shape = an_object({"a": shape_of(1)}, is_open=True)
    assert look(shape, ("b",)).verdict is Verdict.UNDECIDED
