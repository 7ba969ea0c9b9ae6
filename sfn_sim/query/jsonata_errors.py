"""How JSONata expressions fail: when a definition is loaded, and while a state runs.

The sentences are AWS's, byte for byte. What AWS puts before them ("An error occurred while executing the state
…") is not ours: it depends on where the state runs.
"""

from __future__ import annotations

from typing import Final

from sfn_sim import payload
from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem

INVALID = "INVALID_JSONATA_EXPRESSION"
UNSUPPORTED = "UNSUPPORTED_JSONATA_EXPRESSION"


class Undefined:
    """What an expression gives that gives nothing; `UNDEFINED` is the only one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()


class JsonataProblem(SyntaxProblem):
    """An expression that AWS refuses when a definition is created.

    Attributes:
        code: AWS's code of the diagnostic, `INVALID` or `UNSUPPORTED`.
        message: AWS's words.
        offset: where in the expression's text, in characters; `length` is how many of them.
        more: what else AWS refuses in the same expression.
    """

    def __init__(self, code: str, message: str, offset: int = 0, length: int = 1) -> None:
        super().__init__(message, offset)
        self.code = code
        self.length = length
        self.more: tuple[JsonataProblem, ...] = ()


class JsonataProblems(Exception):
    """Every expression of a template that AWS refuses, each with its field as AWS writes it ("Output/a[0]")."""

    def __init__(self, problems: list[tuple[str, JsonataProblem]]) -> None:
        super().__init__("; ".join(f"{field}: {problem.message}" for field, problem in problems))
        self.problems = tuple(problems)


class QueryEvaluationError(Exception):
    """An expression that fails while a state runs; AWS's error name is States.QueryEvaluationError.

    Attributes:
        sentence: AWS's words, which the cause ends with.
        kind: "undefined" (it gave nothing), "type" (a value of another type than the field takes),
            "unsupported" (a function), "thrown" (an error of JSONata, or of $error and $assert),
            "limit" (depth, memory or time).
        expression: its text, without {% and %}.
        field: the field as AWS writes it, "Output/v[0]/x"; also the location of the EvaluationFailed event.
        code: JSONata's code, such as T2001; "" where there is none.
        text: JSONata's own words.
        offset: where in the expression it failed, in characters; `length` is how many of them.
        value: for kind "type", the value that has the wrong type.
    """

    def __init__(
        self,
        sentence: str,
        *,
        kind: str,
        expression: str,
        field: str,
        code: str = "",
        text: str = "",
        offset: int = 0,
        length: int = 0,
        value: Json = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.kind = kind
        self.expression = expression
        self.field = field
        self.code = code
        self.text = text
        self.offset = offset
        self.length = length or max(1, len(expression) - offset)
        self.value = value


def _opening(expression: str, field: str) -> str:
    return f"The JSONata expression '{expression}' specified for the field '{field}'"


def nothing(expression: str, field: str) -> QueryEvaluationError:
    """Return the error of an expression that gives nothing.

    Source: recorded: undefined_reference.
    """
    sentence = f"{_opening(expression, field)} returned nothing (undefined)."
    return QueryEvaluationError(sentence, kind="undefined", expression=expression, field=field)


def unsupported(expression: str, field: str) -> QueryEvaluationError:
    """Return the error of an expression that gives a function.

    Source: recorded on AWS ("returned an unsupported result type.").
    """
    sentence = f"{_opening(expression, field)} returned an unsupported result type."
    return QueryEvaluationError(sentence, kind="unsupported", expression=expression, field=field)


def thrown(
    expression: str, field: str, code: str, text: str, offset: int = 0, length: int = 0
) -> QueryEvaluationError:
    """Return the error of an expression that throws.

    Source: recorded: math_random_seeded. What has no code of JSONata's stands after a colon: measured on AWS
    (floci-io/floci#2736).
    """
    tail = f". {code}: {text}" if code else f": {text}"
    return QueryEvaluationError(
        f"{_opening(expression, field)} threw an error during evaluation{tail}",
        kind="thrown" if code else "limit",
        expression=expression,
        field=field,
        code=code,
        text=text,
        offset=offset,
        length=length,
    )


def wrong_type(expression: str, field: str, expected: str, value: Json) -> QueryEvaluationError:
    """Return the error of an expression that gives a value of another type than its field takes.

    Source: recorded: map_state_items_eval_jsonata_fail, map_state_items_variable_sampling.
    """
    sentence = (
        f"{_opening(expression, field)} returned an unexpected result type. "
        f"Expected '{expected}', but was '{type_name(value)}' for value: {payload.dumps(value)}"
    )
    return QueryEvaluationError(sentence, kind="type", expression=expression, field=field, value=value)


def type_name(value: Json) -> str:
    """Return the name of a value's type as AWS's sentences have it.

    Source: recorded: map_state_items_eval_jsonata_fail; "null" is assumed.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
