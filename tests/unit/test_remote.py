from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from handler_files import each, run, task, write

from sfn_sim.run.execution import Execution

ENVELOPE = {"errorMessage": "no money", "errorType": "Broke", "stackTrace": ["at pay (index.js:3)"]}


@contextlib.contextmanager
def stand_in(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None, raw: bytes | None = None
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve the Invoke API on loopback with one answer; give its address and the requests that came."""
    seen: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append({"path": self.path, "event": json.loads(event)})
            if raw is not None:
                self.wfile.write(raw)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            answer = event if body == b"echo" else body
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def call(folder: Path, url: str, machine: dict[str, Any] | None = None, value: Any = None, **options: Any) -> Execution:
    write(folder, {"sfn-sim.toml": f'[functions."pay*"]\nurl = "{url}"\n'})
    return run(folder, machine or task("pay-dev"), value, **options)


def test_the_event_goes_to_lambdas_invoke_api_and_the_answer_comes_back(tmp_path: Path) -> None:
    with stand_in(b"echo") as (url, seen):
        assert call(tmp_path, f"{url}/", value={"a": ["é", 1]}).result() == {"a": ["é", 1]}
    assert seen == [{"path": "/2015-03-31/functions/pay-dev/invocations", "event": {"a": ["é", 1]}}]


def test_several_at_once_keep_their_order(tmp_path: Path) -> None:
    with stand_in(b"echo") as (url, _):
        assert call(tmp_path, url, each("pay-dev"), list(range(12)), workers=4).result() == list(range(12))


def test_an_empty_answer_is_null(tmp_path: Path) -> None:
    with stand_in(b"") as (url, _):
        assert call(tmp_path, url).result() is None


@pytest.mark.parametrize("headers", [{}, {"X-Amz-Function-Error": "Unhandled"}])
@pytest.mark.parametrize("status", [200, 502])
def test_an_envelope_of_an_error_is_the_functions_error(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    body = json.dumps(ENVELOPE).encode()
    with stand_in(body, status, headers) as (url, _):
        execution = call(tmp_path, url)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Broke", body.decode())


def test_a_header_makes_an_error_of_any_answer(tmp_path: Path) -> None:
    with stand_in(b'"text"', headers={"X-Amz-Function-Error": "Handled"}) as (url, _):
        execution = call(tmp_path, url)
    assert (execution.error, execution.cause) == ("Handled", '"text"')


def test_an_answer_that_only_has_an_error_among_other_things_is_an_answer(tmp_path: Path) -> None:
    answer = {"errorMessage": "one of three failed", "errorType": "Partly", "done": 2}
    with stand_in(json.dumps(answer).encode()) as (url, _):
        assert call(tmp_path, url).result() == answer


def test_the_emulators_words_for_a_timeout_are_a_timeout(tmp_path: Path) -> None:
    with stand_in(b"Task timed out after 3.00 seconds") as (url, _):
        execution = call(tmp_path, url)
    assert execution.error == "Sandbox.Timedout"
    assert json.loads(execution.cause or "")["errorMessage"].endswith("Error: Task timed out after 3.00 seconds")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"body": b"broken", "status": 500}, "answered with status 500: broken"),
        ({"body": b"<html>"}, "answered with something that is not JSON: b'<html>'"),
        ({"body": b"[NaN]"}, "answered with something that is not JSON: b'[NaN]'"),
        ({"body": b"", "status": 302, "headers": {"Location": "http://example.com/"}}, "answered with status 302"),
        ({"body": b"", "raw": b"not http at all\r\n\r\n"}, "nothing answers at"),
        ({"body": b"", "raw": b""}, "nothing answers at"),
    ],
)
def test_an_answer_that_is_none_of_lambdas_is_a_service_exception(
    tmp_path: Path, answer: dict[str, Any], words: str
) -> None:
    with stand_in(**answer) as (url, _):
        execution = call(tmp_path, url)
    assert execution.error == "Lambda.ServiceException"
    assert words in (execution.cause or "")
    assert "Status Code: 500; Error Code: ServiceException; Request ID: " in (execution.cause or "")


def test_nobody_there_says_where_and_what_to_change(tmp_path: Path) -> None:
    with stand_in(b"") as (url, _):
        pass
    execution = call(tmp_path, url)
    assert execution.error == "Lambda.ServiceException"
    for words in (f"nothing answers at {url}/2015-03-31/functions/pay-dev/invocations", "url of [functions.'pay*']"):
        assert words in (execution.cause or "")
        assert words in execution.visit("Call").printed[0][1]


def test_a_service_exception_can_be_retried(tmp_path: Path) -> None:
    machine = task("pay-dev")
    machine["States"]["Call"]["Retry"] = [{"ErrorEquals": ["Lambda.ServiceException"], "MaxAttempts": 2}]
    with stand_in(b"", status=500) as (url, seen):
        assert call(tmp_path, url, machine).status == "FAILED"
    assert len(seen) == 3
