"""Retry schedules and error output.

Source: ASL specification, Errors (Retrier, Catcher); Developer Guide, Retrying after an error.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfn_sim import limits
from sfn_sim.definition.model import Retrier
from sfn_sim.definition.plan import PlannedCatcher
from sfn_sim.errors import TIMEOUT, StatesError, error_matches
from sfn_sim.payload import Json
from sfn_sim.run.seed import Stream


def delay_ms(retrier: Retrier, attempt: int, stream: Stream) -> int:
    """Return how long to wait before retry number `attempt` (from 0) of one retrier.

    IntervalSeconds × BackoffRate^attempt, at most MaxDelaySeconds; JitterStrategy FULL draws a time between 0 and
    that. Without MaxDelaySeconds the delay stops growing at the largest that a Retrier may name.
    Source: Developer Guide, Retrying after an error; that it stops there is assumed.
    """
    most = limits.RETRY_DELAY.value if retrier.max_delay_seconds is None else retrier.max_delay_seconds
    try:
        seconds = min(retrier.interval_seconds * retrier.backoff_rate**attempt, most)
    except OverflowError:  # the thousandth retry of a Retrier that never gives up
        seconds = most
    full = round(seconds * 1000)
    return round(full * stream.next_double()) if retrier.full_jitter else full


class Attempts:
    """Counts the retries of one stay in a state, a count for each retrier.

    Source: ASL specification: each Retrier's count is its own; recorded: map_state_retry_multiple_retriers.
    """

    __slots__ = ("_counts", "_retriers")

    def __init__(self, retriers: Sequence[Retrier]) -> None:
        self._retriers = retriers
        self._counts = [0] * len(retriers)

    def next_delay_ms(self, error: StatesError, stream: Stream) -> int | None:
        """Return the delay before the next attempt; None when no retrier takes the error any more.

        The first retrier that names the error decides, even when it is used up.
        """
        for number, retrier in enumerate(self._retriers):
            if error_matches(error.name, retrier.error_equals):
                used = self._counts[number]
                if used >= retrier.max_attempts:
                    return None
                self._counts[number] = used + 1
                return delay_ms(retrier, used, stream)
        return None


def find_catcher(catchers: Sequence[PlannedCatcher], error: StatesError) -> PlannedCatcher | None:
    """Return the first catcher that takes the error."""
    for planned in catchers:
        if error_matches(error.name, planned.catcher.error_equals):
            return planned
    return None


def error_output(error: StatesError) -> dict[str, Json]:
    """Return what a catcher places into the state's input.

    Source: recorded: invoke_timeout (a timeout's Cause is an empty text), no_error_field (null where AWS has none).
    """
    cause = "" if error.cause is None and error.name == TIMEOUT else error.cause
    return {"Error": error.name, "Cause": cause}
