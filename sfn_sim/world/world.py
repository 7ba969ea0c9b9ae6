"""What a run works on: buckets, tables, queues, a stand-in for OpenAI; built from a fixture, taken down after it."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from sfn_sim import clock
from sfn_sim.errors import FixtureError, SfnSimError
from sfn_sim.payload import Json
from sfn_sim.services.isolation import isolated
from sfn_sim.world.faults import AwsFaults, read_fault
from sfn_sim.world.fixture import Fixture, Table
from sfn_sim.world.openai import OpenAIStandIn
from sfn_sim.world.openai_server import Server
from sfn_sim.world.vectors import Vectors

START = datetime(2025, 1, 1, tzinfo=UTC)
_ADDRESS = re.compile(r"\$\{((?:queues|topics)\.[A-Za-z0-9_.-]+\.(?:url|arn))\}")
_BATCH_WRITE = 25


class World:
    """A world that is open.

    Attributes:
        fixture: what it was built from.
        params: the fixture's parameters.
        seed: the seed of what it generates.
        start: the virtual moment at which a run in it starts.
        env: the environment that handlers see.
        folder: a folder of its own, removed with it.
        openai: the stand-in; None when the fixture has no [openai].
        faults: what handlers get instead of the answers of AWS's services.
    """

    def __init__(self, fixture: Fixture, seed: int, folder: Path) -> None:
        self.fixture = fixture
        self.params: Mapping[str, Any] = fixture.params
        self.seed = seed
        self.start = fixture.start_time or START
        self.env: dict[str, str] = dict(fixture.environment)
        self.folder = folder
        self.openai: OpenAIStandIn | None = None
        self.faults = AwsFaults()
        self._module: ModuleType | None = None

    @cached_property
    def s3(self) -> Any:
        """A boto3 client for S3."""
        return _client("s3")

    @cached_property
    def dynamodb(self) -> Any:
        """A boto3 client for DynamoDB."""
        return _client("dynamodb")

    @cached_property
    def sqs(self) -> Any:
        """A boto3 client for SQS."""
        return _client("sqs")

    @cached_property
    def sns(self) -> Any:
        """A boto3 client for SNS."""
        return _client("sns")

    @cached_property
    def ssm(self) -> Any:
        """A boto3 client for Systems Manager's parameters."""
        return _client("ssm")

    @cached_property
    def secretsmanager(self) -> Any:
        """A boto3 client for Secrets Manager."""
        return _client("secretsmanager")

    def scan(self, table: str) -> list[dict[str, Any]]:
        """Return every item of a table as plain Python values."""
        items: list[dict[str, Any]] = []
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            items += [{key: _plain(value) for key, value in item.items()} for item in page["Items"]]
        return items

    def put_items(self, table: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Put items into a table; values are plain Python, or in DynamoDB's JSON form as a dump has them."""
        requests = [{"PutRequest": {"Item": _item(item)}} for item in items]
        for first in range(0, len(requests), _BATCH_WRITE):
            left: Any = {table: requests[first : first + _BATCH_WRITE]}
            while left:
                left = self.dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems")

    def objects(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """Return the keys below a prefix with their sizes in bytes."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's content."""
        content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def download(self, bucket: str, prefix: str, folder: Path) -> None:
        """Write every object below a prefix into a folder, by the rest of its key."""
        for key in self.objects(bucket, prefix):
            file = folder / key.removeprefix(prefix)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.read(bucket, key))

    def fault_aws(self, service: str, operation: str = "*", **more: Any) -> None:
        """Let handlers meet a fault of an AWS service; the arguments are the keys of `[[faults]]`.

        Raises:
            FixtureError: there can be no such fault.
        """
        self.faults.add([read_fault({"service": service, "operation": operation, **more}, FixtureError)])

    def summary(self) -> dict[str, Json]:
        """Return counts of what is there: what the Python module observes, items per table, objects and bytes."""
        counts: dict[str, Json] = {}
        observe = getattr(self._module, "observe", None)
        if observe is not None:
            counts.update(observe(self))
        for table in self.fixture.tables:
            described = self.dynamodb.describe_table(TableName=table.name)["Table"]
            counts[f"items in {table.name}"] = described.get("ItemCount", 0)
        objects: dict[str, Json] = {}
        sizes: dict[str, Json] = {}
        for bucket in self.fixture.buckets:
            lead = f"{bucket.name}/" if len(self.fixture.buckets) > 1 else ""
            for key, size in self.objects(bucket.name).items():
                place = f"{lead}{key.partition('/')[0]}/" if "/" in key else f"{lead}{key}"
                objects[place] = int(str(objects.get(place, 0))) + 1
                sizes[place] = int(str(sizes.get(place, 0))) + size
        counts["objects"], counts["bytes"] = objects, sizes
        return counts

    def checks(self, names: Sequence[str] | None) -> list[tuple[str, Callable[..., Any]]]:
        """Return the Python module's expectations by name; all of them when `names` is None.

        Raises:
            FixtureError: the module has none of that name.
        """
        found = {
            name.removeprefix("expect_"): value
            for name, value in vars(self._module).items()
            if name.startswith("expect_") and callable(value)
        } if self._module else {}  # fmt: skip
        for name in names or ():
            if name not in found:
                there = ", ".join(found) or "none"
                raise FixtureError(f"{self.fixture.path}: no function expect_{name} in its module; there are: {there}")
        return [(name, found[name]) for name in (found if names is None else names)]

    def build(self) -> None:
        """Make all that the fixture names.

        Raises:
            FixtureError: something of it cannot be made.
        """
        self._build_messaging()
        os.environ.update(self.env)
        for name, value in self.fixture.parameters.items():
            self.ssm.put_parameter(Name=name, Value=value, Type="String")
        for name, value in self.fixture.secrets.items():
            self.secretsmanager.create_secret(Name=name, SecretString=value)
        if self.fixture.openai is not None and self.openai is not None:
            for batch in self.fixture.openai.batches:
                self.openai.add_batch(**batch)
        for bucket in self.fixture.buckets:
            self.s3.create_bucket(Bucket=bucket.name)
            for file in sorted(bucket.tree.rglob("*")) if bucket.tree else ():
                if file.is_file():
                    key = file.relative_to(bucket.tree or file).as_posix()
                    self.s3.put_object(Bucket=bucket.name, Key=key, Body=file.read_bytes())
        for table in self.fixture.tables:
            self._create_table(table)
        if self.fixture.python is not None:
            self._module = _load(self.fixture.python)
        self.checks(self.fixture.expect.checks)
        build = getattr(self._module, "build", None)
        if build is not None and self.fixture.build:
            build(self, self.params)

    def adopt(self, environment: Mapping[str, str]) -> None:
        """Take over an environment from a world that was built before, and load the Python module; nothing is made.

        Raises:
            FixtureError: the module fails when it is imported.
        """
        self.env.update(environment)
        os.environ.update(self.env)
        if self.fixture.python is not None:
            self._module = _load(self.fixture.python)

    def _build_messaging(self) -> None:
        """Make queues and topics, and put their addresses where the environment names them."""
        made: dict[str, str] = {}
        for queue in self.fixture.queues:
            url = made[f"queues.{queue.name}.url"] = self.sqs.create_queue(QueueName=queue.name)["QueueUrl"]
            for message in queue.messages:
                self.sqs.send_message(QueueUrl=url, MessageBody=message)
        for topic in self.fixture.topics:
            made[f"topics.{topic}.arn"] = self.sns.create_topic(Name=topic)["TopicArn"]

        def address(match: re.Match[str]) -> str:
            if match[1] not in made:
                raise FixtureError(f"{self.fixture.path}: {match[0]} names nothing of [[queues]] or [[topics]]")
            return made[match[1]]

        self.env = {key: _ADDRESS.sub(address, value) for key, value in self.env.items()}

    def _create_table(self, table: Table) -> None:
        names = dict.fromkeys((*table.key, *(name for index in table.indexes for name in index.key)))
        types = [{"AttributeName": name, "AttributeType": table.attributes.get(name, "S")} for name in names]
        request: dict[str, Any] = {
            "TableName": table.name,
            "KeySchema": _key_schema(table.key),
            "AttributeDefinitions": types,
            "BillingMode": "PAY_PER_REQUEST",
        }
        if table.indexes:
            request["GlobalSecondaryIndexes"] = [
                {"IndexName": each.name, "KeySchema": _key_schema(each.key), "Projection": {"ProjectionType": "ALL"}}
                for each in table.indexes
            ]
        self.dynamodb.create_table(**request)
        self.put_items(table.name, table.items)


@contextlib.contextmanager
def open_world(
    fixture: Fixture,
    *,
    seed: int | None = None,
    allow_network: Sequence[str] = (),
    fill: Callable[[World], None] = World.build,
) -> Iterator[World]:
    """Build a fixture's world and take it down afterwards: servers, temporary folder, environment.

    Handlers run inside are shut in (`services.isolation`); the world's own timestamps are those of its start. `fill`
    puts into it what is there at the start: what the fixture names, or what a snapshot has kept.

    Raises:
        FixtureError: it cannot be built; the message names the fixture.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(isolated(fixture.environment, allow_network))
        stack.enter_context(clock.virtual_clock())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sfn-sim-world-")))
        world = World(fixture, fixture.seed if seed is None else seed, folder)
        if fixture.openai is not None:
            made = fixture.openai
            vectors = Vectors(world.seed, made.model, made.dims)
            world.openai = OpenAIStandIn(vectors, made.model, world.start, world.seed, made.faults)
            stack.enter_context(Server(world.openai))
            world.env["OPENAI_BASE_URL"] = world.openai.base_url
            world.env.setdefault("OPENAI_API_KEY", "sfn-sim")
        at_start = clock.Invocation(f"the world of {fixture.name}", round(world.start.timestamp() * 1000) * 1_000_000)
        stack.callback(world.faults.close)
        with clock.working_for(at_start):
            try:
                world.faults.add(fixture.faults)
                fill(world)
            except SfnSimError:
                raise
            except Exception as error:
                place = _place(error, fixture.python) if fixture.python else ""
                raise FixtureError(
                    f"{place or fixture.path}: the world of {fixture.name} cannot be built: "
                    f"{type(error).__name__}: {error}"
                ) from error
        world.faults.arm()
        yield world


def _client(service: str) -> Any:
    import boto3
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session()
    session.register_component("data_loader", _service_models())
    config = Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    return boto3.Session(botocore_session=session).client(service, config=config)


@cache
def _service_models() -> Any:
    """Return what reads botocore's descriptions of services: a tenth of a second for each, once in a process."""
    from botocore.loaders import create_loader

    return create_loader()


def _key_schema(key: Sequence[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(key, ("HASH", "RANGE"), strict=False)]


_TYPES = frozenset(("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"))


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's JSON form; one that has it already keeps it."""
    if item and all(isinstance(value, dict) and len(value) == 1 and value.keys() <= _TYPES for value in item.values()):
        return {key: _dumped(value) for key, value in item.items()}
    return {key: _attribute(value) for key, value in item.items()}


def _dumped(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attribute of a dump for boto3, which wants bytes where the dump has base64."""
    ((kind, held),) = value.items()
    match kind:
        case "B" if isinstance(held, str):
            return {"B": base64.b64decode(held)}
        case "BS":
            return {"BS": [base64.b64decode(each) if isinstance(each, str) else each for each in held]}
        case "M":
            return {"M": {key: _dumped(each) for key, each in held.items()}}
        case "L":
            return {"L": [_dumped(each) for each in held]}
    return {kind: held}


def _attribute(value: Any) -> dict[str, Any]:
    # Texts are most of what items hold, and boto3's serializer is slow on them.
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_attribute(each) for each in value]}
    if isinstance(value, Mapping):
        return {"M": {key: _attribute(each) for key, each in value.items()}}
    if value is None:
        return {"NULL": True}
    from boto3.dynamodb.types import TypeSerializer

    made: dict[str, Any] = TypeSerializer().serialize(value)
    return made


def _plain(value: Mapping[str, Any]) -> Any:
    """Return an attribute's value as plain Python; numbers as int or float."""
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return int(held) if held.lstrip("-").isdigit() else float(held)
        case "M":
            return {key: _plain(each) for key, each in held.items()}
        case "L":
            return [_plain(each) for each in held]
        case "NULL":
            return None
        case "NS":
            return {_plain({"N": each}) for each in held}
        case "SS" | "BS":
            return set(held)
    return held


def _load(path: Path) -> ModuleType:
    """Import a fixture's module by its path, under a name of its own.

    Raises:
        FixtureError: it fails when it is imported.
    """
    name = f"sfn_sim_fixture_{path.stem}_{abs(hash(str(path)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FixtureError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        place = _place(error, path) or path
        raise FixtureError(f"{place}: fails when it is imported: {type(error).__name__}: {error}") from error
    finally:
        del sys.modules[name]
    return module


def _place(error: Exception, path: Path) -> str:
    """Return the last line of a module that an error went through; empty if it went through none."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno or 1)
    return f"{path}:{lines[-1]}" if lines else ""
