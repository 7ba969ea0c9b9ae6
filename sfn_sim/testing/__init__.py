"""State machines under test: the pytest plugin, mocks, golden runs, a hypothesis strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfn_sim.testing.executed import ExecutionUnderTest
    from sfn_sim.testing.mocks import Mock, Mocks, fail, ok
    from sfn_sim.testing.one_state import OneState, StateResult, one_state
    from sfn_sim.testing.sfn import Sfn
    from sfn_sim.testing.strategies import executions
    from sfn_sim.testing.worlds import OpenWorld, Worlds

_HOMES = {
    "ExecutionUnderTest": "executed",
    "Mock": "mocks",
    "Mocks": "mocks",
    "OneState": "one_state",
    "OpenWorld": "worlds",
    "Sfn": "sfn",
    "StateResult": "one_state",
    "Worlds": "worlds",
    "executions": "strategies",
    "fail": "mocks",
    "ok": "mocks",
    "one_state": "one_state",
}
__all__ = [
    "ExecutionUnderTest", "Mock", "Mocks", "OneState", "OpenWorld", "Sfn", "StateResult", "Worlds", "executions",
    "fail", "ok", "one_state",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # pytest imports this package in every session: what it holds is imported when a test asks for it.
    if name not in _HOMES:
        raise AttributeError(f"module 'sfn_sim.testing' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"sfn_sim.testing.{_HOMES[name]}"), name)
