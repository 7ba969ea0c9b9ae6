"""A Dask cluster: the same log; a Dask worker that is lost is a failed attempt; what is missing is said."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from handler_files import chain, each, run, task, write
from other_processes import is_gone, wait_for

from sfn_sim import ConfigurationError
from tests.behaviour import test_executors_agree as agree

LIMIT_S = 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the executor's name of a cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(
            distributed.LocalCluster(
                n_workers=2, processes=True, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
                silence_logs=50,
            )
        )  # fmt: skip
        yield local.scheduler_address.replace("tcp://", "dask://")


@pytest.mark.slow
@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_the_log_is_that_of_the_handlers_in_process(tmp_path: Path, cluster: str, cold: bool) -> None:
    agree.write(tmp_path, agree.HANDLERS)
    assert agree.log_in(tmp_path, cluster, 1, cold) == agree.log_in(tmp_path, "inline", 1, cold)


@pytest.mark.slow
def test_a_world_is_the_same_world_for_a_cluster(tmp_path: Path, cluster: str) -> None:
    agree.write(tmp_path, agree.WORLD)
    assert agree.in_a_world(tmp_path, cluster, 1) == agree.in_a_world(tmp_path, "inline", 1)


KILLING = """
    import os, pathlib, threading

    calls = 0

    def handler(event, context):
        global calls
        calls += 1
        with open({starts!r}, "a") as starts:
            starts.write("start ")
        if len(pathlib.Path({starts!r}).read_text().split()) <= {deaths}:
            # The Dask worker that this process belongs to.
            os.kill(os.getppid(), 9)
            threading.Event().wait(60)
        return calls
"""


def killing(folder: Path, deaths: int) -> Path:
    """Write a handler that kills the Dask worker that it runs on, in its first calls; return where it counts them."""
    starts = folder / "starts"
    write(folder, {"f.py": KILLING.format(starts=str(starts), deaths=deaths)})
    return starts


@pytest.mark.slow
def test_a_killed_worker_is_an_attempt_that_the_definition_retries(tmp_path: Path, cluster: str) -> None:
    starts = killing(tmp_path, deaths=1)
    machine = chain("f", "f")
    machine["States"]["S0"]["Retry"] = [{"ErrorEquals": ["Lambda.ServiceException"], "IntervalSeconds": 7}]
    execution = run(tmp_path, machine, executor=cluster, handler_wall_limit_s=LIMIT_S)
    assert execution.result() == {"s0": 1, "s1": 2}
    assert list(execution.visits("S0")[0].retry_delays_ms) == [7000]
    failed = [event for event in execution.history() if event["type"] == "LambdaFunctionFailed"]
    assert [event["lambdaFunctionFailedEventDetails"]["error"] for event in failed] == ["Lambda.ServiceException"]
    assert starts.read_text() == "start " * 3


@pytest.mark.slow
def test_without_a_retrier_a_killed_worker_fails_the_execution_and_nothing_runs_twice(
    tmp_path: Path, cluster: str
) -> None:
    starts = killing(tmp_path, deaths=1)
    execution = run(tmp_path, task("f"), executor=cluster, handler_wall_limit_s=LIMIT_S)
    assert (execution.status, execution.error) == ("FAILED", "Lambda.ServiceException")
    assert "Service: AWSLambda; Status Code: 500" in str(execution.cause)
    assert starts.read_text() == "start "


@pytest.mark.slow
def test_a_handlers_own_process_that_dies_is_what_lambda_says_of_it(tmp_path: Path, cluster: str) -> None:
    dying = """
        import os, subprocess, threading

        def handler(event, context):
            if event == "die":
                subprocess.run(["kill", "-9", str(os.getpid())])
                threading.Event().wait(60)
            return event
    """
    write(tmp_path, {"f.py": dying})
    machine = each("f")
    call = machine["States"]["Each"]["ItemProcessor"]["States"]["Call"]
    call["Catch"] = [{"ErrorEquals": ["Runtime.ExitError"], "ResultPath": "$", "Next": "Caught"}]
    machine["States"]["Each"]["ItemProcessor"]["States"]["Caught"] = {"Type": "Pass", "Result": "died", "End": True}
    assert run(tmp_path, machine, [1, "die", 3], executor=cluster).result() == [1, "died", 3]


@pytest.mark.slow
def test_a_handler_that_hangs_on_a_cluster_is_stopped(tmp_path: Path, cluster: str) -> None:
    from sfn_sim import HandlerWallLimitError

    write(tmp_path, {"f.py": "import threading\ndef handler(event, context):\n    threading.Event().wait(60)\n"})
    with pytest.raises(HandlerWallLimitError, match="the handler f ran longer than 1 s"):
        run(tmp_path, task("f"), executor=cluster, handler_wall_limit_s=1)
    write(tmp_path, {"f.py": "def handler(event, context):\n    return 1\n"})
    assert run(tmp_path, task("f"), executor=cluster).result() == 1


@pytest.mark.slow
def test_a_program_that_is_killed_leaves_no_process_on_the_cluster(tmp_path: Path, cluster: str) -> None:
    hanging = """
        import os, pathlib, threading

        def handler(event, context):
            pathlib.Path("pid").write_text(str(os.getpid()))
            threading.Event().wait(60)
    """
    write(tmp_path, {"handlers/f.py": hanging, "m.asl.json": json.dumps(task("f"))})
    program = subprocess.Popen(
        [sys.executable, "-m", "sfn_sim.cli", "run", "m.asl.json", "--executor", cluster], cwd=tmp_path
    )
    try:
        pid = int(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    finally:
        program.kill()
        program.wait(20)
    wait_for(lambda: is_gone(pid))


def said_of(executor: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        run(Path(__file__).parent, {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, executor=executor)
    return str(raised.value)


def test_a_cluster_that_cannot_be_reached_is_said_so_at_once() -> None:
    pytest.importorskip("distributed")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        said = said_of(f"dask://127.0.0.1:{port}")
    assert f"no Dask scheduler answers at 127.0.0.1:{port}" in said
    assert f"dask scheduler --host 127.0.0.1 --port {port}" in said


@pytest.mark.parametrize("name", ["dask://", "dask://host", "dask://host:port", "dask://127.0.0.1:1/x"])
def test_an_address_that_is_none_is_refused(name: str) -> None:
    pytest.importorskip("distributed")
    assert "expected dask://HOST:PORT, such as dask://127.0.0.1:8786" in said_of(name)


def test_without_dask_the_command_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "python -m pip install 'sfn-sim[dask]'" in said_of("dask://127.0.0.1:8786")


def test_a_stand_in_for_openai_on_loopback_is_nothing_for_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    environment: dict[str, Any] = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    from sfn_sim.services.isolation import isolated

    with isolated(environment):
        assert "which a Dask worker on 192.0.2.1 cannot reach" in said_of("dask://192.0.2.1:8786")
