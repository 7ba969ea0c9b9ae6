"""Choice rules: every operator as one entry of a table.

Source: ASL specification, Choice State; recorded: choice_operators (an operator whose value is of another type than
it compares is simply false).
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from typing import Any

from sfn_sim.definition.model import Combination
from sfn_sim.definition.plan import PlannedRule
from sfn_sim.errors import RUNTIME, Detail, StatesError
from sfn_sim.payload import Json
from sfn_sim.query.expression import Expression, PathError, Scope
from sfn_sim.run.flow import fold, prefix
from sfn_sim.run.log import Visit
from sfn_sim.timestamp import parse_timestamp


def is_number(value: Json) -> bool:
    """Tell whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _java_order(text: str) -> bytes:
    # Strings are ordered as Java orders them, by UTF-16 code units.
    return text.encode("utf-16-be", "surrogatepass")


def _numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, operand: is_number(value) and is_number(operand) and compare(value, operand)


def _strings(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, operand: (
        isinstance(value, str)
        and isinstance(operand, str)
        and compare(_java_order(value), _java_order(operand))
    )


def _timestamps(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    def compared(value: Json, operand: Json) -> bool:
        left, right = parse_timestamp(value), parse_timestamp(operand)
        return left is not None and right is not None and compare(left, right)

    return compared


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    r"""Return a StringMatches pattern: `*` is any text, `\*` and `\\` are themselves."""
    pieces = re.findall(r"\\[\\*]|\*|[^*\\]+|\\", text)
    return re.compile("".join(".*" if piece == "*" else re.escape(_unescaped(piece)) for piece in pieces), re.S)


def _unescaped(piece: str) -> str:
    return piece[1:] if len(piece) == 2 and piece[0] == "\\" and piece[1] in "\\*" else piece


def _matches(value: Json, operand: Json) -> bool:
    return isinstance(value, str) and isinstance(operand, str) and bool(_pattern(operand).fullmatch(value))


def _kind(test: Callable[[Json], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, operand: test(value) is operand


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}

OPERATORS: dict[str, Callable[[Json, Json], bool]] = {
    **{f"Numeric{name}": _numbers(compare) for name, compare in _ORDER.items()},
    **{f"String{name}": _strings(compare) for name, compare in _ORDER.items()},
    **{f"Timestamp{name}": _timestamps(compare) for name, compare in _ORDER.items()},
    "BooleanEquals": lambda value, operand: isinstance(value, bool) and value is operand,
    "StringMatches": _matches,
    "IsNull": _kind(lambda value: value is None),
    "IsNumeric": _kind(is_number),
    "IsString": _kind(lambda value: isinstance(value, str)),
    "IsBoolean": _kind(lambda value: isinstance(value, bool)),
    "IsTimestamp": _kind(lambda value: parse_timestamp(value) is not None),
}


def holds(rule: PlannedRule, data: Json, scope: Scope, visit: Visit) -> bool:
    """Tell whether a Choice rule holds for the state's effective input.

    Raises:
        StatesError: States.Runtime, when Variable (or the path it is compared with) leads nowhere and the operator
            is not IsPresent; States.QueryEvaluationError for a rule in JSONata.
    """
    model = rule.rule
    if rule.condition is not None:
        return fold((rule.condition,), data, None, visit, scope, []) is True
    if isinstance(model, Combination):
        if model.operator == "Not":
            return not holds(rule.rules[0], data, scope, visit)
        test = all if model.operator == "And" else any
        return test(holds(each, data, scope, visit) for each in rule.rules)
    assert rule.variable is not None
    if model.operator == "IsPresent":
        return _is_present(rule.variable, data, scope) is model.operand
    field = "Variable"
    try:
        value = rule.variable.evaluate(data, scope)
        field = f"{model.operator}Path"
        operand = rule.operand if rule.operand_path is None else rule.operand_path.evaluate(data, scope)
    except PathError as problem:
        raise _invalid(problem, field, model.pointer, data, visit) from None
    return OPERATORS[model.operator](value, operand)


def _is_present(variable: Expression, data: Json, scope: Scope) -> bool:
    try:
        variable.evaluate(data, scope)
    except PathError:
        return False
    return True


def _invalid(problem: PathError, field: str, pointer: str, data: Json, visit: Visit) -> StatesError:
    # Source: peers.md, section 4 (conformance cases of another project); fails even with a Default.
    cause = (
        f"{prefix(visit)}Invalid path '{problem.path}': "
        "The choice state's condition path references an invalid value."
    )
    detail = Detail(
        "path",
        field=field,
        pointer=f"{pointer}/{field}",
        expression=problem.path,
        value=data,
        message=problem.message,
        stopped_at=problem.stopped_at,
        reached=problem.reached,
        steps=problem.steps,
    )
    return StatesError(RUNTIME, cause, detail=detail)


def no_match(visit: Visit, data: Json, pointer: str) -> StatesError:
    """Return the error of a Choice state of which no rule holds and which has no Default.

    Source: peers.md, section 4: AWS answers States.Runtime, not States.NoChoiceMatched.
    """
    cause = f"{prefix(visit)}Failed to transition out of the state. The state does not point to a next state."
    return StatesError(
        RUNTIME, cause, detail=Detail("choice", field="Choices", value=data, pointer=f"{pointer}/Choices")
    )
