"""Run a workload in moto's own interpreter of Step Functions, in a process of its own.

    python benchmarks/peer_moto.py WORKLOAD.json REPEAT

Prints one JSON object: version, seconds of each run, output. moto's Lambda without Docker runs no code: it gives its
event back, and takes no time for it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

FUNCTION = "trivial"
_GIVE_UP_S = 300


def prepared(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the definition with its Maps ten at a time: with one at a time moto's Map never ends."""
    text = json.dumps(definition)
    return json.loads(text.replace('"MaxConcurrency": 1,', '"MaxConcurrency": 10,'))  # type: ignore[no-any-return]


def create_function(role: str) -> None:
    import boto3

    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("h.py", "def handler(event, context):\n    return event\n")
    boto3.client("lambda").create_function(
        FunctionName=FUNCTION, Runtime="python3.11", Role=role, Handler="h.handler", Code={"ZipFile": code.getvalue()}
    )


def once(client: Any, definition: str, role: str, given: str) -> tuple[float, dict[str, Any]]:
    """Run once and return the seconds and DescribeExecution's answer."""
    # A machine of its own for each run: moto copies the earlier executions of a machine along with it.
    name = uuid.uuid4().hex
    machine = client.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
    started = time.perf_counter()
    arn = client.start_execution(stateMachineArn=machine, name=name, input=given)["executionArn"]
    while True:
        answer = client.describe_execution(executionArn=arn)
        seconds = time.perf_counter() - started
        # The status can show SUCCEEDED a moment before the output is there.
        ended = answer["status"] != "RUNNING" and (answer["status"] != "SUCCEEDED" or "output" in answer)
        if ended or seconds > _GIVE_UP_S:
            return seconds, answer
        time.sleep(0.002)


def main() -> None:
    workload = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1"
    )
    import moto

    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with moto.mock_aws(config=config):
        import boto3

        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        create_function(role)
        client = boto3.client("stepfunctions")
        definition, given = json.dumps(prepared(workload["definition"])), json.dumps(workload["input"])
        seconds: list[float] = []
        for _ in range(int(sys.argv[2])):
            took, answer = once(client, definition, role, given)
            seconds.append(took)
        output = json.loads(answer["output"]) if "output" in answer else None
    said = {key: answer.get(key) for key in ("status", "error", "cause")}
    print(json.dumps({"version": moto.__version__, "seconds": seconds, "output": output, **said}))


if __name__ == "__main__":
    main()
