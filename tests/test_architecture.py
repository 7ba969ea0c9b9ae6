"""The layout of docs/how-it-works.md: imports go down the rows only, and only the last row does I/O."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "sfn_sim"
ROWS = {
    "A": ("limits", "errors", "payload", "source", "timestamp"),
    "B": ("query",),
    "C": ("definition",),
    "D": ("run", "analysis", "convert"),
    "E": (
        "machine", "runner", "runs", "store", "stored", "recording", "spool", "spooled_children", "redaction", "replay",
        "refold", "history_import", "history_events", "proof", "clock", "config", "contracts", "sources", "variants",
        "services", "world", "report", "server", "testing", "explore", "growth", "cli", "commands", "__init__",
    ),
}  # fmt: skip
ROW_OF = {name: row for row, names in ROWS.items() for name in names}
IO = {
    "asyncio", "boto3", "botocore", "io", "moto", "multiprocessing", "numpy", "os", "pathlib", "random", "requests",
    "select", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """Return every module that a file imports when it runs; what stands under TYPE_CHECKING does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "sfn_sim":
                yield from (f"sfn_sim.{alias.name}" for alias in node.names)


def test_every_module_has_a_row() -> None:
    assert {place(path) for path in MODULES} <= ROW_OF.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_own_row_or_those_above(path: Path) -> None:
    row = ROW_OF[place(path)]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "sfn_sim" and len(parts) > 1 and parts[1] in ROW_OF:
            assert ROW_OF[parts[1]] <= row, f"{path.name} (row {row}) imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if ROW_OF[place(path)] < "E"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_rows_a_to_d_do_no_input_or_output(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IO


def test_no_module_is_longer_than_500_lines() -> None:
    long = {path.name: lines for path in MODULES if (lines := len(path.read_text().splitlines())) > 500}
    assert not long


def test_the_payload_limit_stands_in_limits_alone() -> None:
    holders = {
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == 262_144
    }
    assert holders == {"limits.py"}
