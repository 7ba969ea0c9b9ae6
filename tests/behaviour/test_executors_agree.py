"""One machine, every executor: the log is the same, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import Handlers
from sfn_sim.config import find_config
from sfn_sim.run.execution import Execution
from sfn_sim.world import load_fixture, open_world
from tests.behaviour.machines import INVOKE, graph, machine, passing, task

HANDLERS = {
    # Its container counts its own calls, and tells all that a handler can see of where it runs.
    "tell.py": """
        import datetime, os, time
        import near

        calls = 0

        def handler(event, context):
            global calls
            calls += 1
            os.environ["MINE"] = os.environ.get("MINE", "") + "x"
            print("tells", event, calls)
            time.sleep(event.get("sleep", 0))
            return {
                "calls": calls, "near": near.touch(), "mine": os.environ["MINE"], "request": context.aws_request_id,
                "stream": context.log_stream_name, "left": context.get_remaining_time_in_millis(),
                "now": time.time(), "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
                "environment": {key: os.environ[key] for key in sorted(os.environ)
                                if key.startswith(("AWS_", "OPENAI_", "FROM_")) or key == "_HANDLER"},
            }
    """,
    "near.py": """
        touched = []

        def touch():
            touched.append(1)
            return len(touched)
    """,
    # Fails as often as it is told; the stack has frames of two files.
    "shaky.py": """
        import logging
        import failing

        seen = []

        def handler(event, context):
            number = event["number"]
            seen.append(number)
            logging.getLogger().warning("%s after %s", number, seen)
            if event["fails"] > event["attempt"]:
                failing.fail(number)
            return {"number": number, "unicode": "é€\\U0001f600"}
    """,
    "failing.py": """
        class ShakyError(Exception):
            pass

        def fail(number):
            raise ShakyError(f"number {number} fails")
    """,
    "ends.py": """
        import os, sys

        def handler(event, context):
            print("ends", flush=True)
            endings = {
                "exit": lambda: sys.exit(3), "_exit": lambda: os._exit(4), "kill": lambda: os.kill(os.getpid(), 9),
            }
            endings[event["what"]]()
    """,
    "odd.py": """
        import socket, time

        def handler(event, context):
            what = event["what"]
            if what == "network":
                socket.create_connection(("192.0.2.1", 80), timeout=1)
            if what == "late":
                time.sleep(1000)
            return {what} if what == "set" else event[what]
    """,
}
EXECUTORS = [("threads", 3), ("processes", 1), ("processes", 2), ("processes", 3)]
ENDINGS = [
    ("ends", "exit"), ("ends", "_exit"), ("ends", "kill"), ("odd", "network"), ("odd", "late"), ("odd", "set"),
    ("odd", "raise"),
]  # fmt: skip
SHAKY = {"number.$": "$.number", "fails.$": "$.fails", "attempt.$": "$$.State.RetryCount"}
RETRY = [{"ErrorEquals": ["ShakyError"], "IntervalSeconds": 2, "BackoffRate": 2.0, "MaxAttempts": 2}]


def caught(name: str, function: str, value: Any) -> dict[str, Any]:
    """Return a branch that calls a function, and keeps the error that it ends with."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": f"{name} kept"}]
    call = task(function, Parameters={"what": value}, Catch=catch, Next=f"{name} kept")
    return graph(**{name: call, f"{name} kept": passing()})


MACHINE = machine(
    Each={
        "Type": "Map",
        "MaxConcurrency": 5,
        "ItemProcessor": graph(T=task("tell", ResultPath="$.told", Next="S"),
                               S=task("shaky", Retry=RETRY, ResultPath="$.shaken", Parameters=SHAKY)),
        "Next": "Both",
    },
    Both={
        "Type": "Parallel",
        "Branches": [
            *(caught(f"{function} {value}", function, value) for function, value in ENDINGS),
            graph(Tell=task("tell", Parameters={"sleep": 3})),
            graph(I={"Type": "Task", "Resource": INVOKE, "End": True,
                     "Parameters": {"FunctionName": "tell", "Payload": {"number": 0}, "LogType": "Tail"}}),
        ],
        "Next": "Again",
    },
    Again=task("tell", Parameters={"sleep": 0.5}),
)  # fmt: skip
INPUT = [{"number": number, "sleep": number % 3 / 4, "fails": number % 4 // 2} for number in range(9)]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(textwrap.dedent(text).lstrip())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("handlers"), HANDLERS)


def log_of(execution: Execution) -> bytes:
    """Return all of a log that does not tell real time."""
    visits = [
        [visit.state.name, visit.entered_ms, visit.exited_ms, visit.output, visit.stages, visit.retry_delays_ms,
         visit.error, visit.printed]
        for visit in execution.log.visits
    ]  # fmt: skip
    return json.dumps([list(execution.history()), visits], default=repr).encode()


def log_in(folder: Path, executor: str, workers: int, cold: bool = False) -> bytes:
    handlers = Handlers(folder, config=find_config(folder))
    environment = {"FROM_THE_RUN": "1", "AWS_REGION": "eu-central-1"}
    execution = MACHINE.run(
        INPUT, handlers, executor=executor, workers=workers, environment=environment, cold=cold, handler_wall_limit_s=60
    )
    return log_of(execution)


@pytest.fixture(scope="module")
def inline(folder: Path) -> Callable[[bool], bytes]:
    logs = {cold: log_in(folder, "inline", 1, cold) for cold in (False, True)}
    return logs.__getitem__


def test_the_machine_does_what_it_is_to_compare(inline: Callable[[bool], bytes]) -> None:
    log = inline(False).decode()
    for words in ("ShakyError", "Runtime.ExitError", "signal: killed", "Sandbox.Timedout", "Runtime.MarshalError",
                  "NetworkRefusedError", "is not JSON serializable", "failing.py", "number 6 fails"):  # fmt: skip
        assert words in log
    assert inline(True) != inline(False)


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
@pytest.mark.parametrize(("executor", "workers"), EXECUTORS)
def test_the_log_is_the_same_whoever_runs_the_handlers(
    folder: Path, inline: Callable[[bool], bytes], executor: str, workers: int, cold: bool
) -> None:
    assert log_in(folder, executor, workers, cold) == inline(cold)


WORLD = {"fixture.toml": """
[environment]
BUCKET = "bucket"

[[buckets]]
name = "bucket"

[[tables]]
name = "T"
key = ["PK"]

[[queues]]
name = "q"

[[faults]]
service = "s3"
operation = "PutObject"
match = "/kept"
status = 503
code = "SlowDown"
after = 1

[[faults]]
service = "s3"
operation = "PutObject"
match = "/half"
status = "cut-off"

[[faults]]
service = "dynamodb"
operation = "GetItem"
status = "timeout"
""", "user.py": """
    import os, time
    import boto3, requests
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1})
    s3, table = boto3.client("s3", config=config), boto3.client("dynamodb", config=config)
    queues = boto3.client("sqs", config=config)

    def attempt(call):
        try:
            call()
        except Exception as error:
            print(error)
            return type(error).__name__
        return "ok"

    def handler(event, context):
        bucket = os.environ["BUCKET"]
        time.sleep(7)
        name = f"k{event}"
        s3.put_object(Bucket=bucket, Key=name, Body=b"x" * event, Metadata={"a_b": "é".encode().hex()})
        table.put_item(TableName="T", Item={"PK": {"S": name}, "N": {"N": "1"}})
        found = s3.get_object(Bucket=bucket, Key=name)
        url = queues.get_queue_url(QueueName="q")["QueueUrl"]
        signed = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": name})
        return [
            found["Body"].read().decode(), found["LastModified"].isoformat(), found["Metadata"], found["ETag"],
            [attempt(lambda: s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")) for _ in range(3)],
            s3.put_object(Bucket=bucket, Key="half", Body=b"abcdef")["ETag"],
            s3.head_object(Bucket=bucket, Key="half")["ContentLength"],
            [attempt(lambda: table.get_item(TableName="T", Key={"PK": {"S": name}})) for _ in range(2)],
            attempt(lambda: s3.get_object(Bucket="nobody", Key="x")),
            attempt(lambda: table.put_item(
                TableName="T", Item={"PK": {"S": name}}, ConditionExpression="attribute_not_exists(PK)"
            )),
            url, s3.meta.endpoint_url, signed, requests.get(signed).text,
        ]
"""}  # fmt: skip


def in_a_world(folder: Path, executor: str, workers: int) -> tuple[bytes, Any]:
    one_after_the_other = machine(
        A={"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": graph(T=task("user")), "End": True}
    )
    with open_world(load_fixture(folder)) as world:
        execution = one_after_the_other.run(
            [1, 2, 3], Handlers(folder), start=world.start, executor=executor, workers=workers, isolate=False,
            handler_wall_limit_s=60,
        )  # fmt: skip
        assert execution.status == "SUCCEEDED", execution.cause
        left = (world.objects("bucket"), world.scan("T"), len(world.faults.unmet()))
    return log_of(execution), left


def test_in_a_world_answers_timestamps_and_faults_are_the_same(tmp_path: Path) -> None:
    write(tmp_path, WORLD)
    inline, left = in_a_world(tmp_path, "inline", 1)
    assert b"SlowDown" in inline
    assert b"ReadTimeoutError" in inline
    assert left[0]["half"] == 6
    assert left[2] == 0
    assert in_a_world(tmp_path, "threads", 2) == (inline, left)
    assert in_a_world(tmp_path, "processes", 2) == (inline, left)


ROOT = Path(__file__).resolve().parent.parent.parent


def ingested(*options: str) -> Any:
    """Run the small world of lines by the command line; return its JSON without real times."""
    done = subprocess.run(
        [sys.executable, "-m", "sfn_sim.cli", "run", "line", "--fixture", "small", "--json", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

    def without_real_times(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_real_times(each) for key, each in value.items() if "real_ms" not in key}
        return [without_real_times(each) for each in value] if isinstance(value, list) else value

    found = without_real_times(json.loads(done.stdout))
    # How large ChromaDB makes its files is up to it.
    found["world"]["after"].pop("bytes")
    return found


@pytest.mark.slow
def test_the_ingestion_of_a_world_is_the_same_in_processes() -> None:
    pytest.importorskip("chromadb")
    assert ingested("--executor", "processes", "--workers", "2") == ingested()
