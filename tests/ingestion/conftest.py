from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sfn_sim.world import World, load_fixture, open_world

ROOT = Path(__file__).resolve().parents[2]


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


ingestion: Any = _load("tests_ingestion_fixtures", ROOT / "fixtures" / "ingestion.py")
direct_ingestion: Any = _load("tests_direct_ingestion", ROOT / "benchmarks" / "direct_ingestion.py")


@dataclass
class Scene:
    """An open world, and the handlers as they see it."""

    world: World
    kind: str
    load: Callable[[str], Callable[[dict[str, Any], object], Any]]

    def direct(self, execution_id: str = "direct-1", **sizes: Any) -> Any:
        """Return a run that calls the handlers step by step."""
        return direct_ingestion.Direct(self.load, self.kind, execution_id, **sizes)

    def call(self, function: str, event: dict[str, Any]) -> Any:
        return self.load(f"embedding-{function}")(event, None)

    def module(self, name: str) -> Any:
        """Return a module of the handlers, as they have imported it."""
        return importlib.import_module(name)

    def split(self, **sizes: Any) -> tuple[Any, Any]:
        """Run the steps up to the chunks; return the run and its chunks."""
        direct = self.direct(**sizes)
        return direct, direct.split(direct.normalize(direct.poll(direct.list_pending())))

    @property
    def batches(self) -> list[Any]:
        return list(ingestion.made_for(self.world).batches)

    @property
    def bucket(self) -> str:
        return str(ingestion.bucket_name(self.world))

    @property
    def table(self) -> str:
        return str(ingestion.table_name(self.world))

    def json(self, key: str) -> Any:
        return json.loads(self.world.read(self.bucket, key))

    def statuses(self) -> dict[str, str]:
        """Return the status of each batch of this machine."""
        found = ingestion.statuses(self.world)
        return {batch.batch_id: found[batch.batch_id] for batch in self.batches}

    def broken_expectations(self) -> set[str]:
        """Return the names of the expectations that do not hold."""
        expectations = (ingestion.expect_conservation, ingestion.expect_batches, ingestion.expect_snapshot)
        return {check.name for expect in expectations for check in expect(self.world, None) if not check.held}


def error_name(raised: pytest.ExceptionInfo[BaseException]) -> str:
    """Return the name that Step Functions would see."""
    return type(raised.value).__name__


Open = Callable[..., contextlib.AbstractContextManager[Scene]]


@contextlib.contextmanager
def opened(
    kind: str = "line", environment: dict[str, str] | None = None, fixture: str = "small", **params: Any
) -> Iterator[Scene]:
    """Open a fixture's world with other parameters and environment."""
    overrides = {f"params.{name}": json.dumps(value) for name, value in params.items()}
    overrides |= {f"environment.{name}": value for name, value in (environment or {}).items()}
    overrides.setdefault("params.dims", "8")
    loaded = load_fixture(ROOT / "fixtures" / kind / fixture, overrides)
    with open_world(loaded) as world, direct_ingestion.handlers() as load:
        yield Scene(world, kind, load)


class Saved:
    """A world as it was at a moment, so that tests may share one that took time to make."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._tags = self._listed()
        self._objects = {key: scene.world.read(scene.bucket, key) for key in self._tags}
        self._items = self._scanned()

    def restore(self) -> None:
        """Put objects and items back that were changed since."""
        scene, tags = self._scene, self._listed()
        for key in tags.keys() - self._tags.keys():
            scene.world.s3.delete_object(Bucket=scene.bucket, Key=key)
        for key, tag in self._tags.items():
            if tags.get(key) != tag:
                scene.world.s3.put_object(Bucket=scene.bucket, Key=key, Body=self._objects[key])
        items = self._scanned()
        for partition, sort in items.keys() - self._items.keys():
            names = {"PK": {"S": partition}, "SK": {"S": sort}}
            scene.world.dynamodb.delete_item(TableName=scene.table, Key=names)
        changed = [item for key, item in self._items.items() if items.get(key) != item]
        scene.world.put_items(scene.table, changed)

    def _listed(self) -> dict[str, str]:
        pages = self._scene.world.s3.get_paginator("list_objects_v2").paginate(Bucket=self._scene.bucket)
        return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}

    def _scanned(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(item["PK"], item["SK"]): item for item in self._scene.world.scan(self._scene.table)}


@pytest.fixture
def scene() -> Open:
    """Give a function that opens a world."""
    return opened
