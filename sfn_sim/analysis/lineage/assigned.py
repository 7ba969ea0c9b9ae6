"""What a workflow variable was on the way to a state: who gave it a value, and who gave it anew without a part of it.

Source: Developer Guide, Passing data between states with variables: Assign gives a variable a whole value; what it had
before is gone, and what a branch or a Map's processor assigns ends with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfn_sim.analysis.lineage.places import Found, Place, Steps, catcher_of, givers
from sfn_sim.analysis.trace import _Missing, look, path_text
from sfn_sim.definition.model import ChoiceState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Branch, Visit


@dataclass(frozen=True, slots=True)
class Given:
    """One visit that gave a variable a value, and what stood then at the steps that are asked for."""

    visit: Visit
    value: Found

    @property
    def is_there(self) -> bool:
        """Tell whether the value had something there, and not null."""
        return not isinstance(self.value, _Missing) and self.value is not None

    @property
    def who(self) -> str:
        """The field that did it, such as "the Assign of Load (event 4)"."""
        return f"{assign_of(self.visit)} (event {self.visit.entered_event})"


def assign_of(visit: Visit) -> str:
    """Return the field by which a visit assigned variables, with its state's name."""
    return f"{'the Assign in the Catch' if visit.caught and catcher_of(visit) else 'the Assign'} of {visit.name}"


def given_to(place: Place, steps: Steps) -> Iterator[Given]:
    """Yield what was given to a variable before a state was entered, the latest first.

    Args:
        place: the visit that reads it.
        steps: the variable's name, and names and indices below it.
    """
    for visit in givers(place):
        if steps and steps[0] in (visit.assigned or {}):
            yield Given(visit, look(visit.assigned, steps))


@dataclass(frozen=True, slots=True)
class Replaced:
    """A variable that had something at `steps`, given by `had`, until `lost` gave it a new value without it."""

    had: Given
    lost: Given
    steps: Steps

    @property
    def words(self) -> str:
        """What happened, and where it was last there."""
        name, part = f"${self.steps[0]}", path_text(self.steps[1:], f"${self.steps[0]}")
        if len(self.steps) == 1:
            return f"{self.lost.who} made {name} null; {self.had.who} had given it a value"
        how = "null there" if self.lost.value is None else "without it"
        return f"{self.lost.who} gave {name} a new value, {how}; {part} was last there by {self.had.who}"


def replaced(place: Place, steps: Steps) -> Replaced | None:
    """Return which Assign took away what a variable had at `steps`; None if no value of it on this way ever had it."""
    later: Given | None = None
    for given in given_to(place, steps):
        if given.is_there:
            return Replaced(given, later, steps) if later is not None else None
        later = given
    return None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a variable that has no value is assigned all the same: in `words`, with what to do about it.

    `is_inside`: inside a Map or Parallel that has ended.
    """

    words: str
    fix: str
    is_inside: bool = False


def given_elsewhere(execution: Execution, visit: Visit, name: str) -> Elsewhere | None:
    """Return where a variable is assigned that a state cannot read; None if no state of the machine assigns it."""
    around = _branches(visit)
    assigning = (each for each in reversed(execution.log.visits) if name in (each.assigned or {}))
    inner = next((each for each in assigning if not any(each.branch is one for one in around)), None)
    if inner is not None:
        words = f"{inner.path} (event {inner.entered_event}) assigned it inside a Map or Parallel"
        fix = f"hand it out in the output of {inner.name}, or assign it outside"
        return Elsewhere(f"{words}: what is assigned there is not seen outside", fix, is_inside=True)
    machine = execution.machine
    others = [each.name for each in machine.states if name in set(_assigned_by(each))] if machine is not None else []
    if not others:
        return None
    mine = execution.log.visits[: visit.index]
    before = {each.name for each in mine if any(each.branch is one for one in around)}
    passed = [each for each in others if each in before]
    if passed:  # it went on by another rule or catcher than the one that assigns
        words = f"{passed[0]} assigns ${name}, but not on the way that this run took out of it"
        return Elsewhere(words, f"assign ${name} on every way out of {passed[0]}")
    first, *more = others
    who = f"{', '.join(others)} assign ${name}, but do" if more else f"{first} assigns ${name}, but does"
    return Elsewhere(
        f"{who} not come before {visit.name} in this run", f"assign ${name} on every way to {visit.name}, before it"
    )


def _branches(visit: Visit) -> list[Branch]:
    """Return the branch that a visit is on and those round it, whose variables it reads."""
    found: list[Branch] = []
    branch: Branch | None = visit.branch
    while branch is not None:
        found.append(branch)
        branch = branch.outer
    return found


def _assigned_by(planned: PlannedState) -> Iterator[str]:
    """Yield the variables that a state may assign, by its own Assign, a catcher's or a rule's."""
    templates: list[object] = [planned.state.assign, *(each.catcher.assign for each in planned.catchers)]
    if isinstance(planned.state, ChoiceState):
        templates += [each.assign for each in planned.state.choices]
    for template in templates:
        if isinstance(template, Mapping):
            yield from (str(key).removesuffix(".$") for key in template)
