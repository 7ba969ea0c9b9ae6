"""Which fields make a value large."""

from __future__ import annotations

import heapq
from typing import TypeAlias

from sfn_sim.payload import Json, size_bytes

Sized: TypeAlias = "tuple[tuple[str | int, ...], int]"
_MOSTLY = 0.75


def largest_fields(value: Json, most: int) -> list[tuple[tuple[str | int, ...], int]]:
    """Return the `most` largest fields of a value with their sizes in bytes, the largest first.

    An object whose size is mostly that of its largest fields is named by those, so that the answer is
    `$.list_result.pending_batches` and not `$.list_result`; one of many small fields, and a list, is named as a whole.
    """
    found: list[Sized] = []
    _collect(value, (), size_bytes(value), most, found)
    return heapq.nlargest(most, found, key=lambda each: each[1])


def largest_in_items(items: object) -> tuple[str, int] | None:
    """Return which key of a list's objects takes the most bytes in all of them, and how many; None without objects."""
    sums: dict[str, int] = {}
    for item in items if isinstance(items, list) else ():
        for key, value in item.items() if isinstance(item, dict) else ():
            sums[key] = sums.get(key, 0) + size_bytes(value)
    return max(sums.items(), key=lambda each: each[1], default=None)


def _collect(value: Json, steps: tuple[str | int, ...], size: int, most: int, found: list[Sized]) -> None:
    if isinstance(value, dict) and value:
        sizes = {key: size_bytes(inner) for key, inner in value.items()}
        largest = heapq.nlargest(most, sizes, key=lambda key: sizes[key])
        if not steps or sum(sizes[key] for key in largest) >= _MOSTLY * size:
            for key in largest:
                _collect(value[key], (*steps, key), sizes[key], most, found)
            return
    found.append((steps, size))
