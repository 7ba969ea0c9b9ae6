"""A small project whose size can be varied: things are listed, each is worked on, what came of them is gathered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function"


def machine(work: str = "work", gather: str = "gather") -> dict[str, Any]:
    """Return List → Each (a Map of Work) → Gather → Check → Small or Large, with these two functions."""
    return {
        "StartAt": "List",
        "States": {
            "List": {"Type": "Task", "Resource": f"{LAMBDA}:list-things", "ResultPath": "$.list", "Next": "Each"},
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.list.things",
                "MaxConcurrency": 1,  # one container, and one client
                "Iterator": {
                    "StartAt": "Work",
                    "States": {"Work": {"Type": "Task", "Resource": f"{LAMBDA}:{work}", "End": True}},
                },
                "ResultPath": "$.results",
                "Next": "Gather",
            },
            "Gather": {
                "Type": "Task",
                "Resource": f"{LAMBDA}:{gather}",
                "Parameters": {"results.$": "$.results"},
                "ResultPath": "$.gathered",
                "Next": "Check",
            },
            "Check": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.gathered.count", "NumericGreaterThan": 25, "Next": "Large"}],
                "Default": "Small",
            },
            "Small": {"Type": "Succeed"},
            "Large": {"Type": "Succeed"},
        },
    }


HANDLERS = {
    "list_things": """
        def handler(event, context):
            return {"things": [{"name": f"thing-{n:05d}"} for n in range(event["n"])]}
    """,
    "work": """
        import boto3, hashlib

        s3 = boto3.client("s3")

        def handler(event, context):
            key = "done/" + hashlib.sha256(event["name"].encode()).hexdigest()
            s3.put_object(Bucket="things", Key=key, Body=event["name"].encode())
            return {"key": key, "bucket": "things", "name": event["name"]}
    """,
    "gather": """
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            names = [s3.get_object(Bucket="things", Key=each["key"])["Body"].read() for each in event["results"]]
            s3.put_object(Bucket="things", Key="all", Body=b"\\n".join(names))
            return {"count": len(names), "key": "all"}
    """,
    "gather_distinct": """
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            names = {s3.get_object(Bucket="things", Key=each["key"])["Body"].read() for each in event["results"]}
            if len(names) != len(event["results"]):
                raise ValueError(f"{len(names)} different things of {len(event['results'])}")
            return {"count": len(names), "key": "all", "first": sorted(names)[0].decode()}
    """,
    "gather_at_most_fifty": """
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            if len(event["results"]) > 50:
                raise ValueError("too many")
            names = [s3.get_object(Bucket="things", Key=each["key"])["Body"].read() for each in event["results"]]
            return {"count": len(names), "names": names[0].decode()}
    """,
}
HANDLERS["work_unevenly"] = """
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            s3.put_object(Bucket="things", Key=event["name"], Body=b"x")
            number = int(event["name"][-5:])
            return {"key": event["name"], "text": "x" * (900 if 16 < number < 32 else 9)}
"""
HANDLERS["work_on_most"] = """
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            if int(event["name"][-5:]) % 4 == 3:
                raise ValueError("not this one")
            s3.put_object(Bucket="things", Key=event["name"], Body=b"x")
            return {"key": event["name"]}
"""
HANDLERS["poll"] = """
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            key = f"polls/{event['name']}"
            found = s3.list_objects_v2(Bucket="things", Prefix=key).get("Contents", [])
            s3.put_object(Bucket="things", Key=f"{key}/{len(found)}", Body=b"x")
            return {"name": event["name"], "n": event["n"], "done": len(found) + 1 >= event["n"]}
"""
HANDLERS["work_alone"] = """
        def handler(event, context):
            return {"key": "done/" + event["name"] * 5, "bucket": "things", "name": event["name"]}
"""
HANDLERS["gather_alone"] = """
        def handler(event, context):
            return {"count": len(event["results"]), "key": "all"}
"""
ALONE = machine("work-alone", "gather-alone")
"""The same without AWS: every handler is called for every item."""

POLLING: dict[str, Any] = {
    "StartAt": "Poll",
    "States": {
        "Poll": {"Type": "Task", "Resource": f"{LAMBDA}:poll", "Next": "Done"},
        "Done": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "End"}],
            "Default": "Pause",
        },
        "Pause": {"Type": "Wait", "Seconds": 60, "Next": "Poll"},
        "End": {"Type": "Succeed"},
    },
}
"""A handler is asked again and again until it says that all is done."""

FIXTURE = """
[input]
n = 5
things = ["a", "b", "c"]
label = "x"

[[buckets]]
name = "things"
"""


def project(folder: Path, definition: dict[str, Any], fixture: str = FIXTURE) -> None:
    """Write a project with one machine, `things`, and one fixture, `some`."""
    for name in ("definitions", "handlers", "fixtures/things/some"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "definitions" / "things.asl.json").write_text(json.dumps(definition, indent=2))
    for name, code in HANDLERS.items():
        lines = [line.removeprefix(" " * 8) for line in code.strip("\n").splitlines()]
        (folder / "handlers" / f"{name}.py").write_text("\n".join([*lines, ""]))
    (folder / "fixtures" / "things" / "some" / "fixture.toml").write_text(fixture)
