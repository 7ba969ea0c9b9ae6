"""Names and ARNs: which are valid, and what they are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfn_sim import limits
from sfn_sim.server.faults import ApiError

# Source: API reference, CreateStateMachine, name; recorded: create_activity_invalid_name.
_FORBIDDEN = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff]""")


def check_name(name: str) -> None:
    """Check the name of a machine, an activity or an execution.

    Source: API reference, CreateActivity; recorded: create_activity_invalid_name.

    Raises:
        ApiError: InvalidName.
    """
    if not name or len(name) > limits.EXECUTION_NAME.value or _FORBIDDEN.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")


@dataclass(frozen=True, slots=True)
class Arn:
    """A Step Functions ARN: what it is of, and the parts of its name."""

    text: str
    kind: str
    parts: tuple[str, ...]


def parse_arn(text: str, *kinds: str) -> Arn:
    """Return the parts of an ARN that must be of one of `kinds` ("stateMachine", "execution", …).

    Source: recorded: describe_invalid_arn_sm ("Invalid ARN prefix"), start_async_describe_history_execution
    ("Resource type not valid in this context").

    Raises:
        ApiError: InvalidArn.
    """
    pieces = text.split(":")
    if pieces[0] != "arn" or len(pieces) < 7 or pieces[2] != "states":
        raise ApiError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {text}'")
    kind = pieces[5]
    if kinds and kind not in kinds:
        raise ApiError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {kind}'")
    return Arn(text, kind, tuple(pieces[6:]))
