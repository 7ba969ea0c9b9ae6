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
from typing import Any

from sfn_sim.analysis.compare import Difference, differences
from sfn_sim.errors import TIMEOUT, ConfigurationError, MissingHandlerError
from sfn_sim.payload import Json, encode_to_keep, loads
from sfn_sim.run.effects import Answer, AwaitToken, AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import DETAILS, Event, Log
from sfn_sim.services.executors import ClosableExecutor
from sfn_sim.services.lambda_functions import function_name
from sfn_sim.services.places import Place, Visits, Way, kept_executions, way_text

_FAMILIES = ("LambdaFunction", "Task", "Activity")
_MOST_NOTED = 20
_INTEGRATION = "arn:aws:states:::"
_ASK_FOR_OTHERS = "change the definition so that it asks for what was recorded"
_NOT_KEPT = "the record does not hold this child of a Map Run: the first children are kept, and those that failed"


@dataclass(slots=True)
class Recorded:
    """One recorded call.

    Attributes:
        resource: what was called; `payload` what with, where the run has it.
        result: the response; `error` and `cause` how it failed, if it `failed`; `timed_out` whether it was cut off.
        took_ms: how long that took; of a call that was cut off before its end, longer than the run went on.
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
    found: dict[Place, Recorded] = {}
    for way, each in kept_executions(execution):
        found |= _of_log(way, each.log)
    return found


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


def _of_log(way: Way, log: Log) -> dict[Place, Recorded]:
    visits = Visits(log)
    owners = {each.entered_event: Place(way, each.path, visits.number(each.index), -1) for each in log.visits}
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
    for call in open_calls.values():
        if not call.ended and not call.waited:
            call.took_ms = log.now_ms - call.at_ms + 1
    return open_calls


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
        world: what the machine itself called of AWS, in the world of a fixture.
    """

    recorded: int = 0
    real: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    world: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Return what is to be known of the calls."""
        told = [f"called the real handler: {each}" for each in self.real]
        told += [f"recorded for another payload: {each}" for each in self.other]
        told += [f"not recorded, so called in the world: {each}" for each in self.world]
        counted = Counter(told)
        notes = [f"{each} ({count:,} calls)" if count > 1 else each for each, count in counted.items()][:_MOST_NOTED]
        rest = len(told) - sum(count for _, count in [*counted.items()][:_MOST_NOTED])
        return [*notes, f"and {rest:,} more such calls"] if rest > 0 else notes


class _CutOff(Outcome):
    """The outcome of a call that the recorded run cut off, with its branch or child: nobody may ask what it is."""

    def __new__(cls, took_ms: int, why: str) -> _CutOff:
        """Return an outcome that comes when the recorded run was over."""
        made = super().__new__(cls, None, took_ms=took_ms)
        made.why = why
        return made

    why: str

    def __getattribute__(self, name: str) -> Any:
        if name in ("result", "error", "real_ns"):
            raise ConfigurationError(self.why)
        return super().__getattribute__(name)


class RecordedExecutor:
    """Answers calls as they were answered in a recorded run.

    Args:
        calls: the recorded calls.
        real: carries out what was not recorded; None where no handler may be called.
        has: tells whether there is a handler, or a mock, for a call.
        may_call: whether handlers may be called at all.
        whereabouts: finds the executions of the run that is made.
        lost: gives what says why the record has nothing of an execution; None where it has it.
        world: carries out what the machine itself calls of AWS; None where there is nobody who could.
        answered: told of each call that is answered as recorded.
    """

    def __init__(
        self,
        calls: Mapping[Place, Recorded],
        real: ClosableExecutor | None,
        has: Callable[[Invoke], bool],
        *,
        may_call: bool,
        whereabouts: Callable[[tuple[str | int, ...]], Place],
        lost: Callable[[Place], Callable[[], str] | None] = lambda _: None,
        world: ClosableExecutor | None = None,
        answered: Callable[[Invoke], None] = lambda _: None,
    ) -> None:
        self._calls = calls
        self._real = real
        self._has = has
        self._may_call = may_call
        self._place = whereabouts
        self._lost = lost
        self._world = world
        self._answered = answered
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
            ConfigurationError: there is no world in which it could be.
        """
        if self._world is None:
            raise ConfigurationError(
                f"the machine itself calls {call.service}:{call.operation}{_of(call)}, as ItemReader and ResultWriter "
                "do, and no run records what AWS answered: name the world with --fixture NAME"
            )
        self.used.world.append(f"{call.service}:{call.operation}")
        return self._world.call(call, now_ms)

    def close(self) -> None:
        """Let go of the real executors."""
        for each in {id(each): each for each in (self._real, self._world) if each is not None}.values():
            each.close()

    def waiting(self, effect: AwaitToken) -> Recorded | None:
        """Return the recorded task that a token stands for; None if the run had none there."""
        call = self._calls.get(self._place(effect.identity))
        return call if call is not None and (call.waited or effect.activity is not None) else None

    def never_answered(self, effect: AwaitToken) -> str:
        """Say that the record has no answer for a token."""
        place = self._place(effect.identity)
        lost = self._lost(place)
        return f"{place} waits for an answer: {lost() if lost is not None else 'the recorded run never had one'}"

    def _recorded(self, call: Invoke) -> Outcome | None:
        place = self._place(call.identity)
        recorded = self._calls.get(place)
        name = function_name(call.function)
        known = recorded is not None and (recorded.ended or recorded.waited)
        if recorded is None or not _same(recorded.resource, call.function):
            return self._nothing(call, place, name)
        if not known:
            return self._cut_off(recorded, call, f"{place} ({name})")
        other = next(_payload_differences(recorded, call), None)
        if other is None:
            return self._as_recorded(recorded, call)
        return self._go_over(call, f"{place} ({name}): {other}", recorded)

    def _as_recorded(self, recorded: Recorded, call: Invoke) -> Outcome:
        self._answered(call)
        return _outcome(recorded, call)

    def _cut_off(self, recorded: Recorded, call: Invoke, what: str) -> Outcome | None:
        why = f"{what}: it was under way when the recorded run cut it off, and how it ended is not known"
        if self._real is not None and self._has(call):
            self.used.real.append(why)
            return None
        # Where the run goes as it went, it is cut off again.
        self._answered(call)
        return _CutOff(recorded.took_ms, self._refusal(why))

    def _nothing(self, call: Invoke, place: Place, name: str) -> Outcome | None:
        lost = self._lost(place)
        if lost is None:
            return self._go_over(call, f"{place} ({name}): nothing was recorded there", None)
        if self._real is not None and self._has(call):
            # Told once for all of them: there may be thousands.
            self.used.real.append(f"{way_text(place.way, numbers=False)}{place.path} ({name}): {_NOT_KEPT}")
            return None
        return self._go_over(call, f"{place} ({name}): {lost()}", None, "record the run again with --keep-children N")

    def _go_over(
        self, call: Invoke, why: str, recorded: Recorded | None, remedy: str = _ASK_FOR_OTHERS
    ) -> Outcome | None:
        if self._real is not None and self._has(call):
            self.used.real.append(why)
            return None
        if recorded is not None:
            self.used.other.append(why)
            return self._as_recorded(recorded, call)
        raise (MissingHandlerError if self._may_call else ConfigurationError)(self._refusal(why, remedy))

    def _refusal(self, why: str, remedy: str = _ASK_FOR_OTHERS) -> str:
        if self._may_call:
            where = "name them with --handlers, or give a fixture [mocks]"
            return f"{why}, and there is no handler to call instead; {where}"
        return f"{why}, and --no-handlers forbids to call the handler: leave it out, or {remedy}"


def _of(call: CallAws) -> str:
    bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
    return f" of s3://{bucket}/{key}" if key is not None else f" of s3://{bucket}" if bucket is not None else ""


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
