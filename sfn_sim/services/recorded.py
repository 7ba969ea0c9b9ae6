"""What handlers answered in a recorded run, and an executor that answers with it.

A result belongs to its state's place, the how-manieth visit of that place, and the attempt. It is given again where the
same function is called there with the same payload. Where the payload differs, what was recorded is no answer to it:
the call goes to the real handler; if there is none, or none may be called, the recorded result is given all the same,
and that is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sfn_sim.analysis.compare import Difference, differences
from sfn_sim.errors import TIMEOUT, ConfigurationError, MissingHandlerError
from sfn_sim.payload import Json, encode_to_keep, loads
from sfn_sim.run.effects import Answer, AwaitToken, AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import DETAILS, Event
from sfn_sim.services.executors import ClosableExecutor
from sfn_sim.services.lambda_functions import function_name

_FAMILIES = ("LambdaFunction", "Task", "Activity")
_MOST_NOTED = 20
_INTEGRATION = "arn:aws:states:::"
_NOT_KEPT = "the record does not hold this child of a Map Run: the first children are kept, and those that failed"


class Place(NamedTuple):
    """Where a call is made: the execution, the state's place, the how-manieth visit of it, and the attempt."""

    execution: str
    path: str
    visit: int
    attempt: int

    def __str__(self) -> str:
        visit = f", visit {self.visit + 1}" if self.visit else ""
        attempt = f", attempt {self.attempt + 1}" if self.attempt else ""
        return f"{self.path}{visit}{attempt}"


@dataclass(slots=True)
class Recorded:
    """One recorded call.

    Attributes:
        resource: what was called; `payload` what with, where the run has it.
        result: the response; `error` and `cause` how it failed, if it `failed`; `timed_out` whether it was cut off.
        took_ms: how long that took.
        submitted: what the call answered, where the task then waited for its token; `answer_ms` how long it waited.
        ended: whether the run has the end of it.
        at_ms: when it was scheduled; `event` the id of the event that says so.
    """

    resource: str
    payload: Json
    result: Json = None
    error: str | None = None
    cause: str | None = None
    timed_out: bool = False
    failed: bool = False
    took_ms: int = 0
    submitted: Json = None
    waited: bool = False
    answer_ms: int = 0
    ended: bool = False
    at_ms: int = 0
    event: int = 0

    def outcome(self) -> Outcome:
        """Return how the invocation ended."""
        if self.waited:
            return Outcome(encode_to_keep(_response(self.submitted)), took_ms=self.took_ms)
        if self.timed_out:
            return Outcome(None, TIMEOUT, None, self.took_ms)
        if self.failed:
            return Outcome(None, self.error, self.cause, self.took_ms)
        return Outcome(encode_to_keep(self.result), took_ms=self.took_ms)

    def ending(self) -> Outcome:
        """Return how a task on another resource ended as a whole: what it waited for is part of it."""
        took_ms = self.took_ms + (self.answer_ms if self.waited else 0)
        if self.timed_out:
            return Outcome(None, TIMEOUT, None, took_ms)
        if self.failed:
            return Outcome(None, self.error, self.cause, took_ms, whole=True)
        return Outcome(encode_to_keep(self.result), took_ms=took_ms)

    def answer(self) -> Answer:
        """Return what was answered for the task's token."""
        if self.timed_out or not self.ended:
            return Answer(timed_out=True)
        if self.failed:
            return Answer(None, self.error, self.cause)
        return Answer(encode_to_keep(self.result))


def recorded_calls(execution: Execution) -> dict[Place, Recorded]:
    """Return the calls of a run, and of the children of its Map Runs that were kept."""
    found = dict(_of_log(execution))
    for run in execution.map_runs:
        for child in run.children.values():
            found |= recorded_calls(child.execution())
    return found


def executions_of(execution: Execution) -> frozenset[str]:
    """Return the names of a run's own execution and of the children that were kept, at any depth."""
    inner = (executions_of(child.execution()) for run in execution.map_runs for child in run.children.values())
    return frozenset((execution.identity.name,)).union(*inner)


def calls_of(events: Iterable[Event]) -> list[Recorded]:
    """Return the calls of one visit of a state, attempt by attempt, from those of its events that are about them."""
    found: list[Recorded] = []
    for event in events:
        family = next((each for each in _FAMILIES if event[3].startswith(each)), None)
        if family is None or "State" in event[3]:
            continue
        what = event[3].removeprefix(family)
        if what == "Scheduled":
            found.append(_scheduled(event))
        if found:
            _go_on(found[-1], what, event)
    return found


def _of_log(execution: Execution) -> Iterator[tuple[Place, Recorded]]:
    log, name = execution.log, execution.identity.name
    owners: dict[int, Place] = {}
    counts: dict[str, int] = {}
    for visit in log.visits:
        number = counts[visit.path] = counts.get(visit.path, -1) + 1
        owners[visit.entered_event] = Place(name, visit.path, number, -1)
    open_calls: dict[Place, Recorded] = {}
    for event in log.events:
        number, previous, _, kind, _ = event
        family = next((each for each in _FAMILIES if kind.startswith(each)), None)
        if family is None or "State" in kind or previous not in owners:
            continue
        place = owners[previous]
        what = kind.removeprefix(family)
        if what == "Scheduled":
            place = place._replace(attempt=place.attempt + 1)
            open_calls[place] = _scheduled(event)
        if place in open_calls:
            _go_on(open_calls[place], what, event)
        owners[number] = place
    yield from open_calls.items()


def _fields(event: Event) -> dict[str, Any]:
    return dict(zip(DETAILS[event[3]][1], event[4], strict=False))


def _scheduled(event: Event) -> Recorded:
    details = _fields(event)
    parameters = details.get("parameters")
    if event[3] != "TaskScheduled":
        return Recorded(details["resource"], details.get("input"), at_ms=event[2], event=event[0])
    if isinstance(parameters, dict) and isinstance(parameters.get("FunctionName"), str):
        payload = parameters.get("Payload")
        return Recorded(parameters["FunctionName"], {} if payload is None else payload, at_ms=event[2], event=event[0])
    return Recorded(f"{details['resourceType']}:{details['resource']}", parameters, at_ms=event[2], event=event[0])


def _go_on(call: Recorded, what: str, event: Event) -> None:
    details = _fields(event)
    passed = event[2] - call.at_ms
    if what == "Submitted":
        call.submitted, call.waited, call.took_ms = details.get("output"), True, passed
    elif what in ("Succeeded", "Failed", "TimedOut"):
        call.ended, call.timed_out, call.failed = True, what == "TimedOut", what == "Failed"
        call.answer_ms = passed - call.took_ms
        if not call.waited:
            call.took_ms = passed
        call.error, call.cause = details.get("error"), details.get("cause")
        result = details.get("output")
        call.result = result if call.waited or event[3].startswith(("Lambda", "Activity")) else _response(result)


def _response(output: Json) -> Json:
    """Return what a function itself answered, out of the answer of lambda:invoke."""
    return output["Payload"] if isinstance(output, dict) and "Payload" in output else output


@dataclass(slots=True)
class Used:
    """What a replay did with its calls.

    Attributes:
        recorded: how many were answered as recorded.
        real: those that went to real handlers, with why.
        other: those that were answered with what was recorded for another payload, with what differs first.
    """

    recorded: int = 0
    real: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Return what is to be known of the calls."""
        told = [f"called the real handler: {each}" for each in self.real]
        told += [f"recorded for another payload: {each}" for each in self.other]
        counted = Counter(told)
        notes = [f"{each} ({count:,} calls)" if count > 1 else each for each, count in counted.items()][:_MOST_NOTED]
        rest = len(told) - sum(count for _, count in [*counted.items()][:_MOST_NOTED])
        return [*notes, f"and {rest:,} more such calls"] if rest > 0 else notes


class RecordedExecutor:
    """Answers calls as they were answered in a recorded run.

    Args:
        calls: the recorded calls.
        real: carries out what was not recorded; None where no handler may be called.
        has: tells whether there is a handler, or a mock, for a call.
        executions: the names of the executions that the record holds: the run's own, and the children that were kept.
    """

    def __init__(
        self,
        calls: Mapping[Place, Recorded],
        real: ClosableExecutor | None,
        has: Callable[[Invoke], bool],
        executions: frozenset[str],
    ) -> None:
        self._calls = calls
        self._real = real
        self._has = has
        self._executions = executions
        self._visits: dict[tuple[str, str], list[int]] = {}
        self._tokens: dict[str, Recorded | None] = {}
        self.used = Used()

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Return the outcomes in the order of the calls.

        Raises:
            ConfigurationError: a call was not recorded, and no handler may be called.
            MissingHandlerError: a call was not recorded, and there is no handler for it.
        """
        found = [self._recorded(call) for call in calls]
        missing = [call for call, outcome in zip(calls, found, strict=True) if outcome is None]
        real = iter(self._real.run(missing, now_ms) if self._real is not None and missing else ())
        self.used.recorded += len(calls) - len(missing)
        return [outcome if outcome is not None else next(real) for outcome in found]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service, which no run records.

        Raises:
            ConfigurationError: no handler may be called.
        """
        what = f"{call.service}:{call.operation}, which the machine itself calls"
        if self._real is None:
            raise ConfigurationError(f"{what}, is in no recorded run: without --no-handlers it goes to the world")
        self.used.real.append(what)
        return self._real.call(call, now_ms)

    def close(self) -> None:
        """Let go of the real executor."""
        if self._real is not None:
            self._real.close()

    def waiting(self, effect: AwaitToken) -> Recorded | None:
        """Return the recorded task that a token stands for: the next one of its state; None if there is no more."""
        if effect.token not in self._tokens:
            taken = {id(each) for each in self._tokens.values()}
            left = [
                call
                for place, call in sorted(self._calls.items())
                if place.path == effect.caller
                and (call.waited or effect.activity is not None)
                and id(call) not in taken
            ]
            self._tokens[effect.token] = left[0] if left else None
        return self._tokens[effect.token]

    def place(self, call: Invoke) -> Place:
        """Return where a call is made."""
        execution, path, visit, attempt = call.identity
        numbers = self._visits.setdefault((str(execution), str(path)), [])
        if int(visit) not in numbers:
            numbers.append(int(visit))
        return Place(str(execution), str(path), numbers.index(int(visit)), int(attempt))

    def _recorded(self, call: Invoke) -> Outcome | None:
        place = self.place(call)
        recorded = self._calls.get(place)
        name = function_name(call.function)
        known = recorded is not None and (recorded.ended or recorded.waited)
        if recorded is None or not known or not _same(recorded.resource, call.function):
            kept = place.execution in self._executions
            why = "nothing was recorded there" if kept else _NOT_KEPT
            return self._go_over(call, f"{place} ({name}): {why}", None)
        other = next(_payload_differences(recorded, call), None)
        if other is None:
            return _outcome(recorded, call)
        return self._go_over(call, f"{place} ({name}): {other}", recorded)

    def _go_over(self, call: Invoke, why: str, recorded: Recorded | None) -> Outcome | None:
        if self._real is not None and self._has(call):
            self.used.real.append(why)
            return None
        if recorded is not None:
            self.used.other.append(why)
            return _outcome(recorded, call)
        if self._real is None:
            raise ConfigurationError(
                f"{why}, and --no-handlers forbids to call the handler; leave it out, or change the definition so that "
                "it asks for what was recorded"
            )
        raise MissingHandlerError(f"{why}, and there is no handler to call instead; name them with --handlers")


def is_answered(_path: str, resource: str) -> bool:
    """Tell whether a task is answered as a whole in a replay: one on a service that no handler of ours stands for."""
    return resource.startswith(_INTEGRATION) and not resource.startswith(f"{_INTEGRATION}lambda:")


def _same(recorded: str, called: str) -> bool:
    """Tell whether what events name is what is called: an integration by its ARN's end, a function by its name."""
    if is_answered("", called):
        return recorded == called.removeprefix(_INTEGRATION)
    return function_name(recorded) == function_name(called)


def _outcome(recorded: Recorded, call: Invoke) -> Outcome:
    return recorded.ending() if is_answered("", call.function) else recorded.outcome()


def _payload_differences(recorded: Recorded, call: Invoke) -> Iterator[Difference]:
    payload, text = recorded.payload, call.payload.decode("utf-8", "surrogatepass")
    if isinstance(payload, str) and payload == text:
        return  # lambda:invoke hands a text over as it is
    try:
        given = loads(text)
    except ValueError:
        given = text
    yield from differences(payload, given)
