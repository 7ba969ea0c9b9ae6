"""Calls that are not carried out: answered by a rule, or as another item of the same Map was answered.

Rule of this module: a handler is not called only where its answer is known. Runs at small values are made in full, and
teach (`Memory`); after that a call is carried out if its handler asks nothing of AWS, and is cheap; if its answer
cannot be told from its event; if somebody who is carried out reads what it writes; or if it is no item of a Map, and
what it reads was really written. Of many items of one Map a few are carried out then, and the others are answered as
these were, with what their own events tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sfn_sim.analysis.growth_model import Example, Rule, Unexplained, apply, learn, reads_event, tells
from sfn_sim.errors import SfnSimError
from sfn_sim.growth.journal import Journal, Requests, depends
from sfn_sim.payload import Json, encode_to_keep, loads
from sfn_sim.run.effects import AwsAnswer, CallAws, Invoke, Outcome
from sfn_sim.services.executors import ClosableExecutor
from sfn_sim.testing.mocks import Mocks

ITEMS = 12
_KEPT_LAST = 2
_MOST_EXAMPLES = 60
_INDEX = re.compile(r"\[\d+\]")


class Untold(SfnSimError):
    """A handler fails, and no run in full has shown yet whether it does so by itself; `caller` is who called it."""

    def __init__(self, caller: str) -> None:
        super().__init__(caller)
        self.caller = caller


@dataclass
class Known:
    """What is known of the calls of one function from one state.

    Attributes:
        examples: calls that were carried out.
        asks: whether its handler asks anything of AWS.
        reads_of: the callers whose objects it reads.
        objects: how many objects a call puts into S3; `took_ms` how long one lasted in virtual time.
        fails: its handler fails by itself, as a run in full has shown.
        alone: a run in full has shown that its handler fails only because others were not carried out.
        is_item: whether an item of a Map makes them.
        answers: of one run: the results of the first calls in their order, or how they failed.
    """

    examples: list[Example] = field(default_factory=list)
    asks: bool = False
    reads_of: set[str] = field(default_factory=set)
    objects: int = 0
    took_ms: int = 0
    fails: bool = False
    alone: bool = False
    is_item: bool = False
    answers: list[Json | Outcome] = field(default_factory=list)
    _rule: Rule | None = None

    def add(self, example: Example, number: int) -> None:
        """Note a call; of many of one run the first and the last are kept."""
        self._rule = None
        if number >= ITEMS + _KEPT_LAST:
            del self.examples[-_KEPT_LAST]
        self.examples.append(example)
        del self.examples[:-_MOST_EXAMPLES]

    @property
    def rule(self) -> Rule:
        """What its answers follow."""
        if self._rule is None:
            self._rule = learn(self.examples)
        return self._rule

    @property
    def is_told(self) -> bool:
        """Tell whether every answer follows from its event: when a handler fails follows from nothing that is known."""
        return bool(self.examples) and not self.fails and tells(self.rule, self.examples)


@dataclass
class Memory:
    """What runs in full have taught, by caller: the state's name and the function's."""

    known: dict[str, Known] = field(default_factory=dict)
    _called: set[str] | None = None

    def of(self, caller: str) -> Known:
        """Return what is known of a caller, from now on to be changed."""
        self._called = None
        return self.known.setdefault(caller, Known())

    @property
    def called(self) -> set[str]:
        """The callers that are carried out.

        Their answers are not told, or somebody who is carried out reads what they write; and beside them whoever is no
        item of a Map and reads nothing of those that are not carried out.
        """
        if self._called is None:
            self._called = self._needed()
            more = True
            while more:
                more = False
                for name, each in self.known.items():
                    free = not each.is_item and not each.alone and each.reads_of <= self._called
                    if free and name not in self._called:
                        self._called.add(name)
                        more = True
        return self._called

    def _needed(self) -> set[str]:
        found = {name for name, each in self.known.items() if each.asks and not each.is_told and not each.alone}
        waiting = list(found)
        while waiting:
            for name in self.known[waiting.pop()].reads_of:
                if name in self.known and name not in found and not self.known[name].alone:
                    found.add(name)
                    waiting.append(name)
        return found


@dataclass
class Scaled(Mocks):
    """What a run is given so that most of its calls are not carried out.

    Attributes:
        memory: what earlier runs have taught.
        journal: listens to what handlers ask of AWS.
        value: the varied quantity's value.
        name: the execution's name; a call of another execution is one of an item of a distributed Map.
        teaches: whether the run is made in full, to learn from it.
        most: how many items of a Map are carried out.
    """

    memory: Memory = field(default_factory=Memory)
    journal: Journal = field(default_factory=Journal)
    value: int = 0
    name: str = ""
    teaches: bool = True
    most: int = ITEMS
    carried_out: int = 0
    modelled: int = 0
    objects: int = 0
    checked: int = 0
    slack_bytes: int = 0
    numbers: dict[str, int] = field(default_factory=dict)

    def over(self, real: ClosableExecutor, start: datetime) -> ClosableExecutor:
        """Return an executor that carries out what has to be; the mocks answer below it, as handlers do."""
        return _Scaling(self, super().over(real, start))

    def progress(self, path: str, _done: int, total: int) -> None:
        """Note how many items a Map has."""
        name = f"items of {_INDEX.sub('', path)}"
        self.numbers[name] = max(total, self.numbers.get(name, 0))


class _Scaling:
    """Carries calls out one by one, or answers them."""

    def __init__(self, given: Scaled, real: ClosableExecutor) -> None:
        self._given = given
        self._real = real
        self._counts: dict[str, int] = {}
        self._visits: dict[tuple[str | int, ...], int] = {}
        self._written: dict[str, str] = {}
        self._here: dict[str, Known] = {}

    def run(self, calls: Sequence[Invoke], now_ms: int) -> Sequence[Outcome]:
        """Return the outcomes in the order of the calls.

        Raises:
            Untold: a handler fails that no run in full has told anything of.
        """
        return [self._one(call, now_ms) for call in calls]

    def call(self, call: CallAws, now_ms: int) -> AwsAnswer:
        """Call an operation of an AWS service."""
        return self._real.call(call, now_ms)

    def close(self) -> None:
        """Let go of the real executor."""
        self._real.close()

    def _one(self, call: Invoke, now_ms: int) -> Outcome:
        given = self._given
        path = str(call.identity[1])
        mock = given.of(path, call.function)
        if mock is not None and not mock.spies:
            return self._real.run([call], now_ms)[0]
        caller = f"{path.rpartition('].')[2]} {call.function}"
        is_item = "[" in path or call.identity[0] != given.name
        # The second call of one item, in a loop, is not answered as the first of another.
        place = call.identity[:2]
        visit = self._visits[place] = self._visits.get(place, 0) + 1
        group = f"{caller} {visit}"
        number = self._counts[group] = self._counts.get(group, -1) + 1
        if given.teaches:
            return self._taught(caller, number, is_item, call, now_ms)
        known = given.memory.known.get(caller)
        if known is not None and known.asks and caller not in given.memory.called:
            answer = self._told(known, call, known.examples[-1].result if known.examples else None)
            if answer is not None:
                return answer
        here = self._here.setdefault(group, Known(is_item=is_item))
        return self._sampled(caller, here, number, call, now_ms)

    def _taught(self, caller: str, number: int, is_item: bool, call: Invoke, now_ms: int) -> Outcome:
        outcome, requests = self._really(call, now_ms)
        known = self._given.memory.of(caller)
        known.asks = known.asks or bool(requests)
        known.is_item = known.is_item or is_item
        known.reads_of |= depends(requests.reads, self._written) - {caller}
        self._note(caller, requests)
        if outcome.error is not None:
            known.fails = True
        elif (example := self._example(call, outcome)) is not None:
            known.objects, known.took_ms = len(requests.objects), outcome.took_ms
            known.add(example, number)
        return outcome

    def _sampled(self, caller: str, here: Known, number: int, call: Invoke, now_ms: int) -> Outcome:
        """Carry a call out, or answer it as one of the first of this run was answered; `here` is of this run alone."""
        known = self._given.memory.known.get(caller)
        cheap = (known is not None and not known.asks) or (number > 0 and not here.asks)
        check = number & (number - 1) == 0
        answer = None
        if here.answers and here.is_item and number >= self._given.most and not cheap:
            donor = here.answers[number % len(here.answers)]
            answer = self._again(donor) if isinstance(donor, Outcome) else self._told(here, call, donor)
        if answer is not None and not check:
            return answer
        outcome, requests = self._really(call, now_ms)
        self._note(caller, requests)
        here.asks = here.asks or bool(requests)
        if outcome.error is not None:
            if number < self._given.most:
                here.answers.append(outcome)
            return self._failed(caller, known, call, outcome)
        if answer is not None and answer.result is not None and outcome.result is not None:
            self._given.modelled -= 1
            self._given.objects -= here.objects
            self._given.checked += 1
            difference = abs(len(answer.result) - len(outcome.result))
            self._given.slack_bytes = max(self._given.slack_bytes, difference)
        elif number < self._given.most and (example := self._example(call, outcome)) is not None:
            here.objects, here.took_ms = len(requests.objects), outcome.took_ms
            here.add(example, 0)
            here.answers.append(example.result)
        return outcome

    def _failed(self, caller: str, known: Known | None, call: Invoke, outcome: Outcome) -> Outcome:
        if known is not None and known.fails:
            return outcome
        if known is not None and known.alone:
            answer = self._told(known, call, known.examples[-1].result)
            if answer is not None:
                return answer
        raise Untold(caller)

    def _again(self, outcome: Outcome) -> Outcome:
        """Let an item fail as another did."""
        self._given.modelled += 1
        return outcome

    def _told(self, known: Known, call: Invoke, donor: Json) -> Outcome | None:
        """Return what a rule tells of a call; None where it tells nothing."""
        if not known.examples:
            return None
        rule = known.rule
        try:
            event = loads(call.payload) if reads_event(rule) else None
            value = apply(rule, Example(event, None, self._numbers()), donor)
        except (Unexplained, ValueError):
            return None
        self._given.modelled += 1
        self._given.objects += known.objects
        return Outcome(encode_to_keep(value), took_ms=known.took_ms)

    def _really(self, call: Invoke, now_ms: int) -> tuple[Outcome, Requests]:
        self._given.carried_out += 1
        self._given.journal.begin()
        outcome = self._real.run([call], now_ms)[0]
        return outcome, self._given.journal.end()

    def _note(self, caller: str, requests: Requests) -> None:
        for each in requests.writes:
            self._written[each] = caller

    def _example(self, call: Invoke, outcome: Outcome) -> Example | None:
        if outcome.result is None:
            return None
        try:
            return Example(loads(call.payload), loads(outcome.result), self._numbers())
        except ValueError:
            return None

    def _numbers(self) -> Mapping[str, int]:
        return {**self._given.numbers, "value": self._given.value}
