"""The functions of feed-import.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def fetch_feed(event: Event, context: object) -> Event:
    entries = [{"title": f" Entry {n} ", "link": f"{event['url']}/{n}?{event['tag']}"} for n in range(event["size"])]
    return {"entries": entries, "headers": {"etag": "e-1", "age": 3}}


def clean_entry(event: Event, context: object) -> Event:
    title = event["title"].strip()
    return {"title": title, "slug": f"{event['position']}-{title.lower().replace(' ', '-')}", "link": event["link"]}


def merge_entries(event: Event, context: object) -> Event:
    if event["options"]["size"] < 1:
        return {"added": 0, "index": {"version": event["etag"]}}
    slugs = {each["slug"] for each in event["entries"]}
    return {"added": len(slugs), "index": {"version": f"{event['etag']}+{len(event['entries'])}"}}


def publish_index(event: Event, context: object) -> Event:
    return {"url": f"/index/{event['version']}/{event['first']}?added={event['added']}"}
