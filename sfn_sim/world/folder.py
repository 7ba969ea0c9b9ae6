"""A world as a folder: what a run left, in plain files that the next run starts from and that `git diff` can show."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError
from sfn_sim.world.world import World

_MARK = "# A world that sfn-sim saved."
_LONGEST_POLL = 10


def check_target(folder: Path) -> None:
    """Refuse a folder that holds anything but a saved world, before a run is made for it.

    Raises:
        ConfigurationError: it is a file, or has files that are not ours.
    """
    if not folder.exists():
        return
    toml = folder / "fixture.toml"
    ours = toml.is_file() and toml.read_text(encoding="utf-8").startswith(_MARK)
    if not folder.is_dir() or (any(folder.iterdir()) and not ours):
        raise ConfigurationError(
            f"--save-world {folder}: is no empty folder and no saved world; nothing in it was changed"
        )


def save_world(world: World, folder: Path, now: datetime, execution_input: Any) -> None:
    """Write a world into a folder; a world that was saved there before is replaced.

    Args:
        world: the world, after a run.
        folder: where to; see `check_target`.
        now: the virtual moment at which the next run in it starts.
        execution_input: the input of the run, which the next one has as well.

    Raises:
        ConfigurationError: the folder holds something else, or a key is no path that every system can have.
    """
    check_target(folder)
    # Queues drop what is older than they keep it: they are looked at in the world's own time.
    with clock.working_for(clock.Invocation("the saved world", round(now.timestamp()) * 1_000_000_000)):
        _save(world, folder, now, execution_input)


def _save(world: World, folder: Path, now: datetime, execution_input: Any) -> None:
    objects = {bucket.name: world.objects(bucket.name) for bucket in world.fixture.buckets}
    for name, keys in objects.items():
        for key in keys:
            _check_key(name, key)
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, keys in objects.items():
        (fresh / "s3" / name).mkdir(parents=True)
        for key in keys:
            file = fresh / "s3" / name / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(world.read(name, key))
    for table in world.fixture.tables:
        items = [item for page in _pages(world, table.name) for item in page]
        items.sort(key=lambda item: [str(item.get(name)) for name in table.key])
        _write(fresh / "tables" / f"{table.name}.json", items)
    for queue in world.fixture.queues:
        _write(fresh / "queues" / f"{queue.name}.json", _messages(world, queue.name))
    if world.openai is not None:
        _write(fresh / "openai.json", world.openai.batches())
    _write(fresh / "input.json", execution_input)
    (fresh / "fixture.toml").write_text(_toml(world, folder, now), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    fresh.rename(folder)


def _check_key(bucket: str, key: str) -> None:
    parts = PurePosixPath(key).parts
    if not parts or "/".join(parts) != key or ".." in parts or any(each in key for each in '\\:*?"<>|\0'):
        raise ConfigurationError(f"--save-world: the key {key!r} of the bucket {bucket} is no path of a file")


def _pages(world: World, table: str) -> Iterator[list[dict[str, Any]]]:
    for page in world.dynamodb.get_paginator("scan").paginate(TableName=table):
        yield page["Items"]


def _messages(world: World, name: str) -> list[str]:
    """Return a queue's messages; they stay in it."""
    url = world.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: list[str] = []
    while batch := world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_LONGEST_POLL).get("Messages"):
        found += [each["Body"] for each in batch]
    return sorted(found)


def _write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True, default=_binary)
    file.write_text(f"{text}\n", encoding="utf-8")


def _binary(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


def _toml(world: World, folder: Path, now: datetime) -> str:
    """Return the fixture.toml of a saved world."""
    fixture = world.fixture
    lines = [
        f"{_MARK} `sfn-sim run MACHINE --world-from THIS_FOLDER` starts from it.",
        f"about = {_text(f'what a run in {fixture.name} left')}",
        f"seed = {world.seed}",
        f"start_time = {now.isoformat()}",
        'input_file = "input.json"',
        "build = false  # all that it made stands here",
    ]
    if fixture.python is not None:
        lines.append(f"python = {_text(_relative(fixture.python, folder))}")
    for name in ("params", "substitutions", "environment"):
        values: Mapping[str, Any] = getattr(fixture, name)
        lines += ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in values.items())]
    for bucket in fixture.buckets:
        lines += ["", "[[buckets]]", f"name = {_text(bucket.name)}", f"tree = {_text(f's3/{bucket.name}')}"]
    for table in fixture.tables:
        lines += ["", "[[tables]]", f"name = {_text(table.name)}", f"key = {_value(list(table.key))}"]
        if table.attributes:
            lines.append(f"attributes = {_value(dict(table.attributes))}")
        lines.append(f"items_file = {_text(f'tables/{table.name}.json')}")
        for index in table.indexes:
            lines += ["", "[[tables.indexes]]", f"name = {_text(index.name)}", f"key = {_value(list(index.key))}"]
    for queue in fixture.queues:
        messages = _text(f"queues/{queue.name}.json")
        lines += ["", "[[queues]]", f"name = {_text(queue.name)}", f"messages_file = {messages}"]
    for topic in fixture.topics:
        lines += ["", "[[topics]]", f"name = {_text(topic)}"]
    for name in ("parameters", "secrets"):
        for key, value in getattr(fixture, name).items():
            lines += ["", f"[[{name}]]", f"name = {_text(key)}", f"value = {_text(value)}"]
    if fixture.openai is not None:
        lines += ["", "[openai]", f"dims = {fixture.openai.dims}", f"model = {_text(fixture.openai.model)}"]
        lines.append('batches_file = "openai.json"')
    return "\n".join(lines) + "\n"


def _relative(file: Path, folder: Path) -> str:
    return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "_").isidentifier() else _text(name)


def _text(value: str) -> str:
    # A TOML basic string is a JSON string, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    """Return a value as TOML; tables stand inline."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(str(key))} = {_value(each)}' for key, each in value.items())} }}"
    if isinstance(value, datetime):
        return value.isoformat()
    return _text(str(value))
