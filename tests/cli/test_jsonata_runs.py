"""Recorded and imported runs of a JSONata machine from the shell: every command that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfn_sim import Options, StateMachine
from sfn_sim.run.execution import Execution

Command = Callable[..., Any]
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
SECRET = "Zoe-of-the-first-floor"
SHOP = {
    "QueryLanguage": "JSONata", "StartAt": "Limit", "States": {
        "Limit": {
            "Type": "Pass", "Assign": {"least": "{% $states.input.least %}", "run": "{% $uuid() %}"}, "Next": "Each",
        },
        "Each": {
            "Type": "Map", "Items": "{% $states.input.lines[qty > $least] %}", "End": True,
            "ItemSelector": {"line": "{% $states.context.Map.Item.Value %}", "to": "{% $states.input.name %}"},
            "ItemProcessor": {"StartAt": "Ship", "States": {"Ship": {
                "Type": "Task", "Resource": f"{FUNCTION}ship", "Arguments": {"sku": "{% $states.input.line.sku %}"},
                "Output": {"label": "{% $states.result.label %}", "to": "{% 'for ' & $states.input.to %}"}, "End": True,
            }}},
            "Output": {"labels": "{% $states.result.label %}", "to": "{% $states.result[0].to %}"},
        },
    },
}  # fmt: skip
ORDER = {"least": 1, "name": SECRET, "lines": [{"sku": f"sku-{n}", "qty": n} for n in range(4)]}


@pytest.fixture
def shop(project: Path) -> StateMachine:
    place = project / "definitions" / "shop.asl.json"
    place.write_text(json.dumps(SHOP, indent=2))
    (project / "handlers" / "ship.py").write_text(
        "def handler(event, context):\n    return {'label': 'label of ' + event['sku']}\n"
    )
    (project / ".sfn-sim").mkdir()
    return StateMachine.load(place)


def imported(sfn_sim: Command, project: Path, shop: StateMachine, *more: str) -> tuple[Any, Execution]:
    handlers = {"ship": lambda event, _: {"label": f"label of {event['sku']}"}}
    was = shop.run(ORDER, handlers, options=Options(seed=3))
    (project / "h.json").write_text(json.dumps({"events": list(was.history())}, default=lambda at: at.isoformat()))
    ended = sfn_sim("import", "h.json", "--definition", "shop", "--execution-arn", was.identity.arn, *more)
    assert ended.code == 0, ended.err
    return ended, was


def test_an_imported_run_is_explained_followed_tried_replayed_and_compared(
    sfn_sim: Command, project: Path, shop: StateMachine
) -> None:
    ended, was = imported(sfn_sim, project, shop)
    assert "our fold is AWS's in every event" in ended.out
    assert "Assign/run of Limit ($uuid()) is given by chance: AWS's value is taken" in ended.out
    assert "+ $.labels  array of 2" in sfn_sim("explain", "last", "Each").out
    back = sfn_sim("lineage", "last", "Each[1].Ship.afterArguments.sku", "--json").json
    assert back["hops"][-1]["path"] == "$.lines[3].sku"
    forth = sfn_sim("lineage", "last", "input.lines[2].sku", "--forwards", "--json").json
    assert [use["field"] for use in forth["uses"]][:3] == ["Items", "ItemSelector/line", "Arguments/sku"]
    tried = sfn_sim("path", "{% $least + 1 %}", "--run", "last", "--state", "Each[1].Ship")
    assert (tried.code, "= 2" in tried.out) == (0, True)
    replayed = sfn_sim("replay", "last", "--no-handlers", "--json").json
    assert replayed["output"] == was.output
    assert sfn_sim("run", "shop", "--input", json.dumps(ORDER)).code == 0
    compared = sfn_sim("diff", "last~1", "last")
    assert "/run:" in compared.out
    assert "/labels" not in compared.out
    assert "shop: 100.0% taken by 2 runs" in sfn_sim("coverage").out


def test_an_imported_run_teaches_contracts(sfn_sim: Command, project: Path, shop: StateMachine) -> None:
    imported(sfn_sim, project, shop, "--learn")
    learned = json.loads((project / "contracts" / "ship.json").read_text())
    assert learned["event"]["required"] == ["sku"]
    assert learned["result"]["properties"] == {"label": {"type": "string"}}


def test_what_is_redacted_is_followed_and_never_shown(sfn_sim: Command, project: Path, shop: StateMachine) -> None:
    (project / "sfn-sim.toml").write_text('redact = ["$.name"]\n')
    ended, _ = imported(sfn_sim, project, shop, "--learn")
    shown = [ended.out]
    assert sfn_sim("run", "shop", "--input", json.dumps(ORDER)).code == 0
    for run in ("last~1", "last"):
        found = sfn_sim("lineage", run, "output.to").out
        assert "input.name" in found
        shown += [found, sfn_sim("explain", run, "Each[0].Ship").out, sfn_sim("explain", run, "Each").out]
        shown.append(sfn_sim("lineage", run, "input.name", "--forwards").out)
        assert "is in the execution's output at $.to" in shown[-1]
    kept = [place.read_bytes() for place in project.rglob("*") if place.is_file() and place.name != "h.json"]
    assert not [text for text in shown if SECRET in text]
    assert not [text for text in kept if SECRET.encode() in text]
