"""What a Task on an AWS service gives back, as a shape, after the service's model.

A member that the model does not require may be there or not, and nothing is said of it, except for those that a service
leaves out when it has found nothing.
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
from sfn_sim.services.responses import answer_model, pascal_case

# Source: API references: GetItem ("If there is no matching item, GetItem does not return any data and there will be
# no Item element in the response"), Query and Scan (LastEvaluatedKey), ListObjectsV2, ReceiveMessage.
_LEFT_OUT = {
    ("dynamodb", "GetItem"): ("Item",),
    ("dynamodb", "Query"): ("LastEvaluatedKey",),
    ("dynamodb", "Scan"): ("LastEvaluatedKey",),
    ("s3", "ListObjectsV2"): ("Contents", "NextContinuationToken"),
    ("sqs", "ReceiveMessage"): ("Messages",),
}
_KINDS = {"boolean": ANY_BOOLEAN, "list": an_array(ANYTHING), "map": an_object({}, is_open=True),
          "structure": an_object({}, is_open=True), "string": ANY_STRING}  # fmt: skip
_NUMBERS = ("integer", "long", "short", "float", "double")


def result_shape(resource: str) -> Shape | None:
    """Return the shape of what a Task on a resource gives back; None where no model tells it.

    Source: Developer Guide, Integrating services; API references, by way of botocore's models.
    """
    found = answer_model(resource)
    if found is None:
        return None
    called, model, free = found
    left_out = _LEFT_OUT.get(called, ())
    fields: dict[str, Field] = {}
    for member, shape in model.members.items():
        name = pascal_case(member)
        required = member in model.required_members
        if required or name in left_out:
            fields[name] = Field(ANYTHING if name in free else _kind(shape), required)
    return an_object(fields, is_open=True)


def _kind(shape: Any) -> Shape:
    return ANY_NUMBER if shape.type_name in _NUMBERS else _KINDS.get(shape.type_name, ANYTHING)
