"""A machine's log in CloudWatch Logs, as its LoggingConfiguration asks for it.

Only a mock or an endpoint of the caller's own is ever written to: moto while it is started, or AWS_ENDPOINT_URL.

Source: Developer Guide, Using CloudWatch Logs (log levels, events); recorded: logs, express_async.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from sfn_sim import clock
from sfn_sim.run.execution import Execution

_BAD_ENDS = ("Failed", "Aborted", "TimedOut")
_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters")


def deliver(execution: Execution, arn: str, logging: dict[str, Any]) -> None:
    """Write the log of an execution that has ended."""
    group = _group(logging)
    if group is None or not _is_ours():
        return
    lines = list(log_lines(execution, arn, logging))
    if not lines:
        return
    import boto3
    from botocore.exceptions import ClientError

    with clock.real_time():
        client = boto3.client(
            "logs", region_name=arn.split(":")[3], aws_access_key_id="sfn-sim", aws_secret_access_key="sfn-sim"
        )
        stream = f"states/{execution.identity.machine_name}/{arn.rpartition(':')[2]}"
        # Events older than two weeks are refused: the virtual moment stands inside the message alone.
        at_ms = time.time_ns() // 1_000_000
        try:
            client.create_log_stream(logGroupName=group, logStreamName=stream)
            client.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[{"timestamp": at_ms, "message": line} for line in lines],
            )
        except ClientError:
            pass  # Source: recorded: deleted_log_group: an execution does not mind where its log goes


def log_lines(execution: Execution, arn: str, logging: dict[str, Any]) -> Iterator[str]:
    """Yield the events that a LoggingConfiguration wants, as JSON text."""
    for event in execution.history():
        if not _is_wanted(event["type"], logging.get("level", "OFF")):
            continue
        details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
        if not logging.get("includeExecutionData", False):
            details = {name: value for name, value in details.items() if name not in _DATA}
        line = {
            "id": str(event["id"]),
            "type": event["type"],
            "details": details,
            "previous_event_id": str(event["previousEventId"]),
            "event_timestamp": str(round(event["timestamp"].timestamp() * 1000)),
            "execution_arn": arn,
            "redrive_count": "0",
        }
        yield json.dumps(line, ensure_ascii=False)


def _is_wanted(kind: str, level: str) -> bool:
    """Tell whether a log level has an event type.

    Source: Developer Guide, Log levels for Step Functions execution events.
    """
    if level == "ALL":
        return True
    bad = kind.endswith(_BAD_ENDS)
    return (level == "ERROR" and (bad or kind == "FailStateEntered")) or (
        level == "FATAL" and bad and kind.startswith("Execution")
    )


def _group(logging: dict[str, Any]) -> str | None:
    for destination in logging.get("destinations", []):
        arn: str = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        parts = arn.split(":")
        if len(parts) > 6:
            return parts[6]
    return None


def _is_ours() -> bool:
    if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_LOGS"):
        return True
    moto = sys.modules.get("moto.core.models")
    return moto is not None and bool(moto.MockAWS._mocks_active)
