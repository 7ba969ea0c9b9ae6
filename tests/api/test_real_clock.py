from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from sfn_sim import ConfigurationError, mock_stepfunctions
from tests.api.conftest import FUNCTION, PASS, Client, graph


def ended(client: Client, execution: str) -> dict[str, Any]:
    """Follow an execution to its end, which is at most 20 s away."""
    end = time.monotonic() + 20
    idle = threading.Event()
    while client.status(execution) == "RUNNING" and time.monotonic() < end:
        idle.wait(0.01)
    described: dict[str, Any] = client.describe_execution(executionArn=execution)
    return described


def test_a_wait_takes_as_long_as_it_says() -> None:
    with mock_stepfunctions(clock="real") as mock:
        client = Client(mock)
        began = time.monotonic()
        execution = client.start(graph(A={"Type": "Wait", "Seconds": 1, "End": True}))
        assert client.status(execution) == "RUNNING"
        described = ended(client, execution)
        assert described["status"] == "SUCCEEDED"
        assert time.monotonic() - began >= 1


def test_what_a_handler_sleeps_passes_in_real_time() -> None:
    with mock_stepfunctions({"f": lambda event, context: time.sleep(0.3)}, clock="real") as mock:
        client = Client(mock)
        described = ended(client, client.start(graph(A={"Type": "Task", "Resource": f"{FUNCTION}f", "End": True})))
        assert (described["stopDate"] - described["startDate"]).total_seconds() >= 0.3


def test_a_worker_in_another_thread_gets_the_task_it_waits_for() -> None:
    with mock_stepfunctions(clock="real", activity_poll_s=20) as mock:
        client = Client(mock)
        arn = client.create_activity(name="w")["activityArn"]

        def work() -> None:
            task = client.get_activity_task(activityArn=arn)
            client.send_task_success(taskToken=task["taskToken"], output='"done"')

        worker = threading.Thread(target=work)
        worker.start()
        described = ended(client, client.start(graph(A={"Type": "Task", "Resource": arn, "End": True})))
        worker.join()
        assert described["output"] == '"done"'


def test_a_tasks_timeout_comes_by_itself() -> None:
    with mock_stepfunctions(clock="real") as mock:
        client = Client(mock)
        arn = client.create_activity(name="w")["activityArn"]
        task = {"Type": "Task", "Resource": arn, "TimeoutSeconds": 1, "End": True}
        assert ended(client, client.start(graph(A=task)))["error"] == "States.Timeout"


def test_the_machines_own_timeout_comes_by_itself() -> None:
    with mock_stepfunctions(clock="real") as mock:
        client = Client(mock)
        wait = {"Type": "Wait", "Seconds": 60, "End": True}
        assert ended(client, client.start(graph({"TimeoutSeconds": 1}, A=wait)))["status"] == "TIMED_OUT"


def test_a_waiting_execution_can_be_stopped() -> None:
    with mock_stepfunctions(clock="real") as mock:
        client = Client(mock)
        execution = client.start(graph(A={"Type": "Wait", "Seconds": 60, "End": True}))
        client.stop_execution(executionArn=execution)
        assert ended(client, execution)["status"] == "ABORTED"


def test_nobody_moves_the_clock_on_the_wall() -> None:
    with mock_stepfunctions(clock="real") as mock, pytest.raises(ConfigurationError, match="virtual"):
        mock.clock.advance(1)


def test_executions_begin_now() -> None:
    with mock_stepfunctions(clock="real") as mock:
        client = Client(mock)
        described = ended(client, client.start(graph(A=PASS)))
        assert abs(described["startDate"].timestamp() - time.time()) < 20
