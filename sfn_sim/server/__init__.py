"""The Step Functions API: `ACTIONS` over a `Store`, and boto3 clients of this process answered by it."""

from __future__ import annotations

from sfn_sim.server.actions import ACTIONS, perform
from sfn_sim.server.faults import ApiError
from sfn_sim.server.store import Store

__all__ = ["ACTIONS", "ApiError", "Store", "perform"]
