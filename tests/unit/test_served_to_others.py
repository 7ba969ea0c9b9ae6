"""A fixture's world, reached over HTTP by functions that run elsewhere."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from handler_files import task, write

from sfn_sim.errors import ConfigurationError
from sfn_sim.runner import Request, carry_out

# What any SDK puts into its requests; nobody checks the signature itself.
_KEY = "Credential=AKIAEXAMPLE/20250101/us-east-1/s3/aws4_request"
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 {_KEY}, SignedHeaders=host, Signature=0"}
FIXTURE = """
[[buckets]]
name = "orders"
tree = "s3"

[expect]
checks = []
"""


@contextlib.contextmanager
def function(world: list[str]) -> Iterator[str]:
    """Serve a function of another language: it copies an object of the world that it was told of."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            at = f"{world[0]}/orders/"
            with urllib.request.urlopen(urllib.request.Request(at + event["key"], headers=SIGNED)) as found:
                body = found.read()
            copy_to = at + "copy.json"
            urllib.request.urlopen(urllib.request.Request(copy_to, body, SIGNED, method="PUT")).close()
            with urllib.request.urlopen(urllib.request.Request(copy_to, headers=SIGNED)) as copy:
                answer = json.dumps({"read": json.loads(body), "at": copy.headers["Last-Modified"]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    machine = task("copy-order")
    wait = {"Type": "Wait", "Seconds": 86_400, "Next": "Call"}
    machine = {**machine, "StartAt": "Wait", "States": {"Wait": wait, **machine["States"]}}
    write(tmp_path, {"w/fixture.toml": FIXTURE, "w/s3/o-1.json": '{"total": 5}', "m.json": json.dumps(machine)})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(project: Path, url: str, world: list[str], **options: Any) -> Any:
    write(project, {"sfn-sim.toml": f'{options.pop("config", "")}[functions."copy-*"]\nurl = "{url}"\n'})

    def tell(words: str) -> None:
        found = re.search(r"http://\S+", words)
        assert found is not None
        world.append(found[0])

    request = Request(machine="m.json", fixture="w", given='{"key": "o-1.json"}', **options)
    return carry_out(request, tell=tell).summaries[0].execution


def test_a_function_elsewhere_reads_and_writes_the_world_at_the_virtual_time(project: Path) -> None:
    world: list[str] = []
    with function(world) as url:
        execution = run(project, url, world)
    assert execution.result() == {"read": {"total": 5}, "at": "Thu, 02 Jan 2025 00:00:00 GMT"}
    assert world[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("by", ["option", "configuration"])
def test_the_address_of_the_world_can_be_named(project: Path, by: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    key = f"serve_world = \"{address}\"\n"
    named: dict[str, Any] = {"config": key} if by == "configuration" else {"serve_world": address}
    world: list[str] = []
    with function(world) as url:
        assert run(project, url, world, **named).status == "SUCCEEDED"
    assert world == [f"http://{address}"]


def test_the_world_is_served_anew_for_the_cold_run(project: Path) -> None:
    world: list[str] = []
    with function(world) as url:
        run(project, url, world, cold="both", serve_world=str(free_port()))
    assert len(world) == 2


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", "127.0.0.1:x"])
def test_an_address_that_cannot_be_served_at_is_refused_by_name(project: Path, address: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"cannot serve the world at '{address}'")):
        run(project, "http://127.0.0.1:1", [], serve_world=address)


def test_an_address_that_is_taken_is_refused_by_name(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=re.escape(address)):
            run(project, "http://127.0.0.1:1", [], serve_world=address)


def test_there_is_nothing_to_serve_without_a_fixture() -> None:
    with pytest.raises(ConfigurationError, match="--serve-world serves the world of a fixture"):
        Request.from_options("m.json", settings=(), substitutions=(), broken=None, fixture=None, world_from=None,
                             save_world=None, serve_world="4566")  # fmt: skip
