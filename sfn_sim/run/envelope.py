"""What lambda:invoke answers: the function's response inside the SDK's own.

Source: recorded: lambda_task_service/invoke_json_values (fields, headers and their order).
"""

from __future__ import annotations

import base64
from datetime import timedelta

from sfn_sim.payload import Json
from sfn_sim.run.context import Identity
from sfn_sim.run.seed import Stream


def lambda_envelope(
    result: Json, size_bytes: int, identity: Identity, at_ms: int, visit: int, seed: int, printed: str | None = None
) -> dict[str, Json]:
    """Return the result of a lambda:invoke task; ids are drawn from the seed, the date is virtual.

    `printed` is what the function wrote, where the task asks for the end of its log (LogType Tail).
    """
    stream = Stream.named(seed, "lambda:invoke", visit, at_ms)
    request_id = stream.uuid4()
    moment = identity.start + timedelta(milliseconds=at_ms)
    trace = f"root=1-{int(moment.timestamp()):08x}-{stream.uuid4().replace('-', '')[:24]};sampled=0"
    headers: dict[str, str] = {
        "X-Amz-Executed-Version": "$LATEST",
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request_id,
        "Content-Length": str(size_bytes),
        "Date": moment.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "X-Amzn-Trace-Id": trace,
        "Content-Type": "application/json",
    }
    tail: dict[str, Json] = {}
    if printed is not None:
        headers["X-Amz-Log-Result"] = tail["LogResult"] = _log_result(printed, request_id)
    return {
        "ExecutedVersion": "$LATEST",
        **tail,
        "Payload": result,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StatusCode": 200,
    }


def _log_result(printed: str, request_id: str) -> str:
    """Return the end of a function's log as lambda:invoke gives it.

    Source: Lambda API reference, Invoke, LogType (the last 4 KB, base64); recorded: invoke_unsupported_param. The
    duration that Lambda reports is not measured, so that two runs are equal.
    """
    lines = f"START RequestId: {request_id} Version: $LATEST\n{printed}"
    lines += "" if lines.endswith("\n") else "\n"
    lines += f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: 1.00 ms\tBilled Duration: 1 ms\n"
    return base64.b64encode(lines.encode()[-4096:]).decode()
