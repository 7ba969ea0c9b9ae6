"""A JSONPath machine written anew in JSONata.

Rule of this package: an execution that succeeds in JSONPath gives the same output at each state in JSONata, and one
that fails because a path leads nowhere fails in JSONata, too (with States.QueryEvaluationError, not States.Runtime).
What has no such equivalent is left as it is, and told with its place.
"""

from __future__ import annotations

from sfn_sim.convert.machine import Converted, ConvertedState, convert

__all__ = ["Converted", "ConvertedState", "convert"]
