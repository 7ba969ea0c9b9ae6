"""The indefinite part of a path: what may select several values, and so always gives a list.

It follows Jayway step by step: what lacks a member is skipped, an object under a filter is tested itself, and
only a step that stands directly below a definite path may refuse the value that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from sfn_sim.payload import Json
from sfn_sim.query.filters import compile_filter
from sfn_sim.query.java_text import java_text
from sfn_sim.query.path_syntax import Filter, Indices, Names, Scan, Slice, Token, Wildcard, fragment

Step: TypeAlias = Callable[[list[Json], Json], list[Json]]
"""Takes the values selected so far and the whole document; returns the values selected next."""


def compile_selection(tokens: Sequence[Token]) -> Step:
    """Return the tokens' steps as one.

    Raises:
        SyntaxProblem: a filter that cannot be read.
    """
    remaining = iter(tokens)
    steps = [_scan(next(remaining)) if isinstance(token, Scan) else _step(token) for token in remaining]

    def select(values: list[Json], root: Json) -> list[Json]:
        for step in steps:
            values = step(values, root)
        return values

    return select


def refusal(tokens: Sequence[Token], value: Json, at: str) -> str:
    """Return Jayway's message if the first of `tokens` refuses `value`, which stands at path `at`; else "".

    Source: Jayway's tokens; seen on AWS: "Multi properties can only be used as path leafs: $['a', 'b']", and
    "Filter: [0] can only be applied to arrays. Current context is: 1". That a slice below the root refuses
    too is assumed.
    """
    for place, token in enumerate(tokens):
        if isinstance(token, Names) and place + 1 < len(tokens):
            names = ", ".join(f"'{name}'" for name in token.names)
            return f"Multi properties can only be used as path leafs: {at}[{names}]"
    token = tokens[0]
    if isinstance(token, Names) and not isinstance(value, dict):
        return f"Property {fragment(token)} not found in path {at}"
    if isinstance(token, Slice | Indices) and not isinstance(value, list):
        return not_an_array(token, value, at)
    if isinstance(token, Filter) and not isinstance(value, list | dict):
        return f"Filter: [?] can not be applied to primitives. Current context is: {java_text(value)}"
    return ""


def not_an_array(token: Token, value: Json, at: str) -> str:
    """Return Jayway's message for an index or slice on a value that is no array and stands at path `at`."""
    if value is None:
        return f"The path {at} is null"
    return f"Filter: {fragment(token)} can only be applied to arrays. Current context is: {java_text(value)}"


def _step(token: Token) -> Step:
    match token:
        case str():
            return lambda values, _: [
                each[token] for each in values if isinstance(each, dict) and token in each
            ]
        case int():
            return lambda values, _: _items(values, (token,))
        case Indices(indices):
            return lambda values, _: _items(values, indices)
        case Names(names):
            return lambda values, _: [
                {name: each[name] for name in names if name in each}
                for each in values
                if isinstance(each, dict)
            ]
        case Slice(start, stop):
            return lambda values, _: [
                item for each in values if isinstance(each, list) for item in _slice(each, start, stop)
            ]
        case Wildcard():
            return lambda values, _: [item for each in values for item in _children(each)]
        case Filter(text, offset):
            accept = compile_filter(text, offset)
            return lambda values, root: [
                item
                for each in values
                if isinstance(each, list | dict)
                for item in accept(each if isinstance(each, list) else [each], root)
            ]
        case Scan():
            raise AssertionError("a scan is compiled together with the token after it")


def _slice(items: list[Json], start: int | None, stop: int | None) -> list[Json]:
    """Return a slice of an array.

    Where both ends are given, a negative one does not count from the end of the array as it does alone: `[0:-1]` is
    empty, and `[-1:2]` takes the items at -1, 0 and 1.
    Source: Jayway's ArraySliceToken (sliceFrom, sliceTo, sliceBetween).
    """
    if start is None or stop is None:
        return items[start:stop]
    return _items([items], range(max(start, -len(items)), min(stop, len(items))))


def _items(values: list[Json], indices: Sequence[int]) -> list[Json]:
    return [
        each[index]
        for each in values
        if isinstance(each, list)
        for index in indices
        if -len(each) <= index < len(each)
    ]


def _children(value: Json) -> Sequence[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _scan(token: Token) -> Step:
    step = _step(token)
    # Every object below is met by itself, so a filter that also looked into arrays would find it twice.
    kinds = dict if isinstance(token, Filter | Names) else (dict, list)
    names = token.names if isinstance(token, Names) else ()

    def scan(values: list[Json], root: Json) -> list[Json]:
        return [
            found
            for value in values
            for each in _below(value)
            if isinstance(each, kinds) and all(name in each for name in names)
            for found in step([each], root)
        ]

    return scan


def _below(value: Json) -> Iterator[Json]:
    """Yield `value` and all objects and arrays in it, each before what it holds."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(child for child in reversed(_children(each)) if isinstance(child, dict | list))
