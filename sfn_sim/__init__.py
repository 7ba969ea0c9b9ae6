"""sfn-sim runs AWS Step Functions state machines on your own machine, and tells why they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfn_sim.errors import (
        ConfigurationError,
        DeadlockError,
        DefinitionError,
        ExecutionFailed,
        FixtureError,
        HandlerImportError,
        HandlerWallLimitError,
        InputError,
        MissingHandlerError,
        MockError,
        NetworkRefusedError,
        SfnSimError,
        UnsupportedFeatureError,
    )
    from sfn_sim.machine import StateMachine
    from sfn_sim.run.execution import Execution, Options
    from sfn_sim.server.boto import mock_stepfunctions
    from sfn_sim.services.lambda_functions import Handlers

_HOMES = {
    "StateMachine": "sfn_sim.machine",
    "Execution": "sfn_sim.run.execution",
    "Options": "sfn_sim.run.execution",
    "Handlers": "sfn_sim.services.lambda_functions",
    "mock_stepfunctions": "sfn_sim.server.boto",
}
__all__ = [
    "ConfigurationError",
    "DeadlockError",
    "DefinitionError",
    "Execution",
    "ExecutionFailed",
    "FixtureError",
    "HandlerImportError",
    "HandlerWallLimitError",
    "Handlers",
    "InputError",
    "MissingHandlerError",
    "MockError",
    "NetworkRefusedError",
    "Options",
    "SfnSimError",
    "StateMachine",
    "UnsupportedFeatureError",
    "__version__",
    "mock_stepfunctions",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The package's own import stays light, so that `sfn-sim --help` answers at once.
    if name not in __all__:
        raise AttributeError(f"module 'sfn_sim' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES.get(name, "sfn_sim.errors")), name)
