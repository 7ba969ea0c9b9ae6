"""Tags of machines and activities.

Source: API reference, TagResource, UntagResource, ListTagsForResource; recorded: sfn_api_tagging.
"""

from __future__ import annotations

from typing import Any

from sfn_sim.server.faults import no_resource
from sfn_sim.server.names import parse_arn
from sfn_sim.server.store import Store

Request = dict[str, Any]


def tags_of(listed: list[dict[str, str]]) -> dict[str, str]:
    """Return tags by key; of two with one key the later counts."""
    return {tag["key"]: tag.get("value", "") for tag in listed}


def _tags(store: Store, arn: str) -> dict[str, str]:
    parse_arn(arn)
    owner = store.machines.get(arn) or store.activities.get(arn)
    if owner is None:
        raise no_resource(arn)
    return owner.tags


def tag_resource(store: Store, request: Request) -> Request:
    """Put tags on a machine or an activity."""
    with store.lock:
        _tags(store, request["resourceArn"]).update(tags_of(request["tags"]))
    return {}


def untag_resource(store: Store, request: Request) -> Request:
    """Take tags off; those that are not there are no error."""
    with store.lock:
        tags = _tags(store, request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
    return {}


def list_tags_for_resource(store: Store, request: Request) -> Request:
    """List the tags of a machine or an activity."""
    tags = _tags(store, request["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
