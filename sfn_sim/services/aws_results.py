"""What a Task on an AWS service gives back, as a shape, after the service's model.

A member that the model does not require may be there or not: that is not known, except of those that a service leaves
out when it has found nothing. A member that no model has is not there.
"""

from __future__ import annotations

from typing import Any

from sfn_sim.query.shapes import (
    ANY_BOOLEAN,
    ANY_NUMBER,
    ANY_STRING,
    ANYTHING,
    Field,
    Shape,
    an_array,
    an_object,
)
from sfn_sim.services.responses import NUMBERS, OF_EVERY_CALL, STRINGS, Spelling, answer_model, is_sdk, spelling_of

# Source: API references: GetItem ("If there is no matching item, GetItem does not return any data and there will be
# no Item element in the response"), Query and Scan (LastEvaluatedKey), ListObjectsV2, ReceiveMessage.
_LEFT_OUT = {
    ("dynamodb", "GetItem"): ("Item",),
    ("dynamodb", "Query"): ("LastEvaluatedKey",),
    ("dynamodb", "Scan"): ("LastEvaluatedKey",),
    ("s3", "ListObjectsV2"): ("Contents", "NextContinuationToken"),
    ("sqs", "ReceiveMessage"): ("Messages",),
}
_DEPTH = 3


def result_shape(resource: str) -> Shape | None:
    """Return the shape of what a Task on a resource gives back; None where no model tells it.

    Source: Developer Guide, Integrating services; API references, by way of botocore's models. That an SDK integration
    gives members of the model only: recorded results (a test compares them); an optimized one may give others.
    """
    found = answer_model(resource)
    if found is None:
        return None
    called, model, free = found
    spelled = spelling_of(resource)
    left_out = _LEFT_OUT.get(called, ())
    fields: dict[str, Field] = {name: Field(ANYTHING, required=False, vague=True) for name in OF_EVERY_CALL}
    for member, shape in model.members.items():
        name = spelled(member)
        required = member in model.required_members
        vague = not required and name not in left_out
        fields[name] = Field(ANYTHING if name in free else _shape(shape, _DEPTH, spelled), required, vague)
    return an_object(fields, is_open=not is_sdk(resource))


def _shape(model: Any, depth: int, spelled: Spelling) -> Shape:
    """Return the shape of a member: what its model does not require may be there or not."""
    kind = model.type_name
    if kind in STRINGS:
        return ANY_STRING
    if kind in NUMBERS:
        return ANY_NUMBER
    if kind == "boolean":
        return ANY_BOOLEAN
    if kind == "list":
        return an_array(_shape(model.member, depth - 1, spelled) if depth else ANYTHING)
    if kind == "map":
        return an_object({}, is_open=True)
    if kind != "structure" or getattr(model, "is_document_type", False):
        return ANYTHING
    if not depth:
        return an_object({}, is_open=True)
    fields: dict[str, Field] = {}
    for member, shape in model.members.items():
        required = member in model.required_members
        fields[spelled(member)] = Field(_shape(shape, depth - 1, spelled), required, not required)
    return an_object(fields)
