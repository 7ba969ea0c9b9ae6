from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from handler_files import ARN, chain, each, result, run, task, write

from sfn_sim import StateMachine
from sfn_sim.run.execution import Execution


def call(folder: Path, code: str, value: Any = None, settings: str = "", **options: Any) -> Execution:
    """Run a machine that calls one function of this code."""
    write(folder, {"fn.py": code})
    if settings:
        write(folder, {"sfn-sim.toml": f'[functions.fn]\nhandler = "fn.py"\n{settings}\n'})
    return run(folder, task("fn"), value, **options)


def answer(folder: Path, expression: str, before: str = "") -> Any:
    """Return what a handler answers that returns an expression."""
    return call(folder, f"{before}\ndef handler(event, context):\n    return {expression}\n").result()


def error(execution: Execution) -> tuple[str | None, dict[str, Any]]:
    """Return an execution's error, and the envelope of its cause."""
    assert execution.status == "FAILED"
    return execution.error, json.loads(execution.cause or "{}")


def printed(execution: Execution) -> str:
    return "".join(text for visit in execution.log.visits for _, text in visit.printed)


# The kinds of handlers


@pytest.mark.parametrize(
    "code",
    [
        "class Caller:\n    def __call__(self, event, context):\n        return [event, 1]\nhandler = Caller()\n",
        "class handler(dict):\n    def __init__(self, event, context):\n        super().__init__(seen=event)\n",
        "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def inner(*a):\n        return [*f(*a), 2]\n"
        "    return inner\n@deco\ndef handler(event, context):\n    return [event]\n",
        "import functools\ndef two(x, event, context):\n    return [x, event]\nhandler = functools.partial(two, 1)\n",
        "import asyncio\nasync def work(event):\n    return [event]\n"
        "def handler(event, context):\n    return asyncio.run(work(event))\n",
    ],
)
def test_whatever_can_be_called_with_event_and_context_is_a_handler(tmp_path: Path, code: str) -> None:
    assert "e" in json.dumps(call(tmp_path, code, "e").result())


@pytest.mark.filterwarnings("error")
def test_an_async_def_answers_with_a_coroutine_which_is_no_json(tmp_path: Path) -> None:
    name, envelope = error(call(tmp_path, "async def handler(event, context):\n    return 1\n"))
    assert name == "Runtime.MarshalError"
    assert envelope["errorMessage"] == (
        "Unable to marshal response: Object of type coroutine is not JSON serializable"
    )


# What they answer


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Decimal('5')", 5),
        ("Decimal('5.50')", 5.5),
        ("[Decimal('-12'), Decimal('1E+3')]", [-12, 1000.0]),
        ("(1, (2,))", [1, [2]]),
        ("{1: 'a', True: 'b', None: 'c'}", {"1": "b", "null": "c"}),
        ("{'deep': b'bytes'}", {"deep": "bytes"}),
        ("b'{\"a\": 1}'", {"a": 1}),
        ("None", None),
        ("'\\u20ac \\ud83d'", "\u20ac \ud83d"),
        ("Point(1, 2)", {"x": 1, "y": 2}),
        ("Colour.RED", "red"),
    ],
)
def test_an_answer_is_written_as_lambdas_runtime_writes_it(tmp_path: Path, expression: str, value: Any) -> None:
    imports = (
        "from collections import namedtuple\nfrom decimal import Decimal\nfrom enum import Enum\n"
        "Point = namedtuple('Point', 'x y')\nclass Colour(str, Enum):\n    RED = 'red'\n"
    )
    assert answer(tmp_path, expression, imports) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("datetime.now()", "Object of type datetime is not JSON serializable"),
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("[float('nan')]", "Out of range float values are not JSON compliant"),
        ("Decimal('NaN')", "Out of range float values are not JSON compliant"),
        ("float('inf')", "Out of range float values are not JSON compliant"),
        ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"),
        ("object()", "Object of type object is not JSON serializable"),
        ("{'id': UUID(int=1)}", "Object of type UUID is not JSON serializable"),
        ("[Plain.ONE]", "Object of type Plain is not JSON serializable"),
        ("b'no json'", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_an_answer_that_is_no_json_is_a_marshal_error(tmp_path: Path, expression: str, words: str) -> None:
    code = (
        "from datetime import datetime\nfrom decimal import Decimal\nfrom enum import Enum\nfrom uuid import UUID\n"
        f"class Plain(Enum):\n    ONE = 1\ndef handler(e, c):\n    return {expression}\n"
    )
    name, envelope = error(call(tmp_path, code))
    assert name == envelope["errorType"] == "Runtime.MarshalError"
    assert envelope["errorMessage"] == f"Unable to marshal response: {words}"
    assert envelope["stackTrace"] == []


def test_an_answer_that_contains_itself_is_a_marshal_error(tmp_path: Path) -> None:
    name, _ = error(call(tmp_path, "def handler(e, c):\n    a = []\n    a.append(a)\n    return a\n"))
    assert name == "Runtime.MarshalError"


# How they end


def test_an_error_has_its_class_its_words_and_the_handlers_own_frames(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "infra/fn/handler.py": "import near, layer\ndef handler(e, c):\n    near.call(layer.fail)\n",
            "infra/fn/near.py": "def call(f):\n    return f()\n",
            "layer/layer.py": "import json\nclass Bad(Exception): pass\ndef fail():\n    raise Bad('no good')\n",
            "sfn-sim.toml": "[functions.fn]\nhandler = 'infra/fn/handler.py'\npath = ['layer']\n",
        },
    )
    name, envelope = error(run(tmp_path, task("fn")))
    assert name == envelope["errorType"] == "Bad"
    assert envelope["errorMessage"] == "no good"
    assert envelope["stackTrace"] == [
        '  File "/var/task/handler.py", line 3, in handler\n    near.call(layer.fail)\n',
        '  File "/var/task/near.py", line 2, in call\n    return f()\n',
        "  File \"/var/task/layer.py\", line 4, in fail\n    raise Bad('no good')\n",
    ]


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit('no more')", "Runtime exited with error: exit status 1"),
        ("os._exit(4)", "Runtime exited with error: exit status 4"),
        ("os._exit(status=4)", "Runtime exited with error: exit status 4"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("raise asyncio.CancelledError", "Runtime exited with error: exit status 1"),
        ("raise GeneratorExit", "Runtime exited with error: exit status 1"),
    ],
)
def test_a_handler_that_ends_its_process_ends_its_container_alone(tmp_path: Path, line: str, how: str) -> None:
    write(
        tmp_path,
        {
            "end.py": f"""
                import asyncio, os, sys
                calls = 0

                def handler(event, context):
                    global calls
                    calls += 1
                    if event == "end":
                        {line}
                    return calls
            """
        },
    )
    machine = {
        "StartAt": "One",
        "States": {
            "One": {"Type": "Task", "Resource": f"{ARN}end", "ResultPath": "$.one", "Next": "End"},
            "End": {
                "Type": "Task", "Resource": f"{ARN}end", "InputPath": "$.end", "ResultPath": None, "Next": "Two",
                "Catch": [{"ErrorEquals": ["Runtime.ExitError"], "ResultPath": "$.error", "Next": "Two"}],
            },
            "Two": {"Type": "Task", "Resource": f"{ARN}end", "ResultPath": "$.two", "End": True},
        },
    }  # fmt: skip
    output: Any = run(tmp_path, machine, {"end": "end"}).result()
    assert (output["one"], output["two"]) == (1, 1)
    cause = json.loads(output["error"]["Cause"])
    assert cause["errorType"] == "Runtime.ExitError"
    assert cause["errorMessage"].endswith(f"Error: {how}")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_a_handler_forks_off_ends_by_itself(tmp_path: Path) -> None:
    code = """
        import os

        def handler(event, context):
            child = os.fork()
            if not child:
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    """
    assert call(tmp_path, code).result() == 7


@pytest.mark.parametrize("workers", [1, 4])
def test_a_recursion_without_end_is_an_error_with_a_bounded_trace(tmp_path: Path, workers: int) -> None:
    write(tmp_path, {"fn.py": "def a(n):\n    return b(n)\ndef b(n):\n    return a(n)\ndef handler(e, c):\n    a(0)\n"})
    execution = run(tmp_path, each("fn"), [1], workers=workers)
    name, envelope = error(execution)
    assert name == "RecursionError"
    assert len(envelope["stackTrace"]) == 100
    inline = run(tmp_path, each("fn"), [1])
    assert execution.log.events == inline.log.events


def test_a_variable_missing_at_run_time_says_where_and_how_to_set_it(tmp_path: Path) -> None:
    execution = call(tmp_path, "import os\ndef handler(e, c):\n    return os.environ['TABLE']\n")
    name, envelope = error(execution)
    assert (name, envelope["errorMessage"]) == ("KeyError", "'TABLE'")
    assert envelope["stackTrace"][-1].startswith('  File "/var/task/fn.py", line 3, in handler')
    assert "The environment has no TABLE: set it in the fixture's [environment], or as env" in printed(execution)


def test_a_refused_connection_says_who_whither_and_how_to_allow_it(tmp_path: Path) -> None:
    code = "import urllib.request\ndef handler(e, c):\n    urllib.request.urlopen('http://api.example.com/x')\n"
    execution = call(tmp_path, code)
    name, envelope = error(execution)
    assert name == "NetworkRefusedError"
    for words in ("the handler fn tried to reach api.example.com", "--allow-network api.example.com"):
        assert words in envelope["errorMessage"]
        assert words in printed(execution)


# Time


def test_remaining_time_counts_down_from_the_functions_timeout(tmp_path: Path) -> None:
    code = """
        import time

        def handler(event, context):
            first = context.get_remaining_time_in_millis()
            time.sleep(2.5)
            return [first, context.get_remaining_time_in_millis()]
    """
    assert call(tmp_path, code, settings="timeout = 10").result() == [10_000, 7_500]


@pytest.mark.parametrize(
    "code",
    [
        "import time\ndef handler(e, c):\n    time.sleep(100)\n",
        "import time\ndef handler(e, c):\n    for _ in range(100):\n        time.sleep(1)\n",
        "import time\ndef handler(e, c):\n  try:\n    time.sleep(100)\n  except BaseException:\n    return 1\n",
        "import time\ndef handler(e, c):\n    try:\n        time.sleep(100)\n    finally:\n        raise ValueError\n",
    ],
)
def test_a_function_that_outlives_its_timeout_ends_as_lambda_ends_it(tmp_path: Path, code: str) -> None:
    execution = call(tmp_path, code, settings="timeout = 7")
    name, envelope = error(execution)
    assert name == envelope["errorType"] == "Sandbox.Timedout"
    assert envelope["errorMessage"].endswith("Error: Task timed out after 7.00 seconds")
    assert execution.elapsed_ms == 7_000


def test_the_container_is_a_new_one_after_a_timeout(tmp_path: Path) -> None:
    code = """
        import time
        calls = 0

        def handler(event, context):
            global calls
            calls += 1
            time.sleep(event)
            return calls
    """
    write(tmp_path, {"fn.py": code, "sfn-sim.toml": '[functions.fn]\nhandler = "fn.py"\ntimeout = 5\n'})
    machine = each("fn", 1)
    caught = [{"ErrorEquals": ["Sandbox.Timedout"], "Next": "Late"}]
    machine["States"]["Each"]["ItemProcessor"]["States"]["Call"]["Catch"] = caught
    machine["States"]["Each"]["ItemProcessor"]["States"]["Late"] = {"Type": "Pass", "Result": "late", "End": True}
    assert run(tmp_path, machine, [0, 1, 9, 0]).result() == [1, 2, "late", 1]


def test_a_sleep_of_exactly_the_timeout_is_in_time(tmp_path: Path) -> None:
    code = "import time\ndef handler(e, c):\n    time.sleep(7)\n    return 1\n"
    assert call(tmp_path, code, settings="timeout = 7").result() == 1


# What they see


def test_the_context_has_every_attribute_of_lambdas(tmp_path: Path) -> None:
    code = """
        import os

        def handler(event, context):
            assert context.aws_request_id in repr(context)
            assert context.log_stream_name == os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
            context.log("noted")
            names = "function_name function_version invoked_function_arn memory_limit_in_mb log_group_name"
            return {
                **{name: getattr(context, name) for name in names.split()},
                "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
                "none": [context.client_context, context.tenant_id],
            }
    """
    execution = call(tmp_path, code, settings="memory = 1024")
    assert execution.result() == {
        "function_name": "fn",
        "function_version": "$LATEST",
        "invoked_function_arn": f"{ARN}fn",
        "memory_limit_in_mb": "1024",
        "log_group_name": "/aws/lambda/fn",
        "identity": [None, None],
        "none": [None, None],
    }
    assert printed(execution) == "noted"


def test_request_ids_differ_between_calls_and_not_between_runs(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "def handler(e, c):\n    return c.aws_request_id\n"})
    first, second = (run(tmp_path, chain("fn", "fn"), name="one").result() for _ in range(2))
    assert isinstance(first, dict)
    assert first == second
    assert len(set(first.values())) == 2  # type: ignore[arg-type]


def test_a_handler_reads_files_beside_itself(tmp_path: Path) -> None:
    code = """
        import os
        from pathlib import Path

        def handler(event, context):
            near = Path(__file__).with_name("data.txt").read_text()
            return [near, Path(os.environ["LAMBDA_TASK_ROOT"], "data.txt").read_text()]
    """
    write(tmp_path, {"data.txt": "seven"})
    assert call(tmp_path, code).result() == ["seven", "seven"]


def test_a_handler_gets_an_event_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "def handler(event, context):\n    event['changed'] = True\n    return 1\n"})
    assert run(tmp_path, chain("fn"), {"a": 1}).result() == {"a": 1, "s0": 1}


# What they write


def test_everything_that_a_handler_writes_is_kept_with_its_request_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
        import logging, sys
        logging.getLogger().setLevel(logging.INFO)

        def handler(event, context):
            print("to stdout")
            sys.stderr.write("to stderr\\n")
            sys.stdout.buffer.write(b"bytes\\n")
            logging.getLogger("mine").info("logged %s", 7)
            logging.debug("not this")
            return context.aws_request_id
    """
    execution = call(tmp_path, code)
    ((request_id, text),) = execution.visit("Call").printed
    assert request_id == execution.result()
    assert text == (
        f"to stdout\nto stderr\nbytes\n[INFO]\t2025-01-01T00:00:00.000Z\t{request_id}\tlogged 7\n"
    )
    assert capsys.readouterr() == ("", "")


def test_handlers_may_change_the_format_of_their_log(tmp_path: Path) -> None:
    code = """
        import logging
        logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s|%(message)s"))

        def handler(event, context):
            logging.warning("hot")
            return context.aws_request_id
    """
    execution = call(tmp_path, code)
    assert printed(execution) == f"{execution.result()}|hot\n"


def test_the_level_of_the_log_is_the_callers_again_after_the_run(tmp_path: Path) -> None:
    import logging

    before = logging.getLogger().level
    call(tmp_path, "import logging\nlogging.getLogger().setLevel(1)\ndef handler(e, c): ...\n")
    assert logging.getLogger().level == before


def test_an_error_of_a_plain_function_shows_its_own_file(tmp_path: Path) -> None:
    def fail(event: Any, context: Any) -> None:
        raise ValueError("no")

    execution = StateMachine.from_json(task("fn")).run(None, {"fn": fail})
    frame = error(execution)[1]["stackTrace"][-1]
    assert frame.startswith('  File "/var/task/test_invocation.py", line ')
    assert sys.stdout is not None


def test_what_a_handler_answers_is_measured_in_lambdas_limit(tmp_path: Path) -> None:
    name, envelope = error(call(tmp_path, "def handler(e, c):\n    return 'x' * 6291555\n"))
    assert name == envelope["errorType"] == "Function.ResponseSizeTooLarge"


def test_result_is_what_the_function_answers(tmp_path: Path) -> None:
    write(tmp_path, {"echo.py": "def handler(event, context):\n    return event\n"})
    assert result(tmp_path, "echo", {"a": [1]}) == {"a": [1]}
