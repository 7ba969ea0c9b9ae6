"""Values that nobody is to see, replaced before anything is stored or printed.

`redact = ["$..ssn"]` in the configuration names where such values stand. A value that stands there once is replaced
wherever it occurs in the run, under whatever key it was moved to, and inside longer texts; so equal values stay equal
and every size stays what it was. `true`, `false` and `null` say nothing by themselves and stay.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sfn_sim.errors import ConfigurationError
from sfn_sim.payload import Json, dumps
from sfn_sim.query.expression import PathError, Scope, SyntaxProblem
from sfn_sim.query.jsonpath import compile_path
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import DETAILS, Branch, Event, Log, Visit
from sfn_sim.run.map_run import MapRun

KEY = "redaction.key"
_KEY_BYTES = 32
# What a detail of an event may hold of the data; names of states and resources are the definition's.
_OF_THE_DATA = frozenset(("input", "output", "parameters", "error", "cause", "assignedVariables"))
# A shorter text stands inside of others by chance.
_SHORTEST_INSIDE = 4
# A failed child's entry in its Map's result has its Input as JSON text, which may hold a cause that is one.
_LEVELS = 2


def read_key(folder: Path) -> bytes:
    """Return the key that a project's values are replaced under; it is made when there is none.

    The same value gets the same replacement in every run of the project, and nobody without the key can try values.

    Raises:
        ConfigurationError: it cannot be read or made.
    """
    place = folder / KEY
    try:
        if not place.exists():
            made = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(made, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
        return place.read_bytes()
    except FileExistsError:
        return place.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot make the key of redacted values {place}: {error.strerror}") from None


class Redaction:
    """Replaces the values of one run that stand at some paths.

    Args:
        paths: JSONPaths, read from every value of the run.
        key: what the replacements are made under.

    Raises:
        ConfigurationError: one of the paths is none.
    """

    def __init__(self, paths: Sequence[str], key: bytes) -> None:
        self._paths = []
        for text in paths:
            try:
                self._paths.append(compile_path(text))
            except SyntaxProblem as problem:
                raise ConfigurationError(f"redact: {text!r} is not a JSONPath: {problem.message}") from None
        self._key = key
        self._secrets: dict[tuple[type, Json], Json] = {}
        self._inside: re.Pattern[str] | None = None
        self._texts: dict[str, str] = {}
        self._done: dict[int, tuple[Json, Json]] = {}

    @property
    def count(self) -> int:
        """How many different values have been replaced."""
        return len(self._secrets)

    def notes(self) -> tuple[str, ...]:
        """Return what is to be noted of a run whose values were replaced."""
        if not self._secrets:
            return ()
        many = f"{self.count} value{'s' * (self.count != 1)}"
        return (f"redacted: {many} at {', '.join(each.text for each in self._paths)} and wherever else they stood",)

    def execution(self, execution: Execution) -> Execution:
        """Return a run with its values replaced; the run itself stays as it is."""
        looked: dict[int, Json] = {}
        for value in _values(execution):
            if isinstance(value, dict | list) and id(value) not in looked:
                looked[id(value)] = value
                self._look(value)
        secrets = [str(v) for k, v in self._secrets if k is str and len(str(v)) >= _SHORTEST_INSIDE]
        numbers = {dumps(v): dumps(made) for (k, v), made in self._secrets.items() if k is not str}
        numbers = {text: made for text, made in numbers.items() if len(text) >= _SHORTEST_INSIDE}
        self._texts = numbers | {form: self._letters(each, _size(form)) for each in secrets for form in _forms(each)}
        forms = {each: re.escape(each) for each in self._texts}
        # A number is not looked for among the digits of a longer one.
        forms |= {each: rf"(?<!\d)(?<!\d\.){re.escape(each)}(?!\.?\d)" for each in numbers}
        longest = sorted(forms, key=len, reverse=True)
        self._inside = re.compile("|".join(forms[each] for each in longest)) if longest else None
        return self._execution(execution)

    def value(self, value: Json) -> Json:
        """Return a value with what is to be hidden replaced."""
        if isinstance(value, dict | list):
            known = self._done.get(id(value))
            if known is not None:
                return known[1]
            made: Json
            if isinstance(value, dict):
                made = {key: self.value(each) for key, each in value.items()}
            else:
                made = [self.value(each) for each in value]
            # Nothing is copied that has nothing to hide, so that what was one object stays one.
            if made == value:
                made = value
            self._done[id(value)] = (value, made)
            return made
        if isinstance(value, str):
            return self.text(value)
        return self._secrets.get((type(value), value), value)

    def text(self, text: str) -> str:
        """Return a text with what is to be hidden replaced."""
        whole = self._secrets.get((str, text))
        if isinstance(whole, str):
            return whole
        if self._inside is None:
            return text
        return self._inside.sub(lambda found: self._texts[found[0]], text)

    def _look(self, value: Json) -> None:
        for path in self._paths:
            try:
                found = path.evaluate(value, _NOTHING)
            except PathError:
                continue
            for each in _scalars(found):
                if isinstance(each, bool) or each is None or each == "":
                    continue
                kind = (type(each), each)
                if kind not in self._secrets:
                    self._secrets[kind] = self._replacement(each)

    def _replacement(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._letters(value, _size(value))
        if isinstance(value, int):
            digits = self._digits(str(abs(value)))
            return int(digits) * (-1 if value < 0 else 1)
        text = repr(value)
        mantissa, mark, exponent = text.partition("e")
        return float(f"{self._digits(mantissa)}{mark}{exponent}")

    def _letters(self, text: str, size: int) -> str:
        made = ""
        while len(made) < size:
            counted = f"{len(made)}:{text}".encode("utf-8", "surrogatepass")
            made += hmac.new(self._key, counted, hashlib.sha256).hexdigest()
        return made[:size]

    def _digits(self, text: str) -> str:
        """Replace the digits of a number; none of them becomes 0, so that the number keeps its length."""
        drawn = iter(self._letters(text, len(text)))
        return "".join(str(int(next(drawn), 16) % 9 + 1) if each.isdigit() else each for each in text)

    def _execution(self, execution: Execution) -> Execution:
        detail = execution.detail
        if detail is not None:
            detail = dataclasses.replace(
                detail, value=self.value(detail.value), reached=self.value(detail.reached),
                message=self.text(detail.message),
            )  # fmt: skip
        return dataclasses.replace(
            execution,
            input=self.value(execution.input),
            output=self.value(execution.output),
            error=self.words(execution.error),
            cause=self.words(execution.cause),
            input_text=self.words(execution.input_text),
            detail=detail,
            log=self._log(execution.log),
        )

    def _log(self, log: Log) -> Log:
        made = Log(None)
        made.events = [self._event(each) for each in log.events]
        branches: dict[int, Branch] = {}
        made.visits = [self._visit(each, branches) for each in log.visits]
        made.now_ms = log.now_ms
        made.tokens = log.tokens
        made.map_runs = [self._map_run(each) for each in log.map_runs]
        return made

    def _event(self, event: Event) -> Event:
        number, previous, at_ms, kind, details = event
        names = DETAILS[kind][1]
        values = (self.value(v) if n in _OF_THE_DATA else v for n, v in zip(names, details, strict=False))
        return number, previous, at_ms, kind, tuple(values)

    def _visit(self, visit: Visit, branches: dict[int, Branch]) -> Visit:
        made = copy.copy(visit)
        made.branch = self._branch(visit.branch, branches)
        made.stages = [(name, self.value(value)) for name, value in visit.stages]
        made.output = self.value(visit.output)
        if visit.assigned is not None:
            made.assigned = {name: self.value(value) for name, value in visit.assigned.items()}
        if visit.error is not None:
            made.error = (self.words(visit.error[0]), self.words(visit.error[1]))
        made.printed = tuple((request, self.text(text)) for request, text in visit.printed)
        return made

    def _branch(self, branch: Branch, branches: dict[int, Branch]) -> Branch:
        known = branches.get(id(branch))
        if known is None:
            made = branches[id(branch)] = copy.copy(branch)
            made.outer = self._branch(branch.outer, branches) if branch.outer is not None else None
            if branch.item is not None:
                made.item = (branch.item[0], self.value(branch.item[1]))
            made.scope = Scope(
                branch.scope.context, {name: self.value(value) for name, value in branch.scope.variables.items()}
            )
            known = made
        return known

    def _map_run(self, run: MapRun) -> MapRun:
        children = {}
        for index, child in run.children.items():
            made = copy.copy(child)
            inner = self._execution(child.execution())
            made.input, made.output, made.error, made.cause, made.detail = (
                inner.input, inner.output, inner.error, inner.cause, inner.detail,
            )  # fmt: skip
            setattr(made, "log", inner.log)  # noqa: B010  # a child's own kind of log only knows the time by its parent
            children[index] = made
        return dataclasses.replace(run, children=children, cause=self.words(run.cause))

    def words(self, text: str | None) -> str | None:
        """Return an error or a cause, which may be missing, with what is to be hidden replaced."""
        return None if text is None else self.text(text)


def _values(execution: Execution) -> Iterator[Any]:
    """Return every value of a run; most of them more than once."""
    yield from (execution.input, execution.output)
    for _, _, _, _, details in execution.log.events:
        yield from details
    for visit in execution.log.visits:
        yield from (value for _, value in visit.stages)
        yield visit.output
    for run in execution.log.map_runs:
        for child in run.children.values():
            yield from _values(child.execution())


def _scalars(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _scalars(each)
    elif isinstance(value, list):
        for each in value:
            yield from _scalars(each)
    else:
        yield value


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _forms(text: str) -> set[str]:
    """Return a text as it stands in others: by itself, in JSON that is text, and in JSON in such JSON."""
    forms = {text}
    for _ in range(_LEVELS):
        forms |= {json.dumps(each, ensure_ascii=ascii_only)[1:-1] for each in forms for ascii_only in (True, False)}
    return forms


_NOTHING = Scope(lambda: None)
