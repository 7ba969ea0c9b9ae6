"""A whole machine in JSONata; where states have no equivalent, a JSONPath machine with the others in JSONata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfn_sim.convert.code import NoEquivalent, Notes
from sfn_sim.convert.states import converted
from sfn_sim.definition.fields import JSONATA
from sfn_sim.payload import Json
from sfn_sim.source import escape


@dataclass(frozen=True, slots=True)
class ConvertedState:
    """What became of a state.

    Attributes:
        name: its name; `pointer` its JSON pointer.
        became: "converted"; "kept" if it stays in JSONPath; "same" if it was in JSONata before.
        field: for one that is kept, the field that has no equivalent, and `why`.
        notes: where the two languages differ for some data.
    """

    name: str
    pointer: str
    became: str
    field: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Converted:
    """A machine written anew, and what became of each of its states, in the order of the definition."""

    document: Json
    states: tuple[ConvertedState, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every state is in JSONata now."""
        return all(each.became != "kept" for each in self.states)


def convert(document: Mapping[str, Json], *, guarded: bool = True) -> Converted:
    """Write a machine anew in JSONata.

    Args:
        document: a valid definition, as JSON.
        guarded: whether paths that lead nowhere, and values of unlike types, are met as JSONPath meets them; without
            it the expressions are shorter, and an execution that failed in JSONPath may go on.
    """
    whole = document.get("QueryLanguage") == JSONATA
    told = tuple(_told(document, "", guarded, whole))
    kept = {each.pointer for each in told if each.became == "kept"}
    made = _graph(document, "", guarded, kept, whole, every=not kept)
    if not kept:
        first = {name: made.pop(name) for name in ("Comment",) if name in made}
        made = {**first, **{name: each for name, each in made.items() if name == "Version"}, "QueryLanguage": JSONATA,
                **{name: each for name, each in made.items() if name not in ("QueryLanguage", "Version")}}  # fmt: skip
    return Converted(made, told)


def _states(graph: Mapping[str, Json], pointer: str) -> Iterator[tuple[str, str, dict[str, Json]]]:
    states = graph.get("States")
    if isinstance(states, dict):
        for name, state in states.items():
            if isinstance(state, dict):
                yield name, f"{pointer}/States/{escape(name)}", state


def _inner(state: Mapping[str, Json], pointer: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield the graphs inside a state."""
    for name in ("ItemProcessor", "Iterator"):
        graph = state.get(name)
        if isinstance(graph, dict):
            yield f"{pointer}/{name}", graph
    branches = state.get("Branches")
    if isinstance(branches, list):
        for index, branch in enumerate(branches):
            if isinstance(branch, dict):
                yield f"{pointer}/Branches/{index}", branch


def _is_jsonata(state: Mapping[str, Json], whole: bool) -> bool:
    return whole or state.get("QueryLanguage") == JSONATA


def _told(graph: Mapping[str, Json], pointer: str, guarded: bool, whole: bool) -> Iterator[ConvertedState]:
    for name, at, state in _states(graph, pointer):
        if _is_jsonata(state, whole):
            yield ConvertedState(name, at, "same")
        else:
            notes = Notes(guarded)
            try:
                converted(state, notes)
            except NoEquivalent as problem:
                yield ConvertedState(name, at, "kept", problem.args[1], problem.args[0])
            else:
                yield ConvertedState(name, at, "converted", notes=tuple(notes.told))
        for below, inner in _inner(state, at):
            yield from _told(inner, below, guarded, whole)


def _graph(
    graph: Mapping[str, Json], pointer: str, guarded: bool, kept: set[str], whole: bool, *, every: bool
) -> dict[str, Json]:
    states = {
        name: _state(state, at, guarded, kept, whole, every=every) for name, at, state in _states(graph, pointer)
    }
    made: dict[str, Json] = {**graph}
    made["States"] = dict(states)
    return made


def _state(
    state: Mapping[str, Json], pointer: str, guarded: bool, kept: set[str], whole: bool, *, every: bool
) -> dict[str, Json]:
    made = dict(state)
    if pointer not in kept and not _is_jsonata(state, whole):
        made = converted(state, Notes(guarded))
        if not every:
            made = {"Type": made["Type"], "QueryLanguage": JSONATA, **made}
    if every:
        made.pop("QueryLanguage", None)
    for name in ("ItemProcessor", "Iterator"):
        graph = made.get(name)
        if isinstance(graph, dict):
            made[name] = _graph(graph, f"{pointer}/{name}", guarded, kept, whole, every=every)
    branches = made.get("Branches")
    if isinstance(branches, list):
        made["Branches"] = [
            _graph(each, f"{pointer}/Branches/{index}", guarded, kept, whole, every=every)
            for index, each in enumerate(branches)
            if isinstance(each, dict)
        ]
    return made
