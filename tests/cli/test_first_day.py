"""What docs/first-day.md shows is what happens to somebody who follows it in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sfn_sim.config import find_config

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "first-day.md").read_text(encoding="utf-8")
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`([\w./-]+\.\w+)`")


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield every fenced block: its language, its text, and the file that the paragraph before it names last."""
    end = 0
    for fence in FENCE.finditer(page):
        named = FILE.findall(page[end : fence.start()].strip().rpartition("\n\n")[2])
        yield fence[1], fence[2], named[-1] if named else ""
        end = fence.end()


def without_times(text: str) -> list[str]:
    """Real durations and request ids differ from run to run, and the widths of columns with them."""
    text = re.sub(r"in \d+(\.\d+)? (ms|s) ·", "in TIME ·", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "REQUEST", text)
    return re.sub(r"(–|\d+ ms|\d+\.\d s)$", "REAL", text, flags=re.MULTILINE).split()


def change(file: Path, diff: str) -> None:
    """Carry out a diff of one change: its lines without a sign and with - stand in the file."""
    old = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] in " -")
    new = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] in " +")
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} does not have\n{old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "110", "PYTHONIOENCODING": "utf-8"}
    arguments = [sys.executable, "-m", "sfn_sim.cli", *shlex.split(command)[1:]]
    ended = subprocess.run(
        arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        check=False,
    )  # fmt: skip
    return ended.stdout.replace(f"{folder}{os.sep}", "")


def test_the_first_day_goes_as_its_page_says(tmp_path: Path) -> None:
    commands = 0
    folder = tmp_path.resolve()
    tutorial = PAGE.partition("\n## sfn-sim.toml")[0]
    for language, text, file in blocks(tutorial):
        if language in ("json", "python", "toml"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        elif language == "diff":
            change(folder / file, text)
        elif language == "console":
            command, _, shown = text.removeprefix("$ ").partition("\n")
            assert without_times(run(command, folder)) == without_times(shown), command
            commands += 1
    assert commands >= 4


def test_the_configuration_that_the_page_shows_is_one(tmp_path: Path) -> None:
    (text,) = [text for language, text, _ in blocks(PAGE.partition("\n## sfn-sim.toml")[2]) if language == "toml"]
    for folder in ("machines", "worlds", "functions", "infra/poll", "infra/shared"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "infra/poll/handler.py").touch()
    (tmp_path / ".env.test").touch()
    (tmp_path / "sfn-sim.toml").write_text(text, encoding="utf-8")
    config = find_config(tmp_path)
    poll, elsewhere = config.settings_of("embedding-line-poll"), config.settings_of("thumbnails-dev")
    assert poll is not None
    assert (poll.attribute, poll.timeout_s, poll.env) == ("handle", 900, {"TABLE": "receipts-dev"})
    assert elsewhere is not None
    assert elsewhere.url == "http://127.0.0.1:9000"


def test_every_key_of_the_configuration_stands_on_the_page() -> None:
    from sfn_sim.config import _FUNCTION_KEYS, _KEYS

    reference = PAGE.partition("\n## sfn-sim.toml")[2]
    assert [key for key in (*_KEYS, *_FUNCTION_KEYS) if f"`{key}`" not in reference] == []
