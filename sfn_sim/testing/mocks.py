"""Mocks: what functions, resources and states answer in a test, call by call.

    mocks = Mocks()
    charge = mocks.add("charge", [fail("Gateway.Busy"), ok({"receipt": "R1"}, takes=2)])
    machine.run({"id": 7}, mocks=mocks)
    charge.calls        # what it was given, as the handler would have seen it
    mocks.problems()    # answers that nobody asked for

A target is a function's name, a Resource's ARN, or a state's name ("state:Charge" where a function is called so, too).
A list is a sequence, one answer for each call, and has to be used up; anything else answers every call. A task on a
resource that sfn-sim does not carry out runs when a mock answers for it, with AWS's events.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfn_sim import clock
from sfn_sim.analysis.contracts import Contract
from sfn_sim.definition.model import TaskState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import FixtureError, MockError
from sfn_sim.payload import Json, dumps, encode_to_keep, loads
from sfn_sim.query.shapes import Shape, describe, fits
from sfn_sim.run.effects import AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.services.executors import ClosableExecutor
from sfn_sim.services.lambda_functions import function_name
from sfn_sim.services.responses import PRESENT, STRICT, problem_of, unknown_member

_STATE = "state:"
_INTEGRATION = "arn:aws:states:"
_INVOKE = "arn:aws:states:::lambda:invoke"
_SHOWN = 200
ANYBODY = "*"
"""Stands for a target whose name nobody knows before the run."""


@dataclass(frozen=True, slots=True)
class Ok:
    """An answer: a value.

    Attributes:
        value: what is answered.
        takes: how long that takes, in seconds of virtual time.
        whole: whether the value is the whole result of lambda:invoke, and not what the function answered.
    """

    value: Any
    takes: float = 0.0
    whole: bool = False

    def __post_init__(self) -> None:
        _check_takes(self.takes)


@dataclass(frozen=True, slots=True)
class Fail:
    """An answer: an error by its name, with AWS's cause; `takes` and `whole` are as in `Ok`."""

    error: str
    cause: str | None = ""
    takes: float = 0.0
    whole: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.error, str):
            name = getattr(self.error, "__name__", "Error.Name")
            raise MockError(f"fail({self.error!r}): an error is named by a text, such as fail({name!r})")
        if not isinstance(self.cause, str | None):
            raise MockError(f"fail({self.error!r}, {self.cause!r}): a cause is a text; json.dumps(…) makes one of it")
        _check_takes(self.takes)


def ok(value: Any = None, takes: float = 0.0) -> Ok:
    """Return an answer that is a value, after so many seconds of virtual time.

    Raises:
        MockError: `takes` is no number of seconds.
    """
    return Ok(value, takes)


def fail(error: str, cause: str = "", takes: float = 0.0) -> Fail:
    """Return an answer that is an error, as Step Functions names it, after so many seconds of virtual time.

    Raises:
        MockError: the error's name or the cause is no text, or `takes` no number of seconds.
    """
    return Fail(error, cause, takes)


class Mock:
    """What one target answers, and what it was asked.

    Attributes:
        name: the target.
        calls: what it was given, call by call.
        answers: its answers: a list is a sequence; None for a spy.
        answers_may_be_left: whether a list need not be used up.
    """

    def __init__(self, name: str, answers: Any = None, *, spies: bool = False) -> None:
        self.name = name
        self.calls: list[Any] = []
        self.answers = list(answers) if isinstance(answers, list | tuple) else answers
        self.spies = spies
        self.answers_may_be_left = False

    def __repr__(self) -> str:
        return f"Mock({self.name!r}, {len(self.calls)} calls)"

    @property
    def call_count(self) -> int:
        """How often it was called."""
        return len(self.calls)

    def asked(self, given: Json, where: str) -> Any:
        """Note a call and return the answer to it.

        Raises:
            MockError: its answers are used up.
        """
        self.calls.append(given)
        if not isinstance(self.answers, list):
            return self.answers
        number = len(self.calls)
        if number > len(self.answers):
            had = f"its {len(self.answers)} answers are" if len(self.answers) != 1 else "its one answer is"
            raise MockError(
                f"the mock of {self.name} was called {number} times, and {had} used up. Call {number} came from "
                f"{where} with {_brief(given)}. Give it one answer more, or a single answer (no list) for every call"
            )
        return self.answers[number - 1]

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with it at the end of a test."""
        if self.answers_may_be_left:
            return
        if isinstance(self.answers, list) and len(self.calls) < len(self.answers):
            left, count = len(self.answers) - len(self.calls), len(self.answers)
            yield (
                f"the mock of {self.name} has {count} answers and was called {len(self.calls)} times: "
                f"{left} {'was' if left == 1 else 'were'} never asked for"
            )


@dataclass
class Mocks:
    """All mocks of one test.

    Attributes:
        found: the mocks by what they are found by.
        broken: what went wrong when they were asked.
        contracts: tells the contracts of a function, which its mock must keep; nobody knows any by default.
        targets: what the machines that were run may be answered for: their functions, resources and states; ANYBODY
            among them where a function's name is made while the machine runs.
    """

    found: dict[str, Mock] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    contracts: Callable[[str], Sequence[Contract]] | None = None
    targets: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.found)

    def add(self, target: str, answers: Any = None) -> Mock:
        """Answer for a target from now on; a second mock of a target takes the place of the first."""
        mock = self.found[_key(target)] = Mock(target, answers)
        return mock

    def spy(self, target: str) -> Mock:
        """Note the calls of a target that its real handler answers."""
        mock = self.found[_key(target)] = Mock(target, spies=True)
        return mock

    @classmethod
    def read(cls, table: Mapping[str, Any], file: Path) -> Mocks:
        """Return the mocks of a fixture's `[mocks]`: by target a value, or a list of answers, one for each call.

        An answer is `{return = VALUE}` or `{throw = "Error", cause = "…"}`, each with `takes = SECONDS` if it lasts.

        Raises:
            FixtureError: an answer is neither.
        """
        mocks = cls()
        for target, answers in table.items():
            if not isinstance(answers, list):
                mocks.add(target, answers)
                continue
            mocks.add(target, [_read(each, f"{file}: mocks.{target}[{n}]") for n, each in enumerate(answers)])
        return mocks

    def record(self, run: str) -> Mocks:
        """Answer as a recorded or imported run did, state by state; `run` names it as `sfn-sim runs` does.

        Raises:
            ConfigurationError: there is no such run.
        """
        from sfn_sim.runs import find_run
        from sfn_sim.services.recorded import recorded_calls

        answers: dict[str, list[Any]] = {}
        for place, call in sorted(recorded_calls(find_run(run).execution).items()):
            if call.ended:
                answers.setdefault(place.path, []).append(_as_recorded(call))
        for path, each in answers.items():
            self.add(f"{_STATE}{path}", each)
        return self

    def problems(self) -> list[str]:
        """Return what is wrong with the mocks at the end of a test, by name; empty when all is well."""
        return [
            *self.broken, *(problem for mock in self.found.values() for problem in mock.problems()), *self.nobodys(),
        ]  # fmt: skip

    def over_those(self, others: Mocks) -> Mocks:
        """Return these mocks over others: what goes wrong is noted here, and those need not answer what these do."""
        others.found = {key: mock for key, mock in others.found.items() if key not in self.found}
        others.targets = self.targets
        return Mocks({**others.found, **self.found}, self.broken, self.contracts, self.targets)

    def known_to(self, states: Iterable[PlannedState]) -> None:
        """Note what the states of a machine that is run may be answered for."""
        for state in (each.state for each in states):
            self.targets.add(state.name)
            if isinstance(state, TaskState):
                self.targets |= _targets_of(state)

    def nobodys(self) -> Iterator[str]:
        """Yield the mocks that were never asked, and that no machine of the test could have asked."""
        for key, mock in self.found.items():
            name = _last(key.removeprefix(_STATE))
            if mock.calls or mock.answers_may_be_left or not self.targets or {key, name, ANYBODY} & self.targets:
                continue
            near = get_close_matches(name, sorted(self.targets), 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(self.targets))}"
            yield f"the mock of {mock.name} is for nobody: no function, resource or state is called so; {hint}"

    def covers(self, state: str, function: str) -> bool:
        """Tell whether a call of a function from a state needs no handler."""
        mock = self.of(state, function)
        return mock is not None and not mock.spies

    def answers(self, path: str, resource: str) -> bool:
        """Tell whether a mock answers for a task that calls no function."""
        mock = self.of(path, resource)
        return mock is not None and not mock.spies

    def of(self, path: str, function: str) -> Mock | None:
        """Return the mock that answers a call, by its place or its state before what it calls."""
        name = _last(path)
        for key in (f"{_STATE}{path}", f"{_STATE}{name}", _key(function), name):
            mock = self.found.get(key)
            if mock is not None:
                return mock
        return None

    def over(self, real: ClosableExecutor, start: datetime) -> ClosableExecutor:
        """Return an executor in which these mocks answer before the real one is asked."""
        return _MockExecutor(self, real, round(start.timestamp() * 1000) * 1_000_000)


class _MockExecutor:
    """Answers calls by mocks; the rest goes to the real executor."""

    def __init__(self, mocks: Mocks, real: ClosableExecutor, start_ns: int) -> None:
        self._mocks = mocks
        self._real = real
        self._start_ns = start_ns

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Return the outcomes in the order of the calls.

        Raises:
            MockError: a mock's answers are used up, or it answers what cannot be.
        """
        found = [self._answered(call, now_ms) for call in calls]
        left = [call for call, outcome in zip(calls, found, strict=True) if outcome is None]
        real = iter(self._real.run(left, now_ms) if left else ())
        return [outcome if outcome is not None else next(real) for outcome in found]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service."""
        return self._real.call(call, now_ms)

    def close(self) -> None:
        """Let go of the real executor."""
        self._real.close()

    def _answered(self, call: Invoke, now_ms: int) -> Outcome | None:
        path = str(call.identity[1])
        mock = self._mocks.of(path, call.function)
        if mock is None:
            return None
        given = _event(call.payload)
        if mock.spies:
            mock.calls.append(given)
            return None
        try:
            answer = mock.asked(given, path)
            return self._outcome(mock, answer, call, now_ms)
        except MockError as error:
            self._mocks.broken.append(str(error))
            raise

    def _outcome(self, mock: Mock, answer: Any, call: Invoke, now_ms: int) -> Outcome:
        invocation = clock.Invocation(mock.name, self._start_ns + now_ms * 1_000_000)
        with clock.working_for(invocation):
            said = settled(answer, _event(call.payload))
        takes = said.takes if isinstance(said, Ok | Fail) else 0.0
        took_ms = invocation.took_ms + round(takes * 1000)
        if isinstance(said, Fail):
            return Outcome(None, said.error, said.cause, took_ms, whole=said.whole)
        if isinstance(said, BaseException):
            return Outcome(None, *_thrown(said, call), took_ms, whole=True)
        return Outcome(self._encoded(mock, said.value, call, said.whole), took_ms=took_ms, whole=said.whole)

    def _encoded(self, mock: Mock, answer: Any, call: Invoke, whole: bool) -> bytes:
        try:
            value = loads(json.dumps(answer, ensure_ascii=False, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise MockError(f"the mock of {mock.name} answers what is not JSON: {error}") from None
        if call.function.startswith(_INTEGRATION):
            # Step Functions Local takes a response that lacks something; TestState, by default, does not.
            problem = problem_of(call.function, value, PRESENT if whole else STRICT)
            if problem is None and not whole:
                problem = unknown_member(call.function, value)
            if problem is not None:
                raise MockError(f"the mock of {mock.name} answers what {call.function} never does: {problem}")
        elif not whole and self._mocks.contracts is not None:
            self._check_contract(mock, value, call.function)
        return encode_to_keep(value)

    def _check_contract(self, mock: Mock, value: Json, function: str) -> None:
        assert self._mocks.contracts is not None
        for contract in self._mocks.contracts(function):
            if not contract.is_learned and not fits(value, contract.result):
                raise MockError(
                    f"the mock of {mock.name} answers what its handler never does by its {contract.source} "
                    f"({contract.file}): {_misfit(value, contract.result)}"
                )


def _misfit(value: Json, shape: Shape) -> str:
    """Return in a few words where a value does not fit a shape: the key that lacks or differs, or the whole."""
    if isinstance(value, dict):
        for key, each in shape.fields.items():
            if each.required and key not in value:
                return f"it lacks {key}"
            if key in value and not fits(value[key], each.shape):
                return f"{key} is {_brief(value[key])}, and not {describe(each.shape)}"
        extra = next((key for key in value if key not in shape.fields), None)
        if extra is not None:
            return f"it has {extra}, which the handler never gives"
    return f"it is {_brief(value)}, and not {describe(shape)}"


def _check_takes(takes: Any) -> None:
    """Refuse what is no length of time: a negative one would set the virtual clock back."""
    if isinstance(takes, bool) or not isinstance(takes, int | float) or not 0 <= takes < math.inf:
        raise MockError(f"takes={takes!r}: an answer takes a number of seconds, 0 or more")


def _read(answer: Any, where: str) -> Ok | Fail:
    known = isinstance(answer, dict) and (
        {"return"} <= answer.keys() <= {"return", "takes"} or {"throw"} <= answer.keys() <= {"throw", "cause", "takes"}
    )
    if not known or not isinstance(answer.get("takes", 0), int | float):
        raise FixtureError(
            f'{where}: an answer is {{return = VALUE}} or {{throw = "Error", cause = "…"}}; both may have takes'
        )
    try:
        takes = float(answer.get("takes", 0))
        if "return" in answer:
            return Ok(answer["return"], takes)
        return Fail(str(answer["throw"]), str(answer.get("cause", "")), takes)
    except MockError as error:
        raise FixtureError(f"{where}: {error}") from None


def _key(target: str) -> str:
    """Return what a target is found by: functions by their bare names, whatever their ARN."""
    if not isinstance(target, str):
        raise MockError(f"a mock answers for a function's name, a Resource's ARN or a state's name, and not {target!r}")
    if target.startswith((_STATE, _INTEGRATION)):
        return target
    return function_name(target)


def _targets_of(state: TaskState) -> set[str]:
    """Return what a task calls, as mocks are found by it."""
    found = {_key(state.resource)}
    if state.resource.startswith(_INVOKE):
        given = state.flow.parameters
        name = given.get("FunctionName") if isinstance(given, dict) else None
        found.add(_key(name) if isinstance(name, str) and not name.startswith("{%") else ANYBODY)
    return found


def _last(path: str) -> str:
    """Return the name of the state at a place: what stands after the last item or branch."""
    return path.removeprefix(_STATE).rpartition("].")[2]


def _event(payload: bytes) -> Any:
    try:
        return loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def settled(answer: Any, event: Any) -> Ok | Fail | BaseException:
    """Return what an answer comes to for an event: a callable is called, a plain value is one that takes no time."""
    if callable(answer) and not isinstance(answer, type):
        try:
            answer = _called(answer, event)
        except Exception as error:
            return error
    if isinstance(answer, type) and issubclass(answer, BaseException):
        answer = answer()
    return answer if isinstance(answer, Ok | Fail | BaseException) else Ok(answer)


def _thrown(error: BaseException, call: Invoke) -> tuple[str, str]:
    """Return an exception's error name and cause, as Lambda tells of an exception of a handler."""
    name = type(error).__name__
    if call.function.startswith(_INTEGRATION):
        return name, str(error)
    return name, dumps({"errorMessage": str(error), "errorType": name})


def _called(function: Callable[..., Any], event: Any) -> Any:
    """Call an answer with the event, and with None as its context where it takes two arguments."""
    try:
        takes_context = len([
            each for each in inspect.signature(function).parameters.values()
            if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        ]) > 1  # fmt: skip
    except (TypeError, ValueError):
        takes_context = False
    return function(event, None) if takes_context else function(event)


def _as_recorded(call: Any) -> Ok | Fail:
    takes = (call.took_ms + (call.answer_ms if call.waited else 0)) / 1000
    if call.timed_out:
        return Fail("States.Timeout", None, takes)
    if call.failed:
        return Fail(call.error or "", call.cause, takes)
    return Ok(call.result, takes)


def _brief(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
