"""The functions of warehouse-load.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def credentials(event: Event, context: object) -> Event:
    return {"token": f"t-{event['source']}", "endpoint": {"host": f"https://{event['source']}.example.com"}}


def load_file(event: Event, context: object) -> Event:
    key = f"{event['day']}/{event['url'].rpartition('/')[2]}"
    return {"rows": len(event["url"]), "object": {"key": key, "by": event["token"]}}


def write_table(event: Event, context: object) -> Event:
    if len(event["keys"]) != event["files"]:
        raise ValueError(f"{len(event['keys'])} keys for {event['files']} files")
    return {"version": f"v-{event['table']}", "stats": {"rows": event["expected"], "files": event["files"]}}
