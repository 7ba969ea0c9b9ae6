from __future__ import annotations

from pathlib import Path

import pytest

from sfn_sim.config import Config, find_config
from sfn_sim.errors import ConfigurationError

ARN = "arn:aws:lambda:eu-west-1:210987654321:function:"
WHOLE = """
definitions = "machines"
fixtures = "worlds"

[functions."embedding-*-poll*"]
handler = "infra/poll/handler.py:handle"
path = ["infra/shared"]
env = { TABLE = "receipts-dev", BATCH = 25, DRY = true }
env_file = ".env.test"
timeout = 900
memory = 1024

[functions."*"]
url = "http://127.0.0.1:9000"

[substitutions]
Stage = "dev"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("machines", "worlds", "infra/poll", "infra/shared", "deep/below"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "infra/poll/handler.py").write_text("def handle(event, context): ...\n")
    (tmp_path / ".env.test").write_text("TABLE=from-the-file\n# a comment\nexport KEY='a b'\n\nEMPTY=\nURL=http://x?a=b\n")
    return tmp_path


def configured(project: Path, text: str) -> Config:
    (project / "sfn-sim.toml").write_text(text)
    return find_config(project)


def refused(project: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        configured(project, text)
    assert str(error.value).startswith(str(project / "sfn-sim.toml"))
    return str(error.value)


def test_every_key_is_read_relative_to_the_file(project: Path) -> None:
    config = configured(project, WHOLE)
    assert (config.definitions, config.fixtures) == (project / "machines", project / "worlds")
    assert config.handlers == project / "handlers"
    assert config.substitutions == {"Stage": "dev"}
    poll = config.settings_of("embedding-line-poll")
    assert poll is not None
    assert (poll.file, poll.attribute) == (project / "infra/poll/handler.py", "handle")
    assert poll.path == (project / "infra/shared",)
    assert (poll.timeout_s, poll.memory_mb) == (900, 1024)


def test_env_wins_over_env_file_and_every_value_is_a_text(project: Path) -> None:
    poll = configured(project, WHOLE).settings_of("embedding-line-poll")
    assert poll is not None
    assert poll.env == {
        "TABLE": "receipts-dev", "BATCH": "25", "DRY": "true", "KEY": "a b", "EMPTY": "", "URL": "http://x?a=b",
    }  # fmt: skip


def test_the_file_is_found_upwards(project: Path) -> None:
    (project / "sfn-sim.toml").write_text(WHOLE)
    assert find_config(project / "deep" / "below").file == project / "sfn-sim.toml"


def test_the_nearest_file_decides(project: Path) -> None:
    (project / "sfn-sim.toml").write_text(WHOLE)
    (project / "deep" / "sfn-sim.toml").write_text("[substitutions]\nStage = 'nearer'\n")
    assert find_config(project / "deep" / "below").substitutions == {"Stage": "nearer"}


def test_pyproject_has_the_same_table(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.sfn-sim]\ndefinitions = 'machines'\n")
    config = find_config(project / "deep")
    assert (config.file, config.definitions) == (project / "pyproject.toml", project / "machines")


@pytest.mark.parametrize("text", ["[tool.other]\na = 1\n", "tool = 3\n", ""])
def test_a_pyproject_without_the_table_is_passed_by(project: Path, text: str) -> None:
    (project / "sfn-sim.toml").write_text(WHOLE)
    (project / "deep" / "pyproject.toml").write_text(text)
    assert find_config(project / "deep").file == project / "sfn-sim.toml"


def test_a_table_of_pyproject_that_is_none_is_refused(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool]\nsfn-sim = 3\n")
    with pytest.raises(ConfigurationError, match="must be a table"):
        find_config(project)


def test_without_a_file_the_folders_have_their_usual_names(tmp_path: Path) -> None:
    assert find_config(tmp_path) == Config()
    assert Config().definitions == Path("definitions")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("definitons = 'machines'", "has an unknown key 'definitons'; did you mean 'definitions'?"),
        ("[functions.a]\nhandlr = 'x.py'", "[functions.'a'] has an unknown key 'handlr'; did you mean 'handler'?"),
        ("colour = 1", "has an unknown key 'colour'; known are: definitions, handlers"),
    ],
)
def test_an_unknown_key_names_the_nearest(project: Path, text: str, words: str) -> None:
    assert words in refused(project, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("definitions = 3", "definitions must be a text, and is 3"),
        ("definitions = 'nowhere'", "definitions = 'nowhere': there is no such folder"),
        ("functions = 1", "functions must be a table, and is 1"),
        ("[functions]\na = 1", "[functions.'a'] must be a table"),
        ("[functions.a]\ntimeout = '9'", "timeout must be a number, and is '9'"),
        ("[functions.a]\ntimeout = true", "timeout must be a number, and is True"),
        ("[functions.a]\nmemory = 0", "memory must be at least 1, and is 0"),
        ("[functions.a]\npath = 'infra/shared'", "path must be a list"),
        ("[functions.a]\npath = ['infra/none']", "path has 'infra/none': no such folder"),
        ("[functions.a]\npath = [3]", "path has 3: no such folder"),
        ("[functions.a]\nhandler = 'infra/poll'", "handler = 'infra/poll': no such file"),
        ("[functions.a]\nenv_file = 'no.env'", "env_file = 'no.env': no such file"),
        ("[functions.a]\nenv = { A = [1] }", "env.A must be a text, and is [1]"),
        ("[substitutions]\nA = { b = 1 }", "substitutions.A must be a text"),
        ("[functions.a]\nurl = 'ftp://x'", "url must be an http address"),
        ("[functions.a]\nurl = 'http://x'\nhandler = 'infra/poll/handler.py'", "stands instead of a handler"),
        ("= 3", "not TOML"),
    ],
)
def test_a_value_of_the_wrong_kind_says_what_it_must_be(project: Path, text: str, words: str) -> None:
    assert words in refused(project, text)


def test_a_handler_in_lambdas_own_spelling_is_answered_with_ours(project: Path) -> None:
    text = "[functions.a]\nhandler = 'infra/poll/handler.handle'"
    assert "did you mean 'infra/poll/handler.py:handle'?" in refused(project, text)


def test_a_line_of_an_env_file_that_is_none_has_its_number(project: Path) -> None:
    (project / ".env.test").write_text("A=1\nnot a variable\n")
    with pytest.raises(ConfigurationError, match=r"\.env\.test:2: expected NAME=VALUE, and there is 'not a variable'"):
        configured(project, "[functions.a]\nenv_file = '.env.test'")


@pytest.mark.parametrize(
    ("name", "arn", "pattern"),
    [
        ("poll-dev", "", "poll-*"),
        ("pay", f"{ARN}pay:live", "*:210987654321:*"),
        ("pay", f"{ARN.replace('21098', '99999')}pay", None),
    ],
)
def test_a_pattern_matches_the_name_or_the_arn(project: Path, name: str, arn: str, pattern: str | None) -> None:
    config = configured(project, '[functions."poll-*"]\n[functions."*:210987654321:*"]\n')
    settings = config.settings_of(name, arn)
    assert (settings.pattern if settings else None) == pattern


def test_the_first_pattern_that_matches_wins(project: Path) -> None:
    config = configured(project, '[functions."a-*"]\ntimeout = 1\n[functions."*"]\ntimeout = 2\n')
    assert [getattr(config.settings_of(name), "timeout_s", None) for name in ("a-b", "c")] == [1, 2]


def test_a_pattern_that_hides_a_functions_own_name_is_ambiguous(project: Path) -> None:
    config = configured(project, '[functions."poll-*"]\n[functions.poll-word]\n')
    with pytest.raises(ConfigurationError) as error:
        config.settings_of("poll-word")
    for words in (
        str(project / "sfn-sim.toml"), "[functions.'poll-word'] is ambiguous", "'poll-*' stands before it",
        "Put [functions.'poll-word'] before [functions.'poll-*']",
    ):  # fmt: skip
        assert words in str(error.value)


def test_a_functions_own_name_may_stand_before_a_pattern(project: Path) -> None:
    config = configured(project, '[functions.poll-word]\n[functions."poll-*"]\n')
    settings = config.settings_of("poll-word")
    assert settings is not None
    assert settings.pattern == "poll-word"


def test_a_byte_order_mark_is_no_part_of_the_file(project: Path) -> None:
    (project / "sfn-sim.toml").write_bytes(b"\xef\xbb\xbf" + b"[substitutions]\nA = 'b'\n")
    assert find_config(project).substitutions == {"A": "b"}
