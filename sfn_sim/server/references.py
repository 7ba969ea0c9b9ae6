"""Which workflow variables each state of a definition reads: `variableReferences` of DescribeStateMachine.

Source: API reference, DescribeStateMachine, variableReferences; recorded: sfn_api_variable_references.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sfn_sim.payload import Json

_GRAPHS = frozenset(("Branches", "ItemProcessor", "Iterator"))
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PATH_VARIABLE = re.compile(r"(?<![\w$])\$([A-Za-z_]\w*)")
_JSONATA = re.compile(r"\{%(.*)%\}", re.DOTALL)
_CALL_OR_BINDING = re.compile(r"\$([A-Za-z_]\w*)\s*(?:\(|:=)")
_PARAMETERS = re.compile(r"function\s*\(([^)]*)\)")


def variable_references(definition: str) -> dict[str, list[str]]:
    """Return the names that each state reads, in alphabetical order; states that read none are left out."""
    machine: dict[str, Any] = json.loads(definition)
    return dict(_of_graph(machine, machine.get("QueryLanguage", "JSONPath")))


def _of_graph(graph: dict[str, Any], language: str) -> Iterator[tuple[str, list[str]]]:
    for name, state in graph.get("States", {}).items():
        own = state.get("QueryLanguage", language)
        find = _in_jsonata if own == "JSONata" else _in_path
        fields = {key: value for key, value in state.items() if key not in _GRAPHS}
        names = {each for text in _texts(fields, "", own) for each in find(text)}
        if names:
            yield name, sorted(names)
        for branch in state.get("Branches", []):
            yield from _of_graph(branch, language)
        for key in ("ItemProcessor", "Iterator"):
            if key in state:
                yield from _of_graph(state[key], language)


def _texts(value: Json, key: str, language: str) -> Iterator[str]:
    """Yield the strings that are expressions: by the name of their field, or by their marks."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, name, language)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, key, language)
    elif isinstance(value, str):
        if language == "JSONata":
            match = _JSONATA.fullmatch(value.strip())
            if match:
                yield match[1]
        elif key.endswith((".$", "Path")) or key == "Variable":
            yield value


def _in_path(text: str) -> set[str]:
    return set(_PATH_VARIABLE.findall(_QUOTED.sub("", text)))


def _in_jsonata(text: str) -> set[str]:
    bare = _QUOTED.sub("", text)
    bound = set(_CALL_OR_BINDING.findall(bare))
    for parameters in _PARAMETERS.findall(bare):
        bound |= set(_PATH_VARIABLE.findall(parameters))
    return set(_PATH_VARIABLE.findall(bare)) - bound - {"states"}
