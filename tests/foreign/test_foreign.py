from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]
PIPELINE = ("chromadb", "openai", "numpy")
WORLD = ("run", "parcels", "--fixture", "two-parcels")


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_the_wheel_is_what_runs(python: Command, installed: Path) -> None:
    ended = python("-c", "import sfn_sim, sfn_sim.cli; print(sfn_sim.__file__, sfn_sim.cli.__file__)")
    assert ended.out.split() == [str(installed / "sfn_sim" / name) for name in ("__init__.py", "cli.py")]
    assert (installed / "sfn_sim" / "py.typed").is_file()
    assert not [path for path in installed.iterdir() if path.name in ("handlers", "fixtures", "definitions", "tests")]


def test_a_foreign_machine_runs_in_its_own_world_from_a_folder_below(sfn_sim: Command, project: Path) -> None:
    ended = sfn_sim(*WORLD, "--logs", cwd=project / "infra" / "weigh")
    assert ended.code == 0, ended.out + ended.err
    for words in (
        "parcel-weigh-prod weighs p2: 2500 g", "items in Parcels", "✓ status", "✓ output",
        "SUCCEEDED · simulated 60.0 s",
    ):  # fmt: skip
        assert words in ended.out


def test_without_the_pipeline_extra_everything_works_but_the_ingestion(sfn_sim: Command) -> None:
    ended = sfn_sim(*WORLD, "--workers", "4", "--json", without=PIPELINE)
    report = ended.json
    assert (ended.code, report["status"]) == (0, "SUCCEEDED")
    assert report["output"] == {"depot": "Hamburg Süd", "first": "hamburg-sued-p1", "note": "by noon"}
    assert {state["name"]: state["retries"] for state in report["states"]}["Weigh"] == 1
    assert all(check["held"] for check in report["expectations"])


def test_a_failure_is_explained_at_its_place(sfn_sim: Command) -> None:
    ended = sfn_sim(*WORLD, "--input", '{"parcels": [{"id": "p1", "weight": 1}]}')
    assert ended.code == 1
    shown = " ".join(ended.out.split())
    for words in (
        "machines/parcels.asl.json:36:103 States.Runtime in Tell", "$.note is missing from the effective input",
        "no state before this one ever had it, nor the execution's input",
    ):  # fmt: skip
        assert words in shown


def test_expectations_and_cold_containers_have_an_exit_code_of_their_own(sfn_sim: Command) -> None:
    ended = sfn_sim(*WORLD, "--cold", "both", "--set", "expect.output.first=elsewhere")
    assert ended.code == 3
    shown = " ".join(ended.out.split())
    assert "✗ output" in shown
    assert "in Parcels[1].Weigh: some handler keeps something between invocations" in shown


def test_an_unknown_function_names_the_state_and_what_there_is(sfn_sim: Command, project: Path) -> None:
    replace(project / "sfn-sim.toml", '"parcel-weigh-*"', '"parcel-wiegh-*"')
    ended = sfn_sim("run", "parcels")
    assert ended.code == 2
    for words in (
        "machines/parcels.asl.json:14:25: no handler for the Lambda function parcel-weigh-prod",
        "did you mean parcel-wiegh-*?", "in sfn-sim.toml",
    ):  # fmt: skip
        assert words in ended.err


def test_what_needs_the_pipeline_extra_says_how_to_have_it(sfn_sim: Command, project: Path) -> None:
    fixture = project / "worlds/parcels/two-parcels/fixture.toml"
    fixture.write_text(fixture.read_text(encoding="utf-8") + "\n[openai]\ndims = 8\n", encoding="utf-8")
    ended = sfn_sim(*WORLD, without=PIPELINE)
    assert ended.code == 2
    assert "pip install 'sfn-sim[pipeline]'" in ended.err
    replace(project / "infra/route/handler.py", "import os\n", "import os\nimport chromadb\n")
    ended = sfn_sim("run", "parcels", "--input", '{"parcels": [], "note": ""}', without=PIPELINE)
    assert ended.code == 2
    assert "No module named 'chromadb'. pip install 'sfn-sim[pipeline]' has it" in ended.err
