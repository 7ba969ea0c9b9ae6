"""Totals a batch of orders."""


def handler(event, context):
    amounts = [item["amount"] for item in event["Items"]]
    return {"currency": event["BatchInput"]["currency"], "orders": len(amounts), "total": sum(amounts)}
