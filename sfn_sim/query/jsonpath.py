"""Paths: AWS's dialect of JSONPath, compiled once.

A definite path (names and indices only) becomes a plain accessor and gives one value; any other path gives a
list. Null is a value; a path that leads nowhere is an error with Jayway's words, which AWS prints as they
are.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from sfn_sim import payload
from sfn_sim.payload import Json
from sfn_sim.query.expression import PathError, PlaceError, Reference, Scope, SyntaxProblem
from sfn_sim.query.path_syntax import Names, ParsedPath, Token, fragment, parse
from sfn_sim.query.selection import compile_selection, not_an_array, refusal

Evaluate: TypeAlias = Callable[[Json, Scope], Json]
Steps: TypeAlias = tuple[str | int, ...]


class Path:
    """A compiled path.

    Attributes:
        text: the path as written.
        root: "$", "$$" (Context Object) or "$name" (variable).
        steps: the leading names and indices; all of them if the path is definite.
        definite: whether the path consists of names and indices only.
        references: what it reads.
        evaluate: returns the value, given the data that `$` stands for and the scope. Raises PathError.
    """

    __slots__ = ("definite", "evaluate", "references", "root", "steps", "text")

    def __init__(self, text: str, parsed: ParsedPath) -> None:
        self.text = text
        self.root = parsed.root
        self.steps = _definite_steps(parsed.tokens)
        self.definite = len(self.steps) == len(parsed.tokens)
        self.references: tuple[Reference, ...] = (Reference(self.root, self.steps, text),)
        read = self._definite_reader() if self.definite else self._selecting_reader(parsed.tokens)
        self.evaluate: Evaluate = _from_root(self, read)

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    def _definite_reader(self) -> Evaluate:
        return _READERS[min(len(self.steps), 4) if _names_only(self.steps) else 4](self)

    def _selecting_reader(self, tokens: tuple[Token, ...]) -> Evaluate:
        rest = tokens[len(self.steps) :]
        select = compile_selection(rest)
        merges = len(rest) == 1 and isinstance(rest[0], Names)
        at = "$" + "".join(map(fragment, self.steps))
        prefix = self.steps

        def read(data: Json, _: Scope) -> Json:
            taken, value = _walk(prefix, data)
            if taken < len(prefix):
                # Source: recorded: json_path_array_wildcard_or_slice_with_no_input: no parent, no items.
                if merges:
                    raise _lost(self, data)
                return []
            if message := refusal(rest, value, at):
                raise PathError(self.text, message, taken, value, prefix)
            found = select([value], data)
            return found[0] if merges else found

        return read


@cache
def compile_path(text: str) -> Path:
    """Compile a path; equal texts give the same object.

    Raises:
        SyntaxProblem: not a path, or one with a feature that AWS or sfn-sim does not have.
    """
    return Path(text, parse(text))


def _definite_steps(tokens: Iterable[Token]) -> Steps:
    steps: list[str | int] = []
    for token in tokens:
        if not isinstance(token, str | int):
            break
        steps.append(token)
    return tuple(steps)


def _names_only(steps: Steps) -> bool:
    return all(isinstance(step, str) for step in steps)


def _from_root(path: Path, read: Evaluate) -> Evaluate:
    """Return `read` applied to what the path's root stands for."""
    if path.root == "$":
        return read
    if path.root == "$$":
        return lambda _, scope: read(scope.context(), scope)
    name = path.root[1:]

    def from_variable(_: Json, scope: Scope) -> Json:
        try:
            value = scope.variables[name]
        except KeyError:
            # Source: assumed: AWS refuses a variable that no state assigns when the machine is created.
            raise PathError(path.text, f"No results for path: $['{name}']", 0, None, path.steps) from None
        return read(value, scope)

    return from_variable


def _read_whole(_: Path) -> Evaluate:
    return lambda data, _: data


# A name never selects from a string or null by accident (that is a TypeError), so the plain subscript is safe
# and fastest; what went wrong is worked out afterwards by walking again.
def _read_one(path: Path) -> Evaluate:
    (first,) = path.steps

    def read(data: Any, _: Scope) -> Json:
        try:
            return data[first]  # type: ignore[no-any-return]
        except (KeyError, TypeError):
            raise _lost(path, data) from None

    return read


def _read_two(path: Path) -> Evaluate:
    first, second = path.steps

    def read(data: Any, _: Scope) -> Json:
        try:
            return data[first][second]  # type: ignore[no-any-return]
        except (KeyError, TypeError):
            raise _lost(path, data) from None

    return read


def _read_three(path: Path) -> Evaluate:
    first, second, third = path.steps

    def read(data: Any, _: Scope) -> Json:
        try:
            return data[first][second][third]  # type: ignore[no-any-return]
        except (KeyError, TypeError):
            raise _lost(path, data) from None

    return read


def _read_many(path: Path) -> Evaluate:
    steps = path.steps

    def read(data: Json, _: Scope) -> Json:
        taken, value = _walk(steps, data)
        if taken < len(steps):
            raise _lost(path, data)
        return value

    return read


_READERS = (_read_whole, _read_one, _read_two, _read_three, _read_many)


def _walk(steps: Steps, value: Any) -> tuple[int, Json]:
    """Follow `steps` as far as they lead; return how many were taken and the value reached."""
    for taken, step in enumerate(steps):
        kind = value.__class__
        if kind is dict if step.__class__ is str else kind is list:
            try:
                value = value[step]
            except (KeyError, IndexError):
                return taken, value
        else:
            return taken, value
    return len(steps), value


def _lost(path: Path, root: Json) -> PathError:
    """Return the error of a path whose definite part does not lead anywhere.

    Source: recorded: invalid_jsonpath[…] ("No results for path"), catch_states_runtime ("Missing property in
    path"); AWS's answer to `$.list.length()` ("Property ['length()'] not found in path $['list']",
    awsdocs/aws-step-functions-developer-guide pull request 5); the others are Jayway's.
    """
    taken, value = _walk(path.steps, root)
    step = path.steps[taken]
    at = "$" + "".join(map(fragment, path.steps[:taken]))
    whole = "$" + "".join(map(fragment, path.steps))
    if isinstance(step, int):
        past_the_end = isinstance(value, list)
        message = f"No results for path: {whole}" if past_the_end else not_an_array(step, value, at)
    elif not isinstance(value, dict):
        message = f"Property {fragment(step)} not found in path {at}"
    elif path.definite and taken + 1 == len(path.steps):
        message = f"No results for path: {whole}"
    else:
        message = f"Missing property in path {at}{fragment(step)}"
    return PathError(path.text, message, taken, value, path.steps)


class ReferencePath:
    """A path that names one place, where a value can be put.

    Attributes:
        text: the path as written.
        steps: its names and indices.
        place: returns a new document with a value at that place. Raises PlaceError.
    """

    __slots__ = ("place", "steps", "text")

    def __init__(self, text: str, steps: Steps) -> None:
        self.text = text
        self.steps = steps
        self.place: Callable[[Json, Json], Json] = self._placer()

    def __repr__(self) -> str:
        return f"ReferencePath({self.text!r})"

    def _placer(self) -> Callable[[Json, Json], Json]:
        """Return the function that puts a value here; it shares with the document all that is off the path.

        Source: ASL specification, ResultPath (missing fields are created on the way); AWS's answer for a
        document that is no object is `Unable to apply ReferencePath $.x to input "text"`. That null does not
        become an object, and that an array never grows, is assumed.
        """
        match self.steps:
            case ():
                return lambda _, value: value
            case (str() as first,):

                def place_one(document: Json, value: Json) -> Json:
                    if not isinstance(document, dict):
                        raise self._conflict(document, 0, document)
                    placed = document.copy()
                    placed[first] = value
                    return placed

                return place_one
            case (str() as first, str() as second):

                def place_two(document: Json, value: Json) -> Json:
                    if not isinstance(document, dict):
                        raise self._conflict(document, 0, document)
                    placed = document.copy()
                    if first in document:
                        child = document[first]
                        if not isinstance(child, dict):
                            raise self._conflict(document, 1, child)
                        child = child.copy()
                        child[second] = value
                        placed[first] = child
                    else:
                        placed[first] = {second: value}
                    return placed

                return place_two
            case _:
                return lambda document, value: self._place_from(0, document, document, value)

    def _place_from(self, taken: int, node: Json, document: Json, value: Json) -> Json:
        if taken == len(self.steps):
            return value
        step = self.steps[taken]
        if isinstance(step, int):
            if not isinstance(node, list) or step >= len(node):
                raise self._conflict(document, taken, node)
            items = node.copy()
            items[step] = self._place_from(taken + 1, node[step], document, value)
            return items
        if not isinstance(node, dict):
            raise self._conflict(document, taken, node)
        members = node.copy()
        if step in node or taken + 1 == len(self.steps):
            members[step] = self._place_from(taken + 1, node.get(step), document, value)
        else:
            members[step] = self._place_from(taken + 1, {}, document, value)
        return members

    def _conflict(self, document: Json, taken: int, reached: Json) -> PlaceError:
        message = f"Unable to apply ReferencePath {self.text} to input {payload.dumps(document)}"
        return PlaceError(message, taken, reached)


@cache
def compile_reference_path(text: str) -> ReferencePath:
    """Compile a Reference Path: `$` with names and non-negative indices only.

    Source: ASL specification, Reference Paths.

    Raises:
        SyntaxProblem: not a path, or one that may select several values or reads elsewhere than from `$`.
    """
    parsed = parse(text)
    if parsed.root != "$":
        raise SyntaxProblem(f"a Reference Path begins with $, not with {parsed.root}", 0)
    start = len(parsed.root)
    for token, end in zip(parsed.tokens, parsed.ends, strict=True):
        if not isinstance(token, str | int):
            raise SyntaxProblem("a Reference Path names one place: no *, .., slice, filter or list", start)
        if isinstance(token, int) and token < 0:
            raise SyntaxProblem("a Reference Path has no negative index", start)
        start = end
    return ReferencePath(text, _definite_steps(parsed.tokens))


@dataclass(frozen=True, slots=True)
class Step:
    """How far a path has come: its text so far, how many values that selects, and what they are."""

    text: str
    count: int
    description: str


def explain(path: Path, data: Json, scope: Scope | None = None) -> list[Step]:
    """Return what a path selects after each of its steps, up to the first that leads nowhere.

    `data` stands for the root: the input for `$`; `$$` and variables are read from `scope`.
    """
    scope = scope or Scope(lambda: data, {path.root[1:]: data})
    parsed = parse(path.text)
    ends = [len(path.root)]
    ends += [end for token, end in zip(parsed.tokens, parsed.ends, strict=True) if fragment(token) != ".."]
    walked: list[Step] = []
    for end in ends:
        prefix = compile_path(path.text[:end])
        try:
            value = prefix.evaluate(data, scope)
        except PathError as problem:
            walked.append(Step(prefix.text, 0, problem.message))
            break
        if prefix.definite or not isinstance(value, list):
            walked.append(Step(prefix.text, 1, describe(value)))
        else:
            walked.append(Step(prefix.text, len(value), _describe_all(value)))
    return walked


def describe(value: Json, *, width: int = 60) -> str:
    """Return in a few words what a value is, such as "object {id, lines}", "array of 3" or `"A-1"`."""
    if isinstance(value, dict):
        names = ", ".join(value)
        return f"object {{{names if len(names) <= width else names[: width - 1] + '…'}}}"
    if isinstance(value, list):
        return f"array of {len(value)}"
    text = payload.dumps(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def _describe_all(values: list[Json], *, shown: int = 3) -> str:
    parts = [describe(value, width=30) for value in values[:shown]]
    return ", ".join(parts + ["…"] * (len(values) > shown)) or "nothing"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `name` was most likely meant to be, or None if none is near."""
    names = list(candidates)
    for candidate in names:
        if candidate.casefold() == name.casefold():
            return candidate
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return close[0] if close else None
