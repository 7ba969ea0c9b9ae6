"""The report of a bug of our own: where it happened, and nothing of anyone's data."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from sfn_sim import __version__


def write_report(error: BaseException) -> Path:
    """Write a report of `error` beside the working folder and return its path.

    It has the frames of the traceback and the exception's class; no message, no values, no arguments, for these may
    hold payloads.
    """
    frames = traceback.extract_tb(error.__traceback__)
    package = Path(__file__).resolve().parent.parent
    lines = [
        f"sfn-sim {__version__}, Python {platform.python_version()}, {sys.platform}",
        f"{type(error).__module__}.{type(error).__qualname__}",
        *(f"{_inside(frame.filename, package)}:{frame.lineno} in {frame.name}" for frame in frames),
    ]
    text = "\n".join(lines) + "\n"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            path = _free_name(folder)
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return path
    return Path("(no report could be written)")


def _free_name(folder: Path) -> Path:
    number = 1
    while (path := folder / f"sfn-sim-crash-{number}.txt").exists():
        number += 1
    return path


def _inside(file: str, package: Path) -> str:
    path = Path(file)
    return f"sfn_sim/{path.relative_to(package).as_posix()}" if path.is_relative_to(package) else path.name
