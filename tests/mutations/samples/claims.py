"""The functions of claims.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def register_claim(event: Event, context: object) -> Event:
    number = f"{event['id']}/{event['holder']}"
    return {"number": number, "policy": {"most": 200, "limit": 1000}, "office": "west"}


def check_item(event: Event, context: object) -> Event:
    paid = min(event["value"], event["most"])
    return {"paid": paid, "note": f"{event['claim']}: {event['item']}"}


def pay_claim(event: Event, context: object) -> Event:
    if event["amount"] <= 0:
        raise ValueError("amount must be positive")
    transfer = f"{event['to']} {event['currency']} {event['reference']}"
    return {"transfer": transfer, "booked": {"amount": event["amount"]}}
