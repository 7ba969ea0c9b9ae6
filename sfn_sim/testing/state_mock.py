"""What stands for the work of one state in a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import InputError, MockError, StatesError
from sfn_sim.machine import check_input
from sfn_sim.payload import Json
from sfn_sim.services.responses import problem_of_mock


def answer_of(mock: Any, planned: PlannedState, mode: str) -> Callable[[Json], Json]:
    """Return what answers for a state as a mock says: a value, an exception, or a function of what is handed over.

    Args:
        mock: the mock.
        planned: the state.
        mode: how strictly its result is checked: "STRICT", "PRESENT" or "NONE".
    """

    def answer(given: Json) -> Json:
        said = mock(given) if callable(mock) and not isinstance(mock, type) else mock
        if isinstance(said, type) and issubclass(said, BaseException):
            said = said()
        if isinstance(said, StatesError):
            raise said
        if isinstance(said, BaseException):
            raise StatesError(type(said).__name__, str(said))
        return _checked(said, planned, mode)

    return answer


def _checked(result: Any, planned: PlannedState, mode: str) -> Json:
    """Return a result as it arrives through JSON.

    Raises:
        MockError: it is not JSON, or not one that the state can have.
    """
    try:
        value = check_input(result)
    except InputError as error:
        raise MockError(f"the mock of {planned.name}: {str(error).replace('execution', 'mock', 1)}") from None
    problem = problem_of_mock(planned.state, value, mode)
    if problem is not None:
        raise MockError(f"the mock of {planned.name}: {problem}")
    return value
