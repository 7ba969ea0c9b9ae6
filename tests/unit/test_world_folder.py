"""Worlds of one's own: from plain files, saved by a run, and the start of the next one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError
from sfn_sim.world import load_fixture, open_world
from sfn_sim.world.folder import check_target, save_world

NOW = datetime(2025, 1, 1, 0, 5, tzinfo=UTC)
WORLD = """
about = "plain files only"
[params]
count = 3
deep = { list = [1, "two", true] }
[environment]
QUEUE = "${queues.jobs.url}"
TOPIC = "${topics.news.arn}"
[[buckets]]
name = "papers"
tree = "s3/papers"
[[tables]]
name = "Orders"
key = ["PK"]
items_file = "orders.json"
[[tables.indexes]]
name = "by-day"
key = ["day"]
[[queues]]
name = "jobs"
[[topics]]
name = "news"
[[parameters]]
name = "/shop/currency"
value = "EUR"
[[secrets]]
name = "gateway"
value = '{"key": "not so secret"}'
[openai]
dims = 8
"""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    (folder / "s3" / "papers" / "in").mkdir(parents=True)
    (folder / "s3" / "papers" / "in" / "a.txt").write_text("one\n")
    orders = [{"PK": "1", "day": "mon", "total": 2.5}, {"PK": "2", "tags": ["x"], "none": None}]
    (folder / "orders.json").write_text(json.dumps(orders))
    (folder / "fixture.toml").write_text(WORLD)
    return folder


def test_a_world_is_built_from_plain_files_without_python(plain: Path) -> None:
    with open_world(load_fixture(plain)) as world:
        assert world.read("papers", "in/a.txt") == b"one\n"
        assert {item["PK"]: item.get("total") for item in world.scan("Orders")} == {"1": 2.5, "2": None}
        assert world.ssm.get_parameter(Name="/shop/currency")["Parameter"]["Value"] == "EUR"
        assert "not so secret" in world.secretsmanager.get_secret_value(SecretId="gateway")["SecretString"]
        assert world.env["TOPIC"].endswith(":news")
        assert world.env["QUEUE"].endswith("/jobs")


def test_a_saved_world_starts_the_next_run_with_all_that_was_left(plain: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    with open_world(load_fixture(plain)) as world:
        world.s3.put_object(Bucket="papers", Key="out/b.bin", Body=b"\0\xff")
        world.put_items("Orders", [{"PK": "3", "n": 7}])
        with clock.working_for(clock.Invocation("a handler", round(world.start.timestamp()) * 10**9)):
            world.sqs.send_message(QueueUrl=world.env["QUEUE"], MessageBody="do it")
        assert world.openai is not None
        batch = world.openai.add_batch([("r1", "text"), ("r2", "more")], error_lines={"r2": "no"})
        vector = world.openai.vector("text")
        before = sorted(world.scan("Orders"), key=lambda item: item["PK"])
        save_world(world, saved, NOW, {"input": [1]})
    fixture = load_fixture(saved)
    assert fixture.params == {"count": 3, "deep": {"list": [1, "two", True]}}
    assert (fixture.input, fixture.start_time) == ({"input": [1]}, NOW)
    assert fixture.queues[0].messages == ("do it",)
    with open_world(fixture) as world:
        assert world.objects("papers") == {"in/a.txt": 4, "out/b.bin": 2}
        assert world.read("papers", "out/b.bin") == b"\0\xff"
        assert sorted(world.scan("Orders"), key=lambda item: item["PK"]) == before
        assert world.openai is not None
        assert world.openai.vector("text") == vector
        assert [each["batch_id"] for each in world.openai.batches()] == [batch]


def test_saving_twice_gives_the_same_files(plain: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("first", "again"):
        folder = tmp_path / name / "saved"
        with open_world(load_fixture(plain)) as world:
            save_world(world, folder, NOW, {})
        texts.append({file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()})
    assert texts[0] == texts[1]


def test_a_folder_of_somebody_elses_is_left_as_it_is(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigurationError, match="no empty folder and no saved world"):
        check_target(tmp_path / "mine")
    with (
        open_world(load_fixture(plain)) as world,
        pytest.raises(ConfigurationError, match="nothing in it was changed"),
    ):
        save_world(world, tmp_path / "mine", NOW, {})
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_key_that_is_no_path_is_refused_before_anything_is_written(plain: Path, tmp_path: Path) -> None:
    with open_world(load_fixture(plain)) as world:
        world.s3.put_object(Bucket="papers", Key="../escape", Body=b"")
        with pytest.raises(ConfigurationError, match=r"'\.\./escape' of the bucket papers is no path"):
            save_world(world, tmp_path / "saved", NOW, {})
    assert not (tmp_path / "saved").exists()
