"""Faults of AWS's services: only handlers meet them, as often and where the fixture says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfn_sim.errors import FixtureError
from sfn_sim.machine import StateMachine
from sfn_sim.world import World, load_fixture, open_world

MACHINE = {
    "StartAt": "Work",
    "States": {
        "Work": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:work", "End": True}
    },
}
BASE = """
[[buckets]]
name = "bucket"
[[tables]]
name = "T"
key = ["PK"]
[[queues]]
name = "q"
"""


def _run(folder: Path, toml: str, work: Any, look: Any = None) -> Any:
    """Run one handler in a world with faults; return its output, or what `look` finds in the world."""
    (folder / "fixture.toml").write_text(BASE + toml)
    with open_world(load_fixture(folder)) as world:
        execution = StateMachine.from_json(MACHINE).run({}, {"work": work}, isolate=False)
        assert execution.status == "SUCCEEDED", execution.cause
        return look(world) if look else execution.output


def _client(service: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


def _outcomes(call: Any, count: int) -> list[str]:
    """Return what each of `count` calls gave: "ok", or its error."""
    from botocore.exceptions import ClientError, ReadTimeoutError

    found = []
    for _ in range(count):
        try:
            call()
            found.append("ok")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            found.append(f"{status} {error.response['Error']['Code']}")
        except ReadTimeoutError:
            found.append("timeout")
    return found


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ('status = 503\ncode = "SlowDown"', ["503 SlowDown", "ok", "ok", "ok", "ok"]),
        ('status = 503\ncode = "SlowDown"\nevery = 2\ntimes = 2', ["ok", "503 SlowDown", "ok", "503 SlowDown", "ok"]),
        ('status = "timeout"\nafter = 3\ntimes = 9', ["ok", "ok", "ok", "timeout", "timeout"]),
        ('operation = "GetObject"\nstatus = 500\ncode = "InternalError"', ["ok"] * 5),
        ('match = "/elsewhere"\nstatus = 500\ncode = "InternalError"', ["ok"] * 5),
    ],
)
def test_a_fault_takes_the_requests_that_it_is_about(tmp_path: Path, fault: str, found: list[str]) -> None:
    def work(event: Any, context: object) -> Any:
        s3 = _client("s3")
        return _outcomes(lambda: s3.put_object(Bucket="bucket", Key="k", Body=b"x"), 5)

    assert _run(tmp_path, f'[[faults]]\nservice = "s3"\n{fault}\n', work) == found


def test_what_a_fault_refuses_is_not_done(tmp_path: Path) -> None:
    def work(event: Any, context: object) -> Any:
        s3 = _client("s3")
        return _outcomes(lambda: s3.put_object(Bucket="bucket", Key="k", Body=b"x"), 1)

    toml = '[[faults]]\nservice = "s3"\nstatus = 503\ncode = "SlowDown"\n'
    assert _run(tmp_path, toml, work, lambda world: world.objects("bucket")) == {}


def test_each_protocol_has_its_own_form_of_an_error(tmp_path: Path) -> None:
    faults = "\n".join(
        f'[[faults]]\nservice = "{service}"\nstatus = {status}\ncode = "{code}"'
        for service, status, code in (
            ("dynamodb", 400, "ThrottlingException"),
            ("sqs", 403, "RequestThrottled"),
            ("sns", 429, "Throttled"),
        )
    )

    def work(event: Any, context: object) -> Any:
        table, queues, topics = _client("dynamodb"), _client("sqs"), _client("sns")
        calls = (
            lambda: table.get_item(TableName="T", Key={"PK": {"S": "x"}}),
            queues.list_queues,
            topics.list_topics,
        )
        return [_outcomes(call, 2) for call in calls]

    assert _run(tmp_path, faults, work) == [
        ["400 ThrottlingException", "ok"],
        ["403 RequestThrottled", "ok"],
        ["429 Throttled", "ok"],
    ]


def test_an_upload_that_is_cut_off_stores_half_of_it(tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(b"0123456789")

    def work(event: Any, context: object) -> Any:
        s3 = _client("s3")
        s3.put_object(Bucket="bucket", Key="bytes", Body=b"abcdef")
        with file.open("rb") as body:
            s3.put_object(Bucket="bucket", Key="file", Body=body)
        s3.put_object(Bucket="bucket", Key="whole", Body=b"abcdef")

    toml = '[[faults]]\nservice = "s3"\noperation = "PutObject"\nstatus = "cut-off"\ntimes = 2\n'
    sizes = _run(tmp_path, toml, work, lambda world: world.objects("bucket"))
    assert sizes == {"bytes": 3, "file": 5, "whole": 6}


def test_the_world_itself_meets_no_fault(tmp_path: Path) -> None:
    (tmp_path / "world.py").write_text(
        "def build(world, params):\n"
        "    world.fault_aws('s3', status=503, code='SlowDown', times=100)\n"
        "    world.s3.put_object(Bucket='bucket', Key='k', Body=b'x')\n"
    )

    def look(world: World) -> tuple[dict[str, int], int]:
        return world.objects("bucket"), len(world.faults.unmet())

    toml = 'python = "world.py"\n' + BASE
    (tmp_path / "fixture.toml").write_text(toml)
    with open_world(load_fixture(tmp_path)) as world:
        assert look(world) == ({"k": 1}, 1)


def test_the_next_world_has_no_fault_of_the_one_before(tmp_path: Path) -> None:
    def work(event: Any, context: object) -> Any:
        return _outcomes(_client("s3").list_buckets, 1)

    toml = '[[faults]]\nservice = "s3"\nstatus = 503\ncode = "SlowDown"\ntimes = 5\n'
    assert _run(tmp_path, toml, work) == ["503 SlowDown"]
    assert _run(tmp_path, "", work) == ["ok"]


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("status = 503", "has no service"),
        ('service = "s3"', "has no status"),
        ('service = "s3"\nstatus = 200\ncode = "X"', 'must be 400 to 599, "timeout" or "cut-off", and is 200'),
        ('service = "s3"\nstatus = 503', "needs an error code"),
        ('service = "s3"\nstatus = "timeout"\ntimes = 0', "times must be an integer of at least 1"),
        ('service = "s3"\nstatus = "timeout"\nafter = -1', "after must be an integer of at least 0"),
        ('service = "s3"\nstatus = "timeout"\nmatch = 3', "match must be a text"),
        ('service = "s3"\nstatus = "timeout"\noperatoin = "x"', "did you mean 'operation'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(tmp_path: Path, fault: str, complaint: str) -> None:
    (tmp_path / "fixture.toml").write_text(f"[[faults]]\n{fault}\n")
    with pytest.raises(FixtureError, match=complaint):
        load_fixture(tmp_path)


RETRIED = {
    "StartAt": "Work",
    "States": {
        "Work": {
            **MACHINE["States"]["Work"],  # type: ignore[index]
            "Retry": [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 10, "MaxAttempts": 2}],
        }
    },
}
REFUSED = '[[faults]]\nservice = "lambda"\nstatus = 429\ncode = "TooManyRequestsException"\n'


def _refused(folder: Path, toml: str, event: Any) -> Any:
    (folder / "fixture.toml").write_text(BASE + toml)
    with open_world(load_fixture(folder)) as world:
        execution = StateMachine.from_json(RETRIED).run(event, {"work": lambda given, context: given}, isolate=False)
        return execution, world.faults.unmet()


def test_lambda_refuses_a_call_as_often_as_the_fixture_says(tmp_path: Path) -> None:
    execution, unmet = _refused(tmp_path, f"{REFUSED}times = 2\n", {})
    assert (execution.status, unmet) == ("SUCCEEDED", [])
    assert execution.visit("Work").retry_delays_ms == (10_000, 20_000)


def test_a_refusal_that_outlasts_the_retries_fails_the_state_with_lambdas_error(tmp_path: Path) -> None:
    execution, _ = _refused(tmp_path, f"{REFUSED}times = 3\n", {})
    assert execution.error == "Lambda.TooManyRequestsException"
    assert execution.cause.startswith("injected fault (Service: AWSLambda; Status Code: 429;")


@pytest.mark.parametrize(("match", "met"), [("/work/", True), ('"id":7', True), ("/other/", False)])
def test_a_call_is_refused_by_the_functions_name_or_by_its_event(tmp_path: Path, match: str, met: bool) -> None:
    execution, unmet = _refused(tmp_path, f"{REFUSED}match = '{match}'\n", {"id": 7})
    assert (not unmet, len(execution.visit("Work").retry_delays_ms)) == (met, int(met))


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ('service = "lambda"\nstatus = "timeout"', "a fault of lambda needs a status"),
        ('service = "lambda"\nstatus = 500\ncode = "Lambda.ServiceException"', "is written without Lambda."),
    ],
)
def test_a_fault_that_lambda_cannot_have_is_refused(tmp_path: Path, fault: str, complaint: str) -> None:
    (tmp_path / "fixture.toml").write_text(f"{BASE}[[faults]]\n{fault}\n")
    with pytest.raises(FixtureError, match=complaint):
        load_fixture(tmp_path)
