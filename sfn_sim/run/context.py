"""The Context Object: what `$$` reads.

Source: Developer Guide, Accessing execution data from the Context object; recorded: query_context_object_values,
lambda_invoke_with_retry_extended_input (RetryCount is there in states that can retry).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sfn_sim.definition.model import MapState, ParallelState, TaskState
from sfn_sim.payload import Json
from sfn_sim.run.log import Branch


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an execution is.

    Attributes:
        machine_name: the state machine's name.
        name: the execution's name.
        start: the virtual moment at which it starts, in UTC.
        region: AWS region of its ARNs; `account` their account.
        role_arn: the machine's role.
        role: ARN of the machine's role, where somebody has named one.
        express: the last part of the ARN of an Express execution; empty for a Standard one.
        redrivable: whether the Context Object counts redrives.
    """

    machine_name: str
    name: str
    start: datetime
    region: str = "us-east-1"
    account: str = "123456789012"
    role: str = ""
    express: str = ""
    redrivable: bool = True

    @property
    def machine_arn(self) -> str:
        """ARN of the state machine."""
        return f"arn:aws:states:{self.region}:{self.account}:stateMachine:{self.machine_name}"

    @property
    def arn(self) -> str:
        """ARN of the execution."""
        if self.express:
            return (
                f"arn:aws:states:{self.region}:{self.account}:express:{self.machine_name}:{self.name}:{self.express}"
            )
        return f"arn:aws:states:{self.region}:{self.account}:execution:{self.machine_name}:{self.name}"

    @property
    def role_arn(self) -> str:
        """ARN of the machine's role."""
        return self.role or f"arn:aws:iam::{self.account}:role/sfn-sim"

    def moment(self, at_ms: int) -> str:
        """Return a virtual moment as AWS writes it: ISO 8601, UTC, milliseconds."""
        text = (self.start + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")


def context_object(identity: Identity, execution_input: Json, branch: Branch) -> dict[str, Json]:
    """Return the Context Object as the present state of a branch sees it."""
    context: dict[str, Json] = {
        "Execution": {
            "Id": identity.arn,
            "Input": execution_input,
            "StartTime": identity.moment(0),
            "Name": identity.name,
            "RoleArn": identity.role_arn,
            # Source: recorded: query_runtime_memory (a synchronous Express execution has no count).
            **({"RedriveCount": 0} if identity.redrivable else {}),
        },
        "StateMachine": {"Id": identity.machine_arn, "Name": identity.machine_name},
    }
    planned = branch.state
    if planned is not None:
        state: dict[str, Json] = {"Name": planned.name, "EnteredTime": identity.moment(branch.entered_ms)}
        if isinstance(planned.state, TaskState | MapState | ParallelState):
            state["RetryCount"] = branch.retry_count
        context["State"] = state
    if branch.task_token is not None:
        context["Task"] = {"Token": branch.task_token}
    if branch.item is not None:
        index, value = branch.item
        # Source: Developer Guide, Context object data for Map states.
        context["Map"] = {"Item": {"Index": index, "Value": value, "Source": branch.item_source}}
    return context
