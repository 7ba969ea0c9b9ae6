"""The places at which a value stands in other values, and how a path finds them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

Steps: TypeAlias = "tuple[str | int, ...]"
Spots: TypeAlias = "frozenset[Steps]"
NONE: Spots = frozenset()
MANY = 8
"""From how many on places are looked up in a tree, and told by what holds them all."""


def below_path(path: Steps, spots: Spots) -> Spots:
    """Return where values stand below what a path reads; one that holds what it reads is read in part."""
    if not path or not spots:
        return spots
    if len(spots) > MANY:
        return _in_tree(path, spots)
    found = set()
    for spot in spots:
        if spot[: len(path)] == path:
            found.add(spot[len(path) :])
        elif path[: len(spot)] == spot:
            found.add(())
    return frozenset(found)


def _in_tree(path: Steps, spots: Spots) -> Spots:
    node, found = _tree(spots), set[Steps]()
    for step in path:
        if _END in node:
            found.add(())
        below = node.get(step)
        if below is None:
            return frozenset(found)
        node = below
    waiting: list[tuple[Steps, Any]] = [((), node)]
    while waiting:
        at, node = waiting.pop()
        for step, inner in node.items():
            if step is _END:
                found.add(at)
            else:
                waiting.append(((*at, step), inner))
    return frozenset(found)


_END = object()


@lru_cache(maxsize=256)
def _tree(spots: Spots) -> dict[Any, Any]:
    """Return places as a tree, step by step; where one ends there is _END."""
    root: dict[Any, Any] = {}
    for spot in spots:
        node = root
        for step in spot:
            node = node.setdefault(step, {})
        node[_END] = None
    return root


@lru_cache(maxsize=256)
def without_indices(spots: Spots) -> Spots:
    """Return places without the indices in them."""
    return frozenset(tuple(step for step in each if isinstance(step, str)) for each in spots)
