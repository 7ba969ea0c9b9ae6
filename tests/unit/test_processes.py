"""Worker processes: what holds when they die, hang, cannot be given a handler, or lose who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from handler_files import chain, each, run, task, write
from other_processes import is_gone, wait_for

from sfn_sim import ConfigurationError, HandlerImportError, Handlers, HandlerWallLimitError, StateMachine
from sfn_sim.services.moto_server import serve_moto
from sfn_sim.world import load_fixture, open_world

PROCESSES: dict[str, Any] = {"executor": "processes", "handler_wall_limit_s": 60}
HANGING = """
    import os, pathlib, threading

    def handler(event, context):
        pathlib.Path("pid").write_text(str(os.getpid()))
        threading.Event().wait(60)
"""


def at_the_top(event: Any, context: Any) -> list[Any]:
    return [event, os.getpid()]


class Named:
    @staticmethod
    def handler(*_: Any) -> str:
        return "named"


def test_handlers_run_in_as_many_processes_as_there_are_workers_and_never_in_this_one(tmp_path: Path) -> None:
    write(tmp_path, {"f.py": "import os\ndef handler(event, context):\n    return os.getpid()\n"})
    pids = run(tmp_path, each("f"), list(range(8)), workers=2, **PROCESSES).result()
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert all(is_gone(pid) for pid in pids)


def test_a_function_at_the_top_of_a_module_is_found_by_its_name() -> None:
    machine = StateMachine.from_json(chain("f", "named"))
    output = machine.run({"a": "é"}, {"f": at_the_top, "named": Named.handler}, **PROCESSES).result()
    assert output["s0"][0] == {"a": "é"}
    assert output["s0"][1] != os.getpid()
    assert output["s1"] == "named"


def test_handlers_of_a_module_are_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"some_handlers.py": "def a_b(event, context):\n    return __name__\n"})
    monkeypatch.chdir(tmp_path)
    machine = StateMachine.from_json(task("a-b"))
    assert machine.run({}, Handlers.from_module("some_handlers"), **PROCESSES).result() == "some_handlers"


def refused(handler: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        StateMachine.from_json(task("f")).run({}, {"f": handler}, **PROCESSES)
    return str(raised.value)


def test_what_has_no_import_path_is_refused_with_a_way_out() -> None:
    def closure(event: Any, context: Any) -> int:
        return 1

    class Callable_:
        def __call__(self, *_: Any) -> int:
            return 1

    def of_the_program(event: Any, context: Any) -> int:
        return 1

    of_the_program.__module__, of_the_program.__qualname__ = "__main__", "of_the_program"
    for handler in (closure, lambda event, context: 1, Callable_(), of_the_program):
        said = refused(handler)
        assert "the handler of the function f is " in said
        assert "import path" in said
        assert "--executor inline or threads" in said
    assert "<locals>.closure" in refused(closure)


def test_a_module_that_fails_to_import_says_what_it_says_in_process(tmp_path: Path) -> None:
    write(tmp_path, {"f.py": "import no_such_module\n"})
    said = []
    for executor in ("inline", "processes"):
        with pytest.raises(HandlerImportError) as raised:
            run(tmp_path, task("f"), executor=executor)
        said.append(str(raised.value))
    assert said[0] == said[1]
    assert "no_such_module" in said[0]


STORING = """
    import boto3

    def handler(event, context):
        s3 = boto3.client("s3")
        s3.put_object(Bucket="mine", Key="k", Body=b"body")
        return [s3.meta.endpoint_url, s3.get_object(Bucket="mine", Key="k")["Body"].read().decode()]
"""


@pytest.mark.parametrize("faults", ["", '[[faults]]\nservice = "s3"\noperation = "PutObject"\nstatus = "cut-off"\n'])
def test_an_endpoint_of_the_callers_own_is_used_and_faults_stand_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: str
) -> None:
    pytest.importorskip("flask_cors")
    write(tmp_path, {"f.py": STORING, "fixture.toml": f'[[buckets]]\nname = "mine"\n{faults}'})
    with serve_moto() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with open_world(load_fixture(tmp_path)) as world:
            found = run(tmp_path, task("f"), isolate=False, **PROCESSES).result()
            assert found == [url, "bo" if faults else "body"]
            assert world.read("mine", "k").decode() == found[1]


DYING = """
    import os, pathlib, subprocess, threading

    count = 0

    def handler(event, context):
        global count
        count += 1
        if event == "die" or (isinstance(event, dict) and "s0" not in event):
            subprocess.run(["kill", "-{signal}", str(os.getpid())])
            threading.Event().wait(60)
        return count
"""


@pytest.mark.parametrize(("number", "words"), [(9, "signal: killed"), (11, "signal: segmentation fault")])
def test_a_process_that_dies_is_what_lambda_says_of_it_and_the_next_one_goes_on(
    tmp_path: Path, number: int, words: str
) -> None:
    write(tmp_path, {"f.py": DYING.replace("{signal}", str(number))})
    machine = chain("f", "f", "f")
    machine["States"]["S0"]["Catch"] = [{"ErrorEquals": ["Runtime.ExitError"], "ResultPath": "$.s0", "Next": "S1"}]
    output = run(tmp_path, machine, **PROCESSES).result()
    assert output["s0"]["Error"] == "Runtime.ExitError"
    assert f"Error: Runtime exited with error: {words}" in output["s0"]["Cause"]
    # A new process has a cold container, and keeps it.
    assert (output["s1"], output["s2"]) == (1, 2)


def test_other_workers_do_not_notice_that_one_has_died(tmp_path: Path) -> None:
    write(tmp_path, {"f.py": DYING.replace("{signal}", "9")})
    machine = each("f")
    call = machine["States"]["Each"]["ItemProcessor"]["States"]["Call"]
    call["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Caught"}]
    machine["States"]["Each"]["ItemProcessor"]["States"]["Caught"] = {"Type": "Pass", "Result": "died", "End": True}
    assert run(tmp_path, machine, ["a", "die", "c", "d"], workers=2, **PROCESSES).result() == [1, "died", 1, 1]


def test_a_child_that_outlives_a_dead_process_holds_nobody_up(tmp_path: Path) -> None:
    forking = """
        import os, subprocess, threading

        def handler(event, context):
            pid = os.fork()
            if pid == 0:
                threading.Event().wait(60)
            subprocess.run(["kill", "-9", str(os.getpid())])
            threading.Event().wait(60)
    """
    write(tmp_path, {"f.py": forking})
    assert run(tmp_path, task("f"), **PROCESSES).error == "Runtime.ExitError"


def test_a_handler_that_hangs_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"f.py": HANGING})
    with pytest.raises(HandlerWallLimitError, match="the handler f ran longer than 1 s"):
        run(tmp_path, task("f"), executor="processes", handler_wall_limit_s=1)
    assert is_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_program_that_is_interrupted_or_killed_leaves_no_process_behind(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    write(tmp_path, {"handlers/f.py": HANGING, "m.asl.json": StateMachine.from_json(task("f")).source.text})
    program = subprocess.Popen(
        [sys.executable, "-m", "sfn_sim.cli", "run", "m.asl.json", "--executor", "processes"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # As at a terminal: what a shell runs in the background has SIGINT ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        pid = int(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        program.send_signal(number)
        said, _ = program.communicate(timeout=20)
    finally:
        program.kill()
    assert program.returncode == code
    assert "Traceback" not in said
    wait_for(lambda: is_gone(pid))


def test_a_run_with_plain_handlers_imports_neither_boto3_nor_moto_and_shows_what_they_wrote(tmp_path: Path) -> None:
    talking = """
        import os

        def handler(event, context):
            print("prints ✓")
            os.write(1, b"by the descriptor\\n")
            return input_is_empty()

        def input_is_empty():
            import sys
            return sys.stdin.read() == ""
    """
    write(tmp_path, {"handlers/f.py": talking, "m.asl.json": StateMachine.from_json(task("f")).source.text})
    program = """
        import sys
        from sfn_sim.cli import main
        sys.argv = ["sfn-sim", "run", "m.asl.json", "--executor", "processes", "--workers", "2", "--logs"]
        try:
            main()
        finally:
            print({"boto3", "botocore", "moto", "distributed"} & set(sys.modules))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False, input="not for handlers",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "prints ✓" in done.stdout
    assert "set()" in done.stdout
    assert done.stderr == "by the descriptor\n"
