"""The table of the broken definitions; `python -m tests.broken.table` writes it anew from the toml files."""

from __future__ import annotations

from sfn_sim.variants import Variant

from .conftest import BROKEN, NAMES, variant

_FOUND = {"load": "at load", "run": "in a run", "expectation": "only by an expectation"}
_HEAD = """\
# Broken definitions

Each is `definitions/line.asl.json` with one known bug put back ([docs/bugs.md](../../docs/bugs.md) tells where each is
from); where the bug sat in a handler, `handlers/` has that handler as it was. `<name>.toml` names the fixture in which
the bug shows, and how it shows; a test runs them all and compares.

```console
$ sfn-sim run --broken b08-key-overwritten
$ diff definitions/line.asl.json definitions/broken/b10-small-path.asl.json
```

A handler variant is the sound handler with one thing changed: it imports what it replaces. A silent bug needed more
than one handler that looks the other way, which is why `mark_all.py` and `merge_leniently.py` stand beside several.

`python -m tests.broken.table` writes this table from the toml files.

| name | bug | what was changed | where | AWS's error | found | what tells it |
|---|---|---|---|---|---|---|
"""


def _row(broken: Variant) -> str:
    expect = broken.expect
    where = [*broken.changed, *(f"`{file.name}`" for file in broken.handlers.values())]
    told = [f"`{code}` in {state}" for code, state in expect.warnings.items()]
    told += [f"✗ {check}" for check in expect.checks]
    if expect.found != "expectation":
        place = f"{expect.state} {expect.field}".strip()
        told.insert(0, place)
    error = f"`{expect.error or expect.code}`" if expect.error or expect.code else "none: SUCCEEDED"
    cells = (
        f"`{broken.name}`",
        ", ".join(broken.bugs),
        broken.about,
        ", ".join(where),
        error,
        _FOUND[expect.found],
        "; ".join(told),
    )
    return f"| {' | '.join(cells)} |\n"


def text() -> str:
    return _HEAD + "".join(_row(variant(name)) for name in NAMES)


if __name__ == "__main__":
    (BROKEN / "README.md").write_text(text(), encoding="utf-8")
