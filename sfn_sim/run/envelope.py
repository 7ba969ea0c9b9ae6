"""What lambda:invoke answers: the function's response inside the SDK's own.

Source: recorded: lambda_task_service/invoke_json_values (fields, headers and their order).
"""

from __future__ import annotations

from datetime import timedelta

from sfn_sim.payload import Json
from sfn_sim.run.context import Identity
from sfn_sim.run.seed import Stream


def lambda_envelope(
    result: Json, size_bytes: int, identity: Identity, at_ms: int, visit: int, seed: int
) -> dict[str, Json]:
    """Return the result of a lambda:invoke task; ids are drawn from the seed, the date is virtual."""
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
    return {
        "ExecutedVersion": "$LATEST",
        "Payload": result,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StatusCode": 200,
    }
