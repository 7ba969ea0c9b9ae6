"""What a distributed Map reads of its fields before its run starts.

Source: Developer Guide, ItemReader, ItemBatcher, ResultWriter; recorded: map_item_reader_*,
map_state_tolerated_failure_*. Which of a run's errors come before MapRunStarted is assumed where no case shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sfn_sim import limits
from sfn_sim.definition.model import ABSENT, Absent, Distribution, ItemBatcher, MapState
from sfn_sim.definition.plan import PlannedState, Step
from sfn_sim.errors import ITEM_READER_FAILED, RUNTIME, Detail, StatesError
from sfn_sim.payload import Json
from sfn_sim.run import flow
from sfn_sim.run.effects import StateRun
from sfn_sim.run.interpreter import Interpreter
from sfn_sim.run.item_batcher import Batches, Feed, in_memory
from sfn_sim.run.item_reader import Dataset, Unreadable, dataset, source_of
from sfn_sim.run.log import Branch, Visit
from sfn_sim.run.map_fields import read_concurrency, read_items, read_number, read_tolerance, refused
from sfn_sim.run.seed import Stream


@dataclass(slots=True)
class Setup:
    """What one run of a distributed Map is to do.

    Attributes:
        items: its items, where they stand in its input; None where an ItemReader gives them.
        arguments: what the ItemReader reads with.
        max_items: how many items are read; 0 for all.
        batches: how items are put together.
        max_concurrency: how many children may run at once.
        tolerated_count: how many items may fail; `tolerated_share` how many of a hundred.
        destination: bucket and prefix of the results; None where they stay the Map's result.
    """

    interpreter: Interpreter
    planned: PlannedState
    effective: Json
    distribution: Distribution
    items: list[Json] | None
    arguments: Json
    max_items: int
    batches: Batches | None
    max_concurrency: int
    tolerated_count: int
    tolerated_share: float
    destination: tuple[str, str] | None

    def feed(self, branch: Branch, visit: Visit) -> Feed:
        """Return what takes the items out of their dataset."""
        items, source = self.dataset(branch, visit)
        select = item_selector(self.interpreter, self.planned, branch, visit, self.effective, source)
        return Feed(items, select, max(self.max_items, 0), self.batches)

    def dataset(self, branch: Branch, visit: Visit) -> tuple[Dataset, str]:
        """Return the dataset of the items, and what $$.Map.Item.Source says of it."""
        reader = self.distribution.reader
        if reader is None:
            return in_memory(self.items or []), "STATE_DATA"
        interpreter = self.interpreter
        stream = Stream.named(
            interpreter.seed, interpreter.identity.arn, visit.path, visit.index, branch.retry_count, "reader"
        )
        return _reading(self, stream.uuid4), source_of(reader, self.arguments)


def _reading(setup: Setup, request_id: Callable[[], str]) -> Dataset:
    reader = setup.distribution.reader
    assert reader is not None
    if setup.max_items < 0:
        # Source: recorded: csv_max_items_paths (-1).
        what = f"MaxItems is {setup.max_items}"
        field = "ReaderConfig/MaxItemsPath" if reader.max_items.path else "ReaderConfig/MaxItems"
        raise Unreadable("field MaxItems must be positive", what, field)
    yield from dataset(reader, setup.arguments, request_id)


def prepare(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, effective: Json
) -> StateRun:
    """Write MapStateStarted and return what the run is to do.

    Raises:
        StatesError: States.Runtime: a path leads nowhere, or a number is none.
    """
    state = cast(MapState, planned.state)
    given = cast(Distribution, state.distribution)
    # Source: recorded: map_item_reader_base_json_with_items_path: beside an ItemReader, ItemsPath reads nothing.
    items = None if given.reader else read_items(planned, branch, visit, effective)
    concurrency = read_concurrency(planned, state, branch, visit, effective)
    branch.last = interpreter.log.append("MapStateStarted", branch.last, (len(items or ()),))
    count, share = read_tolerance(planned, state, branch, visit, effective)
    templates = planned.distribution
    arguments = _filled(templates.reader, branch, visit, effective)
    max_items = 0
    if given.reader:
        number = given.reader.max_items
        max_items = int(
            read_number(planned, "MaxItems", number, branch, visit, effective, inside="ItemReader/ReaderConfig/")
        )
    batches = _batches(given.batcher, planned, branch, visit, effective) if given.batcher else None
    destination = None
    if given.writer is not None and given.writer.is_empty:
        # Source: Developer Guide, ResultWriter (it cannot be empty; AWS tells when it runs); the words are assumed.
        raise refused(planned, "ResultWriter", visit, effective, "The ResultWriter field cannot be empty.")
    if given.writer is not None and given.writer.resource is not None:
        destination = _destination(planned, visit, _filled(templates.writer, branch, visit, effective))
    yield from ()
    return Setup(
        interpreter, planned, effective, given, items, arguments, max_items, batches, concurrency, count, share,
        destination,
    )  # fmt: skip


def _filled(step: Step | None, branch: Branch, visit: Visit, effective: Json) -> Any:
    return flow.fold((step,), effective, None, visit, branch.scope, []) if step else {}


def _batches(
    batcher: ItemBatcher, planned: PlannedState, branch: Branch, visit: Visit, effective: Json
) -> Batches:
    """Return how items are put together.

    Source: Developer Guide, ItemBatcher: a batch has 256 KiB at most; that 0 stands for no limit is assumed.
    """
    numbers = {}
    for name, number in (("MaxItemsPerBatch", batcher.max_items), ("MaxInputBytesPerBatch", batcher.max_bytes)):
        value = read_number(planned, name, number, branch, visit, effective, inside="ItemBatcher/")
        if value < 0:
            words = f"{name} cannot be negative."  # Source: assumed
            raise refused(planned, f"{name}Path", visit, effective, words, "ItemBatcher/")
        numbers[name] = int(value)
    step = planned.distribution.batch_input
    batch_input: Json | Absent = _filled(step, branch, visit, effective) if step else ABSENT
    most = limits.PAYLOAD.value
    max_bytes = min(numbers["MaxInputBytesPerBatch"] or most, most)
    return Batches(numbers["MaxItemsPerBatch"], max_bytes, batch_input)


def _destination(planned: PlannedState, visit: Visit, arguments: Json) -> tuple[str, str]:
    given = arguments if isinstance(arguments, dict) else {}
    bucket, prefix = given.get("Bucket"), given.get("Prefix", "")
    if isinstance(bucket, str) and isinstance(prefix, str):
        return bucket, prefix
    name = "Prefix" if isinstance(bucket, str) else "Bucket"
    words = f"The ResultWriter's {name} is not a string."  # Source: assumed
    writer = cast(Distribution, cast(MapState, planned.state).distribution).writer
    pointer = f"{writer.pointer}/{writer.arguments_field}" if writer else planned.state.pointer
    detail = Detail("map", field="ResultWriter", pointer=pointer, value=arguments, message=words)
    raise StatesError(RUNTIME, flow.prefix(visit) + words, detail=detail)


def item_selector(
    interpreter: Interpreter, planned: PlannedState, branch: Branch, visit: Visit, effective: Json, source: str
) -> Callable[[int, Json], Json] | None:
    """Return what ItemSelector makes of an item; it reads the Map's own input ($) and the item through $$.Map.Item."""
    step = planned.selector
    if step is None:
        return None
    inner = interpreter.new_branch(f"{visit.path}.", branch.last, visit.index, branch)
    inner.state = planned
    inner.entered_ms = visit.entered_ms
    inner.retry_count = branch.retry_count
    inner.item_source = source
    steps, scope = (step,), inner.scope

    def select(index: int, value: Json) -> Json:
        inner.item, inner.context = (index, value), None
        try:
            return flow.fold(steps, effective, None, visit, scope, [])
        except StatesError as error:
            if error.detail is not None:
                error.detail.item = index
            raise

    return select


def unreadable(setup: Setup, problem: Unreadable) -> StatesError:
    """Return the error of a dataset that cannot be read, with its place in the definition."""
    reader = setup.distribution.reader
    assert reader is not None
    field = problem.field
    name = field.rpartition("/")[2]
    template = reader.arguments
    # In a template, the key of a value that is read by a path ends in ".$".
    if isinstance(template, dict) and name not in template and f"{name}.$" in template:
        field = f"{field}.$"
    detail = Detail(
        "reader",
        field=f"ItemReader/{field}" if field else "ItemReader",
        pointer=f"{reader.pointer}/{field}" if field else reader.pointer,
        value=setup.arguments,
        reached=list(problem.near),
        message=problem.what,
    )
    return StatesError(ITEM_READER_FAILED, problem.cause, detail=detail)
