"""The functions of counted-loop.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def iterate(event: Event, context: object) -> Event:
    index = event["at"] + event["step"]
    return {"index": index, "step": event["step"], "count": event["until"], "more": index <= event["until"]}


def do_work(event: Event, context: object) -> Event:
    if "comment" not in event:
        raise KeyError("comment")
    return {"label": f"{event['comment']}: {event['label']}", "sum": event["round"] * 2}
