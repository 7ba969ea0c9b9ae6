"""What stands for the work of one state in a test."""

from __future__ import annotations

from typing import Any

from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import InputError, MockError, StatesError
from sfn_sim.machine import check_input
from sfn_sim.payload import Json
from sfn_sim.run.mocked_state import Answered
from sfn_sim.services.responses import problem_of_mock
from sfn_sim.testing.mocks import Fail, Ok, settled


def answered(
    mock: Any, planned: PlannedState, mode: str, failed_items: int = 0, reader_data: str | None = None
) -> Answered:
    """Return what answers for a state as a mock says.

    Args:
        mock: a value, `ok`, `fail`, an exception, or a function of what the state hands over.
        planned: the state.
        mode: how strictly the mock's result is checked: "STRICT", "PRESENT" or "NONE".
        failed_items: how many of a Map's iterations have failed.
        reader_data: what a Map's ItemReader reads.
    """

    def answer(given: Json, work: Answered) -> Json:
        said = settled(mock, given)
        if isinstance(said, Ok | Fail):
            work.took_ms = round(said.takes * 1000)
        if isinstance(said, StatesError):
            raise said
        if isinstance(said, Fail):
            raise StatesError(said.error, said.cause)
        if isinstance(said, BaseException):
            raise StatesError(type(said).__name__, str(said))
        return _checked(said.value, planned, mode)

    return Answered(answer, failed_items, reader_data)


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
