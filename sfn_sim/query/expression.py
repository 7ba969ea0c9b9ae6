"""What every query expression offers, whatever its language, and how expressions fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sfn_sim.payload import Json


class Randomness(Protocol):
    """Where intrinsic functions draw from (`run.seed.Stream`)."""

    def next_below(self, bound: int) -> int:
        """Return an integer from 0 (inclusive) to `bound` (exclusive)."""

    def next_bits(self, bits: int) -> int:
        """Return the next `bits` (at most 32) random bits as an unsigned number."""

    def uuid4(self) -> str:
        """Return a version 4 UUID."""

    def seeded(self, seed: int) -> Randomness:
        """Return a new stream that depends on `seed` alone, as `new java.util.Random(seed)`."""


@dataclass(slots=True)
class Scope:
    """What an expression may read beside its data: the Context Object and the workflow variables.

    `context` is a function, so that the Context Object is built only for those who read `$$`.
    """

    context: Callable[[], Json]
    variables: Mapping[str, Json] = field(default_factory=dict)
    seed: Randomness | None = None
    """Gives random numbers to intrinsics; an expression that draws needs it."""
    now_ms: Callable[[], int] | None = None
    """Gives the virtual time to expressions that ask for it, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One read of an expression: its root ("$", "$$" or "$name") and the names and indices below it.

    `steps` stops where the path turns indefinite.
    """

    root: str
    steps: tuple[str | int, ...]
    text: str


class Expression(Protocol):
    """A compiled expression. `evaluate` is given the data that `$` stands for."""

    text: str
    references: tuple[Reference, ...]
    evaluate: Callable[[Json, Scope], Json]


class SyntaxProblem(Exception):
    """An expression that cannot be compiled; `offset` is where, in characters of its text."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class PathError(Exception):
    """A path that leads nowhere in its data.

    Args:
        path: the path's text as it stands in the definition.
        message: AWS's words (Jayway's), such as "No results for path: $['a']".
        stopped_at: how many steps led somewhere.
        reached: the value at the last of those.
        steps: the path's steps.
    """

    def __init__(
        self, path: str, message: str, stopped_at: int, reached: Json, steps: tuple[str | int, ...]
    ) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.stopped_at = stopped_at
        self.reached = reached
        self.steps = steps


class PlaceError(Exception):
    """A value that cannot be put where a Reference Path points.

    Args:
        message: AWS's words.
        stopped_at: how many steps could be taken.
        reached: the value at the last of those, which does not let the path go on.
    """

    def __init__(self, message: str, stopped_at: int, reached: Json) -> None:
        super().__init__(message)
        self.message = message
        self.stopped_at = stopped_at
        self.reached = reached


class IntrinsicError(Exception):
    """An intrinsic function that refuses its arguments; `call` is the function's text."""

    def __init__(self, call: str, message: str) -> None:
        super().__init__(message)
        self.call = call
        self.message = message


class TemplateError(Exception):
    """A field of a payload template that cannot be evaluated.

    Args:
        pointer: JSON pointer of the field in the definition.
        field: the field's name as written, such as "value.$".
        text: the field's whole expression; `cause.path` is one path inside it where it is an intrinsic.
        cause: what went wrong.
    """

    def __init__(self, pointer: str, field: str, text: str, cause: PathError | IntrinsicError) -> None:
        super().__init__(f"{field}: {cause.message}")
        self.pointer = pointer
        self.field = field
        self.text = text
        self.cause = cause


class TemplateProblems(Exception):
    """Every field of a payload template that cannot be compiled, each with its JSON pointer."""

    def __init__(self, problems: Sequence[tuple[str, SyntaxProblem]]) -> None:
        super().__init__("; ".join(f"{pointer}: {problem.message}" for pointer, problem in problems))
        self.problems = tuple(problems)
