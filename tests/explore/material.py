"""A small project to explore: orders wait in a table, each is paid into an account, then marked."""

from __future__ import annotations

import json
from pathlib import Path

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function"
DEFINITION = {
    "StartAt": "List",
    "States": {
        "List": {"Type": "Task", "Resource": f"{LAMBDA}:list-orders", "ResultPath": "$.ids", "Next": "Each"},
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.ids",
            "ItemProcessor": {
                "StartAt": "Pay",
                "States": {
                    "Pay": {
                        "Type": "Task",
                        "Resource": f"{LAMBDA}:pay",
                        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}],
                        "Next": "WasItPaid",
                    },
                    "WasItPaid": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$.paid", "IsPresent": True, "Next": "Paid"}],
                        "Default": "NotPaid",
                    },
                    "Paid": {"Type": "Succeed"},
                    "NotPaid": {"Type": "Fail", "Error": "NotPaid"},
                },
            },
            "End": True,
        },
    },
}
LIST = """
import boto3

def handler(event, context):
    rows = boto3.client("dynamodb").scan(TableName="orders", ConsistentRead=True)["Items"]
    return [row["id"]["S"] for row in rows if row["state"]["S"] == "PENDING"]
"""
ADD = """
    db.update_item(TableName="account", Key={"id": {"S": "till"}}, UpdateExpression="ADD amount :one",
                   ExpressionAttributeValues={":one": {"N": "1"}})
    db.update_item(TableName="orders", Key={"id": {"S": event}}, UpdateExpression="SET #s = :d",
                   ExpressionAttributeNames={"#s": "state"}, ExpressionAttributeValues={":d": {"S": "DONE"}})
    return {"paid": event}
"""
NOT_IDEMPOTENT = f"import boto3\n\ndef handler(event, context):\n    db = boto3.client('dynamodb')\n{ADD}"
SWALLOWS = """
import boto3

def handler(event, context):
    db = boto3.client("dynamodb")
    try:
        pay(db, event)
    except Exception as error:
        return {"paid": None, "why": str(error)}
    return {"paid": event}
"""
PAY_ONCE = """
def pay(db, event):
    try:
        db.transact_write_items(TransactItems=[
            {"Update": {"TableName": "orders", "Key": {"id": {"S": event}}, "UpdateExpression": "SET #s = :d",
                        "ConditionExpression": "#s = :p", "ExpressionAttributeNames": {"#s": "state"},
                        "ExpressionAttributeValues": {":d": {"S": "DONE"}, ":p": {"S": "PENDING"}}}},
            {"Update": {"TableName": "account", "Key": {"id": {"S": "till"}}, "UpdateExpression": "ADD amount :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}}}},
        ])
    except db.exceptions.TransactionCanceledException:
        row = db.get_item(TableName="orders", Key={"id": {"S": event}}, ConsistentRead=True)["Item"]
        if row["state"]["S"] != "DONE":
            raise
"""
IDEMPOTENT = f"""
import boto3

def handler(event, context):
    pay(boto3.client("dynamodb"), event)
    return {{"paid": event}}
{PAY_ONCE}"""
WORLD = """
from sfn_sim.world import Check

def build(world, params):
    world.put_items("orders", [{"id": name, "state": "PENDING"} for name in params["orders"]])

def expect_every_order_paid_once(world, execution):
    paid = sum(row["amount"] for row in world.scan("account"))
    done = sum(row["state"] == "DONE" for row in world.scan("orders"))
    count = len(world.params["orders"])
    return [Check("paid", paid == count, count, paid), Check("orders done", done == count, count, done)]
"""
FIXTURE = """
about = "Two orders to pay."
python = "world.py"

[params]
orders = ["a", "b"]

[[tables]]
name = "orders"
key = ["id"]

[[tables]]
name = "account"
key = ["id"]

[expect]
status = "SUCCEEDED"
"""


def project(folder: Path, pay: str) -> None:
    """Write the project into a folder, with this handler that pays."""
    fixture = folder / "fixtures" / "orders" / "two"
    for each in (folder / "definitions", folder / "handlers", fixture):
        each.mkdir(parents=True)
    (folder / "definitions" / "orders.asl.json").write_text(json.dumps(DEFINITION, indent=2))
    (folder / "handlers" / "list_orders.py").write_text(LIST)
    (folder / "handlers" / "pay.py").write_text(pay)
    (fixture / "world.py").write_text(WORLD)
    (fixture / "fixture.toml").write_text(FIXTURE)
