"""What becomes of processes that a test has started."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def wait_for(what: Callable[[], Any]) -> Any:
    """Wait for something that another process does, which takes a moment; fail where it never does."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        threading.Event().wait(0.01)
    raise AssertionError("it never happened")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A process that has ended, and that nobody has asked after yet.
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
