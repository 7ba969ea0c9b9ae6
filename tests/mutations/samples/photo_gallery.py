"""The functions of photo-gallery.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def read_metadata(event: Event, context: object) -> Event:
    path = f"{event['s3Bucket']}/{event['s3Key']}"
    return {"format": "JPEG", "size": {"width": 1024, "height": 768}, "exif": {"taken": "2025-01-01", "of": path}}


def shrink(event: Event, context: object) -> Event:
    if event["scale"] >= event["from"]:
        raise ValueError("scale must be smaller than from")
    name = f"{event['source']}@{event['scale']}-{event['index']}"
    return {"thumbnail": {"key": name, "bytes": event["scale"] * 10}}


def find_labels(event: Event, context: object) -> Event:
    return {"labels": [f"cat in {event['image']}", "sofa"][: event["limit"]], "model": "m-2"}


def store_picture(event: Event, context: object) -> Event:
    names = [each["key"] for each in event["thumbnails"]]
    number = len(names) + len(event["labels"]) + event["height"]
    return {"id": f"{event['owner']}-{event['taken']}-{number}", "names": names}
