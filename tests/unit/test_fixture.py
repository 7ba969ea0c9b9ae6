from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sfn_sim.errors import FixtureError
from sfn_sim.world import Fixture, load_fixture
from sfn_sim.world.fixture import Bucket, Fault, Index, OpenAI, Queue, Table


def written(folder: Path, text: str) -> Path:
    (folder / "fixture.toml").write_text(text, encoding="utf-8")
    return folder


def loaded(folder: Path, text: str, **settings: str) -> Fixture:
    return load_fixture(written(folder, text), settings)


def refusal(folder: Path, text: str, settings: dict[str, str] | None = None) -> str:
    """Return what is said of a fixture; it always names the file."""
    with pytest.raises(FixtureError) as raised:
        load_fixture(written(folder, text), settings)
    message = str(raised.value)
    assert str(folder / "fixture.toml") in message
    return message


EVERYTHING = """
about = "all there is"
seed = 7
start_time = "2026-02-03T04:05:06Z"
python = "world.py"
input = {size = "${params.size}"}

[params]
size = 3

[substitutions]
GroupSize = 10
Skip = true

[environment]
S3_BUCKET = "docs"
SIZE = "${params.size}"

[[buckets]]
name = "docs"
tree = "tree"

[[tables]]
name = "Orders"
key = ["PK", "SK"]
attributes = {SK = "N"}
items = [{PK = "a", SK = 1}]

[[tables.indexes]]
name = "GSI1"
key = ["GSI1PK"]

[[queues]]
name = "done"

[openai]
dims = 64
model = "small"

[[openai.faults]]
match = "GET /v1/batches/"
status = 429
times = 2

[[openai.faults]]
match = "POST"
status = "timeout"

[expect]
status = "FAILED"
error = "Boom"
output = {n = 1}
output_contains = {n = 1}
checks = ["orders"]
"""


def test_every_key_of_a_fixture_is_read(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "world.py").touch()
    found = loaded(tmp_path, EVERYTHING)
    assert found == Fixture(
        name=tmp_path.name,
        path=tmp_path,
        about="all there is",
        seed=7,
        start_time=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        python=tmp_path / "world.py",
        params={"size": 3},
        input={"size": 3},
        substitutions={"GroupSize": "10", "Skip": "true"},
        environment={"S3_BUCKET": "docs", "SIZE": "3"},
        buckets=(Bucket(name="docs", tree=tmp_path / "tree"),),
        tables=(
            Table(
                name="Orders",
                key=("PK", "SK"),
                attributes={"SK": "N"},
                indexes=(Index(name="GSI1", key=("GSI1PK",)),),
                items=({"PK": "a", "SK": 1},),
            ),
        ),
        queues=(Queue(name="done"),),
        openai=OpenAI(
            dims=64,
            model="small",
            faults=(Fault(match="GET /v1/batches/", status=429, times=2), Fault(match="POST", status="timeout")),
        ),
        expect=found.expect,
    )
    expect = found.expect
    assert (expect.status, expect.error, expect.checks) == ("FAILED", "Boom", ("orders",))
    assert (expect.output, expect.has_output, expect.output_contains) == ({"n": 1}, True, {"n": 1})


def test_an_empty_fixture_is_a_world_with_nothing_in_it(tmp_path: Path) -> None:
    found = loaded(tmp_path, "")
    assert found == Fixture(name=tmp_path.name, path=tmp_path, input={})
    assert (found.expect.status, found.expect.checks, found.openai) == ("SUCCEEDED", None, None)


def test_a_fixture_is_found_by_its_folder_or_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "seed = 1")
    (tmp_path / "tiny.toml").write_text("seed = 2")
    monkeypatch.chdir(tmp_path)
    found = [load_fixture(Path(each)) for each in (tmp_path, tmp_path / "fixture.toml", ".", "tiny.toml")]
    assert [(each.name, each.seed) for each in found] == [(tmp_path.name, 1)] * 3 + [("tiny", 2)]


def test_input_and_items_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text("\ufeff[1, null]", encoding="utf-8")
    (tmp_path / "dump.json").write_text(json.dumps({"Items": [{"PK": {"S": "a"}}], "Count": 1}))
    found = loaded(tmp_path, 'input_file = "in.json"\n[[tables]]\nname = "T"\nkey = ["PK"]\nitems_file = "dump.json"\n')
    assert found.input == [1, None]
    assert found.tables[0].items == ({"PK": {"S": "a"}},)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ('"2026-01-01T00:00:00Z"', datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ('"2026-01-01T00:00:00+02:00"', datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
        ("2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ('"2026-01-01"', datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_start_time_is_a_moment_in_utc_unless_it_says_otherwise(tmp_path: Path, text: str, moment: datetime) -> None:
    assert loaded(tmp_path, f"start_time = {text}").start_time == moment


# References


def test_a_reference_takes_the_kind_of_its_parameter_and_part_of_a_text_its_words(tmp_path: Path) -> None:
    text = """
        [params]
        n = 3
        yes = true
        half = 0.5
        list = [1, 2]
        day = 2026-01-01
        name = "x"
        twice = "${params.name}-${params.name}"
        [input]
        whole = ["${params.n}", "${params.yes}", "${params.half}", "${params.list}", "${params.twice}"]
        part = "n=${params.n} ${params.yes} ${params.half} ${params.list} ${params.day} ${params.twice}"
        other = "${params} ${GroupSize} $ {params.n}"
    """
    assert loaded(tmp_path, text).input == {
        "whole": [3, True, 0.5, [1, 2], "x-x"],
        "part": "n=3 true 0.5 [1,2] 2026-01-01 x-x",
        "other": "${params} ${GroupSize} $ {params.n}",
    }


def test_parameters_may_name_each_other_and_python_gets_them_filled(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[params]\na = "${params.b}"\nb = "${params.c}"\nc = 5\n', c="6")
    assert found.params == {"a": 6, "b": 6, "c": 6}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[params]\ndims = 1\n[openai]\ndims = "${params.dim}"', "${params.dim} names a parameter"),
        ('[params]\ndims = 1\n[openai]\ndims = "${params.dim}"', "did you mean 'dims'?"),
        ('[params]\na = "${params.b}"\nb = "${params.a}"', "is made of itself"),
        ('[params]\nn = "many"\n[openai]\ndims = "${params.n}"', "dims must be an integer, and is 'many'"),
    ],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


# --set

SETTABLE = """
about = "x"
[params]
dims = 64
name = "x"
[input]
n = 1
[substitutions]
GroupSize = "10"
[[buckets]]
name = "docs"
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32", 32), ("0.5", 0.5), ("true", True), ("[1, 2]", [1, 2]), ("{a = 1}", {"a": 1}), ('"32"', "32"),
        ("'x y'", "x y"), ("2026-01-01", date(2026, 1, 1)),
        ("x y", "x y"), ("", ""), ("007", "007"), ("arn:aws:s3:::b", "arn:aws:s3:::b"), ("True", "True"),
        ("a = b", "a = b"),
    ],
)  # fmt: skip
def test_a_value_is_read_as_toml_and_otherwise_taken_as_text(tmp_path: Path, text: str, value: Any) -> None:
    assert loaded(tmp_path, SETTABLE, dims=text).params["dims"] == value


@pytest.mark.parametrize(
    ("key", "look"),
    [
        ("name", lambda found: found.params["name"]),
        ("params.name", lambda found: found.params["name"]),
        ("about", lambda found: found.about),
        ("input.n", lambda found: found.input["n"]),
        ("input.fresh", lambda found: found.input["fresh"]),
        ("substitutions.GroupSize", lambda found: found.substitutions["GroupSize"]),
        ("environment.DEBUG", lambda found: found.environment["DEBUG"]),
        ("expect.error", lambda found: found.expect.error),
        ("buckets.0.name", lambda found: found.buckets[0].name),
    ],
)
def test_any_value_of_a_fixture_can_be_set(tmp_path: Path, key: str, look: Any) -> None:
    assert look(load_fixture(written(tmp_path, SETTABLE), {key: "new"})) == "new"


def test_a_top_level_value_can_be_set_and_a_parameter_of_its_name_comes_first(tmp_path: Path) -> None:
    assert loaded(tmp_path, "", seed="5").seed == 5
    found = loaded(tmp_path, "[params]\nseed = 1", seed="5")
    assert (found.seed, found.params) == (0, {"seed": 5})


def test_what_refers_to_a_parameter_follows_the_value_that_is_set(tmp_path: Path) -> None:
    text = '[params]\ndims = 64\n[openai]\ndims = "${params.dims}"'
    found = loaded(tmp_path, text, dims="8")
    assert found.openai == OpenAI(dims=8)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("dim", "did you mean 'dims'?"),
        ("zzz", "its parameters are: dims, name"),
        ("params.nam", "did you mean 'name'?"),
        ("substitutions.GruopSize", "did you mean 'GroupSize'?"),
        ("expect.stauts", "unknown key 'stauts'; did you mean 'status'?"),
        ("inptu.n", "did you mean 'input'?"),
        ("buckets.1.name", "did you mean 'buckets'?"),
        ("buckets.0.nam", "unknown key 'nam'; did you mean 'name'?"),
        ("input.n.deeper", "no such value"),
    ],
)
def test_setting_a_value_that_nobody_reads_is_refused(tmp_path: Path, key: str, words: str) -> None:
    assert words in refusal(tmp_path, SETTABLE, {key: "1"})


def test_a_fixture_without_parameters_says_that_it_has_none(tmp_path: Path) -> None:
    assert "its parameters are: none" in refusal(tmp_path, "", {"dims": "1"})


# Refusals


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ("abuot = 1", "abuot", "about"),
        ("[expcet]\nstatus = 'FAILED'", "expcet", "expect"),
        ("[expect]\noutput_contain = 1", "output_contain", "output_contains"),
        ("[[buckets]]\nname = 'b'\ntre = 't'", "tre", "tree"),
        ("[[tables]]\nname = 't'\nkeys = ['a']", "keys", "key"),
        ("[[tables]]\nname = 't'\nkey = ['a']\n[[tables.indexes]]\nnaem = 'i'", "naem", "name"),
        ("[[queues]]\nname = 'q'\nnames = 'q'", "names", "name"),
        ("[openai]\ndim = 1", "dim", "dims"),
        ("[[openai.faults]]\nmatch = 'G'\nstatuss = 1", "statuss", "status"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path: Path, text: str, key: str, near: str) -> None:
    message = refusal(tmp_path, text)
    assert f"unknown key {key!r}" in message
    assert f"did you mean {near!r}?" in message


def test_a_key_like_none_that_is_known_is_refused_with_all_of_them(tmp_path: Path) -> None:
    assert "known are: name, tree" in refusal(tmp_path, "[[buckets]]\nqqq = 1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("about = 1", "about must be a text"),
        ("seed = true", "seed must be an integer"),
        ("seed = 1.0", "seed must be an integer"),
        ("start_time = 'soon'", "start_time is no ISO 8601 moment"),
        ("start_time = 5", "start_time must be a moment"),
        ("start_time = 2026-01-01", "start_time must be a moment"),
        ("params = 1", "params must be a table"),
        ("environment = []", "environment must be a table"),
        ("[environment]\nA = [1]", "environment.A must be a text"),
        ("[substitutions]\nA = {b = 1}", "substitutions.A must be a text"),
        ("buckets = 1", "buckets must be tables: [[buckets]]"),
        ("[buckets]\nname = 'b'", "buckets must be tables: [[buckets]]"),
        ("buckets = ['b']", "buckets must be tables: [[buckets]]"),
        ("[[buckets]]", "an entry of [[buckets]] has no name"),
        ("[[queues]]\nname = 1", "an entry of [[queues]] has no name"),
        ("[[tables]]\nname = 't'", "t: key must be a list"),
        ("[[tables]]\nname = 't'\nkey = ['a', 'b', 'c']", "t: key must be a list of one or two"),
        ("[[tables]]\nname = 't'\nkey = [1]", "t: key must be a list"),
        ("[[tables]]\nname = 't'\nkey = ['a']\nattributes = {a = 'M'}", "t: attributes.a must be S, N or B"),
        ("[[tables]]\nname = 't'\nkey = ['a']\nitems = 5", "t: items must be a list of items"),
        ("[[tables]]\nname = 't'\nkey = ['a']\nitems = [5]", "t: items must be a list of items"),
        ("[[tables]]\nname = 't'\nkey = ['a']\nindexes = ['i']", "must be tables: [[tables.indexes]]"),
        ("[[tables]]\nname = 't'\nkey = ['a']\n[[tables.indexes]]\nname = 'i'", "t: an index's: key must be a list"),
        ("openai = true", "openai must be a table"),
        ("[openai]\ndims = 0", "openai.dims must be at least 1"),
        ("[openai]\nmodel = 1", "model must be a text"),
        ("[openai]\nfaults = [1]", "must be tables: [[openai.faults]]"),
        ("[[openai.faults]]\nstatus = 500", "[[openai.faults]] has no match"),
        ("[[openai.faults]]\nmatch = 'G'", "status must be 400 to 599 or \"timeout\", and is None"),
        ("[[openai.faults]]\nmatch = 'G'\nstatus = 200", "and is 200"),
        ("[[openai.faults]]\nmatch = 'G'\nstatus = 500\ntimes = 'x'", "times must be an integer"),
        ("[expect]\nstatus = 'OK'", "expect.status must be one of SUCCEEDED, FAILED"),
        ("[expect]\nchecks = 'all'", "checks must be a list"),
        ("[expect]\nchecks = [1]", "expect.checks must be names"),
        ("input = 1\ninput_file = 'x'", "input and input_file exclude each other"),
        ("[[tables]]\nname = 't'\nkey = ['a']\nitems = []\nitems_file = 'x'", "items and items_file exclude each"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused_by_its_key(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python = 'none.py'", "python = 'none.py': no such file"),
        ("python = '.'", "python = '.': no such file"),
        ("input_file = 'none.json'", "input_file = 'none.json': no such file"),
        ("[[buckets]]\nname = 'b'\ntree = 'none'", "tree = 'none': no such folder"),
        ("[[buckets]]\nname = 'b'\ntree = 'fixture.toml'", "tree = 'fixture.toml': no such folder"),
        ("[[tables]]\nname = 't'\nkey = ['a']\nitems_file = 'none.json'", "items_file = 'none.json': no such file"),
    ],
)
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


@pytest.mark.parametrize("content", ["{", "[NaN]", "[1e999]", ""])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "in.json").write_text(content)
    assert "in.json: " in refusal(tmp_path, "input_file = 'in.json'")


def test_what_is_not_toml_is_refused_with_its_place(tmp_path: Path) -> None:
    assert "not TOML" in refusal(tmp_path, "about =")
    assert "line 2" in refusal(tmp_path, "seed = 1\nabout = [ no ]\n")
    (tmp_path / "fixture.toml").write_bytes(b"about = '\xff'")
    with pytest.raises(FixtureError, match="not TOML"):
        load_fixture(tmp_path)


def test_a_folder_without_a_fixture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match=r"cannot read the fixture .*fixture\.toml: No such file"):
        load_fixture(tmp_path)
