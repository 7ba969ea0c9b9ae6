"""Which fields make a value large."""

from __future__ import annotations

import heapq

from sfn_sim.payload import Json, size_bytes


def largest_fields(value: Json, most: int) -> list[tuple[tuple[str | int, ...], int]]:
    """Return the `most` largest fields of a value with their sizes in bytes, the largest first.

    A field is named as deep as it still holds nearly all that the one round it holds, so that the answer is
    `$.list_result.pending_batches` and not `$.list_result`; a list is named as a whole.
    """
    found: list[tuple[tuple[str | int, ...], int]] = []
    _collect(value, (), found)
    return heapq.nlargest(most, found, key=lambda each: each[1])


def _collect(value: Json, steps: tuple[str | int, ...], found: list[tuple[tuple[str | int, ...], int]]) -> None:
    if not isinstance(value, dict):
        found.append((steps, size_bytes(value)))
        return
    for key, inner in value.items():
        _collect(inner, (*steps, key), found)
