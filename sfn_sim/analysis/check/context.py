"""The Context Object as a shape: what `$$` reads."""

from __future__ import annotations

from sfn_sim.definition.model import MapState, ParallelState, State, TaskState
from sfn_sim.query.shapes import ANY_NUMBER, ANY_STRING, ANYTHING, Shape, an_object

_CALLBACK = ".waitForTaskToken"


def context(state: State, given: Shape, item: Shape | None) -> Shape:
    """Return the shape of the Context Object in a state; keys that may be there are never known to be missing.

    Source: as `run.context`.
    """
    execution = {
        "Id": ANY_STRING, "Input": given, "StartTime": ANY_STRING, "Name": ANY_STRING, "RoleArn": ANY_STRING,
    }  # fmt: skip
    own: dict[str, Shape] = {"Name": ANY_STRING, "EnteredTime": ANY_STRING}
    if isinstance(state, TaskState | MapState | ParallelState):
        own["RetryCount"] = ANY_NUMBER
    members: dict[str, Shape] = {
        "Execution": an_object(execution, is_open=True),
        "StateMachine": an_object({"Id": ANY_STRING, "Name": ANY_STRING}, is_open=True),
        "State": an_object(own, is_open=True),
    }
    if isinstance(state, TaskState) and has_token(state.resource):
        members["Task"] = an_object({"Token": ANY_STRING})
    if item is not None:
        members["Map"] = item_shape(item)
    return an_object(members)


def item_shape(item: Shape) -> Shape:
    """Return the shape of `$$.Map`."""
    value = ANYTHING if item.is_never else item
    # A Map over an object's entries gives each a Key.
    return an_object({"Item": an_object({"Index": ANY_NUMBER, "Value": value}, is_open=True)})


def has_token(resource: str) -> bool:
    """Tell whether a task on a resource is given a task token."""
    return resource.endswith(_CALLBACK) or ":activity:" in resource
