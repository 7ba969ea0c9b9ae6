"""The functions of loan-with-variables.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def rate(event: Event, context: object) -> Event:
    left = event["income"] - sum(event["debts"])
    return {"score": left // 100, "terms": {"limit": left * 5, "asked": event["amount"]}}


def list_offices(event: Event, context: object) -> Event:
    offices = [{"name": "north", "fee": 10}, {"name": "south", "fee": 5}]
    return {"offices": offices if event["score"] > 20 else offices[:1], "requestId": "q-1"}


def ask_office(event: Event, context: object) -> Event:
    offer = {"rate": event["amount"] // 1000 + event["fee"], "request": event["request"]}
    return {"offer": offer, "office": event["office"]}


def decide(event: Event, context: object) -> Event:
    best = min(event["offers"], key=lambda offer: offer["rate"])
    return {"office": best["office"], "rate": best["rate"], "amount": event["limit"], "for": event["applicant"]}
