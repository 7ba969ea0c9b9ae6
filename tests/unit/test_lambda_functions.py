"""Where handlers are found, and what one invocation gives."""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import ConfigurationError, HandlerImportError, Handlers, MissingHandlerError, Options, limits
from sfn_sim.run.execution import Execution
from sfn_sim.services.lambda_functions import function_name, function_version
from tests.behaviour.machines import FUNCTION, Busy, always, machine, run, task


def outcome(result: Any) -> Execution:
    return run(task(), {}, lambda event, context: result)


def envelope(execution: Execution) -> dict[str, Any]:
    found = json.loads(execution.cause or "")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("f", "f"),
        ("f:live", "f"),
        (f"{FUNCTION}f", "f"),
        (f"{FUNCTION}f:3", "f"),
        ("123456789012:function:f", "f"),
        ("arn:aws-cn:lambda:cn-north-1:1:function:f:$LATEST", "f"),
    ],
)
def test_a_function_has_one_name_however_it_is_written(resource: str, name: str) -> None:
    assert function_name(resource) == name


def test_a_folder_answers_for_functions_by_their_names_with_hyphens(tmp_path: Path) -> None:
    (tmp_path / "list_pending.py").write_text(
        "def handler(event, context):\n    return ['one', context.function_name]\n"
    )
    (tmp_path / "other-fn").mkdir()
    (tmp_path / "other-fn" / "handler.py").write_text("def handler(event, context):\n    return 'two'\n")
    both = machine(A=task("list-pending", Next="B", ResultPath="$.a"), B=task("other-fn", ResultPath="$.b"))
    assert both.run({}, tmp_path).output == {"a": ["one", "list-pending"], "b": "two"}


def test_a_missing_handler_is_told_before_anything_runs_with_the_nearest_name_and_its_place(tmp_path: Path) -> None:
    (tmp_path / "charge_card.py").write_text("def handler(event, context): pass\n")
    with pytest.raises(MissingHandlerError) as raised:
        machine(A=task("charge-crad")).run({}, tmp_path)
    text = str(raised.value)
    assert text.startswith("<machine>:6:")
    assert str(tmp_path / "charge_crad.py") in text
    assert "did you mean charge-card?" in text


def test_a_folder_or_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder of handlers at"):
        Handlers.of(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="neither a folder nor a module"):
        Handlers.of("no_module_has_this_name")


def test_a_module_answers_by_the_names_of_its_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_of_this_test.py").write_text("def charge_card(event, context):\n    return 'charged'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert machine(A=task("charge-card")).run({}, "shop_of_this_test").output == "charged"
    (tmp_path / "broken_of_this_test.py").write_text("1 / 0\n")
    with pytest.raises(HandlerImportError, match="ZeroDivisionError"):
        Handlers.of("broken_of_this_test")


def test_a_handler_that_is_given_wins_over_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a_b.py").write_text("def handler(event, context): return 'file'\n")
    handlers = Handlers.from_directory(tmp_path).with_(a_b=lambda event, context: "given")
    assert machine(A=task("a-b")).run({}, handlers).output == "given"


def test_a_raised_class_is_the_errors_name_and_the_cause_lambdas_envelope() -> None:
    execution = run(task(), {}, always(Busy("try é later")))
    assert execution.error == "Busy"
    told = envelope(execution)
    assert list(told) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (told["errorMessage"], told["errorType"]) == ("try é later", "Busy")


def test_a_stack_trace_has_the_handlers_own_frames_only_as_they_would_stand_on_lambda(tmp_path: Path) -> None:
    (tmp_path / "charge.py").write_text(
        "import json\nfrom shared.parse import parse\n\n\ndef handler(event, context):\n    return parse(json, '{')\n"
    )
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "parse.py").write_text("def parse(json, text):\n    return json.loads(text)\n")
    causes = {
        machine(A=task("charge")).run({}, tmp_path, executor=executor, workers=workers).cause
        for executor, workers in (("inline", 1), ("threads", 1), ("threads", 4))
    }
    (cause,) = causes
    assert json.loads(cause or "")["stackTrace"] == [
        "  File \"/var/task/charge.py\", line 6, in handler\n    return parse(json, '{')\n",
        '  File "/var/task/shared/parse.py", line 2, in parse\n    return json.loads(text)\n',
    ]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({1, 2}, "Object of type set is not JSON serializable"),
        (object(), "Object of type object is not JSON serializable"),
        (float("nan"), "not JSON compliant"),
        ([float("inf")], "not JSON compliant"),
        ({(1, 2): 3}, "keys must be"),
    ],
)
def test_a_result_that_is_no_json_is_refused_as_lambda_refuses_it(result: Any, words: str) -> None:
    execution = outcome(result)
    assert execution.error == "Runtime.MarshalError"
    message = envelope(execution)["errorMessage"]
    assert message.startswith("Unable to marshal response: ")
    assert words in message


def test_a_datetime_is_refused_and_not_quietly_written() -> None:
    from datetime import UTC, datetime

    assert (
        "datetime is not JSON serializable"
        in envelope(outcome({"at": datetime(2025, 1, 1, tzinfo=UTC)}))["errorMessage"]
    )


def test_results_arrive_as_json_would_bring_them() -> None:
    assert outcome((1, (2, 3))).output == [1, [2, 3]]
    assert outcome({2: "a", None: "b", True: "c"}).output == {"2": "a", "null": "b", "true": "c"}
    assert outcome(Decimal("1.5")).output == 1.5
    assert outcome(None).output is None
    assert outcome(2**70).output == 2**70
    assert outcome("\ud800").output == "\ud800"
    assert outcome({"z": 1, "a": 2}).output == {"z": 1, "a": 2}


def test_a_result_that_holds_itself_or_has_no_bottom_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert outcome(circle).error == "Runtime.MarshalError"


def test_a_response_has_six_megabytes_to_the_byte() -> None:
    most = limits.LAMBDA_PAYLOAD.value
    unlimited = Options(limit_bytes=10 * most)
    assert run(task(), {}, lambda event, context: "x" * (most - 2), unlimited).status == "SUCCEEDED"
    failed = run(task(), {}, lambda event, context: "x" * (most - 1), unlimited)
    assert failed.error == "Function.ResponseSizeTooLarge"
    assert f"({most + 1} bytes) exceeded maximum allowed payload size ({most} bytes)" in str(failed.cause)


def test_an_event_has_six_megabytes_too() -> None:
    most = limits.LAMBDA_PAYLOAD.value
    unlimited = Options(limit_bytes=10 * most)
    assert run(task(), "x" * (most - 2), lambda event, context: 1, unlimited).output == 1
    failed = run(task(), "x" * (most - 1), lambda event, context: 1, unlimited)
    assert failed.error == "Lambda.RequestTooLargeException"


@pytest.mark.parametrize(
    ("leave", "how"),
    [
        (lambda: sys.exit(), "without providing a reason"),
        (lambda: sys.exit(3), "with error: exit status 3"),
        (lambda: sys.exit("words"), "with error: exit status 1"),
        (lambda: os._exit(4), "with error: exit status 4"),
        (lambda: os.abort(), "with error: signal: aborted"),
        (lambda: os.kill(os.getpid(), 9), "with error: signal: killed"),
    ],
)
def test_a_handler_that_ends_its_process_fails_its_task_alone(leave: Any, how: str) -> None:
    execution = run(task(), {}, lambda event, context: leave())
    assert execution.error == "Runtime.ExitError"
    assert envelope(execution)["errorMessage"].endswith(f"Error: Runtime exited {how}")


def test_the_context_is_lambdas() -> None:
    seen: dict[str, Any] = {}

    def handler(event: Any, context: Any) -> None:
        import time

        seen["before"] = context.get_remaining_time_in_millis()
        time.sleep(10)
        seen["after"] = context.get_remaining_time_in_millis()
        seen["arn"] = context.invoked_function_arn
        seen["id"] = context.aws_request_id

    execution = run(task(), {}, handler)
    assert execution.status == "SUCCEEDED"
    assert seen["before"] - seen["after"] == 10_000
    assert seen["arn"] == f"{FUNCTION}f"
    assert len(seen["id"]) == 36


def test_what_a_handler_prints_is_kept_with_its_visit_and_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(event: Any, context: Any) -> None:
        print("hello")  # noqa: T201 - what is tested

    execution = run(task(), {}, handler)
    ((request_id, text),) = execution.visit("A").printed
    assert (len(request_id), text) == (36, "hello\n")
    assert capsys.readouterr().out == ""


def test_a_function_that_nobody_has_fails_as_aws_fails_it_when_its_name_comes_from_the_data() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName.$": "$.name", "Payload": {}},
        "End": True,
    }
    both = machine(A=state)
    assert both.run({"name": "nobody"}, {}).error == "Lambda.ResourceNotFoundException"
    assert "function:nobody:$LATEST (Service: AWSLambda; Status Code: 404" in str(
        both.run({"name": "nobody"}, {}).cause
    )
    known = both.run({"name": f"{FUNCTION}f"}, {"f": lambda event, context: event})
    assert known.status == "SUCCEEDED"
    assert both.run({"name": 5}, {}).error == "States.Runtime"


@pytest.mark.parametrize(
    ("resource", "version"),
    [
        ("pay", "pay"),
        ("pay:$LATEST", "pay"),
        ("pay:live", "pay:live"),
        ("123456789012:function:pay", "pay"),
        ("123456789012:function:pay:3", "pay:3"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:pay", "pay"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:pay:$LATEST", "pay"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:pay:live", "pay:live"),
    ],
)
def test_each_version_of_a_function_is_told_apart_however_it_is_written(resource: str, version: str) -> None:
    assert function_version(resource) == version
