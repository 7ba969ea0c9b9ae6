from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from sfn_sim.errors import FixtureError, NetworkRefusedError
from sfn_sim.world import Check, World, check_expectations, load_fixture, open_world

START = datetime(2025, 1, 1, tzinfo=UTC)
TABLE = '[[tables]]\nname = "Orders"\nkey = ["PK", "SK"]\n'
INDEX = '[[tables.indexes]]\nname = "GSI1"\nkey = ["GSI1PK", "GSI1SK"]\n'

Opened = Callable[..., AbstractContextManager[World]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Return a function that opens the world of a fixture.toml and, if given, of its Python module."""

    def open_(toml: str = "", python: str | None = None, **more: Any) -> AbstractContextManager[World]:
        if python is not None:
            (tmp_path / "world.py").write_text(python)
            toml = f'python = "world.py"\n{toml}'
        (tmp_path / "fixture.toml").write_text(toml)
        return open_world(load_fixture(tmp_path), **more)

    return open_


def refusal(opened: Opened, toml: str, python: str | None = None) -> str:
    """Return why a world cannot be built; nothing of it may stay."""
    before, threads = dict(os.environ), threading.active_count()
    with pytest.raises(FixtureError) as raised, opened(toml, python):
        pass  # pragma: no cover - never reached
    assert dict(os.environ) == before
    assert threading.active_count() == threads
    return str(raised.value)


# What is built


def test_a_bucket_has_its_tree_from_the_start(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "b" / "deep.bin").write_bytes(b"\x00\xff")
    (tmp_path / "tree" / "größe.txt").write_bytes(b"")
    with opened('[[buckets]]\nname = "docs"\ntree = "tree"\n[[buckets]]\nname = "empty"\n') as world:
        assert world.objects("docs") == {"a/b/deep.bin": 2, "größe.txt": 0}
        assert world.objects("docs", "a/") == {"a/b/deep.bin": 2}
        assert world.objects("empty") == {}
        assert world.read("docs", "a/b/deep.bin") == b"\x00\xff"
        world.download("docs", "a/", tmp_path / "copy")
    assert (tmp_path / "copy" / "b" / "deep.bin").read_bytes() == b"\x00\xff"


def test_what_is_built_is_as_old_as_the_world(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_bytes(b"a")
    bucket = '[[buckets]]\nname = "docs"\ntree = "tree"\n'
    later = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    for line, moment in (("", START), ("start_time = 2026-05-06T07:08:09Z\n", later)):
        with opened(line + bucket) as world:
            assert world.start == moment
            assert world.s3.head_object(Bucket="docs", Key="a")["LastModified"] == moment


def test_a_table_has_items_in_plain_values_and_an_index(opened: Opened) -> None:
    items = """items = [
        {PK = "a", SK = "1", GSI1PK = "x", GSI1SK = "1", n = 3, part = 0.25, yes = true, list = [1, "b"], map = {}},
        {PK = "a", SK = "2", GSI1PK = "y", GSI1SK = "1"},
    ]
    """
    with opened(TABLE + items + INDEX) as world:
        found = sorted(world.scan("Orders"), key=lambda item: item["SK"])
        assert found[0] == {
            "PK": "a", "SK": "1", "GSI1PK": "x", "GSI1SK": "1", "n": 3, "part": 0.25, "yes": True, "list": [1, "b"],
            "map": {},
        }  # fmt: skip
        answer = world.dynamodb.query(
            TableName="Orders",
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :pk",
            ExpressionAttributeValues={":pk": {"S": "y"}},
        )
        assert [item["SK"]["S"] for item in answer["Items"]] == ["2"]


def test_a_dump_in_dynamodbs_json_is_what_it_was(opened: Opened, tmp_path: Path) -> None:
    item = {
        "PK": {"S": "a"}, "SK": {"S": "1"}, "n": {"N": "1.5"}, "none": {"NULL": True}, "yes": {"BOOL": False},
        "bytes": {"B": base64.b64encode(b"\x00\xff").decode()}, "set": {"NS": ["1", "2"]},
        "words": {"SS": ["x", "y"]}, "blobs": {"BS": [base64.b64encode(b"b").decode()]},
        "map": {"M": {"b": {"B": base64.b64encode(b"in").decode()}}}, "list": {"L": [{"N": "-7"}]},
    }  # fmt: skip
    (tmp_path / "dump.json").write_text(json.dumps({"Items": [item]}))
    with opened(f'{TABLE}items_file = "dump.json"') as world:
        assert world.scan("Orders") == [
            {
                "PK": "a", "SK": "1", "n": 1.5, "none": None, "yes": False, "bytes": b"\x00\xff", "set": {1, 2},
                "words": {"x", "y"}, "blobs": {b"b"}, "map": {"b": b"in"}, "list": [-7],
            }
        ]  # fmt: skip


def test_many_items_are_put_and_scanned(opened: Opened) -> None:
    with opened(TABLE) as world:
        world.put_items("Orders", ({"PK": f"{n}", "SK": "x", "text": "y" * 30_000} for n in range(60)))
        assert {item["PK"] for item in world.scan("Orders")} == {str(n) for n in range(60)}


def test_a_number_may_be_a_key(opened: Opened) -> None:
    with opened(f"{TABLE}attributes = {{SK = 'N'}}\nitems = [{{PK = 'a', SK = 1}}]\n") as world:
        key = {"PK": {"S": "a"}, "SK": {"N": "1"}}
        assert world.dynamodb.get_item(TableName="Orders", Key=key)["Item"] == key


def test_the_environment_may_name_a_queues_url(opened: Opened) -> None:
    with opened('[environment]\nQUEUE = "${queues.done.url}"\n[[queues]]\nname = "done"\n') as world:
        assert os.environ["QUEUE"] == world.env["QUEUE"]
        world.sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody="hello")
        assert world.sqs.receive_message(QueueUrl=world.env["QUEUE"])["Messages"][0]["Body"] == "hello"


def test_a_url_of_a_queue_that_is_not_there_is_refused(opened: Opened) -> None:
    assert "${queues.dnoe.url} names nothing of [[queues]]" in refusal(
        opened, '[environment]\nQUEUE = "${queues.dnoe.url}"\n[[queues]]\nname = "done"\n'
    )


def test_what_aws_refuses_is_refused_as_the_fixtures(opened: Opened) -> None:
    message = refusal(opened, '[[buckets]]\nname = "No Name"')
    assert "cannot be built" in message
    assert "No Name" in message


def test_the_summary_counts_items_objects_and_what_the_module_observes(opened: Opened) -> None:
    toml = f'[[buckets]]\nname = "docs"\n{TABLE}items = [{{PK = "a", SK = "1"}}]\n'
    with opened(toml, "def observe(world):\n    return {'orders': {'open': len(world.scan('Orders'))}}\n") as world:
        world.s3.put_object(Bucket="docs", Key="in/a", Body=b"123")
        world.s3.put_object(Bucket="docs", Key="in/b", Body=b"4")
        world.s3.put_object(Bucket="docs", Key="top", Body=b"56")
        assert world.summary() == {
            "orders": {"open": 1},
            "items in Orders": 1,
            "objects": {"in/": 2, "top": 1},
            "bytes": {"in/": 4, "top": 2},
        }


# Its environment and its end


def test_handlers_find_the_fixtures_environment_and_it_is_gone_afterwards(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "before")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    before = dict(os.environ)
    with opened('[environment]\nMINE = "inside"\nSIZE = 3\n[openai]\ndims = 8\n') as world:
        assert world.openai is not None
        inside = {name: os.environ[name] for name in ("MINE", "SIZE", "OPENAI_BASE_URL", "OPENAI_API_KEY")}
        assert inside == {
            "MINE": "inside", "SIZE": "3", "OPENAI_BASE_URL": world.openai.base_url, "OPENAI_API_KEY": "sfn-sim",
        }  # fmt: skip
        os.environ["LEFT"] = "behind"
    assert dict(os.environ) == before


def test_a_world_without_openai_has_none(opened: Opened) -> None:
    with opened() as world:
        assert world.openai is None


def test_nothing_of_a_world_stays_when_it_ends(opened: Opened) -> None:
    before, threads = dict(os.environ), threading.active_count()
    with opened("[openai]\ndims = 8") as world:
        (world.folder / "file").write_text("x")
        place = urlsplit(os.environ["OPENAI_BASE_URL"])
        socket.create_connection((place.hostname, place.port), timeout=5).close()
    assert not world.folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port), timeout=5)
    assert dict(os.environ) == before
    for each in threading.enumerate():
        if "process_request_thread" in each.name:
            each.join(5)
    assert threading.active_count() == threads


def test_nothing_of_a_world_stays_when_what_happens_in_it_raises(opened: Opened) -> None:
    before, folders = dict(os.environ), []

    def fail() -> None:
        with opened('[environment]\nA = "1"\n[openai]\ndims = 8') as world:
            folders.append(world.folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert dict(os.environ) == before
    assert not folders[0].exists()


def test_worlds_one_after_the_other_have_nothing_in_common(opened: Opened) -> None:
    for _ in range(2):
        with opened(TABLE) as world:
            assert world.scan("Orders") == []
            world.put_items("Orders", [{"PK": "a", "SK": "1"}])


def test_a_world_inside_another_gives_back_its_environment(opened: Opened) -> None:
    with opened('[environment]\nWHERE = "outer"\n[openai]\ndims = 8') as outer:
        assert outer.openai is not None
        with opened('[environment]\nWHERE = "inner"\n[openai]\ndims = 4') as inner:
            assert inner.openai is not None
            assert (os.environ["WHERE"], os.environ["OPENAI_BASE_URL"]) == ("inner", inner.openai.base_url)
            assert inner.folder != outer.folder
        assert (os.environ["WHERE"], os.environ["OPENAI_BASE_URL"]) == ("outer", outer.openai.base_url)
        place = urlsplit(outer.openai.base_url)
        socket.create_connection((place.hostname, place.port), timeout=5).close()


def test_the_same_seed_makes_the_same_world(opened: Opened) -> None:
    python = """
import random
def build(world, params):
    draw = random.Random(world.seed)
    world.put_items("Orders", [{"PK": str(draw.random()), "SK": "x"} for _ in range(5)])
    world.openai.add_batch([("a", "text")])
"""

    def made(seed: int | None) -> tuple[Any, ...]:
        with opened(f"seed = 4\n{TABLE}\n[openai]\ndims = 8\n", python, seed=seed) as world:
            assert world.openai is not None
            orders = sorted(item["PK"] for item in world.scan("Orders"))
            batches = world.openai.route("GET", "/v1/batches", {}, b"").body
            return world.seed, orders, world.openai.vector("text"), batches

    assert made(None) == made(4)
    assert all(one != other for one, other in zip(made(4), made(5), strict=True))


def test_importing_worlds_imports_nothing_heavy() -> None:
    program = (
        "import sys, sfn_sim.world, sfn_sim.services.isolation\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'boto3', 'botocore', 'moto', 'numpy', 'openai', 'chromadb', 'rich', 'time_machine'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# Its Python module


def test_build_gets_the_world_and_its_parameters_and_may_sleep(opened: Opened) -> None:
    python = """
import time
def build(world, params):
    time.sleep(86_400)
    world.put_items("Orders", [{"PK": params["name"], "SK": world.env["SIZE"]}])
"""
    toml = f'[params]\nname = "x"\n[environment]\nSIZE = 3\n{TABLE}'
    with opened(toml, python) as world:
        assert world.scan("Orders") == [{"PK": "x", "SK": "3"}]


def test_a_module_may_have_dataclasses_and_no_build(opened: Opened) -> None:
    python = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\n"
    with opened("", python) as world:
        assert world.summary() == {"objects": {}, "bytes": {}}
        assert world.checks(None) == []


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("a = 1\nb = a / 0\n", "world.py:2: fails when it is imported: ZeroDivisionError: division by zero"),
        ("import no_such_module\n", "world.py:1: fails when it is imported: ModuleNotFoundError"),
        ("a = 1\n\ndef f(:\n", "world.py:3: fails when it is imported: SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused_with_its_line(opened: Opened, python: str, words: str) -> None:
    assert words in refusal(opened, "", python)


def test_a_build_that_raises_is_refused_with_its_line(opened: Opened) -> None:
    message = refusal(opened, "[openai]\ndims = 8", "def build(world, params):\n    make()\ndef make():\n    {}['x']\n")
    assert "world.py:4: the world of " in message
    assert message.endswith("cannot be built: KeyError: 'x'")


def test_a_build_that_fails_in_a_library_is_refused_with_the_modules_own_line(opened: Opened) -> None:
    message = refusal(opened, "", "def build(world, params):\n    world.read('none', 'x')\n")
    assert "world.py:2: " in message
    assert "NoSuchBucket" in message


def test_a_build_cannot_reach_out_either(opened: Opened) -> None:
    python = "import socket\ndef build(world, params):\n    socket.create_connection(('api.example.com', 443))\n"
    words = r"^the world of .* tried to reach api\.example\.com"
    with pytest.raises(NetworkRefusedError, match=words), opened("", python):
        pass  # pragma: no cover - never reached


def test_an_unknown_check_is_refused_before_anything_runs(opened: Opened) -> None:
    python = "def expect_orders(world, execution): ...\ndef build(world, params): print('built')\n"
    message = refusal(opened, '[expect]\nchecks = ["order"]', python)
    assert "no function expect_order in its module; there are: orders" in message
    assert "there are: none" in refusal(opened, '[expect]\nchecks = ["order"]')


# Expectations


def ended(status: str = "SUCCEEDED", output: Any = None, error: str | None = None) -> Any:
    return SimpleNamespace(status=status, output=output, error=error)


def checked(world: World, execution: Any) -> dict[str, Check]:
    return {check.name: check for check in check_expectations(world.fixture, world, execution)}


def test_a_fixture_expects_success_unless_it_says_otherwise(opened: Opened) -> None:
    with opened() as world:
        assert checked(world, ended()) == {"status": Check("status", True, "SUCCEEDED", "SUCCEEDED")}
        assert not checked(world, ended("FAILED"))["status"].held


def test_status_and_error_are_compared(opened: Opened) -> None:
    with opened('[expect]\nstatus = "FAILED"\nerror = "Boom"') as world:
        assert {name: each.held for name, each in checked(world, ended("FAILED", error="Boom")).items()} == {
            "status": True, "error": True,
        }  # fmt: skip
        assert checked(world, ended("FAILED", error=None))["error"] == Check("error", False, "Boom", None)


@pytest.mark.parametrize(
    ("output", "differs"),
    [
        ({"a": {"b": [1, {"c": True}]}, "d": 0.5}, ""),
        ({"d": 0.5, "a": {"b": [1, {"c": True}]}}, ""),
        ({"a": {"b": [1, {"c": True}]}, "d": 0.5, "more": None}, "$.more is not expected"),
        ({"a": {"b": [1, {"c": True, "x": 1}]}, "d": 0.5}, "$.a.b[1].x is not expected"),
        ({"a": {"b": [1, {"c": 1}]}, "d": 0.5}, "$.a.b[1].c is 1 instead of true"),
        ({"a": {"b": [1]}, "d": 0.5}, "$.a.b has 1 items instead of 2"),
        ({"a": None, "d": 0.5}, "$.a is no object"),
        ({"a": {"b": [1, {"c": True}]}, "d": None}, "$.d is null instead of 0.5"),
        ({"d": 0.5}, "$.a is missing"),
        (None, "$ is no object"),
    ],
)
def test_an_output_is_compared_as_a_whole(opened: Opened, output: Any, differs: str) -> None:
    with opened("[expect]\noutput = {a = {b = [1, {c = true}]}, d = 0.5}") as world:
        check = checked(world, ended(output=output))["output"]
        assert (check.held, check.detail) == (not differs, differs)


@pytest.mark.parametrize(
    ("output", "differs"),
    [
        ({"a": {"b": 1, "more": 2}, "list": [{"c": "x", "more": 3}], "other": []}, ""),
        ({"a": {"b": 2}, "list": [{"c": "x"}]}, "$.a.b is 2 instead of 1"),
        ({"a": {"b": 1}, "list": [{"c": "y"}]}, '$.list[0].c is "y" instead of "x"'),
        ({"a": {"b": 1}, "list": [{"c": "x"}, {}]}, "$.list has 2 items instead of 1"),
        ({"a": {"b": 1}, "list": {}}, "$.list is no array"),
        ({"a": {"b": None}, "list": []}, "$.a.b is null instead of 1"),
        ({"a": {}, "list": []}, "$.a.b is missing"),
    ],
)
def test_an_output_that_has_more_contains_what_is_expected(opened: Opened, output: Any, differs: str) -> None:
    with opened('[expect]\noutput_contains = {a = {b = 1}, list = [{c = "x"}]}') as world:
        check = checked(world, ended(output=output))["output contains"]
        assert (check.held, check.detail) == (not differs, differs)


CHECKS = """
from sfn_sim.world import Check

def expect_one(world, execution):
    return Check("one", True, 1, 1)

def expect_many(world, execution):
    yield Check("two", execution.status == "SUCCEEDED", 2, 3, "one too many")
    yield Check("three", world.seed == 0, 3, 3)

def expect_nothing(world, execution):
    return None

expect_no_function = 5
"""


def test_the_modules_checks_are_all_made_unless_the_fixture_names_some(opened: Opened) -> None:
    with opened("", CHECKS) as world:
        found = checked(world, ended("FAILED"))
        assert {name: each.held for name, each in found.items()} == {
            "status": False, "one": True, "two": False, "three": True,
        }  # fmt: skip
        assert found["two"].to_json() == {"name": "two", "held": False, "expected": 2, "actual": 3}
    with opened('[expect]\nchecks = ["many"]', CHECKS) as world:
        assert list(checked(world, ended())) == ["status", "two", "three"]
    with opened("[expect]\nchecks = []", CHECKS) as world:
        assert list(checked(world, ended())) == ["status"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return [][1]", "IndexError: list index out of range"),
        ("assert 1 == 2, 'not equal'", "AssertionError: not equal"),
        ("yield Check('a', True, 1, 1); raise KeyError('b')", "KeyError: 'b'"),
        ("return world.read('none', 'x')", "NoSuchBucket"),
        ("return True", "TypeError"),
        ("return 'fine'", "'fine'"),
        ("return [True]", "[True]"),
    ],
)
def test_a_check_that_cannot_be_made_is_one_that_did_not_hold(opened: Opened, body: str, words: str) -> None:
    python = f"from sfn_sim.world import Check\ndef expect_it(world, execution):\n    {body}\n"
    with opened("", python) as world:
        check = checked(world, ended())["it"]
        assert not check.held
        assert words in str(check.actual)


def test_a_world_can_be_made_without_a_file(tmp_path: Path) -> None:
    from sfn_sim.world import Fixture
    from sfn_sim.world.fixture import Table

    params: Mapping[str, Any] = {"a": 1}
    fixture = Fixture(name="mine", path=tmp_path, params=params, tables=(Table(name="T", key=("id",)),))
    with open_world(fixture) as world:
        world.put_items("T", [{"id": "x", "none": None}])
        assert world.scan("T") == [{"id": "x", "none": None}]
        assert world.params == params


def test_the_example_of_the_documentation_works(opened: Opened) -> None:
    text = (Path(__file__).parents[2] / "docs" / "fixtures.md").read_text(encoding="utf-8")
    toml = text.split("```toml\n")[1].split("```")[0].replace('python = "world.py"\n', "")
    python = text.split("```python\n")[1].split("```")[0]
    with opened(toml, python) as world:
        assert world.summary()["open orders"] == 3
        assert os.environ["DONE_QUEUE_URL"].endswith("/done")
        found = checked(world, ended(output={"count": 3, "more": 1}))
        assert {name: each.held for name, each in found.items()} == {
            "status": True, "output contains": True, "open orders": False,
        }  # fmt: skip
        world.put_items("Orders", [{"id": f"o{n}", "status": "DONE"} for n in range(3)])
        assert checked(world, ended())["open orders"].held
