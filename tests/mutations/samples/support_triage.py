"""The functions of support-triage.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def classify(event: Event, context: object) -> Event:
    label = next((each for each in event["labels"] if each in event["body"]), "other")
    return {"label": label, "scores": {"best": 0.9, "second": 0.1}}


def find_customer(event: Event, context: object) -> Event:
    return {"customer": {"id": f"k-{event['email'].split('@')[0]}"}, "plan": "gold", "since": 2019}


def page_someone(event: Event, context: object) -> Event:
    name = f"{event['who']}/{event['queue']}/{event['customer']}/{event['ticket']}"
    return {"pageId": name, "window": {"start": 0, "end": event["within"]}}
