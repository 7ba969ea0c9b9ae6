from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from sfn_sim import clock
from sfn_sim.errors import NetworkRefusedError
from sfn_sim.services.isolation import isolated

SECRETS = ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "OPENAI_ORG_ID", "AZURE_OPENAI_API_KEY")
HOST = "192.0.2.1"  # an address for documentation: nobody has it


def run_alone(program: str, **environment: str) -> str:
    """Run a program in an interpreter that has imported nothing yet, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_credentials_and_profiles_are_replaced_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, "AWS_ACCESS_KEY_ID", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "real")
    before = dict(os.environ)
    with isolated():
        assert not [name for name in SECRETS if name in os.environ]
        assert "real" not in {os.environ["AWS_ACCESS_KEY_ID"], os.environ["OPENAI_API_KEY"]}
        assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"
        assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.environ["AWS_CONFIG_FILE"] == os.devnull
    assert dict(os.environ) == before


def test_the_environment_and_the_sockets_come_back_after_a_failure() -> None:
    before, look_up, methods = dict(os.environ), socket.getaddrinfo, set(vars(socket.socket))

    def fail() -> None:
        with isolated({"MINE": "1"}):
            os.environ["LEFT_BEHIND"] = "1"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert dict(os.environ) == before
    assert socket.getaddrinfo is look_up
    assert set(vars(socket.socket)) == methods


def test_a_region_is_set_and_one_name_of_it_sets_the_other() -> None:
    with isolated():
        assert os.environ["AWS_REGION"] == os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
    with isolated({"AWS_REGION": "eu-west-1"}):
        assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_proxy_is_no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with isolated():
        assert "HTTPS_PROXY" not in os.environ


def test_a_run_inside_a_world_keeps_the_worlds_environment() -> None:
    with isolated({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}), isolated({"MINE": "1"}):
        assert os.environ["OPENAI_BASE_URL"] == "http://127.0.0.1:1/v1"
        assert os.environ["MINE"] == "1"


def test_runs_that_overlap_stay_shut_in_until_the_last_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    before = dict(os.environ)
    first, second = isolated(), isolated()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ["AWS_ACCESS_KEY_ID"] != "real"
    with pytest.raises(NetworkRefusedError), socket.socket() as client:
        client.connect((HOST, 80))
    second.__exit__(None, None, None)
    assert dict(os.environ) == before


def test_a_refused_connection_names_handler_host_and_remedy() -> None:
    invocation = clock.Invocation("charge-card", 0)
    with isolated(), clock.working_for(invocation), pytest.raises(NetworkRefusedError) as refused:
        socket.create_connection(("api.example.com", 443))
    assert "the handler charge-card tried to reach api.example.com" in str(refused.value)
    assert "--allow-network api.example.com" in str(refused.value)
    assert str(refused.value) in "".join(invocation.printed)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_an_address_is_refused_without_a_name(method: str) -> None:
    with isolated(), socket.socket() as client, pytest.raises(NetworkRefusedError, match=HOST):
        getattr(client, method)((HOST, 80))


def test_datagrams_are_refused_too() -> None:
    with isolated(), socket.socket(type=socket.SOCK_DGRAM) as client:
        with pytest.raises(NetworkRefusedError):
            client.sendto(b"x", (HOST, 53))
        with pytest.raises(NetworkRefusedError):
            client.sendmsg([b"x"], [], 0, (HOST, 53))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_loopback_can_be_reached(name: str) -> None:
    with isolated(), socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((name, server.getsockname()[1]), timeout=5).close()


def test_an_allowed_host_is_let_through_only_as_long_as_the_run_lasts() -> None:
    def reach() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect((HOST, 53))  # for a datagram socket this sends nothing

    with isolated():
        with isolated(allow_network=[f"{HOST}:53"]):
            try:
                reach()
            except NetworkRefusedError:  # pragma: no cover - what this test is about
                pytest.fail("an allowed host was refused")
            except OSError:
                pass  # no route: the machine's affair, not the guard's
        with pytest.raises(NetworkRefusedError):
            reach()


def test_plain_handlers_import_none_of_the_heavy_packages() -> None:
    program = """
        import sys
        import sfn_sim.world
        from sfn_sim.services.isolation import isolated
        with isolated():
            pass
        print(sorted({"boto3", "botocore", "moto", "numpy", "openai", "chromadb"} & set(sys.modules)))
    """
    assert run_alone(program) == "[]"


def test_threads_that_import_boto3_at_once_are_all_answered_by_moto() -> None:
    program = """
        import threading
        from sfn_sim.services.isolation import isolated
        answers = []
        def work():
            import boto3
            answers.append(len(boto3.session.Session().client("s3").list_buckets()["Buckets"]))
        with isolated():
            threads = [threading.Thread(target=work) for _ in range(6)]
            for each in threads: each.start()
            for each in threads: each.join()
        print(answers)
    """
    assert run_alone(program) == "[0, 0, 0, 0, 0, 0]"


def test_a_client_made_before_the_run_is_answered_by_moto_and_finds_a_fresh_state_each_time() -> None:
    program = """
        import boto3
        client = boto3.client("s3")
        from sfn_sim.services.isolation import isolated
        for _ in range(2):
            with isolated():
                client.create_bucket(Bucket="mine")
                print(len(client.list_buckets()["Buckets"]), end=" ")
    """
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1"}
    assert run_alone(program, **keys) == "1 1"


def test_with_an_endpoint_moto_stays_away_and_requests_are_signed_with_the_real_clock() -> None:
    program = """
        import http.server, os, sys, threading
        from datetime import datetime, timezone
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                dates.append(self.headers["X-Amz-Date"])
                self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
            def log_message(self, *args): pass
        dates = []
        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"
        from sfn_sim import clock
        from sfn_sim.services.isolation import isolated
        year = datetime.now(timezone.utc).year
        with isolated(), clock.virtual_clock(), clock.working_for(clock.Invocation("f", 0)):
            import boto3
            boto3.client("s3").list_buckets()
            virtual = datetime.now(timezone.utc).year
        print(virtual, dates[0].startswith(str(year)), "moto" in sys.modules)
    """
    assert run_alone(program) == "1970 True False"


LOOK_UPS = {
    "getaddrinfo": ("api.example.com", 443), "gethostbyname": ("api.example.com",),
    "gethostbyname_ex": ("api.example.com",), "gethostbyaddr": (HOST,),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOK_UPS)
def test_names_are_not_looked_up(name: str) -> None:
    with isolated(), pytest.raises(NetworkRefusedError, match=str(LOOK_UPS[name][0])):
        getattr(socket, name)(*LOOK_UPS[name])


@pytest.mark.parametrize("name", LOOK_UPS)
def test_loopback_may_be_looked_up(name: str) -> None:
    with isolated():
        assert getattr(socket, name)("127.0.0.1", *LOOK_UPS[name][1:])


def test_what_an_allowed_name_stands_for_may_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyname", {"api.example.com": HOST}.__getitem__)
    with isolated(allow_network=["API.example.com"]), socket.socket(type=socket.SOCK_DGRAM) as client:
        assert socket.gethostbyname("api.example.com") == HOST
        with contextlib.suppress(OSError):  # no route: the machine's affair, not the guard's
            client.connect((HOST, 53))
        with pytest.raises(NetworkRefusedError):
            client.connect(("192.0.2.2", 53))


def test_sockets_that_are_no_internet_are_let_alone() -> None:
    with isolated():
        one, other = socket.socketpair()
        with one, other:
            one.sendmsg((b"a", b"b"))
            assert other.recv(9) == b"ab"
        path = f"\0sfn-sim-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(path)
            server.listen()
            client.connect(path)


def reach_with_boto3() -> None:
    import boto3

    boto3.client("s3", endpoint_url="https://s3.example.com").list_buckets()


def reach_with_openai() -> None:
    import openai

    openai.OpenAI(base_url="https://api.example.com/v1").files.list()


def reach_with_urllib() -> None:
    import urllib.request

    urllib.request.urlopen("http://www.example.com/")


@pytest.mark.parametrize("reach", [reach_with_boto3, reach_with_openai, reach_with_urllib])
def test_whatever_a_client_makes_of_a_refusal_its_words_are_printed_once_and_soon(reach: Callable[[], None]) -> None:
    invocation = clock.Invocation("poll", 1_735_689_600_000_000_000)
    began = time.monotonic()
    with isolated(), clock.virtual_clock(), clock.working_for(invocation), pytest.raises(Exception):  # noqa: B017, PT011
        reach()
    (line,) = invocation.printed
    assert "the handler poll tried to reach" in line
    assert "example.com" in line
    assert "--allow-network" in line
    assert time.monotonic() - began < 5


def test_with_an_endpoint_for_one_service_moto_answers_for_the_others() -> None:
    program = """
        import http.server, os, threading
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                paths.append(self.path)
                self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
            def log_message(self, *args): pass
        paths = []
        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{server.server_port}"
        from sfn_sim.services.isolation import isolated
        with isolated():
            import boto3
            boto3.client("s3").list_buckets()
            print(len(paths), boto3.client("dynamodb").list_tables()["TableNames"], len(paths))
    """
    assert run_alone(program) == "1 [] 1"


def test_an_empty_endpoint_is_none() -> None:
    program = """
        from sfn_sim.services.isolation import isolated
        with isolated():
            import boto3
            print(boto3.client("dynamodb").list_tables()["TableNames"])
    """
    assert run_alone(program, AWS_ENDPOINT_URL="") == "[]"
