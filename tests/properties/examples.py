"""How many examples the property tests and the fuzzer try.

`SFN_SIM_EXAMPLES` multiplies every count, and then each run draws others (hypothesis prints those that fail);
without it the examples are the same on every run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("SFN_SIM_EXAMPLES", "1"))


def examples(count: int) -> Callable[[Any], Any]:
    """Return the settings of a test that tries so many examples."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        database=None,
        derandomize=TIMES == 1,
        suppress_health_check=checks,
    )
