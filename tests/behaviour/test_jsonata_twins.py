"""A chain of Pass states in JSONata gives what its twin in JSONPath gives, for moves of fields."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_sim import StateMachine
from tests.behaviour.machines import passing

KEYS = st.sampled_from(["a", "b", "key one", "ü", "d-e"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text("xy'\"", max_size=3)
    | st.floats(-10, 10).map(lambda x: round(x, 2))
)
VALUES = st.recursive(
    LEAVES | st.lists(st.integers(0, 3), max_size=3),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
INPUTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)


def paths(value: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every way through objects that leads somewhere."""
    found = [above]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, (*above, key))
    return found


def at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def chains(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, tuple[str, ...]]]]:
    """Return an input, and for each state the fields that it makes, each with where its value stands."""
    value = first = draw(INPUTS)
    moves = []
    for _ in range(draw(st.integers(1, 4))):
        move = draw(st.dictionaries(KEYS, st.sampled_from(paths(value)), min_size=1, max_size=3))
        moves.append(move)
        value = {key: at(value, path) for key, path in move.items()}
    return first, moves


def in_jsonpath(path: tuple[str, ...]) -> str:
    return "$" + "".join(f"['{key}']" for key in path)


def in_jsonata(path: tuple[str, ...]) -> str:
    return "{% " + ".".join(("$states.input", *(f"`{key}`" for key in path))) + " %}"


def chain(states: list[dict[str, Any]]) -> dict[str, Any]:
    named = {f"S{index}": state for index, state in enumerate(states)}
    for index, state in enumerate(states[:-1]):
        del state["End"]
        state["Next"] = f"S{index + 1}"
    return {"StartAt": "S0", "States": named}


@settings(max_examples=60, deadline=None)
@given(chains())
def test_a_chain_in_jsonata_gives_what_its_twin_in_jsonpath_gives(
    drawn: tuple[dict[str, Any], list[dict[str, tuple[str, ...]]]],
) -> None:
    value, moves = drawn
    old = [passing(Parameters={f"{key}.$": in_jsonpath(path) for key, path in move.items()}) for move in moves]
    new = [passing(Output={key: in_jsonata(path) for key, path in move.items()}) for move in moves]
    one = StateMachine.from_json(chain(old)).run(value)
    other = StateMachine.from_json({"QueryLanguage": "JSONata", **chain(new)}).run(value)
    assert other.result() == one.result()
    assert [event["type"] for event in other.history()] == [event["type"] for event in one.history()]


@settings(max_examples=60, deadline=None)
@given(chains())
def test_variables_carry_a_value_unchanged_through_both_languages(
    drawn: tuple[dict[str, Any], list[dict[str, tuple[str, ...]]]],
) -> None:
    value, moves = drawn
    path = next(iter(moves[0].values()))
    machine = StateMachine.from_json(
        {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "Assign": {"v.$": in_jsonpath(path)}, "Next": "B"},
                "B": {
                    "Type": "Pass",
                    "QueryLanguage": "JSONata",
                    "Assign": {"w": "{% $v %}"},
                    "Output": "{% $v %}",
                    "Next": "C",
                },
                "C": {"Type": "Pass", "Parameters": {"input.$": "$", "v.$": "$v", "w.$": "$w"}, "End": True},
            },
        }
    )
    wanted = at(value, path)
    assert machine.run(value).result() == {"input": wanted, "v": wanted, "w": wanted}
