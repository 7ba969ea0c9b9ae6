"""What outside parties do: answer for task tokens, and work for activities.

Source: API reference, SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat, GetActivityTask, CreateActivity and the
actions beside it; recorded: sfn_api_activities.
"""

from __future__ import annotations

import time
from typing import Any

from sfn_sim.definition.validate_json import refusal
from sfn_sim.run.effects import Answer
from sfn_sim.server.faults import ApiError
from sfn_sim.server.names import check_name, parse_arn
from sfn_sim.server.pages import page
from sfn_sim.server.store import Activity, Store
from sfn_sim.server.tags import tags_of

Request = dict[str, Any]


def send_task_success(store: Store, request: Request) -> Request:
    """Let the task that waits for a token succeed.

    Source: API reference, SendTaskSuccess (InvalidOutput; its words are assumed).
    """
    words = refusal(request["output"])
    if words is not None:
        raise ApiError("InvalidOutput", f"Invalid Output: '{words}'")
    started = store.by_token(request["taskToken"])
    started.run.answer(request["taskToken"], Answer(output=request["output"].encode("utf-8", "surrogatepass")))
    return {}


def send_task_failure(store: Store, request: Request) -> Request:
    """Let the task that waits for a token fail."""
    started = store.by_token(request["taskToken"])
    started.run.answer(request["taskToken"], Answer(error=request.get("error"), cause=request.get("cause")))
    return {}


def send_task_heartbeat(store: Store, request: Request) -> Request:
    """Begin the heartbeat of the task that waits for a token anew."""
    store.by_token(request["taskToken"]).run.heartbeat(request["taskToken"])
    return {}


def create_activity(store: Store, request: Request) -> Request:
    """Create an activity; the same request again gives the same answer."""
    check_name(request["name"])
    with store.lock:
        arn = store.arn("activity", request["name"])
        activity = store.activities.get(arn)
        if activity is None:
            activity = Activity(request["name"], arn, store.clock.now(), tags_of(request.get("tags", [])))
            store.activities[arn] = activity
    return {"activityArn": arn, "creationDate": activity.created}


def _activity(store: Store, arn: str) -> Activity:
    parse_arn(arn, "activity")
    activity = store.activities.get(arn)
    if activity is None:
        raise ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
    return activity


def describe_activity(store: Store, request: Request) -> Request:
    """Describe an activity."""
    activity = _activity(store, request["activityArn"])
    return {
        "activityArn": activity.arn,
        "name": activity.name,
        "creationDate": activity.created,
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }


def delete_activity(store: Store, request: Request) -> Request:
    """Delete an activity; one that is not there is no error."""
    parse_arn(request["activityArn"], "activity")
    store.activities.pop(request["activityArn"], None)
    return {}


def list_activities(store: Store, request: Request) -> Request:
    """List the activities."""
    activities, more = page(sorted(store.activities.values(), key=lambda each: each.name), request)
    listed = [{"activityArn": each.arn, "name": each.name, "creationDate": each.created} for each in activities]
    return {"activities": listed, **more}


def get_activity_task(store: Store, request: Request) -> Request:
    """Give a worker the oldest task of an activity; nothing, if none comes within the store's `activity_poll_s`."""
    activity = _activity(store, request["activityArn"])
    end = time.perf_counter() + store.activity_poll_s
    while True:
        for started in store.running():
            taken = started.run.take(activity.arn, request.get("workerName"))
            if taken is not None:
                return {"taskToken": taken[0], "input": taken[1]}
        left = end - time.perf_counter()
        if left <= 0:
            return {}
        with store.changed:
            # An execution that is being moved just now cannot be asked, and tells nobody when it is idle again.
            store.changed.wait(min(left, 0.05))
