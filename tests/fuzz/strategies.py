"""Definitions and inputs: made from nothing, from the language's words, and from definitions changed at random."""

from __future__ import annotations

import copy
import json
import operator
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from sfn_sim.definition.fields import OPERATORS
from tests.fuzz.material import (
    ERRORS,
    EXPRESSIONS,
    FIELDS,
    FUNCTION,
    NUMBERS,
    PLACES,
    RESOURCES,
    SINGLE_PATHS,
    TIMES,
    VALID_CALLS,
    VALID_PATHS,
    WORDS,
    definitions,
)

words = st.sampled_from(WORDS)
leaves = st.none() | st.booleans() | st.sampled_from(NUMBERS) | words | st.text(max_size=5) | st.floats()
keys = st.sampled_from(FIELDS) | words | st.text(max_size=4)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=15
)
data_keys = st.sampled_from(["a", "b", "list", "x", "ü", "a b", "Payload", "Execution", ""])
inputs = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(data_keys, inner, max_size=4),
    max_leaves=10,
)

names = st.sampled_from("ABC")
resources = st.just(FUNCTION) | st.sampled_from(RESOURCES)
paths = st.sampled_from(VALID_PATHS)
single_paths = st.sampled_from(SINGLE_PATHS)
places_below = st.sampled_from(PLACES)
queries = st.sampled_from((*VALID_PATHS, *VALID_CALLS))
template_objects = st.dictionaries(st.sampled_from(["a.$", "b.$", "list.$", "Payload.$", "x.$"]), queries, max_size=3)
templates = st.recursive(
    template_objects,
    lambda inner: st.dictionaries(data_keys, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=4,
)
expressions = st.recursive(
    st.sampled_from(EXPRESSIONS) | leaves,
    lambda inner: st.dictionaries(data_keys, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=5,
)
seconds = st.integers(0, 3) | st.just(99_999_999)
error_names = st.sampled_from(ERRORS)


def _handled(entry: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return entries of Retry or Catch, of which the last may take States.ALL."""
    last = st.builds(lambda each: [{**each, "ErrorEquals": ["States.ALL"]}], entry)
    return st.builds(operator.add, st.lists(entry, max_size=2), last | st.just([]))


retries = _handled(
    st.fixed_dictionaries(
        {"ErrorEquals": st.lists(error_names, min_size=1, max_size=2)},
        optional={
            "IntervalSeconds": seconds,
            "MaxAttempts": st.integers(0, 4) | st.just(99_999_999),
            "BackoffRate": st.sampled_from([1, 1.0, 1.5, 2, 1e300]),
            "MaxDelaySeconds": st.sampled_from([1, 3, 31_622_400]),
            "JitterStrategy": st.sampled_from(["NONE", "FULL"]),
        },
    )
)
catches = _handled(
    st.fixed_dictionaries(
        {"ErrorEquals": st.lists(error_names, min_size=1, max_size=2), "Next": names},
        optional={"ResultPath": places_below | st.none()},
    )
)


def _comparison(operator: str) -> st.SearchStrategy[dict[str, Any]]:
    operands: dict[str, st.SearchStrategy[Any]] = {
        "Numeric": st.sampled_from(NUMBERS), "Timestamp": st.sampled_from(TIMES[:3]), "Boolean": st.booleans(),
        "Is": st.booleans(), "String": words | st.sampled_from(["a*", r"\\*", "\\", "**"]),
    }  # fmt: skip
    kind = next(kind for kind in operands if operator.startswith(kind))
    operand = paths if operator.endswith("Path") else operands[kind]
    return st.fixed_dictionaries({"Variable": paths, operator: operand})


def rules(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Return the rules of a Choice, without their Next."""
    comparison = st.sampled_from(sorted(OPERATORS)).flatmap(_comparison)
    if depth == 0:
        return comparison
    several = st.lists(rules(depth - 1), min_size=1, max_size=3)
    return comparison | st.one_of(
        st.builds(lambda each: {"Not": each}, rules(depth - 1)),
        st.builds(lambda each: {"And": each}, several),
        st.builds(lambda each: {"Or": each}, several),
    )


def one_of_fields(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return an object with one of the fields."""
    return st.one_of(*(st.fixed_dictionaries({name: value}) for name, value in fields.items()))


def joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return the objects of all strategies as one."""
    return st.tuples(*parts).map(lambda each: {key: value for part in each for key, value in part.items()})


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _either(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return nothing, a field, or the field that reads the same by a path of the input."""
    of_input = single_paths.filter(lambda path: not path.startswith("$$"))
    return st.just({}) | one_of_fields(**{name: value, f"{name}Path": of_input})


def states(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return a state, nearly always a valid one, of any type."""
    flow = maybe(InputPath=paths | st.none(), OutputPath=paths | st.none())
    assign = st.just({}) | st.fixed_dictionaries({"Assign": st.sampled_from([{"v": 1}, {"v.$": "$"}, {"w.$": "$.a"}])})
    rare = st.integers(0, 29).flatmap(lambda number: st.just({}) if number else assign)
    placed = maybe(ResultPath=places_below | st.none())
    result = joined(placed, maybe(ResultSelector=template_objects))
    errors = maybe(Retry=retries, Catch=catches)
    parameters = maybe(Parameters=templates)
    going = st.fixed_dictionaries({"Next": names})
    choices = st.lists(st.builds(lambda rule, to: {**rule, "Next": to}, rules(), names), min_size=1, max_size=3)
    by_type: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "Pass": joined(going, flow, rare, placed, parameters, maybe(Result=anything)),
        "Task": joined(
            going, flow, rare, result, errors, parameters, st.fixed_dictionaries({"Resource": resources}),
            _either("TimeoutSeconds", st.integers(1, 3)),
        ),
        "Choice": joined(flow, st.fixed_dictionaries({"Choices": choices}), maybe(Default=names)),
        "Wait": joined(
            going, flow, rare,
            one_of_fields(Seconds=seconds, SecondsPath=single_paths, Timestamp=st.sampled_from(TIMES[:3]),
                          TimestampPath=single_paths),
        ),
        "Succeed": flow,
        "Fail": joined(
            st.just({}) | one_of_fields(Error=words, ErrorPath=queries),
            st.just({}) | one_of_fields(Cause=words, CausePath=queries),
        ),
    }  # fmt: skip
    if depth:
        branches = st.lists(graphs(depth - 1), min_size=1, max_size=2)
        by_type["Parallel"] = joined(
            going, flow, rare, result, errors, parameters, st.fixed_dictionaries({"Branches": branches})
        )
        by_type["Map"] = joined(
            going, flow, rare, result, errors, st.fixed_dictionaries({"ItemProcessor": graphs(depth - 1)}),
            maybe(ItemsPath=single_paths, ItemSelector=templates), _either("MaxConcurrency", seconds),
            _either("ToleratedFailureCount", seconds), _either("ToleratedFailurePercentage", st.integers(0, 100)),
        )  # fmt: skip

    def of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
        return by_type[kind].map(lambda fields: {"Type": kind, **fields})

    in_jsonata = joined(
        going, st.fixed_dictionaries({"Type": st.just("Pass"), "QueryLanguage": st.just("JSONata")}),
        maybe(Output=expressions, Assign=st.dictionaries(st.sampled_from("vw"), expressions, max_size=2)),
    )  # fmt: skip
    jsonpath = st.sampled_from(sorted(by_type)).flatmap(of)
    return st.integers(0, 29).flatmap(lambda number: jsonpath if number else in_jsonata)


@st.composite
def graphs(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """Return a few states and where to start; END is there to go to."""
    made = {name: draw(states(depth)) for name in draw(st.lists(st.sampled_from("ABC"), min_size=1, unique=True))}
    made["END"] = {"Type": draw(st.sampled_from(["Succeed", "Fail"]))}
    return {"StartAt": next(iter(made)), "States": made}


def renamed(graph: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Make a made machine valid: names of its own, targets that exist, each state led to by the one before it."""
    here = graph["States"]
    order = list(here)

    def of(name: str) -> str:
        return f"{place}{name if name in here else 'END'}"

    def led(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**each, "Next": of(each["Next"])} for each in entries]

    made = {}
    for state, following in zip(here.values(), [*order[1:], None], strict=True):
        name = of(order[len(made)])
        new = dict(state)
        for key in ("Choices", "Catch"):
            if key in new:
                new[key] = led(new[key])
        if "Default" in new:
            new["Default"] = of(new["Default"])
        if following is not None:
            _lead(new, of(following))
        if "Branches" in new:
            new["Branches"] = [renamed(each, f"{name}{n}") for n, each in enumerate(new["Branches"])]
        if "ItemProcessor" in new:
            new["ItemProcessor"] = renamed(new["ItemProcessor"], f"{name}m")
        made[name] = new
    # States that end can stand in the middle: a Choice at the head leads to all.
    head = of("HEAD") if "HEAD" in here else f"{place}HEAD"
    asked = {"Variable": "$.go", "IsPresent": True}
    choices = [{"And": [asked, {"Variable": "$.go", "StringEquals": name}], "Next": name} for name in made]
    first = next(iter(made))
    return {"StartAt": head, "States": {head: {"Type": "Choice", "Choices": choices, "Default": first}, **made}}


def _lead(state: dict[str, Any], following: str) -> None:
    if state["Type"] == "Choice":
        state.setdefault("Default", following)
    elif "Next" in state:
        state["Next"] = following


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a document, the document itself left out."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in members:
        yield (*above, key)
        yield from places(each, (*above, key))


def at(document: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        document = document[key]
    return document


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Any, Any]:
    """Return a definition with up to four random changes, and an input."""
    document, value = copy.deepcopy(draw(st.sampled_from(definitions())))
    for _ in range(draw(st.integers(0, 4))):
        found = list(places(document))
        if not found:
            break
        mutate(draw, document, draw(st.sampled_from(found)), found)
    return document, draw(inputs) if draw(st.booleans()) else value


def mutate(draw: st.DrawFn, document: Any, place: tuple[Any, ...], found: list[tuple[Any, ...]]) -> None:
    """Change what stands at a place."""
    holder, key = at(document, place[:-1]), place[-1]
    match draw(st.sampled_from(["word", "value", "delete", "copy", "rename", "add", "swap", "wrap"])):
        case "word":
            holder[key] = draw(words | st.sampled_from(NUMBERS))
        case "value":
            holder[key] = draw(anything)
        case "delete":
            del holder[key]
        case "copy":
            holder[key] = copy.deepcopy(at(document, draw(st.sampled_from(found))))
        case "rename" if isinstance(holder, dict):
            holder[draw(keys)] = holder.pop(key)
        case "add" if isinstance(holder[key], dict):
            holder[key][draw(keys)] = draw(anything | templates | expressions)
        case "swap" if isinstance(holder, dict):
            other = draw(st.sampled_from(sorted(holder)))
            holder[key], holder[other] = holder[other], holder[key]
        case _:
            holder[key] = draw(st.sampled_from([[holder[key]], {"a": holder[key]}, {"a.$": holder[key]}]))


@st.composite
def broken_texts(draw: st.DrawFn) -> str:
    """Return the text of a definition that was cut, spliced or scribbled into."""
    text = json.dumps(draw(st.sampled_from(definitions()))[0], indent=draw(st.sampled_from([None, 1])))
    first, last = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    scribble = draw(st.text(max_size=5) | st.sampled_from(['"', "{", "}", ",", "NaN", "1e999", "\\u00", "'", "[" * 50]))
    return draw(st.sampled_from([text[:first], text[:first] + scribble + text[first:], text[:first] + text[last:]]))


texts = st.text(max_size=40) | st.text('{}[]":,\\ntrufals0123.eE-+ \n\t', max_size=40) | broken_texts()
objects = st.fixed_dictionaries(
    {}, optional={"go": names, "a": inputs, "list": st.lists(inputs, max_size=3), "ü": inputs, "a b": inputs}
)
machines = st.tuples(graphs().map(renamed), objects | inputs)
