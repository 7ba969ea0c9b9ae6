"""`line` and `word` in JSONata: the same at each state, in every world."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sfn_sim.convert import convert
from sfn_sim.proof import fixtures_of, prove
from sfn_sim.runner import Request

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("jlens")


def proved(kind: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    monkeypatch.chdir(ROOT)
    path = ROOT / "definitions" / f"{kind}.asl.json"
    converted = convert(json.loads(path.read_text(encoding="utf-8")))
    assert converted.is_whole
    requests = {name: Request(fixture=name, quiet=True) for name in names}
    return {proof.name: proof.holds for proof in prove(path, kind, converted.document, requests)}


@pytest.mark.parametrize("kind", ["line", "word"])
def test_the_converted_machine_does_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proved(kind, ["small", "none-pending"], monkeypatch) == {"small": True, "none-pending": True}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["line", "word"])
def test_the_converted_machine_does_the_same_in_every_world(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in fixtures_of(kind, ROOT / "fixtures") if name != "documented"]
    assert proved(kind, names, monkeypatch) == dict.fromkeys(names, True)
