"""The functions of exam-marking.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def get_key(event: Event, context: object) -> Event:
    return {"key": {"answers": ["a", "b"], "weight": 3}, "of": event["examId"]}


def mark_paper(event: Event, context: object) -> Event:
    right = sum(given == wanted for given, wanted in zip(event["answers"], event["key"], strict=True))
    return {"mark": right * event["weight"] + (not event["strict"] and right == 1), "right": right}


def ask_third(event: Event, context: object) -> Event:
    name = f"third of {event['exam']} for {event['student']}"
    return {"mark": max(event["marks"]), "marker": {"name": name}}


def publish_marks(event: Event, context: object) -> Event:
    best = [f"{each['student']}: {each['mark']} by {each['by']}" for each in event["marks"]]
    passed = sum(each["mark"] >= event["pass"] for each in event["marks"])
    return {"passed": passed, "lines": best, "place": f"{event['run']}/{event['exam']}"}


def tell_students(event: Event, context: object) -> Event:
    return {"message": f"{event['place']}: {'; '.join(event['lines'])}", "sent": event["passed"]}
