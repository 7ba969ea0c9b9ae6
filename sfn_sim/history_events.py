"""The events of a history as AWS printed them: read from files, put in order, and looked at before anything is folded.

What an import cannot place is refused with the event, and never put where it may not belong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from sfn_sim.errors import ConfigurationError
from sfn_sim.source import Source

Told: TypeAlias = "Sequence[dict[str, Any]]"
"""The events of a history, as the API gives them."""
_COMMAND = "`aws stepfunctions get-execution-history`"
_SHOWN = 40


class _Problem(NamedTuple):
    """What is wrong with an event: its field, and the message."""

    field: str
    message: str


def read_history(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the events of a history, oldest first, from its file or its pages in any order.

    Raises:
        ConfigurationError: a file cannot be read, or is no history; an event is not to be placed, or is missing.
    """
    events: dict[int, dict[str, Any]] = {}
    open_page = False
    for path in paths:
        text = _text(path)
        for pointer, page in _pages(path, text):
            found = page.get("events") if isinstance(page, dict) else page
            events_at = f"{pointer}/events" if isinstance(page, dict) else pointer
            open_page = isinstance(page, dict) and ("nextToken" in page or "NextToken" in page)
            for each in _checked(found, path, text, events_at):
                if events.setdefault(each["id"], each) != each:
                    raise ConfigurationError(
                        f"{path}: event {each['id']} ({_named(each)}) stands twice, and differs: "
                        "give the pages of one execution"
                    )
    if not events:
        raise ConfigurationError(f"{paths[0]}: a history without events")
    ordered = [events[number] for number in sorted(events)]
    gone = [number for number in range(1, len(ordered) + 1) if number not in events]
    if gone:
        more = ": a page is missing" if open_page or len(paths) > 1 else ""
        raise ConfigurationError(f"{paths[0]}: the history has no event {gone[0]}{more}")
    return ordered


def check_events(events: Told) -> None:
    """Refuse events that cannot be placed.

    Raises:
        ConfigurationError: one has no number for an id, hangs on no event before it, or has no type.
    """
    for number, each in enumerate(events, 1):
        problem = _problem(each, number, len(events))
        if problem is not None:
            raise ConfigurationError(problem.message)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot read the history {path}: {error.strerror}") from None


def _pages(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Yield what a file holds page by page, with the JSON pointer of each: one, a list of them, or bare events."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path}: not JSON: {error}") from None
    if isinstance(document, list) and not _are_events(document):
        yield from ((f"/{number}", page) for number, page in enumerate(document))
    else:
        yield "", document


def _checked(found: Any, path: Path, text: str, pointer: str) -> list[dict[str, Any]]:
    """Return the events of a page, all of which can be placed.

    Raises:
        ConfigurationError: one cannot, or they are none.
    """
    if not _are_events(found):
        raise ConfigurationError(f"{path}: expected what {_COMMAND} prints")
    for number, each in enumerate(found):
        problem = _problem(each, number + 1, len(found))
        if problem is not None:
            place = Source(str(path), text).locate(f"{pointer}/{number}{problem.field}")
            raise ConfigurationError(f"{place}: {problem.message}")
    events: list[dict[str, Any]] = found
    return events


def _are_events(found: Any) -> bool:
    """Tell whether something is a list of events, whatever is wrong with one of them."""
    return isinstance(found, list) and bool(found) and all(isinstance(e, dict) and "id" in e for e in found)


def _problem(event: Any, number: int, many: int) -> _Problem | None:
    """Return why an event cannot be placed; `number` is where it stands, from 1 to `many`."""
    which = f"event {number:,} of the {many:,} here ({_named(event)})"
    if not isinstance(event.get("type"), str):
        return _Problem("", f"{which} has no type: import what {_COMMAND} prints")
    for name in ("id", "previousEventId"):
        given = event.get(name, 0)
        if not isinstance(given, int) or isinstance(given, bool):
            return _Problem(
                f"/{name}",
                f"{which} has the {name} {_short(given)}, which is no number: by these numbers an event is put into "
                f"its branch, and without them it could stand in any. AWS prints numbers, so that something has worked "
                f"on this history since (snapshots of tests have them masked): import what {_COMMAND} prints",
            )
    if event["id"] <= event.get("previousEventId", 0):
        return _Problem(
            "/previousEventId" if "previousEventId" in event else "/id",
            f"{which} has the id {event['id']} and hangs on event {event.get('previousEventId', 0)}, which is none "
            f"before it: import what {_COMMAND} prints",
        )
    return None


def _named(event: Any) -> str:
    """Return an event's type, with its state where it names one."""
    details = [value for key, value in event.items() if key.endswith("EventDetails") and isinstance(value, dict)]
    name = next((each["name"] for each in details if isinstance(each.get("name"), str)), "")
    kind = _short(event.get("type", "of no type"))
    return f"{kind} of {name}" if name else kind


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
