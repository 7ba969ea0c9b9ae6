"""Whose fault it is that a JSONata expression finds nothing: the state and field that should have given the value.

An expression that is a plain path, such as `$states.input.order.id`, is followed back: through Output, Arguments,
ItemSelector and Assign, the items of a Map, the branches of a Parallel and the variables, to the template that lacks
the key, or the handler that did not return it. Other expressions are where it ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sfn_sim.analysis.lineage.assigned import given_to
from sfn_sim.analysis.lineage.places import Place, called, last_of_item, value_at
from sfn_sim.analysis.trace import MISSING, _Missing, keys_of, look
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ABSENT, ChoiceState, MapState, ParallelState, PassState, TaskState
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Log, Visit

Steps = tuple[str | int, ...]
_WHOLE = re.compile(r"\{%\s*(.*?)\s*%\}", re.DOTALL)
_PATH = re.compile(r"\$([A-Za-z_]\w*)((?:\.(?:[A-Za-z_]\w*|`[^`]+`)|\[\d+\])*)")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\.`([^`]+)`|\[(\d+)\]")
_ITEM = ("Map", "Item", "Value")
_MOST_HOPS = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """The place at which a missing value should have been made.

    Attributes:
        name: the state; `event` where it was entered.
        field: the field of it that makes the value; "Resource" for its handler.
        key: what it should have given, as a path below that field or result.
        words: what it did.
    """

    name: str
    event: int
    field: str
    key: str
    words: str

    @property
    def fix(self) -> str:
        """What to change."""
        if self.field == "Resource":
            return f"let the handler of {self.name} return {self.key}"
        return f'give "{self.key}" in the {self.field} of {self.name}'


def path_of(expression: str) -> Steps | None:
    """Return the names and indices of an expression that is a plain path, its variable's name first."""
    found = _PATH.fullmatch(expression.strip())
    if found is None:
        return None
    below = (int(index) if index else name or quoted for name, quoted, index in _STEP.findall(found[2]))
    return (found[1], *below)


def origin(execution: Execution, log: Log, visit: Visit, path: Steps, item: int = -1) -> Origin | None:
    """Return where the value of a path, as `path_of` gives it, should have been made; None if that is not known.

    Args:
        execution: the run; `log` the log that the visit stands in.
        log: where the visit stands.
        visit: the state that reads the path.
        path: what it reads.
        item: the item of a Map whose ItemSelector reads it.
    """
    return _Walk(execution, log).read(visit, path, item)


class _Walk:
    def __init__(self, execution: Execution, log: Log) -> None:
        self._execution = execution
        self._log = log
        self._hops = 0

    def read(self, visit: Visit, path: Steps, item: int = -1) -> Origin | None:
        self._hops += 1
        if self._hops > _MOST_HOPS:
            return None
        root, below = path[0], path[1:]
        if root != "states":
            return self._variable(visit, str(root), below)
        if below[:1] == ("input",):
            return self._input(visit, below[1:])
        if below[:1] == ("result",):
            return self._result(visit, below[1:])
        if below[:4] == ("context", *_ITEM):
            index = item if item >= 0 else visit.branch.item[0] if visit.branch.item is not None else 0
            around = visit if item >= 0 else self._log.visits[visit.previous] if visit.previous >= 0 else None
            return self._item(around, index, below[4:]) if around is not None else None
        return None

    def _input(self, visit: Visit, steps: Steps) -> Origin | None:
        if visit.previous < 0:
            return None
        earlier = self._log.visits[visit.previous]
        if earlier.branch is visit.branch:
            return self._output(earlier, steps)
        state = earlier.state.state
        if state.query_language != JSONATA:
            return None
        if isinstance(state, MapState):
            index = visit.branch.item[0] if visit.branch.item is not None else 0
            if state.item_selector is not ABSENT:
                return self._template(earlier, state.item_selector, state.item_selector_field, steps, index)
            return self._item(earlier, index, steps)
        if isinstance(state, ParallelState) and state.flow.parameters is not ABSENT:
            return self._template(earlier, state.flow.parameters, state.flow.parameters_field, steps)
        return self._input(earlier, steps)

    def _item(self, visit: Visit, index: int, steps: Steps) -> Origin | None:
        state = visit.state.state
        if not isinstance(state, MapState) or state.items is ABSENT:
            return None
        return self._template(visit, state.items, "Items", (index, *steps))

    def _output(self, visit: Visit, steps: Steps) -> Origin | None:
        state = visit.state.state
        if state.query_language != JSONATA or visit.caught:
            return None
        if isinstance(state, ChoiceState):
            after = next((each.name for each in self._log.visits if each.previous == visit.index), "")
            for choice in state.choices:
                if choice.next == after and choice.output is not ABSENT:
                    return self._template(visit, choice.output, "Choices' Output", steps)
        if state.flow.output is not ABSENT:
            return self._template(visit, state.flow.output, "Output", steps)
        if isinstance(state, TaskState | MapState | ParallelState):
            return self._result(visit, steps)
        return self._input(visit, steps)

    def _result(self, visit: Visit, steps: Steps) -> Origin | None:
        state = visit.state.state
        if isinstance(state, TaskState):
            return self._handler(visit, steps)
        if not steps or isinstance(state, PassState):
            return None
        # A name below an array is JSONata's way to read it of each item.
        index, below = (steps[0], steps[1:]) if isinstance(steps[0], int) else (0, steps)
        last = last_of_item(Place(self._log, visit), index)
        return self._output(last.visit, below) if last is not None and last.visit.left else None

    def _handler(self, visit: Visit, steps: Steps) -> Origin | None:
        have = value_at(visit, "result")
        at = next((n for n in range(len(steps)) if isinstance(look(_json(have), steps[: n + 1]), _Missing)), None)
        if at is None:
            return None
        inner = look(_json(have), steps[:at])
        key = _text(steps[1 : at + 1] if steps[:1] == ("Payload",) and at else steps[: at + 1])
        told = f": {keys_of(_json(inner))}" if isinstance(inner, dict) else ""
        event = visit.entered_event
        words = f"the handler of {visit.name} ({called(visit)}) did not return {key} (event {event}){told}"
        return Origin(visit.name, event, "Resource", key, words)

    def _template(self, visit: Visit, template: Any, field: str, steps: Steps, item: int = -1) -> Origin | None:
        node = template
        for depth, step in enumerate(steps):
            if isinstance(node, str):
                return self._expression(visit, node, steps[depth:], item)
            if isinstance(node, dict) and step not in node:
                key, event = _text(steps[: depth + 1]), visit.entered_event
                words = f"the {field} of {visit.name} gives no {key} (event {event}): {keys_of(node)}"
                return Origin(visit.name, event, field, key, words)
            is_there = isinstance(node, dict) or (
                isinstance(node, list) and isinstance(step, int) and -len(node) <= step < len(node)
            )
            if not is_there:  # a name below a number, or an item that nobody wrote
                return None
            node = node[step]
        return self._expression(visit, node, (), item) if isinstance(node, str) else None

    def _expression(self, visit: Visit, text: str, below: Steps, item: int) -> Origin | None:
        whole = _WHOLE.fullmatch(text)
        path = path_of(whole[1]) if whole else None
        return self.read(visit, (*path, *below), item) if path is not None else None

    def _variable(self, visit: Visit, name: str, steps: Steps) -> Origin | None:
        giver = next((each.visit for each in given_to(Place(self._log, visit), (name,))), None)
        if giver is None or giver.state.state.query_language != JSONATA:
            return None
        assign = giver.state.state.assign
        return self._template(giver, assign, "Assign", (name, *steps)) if isinstance(assign, dict) else None


def _text(steps: Steps) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def _json(value: object) -> Json:
    return None if value is MISSING else value  # type: ignore[return-value]
