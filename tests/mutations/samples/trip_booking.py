"""The functions of trip-booking.asl.json."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


class CardRefused(Exception):
    """The bank does not pay."""


def book_flight(event: Event, context: object) -> Event:
    number = f"f-{event['origin']}-{event['destination']}-{event['passenger']}"
    return {"bookingId": number, "price": 300, "arrival": {"city": event["destination"], "at": "10:30"}}


def book_hotel(event: Event, context: object) -> Event:
    return {"bookingId": f"h-{event['city']}-{event['guest']}", "price": {"total": 100 * event["nights"]}}


def pay_trip(event: Event, context: object) -> Event:
    raise CardRefused(f"{event['card']}: {event['sum']} for {len(event['bookings'])} bookings")


def cancel_booking(event: Event, context: object) -> Event:
    return {"at": f"{event['bookingId']} because of {event['reason']}", "fee": 0}
