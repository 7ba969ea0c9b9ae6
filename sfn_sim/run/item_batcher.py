"""What the child executions of a distributed Map are given: its items one by one, or in batches.

Source: Developer Guide, ItemBatcher; recorded: reference_in_map_state_max_items_path (batches without BatchInput).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from sfn_sim.definition.model import ABSENT, Absent
from sfn_sim.payload import Json, size_bytes
from sfn_sim.run.effects import AwsAnswer, CallAws
from sfn_sim.run.item_reader import Dataset

# A child's input, its size in bytes, and how many items it has.
Given: TypeAlias = "tuple[Json, int, int]"
_END = object()


def in_memory(items: list[Json]) -> Dataset:
    """Yield items that are at hand already."""
    yield from items


@dataclass(frozen=True, slots=True)
class Batches:
    """How large a batch is at most: in items (0: any number) and in bytes of a child's input."""

    max_items: int
    max_bytes: int
    batch_input: Json | Absent = ABSENT

    def input(self, items: list[Json]) -> dict[str, Json]:
        """Return the input of a child that is given `items`."""
        head: dict[str, Json] = {} if self.batch_input is ABSENT else {"BatchInput": self.batch_input}
        return {**head, "Items": items}


class Feed:
    """Takes a distributed Map's items out of their dataset, child by child.

    Args:
        items: the dataset.
        select: what ItemSelector makes of an item with its index; None without one.
        most: how many items are read; 0 for all.
        batches: how items are put together; None for one by one.

    Attributes:
        read: how many items have been read.
        exhausted: whether there are no more.
    """

    def __init__(
        self, items: Dataset, select: Callable[[int, Json], Json] | None, most: int, batches: Batches | None
    ) -> None:
        self.read = 0
        self.exhausted = False
        self._items = items
        self._select = select
        self._most = most
        self._batches = batches
        self._left_over: list[tuple[Json, int]] = []

    def take(self) -> Generator[CallAws, AwsAnswer, Given | None]:
        """Return what the next child is given; None when nothing is left.

        Raises:
            Unreadable: the dataset cannot be read any further.
            StatesError: ItemSelector failed.
        """
        if self._batches is not None:
            return (yield from self._batch(self._batches))
        return (yield from self._one())

    def _one(self) -> Generator[CallAws, AwsAnswer, Given | None]:
        step: Any = _END
        if not self._most or self.read < self._most:
            step = next(self._items, _END)
            while isinstance(step, CallAws):
                answer = yield step
                try:
                    step = self._items.send(answer)
                except StopIteration:
                    step = _END
        if step is _END:
            self.exhausted = True
            return None
        index = self.read
        self.read += 1
        made = step if self._select is None else self._select(index, step)
        return made, size_bytes(made), 1

    def _batch(self, batches: Batches) -> Generator[CallAws, AwsAnswer, Given | None]:
        kept, self._left_over = self._left_over, []
        items = [value for value, _ in kept]
        total = size_bytes(batches.input([])) + sum(size + 1 for _, size in kept) - 1
        while not batches.max_items or len(items) < batches.max_items:
            given = yield from self._one()
            if given is None:
                break
            value, size, _ = given
            if items and total + size + 1 > batches.max_bytes:
                self._left_over = [(value, size)]
                break
            items.append(value)
            total += size + 1
        if not items:
            return None
        made: Json = batches.input(items)
        return made, total, len(items)
