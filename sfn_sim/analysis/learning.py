"""What a run tells of contracts: the shapes that were seen, and the contracts that it broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sfn_sim.analysis.contracts import Contract, learned_shape, misfit, widened
from sfn_sim.analysis.lints import Warning
from sfn_sim.definition.model import TaskState
from sfn_sim.payload import Json
from sfn_sim.query.shapes import OBJECT, Shape
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit

_INVOKE = "arn:aws:states:::lambda:invoke"
_TOKEN = ".waitForTaskToken"
_GIVEN = ("afterParameters", "afterArguments", "afterInputPath", "input")
CODE = "CONTRACT_BROKEN"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a Lambda function that came back: who called, with what, and what came of it."""

    state: str
    function: str
    event: Json
    result: Json


def calls_of(execution: Execution) -> Iterator[Call]:
    """Yield the calls of Lambda functions of a run, those of the kept children of its Map Runs among them."""
    for visit in execution.log.visits:
        state = visit.state.state
        if isinstance(state, TaskState) and not state.resource.endswith(_TOKEN):
            call = _call(visit, state.resource)
            if call is not None:
                yield call
    for run in execution.log.map_runs:
        for child in run.children.values():
            yield from calls_of(child.execution())


def _call(visit: Visit, resource: str) -> Call | None:
    stages = dict(visit.stages)
    if "result" not in stages:
        return None
    event = next((stages[name] for name in _GIVEN if name in stages), None)
    result = stages["result"]
    if resource == _INVOKE:
        if not (isinstance(event, dict) and isinstance(result, dict)):
            return None
        name = event.get("FunctionName")
        if not isinstance(name, str):
            return None
        return Call(visit.name, name, event.get("Payload", {}), result.get("Payload"))
    if ":lambda:" not in resource or ":function:" not in resource:
        return None
    return Call(visit.name, resource, event, result)


def learn(execution: Execution, known: Callable[[str], Contract | None]) -> dict[str, Contract]:
    """Return the learned contracts of a run's functions, widened by what was seen in it.

    Args:
        execution: the run.
        known: gives what was learned of a function before.
    """
    learned: dict[str, Contract] = {}
    for call in calls_of(execution):
        before = learned[call.function] if call.function in learned else known(call.function)
        learned[call.function] = widened(before, learned_shape(call.event), learned_shape(call.result))
    return learned


def broken(execution: Execution, contracts: Callable[[str], Sequence[Contract]]) -> list[Warning]:
    """Return the contracts that a run broke, each once for a state and side, with how often."""
    found: dict[tuple[str, str, str], Warning] = {}
    for call in calls_of(execution):
        for contract in contracts(call.function):
            for side, value, shape in (("is given", call.event, contract.event), ("gives", call.result,
                                                                                  contract.result)):  # fmt: skip
                wrong = misfit(value, opened(shape) if side == "is given" else shape)
                if wrong:
                    key = (call.state, side, contract.file)
                    count = found[key].count + 1 if key in found else 1
                    first = found[key].message if key in found else _message(call, contract, side, wrong)
                    found[key] = Warning(CODE, call.state, first, count)
    return list(found.values())


def _message(call: Call, contract: Contract, side: str, wrong: str) -> str:
    said = "what was learned in" if contract.is_learned else f"the {contract.source} in"
    more = "; --learn takes it in" if contract.is_learned else ""
    return f"what {call.function} {side} breaks {said} {contract.file}: {wrong}{more}"


def opened(shape: Shape) -> Shape:
    """Return the shape with other keys allowed at its top: what else a handler is given harms nobody."""
    if not shape.kinds & OBJECT or shape.is_anything:
        return shape
    return Shape(shape.kinds, shape.strings, shape.numbers, shape.fields, True, shape.items, shape.at_least,
                 shape.at_most)  # fmt: skip
