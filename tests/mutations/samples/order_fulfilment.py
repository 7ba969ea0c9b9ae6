"""The functions of order-fulfilment.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def validate_order(event: Event, context: object) -> Event:
    total = sum(line["quantity"] * line["price"] for line in event["lines"])
    return {"ok": total > 0, "total": total, "code": "Empty", "reason": f"{event['id']} costs nothing"}


def reserve_stock(event: Event, context: object) -> Event:
    skus = sorted(line["sku"] for line in event["items"])
    return {"reservationId": f"{event['reference']}/{'+'.join(skus)}", "depot": "north", "until": 3600}


def charge_card(event: Event, context: object) -> Event:
    if event["amount"] <= 0:
        raise ValueError("amount must be positive")
    return {"receipt": f"r-{event['reference']}", "currency": "EUR"}


def ship_order(event: Event, context: object) -> Event:
    place = f"{event['zip']} {event['city']}"
    return {"tracking": f"{event['depot']}:{event['reservation']}", "eta": {"day": 3, "to": place}}


def tell_customer(event: Event, context: object) -> Event:
    for key in ("email", "subject", "tracking", "receipt"):
        if not event.get(key):
            raise ValueError(f"missing required field: {key}")
    return {"messageId": "m-1"}
